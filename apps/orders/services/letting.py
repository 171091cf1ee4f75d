"""The last door before the desk: an order that waits for another is parked, the rest are cleared."""

from collections.abc import Collection, Mapping, Sequence

from apps.core.acts import Act

from .. import events
from .moves import Locked, happen


def let_through(act: Act, rows: Sequence[Locked], waiting: Collection[int], checks: Mapping[int, int]) -> None:
    """
    Will clear locked orders, or park those whose trigger has not filled yet.

    :param waiting: which those are
    :param checks: order id to the check that says so, where it was compliance that let them through
    :raises IllegalMove:
    """
    parked = [row for row in rows if row.id in waiting]
    happen(act, parked, {row.id: events.OrderParked(checks.get(row.id)) for row in parked})
    cleared = [row for row in rows if row.id not in waiting]
    happen(act, cleared, {row.id: events.OrderCleared(checks.get(row.id)) for row in cleared})
