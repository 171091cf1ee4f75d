"""Gathering, freezing, filling, finishing and reopening blocks."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.audit.models import Entry
from apps.blocks import selectors, services
from apps.blocks.models import Block, Member, Statement
from apps.core.refusals import IllegalMove, NotAllowed, NotFound
from apps.orders import services as orders
from apps.orders.models import Order
from apps.reference.models import Combination

D = Decimal


def record_of(block: Block) -> list[str]:
    entries = Entry.objects.filter(subject="block", subject_id=block.pk).order_by("nth")
    return [event.split(".")[1] for event in entries.values_list("event", flat=True)]


def state(block: Block) -> tuple:
    return Block.objects.values_list("status", "qty", "placed_qty", "filled_qty", "cancelled_qty").get(pk=block.pk)


class TestGather:
    def test_makes_one_block_of_like_orders(self, a_block, firm):
        block = a_block()
        assert (block.qty, block.wave, block.status, block.desk) == (1000, 1, "OPEN", firm.desk)
        assert Member.objects.filter(block=block).count() == 3
        assert record_of(block) == ["opened"]
        assert block.settle_date > block.trade_date

    def test_keeps_apart_what_differs(self, cleared, gather):
        ids = cleared(("P1", "AAA", "BUY", "10"), ("P1", "AAA", "SELL", "10"), ("P1", "BBB", "BUY", "10"))
        ids += cleared(("P2", "AAA", "BUY", "10"), order_type="LIMIT", limit_price="50")
        ids += cleared(("P2", "AAA", "BUY", "10"), tif="GTC")
        ids += cleared(("P2", "AAA", "BUY", "10"), instructions="Not at the open")
        gather(ids)
        assert Block.objects.count() == 6

    def test_keeps_other_handling_apart_and_a_minimum_alone(self, cleared, gather):
        Combination.objects.create(
            asset_class="EQUITY", order_type="MARKET", tif="DAY", takes_min_qty=True, takes_display_qty=True
        )
        both = (("P1", "AAA", "BUY", "100"), ("P2", "AAA", "BUY", "100"))
        gather(cleared(*both) + cleared(*both, display_qty="50") + cleared(*both, min_qty="50"))
        assert sorted((block.qty, str(block.terms)) for block in Block.objects.all()) == [
            (100, "{'min_qty': '50'}"), (100, "{'min_qty': '50'}"), (200, "{'display_qty': '50'}"), (200, "{}"),
        ]  # fmt: skip

    def test_adds_to_the_open_block_and_once_only(self, a_block, cleared, gather):
        block = a_block()
        ids = cleared(("P1", "AAA", "BUY", "50"))
        gather(ids)
        gather(ids)
        assert state(block)[:2] == ("OPEN", 1050)
        assert record_of(block) == ["opened", "grew"]

    def test_starts_a_new_wave_once_the_statement_is_fixed(self, working, cleared, gather):
        block = working()
        gather(cleared(("P1", "AAA", "BUY", "50")))
        late = Block.objects.latest("pk")
        assert (late.merge_key, late.wave, late.qty, late.status) == (block.merge_key, 2, 50, "OPEN")
        assert state(block)[1] == 1000

    def test_leaves_out_what_was_cancelled_meanwhile(self, cleared, gather, by, mira):
        ids = cleared(("P1", "AAA", "BUY", "50"))
        orders.cancel_orders(by(mira), ids, seen={ids[0]: 3})
        gather(ids)
        assert Block.objects.count() == 0

    def test_needs_as_many_statements_for_200_orders_as_for_10(self, cleared, gather):
        counts = []
        for qty, symbol in ((10, "AAA"), (200, "BOND")):
            ids = cleared(*((("P1", "P2", "P3")[i % 3], symbol, "BUY", "1000") for i in range(qty)))
            with CaptureQueriesContext(connection) as asked:
                gather(ids)
            counts.append(len(asked))
        assert counts[0] == counts[1]


class TestDrop:
    def test_takes_a_cancelled_order_out_of_its_block(self, a_block, by, mira):
        block = a_block()
        order = Order.objects.get(qty=300)
        orders.cancel_orders(by(mira), [order.pk], seen={order.pk: order.version})
        assert state(block)[:2] == ("OPEN", 700)
        assert record_of(block) == ["opened", "shrank"]
        assert not Member.objects.filter(order=order).exists()

    def test_cancels_a_block_that_loses_its_last(self, a_block, by, mira):
        block = a_block()
        seen = dict(Order.objects.values_list("pk", "version"))
        orders.cancel_orders(by(mira), list(seen), seen=seen)
        assert state(block) == ("CANCELLED", 1000, 0, 0, 1000)

    def test_an_amended_order_leaves_and_may_join_again(self, a_block, cleared, gather, by, mira, monkeypatch):
        block = a_block()
        order = Order.objects.get(qty=300)
        orders.amend_orders(by(mira), {order.pk: {"qty": "400"}}, seen={order.pk: order.version})
        assert state(block)[1] == 700
        from apps.audit import services as audit

        with monkeypatch.context() as alone:
            alone.setattr(audit, "flow", dict)
            orders.submit_orders(by(mira), [order.pk], seen={order.pk: order.version + 1})
            orders.mark_cleared(by("worker"), {order.pk: 1})
        gather([order.pk])
        assert state(block)[1] == 1100


class TestFreeze:
    def test_fixes_the_statement_and_puts_the_orders_to_work(self, a_block, by, tom):
        block = a_block()
        services.freeze_blocks(by(tom), [block.pk], seen={block.pk: 1}, arrival={block.pk: D("50.01")})
        block = Block.objects.select_related("statement").get()
        assert (block.status, block.arrival_price) == ("WORKING", D("50.01"))
        assert set(Order.objects.values_list("status", flat=True)) == {"WORKING"}
        content = block.statement.content
        assert content["method"] == "PRO_RATA" and content["lot"] == "1"
        assert sorted(row[2] for row in content["orders"]) == ["200", "300", "500"]
        assert selectors.verify_statement(block)
        frozen = Entry.objects.get(event="block.frozen").payload
        assert frozen["statement_hash"] == block.statement.hash

    def test_a_statement_that_does_not_match_is_found(self, working, by):
        block = working()
        Member.objects.filter(block=block, qty=300).update(qty=301)
        assert not selectors.verify_statement(Block.objects.select_related("statement").get())

    def test_refuses_a_stale_trader_and_fixes_nothing(self, a_block, cleared, gather, by, tom):
        block = a_block()
        gather(cleared(("P1", "AAA", "BUY", "50")))
        with pytest.raises(services.StaleBlock) as refused:
            services.freeze_blocks(by(tom), [block.pk], seen={block.pk: 1}, arrival={})
        assert refused.value.facts["blocks"][0]["changes"][0]["what"] == {"qty": "50", "orders": 1}
        assert Statement.objects.count() == 0 and state(block)[0] == "OPEN"

    def test_refuses_a_trader_of_another_desk(self, a_block, by, tess):
        block = a_block()
        tess.desks.clear()
        with pytest.raises(NotFound):
            services.freeze_blocks(by(tess), [block.pk], seen={block.pk: 1}, arrival={})

    @pytest.mark.parametrize("who", ["mira", "omar", "olga", "ada", "alan", "stranger"])
    def test_refuses_whose_role_works_no_blocks(self, a_block, by, request, who):
        block = a_block()
        with pytest.raises(NotAllowed):
            services.freeze_blocks(by(request.getfixturevalue(who)), [block.pk], seen={block.pk: 1}, arrival={})

    def test_refuses_a_block_that_is_frozen(self, working, by, tom):
        block = working()
        with pytest.raises(IllegalMove):
            services.freeze_blocks(by(tom), [block.pk], seen={block.pk: block.version}, arrival={})
        assert Statement.objects.count() == 1

    def test_needs_as_many_statements_for_many_blocks_as_for_one(self, cleared, gather, by, tom):
        counts = []
        for limits in (range(40, 42), range(50, 80)):
            for limit in limits:
                gather(cleared(("P1", "AAA", "BUY", "10"), order_type="LIMIT", limit_price=str(limit)))
            seen = dict(Block.objects.filter(status="OPEN").values_list("pk", "version"))
            with CaptureQueriesContext(connection) as asked:
                services.freeze_blocks(by(tom), list(seen), seen=seen, arrival={})
            counts.append(len(asked))
        assert counts[0] == counts[1]


class TestFill:
    def test_a_block_of_which_all_is_filled_is_done(self, working, by):
        block = working()
        services.mark_placed(by("gateway"), {block.pk: D(1000)})
        services.mark_filled(by("gateway"), {block.pk: (D(400), D(20000))})
        assert state(block) == ("WORKING", 1000, 1000, 400, 0)
        assert Block.objects.get().version == 2  # A fill is no step of its life.
        services.mark_filled(by("gateway"), {block.pk: (D(600), D(30060))})
        assert state(block)[0] == "DONE" and Block.objects.get().average_price == D("50.06")
        assert record_of(block) == ["opened", "frozen", "done"]

    @pytest.mark.parametrize("qty", [D(1001), D(-1)])
    def test_refuses_to_place_more_than_there_is_or_less_than_is_filled(self, working, by, qty):
        block = working()
        with pytest.raises((services.Overplaced, services.Overfilled)):
            services.mark_placed(by("gateway"), {block.pk: qty})
        assert state(block)[2] == 0

    def test_refuses_a_fill_beyond_what_is_placed(self, working, by):
        block = working()
        services.mark_placed(by("gateway"), {block.pk: D(100)})
        with pytest.raises(services.Overfilled):
            services.mark_filled(by("gateway"), {block.pk: (D(101), D(5050))})
        assert state(block)[3] == 0

    def test_refuses_to_place_an_open_block(self, a_block, by):
        with pytest.raises(services.NotWorking):
            services.mark_placed(by("gateway"), {a_block().pk: D(100)})


class TestFinish:
    def test_gives_up_the_rest(self, working, by, tom):
        block = working()
        services.mark_placed(by("gateway"), {block.pk: D(400)})
        services.mark_filled(by("gateway"), {block.pk: (D(400), D(20000))})
        services.finish_blocks(by(tom), [block.pk], seen={block.pk: 2})
        assert state(block) == ("DONE", 1000, 400, 400, 600)
        assert Entry.objects.get(event="block.done").payload == {"filled_qty": "400", "cancelled_qty": "600"}

    def test_refuses_while_part_is_at_a_broker(self, working, by, tom):
        block = working()
        services.mark_placed(by("gateway"), {block.pk: D(400)})
        with pytest.raises(services.StillWorking, match="400"):
            services.finish_blocks(by(tom), [block.pk], seen={block.pk: 2})
        assert state(block)[0] == "WORKING"

    def test_refuses_an_open_block(self, a_block, by, tom):
        block = a_block()
        with pytest.raises(IllegalMove):
            services.finish_blocks(by(tom), [block.pk], seen={block.pk: 1})


class TestReopen:
    def test_a_bust_leaves_the_rest_to_place(self, working, by, monkeypatch):
        block = self._allocated(working, by)
        services.reopen_blocks(by("gateway"), {block.pk: "bust"})
        services.mark_filled(by("gateway"), {block.pk: (D(-100), D(-5000))})
        services.mark_placed(by("gateway"), {block.pk: D(-100)})
        assert state(block) == ("WORKING", 1000, 900, 900, 0)

    def test_a_corrected_price_ends_it_again_at_once(self, working, by):
        block = self._allocated(working, by)
        services.reopen_blocks(by("gateway"), {block.pk: "correction"})
        services.mark_filled(by("gateway"), {block.pk: (D(0), D(-10))})
        assert state(block)[0] == "DONE"
        assert record_of(block) == ["opened", "frozen", "done", "allocated", "reopened", "done"]

    def _allocated(self, working, by) -> Block:
        block = working()
        services.mark_placed(by("gateway"), {block.pk: D(1000)})
        services.mark_filled(by("gateway"), {block.pk: (D(1000), D(50000))})
        services.mark_allocated(by("worker"), {block.pk: 3})
        return block
