"""Every change to allocations."""

from .allocating import allocate_blocks, reverse_allocations
from .charging import StaleCharge, settle_charges
from .crossing import Leg, Met, Terms, book_crosses
from .csa import CsaTooLow, InvoicePaid, StaleCsa, correct_csa, pay_research
from .stepping import (
    AgreedAlready,
    BookedAlready,
    MoreThanExecuted,
    StaleStepOut,
    StepsInAndExecutes,
    agree_step_out,
    keep_step_ins,
    withdraw_step_out,
)
from .telling import ask_after_fills

__all__ = [
    "AgreedAlready",
    "BookedAlready",
    "CsaTooLow",
    "InvoicePaid",
    "Leg",
    "Met",
    "MoreThanExecuted",
    "StaleCharge",
    "StaleCsa",
    "StaleStepOut",
    "StepsInAndExecutes",
    "Terms",
    "agree_step_out",
    "allocate_blocks",
    "ask_after_fills",
    "book_crosses",
    "correct_csa",
    "keep_step_ins",
    "pay_research",
    "reverse_allocations",
    "settle_charges",
    "withdraw_step_out",
]
