"""The same portfolio, instrument, side and quantity twice within a short time: most likely one order sent twice."""

import numpy as np

from ..columns import QTY, Snapshot
from ..judgement import FAIL, PASS, RuleVersion, Said, Verdicts, without_quantity
from ..params import Param
from ..saying import line, moment, ref, units

PARAMS = {"window": Param("minutes", 30, "how far apart in minutes two orders are still taken for one")}


def judge(s: Snapshot, rule: RuleVersion, refused: np.ndarray) -> Verdicts:
    """Fails the later of two like orders; earlier ones judged with it and all unfinished others are looked at."""
    window = rule.params["window"] * 60_000_000
    o, x = s.orders, s.others
    columns = [np.concatenate((getattr(x, name), getattr(o, name))) for name in ("portfolio", "instrument", "sell", "qty")]
    created = np.concatenate((x.created_us, o.created_us))
    ids = np.concatenate((x.id, o.id))
    families = np.concatenate((x.family, o.family))
    judged = np.concatenate((np.zeros(len(x), bool), np.ones(len(o), bool)))
    order = np.lexsort((ids, judged, *columns))
    like = np.ones(max(len(order) - 1, 0), bool)
    for column in columns:
        like &= column[order][1:] == column[order][:-1]
    twin: dict[int, int] = {}
    starts = np.flatnonzero(np.concatenate(([True], ~like))) if len(order) else np.zeros(0, int)
    sizes = np.diff(np.append(starts, len(order)))
    for start, size in zip(starts[sizes > 1], sizes[sizes > 1], strict=True):
        _twins(order[start : start + size], judged, created, families, window, len(x), twin)
    outcome = np.full(len(o), PASS, np.int8)
    outcome[list(twin)] = FAIL

    def say(n: int) -> Said:
        other = twin[n]
        at = moment(created[other])
        i = s.instrument_of(n)
        text = (
            f"{ref(ids[other])} is the same: {'sell' if o.sell[n] else 'buy'} {units(o.qty[n] / QTY)} {i.symbol} for"
            f" {s.portfolio_of(n).code}, entered {at:%H:%M:%S} UTC."
        )
        basis = f"unfinished orders entered within {rule.params['window']} min"
        return Said(text, basis, (line("The same order", ref(ids[other]), at, order_id=int(ids[other])),), "rule")

    return Verdicts(rule, outcome, say, max_qty=without_quantity(outcome == FAIL))


def _twins(
    group: np.ndarray, judged: np.ndarray, created: np.ndarray, families: np.ndarray, window: int, offset: int, twin: dict
) -> None:
    """
    Each judged row of like orders (others first, then by id) to the latest before it that is near enough in time and no
    part of the same order.
    """
    for position, row in enumerate(group):
        if judged[row]:
            near = next(
                (r for r in group[:position][::-1] if abs(created[row] - created[r]) <= window and families[row] != families[r]),
                None,
            )
            if near is not None:
                twin[int(row) - offset] = int(near)


def falls_on_another(s: Snapshot, order: int, qty: int, window_minutes: int) -> bool:
    """Whether the order with that quantity would be like an unfinished one, or one judged before it."""
    portfolio, window = s.orders.portfolio[order], window_minutes * 60_000_000
    for table, rows in ((s.others, s.rows_of("others", portfolio)), (s.orders, s.rows_of("orders", portfolio))):
        if table is s.orders:
            rows = rows[rows < order]
        like = (table.instrument[rows] == s.orders.instrument[order]) & (table.sell[rows] == s.orders.sell[order])
        like &= table.family[rows] != s.orders.family[order]
        like &= (table.qty[rows] == qty) & (np.abs(table.created_us[rows] - s.orders.created_us[order]) <= window)
        if like.any():
            return True
    return False
