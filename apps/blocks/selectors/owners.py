"""Who works what."""

from decimal import Decimal
from typing import NamedTuple

from django.db import connection

from apps.users.models import User
from apps.users.selectors import desks_of


class Queue(NamedTuple):
    """What a trader owns on the desks looked at; ``owner`` is None for the pool. Money in USD at the mid now."""

    owner: User | None
    ready: int
    working: int
    usd: Decimal | None


def queues_of(user) -> list[Queue]:
    """The pool and every trader's queue on the person's desks, also the empty ones. Three queries."""
    desks = list(desks_of(user).values_list("pk", flat=True))
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH fx AS (SELECT base_id AS currency, rate FROM marketdata_fxrate WHERE quote_id = 'USD' UNION"
            " SELECT quote_id, 1 / rate FROM marketdata_fxrate WHERE base_id = 'USD' UNION SELECT 'USD', 1)"
            " SELECT b.owner_id, count(*) FILTER (WHERE b.status = 'OPEN'), count(*) FILTER (WHERE b.status = 'WORKING'),"
            " sum((b.qty - b.filled_qty) * coalesce((b.terms ->> 'cash_qty')::numeric / b.qty, (q.bid + q.ask) / 2)"
            " * i.price_factor * fx.rate)"
            " FROM blocks_block b JOIN reference_instrument i ON i.id = b.instrument_id"
            " LEFT JOIN marketdata_quote q ON q.instrument_id = i.id LEFT JOIN fx ON fx.currency = b.currency_id"
            " WHERE b.status IN ('OPEN', 'WORKING') AND b.desk_id = ANY(%s) GROUP BY 1",
            [desks],
        )
        owned = {owner: rest for owner, *rest in cursor.fetchall()}
    people = User.objects.filter(desks__in=desks, is_active=True, is_automated=False) | User.objects.filter(pk__in=owned)
    pool = Queue(None, *owned.get(None, (0, 0, None)))
    return [pool, *(Queue(p, *owned.get(p.pk, (0, 0, None))) for p in people.distinct().order_by("first_name", "username"))]
