"""Lists and packages at a broker that is spoken to in a dialect: prices in cents, a tag of its own, instruments by ticker."""

from decimal import Decimal

import pytest

from apps.groups import page_selectors
from apps.groups.models import BrokerList, ListBroker
from apps.routing import rules
from apps.routing import services as routing
from apps.routing.models import Execution, Message, Package, Session
from apps.routing.rules.dialects import Dialect, PriceUnit, TagRule
from tests.allocations.filling import keep_promises

from .conftest import routes_of
from .test_packages import Harbor, harbor, name_of, package, wire  # noqa: F401
from .test_programs import status_fields, wave

D = Decimal
pytestmark = pytest.mark.django_db
CENTS = Dialect("TICKER", price_units=(PriceUnit("USD", "USX", 100),), tags=(TagRule("D", 9001, "field", "account"),))


@pytest.fixture
def spoken(counterparties, firm, by, olga, alan):
    def speak(said: Dialect) -> None:
        session = Session.objects.get(broker=firm.brokers["HARBOR"])
        pk = routing.propose_dialect(by(olga, "Agreed."), session.pk, said)
        routing.approve_dialect(by(alan, "So."), pk, seen={pk: 1})

    return speak


@pytest.fixture
def a_wave(grouped, spoken, firm, tom, by):
    def send(said: Dialect):
        spoken(said)
        ListBroker.objects.create(broker=firm.brokers["HARBOR"])
        group = grouped("PROGRAM", 1000, sent=False)
        group.legs.update(broker_code="HARBOR")
        wave(by, tom, group, 50, 1)
        return group

    return send


def test_a_list_is_said_in_it(a_wave):
    group = a_wave(CENTS)
    said = wire("E")

    assert BrokerList.objects.get().is_one
    assert (dict(said)[15], dict(said)[55], dict(said)[9001]) == ("USX", "AAA", group.legs.get().block.ref)
    assert 48 not in dict(said)


def test_orders_go_singly_where_a_list_has_no_place_for_what_it_wants(a_wave):
    a_wave(Dialect(tags=(TagRule("D", 12000, "text", "X"),)))

    assert not BrokerList.objects.get().is_one
    assert dict(wire("D"))[12000] == "X"


def test_what_is_said_of_the_list_is_heard_in_it(a_wave, floor, firm):
    group = a_wave(CENTS)
    route = routes_of(group).get()
    fields = status_fields(group, "3", lines=[1]) | {73: 1, 11: route.cl_ord_id, 14: 200, 39: "1", 151: 300, 84: 0, 6: 5000}
    floor.street.book(floor.street.hear(firm.brokers["HARBOR"].pk, "N", fields))
    keep_promises("groups.")

    assert BrokerList.objects.get().counts == {route.cl_ord_id: ["1", "200", "300"]}


def test_a_package_is_said_and_booked_in_it(package, harbor, spoken):  # noqa: F811
    spoken(CENTS)
    group = package(300, 600, net_limit=D("-140.5"))
    said = dict(reversed(wire("AB")))
    assert (said[44], said[15], said[600]) == ("-14050", "USX", "AAA")
    assert said[9001] == group.ref

    one, two = routes_of(group)
    harbor.leg(name_of(group), one, 100, 5000, 100), harbor.leg(name_of(group), two, 200, 10000, 200)
    harbor.whole(name_of(group), "F", "1", 300, 100, 200, last=100, price=-15000, avg=-15000)

    assert sorted(e.price for e in Execution.objects.all()) == [50, 100]
    assert (Package.objects.get().told_qty, Package.objects.get().told_price) == (100, -150)
    assert page_selectors.package(group).odds == []


def test_a_leg_whose_units_are_not_known_is_put_before_a_person(package, harbor, spoken):  # noqa: F811
    spoken(CENTS)
    group = package(300, 600)

    heard = harbor.leg(name_of(group), routes_of(group)[1], 50, 10000, 50, ref="", **{"55": "CCC", "54": "2"})
    assert heard.quarantined == 1
    assert "LegRefID" in Message.objects.get(status="QUARANTINED").problem
    assert not Execution.objects.exists()
    assert rules.packages.is_package(name_of(group))
