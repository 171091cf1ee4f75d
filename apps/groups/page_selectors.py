"""Groups as pages show them: what each leg has at brokers, and what may cross in flight."""

from decimal import ROUND_DOWN, Decimal
from fractions import Fraction
from typing import NamedTuple

from apps.marketdata import selectors as marketdata
from apps.routing.models import Package, PackageLeg, Route, RouteRequest
from apps.routing.rules.packages import net_price, weights
from apps.routing.states import DEAD

from . import rules, selectors
from .models import BrokerList, Leg, LinkedGroup, Wave
from .services.ratios import BUYS

NEAR = Decimal("0.00000001")  # A net price has eight decimals.
KINDS = (
    ("OCO", "One cancels the other", "A fill of one leaves less, or nothing, to the others."),
    ("OTO", "One triggers the other", "The others are placed as the first is filled, by its part."),
    ("BRACKET", "Bracket", "The first opens; target and stop are placed as it is filled, and share what it opened."),
    ("PAIR", "Pair", "The first leads by no more than the tolerance; the other follows. The leader waits where the ratio is not given."),
    ("MULTILEG", "Package of legs", "Spread, roll or strategy: one order to one broker, limited by its net price and changed as a whole."),
    ("PROGRAM", "Program", "Sent in waves, each so many percent of every block; with a meter of cash and sectors."),
)


class LegShown(NamedTuple):
    """A leg on its group's page; quantities in units of its instrument, percentages of its own."""

    leg: Leg
    routes: list[Route]
    filled: Decimal
    working: Decimal
    asked: Decimal
    exposed: Decimal
    over: Decimal
    filled_pct: Decimal
    allowed_pct: Decimal


class Standing(NamedTuple):
    """
    :param whole_pct: of legs beside each other, what is filled of one whole
    :param worst_pct: what would be, if all at brokers filled before our requests reached them
    """

    legs: list[LegShown]
    whole_pct: Decimal | None
    worst_pct: Decimal | None
    is_over: bool


def standing(group: LinkedGroup) -> Standing:
    """Three queries."""
    rows = selectors.legs_now(group)
    shown = []
    for row in rows:
        filled, exposed = row.now.filled, sum((r.exposed for r in row.states), rules.ZERO)
        working = sum((r.qty - r.filled for r in row.states if not r.is_over), rules.ZERO)
        asked = sum((r.counts - r.filled for r in row.states if not r.is_over), rules.ZERO)
        over = max(filled + exposed - row.leg.allowed_qty, rules.ZERO) if group.sent_at and not group.ended_at else rules.ZERO
        shown.append(LegShown(
            row.leg, list(row.routes), filled, working, asked, exposed, over, _pct(filled, row.leg.qty),
            _pct(row.leg.allowed_qty, row.leg.qty),
        ))  # fmt: skip
    beside = [row for row in rows if row.leg.role != rules.PARENT]
    if group.kind in ("OTO", "PAIR", "PROGRAM", "MULTILEG") or not group.sent_at:
        return Standing(shown, None, None, False)
    whole = sum((row.now.part for row in beside), Fraction(0))
    worst = rules.at_worst([row.now for row in beside], {row.leg.pk: row.states for row in beside})
    return Standing(shown, _of_100(whole), _of_100(worst), whole > 1)


def _pct(part: Decimal, whole: Decimal) -> Decimal:
    return (part / whole * 100).quantize(Decimal("0.1"))


def _of_100(part: Fraction) -> Decimal:
    return (Decimal(part.numerator) / Decimal(part.denominator) * 100).quantize(Decimal("0.1"))


def in_short(group: LinkedGroup) -> dict:
    """A row of the list; its legs are fetched."""
    legs = list(group.legs.all())
    parts = [leg.block.filled_qty / leg.qty for leg in legs]
    return {
        "group": group, "legs": legs, "problems": sum(bool(leg.problem) for leg in legs),
        "filled_pct": (sum(parts, Decimal(0)) / len(parts) * 100).quantize(Decimal("0.1")) if parts else None,
    }  # fmt: skip


def in_money(group: LinkedGroup) -> str:
    """What a dialog states of it."""
    legs = list(group.legs.all())
    said = [f"{leg.block.side.lower().replace('_', ' ')} {leg.qty.normalize():,f} {leg.block.instrument.symbol}" for leg in legs[:3]]
    more = f" and {len(legs) - 3} more" if len(legs) > 3 else ""
    return f"{group.get_kind_display().capitalize()}: {', '.join(said)}{more}"


def at_stake(group: LinkedGroup) -> dict[str, str]:
    """Of each leg what is filled and what works."""
    rows = standing(group).legs
    return {
        f"{row.leg.block.ref} {row.leg.block.instrument.symbol}": (
            f"{row.filled.normalize():,f} filled, {row.working.normalize():,f} at brokers"
        )
        for row in rows[:6]
    }


class Money(NamedTuple):
    """In USD at what was paid, and for what is left at mids now. ``net``: bought less sold."""

    bought: Decimal
    sold: Decimal
    to_buy: Decimal
    to_sell: Decimal

    @property
    def net_done(self) -> Decimal:
        return self.bought - self.sold

    @property
    def net_left(self) -> Decimal:
        return self.to_buy - self.to_sell

    @property
    def net(self) -> Decimal:
        """What cash the whole takes in the end, below zero what it brings."""
        return self.net_done + self.net_left

    def plus(self, done: Decimal, left: Decimal, *, buys: bool) -> "Money":
        if buys:
            return self._replace(bought=self.bought + done, to_buy=self.to_buy + left)
        return self._replace(sold=self.sold + done, to_sell=self.to_sell + left)


NOTHING = Money(*[Decimal(0)] * 4)


class Meter(NamedTuple):
    """
    :param unknown: blocks with something done or left whose price or rate is not on file: they are in no figure
    """

    whole: Money
    sectors: list[tuple[str, Money]]
    unknown: list[str]


def meter(group: LinkedGroup) -> Meter:
    """What of the group's buys and sells is done and left, in cash and by sector. Three queries."""
    legs = list(group.legs.all())
    quotes = marketdata.quotes_of(leg.block.instrument_id for leg in legs)
    rates = marketdata.fx_rates("USD")
    whole, sectors, unknown = NOTHING, {}, []
    for leg in legs:
        block, thing = leg.block, leg.block.instrument
        left = leg.qty - block.filled_qty
        quote, rate = quotes.get(thing.pk), rates.get(block.currency_id)
        if rate is None or left > 0 and quote is None:
            unknown.append(f"{block.ref} {thing.symbol}")
            continue
        done = block.filled_value * thing.price_factor * rate[0]
        rest = left * quote.mid * thing.price_factor * rate[0] if left > 0 else Decimal(0)
        buys = block.side in ("BUY", "BUY_COVER")
        whole = whole.plus(done, rest, buys=buys)
        sectors[thing.sector] = sectors.get(thing.sector, NOTHING).plus(done, rest, buys=buys)
    return Meter(whole, sorted(sectors.items()), unknown)


def waves(group: LinkedGroup) -> list[tuple[Wave, list[BrokerList]]]:
    """The program's waves, each with its lists; what was placed again is with the wave it was placed after. Two queries."""
    lists = list(group.lists.select_related("broker"))
    return [(wave, [one for one in lists if one.wave == wave.nth]) for wave in group.waves.select_related("sent_by")]


def at_odds(group: LinkedGroup) -> list[str]:
    """
    Where a broker's list counts more as filled than its reports brought: they may be on their way, or it reports fills of lists by
    the list alone; then they are to be entered by hand or asked for. One query more than there are lists.
    """
    found = []
    for one in group.lists.select_related("broker"):
        names = {name: Decimal(said[1]) for name, said in one.counts.items() if said[1]}
        for request in RouteRequest.objects.filter(cl_ord_id__in=names).select_related("route"):
            if names[request.cl_ord_id] > request.route.cum_qty:
                more = names[request.cl_ord_id] - request.route.cum_qty
                found.append(f"{one.broker.code} counts {more.normalize():,f} more of {request.route.ref} than it reported")
    return found


class PackageLegShown(NamedTuple):
    """:param weight: how many of its prices are in the net price; :param average: of what is filled"""

    leg: Leg
    weight: int
    filled: Decimal
    average: Decimal | None

    @property
    def packages(self) -> Decimal:
        """How many packages its fills are of."""
        return self.filled / self.leg.ratio


class PackageShown(NamedTuple):
    """
    :param orders: what is and was at the broker as one order; none where legs went singly
    :param balanced: whether all legs have filled as many packages; :param net: the net of their average prices, then
    :param odds: where the broker's count, or its price, is another than that of its legs
    """

    way: selectors.PackageWay
    orders: list[Package]
    legs: list[PackageLegShown]
    done: Decimal
    balanced: bool
    net: Decimal | None
    odds: list[str]

    @property
    def done_whole(self) -> Decimal:
        return self.done.to_integral_value(ROUND_DOWN)


def package(group: LinkedGroup) -> PackageShown:
    """Six queries."""
    rows = selectors.legs_now(group)
    parts = weights([(row.leg.ratio, row.block.instrument.price_factor) for row in rows])
    legs = []
    for row, weight in zip(rows, parts, strict=True):
        value = sum((route.cum_value for route in row.routes), rules.ZERO)
        legs.append(PackageLegShown(row.leg, weight, row.now.filled, value / row.now.filled if row.now.filled else None))
    balanced = len({leg.packages for leg in legs}) == 1
    net = None
    if balanced and legs[0].filled:
        net = net_price([(leg.leg.block.side in BUYS, leg.weight, leg.average) for leg in legs])
    orders = list(Package.objects.filter(link=group.ref).prefetch_related("legs__route").order_by("pk"))
    odds = _odds(orders, legs, net)
    done = min(leg.packages for leg in legs)
    return PackageShown(selectors.package_way(rows[0].leg.broker_code), orders, legs, done, balanced, net, odds)


def package_at_broker(group: LinkedGroup) -> Package | None:
    """The order of a package that is not over. One query."""
    legs = PackageLeg.objects.filter(package__link=group.ref).exclude(route__status__in=DEAD).select_related("package")
    one = legs.order_by("-package").first()
    return one.package if one else None


def _odds(orders: list[Package], legs: list[PackageLegShown], net: Decimal | None) -> list[str]:
    told = [order for order in orders if order.told_qty is not None]
    if not told:
        return []
    count = sum((order.told_qty for order in told), rules.ZERO)
    found = [
        f"the broker counts {_n(count)} packages, which are {_n(count * leg.leg.ratio)} of {leg.leg.block.instrument.symbol}, and reported"
        f" {_n(leg.filled)}"
        for leg in legs if leg.filled != count * leg.leg.ratio
    ]  # fmt: skip
    last = told[-1]
    if not found and len(told) == 1 and net is not None and last.told_price is not None and abs(net - last.told_price) > NEAR:
        found.append(f"the broker says a net price of {_n(last.told_price)}, its legs come to {_n(net)}")
    return found


def _n(number: Decimal) -> str:
    return f"{number.normalize():,f}"
