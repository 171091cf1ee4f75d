"""What brokers said of open orders as their sessions came back, and what is proposed where that differs from ours."""

from collections.abc import Iterable
from typing import NamedTuple

from django.conf import settings
from django.db.models import Prefetch, QuerySet

from apps.core.refusals import NotFound
from apps.users.models import User

from . import rules
from .models import ReconciledRoute, Reconciliation, Route
from .rules.reconciling import DIFFERENCES, MENDABLE, Found, mend_words
from .selectors import routes_seen_by
from .states import BY_ORD_STATUS, Rt

WORDS = {
    Found.ASKED: "not answered yet", Found.AGREES: "the same", Found.MORE: "more is filled there", Found.LESS: "less is filled there",
    Found.OVER: "over there", Found.ALIVE: "still works there", Found.UNKNOWN: "not known there", Found.SILENT: "not answered",
}  # fmt: skip
SHOWN = 50


class Line(NamedTuple):
    """
    One order of a reconciliation. ``theirs``: its state there, in words; ``mend``: what would be done here for it to be so,
    empty where a person must call the broker; ``is_open``: whether a person is to decide.
    """

    row: ReconciledRoute
    words: str
    theirs: str
    mend: str
    is_open: bool


class Shown(NamedTuple):
    reconciliation: Reconciliation
    lines: list[Line]
    open: int


def reconciliations(user: User, *, session: int | None = None) -> QuerySet[Reconciliation]:
    """Those of this environment with the rows of routes that the person sees, the newest first."""
    seen = ReconciledRoute.objects.filter(route__in=routes_seen_by(user)).select_related("route__block__instrument", "decided_by")
    rows = Reconciliation.objects.filter(session__environment=settings.ENVIRONMENT).select_related("session__broker")
    if session is not None:
        rows = rows.filter(session=session)
    return rows.prefetch_related(Prefetch("rows", queryset=seen)).order_by("-pk")


def get_line(user: User, row_id: int) -> Line:
    """:raises NotFound: where it is none of a route that the person sees"""
    rows = ReconciledRoute.objects.filter(pk=row_id, route__in=routes_seen_by(user))
    row = rows.select_related("reconciliation__session__broker", "route__block__instrument", "decided_by").first()
    if row is None:
        raise NotFound("There is no such difference of a route that you see.")
    return line_of(row, row.reconciliation)


def told_with(row: ReconciledRoute) -> QuerySet[ReconciledRoute]:
    """
    The others whose state the same answer told, undecided: the legs of its package, which are mended together, for a net price
    is that of all.
    """
    rows = ReconciledRoute.objects.filter(reconciliation=row.reconciliation_id, found__in=MENDABLE, decision="")
    if row.answer_id is None or row.found not in MENDABLE:
        return rows.none()
    return rows.filter(answer=row.answer_id).exclude(pk=row.pk).select_related("route__block__instrument", "reconciliation").order_by("pk")


def shown(rows: Iterable[Reconciliation]) -> list[Shown]:
    """In words; those where something waits for a person first."""
    found = []
    for one in rows:
        lines = sorted((line_of(row, one) for row in one.rows.all()), key=lambda line: (not line.is_open, line.row.pk))
        found.append(Shown(one, lines, sum(line.is_open for line in lines)))
    return sorted(found, key=lambda one: not one.open)


def line_of(row: ReconciledRoute, of: Reconciliation) -> Line:
    told = row.told
    theirs = rules.in_words(BY_ORD_STATUS[told.status][0]) if told.status in BY_ORD_STATUS else told.status
    is_open = of.status == "DIFFERS" and row.found in DIFFERENCES and not row.decision
    mend = mend_words(Found(row.found), ours_of(row.route), told) if row.found in DIFFERENCES else ""
    return Line(row, WORDS[Found(row.found)], "" if told.is_unknown else theirs, mend, is_open)


def ours_of(route: Route, side_tag: str = "") -> rules.Ours:
    return rules.Ours(route.cl_ord_id, route.order_id, side_tag, Rt(route.status), route.qty, route.cum_qty, route.cum_value)
