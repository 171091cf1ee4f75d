"""How far the clauses of a mandate are covered by rules. What cannot be relied on today is stale, never covered."""

import hashlib
import re
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple


class Standing(StrEnum):
    """How a clause stands, those to look at first before the others."""

    STALE = "STALE"
    OPEN = "OPEN"
    WAITING = "WAITING"
    COVERED = "COVERED"
    EXEMPT = "EXEMPT"


class Mapped(NamedTuple):
    """
    A mapping of a clause that is not over.

    :param has_rule: False where it says that no rule is needed
    :param is_asked: whether the rule is in force today
    """

    status: str
    has_rule: bool
    is_asked: bool


class Coverage(NamedTuple):
    """How many clauses of a document stand how. ``waiting`` is among ``missing``."""

    covered: int = 0
    stale: int = 0
    missing: int = 0
    waiting: int = 0
    exempt: int = 0

    @property
    def total(self) -> int:
        """Clauses that need a rule."""
        return self.covered + self.stale + self.missing

    @property
    def is_whole(self) -> bool:
        return not self.stale and not self.missing

    @property
    def words(self) -> str:
        """“17 of 21 clauses covered, 2 stale, 2 not covered, 1 needs no rule”."""
        if not self.total and not self.exempt:
            return "no clauses yet"
        parts = [f"{self.covered} of {self.total} clause{'' if self.total == 1 else 's'} covered"]
        parts += [f"{self.stale} stale"] if self.stale else []
        parts += [f"{self.missing} not covered"] if self.missing else []
        parts += [f"{self.exempt} need{'s' if self.exempt == 1 else ''} no rule"] if self.exempt else []
        return ", ".join(parts)


def standing_of(mappings: Iterable[Mapped]) -> Standing:
    """How a clause with these mappings stands: one that is stale, or whose rule is not asked today, outweighs the others."""
    mappings = list(mappings)
    if any(m.status == "STALE" or (m.status == "APPROVED" and m.has_rule and not m.is_asked) for m in mappings):
        return Standing.STALE
    approved = [m for m in mappings if m.status == "APPROVED"]
    if approved:
        return Standing.COVERED if any(m.has_rule for m in approved) else Standing.EXEMPT
    return Standing.WAITING if mappings else Standing.OPEN


def count(standings: Iterable[Standing]) -> Coverage:
    found = list(standings)
    waiting = found.count(Standing.WAITING)
    return Coverage(
        found.count(Standing.COVERED), found.count(Standing.STALE), found.count(Standing.OPEN) + waiting, waiting,
        found.count(Standing.EXEMPT),
    )  # fmt: skip


def natural(reference: str) -> tuple:
    """References in the order of a document: 4.2 before 4.10, 4.2(b) after 4.2(a)."""
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.findall(r"[0-9]+|[a-z]+", reference.lower()))


def hash_of(text: str) -> str:
    """SHA-256 of a clause's words: the same however lines are broken and words spaced."""
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()
