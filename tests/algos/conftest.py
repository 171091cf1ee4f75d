"""Algorithms on blocks of the small firm, worked by beats at times that a test chooses."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from apps.algos import services as algos
from apps.algos.models import Algo, Slice
from apps.core.acts import Act
from apps.routing.models import Route
from tests.routing.conftest import a_block, alone, counterparties, street  # noqa: F401

D = Decimal


@pytest.fixture
def now() -> datetime:
    return timezone.now().replace(microsecond=0)


@pytest.fixture
def an_algo(a_block, tom, now) -> Callable[..., Algo]:  # noqa: F811
    """``an_algo("TWAP", 1_000, minutes=50)``: a started algorithm of all of a new block, or a part, at Harbor, by Tom."""

    def make(kind="TWAP", qty=1_000, *, minutes=50, start=True, block=None, at=None, side="BUY", terms=None, part=None, **more) -> Algo:
        at = at or now
        block = block or a_block("AAA", side, qty, **(terms or {}))
        more = {"qty": part, "interval_seconds": 300, "ends_at": at + timedelta(minutes=minutes)} | more
        act = Act(by=tom.pk, at=at, via="page")
        pk = algos.plan_algo(act, block.pk, algos.Ask(kind, "HARBOR", **more), seen=block.version)
        if start:
            algos.start_algo(act, pk, seen={pk: 1})
        return Algo.objects.get(pk=pk)

    return make


@pytest.fixture
def beat(now):
    """``beat(5)``: a beat five minutes after the start; what was sent then, as quantities."""

    def tick(minutes: float = 0) -> list[int]:
        before = set(Slice.objects.values_list("pk", flat=True))
        algos.work_algos(now + timedelta(minutes=minutes))
        return [int(s.qty) for s in Slice.objects.exclude(pk__in=before).order_by("pk")]

    return tick


@pytest.fixture
def fills(street):  # noqa: F811
    """``fills(route)``: all of a route is filled; ``fills(route, 40)``: so much, and it stays open; ``done=True``: the rest comes back."""

    def fill(route: Route, qty: int | None = None, *, done: bool = False, price="50") -> Route:
        qty = int(route.qty) if qty is None else qty
        cum = int(route.cum_qty) + qty
        if qty:
            kind = "2" if cum == route.qty else "1"
            route = street.report(route, "F", kind, last=(qty, price), cum=cum, leaves=int(route.qty) - cum)
        if done:
            route = street.report(route, "4", "4", cum=cum, leaves=0)
        return route

    return fill


def last_route() -> Route:
    return Route.objects.order_by("-pk").first()
