"""Sales that were not delivered on their settlement date, told to compliance (Regulation SHO, 17 CFR 242.204)."""

from collections.abc import Sequence
from datetime import timedelta

from django.db import connection, transaction

from apps.compliance import services as compliance
from apps.core.acts import Act
from apps.core.events import Fact, listens
from apps.marketdata.selectors import REGULATED
from apps.users.services import require

from ..states import I

CLASSES = ["EQUITY", "ETF"]
LOOKED_BACK = timedelta(days=14)
"""How long before today a date may have come unnoticed, while nothing ran."""
FAILS = """
SELECT i.allocation_id, a.instrument_id, i.portfolio_id, i.qty, a.side = 'SELL_SHORT', i.settle_date, i.currency_id
FROM settlement_instruction i JOIN allocations_allocation a ON a.id = i.allocation_id
JOIN reference_instrument r ON r.id = a.instrument_id
WHERE {which} AND NOT i.is_receipt AND i.status = ANY(%(status)s) AND i.settle_date <= %(today)s
AND r.country = %(country)s AND r.asset_class = ANY(%(classes)s)
AND NOT EXISTS (SELECT FROM compliance_closeout c WHERE c.source = 'allocation:' || i.allocation_id)
ORDER BY i.id FOR SHARE OF i
"""


@listens("settlement.open_close_outs")
@transaction.atomic
def open_close_outs(act: Act, facts: Sequence[Fact]) -> None:
    """
    Will have those closed out that are failing deliveries of US equities whose settlement date has come, unless one was
    settled or cancelled meanwhile; of those whose date is yet to come ``open_due_close_outs`` thinks.

    :raises NotAllowed: if the actor may not feed settlement
    """
    undelivered = [str(status) for status in I if status not in (I.SETTLED, I.CANCELLED)]
    _open(act, "i.id = ANY(%(ids)s)", ids=[fact.subject_id for fact in facts], status=undelivered)


@transaction.atomic
def open_due_close_outs(act: Act) -> int:
    """
    Will have those closed out that were said to fail before their settlement date, still do, and whose date has come.

    :returns: how many
    :raises NotAllowed: if the actor may not feed settlement
    """
    since = act.at.date() - LOOKED_BACK
    return _open(act, "i.settle_date >= %(since)s", since=since, status=[str(I.FAILING)])


def _open(act: Act, which: str, **asked) -> int:
    """Holds the instructions, so that none is settled before its close-out can be seen by who closes it then."""
    require(act, "settlement.feed")
    with connection.cursor() as cursor:
        cursor.execute(
            FAILS.format(which=which), asked | {"today": act.at.date(), "country": REGULATED, "classes": CLASSES}
        )
        fails = [compliance.Fail(f"allocation:{of}", *rest) for of, *rest in cursor.fetchall()]
    return len(compliance.open_close_outs(act, fails)) if fails else 0


@listens("settlement.close_close_outs")
@transaction.atomic
def close_close_outs(act: Act, facts: Sequence[Fact]) -> None:
    """
    Will close what is to be closed out of sales that were delivered, or cancelled with no other instruction in their
    place: one that is sent anew is still not delivered.

    :raises NotAllowed: if the actor may not feed settlement
    """
    require(act, "settlement.feed")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT allocation_id, bool_or(status = 'SETTLED') FROM settlement_instruction WHERE NOT is_receipt"
            " AND allocation_id IN (SELECT allocation_id FROM settlement_instruction WHERE id = ANY(%s))"
            " GROUP BY 1 HAVING bool_or(status = 'SETTLED') OR bool_and(status = 'CANCELLED')",
            [[fact.subject_id for fact in facts]],
        )
        hows = {f"allocation:{of}": "delivered" if settled else "cancelled" for of, settled in cursor.fetchall()}
    if hows:
        compliance.close_close_outs(act, hows)
