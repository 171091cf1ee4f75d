"""Trading limits before anything is sent: refused with the code, nothing placed and no message written."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from apps.audit.models import Entry
from apps.blocks.models import Block
from apps.compliance.models import TradingLimit
from apps.compliance.services.controls import BeyondLimit
from apps.portfolios.models import Position
from apps.routing import services as routing
from apps.routing.models import Inquiry, Message, Route
from apps.routing.models import RouteRequest as Request

D = Decimal


@pytest.fixture
def bound(firm):
    """``bound(max_qty=100)``: the limit is in force."""

    def make(**terms) -> TradingLimit:
        return TradingLimit.objects.create(**{"starts_on": date.today() - timedelta(days=1), "reason": "House"} | terms)

    return make


def test_a_route_beyond_a_limit_is_refused_and_nothing_is_sent(a_block, bound, tom, by):
    bound(max_notional=40_000), bound(max_qty=10_000, user=tom)
    block = a_block("AAA", "BUY", 1_000)
    with pytest.raises(BeyondLimit) as refused:
        routing.route_blocks(by(tom), [block.pk], seen={block.pk: block.version})
    assert f"{block.ref} NOTIONAL_EXCEEDS_MAX: x=50000, max=40000" in refused.value.message
    assert [one["code"] for one in refused.value.facts["reasons"]] == ["NOTIONAL_EXCEEDS_MAX"]
    assert not Route.objects.exists() and not Message.objects.filter(is_out=True).exists()
    assert Block.objects.get(pk=block.pk).placed_qty == 0
    routing.route_blocks(by(tom), [block.pk], seen={block.pk: block.version}, qty=D(800))  # At the edge, to the cent.
    assert Route.objects.get().qty == 800


def test_a_limit_of_another_person_asks_nothing(a_block, bound, tom, mira, by):
    bound(max_qty=1, user=mira)
    block = a_block("AAA", "BUY", 1_000)
    routing.route_blocks(by(tom), [block.pk], seen={block.pk: block.version})
    assert Route.objects.count() == 1


def test_what_is_replaced_is_asked_as_a_whole(a_route, bound, tom, by):
    route = a_route(500, unplaced=500)
    bound(max_qty=600)
    with pytest.raises(BeyondLimit, match="QUANTITY_EXCEEDS_MAX: x=601, max=600"):
        routing.replace_routes(by(tom), {route.pk: {"qty": D(601)}}, seen={route.pk: route.version})
    assert not Request.objects.filter(msg_type="G").exists()


@pytest.mark.parametrize("award", ["person", "auto"])
def test_a_dealers_price_beyond_a_limit_is_not_taken(a_block, street, bound, tom, by, award):
    block = a_block("BOND", "BUY", 10_000)
    routed = routing.send_inquiries(
        by(tom), [block.pk], seen={block.pk: block.version}, award=award, dealer_codes=["ALDGATE", "CASTLE", "DORSET"]
    )
    inquiry = Inquiry.objects.get(pk=routed.inquiries[0])
    bound(collar_pct=3, user=tom)
    first, *others = inquiry.quotes.order_by("pk")
    for quote in others:
        street.decline(quote)
    street.quote(first, "998.5")
    inquiry.refresh_from_db()
    if award == "person":
        for take in (
            lambda: routing.award_inquiry(by(tom), inquiry.pk, seen={inquiry.pk: inquiry.version}),
            lambda: routing.award_at_best(by(tom), [inquiry.pk], seen={inquiry.pk: inquiry.version}),
        ):
            with pytest.raises(BeyondLimit, match="PRICE_OUTSIDE_COLLAR"):
                take()
        inquiry.refresh_from_db()
        assert inquiry.status == "COLLECTING"
    else:
        assert routing.decide_due_inquiries(by("worker")) or inquiry.status != "COLLECTING"
        inquiry.refresh_from_db()
        assert inquiry.status in ("FAILED", "PASSED")
        assert "PRICE_OUTSIDE_COLLAR" in str(list(Entry.objects.filter(subject_id=inquiry.pk).values_list("payload", flat=True)))
    assert not Route.objects.exists()


def test_dealers_are_not_asked_for_more_than_may_be_traded(a_block, bound, tom, by):
    bound(max_qty=10_000, asset_class="CORP")
    block = a_block("BOND", "BUY", 11_000)
    with pytest.raises(BeyondLimit, match="QUANTITY_EXCEEDS_MAX"):
        routing.route_blocks(by(tom), [block.pk], seen={block.pk: block.version})
    assert not Inquiry.objects.exists()


def test_a_sale_of_what_is_gone_by_now_is_the_wrong_side(a_block, bound, tom, by, firm):
    block = a_block("AAA", "SELL", 1_000)
    bound(stops_wrong_side=True)
    Position.objects.filter(instrument=firm.instruments["AAA"]).update(qty=0)
    with pytest.raises(BeyondLimit, match="WRONG_SIDE: x=1000, max=0"):
        routing.route_blocks(by(tom), [block.pk], seen={block.pk: block.version})
    assert not Route.objects.exists()
