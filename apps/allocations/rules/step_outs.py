"""Step-outs: a part of what a broker executed goes to another, at the same average price, and nothing is lost or doubled."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from apps.core.money import rounded
from apps.reference.rules import fee_amount

from .bookings import Filled, gross_amount


class Part(NamedTuple):
    """What is agreed: so much of what one executed goes to another, with its part of the commission or without."""

    id: int
    from_id: int
    to_id: int
    qty: Decimal
    gives_commission: bool


class Stepped(NamedTuple):
    """
    :param booked: step-out to how much of it is booked; ``given``: and to the commission that went with it
    :param stepped_in: the brokers that stepped in
    """

    fills: list[Filled]
    booked: dict[int, Decimal]
    given: dict[int, Decimal]
    stepped_in: frozenset[int]


def step_out(fills: Sequence[Filled], parts: Sequence[Part], price_factor: Decimal, minor_units: int) -> Stepped:
    """
    The fills with what was stepped out of taken from who executed and given to who stepped in. Gross, commission and each fee are
    those of the whole, rounded once; of who executed they are the rest, so that all of them sum to what they were, to the last unit.
    Where less was executed than was agreed, less is given, in the order agreed.

    :param fills: one a broker, commission rounded already
    """
    by_broker = {f.broker_id: _reckoned(f, price_factor, minor_units) for f in fills}
    executed = dict(by_broker)
    booked: dict[int, Decimal] = {}
    paid: dict[int, Decimal] = {}
    for part in parts:
        whole, left = executed.get(part.from_id), by_broker.get(part.from_id)
        qty = min(part.qty, left.qty) if left is not None else Decimal(0)
        booked[part.id], paid[part.id] = qty, Decimal(0)
        if whole is None or left is None or not qty:
            continue
        given = _given(whole, left, part, qty, minor_units)
        paid[part.id] = given.commission
        by_broker[part.from_id] = left._replace(
            qty=left.qty - qty, value=left.value - given.value, gross=left.gross - given.gross,
            commission=left.commission - given.commission,
            charged=tuple(a - b for a, b in zip(left.charged, given.charged, strict=True)),
        )  # fmt: skip
        there = by_broker.get(part.to_id)
        by_broker[part.to_id] = given if there is None else _together(there, given)
    made = [f for _, f in sorted(by_broker.items()) if f.qty]
    return Stepped(made, booked, paid, frozenset(part.to_id for part in parts if booked[part.id]))


def _reckoned(fill: Filled, price_factor: Decimal, minor_units: int) -> Filled:
    gross = gross_amount(fill.value, price_factor, minor_units)
    charged = tuple(fee_amount(terms, fill.qty, gross, minor_units) for terms in fill.fees)
    return fill._replace(value=Fraction(fill.value), gross=gross, charged=charged)


def _given(whole: Filled, left: Filled, part: Part, qty: Decimal, minor_units: int) -> Filled:
    """So much of what one executed, out of what is left of it; the last part takes all that is left."""
    share, is_rest = Fraction(qty) / Fraction(whole.qty), qty == left.qty

    def of(amount: Decimal, rest: Decimal) -> Decimal:
        if is_rest:
            return rest
        exact = rounded(Fraction(amount) * share, minor_units)
        return min(exact, rest) if amount > 0 else max(exact, rest)  # A commission may be below zero, as a rebate is.

    return whole._replace(
        broker_id=part.to_id, qty=qty, value=left.value if is_rest else whole.value * share, gross=of(whole.gross, left.gross),
        commission=of(whole.commission, left.commission) if part.gives_commission or is_rest else Decimal(0),
        charged=tuple(of(amount, rest) for amount, rest in zip(whole.charged, left.charged, strict=True)),
    )  # fmt: skip


def _together(there: Filled, given: Filled) -> Filled:
    """What one stepped into more than once."""
    charged = dict(zip(there.fees, there.charged, strict=True))
    for terms, amount in zip(given.fees, given.charged, strict=True):
        charged[terms] = charged.get(terms, Decimal(0)) + amount
    return there._replace(
        qty=there.qty + given.qty, value=there.value + given.value, gross=there.gross + given.gross,
        commission=there.commission + given.commission, fees=tuple(charged), charged=tuple(charged.values()),
        trade_date=max(there.trade_date, given.trade_date), settle_date=max(there.settle_date, given.settle_date),
    )  # fmt: skip
