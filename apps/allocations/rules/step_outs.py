"""Step-outs: a part of what a broker executed goes to another, at the same average price, and nothing is lost or doubled."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from apps.core.money import rounded

from .bookings import Filled, gross_amount


class Part(NamedTuple):
    """What is agreed: so much of what one executed goes to another, with its part of the commission or without."""

    id: int
    from_id: int
    to_id: int
    qty: Decimal
    gives_commission: bool


class Stepped(NamedTuple):
    """:param booked: step-out to how much of it is booked; :param stepped_in: the brokers that stepped in"""

    fills: list[Filled]
    booked: dict[int, Decimal]
    stepped_in: frozenset[int]


def step_out(fills: Sequence[Filled], parts: Sequence[Part], price_factor: Decimal, minor_units: int) -> Stepped:
    """
    The fills with what was stepped out of taken from who executed and given to who stepped in. Gross and commission of who
    executed are the rest of the whole, so that all of them sum to what they were, to the last unit. Where less was executed
    than was agreed, less is given, in the order agreed.

    :param fills: one a broker, commission rounded already
    """
    by_broker = {
        f.broker_id: f._replace(value=Fraction(f.value), gross=gross_amount(f.value, price_factor, minor_units)) for f in fills
    }
    executed = dict(by_broker)
    booked: dict[int, Decimal] = {}
    for part in parts:
        whole, left = executed.get(part.from_id), by_broker.get(part.from_id)
        qty = min(part.qty, left.qty) if left is not None else Decimal(0)
        booked[part.id] = qty
        if whole is None or left is None or not qty:
            continue
        is_rest = qty == left.qty
        share = Fraction(qty) / Fraction(whole.qty)
        value = left.value if is_rest else whole.value * share
        gross = left.gross if is_rest else min(rounded(Fraction(whole.gross) * share, minor_units), left.gross)
        paid = Decimal(0)
        if is_rest:
            paid = left.commission
        elif part.gives_commission:
            paid = min(rounded(Fraction(whole.commission) * share, minor_units), left.commission)
        given = whole._replace(broker_id=part.to_id, qty=qty, value=value, gross=gross, commission=paid)
        by_broker[part.from_id] = left._replace(
            qty=left.qty - qty, value=left.value - value, gross=left.gross - gross, commission=left.commission - paid
        )
        there = by_broker.get(part.to_id)
        by_broker[part.to_id] = given if there is None else there._replace(
            qty=there.qty + qty, value=there.value + value, gross=there.gross + gross, commission=there.commission + paid,
            trade_date=max(there.trade_date, given.trade_date), settle_date=max(there.settle_date, given.settle_date),
        )  # fmt: skip
    made = [f for _, f in sorted(by_broker.items()) if f.qty]
    return Stepped(made, booked, frozenset(part.to_id for part in parts if booked[part.id]))
