"""What brokers take for what they executed: as said, by the rate cards, as booked; and the break between them."""

from decimal import Decimal
from fractions import Fraction

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from apps.allocations import rules
from apps.allocations import services as allocations
from apps.allocations.models import Allocation, Charge
from apps.core.refusals import IllegalMove, Invalid, NotAllowed
from apps.routing import services as routing
from apps.routing.rules.cards import Card, Choice

from .filling import holds_already, keep_promises

D = Decimal
BP = Card(7, kind="BPS", rate=D(2), books="CARD")


def ticket(said: str, card: Card = BP, value="500000", fills=1, qty="10000") -> rules.Ticket:
    return rules.Ticket("VWAP", D(qty), Fraction(value), D(said), fills, Choice(card, ()))


class TestCharge:
    @pytest.mark.parametrize(
        ("said", "card", "fills", "differs"),
        [
            ("100", BP, 1, False),
            ("100.01", BP, 2, False),  # Two fills, each rounded by half a cent.
            ("100.01", BP, 1, True),
            ("99.98", BP, 3, True),
            ("99.98", BP, 4, False),
            ("101", BP._replace(tolerance=D("0.99")), 1, True),
            ("101", BP._replace(tolerance=D("0.995")), 1, False),  # Exactly at it is none.
            ("0", BP, 1, False),  # Said nothing, and the card is booked.
            ("0", BP._replace(books="SAID"), 1, True),
        ],
    )
    def test_a_difference_is_more_than_rounding_and_tolerance(self, said, card, fills, differs):
        assert rules.charge([ticket(said, card, fills=fills)], 2).differs is differs

    def test_what_is_booked_is_the_cards_or_the_brokers_word(self):
        own = Card(0, 1, kind="BPS", rate=D(1), books="SAID")
        made = rules.charge([ticket("40", own), ticket("70", BP._replace(research_pct=D(40)), "300000.5")], 2)

        assert (made.said, made.expected, made.booked, made.research) == (D(110), D("110.00"), D("100.00"), D("24.00"))
        assert [line["card"] for line in made.trace] == ["the broker’s own rate", "RC-0007"]

    @settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        st.lists(st.tuples(st.integers(1, 10**9), st.decimals("0", "20", places=3)), min_size=1, max_size=6),
        st.decimals("0", "100", places=2),
    )
    def test_sums_are_rounded_once_and_research_is_a_part(self, orders, pct):
        made = rules.charge([ticket("0", Card(7, kind="BPS", rate=r, books="CARD", research_pct=pct), v) for v, r in orders], 2)
        exact = sum(Fraction(v) * Fraction(r) / 10_000 for v, r in orders)

        assert abs(Fraction(made.booked) - exact) <= Fraction(1, 200)
        assert 0 <= made.research <= made.booked == made.expected


class TestResearch:
    def test_goes_with_the_commission_to_the_last_cent(self):
        made = rules.charge([ticket("0", BP._replace(research_pct=D(33)), "500000")], 2)  # 100.00, 33.00 of it for research.

        for went, expected in (
            ([], [(1, D(33))]), ([(2, D("33.33")), (3, D("33.33"))], [(2, D(11)), (3, D(11)), (1, D(11))]),
            ([(2, D(100))], [(2, D(33))]), ([(2, D("0.01"))], [(1, D(33))]), ([(2, D("99.99")), (3, D("0.01"))], [(2, D(33))]),
        ):  # fmt: skip
            assert rules.research_of(1, made, went, 2) == expected

    def test_none_of_a_rebate(self):
        both = [ticket("-50", Card(0, 1, books="SAID")), ticket("30", BP._replace(books="SAID", research_pct=D(40)))]
        assert rules.charge(both, 2).research == 0
        assert rules.research_of(1, rules.charge(both, 2), [(2, D(-20))], 2) == []


@pytest.fixture
def card(firm, by, olga, alan):
    def make(broker="NORTHGATE", rate="3", **more) -> int:
        said = Card(0, firm.brokers[broker].pk, kind="BPS", rate=D(rate), books="CARD", starts_on=timezone.localdate())._replace(**more)
        pk = routing.propose_rate_card(by(olga, "Agreed"), said)
        routing.approve_rate_card(by(alan), pk, seen={pk: 1})
        holds_already(pk)
        return pk

    return make


class TestBooked:
    def test_by_the_card_in_place_of_what_was_said_and_shared_to_the_cent(self, street, card):
        card(starts_on=timezone.localdate())
        block = street.allocated("AAA", "SELL", {"P1": 5000, "P2": 3000, "P3": 2000}, [(1000, "50.00", "1.00"), (2333, "50.01", "2.34")])
        rows, one = Allocation.objects.filter(block=block), Charge.objects.get()

        # 166,673.33 × 3 bp = 50.001999
        assert (one.said_amount, one.expected_amount, one.booked_amount, one.status) == (D("3.34"), D("50.00"), D("50.00"), "DIFFERS")
        assert sum(r.commission_amount for r in rows) == D("50.00")
        assert one.trace[0]["worked"] == "3 bp × 166673.33" and one.trace[0]["beat"] == ["the broker’s own rate"]

    def test_where_no_card_fits_the_brokers_word_and_its_own_rate(self, street):
        street.allocated("AAA", "SELL", {"P1": 5000, "P2": 3000}, [(8000, "50.00", "80.00")])
        one = Charge.objects.get()

        assert (one.said_amount, one.expected_amount, one.booked_amount, one.status) == (D(80), D(80), D(80), "AGREED")

    def test_each_broker_and_strategy_by_its_own(self, street, card):
        card("HARBOR", "1", strategy="VWAP", research_pct=D(50))
        block = street.block("AAA", "SELL", {"P1": 5000, "P2": 5000})
        for route, qty in ((street.route(block, "NORTHGATE", 4000), 4000), (street.route(block, "HARBOR"), 6000)):
            street.fill(route, qty, "50.00", "40.00")
        keep_promises("allocations.")

        names = ("broker__code", "expected_amount", "booked_amount", "research_amount", "status")
        assert list(Charge.objects.order_by("booked_amount").values_list(*names)) == [
            ("HARBOR", D(30), D(30), D(15), "DIFFERS"), ("NORTHGATE", D(40), D(40), D(0), "AGREED"),
        ]  # fmt: skip

    def test_it_is_withdrawn_with_the_booking_and_made_anew(self, street, card):
        card()
        block = street.block("AAA", "SELL", {"P1": 5000, "P2": 5000})
        route = street.route(block)
        first = street.fill(route, 4000, "50.00", "60.00")
        street.fill(route, 6000, "50.00", "90.00")
        keep_promises("allocations.")
        street.bust(route, first, 4000, "50.00")
        street.end(route)
        street.finish(block)
        keep_promises("allocations.")

        assert list(Charge.objects.order_by("wave").values_list("wave", "booked_amount", "status")) == [
            (1, D(150), "WITHDRAWN"), (2, D(90), "AGREED"),
        ]  # fmt: skip


    def test_a_rebate_is_booked_below_zero_and_nothing_of_it_is_put_by(self, street, card):
        card("NORTHGATE", "3", books="SAID", research_pct=D(40))
        block = street.allocated("AAA", "SELL", {"P1": 5000, "P2": 3000}, [(8000, "50.00", "-5.00")])
        one = Charge.objects.get()

        assert (one.booked_amount, one.research_amount) == (D(-5), D(0))
        assert sum(row.commission_amount for row in Allocation.objects.filter(block=block)) == D(-5)


@pytest.fixture
def broken(street, card) -> Charge:
    card()
    street.allocated("AAA", "SELL", {"P1": 5000, "P2": 3000}, [(8000, "50.00", "80.00")])
    return Charge.objects.get()


class TestSettled:
    def test_operations_say_how_it_ended(self, broken, by, olga):
        allocations.settle_charges(by(olga, "They send a credit note"), "CARD", seen={broken.pk: 1})

        broken.refresh_from_db()
        assert (broken.status, broken.how, broken.reason, broken.version) == ("SETTLED", "CARD", "They send a credit note", 2)
        with pytest.raises(IllegalMove):
            allocations.settle_charges(by(olga, "Again"), "CARD", seen={broken.pk: 2})

    def test_refused_and_nothing_changed(self, broken, by, olga, tom):
        with pytest.raises(NotAllowed):
            allocations.settle_charges(by(tom, "x"), "CARD", seen={broken.pk: 1})
        with pytest.raises(Invalid, match="reason"):
            allocations.settle_charges(by(olga), "CARD", seen={broken.pk: 1})
        with pytest.raises(Invalid, match="right"):
            allocations.settle_charges(by(olga, "x"), "NOBODY", seen={broken.pk: 1})
        with pytest.raises(allocations.StaleCharge):
            allocations.settle_charges(by(olga, "x"), "CARD", seen={broken.pk: 7})
        assert Charge.objects.get().status == "DIFFERS"

    def test_on_its_pages(self, broken, olga, ada):
        browser = Client()
        browser.force_login(olga)
        page = browser.get(reverse("settlement:board") + "?charges=DIFFERS").content.decode()
        assert broken.ref in page and "Commissions differ" in page
        paper = browser.get(reverse("settlement:charge", args=[broken.pk])).content.decode()
        assert "3 bp × 400000 = 120" in paper and "the broker said 80" in paper
        url = reverse("settlement:charge_settle", args=[broken.pk])
        assert "booked" in browser.get(url).content.decode()
        assert browser.post(url, {"seen": f"{broken.pk}:1", "how": "CARD", "reason": ""}).status_code == 422
        assert browser.post(url, {"seen": f"{broken.pk}:1", "how": "CARD", "reason": "Credit note"}).status_code == 204
        assert browser.post(url, {"seen": f"{broken.pk}:1", "how": "CARD", "reason": "Credit note"}).status_code == 409
        assert browser.get(reverse("desk:timeline", args=["charge", broken.pk])).status_code == 200

    def test_over_the_api(self, broken, olga, ada):
        mine, reader = APIClient(), APIClient()
        mine.force_authenticate(olga)
        reader.force_authenticate(ada)
        (one,) = reader.get("/api/v1/commissions/?status=DIFFERS").json()["results"]
        assert (one["said_amount"], one["expected_amount"], one["difference"]) == ("80.0000", "120.0000", "-40.0000")
        url = f"/api/v1/commissions/{broken.pk}/settle/"
        body = {"version": 1, "how": "BROKER", "reason": "The old card held"}
        assert reader.post(url, body, format="json").status_code == 403
        assert mine.post(url, body, format="json").json()["status"] == "SETTLED"
        assert mine.post(url, body, format="json").status_code == 409
