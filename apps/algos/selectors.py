"""Algorithms as people may see them, and how their child orders stand."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.db import connection
from django.db.models import Case, IntegerField, QuerySet, Value, When

from apps.core.refusals import NotFound
from apps.routing.alert_selectors import Found
from apps.routing.models import AlertRule, Execution, Route
from apps.routing.rules import plain
from apps.routing.selectors import on_desks_of
from apps.routing.states import DEAD

from . import rules
from .models import Algo, Slice
from .states import LIVE, A


def algos_seen_by(user) -> QuerySet[Algo]:
    """Those of blocks of the person's desks, with block, instrument, broker and whom they work for."""
    return on_desks_of(user, Algo.objects.select_related("block__instrument__venue", "broker", "works_for"))


def by_attention(rows: QuerySet[Algo]) -> QuerySet[Algo]:
    """Those that stand first, then those at work, then plans, then what is over, the newest first."""
    rank = Case(
        When(status="PAUSED", then=Value(0)), When(status="WORKING", then=Value(1)), When(status="PLANNED", then=Value(2)),
        default=Value(3), output_field=IntegerField(),
    )  # fmt: skip
    return rows.order_by(rank, "-pk")


def get_algo_seen_by(user, algo_id: int) -> Algo:
    """:raises NotFound: where it does not exist or is not on a desk of the person"""
    return one_of(algos_seen_by(user), algo_id)


def one_of(rows: QuerySet[Algo], algo_id: int) -> Algo:
    """:raises NotFound: where it is not among them"""
    row = rows.filter(pk=algo_id).first()
    if row is None:
        raise NotFound("There is no such algorithm, or it is not on a desk of yours.")
    return row


def standings(algo_ids: Iterable[int]) -> dict[int, rules.Standing]:
    """Algorithm id to how its child orders stand; all of nothing where there are none. One query."""
    ids = sorted(set(algo_ids))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT s.algo_id, sum(r.cum_qty + CASE WHEN r.status = ANY(%s) THEN 0 ELSE r.leaves_qty END), sum(r.cum_qty),"
            " count(*) FILTER (WHERE r.status <> ALL(%s)),"
            " count(*) FILTER (WHERE r.status = 'REJECTED' AND s.sent_at >= a.looked_at),"
            " count(*) FILTER (WHERE r.status IN ('CANCELED', 'EXPIRED') AND r.cum_qty < r.qty AND s.sent_at >= a.looked_at)"
            " FROM algos_slice s JOIN algos_algo a ON a.id = s.algo_id JOIN routing_route r ON r.id = s.route_id"
            " WHERE s.algo_id = ANY(%s) GROUP BY s.algo_id",
            [list(DEAD), list(DEAD), ids],
        )
        found = {pk: rules.Standing(*rest) for pk, *rest in cursor.fetchall()}
    return {pk: found.get(pk, rules.Standing()) for pk in ids}


def spoken_for(block_id: int, but: int | None = None) -> Decimal:
    """What live algorithms of a block are still to send. Two queries."""
    rows = {a.pk: a.qty for a in Algo.objects.filter(block=block_id, status__in=LIVE).exclude(pk=but)}
    if not rows:
        return Decimal(0)
    return sum((max(rows[pk] - one.committed, Decimal(0)) for pk, one in standings(rows).items()), Decimal(0))


def standing_still(asked: Sequence[AlertRule], now: datetime) -> list[Found]:
    """
    For each rule, of its desk: the algorithms that paused themselves, and those that wait for longer than its minutes. What a person
    paused is no news to the desk. One query.
    """
    rows = list(
        Algo.objects.filter(status__in=(A.WORKING, A.PAUSED), still_since__isnull=False)
        .select_related("block__instrument", "broker")
        .order_by("pk")
    )
    found = []
    for rule in asked:
        for algo in rows:
            block, minutes = algo.block, Decimal((now - algo.still_since) // timedelta(microseconds=1)) / 60_000_000
            if rule.desk_id not in (None, block.desk_id) or (algo.status == A.WORKING and minutes <= rule.threshold):
                continue
            what = "paused itself" if algo.status == A.PAUSED else f"has waited for more than {plain(rule.threshold)} min"
            found.append(
                Found(
                    rule.pk, rule.kind, rule.threshold, block.pk, None, minutes, block.side,
                    block.instrument.symbol, algo.broker.name, f"{algo.ref} {what}. {algo.text}", algo.pk, algo.still_since,
                )  # fmt: skip
            )
    return found


class Listed(NamedTuple):
    """An algorithm in a list; ``planned``: what its plan has up to now, None where that depends on the market."""

    algo: Algo
    standing: rules.Standing
    planned: Decimal | None


def listed(rows: Iterable[Algo], now: datetime) -> list[Listed]:
    """One query beside the rows'."""
    rows = list(rows)
    found = standings(a.pk for a in rows)
    return [Listed(a, found[a.pk], planned_by(a, now)) for a in rows]


def planned_by(algo: Algo, now: datetime) -> Decimal | None:
    """What the plan has up to a moment."""
    total = algo.base_qty
    for n, at, qty, _ in algo.plan:
        if n > algo.base_n and datetime.fromisoformat(at) <= now:
            if qty is None:
                return None
            total += Decimal(qty)
    return min(total, algo.qty)


def slices_of(algo: Algo) -> list[Slice]:
    """What was sent, with its route, the newest first."""
    return list(Slice.objects.filter(algo=algo).select_related("route").order_by("-n"))


def filled_over_time(algo: Algo) -> list[tuple[datetime, Decimal]]:
    """(when we heard, quantity) of each live fill of its children, oldest first."""
    routes = Slice.objects.filter(algo=algo).values("route")
    rows = Execution.objects.filter(route__in=routes, status="LIVE").order_by("at", "pk")
    return list(rows.values_list("at", "qty"))


def live_routes(algo: Algo) -> list[Route]:
    """Its child orders that a broker still works and nobody asked to cancel."""
    rows = Route.objects.filter(pk__in=Slice.objects.filter(algo=algo).values("route")).exclude(status__in=DEAD)
    asked = set(rows.filter(requests__msg_type="F", requests__answer="WAITING").values_list("pk", flat=True))
    return [r for r in rows.order_by("pk") if r.pk not in asked]
