"""What blocks and routes are expected to cost is kept before they are traded, shown with its arithmetic, and never changed."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from apps.audit.models import Entry
from apps.blocks import events as block_events
from apps.core.events import Fact
from apps.marketdata.models import AverageVolume, Quote
from apps.routing import services as routing
from apps.routing.models import CostEstimate, Route
from oms_portal.flow import FLOW
from tests.pages import visit, words
from tests.races import at_once

D = Decimal


def opened(block) -> Fact:
    return Fact(block.pk, block.version, block_events.BlockOpened(block.instrument_id, block.side, 1, "1", 1))


@pytest.fixture
def estimate(by):
    """What a worker does when blocks opened or changed."""
    return lambda *blocks: routing.estimate_blocks(by("worker"), [opened(b) for b in blocks])


class TestAtDecision:
    def test_is_kept_of_what_opened_with_its_fact(self, a_block, estimate):
        block = a_block("AAA", "BUY", 4_000, 6_000)

        estimate(block)

        one = CostEstimate.objects.get()
        assert (one.moment, one.block_id, one.block_version, one.route_id, one.qty) == ("DECISION", block.pk, 1, None, 10_000)
        assert (one.mid, one.value) == (50, 500_000)
        assert (one.spread_bp, one.impact_bp) == (D("2.0000"), D("15.7485"))
        assert one.total_bp == one.spread_bp + one.fees_bp + one.impact_bp
        assert one.detail["missing"] == ["No broker is chosen yet, so its commission is not counted."]
        entry = Entry.objects.get(event="estimate.made")
        assert (entry.subject_id, entry.payload["total_amount"]) == (one.pk, f"{one.total_amount:.2f}")

    def test_is_kept_once_of_what_a_block_is_however_often_a_worker_is_told(self, a_block, estimate, tom, by):
        block = a_block("AAA", "BUY", 10_000)
        for _ in range(3):
            estimate(block)
        a_block("AAA", "BUY", 5_000)
        estimate(block)
        routing.route_blocks(by(tom), [block.pk], seen={block.pk: 2})

        assert list(CostEstimate.objects.filter(moment="DECISION").order_by("pk").values_list("block_version", "qty")) == [
            (1, 10_000), (2, 15_000),
        ]  # fmt: skip

    def test_is_made_at_the_first_route_where_no_worker_came_by(self, a_block, tom, by):
        block = a_block("AAA", "BUY", 10_000)
        routing.route_blocks(by(tom), [block.pk], seen={block.pk: 1}, qty=D(4_000))
        routing.route_blocks(by(tom), [block.pk], seen={block.pk: 2})

        assert list(CostEstimate.objects.order_by("pk").values_list("moment", "qty")) == [
            ("DECISION", 10_000), ("ARRIVAL", 4_000), ("ARRIVAL", 6_000),
        ]  # fmt: skip

    def test_is_asked_for_by_what_opens_and_changes_a_block(self):
        for event in (block_events.BlockOpened, block_events.BlockGrew, block_events.BlockShrank, block_events.BlockSplit):
            assert routing.estimate_blocks in FLOW[event].later

    @pytest.mark.django_db(transaction=True)
    def test_two_workers_keep_one(self, a_block, by):
        block = a_block("AAA", "BUY", 10_000)
        at_once(*[lambda: routing.estimate_blocks(by("worker"), [opened(block)])] * 4)
        assert CostEstimate.objects.count() == 1


class TestAtArrival:
    def test_is_of_the_route_with_its_brokers_commission(self, a_block, tom, by, firm):
        firm.brokers["HARBOR"].commission_kind, firm.brokers["HARBOR"].commission_rate = "bps", D("1.5")
        firm.brokers["HARBOR"].save()
        block = a_block("AAA", "SELL", 10_000)
        routing.route_blocks(by(tom, "they know it"), [block.pk], seen={block.pk: 1}, broker_code="HARBOR")

        one = CostEstimate.objects.get(moment="ARRIVAL")
        assert one.route == Route.objects.get()
        assert one.is_whole and one.detail["missing"] == []
        assert "commission of HARBOR 75.00" in one.detail["parts"][1]["worked"]

    def test_of_an_inquiry_is_made_when_a_price_is_taken(self, a_block, street, tom, by):
        block = a_block("BOND", "BUY", 100_000)
        routing.route_blocks(by(tom), [block.pk], seen={block.pk: 1})
        assert not CostEstimate.objects.filter(moment="ARRIVAL").exists()
        from apps.routing.models import DealerQuote, Inquiry

        for quote in DealerQuote.objects.all():
            street.quote(quote, "98.1")
        routing.award_inquiry(by(tom), Inquiry.objects.get().pk, seen={Inquiry.objects.get().pk: Inquiry.objects.get().version})
        assert CostEstimate.objects.get(moment="ARRIVAL").route.kind == "INQUIRY"

    def test_says_what_is_not_known(self, a_block, tom, by):
        block = a_block("AAA", "BUY", 10_000)
        AverageVolume.objects.all().delete()
        Quote.objects.update(at=timezone.now() - timedelta(hours=3))
        routing.route_blocks(by(tom), [block.pk], seen={block.pk: 1})

        one = CostEstimate.objects.get(moment="ARRIVAL")
        assert (one.total_bp, one.total_amount, one.mid, one.is_whole) == (None, None, None, False)
        assert one.detail["missing"] == [
            "The last quote is 3 h old, more than 15 min.", "The average daily volume is not known.",
        ]  # fmt: skip

    def test_a_route_that_is_refused_leaves_none(self, a_block, tom, by):
        block = a_block("AAA", "BUY", 10_000)
        with pytest.raises(routing.NoBroker), transaction.atomic():
            from apps.routing.models import Session

            Session.objects.update(is_enabled=False)
            routing.route_blocks(by(tom), [block.pk], seen={block.pk: 1})
        assert not CostEstimate.objects.exists()

    def test_costs_as_many_statements_for_many_as_for_one(self, a_block, tom, by):
        def statements(symbols) -> int:
            blocks = [a_block(symbol, "BUY", 1_000) for symbol in symbols]
            with CaptureQueriesContext(connection) as said:
                routing.route_blocks(by(tom), [b.pk for b in blocks], seen={b.pk: b.version for b in blocks})
            return len(said)

        statements(["CCC"])  # Warms.
        assert statements(["AAA"]) == statements(["AAA", "CCC"])


class TestItStays:
    def test_nobody_changes_or_deletes_it(self, a_block, estimate):
        estimate(a_block("AAA", "BUY", 10_000))
        for wrong in (lambda: CostEstimate.objects.update(total_bp=0), lambda: CostEstimate.objects.all().delete()):
            with pytest.raises(ProgrammingError, match="Cannot"), transaction.atomic():
                wrong()

    def test_a_decision_has_no_route_and_an_arrival_has_one(self, a_block, estimate):
        estimate(a_block("AAA", "BUY", 10_000))
        one = CostEstimate.objects.get()
        one.pk, one.moment = None, "ARRIVAL"
        with pytest.raises(IntegrityError, match="an_estimate_at_arrival_is_of_a_route"), transaction.atomic():
            one.save()


class TestShown:
    @pytest.fixture
    def routed(self, a_block, street, tom, by):
        block = a_block("AAA", "BUY", 10_000)
        routing.route_blocks(by(tom), [block.pk], seen={block.pk: 1})
        street.report(Route.objects.get(), "F", "1", last=(4_000, "50.05"), cum=4_000, leaves=6_000)
        return block

    def test_on_the_block_beside_what_it_came_to(self, routed, tom):
        assert reverse("routing:costs_of", args=[routed.pk]) in words(visit(tom, "blocks:detail", routed.pk, htmx=True))
        shown = words(visit(tom, "routing:costs_of", routed.pk, htmx=True))
        for said in ("at decision", "at arrival", "½ × (50.01 − 49.99) ÷ 50", "√(10000 ÷ 1000000)", "15.7485", "+10.00"):
            assert said in shown, said

    def test_on_the_route(self, routed, tom):
        assert "Expected cost" in words(visit(tom, "routing:route", Route.objects.get().pk, htmx=True))

    def test_before_it_is_routed(self, a_block, tom):
        block = a_block("AAA", "BUY", 10_000)
        shown = words(visit(tom, "blocks:route", query=f"?seen={block.pk}:1", htmx=True))
        assert "Expected cost" in shown and "bp" in shown
        Quote.objects.all().delete()
        assert "not known" in words(visit(tom, "blocks:route", query=f"?seen={block.pk}:1", htmx=True))

    def test_over_the_api_to_those_who_see_routes(self, routed, tom, mira, olga):
        client = Client()
        client.force_login(tom)
        rows = client.get(reverse("api-cost-estimates"), {"block": routed.pk}).json()["results"]
        assert [r["moment"] for r in rows] == ["ARRIVAL", "DECISION"]
        assert rows[0]["route_id"] == Route.objects.get().pk
        assert rows[0]["parts"][0] == {
            "name": "spread", "bp": "2.0000", "amount": "100.00", "worked": "½ × (50.01 − 49.99) ÷ 50", "why": "",
        }  # fmt: skip
        assert client.get(reverse("api-cost-estimates"), {"moment": "DECISION"}).json()["results"][0]["missing"]
        client.force_login(mira)
        assert client.get(reverse("api-cost-estimates")).status_code == 403

    def test_a_trader_of_another_desk_sees_none(self, routed, tess):
        tess.desks.clear()
        client = Client()
        client.force_login(tess)
        assert client.get(reverse("api-cost-estimates")).json()["results"] == []
        assert "card" not in words(visit(tess, "routing:costs_of", routed.pk, htmx=True))
