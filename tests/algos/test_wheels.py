"""Wheels: by two people's word, drawn before routing, with reasons for whoever could not be drawn, and made again by anybody."""

from collections import Counter
from datetime import timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.algos import services as algos
from apps.algos import wheel_selectors as selectors
from apps.algos.models import Draw, Season, Sequence, Wheel, WheelChange
from apps.algos.rules import wheel as rules
from apps.audit.models import Entry
from apps.compliance import services as compliance
from apps.core.acts import Act
from apps.core.refusals import Invalid, NotAllowed
from apps.marketdata.models import AverageVolume, Quote
from apps.routing import services as routing
from apps.routing.models import Route, Session
from tests.pages import send, visit, words
from tests.races import at_once

D = Decimal
pytestmark = pytest.mark.django_db
TWO = (algos.Destination("HARBOR", "VWAP", 2), algos.Destination("MERIDIAN", "TWAP", 1))


@pytest.fixture
def up(counterparties, by):
    routing.mark_sessions(by("gateway", via="gateway"), Session.objects.values_list("pk", flat=True), is_up=True)


@pytest.fixture
def a_wheel(firm, up, by, tom, omar):
    """``a_wheel(sizes=[D(1)])``: a wheel in force of two brokers, 2 to 1, as Tom wrote and Omar approved it."""

    def make(destinations=TWO, name="Main", **more) -> Wheel:
        change = algos.propose_wheel(by(tom, "To compare."), algos.WheelText(name, destinations, **more))
        return Wheel.objects.get(pk=algos.approve_wheel(by(omar), change, seen={change: 1}))

    return make


@pytest.fixture
def draws(a_block, by, tom):
    def make(wheel: Wheel, block=None, symbol="AAA", qty=100) -> Draw:
        block = block or a_block(symbol, "BUY", qty)
        return Draw.objects.get(pk=algos.draw(by(tom), wheel.pk, block.pk, seen=block.version))

    return make


class TestTwoPeople:
    def test_nobody_approves_what_they_wrote(self, up, by, omar, odile):
        change = algos.propose_wheel(by(omar, "Why."), algos.WheelText("Main", TWO))
        with pytest.raises(algos.OwnWheelChange):
            algos.approve_wheel(by(omar), change, seen={change: 1})
        with pytest.raises(DatabaseError), transaction.atomic():
            wheel = Wheel.objects.create(name="x")
            WheelChange.objects.filter(pk=change).update(status="APPROVED", decided_by=omar, number=1, wheel=wheel)
        algos.refuse_wheel(by(odile, "No."), change, seen={change: 1})
        assert not Wheel.objects.exists() and not Season.objects.exists()

    def test_who_may_not(self, up, by, tom, olga):
        with pytest.raises(NotAllowed):
            algos.propose_wheel(by(olga, "Why."), algos.WheelText("Main", TWO))
        change = algos.propose_wheel(by(tom, "Why."), algos.WheelText("Main", TWO))
        with pytest.raises(NotAllowed):
            algos.approve_wheel(by(tom), change, seen={change: 1})

    def test_another_text_closes_the_season_and_opens_one_with_another_seed(self, a_wheel, by, tom, omar):
        wheel = a_wheel()
        text = algos.WheelText("Main", (TWO[0]._replace(weight=1), TWO[1]))
        change = algos.propose_wheel(by(tom, "Evenly."), text, wheel_id=wheel.pk, seen=1)
        with pytest.raises(algos.WheelChangeWaits):
            algos.propose_wheel(by(omar, "No."), text, wheel_id=wheel.pk, seen=1)
        algos.approve_wheel(by(omar), change, seen={change: 1})
        first, second = Season.objects.order_by("n")
        assert (first.status, second.status, second.number) == ("CLOSED", "OPEN", 2) and first.seed != second.seed
        with pytest.raises(algos.StaleWheel):
            algos.propose_wheel(by(tom, "Late."), text._replace(days=5), wheel_id=wheel.pk, seen=1)

    @pytest.mark.parametrize(
        ("field", "more"),
        [
            ("destinations", {"destinations": TWO[:1]}), ("destinations", {"destinations": (*TWO, TWO[0])}),
            ("destinations", {"destinations": (TWO[0]._replace(weight=0), TWO[1])}),
            ("destinations", {"destinations": (TWO[0]._replace(weight=101), TWO[1])}),
            ("destinations", {"destinations": (TWO[0]._replace(broker="ALDGATE"), TWO[1])}),
            ("destinations", {"destinations": (TWO[0]._replace(strategy="MAGIC"), TWO[1])}),
            ("destinations", {"destinations": (TWO[0]._replace(strategy="PARTICIPATE"), TWO[1])}),
            ("destinations", {"destinations": (TWO[0]._replace(params={"fields": 5}), TWO[1])}),
            ("destinations", {"destinations": (TWO[0]._replace(params={"fields": [[847, "9"]]}), TWO[1])}),
            ("sizes", {"sizes": [D(5), D(1)]}), ("sizes", {"sizes": [D(0)]}),
            ("spreads", {"spreads": [D(2), D(2)]}), ("days", {"days": 0}), ("name", {"name": " "}),
        ],
    )  # fmt: skip
    def test_what_cannot_be_says_where(self, up, by, tom, field, more):
        said = {"name": "Main", "destinations": TWO} | more
        with pytest.raises(Invalid) as refused:
            algos.propose_wheel(by(tom, "Why."), algos.WheelText(**said))
        assert refused.value.facts["field"] == field and not WheelChange.objects.exists()


class TestDrawing:
    def test_is_on_the_record_before_anything_is_routed(self, a_wheel, draws, by, tom):
        one = draws(a_wheel())
        assert not Route.objects.exists()
        told = Entry.objects.get(subject="draw")
        assert (told.event, told.payload["counter"], told.payload["pick"]) == ("draw.made", 0, f"{one.broker.code} {one.strategy}")
        routed = algos.route_draw(by(tom), one.pk, seen={one.pk: 1})
        route = Route.objects.get(pk=routed.routes[0])
        one.refresh_from_db()
        assert (one.status, one.route) == ("ROUTED", route)
        assert (route.broker, route.strategy) == (one.broker, one.strategy)
        assert route.trace["override"]["reason"] == f"{one.ref} of “Main”, all"

    def test_the_hash_of_the_seed_is_told_first_and_the_seed_last(self, a_wheel, draws, by, omar, tom):
        draws(a_wheel())
        season = Season.objects.get()
        assert season.commitment == rules.commitment(season.seed)
        told = Entry.objects.get(event="season.opened")
        assert told.payload["commitment"] == season.commitment and season.seed not in str(told.payload)
        assert season.seed not in words(visit(tom, "algos:wheel", season.wheel_id))
        algos.close_season(by(omar, "Quarter's end."), season.pk, seen={season.pk: 1})
        assert Entry.objects.get(event="season.closed").payload["seed"] == season.seed
        assert season.seed in words(visit(tom, "algos:wheel", season.wheel_id, query=f"?season={season.pk}"))

    def test_counts_follow_weights_within_one_and_exactly_over_a_deck(self, a_wheel, draws, by, tom):
        wheel, counts = a_wheel(), Counter()
        for n in range(1, 10):
            one = draws(wheel)
            counts[one.broker.code] += 1
            algos.set_aside(by(tom, "Try."), one.pk, seen={one.pk: 1})
            assert abs(counts["HARBOR"] - D(2 * n) / 3) <= 1
        assert counts == {"HARBOR": 6, "MERIDIAN": 3}

    def test_strata_are_drawn_apart(self, a_wheel, draws):
        AverageVolume.objects.filter(instrument__symbol="CCC").delete()
        wheel = a_wheel(by_class=True, by_sector=True, sizes=[D(1), D(5)])
        for symbol, qty in (("AAA", 9_999), ("BBB", 10_000), ("CCC", 50_000)):
            draws(wheel, symbol=symbol, qty=qty)
        assert set(Sequence.objects.values_list("stratum", flat=True)) == {
            "EQUITY · Technology · below 1% of volume", "EQUITY · Industrials · 1% to 5% of volume", "EQUITY · Technology · size not known",
        }  # fmt: skip

    def test_a_spread_of_an_old_quote_is_not_known(self, a_wheel, draws, firm):
        firm.quote("AAA", "50", spread="0.02")  # 4 bp.
        wheel = a_wheel(spreads=[D(4), D(10)])
        assert draws(wheel).sequence.stratum == "4 bp to 10 bp spread"
        Quote.objects.update(at=timezone.now() - timedelta(seconds=901))
        assert draws(wheel, symbol="CCC").sequence.stratum == "spread not known"

    def test_a_block_is_not_drawn_for_again_until_the_draw_is_set_aside(self, a_wheel, draws, a_block, by, tom):
        wheel, block = a_wheel(), a_block("AAA", "BUY", 100)
        one = draws(wheel, block)
        with pytest.raises(algos.DrawnAlready):
            draws(wheel, block)
        with pytest.raises(Invalid):
            algos.set_aside(by(tom), one.pk, seen={one.pk: 1})
        algos.set_aside(by(tom, "The client called."), one.pk, seen={one.pk: 1})
        assert draws(wheel, block).counter == 1

    def test_a_draw_whose_route_is_refused_stays(self, a_wheel, draws, by, tom, tess):
        one = draws(a_wheel())
        routing.set_halt(by(tess, "Stop."), scope="FIRM")
        with pytest.raises(routing.RoutingHalted):
            algos.route_draw(by(tom), one.pk, seen={one.pk: 1})
        one.refresh_from_db()
        assert one.status == "DRAWN" and not Route.objects.exists()

    def test_nothing_of_it_is_changed_or_deleted(self, a_wheel, draws):
        one = draws(a_wheel())
        for change in (lambda: Draw.objects.filter(pk=one.pk).update(pick=1 - one.pick), one.delete):
            with pytest.raises(DatabaseError), transaction.atomic():
                change()
        with pytest.raises(DatabaseError), transaction.atomic():
            Season.objects.update(seed="0" * 64)


class TestExclusions:
    def excluded(self, one: Draw) -> dict[str, str]:
        return dict(one.excluded)

    def test_a_session_that_is_down(self, a_wheel, draws):
        wheel = a_wheel()
        Session.objects.filter(broker__code="HARBOR").update(is_up=False)
        one = draws(wheel)
        assert (one.broker.code, self.excluded(one)) == ("MERIDIAN", {"HARBOR VWAP": "Its session is down."})
        assert one.sequence.among == [1]

    def test_a_broker_that_compliance_restricted(self, a_wheel, draws, firm, omar, by):
        wheel = a_wheel()
        compliance.restrict(by(omar), [compliance.Listing("No.", timezone.now().date(), broker_id=firm.brokers["HARBOR"].pk)])
        one = draws(wheel)
        assert one.broker.code == "MERIDIAN" and self.excluded(one)["HARBOR VWAP"].startswith("Compliance restricted Harbor")

    def test_a_broker_that_a_portfolio_does_not_trade_with(self, a_wheel, draws, a_block, firm, omar, by):
        wheel = a_wheel()
        who = {"broker_id": firm.brokers["MERIDIAN"].pk, "portfolio_id": firm.portfolios["P1"].pk}
        compliance.restrict(by(omar), [compliance.Listing("No.", timezone.now().date(), **who)])
        one = draws(wheel)
        assert self.excluded(one) == {"MERIDIAN TWAP": "1 of its portfolios may not trade with it: restricted by compliance."}

    def test_all_of_them_is_refused_with_why_and_costs_no_counter(self, a_wheel, draws, a_block):
        wheel, block = a_wheel(), a_block("AAA", "BUY", 100)
        Session.objects.update(is_up=False)
        with pytest.raises(algos.NobodyEligible, match="HARBOR VWAP: Its session is down.; MERIDIAN TWAP: Its session is down."):
            draws(wheel, block)
        assert not Draw.objects.exists() and not Sequence.objects.exists()

    def test_who_could_be_drawn_makes_a_sequence_of_its_own(self, a_wheel, draws):
        wheel = a_wheel()
        draws(wheel)
        Session.objects.filter(broker__code="HARBOR").update(is_up=False)
        assert draws(wheel, symbol="CCC").counter == 0


class TestVerifying:
    def test_every_draw_is_made_again(self, a_wheel, draws, by, omar, tom):
        wheel = a_wheel(by_class=True)
        for _ in range(5):
            one = draws(wheel)
            algos.set_aside(by(tom, "Try."), one.pk, seen={one.pk: 1})
        season = Season.objects.get()
        assert selectors.verified(season) == (5, [])
        algos.close_season(by(omar, "Done."), season.pk, seen={season.pk: 1})
        said = StringIO()
        call_command("wheel_verify", season.pk, "--seed", season.seed, stdout=said)
        assert "all 5 draws are as the seed makes them" in said.getvalue()

    def test_another_seed_is_found_out(self, a_wheel, draws):
        draws(a_wheel())
        with pytest.raises(CommandError, match="not the one whose hash was told"):
            call_command("wheel_verify", Season.objects.get().pk, "--seed", "0" * 64)

    def test_a_draw_that_is_missing_is_found_out(self, a_wheel, draws):
        draws(a_wheel())
        Sequence.objects.update(drawn=2)
        assert selectors.verified(Season.objects.get()).problems == ["all: counters are not 0 to 1, each once."]

    @pytest.mark.record_tampered
    def test_a_hash_that_is_not_the_records_is_found_out(self, a_wheel, draws):
        draws(a_wheel())
        season = Season.objects.get()
        season.commitment = rules.commitment(season.seed + "x")
        assert "The record has another hash of the seed, or none." in selectors.verified(season).problems

    def test_a_season_whose_time_is_over_is_closed_by_itself_at_its_moment(self, a_wheel, by):
        a_wheel(days=1)
        season = Season.objects.get()
        scheduler = by("scheduler")
        for at, closed in ((season.due_at - timedelta(microseconds=1), 0), (season.due_at, 1), (season.due_at, 0)):
            assert algos.close_due_seasons(Act(by=scheduler.by, at=at, via="worker")) == closed
        assert list(Season.objects.order_by("n").values_list("n", "status")) == [(1, "CLOSED"), (2, "OPEN")]


class TestResults:
    def test_counts_fills_and_costs_by_destination(self, a_wheel, draws, street, by, tom):
        wheel = a_wheel()
        for price in ("50.05", "49.95", "50.05"):
            one = draws(wheel)
            route = Route.objects.get(pk=algos.route_draw(by(tom), one.pk, seen={one.pk: 1}).routes[0])
            street.report(route, "F", "2", last=(100, price), cum=100, leaves=0)
        harbor, meridian = selectors.results(Season.objects.get())
        assert (harbor.draws, meridian.draws, harbor.expected, harbor.filled_qty, harbor.filled_pct) == (2, 1, 2, 200, 100)
        assert meridian.margin_bp is None and meridian.measured == 1 and abs(abs(meridian.mean_bp) - 10) < 1e-9
        assert harbor.margin_bp is not None and harbor.needed >= 2

    def test_an_interval_and_the_number_needed_are_those_of_the_textbook(self):
        margin, needed = selectors._spread([1.0, 3.0])  # s = √2.
        assert margin == pytest.approx(1.959964 * 2**0.5 / 2**0.5, rel=1e-6)
        assert needed == 32  # 2 · (1.959964 + 0.841621)² · 2 / 1² = 31.4.


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("attempt", range(2))
def test_draws_at_once_never_share_a_counter(a_wheel, a_block, tom, by, attempt):
    wheel = a_wheel()
    blocks = [a_block(symbol, side, 100) for symbol in ("AAA", "BBB", "CCC") for side in ("BUY", "SELL")]
    at_once(*(lambda b=b: algos.draw(by(tom), wheel.pk, b.pk, seen=b.version) for b in blocks))
    assert sorted(Draw.objects.values_list("counter", flat=True)) == [0, 1, 2, 3, 4, 5]
    assert Counter(Draw.objects.values_list("broker__code", flat=True)) == {"HARBOR": 4, "MERIDIAN": 2}
    assert selectors.verified(Season.objects.get()).problems == []


class TestEdges:
    def test_on_pages_from_the_text_to_the_route(self, up, a_block, tom, omar):
        said = {"name": "Main", "destinations": "harbor vwap 2\nMERIDIAN PARTICIPATE 10% 1", "sizes": "1, 5", "days": "30",
                "is_active": "on", "reason": "To compare."}  # fmt: skip
        assert "write broker, algorithm and weight" in words(send(tom, "algos:wheel_propose", said | {"destinations": "HARBOR"}))
        assert send(tom, "algos:wheel_propose", said).status_code == 204
        change = WheelChange.objects.get()
        assert "Waiting for another person" in words(visit(omar, "algos:wheels"))
        assert send(omar, "algos:wheel_decide", {"do": "approve", "seen": f"{change.pk}:1"}, change.pk).status_code == 204
        wheel, block = Wheel.objects.get(), a_block("AAA", "BUY", 100)
        assert "Draw by Main" in words(visit(tom, "algos:of_block", block.pk, htmx=True))
        shown = words(send(tom, "algos:draw", {"seen": f"{block.pk}:1"}, wheel.pk, block.pk))
        one = Draw.objects.get()
        assert one.ref in shown and "SHA-256 of the seed" in shown
        assert send(tom, "algos:use_draw", {"do": "route", "seen": f"{one.pk}:1"}, one.pk).status_code == 204
        page = words(visit(tom, "algos:wheel", wheel.pk))
        assert "Routed" in page and "below 1% of volume" in page
        assert "All 1 draws are" in words(visit(tom, "algos:verify", Season.objects.get().pk, htmx=True))

    def test_over_the_api(self, up, a_block, tom, omar):
        trader, officer = Client(), Client()
        trader.force_login(tom)
        officer.force_login(omar)

        def post(client, name, said, *args):
            return client.post(reverse(name, args=args), said, content_type="application/json")

        two = [{"broker": "HARBOR", "strategy": "VWAP", "weight": 1}, {"broker": "MERIDIAN", "weight": 1}]
        said = {"name": "Main", "destinations": two}
        change = post(trader, "api-wheel-changes", said | {"reason": "x"}).json()
        assert post(officer, "api-wheel-change-approve", {"version": 1}, change["id"]).json()["status"] == "APPROVED"
        wheel, block = trader.get(reverse("api-wheels")).json()[0], a_block("AAA", "BUY", 100)
        made = post(trader, "api-block-draws", {"wheel": wheel["id"], "version": 1}, block.pk)
        one = made.json()
        assert (made.status_code, one["counter"], one["among"]) == (201, 0, [0, 1])
        assert post(trader, "api-draw-route", {"version": 1}, one["id"]).json()["status"] == "ROUTED"
        season = trader.get(reverse("api-seasons")).json()["results"][0]
        assert season["seed"] == "" and trader.get(reverse("api-draws")).json()["results"][0]["ref"] == one["ref"]
        told = post(officer, "api-season-close", {"version": 1, "reason": "Quarter's end."}, season["id"]).json()
        assert rules.commitment(told["seed"]) == told["commitment"]
        among = {n: said["destinations"][n]["weight"] for n in one["among"]}
        assert rules.drawn(told["seed"], one["stratum"], among, one["counter"]) == one["pick"]
        report = trader.get(reverse("api-season-report", args=[season["id"]])).json()
        assert report["problems"] == [] and [r["draws"] for r in report["results"]].count(1) == 1
