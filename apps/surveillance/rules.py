"""
Clocks of ownership reports: from what the firm holds together, which report falls due and when.

All accounts count, for the firm decides over all of them. In the United States shares count that calls held and convertible
bonds may become within 60 days; what a bond turns into is deemed outstanding too, for it is not yet, while a listed call is on
shares that are (17 CFR 240.13d-3(d)(1)). In Europe calls and convertible bonds count whenever they may be exercised, of what is
settled in cash as many as it refers to. Percentages are of the shares outstanding on file. Exactly a threshold is not above it,
but the directive's and the rulebook's thresholds are reached by it.

Sources: 17 CFR 240.13d-1 to 13d-3 as amended from 30 September 2024, 17 CFR 240.13f-1, 17 CFR 240.13h-1,
2004/109/EC Art. 9, 12(2), 13 and 13a, DTR 5.1.2, 5.3.1 and 5.8.3.
"""

from calendar import monthrange
from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

QII, PASSIVE, ACTIVE, EXEMPT = "QII", "PASSIVE", "13D", "EXEMPT"
FILERS = {
    QII: "qualified institution: 13G by quarter and month",
    PASSIVE: "passive investor: 13G by the day",
    EXEMPT: "exempt investor: 13G by quarter",
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
    :param calls_soon: what calls held may become within 60 days; :param calls: at any time
    :param converts: what convertible bonds held turn into
    """

    instrument_id: int
    symbol: str
    country: str
    asset_class: str
    qty: Decimal
    shares: Decimal | None
    value: Decimal | None
    calls_soon: Decimal = Decimal(0)
    calls: Decimal = Decimal(0)
    converts: Decimal = Decimal(0)

    @property
    def pct(self) -> Fraction | None:
        """Of the class, of the shares alone."""
        return Fraction(self.qty) / Fraction(self.shares) * 100 if self.shares else None

    @property
    def owned_pct(self) -> Fraction | None:
        """Beneficially owned by the rules of the United States."""
        if not self.shares:
            return None
        return Fraction(self.qty + self.calls_soon + self.converts) / Fraction(self.shares + self.converts) * 100

    @property
    def whole_pct(self) -> Fraction | None:
        """Of the voting rights, by shares and by what refers to them together, as Europe counts."""
        return Fraction(self.qty + self.calls + self.converts) / Fraction(self.shares) * 100 if self.shares else None


class Last(NamedTuple):
    """The newest report of a form on an instrument: what was held then, and by shares alone where that is told apart."""

    pct: Fraction
    on: date
    direct_pct: Fraction | None = None


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
    direct_pct: Fraction | None = None


def due_on(
    day: date, held: Iterable[Held], last: Mapping[tuple[str, int | None], Last], filer: str, is_session: IsSession,
    months: Mapping[date, Decimal] | None = None,
) -> list[Due]:
    """
    :param last: by form and instrument (None for the firm's own), the newest report
    :param filer: one of ``FILERS``; :param is_session: whether the exchanges of New York open on a day
    :param months: what ``worth_13f`` was at the ends of earlier months, by day
    """  # fmt: skip
    rows = list(held)
    found: list[Due] = []
    for one in rows:
        if one.asset_class != "EQUITY" or one.pct is None:
            continue
        if one.country == "US":
            found += _beneficial(day, one, last, filer, is_session)
        elif one.country in EU or one.country == "GB":
            found += _major(day, one, last.get(("TR-1", one.instrument_id)), is_session)
    return found + _form_13f(day, worth_13f(rows), months or {}, last.get(("13F", None)), is_session)


# --- United States ---------------------------------------------------------------------------------------------------


def _beneficial(day: date, one: Held, last: Mapping[tuple[str, int | None], Last], filer: str, is_session: IsSession) -> list[Due]:
    form = "13D" if filer == ACTIVE else "13G"
    before = last.get((form, one.instrument_id))
    pct = one.owned_pct
    due = ASKED[filer](day, pct, before, is_session) or (_by_quarter(day, pct, before, is_session) if form == "13G" else None)
    if due is None:
        return []
    threshold, by, source = due
    moved = f"{_percent(before.pct)} → {_percent(pct)}" if before else _percent(pct)
    text = f"{form}{'/A' if before else ''}: the firm holds {moved} of {one.symbol}{_by_rights(one.pct, pct)}."
    return [Due(form, one.instrument_id, pct, threshold, by, text, source)]


def _by_rights(shares: Fraction, whole: Fraction) -> str:
    return "" if shares == whole else f", {_percent(shares)} by shares and the rest by calls and convertible bonds"


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
    if pct > 10 and (before is None or before.pct <= 10):
        source = "17 CFR 240.13d-2(c)" if before and before.pct > 5 else "17 CFR 240.13d-1(b)(2)"
        return 10, after(day, 5, is_session), source
    if before is not None and before.pct > 10 and abs(pct - before.pct) > 5:
        return 10, after(day, 5, is_session), "17 CFR 240.13d-2(c)"
    if _ends_quarter(day, is_session) and pct > 5 and (before is None or before.pct <= 5):
        return 5, month_end(day) + timedelta(days=45), "17 CFR 240.13d-1(b)(2)"
    return None


def _exempt(day: date, pct: Fraction, before: Last | None, is_session: IsSession) -> tuple[int, date, str] | None:
    """Above 5% at a quarter's end: 45 days."""
    if _ends_quarter(day, is_session) and pct > 5 and (before is None or before.pct <= 5):
        return 5, month_end(day) + timedelta(days=45), "17 CFR 240.13d-1(d)"
    return None


def _by_quarter(day: date, pct: Fraction, before: Last | None, is_session: IsSession) -> tuple[int, date, str] | None:
    """Of whoever reports by 13G: what moved by a hundredth of the class or more since, or fell to 5%, is told by quarter."""
    if before is None or before.pct <= 5 or not _ends_quarter(day, is_session):
        return None
    if abs(pct - before.pct) >= 1 or pct <= 5:
        return 1 if pct > 5 else 5, month_end(day) + timedelta(days=45), "17 CFR 240.13d-2(b)"
    return None


ASKED = {ACTIVE: _form_13d, QII: _qualified, PASSIVE: _passive, EXEMPT: _exempt}


def worth_13f(rows: Iterable[Held]) -> Decimal:
    """What the firm holds of listed shares and funds of the United States, in USD."""
    return sum((one.value for one in rows if one.country == "US" and one.asset_class in ("EQUITY", "ETF") and one.value), Decimal(0))


def _form_13f(day: date, worth: Decimal, months: Mapping[date, Decimal], before: Last | None, is_session: IsSession) -> list[Due]:
    """
    At a quarter's end: 45 days. Whoever held 100 million dollars at the end of any month of a year reports for its fourth
    quarter and the first three of the next. Where no month of that year is on file, the quarter's own end says it.
    """
    if not _ends_quarter(day, is_session) or (before and before.on == day):
        return []
    year = day.year if day.month == 12 else day.year - 1
    of_year = {on: amount for on, amount in (*months.items(), (day, worth)) if on.year == year} or {day: worth}
    reached = max(of_year, key=lambda on: (of_year[on] >= F13, on))
    if of_year[reached] < F13:
        return []
    by = month_end(day) + timedelta(days=45)
    text = f"13F: the firm held USD {of_year[reached]:,.0f} of section 13(f) securities {_at_the_end_of(reached, day)}."
    return [Due("13F", None, None, None, by, text, "17 CFR 240.13f-1(a)")]


def _at_the_end_of(month: date, day: date) -> str:
    return "at the quarter's end" if month == day else f"at the end of {month:%B %Y}"


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
    TR-1, whenever a threshold is reached, passed or fallen under by shares alone or together with what refers to them: of the
    directive in four trading days; of the United Kingdom, 3% and each percent above, in two.
    """
    now = [_level(pct, one.country) for pct in (one.whole_pct, one.pct)]
    was = [0, 0]
    if before:
        was = [_level(pct, one.country) for pct in (before.pct, before.pct if before.direct_pct is None else before.direct_pct)]
    moved = [(then, level) for then, level in zip(was, now, strict=True) if then != level]
    if not moved:
        return []
    (then, level), british = moved[0], one.country == "GB"
    by = after(day, 2 if british else 4, is_session)
    rights = _by_rights(one.pct, one.whole_pct)
    text = (
        f"TR-1: the firm holds {_percent(one.whole_pct)} of {one.symbol}{rights}, "
        f"{'above' if level > then else 'under'} {max(then, level)}%."
    )
    source = "DTR 5.1.2" if british else "2004/109/EC Art. 9(1), 12(2)"
    if one.pct != one.whole_pct:
        source = "DTR 5.1.2, 5.3.1" if british else "2004/109/EC Art. 9(1), 12(2), 13a"
    return [Due("TR-1", one.instrument_id, one.whole_pct, max(then, level), by, text, source, one.pct)]


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


def month_end(day: date) -> date:
    """The last calendar day of the month."""
    return day.replace(day=monthrange(day.year, day.month)[1])


def is_last_session(day: date, is_session: IsSession) -> bool:
    """Whether no session of the month follows."""
    following = day + timedelta(days=1)
    while following.month == day.month:
        if is_session(following):
            return False
        following += timedelta(days=1)
    return is_session(day)


def _ends_quarter(day: date, is_session: IsSession) -> bool:
    return day.month % 3 == 0 and is_last_session(day, is_session)


def _percent(pct: Fraction) -> str:
    """To four places, or as many as tell a number from the whole percent that it is not."""
    near = round(pct)
    places = next((n for n in range(4, 12) if pct == near or round(pct, n) != near), 12)
    return f"{float(pct):.{places}f}".rstrip("0").rstrip(".") + "%"
