"""Changing a package that is at its broker, as a whole."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from django.db import transaction

from apps.core.acts import Act
from apps.core.refusals import Conflict, Invalid
from apps.routing import services as routing
from apps.routing.models import Route
from apps.routing.rules.packages import PackageRef
from apps.routing.states import DEAD

from .. import events, rules, selectors
from ..models import LinkedGroup
from ..states import LIFE
from . import following
from .composing import hold, locked_group


class NotAPackage(Conflict):
    """Only a package that is at its broker as one order is changed as one."""


def change_package(
    act: Act, group_id: int, *, packages: Decimal, net_limit: Decimal | None, seen: Mapping[int, int]
) -> None:
    """
    Will ask the broker for another number of packages, those filled included, or another limit on the net price (35=AC); the legs
    change with them. Nothing changes until the broker accepts.

    :raises NotAPackage: where it is another kind, went as single orders, or is not at its broker
    :raises Invalid: where the number is not whole, not above what is filled, or more than the blocks have
    :raises NotFound, StaleGroup, IllegalMove: where it is hidden, changed, or not at work; and as ``routing.replace_routes``
    """
    try:
        with transaction.atomic():
            _change(act, group_id, packages, net_limit, seen)
    except following.Stopped as stop:
        hold(act, stop)


def _change(act: Act, group_id: int, packages: Decimal, net_limit: Decimal | None, seen: Mapping[int, int]) -> None:
    routing.halts_in_force()
    group = locked_group(act, group_id, seen)
    LIFE.after(group.status, events.PackagesAsked)
    rows = following.locked(group)
    live = [(row, route) for row in rows for route in row.routes if route.status not in DEAD]
    done = _done_before(group, rows)
    _refuse_no_package(group, rows, live)
    _refuse_number(group, rows, packages, done)
    for row in rows:
        row.leg.allowed_qty = max(row.leg.allowed_qty, row.leg.ratio * packages)
        row.leg.save(update_fields=["allowed_qty"])
    group.packages, group.net_limit = packages, net_limit
    following.happen(act, group, events.PackagesAsked(rules.plain(packages), None if net_limit is None else rules.plain(net_limit)))
    ref = PackageRef(group.ref, {row.block.pk: row.leg.ratio for row in rows}, packages - done, net_limit)
    changes = {route.pk: {"qty": row.leg.ratio * ref.qty} for row, route in live}
    why = act if act.reason else act.because(f"{group.ref}: changed as a whole.")
    stopped = routing.replace_routes(why, changes, seen={route.pk: route.version for _, route in live}, package=ref)
    if stopped:
        raise following.Stopped([finding["block_id"] for finding in stopped], stopped)


def _done_before(group: LinkedGroup, rows: Sequence[selectors.LegNow]) -> Decimal:
    """How many packages were filled by orders that are over."""
    parts = {
        sum((r.filled for r in row.states if r.is_over), rules.ZERO) / row.leg.ratio for row in rows
    } if group.kind == rules.Kind.MULTILEG else {rules.ZERO}
    if len(parts) > 1:
        raise NotAPackage(f"The legs of {group.ref} are out of balance by an order that is over. Call the broker.")
    return parts.pop()


def _refuse_no_package(group: LinkedGroup, rows: Sequence[selectors.LegNow], live: Sequence[tuple[selectors.LegNow, Route]]) -> None:
    if group.kind != rules.Kind.MULTILEG:
        raise NotAPackage(f"{group.ref} is no package of legs.")
    if not live:
        raise NotAPackage(f"Nothing of {group.ref} is at its broker, so nothing can be changed there.")
    if len(routing.legs_at([route.pk for _, route in live])) < len(live):
        raise NotAPackage(f"The legs of {group.ref} went as single orders; change each by itself.")


def _refuse_number(group: LinkedGroup, rows: Sequence[selectors.LegNow], packages: Decimal, done: Decimal) -> None:
    filled = max(row.now.filled / row.leg.ratio for row in rows)
    most = min(row.leg.qty / row.leg.ratio for row in rows)
    if packages != packages.to_integral_value() or not filled < packages <= most:
        raise Invalid(
            f"Give a whole number of packages above the {rules.plain(filled)} filled and up to the {rules.plain(most)} of the blocks;"
            " to stop the rest, end the group.",
            field="packages",
        )  # fmt: skip
