"""Every change of settlement, by noun."""

from .answers import read_statuses
from .cancellations import cancel_settlement
from .confirmations import confirm_allocations, hear_confirmations
from .exchanges import settle_exchanges
from .fails import close_close_outs, open_close_outs, open_due_close_outs
from .feeds import write_instructions
from .instructions import (
    NothingToUnblock,
    StaleInstruction,
    instruct_allocations,
    note_instructions,
    unblock_instructions,
)
from .resending import RESENDABLE, CannotBeResent, resend_instructions
from .standing import Standing, add_standing_instructions, install_default_ssis

__all__ = [
    "RESENDABLE",
    "CannotBeResent",
    "NothingToUnblock",
    "StaleInstruction",
    "Standing",
    "add_standing_instructions",
    "cancel_settlement",
    "close_close_outs",
    "confirm_allocations",
    "hear_confirmations",
    "install_default_ssis",
    "instruct_allocations",
    "note_instructions",
    "open_close_outs",
    "open_due_close_outs",
    "read_statuses",
    "resend_instructions",
    "settle_exchanges",
    "unblock_instructions",
    "write_instructions",
]
