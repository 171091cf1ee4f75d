"""
What trading is expected to cost before it is done: half the spread, fees and commission, and the price that the trade itself
moves. Pure arithmetic; who asks says how old a price may be.

The impact is the square-root law: a trade of Q of an instrument of which V trades in a day, and whose price moves by σ in a
day, costs Y·σ·√(Q/V) of its value, with Y of the order of one. R. C. Grinold and R. N. Kahn, *Active Portfolio Management*,
2nd ed. 2000, ch. 16; N. Torre, *BARRA Market Impact Model Handbook*, 1997; measured over large sets of orders by B. Tóth
et al., *Anomalous price impact and the critical nature of liquidity in financial markets*, Phys. Rev. X 1, 021006 (2011),
eq. 1. σ of a day is the yearly one divided by √252.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from apps.core.money import rounded
from apps.reference.rules import FeeTerms, fee_amount

DAYS_OF_A_YEAR = Decimal(252)  # On which it is traded; what a yearly volatility is spread over.
BP = Decimal(10_000)
EXACT = Context(prec=40)
BP_PLACES = 4
SPREAD, FEES, IMPACT = "spread", "fees", "impact"
PARTS = (SPREAD, FEES, IMPACT)


class Model(NamedTuple):
    """
    How the firm reckons.

    :param y: the law's constant; :param quote_seconds: the oldest quote that counts; :param volume_days: the oldest average
    """

    y: Decimal = Decimal(1)
    quote_seconds: int = 900
    volume_days: int = 45


class Commission(NamedTuple):
    """
    What a broker takes: ``bps`` of the value, ``per_share`` an amount a unit, ``none``.

    :param by: where a rate card of the firm's decides: from quantity and value to the amount, exactly
    """

    broker: str
    kind: str
    rate: Decimal
    by: Callable[[Decimal, Decimal], Fraction] | None = None


class Known(NamedTuple):
    """
    What is known of a trade and its market. None is not known.

    :param qty: in units; :param price_factor: value is quantity × price × factor
    :param bid: and ``ask``, of the time ``quote_at``
    :param daily_qty: units that trade in a day on average; :param annual_volatility: a fraction, 0.25 for 25%
    :param commission: of the broker; None where nobody is chosen yet
    :param at_net_value: dealt at a valuation point, without a spread and without moving a price
    """

    qty: Decimal
    price_factor: Decimal
    currency: str
    minor_units: int
    bid: Decimal | None = None
    ask: Decimal | None = None
    quote_at: datetime | None = None
    daily_qty: Decimal | None = None
    annual_volatility: Decimal | None = None
    volume_date: date | None = None
    fees: Sequence[FeeTerms] = ()
    commission: Commission | None = None
    at_net_value: bool = False


class Part(NamedTuple):
    """One cost: in basis points of the value and in money, with its arithmetic. None, and ``why``, where it is not known."""

    name: str
    bp: Decimal | None
    amount: Decimal | None
    worked: str
    why: str = ""


class Cost(NamedTuple):
    """
    An estimate. Basis points have four decimals, money the currency's; each part is rounded once and the whole is their sum.

    :param missing: what is not known, in words; then the whole is of what is known, and a trade costs at least that
    """

    qty: Decimal
    currency: str
    mid: Decimal | None
    value: Decimal | None
    parts: tuple[Part, ...]
    missing: tuple[str, ...]

    @property
    def bp(self) -> Decimal | None:
        return _sum(part.bp for part in self.parts)

    @property
    def amount(self) -> Decimal | None:
        return _sum(part.amount for part in self.parts)

    @property
    def is_whole(self) -> bool:
        return not self.missing

    def part(self, name: str) -> Part:
        return next(part for part in self.parts if part.name == name)


def cost_of(known: Known, at: datetime, model: Model) -> Cost:
    """What the trade is expected to cost at a moment, as a price taker. Positive is a cost; on either side the same."""
    mid, why = _mid(known, at, model)
    value = None if mid is None else EXACT.multiply(EXACT.multiply(known.qty, mid), known.price_factor)
    parts = (_spread(known, mid, value, why), _fees(known, value, why), _impact(known, value, at, model, why))
    missing = tuple(dict.fromkeys(part.why for part in parts if part.why))
    return Cost(known.qty, known.currency, mid, value, parts, missing)


def _mid(known: Known, at: datetime, model: Model) -> tuple[Decimal | None, str]:
    if known.bid is None or known.ask is None or known.quote_at is None:
        return None, "There is no quote."
    age = int((at - known.quote_at).total_seconds())
    if age > model.quote_seconds and not known.at_net_value:
        return None, f"The last quote is {_age(age)} old, more than {_age(model.quote_seconds)}."
    return (known.bid + known.ask) / 2, ""


def _spread(known: Known, mid: Decimal | None, value: Decimal | None, why: str) -> Part:
    if known.at_net_value:
        return Part(SPREAD, _bp(Decimal(0)), _money(Decimal(0), known), "dealt at the net asset value: there is none")
    if mid is None or value is None:
        return Part(SPREAD, None, None, "", why)
    fraction = EXACT.divide(known.ask - known.bid, 2 * mid)
    worked = f"½ × ({_plain(known.ask)} − {_plain(known.bid)}) ÷ {_plain(mid)}"
    return Part(SPREAD, _bp(fraction), _money(EXACT.multiply(fraction, value), known), worked)


def _fees(known: Known, value: Decimal | None, why: str) -> Part:
    """Fees of the trade as they would be booked, each rounded by its own rule, and the broker's commission."""
    if value is None:
        return Part(FEES, None, None, "", why)
    found = [(fee.code, fee_amount(fee, known.qty, value, known.minor_units)) for fee in known.fees]
    whose = known.commission
    if whose is not None:
        found.append((f"commission of {whose.broker}", _commission(whose, known, value)))
    amount = sum((each for _, each in found), Decimal(0))
    worked = " + ".join(f"{name} {each}" for name, each in found) or "none are on file"
    fraction = EXACT.divide(amount, value) if value else Decimal(0)
    missing = "" if whose is not None else "No broker is chosen yet, so its commission is not counted."
    return Part(FEES, _bp(fraction), _money(amount, known), worked, missing)


def _commission(whose: Commission, known: Known, value: Decimal) -> Decimal:
    if whose.by is not None:
        return rounded(whose.by(known.qty, value), known.minor_units)
    if whose.kind == "bps":
        return _money(EXACT.divide(EXACT.multiply(whose.rate, value), BP), known)
    if whose.kind == "per_share":
        return _money(EXACT.multiply(whose.rate, known.qty), known)
    return _money(Decimal(0), known)


def _impact(known: Known, value: Decimal | None, at: datetime, model: Model, why: str) -> Part:
    if known.at_net_value:
        return Part(IMPACT, _bp(Decimal(0)), _money(Decimal(0), known), "dealt at the net asset value: it moves no price")
    if not known.daily_qty or known.volume_date is None:
        return Part(IMPACT, None, None, "", "The average daily volume is not known.")
    if not known.annual_volatility:
        return Part(IMPACT, None, None, "", "The volatility is not known.")
    if (days := (at.date() - known.volume_date).days) > model.volume_days:
        return Part(IMPACT, None, None, "", f"The average daily volume is {days} days old, more than {model.volume_days}.")
    if value is None:
        return Part(IMPACT, None, None, "", why)
    fraction = impact(known.qty, known.daily_qty, known.annual_volatility, model.y)
    worked = (
        f"{_plain(model.y)} × {_plain(known.annual_volatility * 100)}% ÷ √{DAYS_OF_A_YEAR}"
        f" × √({_plain(known.qty)} ÷ {_plain(known.daily_qty)})"
    )
    return Part(IMPACT, _bp(fraction), _money(EXACT.multiply(fraction, value), known), worked)


def impact(qty: Decimal, daily_qty: Decimal, annual_volatility: Decimal, y: Decimal) -> Decimal:
    """The square-root law: Y·σ·√(Q/V) as a fraction of the value, σ of a day."""
    of_day = EXACT.divide(annual_volatility, EXACT.sqrt(DAYS_OF_A_YEAR))
    return EXACT.multiply(EXACT.multiply(y, of_day), EXACT.sqrt(EXACT.divide(qty, daily_qty)))


def as_kept(cost: Cost) -> dict[str, Any]:
    """The estimate as plain values, to be kept and shown again as it was."""
    return {
        "mid": None if cost.mid is None else _plain(cost.mid),
        "value": None if cost.value is None else _plain(cost.value),
        "parts": [
            {"name": p.name, "bp": _text(p.bp), "amount": _text(p.amount), "worked": p.worked, "why": p.why} for p in cost.parts
        ],
        "missing": list(cost.missing),
    }


def in_one(costs: Iterable[tuple[Cost, Decimal | None]]) -> Mapping[str, Any]:
    """
    Several in one currency: money, and basis points of the money traded; what has no price or no rate is counted apart.

    :param costs: each with the rate into that currency
    """
    worth, money, unknown, short = Decimal(0), Decimal(0), 0, 0
    for cost, rate in costs:
        if cost.value is None or cost.amount is None or rate is None:
            unknown += 1
            continue
        worth, money = worth + cost.value * rate, money + cost.amount * rate
        short += not cost.is_whole
    bp = rounded(EXACT.multiply(EXACT.divide(money, worth), BP), BP_PLACES) if worth else None
    return {"amount": money, "bp": bp, "unknown": unknown, "incomplete": short}


def _bp(fraction: Decimal) -> Decimal:
    return rounded(EXACT.multiply(fraction, BP), BP_PLACES)


def _money(amount: Decimal, known: Known) -> Decimal:
    return rounded(amount, known.minor_units)


def _sum(figures: Iterable[Decimal | None]) -> Decimal | None:
    known = [one for one in figures if one is not None]
    return sum(known, Decimal(0)) if known else None


def _text(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"


def _plain(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _age(seconds: int) -> str:
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"
