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
from .wire import Fields, fields_of, frame, shown, text_of, utc_text

__all__ = [
    "STRATEGIES",
    "Answer",
    "BadStrategy",
    "Candidate",
    "Contract",
    "Fields",
    "Halted",
    "Malformed",
    "Order",
    "Outcome",
    "Report",
    "Terms",
    "Wanted",
    "Wish",
    "alert_words",
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
    "live_link",
    "orders",
    "outcomes",
    "outside_limit",
    "plain",
    "read_report",
    "report_key",
    "session_problems",
    "shown",
    "stopping",
    "strategy_fields",
    "text_of",
    "utc_text",
]
