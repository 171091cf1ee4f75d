"""
The gate before the street: an order goes to a broker only as it was checked and let through.

The orders' lives see to that already, one move at a time. The gate looks at nothing but what is on file: the last check of
each order, whether that let it through, and whether the order still is what was checked.
"""

from collections.abc import Collection
from decimal import Decimal
from itertools import groupby
from typing import NamedTuple

from django.db import connection

from apps.core.refusals import Conflict

from ..selectors.economics import economic_hash
from ..states import Moment, Outcome, R

NAMED = 5
# A check that fails opens a review, but for one of an order that an officer let through before with no less.
ACCEPTED_WITHOUT = (Moment.CARRY, Moment.RECHECK, Moment.CROSS, Moment.ROUTE)
# The orders with all that were split from the same. A part that was never checked by itself goes by the check of what it was
# split from; the hash is of the order as it is, but for its quantity: of that, parts share what was checked.
STANDING = f"""
WITH asked AS (SELECT DISTINCT coalesce(split_from_id, id) AS root FROM orders_order WHERE id = ANY(%s::bigint[])),
kin AS (SELECT o.* FROM orders_order o JOIN asked ON o.id = asked.root
  UNION ALL SELECT o.* FROM orders_order o JOIN asked ON o.split_from_id = asked.root)
SELECT coalesce(o.split_from_id, o.id), o.id, o.qty, c.id, c.checked_qty, c.order_hash,
  {economic_hash("o", "coalesce(c.checked_qty, o.qty)")}, c.outcome, v.status, s.moment
FROM kin o
LEFT JOIN LATERAL (SELECT id FROM compliance_check WHERE order_id = o.id ORDER BY id DESC LIMIT 1) own ON true
LEFT JOIN LATERAL (SELECT (payload ->> 'check_id')::bigint AS id FROM audit_entry WHERE o.split_from_id IS NOT NULL
  AND own.id IS NULL AND subject = 'order' AND subject_id = o.id AND nth = 1 AND event = 'order.split_off') before ON true
LEFT JOIN compliance_check c ON c.id = coalesce(own.id, before.id)
LEFT JOIN compliance_run s ON s.id = c.run_id
LEFT JOIN LATERAL (SELECT status FROM compliance_review WHERE verdict_id = c.id ORDER BY id DESC LIMIT 1) v ON true
ORDER BY 1, 2
"""


class NotChecked(Conflict):
    """An order is not what compliance let through, or was not let through."""


class Standing(NamedTuple):
    root: int
    order_id: int
    qty: Decimal
    check_id: int | None
    checked_qty: Decimal | None
    checked_hash: str | None
    hash_now: str
    outcome: str | None
    review: str | None
    moment: str | None

    @property
    def fault(self) -> str:
        """What keeps the order by itself from being routed; empty where nothing does."""
        if self.check_id is None:
            return "was never checked"
        if self.checked_hash and self.checked_hash != self.hash_now:
            return "is not what was checked: its terms changed since"
        if self.outcome == Outcome.PASS or self.review == R.APPROVED:
            return ""
        if self.review is None and self.moment in ACCEPTED_WITHOUT:
            return ""
        return "was held by its last check, and no officer let it through since"


def refuse_unchecked(order_ids: Collection[int]) -> None:
    """
    Will stop orders that are not to be routed. The caller holds them. One query, however many.

    :raises NotChecked: naming those whose last check is missing, did not let them through, or is of other terms
    """
    wanted = set(order_ids)
    with connection.cursor() as cursor:
        cursor.execute(STANDING, [list(wanted)])
        rows = [Standing(*row) for row in cursor.fetchall()]
    faults: dict[int, str] = {}
    for _, members in groupby(rows, key=lambda row: row.root):
        family = list(members)
        more = _asks_for_more(family)
        for one in family:
            if one.order_id in wanted and (why := one.fault or more):
                faults[one.order_id] = why
    if faults:
        pk, why = next(iter(faults.items()))
        names = ", ".join(f"O-{one:06d}" for one in list(faults)[1:NAMED])
        also = f" So it is with {names}{' and more' if len(faults) > NAMED else ''}." if names else ""
        raise NotChecked(
            f"O-{pk:06d} {why}. Nothing was routed; have it submitted to compliance again.{also}", orders=list(faults)[:20]
        )


def _asks_for_more(family: list[Standing]) -> str:
    """Of parts of one order, whether together they ask for more than was checked; of one by itself, for another quantity."""
    if any(one.checked_qty is None for one in family):
        return ""  # Checks from before quantities were kept with them.
    checked = {one.check_id: one.checked_qty for one in family}
    asked, allowed = sum(one.qty for one in family), sum(checked.values())
    if asked > allowed or (len(family) == 1 and asked != allowed):
        return "is not what was checked: its quantity changed since"
    return ""
