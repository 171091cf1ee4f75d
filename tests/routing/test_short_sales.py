"""A short sale is routed only while every unit of it is located."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from apps.orders import services as orders
from apps.orders.models import Locate
from apps.routing import services as routing
from apps.routing.models import Route
from tests.races import at_once

from .conftest import placed, sent

D = Decimal


class TestShortSales:
    def test_are_not_routed_before_all_is_located_and_name_the_lender(self, a_block, tom, mira, by):
        block = a_block("AAA", "SELL_SHORT", 300)
        order = block.members.get().order_id
        with pytest.raises(orders.NoLocate, match="has 0 of 300"):
            routing.route_blocks(by(tom), [block.pk], seen={block.pk: block.version})
        for n, (qty, hours) in enumerate(((200, 1), (200, 2))):
            orders.attach_locate(
                by(mira), order, lender="Prime One", ref=f"L-{n}", qty=str(qty),
                expires_at=timezone.now() + timedelta(hours=hours), seen={order: 3 + n},
            )  # fmt: skip
        routing.route_blocks(by(tom), [block.pk], seen={block.pk: block.version}, qty=D(100))

        assert {tag: sent("D")[0][tag] for tag in (54, 114, 5700)} == {54: "5", 114: "N", 5700: "Prime One"}

    def test_an_expired_locate_counts_no_longer_for_the_rest(self, a_block, tom, mira, by):
        block = a_block("AAA", "SELL_SHORT", 300)
        order = block.members.get().order_id
        orders.attach_locate(
            by(mira),
            order,
            lender="P",
            ref="1",
            qty="300",
            expires_at=timezone.now() + timedelta(hours=1),
            seen={order: 3},
        )
        routing.route_blocks(by(tom), [block.pk], seen={block.pk: block.version}, qty=D(100))
        Locate.objects.update(
            made_at=timezone.now() - timedelta(hours=2), expires_at=timezone.now() - timedelta(hours=1)
        )
        block.refresh_from_db()

        with pytest.raises(orders.NoLocate):
            routing.route_blocks(by(tom), [block.pk], seen={block.pk: block.version})
        assert placed(Route.objects.get()) == (100, 0)

    @pytest.mark.django_db(transaction=True)
    def test_a_locate_given_back_as_the_order_is_routed_is_seen_or_too_late(self, a_block, tom, mira, by):
        block = a_block("AAA", "SELL_SHORT", 300)
        order = block.members.get().order_id
        locate = orders.attach_locate(
            by(mira),
            order,
            lender="P",
            ref="1",
            qty="300",
            expires_at=timezone.now() + timedelta(hours=1),
            seen={order: 3},
        )
        answers = at_once(
            lambda: bool(routing.route_blocks(by(tom), [block.pk], seen={block.pk: block.version})),
            lambda: orders.release_locate(by(mira), locate, seen={order: 4}),
        )

        assert answers in ([True, "StaleOrder"], ["NoLocate", None], ["OrderBusy", None])
        assert Route.objects.count() == (answers[0] is True)
