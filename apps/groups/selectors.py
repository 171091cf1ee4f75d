"""Questions about groups; visibility lives here."""

import json
from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from django.conf import settings
from django.db import connection
from django.db.models import Count, Exists, F, Max, OuterRef, Prefetch, QuerySet

from apps.blocks.models import Block, Member
from apps.blocks.states import B
from apps.core.refusals import NotFound
from apps.orders.models import Leg as OrderLeg
from apps.routing.models import Dialect, Route, RouteRequest, Session
from apps.routing.rules.said_together import takes_lists
from apps.routing.states import DEAD, Rt
from apps.users.services import can

from . import rules
from .models import Leg, LinkedGroup, ListBroker, PackageBroker, Wave
from .states import FOLLOWED, Gr


def groups_seen_by(user) -> QuerySet[LinkedGroup]:
    """Of the desks the person sits at, or of all for who sees the whole firm; the newest first."""
    if not can(user, "routing.see"):
        return LinkedGroup.objects.none()
    rows = LinkedGroup.objects.select_related("desk", "composed_by", "sent_by")
    if not can(user, "portfolios.see_all"):
        rows = rows.filter(desk__in=user.desks.all())
    legs = Leg.objects.select_related("block__instrument").order_by("nth")
    return rows.prefetch_related(Prefetch("legs", legs)).order_by("-pk")


def get_group_seen_by(user, group_id: int) -> LinkedGroup:
    """:raises NotFound: where there is none for this person"""
    row = groups_seen_by(user).filter(pk=group_id).first()
    if row is None:
        raise NotFound("There is no such group, or it is not on a desk of yours.")
    return row


def legs_of(group_id: int) -> list[int]:
    """Ids of a group's legs, as facts name them."""
    return list(Leg.objects.filter(group=group_id).order_by("nth").values_list("pk", flat=True))


def live_legs_of_blocks(block_ids: Iterable[int]) -> dict[int, Leg]:
    """Of each block that is in a group which has not ended: its leg there."""
    rows = Leg.objects.filter(block__in=set(block_ids), is_live=True).select_related("group")
    return {leg.block_id: leg for leg in rows}


def groups_of_routes(route_ids: Collection[int]) -> list[int]:
    """
    Groups at work of which these are routes, in the order of their ids; programs apart, whose legs do not wait for each other, so
    that the sweep is soon enough. One query.
    """
    mine = Leg.objects.filter(group=OuterRef("pk"), block__in=Route.objects.filter(pk__in=route_ids).values("block"))
    rows = LinkedGroup.objects.filter(Exists(mine), status__in=FOLLOWED).exclude(kind=rules.Kind.PROGRAM)
    return list(rows.order_by("pk").values_list("pk", flat=True))


def groups_behind() -> list[int]:
    """Groups at work whose routes did more than was handled, or with a leg that is stuck. Two queries."""
    groups = {g.pk: g for g in LinkedGroup.objects.filter(status__in=FOLLOWED)}
    found = {
        leg.group_id for leg in Leg.objects.filter(group__in=groups, refusals__lt=rules.REFUSALS_BEFORE_A_PERSON).exclude(problem="")
    }
    rows = Route.objects.filter(block__in=Leg.objects.filter(group__in=groups).values("block"))
    of_block = dict(Leg.objects.filter(group__in=groups).values_list("block", "group"))
    for pk, block_id, version in rows.values_list("pk", "block", "version"):
        if groups[of_block[block_id]].heard.get(str(pk), 0) < version:
            found.add(of_block[block_id])
    moving = [pk for pk, g in groups.items() if g.ratio_limit is not None or g.tolerance_amount is not None]
    priced = {pk for pk in moving if groups[pk].status == Gr.WORKING}  # The market moves.
    return sorted(found | priced | {pk for pk, g in groups.items() if g.status == Gr.ENDING})


class LegNow(NamedTuple):
    """A leg with its block and routes as they are, and what the rules take of them."""

    leg: Leg
    block: Block
    routes: Sequence[Route]
    now: rules.Leg
    states: Sequence[rules.RouteNow]


def legs_now(group: LinkedGroup, legs: Sequence[Leg] | None = None, routes: Iterable[Route] | None = None) -> list[LegNow]:
    """The group's legs in their order, each with its routes. Up to three queries."""
    legs = list(group.legs.all()) if legs is None else legs
    if routes is None:
        routes = Route.objects.filter(block__in=[leg.block_id for leg in legs]).select_related("broker").order_by("pk")
    by_block: dict[int, list[Route]] = {}
    for route in routes:
        by_block.setdefault(route.block_id, []).append(route)
    waiting: dict[int, list[RouteRequest]] = {}
    asked = RouteRequest.objects.filter(route__block__in=list(by_block), answer="WAITING", msg_type__in=("F", "G"))
    for request in asked.order_by("pk"):
        waiting.setdefault(request.route_id, []).append(request)
    order = {leg.pk: n for n, leg in enumerate(sorted((x for x in legs if x.first_filled), key=lambda x: x.first_filled))}
    found = []
    for leg in legs:
        mine = by_block.get(leg.block_id, [])
        states = [_route_now(route, waiting.get(route.pk, []), leg) for route in mine]
        now = rules.Leg(
            leg.pk, leg.role, leg.qty, leg.block.instrument.increment, sum((r.filled for r in states), rules.ZERO), leg.allowed_qty,
            order.get(leg.pk), leg.block.instrument.lot_size if group.kind == rules.Kind.PROGRAM else None,
        )  # fmt: skip
        found.append(LegNow(leg, leg.block, mine, now, states))
    return found


def _route_now(route: Route, waiting: Sequence[RouteRequest], leg: Leg) -> rules.RouteNow:
    replaces = [one for one in waiting if one.msg_type == "G"]
    return rules.RouteNow(
        id=route.pk, qty=route.qty, asked=replaces[-1].qty if replaces else route.qty, filled=route.cum_qty,
        is_over=route.status in DEAD, waits=bool(waiting), is_known=route.status not in (Rt.PENDING_SEND, Rt.PENDING_NEW),
        given_back=route.pk in leg.given_back, is_cancelling=any(one.msg_type == "F" for one in waiting),
    )  # fmt: skip


class Heard(NamedTuple):
    """A fact of a route that a group has not handled."""

    id: int
    route_id: int
    nth: int
    event: str
    payload: dict


def unheard(group: LinkedGroup, routes: Iterable[Route]) -> list[Heard]:
    """
    Facts of the group's routes after those it handled, in the order in which they were written. A route's own facts are
    numbered without gaps under its lock, so none is passed over that another transaction has still to commit. One query.
    """
    behind = [(r.pk, group.heard.get(str(r.pk), 0)) for r in routes if group.heard.get(str(r.pk), 0) < r.version]
    if not behind:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT e.id, e.subject_id, e.nth, e.event, e.payload FROM audit_entry e"
            " JOIN unnest(%s::bigint[], %s::int[]) AS w(id, heard) ON e.subject_id = w.id AND e.nth > w.heard"
            " WHERE e.subject = 'route' ORDER BY e.id",
            [list(column) for column in zip(*behind, strict=True)],
        )
        return [Heard(*row[:4], row[4] if isinstance(row[4], dict) else json.loads(row[4])) for row in cursor.fetchall()]


FROM_MANAGERS = {"OCO": "OCO", "PAIR": "PAIR", "SPREAD": "MULTILEG"}
"""
Kinds of groups of orders to kinds of groups of blocks. What waits for a parent comes to the desk once that filled, so it needs no link
there; a program of orders is one where the trader wants waves.
"""


class Proposed(NamedTuple):
    """
    Blocks that managers' links between orders ask to be worked together.

    :param orders: the groups of orders, by name; :param others: how many orders the blocks have besides
    """

    kind: str
    orders: list[str]
    blocks: list[Block]
    others: int

    @property
    def label(self) -> str:
        return LinkedGroup.Kind(self.kind).label


def proposed_to(user) -> list[Proposed]:
    """
    Of links between orders whose orders all stand in open blocks of the person's desks, each leg in a block of its own, those that are
    not linked here yet; links that come to the same blocks are one. Three queries.
    """
    if not can(user, "routing.route"):
        return []
    rows = Member.objects.filter(order__group__kind__in=FROM_MANAGERS, block__status=B.OPEN, block__placed_qty=0)
    if not can(user, "portfolios.see_all"):
        rows = rows.filter(block__desk__in=user.desks.all())
    rows = rows.exclude(block__in=Leg.objects.filter(is_live=True).values("block"))
    found: dict[int, list[tuple[int, int]]] = {}
    said: dict[int, tuple[str, str]] = {}
    for pk, kind, name, order, block in rows.values_list("order__group", "order__group__kind", "order__group__name", "order", "block"):
        found.setdefault(pk, []).append((order, block))
        said[pk] = kind, name
    wanted = dict(OrderLeg.objects.filter(group__in=found).values_list("group").annotate(n=Count("pk")))
    merged: dict[tuple, list[str]] = {}
    mine: dict[tuple, int] = {}
    for pk, parts in found.items():
        blocks = tuple(block for _, block in sorted(parts))
        if len(parts) == wanted.get(pk) and len(set(blocks)) == len(blocks):
            key = FROM_MANAGERS[said[pk][0]], blocks
            merged.setdefault(key, []).append(said[pk][1])
            mine[key] = mine.get(key, 0) + len(parts)
    ids = {pk for _, blocks in merged for pk in blocks}
    by_id = Block.objects.select_related("instrument").annotate(orders=Count("members")).in_bulk(ids)
    return [
        Proposed(key[0], sorted(names), [by_id[pk] for pk in key[1]], sum(by_id[pk].orders for pk in key[1]) - mine[key])
        for key, names in sorted(merged.items(), key=lambda one: one[0][1])
    ]


def sent_pct(group: LinkedGroup) -> Decimal:
    """How much of a program's blocks its waves come to, in percent. One query."""
    return Wave.objects.filter(group=group).aggregate(pct=Max("up_to_pct"))["pct"] or Decimal(0)


def list_brokers() -> frozenset[int]:
    """
    Brokers that take a list as one message, over a session that can say it: in FIX 4.4, with no dialect that wants of each order what a
    list has no place for.
    """
    takers = ListBroker.objects.values("broker")
    spoken = Dialect.objects.filter(status="IN_FORCE", session__broker__in=takers)
    apart = [row.session_id for row in spoken if not takes_lists(row.rules)]
    rows = Session.objects.filter(broker__in=takers, is_enabled=True, environment=settings.ENVIRONMENT, begin_string="FIX.4.4")
    rows = rows.exclude(pk__in=apart)
    return frozenset(rows.values_list("broker_id", flat=True))


class PackageWay(NamedTuple):
    """How a broker is told a package: ``reports`` (563) where as one order, empty where its legs go singly; and why so."""

    reports: str
    why: str

    @property
    def is_one(self) -> bool:
        return bool(self.reports)


def package_brokers() -> set[int]:
    """Ids of the brokers that take an order of several legs. One query."""
    return set(PackageBroker.objects.values_list("broker", flat=True))


def package_way(broker_code: str) -> PackageWay:
    """Three queries at most."""
    taker = PackageBroker.objects.filter(broker__code=broker_code).select_related("broker").first()
    session = Session.objects.filter(broker__code=broker_code, is_enabled=True, environment=settings.ENVIRONMENT).first()
    if taker is None:
        return PackageWay("", f"{broker_code} is not known to take an order of several legs (35=AB)")
    if session is None:
        return PackageWay("", f"{broker_code} has no enabled session")
    if session.begin_string == "FIX.4.2":
        return PackageWay("", f"the session with {broker_code} speaks FIX 4.2, which has no order of several legs")
    return PackageWay(taker.reports, f"{broker_code} takes it as one order (35=AB)" + (f": {taker.note}" if taker.note else ""))


def blocks_to_link(user, block_ids: Iterable[int]) -> list[Block]:
    """The blocks with their instruments, in the order given; those that are not seen are left out."""
    ids = list(dict.fromkeys(block_ids))
    rows = Block.objects.filter(pk__in=ids).select_related("instrument", "owner")
    if not can(user, "portfolios.see_all"):
        rows = rows.filter(desk__in=user.desks.all())
    found = {block.pk: block for block in rows.annotate(unplaced=F("qty") - F("cancelled_qty") - F("placed_qty"))}
    return [found[pk] for pk in ids if pk in found]
