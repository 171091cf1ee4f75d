"""What failed to be delivered is sold short of borrowed units alone, whatever was let through before (17 CFR 242.204(b))."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from apps.compliance import services as compliance
from apps.compliance.models import CloseOut, Review
from apps.orders import services as orders
from apps.orders.models import Order
from apps.routing import services as routing
from apps.routing.models import Inquiry, Message, Route
from tests.races import at_once

from .test_asked_at_award import DEALERS, decide, take

D = Decimal
pytestmark = pytest.mark.django_db


class TestTheBox:
    @pytest.fixture
    def short(self, firm, a_block, tom, mira, by):
        """A block of 300 AAA sold short with a lender's word for all of it, and an id for what is opened."""
        block = a_block("AAA", "SELL_SHORT", 300)
        self.lend(by(mira), block, "L", 300)
        return block

    def lend(self, act, block, ref: str, qty: int, **more) -> int:
        pk = block.members.get().order_id
        until = {"expires_at": timezone.now() + timedelta(hours=6), "seen": {pk: Order.objects.get(pk=pk).version}}
        return orders.attach_locate(act, pk, lender="Prime", ref=ref, qty=str(qty), **until, **more)

    def fails(self, firm, by, symbol: str = "AAA") -> None:
        of = firm.instruments[symbol].pk, firm.portfolios["P3"].pk
        compliance.open_close_outs(by("loader"), [compliance.Fail(f"sale:{symbol}", *of, D(100), True, date(2026, 11, 2), "USD")])

    def test_a_fail_that_opens_after_it_was_let_through_stops_it_at_the_route(self, firm, short, tom, mira, by):
        self.fails(firm, by)
        seen = {short.pk: short.version}
        with pytest.raises(compliance.InPenaltyBox, match="of the 300 of O-\\d+ 0 are borrowed") as refused:
            routing.route_blocks(by(tom), [short.pk], seen=seen)
        assert refused.value.facts["close_out"] == CloseOut.objects.get().pk
        self.lend(by(mira), short, "B", 299, is_borrow=True)
        with pytest.raises(compliance.InPenaltyBox, match="299 are borrowed"):
            routing.route_blocks(by(tom), [short.pk], seen=seen)
        assert not Route.objects.exists() and not Message.objects.exists() and not Review.objects.exists()
        self.lend(by(mira), short, "C", 1, is_borrow=True)
        assert routing.route_blocks(by(tom), [short.pk], seen=seen).routes

    def test_what_is_borrowed_no_longer_does_not_count(self, firm, short, tom, mira, by):
        self.fails(firm, by)
        locate = self.lend(by(mira), short, "B", 300, is_borrow=True)
        (order,) = Order.objects.all()
        orders.release_locate(by(mira), locate, seen={order.pk: order.version})
        with pytest.raises(compliance.InPenaltyBox):
            routing.route_blocks(by(tom), [short.pk], seen={short.pk: short.version})

    def test_of_another_instrument_or_closed_out_it_stops_nothing(self, firm, short, tom, by):
        self.fails(firm, by, "CCC")
        self.fails(firm, by)
        compliance.close_close_outs(by("loader"), {"sale:AAA": "delivered"})
        assert routing.route_blocks(by(tom), [short.pk], seen={short.pk: short.version}).routes

    def test_a_long_sale_goes(self, firm, a_block, tom, by):
        self.fails(firm, by)
        block = a_block("AAA", "SELL", 300)
        assert routing.route_blocks(by(tom), [block.pk], seen={block.pk: block.version}).routes

    def test_more_of_what_is_at_a_broker_is_stopped(self, firm, short, tom, by):
        [pk] = routing.route_blocks(by(tom), [short.pk], seen={short.pk: short.version}, qty=D(100)).routes
        self.fails(firm, by)
        with pytest.raises(compliance.InPenaltyBox):
            routing.replace_routes(by(tom), {pk: {"qty": D(200)}}, seen={pk: 1})
        routing.cancel_routes(by(tom), [pk], seen={pk: 1})

    def test_a_dealers_price_is_not_taken(self, firm, short, street, tom, by):
        asked = routing.send_inquiries(by(tom), [short.pk], seen={short.pk: short.version}, award="auto", dealer_codes=DEALERS)
        inquiry = Inquiry.objects.get(pk=asked.inquiries[0])
        street.quote(inquiry.quotes.first(), "50", side="SELL", seconds=120)
        self.fails(firm, by)
        with pytest.raises(compliance.InPenaltyBox):
            take(by(tom), inquiry)
        decide(by)
        inquiry.refresh_from_db()
        assert inquiry.status == "PASSED" and not Route.objects.exists()

    @pytest.mark.django_db(transaction=True)
    def test_a_fail_and_a_route_at_once_leave_either_order(self, firm, short, tom, by):
        tried = at_once(
            lambda: bool(routing.route_blocks(by(tom), [short.pk], seen={short.pk: short.version}).routes),
            lambda: self.fails(firm, by),
        )
        assert tried in ([True, None], ["InPenaltyBox", None])
        assert Route.objects.count() == (tried[0] is True) and CloseOut.objects.count() == 1
