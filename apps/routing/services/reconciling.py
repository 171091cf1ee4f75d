"""
After a session comes back: brokers are asked for every open order, new ones wait until all are answered or it is due, and a
person decides about what differs.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction

from apps.audit.services import record
from apps.blocks.models import Block
from apps.core.acts import Act
from apps.core.events import Event, Fact
from apps.core.refusals import Refusal
from apps.users.services import require

from .. import reconciling_events as events
from .. import rules
from ..models import ReconciledRoute, Reconciliation, Route, Session
from ..rules.reconciling import DIFFERENCES, Found, order_status
from ..states import DEAD, RECONCILIATION_LIFE, Rec
from .locks import terms_of
from .messages import unsent_orders, write_messages
from .rows import Heard, RouteRow

OPEN = (Rec.WAITING, Rec.DIFFERS)
UNANSWERED = (Found.ASKED, Found.SILENT)


@transaction.atomic
def begin_reconciliations(act: Act, session_ids: Iterable[int]) -> list[int]:
    """
    Will ask the brokers of sessions that logged on for the state of each order that is open there (35=H). What was asked
    before is asked anew. The number of statements does not grow with that of orders.

    :returns: ids of the sessions whose new orders wait by now
    """
    require(act, "routing.hear")
    rows = Session.objects.filter(pk__in=list(session_ids), purpose=Session.Purpose.ROUTING).order_by("pk")
    sessions = {row.pk: row for row in rows.select_for_update(no_key=True, of=("self",))}
    for before in Reconciliation.objects.select_for_update(of=("self",)).filter(session__in=sessions, status__in=OPEN).order_by("pk"):
        before.ended_at = before.ended_at or act.at
        happen(act, before, events.ReconciliationReplaced())
    asked = []
    for session, routes in _open_routes(sessions.values()).items():
        if routes:
            _ask(act, sessions[session], routes)
            asked.append(session)
    return asked


def _open_routes(sessions: Iterable[Session]) -> dict[int, list[Route]]:
    """Session id to its routes that may be at the broker and are not over."""
    by_broker = {session.broker_id: session.pk for session in sessions}
    unsent = unsent_orders(list(by_broker.values()))
    rows = Route.objects.filter(broker__in=by_broker, environment=settings.ENVIRONMENT, kind__in=("ALGO", "INQUIRY"))
    found: dict[int, list[Route]] = {session: [] for session in by_broker.values()}
    for route in rows.exclude(status__in=DEAD).order_by("pk"):
        if route.cl_ord_id not in unsent:
            found[by_broker[route.broker_id]].append(route)
    return found


def _ask(act: Act, session: Session, routes: Sequence[Route]) -> None:
    due_at = act.at + timedelta(seconds=settings.RECONCILE_SECONDS)
    row = Reconciliation.objects.create(session=session, began_at=act.at, due_at=due_at)
    blocks = Block.objects.select_related("instrument__venue", "instrument__underlying").in_bulk([r.block_id for r in routes])
    ReconciledRoute.objects.bulk_create(
        [
            ReconciledRoute(reconciliation=row, route=r, cl_ord_id=r.cl_ord_id, our_status=r.status, our_cum=r.cum_qty, order_id=r.order_id)
            for r in routes
        ]
    )
    record(act, [Fact(row.pk, 1, events.ReconciliationBegan(session.target_comp_id, len(routes)))])
    asked = {}
    for r in routes:  # A package is asked for once, and its answer is of all its legs.
        package = rules.packages.package_of(r.cl_ord_id)
        said = rules.packages.package_status(package, r.order_id) if package else order_status(
            r.cl_ord_id, r.order_id, terms_of(blocks[r.block_id])
        )  # fmt: skip
        asked.setdefault(package or r.cl_ord_id, said)
    wanted = [(session.pk, "H", f"{row.pk}/{name}", said) for name, said in asked.items()]
    try:
        with transaction.atomic():
            write_messages(act, wanted)
    except Refusal as refusal:
        row.rows.update(found=Found.SILENT, text=f"It could not be asked: {refusal.message}"[:300])
        settle(act, row)


def note_answers(act: Act, told: Sequence[tuple[Heard, RouteRow, rules.Told, rules.Ours]]) -> None:
    """Will hold what brokers said of orders against what we have, where they were asked; also late."""
    said = {(message.session_id, route.id): (message, answer, ours) for message, route, answer, ours in told}
    if not said:
        return
    rows = Reconciliation.objects.filter(status__in=OPEN, session__in={session for session, _ in said}).order_by("pk")
    waiting = {row.pk: row for row in rows.select_for_update()}
    changed = []
    for one in ReconciledRoute.objects.filter(reconciliation__in=waiting, found__in=UNANSWERED, decision=""):
        answer = said.get((waiting[one.reconciliation_id].session_id, one.route_id))
        if answer:
            _hold(one, *answer)
            changed.append(one)
    columns = (
        "found", "our_status", "our_cum", "their_status", "their_cum", "their_leaves", "their_price", "order_id", "text", "answered_at",
        "answer",
    )  # fmt: skip
    ReconciledRoute.objects.bulk_update(changed, columns)
    for pk in {one.reconciliation_id for one in changed}:
        settle(act, waiting[pk])


def _hold(one: ReconciledRoute, message: Heard, told: rules.Told, ours: rules.Ours) -> None:
    one.found, one.our_status, one.our_cum = rules.difference(ours, told), ours.status, ours.cum
    one.their_status, one.their_cum, one.their_leaves = told.status, told.cum, told.leaves
    one.their_price = None if told.price is None else round(told.price, 8)
    one.order_id, one.text = told.order_id or one.order_id, told.text
    one.answered_at, one.answer_id = message.at, message.id


@transaction.atomic
def end_due_reconciliations(act: Act) -> int:
    """Will let new orders go where a broker did not answer in time; what it left open is shown. :returns: how many"""
    require(act, "routing.hear")
    due = Reconciliation.objects.filter(status=Rec.WAITING, due_at__lte=act.at, session__environment=settings.ENVIRONMENT)
    rows = list(due.select_for_update(of=("self",)).order_by("pk"))
    for row in rows:
        row.rows.filter(found=Found.ASKED).update(found=Found.SILENT)
        settle(act, row)
    return len(rows)


def settle(act: Act, row: Reconciliation) -> None:
    """Will end it once nothing of it is left to hear, or to decide."""
    left = list(row.rows.values_list("found", "decision"))
    differ = [found for found, decision in left if found in DIFFERENCES and not decision]
    if any(found == Found.ASKED for found, _ in left):
        return
    if row.status == Rec.WAITING:
        row.ended_at = act.at
        silent = differ.count(Found.SILENT)
        happen(act, row, events.ReconciliationDiffered(len(differ), silent) if differ else events.ReconciliationAgreed())
    elif not differ:
        happen(act, row, events.ReconciliationMended())


def happen(act: Act, row: Reconciliation, event: Event) -> None:
    """The only door to its status after it began."""
    row.status = RECONCILIATION_LIFE.after(row.status, type(event))
    row.version += 1
    row.save()
    record(act, [Fact(row.pk, row.version, event)])


def reconciling(session_ids: Sequence[int]) -> set[int]:
    """Of these sessions, those whose new orders wait. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT session_id FROM routing_reconciliation WHERE status = 'WAITING' AND session_id = ANY(%s)", [list(session_ids)]
        )
        return {pk for (pk,) in cursor.fetchall()}


