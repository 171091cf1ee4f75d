"""Lit venues as the smart router sees them: what they cost, how much trades there, and what was filled of what was sent."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.db import connection

from .models import VenueAccess
from .rules.orders import SMART
from .states import DEAD

HISTORY = timedelta(days=90)


class Filled(NamedTuple):
    """Of what the router sent to a venue through a broker and is over: how many orders, units, and units filled."""

    orders: int
    sent_qty: Decimal
    filled_qty: Decimal

    @property
    def rate(self) -> Decimal:
        return self.filled_qty / self.sent_qty


class Access(NamedTuple):
    access: VenueAccess
    filled: Filled | None


def fills_since(since: datetime) -> dict[tuple[int, int], Filled]:
    """(broker, venue) to what was filled there; absent where nothing was sent. One query."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT r.broker_id, v.id, count(*), sum(r.qty), sum(r.cum_qty) FROM routing_route r"
            " JOIN reference_venue v ON v.mic = r.params ->> 'venue'"
            " WHERE r.strategy = %s AND r.status = ANY(%s) AND r.requested_at >= %s GROUP BY 1, 2",
            [SMART, [str(status) for status in DEAD], since],
        )
        return {(broker, venue): Filled(*rest) for broker, venue, *rest in cursor.fetchall()}


def accesses(now: datetime) -> list[Access]:
    """Every venue that may be sent to, with what was filled there in the last 90 days. Two queries."""
    filled = fills_since(now - HISTORY)
    rows = VenueAccess.objects.filter(is_active=True).select_related("broker", "venue").order_by("venue__mic", "broker__code")
    return [Access(row, filled.get((row.broker_id, row.venue_id))) for row in rows]
