"""Fills that traders enter by hand: both times kept, what cannot be refused beside its field, and taken back as busts."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from threading import Barrier

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from apps.audit.models import Entry
from apps.blocks import services as blocks
from apps.blocks.models import Block
from apps.core.refusals import IllegalMove, Invalid, NotAllowed, NotFound, Refusal
from apps.marketdata.models import Bar
from apps.routing import services as routing
from apps.routing.models import Execution, Message, Route
from apps.routing.rules.by_hand import distance, time_problem

D = Decimal
pytestmark = pytest.mark.django_db


def fill(block, qty=1_000, price="50", **more) -> routing.HandFill:
    said = {"broker_code": "HARBOR", "executed_at": timezone.now().replace(microsecond=0)} | more
    return routing.HandFill(block.pk, qty=D(qty), price=D(price), **said)


@pytest.fixture
def enter(tom, by):
    def book(block, *fills, reason="", who=tom):
        block.refresh_from_db()
        return routing.book_by_hand(by(who, reason), fills, seen={block.pk: block.version})

    return book


class TestBooking:
    def test_fills_an_open_block_at_once_and_keeps_both_times(self, a_block, enter, tom):
        block = a_block("AAA", "BUY", 10_000)
        at = timezone.now().replace(microsecond=0) - timedelta(seconds=0)
        Block.objects.filter(pk=block.pk).update(opened_at=at - timedelta(hours=1))
        at -= timedelta(minutes=20)
        [pk] = enter(block, fill(block, 4_000, "50.25", executed_at=at, exec_ref="H-17", market="xnas", commission=D("12.5")))
        route, execution = Route.objects.get(pk=pk), Execution.objects.get()
        block.refresh_from_db()
        assert (block.status, block.placed_qty, block.filled_qty, block.filled_value) == ("WORKING", 4_000, 4_000, D("201000"))
        assert (route.kind, route.status, route.cum_qty, route.leaves_qty, route.cl_ord_id) == ("HAND", "FILLED", 4_000, 0, f"HAND-{pk}")
        assert (execution.at_broker, execution.exec_id, execution.market, execution.commission_amount) == (at, "H-17", "XNAS", D("12.5"))
        assert execution.at > at + timedelta(minutes=19) and execution.is_voice
        assert route.trace["hand"]["by"] == tom.pk and not Message.objects.filter(is_out=True).exists()
        said = Entry.objects.get(event="route.by_hand")
        assert said.payload["executed_at"] == at.isoformat() and said.act.by == tom

    def test_ends_a_block_that_is_filled_whole(self, a_block, enter):
        block = a_block("AAA", "BUY", 10_000)
        enter(block, fill(block, 4_000), fill(block, 6_000, "51"))
        block.refresh_from_db()
        assert (block.status, block.filled_value) == ("DONE", D("506000"))

    def test_takes_many_with_as_many_statements_as_few(self, a_block, enter, django_assert_max_num_queries):
        block = a_block("AAA", "BUY", 10_000)
        block.refresh_from_db()
        with django_assert_max_num_queries(80):
            enter(block, *(fill(block, 100, "50", exec_ref=f"X{n}") for n in range(100)))
        assert Execution.objects.count() == 100

    def test_goes_beside_routes_at_brokers(self, a_route, enter):
        route = a_route(6_000, unplaced=4_000)
        enter(route.block, fill(route.block, 4_000))
        with pytest.raises(routing.BadHandFill, match="cancel a route first"):
            enter(route.block, fill(route.block, 1, "50.1"))


class TestRefusals:
    @pytest.mark.parametrize(
        ("said", "field", "why"),
        [
            ({"qty": 0}, "qty", "above zero"), ({"qty": 10_001}, "qty", "Only 10000"), ({"price": "0"}, "price", "above zero"),
            ({"price": "NaN"}, "price", "above zero"), ({"commission": D(-1)}, "commission", "zero or above"),
            ({"executed_at": timezone.now() + timedelta(days=400)}, "executed_at", "still to come"),
            ({"executed_at": timezone.now() - timedelta(days=400)}, "executed_at", "before the block was opened"),
            ({"market": "NASDAQ"}, "market", "no market"),
        ],
    )  # fmt: skip
    def test_say_what_cannot_be_beside_its_field_and_book_nothing(self, a_block, enter, said, field, why):
        block = a_block("AAA", "BUY", 10_000)
        with pytest.raises(routing.BadHandFill, match=why) as refused:
            enter(block, fill(block, 100), fill(block, **said))
        assert (refused.value.facts["field"], refused.value.facts["row"]) == (field, 1)
        assert not Execution.objects.exists() and Block.objects.get().status == "OPEN"

    def test_outside_the_limit(self, a_block, enter):
        block = a_block("AAA", "BUY", 10_000, order_type="LIMIT", limit_price="50")
        enter(block, fill(block, 100, "50"))
        with pytest.raises(routing.BadHandFill, match="outside the limit"):
            enter(block, fill(block, 100, "50.01"))

    def test_a_broker_that_is_none(self, a_block, enter):
        block = a_block("AAA", "BUY", 10_000)
        for code in ("NOBODY", "SIMX"):
            with pytest.raises(NotFound):
                enter(block, fill(block, broker_code=code))

    def test_a_fill_that_is_entered_already(self, a_block, enter):
        block = a_block("AAA", "BUY", 10_000)
        at = timezone.now().replace(microsecond=0)
        enter(block, fill(block, executed_at=at))
        for again in ((fill(block, executed_at=at),), (fill(block, exec_ref="A"), fill(block, qty=5, exec_ref="A"))):
            with pytest.raises(routing.EnteredAlready):
                enter(block, *again)
        enter(block, fill(block, executed_at=at, exec_ref="B"))  # The broker's reference tells it from the first.
        assert Execution.objects.count() == 2

    def test_who_does_not_trade_or_does_not_work_the_block(self, a_block, enter, mira, tess, by):
        block = a_block("AAA", "BUY", 10_000)
        with pytest.raises(NotAllowed):
            enter(block, fill(block), who=mira)
        blocks.pick_up_blocks(by(tess), [block.pk], seen={block.pk: 1})
        with pytest.raises(Refusal, match="Tess"):
            enter(block, fill(block))

    def test_a_price_far_from_the_market_needs_a_reason(self, a_block, enter):
        block, at = a_block("AAA", "BUY", 10_000), timezone.now().replace(microsecond=0)
        bar = {"open": "50", "high": "50.2", "low": "49.9", "close": "50", "volume": 100, "turnover": 5_000}
        Bar.objects.create(instrument=block.instrument, at=at - timedelta(minutes=1), **bar)
        enter(block, fill(block, 100, "50.451", executed_at=at))  # 50 bp above the highest, and no more.
        with pytest.raises(routing.FarFromMarket, match="51 bp outside 49.9 to 50.2") as refused:
            enter(block, fill(block, 100, "50.4561", executed_at=at))
        assert refused.value.facts["field"] == "reason"
        [pk] = enter(block, fill(block, 100, "50.4561", executed_at=at), reason="Block of a block")
        assert Route.objects.get(pk=pk).trace["hand"]["far"].startswith("51 bp")


class TestTakingBack:
    def test_gives_the_quantity_back_and_reopens_what_was_done(self, a_block, enter, tom, by):
        block = a_block("AAA", "BUY", 10_000)
        enter(block, fill(block, 4_000, "50"), fill(block, 6_000, "51"))
        wrong = Execution.objects.get(qty=6_000)
        with pytest.raises(Invalid):
            routing.take_back(by(tom), wrong.pk, seen={wrong.pk: 1})
        routing.take_back(by(tom, "It was 600"), wrong.pk, seen={wrong.pk: 1})
        block.refresh_from_db()
        wrong.refresh_from_db()
        assert (block.status, block.placed_qty, block.filled_qty, block.filled_value) == ("WORKING", 4_000, 4_000, 200_000)
        assert (wrong.status, wrong.route.status, wrong.route.cum_qty) == ("BUSTED", "CANCELED", 0)
        with pytest.raises(routing.StaleExecution):
            routing.take_back(by(tom, "Again"), wrong.pk, seen={wrong.pk: 1})
        with pytest.raises(IllegalMove):
            routing.take_back(by(tom, "Again"), wrong.pk, seen={wrong.pk: 2})
        enter(block, fill(block, 600, "51"))

    def test_leaves_what_brokers_reported_to_brokers(self, a_route, street, tom, by):
        route = street.report(a_route(10_000), "F", "1", last=(1_000, 50), cum=1_000, leaves=9_000, qty=10_000)
        execution = Execution.objects.get(route=route)
        with pytest.raises(routing.NotByHand):
            routing.take_back(by(tom, "x"), execution.pk, seen={execution.pk: 1})


@pytest.mark.django_db(transaction=True)
def test_two_traders_enter_the_same_call_at_once_and_it_is_booked_once(a_block, tom, tess, by):
    block, gun = a_block("AAA", "BUY", 10_000), Barrier(2)
    call = fill(block, 10_000, executed_at=timezone.now().replace(microsecond=0))

    def book(who):
        gun.wait()
        try:
            return routing.book_by_hand(by(who), [call], seen={block.pk: block.version}) and "booked"
        except Refusal as refusal:
            return type(refusal).__name__
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(book, (tom, tess)))
    assert answers in (["StaleBlock", "booked"], ["EnteredAlready", "booked"])
    assert Execution.objects.count() == 1 and Block.objects.get().filled_qty == 10_000


class TestEdges:
    def test_a_trader_enters_and_takes_back_on_pages(self, a_block, client, tom):
        block = a_block("AAA", "BUY", 10_000)
        client.force_login(tom)
        url = reverse("routing:by_hand", args=[block.pk])
        assert "10,000 is left to place" in client.get(url).content.decode()
        now = timezone.now()
        said = {"seen": f"{block.pk}:1", "broker": Route._meta.get_field("broker").related_model.objects.get(code="HARBOR").pk}
        said |= {"qty": "4000", "price": "50", "at_time": f"{now:%H:%M:%S}", "on_day": f"{now:%Y-%m-%d}", "is_voice": "on"}
        bad = client.post(url, said | {"qty": "40000"})
        assert bad.status_code == 422 and "Only 10000 of" in bad.content.decode()
        assert client.post(url, said).status_code == 204
        execution = Execution.objects.get()
        shown = client.get(reverse("routing:route", args=[execution.route_id])).content.decode()
        assert "By hand, on the phone" in shown and reverse("routing:take_back", args=[execution.pk]) in shown
        back = reverse("routing:take_back", args=[execution.pk])
        assert client.post(back, {"seen": f"{execution.pk}:1"}).status_code == 422
        assert client.post(back, {"seen": f"{execution.pk}:1", "reason": "Misheard"}).status_code == 204
        assert Execution.objects.get().status == "BUSTED"

    def test_a_program_enters_once_and_takes_back(self, a_block, client, tom):
        block = a_block("AAA", "BUY", 10_000)
        client.force_login(tom)
        one = {"broker": "HARBOR", "qty": "4000", "price": "50", "executed_at": timezone.now().isoformat(timespec="seconds")}

        def post(url, said, **headers):
            return client.post(url, json.dumps(said), content_type="application/json", headers=headers)

        url, said = f"/api/v1/blocks/{block.pk}/fills-by-hand/", {"version": 1, "fills": [one]}
        assert post(url, said, **{"Idempotency-Key": "k"}).status_code == 201
        assert post(url, said, **{"Idempotency-Key": "k"}).status_code == 200
        assert Execution.objects.count() == 1
        bad = post(url, {"version": Block.objects.get().version, "fills": [one | {"qty": "9000"}]})
        assert bad.status_code == 422 and bad.json()["facts"]["field"] == "qty"
        pk = Execution.objects.get().pk
        done = post(f"/api/v1/executions/{pk}/take-back/", {"version": 1, "reason": "Misheard"})
        assert done.json() == {"id": pk, "status": "BUSTED", "version": 2}


def test_distance_and_times_at_their_edges():
    assert distance(D(50), D(50), D(51)) == 0 == distance(D(51), D(50), D(51))
    assert distance(D("51.51"), D(50), D(51)) == 100 and distance(D("49.5"), D(50), D(51)) == 100
    now = timezone.now()
    assert time_problem(now + timedelta(seconds=1), now, now) == "" != time_problem(now + timedelta(seconds=1.1), now, now)
    opened = now.replace(microsecond=700_000)
    assert time_problem(opened.replace(microsecond=0), opened, now + timedelta(1)) == ""
    assert "before the block" in time_problem(opened.replace(microsecond=0) - timedelta(seconds=1), opened, now + timedelta(1))
