"""Questions about the rules that come with the portal."""

from typing import NamedTuple

from apps.core.refusals import NotAllowed
from apps.users.services import can

from ..library import Shipped, shipped
from ..models import Rule, RuleDraft
from ..states import DraftStatus


class OnShelf(NamedTuple):
    """A rule of the library. ``state``: ``FREE``, ``DRAFTED`` (a draft is on its way) or ``TAKEN`` (the firm has it)."""

    rule: Shipped
    state: str


def library(user) -> list[OnShelf]:
    """Every rule of the library, a collection after the other. Two queries. :raises NotAllowed: for whom rules are not"""
    if not can(user, "compliance.see"):
        raise NotAllowed("Your role does not open the rules.", permission="compliance.see")
    taken = set(Rule.objects.values_list("code", flat=True))
    drafted = set(RuleDraft.objects.filter(status__in=[DraftStatus.DRAFT, DraftStatus.PROPOSED]).values_list("code", flat=True))
    return [
        OnShelf(rule, "TAKEN" if code in taken else "DRAFTED" if code in drafted else "FREE") for code, rule in shipped().items()
    ]
