"""What a person decides where a broker's word on an open order differs from ours: as the broker says, or as it is here."""

from collections.abc import Mapping, Sequence

from django.db import transaction

from apps.audit.services import record
from apps.blocks.models import Block
from apps.core.acts import Act
from apps.core.events import Fact
from apps.core.refusals import Conflict, Invalid, NotFound, Stale
from apps.users.models import User
from apps.users.services import require

from .. import reconciling_events as events
from .. import rules, selectors
from ..events import MessageQuarantined
from ..models import Message, ReconciledRoute, Reconciliation, Route
from ..reconciling_selectors import ours_of, told_with
from ..rules.reconciling import DIFFERENCES, Found
from ..rules.wire import FramePart
from ..states import Rt
from .locks import refuse_stale, terms_of
from .reconciling import happen, settle
from .settling import settle_message


class StaleReconciliation(Stale):
    """It changed after the person looked at it."""


class NotMendable(Conflict):
    """There is nothing to decide, or nothing that says how to mend it."""


class OrderMoved(Conflict):
    """More was heard of the order since its broker answered."""


@transaction.atomic
def decide_difference(act: Act, row_id: int, how: str, *, seen: Mapping[int, int]) -> None:
    """
    Will mend an order as its broker says it is, by the reports that it would have sent, or keep it as it is here, for the
    reason the act gives. Legs of a package of which one answer told are mended together.

    :param how: ``MEND`` or ``KEEP``; :param seen: the version of the reconciliation that the person looked at
    :raises Invalid: for another way, or without a reason; :raises NotFound: where it is none of a route they see
    :raises NotMendable: where the broker's words do not say how; :raises OrderMoved: where more was heard of the order since
    :raises StaleReconciliation, IllegalMove, StillUnbookable:
    """
    require(act, "routing.mend_messages")
    if how not in ReconciledRoute.Decision.values:
        raise Invalid("Choose to mend the order or to keep it.", field="how")
    if not act.reason.strip() or len(act.reason) > 400:
        raise Invalid("Give a reason of at most 400 characters: it is kept on the record.", field="reason")
    user = User.objects.get(pk=act.by)
    one = ReconciledRoute.objects.filter(pk=row_id, route__in=selectors.routes_seen_by(user)).select_related("reconciliation").first()
    if one is None:
        raise NotFound("There is no such difference of a route that you see.")
    is_mend = how == ReconciledRoute.Decision.MEND
    rows = sorted([one, *told_with(one)], key=lambda row: row.pk) if is_mend else [one]
    if is_mend:
        _mend(act, rows)
    row = Reconciliation.objects.select_for_update(of=("self",)).get(pk=one.reconciliation_id)
    refuse_stale(StaleReconciliation, {row.pk: row}, seen)
    if any(each.found not in DIFFERENCES or each.decision for each in rows):
        raise NotMendable("There is nothing to decide about this order.")
    for each in rows:
        each.decision, each.decided_by_id, each.decided_at, each.reason = how, act.by, act.at, act.reason.strip()
    ReconciledRoute.objects.bulk_update(rows, ["decision", "decided_by", "decided_at", "reason"])
    for each in rows:
        happen(act, row, events.DifferenceDecided(each.route_id, how))
    settle(act, row)


def _mend(act: Act, rows: Sequence[ReconciledRoute]) -> None:
    """Will book the reports that the broker would have sent; the blocks and their routes are held first."""
    ids = [one.route_id for one in rows]
    held = Block.objects.select_related("instrument__venue", "instrument__underlying").select_for_update(of=("self",), no_key=True)
    blocks = {block.pk: block for block in held.filter(pk__in=Route.objects.filter(pk__in=ids).values("block")).order_by("pk")}
    routes = {route.pk: route for route in Route.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk")}
    for one in rows:
        route = routes[one.route_id]
        for fields in _reports(act, one, route, blocks[route.block_id]):
            settle_message(act, _set_aside(act, one.reconciliation.session_id, fields, route), "accept")


def _reports(act: Act, one: ReconciledRoute, route: Route, block: Block) -> list[list[FramePart]]:
    """:raises NotMendable, OrderMoved:"""
    if (route.cum_qty, route.status) != (one.our_cum, one.our_status):
        raise OrderMoved(
            f"More was heard of {route.ref} since its broker answered: it is {rules.in_words(Rt(route.status))} with"
            f" {rules.plain(route.cum_qty)} filled by now. Keep it, or ask again by stopping and starting the session."
        )
    ours, told = ours_of(route, terms_of(block).side_tag), one.told
    reports = rules.mending_reports(Found(one.found), ours, told, f"RC{one.reconciliation_id}-{one.pk}", act.at)
    if not reports:
        raise NotMendable("What the broker said does not tell how to mend the order. Call it, and keep the order as it is here.")
    return reports


def _set_aside(act: Act, session_id: int, fields: Sequence[tuple[int, str]], route: Route) -> int:
    """Will keep a report as one that waits for a person, who accepts it in the same act."""
    problem = "Written here, as the broker answered when its session came back."
    row = Message.objects.create(
        session_id=session_id, is_out=False, msg_type="8", ref=rules.report_key(rules.Fields.of(fields)), text=rules.text_of(fields),
        at=act.at, problem=problem, route=route, status="QUARANTINED", version=1,
    )  # fmt: skip
    record(act, [Fact(row.pk, 1, MessageQuarantined(reason=problem, cl_ord_id=route.cl_ord_id, route_id=route.pk))])
    return row.pk
