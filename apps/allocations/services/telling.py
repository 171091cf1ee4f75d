"""Telling surveillance what was booked to which portfolio."""

from collections.abc import Sequence

from apps.core.acts import Act
from apps.core.events import Fact, listens
from apps.orders.models import Side
from apps.surveillance import services as surveillance

from ..models import Allocation
from ..states import A


@listens("allocations.ask_after_fills")
def ask_after_fills(act: Act, facts: Sequence[Fact]) -> None:
    """Will have the portfolios of these allocations looked at as they stand now. What was taken back meanwhile is left alone."""
    rows = Allocation.objects.filter(pk__in=[fact.subject_id for fact in facts], status=A.BOOKED).order_by("pk")
    filled = [
        surveillance.Filled(portfolio, instrument, qty if side == Side.BUY else -qty, order)
        for portfolio, instrument, side, qty, order in rows.values_list("portfolio_id", "instrument_id", "side", "qty", "order_id")
    ]
    surveillance.ask_after_fills(act, filled)
