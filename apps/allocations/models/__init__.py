"""What allocations store, by noun."""

from .allocations import COSTS, PAID, PROCESS_CODES, Allocation, CrossedWith
from .charges import Charge, CsaAccount, CsaEntry
from .step_outs import StepOut

__all__ = ["COSTS", "PAID", "PROCESS_CODES", "Allocation", "Charge", "CrossedWith", "CsaAccount", "CsaEntry", "StepOut"]
