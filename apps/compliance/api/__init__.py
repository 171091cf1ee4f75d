"""Reviews, checks, rules and the firm's lists to other systems: the services the pages call, scoped as they are."""

from .close_outs import CloseOuts
from .drafts import Drafts
from .library import Library
from .lists import ListHits, Restrictions
from .mandates import Mandates
from .mappings import Mappings
from .questions import Questions
from .replay import Replays
from .reviews import Checks, Overrides, Reviews
from .room import SharedRoom
from .rules import Rules
from .sanctions import Matches, SanctionsLists
from .whatif import WhatIf

__all__ = [
    "Checks",
    "CloseOuts",
    "Drafts",
    "Library",
    "ListHits",
    "Mandates",
    "Mappings",
    "Matches",
    "Overrides",
    "Questions",
    "Replays",
    "Restrictions",
    "Reviews",
    "Rules",
    "SanctionsLists",
    "SharedRoom",
    "WhatIf",
]
