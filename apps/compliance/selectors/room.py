"""Questions to the limits that the whole firm shares: how much room there is, and who holds the rest."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from django.db import connection

from apps.orders.selectors import orders_seen_by
from apps.portfolios.selectors import portfolios_seen_by
from apps.users.services import can

from ..engine.judgement import RuleVersion
from ..engine.rules import look_firm_wide
from ..states import Room, Stage
from .asked import active_rules

MOST_HOLDERS = 1_000
OWNERSHIP = "issue_ownership"


class Holder(NamedTuple):
    """An order that takes room: by being open, or by a reservation for a draft, which has an id and a version."""

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


class Limit(NamedTuple):
    """
    A limit of one rule on one instrument. Quantities in units; ``cap`` and ``left`` None where the rule says no quantity.

    :param held: by the whole firm; :param promised: still to be bought by open orders; :param reserved: for drafts
    """

    id: int
    rule: str
    name: str
    symbol: str
    cap: Decimal | None
    held: Decimal
    promised: Decimal
    reserved: Decimal
    holders: Sequence[Holder]

    @property
    def left(self) -> Decimal | None:
        return None if self.cap is None else self.cap - self.held - self.promised - self.reserved


def shared_limits(user, at: datetime) -> list[Limit]:
    """
    Limits that somebody holds room under, the fullest first. Of portfolios that a person does not see, only that one is
    another's. Four queries.
    """
    if not (can(user, "compliance.see") or can(user, "compliance.see_own")):
        return []
    rules = {rule.code: rule for rule in active_rules(at.date(), Stage.SUBMIT) if look_firm_wide([rule])}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT l.id, r.code, i.symbol, i.shares_outstanding, h.qty, p.qty, v.qty FROM compliance_sharedlimit l"
            " JOIN compliance_rule r ON r.id = l.rule_id AND r.code = ANY(%s) JOIN reference_instrument i ON i.id = l.instrument_id,"
            " LATERAL (SELECT coalesce(sum(qty), 0) AS qty FROM portfolios_position WHERE instrument_id = i.id) h,"
            " LATERAL (SELECT coalesce(sum(qty - filled_qty - cancelled_qty), 0) AS qty FROM orders_order WHERE instrument_id = i.id"
            "  AND side = 'BUY' AND qty > filled_qty + cancelled_qty AND status <> 'DRAFT') p,"
            " LATERAL (SELECT coalesce(sum(qty), 0) AS qty FROM compliance_reservation WHERE limit_id = l.id AND status = %s"
            "  AND until > %s) v WHERE p.qty + v.qty > 0",
            [list(rules), Room.HELD, at],
        )
        rows = cursor.fetchall()
        holders = _holders(cursor, user, [row[0] for row in rows], at)
    found = [
        Limit(pk, code, rules[code].name, symbol, _cap(rules[code], outstanding), *sums, holders.get(pk, []))
        for pk, code, symbol, outstanding, *sums in rows
    ]
    return sorted(found, key=lambda one: (one.left is None, one.left / one.cap if one.cap else 0, one.symbol, one.rule))


def _cap(rule: RuleVersion, outstanding: Decimal | None) -> Decimal | None:
    if rule.kind != OWNERSHIP or outstanding is None:
        return None
    return rule.params["max_pct"] * outstanding / 100


def _holders(cursor, user, limit_ids: Sequence[int], at: datetime) -> dict[int, list[Holder]]:
    cursor.execute(
        "SELECT q.limit_id, o.id, o.portfolio_id, p.code, concat_ws(' ', u.first_name, u.last_name), u.username, q.qty, q.since,"
        " q.until, q.reservation_id, q.version, q.by FROM ("
        " SELECT l.id AS limit_id, o.id AS order_id, o.created_by_id AS by, o.qty - o.filled_qty - o.cancelled_qty AS qty,"
        "  o.created_at AS since, NULL::timestamptz AS until, NULL::bigint AS reservation_id, NULL::int AS version"
        "  FROM compliance_sharedlimit l JOIN orders_order o ON o.instrument_id = l.instrument_id WHERE l.id = ANY(%(limits)s)"
        "  AND o.side = 'BUY' AND o.qty > o.filled_qty + o.cancelled_qty AND o.status <> 'DRAFT'"
        " UNION ALL SELECT limit_id, order_id, reserved_by_id, qty, reserved_at, until, id, version FROM compliance_reservation"
        "  WHERE limit_id = ANY(%(limits)s) AND status = %(held)s AND until > %(at)s"
        ") q JOIN orders_order o ON o.id = q.order_id JOIN portfolios_portfolio p ON p.id = o.portfolio_id"
        " JOIN users_user u ON u.id = q.by ORDER BY q.since, o.id LIMIT %(most)s",
        {"limits": list(limit_ids), "held": Room.HELD, "at": at, "most": MOST_HOLDERS},
    )
    rows = cursor.fetchall()
    seen = set(portfolios_seen_by(user).values_list("pk", flat=True))
    found: dict[int, list[Holder]] = {}
    for limit, order, portfolio, code, name, login, qty, since, until, pk, version, by in rows:
        shown = code if portfolio in seen else "another’s"
        found.setdefault(limit, []).append(
            Holder(limit, order, shown, name.strip() or login, qty, since, until, pk, version, by == user.pk)
        )
    return found


def drafts_to_reserve(user, at: datetime):
    """A manager's own drafts to buy, newest first, with portfolio and instrument. One query."""
    drafts = orders_seen_by(user).filter(status="DRAFT", side="BUY", created_by=user)
    return drafts.select_related("portfolio", "instrument").order_by("-pk")[:200]
