"""Every change to crosses."""

from .deciding import NotYours, SameHands, accept_cross, approve_cross, decline_cross, expire_crosses, withdraw_cross
from .executing import PriceMoved, RestrictedNow, TooLate, execute_cross
from .proposing import NotCrossable, StaleCross, propose_cross

__all__ = [
    "NotCrossable",
    "NotYours",
    "PriceMoved",
    "RestrictedNow",
    "SameHands",
    "StaleCross",
    "TooLate",
    "accept_cross",
    "approve_cross",
    "decline_cross",
    "execute_cross",
    "expire_crosses",
    "propose_cross",
    "withdraw_cross",
]
