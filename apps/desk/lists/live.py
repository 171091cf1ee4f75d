"""
A list whose rows come to its open pages drawn: each change is read and drawn once for all pages that show the same.

Pages show the same where their list, what narrows it and their view are equal. What a reader may see is a column of what
is read, so that people of different sight share the reading too.
"""

import itertools
import secrets
import time
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from django.db import connection
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.http import QueryDict
from django.urls import Resolver404, resolve
from django.utils import timezone

from apps.portfolios.selectors import portfolios_seen_by
from apps.users.models import User
from apps.users.selectors import desks_of
from apps.users.services import can

from . import listing, rendering
from .columns import Sheet
from .specs import Spec

MOST_DRAWN = 200  # Rows of one turn; where more changed at once, pages ask for those that they show.
FRESH_SECONDS = 5  # How long a statement stands: rates and what counts as recent are written into it.
IDS = secrets.token_hex(16)  # Stands in a statement's text for the numbers of the rows.
_numbers = itertools.count(1)


class Reader(NamedTuple):
    """Who reads a list and what its address says: as much of a request as a list asks for."""

    user: User
    GET: QueryDict


class Sight(NamedTuple):
    """What somebody may see who does not see the whole firm: numbers of portfolios and of desks."""

    portfolios: frozenset[int]
    desks: frozenset[int]


class LiveList(NamedTuple):
    """
    :param subject: whose rows they are; rows are called ``subject:id``
    :param asked: what narrows the list
    :param rows_of: which of its rows changed, by what changed: ids by subject
    :param belonging: the rows that belong to the list at a time, whoever looks
    :param seen: those of them that a sight sees
    :param known: rows as read, with what is known of them once they are
    """

    subject: str
    asked: Hashable
    sheet: Sheet
    spec: Spec
    rows_of: Callable[[Mapping[str, Collection[int]]], set[int]]
    belonging: Callable[[datetime], QuerySet]
    seen: Callable[[Collection[int], Collection[int]], Q]
    known: Callable[[Sequence[Mapping[str, Any]]], Sequence[Mapping[str, Any]]] = list

    @property
    def alike(self) -> Hashable:
        """Equal for lists whose rows are equal; widths are left out, for rows have none."""
        return self.subject, self.asked, tuple(self.sheet.columns), repr(self.spec._replace(widths={}))


class Place(NamedTuple):
    """One page's list: who may see which rows of it, and whether they can tick them."""

    shown: LiveList
    sight: Sight | None
    ticks: bool


LISTS: dict[str, Callable[[Reader], tuple[LiveList, bool]]] = {}  # By the name of the address that answers with rows.


def place_of(user: User, address: str) -> Place | None:
    """
    The list behind the address that a page asks for its rows; None where its rows are not drawn for several at once.

    :raises Refusal: where the reader may not see it, or the address says nonsense
    """
    parts = urlsplit(address)
    try:
        found = LISTS.get(resolve(parts.path).view_name)
    except Resolver404:
        return None
    if found is None:
        return None
    shown, ticks = found(Reader(user, QueryDict(parts.query)))
    return Place(shown, sight_of(user), ticks)


def sight_of(user: User) -> Sight | None:
    """None for who sees the whole firm."""
    if can(user, "portfolios.see_all"):
        return None
    homes = portfolios_seen_by(user).values_list("pk", flat=True)
    return Sight(frozenset(homes), frozenset(desks_of(user).values_list("pk", flat=True)))


class Statement:
    """Reads rows of a list by their numbers, each with who of several sees it; planned once in the database's session."""

    def __init__(self, shown: LiveList):
        self.shown = shown
        self.sights: frozenset[Sight] = frozenset()
        self.session: Any = None
        self.made_at = 0.0
        self.name = ""
        self.columns: Sequence[str] = ()

    def rows(self, ids: Collection[int], sights: Collection[Sight]) -> list[dict[str, Any]]:
        """One statement. Each row says for each sight whether it sees it."""
        with connection.cursor() as cursor:
            stands = connection.connection is self.session and time.monotonic() - self.made_at < FRESH_SECONDS
            if not (stands and self.sights.issuperset(sights)):
                self._prepare(cursor, frozenset(sights))
            cursor.execute(f"EXECUTE {self.name} ('{{{','.join(map(str, ids))}}}')")
            return [dict(zip(self.columns, row, strict=True)) for row in cursor.fetchall()]

    def _prepare(self, cursor, sights: frozenset[Sight]) -> None:
        if self.name and connection.connection is self.session:
            cursor.execute(f"DEALLOCATE {self.name}")
        self.session, self.name, self.sights = None, f"live_{next(_numbers)}", sights
        found = self.shown.belonging(timezone.now())
        found = found.filter(pk__in=RawSQL("SELECT unnest(%s::bigint[])", [IDS]))
        flags = {f"seen_{n}": self.shown.seen(*sight) for n, sight in enumerate(sights)}
        found = found.annotate(**{n: ExpressionWrapper(q, output_field=BooleanField()) for n, q in flags.items()})
        query = listing.read(found, self.shown.sheet, self.shown.spec, *flags).query
        text = connection.ops.compose_sql(*query.sql_with_params())
        cursor.execute("SET plan_cache_mode = force_generic_plan")  # Else it is planned at each reading.
        cursor.execute(f"PREPARE {self.name} (bigint[]) AS {text.replace(repr(IDS), '$1')}")
        flagged = dict(zip(flags, sights, strict=True))
        self.columns = [flagged.get(name, name) for name in query.selected]
        self.session, self.made_at = connection.connection, time.monotonic()


def drawn(
    statement: Statement, ids: Collection[int], audiences: Collection[tuple[Sight | None, bool]]
) -> dict[tuple[Sight | None, bool], str]:
    """The markup of the rows of a list by who reads: their sight, and whether they can tick. At most one turn's rows."""
    shown = statement.shown
    sights = {sight for sight, _ in audiences if sight is not None}
    rows = shown.known(statement.rows(ids, sights)) if ids else ()
    pen = rendering.Pen(shown.sheet, shown.spec, timezone.now())
    pieces: dict[tuple[Sight | None, bool], list[str]] = {audience: [] for audience in audiences}
    for row in rows:
        cells, tone = pen.cells(row)
        stands = pen.stands(row)
        framed = {t: f"{shown.sheet.frame(row, tone, stands, t)}{cells}{rendering.END}" for _, t in audiences}
        for (sight, ticks), lines in pieces.items():
            if sight is None or row[sight]:
                lines.append(framed[ticks])
    return {audience: "".join(lines) for audience, lines in pieces.items()}
