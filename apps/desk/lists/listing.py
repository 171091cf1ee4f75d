"""A list's rows a page at a time, and what they come to: the cost of a page does not grow with the list."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from django.db.models import QuerySet

from . import queries, rendering
from .columns import Sheet
from .specs import Spec

PAGE = 75  # Rows of a page: three screens of a laptop; views.js brings the next ones before they are scrolled to.
COUNTED = 10_000  # A page counts so many rows and no more; what there is beyond is counted after it stands.
MOST_STANDING = 1500  # Rows that a list fetched anew, where it had gone on, still has.
CHUNK = 2000  # Rows of a file read at once.


class Page(NamedTuple):
    """Rows, and the mark after which the list goes on; empty at its end."""

    rows: Sequence[Mapping[str, Any]]
    more: str


def page(found: QuerySet, sheet: Sheet, spec: Spec, after: str = "", size: int = 0) -> Page:
    """
    A page of the list after a mark. One query, which chooses the rows by what they are ordered by alone and reads the
    rest of those chosen.
    """
    size = size or PAGE
    keys = queries.order_of(sheet, spec)
    beyond = queries.after(found, keys, after) if after else found
    chosen = queries.ordered(beyond, keys).values("pk")[: size + 1]
    rows = values(found.filter(pk__in=chosen), sheet, spec)
    return Page(rows[:size], queries.mark(rows[size - 1], keys) if len(rows) > size else "")


def size_of(said: Mapping[str, str]) -> int:
    """How many rows the first page of an address has: a list that is fetched anew keeps those that stood there."""
    standing = said.get("standing", "")
    return min(max(int(standing), PAGE), MOST_STANDING) if standing.isascii() and standing.isdigit() else PAGE


def values(found: QuerySet, sheet: Sheet, spec: Spec) -> list[dict]:
    """The rows in the view's order, with what it shows. One query."""
    return list(read(found, sheet, spec))


def some(found: QuerySet, sheet: Sheet, spec: Spec, ids: Collection[int], upto: str = "") -> list[dict]:
    """Those of these ids that belong to the list, as far as the row of a mark where one is given. One query."""
    found = found.filter(pk__in=ids)
    return values(queries.upto(found, queries.order_of(sheet, spec), upto) if upto else found, sheet, spec)


def chunks(found: QuerySet, sheet: Sheet, spec: Spec) -> Iterator[Sequence[dict]]:
    """The whole list, a few rows at a time. One query."""
    pile: list[dict] = []
    for row in read(found, sheet, spec).iterator(chunk_size=CHUNK):
        pile.append(row)
        if len(pile) == CHUNK:
            yield pile
            pile = []
    yield pile


def capped(found: QuerySet, whole: bool) -> QuerySet:
    """The rows to count: all, or as many as show that there are more than a page counts."""
    return found.order_by() if whole else found.order_by()[: COUNTED + 1]


def read(found: QuerySet, sheet: Sheet, spec: Spec, *more: str) -> QuerySet:
    """The rows in the view's order, with what it shows and more."""
    keys = queries.order_of(sheet, spec)
    paths = (rendering.needs(sheet, spec) | {key.path for key in keys}) - sheet.added
    return queries.ordered(found, keys).values(*paths, *more)
