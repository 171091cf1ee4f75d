"""What blocks are worth in the market now."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from django.utils import timezone

from apps.marketdata import selectors as marketdata

from ..models import Block


def mids_of(blocks: Iterable[Block]) -> dict[int, Decimal]:
    """
    Block id to the mid now, of a forward in currencies to that for its value date; absent where it is not known. One query,
    five more where there are forwards.
    """
    blocks = list(blocks)
    quotes, forwards = marketdata.quotes_of(b.instrument_id for b in blocks), forwards_of(blocks)
    found = {}
    for b in blocks:
        factor = forwards.get(b.pk, 1)
        if b.instrument_id in quotes and factor:
            mid = quotes[b.instrument_id].mid
            found[b.pk] = mid if factor == 1 else round(mid * factor, 8)
    return found


def forwards_of(blocks: Iterable[Block]) -> dict[int, Decimal | None]:
    """Of the blocks that are forwards, id to what the spot price is multiplied with for the value date; None where it is not known."""
    dated = {b.pk: (b.instrument_id, date.fromisoformat(b.terms["value_date"])) for b in blocks if "value_date" in b.terms}
    factors = marketdata.forward_factors(dated.values(), timezone.now())
    return {pk: factors.get(one) for pk, one in dated.items()}
