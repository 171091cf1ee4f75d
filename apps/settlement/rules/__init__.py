"""Messages of settlement, written and read: pure functions, by noun."""

from .clocks import affirm_by
from .confirmations import ANSWERS, Confirming, cancel, confirm, confirmation_id
from .instructions import (
    Settling,
    ask_to_cancel,
    batch,
    instruct,
    number,
    problems_of,
    reference_of,
)
from .statuses import LARGEST_FILE, REASONS, SETTLED_DIFFERENTLY, Heard, Unreadable, read_batch

__all__ = [
    "LARGEST_FILE",
    "ANSWERS",
    "REASONS",
    "SETTLED_DIFFERENTLY",
    "Confirming",
    "Heard",
    "Settling",
    "Unreadable",
    "affirm_by",
    "ask_to_cancel",
    "batch",
    "cancel",
    "confirm",
    "confirmation_id",
    "instruct",
    "number",
    "problems_of",
    "read_batch",
    "reference_of",
]
