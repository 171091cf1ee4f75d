"""What may be split off an order."""

from collections.abc import Mapping
from decimal import Decimal

from .changes import plain


def unfit_part(qty: Decimal, increment: Decimal, min_piece: Decimal, terms: Mapping[str, str]) -> str:
    """Why this much cannot stand as an order by itself; empty where it can."""
    if qty <= 0:
        return "nothing would be left of it"
    if qty % increment:
        return f"{plain(qty)} is no multiple of {plain(increment)}, in which it trades"
    for least, what in (
        (min_piece, "the smallest piece that trades"),
        (Decimal(terms.get("min_qty") or 0), "its minimum quantity"),
        (Decimal(terms.get("display_qty") or 0), "what it displays"),
    ):
        if qty < least:
            return f"{plain(qty)} is less than {plain(least)}, {what}"
    return ""
