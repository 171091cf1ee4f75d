"""Words and numbers for people: sentences with amounts, and each number used with its time."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from .columns import FIRM_CURRENCY, QTY, Snapshot, micros

MOST_LINES = 12
MINUS = "−"


def percent(value: float) -> str:
    """Two decimals, more where they would hide what matters."""
    for places in (2, 4, 8):
        text = f"{value:.{places}f}"
        if places == 8 or abs(float(text) - value) <= abs(value) * 1e-4:
            return signed(text.rstrip("0").rstrip(".")) + "%"
    raise AssertionError("the last number of places always answers")


def signed(figure: str, before: str = "") -> str:
    """A number that was written out, with the minus that pages print, before its currency; what rounds to nothing has none."""
    if not figure.startswith("-"):
        return before + figure
    return (MINUS if figure.strip("-0.,") else "") + before + figure[1:]


def money(value: float, currency: str = FIRM_CURRENCY) -> str:
    """USD 1,234.50, −USD 1,234.50."""
    return signed(f"{value:,.2f}", f"{currency} ")


def units(value: float) -> str:
    return signed(f"{value:,.4f}".rstrip("0").rstrip("."))


def number(value: Decimal | Fraction | float | int) -> str:
    """A number as text without exponent, for the evidence."""
    if isinstance(value, Fraction):
        value = Decimal(value.numerator) / Decimal(value.denominator)
    if isinstance(value, float | np.floating):
        value = Decimal(repr(round(float(value), 6)))
    text = f"{Decimal(value):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def line(what: str, value: Any, at: datetime | None = None, **more: Any) -> dict[str, Any]:
    found = {"what": what, "value": number(value) if not isinstance(value, str) else value, **more}
    if at is not None:
        found["at"] = at.isoformat()
    return found


def price_lines(s: Snapshot, instrument: int) -> tuple[dict[str, Any], ...]:
    """The instrument's quote, and the rate it is turned into the firm's currency by."""
    i = s.instruments[instrument]
    found = []
    if i.bid is not None and i.ask is not None:
        middle = (i.bid + i.ask) / 2
        found.append(
            line(f"{i.symbol} price", middle, i.priced_at, bid=number(i.bid), ask=number(i.ask), currency=i.currency)
        )
    rate = s.rates.get(i.currency)
    if rate is not None and i.currency != FIRM_CURRENCY:
        found.append(line(f"{FIRM_CURRENCY} for one {i.currency}", rate.rate, rate.at))
    return tuple(found)


def quote_lines(s: Snapshot, order: int) -> tuple[dict[str, Any], ...]:
    """As ``price_lines``, with what makes the quote a forward one where the order is that."""
    lines, day = price_lines(s, s.orders.instrument[order]), int(s.orders.value_days[order])
    factor = s.forwards.get((int(s.orders.instrument[order]), day))
    if not day or factor is None:
        return lines
    return (*lines, line(f"Forward to {date.fromordinal(day)}, × spot", f"{float(factor):.8f}"))


def no_forward(s: Snapshot, order: int) -> str:
    """Why a forward in currencies has no price; empty where it has one, or is none."""
    day, i = int(s.orders.value_days[order]), s.instrument_of(order)
    if not day or (int(s.orders.instrument[order]), day) in s.forwards:
        return ""
    return (
        f"Cannot tell: the interest of {i.base_currency} or {i.currency} is not on file, so the forward to"
        f" {date.fromordinal(day)} has no price. Add it under Reference data, Deposit rates."
    )


def nav_line(s: Snapshot, portfolio: int) -> dict[str, Any]:
    oldest = moment(s.nav_us[portfolio])
    return line("Net asset value", s.nav[portfolio], oldest, currency=FIRM_CURRENCY, portfolio=s.portfolios[portfolio].code)


def moment(us: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + np.timedelta64(int(us), "us").astype(object)


def part_lines(
    s: Snapshot, order: int, grouping: np.ndarray, *, sells: bool, unit: np.ndarray | None = None
) -> tuple[dict[str, Any], ...]:
    """
    What the projection is made of: positions, promises, earlier orders judged with it, and the order itself.

    :param unit: what one unit of each instrument counts for; its value in the firm's currency where it is not given
    """
    portfolio = s.orders.portfolio[order]
    group = grouping[s.orders.instrument[order]]
    parts: list[tuple[str, int, int]] = []
    for row in s.rows_of("positions", portfolio):
        if grouping[s.positions.thing[row]] == group:
            parts.append(("held", s.positions.thing[row], s.positions.amount[row]))
    for row in s.rows_of("others", portfolio):
        if s.others.sell[row] == sells and grouping[s.others.instrument[row]] == group:
            parts.append((f"open order {ref(s.others.id[row])}", s.others.instrument[row], s.others.leaves[row]))
    for row in s.rows_of("orders", portfolio):
        if row < order and s.orders.sell[row] == sells and grouping[s.orders.instrument[row]] == group:
            parts.append((f"order {ref(s.orders.id[row])}", s.orders.instrument[row], s.orders.qty[row]))
    parts.append(("this order", s.orders.instrument[order], s.orders.qty[order]))
    shown = parts if len(parts) <= MOST_LINES else parts[: MOST_LINES - 1] + parts[-1:]
    lines = tuple(_part(s, *part, s.unit if unit is None else unit) for part in shown)
    left_out = len(parts) - len(shown)
    return lines if not left_out else (*lines, line(f"and {left_out} more, counted too", left_out))


def _part(s: Snapshot, what: str, instrument: int, qty: int, unit: np.ndarray) -> dict[str, Any]:
    i = s.instruments[instrument]
    middle = (i.bid + i.ask) / 2
    value = Decimal(int(qty)) / QTY * Decimal(float(unit[instrument])).quantize(Decimal("0.00000001"))
    return line(
        f"{i.symbol}, {what}", value.quantize(Decimal("0.01")), i.priced_at,
        qty=number(Decimal(int(qty)) / QTY), price=number(middle), currency=FIRM_CURRENCY,
    )  # fmt: skip


def ref(order_id: int) -> str:
    return f"O-{int(order_id):06d}"


def cannot_tell(s: Snapshot, order: int, minutes: int, *, whole_portfolio: bool) -> tuple[str, tuple[dict[str, Any], ...]]:
    """Why a price or rate could not be used: a sentence and the times."""
    if text := no_forward(s, order):
        return text, ()
    oldest = s.now_us - minutes * 60_000_000
    places = {int(s.orders.instrument[order])}
    currencies = set()
    if whole_portfolio:
        portfolio = s.orders.portfolio[order]
        places.update(int(s.positions.thing[row]) for row in s.rows_of("positions", portfolio))
        currencies.update(s.currencies[s.cash.thing[row]] for row in s.rows_of("cash", portfolio))
    bad = [_age(s, p) for p in sorted(places) if s.priced_us[p] < oldest]
    for code in sorted(currencies):
        rate = s.rates.get(code)
        if rate is None or micros(rate.at) < oldest:
            bad.append((f"rate of {code}", None if rate is None else rate.at))
    if not bad and whole_portfolio:
        return "The portfolio has no positive net asset value to measure against.", (nav_line(s, s.orders.portfolio[order]),)
    if not bad:
        return "Another order's instrument that counts here has no price.", ()
    names = listed([what if at is None else f"{what} of {at:%d %b %H:%M} UTC" for what, at in bad])
    age = f"{minutes} min" if minutes < 240 else f"{minutes // 60} h"
    text = f"Cannot tell: no price or rate, or one older than {age}, for {names}."
    return text, tuple(line(what, "missing" if at is None else "too old", at) for what, at in bad[:MOST_LINES])


def _age(s: Snapshot, place: int) -> tuple[str, datetime | None]:
    i = s.instruments[place]
    if i.bid is None or i.priced_at is None:
        return i.symbol, None
    if i.currency not in s.rates:
        return f"rate of {i.currency}", None
    return i.symbol, moment(s.priced_us[place])


def listed(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
