"""
What a rule may ask of instruments: the fields of its filter, what it groups by, and what one unit counts for.

Each is a column over the snapshot's instruments, made once however many orders are judged.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from math import erf, log, sqrt
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from apps.reference.rules import HOLDERS, MARGINED, RATING_RANKS

from . import filters
from .columns import Instrument, Snapshot
from .duration import modified
from .filters import ANY_OWN, NUMBER, OWN, TEXT, TRUTH
from .rows import Own

BONDS = ("CORP", "GOVT")
MONEY_MARKET_DAYS = 397

# --- fields ----------------------------------------------------------------------------------------------------------


class Asked(NamedTuple):
    kind: str
    of: Callable[[Snapshot, Instrument], Any]
    help: str


ATTRIBUTES: dict[str, Asked] = {
    "symbol": Asked(TEXT, lambda s, i: i.symbol, "symbol"),
    "asset_class": Asked(TEXT, lambda s, i: i.asset_class, "EQUITY, ETF, FUND, CORP, GOVT, OPTION, FUTURE or FX"),
    "country": Asked(TEXT, lambda s, i: i.country or None, "two letters (ISO 3166)"),
    "sector": Asked(TEXT, lambda s, i: i.sector or None, "as reference data say it"),
    "currency": Asked(TEXT, lambda s, i: i.currency, "three letters (ISO 4217)"),
    "issuer": Asked(TEXT, lambda s, i: i.issuer_name or None, "name of who owns the issuer in the end: the issuer with its group"),
    "body": Asked(TEXT, lambda s, i: i.body_name or None, "name of the issuer itself, whoever owns it"),
    "rating": Asked(TEXT, lambda s, i: i.rating or None, "as it was given"),
    "rating_rank": Asked(NUMBER, lambda s, i: RATING_RANKS.get(i.rating), "1 for AAA or Aaa, 10 for BBB- or Baa3, 22 for D"),
    "coupon_pct": Asked(NUMBER, lambda s, i: i.coupon_pct, "of a bond, percent a year"),
    "duration": Asked(NUMBER, lambda s, i: duration_of(s, i), "modified duration of a bond at its mid price, in years"),
    "days_to_maturity": Asked(
        NUMBER, lambda s, i: (i.maturity_date - s.at.date()).days if i.maturity_date else None, "of a bond; to expiry of a contract"
    ),
    "volatility": Asked(NUMBER, lambda s, i: i.volatility, "of its price in a year, as a part of one"),
    "daily_qty": Asked(NUMBER, lambda s, i: i.daily_qty, "average daily volume in units"),
    "shares_outstanding": Asked(NUMBER, lambda s, i: i.shares_outstanding, "of a share"),
    "is_covered": Asked(TRUTH, lambda s, i: i.is_covered if i.asset_class == "CORP" else False, "whether a bond is a covered one"),
    "is_money_market": Asked(
        TRUTH, lambda s, i: is_money_market(i, s.at.date()), "whether a bond is a money market instrument: as the firm says, else by"
        f" its days from issue to maturity, at most {MONEY_MARKET_DAYS}",
    ),
    "is_incalculable": Asked(TRUTH, lambda s, i: i.is_incalculable, "whether what the issuer has in issue cannot be calculated"),
    "has_votes": Asked(TRUTH, lambda s, i: i.has_votes if i.asset_class == "EQUITY" else False, "whether a share carries votes"),
    "is_ucits": Asked(
        TRUTH, lambda s, i: i.is_ucits if i.asset_class in HOLDERS else False, "whether a fund is authorised under 2009/65/EC"
    ),
    "is_closed_end": Asked(
        TRUTH, lambda s, i: i.is_closed_end if i.asset_class in HOLDERS else False, "whether a fund's shares are not redeemed"
    ),
    "is_affiliate": Asked(TRUTH, lambda s, i: i.is_affiliate, "whether the issuer is the adviser or affiliated with it"),
    "securities_revenue_pct": Asked(
        NUMBER, lambda s, i: i.securities_revenue_pct, "of the issuer's gross revenue, from securities related activities, percent"
    ),
}


def is_money_market(i: Instrument, today: date) -> bool | None:
    """
    Whether it is a money market instrument and no other debt (2007/16/EC Art. 3(2)(a)). What has longer to run was issued for
    longer; of the rest nobody knows without the day of its issue.
    """
    if i.asset_class not in BONDS:
        return False
    if i.is_money_market is not None or i.maturity_date is None:
        return i.is_money_market
    if i.issue_date is not None:
        return (i.maturity_date - i.issue_date).days <= MONEY_MARKET_DAYS
    return False if (i.maturity_date - today).days > MONEY_MARKET_DAYS else None


FIELDS: dict[str, str] = {name: asked.kind for name, asked in ATTRIBUTES.items()}
ALL_FIELDS: dict[str, str] = FIELDS | ANY_OWN


def duration_of(s: Snapshot, i: Instrument) -> Decimal | None:
    """Modified duration of a bond in years, as paid today at mid; None where its terms or price are missing, and of what is none."""

    def of() -> Decimal | None:
        if i.asset_class not in BONDS or i.bid is None or i.ask is None:
            return None
        return modified((i.bid + i.ask) / 2, i.coupon_pct, i.coupon_frequency, i.day_count, i.maturity_date, s.at.date())

    return s.once(("duration", i.id), of)


@dataclass
class Mask:
    """
    Which instruments a filter means.

    :param chosen: whether each is meant; False where that is not known
    :param unsure: whether something the filter hangs on is missing
    """

    chosen: np.ndarray
    unsure: np.ndarray


def mask(s: Snapshot, text: str | None) -> Mask:
    """The instruments of a filter; without one all. Kept with the snapshot, so that rules share it."""
    kept: dict[str | None, Mask] = s.kept.setdefault("masks", {})
    if text not in kept:
        kept[text] = _mask(s, text)
    return kept[text]


def _mask(s: Snapshot, text: str | None) -> Mask:
    n = len(s.instruments)
    if text is None:
        return Mask(np.ones(n, bool), np.zeros(n, bool))
    condition = filters.read(text, ALL_FIELDS)
    columns = {name: s.once(("field", name), lambda name=name: _field(s, name)) for name in condition.fields}
    frame = pl.DataFrame(columns or {"none": pl.Series([0] * n)})
    try:
        found = frame.select(pl.lit(True).and_(condition.expr).alias("is")).to_series()
    except pl.exceptions.PolarsError:  # An attribute of the firm's own is of another kind than the rule takes it for.
        return Mask(np.zeros(n, bool), np.ones(n, bool))
    if len(found) != n:  # A filter of constants alone says one thing of all.
        found = found.extend_constant(found[0], n - 1) if n else found.clear()
    return Mask(found.fill_null(False).to_numpy(), found.is_null().to_numpy())


def _field(s: Snapshot, name: str) -> pl.Series:
    """A field of every instrument, null where it is not known."""
    if name.startswith(OWN):
        own = s.own.get(name.removeprefix(OWN))
        if own is None:
            return pl.Series(name, [None] * len(s.instruments))
        kind, values = own.kind, [own.values.get(i.id) for i in s.instruments]
    else:
        kind, of, _ = ATTRIBUTES[name]
        values = [of(s, i) for i in s.instruments]
    if kind == NUMBER:
        return pl.Series(name, [None if v is None else float(v) for v in values], pl.Float64)
    return pl.Series(name, values, pl.Boolean if kind == TRUTH else pl.String)


# --- groups ----------------------------------------------------------------------------------------------------------


class Unknown(NamedTuple):
    """The group of an instrument that has one, only nobody knows which."""


UNKNOWN = Unknown()


class Group(NamedTuple):
    """
    :param of: what tells an instrument's group from others, None where it has none, ``UNKNOWN`` where that is not known
    :param name: how it is called
    """

    title: str
    of: Callable[[Instrument], Any]
    name: Callable[[Instrument], str]


def issuer_of(i: Instrument) -> int | None:
    """Of a future on a share the issuer of the share; one on an index or a basket is no claim on an issuer."""
    return i.underlying_group if i.asset_class in MARGINED else i.issuer_group


def body_of(i: Instrument) -> int | Unknown | None:
    """The issuer itself; of a future on a share nobody knows it, nor of what was stored before it was told."""
    if i.asset_class in MARGINED and i.underlying_group is None:
        return None
    return UNKNOWN if i.body is None or i.asset_class in MARGINED else i.body


GROUPS: dict[str, Group] = {
    "all": Group("all together", lambda i: "all", lambda i: "Together"),
    "instrument": Group("each instrument", lambda i: i.id, lambda i: i.symbol),
    "issuer": Group("each issuer with its group", issuer_of, lambda i: i.issuer_name),
    "body": Group("each issuer without its group", body_of, lambda i: i.body_name),
    "sector": Group("each sector", lambda i: i.sector or None, lambda i: f"Sector {i.sector}"),
    "country": Group("each country", lambda i: i.country or None, lambda i: f"Country {i.country}"),
    "currency": Group("each currency", lambda i: i.currency, lambda i: f"Currency {i.currency}"),
    "asset_class": Group("each asset class", lambda i: i.asset_class, lambda i: f"Asset class {i.asset_class}"),
    "rating": Group("each rating", lambda i: i.rating or None, lambda i: f"Rating {i.rating}"),
}


def title_of(group: str) -> str:
    """A group in words, of the firm's own too (``own.`` and the attribute's code)."""
    return f"each {group}" if group.startswith(OWN) else GROUPS[group].title


def namer(s: Snapshot, group: str) -> Callable[[Instrument], str]:
    """What an instrument's group is called."""
    if not group.startswith(OWN):
        return GROUPS[group].name
    code, own = group.removeprefix(OWN), s.own.get(group.removeprefix(OWN))
    values = own.values if own else {}
    return lambda i: f"{code} {values[i.id]}" if i.id in values else ""


def telling(group: str, said: Mapping[str, Own]) -> Callable[[Instrument], Any]:
    """As ``Group.of``, of the firm's own attributes too. :param said: those, by code"""
    if not group.startswith(OWN):
        return GROUPS[group].of
    own = said.get(group.removeprefix(OWN))
    values = own.values if own else {}
    return lambda i: values.get(i.id, UNKNOWN)


def grouping(s: Snapshot, group: str, chosen: Mask) -> np.ndarray:
    """
    A whole number for each instrument's group; -1 for what the filter leaves out, has no group, or is a pair of currencies.
    What has one that nobody knows (``vague``) stands in one of its own.
    """
    return np.where(chosen.chosen | chosen.unsure, _groups(s, group)[0], -1)


def _groups(s: Snapshot, group: str) -> tuple[np.ndarray, np.ndarray | None]:
    def made() -> tuple[np.ndarray, np.ndarray | None]:
        numbers: dict[Any, int] = {None: -1}
        of = telling(group, s.own)
        found = [-1 if i.base_currency else numbers.setdefault(of(i), len(numbers)) for i in s.instruments]
        codes = np.array(found, np.int64)
        return codes, codes == numbers[UNKNOWN] if UNKNOWN in numbers else None

    return s.once(("groups", group), made)


def numbers_of(s: Snapshot, group: str) -> np.ndarray:
    """The numbers that ``grouping`` gives, whatever a filter leaves out."""
    return _groups(s, group)[0]


def vague(s: Snapshot, group: str, chosen: Mask) -> np.ndarray | None:
    """Which instruments the filter may mean whose group nobody knows: each of them may be in any. None where there are none."""
    unknown = _groups(s, group)[1]
    if unknown is None:
        return None
    found = unknown & (chosen.chosen | chosen.unsure)
    return found if found.any() else None


def clouded(s: Snapshot, unknown: np.ndarray | None) -> np.ndarray | None:
    """Portfolios that hold, or have promised or asked for, an instrument whose group nobody knows. None where there are none."""
    if unknown is None:
        return None
    found = np.zeros(len(s.portfolios), bool)
    for portfolio, thing in (
        (s.positions.portfolio, s.positions.thing), (s.others.portfolio, s.others.instrument), (s.orders.portfolio, s.orders.instrument),
    ):
        found[portfolio[unknown[thing]]] = True
    return found if found.any() else None


# --- what a unit counts for ------------------------------------------------------------------------------------------


class Weight(NamedTuple):
    """
    What one unit of each instrument counts for.

    :param column: in floats, NaN where not known; :param exact: of one instrument as a fraction
    """

    column: np.ndarray
    exact: Callable[[int], Fraction]


class Basis(NamedTuple):
    title: str
    of: Callable[[Snapshot, Instrument, Fraction | None], Fraction | None]
    """Of one unit of an instrument whose market value is given, in the firm's currency; None where not known."""


def _rate(s: Snapshot, currency: str) -> Fraction | None:
    rate = s.rates.get(currency)
    return None if rate is None else Fraction(rate.rate)


def _with_accrued(s: Snapshot, i: Instrument, value: Fraction | None) -> Fraction | None:
    if value is None or not i.accrued_pct:
        return value
    return value + i.accrued_pct * Fraction(i.price_factor) * _rate(s, i.currency)


def _par(s: Snapshot, i: Instrument, value: Fraction | None) -> Fraction | None:
    return _rate(s, i.currency) if i.asset_class in BONDS else Fraction(0)


def _duration(s: Snapshot, i: Instrument, value: Fraction | None) -> Fraction | None:
    """Shares and money have none; of funds and derivatives nobody knows it."""
    if i.asset_class in ("EQUITY", "FX"):
        return Fraction(0)
    years = duration_of(s, i)
    return None if years is None or value is None else value * Fraction(years)


def _notional(s: Snapshot, i: Instrument, value: Fraction | None) -> Fraction | None:
    if i.asset_class != "OPTION":
        return value
    rate = _rate(s, i.underlying_currency)
    return None if i.underlying_mid is None or rate is None else Fraction(i.underlying_mid) * Fraction(i.price_factor) * rate


def _delta_adjusted(s: Snapshot, i: Instrument, value: Fraction | None) -> Fraction | None:
    whole = _notional(s, i, value)
    if i.asset_class != "OPTION" or whole is None:
        return whole
    found = delta(i, (i.maturity_date - s.at.date()).days if i.maturity_date else None)
    return None if found is None else whole * abs(Fraction(found))


def delta(i: Instrument, days: int | None) -> float | None:
    """
    Black and Scholes' (1973) sensitivity of an option to its underlying, without interest and dividends, by the yearly
    volatility on file: from 0 to 1 of a call, from -1 to 0 of a put. None where something it needs is missing.
    """
    if None in (i.underlying_mid, i.strike_price, i.volatility, days) or not i.underlying_mid or not i.strike_price:
        return None
    spot, strike, sigma = float(i.underlying_mid), float(i.strike_price), float(i.volatility)
    if days <= 0 or sigma <= 0:
        call = float(spot > strike)
    else:
        spread = sigma * sqrt(days / 365)
        call = (1 + erf((log(spot / strike) + spread**2 / 2) / spread / sqrt(2))) / 2
    return call - 1 if i.put_or_call == "PUT" else call


BASES: dict[str, Basis] = {
    "market_value": Basis("market value at mid, of a future its notional", lambda s, i, value: value),
    "with_accrued": Basis("market value at mid with accrued interest", _with_accrued),
    "par": Basis("face value of bonds", _par),
    "notional": Basis("notional: of an option what its underlying is worth", _notional),
    "delta": Basis("delta-adjusted, put and call alike, without netting", _delta_adjusted),
    "duration": Basis("modified duration of bonds in years, weighted by market value", _duration),
    "units": Basis("units", lambda s, i, value: Fraction(1)),
}


WORTHS = {name: basis.title for name, basis in BASES.items() if name not in ("units", "duration")}
"""Those that are money: what may be a part of net asset value."""


def weight(s: Snapshot, basis: str) -> Weight:
    """What one unit counts for by a basis, in the firm's currency or units. Kept with the snapshot."""
    kept: dict[str, Weight] = s.kept.setdefault("weights", {})
    if basis not in kept:
        of = BASES[basis].of
        values = [of(s, i, s.exact_unit(place)) for place, i in enumerate(s.instruments)]
        kept[basis] = Weight(np.array([np.nan if v is None else float(v) for v in values]), values.__getitem__)
    return kept[basis]
