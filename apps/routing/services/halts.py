"""
The kill switch: one act stops routing by person, desk, strategy, broker or for the firm, and asks the brokers to end
what works.

There is no between (see ``gate``): what was routed before it is cancelled, what is asked for after it is refused. A
message that is committed but not yet handed to its session is taken back; one that the gateway has taken is cancelled,
for it may be on the wire.
"""

from collections.abc import Collection, Mapping
from typing import Any

from django.db import connection, transaction

from apps.audit.services import record
from apps.blocks import services as blocks
from apps.blocks.models import Block
from apps.core.acts import Act
from apps.core.events import Event, Fact
from apps.core.refusals import Conflict, Invalid, NotAllowed, NotFound, Stale
from apps.core.tables import copy_in, update_many
from apps.reference.models import Broker
from apps.users.models import Desk, User
from apps.users.services import require

from .. import events, rules, selectors
from ..models import Halt, HaltedRoute, Message, Route, RouteRequest
from ..states import DEAD, HALT_LIFE, LIFE, Q, Rt
from .cancelling import ask_cancels
from .concluding import end_awarded
from .gate import LOCK
from .inquiries import pass_all
from .locks import refuse_stale
from .messages import names_in_list, sessions_of
from .planning import INQUIRY

D = HaltedRoute.Done
ENOUGH = (
    "pk", "block_id", "broker_id", "kind", "status", "version", "qty", "limit_price", "order_id", "cl_ord_id", "pending_cl_ord_id",
)  # fmt: skip
"""What a halt needs of a route, read as plain rows: of five hundred, making models takes longer than reading them."""


class HaltedAlready(Conflict):
    """The same halt is in force."""


class StaleHalt(Stale):
    """The halt changed after the person looked at it."""


class OwnHalt(NotAllowed):
    """Nobody lifts the halt they set."""


# --- the switch -----------------------------------------------------------------------------------------------------


@transaction.atomic
def set_halt(act: Act, scope: str, subject: str = "", *, mode: str = Halt.Mode.ALL) -> int:
    """
    Will stop all routing in the scope from this moment, take back what is not sent yet, end what dealers are asked, and
    ask the brokers to cancel what works there; in reduce-only mode, all of that but for what reduces a position.

    :param subject: username, desk code, strategy or broker code; nothing for the firm
    :returns: the halt's id
    :raises Invalid: where the scope, mode or subject is none; :raises HaltedAlready: where the same is in force
    """
    require(act, "routing.halt")
    named = _subject(scope, subject.strip())
    if mode not in Halt.Mode.values:
        raise Invalid(f"A halt's mode is {' or '.join(Halt.Mode.values)}; got “{mode}”.", field="mode")
    _lock_alone()
    same = Halt.objects.filter(scope=scope, mode=mode, status="ACTIVE", **named).select_related("set_by").first()
    if same:
        raise HaltedAlready(
            f"It is stopped already, since {same.set_at:%H:%M:%S} UTC by {same.set_by} ({same.ref}).", halt=same.pk
        )
    halt = Halt.objects.create(
        scope=scope, mode=mode, reason=act.reason[:400], set_by_id=act.by, set_at=act.at, **named
    )
    routes, found = _lock_live(halt)
    withdrawn = _withdraw(act, halt, routes, found)
    working = {pk: route for pk, route in routes.items() if pk not in withdrawn}
    asked = _ask(act, working, found)
    passed = _pass_inquiries(act, halt)
    _keep(halt, working, asked, withdrawn)
    told = events.HaltSet(
        scope=scope, mode=mode, of=halt.of, routes=len(routes), withdrawn=len(withdrawn), cancels=len(asked),
        inquiries=passed,
    )  # fmt: skip
    record(act, [Fact(halt.pk, 1, told)])
    return halt.pk


def sketch_halt(scope: str, subject: str, mode: str) -> Halt:
    """A halt as it would be set, to look at what it would stop. :raises Invalid: where there is no such thing"""
    return Halt(scope=scope, mode=mode, **_subject(scope, subject))


def _subject(scope: str, subject: str) -> dict[str, Any]:
    """The one field of a halt that names what it stops. :raises Invalid: where there is none of that name"""
    if scope == Halt.Scope.FIRM and not subject:
        return {}
    if scope == Halt.Scope.STRATEGY and subject in (*rules.STRATEGIES, rules.SMART, *rules.OWN_STRATEGIES):
        return {"strategy": subject}
    found = None
    if scope == Halt.Scope.USER:
        found = User.objects.filter(username=subject).first()
    elif scope == Halt.Scope.DESK:
        found = Desk.objects.filter(code=subject).first()
    elif scope == Halt.Scope.BROKER:
        found = Broker.objects.filter(code=subject).first()
    elif scope not in Halt.Scope.values:
        raise Invalid(f"A halt's scope is one of {', '.join(Halt.Scope.values)}; got “{scope}”.", field="scope")
    if found is None:
        raise Invalid(f"“{subject}” is no {Halt.Scope(scope).label}; choose what is to be stopped.", field="subject")
    return {scope.lower(): found}


def _lock_alone() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_advisory_xact_lock({LOCK})")


def _lock_live(halt: Halt) -> tuple[dict[int, Route], dict[int, Block]]:
    """The routes in scope that are not over, locked after their blocks; in reduce-only mode those of reducing blocks not."""
    pairs = dict(selectors.live_routes_in(halt).values_list("pk", "block_id"))
    if halt.mode == Halt.Mode.REDUCE and pairs:
        reducing = selectors.reducing_blocks(set(pairs.values()))
        pairs = {pk: block for pk, block in pairs.items() if block not in reducing}
    return _locked(pairs)


def _locked(pairs: Mapping[int, int]) -> tuple[dict[int, Route], dict[int, Block]]:
    rows = Block.objects.filter(pk__in=set(pairs.values())).select_related("instrument__venue", "instrument__underlying").order_by("pk")
    found = {block.pk: block for block in rows.select_for_update(of=("self",), no_key=True)}
    live = Route.objects.filter(pk__in=pairs).exclude(status__in=DEAD).select_for_update(no_key=True).order_by("pk")
    return {route.pk: route for route in live.values_list(*ENOUGH, named=True)}, found


def _ask(act: Act, routes: Mapping[int, Route], found: Mapping[int, Block]) -> set[int]:
    """Asks the brokers to cancel, of those that can be asked and were not; returns which routes have been asked by now."""
    reachable = sessions_of(route.broker_id for route in routes.values())
    able = {pk: r for pk, r in routes.items() if r.kind != INQUIRY and r.broker_id in reachable}
    waiting = RouteRequest.objects.filter(route__in=list(able), msg_type="F", answer="WAITING")
    asked = set(waiting.values_list("route_id", flat=True))
    ask_cancels(act, {pk: route for pk, route in able.items() if pk not in asked}, found)
    return set(able)


def _withdraw(act: Act, halt: Halt, routes: Mapping[int, Route], found: Mapping[int, Block]) -> set[int]:
    """
    Takes back the orders and hits that no session was handed yet. Whether the gateway or the halt gets a message is
    decided by the lock on its row.
    """
    names = {r.cl_ord_id: pk for pk, r in routes.items() if r.status == Rt.PENDING_SEND}
    changing = RouteRequest.objects.filter(route__in=names.values(), msg_type="G", answer="WAITING")
    changing = set(changing.values_list("route_id", flat=True))  # Its block counts the change as placed: it is cancelled.
    names = {name: pk for name, pk in names.items() if pk not in changing}
    if not names:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE routing_message SET status = 'WITHDRAWN', problem = %s WHERE is_out AND status = 'QUEUED'"
            " AND msg_type IN ('D', 'AJ') AND ref = ANY(%s) RETURNING ref",
            [f"Taken back by halt {halt.ref} before it was sent.", list(names)],
        )
        taken = [ref for (ref,) in cursor.fetchall()] + _withdraw_whole(halt, names, {r.broker_id for r in routes.values()})
        gone = {names[ref]: routes[names[ref]] for ref in taken}
        if not gone:
            return set()
        requests = RouteRequest.objects.filter(route__in=list(gone), answer="WAITING")
        Message.objects.filter(
            is_out=True, status="QUEUED", ref__in=list(requests.values_list("cl_ord_id", flat=True))
        ).update(status="WITHDRAWN", problem=f"Its order was taken back by halt {halt.ref}.")
        requests.update(answer="WITHDRAWN")
        statuses = [str(LIFE.after(r.status, events.RouteWithdrawn)) for r in gone.values()]
        update_many(
            cursor, "routing_route", list(gone),
            {"status": ("text", statuses), "leaves_qty": ("numeric", [0] * len(gone)),
             "ended_at": ("timestamptz", [act.at] * len(gone)), "pending_cl_ord_id": ("text", [""] * len(gone)),
             "text": ("text", [f"Taken back by halt {halt.ref} before it was sent"] * len(gone))}, bump=True,
        )  # fmt: skip
    record(act, [Fact(pk, r.version + 1, events.RouteWithdrawn(halt_id=halt.pk)) for pk, r in gone.items()])
    end_awarded(act, set(gone), f"Taken back by halt {halt.ref}.")
    free: dict[int, Any] = {}
    for route in gone.values():
        free[route.block_id] = free.get(route.block_id, 0) - route.qty
    blocks.mark_placed(act, free)
    return set(gone)


def _withdraw_whole(halt: Halt, names: Collection[str], broker_ids: Collection[int]) -> list[str]:
    """Takes back lists and packages that no session was handed yet and of which every order is among these; their ClOrdIDs."""
    rows = Message.objects.filter(is_out=True, status="QUEUED", msg_type__in=("E", "AB"), session__broker__in=broker_ids)
    brought = {row.pk: names_in_list(row.msg_type, row.text) for row in rows.select_for_update(of=("self",)).order_by("pk")}
    whole = {pk: of for pk, of in brought.items() if set(of) <= set(names)}
    if whole:
        rows = Message.objects.filter(pk__in=whole)
        rows.update(status="WITHDRAWN", problem=f"Taken back by halt {halt.ref} before it was sent.")
    return [name for of in whole.values() for name in of]


def _pass_inquiries(act: Act, halt: Halt) -> int:
    """Ends, with nobody's price, what dealers are still asked in scope; a halted dealer among others is just not taken."""
    wanted = dict(selectors.inquiries_in(halt).filter(status=Q.COLLECTING).values_list("pk", "block_id"))
    if halt.mode == Halt.Mode.REDUCE and wanted:
        reducing = selectors.reducing_blocks(set(wanted.values()))
        wanted = {pk: block for pk, block in wanted.items() if block not in reducing}
    return pass_all(act, wanted, f"Halt {halt.ref}: {act.reason or 'kill switch'}") if wanted else 0


def _keep(halt: Halt, working: Collection[int], asked: Collection[int], withdrawn: Collection[int]) -> None:
    what = {pk: D.CANCEL if pk in asked else D.CALL for pk in working} | dict.fromkeys(withdrawn, D.WITHDRAWN)
    if what:
        with connection.cursor() as cursor:
            rows = ((halt.pk, pk, str(done)) for pk, done in sorted(what.items()))
            copy_in(cursor, "routing_haltedroute", ("halt_id", "route_id", "done"), rows)


@transaction.atomic
def ask_again(act: Act, halt_id: int) -> int:
    """
    Will ask the brokers once more to cancel what a halt stopped and is not over, of those that owe no answer.

    :returns: how many were asked; :raises NotFound: where there is no such halt
    """
    require(act, "routing.halt")
    halt = _lock_halt(halt_id)
    open_routes = HaltedRoute.objects.filter(halt=halt).exclude(route__status__in=DEAD)
    routes, found = _locked(dict(open_routes.values_list("route_id", "route__block_id")))
    before = RouteRequest.objects.filter(route__in=list(routes), msg_type="F", answer="WAITING")
    before = set(before.values_list("route_id", flat=True))
    asked = _ask(act, routes, found)
    HaltedRoute.objects.filter(halt=halt, route__in=asked).update(done=D.CANCEL)
    count = len(asked - before)
    if count:
        _happen(act, halt, events.HaltAskedAgain(cancels=count))
    return count


@transaction.atomic
def lift_halt(act: Act, halt_id: int, *, seen: Mapping[int, int]) -> None:
    """
    Will let routing go on in a halt's scope. What was cancelled stays cancelled.

    :raises OwnHalt: for who set it; :raises Invalid: without a reason
    :raises StaleHalt: where it changed since the person looked; :raises IllegalMove: where it is lifted
    """
    require(act, "routing.lift_halt")
    if not act.reason.strip():
        raise Invalid("Say why routing may go on; the reason is kept.", field="reason")
    _lock_alone()
    halt = _lock_halt(halt_id)
    refuse_stale(StaleHalt, {halt.pk: halt}, seen)
    HALT_LIFE.after(halt.status, events.HaltLifted)
    if halt.set_by_id == act.by:
        raise OwnHalt("You set this halt, so another person decides that routing may go on.", halt=halt.pk)
    halt.lifted_by_id, halt.lifted_at = act.by, act.at
    still_open = HaltedRoute.objects.filter(halt=halt).exclude(route__status__in=DEAD).count()
    _happen(act, halt, events.HaltLifted(open=still_open))


def _lock_halt(halt_id: int) -> Halt:
    halt = Halt.objects.select_for_update(no_key=True).filter(pk=halt_id).first()
    if halt is None:
        raise NotFound("There is no such halt.")
    return halt


def _happen(act: Act, halt: Halt, event: Event) -> None:
    """The only door to a halt's status after it is set."""
    halt.status = HALT_LIFE.after(halt.status, type(event))
    halt.version += 1
    halt.save(update_fields=["status", "version", "lifted_by", "lifted_at"])
    record(act, [Fact(halt.pk, halt.version, event)])
