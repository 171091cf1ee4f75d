"""The file for the board's quarterly review (17 CFR 270.17a-7(e)): every pair that was crossed, with its price's evidence."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from django.http import HttpResponse

from apps.core.acts import Act
from apps.crossing.selectors import Reviewed

from ..lists import files
from ..lists.columns import NUMBER, TEXT, Column, Row, Sheet, sheet
from ..lists.pages import Shown
from ..lists.specs import Spec


class Asked(NamedTuple):
    kind: str
    since: date | None
    until: date | None
    person: str


def _column(code: str, label: str, kind: str = TEXT) -> Column:
    return Column(code, label, kind, code, (code,), lambda r: str(r[code]), lambda r: r[code])


CROSSES: Sheet = sheet(
    "crosses", "Crosses",
    [
        _column("cross", "Cross"), _column("trade_date", "Trade date"), _column("settle_date", "Settles"),
        _column("instrument", "Instrument"), _column("isin", "ISIN"), _column("buyer", "Buyer"), _column("seller", "Seller"),
        _column("qty", "Quantity", NUMBER), _column("price", "Price", NUMBER), _column("currency", "Currency"),
        _column("amount", "Amount", NUMBER), _column("commission", "Commission", NUMBER), _column("source", "Price source"),
        _column("market", "Market"), _column("quoted_at", "Quoted at (UTC)"), _column("bid", "Bid", NUMBER),
        _column("ask", "Offer", NUMBER), _column("last", "Last sale", NUMBER),
        _column("proposed_price", "Proposed price", NUMBER), _column("moved_bp", "Moved (bp)", NUMBER),
        _column("executed_at", "Executed at (UTC)"), _column("proposed_by", "Proposed by"),
        _column("accepted_by", "Accepted by"), _column("approved_by", "Approved by"), _column("executed_by", "Executed by"),
        _column("conditions", "Conditions met"), _column("reason", "Reason"),
    ],
    usual=(), always=(), attention=(), frame=lambda row, tone, ticks: "",
)  # fmt: skip
CROSSES = replace(CROSSES, usual=tuple(CROSSES.columns))
VIEW = Shown(Spec(CROSSES.usual, {}, (), "", (), (), ()), None, (), {})


def exported(act: Act, asked: Asked, rows: Iterable[Reviewed]) -> HttpResponse:
    """:raises Invalid: for another kind of file than CSV and XLSX"""
    lines = [_line(row) for row in rows]
    days = [f"Trade date {word} {day}" for word, day in (("from", asked.since), ("to", asked.until)) if day]
    return files.exported(act, CROSSES, VIEW, files.Asked(asked.kind, days, asked.person), len(lines), _rows(lines))


def _rows(lines: list[dict]) -> Iterator[Row]:
    yield from lines


def _line(row: Reviewed) -> dict[str, Any]:
    cross = row.cross
    said: Callable[[str], str] = cross.executed_evidence.__getitem__
    met = sum(line["passes"] for line in cross.executed_lines)
    return {
        "cross": cross.ref, "trade_date": cross.trade_date, "settle_date": cross.settle_date,
        "instrument": cross.instrument.symbol, "isin": cross.instrument.isin, "buyer": row.buyer, "seller": row.seller,
        "qty": row.qty, "price": cross.executed_price, "currency": cross.currency_id, "amount": row.amount,
        "commission": Decimal(0), "source": said("source"), "market": said("market"), "quoted_at": said("quoted_at"),
        "bid": Decimal(said("bid")), "ask": Decimal(said("ask")), "last": Decimal(said("last")),
        "proposed_price": cross.price, "moved_bp": round((cross.executed_price - cross.price) / cross.price * 10_000, 2),
        "executed_at": f"{cross.executed_at:%Y-%m-%d %H:%M:%S.%f}", "proposed_by": str(cross.proposed_by),
        "accepted_by": row.accepted_by, "approved_by": str(cross.approved_by), "executed_by": str(cross.executed_by),
        "conditions": f"{met} of {len(cross.executed_lines)}", "reason": cross.reason,
    }  # fmt: skip
