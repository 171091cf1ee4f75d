"""How brokers are spoken to: what is in force, what waits for another person, what was before."""

from typing import NamedTuple

from django.db.models import QuerySet

from apps.core.refusals import NotFound

from .models import Dialect, Session
from .rules import dialects as rules
from .states import Di

SAID = {
    "symbology": "Instruments", "suffixes": "Suffixes", "price_units": "Prices", "bond_unit": "Bond quantities", "tags": "Tags",
    "required": "Required", "list_fills": "Fills of lists",
}  # fmt: skip


class Spoken(NamedTuple):
    """A session with its dialect in force and the one proposed, if any."""

    session: Session
    now: Dialect | None
    proposed: Dialect | None


def dialects() -> QuerySet[Dialect]:
    """All editions, the newest first."""
    return Dialect.objects.select_related("session__broker", "proposed_by", "decided_by").order_by("-pk")


def get_dialect(dialect_id: int) -> Dialect:
    """:raises NotFound: where there is none"""
    row = dialects().filter(pk=dialect_id).first()
    if row is None:
        raise NotFound("There is no such dialect.")
    return row


def get_session(session_id: int) -> Session:
    """:raises NotFound: where it is none with a broker or dealer"""
    row = Session.objects.select_related("broker").filter(pk=session_id, purpose=Session.Purpose.ROUTING).first()
    if row is None:
        raise NotFound("There is no such session with a broker or dealer.")
    return row


def in_force(session_id: int) -> Dialect | None:
    return dialects().filter(session=session_id, status=Di.IN_FORCE).first()


def spoken() -> list[Spoken]:
    """Each session with a broker or dealer; those where one waits first. Two queries."""
    found = {(row.session_id, row.status): row for row in dialects().filter(status__in=[Di.IN_FORCE, Di.PROPOSED])}
    sessions = Session.objects.filter(purpose=Session.Purpose.ROUTING).select_related("broker").order_by("target_comp_id")
    rows = [Spoken(s, found.get((s.pk, Di.IN_FORCE)), found.get((s.pk, Di.PROPOSED))) for s in sessions]
    return sorted(rows, key=lambda row: (row.proposed is None, row.now is None))


def differences(now: Dialect | None, then: Dialect) -> dict[str, str]:
    """What would be said otherwise, in words, by heading."""
    before, after = ((row.rules if row else rules.PLAIN) for row in (now, then))
    told = {}
    for name, heading in SAID.items():
        if getattr(before, name) != getattr(after, name):
            told[heading] = f"{_words(before, name)} → {_words(after, name)}"
    return told


def _words(d: rules.Dialect, name: str) -> str:
    if name == "symbology":
        return rules.SYMBOLOGIES[d.symbology]
    if name == "bond_unit":
        return "face" if d.bond_unit == 1 else f"in {d.bond_unit:,} of face"
    if name == "list_fills":
        return "by ListStatus (35=N) alone" if d.list_fills else "by execution reports"
    return "; ".join(rules.lines_of(d)[name].splitlines()) or "nothing"
