"""Every change to rules, checks, reviews and the restricted list."""

from .approving import CodeIsTaken, OwnDraft, approve_drafts, refuse_drafts
from .asking import StaleQuestion, StillAsked, answer, ask
from .decisions import (
    Approved,
    AtWork,
    ForControlRoom,
    OwnOrder,
    RequestOver,
    SameOfficer,
    approve_reviews,
    reject_reviews,
    send_back_reviews,
    withdraw_reviews,
)
from .drafts import (
    Change,
    NotGreen,
    OthersDraft,
    StaleDraft,
    bench_of,
    drop_drafts,
    edit_draft,
    propose_drafts,
    propose_end,
    text_of,
    text_of_version,
    write_drafts,
)
from .gates import NotChecked, refuse_unchecked
from .holding import AlreadyDecided, StaleReview
from .library import TakenAlready, take_rules
from .listing_files import MAX_BYTES as MAX_LISTING_BYTES
from .listing_files import BadFile, BadRows, import_listings
from .lists import Listing, StaleRestriction, lift, record_hits, restrict
from .overriding import OverrideOver, Terms, expire_overrides, last_day, refuse_over
from .position_limits import MAX_BYTES as MAX_LIMIT_BYTES
from .position_limits import (
    NewLimit,
    StalePositionLimit,
    add_position_limits,
    end_position_limits,
    import_position_limits,
)
from .rechecking import recheck_orders, screen_again
from .reservations import (
    NoRoom,
    StaleReservation,
    end_reservations,
    expire_reservations,
    release_room,
    reserve_room,
)
from .rule_files import LARGEST_FILE, BadRuleFile, import_rules
from .rulebook import DEFAULT_RULES, KindIsFixed, RuleText, StaleRule, install_default_rules
from .sanctions import BadList, Loaded, StaleMatch, clear_matches, confirm_matches, load_sanctions, screen_names
from .screening import review_orders
from .sending import Answered, Finding, ToSend, ask_before_sending
from .trial import Order, TriedRule, try_rule
from .whatif import Tried, try_proposals

__all__ = [
    "DEFAULT_RULES",
    "LARGEST_FILE",
    "MAX_LIMIT_BYTES",
    "MAX_LISTING_BYTES",
    "AlreadyDecided",
    "Answered",
    "Approved",
    "AtWork",
    "BadFile",
    "BadList",
    "BadRows",
    "BadRuleFile",
    "Change",
    "CodeIsTaken",
    "Finding",
    "ForControlRoom",
    "KindIsFixed",
    "Listing",
    "Loaded",
    "NewLimit",
    "NoRoom",
    "NotChecked",
    "NotGreen",
    "Order",
    "OthersDraft",
    "OverrideOver",
    "OwnDraft",
    "OwnOrder",
    "RequestOver",
    "RuleText",
    "SameOfficer",
    "StaleDraft",
    "StaleMatch",
    "StalePositionLimit",
    "StaleQuestion",
    "StaleReservation",
    "StaleRestriction",
    "StaleReview",
    "StaleRule",
    "StillAsked",
    "TakenAlready",
    "Terms",
    "ToSend",
    "Tried",
    "TriedRule",
    "add_position_limits",
    "answer",
    "approve_drafts",
    "approve_reviews",
    "ask",
    "ask_before_sending",
    "bench_of",
    "clear_matches",
    "confirm_matches",
    "drop_drafts",
    "edit_draft",
    "end_position_limits",
    "end_reservations",
    "expire_overrides",
    "expire_reservations",
    "import_listings",
    "import_position_limits",
    "import_rules",
    "install_default_rules",
    "last_day",
    "lift",
    "load_sanctions",
    "propose_drafts",
    "propose_end",
    "recheck_orders",
    "record_hits",
    "refuse_drafts",
    "refuse_over",
    "refuse_unchecked",
    "reject_reviews",
    "release_room",
    "reserve_room",
    "restrict",
    "review_orders",
    "screen_again",
    "screen_names",
    "send_back_reviews",
    "take_rules",
    "text_of",
    "text_of_version",
    "try_proposals",
    "try_rule",
    "withdraw_reviews",
    "write_drafts",
]
