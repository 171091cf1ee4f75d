"""What a screening leaves besides its checks: the run, by which every one of its verdicts can be reached again."""

import platform
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import orjson
import polars as pl
from django.db import connection

from apps.core.acts import Act

from ..engine.columns import Snapshot
from ..engine.screening import Screening
from ..engine.storing import digest, packed, squeezed
from ..selectors.runs import rules_hash
from ..states import Moment

PART = 1_000
"""Orders whose figures are kept together: who looks at one order's reads those of so many."""
ENGINE = {"python": platform.python_version(), "numpy": np.__version__, "polars": pl.__version__, "storing": 1}


class Kept(NamedTuple):
    id: int
    inputs_hash: str
    rules_hash: str


def keep_run(act: Act, act_id: int, moment: Moment, s: Snapshot, found: Screening) -> Kept:
    """Will store what was looked at, which rules were asked, and the numbers they found. Three statements."""
    inputs = packed(s)
    inputs_hash, rules = digest(inputs), [rule.id for rule in found.rules]
    rules_are = rules_hash(rules)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO compliance_run (moment, at, act_id, orders, rule_versions, rules_hash, inputs, inputs_hash, engine)"
            " VALUES (%s, %s, %s, %s, %s::jsonb, %s, %s, %s, %s::jsonb) RETURNING id",
            [
                str(moment), act.at, act_id, len(s.orders), orjson.dumps(rules).decode(), rules_are, squeezed(inputs),
                inputs_hash, orjson.dumps(ENGINE).decode(),
            ],
        )  # fmt: skip
        pk = cursor.fetchone()[0]
        _keep_figures(cursor, pk, s, found)
    return Kept(pk, inputs_hash, rules_are)


def _keep_figures(cursor, run_id: int, s: Snapshot, found: Screening) -> None:
    firsts, lasts, figures = [], [], []
    for start in range(0, len(s.orders), PART):
        ids: Sequence[int] = s.orders.id[start : start + PART]
        firsts.append(int(ids[0]))
        lasts.append(int(ids[-1]))
        figures.append(squeezed(found.figures(s, slice(start, start + PART))))
    cursor.execute(
        "INSERT INTO compliance_runfigures (run_id, first_order, last_order, figures)"
        " SELECT %s, * FROM unnest(%s::bigint[], %s::bigint[], %s::bytea[])",
        [run_id, firsts, lasts, figures],
    )
