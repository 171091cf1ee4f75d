"""
What trading came to beside what it was expected to cost: pure arithmetic in exact fractions, each figure rounded once.

The price part is the implementation shortfall against the mid as each route was asked for: s × (Σ price × quantity − Σ mid ×
quantity) ÷ Σ mid × quantity of what was filled, s +1 for a buy and −1 for a sale (A. F. Perold, *The Implementation Shortfall:
Paper versus Reality*, J. Portfolio Management 14(3), 1988). A positive figure is a cost.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from apps.core.money import rounded

BP, PLACES = 10_000, 4


class Routed(NamedTuple):
    """One route: what it filled, the mid when it was asked for, and what was expected of it then. None is not known."""

    ref: str
    qty: Decimal
    value: Decimal  # Σ quantity × price
    mid: Decimal | None
    expected_value: Decimal | None
    expected_amount: Decimal | None
    is_whole: bool


class Done(NamedTuple):
    """
    What one broker did of a block by one strategy, once the block was booked.

    :param commission: and ``fees``: exactly, as they were booked; where several strategies share in them, by quantity
    :param decision_bp: what the block was expected to cost as the desk got it; and the mid of then
    :param rate: the currency in USD; None where there is none on file
    """

    block_id: int
    symbol: str
    side: str
    broker: str
    strategy: str
    currency: str
    trade_date: date
    price_factor: Decimal
    routes: Sequence[Routed]
    commission: Fraction
    fees: Fraction
    decision_bp: Decimal | None
    decision_mid: Decimal | None
    decision_whole: bool
    rate: Decimal | None


class Compared(NamedTuple):
    """Basis points of the value at arrival, four decimals. ``missing`` says what is not known, in words."""

    done: Done
    qty: Decimal
    average: Decimal
    basis: Fraction | None  # Value at arrival, in the currency.
    expected_bp: Decimal | None
    is_whole: bool
    price_bp: Decimal | None
    commission_bp: Decimal | None
    fees_bp: Decimal | None
    since_decision_bp: Decimal | None  # The price part against the mid at decision.
    worked: tuple[tuple[str, str], ...]
    missing: tuple[str, ...]

    @property
    def realised_bp(self) -> Decimal | None:
        parts = (self.price_bp, self.commission_bp, self.fees_bp)
        return None if self.price_bp is None else sum(parts, Decimal(0))

    @property
    def difference_bp(self) -> Decimal | None:
        """Above zero where it cost more than was expected."""
        if self.realised_bp is None or self.expected_bp is None:
            return None
        return self.realised_bp - self.expected_bp

    @property
    def against_decision_bp(self) -> Decimal | None:
        """What it came to since the decision, costs included, less what was expected then."""
        if self.since_decision_bp is None or self.done.decision_bp is None or self.commission_bp is None:
            return None
        return self.since_decision_bp + self.commission_bp + self.fees_bp - self.done.decision_bp


def compare(done: Done) -> Compared:
    sign = 1 if done.side == "BUY" else -1
    factor = Fraction(done.price_factor)
    qty = sum((r.qty for r in done.routes), Decimal(0))
    value = sum((Fraction(r.value) for r in done.routes), Fraction(0))
    missing, worked = [], []
    basis = price = commission = fees = since = None
    if unknown := [r.ref for r in done.routes if not r.mid]:
        missing.append(f"There was no quote as {', '.join(unknown)} was asked for.")
    else:
        at_mid = sum((Fraction(r.mid) * Fraction(r.qty) for r in done.routes), Fraction(0))
        basis = at_mid * factor
        price, commission, fees = (_bp(part / basis) for part in (sign * (value - at_mid) * factor, done.commission, done.fees))
        worked = [
            ("Price", f"{'' if sign > 0 else '−'}({plain(value)} − {plain(at_mid)}) ÷ {plain(at_mid)} = {price} bp"),
            ("Commission", f"{plain(done.commission)} ÷ {plain(basis)} = {commission} bp"),
            ("Fees", f"{plain(done.fees)} ÷ {plain(basis)} = {fees} bp"),
        ]
    expected, is_whole = _expected(done.routes, worked, missing)
    if done.decision_mid:
        mid = Fraction(done.decision_mid) * Fraction(qty)
        since = _bp(sign * (value - mid) / mid)
        worked.append(("Price since decision", f"{'' if sign > 0 else '−'}({plain(value)} − {plain(mid)}) ÷ {plain(mid)} = {since} bp"))
    return Compared(
        done, qty, rounded(value / Fraction(qty), 6), basis, expected, is_whole, price, commission, fees, since, tuple(worked),
        tuple(missing),
    )  # fmt: skip


def _expected(routes: Sequence[Routed], worked: list, missing: list[str]) -> tuple[Decimal | None, bool]:
    """What the routes were expected to cost as they were asked for, of their value then."""
    without = [r.ref for r in routes if not r.expected_value or r.expected_amount is None]
    if without:
        missing.append(f"Nothing was expected of {', '.join(without)} at arrival.")
        return None, False
    amount = sum((Fraction(r.expected_amount) for r in routes), Fraction(0))
    value = sum((Fraction(r.expected_value) for r in routes), Fraction(0))
    expected = _bp(amount / value)
    worked.append(("Expected at arrival", f"{plain(amount)} ÷ {plain(value)} = {expected} bp"))
    is_whole = all(r.is_whole for r in routes)
    if not is_whole:
        missing.append("Not every part of the cost was known beforehand, so it was expected to be at least that.")
    return expected, is_whole


class Group(NamedTuple):
    """
    Several, weighted by their value at arrival in USD.

    :param n: those that are compared; :param unknown: those that cannot be
    :param is_small: fewer than the least sample, so that nothing follows from the difference
    """

    name: str
    n: int
    unknown: int
    value_usd: Decimal
    expected_bp: Decimal | None
    realised_bp: Decimal | None
    worse: int
    is_small: bool

    @property
    def difference_bp(self) -> Decimal | None:
        return None if self.expected_bp is None else self.realised_bp - self.expected_bp


def grouped(rows: Iterable[Compared], by: Callable[[Compared], Hashable], least: int) -> list[Group]:
    """By name. :param least: the smallest sample from which something may follow"""
    groups: dict[str, list[Compared]] = {}
    for row in rows:
        groups.setdefault(str(by(row)), []).append(row)
    return [_group(name, some, least) for name, some in sorted(groups.items())]


def _group(name: str, rows: Sequence[Compared], least: int) -> Group:
    known = [row for row in rows if row.difference_bp is not None and row.done.rate is not None]
    weights = [row.basis * Fraction(row.done.rate) for row in known]
    whole = sum(weights, Fraction(0))
    expected = realised = None
    if whole:
        expected = rounded(sum(Fraction(r.expected_bp) * w for r, w in zip(known, weights, strict=True)) / whole, PLACES)
        realised = rounded(sum(Fraction(r.realised_bp) * w for r, w in zip(known, weights, strict=True)) / whole, PLACES)
    worse = sum(row.difference_bp > 0 for row in known)
    return Group(name, len(known), len(rows) - len(known), rounded(whole, 2), expected, realised, worse, len(known) < least)


def _bp(fraction: Fraction) -> Decimal:
    return rounded(fraction * BP, PLACES)


def plain(value: Decimal | Fraction) -> str:
    """A number without trailing zeros; of an endless one eight decimals."""
    value = Fraction(value)
    text = f"{rounded(value, 8):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
