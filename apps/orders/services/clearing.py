"""What follows when compliance has nothing against orders: the desk may see them, or somebody has to agree first."""

from collections.abc import Mapping

from django.db import transaction

from apps.core.acts import Act

from .. import events, selectors
from .approving import open_approvals
from .moves import happen, locked


@transaction.atomic
def mark_cleared(act: Act, checks: Mapping[int, int], overridden: Mapping[int, str] | None = None) -> None:
    """
    Will let orders through to the desk, or to those who have to agree to them first.

    :param checks: order id to the id of the check that says so
    :param overridden: order id to the severity of what an officer overrode, for those that were held
    :raises IllegalMove, OrderBusy:
    """
    rows = locked(checks, wait=False)
    waiting = open_approvals(act, selectors.approvals_needed(checks, overridden or {}))
    if waiting:
        awaits = [row for row in rows if row.id in waiting]
        happen(act, awaits, {row.id: events.OrderAwaitsApproval(checks[row.id]) for row in awaits})
    through = [row for row in rows if row.id not in waiting]
    happen(act, through, {row.id: events.OrderCleared(checks[row.id]) for row in through})
