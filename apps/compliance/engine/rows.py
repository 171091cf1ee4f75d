"""What a snapshot knows of one thing, not as columns: an instrument, a portfolio, a rate, a circuit breaker."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple


class Instrument(NamedTuple):
    """
    :param issuer_group: id of the issuer's ultimate parent, ``issuer_name`` its name; ``underlying_group`` that of the
        underlying's issuer
    :param accrued_pct: accrued interest at settlement in percent of face (an estimate; zero for other than bonds)
    :param buy_fees_bp: fees and taxes a purchase bears, in basis points of its gross amount
    :param settle_date: when a trade done now settles; None where no calendar says
    :param base_currency: of a pair of currencies: what is bought or sold against ``currency``
    :param volatility: of its price, annual, as a part of one; of an option its underlying's
    :param coupon_frequency: coupons a year; ``day_count`` as 30/360 or ACT/ACT
    :param underlying_mid: price of an option's underlying in ``underlying_currency``; None where it has none
    :param body: id of the issuer itself, not of its group; None where only the group was told
    :param is_covered: of a bond, ``has_votes`` of a share, ``is_ucits`` and ``is_closed_end`` of a fund, ``is_affiliate`` of its issuer:
        yes, no, or None
    :param securities_revenue_pct: of the issuer's gross revenue; :param debt_outstanding: its debt's face in ``debt_currency``, and
        ``money_market_outstanding`` that of its money market instruments
    :param is_money_market: of a bond, as the firm classifies it; None: by its days from ``issue_date`` to maturity
    :param independent_pct: of a class of shares or an issue of bonds, what persons independent of the issuer hold, in percent
    :param is_incalculable: whether what its issuer has in issue cannot be calculated, so that a part of it is nobody's limit
    """

    id: int
    symbol: str
    asset_class: str
    currency: str
    issuer_group: int
    issuer_name: str
    sector: str
    bid: Decimal | None
    ask: Decimal | None
    priced_at: datetime | None
    price_factor: Decimal = Decimal(1)
    increment: Decimal = Decimal(1)
    min_piece: Decimal = Decimal(1)
    shares_outstanding: Decimal | None = None
    daily_qty: Decimal | None = None
    underlying_id: int | None = None
    underlying_group: int | None = None
    accrued_pct: Fraction = Fraction(0)
    buy_fees_bp: Fraction = Fraction(0)
    trade_date: date | None = None
    settle_date: date | None = None
    base_currency: str = ""
    country: str = ""
    rating: str = ""
    coupon_pct: Decimal | None = None
    maturity_date: date | None = None
    strike_price: Decimal | None = None
    put_or_call: str = ""
    volatility: Decimal | None = None
    underlying_mid: Decimal | None = None
    underlying_currency: str = ""
    body: int | None = None
    body_name: str = ""
    is_covered: bool | None = None
    has_votes: bool | None = None
    is_ucits: bool | None = None
    is_affiliate: bool | None = None
    securities_revenue_pct: Decimal | None = None
    debt_outstanding: Decimal | None = None
    debt_currency: str = ""
    coupon_frequency: int | None = None
    day_count: str = ""
    issue_date: date | None = None
    is_money_market: bool | None = None
    money_market_outstanding: Decimal | None = None
    is_incalculable: bool = False
    isin: str = ""
    independent_pct: Decimal | None = None
    is_closed_end: bool | None = None


class Own(NamedTuple):
    """
    What the firm itself says of instruments in one attribute.

    :param kind: ``number`` or ``text``; :param values: instrument's id to its value as text; one it says nothing of is left out
    """

    kind: str
    values: Mapping[int, str]


class Benchmark(NamedTuple):
    """:param as_of: the day of its weights; :param weights: instrument's id to its weight in percent"""

    code: str
    as_of: date
    weights: Mapping[int, Decimal]


class Constituents(NamedTuple):
    """What a fund holds. :param as_of: the day of its weights; :param weights: instrument's id to its weight in percent"""

    as_of: date
    weights: Mapping[int, Decimal]


class Portfolio(NamedTuple):
    """
    A portfolio with the limits of its mandate in percent of net asset value; None where it has no mandate.

    :param groups: codes of the groups it is in; None where that is not known, as of what was stored before there were any
    :param mandate_type: as ``apps.portfolios.rules`` names it; empty where it is not on file
    """

    id: int
    code: str
    equity_min_pct: Decimal | None = None
    equity_max_pct: Decimal | None = None
    fixed_income_min_pct: Decimal | None = None
    fixed_income_max_pct: Decimal | None = None
    cash_min_pct: Decimal | None = None
    issuer_max_pct: Decimal | None = None
    sector_max_pct: Decimal | None = None
    unit: str = ""
    """Its aggregation unit for the marking of sales; empty where it is one of its own."""
    team: str = ""
    taxpayer: int | None = None
    is_ira: bool = False
    groups: Sequence[str] | None = None
    mandate_type: str = ""
    custodian: str = ""
    """Who keeps its money; ``bank`` is the group of that body, None where it is not on file."""
    bank: int | None = None
    plan: int | None = None
    """Id of the retirement plan that it is."""
    owner: str = ""
    """Whose its contracts are for position limits; empty: the firm's with all others that say nothing."""
    benchmark: int | None = None
    """Id of the benchmark it follows."""
    named: Sequence[int] = ()
    """Groups of the public issuers of which it may hold more than a third of what it has (2009/65/EC Art. 54)."""


class Rate(NamedTuple):
    """Units of the firm's currency for one, and when that was so."""

    rate: Decimal
    at: datetime


class Boxed(NamedTuple):
    """A sale that failed to be delivered and is not closed out: since when, and what its close-out is called."""

    since: date
    ref: str


class Breaker(NamedTuple):
    """A circuit breaker of short sales that is on: the price that tripped it, the close before, its first and last day."""

    on: date
    until: date
    price: Decimal
    close: Decimal


def micros(at: datetime) -> int:
    """Microseconds since 1970, exact."""
    whole = at - datetime(1970, 1, 1, tzinfo=at.tzinfo)
    return (whole.days * 86_400 + whole.seconds) * 1_000_000 + whole.microseconds
