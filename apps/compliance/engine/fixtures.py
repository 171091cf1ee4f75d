"""
Small books in plain words, to try a rule on: what is held, what is ordered, and what the rule must say of each order.

A fixture is JSON, written by whoever writes the rule and kept with it::

    {
      "name": "exactly 5% is not above 5%",
      "instruments": {"A": {"price": "100", "issuer": "Alpha", "asset_class": "EQUITY"}},
      "portfolios": {"P": {"cash": {"USD": "950000"}, "holds": {"A": "400"}}},
      "orders": [{"side": "BUY", "qty": "100", "symbol": "A", "expect": "PASS"}]
    }

What is not said of an instrument is that of an ordinary US share, priced a minute ago; an order that names no portfolio is
the first one's in the alphabet. ``expect`` is PASS, FAIL, INDETERMINATE or NOT_ASKED; ``largest`` may say the largest quantity that passes,
``warned`` whether a pass is at the warning level or beyond it. ``stands`` says what the day's report finds, without the orders::

      "stands": [{"group": "Alpha", "expect": "FAIL"}]

Of a rule across the firm ``firm_holds``, ``firm_buys`` and ``firm_sells`` say what all portfolios have of each instrument beside
the orders judged, ``firm_worth`` their ``nav`` and ``total_assets`` where that is not the sum of the portfolios shown; what the
day's report finds has ``"portfolio": "the firm"``.

``issuer`` is the issuer's group, ``body`` the issuer itself where that is another; ``own`` has attributes of the firm's own by
code, a number or a text in quotes. A portfolio's ``benchmark`` is one of the fixture's: ``{"weights": {"A": "60", "B": "40"},
"days_old": 3}``; so are ``constituents``, of a fund by its symbol. A portfolio's ``named`` are the public issuers that it may hold
beyond what binds others. Its ``bank`` is the issuer that keeps its money, ``deals`` are what it and dealers still owe each
other: ``{"dealer": "D", "issuer": "Alpha",
"is_credit_institution": true, "amounts": {"EUR": "100", "USD": "-110"}}``; without ``issuer`` who the dealer is is not known.
What bodies have issued is what the fixture's instruments say together.
An order without a ``limit`` is a market order. A portfolio may have limits of its mandate, ``equity_max_pct`` and what else
``fixture_mandates`` lists, and ``unsettled`` money: ``{"USD": {"2026-03-06": "-500"}}`` is what of its ``cash`` goes on that day. An
instrument settles on its ``settle_date``, the next day where nothing is said, null where no calendar says; a purchase bears
``buy_fees_bp`` of fees and taxes, a bond ``accrued_pct`` of interest. What orders say beside, ``minutes_ago``, ``value_date``,
``part_of`` and ``cleared``, is in ``fixture_orders``; ``rates`` and ``forwards`` of currencies are in ``fixture_cash``.
An order may say ``to`` whom it would be sent, by names of ``dealers``, which says of which issuer each is: null where that is not
on file, its own name where it says nothing.
Orders may say ``by`` whom and from which ``desk`` they are. ``lists`` are entries of the firm's lists, which name one ``issuer``,
``instrument``, or ``custodian``, a portfolio's ``bank``: ``{"list": "GREY", "issuer": "Alpha", "reach": "DAUGHTERS", "direction":
"BUY", "from": "2026-03-01", "to": "2026-03-31"}``. Where it says nothing an entry is of the RESTRICTED list, reaches the issuer's GROUP,
forbids ALL and holds today. It may be for one ``portfolio``, ``group`` (a portfolio's ``groups``), ``desk`` or ``person``,
``look_through`` into funds, be ``sanctioned``, or ``waits`` for an officer to say whether it is. ``owners`` says who owns an issuer where
that is not its group: ``{"Alpha Retail": "Alpha Bank"}``; an instrument's ``trade_date`` is the day on which it would trade.

A sale marked short is a SELL_SHORT; it may be ``located``, of that ``borrowed``, and ``exempt`` from the price test. An instrument's
``breaker`` is on where it is true, not known where it is null; ``undelivered_since`` is the day of a fail that is not closed out.
Portfolios of one ``unit`` are one seller; ``unit_owns`` is what portfolios not shown have: ``{"Fund": {"A": "-60"}}``.

A portfolio with a ``taxpayer`` (``is_ira`` for a retirement account) has ``traded`` before: ``[{"side": "BUY", "symbol": "A", "qty": "10",
"price": "100", "on": "2026-02-02"}]``, without a price where that is not known; ``alike`` is the firm's word for instruments that are
substantially identical. ``limits`` are trading limits: ``[{"person": "Mira", "desk": "Credit", "asset_class": "EQUITY", "max_qty":
"100"}]``, or of an ``instrument``, with ``max_notional``, ``max_adv_pct``, ``collar_pct`` or ``stops_wrong_side``.

``clause`` may name the clause of a mandate that the fixture proves, by the document's code and the clause's reference:
``IMA-P001 4.2(b)``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from . import columns as c
from . import fixture_limits, fixture_lists, fixture_shorts, fixture_taxes
from .claims import Deals
from .fixture_bodies import dealer_said, deals_said, plan_said
from .fixture_cash import forwards_said, rates_said, unsettled_said
from .fixture_compared import benchmarks_said, constituents_said, own_said
from .fixture_contracts import contracts_said
from .fixture_firm import SAID as SAID_OF_FIRM
from .fixture_firm import firm_said
from .fixture_mandates import LIMITS as OF_MANDATES
from .fixture_mandates import mandate_said
from .fixture_orders import OF_OPEN, orders_said
from .fixture_orders import SAID as SAID_OF_ORDERS
from .fixture_words import BadFixture
from .fixture_words import day_in as _day
from .fixture_words import mapping_in as _mapping
from .fixture_words import number_in as _number
from .fixture_words import place_in as _place
from .fixture_words import rows_in as _rows
from .fixture_words import truth_in as _truth
from .issued import IssuedLine, issued
from .judgement import NOT_ASKED, OUTCOMES, UNKNOWN, RuleVersion
from .screening import screen
from .standing import stand
from .stands import FIRM

NOW = datetime(2026, 3, 4, 15, 0, tzinfo=UTC)
SIDES = ("BUY", "SELL", fixture_shorts.SHORT)
PARTS = (fixture_lists, fixture_shorts, fixture_taxes, fixture_limits)
"""What few kinds of rule ask: each names its words, and puts what they say into the snapshot."""
KINDS_OF_WORDS = ("SAID", "OF_ORDERS", "OF_PORTFOLIOS", "OF_INSTRUMENTS")
BESIDE = {kind: [word for part in PARTS for word in getattr(part, kind)] for kind in KINDS_OF_WORDS}
THE_FIRM = "the firm"
EXPECTED = ("PASS", "FAIL", "INDETERMINATE", "NOT_ASKED")


class Fixture(NamedTuple):
    """
    :param expected: for each order its outcome and, where that is said, the largest quantity that passes and whether it is warned
    :param stands: for each number of the day's report its portfolio, group and outcome
    """

    name: str
    snapshot: c.Snapshot
    expected: Sequence[tuple[str, Decimal | None, bool | None]]
    stands: Sequence[tuple[int, str, str]] = ()

    @property
    def outcomes(self) -> list[str]:
        """All that is expected to be found, of orders and of the day's report."""
        return [one[0] for one in self.expected] + [one[2] for one in self.stands]


class Miss(NamedTuple):
    """
    An order of which a rule says another thing than the fixture expects; ``order`` counts from 1, on past the orders through
    what the day's report should say.
    """

    fixture: str
    order: int
    expected: str
    found: str


def tried(rule: RuleVersion, fixtures: Sequence[Fixture]) -> list[Miss]:
    """What the rule says otherwise than its fixtures expect; empty where they are green."""
    found = []
    for fixture in fixtures:
        s = fixture.snapshot
        verdicts = screen(s, [rule]).verdicts[0]
        for row, (outcome, largest, warned) in enumerate(fixture.expected):
            said = "NOT_ASKED" if verdicts.outcome[row] == NOT_ASKED else OUTCOMES[verdicts.outcome[row]]
            if said != outcome:
                found.append(Miss(fixture.name, row + 1, outcome, said))
            elif largest is not None:
                most = int(verdicts.max_qty[row])
                told = "not known" if most == UNKNOWN else f"{Decimal(most) / c.QTY:f}"
                if most == UNKNOWN or Decimal(most) / c.QTY != largest:
                    found.append(Miss(fixture.name, row + 1, f"largest {largest:f}", f"largest {told}"))
            elif warned is not None and warned != (verdicts.warned is not None and bool(verdicts.warned[row])):
                found.append(Miss(fixture.name, row + 1, *(("warned", "not warned") if warned else ("not warned", "warned"))))
        if fixture.stands:
            said = {(one.portfolio, one.group): one.outcome for _, one in stand(s, [rule])}
            for n, (portfolio, group, outcome) in enumerate(fixture.stands, start=len(fixture.expected) + 1):
                if (now := said.get((portfolio, group), "NOT_ASKED")) != outcome:
                    found.append(Miss(fixture.name, n, outcome, now))
    return found


def read(told: Mapping[str, Any]) -> Fixture:
    """:raises BadFixture: naming the first place that cannot be understood"""
    known = {
        "name", "clause", "instruments", "portfolios", "orders", "open_orders", "rates", "stands", "contracts",
        "position_limits", "benchmarks", "constituents", "dealers", "forwards", *SAID_OF_FIRM, *BESIDE["SAID"],
    }  # fmt: skip
    where = _mapping(told, "fixture", known, {"name", "instruments", "portfolios", "orders"})
    name = str(where["name"])
    if not isinstance(where.get("clause", ""), str):
        raise BadFixture("“clause” names one clause: the document's code, a space, and its reference.", field="clause")
    listed = _mapping(where["instruments"], "instruments")
    places = {symbol: n for n, symbol in enumerate(listed)}
    issuers: dict[str, int] = {}
    instruments = [_instrument(symbol, given, n, places, issuers) for n, (symbol, given) in enumerate(listed.items(), start=1)]
    instruments = [_with_underlying(i, instruments) for i in instruments]
    homes = _mapping(where["portfolios"], "portfolios")
    of_plans = {
        n: plan_said(given["plan"], f"portfolios.{code}.plan", issuers)
        for n, (code, given) in enumerate(homes.items()) if isinstance(given, Mapping) and "plan" in given
    }  # fmt: skip
    compared = benchmarks_said(where.get("benchmarks", {}), places, NOW.date())
    portfolios = [_portfolio(n, code, given, issuers, compared) for n, (code, given) in enumerate(homes.items(), start=1)]
    home = {code: n for n, code in enumerate(homes)}
    dealers = {str(name): issuer for name, issuer in _mapping(where.get("dealers", {}), "dealers").items()}
    orders = [_order(row, f"orders[{n}]", home, places, expects=True) for n, row in enumerate(_rows(where["orders"], "orders"))]
    others = [_order(row, f"open_orders[{n}]", home, places) for n, row in enumerate(_rows(where.get("open_orders", []), "open_orders"))]
    positions, cash = [], []
    for n, (code, given) in enumerate(homes.items()):
        for symbol, qty in _mapping(given.get("holds", {}), f"portfolios.{code}.holds").items():
            positions.append((n, _place(places, symbol, f"portfolios.{code}.holds"), _number(qty, f"portfolios.{code}.holds.{symbol}")))
        for currency, amount in _mapping(given.get("cash", {}), f"portfolios.{code}.cash").items():
            cash.append((n, currency, _number(amount, f"portfolios.{code}.cash.{currency}")))
    parties, owed = deals_said(homes, issuers)
    unsettled = unsettled_said(homes, NOW)
    used = {i.currency for i in instruments} | {i.base_currency for i in instruments} | {row[1] for row in (*cash, *unsettled)}
    used |= {row[2] for row in owed}
    currencies = sorted(used - {""} | {c.FIRM_CURRENCY})
    coin = {code: n for n, code in enumerate(currencies)}
    waiting = _holdings([(n, coin[code], amount) for n, code, amount, _ in unsettled])
    snapshot = c.Snapshot(
        at=NOW, orders=c.Orders(**_columns(orders, 1)),
        others=c.OpenOrders(**_columns(others, 10_001), leaves=_whole(row[3] for row in others), cleared=np.ones(len(others), bool)),
        positions=_holdings(positions), cash=_holdings([(n, coin[code], amount) for n, code, amount in cash]),
        unsettled=replace(waiting, settles=np.array([row[3] for row in unsettled], np.int64)),
        instruments=instruments, portfolios=portfolios, currencies=currencies, rates=rates_said(where.get("rates", {}), NOW),
        forwards=forwards_said(where.get("forwards", {}), instruments, places),
        plans=of_plans, **contracts_said(where, places, portfolios, positions, others),
        deals=Deals(
            parties, *(np.array([row[n] for row in owed], np.int64) for n in (0, 1)), np.array([coin[row[2]] for row in owed], np.int64),
            _whole(row[3] for row in owed),
        ),
    )  # fmt: skip
    snapshot.dealings = {n: [dealer_said(str(name), dealers, issuers) for name in row[6]] for n, row in enumerate(orders) if row[6]}
    snapshot.issued = issued(IssuedLine(i.id, i.body, i.asset_class, i.has_votes, i.isin, i.shares_outstanding) for i in instruments)
    snapshot.own, snapshot.benchmarks = own_said(listed), dict(enumerate(compared.values(), start=1))
    snapshot.constituents = constituents_said(where.get("constituents", {}), instruments, places, NOW.date())
    orders_said(where, snapshot)
    firm_said(where, places, snapshot)
    for part in PARTS:
        part.put(where, snapshot)
    stands = [_stands(row, f"stands[{n}]", home) for n, row in enumerate(_rows(where.get("stands", []), "stands"))]
    return Fixture(name, snapshot, [row[5] for row in orders], stands)


# --- parts -----------------------------------------------------------------------------------------------------------

NUMBERS = (
    "shares_outstanding", "daily_qty", "price_factor", "increment", "min_piece", "coupon_pct", "strike_price", "volatility",
    "securities_revenue_pct", "debt_outstanding", "money_market_outstanding",
    "independent_pct",
)  # fmt: skip
WORDS = ("asset_class", "currency", "sector", "country", "rating", "put_or_call", "base_currency", "debt_currency", "day_count", "isin")
TRUTHS = ("is_covered", "has_votes", "is_ucits", "is_affiliate", "is_closed_end", "is_money_market", "is_incalculable")
DAYS = ("maturity_date", "issue_date", "settle_date")
ABOVE_ZERO = ("price_factor", "increment", "min_piece")
SAID = {
    *NUMBERS, *WORDS, *TRUTHS, *DAYS, "body", "price", "bid", "ask", "issuer", "own", "underlying", "coupon_frequency", "minutes_old",
    "accrued_pct", "buy_fees_bp", *BESIDE["OF_INSTRUMENTS"],
}  # fmt: skip


def _instrument(symbol: str, told: Any, number: int, places: Mapping[str, int], issuers: dict[str, int]) -> c.Instrument:
    at = f"instruments.{symbol}"
    told = _mapping(told, at, SAID)
    price = told.get("price", "100")
    bid, ask = (told.get(side, price) for side in ("bid", "ask"))
    issuer = str(told.get("issuer", symbol))
    body = str(told.get("body", issuer))
    given: dict[str, Any] = {
        "asset_class": "EQUITY", "currency": c.FIRM_CURRENCY, "sector": "Industrials", "country": "US",
        "shares_outstanding": Decimal(1_000_000_000), "daily_qty": Decimal(1_000_000_000), "debt_currency": c.FIRM_CURRENCY,
        "is_covered": False, "has_votes": True, "is_money_market": False, "settle_date": NOW.date() + timedelta(days=1),
    } | {name: str(told[name]) for name in WORDS if name in told}  # fmt: skip
    for name in NUMBERS:
        if name in told:
            given[name] = None if told[name] is None else _number(told[name], f"{at}.{name}")
    for name in TRUTHS:
        if name in told:
            given[name] = None if told[name] is None else _truth(told[name], f"{at}.{name}")
    for name in ABOVE_ZERO:
        if name in told and not (given[name] and given[name] > 0):
            raise BadFixture(f"“{name}” is a number above zero.", field=f"{at}.{name}")
    given |= {name: None if told[name] is None else _day(told[name], f"{at}.{name}") for name in DAYS if name in told}
    if "coupon_frequency" in told:
        given["coupon_frequency"] = int(_number(told["coupon_frequency"], f"{at}.coupon_frequency"))
    if "underlying" in told:
        given["underlying_id"] = _place(places, told["underlying"], f"{at}.underlying") + 1
    return c.Instrument(
        id=number, symbol=symbol, issuer_group=issuers.setdefault(issuer, len(issuers) + 1), issuer_name=issuer,
        body=issuers.setdefault(body, len(issuers) + 1), body_name=body, bid=None if bid is None else _number(bid, f"{at}.price"),
        ask=None if ask is None else _number(ask, f"{at}.price"),
        priced_at=NOW - timedelta(minutes=float(_number(told.get("minutes_old", 1), f"{at}.minutes_old"))),
        accrued_pct=Fraction(_number(told.get("accrued_pct", 0), f"{at}.accrued_pct")),
        buy_fees_bp=Fraction(_number(told.get("buy_fees_bp", 0), f"{at}.buy_fees_bp")), trade_date=NOW.date(), **given,
    )  # fmt: skip


def _with_underlying(i: c.Instrument, instruments: Sequence[c.Instrument]) -> c.Instrument:
    if i.underlying_id is None:
        return i
    under = instruments[i.underlying_id - 1]
    middle = None if under.bid is None or under.ask is None else (under.bid + under.ask) / 2
    return i._replace(
        underlying_group=under.issuer_group, underlying_mid=middle, underlying_currency=under.currency,
        volatility=i.volatility if i.volatility is not None else under.volatility,
    )  # fmt: skip


def _portfolio(number: int, code: str, told: Any, issuers: dict[str, int], compared: Mapping[str, c.Benchmark]) -> c.Portfolio:
    told = _mapping(told, f"portfolios.{code}", {
        "holds", "cash", "unsettled", "bank", "deals", "plan", "owner", "benchmark", "named", *OF_MANDATES, *BESIDE["OF_PORTFOLIOS"],
    })  # fmt: skip
    follows = told.get("benchmark")
    if follows is not None and follows not in compared:
        raise BadFixture(f"There is no benchmark “{follows}” in the fixture.", field=f"portfolios.{code}.benchmark")
    limits = mandate_said(told, f"portfolios.{code}")
    bank = told.get("bank")
    named = tuple(issuers.setdefault(str(name), len(issuers) + 1) for name in _rows(told.get("named", []), f"portfolios.{code}.named"))
    group = None if bank is None else issuers.setdefault(str(bank), len(issuers) + 1)
    return c.Portfolio(
        number, code, **limits, custodian="" if bank is None else str(bank), bank=group, owner=str(told.get("owner", "")),
        benchmark=None if follows is None else list(compared).index(follows) + 1,
        named=named,
    )  # fmt: skip


def _stands(row: Any, at: str, home: Mapping[str, int]) -> tuple[int, str, str]:
    """(portfolio, group as it is called, expected outcome)"""
    row = _mapping(row, at, {"portfolio", "group", "expect"}, {"group", "expect"})
    portfolio = row.get("portfolio", min(home, default=""))
    place = FIRM if portfolio == THE_FIRM else _home(portfolio, home, at)
    return place, str(row["group"]), _expected(row["expect"], at)


def _order(row: Any, at: str, home: Mapping[str, int], places: Mapping[str, int], *, expects: bool = False) -> tuple:
    """(portfolio, instrument, whether a sale, quantity, limit, (expected outcome, largest quantity, warned), to whom)"""
    known = {"portfolio", "side", "qty", "symbol", "limit", *SAID_OF_ORDERS}
    known |= {"expect", "largest", "warned", "to", *BESIDE["OF_ORDERS"]} if expects else OF_OPEN
    row = _mapping(row, at, known, {"side", "qty", "symbol"} | ({"expect"} if expects else set()))
    if row["side"] not in SIDES:
        raise BadFixture(f"The side is {', '.join(SIDES[:-1])} or {SIDES[-1]}; got “{row['side']}”.", field=f"{at}.side")
    place = _home(row.get("portfolio", min(home, default="")), home, at)
    expected = _expected(row.get("expect", "PASS"), at)
    qty = _number(row["qty"], f"{at}.qty")
    if qty <= 0:
        raise BadFixture("A quantity is above zero.", field=f"{at}.qty")
    largest = None if row.get("largest") is None else _number(row["largest"], f"{at}.largest")
    limit = _number(row.get("limit", 0), f"{at}.limit")
    if limit < 0:
        raise BadFixture("A limit is a price above zero; without one it is a market order.", field=f"{at}.limit")
    warned = None if row.get("warned") is None else _truth(row["warned"], f"{at}.warned")
    to = _rows(row.get("to", []), f"{at}.to")
    return place, _place(places, row["symbol"], f"{at}.symbol"), row["side"] != "BUY", qty, limit, (expected, largest, warned), to


def _home(portfolio: Any, home: Mapping[str, int], at: str) -> int:
    if portfolio not in home:
        raise BadFixture(f"There is no portfolio “{portfolio}” in the fixture.", field=f"{at}.portfolio")
    return home[portfolio]


def _expected(outcome: Any, at: str) -> str:
    if outcome not in EXPECTED:
        raise BadFixture(f"What is expected is one of {', '.join(EXPECTED)}; got “{outcome}”.", field=f"{at}.expect")
    return outcome


def _columns(rows: Sequence[tuple], first: int) -> dict[str, np.ndarray]:
    n = len(rows)
    return {
        "id": np.arange(first, first + n, dtype=np.int64), "version": np.full(n, 1, np.int64),
        "portfolio": np.array([row[0] for row in rows], np.int64), "instrument": np.array([row[1] for row in rows], np.int64),
        "sell": np.array([row[2] for row in rows], bool), "qty": _whole(row[3] for row in rows),
        "limit": _whole((row[4] for row in rows), c.PRICE), "created_us": np.full(n, c.micros(NOW), np.int64),
        "value_days": np.zeros(n, np.int64), "family": np.arange(first, first + n, dtype=np.int64),
    }  # fmt: skip


def _holdings(rows: Sequence[tuple[int, int, Decimal]]) -> c.Holdings:
    portfolio, thing = (np.array([row[n] for row in rows], np.int64) for n in (0, 1))
    return c.Holdings(portfolio, thing, _whole(row[2] for row in rows))


def _whole(values, scale: int = c.QTY) -> np.ndarray:
    return np.array([int(value * scale) for value in values], np.int64)
