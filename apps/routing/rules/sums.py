"""
Whether the quantities of an execution report add up, in themselves and with the executions we know of the order (FIX 4.4
vol. 4 app. D: LeavesQty = OrderQty − CumQty while an order works, and 0 once it is over).
"""

from decimal import Decimal

from ..states import DEAD, Rt
from .order_states import PENDING, in_words
from .orders import plain
from .reports import FILL, RESTATED, TRADES, Report

HALF_BP = Decimal("0.00005")


def contradiction(report: Report) -> str:
    """What of one report does not add up; empty where all does, or the report does not say enough."""
    qty, cum, leaves, status = report.qty, report.cum_qty, report.leaves_qty, report.status
    if cum is not None and report.exec_type == FILL and cum < report.last_qty:
        return f"It fills {plain(report.last_qty)}, and says that {plain(cum)} in all are filled (CumQty)."
    if None in (qty, cum):
        return ""
    if status == Rt.FILLED and cum != qty:
        return f"It calls the order filled, with {plain(cum)} of {plain(qty)}."
    if leaves is not None:
        wrong = _leaves_problem(report, qty, cum, leaves)
        if wrong:
            return wrong
    if report.day_qty is not None and report.day_cum_qty is not None:
        left = qty - (cum - report.day_cum_qty)
        if report.day_qty != left:
            return (
                f"It says that {plain(report.day_qty)} are the day's to fill (DayOrderQty); {plain(qty)} less the"
                f" {plain(cum - report.day_cum_qty)} of the days before are {plain(left)}."
            )
    return ""


def _leaves_problem(report: Report, qty: Decimal, cum: Decimal, leaves: Decimal) -> str:
    status = report.status
    if status == Rt.DONE_FOR_DAY:
        fits = leaves in (0, qty - cum)  # Nothing of a day order; the rest of one that is good till cancelled.
    elif status in DEAD:
        if leaves:
            return f"It calls the order {in_words(status)}, and says that {plain(leaves)} are left (LeavesQty)."
        fits = True
    else:
        # The restatement of an open order printed in FIX 4.2 app. D (D20) leaves 0, which later versions corrected.
        misprint = report.exec_type == RESTATED and report.begin_string == "FIX.4.2" and not leaves
        fits = cum + leaves == qty or misprint
    if fits:
        return ""
    return f"{plain(cum)} filled (CumQty) and {plain(leaves)} left (LeavesQty) are not the {plain(qty)} ordered (OrderQty)."


def disagreement(report: Report, qty: Decimal | None, cum: Decimal, value: Decimal, refused: Decimal) -> str:
    """
    How a report's totals differ from the order as we would have it after the report; empty where they do not.

    :param qty: of the order, None where it is not known in units; ``cum`` and ``value`` (Σ quantity · price): of its executions
    :param refused: the quantity of executions that the broker may count and we do not accept (DK)
    """
    told = report.cum_qty
    if told is not None and told not in (cum, cum + refused):
        known = f", and {plain(refused)} that were refused" if refused else ""
        return f"It counts {plain(told)} filled (CumQty); the executions we know sum to {plain(cum)}{known}."
    if qty is not None and told == cum and report.status == Rt.FILLED and cum != qty:
        return f"It calls the order filled; of ours, {plain(cum)} of {plain(qty)} are."
    is_working = report.status not in (*DEAD, *PENDING)
    if None not in (report.qty, qty) and report.exec_type in TRADES and is_working and report.qty != qty:
        return f"It speaks of an order for {plain(report.qty)} (OrderQty); ours is for {plain(qty)}."
    if told is None or told != cum or not cum or not report.avg_price:
        return ""  # An average of zero is one that was not worked out.
    average = value / cum
    if is_off(report.avg_price, average):
        return f"Its average price (AvgPx) is {plain(report.avg_price)}; the executions we know average {average:.6f}."
    return ""


def is_off(told: Decimal, average: Decimal) -> bool:
    """
    Whether an average price is another. It may be rounded or cut at its last decimal, where it has two or more; and be off by
    half a basis point however it is written.
    """
    places = -told.as_tuple().exponent
    unit = Decimal(1).scaleb(-places) if places >= 2 else Decimal(0)
    off = abs(told - average)
    return off >= unit and off > abs(average) * HALF_BP
