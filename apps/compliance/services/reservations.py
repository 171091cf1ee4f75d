"""
Room under limits that the whole firm shares: taken one screening after another, and kept for drafts where a manager asks.

A limit is of one rule and one instrument or group, and has a row to lock. Who screens, or reserves, holds the rows of all it asks
about, taken in one order by one statement, after the portfolios; so two can neither take the same room nor wait for each
other for ever. What open orders take is not written again: the orders say it themselves. A draft takes nothing unless its
room is reserved, till a time; then everybody else's screening counts it.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
import polars as pl
from django.db import connection, transaction

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Fact, listens
from apps.core.refusals import Conflict, Invalid, NotAllowed, NotFound, Stale
from apps.core.tables import copy_frame, next_ids
from apps.orders import selectors as order_selectors
from apps.orders import services as orders
from apps.orders.models import Order, Side
from apps.orders.states import S
from apps.users.services import can, require

from .. import events
from ..engine.columns import QTY
from ..engine.judgement import NOT_ASKED, PASS, UNKNOWN, RuleVersion
from ..engine.rules import look_firm_wide
from ..engine.rules.position_limits import KIND as POSITION_LIMITS
from ..engine.screening import Screening, screen
from ..selectors.asked import active_rules
from ..selectors.snapshot import Asked, snapshot_of
from ..states import RESERVATION_LIFE, Room, Stage
from .shared_groups import hold_groups, is_on_groups, limit_key, taken_of

LONGEST = timedelta(days=1)
FAMILIES = """
SELECT id FROM reference_contractfamily WHERE id IN (
  SELECT k.family_id FROM orders_order o JOIN reference_instrument i ON i.id = o.instrument_id
  JOIN reference_contract k ON k.instrument_id IN (i.id, i.underlying_id) WHERE o.id = ANY(%s)
) ORDER BY id FOR NO KEY UPDATE
"""


class NoRoom(Conflict):
    """A limit that the firm shares has less room than a draft would take."""


class StaleReservation(Stale):
    """A reservation ended or changed since it was looked at."""


class Row(NamedTuple):
    id: int
    version: int
    status: str
    reserved_by: int


def take_turns(order_ids: Sequence[int], rules: Sequence[RuleVersion]) -> None:
    """
    Locks what the orders' judgement by these rules leans on: their portfolios, the families of their contracts where position
    limits are asked, for another month is under the same limit, then each limit of a rule that looks at the whole firm for each
    of their instruments, then those on groups (``shared_groups``). Three statements at most, without groups. The caller holds
    the orders.
    """
    shared = [rule.code for rule in rules if look_firm_wide([rule]) and not is_on_groups(rule)]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM portfolios_portfolio WHERE id IN (SELECT portfolio_id FROM orders_order WHERE id = ANY(%s))"
            " ORDER BY id FOR NO KEY UPDATE",
            [list(order_ids)],
        )
        if any(rule.kind == POSITION_LIMITS for rule in rules):
            cursor.execute(FAMILIES, [list(order_ids)])
        if shared:  # A row that is there is locked though nothing of it is written; one that is not is made, in the same order.
            cursor.execute(
                "INSERT INTO compliance_sharedlimit (rule_id, instrument_id, group_key) SELECT r.id, i.instrument_id, ''"
                " FROM compliance_rule r,"
                " (SELECT DISTINCT instrument_id FROM orders_order WHERE id = ANY(%s)) i WHERE r.code = ANY(%s) ORDER BY 1, 2"
                " ON CONFLICT (rule_id, instrument_id) DO UPDATE SET rule_id = excluded.rule_id WHERE false",
                [list(order_ids), shared],
            )
        hold_groups(cursor, order_ids, rules)


@transaction.atomic
def reserve_room(act: Act, order_ids: Collection[int], *, seen: Mapping[int, int], until: datetime) -> list[int]:
    """
    Will keep room for drafts to buy under every limit that the firm shares, till a time or until they are submitted,
    amended or cancelled. All or none. What was reserved for them before gives way.

    :returns: ids of the reservations, one an order and rule
    :raises NoRoom: naming the limit and the largest quantity there is room for
    :raises Invalid: for another order than a draft to buy, one that takes no shared room, or a time not within a day
    :raises NotFound, StaleOrder, OrderBusy:
    """
    user = require(act, "orders.create")
    if not act.at < until <= act.at + LONGEST:
        raise Invalid("Room is kept for at most a day: choose a time within the next 24 hours.", field="until")
    ids = sorted(set(order_ids))
    found = order_selectors.orders_seen_by(user).in_bulk(ids)
    if not ids or len(found) < len(ids):
        raise NotFound("One of these orders does not exist, or is not of a portfolio of yours.", orders=sorted(set(ids) - found.keys()))
    orders.hold_as_seen(ids, seen)
    for order in Order.objects.filter(pk__in=ids).order_by("pk"):
        if order.status != S.DRAFT or order.side != Side.BUY:
            raise Invalid(
                f"O-{order.pk:06d} is no draft to buy: what is submitted takes its room by itself, and a sale takes none.",
                field="orders", order=order.pk,
            )  # fmt: skip
    rules = [rule for rule in active_rules(act.at.date(), Stage.SUBMIT) if look_firm_wide([rule])]
    take_turns(ids, rules)
    asked = snapshot_of(ids, act.at, firm_wide=True, rules=rules)
    said = screen(asked.snapshot, rules)
    _refuse_without_room(asked, said)
    _end(act, "renewed", "order_id = ANY(%s)", [ids])
    return _write(act, asked, said, until)


def _refuse_without_room(asked: Asked, said: Screening) -> None:
    for row in np.flatnonzero(said.outcome != PASS):
        rule, pk = said.rules[said.leading[row]], int(asked.snapshot.orders.id[row])
        most = int(said.max_qty[row])
        left = "" if most == UNKNOWN else f" There is room for {most / QTY:,g}."
        raise NoRoom(
            f"O-{pk:06d} takes more of {taken_of(asked.snapshot, rule, int(row))} than “{rule.name}” leaves to the firm.{left}"
            " See under Shared room who holds it.",
            order=pk, rule=rule.code, max_qty=None if most == UNKNOWN else str(most / QTY),
        )  # fmt: skip
    idle = ~np.logical_or.reduce([v.outcome != NOT_ASKED for v in said.verdicts], initial=False) & np.ones(len(said.outcome), bool)
    if idle.any():
        pk = int(asked.snapshot.orders.id[np.flatnonzero(idle)[0]])
        raise Invalid(f"O-{pk:06d} takes no room of a limit that the firm shares.", field="orders", order=pk)


def _write(act: Act, asked: Asked, said: Screening, until: datetime) -> list[int]:
    s, lines = asked.snapshot, []
    for v in said.verdicts:
        lines += [(v.rule, int(row)) for row in np.flatnonzero(v.outcome != NOT_ASKED)]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT r.code, coalesce(l.instrument_id::text, l.group_key), l.id FROM compliance_sharedlimit l"
            " JOIN compliance_rule r ON r.id = l.rule_id WHERE (r.code, coalesce(l.instrument_id::text, l.group_key)) IN"
            " (SELECT * FROM unnest(%s::text[], %s::text[]))",
            [[rule.code for rule, _ in lines], [limit_key(s, rule, row) for rule, row in lines]],
        )
        limits = {(code, key): pk for code, key, pk in cursor.fetchall()}
        ids = next_ids(cursor, "compliance_reservation", len(lines))
        copy_frame(
            cursor,
            "compliance_reservation",
            pl.DataFrame(
                {
                    "id": ids,
                    "limit_id": [limits[rule.code, limit_key(s, rule, row)] for rule, row in lines],
                    "order_id": [int(s.orders.id[row]) for _, row in lines],
                    "qty": [f"{q // QTY}.{q % QTY:04d}" for q in (int(s.orders.qty[row]) for _, row in lines)],
                }
            ).with_columns(
                reserved_by_id=pl.lit(act.by), reserved_at=pl.lit(act.at.isoformat()), until=pl.lit(until.isoformat()),
                status=pl.lit(str(RESERVATION_LIFE.born[events.ReservationMade])), version=pl.lit(1), ended=pl.lit(""),
            ),
        )  # fmt: skip
    told = {row: events.ReservationMade(int(s.orders.id[row]), until.isoformat()) for _, row in lines}
    record(act, [Fact(pk, 1, told[row]) for pk, (_, row) in zip(ids, lines, strict=True)])
    return ids


@transaction.atomic
def release_room(act: Act, reservation_ids: Collection[int], *, seen: Mapping[int, int]) -> None:
    """
    Will give reserved room back: whoever reserved it, or an officer.

    :raises NotFound, NotAllowed, StaleReservation: none is then released
    """
    user = require(act, "compliance.release_room")
    ids = sorted(set(reservation_ids))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, version, status, reserved_by_id FROM compliance_reservation WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE",
            [ids],
        )
        rows = [Row(*row) for row in cursor.fetchall()]
    if not ids or len(rows) < len(ids):
        raise NotFound("One of these reservations does not exist.")
    if any(row.reserved_by != user.pk for row in rows) and not can(user, "compliance.decide"):
        raise NotAllowed("Only who reserved it, or a compliance officer, gives room back.")
    stale = {row.id: (f"Reservation {row.id}", seen.get(row.id), row.version) for row in rows if seen.get(row.id) != row.version}
    if stale:
        raise StaleReservation(
            "It was given back or came to its end since you looked. Reload.",
            reservations=order_selectors.missed("reservation", stale),
        )
    for row in rows:
        RESERVATION_LIFE.after(row.status, events.ReservationEnded)
    _end(act, "released", "id = ANY(%s)", [ids])


@listens("compliance.end_reservations")
@transaction.atomic
def end_reservations(act: Act, facts: Sequence[Fact]) -> None:
    """Will end what is reserved for orders that are no longer the drafts it was reserved for. The caller holds them."""
    _end(act, facts[0].event.code.split(".")[1], "order_id = ANY(%s)", [[fact.subject_id for fact in facts]])


@transaction.atomic
def expire_reservations(act: Act) -> int:
    """Will end reservations whose time is over; how many."""
    return _end(act, "expired", "until <= %s", [act.at])


def _end(act: Act, why: str, which: str, values: Sequence) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id FROM compliance_reservation WHERE status = %s AND {which} ORDER BY id FOR NO KEY UPDATE", [Room.HELD, *values]
        )
        ids = [row[0] for row in cursor.fetchall()]
        if not ids:
            return 0
        cursor.execute(
            "UPDATE compliance_reservation SET status = %s, ended = %s, version = version + 1 WHERE id = ANY(%s)"
            " RETURNING id, version",
            [RESERVATION_LIFE.after(Room.HELD, events.ReservationEnded), why, ids],
        )
        rows = cursor.fetchall()
    record(act, [Fact(pk, version, events.ReservationEnded(why)) for pk, version in sorted(rows)])
    return len(rows)
