"""
Clocks of ownership reports: from what the firm holds together, which report falls due and when.

All accounts count, for the firm decides over all of them. Shares that options and convertible bonds may become within 60
days are not counted yet. Percentages are of the shares outstanding on file. Exactly a threshold is not above it, but the
directive's and the rulebook's thresholds are reached by it.

Sources: 17 CFR 240.13d-1 and 13d-2 as amended from 30 September 2024, 17 CFR 240.13f-1, 17 CFR 240.13h-1,
2004/109/EC Art. 9 and 12(2), DTR 5.1.2 and 5.8.3.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

QII, PASSIVE, ACTIVE = "QII", "PASSIVE", "13D"
FILERS = {
    QII: "qualified institution: 13G by quarter and month",
    PASSIVE: "passive investor: 13G by the day",
    ACTIVE: "neither: 13D",
}
EU = frozenset(
    ["AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL",
     "PT", "RO", "SE", "SI", "SK"]
)  # fmt: skip
DIRECTIVE = (5, 10, 15, 20, 25, 30, 50, 75)
F13 = Decimal(100_000_000)
LARGE_TRADER = ((Decimal(2_000_000), Decimal(20_000_000)), (Decimal(20_000_000), Decimal(200_000_000)))
"""Shares and dollars of a day, then of a month (17 CFR 240.13h-1(a)(7))."""

IsSession = Callable[[date], bool]


class Held(NamedTuple):
    """
    What the firm holds of one share together.

    :param qty: of all portfolios; :param shares: outstanding, None where not on file; :param value: in USD, None if unknown
    """

    instrument_id: int
    symbol: str
    country: str
    asset_class: str
    qty: Decimal
    shares: Decimal | None
    value: Decimal | None

    @property
    def pct(self) -> Fraction | None:
        return Fraction(self.qty) / Fraction(self.shares) * 100 if self.shares else None


class Last(NamedTuple):
    """The newest report of a form on an instrument: what was held then."""

    pct: Fraction
    on: date


class Due(NamedTuple):
    """
    A report that falls due.

    :param threshold: what was passed, in percent; None for reports that are not of one instrument
    :param source: the rule it follows from
    """

    form: str
    instrument_id: int | None
    pct: Fraction | None
    threshold: int | None
    due_on: date
    text: str
    source: str


def due_on(day: date, held: Iterable[Held], last: Mapping[tuple[str, int | None], Last], filer: str, is_session: IsSession) -> list[Due]:
    """
    :param last: by form and instrument (None for the firm's own), the newest report
    :param filer: one of ``FILERS``; :param is_session: whether the exchanges of New York open on a day
    """
    rows = list(held)
    found: list[Due] = []
    for one in rows:
        if one.asset_class != "EQUITY" or one.pct is None:
            continue
        if one.country == "US":
            found += _beneficial(day, one, last, filer, is_session)
        elif one.country in EU or one.country == "GB":
            found += _major(day, one, last.get(("TR-1", one.instrument_id)), is_session)
    return found + _form_13f(day, rows, last.get(("13F", None)), is_session)


# --- United States ---------------------------------------------------------------------------------------------------


def _beneficial(day: date, one: Held, last: Mapping[tuple[str, int | None], Last], filer: str, is_session: IsSession) -> list[Due]:
    form = "13D" if filer == ACTIVE else "13G"
    before = last.get((form, one.instrument_id))
    ask = {ACTIVE: _form_13d, QII: _qualified, PASSIVE: _passive}[filer]
    due = ask(day, one.pct, before, is_session)
    if due is None:
        return []
    threshold, by, source = due
    moved = f"{_percent(before.pct)} → {_percent(one.pct)}" if before else _percent(one.pct)
    text = f"{form}{'/A' if before else ''}: the firm holds {moved} of {one.symbol}."
    return [Due(form, one.instrument_id, one.pct, threshold, by, text, source)]


def _form_13d(day: date, pct: Fraction, before: Last | None, is_session: IsSession) -> tuple[int, date, str] | None:
    """Above 5%: five business days; then two for each change by a hundredth of the class."""
    if before is None or before.pct <= 5:
        return (5, after(day, 5, is_session), "17 CFR 240.13d-1(a)") if pct > 5 else None
    return (1, after(day, 2, is_session), "17 CFR 240.13d-2(a)") if abs(pct - before.pct) >= 1 else None


def _passive(day: date, pct: Fraction, before: Last | None, is_session: IsSession) -> tuple[int, date, str] | None:
    """Above 5%: five business days; above 10%, and for each change above 5% from then on, two."""
    if before is None or before.pct <= 5:
        return (5, after(day, 5, is_session), "17 CFR 240.13d-1(c)") if pct > 5 else None
    if pct > 10 >= before.pct or (before.pct > 10 and abs(pct - before.pct) > 5):
        return 10, after(day, 2, is_session), "17 CFR 240.13d-2(d)"
    return None


def _qualified(day: date, pct: Fraction, before: Last | None, is_session: IsSession) -> tuple[int, date, str] | None:
    """Above 10% at a month's end: five business days; above 5% at a quarter's: 45 days; then changes above 5% by month."""
    if not is_last_session(day, is_session):
        return None
    if pct > 10 and (before is None or before.pct <= 10 or abs(pct - before.pct) > 5):
        source = "17 CFR 240.13d-2(c)" if before and before.pct > 5 else "17 CFR 240.13d-1(b)(2)"
        return 10, after(day, 5, is_session), source
    if before is not None and before.pct > 10 and abs(pct - before.pct) > 5:
        return 10, after(day, 5, is_session), "17 CFR 240.13d-2(c)"
    if day.month % 3 == 0 and pct > 5 and (before is None or before.pct <= 5):
        return 5, quarter_end(day) + timedelta(days=45), "17 CFR 240.13d-1(b)(2)"
    return None


def _form_13f(day: date, rows: Iterable[Held], before: Last | None, is_session: IsSession) -> list[Due]:
    """At a quarter's end, of at least 100 million dollars in listed shares and funds of the United States: 45 days."""
    if not is_last_session(day, is_session) or day.month % 3 or (before and before.on == day):
        return []
    worth = sum((one.value for one in rows if one.country == "US" and one.asset_class in ("EQUITY", "ETF") and one.value), Decimal(0))
    if worth < F13:
        return []
    by = quarter_end(day) + timedelta(days=45)
    text = f"13F: the firm holds USD {worth:,.0f} of section 13(f) securities at the quarter's end."
    return [Due("13F", None, None, None, by, text, "17 CFR 240.13f-1(a)")]


def large_trader(
    day: date, shares: Decimal, amount: Decimal, month_shares: Decimal, month_amount: Decimal, before: Last | None
) -> list[Due]:
    """
    Form 13H, promptly and at the latest in ten days, once: 2 million shares or 20 million dollars traded in a day, or 20
    million or 200 million in a calendar month.
    """
    reached = any(
        traded >= most or worth >= money
        for (most, money), (traded, worth) in zip(LARGE_TRADER, ((shares, amount), (month_shares, month_amount)), strict=True)
    )
    if before is not None or not reached:
        return []
    text = f"13H: {shares:,.0f} shares for USD {amount:,.0f} traded in a day, {month_shares:,.0f} for USD {month_amount:,.0f} this month."
    return [Due("13H", None, None, None, day + timedelta(days=10), text, "17 CFR 240.13h-1(b)(1)(i)")]


# --- Europe ----------------------------------------------------------------------------------------------------------


def _major(day: date, one: Held, before: Last | None, is_session: IsSession) -> list[Due]:
    """
    TR-1, whenever a threshold is reached, passed or fallen under: of the directive in four trading days; of the United
    Kingdom, 3% and each percent above, in two.
    """
    was, now = (_level(pct, one.country) for pct in (before.pct if before else Fraction(0), one.pct))
    if was == now:
        return []
    british = one.country == "GB"
    by = after(day, 2 if british else 4, is_session)
    text = f"TR-1: the firm holds {_percent(one.pct)} of {one.symbol}, {'above' if now > was else 'under'} {max(was, now)}%."
    return [Due("TR-1", one.instrument_id, one.pct, max(was, now), by, text, "DTR 5.1.2" if british else "2004/109/EC Art. 9(1), 12(2)")]


def _level(pct: Fraction, country: str) -> int:
    """The highest threshold that is reached; 0 for none."""
    if country == "GB":
        return int(pct) if pct >= 3 else 0
    return max((level for level in DIRECTIVE if pct >= level), default=0)


# --- days ------------------------------------------------------------------------------------------------------------


def after(day: date, days: int, is_session: IsSession) -> date:
    """So many business days after a day."""
    while days:
        day += timedelta(days=1)
        days -= is_session(day)
    return day


def quarter_end(day: date) -> date:
    """The last calendar day of the quarter."""
    month = (day.month - 1) // 3 * 3 + 3
    return date(day.year + month // 12, month % 12 + 1, 1) - timedelta(days=1)


def is_last_session(day: date, is_session: IsSession) -> bool:
    """Whether no session of the month follows."""
    following = day + timedelta(days=1)
    while following.month == day.month:
        if is_session(following):
            return False
        following += timedelta(days=1)
    return is_session(day)


def _percent(pct: Fraction) -> str:
    return f"{float(pct):.4f}".rstrip("0").rstrip(".") + "%"
