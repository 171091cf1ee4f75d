"""Questions to the sanctions lists: which is in force, whom it may mean of ours, and who was not held against it yet."""

import zlib
from functools import lru_cache
from typing import NamedTuple

import orjson
from django.db import connection
from django.db.models import Case, IntegerField, QuerySet, Value, When

from apps.core.refusals import NotFound
from apps.users.services import can

from ..engine.sanctions import List, Party
from ..models import NameMatch, SanctionsList
from ..states import M

OURS = {"ISSUER": "reference_issuer", "BROKER": "reference_broker", "CUSTODIAN": "reference_custodian"}


class Unscreened(NamedTuple):
    """A party of ours that was not held against the list in force under the name it has."""

    kind: str
    id: int
    name: str


def sanctions_lists_seen_by(user) -> QuerySet[SanctionsList]:
    """The versions of the list, the newest first; none for whom they are not."""
    rows = SanctionsList.objects.defer("content").order_by("-pk")
    return rows if can(user, "compliance.see") else rows.none()


def matches_seen_by(user) -> QuerySet[NameMatch]:
    """Names that match, those that wait first, the nearest before the others; none for whom they are not."""
    if not can(user, "compliance.see"):
        return NameMatch.objects.none()
    waits = Case(When(status=M.WAITING, then=Value(0)), default=Value(1), output_field=IntegerField())
    rows = NameMatch.objects.select_related("issuer", "broker", "custodian", "decided_by")
    return rows.annotate(rank=waits).order_by("rank", "-score", "pk")


def get_match_seen_by(user, match_id: int) -> NameMatch:
    """:raises NotFound: where there is none, or it is hidden"""
    found = matches_seen_by(user).filter(pk=match_id).first()
    if found is None:
        raise NotFound("There is no such match, or it is not for you to see.")
    return found


def newest_list() -> tuple[int, str] | None:
    """Id and hash of the list in force; None where none was loaded."""
    return SanctionsList.objects.order_by("-pk").values_list("pk", "sha256").first()


@lru_cache(maxsize=2)
def list_ready(list_id: int, sha256: str) -> List:
    """A version of the list, ready to hold names against. Read once a process: it never changes."""
    content = SanctionsList.objects.values_list("content", flat=True).get(pk=list_id)
    return List([Party(**one | {name: tuple(one[name]) for name in ("aliases", "countries")}) for one in unpacked(bytes(content))])


def packed(parties: list[Party]) -> bytes:
    return zlib.compress(orjson.dumps([party._asdict() for party in parties]), 9)


def unpacked(content: bytes) -> list[dict]:
    return orjson.loads(zlib.decompress(content))


def unscreened(list_id: int, most: int) -> list[Unscreened]:
    """Parties of ours not yet held against this version under the name they have, at most so many. One query."""
    parts = [
        f"SELECT '{kind}' AS kind, p.id, p.name FROM {table} p LEFT JOIN compliance_screenedname s ON s.kind = '{kind}'"
        " AND s.party_id = p.id AND s.name = p.name AND s.against_id = %s WHERE s.id IS NULL"
        for kind, table in OURS.items()
    ]
    with connection.cursor() as cursor:
        cursor.execute(f"{' UNION ALL '.join(parts)} ORDER BY 1, 2 LIMIT %s", [list_id] * len(OURS) + [most])
        return [Unscreened(*row) for row in cursor.fetchall()]


def called_like(broker_id: int) -> str:
    """What a broker whose match waits for an officer is called on the sanctions list; empty where none waits, or nearly the same."""
    waiting = NameMatch.objects.filter(broker=broker_id, status=M.WAITING).exclude(how="NEAR").order_by("pk")
    return waiting.values_list("called", flat=True).first() or ""
