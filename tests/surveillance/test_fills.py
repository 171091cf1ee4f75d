"""Rules that are asked as fills are booked: what a trade of ours broke is an incident at once."""

from decimal import Decimal

import pytest
from django.db import connection

from apps.allocations import services as allocations
from apps.allocations.models import Allocation
from apps.audit import deliveries
from apps.audit.models import Delivery, Entry
from apps.core.events import Fact
from apps.surveillance import selectors
from apps.surveillance.models import Finding, Incident, Run
from apps.surveillance.services import fills
from tests.allocations.filling import Street, keep_promises
from tests.compliance.ruling import put_in_force
from tests.pages import visit, words
from tests.races import at_once

D = Decimal
UNITS = {"filter": 'symbol == "AAA"', "group": "instrument", "basis": "units", "against": "nothing"}


@pytest.fixture
def street(firm, by, mira, tom) -> Street:
    return Street(firm, by, mira, tom)


@pytest.fixture
def most(firm, people, by):
    """``most(51_000)``: no portfolio holds more of AAA, asked as fills are booked; each has 50,000."""

    def make(limit: int, **says):
        said = {"kind": "measure", "name": "Units of AAA", "moments": ["fill"]} | says
        put_in_force(by, "most", UNITS | {"limit": str(limit)} | said.pop("params", {}), **said)

    return make


def booked(street: Street, side: str, symbol="AAA", price="50", **shares: int) -> None:
    street.allocated(symbol, side, shares, [(sum(shares.values()), price)])
    keep_promises("allocations.")


@pytest.mark.parametrize(("qty", "breaks"), [(1_000, False), (1_001, True)])
def test_exactly_the_limit_is_no_breach(street, most, qty, breaks):
    most(51_000)
    booked(street, "BUY", P1=qty)
    assert Incident.objects.exists() == breaks == Run.objects.exists()


def test_a_fill_that_breaks_a_rule_opens_one_incident(street, firm, most, omar):
    most(51_000)
    street.allocated("AAA", "BUY", {"P1": 2_000, "P2": 500}, [(1_000, "50"), (1_500, "51")])  # Two fills.
    keep_promises("allocations.")

    one = Incident.objects.get()
    order = Allocation.objects.get(portfolio=firm.portfolios["P1"]).order_id
    assert (one.portfolio.code, one.cause, one.value, one.status) == ("P1", "ACTIVE", 52_000, "OPEN")
    opened = Entry.objects.get(event="incident.opened").payload
    assert (opened["order_ids"], opened["cause"]) == ([order], "ACTIVE")
    found = Finding.objects.get()
    assert (found.incident_id, found.run.day, found.outcome) == (one.pk, None, "FAIL") and selectors.ask_again(found.run).differences == []
    shown = words(visit(omar, "surveillance:incident", one.pk))
    assert f"opened by the fill of <a href=\"/orders/{order}/\">O-{order:06d}</a>" in shown and "after a fill" in shown

    booked(street, "BUY", P1=300)
    one.refresh_from_db()
    assert one.value == 52_300 and Incident.objects.count() == Entry.objects.filter(subject="incident").count() == 1


def test_what_no_fill_made_worse_is_left_to_the_day(street, firm, most):
    most(50_500)
    booked(street, "BUY", symbol="CCC", price="100", P1=100)
    assert not Incident.objects.exists()
    booked(street, "BUY", P1=1_000)
    booked(street, "BUY", P2=400)
    assert [one.portfolio.code for one in Incident.objects.all()] == ["P1"]


def test_a_sale_breaks_a_least_even_where_nothing_is_left(street, most):
    most(49_000, params={"bound": "min"})
    booked(street, "SELL", P1=1_000)
    assert not Incident.objects.exists()
    booked(street, "SELL", P1=1)
    assert (Incident.objects.get().cause, Incident.objects.get().value) == ("ACTIVE", 48_999)


def test_a_breach_of_prices_that_a_fill_makes_worse_is_active_from_then_on(street, firm, most, report, by):
    put_in_force(by, "most", {"filter": 'symbol == "AAA"', "limit": "26"}, kind="measure", name="AAA", moments=["eod", "fill"])
    report()
    firm.quote("AAA", "55")
    report()
    one = Incident.objects.get(portfolio__code="P1")
    assert one.cause != "ACTIVE"
    Incident.objects.filter(pk=one.pk).update(cure_by="2030-01-01")

    booked(street, "BUY", price="55", P1=100)

    one.refresh_from_db()
    assert (one.cause, one.version, one.cure_by.year < 2030) == ("ACTIVE", 2, True)
    assert Entry.objects.get(event="incident.turned_active").payload["order_ids"] == [Allocation.objects.get().order_id]
    assert Incident.objects.filter(portfolio__code="P1").count() == 1


def test_the_day_goes_on_with_it_and_ends_it(street, most, report):
    most(51_000, moments=["fill", "eod"])
    booked(street, "BUY", P1=2_000)
    one = Incident.objects.get()
    assert report().run.breaches == 1 and Incident.objects.count() == 1
    booked(street, "SELL", P1=2_000)
    report()
    one.refresh_from_db()
    assert one.status == "CURED"


def test_a_worker_that_dies_or_is_told_twice_doubles_nothing(street, most, by, monkeypatch):
    most(51_000)
    street.done("AAA", "BUY", {"P1": 2_000}, [(2_000, "50")])
    keep_promises("allocations.allocate")
    (promise,) = Delivery.objects.filter(listener="allocations.ask_after_fills", status="OPEN").values_list("pk", flat=True)

    def dies(*args, **kwargs):
        raise RuntimeError("killed")

    with monkeypatch.context() as broken:
        broken.setattr(fills, "keep_run", dies)
        deliveries.deliver(promise)
    assert not Incident.objects.exists() and Allocation.objects.get().status == "BOOKED"
    assert deliveries.deliver(promise)
    one = Allocation.objects.get()
    for _ in range(2):
        allocations.ask_after_fills(by("worker"), [Fact(one.pk, 1, None)])
    assert Incident.objects.count() == Run.objects.count() == Entry.objects.filter(subject="incident").count() == 1


def test_statements_do_not_grow_and_are_few_without_such_a_rule(street, most, firm, by):
    def counted(*orders: tuple[str, str]) -> int:
        for code, symbol in orders:
            street.allocated(symbol, "BUY", {code: 2_000}, [(2_000, "50")])
        facts = [Fact(pk, 1, None) for pk in Allocation.objects.values_list("pk", flat=True)]
        asked: list = []
        with connection.execute_wrapper(lambda execute, sql, *more: (asked.append(sql), execute(sql, *more))[1]):
            allocations.ask_after_fills(by("worker"), facts)
        return len([sql for sql in asked if "SAVEPOINT" not in str(sql)])

    assert counted(("P1", "AAA")) <= 5  # The allocations, the person with their rights, the rules.
    most(51_000)
    one = counted()
    assert counted(("P2", "AAA"), ("P3", "AAA")) <= one


@pytest.mark.django_db(transaction=True)
def test_two_workers_open_one(street, most, by):
    most(51_000)
    for price in ("50", "51"):
        street.allocated("AAA", "BUY", {"P1": 2_000}, [(2_000, price)])
    first, second = Allocation.objects.values_list("pk", flat=True)

    answers = at_once(*(lambda pk=pk: allocations.ask_after_fills(by("worker"), [Fact(pk, 1, None)]) for pk in (first, second)))

    assert answers == [None, None]
    assert Incident.objects.count() == Entry.objects.filter(event="incident.opened").count() == 1
