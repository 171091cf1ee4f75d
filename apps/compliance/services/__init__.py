"""Every change to rules, checks, reviews and the restricted list."""

from .decisions import (
    AlreadyDecided,
    Approved,
    AtWork,
    OwnOrder,
    RequestOver,
    SameOfficer,
    StaleReview,
    approve_reviews,
    reject_reviews,
    send_back_reviews,
    withdraw_reviews,
)
from .lists import Listing, StaleRestriction, lift, restrict
from .overriding import OverrideOver, Terms, expire_overrides, last_day, refuse_over
from .rechecking import recheck_orders, screen_again
from .rulebook import DEFAULT_RULES, StaleRule, install_default_rules, retire_rules, save_rule
from .screening import review_orders
from .whatif import Tried, try_proposals

__all__ = [
    "DEFAULT_RULES",
    "AlreadyDecided",
    "Approved",
    "AtWork",
    "Listing",
    "OverrideOver",
    "OwnOrder",
    "RequestOver",
    "SameOfficer",
    "StaleRestriction",
    "StaleReview",
    "StaleRule",
    "Terms",
    "Tried",
    "approve_reviews",
    "expire_overrides",
    "install_default_rules",
    "last_day",
    "lift",
    "refuse_over",
    "reject_reviews",
    "restrict",
    "retire_rules",
    "recheck_orders",
    "review_orders",
    "save_rule",
    "screen_again",
    "send_back_reviews",
    "try_proposals",
    "withdraw_reviews",
]
