"""
What follows when nothing is against orders any more: the desk may see them, or somebody has to agree first, or they
wait for the order that triggers them.
"""

from collections.abc import Mapping

from django.db import transaction

from apps.core.acts import Act

from .. import events, selectors
from . import carrying
from .approving import open_approvals
from .letting import let_through
from .moves import happen, locked


@transaction.atomic
def mark_cleared(act: Act, checks: Mapping[int, int], overridden: Mapping[int, str] | None = None) -> None:
    """
    Will let orders through to the desk, to those who have to agree to them first, or to wait for their trigger.

    :param checks: order id to the id of the check that says so
    :param overridden: order id to the severity of what an officer overrode, for those that were held
    :raises IllegalMove, OrderBusy:
    """
    rows = locked(checks, wait=False)
    needed, parked = selectors.before_the_desk(checks, overridden or {})
    waiting = open_approvals(act, needed)
    if waiting:
        awaits = [row for row in rows if row.id in waiting]
        happen(act, awaits, {row.id: events.OrderAwaitsApproval(checks[row.id]) for row in awaits})
    let_through(act, [row for row in rows if row.id not in waiting], parked, checks)


@transaction.atomic
def mark_working(act: Act, blocks: Mapping[int, int]) -> None:
    """
    Will say that the desk works them: order id to the block whose statement was fixed.

    :raises NotCheckedToday, OtherSideAtWork: if one is not to be worked yet
    :raises IllegalMove, OrderBusy:
    """
    rows = locked(blocks, wait=False)
    carrying.refuse_unready(act, blocks)
    told = {pk: events.OrderWorking(pk) for pk in set(blocks.values())}
    happen(act, rows, {order: told[block] for order, block in blocks.items()})
