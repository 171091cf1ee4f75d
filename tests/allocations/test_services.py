"""Shares of done blocks are booked once, whole, and taken back whole."""

from decimal import Decimal

import pytest

from apps.allocations import services as allocations
from apps.allocations.models import Allocation
from apps.blocks.models import Block
from apps.core.events import Fact
from apps.orders.models import Order
from apps.portfolios.models import Cash, Movement, Position

from .filling import keep_promises

D = Decimal


def holding(firm, code: str, symbol: str) -> Decimal:
    return Position.objects.get(portfolio=firm.portfolios[code], instrument=firm.instruments[symbol]).qty


def money(firm, code: str, currency: str = "USD") -> Decimal:
    return Cash.objects.get(portfolio=firm.portfolios[code], currency=currency).amount


class TestAllocating:
    def test_a_partial_fill_is_shared_pro_rata_at_the_average_price(self, street, firm):
        block = street.allocated(
            "AAA", "SELL", {"P1": 5000, "P2": 3000, "P3": 2000}, [(1000, "50.00", "1.00"), (2333, "50.01", "2.34")]
        )
        rows = list(Allocation.objects.filter(block=block).order_by("order_id"))

        assert [r.qty for r in rows] == [D(1666), D(1000), D(667)]
        assert {r.price for r in rows} == {D("50.007")}
        assert sum(r.gross_amount for r in rows) == D("166673.33")
        assert sum(r.commission_amount for r in rows) == D("3.34")
        assert all(r.net_amount == r.gross_amount - r.commission_amount for r in rows)
        assert block.status == "ALLOCATED"
