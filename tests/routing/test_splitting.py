"""Before the first route: some orders a block of their own, or all gathered anew; quantities sum to what was split."""

from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import Sum

from apps.audit.models import Entry
from apps.blocks import selectors
from apps.blocks import services as blocks
from apps.blocks.models import Block, Member
from apps.blocks.services.splitting import COPIED
from apps.core.events import Fact
from apps.core.refusals import IllegalMove
from apps.orders import events as order_events
from apps.orders import services as orders
from apps.orders.models import Order
from apps.routing import services as routing
from apps.routing.models import Route
from tests.pages import send, visit, words
from tests.races import at_once

from .conftest import placed

D = Decimal


@pytest.fixture
def block(a_block):
    """A block of three orders: 100 of P1, 200 of P2, 300 of P3."""
    return a_block("AAA", "BUY", 100, 200, 300)


def order_of(block, code: str) -> int:
    return Member.objects.get(block=block, order__portfolio__code=code).order_id


def holds(block_id: int) -> tuple:
    """Status, quantity, and the quantities of its orders."""
    row = Block.objects.get(pk=block_id)
    return row.status, int(row.qty), sorted(int(m.qty) for m in row.members.all())


def regather(by) -> None:
    """What a worker does after a block was ended."""
    entry = Entry.objects.filter(event="block.unblocked").latest("pk")
    from apps.core.events import decode

    blocks.regather_orders(by("worker"), [Fact(entry.subject_id, entry.nth, decode(entry.event, entry.payload))])


class TestSplitting:
    def test_the_database_too_wants_each_block_to_be_the_sum_of_its_orders(self, block, tom, by):
        child = blocks.split_block(by(tom), block.pk, [order_of(block, "P3")], seen={block.pk: 1})
        for wrong in (
            lambda: Block.objects.filter(pk=block.pk).update(qty=299),
            lambda: Block.objects.create(
                **{name: getattr(block, name) for name in COPIED}, merge_key="x", opened_at=block.opened_at, qty=5, split_from=block
            ),
        ):
            with pytest.raises(IntegrityError, match="is not the sum of its orders"), transaction.atomic(), connection.cursor() as at:
                wrong()
                at.execute("SET CONSTRAINTS ALL IMMEDIATE")
        assert (holds(block.pk)[1], holds(child)[1]) == (300, 300)

    def test_the_parts_sum_to_the_whole_and_each_is_stated_and_filled_apart(self, block, street, tom, by):
        child = blocks.split_block(by(tom), block.pk, [order_of(block, "P3")], seen={block.pk: 1})

        assert holds(block.pk) == ("OPEN", 300, [100, 200])
        assert holds(child) == ("OPEN", 300, [300])
        assert Block.objects.get(pk=child).split_from_id == block.pk
        routing.route_blocks(by(tom), [block.pk, child], seen={block.pk: 2, child: 1})
        for pk in (block.pk, child):
            row = selectors.get_block_seen_by(tom, pk)
            assert selectors.verify_statement(row)
        street.report(Route.objects.get(block=child), "F", "2", last=(300, 50), cum=300, leaves=0)
        assert Block.objects.get(pk=child).status == "DONE"
        assert placed(Route.objects.get(block=block)) == (300, 0)

    def test_what_comes_later_joins_the_block_it_was_split_from(self, a_block, block, tom, by):
        child = blocks.split_block(by(tom), block.pk, [order_of(block, "P3")], seen={block.pk: 1})

        assert a_block("AAA", "BUY", 50).pk == block.pk

        assert holds(block.pk) == ("OPEN", 350, [50, 100, 200])
        assert holds(child) == ("OPEN", 300, [300])

    def test_keeps_the_owner(self, block, tom, by):
        blocks.pick_up_blocks(by(tom), [block.pk], seen={block.pk: 1})

        child = blocks.split_block(by(tom), block.pk, [order_of(block, "P1")], seen={block.pk: 2})

        assert Block.objects.get(pk=child).owner == tom

    def test_refuses_none_all_strangers_and_a_stale_reader_and_changes_nothing(self, a_block, block, tom, tess, by):
        all_of_it = list(block.members.values_list("order_id", flat=True))
        other = a_block("CCC", "BUY", 10).members.get().order_id
        for chosen, refusal in (
            ([], blocks.NothingLeft), (all_of_it, blocks.NothingLeft), ([other], blocks.NotInTheBlock),
        ):  # fmt: skip
            with pytest.raises(refusal):
                blocks.split_block(by(tom), block.pk, chosen, seen={block.pk: 1})
        with pytest.raises(blocks.StaleBlock):
            blocks.split_block(by(tom), block.pk, all_of_it[:1], seen={block.pk: 7})
        blocks.pick_up_blocks(by(tess), [block.pk], seen={block.pk: 1})
        with pytest.raises(blocks.OwnedByAnother):
            blocks.split_block(by(tom), block.pk, all_of_it[:1], seen={block.pk: 2})

        assert holds(block.pk) == ("OPEN", 600, [100, 200, 300])
        assert Block.objects.count() == 2

    def test_refuses_a_block_that_was_routed_for_its_statement_is_fixed(self, block, tom, by):
        routing.route_blocks(by(tom), [block.pk], seen={block.pk: 1}, qty=D(100))
        for act in (
            lambda: blocks.split_block(by(tom), block.pk, [order_of(block, "P1")], seen={block.pk: 2}),
            lambda: blocks.unblock_blocks(by(tom), [block.pk], seen={block.pk: 2}),
        ):
            with pytest.raises(IllegalMove):
                act()

        assert holds(block.pk) == ("WORKING", 600, [100, 200, 300])

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize("attempt", range(3))
    def test_two_split_it_at_once_and_one_does(self, block, tom, tess, by, attempt):
        one, two = order_of(block, "P1"), order_of(block, "P2")

        answers = at_once(
            lambda: blocks.split_block(by(tom), block.pk, [one], seen={block.pk: 1}),
            lambda: blocks.split_block(by(tess), block.pk, [two], seen={block.pk: 1}),
        )

        assert "StaleBlock" in answers
        assert Block.objects.aggregate(all=Sum("qty"))["all"] == 600

    @pytest.mark.django_db(transaction=True)
    def test_one_splits_it_as_another_takes_it_apart_and_one_wins(self, block, tom, tess, by):
        order = order_of(block, "P1")
        answers = at_once(
            lambda: blocks.split_block(by(tom), block.pk, [order], seen={block.pk: 1}),
            lambda: blocks.unblock_blocks(by(tess), [block.pk], seen={block.pk: 1}),
        )

        assert {"StaleBlock", "IllegalMove"} & set(map(str, answers))
        assert Block.objects.exclude(status="CANCELLED").aggregate(all=Sum("qty"))["all"] in (600, None)

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize("attempt", range(4))
    def test_an_order_cancelled_as_it_is_split_off_leaves_quantities_right(
        self, block, monkeypatch, mira, tom, by, attempt
    ):
        from apps.audit import services as audit
        from apps.core.events import Then

        monkeypatch.setattr(audit, "flow", lambda: {order_events.OrderCancelled: Then(now=[blocks.drop_orders])})
        order = order_of(block, "P2")

        at_once(
            lambda: blocks.split_block(by(tom), block.pk, [order, order_of(block, "P3")], seen={block.pk: 1}),
            lambda: orders.cancel_orders(by(mira), [order], seen={order: 3}),
        )

        for row in Block.objects.exclude(status="CANCELLED"):
            assert row.qty == sum(m.qty for m in row.members.all())


class TestUnblocking:
    def test_the_orders_are_gathered_anew_and_not_screened_again(self, block, tom, by):
        before = dict(Order.objects.values_list("pk", "version"))

        blocks.unblock_blocks(by(tom, "wait for the rest"), [block.pk], seen={block.pk: 1})
        assert holds(block.pk) == ("CANCELLED", 600, [])
        regather(by)

        again = Block.objects.get(status="OPEN")
        assert holds(again.pk) == ("OPEN", 600, [100, 200, 300])
        assert again.wave == 2
        assert dict(Order.objects.values_list("pk", "version")) == before

    def test_what_was_split_off_goes_back_to_where_it_came_from(self, block, tom, by):
        child = blocks.split_block(by(tom), block.pk, [order_of(block, "P3")], seen={block.pk: 1})

        blocks.unblock_blocks(by(tom), [child], seen={child: 1})
        regather(by)

        assert holds(block.pk) == ("OPEN", 600, [100, 200, 300])
        assert holds(child)[0] == "CANCELLED"


class TestPagesAndApi:
    def test_in_the_drawer(self, block, tom):
        seen = f"{block.pk}:1"
        assert "Split <kbd>S</kbd>" in words(visit(tom, "blocks:detail", block.pk, htmx=True))
        assert "600 AAA, 3 orders" in words(visit(tom, "blocks:split", query=f"?seen={seen}", htmx=True))
        assert send(tom, "blocks:split", {"seen": seen}).status_code == 422
        assert send(tom, "blocks:split", {"seen": seen, "order": [order_of(block, "P1")]}).status_code == 204
        assert send(tom, "blocks:split", {"seen": seen, "order": [order_of(block, "P2")]}).status_code == 409
        asked = words(visit(tom, "blocks:unblock", query=f"?seen={block.pk}:2", htmx=True))
        assert "$25.0K, 2 portfolios" in asked
        assert send(tom, "blocks:unblock", {"seen": f"{block.pk}:2"}).status_code == 204

    def test_over_the_api(self, block, client, tom):
        client.force_login(tom)
        said = {"version": 1, "orders": [order_of(block, "P1")]}
        made = client.post(f"/api/v1/blocks/{block.pk}/split", said, content_type="application/json")
        assert (made.status_code, made.json()["split_from_id"], made.json()["orders"]) == (201, block.pk, 1)
        again = client.post(f"/api/v1/blocks/{block.pk}/split", said, content_type="application/json")
        assert again.status_code == 409
        ended = client.post(f"/api/v1/blocks/{block.pk}/unblock", {"version": 2}, content_type="application/json")
        assert ended.json()["status"] == "CANCELLED"
