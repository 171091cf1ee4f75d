"""The kill switch: what it stops, what it takes back, what it lets pass, and who lifts it."""

from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.audit.models import Entry
from apps.blocks.models import Block
from apps.core.refusals import IllegalMove, Invalid, NotAllowed
from apps.routing import selectors
from apps.routing import services as routing
from apps.routing.models import DealerQuote, Halt, HaltedRoute, Inquiry, Message, Route, RoutingRule, Session
from tests.pages import send, visit, words
from tests.races import at_once

from .conftest import amounts, placed, sent

D = Decimal


@pytest.fixture
def goes_out():
    """The gateway takes what is queued."""

    def take() -> None:
        rows = routing.take_to_send(list(Session.objects.values_list("pk", flat=True)))
        routing.mark_sent({row.id: (1, timezone.now()) for row in rows})

    return take


def open_routes(halt_id: int) -> list[int]:
    return [one.route_id for one in selectors.unacknowledged(Halt.objects.get(pk=halt_id))]


def went_on(subject: str) -> list[str]:
    return list(Entry.objects.filter(subject=subject).order_by("pk").values_list("event", flat=True))


class TestTheFirm:
    def test_cancels_what_works_and_lists_it_until_the_broker_ends_it(self, a_route, goes_out, street, tom, by):
        route = a_route(10_000)
        goes_out()
        route = street.report(route, "F", "1", last=(1_000, 50), cum=1_000)

        halt = routing.set_halt(by(tom, "prices are wrong"), "FIRM")

        assert len(sent("F")) == 1
        assert open_routes(halt) == [route.pk]
        name = sent("F")[0][11]
        street.report(route, "4", "4", name=name, orig=route.cl_ord_id, cum=1_000, leaves=0)
        assert open_routes(halt) == []
        assert placed(route) == (1_000, 1_000)

    def test_refuses_a_new_route_and_changes_nothing(self, a_block, tom, tess, by):
        block = a_block("AAA", "BUY", 10_000)
        routing.set_halt(by(tom, "prices are wrong"), "FIRM")

        with pytest.raises(routing.RoutingHalted, match="the firm.*by Tom Tran: “prices are wrong”"):
            routing.route_blocks(by(tess), [block.pk], seen={block.pk: block.version})

        block.refresh_from_db()
        assert (block.status, block.version) == ("OPEN", 1)
        assert Route.objects.count() == Message.objects.count() == 0

    def test_takes_back_what_no_session_was_handed_yet(self, a_route, tom, by):
        route = a_route(10_000)

        halt = routing.set_halt(by(tom), "FIRM")

        route.refresh_from_db()
        assert amounts(route) == ("CANCELED", 10_000, 0, 0)
        assert placed(route) == (0, 0)
        assert Message.objects.get().status == "WITHDRAWN"
        assert routing.take_to_send(list(Session.objects.values_list("pk", flat=True))) == []
        assert HaltedRoute.objects.get().done == "WITHDRAWN"
        assert open_routes(halt) == []

    def test_a_cancel_that_waits_behind_it_is_taken_back_too(self, a_route, asks, tom, by):
        route = a_route(10_000)
        asks(route)

        routing.set_halt(by(tom), "FIRM")

        assert set(Message.objects.values_list("msg_type", "status")) == {("D", "WITHDRAWN"), ("F", "WITHDRAWN")}

    def test_what_the_gateway_has_taken_is_cancelled(self, a_route, goes_out, tom, by):
        route = a_route(10_000)
        goes_out()

        halt = routing.set_halt(by(tom), "FIRM")

        route.refresh_from_db()
        assert route.status == "PENDING_SEND"
        assert [m[41] for m in sent("F")] == [route.cl_ord_id]
        assert open_routes(halt) == [route.pk]

    def test_what_was_asked_to_cancel_before_is_not_asked_twice(self, a_route, goes_out, asks, tom, by):
        route = a_route(10_000)
        goes_out()
        asks(route)

        halt = routing.set_halt(by(tom), "FIRM")

        assert len(sent("F")) == 1
        assert open_routes(halt) == [route.pk]

    def test_a_broker_without_a_session_is_called(self, a_route, goes_out, tom, by):
        route = a_route(10_000)
        goes_out()
        Session.objects.filter(broker=route.broker).update(is_enabled=False)

        routing.set_halt(by(tom), "FIRM")

        assert HaltedRoute.objects.get().done == "CALL"
        assert sent("F") == []

    def test_ends_inquiries_and_frees_what_they_asked_for(self, a_block, tom, by):
        block = a_block("BOND", "BUY", 100_000)
        routing.route_blocks(by(tom), [block.pk], seen={block.pk: block.version})

        routing.set_halt(by(tom), "FIRM")

        assert Inquiry.objects.get().status == "PASSED"
        assert Block.objects.get().placed_qty == 0

    def test_a_hit_that_is_not_sent_is_taken_back_and_its_inquiry_fails(self, a_block, street, goes_out, tom, by):
        block = a_block("BOND", "BUY", 100_000)
        routing.route_blocks(by(tom), [block.pk], seen={block.pk: block.version})
        goes_out()
        for quote in DealerQuote.objects.order_by("pk"):
            street.quote(quote, "98")
        inquiry = Inquiry.objects.get()
        routing.award_inquiry(by(tom), inquiry.pk, seen={inquiry.pk: inquiry.version})

        routing.set_halt(by(tom), "FIRM")

        assert Inquiry.objects.get().status == "FAILED"
        assert Route.objects.get().status == "CANCELED"
        assert Block.objects.get().placed_qty == 0

    def test_refuses_to_enlarge_what_works(self, a_route, goes_out, street, tom, tess, by):
        route = a_route(10_000, unplaced=5_000)
        goes_out()
        street.report(route, "0", "0")
        routing.set_halt(by(tom), "FIRM")
        route.refresh_from_db()

        with pytest.raises(routing.RoutingHalted):
            routing.replace_routes(by(tess), {route.pk: {"qty": D(12_000)}}, seen={route.pk: route.version})

        assert sent("G") == []

    def test_costs_as_many_statements_for_ten_routes_as_for_two(self, a_route, goes_out, tom, tess, by):
        def cost(count: int) -> int:
            for _ in range(count):
                a_route(100)
            goes_out()
            with CaptureQueriesContext(connection) as queries:
                halt = routing.set_halt(by(tom), "FIRM")
            routing.lift_halt(by(tess, "go on"), halt, seen={halt: 1})
            return len(queries)

        assert cost(2) == cost(10)


class TestScopes:
    def test_a_broker_is_stopped_and_others_go_on(self, a_block, tom, by):
        routing.set_halt(by(tom), "BROKER", "HARBOR")
        one, two = a_block("AAA", "BUY", 100), a_block("CCC", "BUY", 100)

        with pytest.raises(routing.RoutingHalted, match="broker Harbor"):
            routing.route_blocks(by(tom, "mine"), [one.pk], seen={one.pk: 1}, broker_code="HARBOR")
        routing.route_blocks(by(tom, "mine"), [two.pk], seen={two.pk: 1}, broker_code="MERIDIAN")

        assert [r.broker.code for r in Route.objects.select_related("broker")] == ["MERIDIAN"]

    def test_a_halted_dealer_is_left_out_of_an_inquiry(self, a_block, firm, tom, by):
        RoutingRule.objects.update(params={})  # All its dealers are asked, whose turn it is or not.
        routing.set_halt(by(tom), "BROKER", "CASTLE")
        block = a_block("BOND", "BUY", 100_000)

        routing.route_blocks(by(tom), [block.pk], seen={block.pk: 1})

        asked = set(DealerQuote.objects.values_list("dealer__code", flat=True))
        assert asked == {"ALDGATE", "BRYANT", "DORSET", "ELMSTREET"}
        assert Inquiry.objects.get().trace["halted"] == [firm.brokers["CASTLE"].pk]

    def test_a_halted_dealers_price_is_not_taken(self, a_block, street, tom, by):
        block = a_block("BOND", "BUY", 100_000)
        routing.route_blocks(by(tom), [block.pk], seen={block.pk: 1})
        for quote in DealerQuote.objects.order_by("pk"):
            street.quote(quote, "97" if quote.dealer.code == "CASTLE" else "98")
        routing.set_halt(by(tom), "BROKER", "CASTLE")

        routing.decide_due_inquiries(by("scheduler"))

        assert DealerQuote.objects.get(award__isnull=False, result="WON").dealer.code != "CASTLE"

    def test_a_person_is_stopped_with_what_they_routed(self, a_block, a_route, goes_out, tom, tess, by):
        route = a_route(100)
        goes_out()
        other, third = a_block("CCC", "BUY", 100), a_block("BBB", "BUY", 100)
        routing.route_blocks(by(tess), [other.pk], seen={other.pk: 1})

        halt = routing.set_halt(by(tess), "USER", "tom")

        assert open_routes(halt) == [route.pk]
        with pytest.raises(routing.RoutingHalted, match="person Tom Tran"):
            routing.route_blocks(by(tom), [third.pk], seen={third.pk: 1})
        routing.route_blocks(by(tess), [third.pk], seen={third.pk: 1})

    def test_a_strategy_is_stopped(self, a_block, a_route, tom, by):
        strategy = a_route(100).strategy
        other = "TWAP" if strategy != "TWAP" else "VWAP"
        routing.set_halt(by(tom), "STRATEGY", strategy)
        block = a_block("CCC", "BUY", 100)

        with pytest.raises(routing.RoutingHalted, match=f"strategy {strategy}"):
            routing.route_blocks(by(tom), [block.pk], seen={block.pk: 1})
        routing.route_blocks(by(tom, "another way"), [block.pk], seen={block.pk: 1}, strategy=other)

    def test_a_desk_is_stopped(self, a_block, tom, by):
        routing.set_halt(by(tom), "DESK", "MAIN")
        block = a_block("CCC", "BUY", 100)

        with pytest.raises(routing.RoutingHalted, match="desk Main desk"):
            routing.route_blocks(by(tom), [block.pk], seen={block.pk: 1})

    @pytest.mark.parametrize(
        ("scope", "subject"), [("USER", "nobody"), ("DESK", ""), ("FIRM", "MAIN"), ("STRATEGY", "LUCK"), ("MOON", "")]
    )
    def test_refuses_what_there_is_not(self, firm, tom, by, scope, subject):
        with pytest.raises(Invalid):
            routing.set_halt(by(tom), scope, subject)
        assert Halt.objects.count() == 0

    def test_refuses_the_same_halt_twice(self, firm, tom, tess, by):
        routing.set_halt(by(tom), "FIRM")

        with pytest.raises(routing.HaltedAlready, match="by Tom Tran"):
            routing.set_halt(by(tess), "FIRM")
        routing.set_halt(by(tess), "FIRM", mode="REDUCE")

        assert Halt.objects.count() == 2


class TestReduceOnly:
    def test_lets_a_sale_of_what_is_held_pass_and_refuses_a_purchase(self, a_block, tom, by):
        routing.set_halt(by(tom), "FIRM", mode="REDUCE")
        sale, purchase = a_block("AAA", "SELL", 50_000), a_block("CCC", "BUY", 100)

        routing.route_blocks(by(tom), [sale.pk], seen={sale.pk: 1})
        with pytest.raises(routing.RoutingHalted, match="does not"):
            routing.route_blocks(by(tom), [purchase.pk], seen={purchase.pk: 1})

        assert [r.block_id for r in Route.objects.all()] == [sale.pk]

    def test_refuses_a_sale_of_more_than_is_held_together_with_what_works(self, a_block, tom, by):
        first = a_block("AAA", "SELL", 30_000)
        routing.route_blocks(by(tom), [first.pk], seen={first.pk: 1})
        routing.set_halt(by(tom), "FIRM", mode="REDUCE")
        second = a_block("AAA", "SELL", 30_000)

        with pytest.raises(routing.RoutingHalted):
            routing.route_blocks(by(tom), [second.pk], seen={second.pk: second.version})

    def test_counts_what_was_bought_and_not_yet_shared_out(self, a_block, street, firm, tom, by):
        bought = a_block("AAA", "BUY", 300)
        made = Route.objects.get(pk=routing.route_blocks(by(tom), [bought.pk], seen={bought.pk: 1}).routes[0])
        street.report(made, "F", "1", last=(200, 50), cum=200, leaves=100)
        more, less = (
            a_block("AAA", "SELL", qty, order_type="LIMIT", limit_price=D(limit)) for qty, limit in ((50_201, 49), (50_200, 48))
        )
        routing.set_halt(by(tom), "FIRM", mode="REDUCE")

        with pytest.raises(routing.RoutingHalted):
            routing.route_blocks(by(tom), [more.pk], seen={more.pk: 1})
        routing.route_blocks(by(tom), [less.pk], seen={less.pk: 1})

    def test_what_was_sold_and_not_yet_shared_out_is_held_no_more(self, a_block, street, tom, by):
        sold = a_block("AAA", "SELL", 30_000)
        made = Route.objects.get(pk=routing.route_blocks(by(tom), [sold.pk], seen={sold.pk: 1}).routes[0])
        street.report(made, "F", "2", last=(30_000, 50), cum=30_000, leaves=0)
        routing.set_halt(by(tom), "FIRM", mode="REDUCE")
        more = a_block("AAA", "SELL", 20_001)

        with pytest.raises(routing.RoutingHalted):
            routing.route_blocks(by(tom), [more.pk], seen={more.pk: 1})

    def test_leaves_working_what_reduces(self, a_block, goes_out, tom, by):
        sale, purchase = a_block("AAA", "SELL", 100), a_block("CCC", "BUY", 100)
        routing.route_blocks(by(tom), [sale.pk, purchase.pk], seen={sale.pk: 1, purchase.pk: 1})
        goes_out()

        halt = routing.set_halt(by(tom), "FIRM", mode="REDUCE")

        assert Route.objects.filter(pk__in=open_routes(halt)).get().block_id == purchase.pk


class TestLifting:
    def test_another_person_lifts_it_with_a_reason(self, a_block, tom, tess, by):
        halt = routing.set_halt(by(tom), "FIRM")
        block = a_block("AAA", "BUY", 100)

        routing.lift_halt(by(tess, "prices are right again"), halt, seen={halt: 1})
        routing.route_blocks(by(tom), [block.pk], seen={block.pk: 1})

        assert went_on("halt") == ["halt.set", "halt.lifted"]

    def test_nobody_lifts_their_own_nor_without_a_reason_nor_what_they_did_not_see(self, firm, tom, tess, omar, by):
        halt = routing.set_halt(by(tom), "FIRM")

        with pytest.raises(routing.OwnHalt):
            routing.lift_halt(by(tom, "I am sure"), halt, seen={halt: 1})
        with pytest.raises(Invalid):
            routing.lift_halt(by(tess), halt, seen={halt: 1})
        with pytest.raises(routing.StaleHalt):
            routing.lift_halt(by(tess, "go on"), halt, seen={halt: 2})
        assert went_on("halt") == ["halt.set"]
        routing.lift_halt(by(omar, "checked"), halt, seen={halt: 1})
        with pytest.raises(IllegalMove):
            routing.lift_halt(by(tess, "go on"), halt, seen={halt: 2})

    def test_the_database_too_wants_another_person(self, firm, tom, by):
        halt = routing.set_halt(by(tom), "FIRM")

        with pytest.raises(IntegrityError, match="another_person_lifts_a_halt"), transaction.atomic():
            Halt.objects.filter(pk=halt).update(status="LIFTED", lifted_by=tom)

    def test_a_manager_neither_sets_nor_lifts(self, firm, mira, by):
        with pytest.raises(NotAllowed):
            routing.set_halt(by(mira), "FIRM")
        assert Halt.objects.count() == 0

    def test_asks_once_more_when_a_broker_refused(self, a_route, goes_out, street, tom, by):
        route = a_route(100)
        goes_out()
        street.report(route, "0", "0")
        halt = routing.set_halt(by(tom), "FIRM")
        assert routing.ask_again(by(tom), halt) == 0  # The broker owes an answer.
        street.refusal(route, sent("F")[0][11], "0", "1")

        assert routing.ask_again(by(tom), halt) == 1

        assert len(sent("F")) == 2
        assert went_on("halt") == ["halt.set", "halt.asked_again"]


class TestRaces:
    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize("attempt", range(4))
    def test_a_route_asked_for_at_the_same_moment_is_refused_or_stopped(self, a_block, tom, tess, by, attempt):
        block = a_block("AAA", "BUY", 10_000)

        routed, halt = at_once(
            lambda: routing.route_blocks(by(tom), [block.pk], seen={block.pk: 1}),
            lambda: routing.set_halt(by(tess), "FIRM"),
        )

        if routed == "RoutingHalted":
            assert Route.objects.count() == Message.objects.count() == 0
        else:
            assert HaltedRoute.objects.get().route_id == routed.routes[0]
            assert Message.objects.get().status == "WITHDRAWN"
            assert Block.objects.get().placed_qty == 0
        assert isinstance(halt, int)

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize("attempt", range(3))
    def test_what_the_gateway_takes_at_the_same_moment_is_cancelled_or_never_goes(self, a_route, tom, by, attempt):
        a_route(10_000)
        sessions = list(Session.objects.values_list("pk", flat=True))

        taken, _ = at_once(lambda: routing.take_to_send(sessions), lambda: routing.set_halt(by(tom), "FIRM"))

        new = [row for row in taken if row.msg_type == "D"]
        assert HaltedRoute.objects.get().done == ("CANCEL" if new else "WITHDRAWN")
        assert len(sent("F")) == len(new)

    @pytest.mark.django_db(transaction=True)
    def test_two_press_it_and_it_is_set_once(self, firm, tom, tess, by):
        answers = at_once(*(lambda who=who: routing.set_halt(by(who), "FIRM") for who in (tom, tess)))

        assert "HaltedAlready" in answers
        assert Halt.objects.count() == 1

    @pytest.mark.django_db(transaction=True)
    def test_two_lift_it_and_one_does(self, firm, tom, tess, omar, by):
        halt = routing.set_halt(by(tom), "FIRM")

        answers = at_once(
            *(lambda who=who: routing.lift_halt(by(who, "go on"), halt, seen={halt: 1}) for who in (tess, omar))
        )

        assert sorted(map(str, answers)) == ["None", "StaleHalt"]


class TestPagesAndApi:
    def test_the_blotter_opens_it_by_one_key_and_it_stops_ones_own_desk(self, a_route, goes_out, tom):
        a_route(10_000)
        goes_out()
        assert 'data-key="h"' in words(visit(tom, "blocks:list"))

        asked = words(visit(tom, "routing:halt_set", htmx=True))
        assert "Cancel 1 route, $500.0K still working, 1 broker" in asked
        assert '<option value="DESK:MAIN" selected>' in asked
        answer = send(tom, "routing:halt_set", {"what": "DESK:MAIN", "mode": "ALL", "reason": "wrong prices"})

        assert "1 not ended by their brokers yet" in answer["HX-Trigger"]
        shown = words(visit(tom, "routing:halts"))
        assert "1 of 1" in shown
        assert "You set it, so another person lifts it." in shown
        assert "Routing stopped: desk Main desk" in words(visit(tom, "desk:health"))

    def test_a_colleague_lifts_it_on_the_page(self, firm, tom, tess, by):
        halt = routing.set_halt(by(tom), "FIRM")

        assert send(tess, "routing:halt_lift", {"seen": f"{halt}:1"}, halt).status_code == 422
        assert send(tess, "routing:halt_lift", {"seen": f"{halt}:1", "reason": "fine"}, halt).status_code == 204

        assert "Routing is open" in words(visit(tess, "routing:halts"))

    def test_over_the_api(self, a_route, goes_out, client, tom, tess):
        route = a_route(100)
        goes_out()
        client.force_login(tom)
        said = {"scope": "BROKER", "subject": route.broker.code, "reason": "no answers"}

        answers = [
            client.post("/api/v1/halts/", said, content_type="application/json", HTTP_IDEMPOTENCY_KEY="once")
            for _ in range(2)
        ]

        assert [a.status_code for a in answers] == [201, 201]
        made = answers[0].json()
        assert (made["broker"], made["unacknowledged"]) == (route.broker.code, 1)
        assert made["unacknowledged_routes"][0]["route_id"] == route.pk
        lift = {"version": 1, "reason": "they answer"}
        refused = client.post(f"/api/v1/halts/{made['id']}/lift", lift, content_type="application/json")
        assert (refused.status_code, refused.json()["code"]) == (403, "own_halt")
        client.force_login(tess)
        assert client.post(f"/api/v1/halts/{made['id']}/lift", lift, content_type="application/json").status_code == 200
        assert client.get("/api/v1/halts/?status=LIFTED").json()["results"][0]["lifted_by"] == "tess"
