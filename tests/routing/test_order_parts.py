"""Orders split by quantity, in blocks split by quantity or broker: what the parts ask for always sums to the order."""

from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import Sum
from django.test.utils import CaptureQueriesContext

from apps.audit.models import Entry
from apps.blocks import selectors
from apps.blocks import services as blocks
from apps.blocks.models import Block, Member
from apps.blocks.rules import How
from apps.core.refusals import IllegalMove
from apps.orders import services as orders
from apps.orders.models import Family, Order
from apps.routing import services as routing
from apps.routing.models import Route
from tests.races import at_once

D = Decimal


@pytest.fixture
def block(a_block):
    """A block of three orders: 100 of P1, 200 of P2, 300 of P3."""
    return a_block("AAA", "BUY", 100, 200, 300)


def order_of(block, code: str) -> Order:
    return Order.objects.get(pk=Member.objects.get(block=block, order__portfolio__code=code).order_id)


def holds(block_id: int) -> tuple:
    """Status, quantity, and the quantities of its orders, which are those of the orders themselves."""
    row = Block.objects.get(pk=block_id)
    members = row.members.select_related("order")
    assert all(m.qty == m.order.qty for m in members)
    return row.status, int(row.qty), sorted(int(m.qty) for m in members)


def asked(order_id: int) -> list[int]:
    """What the parts of an order ask for, the order itself first."""
    family = Order.objects.filter(pk=order_id) | Order.objects.filter(split_from=order_id)
    parts = [int(qty) for qty in family.order_by("pk").values_list("qty", flat=True)]
    assert Family.objects.get(root=order_id).qty == sum(parts)
    return parts


def record_of(order_id: int) -> list[str]:
    return list(Entry.objects.filter(subject="order", subject_id=order_id).order_by("nth").values_list("event", flat=True))


class TestByQuantity:
    def test_every_order_gives_its_part(self, block, tom, by):
        child = blocks.split_block_by_qty(by(tom), block.pk, D(60), seen={block.pk: 1})

        assert holds(block.pk) == ("OPEN", 540, [90, 180, 270])
        assert holds(child) == ("OPEN", 60, [10, 20, 30])
        assert asked(order_of(block, "P3").pk) == [270, 30]
        one = Member.objects.get(block=child, qty=30).order
        assert (one.status, one.version, one.split_from_id) == ("CLEARED", 1, order_of(block, "P3").pk)
        assert (one.created_by_id, one.portfolio.code, one.ref) == (order_of(block, "P3").created_by_id, "P3", f"O-{one.pk:06d}")
        assert record_of(one.pk) == ["order.split_off"]
        assert record_of(one.split_from_id)[-1] == "order.split"

    def test_or_whole_orders_first_and_one_is_split(self, block, tom, by):
        child = blocks.split_block_by_qty(by(tom), block.pk, D(450), how=How.WHOLE, seen={block.pk: 1})

        assert holds(child) == ("OPEN", 450, [50, 100, 300])
        assert holds(block.pk) == ("OPEN", 150, [150])
        assert Family.objects.count() == 1

    @pytest.mark.parametrize(
        ("qty", "says"), [("0", "above zero"), ("600", "leaves nothing"), ("601", "600"), ("10.5", "no multiple of 1")]
    )
    def test_refuses_what_cannot_be_split_off_and_changes_nothing(self, block, tom, by, qty, says):
        with pytest.raises(blocks.BadPart, match=says) as refusal:
            blocks.split_block_by_qty(by(tom), block.pk, D(qty), seen={block.pk: 1})

        assert refusal.value.facts["field"] == "qty"
        assert holds(block.pk) == ("OPEN", 600, [100, 200, 300])
        assert not Family.objects.exists()

    def test_refuses_a_bond_below_its_smallest_piece(self, a_block, firm, tom, by):
        firm.instruments["BOND"].min_piece = 100_000
        firm.instruments["BOND"].save()
        block = a_block("BOND", "BUY", 150_000, 150_000)

        with pytest.raises(orders.NotSplit, match="75000 is less than 100000, the smallest piece"):
            blocks.split_block_by_qty(by(tom), block.pk, D(150_000), seen={block.pk: 1})
        child = blocks.split_block_by_qty(by(tom), block.pk, D(150_000), how=How.WHOLE, seen={block.pk: 1})

        assert holds(child) == ("OPEN", 150_000, [150_000])

    def test_costs_the_same_for_many_orders(self, a_block, tom, by):
        counts = []
        for n in (4, 40):
            block = a_block("CCC", "BUY", *[100] * n)
            with CaptureQueriesContext(connection) as queries:
                blocks.split_block_by_qty(by(tom), block.pk, D(n * 50), seen={block.pk: block.version})
            counts.append(len(queries))
            blocks.unblock_blocks(by(tom), [block.pk], seen={block.pk: block.version + 1})

        assert counts[0] == counts[1] <= 43


class TestByBroker:
    def test_all_of_it_becomes_blocks_meant_for_each_and_routing_follows(self, block, firm, tom, by):
        parts = [("NORTHGATE", D(400)), ("HARBOR", D(200))]
        one, two = blocks.split_block_by_broker(by(tom), block.pk, parts, seen={block.pk: 1})

        assert holds(block.pk) == ("CANCELLED", 600, [])
        assert (holds(one)[1], holds(two)[1]) == (400, 200)
        assert sum(int(q) for q in Order.objects.values_list("qty", flat=True)) == 600
        routing.route_blocks(by(tom), [one, two], seen={one: 1, two: 1})
        assert list(Route.objects.order_by("pk").values_list("broker__code", "qty")) == [("NORTHGATE", 400), ("HARBOR", 200)]
        assert all(selectors.verify_statement(selectors.get_block_seen_by(tom, pk)) for pk in (one, two))

    @pytest.mark.parametrize(
        ("parts", "field", "says"),
        [
            ([("NORTHGATE", 400), ("HARBOR", 100)], "parts", "sum to 500, which is 100 below the 600"),
            ([("NORTHGATE", 400), ("NORTHGATE", 200)], "broker_code", "named twice"),
            ([("NORTHGATE", 400), ("NOBODY", 200)], "broker_code", "no broker or dealer “NOBODY”"),
            ([("NORTHGATE", 600), ("HARBOR", 0)], "qty", "above zero"),
            ([("NORTHGATE", 600)], "parts", "two to 20"),
        ],
    )  # fmt: skip
    def test_refuses_parts_that_are_not_all_of_it(self, block, tom, by, parts, field, says):
        with pytest.raises(blocks.BadPart, match=says) as refusal:
            blocks.split_block_by_broker(by(tom), block.pk, [(c, D(q)) for c, q in parts], seen={block.pk: 1})

        assert refusal.value.facts["field"] == field
        assert holds(block.pk) == ("OPEN", 600, [100, 200, 300])


class TestAnOrder:
    def test_part_of_it_is_an_order_in_a_block_of_its_own(self, block, tom, by):
        order = order_of(block, "P2")
        part, child = blocks.split_order(by(tom), order.pk, D(50), seen={order.pk: order.version})

        assert asked(order.pk) == [150, 50]
        assert holds(child) == ("OPEN", 50, [50])
        assert holds(block.pk) == ("OPEN", 550, [100, 150, 300])
        again, _ = blocks.split_order(by(tom), part, D(20), seen={part: 1})
        assert Order.objects.get(pk=again).split_from_id == order.pk
        assert asked(order.pk) == [150, 30, 20]

    def test_refuses_a_stale_reader_and_what_is_routed(self, block, tom, by):
        order = order_of(block, "P2")
        with pytest.raises(orders.StaleOrder):
            blocks.split_order(by(tom), order.pk, D(50), seen={order.pk: 1})
        with pytest.raises(blocks.BadPart, match="leaves nothing"):
            blocks.split_order(by(tom), order.pk, D(200), seen={order.pk: order.version})
        routing.route_blocks(by(tom), [block.pk], seen={block.pk: 1}, qty=D(10))
        order.refresh_from_db()
        with pytest.raises(IllegalMove):
            blocks.split_order(by(tom), order.pk, D(50), seen={order.pk: order.version})

        assert holds(block.pk) == ("WORKING", 600, [100, 200, 300])
        assert not Family.objects.exists()

    def test_parts_are_joined_again(self, block, tom, by):
        order = order_of(block, "P2")
        part, child = blocks.split_order(by(tom), order.pk, D(50), seen={order.pk: order.version})

        left = blocks.join_orders(by(tom), [part, order.pk], seen={part: 1, order.pk: order.version + 1})

        assert left == order.pk
        assert asked(order.pk) == [200, 0]
        assert holds(block.pk) == ("OPEN", 600, [100, 200, 300])
        assert holds(child)[0] == "CANCELLED"
        assert record_of(part) == ["order.split_off", "order.joined"]

    def test_refuses_to_join_strangers(self, block, tom, by):
        one, two = order_of(block, "P1"), order_of(block, "P2")
        with pytest.raises(orders.NotJoined, match="from the same order"):
            blocks.join_orders(by(tom), [one.pk, two.pk], seen={one.pk: one.version, two.pk: two.version})

        assert holds(block.pk) == ("OPEN", 600, [100, 200, 300])

    def test_an_amendment_changes_what_the_family_asks_for(self, block, mira, tom, by):
        order = order_of(block, "P2")
        part, _ = blocks.split_order(by(tom), order.pk, D(50), seen={order.pk: order.version})

        orders.amend_orders(by(mira), {part: {"qty": "80"}}, seen={part: 1})
        order.refresh_from_db()
        orders.amend_orders(by(mira), {order.pk: {"qty": "100"}}, seen={order.pk: order.version})

        assert asked(order.pk) == [100, 80]

    def test_the_database_holds_the_sum(self, block, tom, by):
        order = order_of(block, "P2")
        blocks.split_order(by(tom), order.pk, D(50), seen={order.pk: order.version})

        with pytest.raises(IntegrityError, match="do not sum"), transaction.atomic():
            Order.objects.filter(pk=order.pk).update(qty=151)
            connection.cursor().execute("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(IntegrityError, match="do not sum"), transaction.atomic():
            Family.objects.filter(root=order.pk).update(qty=201)
            connection.cursor().execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.django_db(transaction=True)
class TestTogether:
    @pytest.mark.parametrize("attempt", range(3))
    def test_two_split_the_same_order_and_one_does(self, block, tom, tess, by, attempt):
        order = order_of(block, "P3")
        seen = {order.pk: order.version}

        answers = at_once(
            lambda: blocks.split_order(by(tom), order.pk, D(200), seen=seen),
            lambda: blocks.split_order(by(tess), order.pk, D(200), seen=seen),
        )

        assert "StaleOrder" in answers
        assert asked(order.pk) == [100, 200]

    @pytest.mark.parametrize("attempt", range(3))
    def test_split_as_it_is_routed_and_one_wins(self, block, tom, tess, by, attempt):
        answers = at_once(
            lambda: blocks.split_block_by_qty(by(tom), block.pk, D(60), seen={block.pk: 1}),
            lambda: routing.route_blocks(by(tess), [block.pk], seen={block.pk: 1}),
        )

        assert len([a for a in answers if isinstance(a, str)]) == 1
        assert Block.objects.exclude(status="CANCELLED").aggregate(all=Sum("qty"))["all"] == 600
        assert Order.objects.aggregate(all=Sum("qty"))["all"] == 600
        for row in Block.objects.all():
            holds(row.pk)

    @pytest.mark.parametrize("attempt", range(4))
    def test_split_as_it_is_amended_keeps_the_sums(self, block, mira, tom, by, monkeypatch, attempt):
        from apps.audit import services as audit
        from apps.core.events import Then
        from apps.orders import events as order_events

        monkeypatch.setattr(audit, "flow", lambda: {order_events.OrderAmended: Then(now=[blocks.drop_orders])})
        order = order_of(block, "P3")

        at_once(
            lambda: blocks.split_block_by_qty(by(tom), block.pk, D(60), seen={block.pk: 1}),
            lambda: orders.amend_orders(by(mira), {order.pk: {"qty": "330"}}, seen={order.pk: order.version}),
        )

        for family in Family.objects.all():
            asked(family.root_id)
        for row in Block.objects.exclude(status="CANCELLED"):
            assert row.qty == sum(m.qty for m in row.members.all())

    @pytest.mark.parametrize("attempt", range(2))
    def test_two_parts_amended_at_once_both_change_what_the_family_asks_for(self, block, mira, paul, tom, by, attempt):
        order = order_of(block, "P3")
        part, _ = blocks.split_order(by(tom), order.pk, D(100), seen={order.pk: order.version})

        at_once(
            lambda: orders.amend_orders(by(mira), {order.pk: {"qty": "250"}}, seen={order.pk: order.version + 1}),
            lambda: orders.amend_orders(by(paul), {part: {"qty": "70"}}, seen={part: 1}),
        )

        assert asked(order.pk) == [250, 70]
