"""
Lists that a broker took as one message (35=E), and what it says of each as it goes on (35=N).

Each order of a list is an order like any other, with reports of its own; the list's state is told as it is received, as the first
of it fills, and as all of it is over. It is kept in memory alone: after a restart its orders go on and the list is told of no more.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from .orders import ZERO, Order

ACK, STARTED, ALL_DONE = "1", "4", "5"  # ListStatusType (429).
RECEIVED, EXECUTING, DONE, REJECTED = "2", "3", "6", "7"  # ListOrderStatus (431).


@dataclass
class Told:
    """What a ListStatus says: its type, the list's state, and its orders as they are."""

    broker: str
    list_id: str
    kind: str
    status: str
    orders: Sequence[Order]
    at: datetime
    text: str = ""


class Lists:
    """The lists of one broker."""

    def __init__(self, broker: str):
        self.broker = broker
        self._orders: dict[str, list[Order]] = {}
        self._status: dict[str, str] = {}

    def take(self, list_id: str, orders: Sequence[Order], at: datetime) -> Told:
        """Will remember a list; one that is known is told again as it stands."""
        if list_id not in self._orders:
            self._orders[list_id], self._status[list_id] = list(orders), RECEIVED
            if orders and all(order.status == "8" for order in orders):
                self._status[list_id] = REJECTED
        return Told(self.broker, list_id, ACK, self._status[list_id], self._orders[list_id], at)

    def knows(self, list_id: str) -> bool:
        return list_id in self._orders

    def step(self, at: datetime) -> Iterator[Told]:
        """What is new of lists since it was last asked."""
        for list_id, orders in self._orders.items():
            before = self._status[list_id]
            if before in (DONE, REJECTED):
                continue
            now = DONE if not any(o.working for o in orders) else EXECUTING if any(o.cum > ZERO for o in orders) else before
            if now != before:
                self._status[list_id] = now
                yield Told(self.broker, list_id, ALL_DONE if now == DONE else STARTED, now, orders, at)
