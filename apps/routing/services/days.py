"""What brokers tell of the day of an order over days (FIX 4.4 vol. 4 app. D, D2): kept beside its own figures, and booked nowhere."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from apps.core.tables import update_many

from .. import rules


class DayTold(NamedTuple):
    """DayOrderQty (424), DayCumQty (425) and DayAvgPx (426), None where not said; when it was so by the broker's clock."""

    qty: Decimal | None
    cum_qty: Decimal | None
    average: Decimal | None
    at: datetime


def day_told(report: rules.Report, at: datetime) -> DayTold | None:
    """None where the report tells nothing of the day."""
    if report.day_qty is None and report.day_cum_qty is None:
        return None
    average = None if report.day_average is None else round(report.day_average, 12)
    return DayTold(report.day_qty, report.day_cum_qty, average, at)


def write_days(cursor, told: Iterable[tuple[int, DayTold | None]]) -> None:
    """Will write what was told of routes, by their ids; one statement where something was, none else."""
    rows = [(pk, day) for pk, day in told if day]
    columns = {
        "day_qty": ("numeric", [day.qty for _, day in rows]),
        "day_cum_qty": ("numeric", [day.cum_qty for _, day in rows]),
        "day_average_price": ("numeric", [day.average for _, day in rows]),
        "day_told_at": ("timestamptz", [day.at for _, day in rows]),
    }
    update_many(cursor, "routing_route", [pk for pk, _ in rows], columns)
