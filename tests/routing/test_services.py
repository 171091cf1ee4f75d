"""Routing blocks by rule and by choice, cancelling, replacing, asking dealers."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from psycopg.errors import UniqueViolation

from apps.audit.models import Entry
from apps.blocks.models import Block
from apps.core.refusals import IllegalMove, Invalid, NotAllowed, NotFound
from apps.orders.models import DefaultRule
from apps.reference.models import Combination
from apps.routing import services as routing
from apps.routing.models import DealerQuote, Inquiry, Message, Route, RoutingRule, Session

from .conftest import placed, sent

D = Decimal


@pytest.fixture
def route(tom, by):
    """Routes blocks as Tom."""

    def do(*blocks, reason="", **more) -> routing.Routed:
        seen = {b.pk: b.version for b in blocks}
        return routing.route_blocks(by(tom, reason), list(seen), seen=seen, **more)

    return do


class TestRouting:
    def test_a_block_goes_where_the_rule_says_and_the_order_says_so(self, a_block, route):
        block = a_block("AAA", "BUY", 6_000, 4_000, instructions="be patient")

        routed = route(block)

        made = Route.objects.get(pk=routed.routes[0])
        order = sent("D")[0]
        assert (made.status, made.qty, made.leaves_qty, made.strategy) == ("PENDING_SEND", 10_000, 10_000, "VWAP")
        assert made.arrival_price == D(50)
        assert made.trace["rule"] == "Share blocks"
        assert {tag: order[tag] for tag in (1, 11, 15, 21, 22, 38, 40, 48, 54, 55, 58, 59, 207, 847)} == {
            1: block.ref, 11: made.cl_ord_id, 15: "USD", 21: "1", 22: "4", 38: "10000", 40: "1", 48: "US0378331005",
            54: "1", 55: "AAA", 58: "be patient", 59: "0", 207: "XNAS", 847: "1",
        }  # fmt: skip
        block.refresh_from_db()
        assert (block.status, block.placed_qty, block.arrival_price) == ("WORKING", 10_000, 50)

    def test_a_large_block_has_its_participation_capped(self, a_block, route):
        route(a_block("AAA", "SELL", 50_000))  # 5% of the average volume.

        assert Route.objects.get().trace["rule"] == "Large share blocks"
        assert (sent("D")[0][54], sent("D")[0][849]) == ("2", "0.15")

    def test_brokers_take_turns(self, a_block, route):
        blocks = [a_block("AAA", "BUY", 1_000, limit_price=str(p), order_type="LIMIT") for p in range(40, 46)]

        route(*blocks)

        codes = list(Route.objects.order_by("pk").values_list("broker__code", flat=True))
        assert sorted(codes) == ["HARBOR"] * 2 + ["MERIDIAN"] * 2 + ["NORTHGATE"] * 2
        assert all(a != b for a, b in zip(codes, codes[1:], strict=False))

    def test_a_stop_goes_as_one_without_an_algorithm(self, a_block, route):
        for kind in ("STOP", "MARKET"):
            Combination.objects.create(asset_class="EQUITY", order_type=kind, tif="GTD" if kind == "STOP" else "DAY")
        block = a_block("AAA", "SELL", 1_000, order_type="STOP", stop_price="45.5", tif="GTD", expire_date="2035-01-31")
        route(block)

        [order] = sent("D")
        assert (order[40], order[99], order[59], order[432], order.get(847)) == ("3", "45.5", "6", "20350131", None)
        assert Route.objects.get().strategy == ""

    def test_a_broker_who_does_not_take_it_is_refused(self, a_block, route, firm):
        Combination.objects.create(asset_class="EQUITY", order_type="STOP", tif="DAY")
        Combination.objects.create(
            asset_class="EQUITY", order_type="LIMIT", tif="DAY", broker=firm.brokers["HARBOR"]
        )
        block = a_block("AAA", "SELL", 1_000, order_type="STOP", stop_price="45.5")
        with pytest.raises(Invalid, match="STOP order with DAY, which this broker does not take; it takes LIMIT DAY"):
            route(block, broker_code="HARBOR", reason="they know it")
        assert Block.objects.get(pk=block.pk).status == "OPEN"
        assert not Route.objects.exists() and not Message.objects.exists()

    def test_a_trader_may_choose_otherwise_with_a_reason(self, a_block, route, tom):
        block = a_block("AAA", "BUY", 1_000)
        with pytest.raises(routing.OverrideNeedsReason):
            route(block, broker_code="HARBOR")
        assert Block.objects.get(pk=block.pk).status == "OPEN"

        route(block, broker_code="HARBOR", strategy="TWAP", reason="they are good in AAA")

        made = Route.objects.get()
        assert (made.broker.code, made.strategy, sent("D")[0][847]) == ("HARBOR", "TWAP", "1001")
        assert made.trace["rule"] == "Share blocks"  # What would have been.
        assert made.trace["override"] == {"broker": "HARBOR", "reason": "they are good in AAA", "by": tom.pk}

    @pytest.mark.parametrize(
        "strategy, params, field",
        [
            ("MAGIC", {}, "strategy"),
            ("PARTICIPATE", {}, "params"),
            ("VWAP", {"participation_pct": 0}, "params"),
            ("VWAP", {"speed": 1}, "params"),
            ("TWAP", {"start_at": "soon"}, "params"),
            ("TWAP", {"start_at": "2026-11-23T15:00:00Z", "end_at": "2026-11-23T14:00:00Z"}, "params"),
        ],
    )
    def test_a_strategy_that_cannot_be_asked_for_changes_nothing(self, a_block, route, strategy, params, field):
        block = a_block("AAA", "BUY", 1_000)

        with pytest.raises(Invalid) as refusal:
            route(block, strategy=strategy, params=params, reason="because")

        assert refusal.value.facts["field"] == field
        assert Block.objects.get(pk=block.pk).status == "OPEN"
        assert not Route.objects.exists() and not Message.objects.exists()

    def test_part_of_a_block_may_be_placed_and_the_rest_later(self, a_block, route):
        block = a_block("AAA", "BUY", 10_000)
        route(block, qty=D(4_000))
        block.refresh_from_db()
        assert (block.placed_qty, block.unplaced_qty) == (4_000, 6_000)

        with pytest.raises(routing.Overplaced):
            route(block, qty=D(6_001))
        route(block)

        assert sorted(Route.objects.values_list("qty", flat=True)) == [4_000, 6_000]
        assert Route.objects.order_by("pk")[0].broker_id != Route.objects.order_by("pk")[1].broker_id
        with pytest.raises(routing.NothingToPlace):
            route(block)

    @pytest.mark.parametrize("qty", [D(0), D(-5), D("1.5")])
    def test_a_quantity_must_be_one_that_can_be_traded(self, a_block, route, qty):
        with pytest.raises(Invalid):
            route(a_block("AAA", "BUY", 10_000), qty=qty)

    def test_a_stale_trader_is_refused(self, a_block, tom, by):
        block = a_block("AAA", "BUY", 1_000)

        with pytest.raises(routing.StaleBlock):
            routing.route_blocks(by(tom), [block.pk], seen={block.pk: block.version + 1})

        assert not Route.objects.exists()

    def test_a_block_of_another_desk_is_not_there(self, a_block, tom, by):
        block = a_block("AAA", "BUY", 1_000)
        tom.desks.clear()

        with pytest.raises(NotFound):
            routing.route_blocks(by(tom), [block.pk], seen={block.pk: block.version})

    def test_a_manager_does_not_route(self, a_block, mira, by):
        block = a_block("AAA", "BUY", 1_000)

        with pytest.raises(NotAllowed):
            routing.route_blocks(by(mira), [block.pk], seen={block.pk: block.version})

    @pytest.mark.parametrize(("agreed", "enabled"), [(True, True), (False, True), (True, False)])
    def test_the_default_broker_of_all_its_orders_comes_first(self, a_block, route, firm, agreed, enabled):
        DefaultRule.objects.create(
            rank=1, name="Harbor", broker=firm.brokers["HARBOR"], strategy="TWAP", effective_from="2020-01-01",
            portfolio=None if agreed else firm.portfolios["P1"],
        )  # fmt: skip
        if not enabled:
            Session.objects.filter(broker__code="HARBOR").update(is_enabled=False)
        made = Route.objects.get(pk=route(a_block("AAA", "BUY", 300, 700)).routes[0])

        given = made.trace.get("order_default")
        assert (given is not None) is agreed
        if agreed and enabled:
            assert (made.broker.code, made.strategy) == ("HARBOR", "TWAP")
            assert given == {"broker": "HARBOR", "strategy": "TWAP", "rule": "Harbor"}
        else:
            assert made.strategy == "VWAP"
        if not enabled:
            assert given["passed_over"] == "HARBOR has no enabled session" and made.broker.code != "HARBOR"

    def test_without_a_rule_the_trader_must_choose(self, a_block, route):
        block = a_block("AAA", "BUY", 1_000)
        RoutingRule.objects.all().delete()

        with pytest.raises(routing.NoRoutingRule):
            route(block)
        assert route(block, broker_code="HARBOR", reason="no rule").routes

    def test_a_broker_without_a_session_is_passed_over(self, a_block, route, firm):
        Session.objects.exclude(target_comp_id="MERIDIAN").update(is_enabled=False)
        route(a_block("AAA", "BUY", 1_000))
        assert Route.objects.get().broker.code == "MERIDIAN"

        Session.objects.update(is_enabled=False)
        with pytest.raises(routing.NoBroker):
            route(a_block("CCC", "BUY", 1_000))

    def test_the_cost_does_not_grow_with_the_blocks(self, a_block, route):
        counts = []
        for size in (1, 2, 12):
            blocks = [
                a_block("AAA", "BUY", 100, limit_price=str(size * 10 + n), order_type="LIMIT") for n in range(size)
            ]
            blocks += [
                a_block("BOND", "BUY", 1000, limit_price=str(size * 10 + n), order_type="LIMIT") for n in range(size)
            ]
            with CaptureQueriesContext(connection) as ran:
                route(*blocks)
            counts.append(len(ran))

        assert counts[1] == counts[2]


class TestRequests:
    def test_a_cancel_names_the_order_and_waits_for_the_broker(self, a_route, asks, street, tom, by):
        route = street.report(a_route(10_000), "0", "0")

        name = asks(route)

        request = sent("F")[0]
        assert (request[11], request[41], request[37]) == (name, route.cl_ord_id, f"O{route.pk}")
        route.refresh_from_db()
        assert (route.status, route.pending_cl_ord_id) == ("NEW", name)
        with pytest.raises(routing.RequestPending):
            asks(route)

    def test_what_is_over_cannot_be_cancelled(self, a_route, asks, street):
        route = street.report(a_route(10_000), "8", "8")

        with pytest.raises(IllegalMove):
            asks(route)

    def test_after_a_refused_replace_the_next_names_the_order_again(self, a_route, asks, street):
        route = street.report(a_route(10_000), "0", "0")
        first = asks(route, qty=D(8_000))
        route = street.refusal(route, first, "0", "2")

        second = asks(route, qty=D(7_000))

        assert [(r[11], r[41]) for r in sent("G")] == [(first, route.cl_ord_id), (second, route.cl_ord_id)]

    def test_a_cancel_may_follow_a_replace_not_yet_answered(self, a_route, asks, street):
        route = street.report(a_route(10_000), "0", "0")
        replace = asks(route, qty=D(8_000))

        cancel = asks(route)

        assert (sent("F")[0][41], sent("F")[0][11]) == (replace, cancel)

    def test_a_replace_repeats_all_and_keeps_within_block_and_limit(self, a_route, asks, street):
        route = a_route(10_000, unplaced=1_000, order_type="LIMIT", limit_price="50.10")
        route = street.report(route, "F", "1", last=(4_000, 50), cum=4_000)
        for change in ({"qty": D(4_000)}, {"limit_price": D("50.2")}, {"limit_price": None}, {"qty": D(10_000)}):
            with pytest.raises(Invalid):
                asks(route, **change)
        with pytest.raises(routing.Overplaced):
            asks(route, qty=D(11_001))
        assert placed(route) == (10_000, 4_000)

        asks(route, qty=D(11_000), limit_price=D("49.9"))

        request = sent("G")[0]
        assert {tag: request[tag] for tag in (38, 40, 44, 54, 59, 847)} == {
            38: "11000", 40: "2", 44: "49.9", 54: "1", 59: "0", 847: "1",
        }  # fmt: skip


@pytest.fixture
def ask(a_block, route):
    """An inquiry on a new bond block: ``ask(100_000)``."""

    def do(qty=100_000, side="BUY", **more) -> Inquiry:
        return Inquiry.objects.get(pk=route(a_block("BOND", side, qty, **more)).inquiries[0])

    return do


@pytest.fixture
def answered(street):
    """Dealers' answers in the order they were asked: a price, None for a decline; those not named stay silent."""

    def do(inquiry: Inquiry, *prices, **more) -> list[DealerQuote]:
        quotes = list(inquiry.quotes.order_by("pk"))
        for quote, price in zip(quotes, prices, strict=False):
            street.decline(quote) if price is None else street.quote(quote, price, **more)
        return quotes

    return do


def decide(by, after: int = 0) -> None:
    act = by("scheduler")
    act.at += timedelta(seconds=after)
    routing.decide_due_inquiries(act)


def results(inquiry: Inquiry) -> list[str]:
    return list(inquiry.quotes.order_by("pk").values_list("result", flat=True))


class TestInquiries:
    def test_four_dealers_are_asked_at_once(self, ask):
        inquiry = ask(100_000)

        asked = sent("R")
        assert len(asked) == len({r[131] for r in asked}) == 4
        assert {tag: asked[0][tag] for tag in (146, 48, 54, 38, 15)} == {
            146: "1", 48: "US91913YAE05", 54: "1", 38: "100000", 15: "USD",
        }  # fmt: skip
        assert (inquiry.status, inquiry.mid_at_send) == ("COLLECTING", 98)
        assert Block.objects.get().placed_qty == 100_000  # Nobody else places what is being asked.

    def test_the_best_is_taken_when_all_have_answered(self, ask, answered, street, by):
        inquiry = ask(100_000)
        quotes = answered(inquiry, "98.10", "97.95", None)
        decide(by)
        assert Inquiry.objects.get().status == "COLLECTING"  # One has not answered, and there is time.
        answered(inquiry, "98.10", "97.95", None, "98.00")

        decide(by)

        inquiry.refresh_from_db()
        assert (inquiry.status, inquiry.mid_at_decision) == ("AWARDED", 98)
        assert results(inquiry) == ["LOST", "WON", "DECLINED", "COVER"]
        hit, *others = sorted(sent("AJ"), key=lambda m: m[694])
        route = Route.objects.get()
        assert (route.kind, route.broker_id, route.qty, route.limit_price) == (
            "INQUIRY",
            quotes[1].dealer_id,
            100_000,
            D("97.95"),
        )
        assert (hit[11], hit[117], hit[44], hit[38]) == (route.cl_ord_id, f"QT{quotes[1].pk}", "97.95", "100000")
        assert [(m[694], m[117]) for m in others] == [("4", f"QT{quotes[3].pk}"), ("5", f"QT{quotes[0].pk}")]
        assert placed(route) == (100_000, 0)

        street.report(route, "F", "2", last=(100_000, "97.95"), cum=100_000)

        assert Inquiry.objects.get().status == "TRADED"
        assert Block.objects.get().status == "DONE"

    def test_a_seller_takes_the_highest_bid(self, ask, answered, by):
        inquiry = ask(100_000, side="SELL")

        answered(inquiry, "97.9", "98.05", "98.00", "97", side="SELL")
        decide(by)

        assert results(inquiry) == ["LOST", "WON", "COVER", "LOST"]

    def test_when_time_is_up_the_best_so_far_is_taken(self, ask, answered, by):
        inquiry = ask()
        answered(inquiry, "98.10", "98.20", seconds=120)

        decide(by, after=31)

        assert results(inquiry) == ["WON", "COVER", "SILENT", "SILENT"]

    def test_nobody_answered_so_nobody_is_taken_and_the_quantity_is_free(self, ask, by, route):
        inquiry = ask()

        decide(by, after=31)

        inquiry.refresh_from_db()
        assert (inquiry.status, results(inquiry)) == ("PASSED", ["SILENT"] * 4)
        block = Block.objects.get()
        assert (block.placed_qty, block.status) == (0, "WORKING")
        assert route(block).inquiries  # And may be asked again.

    def test_expired_quotes_are_not_taken(self, ask, answered, by):
        inquiry = ask()
        answered(inquiry, "98.10", "98.20", "98.3", "98.4", seconds=5)

        decide(by, after=6)

        assert Inquiry.objects.get().status == "PASSED"
        assert [m[694] for m in sent("AJ")] == ["6"] * 4

    def test_a_price_outside_the_limit_is_not_taken(self, ask, answered, by):
        ask_at = ask(100_000, order_type="LIMIT", limit_price="98.00")
        answered(ask_at, "98.10", "98.05", "98.3", "98.4")

        decide(by)

        assert Inquiry.objects.get().status == "PASSED"
        assert "outside the limit 98" in Entry.objects.get(event="inquiry.passed").payload["reason"]

    def test_the_dealer_may_refuse_the_hit(self, ask, answered, street, by):
        answered(ask(), "98.10", "98.20", "98.3", "98.4")
        decide(by)
        route = Route.objects.get()

        street.report(route, "8", "8", text="quote expired")

        inquiry = Inquiry.objects.get()
        assert inquiry.status == "FAILED"
        assert placed(route) == (0, 0)

    def test_a_late_quote_is_kept_as_late(self, ask, answered, street, by):
        inquiry = ask()
        quotes = answered(inquiry, "98.10")
        decide(by, after=31)

        street.quote(quotes[1], "97.00")

        assert results(inquiry)[:2] == ["WON", "LATE"]
        assert inquiry.quotes.get(pk=quotes[1].pk).price == 97

    def test_a_quote_heard_again_changes_nothing(self, ask, answered, street):
        inquiry = ask()
        quotes = answered(inquiry, "98.10")

        street.quote(quotes[0], "98.10")

        inquiry.refresh_from_db()
        assert inquiry.version == 2

    def test_a_trader_awards_early_another_than_the_best_with_a_reason(self, ask, answered, tom, by):
        inquiry = ask()
        quotes = answered(inquiry, "98.10", "98.20")
        inquiry.refresh_from_db()
        seen = {inquiry.pk: inquiry.version}

        with pytest.raises(routing.NotTheBest):
            routing.award_inquiry(by(tom), inquiry.pk, seen=seen, quote_id=quotes[1].pk)
        with pytest.raises(routing.StaleInquiry):
            routing.award_inquiry(by(tom), inquiry.pk, seen={inquiry.pk: 1})
        with pytest.raises(routing.QuoteEnded):
            routing.award_inquiry(by(tom), inquiry.pk, seen=seen, quote_id=quotes[2].pk)
        routing.award_inquiry(by(tom, "settles better"), inquiry.pk, seen=seen, quote_id=quotes[1].pk)

        assert results(inquiry) == ["COVER", "WON", "SILENT", "SILENT"]
        with pytest.raises(IllegalMove):
            inquiry.refresh_from_db()
            routing.award_inquiry(by(tom), inquiry.pk, seen={inquiry.pk: inquiry.version})

    def test_a_trader_passes_with_a_reason(self, ask, answered, tom, by):
        inquiry = ask()
        answered(inquiry, "99.10")
        inquiry.refresh_from_db()

        routing.pass_inquiry(by(tom, "too far from mid"), inquiry.pk, seen={inquiry.pk: inquiry.version})

        assert Inquiry.objects.get().status == "PASSED"
        assert Block.objects.get().placed_qty == 0

    def test_fewer_than_three_dealers_need_a_reason(self, a_block, tom, by):
        block = a_block("BOND", "BUY", 100_000)
        seen = {block.pk: block.version}

        with pytest.raises(routing.FewDealers):
            routing.send_inquiries(by(tom), [block.pk], seen=seen, dealer_codes=["CASTLE", "DORSET"])
        assert Block.objects.get().status == "OPEN"
        asked = routing.send_inquiries(
            by(tom, "nobody else holds it"), [block.pk], seen=seen, dealer_codes=["CASTLE"], seconds=5, award="person"
        )

        inquiry = Inquiry.objects.get(pk=asked.inquiries[0])
        assert inquiry.few_dealers_reason == "nobody else holds it"
        assert inquiry.due_at - inquiry.sent_at == timedelta(seconds=5)
        decide(by, after=60)
        inquiry.refresh_from_db()
        assert inquiry.status == "COLLECTING"  # Its award is the trader's.

    def test_an_unknown_dealer_is_refused(self, a_block, tom, by):
        block = a_block("BOND", "BUY", 100_000)

        with pytest.raises(NotFound):
            routing.send_inquiries(by(tom), [block.pk], seen={block.pk: 1}, dealer_codes=["CASTLE", "NORTHGATE"])

    def test_a_hit_cannot_be_cancelled(self, ask, answered, by, asks):
        answered(ask(), "98.10", "98.20", "98.3", "98.4")
        decide(by)

        with pytest.raises(routing.NotAnOrder):
            asks(Route.objects.get())


class TestMessages:
    def test_a_reference_goes_out_once(self, firm, counterparties, by):
        out = [routing.Outgoing(firm.brokers["HARBOR"].pk, "AK", "C-1", [(664, "C-1")])]
        routing.queue_messages(by("worker"), out)

        with pytest.raises(UniqueViolation), transaction.atomic():
            routing.queue_messages(by("worker"), out)

        assert Message.objects.count() == 1

    def test_a_venue_has_no_session_to_send_by(self, firm, counterparties, by):
        with pytest.raises(routing.NoSession):
            routing.queue_messages(by("worker"), [routing.Outgoing(firm.brokers["SIMX"].pk, "AK", "C-1", [(664, "C")])])

    def test_messages_are_taken_in_order_once_and_the_unsure_again(self, a_route):
        a_route(100)
        session = Message.objects.get().session_id
        assert routing.take_to_send([]) == []

        (first,) = routing.take_to_send([session])
        assert routing.take_to_send([session]) == []
        (again,) = routing.take_to_send([session], again=[session])

        assert (first.id, first.is_repeat, again.id, again.is_repeat) == (again.id, False, first.id, True)
        routing.mark_sent({first.id: (12, timezone.now())})
        assert routing.take_to_send([session], again=[session]) == []
        assert Message.objects.get().seq_num == 12
