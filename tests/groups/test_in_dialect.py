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


BY_LIST = CENTS._replace(list_fills=True)


class TestFillsByListAlone:
    @pytest.fixture
    def told(self, a_wave, floor, firm):
        """``told("3", 200, 5000)``: a ListStatus on a wave of 500 that counts so much of its order, at so many cents on average."""
        group = a_wave(BY_LIST)
        name = routes_of(group).get().cl_ord_id

        def say(status, cum, average, *, state="1") -> routing.Hearing:
            line = {73: 1, 11: name, 14: cum, 39: state, 151: 500 - cum, 84: 0, 6: average, 60: rules.utc_text(floor.street.start)}
            fields = status_fields(group, status, lines=[1]) | {key: value for key, value in line.items() if value is not None}
            return floor.street.book(floor.street.hear(firm.brokers["HARBOR"].pk, "N", fields))

        say.group = group
        return say

    def route(self, told):
        return routes_of(told.group).get()

    def test_are_booked_from_it_each_once(self, told):
        told("2", 0, None, state="0")
        assert str(self.route(told).status) == "NEW"
        for _ in range(2):
            told("3", 200, 5000)
        told("3", 300, 5050)
        told("6", 500, 5100, state="2")

        assert [(e.qty, e.price) for e in Execution.objects.order_by("pk")] == [(200, 50), (100, D("51.5")), (200, D("51.75"))]
        assert (str(self.route(told).status), self.route(told).cum_value) == ("FILLED", 500 * 51)
        assert Execution.objects.first().exec_id == f"{told.group.ref}-1/{self.route(told).cl_ord_id}/200"
        assert not Message.objects.filter(status="QUARANTINED").exists()

    def test_what_it_ends_is_over(self, told):
        told("3", 200, 5000)
        told("6", 200, 5000, state="4")

        assert (str(self.route(told).status), self.route(told).cum_qty, self.route(told).leaves_qty) == ("CANCELED", 200, 0)

    @pytest.mark.parametrize(("cum", "average", "said"), [
        (100, 5000, "does not say which fill is taken back"), (300, None, "no average price"), (700, 5000, "would fill 700"),
    ])  # fmt: skip
    def test_what_cannot_be_booked_is_put_before_a_person(self, told, cum, average, said):
        told("3", 200, 5000)

        assert told("3", cum, average).quarantined == 1
        assert said in Message.objects.get(status="QUARANTINED").problem
        assert Execution.objects.count() == 1

    def test_a_report_beside_it_is_not_booked_twice(self, told, floor):
        told("3", 200, 5000)
        route = self.route(told)
        floor.street.report(route, "F", "1", last=(200, 5000), cum=200, leaves=300, qty=500)

        assert self.route(told).cum_qty == 200
        assert Message.objects.filter(status="QUARANTINED").count() == 1
