"""Rules and their versions, what they found, what officers decided, and what may not be traded."""

from .limits import TradingLimit as TradingLimit
from .lists import ListHit, Restriction
from .reviews import Check, Override, Question, Review, Run, RunFigures
from .rules import Rule, RuleDraft, RuleVersion
from .sanctions import NameMatch, SanctionsList, ScreenedName

__all__ = [
    "Check",
    "ListHit",
    "NameMatch",
    "Override",
    "Question",
    "Restriction",
    "Review",
    "Rule",
    "RuleDraft",
    "RuleVersion",
    "Run",
    "RunFigures",
    "SanctionsList",
    "ScreenedName",
    "TradingLimit",
]
