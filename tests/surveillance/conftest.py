"""A day to report: the firm with one rule that one portfolio breaks."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from apps.core.acts import Act
from apps.portfolios import services as portfolios
from apps.portfolios.models import Movement
from apps.surveillance import services
from apps.surveillance.models import Day
from tests.compliance.ruling import put_in_force

D = Decimal
MONDAY = datetime(2026, 11, 30, 22, 5, tzinfo=UTC)


@pytest.fixture
def aaa(firm, people, by) -> Callable:
    """``aaa("25.2")``: no portfolio holds more than so much of AAA; P1 to P3 hold 2.5 of 9.95 million, 25.126%."""

    def make(limit: str, **more) -> None:
        params = {"filter": 'symbol == "AAA"', "limit": limit} | more
        put_in_force(long_ago, "aaa", params, severity="SOFT", name="AAA", kind="measure")

    def long_ago(who, reason: str = "") -> Act:
        act = by(who, reason)
        act.at -= timedelta(days=60)
        return act

    return make


@pytest.fixture
def report(firm, people, by) -> Callable[..., Day]:
    """``report()``: today's report, or that of an act at another time."""

    def make(at: datetime | None = None) -> Day:
        act = by("scheduler")
        if at is not None:
            act = Act(by=act.by, at=at, via=act.via)
        return Day.objects.get(pk=services.report_day(act))

    return make


@pytest.fixture
def trade(firm, by) -> Callable[[str, str, int], None]:
    """``trade("P1", "AAA", 100)``: so many more are held, paid from cash."""

    def make(code: str, symbol: str, qty: int) -> None:
        today = datetime.now(UTC).date()
        moved = portfolios.Moved(
            firm.portfolios[code].pk, today, today, "test", Movement.Kind.OPENING, instrument_id=firm.instruments[symbol].pk, qty=D(qty)
        )
        portfolios.post_movements(by("loader"), [moved])

    return make
