"""Arithmetic and judgement of routing: pure functions, by noun."""

from . import orders
from .alerts import alert_words
from .destinations import (
    Candidate,
    Wanted,
    choose,
    cl_ord_id,
    in_turn,
    session_problems,
)
from .halts import Halted, Wish, stopping
from .orders import STRATEGIES, BadStrategy, Contract, Terms, plain, strategy_fields
from .quotes import Answer, Outcome, best_of, distance_bp, outcomes
from .reports import (
    Malformed,
    Order,
    Report,
    commission_amount,
    fill_problem,
    is_late,
    is_unusual,
    leaves_of,
    live_link,
    outside_limit,
    read_report,
    report_key,
)
from .staging import (
    Asked,
    Line,
    answer_fields,
    list_status,
    ord_status,
    read_request,
    reject_code,
    request_key,
    same_terms,
)
from .tags import TYPES as MESSAGE_TYPES
from .tags import Read, read_tags
from .wire import Fields, fields_of, frame, shown, text_of, utc_text

__all__ = [
    "MESSAGE_TYPES",
    "STRATEGIES",
    "Answer",
    "Asked",
    "BadStrategy",
    "Candidate",
    "Contract",
    "Fields",
    "Halted",
    "Line",
    "Malformed",
    "Order",
    "Outcome",
    "Read",
    "Report",
    "Terms",
    "Wanted",
    "Wish",
    "alert_words",
    "answer_fields",
    "best_of",
    "choose",
    "cl_ord_id",
    "commission_amount",
    "distance_bp",
    "fields_of",
    "fill_problem",
    "frame",
    "in_turn",
    "is_late",
    "is_unusual",
    "leaves_of",
    "list_status",
    "live_link",
    "ord_status",
    "orders",
    "outcomes",
    "outside_limit",
    "plain",
    "read_report",
    "read_request",
    "read_tags",
    "reject_code",
    "report_key",
    "request_key",
    "same_terms",
    "session_problems",
    "shown",
    "stopping",
    "strategy_fields",
    "text_of",
    "utc_text",
]
