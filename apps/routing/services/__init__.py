"""Every change of routing: blocks to brokers and dealers, what they answer, and the messages between."""

from apps.blocks.services import StaleBlock

from .alerts import StaleAlert, acknowledge_alerts, install_default_alerts, raise_alerts, snooze_alerts
from .gate import RoutingHalted
from .halts import HaltedAlready, OwnHalt, StaleHalt, ask_again, lift_halt, set_halt, sketch_halt
from .hearing import Hearing, StillUnbookable, hear_messages, quarantine_messages, settle_message
from .inquiries import (
    NotTheBest,
    OutsideLimit,
    QuoteEnded,
    award_inquiry,
    decide_due_inquiries,
    decide_inquiries,
    pass_inquiry,
)
from .locks import StaleInquiry, StaleRoute
from .messages import (
    NoSession,
    Outgoing,
    ToSend,
    heard_ids,
    keep_heard,
    mark_sent,
    queue_messages,
    take_to_send,
)
from .planning import DirectedElsewhere, FewDealers, MissedCutOff, NoBroker, NoRoutingRule, OverrideNeedsReason
from .routes import (
    NotAnOrder,
    NothingToPlace,
    Overplaced,
    RequestPending,
    Routed,
    cancel_routes,
    replace_routes,
    route_blocks,
    send_inquiries,
)
from .setup import (
    MixedSessions,
    install_default_rules,
    install_sessions,
    install_staging_session,
    mark_sessions,
    point_sessions,
    session_facts,
)
from .staging import enter_message
from .staging_reports import report_staged_orders

__all__ = [
    "DirectedElsewhere",
    "FewDealers",
    "HaltedAlready",
    "Hearing",
    "MixedSessions",
    "MissedCutOff",
    "NoBroker",
    "NoRoutingRule",
    "NoSession",
    "NotAnOrder",
    "NotTheBest",
    "NothingToPlace",
    "Outgoing",
    "OutsideLimit",
    "Overplaced",
    "OverrideNeedsReason",
    "OwnHalt",
    "QuoteEnded",
    "RequestPending",
    "Routed",
    "RoutingHalted",
    "StaleAlert",
    "StaleBlock",
    "StaleHalt",
    "StaleInquiry",
    "StaleRoute",
    "StillUnbookable",
    "ToSend",
    "acknowledge_alerts",
    "ask_again",
    "award_inquiry",
    "cancel_routes",
    "decide_due_inquiries",
    "decide_inquiries",
    "enter_message",
    "hear_messages",
    "heard_ids",
    "install_default_alerts",
    "install_default_rules",
    "install_sessions",
    "install_staging_session",
    "keep_heard",
    "lift_halt",
    "mark_sent",
    "mark_sessions",
    "pass_inquiry",
    "point_sessions",
    "quarantine_messages",
    "queue_messages",
    "raise_alerts",
    "replace_routes",
    "report_staged_orders",
    "route_blocks",
    "send_inquiries",
    "session_facts",
    "set_halt",
    "settle_message",
    "sketch_halt",
    "snooze_alerts",
    "take_to_send",
]
