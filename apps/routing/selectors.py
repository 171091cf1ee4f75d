"""Questions about routes, executions, inquiries and messages; what a person may see is decided here."""

from collections.abc import Collection, Iterable
from decimal import Decimal
from typing import NamedTuple

from django.db import connection
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from apps.audit.models import Entry
from apps.blocks.selectors import mids_of
from apps.core.refusals import NotFound
from apps.users.services import can

from . import rules
from .models import CostEstimate, Execution, Halt, HaltedRoute, Inquiry, Message, Package, PackageLeg, Route
from .states import DEAD

OF_AN_INQUIRY = ("quotes__dealer", "quotes__counters__quote__dealer", "awards__quote__dealer", "awards__benchmark")


def on_desks_of(user, rows: QuerySet) -> QuerySet:
    """Roles that see the whole firm see all; others what their desks' blocks have."""
    if not can(user, "routing.see"):
        return rows.none()
    return rows if can(user, "portfolios.see_all") else rows.filter(block__desk__in=user.desks.all())


def routes_seen_by(user) -> QuerySet[Route]:
    return on_desks_of(user, Route.objects.all())


def inquiries_seen_by(user) -> QuerySet[Inquiry]:
    return on_desks_of(user, Inquiry.objects.all())


def executions_seen_by(user) -> QuerySet[Execution]:
    """Executions as brokers reported them, busted and corrected ones with their status."""
    return on_desks_of(user, Execution.objects.all())


def get_execution_seen_by(user, execution_id: int) -> Execution:
    """:raises NotFound: where it does not exist or is not on a desk of the person"""
    row = executions_seen_by(user).select_related("broker", "route").filter(pk=execution_id).first()
    if row is None:
        raise NotFound("There is no such execution, or it is not on your desk.")
    return row


def get_route_seen_by(user, route_id: int) -> Route:
    """The route with its broker, block and instrument. :raises NotFound:"""
    rows = routes_seen_by(user).select_related("broker", "block__instrument", "package_leg__package")
    row = rows.filter(pk=route_id).first()
    if row is None:
        raise NotFound("There is no such route, or it is not on a desk of yours.")
    return row


def tied(routes: Iterable[Route]) -> dict[int, Package]:
    """Of these routes the legs that are changed and cancelled with others alone, as their package. One query where one is a leg."""
    ids = [route.pk for route in routes if rules.packages.package_of(route.cl_ord_id)]
    if not ids:
        return {}
    others = PackageLeg.objects.filter(package=OuterRef("package")).exclude(pk=OuterRef("pk")).exclude(route__status__in=DEAD)
    legs = PackageLeg.objects.filter(Exists(others), route__in=ids).select_related("package")
    return {leg.route_id: leg.package for leg in legs}


def get_inquiry_seen_by(user, inquiry_id: int) -> Inquiry:
    """The inquiry with its block, instrument and quotes. :raises NotFound:"""
    rows = inquiries_seen_by(user).select_related("block__instrument").prefetch_related(*OF_AN_INQUIRY)
    row = rows.filter(pk=inquiry_id).first()
    if row is None:
        raise NotFound("There is no such inquiry, or it is not on a desk of yours.")
    return row


def routes_of_blocks(block_ids: Iterable[int]) -> dict[int, list[Route]]:
    """Block id to its routes with their brokers, oldest first; blocks without one are absent. One query."""
    found: dict[int, list[Route]] = {}
    for route in Route.objects.filter(block__in=set(block_ids)).select_related("broker").order_by("pk"):
        found.setdefault(route.block_id, []).append(route)
    return found


def distances_bp(inquiries: Iterable[Inquiry]) -> dict[int, Decimal | None]:
    """
    DealerQuote id to how much better than mid it is for us, in basis points of mid: the mid of the decision, or now
    where there is none yet. Quotes are taken as prefetched; one query.
    """
    inquiries = list(inquiries)
    live = mids_of({i.block for i in inquiries if i.mid_at_decision is None})
    found = {}
    for inquiry in inquiries:
        mid = inquiry.mid_at_decision or live.get(inquiry.block_id) or inquiry.mid_at_send
        for quote in inquiry.quotes.all():
            found[quote.pk] = rules.distance_bp(inquiry.block.side, quote.price, mid)
    return found


def estimates_seen_by(user) -> QuerySet[CostEstimate]:
    """What blocks and their routes were expected to cost."""
    return on_desks_of(user, CostEstimate.objects.all())


def quarantined_messages() -> QuerySet[Message]:
    """Messages that wait for a person, oldest first, with their session."""
    return Message.objects.filter(status=Message.Status.QUARANTINED).select_related("session").order_by("pk")


# --- halts ----------------------------------------------------------------------------------------------------------


def halts() -> QuerySet[Halt]:
    """
    Halts, those in force first, each with ``stopped``, how many routes it found, and ``unacknowledged``, how many of
    them their brokers have not ended.
    """
    still_open = Count("routes", filter=~Q(routes__route__status__in=DEAD))
    rows = Halt.objects.select_related("user", "desk", "broker", "set_by", "lifted_by")
    return rows.annotate(stopped=Count("routes"), unacknowledged=still_open).order_by("status", "-pk")


def get_halt(halt_id: int) -> Halt:
    """:raises NotFound: where there is none"""
    row = halts().filter(pk=halt_id).first()
    if row is None:
        raise NotFound("There is no such halt.")
    return row


def unacknowledged(halt: Halt) -> QuerySet[HaltedRoute]:
    """What the halt stopped and its broker has not ended, the largest first."""
    rows = HaltedRoute.objects.filter(halt=halt).exclude(route__status__in=DEAD)
    return rows.select_related("route__broker", "route__block__instrument").order_by("-route__leaves_qty", "route_id")


def live_routes_in(halt: Halt) -> QuerySet[Route]:
    """Routes in a halt's scope that are not over. Who asked for a route is on the record."""
    return _in_scope(halt, Route.objects.exclude(status__in=DEAD), "route")


def inquiries_in(halt: Halt) -> QuerySet[Inquiry]:
    """Inquiries in a halt's scope; none of a broker's or strategy's, for other dealers may answer."""
    if halt.scope in (Halt.Scope.BROKER, Halt.Scope.STRATEGY):
        return Inquiry.objects.none()
    return _in_scope(halt, Inquiry.objects.all(), "inquiry")


def _in_scope(halt: Halt, rows: QuerySet, subject: str) -> QuerySet:
    if halt.scope == Halt.Scope.FIRM:
        return rows
    if halt.scope == Halt.Scope.DESK:
        return rows.filter(block__desk=halt.desk)
    if halt.scope == Halt.Scope.BROKER:
        return rows.filter(broker=halt.broker)
    if halt.scope == Halt.Scope.STRATEGY:
        return rows.filter(strategy=halt.strategy)
    theirs = Entry.objects.filter(subject=subject, subject_id=OuterRef("pk"), nth=1, act__by=halt.user)
    return rows.filter(Exists(theirs))


def reducing_blocks(block_ids: Iterable[int]) -> set[int]:
    """
    Those of the blocks that only reduce positions: in each portfolio, all that works, would work or was filled on their
    side of the instrument and is not booked yet is no more than what is held the other way, by position and by fills not
    yet shared out. Of those a share is taken as the statement gives it, rounded against the asker by a step.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH wanted AS (SELECT b.id, b.instrument_id, b.side, o.portfolio_id FROM blocks_block b"
            "  JOIN blocks_member m ON m.block_id = b.id JOIN orders_order o ON o.id = m.order_id WHERE b.id = ANY(%s)),"
            " unbooked AS (SELECT b.instrument_id, b.side, o.portfolio_id,"
            "  sum(CASE b.status WHEN 'DONE' THEN ceil(m.qty * b.filled_qty / b.qty / i.increment) * i.increment"
            "   ELSE m.qty END) AS qty,"
            "  sum(floor(m.qty * b.filled_qty / b.qty / i.increment) * i.increment) AS filled FROM blocks_block b"
            "  JOIN blocks_member m ON m.block_id = b.id JOIN orders_order o ON o.id = m.order_id"
            "  JOIN reference_instrument i ON i.id = b.instrument_id"
            "  WHERE (b.status IN ('WORKING', 'DONE') OR b.id = ANY(%s))"
            "  AND b.instrument_id IN (SELECT instrument_id FROM wanted) GROUP BY 1, 2, 3)"
            " SELECT w.id FROM wanted w JOIN unbooked k USING (instrument_id, side, portfolio_id)"
            " LEFT JOIN portfolios_position p USING (instrument_id, portfolio_id)"
            " LEFT JOIN LATERAL (SELECT sum(u.filled) AS filled FROM unbooked u WHERE u.instrument_id = w.instrument_id"
            "  AND u.portfolio_id = w.portfolio_id AND (u.side = 'BUY') <> (w.side = 'BUY')) other ON true GROUP BY w.id"
            " HAVING bool_and(k.qty <= CASE w.side WHEN 'SELL' THEN coalesce(p.qty, 0) WHEN 'BUY' THEN -coalesce(p.qty, 0)"
            "  ELSE 0 END + CASE WHEN w.side IN ('BUY', 'SELL') THEN coalesce(other.filled, 0) ELSE 0 END)",
            [list(block_ids)] * 2,
        )
        return {pk for (pk,) in cursor.fetchall()}


class DefaultBroker(NamedTuple):
    """Whom the firm's default rules gave all orders of a block to."""

    broker_id: int
    broker: str
    strategy: str
    rule: str


def default_brokers(block_ids: Iterable[int]) -> dict[int, DefaultBroker]:
    """Block id to the active broker on which the defaults of all its orders agree; absent elsewhere. One query."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT d.block_id, b.id, b.code, d.strategy, d.rule FROM ("
            " SELECT m.block_id, min(o.defaulted #>> '{broker,value}') AS broker,"
            " coalesce(min(o.defaulted #>> '{strategy,value}'), '') AS strategy,"
            " min(o.defaulted #>> '{broker,rule}') AS rule FROM blocks_member m"
            " JOIN orders_order o ON o.id = m.order_id"
            " WHERE EXISTS (SELECT 1 FROM orders_defaultrule WHERE broker_id IS NOT NULL) AND m.block_id = ANY(%s)"
            " GROUP BY m.block_id HAVING count(*) = count(o.defaulted #>> '{broker,value}')"
            " AND min(o.defaulted #>> '{broker,value}') = max(o.defaulted #>> '{broker,value}')"
            " AND coalesce(min(o.defaulted #>> '{strategy,value}'), '')"
            "   = coalesce(max(o.defaulted #>> '{strategy,value}'), '')"
            ") d JOIN reference_broker b ON b.code = d.broker AND b.is_active AND b.kind = 'broker'",
            [list(block_ids)],
        )
        return {block: DefaultBroker(*row) for block, *row in cursor.fetchall()}


def agreed_own(block_ids: Iterable[int], codes: Collection[str]) -> dict[int, dict[str, str]]:
    """Block id to what all its orders say alike in these fields of the firm's own, as text. One query, none for no fields."""
    if not codes:
        return {}
    found: dict[int, dict[str, str]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT m.block_id, c.code, min(o.own ->> c.code) FROM blocks_member m JOIN orders_order o ON o.id = m.order_id"
            " CROSS JOIN unnest(%s::text[]) c(code) WHERE m.block_id = ANY(%s) GROUP BY m.block_id, c.code"
            " HAVING count(*) = count(o.own ->> c.code) AND min(o.own ->> c.code) = max(o.own ->> c.code)",
            [sorted(codes), list(block_ids)],
        )
        for block, code, value in cursor.fetchall():
            found.setdefault(block, {})[code] = value
    return found
