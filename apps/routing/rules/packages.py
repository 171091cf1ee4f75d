"""
Packages: several legs as one order, and what brokers say of them.

NewOrderMultileg (35=AB) and its replace (35=AC) as in FIX 4.4 vol. 4: OrderQty (38) counts packages and LegRatioQty (623) says how
many of each leg one has; Side (54) is B, as the legs define it, and Price (44) the net price of the package. Reports say by
MultiLegReportingType (442) whether they are of a leg (2), which alone is booked, or of the package (3), which tells its state.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from math import gcd, lcm
from typing import NamedTuple

from apps.core.money import rounded

from .orders import CARE, EFFECTS, ORD_TYPES, SECURITY_TYPES, TIFS, Terms, flags_of, plain
from .wire import Fields, FramePart, Malformed, utc_text

AS_DEFINED = "B"
SINGLE, LEG, WHOLE = "1", "2", "3"  # MultiLegReportingType (442).
BOTH, LEGS_ONLY = "1", "2"  # MultiLegRptTypeReq (563).
MARK = "P"
MOST_LEGS = 10
ENDS_OF_LEG = {"1": "BUY", "2": "SELL", "5": "SELL_SHORT", "6": "SELL_SHORT"}
ORDER_TYPES = ("MARKET", "LIMIT")
SAID_OF_LEG = frozenset({"position_effect", "expire_date"})


class PackageRef(NamedTuple):
    """
    :param link: ClOrdLinkID (583), of the group it is
    :param ratios: block id to how many of it one package has; :param qty: how many packages
    :param net_limit: the most that is paid for one, below zero the least that is received; None at market
    :param reports: MultiLegRptTypeReq (563): of package and legs, or of legs alone; empty where the legs go as single orders
    """

    link: str
    ratios: Mapping[int, Decimal]
    qty: Decimal
    net_limit: Decimal | None = None
    reports: str = BOTH


class LegAsked(NamedTuple):
    """:param ref: LegRefID (654); :param limit: the leg's own, of its block"""

    ref: str
    terms: Terms
    ratio: Decimal
    limit: Decimal | None = None


# --- names ------------------------------------------------------------------------------------------------------------


def package_name(first: str) -> str:
    """ClOrdID of a request on a package, from the name that the request on its first leg would have by itself."""
    return f"{first}{MARK}"


def leg_name(package: str, nth: int) -> str:
    """What the request on a leg is called here; brokers are told the package's."""
    return f"{package}.{nth}"


def package_of(leg: str) -> str:
    """The package's ClOrdID in the name of a request on its leg; empty of another order's."""
    head, point, nth = leg.rpartition(".")
    return head if point and nth.isdecimal() and is_package(head) else ""


def is_package(name: str) -> bool:
    return name.endswith(MARK) and "-" in name


def leg_names(names: Iterable[str]) -> set[str]:
    """Of those that are packages' all that their legs may have."""
    return {leg_name(name, n) for name in names if is_package(name) for n in range(1, MOST_LEGS + 1)}


# --- what a package costs ---------------------------------------------------------------------------------------------


def weights(legs: Sequence[tuple[Decimal, Decimal]]) -> list[int]:
    """
    How many prices of each leg make the net price of a package: ratios times units of money a price is of, without their common
    divisor. A vertical of options is 1 and 1, shares against one option of 100 of them 1 and 1, a ratio spread 1 and 2.

    :param legs: LegRatioQty and price factor of each
    """
    worth = [Fraction(ratio) * Fraction(factor) for ratio, factor in legs]
    unit = Fraction(gcd(*(w.numerator for w in worth)), lcm(*(w.denominator for w in worth)))
    whole = [w / unit for w in worth]
    common = gcd(*(int(w) for w in whole))
    return [int(w) // common for w in whole]


def net_price(legs: Sequence[tuple[bool, int, Decimal]]) -> Decimal:
    """
    What one package costs; below zero what it brings. Eight decimals, half up.

    :param legs: whether each is bought, its weight, its price
    """
    exact = sum((Fraction(price) * weight * (1 if buys else -1) for buys, weight, price in legs), Fraction(0))
    return rounded(exact, 8)


# --- what we say ------------------------------------------------------------------------------------------------------


def unfit_leg(order_type: str, handling: Mapping[str, str], *, is_fund: bool = False) -> str:
    """Why an order cannot be a leg of a package, as the end of a sentence; empty where it can."""
    if is_fund or "cash_qty" in handling:
        return "is by amount or in a fund, which deals alone"
    if order_type not in ORDER_TYPES:
        return "is neither at market nor limited; a package has no place for its terms"
    if CARE in flags_of(handling):
        return "is to be worked by hand"
    more = sorted(set(handling) - SAID_OF_LEG)
    return f"says {more[0].replace('_', ' ')}, for which a package has no place" if more else ""


def new_package(name: str, ref: PackageRef, legs: Sequence[LegAsked], at: datetime) -> list[FramePart]:
    """NewOrderMultileg (35=AB)."""
    return [(11, name), *_asked(ref, legs, at)]


def replace_package(
    name: str, orig: str, order_id: str, ref: PackageRef, legs: Sequence[LegAsked], at: datetime
) -> list[FramePart]:
    """MultilegOrderCancelReplaceRequest (35=AC): of the whole package, all of it said again."""
    order: list[FramePart] = [(37, order_id)] if order_id else []
    return [*order, (41, orig), (11, name), *_asked(ref, legs, at)]


def cancel_package(name: str, orig: str, order_id: str, qty: Decimal, at: datetime) -> list[FramePart]:
    """OrderCancelRequest (35=F) of the whole package."""
    order: list[FramePart] = [(37, order_id)] if order_id else []
    return [(41, orig), *order, (11, name), (55, "[N/A]"), (54, AS_DEFINED), (60, utc_text(at)), (38, plain(qty))]


def package_status(name: str, order_id: str) -> list[FramePart]:
    """OrderStatusRequest (35=H)."""
    order: list[FramePart] = [(37, order_id)] if order_id else []
    return [*order, (11, name), (55, "[N/A]"), (54, AS_DEFINED)]


def _asked(ref: PackageRef, legs: Sequence[LegAsked], at: datetime) -> list[FramePart]:
    fields: list[FramePart] = [(583, ref.link), (1, ref.link), (21, "1"), (54, AS_DEFINED), (55, "[N/A]"), (555, str(len(legs)))]
    for leg in legs:
        fields += _leg_fields(leg, ref.qty)
    lender = next((leg.terms.lender for leg in legs if leg.terms.lender), "")
    fields += [(114, "N")] if lender else []
    kind = "MARKET" if ref.net_limit is None else "LIMIT"
    fields += [(60, utc_text(at)), (38, plain(ref.qty)), (40, ORD_TYPES[kind])]
    fields += [(44, plain(ref.net_limit))] if ref.net_limit is not None else []
    fields += [(15, legs[0].terms.currency), (59, TIFS[legs[0].terms.tif])]
    if legs[0].terms.tif == "GTD":
        fields.append((432, legs[0].terms.handling["expire_date"].replace("-", "")))
    return [*fields, (563, ref.reports), *([(5700, lender)] if lender else [])]


def _leg_fields(leg: LegAsked, qty: Decimal) -> list[FramePart]:
    """A leg's entry of NoLegs (555), in the order of FIX 4.4's InstrumentLeg and LegOrdGrp."""
    t, c = leg.terms, leg.terms.contract
    fields: list[FramePart] = [(600, t.symbol)]
    fields += [(602, t.isin), (603, "4")] if t.isin else []
    if c is not None:
        cfi = c.cfi_code or {"CALL": "OCXXXX", "PUT": "OPXXXX"}.get(c.put_or_call, "")  # It alone says put or call of a leg.
        fields += [(608, cfi)] if cfi else []
        fields += [(609, SECURITY_TYPES[c.asset_class]), (610, f"{c.expiry:%Y%m}"), (611, f"{c.expiry:%Y%m%d}")]
        fields += [(612, plain(c.strike))] if c.strike is not None else []
        fields += [(614, plain(c.multiplier))]
    elif t.security_type:
        fields.append((609, t.security_type))
    fields += [(616, t.mic)] if t.mic else []
    fields += [(623, plain(leg.ratio)), (624, t.side_tag), (556, t.currency), (687, plain(leg.ratio * qty))]
    effect = t.handling.get("position_effect")
    fields += [(564, EFFECTS[effect])] if effect else []
    fields.append((654, leg.ref))
    return [*fields, (566, plain(leg.limit))] if leg.limit is not None else fields


# --- what they say ----------------------------------------------------------------------------------------------------


class LegKnown(NamedTuple):
    nth: int
    ref: str
    route_id: int
    ratio: Decimal
    symbol: str
    isin: str
    side: str
    price_factor: Decimal = Decimal(1)
    arrival_price: Decimal | None = None


def leg_meant(fields: Fields, legs: Sequence[LegKnown]) -> LegKnown | None:
    """The leg that a report is of: by its LegRefID (654), else by its instrument and side where one alone has them."""
    ref = fields.find(654)
    if ref:
        return next((leg for leg in legs if leg.ref == ref), None)
    side = ENDS_OF_LEG.get(fields.find(624) or fields.find(54))
    isin = fields.find(48) if fields.find(22, "4") == "4" else ""
    found = [
        leg for leg in legs
        if (leg.isin == isin if isin and leg.isin else leg.symbol == fields.find(55)) and side in (None, leg.side)
    ]  # fmt: skip
    return found[0] if len(found) == 1 else None


def of_leg(fields: Fields, nth: int) -> list[FramePart]:
    """A report of a leg as one of its own order: quantities and prices are the leg's, but for the price of the package (44)."""
    made: list[FramePart] = []
    for tag, value in fields.all:
        if tag in (11, 41) and is_package(value):
            made.append((tag, leg_name(value, nth)))
        elif tag not in (44, 442) and not (tag == 54 and value == AS_DEFINED):
            made.append((tag, value))
    return made


OF_STATE = frozenset({8, 20, 35, 37, 50, 52, 17, 150, 39, 102, 103, 378, 434, 58, 60, 75})
IN_PACKAGES = frozenset({14, 38, 84, 151})


def state_of_leg(fields: Fields, leg: LegKnown) -> list[FramePart]:
    """
    What the state of a package says of one leg: its quantities are those of the package times the leg's ratio.

    :raises Malformed: where one is no number
    """
    made: list[FramePart] = []
    seen: set[int] = set()
    for tag, value in fields.all:
        if tag in seen:
            continue
        seen.add(tag)
        if tag in (11, 41):
            made.append((tag, leg_name(value, leg.nth) if is_package(value) else value))
        elif tag in IN_PACKAGES:
            number = fields.find_decimal(tag, 4)
            made += [] if number is None else [(tag, plain(number * leg.ratio))]
        elif tag in OF_STATE:
            made.append((tag, value))
    return made


class PackageTold(NamedTuple):
    """What a report of a package says of it; prices are net, for one package."""

    cum: Decimal
    last_price: Decimal | None
    average: Decimal | None
    text: str


def read_package(fields: Fields) -> PackageTold:
    """:raises Malformed: where a number is none, or CumQty (14) is missing or below zero"""
    cum = fields.decimal(14, 4)
    if cum < 0:
        raise Malformed("tag 14 is below zero")
    return PackageTold(cum, fields.find_decimal(31, 8), fields.find_decimal(6, 20), fields.find(58)[:200])
