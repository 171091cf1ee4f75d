"""Fills of a package that are missing here as its session comes back: what would mend it is proposed, and a person accepts it."""

from decimal import Decimal
from fractions import Fraction

import pytest
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.groups import page_selectors
from apps.routing import reconciling_selectors as selectors
from apps.routing import services as routing
from apps.routing.models import Execution, Message, Package, ReconciledRoute, Reconciliation, Session
from apps.routing.rules.leg_prices import LegFilled, leg_averages
from tests.pages import send, visit, words
from tests.races import at_once

from .conftest import at_brokers, routes_of
from .test_packages import harbor, name_of, package, states  # noqa: F401

D = Decimal


# --- the rule ---------------------------------------------------------------------------------------------------------


def leg(buys=True, weight=1, qty="0", value="0", told="100", reference="50") -> LegFilled:
    return LegFilled(buys, weight, D(qty), D(value), D(told), None if reference is None else D(reference))


SOLD = leg(False, 2, told="200", reference="100")


class TestPrices:
    def test_move_by_one_fraction_against_us_or_for_us(self):
        assert leg_averages([leg(), SOLD], D(-150)) == [50, 100]
        assert leg_averages([leg(), SOLD], D(-149)) == [D("50.2"), D("99.6")]
        assert leg_averages([leg(), SOLD], D(-151)) == [D("49.8"), D("100.4")]

    def test_what_is_filled_already_stays_as_it_is(self):
        half = leg(qty="50", value="2505", reference="50.1")
        assert leg_averages([leg(qty="100", value="5010"), SOLD], D(-149)) == [D("50.1"), D("99.55")]
        [one, other] = leg_averages([half, SOLD], D(-149))
        assert one - 2 * other == -149 and one > D("50.1") and other < 100

    @pytest.mark.parametrize(
        ("legs", "net"),
        [
            ([leg(qty="100", value="5000")], 50), ([leg(qty="101", value="5000"), SOLD], -150), ([leg(reference=None), SOLD], -150),
            ([leg(told="0"), SOLD], -150), ([leg(), SOLD], -1_000), ([leg(), SOLD], 1_000), ([], 0),
        ],
    )  # fmt: skip
    def test_none_where_there_is_nothing_to_say_it_by(self, legs, net):
        assert leg_averages(legs, D(net)) is None

    @given(
        legs=st.lists(
            st.tuples(st.booleans(), st.integers(1, 5), st.integers(0, 90), st.integers(10_000, 5_000_000)), min_size=2, max_size=4
        ),
        off=st.integers(-20_000, 20_000),
    )
    @settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def test_the_net_comes_out(self, legs, off):
        rows = [LegFilled(buys, w, D(qty), qty * D(n) / 10_000, D(100), D(n) / 10_000) for buys, w, qty, n in legs]
        net = sum((one.sign * one.weight * one.reference for one in rows), D(0)) + D(off) / 10_000

        found = leg_averages(rows, net)

        if found is not None:
            got = sum(Fraction(a) * one.sign * one.weight for a, one in zip(found, rows, strict=True))
            assert abs(got - Fraction(net)) <= Fraction(sum(one.weight for one in rows), 2 * 10**8)


# --- kept and mended --------------------------------------------------------------------------------------------------


@pytest.fixture
def working(package, harbor):  # noqa: F811
    """300 packages of one AAA against two CCC, taken by Harbor and not filled."""
    group = package(300, 600)
    harbor.whole(name_of(group), "0", "0", 300, 0, 300)
    return group


@pytest.fixture
def back(by, firm):
    def come() -> Reconciliation:
        Message.objects.filter(is_out=True).update(status="SENT")
        routing.begin_reconciliations(by("gateway", via="gateway"), [Session.objects.get(broker=firm.brokers["HARBOR"]).pk])
        return Reconciliation.objects.order_by("-pk").first()

    return come


@pytest.fixture
def decide(by, tom):
    def make(row: ReconciledRoute, how="MEND") -> None:
        of = Reconciliation.objects.get(pk=row.reconciliation_id)
        routing.decide_difference(by(tom, "Confirmed on the phone"), row.pk, how, seen={of.pk: of.version})

    return make


def mends(tom) -> list[str]:
    return [selectors.get_line(tom, row.pk).mend for row in ReconciledRoute.objects.order_by("pk")]


@pytest.mark.django_db
class TestMended:
    def test_as_one_at_the_net_price_that_the_broker_tells(self, working, harbor, back, decide, tom):  # noqa: F811
        row = back()
        harbor.whole(name_of(working), "I", "1", 300, 100, 200, avg=-149)
        assert mends(tom) == ["Book what is missing: 100 at 50.2.", "Book what is missing: 200 at 99.6."]
        one = ReconciledRoute.objects.latest("pk")
        assert one.text.startswith("Its price is ours: the net price -149 of a package")
        assert not Execution.objects.exists(), "nothing changes unless a person says so"
        assert "the broker counts 100 packages" in page_selectors.package(working).odds[0]

        decide(one)

        assert states(working) == [("PARTLY_FILLED", 300, 100, 200), ("PARTLY_FILLED", 600, 200, 400)]
        assert [(e.qty, e.price) for e in Execution.objects.order_by("route")] == [(100, D("50.2")), (200, D("99.6"))]
        row.refresh_from_db()
        assert row.status == "MENDED" and set(ReconciledRoute.objects.values_list("decision", "decided_by")) == {("MEND", tom.pk)}
        shown = page_selectors.package(working)
        assert (shown.done, shown.net, shown.odds, shown.balanced) == (100, -149, [], True)
        assert Package.objects.get().told_qty == 100

    def test_one_leg_alone_where_only_its_reports_are_missing(self, working, harbor, back, decide, tom):  # noqa: F811
        one, two = routes_of(working)
        harbor.leg(name_of(working), one, 100, "50.1", 100)
        back()
        harbor.whole(name_of(working), "I", "1", 300, 100, 200, avg=-149)

        assert mends(tom) == ["", "Book what is missing: 200 at 99.55."]
        decide(ReconciledRoute.objects.get(route=two))
        assert states(working) == [("PARTLY_FILLED", 300, 100, 200), ("PARTLY_FILLED", 600, 200, 400)]
        assert page_selectors.package(working).odds == []

    def test_and_ended_where_it_is_over_there(self, working, harbor, back, decide, tom):  # noqa: F811
        back()
        harbor.whole(name_of(working), "I", "4", 300, 100, 0, avg=-150)
        decide(ReconciledRoute.objects.first())

        assert states(working) == [("CANCELED", 300, 100, 0), ("CANCELED", 600, 200, 0)]
        assert at_brokers(working) == [100, 200]

    @pytest.mark.parametrize(("status", "more", "after"), [("4", {}, "CANCELED"), ("8", {"text": "none such", "103": 5}, "REJECTED")])
    def test_all_legs_end_where_none_is_filled(self, working, harbor, back, decide, status, more, after):  # noqa: F811
        back()
        harbor.whole(name_of(working), "I", status, 300, 0, 0, **more)
        decide(ReconciledRoute.objects.first())

        assert {one[0] for one in states(working)} == {after} and at_brokers(working) == [0, 0]

    def test_a_leg_that_is_told_by_itself_has_its_own_price(self, working, harbor, back, decide, tom):  # noqa: F811
        one, two = routes_of(working)
        back()
        for route, cum, price in ((one, 100, 51), (two, 200, 99)):
            harbor.say("8", {
                37: "PKG1", 17: "0", 150: "I", 39: "1", 11: name_of(working), 442: 2, 555: 1, 654: route.package_leg.leg_ref, 38: route.qty,
                14: cum, 151: route.qty - cum, 6: price,
            } | {60: "20261130-10:00:00"})  # fmt: skip

        assert mends(tom) == ["Book what is missing: 100 at 51.", "Book what is missing: 200 at 99."]
        decide(ReconciledRoute.objects.get(route=one))
        assert [row.decision for row in ReconciledRoute.objects.order_by("pk")] == ["MEND", ""]

    @pytest.mark.parametrize("avg", [None, -1_000])
    def test_nothing_is_proposed_without_a_net_price_that_legs_can_have(self, working, harbor, back, decide, tom, avg):  # noqa: F811
        back()
        harbor.whole(name_of(working), "I", "1", 300, 100, 200, **({} if avg is None else {"avg": avg}))

        assert mends(tom) == ["", ""]
        with pytest.raises(routing.NotMendable, match="Call it"):
            decide(ReconciledRoute.objects.first())
        decide(ReconciledRoute.objects.first(), "KEEP")
        assert [row.decision for row in ReconciledRoute.objects.order_by("pk")] == ["KEEP", ""]
        assert not Execution.objects.exists()

    def test_none_of_it_where_more_was_heard_of_one_leg(self, working, harbor, back, decide, tom):  # noqa: F811
        back()
        harbor.whole(name_of(working), "I", "1", 300, 100, 200, avg=-149)
        harbor.leg(name_of(working), routes_of(working)[1], 200, 100, 200)

        with pytest.raises(routing.OrderMoved, match="200 filled by now"):
            decide(ReconciledRoute.objects.first())
        assert Execution.objects.count() == 1 and not ReconciledRoute.objects.exclude(decision="").exists()

    def test_fills_that_come_after_all_are_held(self, working, harbor, back, decide, tom):  # noqa: F811
        back()
        harbor.whole(name_of(working), "I", "1", 300, 100, 200, avg=-149)
        decide(ReconciledRoute.objects.first())
        for route, qty, price in zip(routes_of(working), (100, 200), (50, 100), strict=True):
            harbor.leg(name_of(working), route, qty, price, qty)

        assert Execution.objects.count() == 2
        held = Message.objects.filter(status="QUARANTINED")
        assert held.count() == 2 and all("booked as missing" in one.problem for one in held)

    def test_on_the_page_and_over_the_api(self, working, harbor, back, tom, client):  # noqa: F811
        row = back()
        harbor.whole(name_of(working), "I", "1", 300, 100, 200, avg=-149)
        one, other = ReconciledRoute.objects.order_by("pk")
        page = words(visit(tom, "routing:reconciliations"))
        assert "100 at 50.2." in page and "200 at 99.6." in page and "Its price is ours" in page
        asked = words(visit(tom, "routing:difference_mend", one.pk, htmx=True))
        assert f"And {other.route.ref}" in asked and "200 at 99.6." in asked and "Its price is ours" in asked
        assert f"And {other.route.ref}" not in words(visit(tom, "routing:difference_keep", one.pk, htmx=True))
        client.force_login(tom)
        said = client.get("/api/v1/reconciliations/").json()["results"][0]["routes"][0]
        assert said["text"].startswith("Its price is ours") and said["their_avg_price"] == "50.20000000"

        row.refresh_from_db()
        answer = send(tom, "routing:difference_mend", {"seen": f"{row.pk}:{row.version}", "reason": "On the phone"}, one.pk)

        assert answer.status_code < 300 and Execution.objects.count() == 2
        assert reverse("routing:difference_mend", args=[other.pk]) not in words(visit(tom, "routing:reconciliations"))


@pytest.mark.django_db(transaction=True)
def test_two_accept_different_legs_at_once_and_it_is_mended_once(working, harbor, back, decide, tom, tess, by):  # noqa: F811
    row = back()
    harbor.whole(name_of(working), "I", "1", 300, 100, 200, avg=-149)
    row.refresh_from_db()
    ids = list(ReconciledRoute.objects.order_by("pk").values_list("pk", flat=True))

    found = at_once(
        *[
            lambda who=who, pk=pk: routing.decide_difference(by(who, "On the phone"), pk, "MEND", seen={row.pk: row.version})
            for who, pk in zip((tom, tess), ids, strict=True)
        ]
    )

    assert sorted(found, key=str) in ([None, "OrderMoved"], [None, "StaleReconciliation"])
    assert Execution.objects.count() == 2
