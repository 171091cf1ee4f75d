"""Blocks that the smart router splits: over the venues their brokers reach, past every check, with the arithmetic kept."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.compliance import services as compliance
from apps.core.refusals import Invalid
from apps.marketdata import services as marketdata
from apps.marketdata.models import AverageVolume, Quote, VenueQuote
from apps.reference.models import Currency, Venue
from apps.routing import services as routing
from apps.routing.models import CostEstimate, Route, VenueAccess
from apps.routing.outlet_selectors import fills_since
from apps.routing.services.counterparties import BarredBroker
from tests.pages import visit, words

from .conftest import sent

D = Decimal


@pytest.fixture
def venues(firm):
    """XAAA through Harbor and Meridian, XBBB through Harbor alone, each a fifth of the volume of AAA."""
    made = {
        mic: Venue.objects.create(
            mic=mic, name=mic, country="US", calendar="XNYS", timezone="America/New_York", currency=Currency.objects.get(pk="USD"),
            opens_at="09:30", closes_at="16:00",
        )
        for mic in ("XAAA", "XBBB")
    }  # fmt: skip
    for broker, mic in (("HARBOR", "XAAA"), ("HARBOR", "XBBB"), ("MERIDIAN", "XAAA")):
        VenueAccess.objects.create(broker=firm.brokers[broker], venue=made[mic], unit_fee=D("0.003"), volume_pct=20)
    return made


@pytest.fixture
def shows(by, olga, venues):
    def make(mic: str, qty: int, ask: str = "50.01", bid: str = "49.99", at=None) -> int:
        tick = marketdata.VenueTick("AAA", mic, D(bid), D(qty), D(ask), D(qty), at or timezone.now())
        return marketdata.record_venue_quotes(by(olga), [tick])

    return make


@pytest.fixture
def smart(tom, by):
    def route(block, broker: str | None = "HARBOR", **more) -> list[Route]:
        seen = {block.pk: block.version}
        done = routing.route_blocks(by(tom, "At once."), [block.pk], seen=seen, broker_code=broker, strategy="SMART", **more)
        return list(Route.objects.filter(pk__in=done.routes).order_by("pk"))

    return route


class TestSplitting:
    def test_a_block_goes_in_parts_to_venues_that_sum_to_it(self, a_block, shows, smart):
        shows("XAAA", 300)
        shows("XBBB", 500)
        block = a_block("AAA", "BUY", 1_000)

        made = smart(block)

        assert [r.params for r in made] == [{"venue": "XAAA"}, {"venue": "XBBB"}]
        assert {r.broker.code for r in made} == {"HARBOR"} and {r.strategy for r in made} == {"SMART"}
        assert sum(r.qty for r in made) == 1_000 and all(r.qty % 100 == 0 for r in made)
        assert made[0].qty >= 300 and made[1].qty >= 500
        block.refresh_from_db()
        assert (block.placed_qty, block.unplaced_qty) == (1_000, 0)

    def test_brokers_are_told_the_venue_and_no_algorithm(self, a_block, shows, smart):
        shows("XAAA", 5_000)
        smart(a_block("AAA", "BUY", 1_000))
        [order] = sent("D")
        assert (order[100], 847 in order) == ("XAAA", False)

    def test_the_arithmetic_is_kept_and_shown(self, a_block, shows, smart, tom):
        shows("XAAA", 300)
        shows("XBBB", 500)
        first, _ = smart(a_block("AAA", "BUY", 1_000))

        told = first.trace["smart"]
        assert [s["outlet"] for s in told["shares"]] == ["XAAA HARBOR", "XBBB HARBOR"]
        assert sum(D(s["qty"]) for s in told["shares"]) == 1_000
        assert max(D(s["last"]) for s in told["shares"]) == D(told["dearest"]) <= D(told["cheaper"])
        assert told["missing"] == [f"{m} HARBOR: nothing was sent there yet; that all is filled is reckoned." for m in ("XAAA", "XBBB")]
        shown = words(visit(tom, "routing:route", first.pk, htmx=True))
        assert "How it was split" in shown and "XBBB HARBOR" in shown
        assert CostEstimate.objects.filter(moment="ARRIVAL").count() == 2

    def test_it_is_shown_before_it_is_done(self, a_block, shows, tom):
        shows("XAAA", 300)
        block = a_block("AAA", "BUY", 1_000)
        asked = f"?seen={block.pk}:1&broker_code=HARBOR&strategy=SMART&reason=x"
        shown = words(visit(tom, "blocks:route", query=asked, htmx=True))
        assert "Split among venues" in shown and "XAAA HARBOR" in shown
        assert not Route.objects.exists()

    def test_what_a_venue_does_not_show_is_said(self, a_block, shows, smart):
        shows("XAAA", 300, at=timezone.now() - timedelta(hours=1))  # Too old to count.
        made = smart(a_block("AAA", "BUY", 1_000))
        said = "XAAA: what it shows is not known; the whole market's price and nothing at it is reckoned."
        assert said in made[0].trace["smart"]["missing"]

    def test_what_was_filled_there_counts(self, a_block, shows, smart, street, tom):
        shows("XAAA", 5_000)
        shows("XBBB", 5_000)
        first = smart(a_block("AAA", "BUY", 1_000))[0]
        assert first.params == {"venue": "XAAA"}  # Of equals the first.
        street.report(first, "F", "1", last=(400, "50.01"), cum=400, leaves=600)
        street.report(Route.objects.get(pk=first.pk), "4", "4", cum=400, leaves=0)
        found = fills_since(timezone.now() - timedelta(days=1))
        assert found == {(first.broker_id, Venue.objects.get(mic="XAAA").pk): (1, D(1_000), D(400))}
        shown = words(visit(tom, "routing:venues"))
        assert "XAAA" in shown and "40.0%" in shown and "nothing sent yet" in shown
        client = Client()
        client.force_login(tom)
        assert client.get(reverse("api-venue-accesses")).json()[0]["filled_pct"] == "40.0000"

        [second] = smart(a_block("AAA", "SELL", 1_000))

        assert second.params == {"venue": "XBBB"}
        assert [s["fill_pct"] for s in second.trace["smart"]["shares"]] == ["40.0", "100.0"]

    def test_odd_lots_are_split_in_single_shares(self, a_block, shows, smart):
        shows("XAAA", 300)
        shows("XBBB", 300)
        made = smart(a_block("AAA", "BUY", 650))
        assert sum(r.qty for r in made) == 650


def test_what_a_venue_has_is_there_once_and_taken_through_the_cheaper_broker(a_block, shows, firm, omar, tom, by):
    shows("XAAA", 5_000)
    text = routing.RuleText(5, "Lit", "ALGO", brokers=["HARBOR", "MERIDIAN"], strategy="SMART")
    change = routing.propose_rule(by(tom, "Why."), text)
    routing.approve_rule(by(omar), change, seen={change: 1})
    VenueAccess.objects.filter(broker=firm.brokers["MERIDIAN"]).update(unit_fee=D("0.001"))
    block = a_block("AAA", "BUY", 1_000)
    routing.route_blocks(by(tom), [block.pk], seen={block.pk: 1})
    route = Route.objects.get()
    assert (route.broker.code, route.params) == ("MERIDIAN", {"venue": "XAAA"})


class TestRestrictions:
    def test_only_brokers_that_every_portfolio_trades_with_are_asked(self, a_block, shows, firm, omar, tom, by):
        shows("XAAA", 100)
        shows("XBBB", 5_000)
        text = routing.RuleText(5, "Lit", "ALGO", brokers=["HARBOR", "MERIDIAN"], strategy="SMART")
        change = routing.propose_rule(by(tom, "Why."), text)
        routing.approve_rule(by(omar), change, seen={change: 1})
        entry = compliance.Listing("Conflict.", timezone.now().date(), broker_id=firm.brokers["HARBOR"].pk,
                                   portfolio_id=firm.portfolios["P2"].pk)  # fmt: skip
        compliance.restrict(by(omar), [entry])
        free, bound = a_block("CCC", "BUY", 1_000), a_block("AAA", "BUY", 600, 400)  # P1; P1 and P2.

        routing.route_blocks(by(tom), [bound.pk], seen={bound.pk: 1})
        assert set(Route.objects.filter(block=bound).values_list("broker__code", flat=True)) == {"MERIDIAN"}
        routing.route_blocks(by(tom), [free.pk], seen={free.pk: 1})
        assert Route.objects.filter(block=free, broker__code="HARBOR").exists()

    def test_a_broker_that_one_bars_is_refused(self, a_block, shows, smart, firm, omar, by):
        shows("XAAA", 100)
        entry = compliance.Listing("Conflict.", timezone.now().date(), broker_id=firm.brokers["HARBOR"].pk,
                                   portfolio_id=firm.portfolios["P2"].pk)  # fmt: skip
        compliance.restrict(by(omar), [entry])
        with pytest.raises(BarredBroker):
            smart(a_block("AAA", "BUY", 600, 400))
        assert not Route.objects.exists()


class TestRefusals:
    def test_what_is_no_share(self, a_block, venues, tom, by):
        block = a_block("BOND", "BUY", 100_000)
        with pytest.raises((routing.NotMarketable, Invalid)):
            routing.route_blocks(by(tom, "x"), [block.pk], seen={block.pk: 1}, broker_code="HARBOR", strategy="SMART")
        assert not Route.objects.exists()

    def test_a_limit_that_would_wait(self, a_block, shows, smart):
        shows("XAAA", 100)
        with pytest.raises(routing.NotMarketable, match="the market is at 50.01: it would wait"):
            smart(a_block("AAA", "BUY", 1_000, order_type="LIMIT", limit_price="50"))
        assert smart(a_block("AAA", "SELL", 1_000, order_type="LIMIT", limit_price="49.99"))  # At the market is not beyond it.

    def test_a_venue_outside_the_limit_is_left_out(self, a_block, shows, smart):
        shows("XAAA", 100, ask="50.03", bid="50.00")
        shows("XBBB", 100)
        made = smart(a_block("AAA", "BUY", 1_000, order_type="LIMIT", limit_price="50.02"))
        assert [r.params for r in made] == [{"venue": "XBBB"}]

    @pytest.mark.parametrize("lost", [Quote, AverageVolume, VenueAccess])
    def test_where_nobody_can_say_what_it_costs(self, a_block, shows, smart, lost):
        shows("XAAA", 100)
        block = a_block("AAA", "BUY", 1_000)
        lost.objects.all().delete()
        with pytest.raises(routing.NoOutlet):
            smart(block)
        assert not Route.objects.exists()


class TestWhatVenuesShow:
    def test_the_newest_is_kept(self, shows):
        now = timezone.now()
        assert shows("XAAA", 300, at=now) == 1
        assert shows("XAAA", 900, at=now - timedelta(seconds=1)) == 0
        assert VenueQuote.objects.get().ask_qty == 300

    def test_over_the_api_all_or_none_with_every_bad_row(self, venues, firm, olga, tom):
        client, url = Client(), reverse("api-venue-quotes")
        client.force_login(olga)
        good = {"symbol": "AAA", "venue": "XAAA", "bid": "49.99", "bid_qty": "100", "ask": "50.01", "ask_qty": "200",
                "at": timezone.now().isoformat()}  # fmt: skip
        bad = [good | {"symbol": "NONE"}, good | {"ask": "49"}, good | {"bid_qty": "-1"}]
        answer = client.post(url, {"quotes": [good, *bad]}, content_type="application/json")
        assert (answer.status_code, [r["row"] for r in answer.json()["facts"]["rows"]]) == (422, [1, 2, 3])
        assert not VenueQuote.objects.exists()
        assert client.post(url, {"quotes": [good]}, content_type="application/json").json() == {"kept": 1}
        assert client.get(url).json()["results"][0]["ask_qty"] == "200.0000"
        client.force_login(tom)
        assert client.post(url, {"quotes": [good]}, content_type="application/json").status_code == 403
