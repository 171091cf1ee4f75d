"""Questions to the lists: what is in force, which orders meet it, and who met it before."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple

from django.db import connection
from django.db.models import QuerySet

from apps.core.refusals import NotFound
from apps.reference import selectors as reference
from apps.reference.models import Issuer
from apps.reference.rules import HOLDERS
from apps.users.services import can

from ..engine.lists import (
    HOLDS,
    KINDS,
    OPEN_KINDS,
    REACHES,
    STOPS,
    Entry,
    Family,
    Holding,
    Met,
    Part,
    Thing,
    Wanted,
    met,
    named,
    without_secrets,
)
from ..models import ListHit, Restriction
from ..states import InForce, Outcome

KEPT_BY = "control_room"
"""The measure by which the control room holds orders."""
MOST_HITS = 500
MOST_LEVELS = 5
"""Of funds that hold funds; what lies deeper is not known."""
CONTROL_ROOM = "compliance.control_room"


def kinds_seen_by(user) -> tuple[str, ...]:
    """The lists whose entries the person may read."""
    if not can(user, "compliance.see"):
        return ()
    return tuple(KINDS) if can(user, CONTROL_ROOM) else OPEN_KINDS


def restrictions_seen_by(user) -> QuerySet[Restriction]:
    """The entries of the lists that a person may read, what is in force first; none for whom they are not."""
    rows = Restriction.objects.filter(kind__in=kinds_seen_by(user))
    named = ("issuer", "instrument", "broker", "custodian", "portfolio", "group", "desk", "person", "lift_asked_by", "lifted_by")
    return rows.select_related(*named).order_by("status", "-pk")


def hits_seen_by(user) -> QuerySet[ListHit]:
    """
    Which orders met which entries, newest first, with all that a page says of them. For the control room.

    :raises NotFound: for whom they are not
    """
    if not can(user, CONTROL_ROOM):
        raise NotFound("There is no such page for your role.")
    return ListHit.objects.select_related(
        "entry__issuer", "entry__instrument", "entry__broker", "entry__custodian", "order__portfolio", "order__instrument",
        "order__created_by",
    ).order_by("-pk")


def entries_met(order_ids: Sequence[int], at: datetime, effects: Collection[str], *, waiting: bool = False) -> list[Met]:
    """
    Which of the orders meet an entry in force, or a fund that it looks through, in the order of their ids. One statement
    where no list has any, five at most, whatever the number of orders; one more where an entry is about a group of portfolios,
    and two for each level of funds looked through.

    :param effects: of which entries (``engine.lists.STOPS`` and so on)
    :param waiting: whether names count that are the same on a sanctions list and wait for an officer, as entries that wait
    """
    with connection.cursor() as cursor:
        entries = _entries(cursor, [kind for kind, one in KINDS.items() if one.effect in effects], at.date() if waiting else None)
        if not entries:
            return []
        things = _things(cursor, order_ids, at)
        funds = {thing.fund_id for thing in things} - {None}
        look = any(entry.look_through for entry in entries) and funds
        hits = named(entries, things, _holdings(cursor, funds, at.date()) if look else None)
        return met(hits, _orders(cursor, order_ids, list(hits), {one.group_id for one in entries} - {None})) if hits else []


def met_for_judging(order_ids: Sequence[int], at: datetime) -> list[Met]:
    """
    What judging asks of the lists. It is stored with every screening, so of what is the control room's no more than that
    it was met.
    """
    return without_secrets(entries_met(order_ids, at, (STOPS, HOLDS), waiting=True))


def held_for_control_room(review_ids: Sequence[int]) -> list[int]:
    """Of some reviews those whose orders met a list of the control room, or may have. One query."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT r.id FROM compliance_review r JOIN compliance_check c ON c.id = r.verdict_id WHERE r.id = ANY(%s)"
            " AND EXISTS (SELECT FROM jsonb_array_elements(c.results) found JOIN compliance_rule k ON k.code = found ->> 'rule'"
            "  WHERE k.kind = %s AND found ->> 'outcome' <> %s) ORDER BY r.id",
            [list(review_ids), KEPT_BY, Outcome.PASS],
        )
        return [pk for (pk,) in cursor.fetchall()]


def entry_names(entry: Restriction) -> str:
    """What an entry is about, as the control room reads it."""
    named = entry.issuer or entry.broker or entry.custodian
    return named.name if named else entry.instrument.symbol


class BrokerEntry(NamedTuple):
    """A broker on the restricted list: for one portfolio, one desk's orders, one direction, or for all where that is said of none."""

    broker_id: int
    portfolio_id: int | None
    desk_id: int | None
    direction: str

    def binds(self, broker_id: int, portfolio_id: int, desk_id: int, side: str) -> bool:
        """Whether it keeps an order from the broker."""
        return (
            self.broker_id == broker_id
            and self.portfolio_id in (None, portfolio_id)
            and self.desk_id in (None, desk_id)
            and self.direction in ("ALL", "BUY" if side == "BUY" else "SELL")
        )


def brokers_listed(on: date) -> list[BrokerEntry]:
    """The brokers on the restricted list on a day, those for the whole firm too. One query."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT broker_id, portfolio_id, desk_id, direction FROM compliance_restriction WHERE broker_id IS NOT NULL"
            " AND status = %s AND daterange(effective_from, effective_to, '[]') @> %s ORDER BY id",
            [InForce.ACTIVE, on],
        )
        return [BrokerEntry(*row) for row in cursor.fetchall()]


LISTED = (
    "SELECT r.id, coalesce(s.name, i.symbol, c.name), r.direction, r.reason, r.effective_from, r.effective_to, r.issuer_id,"
    " r.reach, r.instrument_id, r.portfolio_id, r.desk_id, r.person_id, r.kind, r.look_through, r.custodian_id, false AS waits,"
    " r.group_id, EXISTS (SELECT FROM compliance_namematch m WHERE m.restriction_id = r.id)"
    " FROM compliance_restriction r LEFT JOIN reference_custodian c ON c.id = r.custodian_id"
    " LEFT JOIN reference_issuer s ON s.id = r.issuer_id LEFT JOIN reference_instrument i ON i.id = r.instrument_id"
    " WHERE r.status = %s AND r.kind = ANY(%s) AND r.broker_id IS NULL"
)
# Names nearly the same stop nothing; those that are the same do, until an officer clears them.
WAITING = (
    "SELECT m.id, m.name, 'ALL', m.called || ' on the sanctions list (no. ' || m.uid || ')', %s::date, NULL::date, m.issuer_id,"
    " 'DAUGHTERS', NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint, 'RESTRICTED', false, m.custodian_id, true, NULL::bigint, true"
    " FROM compliance_namematch m WHERE m.status = 'WAITING' AND m.how <> 'NEAR' AND m.broker_id IS NULL"
)


def _entries(cursor, kinds: Sequence[str], waiting_on: date | None = None) -> list[Entry]:
    """:param waiting_on: the day that names which wait for an officer count on; None: they do not"""
    union, day = (f" UNION ALL {WAITING}", [waiting_on]) if waiting_on else ("", [])
    cursor.execute(f"{LISTED}{union} ORDER BY waits, 1", [InForce.ACTIVE, list(kinds), *day])
    rows = cursor.fetchall()
    family = Family(dict(Issuer.objects.values_list("pk", "parent_id"))) if any(row[6] for row in rows) else None
    return [
        Entry(
            pk, f"{name} {REACHES[reach]}" if issuer and reach != "ISSUER" else name, *dated,
            family.reach(issuer, reach) if issuer else frozenset(), *scope,
        )
        for pk, name, *dated, issuer, reach, instrument, portfolio, desk, person, kind, look, custodian, waits, group, listed in rows
        for scope in [(instrument, portfolio, desk, person, kind, look, custodian, waits, group, listed)]
    ]  # fmt: skip


class _Row(NamedTuple):
    id: int
    symbol: str
    issuer_id: int
    venue_id: int
    underlying_id: int | None
    underlying_symbol: str
    underlying_issuer_id: int | None
    fund_id: int | None


def _things(cursor, order_ids: Sequence[int], at: datetime) -> list[Thing]:
    """The instruments of the orders, each with the date it would trade on and that of the asking."""
    cursor.execute(
        "SELECT i.id, i.symbol, i.issuer_id, i.venue_id, i.underlying_id, coalesce(u.symbol, ''), u.issuer_id,"
        " CASE WHEN i.asset_class = ANY(%s) THEN i.id WHEN u.asset_class = ANY(%s) THEN u.id END"
        " FROM reference_instrument i LEFT JOIN reference_instrument u ON u.id = i.underlying_id"
        " WHERE i.id IN (SELECT instrument_id FROM orders_order WHERE id = ANY(%s::bigint[])) ORDER BY i.id",
        [list(HOLDERS), list(HOLDERS), list(order_ids)],
    )
    rows = [_Row(*row) for row in cursor.fetchall()]
    days: dict[int, date] = reference.trade_dates({row.venue_id for row in rows}, at)
    return [
        Thing(
            row.id, row.symbol, row.issuer_id, days[row.venue_id], row.underlying_id, row.underlying_symbol,
            row.underlying_issuer_id, row.fund_id, at.astimezone(UTC).date(),
        )
        for row in rows
    ]  # fmt: skip


def _holdings(cursor, funds: Collection[int], on: date) -> dict[int, Holding]:
    """What the funds hold, and the funds that they hold, a level at a time."""
    found: dict[int, Holding] = {}
    for _ in range(MOST_LEVELS):
        held = reference.constituents(funds, on)
        cursor.execute(
            "SELECT i.id, i.symbol, i.issuer_id, i.underlying_id, u.issuer_id, i.asset_class = ANY(%s)"
            " FROM reference_instrument i LEFT JOIN reference_instrument u ON u.id = i.underlying_id WHERE i.id = ANY(%s)",
            [list(HOLDERS), sorted({pk for one in held.values() for pk in one.weights})],
        )
        things = {
            pk: (Thing(pk, symbol, issuer, on, underlying, "", of), is_fund)
            for pk, symbol, issuer, underlying, of, is_fund in cursor.fetchall()
        }
        for fund, one in held.items():
            parts = [Part(things[pk][0], weight, things[pk][1]) for pk, weight in one.weights.items()]
            found[fund] = Holding(one.as_of, parts)
        funds = {pk for pk, (_, is_fund) in things.items() if is_fund} - found.keys()
        if not funds:
            break
    return found


def _orders(cursor, order_ids: Sequence[int], instrument_ids: Sequence[int], groups: Collection[int]) -> list[Wanted]:
    cursor.execute(
        "SELECT o.id, o.instrument_id, o.portfolio_id, o.desk_id, o.created_by_id, o.side <> 'BUY', p.custodian_id"
        " FROM orders_order o JOIN portfolios_portfolio p ON p.id = o.portfolio_id"
        " WHERE o.id = ANY(%s::bigint[]) AND o.instrument_id = ANY(%s::bigint[]) ORDER BY o.id",
        [list(order_ids), list(instrument_ids)],
    )
    rows, members = cursor.fetchall(), defaultdict(set)
    if groups:
        cursor.execute(
            "SELECT portfolio_id, portfoliogroup_id FROM portfolios_portfoliogroup_members WHERE portfoliogroup_id = ANY(%s)",
            [list(groups)],
        )
        for portfolio, group in cursor.fetchall():
            members[portfolio].add(group)
    return [Wanted(*row, frozenset(members.get(row[2], ()))) for row in rows]
