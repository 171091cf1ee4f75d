"""Reviews, checks, rules and the restricted list to other systems: the services the pages call, scoped as they are."""

from .drafts import Drafts
from .library import Library
from .lists import Restrictions
from .questions import Questions
from .replay import Replays
from .reviews import Checks, Overrides, Reviews
from .rules import Rules
from .whatif import WhatIf

__all__ = ["Checks", "Drafts", "Library", "Overrides", "Questions", "Replays", "Restrictions", "Reviews", "Rules", "WhatIf"]
