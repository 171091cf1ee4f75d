"""
No selling of what is not held, or is already promised to another sale. What is marked as a short sale takes nothing of what
is held: it is measured against what lenders gave their word for. Exact throughout: whole ten-thousandths. A future is sold
without being held or borrowed, so it is not asked.
"""

import numpy as np

from ..columns import QTY, Snapshot
from ..judgement import FAIL, PASS, UNKNOWN, RuleVersion, Said, Verdicts
from ..params import Param
from ..projection import running, totals
from ..saying import line, ref, units

PARAMS = {"short_allowed": Param("classes", [], "asset classes in which short sales are allowed")}


def judge(s: Snapshot, rule: RuleVersion, refused: np.ndarray) -> Verdicts:
    """
    Held less open sells less earlier sells judged with it is at least the quantity; of a short sale, what is located is.
    Open buys are not yet held.
    """
    size = len(s.instruments)
    allowed = np.array([i.asset_class in rule.params["short_allowed"] for i in s.instruments], bool)
    asked = s.orders.sell & ~(allowed | s.is_pair | s.is_margined)[s.orders.instrument]
    keys = s.orders.portfolio * size + s.orders.instrument
    short = s.orders.shorts()
    rows = np.flatnonzero(asked & ~short)
    wanted, place = np.unique(keys[rows], return_inverse=True)
    held_keys = s.positions.portfolio * size + s.positions.thing
    other_keys = np.where(s.others.sell & ~s.others.shorts(), s.others.portfolio * size + s.others.instrument, -1)
    held, promised, earlier = (np.zeros(len(s.orders), np.int64) for _ in range(3))
    held[rows] = totals(wanted, held_keys, s.positions.amount)[place]
    promised[rows] = totals(wanted, other_keys, s.others.leaves)[place]
    earlier[rows] = running(place, s.orders.qty[rows])
    left = np.where(short, s.orders.lent(), held - promised - earlier)
    failed = asked & (s.orders.qty > left)
    outcome = np.where(failed, FAIL, np.where(asked, PASS, 0)).astype(np.int8)
    step = s.increment[s.orders.instrument]
    most = np.maximum(left, 0) // step * step
    most = np.where(most < s.min_piece[s.orders.instrument], 0, most)

    def say(order: int) -> Said:
        i = s.instrument_of(order)
        if short[order]:
            text = f"{units(s.orders.qty[order] / QTY)} {i.symbol} would be sold short, {units(left[order] / QTY)} can be borrowed."
            lent = line(f"{i.symbol} located", left[order] / QTY)
            return Said(text, "units that lenders gave their word for, still good", (lent,), "holding")
        text = f"{units(s.orders.qty[order] / QTY)} {i.symbol} would be sold, {units(held[order] / QTY)} are held"
        if promised[order] or earlier[order]:
            text += f" and {units((promised[order] + earlier[order]) / QTY)} of them promised to other sales"
        data = [line(f"{i.symbol} held", held[order] / QTY)]
        for row in s.rows_of("others", s.orders.portfolio[order]):
            if s.others.sell[row] and not s.others.shorts()[row] and s.others.instrument[row] == s.orders.instrument[order]:
                data.append(line(f"Open sale {ref(s.others.id[row])}", s.others.leaves[row] / QTY))
        if earlier[order]:
            data.append(line("Earlier sales judged with this one", earlier[order] / QTY))
        return Said(text + ".", "units held on trade date less open sells", tuple(data[:12]), "holding")

    return Verdicts(
        rule, outcome, say, held / QTY, (left - s.orders.qty) / QTY, np.zeros(len(left)), "units", left / QTY, "units",
        np.where(failed, most, UNKNOWN),
    )  # fmt: skip
