"""Booking indications of interest (35=6): what a dealer or broker would deal in becomes an axe, by its IOIID."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from ..models import Axis
from ..rules import axes
from .axes import Told
from .rows import Heard, Unbookable

if TYPE_CHECKING:
    from .batch import Batch

NEW, CANCEL, REPLACE = "N", "C", "R"
SIDES = {"1": "BUY", "2": "SELL"}
SIZES = {"S": "small", "M": "medium", "L": "large"}
FUTURE = timedelta(minutes=5)  # Clocks differ.


class Indications:
    """What a batch's indications say: instruments by identifier, what is told, what is taken back, what is known by now."""

    def __init__(self, cursor, messages):
        """:param messages: (Heard, Fields) of type 6; nothing is read where there are none"""
        self.instruments: dict[str, list[int]] = {}
        self.known: set[tuple[int, str]] = set()
        self.told: list[Told] = []
        self.taken_back: list[tuple[int, str]] = []
        messages = list(messages)
        if not messages:
            return
        named = {f.find(tag) for _, f in messages for tag in (48, 55)} - {""}
        cursor.execute(
            "SELECT id, symbol, isin FROM reference_instrument WHERE is_active AND (isin = ANY(%s) OR symbol = ANY(%s))", [list(named)] * 2
        )
        for pk, *names in cursor.fetchall():
            for name in {*names} - {""}:
                self.instruments.setdefault(name, []).append(pk)
        cursor.execute(
            "SELECT dealer_id, ref FROM routing_axis WHERE status = 'LIVE'"
            " AND (dealer_id, ref) IN (SELECT * FROM unnest(%s::bigint[], %s::text[]))",
            [[m.broker_id for m, _ in messages], [f.find(23) for _, f in messages]],
        )
        self.known = set(cursor.fetchall())

    def instrument_named(self, *names: str) -> int:
        """By ISIN, else by symbol. :raises Unbookable: where there is none, or several"""
        for name in filter(None, names):
            found = self.instruments.get(name, [])
            if len(found) == 1:
                return found[0]
            if found:
                raise Unbookable(f"“{name}” may mean several instruments.")
        raise Unbookable(f"There is no instrument “{next(filter(None, names), '(none)')}”.")


def book_ioi(batch: "Batch", message: Heard) -> None:
    """Will keep what a counterparty would deal in: new, in the place of another, or no more."""
    fields, said = batch.fields[message.id], batch.indications
    ref, kind = fields.text(23, 60), fields.text(28)
    if kind not in (NEW, CANCEL, REPLACE):
        raise Unbookable(f"IOITransType (28) is {kind}, none of {NEW}, {CANCEL} and {REPLACE}.")
    if kind != NEW:
        said.taken_back.append((message.broker_id, fields.text(26, 60)))
    if kind == CANCEL:
        return
    if (message.broker_id, ref) in said.known:
        batch.repeats[message.id] = "The same indication was heard before."
        return
    side = SIDES.get(fields.text(54))
    if side is None:
        raise Unbookable(f"Side (54) is {fields.find(54)}: what the dealer would do is 1 (buy) or 2 (sell).")
    isin = fields.find(48) if fields.find(22) in ("", "4") else ""
    instrument = said.instrument_named(isin, fields.find(55))
    at = fields.find_time(60) or message.at
    at = min(at, message.at) if at <= message.at + FUTURE else message.at
    expires = _until(fields.find_time(62), at)
    if expires <= max(at, message.at):
        batch.repeats[message.id] = "It had expired when it was heard."
        return
    size = fields.find(27)
    qty = None if size in SIZES or not size else fields.decimal(27, 4)
    price = fields.find_decimal(44, 8)
    if qty is not None and qty <= 0 or price is not None and price <= 0:
        raise Unbookable("Its quantity or price is not above zero.")
    text = "; ".join(filter(None, (SIZES.get(size, ""), fields.find(58))))[:200]
    said.told.append(
        Told(message.broker_id, instrument, Axis.Kind.AXE, side, _positive(qty), _positive(price), at, expires, ref, text)
    )
    said.known.add((message.broker_id, ref))


def _until(until: datetime | None, at: datetime) -> datetime:
    return until or at + axes.LASTS


def _positive(number: Decimal | None) -> Decimal | None:
    return number or None
