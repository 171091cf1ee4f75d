"""Workers and traders at the same block at the same moment."""

from decimal import Decimal

import pytest

from apps.audit import services as audit
from apps.blocks import selectors, services
from apps.blocks.models import Block, Member, Statement
from apps.core.events import Fact, Then
from apps.orders import events
from apps.orders import services as orders
from apps.orders.models import Order
from tests.races import at_once

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def only_blocks_listen(monkeypatch):
    drop = Then(now=[services.drop_orders])
    monkeypatch.setattr(audit, "flow", lambda: {events.OrderCancelled: drop, events.OrderAmended: drop})


def quantities_add_up() -> bool:
    return all(
        sum(Member.objects.filter(block=block).values_list("qty", flat=True), Decimal(0)) == block.qty
        for block in Block.objects.exclude(status="CANCELLED")
    )


@pytest.mark.parametrize("attempt", range(3))
def test_workers_gathering_like_orders_at_once_end_in_one_block(cleared, gather, attempt):
    baskets = [cleared(("P1", "AAA", "BUY", "10"), ("P2", "BBB", "SELL", "10"), ("P3", "BOND", "BUY", "1000")) for _ in range(5)]
    at_once(*(lambda ids=ids: gather(ids) for ids in [baskets[0], *(basket[::-1] for basket in baskets[1:])]))
    assert sorted(Block.objects.values_list("qty", flat=True)) == [50, 50, 5000]
    assert Member.objects.count() == 15 and quantities_add_up()


def test_the_same_orders_gathered_twice_at_once_join_once(cleared, gather):
    ids = cleared(("P1", "AAA", "BUY", "10"), ("P2", "AAA", "BUY", "10"))
    at_once(*[lambda: gather(ids)] * 4)
    assert Block.objects.get().qty == 20 and Member.objects.count() == 2


@pytest.mark.parametrize("attempt", range(3))
def test_two_traders_freezing_one_block_make_one_statement(a_block, by, tom, tess, attempt):
    block = a_block()
    answers = at_once(
        *(lambda who=who: services.freeze_blocks(by(who), [block.pk], seen={block.pk: 1}, arrival={}) for who in (tom, tess))
    )
    assert sorted(map(str, answers)) == ["StaleBlock", "{}"]
    assert Statement.objects.count() == 1


@pytest.mark.parametrize("attempt", range(8))
def test_a_cancel_and_a_freeze_leave_the_statement_true(a_block, by, mira, tom, attempt):
    block = a_block()
    order = Order.objects.get(qty=300)

    answers = at_once(
        lambda: orders.cancel_orders(by(mira), [order.pk], seen={order.pk: order.version}),
        lambda: services.freeze_blocks(by(tom), [block.pk], seen={block.pk: 1}, arrival={}),
    )

    assert (answers[0] is None) != (answers[1] == {})
    block = Block.objects.get()
    if answers[0] is None:
        assert answers[1] in ("StaleBlock", "MembersChanging") and (block.status, block.qty) == ("OPEN", 700)
    else:
        assert answers[0] in ("StaleOrder", "IllegalMove") and selectors.verify_statement(block)
    assert quantities_add_up()


@pytest.mark.parametrize("attempt", range(5))
def test_a_late_order_is_in_the_statement_or_in_the_next_wave(a_block, cleared, gather, by, tom, attempt):
    block = a_block()
    late = cleared(("P1", "AAA", "BUY", "50"))

    at_once(
        lambda: gather(late),
        lambda: services.freeze_blocks(by(tom), [block.pk], seen={block.pk: 1}, arrival={}),
    )

    first = Block.objects.get(pk=block.pk)
    joined = Member.objects.get(order_id=late[0]).block
    if first.status == "WORKING":
        assert joined.wave == 2 and first.qty == 1000 and selectors.verify_statement(first)
    else:
        assert joined == first and first.qty == 1050  # The trader saw another block, and is told so.
    assert quantities_add_up()


def test_many_fills_at_once_are_all_counted(working, by):
    block = working()
    services.mark_placed(by("gateway"), {block.pk: Decimal(1000)})
    fill = (Decimal(100), Decimal(5000))
    at_once(*[lambda: services.mark_filled(by("gateway"), {block.pk: fill})] * 10)
    block.refresh_from_db()
    assert (block.status, block.filled_qty, block.filled_value, block.version) == ("DONE", 1000, 50000, 3)


def test_two_routes_for_the_same_rest_and_one_is_refused(working, by):
    block = working()
    answers = at_once(*[lambda: services.mark_placed(by("gateway"), {block.pk: Decimal(600)})] * 2)
    assert sorted(map(str, answers)) == ["None", "Overplaced"]
    assert Block.objects.get().placed_qty == 600


def test_amends_of_many_orders_and_gathers_of_others_do_not_wait_in_a_circle(cleared, gather, by, mira):
    kinds = [("P1", symbol, side, "1000") for symbol in ("AAA", "BBB", "CCC", "BOND", "TSY") for side in ("BUY", "SELL")]
    standing, coming = cleared(*kinds), cleared(*kinds[::-1])
    gather(standing)
    versions = dict(Order.objects.filter(pk__in=standing).values_list("pk", "version"))
    answers = at_once(
        lambda: orders.amend_orders(by(mira), {pk: {"qty": "2000"} for pk in standing}, seen=versions),
        lambda: gather(coming),
        lambda: services.gather_orders(by("worker"), [Fact(pk, 3, events.OrderCleared(1)) for pk in coming[::-1]]),
    )
    assert answers == [None, None, None] and Member.objects.count() == 10 and quantities_add_up()
