"""Trading controls at submit: the limits of the order's author, desk, instrument and asset class (``engine.controls``)."""

from fractions import Fraction

import numpy as np

from .. import controls
from ..columns import PRICE, QTY, Snapshot
from ..judgement import FAIL, INDETERMINATE, PASS, UNKNOWN, RuleVersion, Said, Verdicts
from ..params import Param
from ..projection import totals
from ..saying import line

PARAMS: dict[str, Param] = {}


def judge(s: Snapshot, rule: RuleVersion, refused: np.ndarray) -> Verdicts:
    """An order no limit is of is not asked. Only what is near a limit or beyond it in floats is reckoned in fractions."""
    size = len(s.orders)
    outcome, most = np.zeros(size, np.int8), np.full(size, UNKNOWN, np.int64)
    found: dict[int, list[controls.Reason]] = {}
    applies = [_asked(s, limit) for limit in s.limits]
    if not applies:
        return Verdicts(rule, outcome, lambda order: Said(""))
    unheld = _unheld(s)
    near = np.zeros(size, bool)
    for limit, mask in zip(s.limits, applies, strict=True):
        near |= mask & _may_fail(s, limit, unheld)
    outcome[np.logical_or.reduce(applies)] = PASS
    for row in np.flatnonzero(near):
        wish = _wish(s, int(row), bool(unheld[row]))
        mine = [limit for limit, mask in zip(s.limits, applies, strict=True) if mask[row]]
        if why := controls.reasons(wish, mine):
            found[int(row)] = why
            outcome[row] = FAIL if any(one.x is not None for one in why) else INDETERMINATE
            place = s.orders.instrument[row]
            room = controls.largest(wish, mine, Fraction(int(s.increment[place]), QTY), Fraction(int(s.min_piece[place]), QTY))
            most[row] = int(room * QTY) if outcome[row] == FAIL and room is not None else UNKNOWN

    def say(order: int) -> Said:
        why = found[order]
        data = tuple(
            line(one.code, "unknown" if one.x is None else one.x, max=str(one).rpartition("=")[2], limit_id=one.limit_id) for one in why
        )
        return Said("; ".join(map(str, why)) + ".", "trading limits of the author, desk, instrument and asset class", data, "limit")

    return Verdicts(rule, outcome, say, max_qty=most)


def _asked(s: Snapshot, limit: controls.Limit) -> np.ndarray:
    of_class = np.array([i.asset_class == limit.asset_class or not limit.asset_class for i in s.instruments], bool)
    mask = of_class[s.orders.instrument]
    for wanted, column in ((limit.user, s.orders.user), (limit.desk, s.orders.desk)):
        if wanted is not None:
            mask = mask & (column == wanted if column is not None else False)
    if limit.instrument is not None:
        ids = np.array([i.id for i in s.instruments], np.int64)
        mask = mask & (ids[s.orders.instrument] == limit.instrument)
    return mask


def _unheld(s: Snapshot) -> np.ndarray:
    """Sales, not marked short, of what the portfolio holds none of."""
    size = max(len(s.instruments), 1)
    kinds = np.array([i.asset_class in controls.HELD for i in s.instruments], bool)
    rows = np.flatnonzero(s.orders.sell & ~s.orders.shorts() & kinds[s.orders.instrument])
    wanted, place = np.unique((s.orders.portfolio * size + s.orders.instrument)[rows], return_inverse=True)
    held = totals(wanted, s.positions.portfolio * size + s.positions.thing, s.positions.amount)
    unheld = np.zeros(len(s.orders), bool)
    unheld[rows] = held[place] <= 0
    return unheld


def _may_fail(s: Snapshot, limit: controls.Limit, unheld: np.ndarray) -> np.ndarray:
    """What is not clearly within the limit, in floats with a part in a million to spare."""
    place, low = s.orders.instrument, 1 - 1e-6
    mid = np.array([np.nan if i.bid is None or i.ask is None else float(i.bid + i.ask) / 2 for i in s.instruments])[place]
    priced = np.where(s.orders.limit > 0, s.orders.limit / PRICE, np.nan)
    found = unheld & limit.stops_wrong_side
    with np.errstate(invalid="ignore", divide="ignore"):
        if limit.max_qty is not None:
            found = found | (s.ordered >= float(limit.max_qty) * low)
        if limit.max_notional is not None:
            worth = s.ordered * np.fmax(mid, priced) / mid * s.unit[place]
            found = found | ~(worth < float(limit.max_notional) * low)
        if limit.max_adv_pct is not None:
            daily = np.array([np.nan if not i.daily_qty else float(i.daily_qty) for i in s.instruments])[place]
            found = found | ~(s.ordered / daily * 100 < float(limit.max_adv_pct) * low)
        if limit.collar_pct is not None:
            away = (priced / mid - 1) * np.where(s.buy, 100, -100)
            found = found | (~np.isnan(priced) & ~(away < float(limit.collar_pct) - 1e-6))
    return found


def _wish(s: Snapshot, row: int, unheld: bool) -> controls.Wish:
    i, limit = s.instrument_of(row), int(s.orders.limit[row])
    rate = s.rates.get(i.currency)
    return controls.Wish(
        bool(s.buy[row]), Fraction(int(s.orders.qty[row]), QTY), Fraction(limit, PRICE) if limit else None,
        None if i.bid is None or i.ask is None else Fraction(i.bid + i.ask) / 2,
        None if rate is None else Fraction(i.price_factor) * Fraction(rate.rate),
        None if not i.daily_qty else Fraction(i.daily_qty), unheld,
    )  # fmt: skip
