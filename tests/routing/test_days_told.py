"""What a broker tells of the day of an order over days: kept with its time, beside the order's own figures, and shown as it was told."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.routing.models import Message
from tests.pages import visit, words

D = Decimal


@pytest.fixture
def carried(a_route, street):
    """An order of 10,000 of which 2,000 were filled yesterday, told anew this morning; 1,000 were filled since."""
    route = a_route(10_000, tif="GTC")
    street.report(route, "F", "1", last=(2_000, 50), cum=2_000, leaves=8_000, **{"424": 10_000, "425": 2_000, "426": 50, "6": 50})
    street.report(route, "D", "1", cum=2_000, leaves=8_000, qty=10_000, **{"378": 1, "424": 8_000, "425": 0})
    day = {"424": 8_000, "425": 1_000, "426": "53.0000000000004"}
    return street.report(route, "F", "1", last=(1_000, 53), cum=3_000, leaves=7_000, qty=10_000, **day, **{"6": 51})


def day(route) -> tuple:
    return (route.day_qty, route.day_cum_qty, route.day_average_price)


def test_the_last_word_stands_beside_the_figures_of_the_whole(carried):
    assert day(carried) == (8_000, 1_000, D("53"))
    assert carried.day_told_at == carried.reported_at
    assert (carried.qty, carried.cum_qty, carried.average_price) == (10_000, 3_000, 51)


def test_a_restatement_begins_the_day_without_an_average(a_route, street):
    route = a_route(10_000, tif="GTC")
    route = street.report(route, "D", "0", cum=0, leaves=10_000, qty=10_000, **{"378": 1, "424": 10_000, "425": 0})
    assert day(route) == (10_000, 0, None)


def test_reports_that_tell_nothing_of_the_day_leave_it(carried, street):
    told = carried.day_told_at
    route = street.report(carried, "F", "1", last=(500, 53), cum=3_500, leaves=6_500)
    assert day(route) == (8_000, 1_000, D("53")) and route.day_told_at == told < route.reported_at


def test_a_report_that_comes_late_does_not_bring_an_earlier_day_back(carried, street):
    at = street.start
    route = street.report(carried, "F", "1", last=(100, 53), cum=100, leaves=9_900, at=at, **{"424": 10_000, "425": 100, "426": 53})
    assert route.cum_qty == 3_100
    assert day(route) == (8_000, 1_000, D("53"))


def test_one_that_does_not_add_up_changes_nothing(carried, street):
    route = street.report(carried, "F", "1", last=(500, 53), cum=3_500, leaves=6_500, qty=10_000, **{"424": 7_000, "425": 1_500})
    assert "DayOrderQty" in Message.objects.get(status="QUARANTINED").problem
    assert day(route) == (8_000, 1_000, D("53")) and route.cum_qty == 3_000


def test_is_shown_and_told_to_other_systems(carried, a_route, tom, client):
    shown = words(visit(tom, "routing:route", carried.pk, htmx=True))
    for name, value in (("DayOrderQty", "8,000"), ("DayCumQty", "1,000"), ("DayAvgPx", "53.0000")):
        assert f'<span class="sub">{name}</span></dt><dd>{value}' in shown
    assert "DayOrderQty" not in words(visit(tom, "routing:route", a_route(100).pk, htmx=True))

    client.force_login(tom)
    said = client.get(f"/api/v1/routes/{carried.pk}/").json()
    assert (D(said["day_qty"]), D(said["day_cum_qty"]), D(said["day_average_price"])) == (8_000, 1_000, 53)
    assert said["day_told_at"]


def test_writing_it_costs_one_statement_and_none_where_nothing_is_told(a_route, street):
    def statements(**more) -> int:
        route = a_route(1_000, tif="GTC")
        heard = street.hear(route.broker_id, "8", street.report_fields(route, "F", "1", last=(100, 50), cum=100, leaves=900, **more))
        with CaptureQueriesContext(connection) as asked:
            street.book(heard)
        return len(asked)

    statements()
    assert statements(**{"424": 1_000, "425": 100}) == statements() + 1
