"""Packages: legs that go to one broker as one order, and are changed as a whole."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from apps.blocks.models import Block
from apps.core.acts import Act
from apps.core.refusals import Conflict, Invalid
from apps.routing import services as routing
from apps.routing.rules.packages import PackageRef, unfit_leg
from apps.routing.services import Routed

from .. import rules, selectors
from ..models import LinkedGroup


def package_terms(
    kind: str, legs: Sequence[Block], codes: Mapping[int, str], packages: Decimal | None, net_limit: Decimal | None
) -> tuple[dict[str, Decimal | None], dict[int, Decimal]]:
    """
    What a package is kept by, and how much of each leg one has; nothing of another kind. Where no number of packages is given it is
    the most that the legs can be cut into.

    :raises Invalid: beside the field, where the legs are no package, or its broker cannot keep to a net price
    """
    if kind != rules.Kind.MULTILEG:
        return {}, {}
    if len(set(codes.values())) != 1 or len(codes) != len(legs):
        raise Invalid("Choose one broker for all legs of a package.", field="brokers")
    for block in legs:
        why = unfit_leg(block.order_type, block.terms, is_fund=block.instrument.is_fund)
        if why:
            raise Invalid(f"{block.ref} {why}.", field="blocks")
    if len({(block.tif, block.terms.get("expire_date")) for block in legs}) > 1:
        raise Invalid("The legs of a package have one time in force.", field="blocks")
    if len({block.currency_id for block in legs}) > 1:
        raise Invalid("The legs of a package are in one currency.", field="blocks")
    if packages is None:
        packages = rules.most_packages([(block.qty, block.instrument.increment) for block in legs])
    if packages <= 0 or packages != packages.to_integral_value():
        raise Invalid("The number of packages is whole and above zero; leave it empty for as many as the legs make.", field="packages")
    try:
        ratios = {block.pk: rules.ratio_of(block.qty, packages, block.instrument.increment) for block in legs}
    except ValueError as problem:
        raise Invalid(str(problem), field="packages") from None
    way = selectors.package_way(next(iter(codes.values())))
    if net_limit is not None and not way.is_one:
        raise Invalid(f"Single orders cannot keep to a net price, and {way.why}. Leave the limit empty, or choose another broker.",
                      field="net_limit")  # fmt: skip
    return {"packages": packages, "net_limit": net_limit}, ratios


def route_package(
    act: Act, group: LinkedGroup, quantities: Mapping[int, Decimal], seen: Mapping[int, int], broker_code: str
) -> Routed:
    """Will place so much of each leg: as one order where the broker takes it, else as single orders that name the group (583)."""
    ratios = {leg.block_id: leg.ratio for leg in group.legs.order_by("nth")}
    first = next(iter(quantities))
    if ratios.keys() != quantities.keys() or len({qty / ratios[pk] for pk, qty in quantities.items()}) > 1:
        raise Conflict(f"What {group.ref} lacks of its legs is no whole package. End it, and route what is missing of each block.")
    way = selectors.package_way(broker_code)
    if group.net_limit is not None and not way.is_one:
        raise Conflict(f"{group.ref} has a limit on its net price, which single orders cannot keep, and {way.why}.")
    ref = PackageRef(group.ref, ratios, quantities[first] / ratios[first], group.net_limit, way.reports)
    return routing.route_blocks(act, list(quantities), seen=seen, broker_code=broker_code, qty=quantities, together=ref)
