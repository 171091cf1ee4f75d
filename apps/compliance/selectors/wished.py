"""Snapshots around orders that nobody entered: for a rule that is tried while it is written."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import polars as pl

from ..engine import columns as c
from ..engine.judgement import RuleVersion
from .snapshot import ORDER_SCHEMA, around

FIRST_ID = 2**62  # No order has such a number.


class Wish(NamedTuple):
    """An order that nobody entered: what it would be; quantity in ten-thousandths, limit in hundred-millionths."""

    portfolio_id: int
    instrument_id: int
    side: str
    qty: int
    limit: int = 0


def snapshot_of_wishes(
    wishes: Sequence[Wish], at: datetime, *, firm_wide: bool, deals: bool = False, rules: Sequence[RuleVersion] = ()
) -> c.Snapshot:
    """The orders with all that their judgement may look at, beside the orders there are."""
    rows = [
        dict.fromkeys(ORDER_SCHEMA, 0)
        | {
            "id": FIRST_ID + n, "family": FIRST_ID + n, "portfolio": w.portfolio_id, "instrument": w.instrument_id,
            "sell": int(w.side != "BUY"), "short": int(w.side == "SELL_SHORT"), "qty": w.qty, "limit": w.limit,
            "created_us": int(at.timestamp() * 1_000_000), "desk": None,
        }
        for n, w in enumerate(wishes)
    ]  # fmt: skip
    return around(pl.DataFrame(rows, ORDER_SCHEMA | {"desk": pl.Int64}), None, at, firm_wide=firm_wide, deals=deals, rules=rules)
