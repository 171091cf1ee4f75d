"""Orders good for longer than a day: checked anew each day their market opens, before anything of them may be routed."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from django.db import connection, transaction

from apps.core.acts import Act
from apps.core.refusals import Conflict
from apps.reference import selectors as reference
from apps.reference.rules import NoSettlementCalendar

from .. import events, rules, selectors
from ..states import LIFE, S
from .moves import happen, locked, named, sentence

CARRIED = ("GTC", "GTD")
IDLE = [status for status in S if LIFE.allows(status, events.OrderCancelled) and status != S.DRAFT]
# What is split was checked that day, for nothing else may be split.
CHECKED = ("order.submitted", "order.split_off", "order.carried", "order.triggered", "order.recalled", "order.rechecked")
# Unfinished orders of some times in force, with their market and when (by these events) they were last checked.
OVERNIGHT = (
    "SELECT o.id, o.instrument_id, i.venue_id, o.decision_price, v.timezone, (SELECT max(a.at) FROM audit_entry e"
    "  JOIN audit_act a ON a.id = e.act_id WHERE e.subject = 'order' AND e.subject_id = o.id AND e.event = ANY(%s)),"
    " o.terms ->> 'expire_date', o.terms ->> 'value_date'"
    " FROM orders_order o JOIN reference_instrument i ON i.id = o.instrument_id"
    " JOIN reference_venue v ON v.id = i.venue_id WHERE o.tif = ANY(%s) AND o.qty > o.filled_qty + o.cancelled_qty"
)


class NotCheckedToday(Conflict):
    """An order of an earlier day was not yet checked with today's prices and rules."""


class OtherSideAtWork(Conflict):
    """Another order of its group, which would end it, is at work."""


class Old(NamedTuple):
    """A carried order: the day its market has now, the day it was last checked there, its price then; a forward's day."""

    order_id: int
    instrument_id: int
    value_date: date | None
    day: date
    checked_on: date
    price: str
    is_over: bool
    is_spot: bool


@transaction.atomic
def carry_orders(act: Act) -> int:
    """
    Will send to compliance again each order good for longer than a day that was last checked on an earlier day of its
    market. One that the desk does not work yet leaves its block until compliance has answered, or is cancelled where it
    was good till a date that is over, or is for a value date that is no longer later than spot. One at a broker goes on
    working, and the desk is told where it fails. How many there were.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"{OVERNIGHT} AND o.status = ANY(%s) ORDER BY o.id", [list(CHECKED), list(CARRIED), [*IDLE, S.WORKING]])
        old = {one.order_id: one for one in _old(act, cursor.fetchall())}
    if not old:
        return 0
    found = locked(old)
    idle = [row for row in found if row.status in IDLE]
    at_work = [row for row in found if row.status == S.WORKING]
    ends = {row.id: why for row in idle if (why := _why_over(old[row.id]))}
    for why in dict.fromkeys(ends.values()):
        over = [row for row in idle if ends.get(row.id) == why]
        happen(act.because(why), over, events.OrderCancelled(), sets="cancelled_qty = qty - filled_qty")
    rows = [row for row in idle if row.status == S.CLEARED and row.id not in ends]
    prices = _prices(act, old.values())
    for kind, checked in ((events.OrderCarried, rows), (events.OrderRechecked, at_work)):
        told = {}
        for row in checked:
            one = old[row.id]
            now = prices.get((one.instrument_id, one.value_date))
            told[row.id] = kind(
                one.day.isoformat(), one.checked_on.isoformat(), one.price, "" if now is None else rules.plain(now)
            )
        happen(act, checked, told)
    return len(rows) + len(ends) + len(at_work)


@transaction.atomic
def check_anew(act: Act, order_ids: Collection[int]) -> None:
    """
    Will send those of the orders to compliance again that the desk may see, or that wait for somebody to agree; they
    leave their blocks until it has answered. One at a broker goes on working, and the desk is told where it fails.
    """
    rows = locked(order_ids)
    happen(act, [row for row in rows if LIFE.allows(row.status, events.OrderRecalled)], events.OrderRecalled())
    happen(act, [row for row in rows if row.status == S.WORKING], events.OrderRechecked())


@transaction.atomic
def mark_failing(act: Act, checks: Mapping[int, int]) -> None:
    """Will say of orders at a broker that the day's check would hold them: order id to the check. They go on working."""
    happen(act, locked(checks, wait=False), {pk: events.OrderFailsAnew(check) for pk, check in checks.items()})


def refuse_unready(act: Act, order_ids: Collection[int]) -> None:
    """
    Will stop orders that are not to be worked yet.

    :raises NotCheckedToday: if one of an earlier day was not checked today
    :raises OtherSideAtWork: if one would be worked beside the order that ends it
    """
    exits = [(kind, role) for kind, rule in rules.KINDS.items() for role in rule.exits]
    ends = [list(part) for part in zip(*exits, strict=True)]
    ids = list(order_ids)
    with connection.cursor() as cursor:
        cursor.execute(
            f"{OVERNIGHT} AND o.id = ANY(%s)"
            f" UNION ALL SELECT b.order_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM ({selectors.BESIDE}) b ORDER BY 1",
            [list(CHECKED), list(CARRIED), ids, *ends, *ends, ids, ids],
        )
        found = cursor.fetchall()
    old = [one.order_id for one in _old(act, [row for row in found if row[1] is not None])]
    if old:
        raise NotCheckedToday(
            f"{sentence(named(old))} was checked on an earlier day. It is checked anew within a minute; then try again.",
            orders=old[:20],
        )
    beside = [row[0] for row in found if row[1] is None]
    if beside:
        raise OtherSideAtWork(
            f"{sentence(named(beside))} is at work, done or chosen together with the order that ends it. Work one of them.",
            orders=beside[:20],
        )


def _old(act: Act, found: Sequence[tuple]) -> list[Old]:
    """Of orders as ``OVERNIGHT`` gives them, those last checked before the day that their market has now."""
    if not found:
        return []
    today = reference.sessions_today(act.at)
    spots = _spots(act, {instrument for _, instrument, *_, value_date in found if value_date})
    old = []
    for pk, instrument, venue, price, zone, at, expires, value_date in found:
        day, checked_on = today.get(venue), reference.local_date(at, zone)
        if day is not None and checked_on < day:
            is_over = bool(expires) and date.fromisoformat(expires) < day
            on = date.fromisoformat(value_date) if value_date else None
            is_spot = on is not None and on <= spots.get(instrument, day)
            old.append(Old(pk, instrument, on, day, checked_on, rules.plain(price), is_over, is_spot))
    return old


def _spots(act: Act, pairs: Collection[int]) -> dict[int, date]:
    """Spot dates of pairs; none where a calendar is missing, for then no order is to wait for another's."""
    try:
        return reference.spot_dates(pairs, act.at) if pairs else {}
    except NoSettlementCalendar:
        return {}


def _why_over(one: Old) -> str:
    """Why nothing of it can be dealt any more; empty where it can."""
    if one.is_over:
        return "Good till a date that is over"
    return f"Its value date, {one.value_date}, is no longer later than spot" if one.is_spot else ""


def _prices(act: Act, old: Collection[Old]) -> dict[tuple[int, date | None], Decimal]:
    """What they are worth now, eight decimals: a forward at that for its day; absent where it is not known."""
    spots = selectors.mids({one.instrument_id for one in old if not one.value_date})
    days = {(one.instrument_id, one.value_date) for one in old if one.value_date}
    forwards = selectors.forward_mids(days, act.at) if days else {}
    return {(pk, None): price for pk, price in spots.items()} | dict(forwards)
