"""
Whether two clients of the firm may trade with each other, at what price, how much, and who with whom.

17 CFR 270.17a-7 is the yardstick for every portfolio, whether or not it is a fund's: a security with readily available
market quotations, for cash, at the independent current market price, without commission.
"""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

from apps.allocations.rules import pro_rata, quantity, units

LISTED = ("EQUITY", "ETF")  # Level 1; of bonds hardly any are, and listed derivatives change hands at their clearer only.
PLANS = {
    "ERISA": "it is a plan under ERISA: 406(b) bars it from crosses, and the conditions of 408(b)(19) are not offered here",
    "IRA": "it is an IRA: 26 USC 4975 bars it from crosses, and the conditions of 4975(d)(22) are not offered here",
}
BP = Decimal(10_000)


class Quoted(NamedTuple):
    """The market's word: highest independent bid, lowest independent offer, last sale, when, and of which market."""

    bid: Decimal
    ask: Decimal
    last: Decimal
    at: datetime
    mic: str


class Priced(NamedTuple):
    """A price with what it rests on."""

    price: Decimal
    source: str
    quoted: Quoted

    def evidence(self) -> dict[str, str]:
        said = {name: f"{getattr(self.quoted, name).normalize():f}" for name in ("bid", "ask", "last")}
        return {"price": f"{self.price.normalize():f}", "source": self.source, "market": self.quoted.mic,
                "quoted_at": self.quoted.at.isoformat()} | said  # fmt: skip


class Consent(NamedTuple):
    """What is on file about crossing a portfolio: CLIENT, ERISA (a plan) or AFFILIATED (our own money is in it)."""

    nature: str
    permits: bool
    starts_on: date
    ends_on: date | None


class Party(NamedTuple):
    """
    One order of a side, with what its block and portfolio say of it. ``account``: custodian and custody account; ``plan``: what
    kind of retirement plan the portfolio is, empty where it is none.
    """

    order_id: int
    block_id: int
    portfolio_id: int
    portfolio: str
    account: str
    side: str
    qty: Decimal
    order_type: str
    limit_price: Decimal | None
    tif: str
    has_minimum: bool
    status: str
    block_status: str
    currency: str
    settle_date: date
    directed_to: str
    consent: Consent | None
    is_on_both_sides: bool = False
    plan: str = ""


class Market(NamedTuple):
    symbol: str
    asset_class: str
    mic: str
    is_active: bool
    tick: Decimal
    lot: Decimal
    quoted: Quoted | None
    at: datetime
    max_age: int  # Seconds.


class Line(NamedTuple):
    """One condition: its name, its source, whether it is met, and what was found."""

    name: str
    asks: str
    source: str
    passes: bool
    found: str


class Pair(NamedTuple):
    """A buyer and a seller, and how much the one has of the other."""

    buy_id: int
    sell_id: int
    qty: Decimal


class Matched(NamedTuple):
    """The outcome for two sides: the conditions over all, each order's open conditions, shares by order, the price."""

    lines: list[Line]
    against: dict[int, list[str]]
    shares: dict[int, Decimal]
    price: Priced | None

    @property
    def qty(self) -> Decimal:
        return sum(self.shares.values(), Decimal(0)) / 2


def independent_price(quoted: Quoted | None, tick: Decimal) -> Priced | None:
    """
    The price of 17a-7(b): the last sale on the exchange; else the average of the highest independent bid and the lowest
    independent offer. Half-up once, to the instrument's tick.
    """
    if quoted is None:
        return None
    if quoted.last > 0:
        found, source = quoted.last, "last sale"
    elif quoted.bid > 0 and quoted.ask >= quoted.bid:
        found, source = (quoted.bid + quoted.ask) / 2, "average of highest bid and lowest offer"
    else:
        return None
    price = (found / tick).to_integral_value(ROUND_HALF_UP) * tick
    return Priced(price, source, quoted) if price > 0 else None


def is_within(price: Decimal, proposed: Decimal, tolerance_bp: Decimal) -> bool:
    """Whether a price is as near to the proposed one as was agreed."""
    return abs(price - proposed) * BP <= tolerance_bp * proposed


# --- conditions of the instrument and the pair of sides -------------------------------------------------------------
def _quoted(m: Market) -> Line:
    met = m.asset_class in LISTED and m.is_active and m.quoted is not None
    found = f"{m.symbol} is listed on {m.mic} and quoted" if met else (
        f"{m.symbol} is no listed share or ETF, so its quotations are not Level 1" if m.asset_class not in LISTED
        else f"{m.symbol} has no quotation on file" if m.is_active else f"{m.symbol} no longer trades"
    )  # fmt: skip
    return Line("quotations are readily available", "Listed, with unadjusted quotations of an active market (Level 1)",
                "17 CFR 270.17a-7(a); 270.2a-5(c)", met, found)  # fmt: skip


def _current(m: Market) -> Line:
    priced = independent_price(m.quoted, m.tick)
    age = (m.at - m.quoted.at).total_seconds() if m.quoted else None
    met = priced is not None and age is not None and age <= m.max_age
    found = "there is no price"
    if priced is not None and age is not None:
        found = f"{priced.price.normalize():f}, {priced.source}, {max(age, 0):.0f} s old"
    return Line("the price is independent and current",
                f"Last sale, else average of highest bid and lowest offer, at most {m.max_age} s old",
                "17 CFR 270.17a-7(b)", met, found)  # fmt: skip


def _cash(buy: Party, sell: Party) -> Line:
    met = (buy.currency, buy.settle_date) == (sell.currency, sell.settle_date)
    return Line("both sides pay alike", "For cash, in one currency, on one settlement date", "17 CFR 270.17a-7(a)", met,
                f"{buy.currency} on {buy.settle_date}" if met
                else f"{buy.currency} on {buy.settle_date} against {sell.currency} on {sell.settle_date}")  # fmt: skip


def _opposite(buy: Party, sell: Party) -> Line:
    met = (buy.side, sell.side) == ("BUY", "SELL")
    return Line("the sides are exactly opposite", "One buys, the other sells what it holds; a short sale has no part",
                "17 CFR 270.17a-7; 242.200(g)", met,
                f"{buy.side.lower().replace('_', ' ')} against {sell.side.lower().replace('_', ' ')}")  # fmt: skip


# --- conditions of each order ---------------------------------------------------------------------------------------
def _permits(p: Party, on: date) -> str:
    c = p.consent
    if barred := PLANS.get(p.plan) or PLANS.get(c.nature if c else ""):
        return barred
    if c is None:
        return "no agreement to cross is on file"
    if c.nature == "AFFILIATED":
        return "an affiliate's money is in it, which would make the cross a principal trade"
    if not c.permits:
        return "it does not permit crosses"
    if c.starts_on > on or (c.ends_on is not None and c.ends_on < on):
        return "its agreement to cross is not in force"
    return ""


def _owner(p: Party) -> str:
    return "its owner stands on both sides" if p.is_on_both_sides else ""


def _released(p: Party) -> str:
    return "" if p.status == "CLEARED" else f"the order is {p.status.lower().replace('_', ' ')}, not cleared"


def _here(p: Party) -> str:
    return "" if p.block_status == "OPEN" else f"its block is {p.block_status.lower()}"


def _terms(p: Party) -> str:
    if p.directed_to:
        return f"its client directs it to {p.directed_to}"
    if p.order_type not in ("MARKET", "LIMIT"):
        return f"a {p.order_type.lower().replace('_', '-')} order is for a market"
    if p.tif in ("OPG", "CLS"):
        return "it is for an auction"
    return "its minimum quantity is for a broker's fill" if p.has_minimum else ""


def _limit(p: Party, priced: Priced | None) -> str:
    if p.limit_price is None or priced is None:
        return ""
    worse = priced.price > p.limit_price if p.side == "BUY" else priced.price < p.limit_price
    return f"its limit {p.limit_price.normalize():f} does not admit {priced.price.normalize():f}" if worse else ""


ORDERS = (
    ("both portfolios permit crosses", "An agreement in force; ERISA plans, IRAs and affiliates' accounts never",
     "17 CFR 270.17a-7(c), (e); ERISA 406(b), 408(b)(19); Advisers Act 206(3)"),
    ("the owners differ", "No portfolio or custody account on both sides", "Exchange Act 9(a)(1)"),
    ("nothing restricts either order", "Both cleared by compliance, none held", "17 CFR 275.206(4)-7"),
    ("neither is at a broker", "Both blocks not yet released", "SMC Capital, 5 Sep 1995"),
    ("the terms allow it", "Market or limit, free of direction, minimum and auction", "17 CFR 275.206(4)-7"),
    ("the limits admit the price", "Not above the buyer's limit, not below the seller's", "FINRA 5310"),
)  # fmt: skip


def _asked(p: Party, priced: Priced | None, on: date) -> list[str]:
    """What stands against an order, by the conditions of ``ORDERS``; empty where one is met."""
    return [_permits(p, on), _owner(p), _released(p), _here(p), _terms(p), _limit(p, priced)]


def _merged(asked: dict[Party, list[str]], whole: bool) -> list[Line]:
    """:param whole: every order has to meet a condition, not only one of each side"""
    lines = []
    for place, (name, asks, source) in enumerate(ORDERS):
        bad = {p: found[place] for p, found in asked.items() if found[place]}
        met = not bad if whole else all(any(p.side == side and p not in bad for p in asked) for side in {p.side for p in asked})
        # By the order alone: whoever reads this sees one side's portfolios at most.
        left_out = "; ".join(f"O-{p.order_id:06d} {p.side.lower().replace('_', ' ')}s: {why}" for p, why in bad.items())
        lines.append(Line(name, asks, source, met, left_out or "all orders meet it"))
    return lines


def eligibility(buy: Party, sell: Party, market: Market, on: date) -> list[Line]:
    """Every condition for a pair of portfolios, one line each, whether it is met or not."""
    same = buy.portfolio_id == sell.portfolio_id or buy.account == sell.account
    both = [p._replace(is_on_both_sides=p.is_on_both_sides or same) for p in (buy, sell)]
    priced = independent_price(market.quoted, market.tick)
    asked = {p: _asked(p, priced, on) for p in both}
    return [_opposite(buy, sell), _quoted(market), _current(market), _cash(buy, sell), *_merged(asked, whole=True)]


def matched(buys: Sequence[Party], sells: Sequence[Party], market: Market, on: date) -> Matched:
    """
    What of two sides can be crossed: the orders that meet every condition, the smaller side in full, the larger shared
    out pro rata, in whole lots.
    """
    twice = {p.portfolio_id for p in buys} & {p.portfolio_id for p in sells}
    accounts = {p.account for p in buys} & {p.account for p in sells}
    everybody = [p._replace(is_on_both_sides=p.portfolio_id in twice or p.account in accounts) for p in (*buys, *sells)]
    priced = independent_price(market.quoted, market.tick)
    asked = {p: _asked(p, priced, on) for p in everybody}
    lines = [_quoted(market), _current(market)]
    if buys and sells:
        lines = [_opposite(buys[0], sells[0]), *lines, _cash(buys[0], sells[0])]
    together = all(line.passes for line in lines) and bool(buys) and bool(sells)
    lines += _merged(asked, whole=False)
    able = [[p for p in everybody if p.side == side and not any(asked[p])] for side in ("BUY", "SELL")]
    shares = shared_out(*able, market.lot) if together else {}
    against = {p.order_id: [why for why in found if why] for p, found in asked.items() if any(found)}
    return Matched(lines, against, shares, priced)


def shared_out(buys: Sequence[Party], sells: Sequence[Party], lot: Decimal) -> dict[int, Decimal]:
    """Order id to its share of what can be crossed; both sides sum to the same. Empty where that is less than a lot."""
    total = min(sum((p.qty for p in side), Decimal(0)) for side in (buys, sells)) // lot * lot
    if total <= 0:
        return {}
    shares = {}
    for side in (buys, sells):
        given = pro_rata(units(total), [units(p.qty) for p in side], [p.order_id for p in side], units(lot))
        shares |= {p.order_id: quantity(share) for p, share in zip(side, given, strict=True) if share}
    return shares


def pairs(buys: Sequence[tuple[int, Decimal]], sells: Sequence[tuple[int, Decimal]]) -> list[Pair]:
    """
    Who trades with whom: both sides by order id, each met with the next of the other until it is whole. At most as many
    pairs as orders less one. :raises ValueError: where the sides do not sum to the same
    """
    left, right, found = [list(one) for one in sorted(buys)], [list(one) for one in sorted(sells)], []
    while left and right:
        qty = min(left[0][1], right[0][1])
        found.append(Pair(left[0][0], right[0][0], qty))
        for side in (left, right):
            side[0][1] -= qty
            if not side[0][1]:
                side.pop(0)
    if left or right:
        raise ValueError("the sides of a cross sum to different quantities")
    return found
