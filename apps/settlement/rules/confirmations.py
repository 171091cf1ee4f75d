"""Confirmations of allocations to their counterparties: FIX 4.4 35=AK, and what a 35=AU says to one."""

import re
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from apps.routing.rules import utc_text

from .instructions import number

SIDES = {"BUY": "1", "SELL": "2", "SELL_SHORT": "5"}
ANSWERS = {"1": "received", "2": "rejected", "3": "affirmed"}  # AffirmStatus (940).
REF = re.compile(r"C-(\d{1,18})(-X)?", re.ASCII)


class Confirming(NamedTuple):
    """All that a confirmation says. Money is in ``currency``; price in percent of par for bonds."""

    ref: str
    trade_ref: str
    at: datetime
    trade_date: date
    settle_date: date
    symbol: str
    isin: str
    mic: str
    is_bond: bool
    side: str
    qty: Decimal
    account: str
    price: Decimal
    price_places: int
    currency: str
    gross: Decimal
    accrued: Decimal
    commission: Decimal
    fees: Sequence[tuple[str, str, str]]  # Code, MiscFeeType (139), amount.
    net: Decimal
    process_code: str = "0"  # ProcessCode (81): regular, soft dollar, step-in, soft-dollar step-in.


def confirm(c: Confirming) -> list[tuple[int, str]]:
    """The body of a new 35=AK: one account, confirmed."""
    return [(664, c.ref), (666, "0"), *_terms(c)]


def cancel(c: Confirming) -> tuple[str, list[tuple[int, str]]]:
    """The reference and body of the 35=AK that cancels one sent before (666=2, 772 naming it)."""
    ref = f"{c.ref}-X"
    return ref, [(664, ref), (772, c.ref), (666, "2"), *_terms(c)]


def _terms(c: Confirming) -> list[tuple[int, str]]:
    qty = number(c.qty)
    instrument = [(55, c.symbol), (48, c.isin), (22, "4"), (207, c.mic)]
    return [
        (773, "2"),
        (665, "4"),
        (70, c.trade_ref),
        (60, utc_text(c.at)),
        (75, f"{c.trade_date:%Y%m%d}"),
        *[(tag, value) for tag, value in instrument if c.isin or tag not in (48, 22)],
        (80, qty),
        (54, SIDES[c.side]),
        (15, c.currency),
        (862, "1"),
        (528, "A"),  # We act as agent for the account.
        (863, qty),
        (79, c.account),
        (6, number(c.price)),
        (74, str(c.price_places)),
        (423, "1" if c.is_bond else "2"),
        *([(81, c.process_code)] if c.process_code != "0" else []),
        (381, number(c.gross)),
        (159, number(c.accrued)),
        (118, number(c.net)),
        (64, f"{c.settle_date:%Y%m%d}"),
        (12, number(c.commission)),
        (13, "3"),
        *([(136, str(len(c.fees)))] if c.fees else []),
        *(field for _, kind, amount in c.fees for field in ((137, amount), (138, c.currency), (139, kind))),
    ]


def confirmation_id(ref: str) -> tuple[int, bool] | None:
    """The confirmation that a ConfirmID of ours names, and whether it is its cancellation; None where it is not ours."""
    match = REF.fullmatch(ref)
    return (int(match[1]), bool(match[2])) if match else None
