"""
Orders of several legs at one broker: placed, replaced and cancelled as one, each leg a route of its own.

A leg's request has the package's ClOrdID with its number (``rules.packages.leg_name``), so whatever a broker says of the package's
ClOrdID is known to be of its legs without looking anything up.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from apps.blocks.models import Block
from apps.core.acts import Act
from apps.core.refusals import Conflict, Invalid

from .. import rules
from ..models import Package, PackageLeg, Route
from ..rules.packages import LegAsked, PackageRef
from ..states import DEAD
from .locks import terms_of
from .messages import Outgoing, queue_messages
from .planning import ALGO, Plan
from .throttles import count_strategies
from .writing import NewRoute, orig_of, write_routes


class LegOfPackage(Conflict):
    """A leg is cancelled and replaced with its package alone."""


class NoPackage(Invalid):
    """The blocks cannot be legs of one order."""


def as_legs(plans: Sequence[Plan]) -> list[Plan]:
    """The plans as legs: a package is worked by no strategy."""
    return [plan._replace(strategy="", params={}) for plan in plans]


def place_package(
    act: Act, plans: Sequence[Plan], mids: Mapping[int, Decimal], lenders: Mapping[int, str], ref: PackageRef
) -> list[int]:
    """
    Will write the package with a route for each leg, and queue its NewOrderMultileg (35=AB); the blocks are locked by the caller.

    :returns: the ids of the routes, in the order of the legs
    :raises NoPackage: where the legs would go to several brokers or to dealers, their quantities are not the ratios times as many
        packages, or one says what a package has no place for
    """
    plans = sorted(plans, key=lambda plan: list(ref.ratios).index(plan.block.pk))
    _refuse_unfit(plans, ref)
    count_strategies(act, [(plan.strategy, plan.block) for plan in plans])
    wanted = [
        NewRoute(p.block, p.broker_ids[0], ALGO, "D", p.qty, p.limit_price, mids.get(p.block.pk), "", {}, p.trace | {"package": ref.link})
        for p in plans
    ]
    names = write_routes(act, wanted, as_package=True)
    package = Package.objects.create(
        broker_id=plans[0].broker_ids[0], link=ref.link, qty=ref.qty, net_limit=ref.net_limit, reports=ref.reports, requested_at=act.at
    )
    PackageLeg.objects.bulk_create(
        PackageLeg(package=package, nth=n, route_id=pk, ratio=ref.ratios[plan.block.pk], leg_ref=name)
        for n, ((pk, name), plan) in enumerate(zip(names, plans, strict=True), 1)
    )
    legs = [
        LegAsked(name, terms_of(plan.block, lenders), ref.ratios[plan.block.pk], plan.limit_price)
        for (_, name), plan in zip(names, plans, strict=True)
    ]
    name = rules.packages.package_of(names[0][1])
    queue_messages(act, [Outgoing(package.broker_id, "AB", name, rules.packages.new_package(name, ref, legs, act.at))])
    return [pk for pk, _ in names]


def _refuse_unfit(plans: Sequence[Plan], ref: PackageRef) -> None:
    if {plan.block.pk for plan in plans} != set(ref.ratios) or not 2 <= len(plans) <= rules.packages.MOST_LEGS:
        raise NoPackage(f"A package has two to {rules.packages.MOST_LEGS} legs, and all of them go out together.", field="blocks")
    if len({tuple(plan.broker_ids) for plan in plans}) > 1 or any(plan.action != ALGO for plan in plans):
        raise NoPackage("The legs of a package go to one broker. Choose one that takes them all.", field="broker_code")
    for plan in plans:
        why = rules.packages.unfit_leg(plan.block.order_type, plan.block.terms, is_fund=plan.block.instrument.is_fund)
        if why:
            raise NoPackage(f"{plan.block.ref} {why}.", field="blocks", block=plan.block.pk)
        if plan.qty != ref.ratios[plan.block.pk] * ref.qty:
            raise NoPackage(
                f"{rules.plain(ref.qty)} packages have {rules.plain(ref.ratios[plan.block.pk] * ref.qty)} of {plan.block.ref}, not"
                f" {rules.plain(plan.qty)}.",
                field="qty", block=plan.block.pk,
            )  # fmt: skip
    if len({(plan.tif, plan.block.terms.get("expire_date")) for plan in plans}) > 1:
        raise NoPackage("The legs of a package have one time in force.", field="blocks")
    if len({plan.block.currency_id for plan in plans}) > 1:
        raise NoPackage("The legs of a package are in one currency.", field="blocks")


def legs_at(route_ids: Sequence[int]) -> dict[int, PackageLeg]:
    """Of these routes those that are legs of a package, each with its package. One query."""
    rows = PackageLeg.objects.filter(route__in=route_ids).select_related("package")
    return {leg.route_id: leg for leg in rows}


def refuse_legs_alone(routes: Mapping[int, Route], *, whole: bool = False) -> None:
    """
    Two queries where one is a leg. :param whole: they are asked for as their package

    :raises LegOfPackage: where some are legs, and not all that their package has at the broker are here
    """
    if not any(rules.packages.package_of(route.cl_ord_id) for route in routes.values()):
        return
    mine = legs_at(list(routes))
    others = PackageLeg.objects.filter(package__in={leg.package_id for leg in mine.values()}).exclude(route__in=list(routes))
    left = others.exclude(route__status__in=DEAD).select_related("package").first()
    one = next((leg for leg in mine.values()), None)
    if left is not None:
        raise LegOfPackage(
            f"{routes[one.route_id].ref} is a leg of a package of {one.package.link}, which is changed and cancelled as a whole.",
            route=one.route_id, package=one.package_id,
        )  # fmt: skip
    if whole and len(mine) < len(routes):
        raise LegOfPackage("Not all of these are legs of one package.")


def replacing(
    act: Act, routes: Mapping[int, Route], found: Mapping[int, Block], names: Mapping[int, str], ref: PackageRef,
    lenders: Mapping[int, str],
) -> Outgoing:  # fmt: skip
    """The MultilegOrderCancelReplaceRequest (35=AC) of a package, whose live legs these are; what it asks for is kept until answered."""
    package = legs_at(list(routes))[next(iter(routes))].package
    legs = list(package.legs.select_related("route").order_by("nth"))
    rows = Block.objects.select_related("instrument__venue", "instrument__underlying")
    blocks = rows.in_bulk([leg.route.block_id for leg in legs if leg.route.block_id not in found]) | dict(found)
    name = rules.packages.package_of(next(iter(names.values())))
    first = next(iter(routes.values()))
    Package.objects.filter(pk=package.pk).update(wanted_qty=ref.qty, wanted_limit=ref.net_limit, wanted_name=name)
    asked = [
        LegAsked(leg.leg_ref, terms_of(blocks[leg.route.block_id], lenders), leg.ratio, leg.route.limit_price) for leg in legs
    ]
    orig = rules.packages.package_of(orig_of(first))
    fields = rules.packages.replace_package(name, orig, first.order_id, ref._replace(reports=package.reports), asked, act.at)
    return Outgoing(package.broker_id, "AC", name, fields)


def cancelling(act: Act, routes: Sequence[Route], name: str, qty: Decimal) -> Outgoing:
    """The cancel (35=F) of a package, some of whose legs these are."""
    orig = rules.packages.package_of(orig_of(routes[0]))
    fields = rules.packages.cancel_package(rules.packages.package_of(name), orig, routes[0].order_id, qty, act.at)
    return Outgoing(routes[0].broker_id, "F", rules.packages.package_of(name), fields)
