"""Rate cards: which one decides, what it takes to the last unit, and the two people who keep it."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from apps.core.refusals import IllegalMove, Invalid, NotAllowed
from apps.routing import services as routing
from apps.routing.models import CostEstimate, RateCard
from apps.routing.rules import cards
from apps.routing.rules.cards import Card, Deal
from tests.races import at_once

D = Decimal
OWN = Card(0, 1, kind="BPS", rate=D(2))
DEAL = Deal(1, "XNAS", "US", "EQUITY", "VWAP", "USD", date(2026, 11, 30))


def bps(pk: int, rate: str = "1", **asks) -> Card:
    return Card(pk, kind="BPS", rate=D(rate), **asks)


class TestChosen:
    @pytest.mark.parametrize(
        ("more", "less"),
        [
            ({"broker_id": 1}, {"strategy": "VWAP", "mic": "XNAS", "asset_class": "EQUITY", "currency": "USD"}),
            ({"strategy": "VWAP"}, {"mic": "XNAS", "asset_class": "EQUITY", "currency": "USD"}),
            ({"mic": "XNAS"}, {"country": "US", "asset_class": "EQUITY", "currency": "USD"}),
            ({"country": "US"}, {"asset_class": "EQUITY", "currency": "USD"}),
            ({"asset_class": "EQUITY"}, {"currency": "USD"}),
            ({"currency": "USD"}, {}),
        ],
    )  # fmt: skip
    def test_the_most_specific_decides_and_says_what_it_beat(self, more, less):
        choice = cards.choose([bps(7, **more), bps(8, **less)], DEAL, OWN)

        assert choice.card.id == 7
        assert [card.id for card in choice.beaten] == [8, 0]

    @pytest.mark.parametrize(
        "asks",
        [{"broker_id": 2}, {"mic": "XNYS"}, {"country": "GB"}, {"asset_class": "ETF"}, {"strategy": "TWAP"}, {"currency": "EUR"},
         {"starts_on": date(2026, 12, 1)}, {"ends_on": date(2026, 11, 29)}],
    )  # fmt: skip
    def test_what_does_not_fit_leaves_the_brokers_own_rate(self, asks):
        assert cards.choose([bps(7, **asks)], DEAL, OWN) == (OWN, ())

    def test_both_its_days_count(self):
        on = DEAL.on

        assert cards.choose([bps(7, starts_on=on, ends_on=on)], DEAL, OWN).card.id == 7


class TestReckoned:
    @pytest.mark.parametrize(
        ("card", "amount", "worked"),
        [
            (Card(1, kind="BPS", rate=D("1.5")), "75", "1.5 bp × 500000"),
            (Card(1, kind="PERCENT", rate=D("0.02")), "100", "0.02% × 500000"),
            (Card(1, kind="PER_UNIT", rate=D("0.005")), "50", "0.005 × 10000"),
            (Card(1, kind="ABSOLUTE", rate=D("9.99")), "9.99", "9.99 an order"),
            (Card(1, kind="NONE"), "0", "none"),
            (Card(1, kind="BPS", rate=D("1.5"), least=D("75")), "75", "1.5 bp × 500000"),
            (Card(1, kind="BPS", rate=D("1.5"), least=D("75.01")), "75.01", "1.5 bp × 500000, at least 75.01"),
            (Card(1, kind="BPS", rate=D("1.5"), most=D("75")), "75", "1.5 bp × 500000"),
            (Card(1, kind="BPS", rate=D("1.5"), most=D("74.99")), "74.99", "1.5 bp × 500000, at most 74.99"),
            (Card(1, kind="BPS", rate=D(2), tiers=((D(500_000), D(1)),)), "100", "2 bp × 500000"),
            (Card(1, kind="BPS", rate=D(2), tiers=((D(499_999), D(1)), (D(600_000), D("0.5")))), "50", "1 bp × 500000, above 499999"),
        ],
    )
    def test_to_the_last_unit(self, card, amount, worked):
        assert cards.reckon(card, D(10_000), D(500_000)) == (Fraction(D(amount)), worked)

    @settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.decimals("0", "50", places=4), st.integers(1, 10**9), st.decimals("0", "100", places=2), st.decimals("0", "900", places=2))
    def test_it_lies_between_its_least_and_its_most(self, rate, value, least, more):
        card = Card(1, kind="BPS", rate=rate, least=least, most=least + more)

        assert Fraction(least) <= cards.reckon(card, D(1), D(value)).amount <= Fraction(least + more)


class TestJudged:
    TODAY = date(2026, 11, 30)

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"kind": "MUCH"}, "kind"), ({"books": "BOTH"}, "books"), ({"mic": "XNAS", "country": "US"}, "country"),
            ({"rate": D(-1)}, "rate"), ({"rate": D("NaN")}, "rate"), ({"rate": D(0)}, "rate"), ({"kind": "NONE"}, "rate"),
            ({"tiers": ((D(5), D(1)), (D(5), D(2)))}, "tiers"), ({"tiers": ((D(0), D(1)),)}, "tiers"),
            ({"least": D(-1)}, "least_amount"), ({"least": D(2), "most": D(1)}, "most_amount"), ({"tolerance": D(-1)}, "tolerance_amount"),
            ({"research_pct": D("100.01")}, "research_pct"), ({"currency": "", "least": D(1)}, "currency"),
            ({"currency": "", "kind": "PER_UNIT"}, "currency"), ({"starts_on": date(2026, 11, 29)}, "starts_on"),
            ({"ends_on": date(2026, 11, 29)}, "ends_on"),
        ],
    )  # fmt: skip
    def test_what_cannot_be_is_refused_beside_its_field(self, change, field):
        card = Card(0, currency="USD", kind="BPS", rate=D(1), books="CARD", starts_on=self.TODAY)._replace(**change)

        assert [name for name, _ in cards.problems(card, self.TODAY)] == [field]

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"tiers": cards.tiers_of("1e999999999 1")}, "tiers"), ({"tiers": cards.tiers_of("1 1e30")}, "tiers"),
            ({"tiers": cards.tiers_of("1 1e-999999999")}, "tiers"), ({"tiers": ((D(10**16), D(1)),)}, "tiers"),
            ({"tiers": ((D(1), D(10**12)),)}, "tiers"), ({"tiers": ((D("0.00001"), D(1)),)}, "tiers"), ({"rate": D(10**12)}, "rate"),
            ({"tiers": ((D(1), D("0e999999999")),)}, "tiers"), ({"rate": D("0.000000001")}, "rate"), ({"least": D(10**16)}, "least_amount"),
            ({"most": D(10**16)}, "most_amount"), ({"tolerance": D("1e99")}, "tolerance_amount"),
            ({"research_pct": D("0.00001")}, "research_pct"),
        ],
    )  # fmt: skip
    def test_numbers_that_cannot_be_kept_are_refused_beside_their_field(self, change, field):
        card = Card(0, currency="USD", kind="BPS", rate=D(1), books="CARD", starts_on=self.TODAY)._replace(**change)

        assert [name for name, _ in cards.problems(card, self.TODAY)] == [field]

    def test_the_longest_numbers_that_can_be_kept_are_taken(self):
        edge, rate = D("9999999999999999.9999"), D("999999999999.99999999")
        card = Card(0, currency="USD", kind="BPS", rate=rate, tiers=((edge, rate),), least=edge, most=edge, starts_on=self.TODAY)

        assert cards.problems(card, self.TODAY) == []

    def test_tiers_read_as_they_are_written(self):
        assert cards.tiers_of("100,000 1.5\n\n500000 1") == ((D(100_000), D("1.5")), (D(500_000), D(1)))
        with pytest.raises(ValueError, match="Line 2"):
            cards.tiers_of("1 1\nmuch")


@pytest.fixture
def said(firm):
    def make(rate="1", **more) -> Card:
        broker = firm.brokers["HARBOR"].pk
        return Card(0, broker, kind="BPS", rate=D(rate), books="CARD", starts_on=timezone.localdate())._replace(**more)

    return make


@pytest.fixture
def in_force(by, olga, alan):
    def make(card: Card) -> int:
        pk = routing.propose_rate_card(by(olga, "Agreed with the broker"), card)
        routing.approve_rate_card(by(alan), pk, seen={pk: 1})
        return pk

    return make


class TestKept:
    def test_one_proposes_and_another_approves(self, said, by, olga, alan):
        pk = routing.propose_rate_card(by(olga, "Agreed"), said())

        with pytest.raises(NotAllowed, match="another person approves"):
            routing.approve_rate_card(by(olga), pk, seen={pk: 1})
        assert RateCard.objects.get().status == "PROPOSED"
        routing.approve_rate_card(by(alan), pk, seen={pk: 1})

        assert RateCard.objects.get().status == "IN_FORCE"
        with pytest.raises(IllegalMove):
            routing.decline_rate_card(by(alan), pk, seen={pk: 2})

    def test_the_database_says_so_too(self, said, by, olga):
        pk = routing.propose_rate_card(by(olga, "Agreed"), said())

        with pytest.raises(IntegrityError, match="another_person_approves_a_rate_card"), transaction.atomic():
            RateCard.objects.filter(pk=pk).update(status="IN_FORCE", decided_by=olga)

    @pytest.mark.parametrize("name", ["mira", "tom", "omar", "ada"])
    def test_others_keep_none(self, said, by, people, name):
        with pytest.raises(NotAllowed):
            routing.propose_rate_card(by(people[name], "Agreed"), said())

    def test_a_later_one_ends_the_one_without_an_end_on_the_day_before(self, said, in_force):
        today = timezone.localdate()
        first, second = in_force(said()), in_force(said("2", starts_on=today + timedelta(days=10)))

        assert dict(RateCard.objects.values_list("pk", "ends_on")) == {first: today + timedelta(days=9), second: None}

    def test_two_of_a_kind_never_hold_on_one_day(self, said, in_force, by, olga):
        today = timezone.localdate()
        pk = in_force(said(ends_on=today + timedelta(days=5)))

        with pytest.raises(routing.RateCardsOverlap, match="asks for the same"):
            routing.propose_rate_card(by(olga, "Again"), said(starts_on=today + timedelta(days=5)))
        in_force(said(starts_on=today + timedelta(days=6)))
        in_force(said(asset_class="EQUITY"))  # Asks for something else.
        with pytest.raises(IntegrityError, match="cards_of_a_kind_never_overlap"), transaction.atomic():
            RateCard.objects.filter(pk=pk).update(ends_on=today + timedelta(days=6))

    def test_what_is_not_on_file_is_refused(self, said, by, olga):
        for change, field in (({"broker_id": 0}, "broker"), ({"mic": "XXXY"}, "mic"), ({"currency": "XXX"}, "currency"),
                              ({"asset_class": "ART"}, "asset_class"), ({"country": "usa"}, "country")):  # fmt: skip
            with pytest.raises(Invalid) as refused:
                routing.propose_rate_card(by(olga, "Agreed"), said(**change))
            assert refused.value.facts["field"] == field
        with pytest.raises(Invalid, match="reason"):
            routing.propose_rate_card(by(olga), said())
        assert not RateCard.objects.exists()

    @pytest.mark.django_db(transaction=True)
    def test_of_two_approved_at_once_that_overlap_one_is(self, said, by, olga, alan):
        today = timezone.localdate()
        one = routing.propose_rate_card(by(olga, "Agreed"), said(ends_on=today + timedelta(days=5)))
        other = routing.propose_rate_card(by(olga, "Agreed"), said(starts_on=today + timedelta(days=3), ends_on=today + timedelta(days=9)))

        answers = at_once(*(lambda pk=pk: routing.approve_rate_card(by(alan), pk, seen={pk: 1}) for pk in (one, other)))

        assert sorted(map(str, answers)) == ["None", "RateCardsOverlap"]
        assert RateCard.objects.filter(status="IN_FORCE").count() == 1


def test_an_estimate_at_arrival_counts_the_card(a_block, said, in_force, tom, by):
    block = a_block("AAA", "BUY", 10_000)
    in_force(said("0.3", strategy="VWAP"))
    RateCard.objects.update(starts_on=block.trade_date)  # New York's day, which may still be the one before ours.
    routing.route_blocks(by(tom, "chosen"), [block.pk], seen={block.pk: block.version}, broker_code="HARBOR", strategy="VWAP")

    one = CostEstimate.objects.get(moment="ARRIVAL")
    assert "commission of HARBOR (RC-" in one.detail["parts"][1]["worked"]
    assert one.fees_amount == D(15)  # 500,000 × 0.3 bp


class TestPages:
    def test_olga_proposes_and_alan_approves(self, firm, olga, alan):
        browser, other = Client(), Client()
        browser.force_login(olga)
        other.force_login(alan)
        form = {"broker": "HARBOR", "mic": "", "country": "US", "asset_class": "EQUITY", "currency": "USD", "kind": "BPS",
                "rate": "1.25", "tiers": "1000000 1", "least_amount": "10", "books": "CARD", "starts_on": str(timezone.localdate()),
                "reason": "Agreed"}  # fmt: skip

        assert browser.post(reverse("routing:rate_card_propose"), form).status_code == 204
        card = RateCard.objects.get()
        page = other.get(reverse("routing:rate_cards")).content.decode()
        assert "1.25 bp; above 1000000: 1 bp; at least 10" in page and "Broker HARBOR, country US, class EQUITY, currency USD" in page
        url = reverse("routing:rate_card_approve", args=[card.pk])
        assert "1.25 bp" in other.get(url).content.decode()
        assert other.post(url, {"seen": f"{card.pk}:1"}).status_code == 204
        assert RateCard.objects.get().status == "IN_FORCE"

    def test_what_is_wrong_stands_beside_its_field(self, firm, olga):
        browser = Client()
        browser.force_login(olga)

        answer = browser.post(reverse("routing:rate_card_propose"), {
            "kind": "BPS", "rate": "1", "least_amount": "5", "books": "CARD", "tiers": "much", "starts_on": "2020-01-01", "reason": "x",
        })  # fmt: skip
        assert answer.status_code == 422 and "Line 1: write a value and a rate" in answer.content.decode()
        answer = browser.post(reverse("routing:rate_card_propose"), {
            "kind": "BPS", "rate": "1", "least_amount": "5", "books": "CARD", "starts_on": "2020-01-01", "reason": "x",
        })  # fmt: skip
        text = answer.content.decode()
        assert answer.status_code == 422 and "name it, and the card" in text and "begin today or later" in text
        assert not RateCard.objects.exists()


class TestApi:
    def test_another_system_keeps_cards_too(self, firm, olga, alan):
        mine, other = APIClient(), APIClient()
        mine.force_authenticate(olga)
        other.force_authenticate(alan)
        body = {"broker": "HARBOR", "currency": "USD", "kind": "PER_UNIT", "rate": "0.004", "least_amount": "5", "research_pct": "40",
                "starts_on": str(timezone.localdate()), "reason": "Agreed"}  # fmt: skip

        made = mine.post("/api/v1/rate-cards/", body, format="json", headers={"Idempotency-Key": "k"})
        again = mine.post("/api/v1/rate-cards/", body, format="json", headers={"Idempotency-Key": "k"})
        assert (made.status_code, again.json()["id"]) == (201, made.json()["id"])
        pk = made.json()["id"]
        assert mine.post(f"/api/v1/rate-cards/{pk}/approve/", {"version": 1}, format="json").status_code == 403
        done = other.post(f"/api/v1/rate-cards/{pk}/approve/", {"version": 1}, format="json").json()
        assert (done["status"], done["takes"]) == ("IN_FORCE", "0.004 USD a unit; at least 5; 40% of it for research")
        refused = mine.post("/api/v1/rate-cards/", body | {"broker": "NOBODY"}, format="json")
        assert refused.status_code == 422 and "NOBODY" in refused.json()["detail"]
        assert other.get("/api/v1/rate-cards/?status=IN_FORCE").json()["results"][0]["id"] == pk
