"""What was shared out of a fill that a trader entered by hand, and took back: it goes back, and what comes then is shared out."""

from decimal import Decimal

from django.utils import timezone

from apps.allocations.models import Allocation
from apps.blocks.models import Block
from apps.orders.models import Order
from apps.routing import services as routing
from apps.routing.models import Execution

from .filling import keep_promises


def entered(by, tom, block: Block, qty: int, price: str) -> Execution:
    block.refresh_from_db()
    fill = routing.HandFill(block.pk, "HARBOR", Decimal(qty), Decimal(price), timezone.now().replace(microsecond=0))
    [route] = routing.book_by_hand(by(tom), [fill], seen={block.pk: block.version})
    keep_promises()
    return Execution.objects.get(route=route)


def test_a_fill_that_is_taken_back_is_shared_out_anew(street, by, tom):
    block = street.block("AAA", "BUY", {"P1": 600, "P2": 400})
    wrong = entered(by, tom, block, 1_000, "50")
    block.refresh_from_db()
    assert block.status == "ALLOCATED"
    assert sorted(Order.objects.values_list("filled_qty", flat=True)) == [400, 600]
    routing.take_back(by(tom, "It was at 51"), wrong.pk, seen={wrong.pk: 1})
    keep_promises()
    block.refresh_from_db()
    assert (block.status, block.filled_qty) == ("WORKING", 0)
    assert not Allocation.objects.filter(status="BOOKED").exists()
    entered(by, tom, block, 1_000, "51")
    block.refresh_from_db()
    assert block.status == "ALLOCATED"
    booked = Allocation.objects.filter(status="BOOKED")
    assert sorted(booked.values_list("qty", "price")) == [(400, 51), (600, 51)]
