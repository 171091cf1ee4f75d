"""How much the market traded, and usually trades, of an instrument over a day."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db import connection

DAYS = 28
Wanted = tuple[int, datetime, datetime]


def volumes_between(wanted: Iterable[Wanted]) -> dict[Wanted, Decimal]:
    """(instrument, from, to) to what traded in its bars that begin in the interval; 0 where none did. One query."""
    wanted = list(set(wanted))
    if not wanted:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT w.n, coalesce(sum(b.volume), 0)"
            " FROM unnest(%s::int[], %s::bigint[], %s::timestamptz[], %s::timestamptz[]) AS w(n, instrument, a, z)"
            " LEFT JOIN marketdata_bar b ON b.instrument_id = w.instrument AND b.at >= w.a AND b.at < w.z GROUP BY w.n",
            [list(range(len(wanted))), *(list(column) for column in zip(*wanted, strict=True))],
        )
        return {wanted[n]: volume for n, volume in cursor.fetchall()}


def usual_volumes(
    instrument_id: int, times: Sequence[datetime], end: datetime, seconds: int, zone: str
) -> tuple[list[Decimal], int]:
    """
    What traded on average in intervals of so many seconds that begin at these times, at the same local time of the last four
    weeks' days on which anything did; and how many days those were. Nothing is known of an interval over midnight. One query.
    """
    local = [at.astimezone(ZoneInfo(zone)) for at in (times[0], end)]
    if local[0].date() != (local[1] - timedelta(microseconds=1)).date():
        return [Decimal(0)] * len(times), 0
    today = local[0].replace(hour=0, minute=0, second=0, microsecond=0)
    since = [(at - at.replace(hour=0, minute=0, second=0, microsecond=0)).total_seconds() for at in local]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT floor((s.second - %(first)s) / %(step)s)::int AS n, sum(s.volume), array_agg(DISTINCT s.day)"
            " FROM (SELECT b.volume, (b.at AT TIME ZONE %(zone)s)::date AS day,"
            "  extract(epoch FROM (b.at AT TIME ZONE %(zone)s)::time) AS second FROM marketdata_bar b"
            "  WHERE b.instrument_id = %(pk)s AND b.at >= %(since)s AND b.at < %(today)s) s"
            " WHERE s.second >= %(first)s AND s.second < %(last)s GROUP BY 1 ORDER BY 1",
            {
                "pk": instrument_id, "zone": zone, "step": seconds, "first": since[0], "last": since[1] or 86_400,
                "since": today - timedelta(days=DAYS), "today": today,
            },
        )  # fmt: skip
        rows = cursor.fetchall()
    days = {day for *_, of in rows for day in of}
    found = {n: volume / len(days) for n, volume, *_ in rows}
    return [found.get(n, Decimal(0)) for n in range(len(times))], len(days)
