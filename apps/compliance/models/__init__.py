"""Rules and their versions, what they found, what officers decided, what may not be traded, room that is shared, and mandates."""

from .clauses import Clause, ClauseMapping, ClauseText, MandateDocument, MandateEdition
from .close_outs import CloseOut
from .limits import LimitEnd as LimitEnd
from .limits import TradingLimit as TradingLimit
from .lists import ListHit, Restriction
from .position_limits import PositionLimit
from .reviews import Check, Override, Question, Review, Run, RunFigures
from .rules import AskedAttribute, NamedGroup, Rule, RuleDraft, RuleVersion
from .sanctions import NameMatch, SanctionsList, ScreenedName
from .sharing import Reservation, SharedLimit

__all__ = [
    "AskedAttribute",
    "Check",
    "Clause",
    "CloseOut",
    "ClauseMapping",
    "ClauseText",
    "LimitEnd",
    "ListHit",
    "MandateDocument",
    "MandateEdition",
    "NameMatch",
    "NamedGroup",
    "Override",
    "PositionLimit",
    "Question",
    "Reservation",
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
    "SharedLimit",
]
