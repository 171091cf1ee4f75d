"""Questions to the limits that the whole firm shares: how much room there is, and who holds the rest."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from django.db import connection

from apps.orders.selectors import orders_seen_by
from apps.portfolios.selectors import portfolios_seen_by
from apps.users.services import can

from ..engine.judgement import RuleVersion
from ..engine.rules import firm_groups, look_firm_wide
from ..states import Room, Stage
from .asked import active_rules
from .room_groups import FOUR, group_rooms

MOST_HOLDERS = 1_000
OWNERSHIP = "issue_ownership"


class Holder(NamedTuple):
    """
    An order that takes room: by being open, or by a reservation for a draft, which has an id and a version.

    :param qty: in units of its instrument; :param takes: what of the limit, in the limit's unit; None where that is not known
    """

    limit_id: int
    order_id: int
    portfolio: str
    by: str
    qty: Decimal
    since: datetime
    until: datetime | None
    reservation_id: int | None
    version: int | None
    mine: bool
    symbol: str
    takes: Decimal | None


class Limit(NamedTuple):
    """
    A limit of one rule on one instrument, or on one group. Numbers in ``unit``; None where the rule says none or it is not known.

    :param symbol: the instrument's, or what the group is called
    :param held: by the whole firm; :param promised: still to be bought by open orders, of a least to be sold
    :param reserved: for drafts
    """

    id: int
    rule: str
    name: str
    symbol: str
    cap: Decimal | None
    held: Decimal | None
    promised: Decimal | None
    reserved: Decimal | None
    holders: Sequence[Holder]
    unit: str = "units"
    is_group: bool = False
    is_least: bool = False

    @property
    def left(self) -> Decimal | None:
        if self.cap is None or self.held is None:
            return None
        return self.held - self.promised - self.cap if self.is_least else self.cap - self.held - self.promised - self.reserved


def shared_limits(user, at: datetime) -> list[Limit]:
    """
    Limits that somebody holds room under, the fullest first. Of portfolios that a person does not see, only that one is
    another's. Four queries, and more where a rule is on groups; their number does not grow with the rows.
    """
    if not (can(user, "compliance.see") or can(user, "compliance.see_own")):
        return []
    rules = {rule.code: rule for rule in active_rules(at.date(), Stage.SUBMIT) if look_firm_wide([rule])}
    rooms = group_rooms([rule for rule in rules.values() if not firm_groups([rule]) <= {"instrument"}], at)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT l.id, i.id, r.code, i.symbol, i.shares_outstanding, h.qty, p.qty, v.qty FROM compliance_sharedlimit l"
            " JOIN compliance_rule r ON r.id = l.rule_id AND r.code = ANY(%s) JOIN reference_instrument i ON i.id = l.instrument_id,"
            " LATERAL (SELECT coalesce(sum(qty), 0) AS qty FROM portfolios_position WHERE instrument_id = i.id) h,"
            " LATERAL (SELECT coalesce(sum(qty - filled_qty - cancelled_qty), 0) AS qty FROM orders_order WHERE instrument_id = i.id"
            "  AND side = 'BUY' AND qty > filled_qty + cancelled_qty AND status <> 'DRAFT') p,"
            " LATERAL (SELECT coalesce(sum(qty), 0) AS qty FROM compliance_reservation WHERE limit_id = l.id AND status = %s"
            "  AND until > %s) v WHERE p.qty + v.qty > 0",
            [list(rules), Room.HELD, at],
        )
        rows = cursor.fetchall()
        counts = {(pk, thing): Fraction(1) for pk, thing, *_ in rows}
        counts |= {(room.limit_id, thing): worth for room in rooms for thing, worth in room.counts.items()}
        holders = _holders(cursor, user, counts, {room.limit_id for room in rooms if room.is_least}, at)
    found = [
        Limit(pk, code, rules[code].name, symbol, _cap(rules[code], outstanding), *sums, holders.get(pk, []))
        for pk, _, code, symbol, outstanding, *sums in rows
    ]
    found += [
        Limit(
            room.limit_id, room.rule.code, room.rule.name, room.name, room.cap, room.held, room.promised, room.reserved,
            holders.get(room.limit_id, []), room.unit, True, room.is_least,
        )
        for room in rooms
    ]  # fmt: skip
    return sorted(found, key=_fullness)


def _fullness(one: Limit) -> tuple[bool, Decimal | int, str, str]:
    part = 0 if one.left is None or not one.cap else one.left / one.cap
    return one.left is None, part, one.symbol, one.rule


def _cap(rule: RuleVersion, outstanding: Decimal | None) -> Decimal | None:
    if outstanding is None or rule.kind not in (OWNERSHIP, "measure"):
        return None
    p = rule.params
    if rule.kind == OWNERSHIP:
        return p["max_pct"] * outstanding / 100
    is_part = p["against"] == "shares_outstanding" and p["basis"] == "units" and p["bound"] == "max"
    return p["limit"] * outstanding / 100 if is_part else None


def _holders(
    cursor, user, counts: Mapping[tuple[int, int], Fraction | None], least: Collection[int], at: datetime
) -> dict[int, list[Holder]]:
    """:param counts: (limit, instrument) to what one unit counts for; :param least: limits that sales take room of"""
    pairs = list(counts)
    cursor.execute(
        "SELECT q.limit_id, i.id, i.symbol, o.id, o.portfolio_id, p.code,"
        " concat_ws(' ', u.first_name, u.last_name), u.username, q.qty, q.since,"
        " q.until, q.reservation_id, q.version, q.by FROM ("
        " SELECT l.limit_id, o.id AS order_id, o.created_by_id AS by, o.qty - o.filled_qty - o.cancelled_qty AS qty,"
        "  o.created_at AS since, NULL::timestamptz AS until, NULL::bigint AS reservation_id, NULL::int AS version"
        "  FROM unnest(%(limits)s::bigint[], %(things)s::bigint[], %(buys)s::bool[]) AS l(limit_id, instrument_id, buys)"
        "  JOIN orders_order o ON o.instrument_id = l.instrument_id AND (o.side = 'BUY') = l.buys"
        "  WHERE o.qty > o.filled_qty + o.cancelled_qty AND o.status <> 'DRAFT'"
        " UNION ALL SELECT limit_id, order_id, reserved_by_id, qty, reserved_at, until, id, version FROM compliance_reservation"
        "  WHERE limit_id = ANY(%(limits)s) AND status = %(held)s AND until > %(at)s"
        ") q JOIN orders_order o ON o.id = q.order_id JOIN reference_instrument i ON i.id = o.instrument_id"
        " JOIN portfolios_portfolio p ON p.id = o.portfolio_id"
        " JOIN users_user u ON u.id = q.by ORDER BY q.since, o.id LIMIT %(most)s",
        {"limits": [limit for limit, _ in pairs], "things": [thing for _, thing in pairs],
         "buys": [limit not in least for limit, _ in pairs], "held": Room.HELD, "at": at, "most": MOST_HOLDERS},
    )
    rows = cursor.fetchall()
    seen = set(portfolios_seen_by(user).values_list("pk", flat=True))
    found: dict[int, list[Holder]] = {}
    for limit, thing, symbol, order, portfolio, code, name, login, qty, since, until, pk, version, by in rows:
        shown, one = code if portfolio in seen else "another’s", counts.get((limit, thing))
        takes = None if one is None else (qty * one.numerator / one.denominator).quantize(FOUR)
        found.setdefault(limit, []).append(
            Holder(limit, order, shown, name.strip() or login, qty, since, until, pk, version, by == user.pk, symbol, takes)
        )
    return found


def drafts_to_reserve(user, at: datetime):
    """A manager's own drafts to buy, newest first, with portfolio and instrument. One query."""
    drafts = orders_seen_by(user).filter(status="DRAFT", side="BUY", created_by=user)
    return drafts.select_related("portfolio", "instrument").order_by("-pk")[:200]
