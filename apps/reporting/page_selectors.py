"""What the result page draws: how blocks filled over time, beside the market's own volume."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import connection

from apps.blocks import selectors as blocks
from apps.marketdata import selectors as marketdata
from apps.users.services import can

STEPS = 60  # Points a curve is drawn with.
ZERO = Decimal(0)


def blocks_of(user) -> list[int] | None:
    """The blocks whose figures the person may see; None where that is all of them."""
    if can(user, "portfolios.see_all"):
        return None
    return list(blocks.blocks_seen_by(user).values_list("pk", flat=True).distinct())


@dataclass
class Curve:
    """Cumulative USD filled at the end of each step, and its share in percent of what was filled in all."""

    name: str
    amounts: list[Decimal] = field(default_factory=list)

    @property
    def total(self) -> Decimal:
        return self.amounts[-1] if self.amounts else ZERO

    @property
    def shares(self) -> list[Decimal]:
        return [amount / self.total * 100 if self.total else ZERO for amount in self.amounts]


@dataclass
class Filling:
    """Equity and bonds over the same steps; ``market`` is what the market traded in those equities meanwhile."""

    ends: list[datetime]
    equity: Curve
    bonds: Curve
    market: Curve

    @property
    def rows(self) -> list[tuple]:
        """(end of step, equity USD, %, bonds USD, %, market %) at every fifth step and the last, for the table behind."""
        columns = zip(
            self.ends, self.equity.amounts, self.equity.shares, self.bonds.amounts, self.bonds.shares,
            self.market.shares or [None] * len(self.ends), strict=True,
        )  # fmt: skip
        return [row for at, row in enumerate(columns, 1) if at % 5 == 0]


EXECUTED = """
WITH live AS (
    SELECT x.at, x.block_id, x.qty * x.price AS value FROM routing_execution x
    WHERE x.status = 'LIVE' AND (%(ids)s::bigint[] IS NULL OR x.block_id = ANY(%(ids)s::bigint[]))
), span AS (SELECT min(at) AS a, max(at) AS z FROM live)
SELECT span.a, span.z, i.asset_class IN ('CORP', 'GOVT'), i.currency_id, least(%(steps)s,
    1 + floor(extract(epoch FROM live.at - span.a) / greatest(extract(epoch FROM span.z - span.a), 0.001) * %(steps)s))::int,
    sum(live.value * i.price_factor)
FROM live JOIN span ON true JOIN blocks_block b ON b.id = live.block_id
JOIN reference_instrument i ON i.id = b.instrument_id AND i.asset_class NOT IN ('OPTION', 'FUTURE', 'FX', 'FUND') GROUP BY 1, 2, 3, 4, 5
"""
TRADED = """
SELECT i.currency_id, least(%(steps)s, 1 + floor(greatest(extract(epoch FROM m.at - %(a)s), 0)
    / greatest(extract(epoch FROM %(z)s - %(a)s), 0.001) * %(steps)s))::int, sum(m.turnover * i.price_factor)
FROM marketdata_bar m JOIN reference_instrument i ON i.id = m.instrument_id
WHERE m.at BETWEEN %(a)s AND %(z)s AND m.instrument_id IN (
    SELECT DISTINCT b.instrument_id FROM blocks_block b JOIN routing_route r ON r.block_id = b.id AND r.kind = 'ALGO'
    WHERE %(ids)s::bigint[] IS NULL OR b.id = ANY(%(ids)s::bigint[])
) GROUP BY 1, 2
"""


def filling(block_ids: Sequence[int] | None = None) -> Filling | None:
    """How these blocks, or all, filled from the first execution to the last; None where nothing has. Three queries."""
    rates = {c: r for c, (r, _) in marketdata.fx_rates("USD").items()}
    asked = {"ids": None if block_ids is None else list(block_ids), "steps": STEPS}
    steps = {True: [ZERO] * STEPS, False: [ZERO] * STEPS}
    with connection.cursor() as cursor:
        cursor.execute(EXECUTED, asked)
        rows = cursor.fetchall()
        if not rows:
            return None
        since, until = rows[0][:2]
        for _, _, is_bond, currency, step, value in rows:
            steps[is_bond][step - 1] += value * rates[currency]
        cursor.execute(TRADED, asked | {"a": since, "z": until})
        market = [ZERO] * STEPS
        for currency, step, value in cursor.fetchall():
            market[step - 1] += value * rates.get(currency, ZERO)
    width = (until - since) / STEPS or timedelta(milliseconds=1)
    ends = [since + width * (step + 1) for step in range(STEPS)]
    return Filling(
        ends, Curve("Equity", _sums(steps[False])), Curve("Bonds", _sums(steps[True])),
        Curve("Market volume", _sums(market) if any(market) else []),
    )  # fmt: skip


def _sums(amounts: list[Decimal]) -> list[Decimal]:
    total, sums = ZERO, []
    for amount in amounts:
        total += amount
        sums.append(total)
    return sums


LEFT, RIGHT, TOP, BOTTOM = 40, 716, 12, 196


@dataclass
class Chart:
    """Points of the picture, in its own units: 720 wide, 220 high."""

    equity: str
    bonds: str
    market: str
    levels: list[tuple[str, int]]
    times: list[tuple[int, datetime, str]]


def chart(of: Filling) -> Chart:
    def points(curve: Curve) -> str:
        if not curve.total:
            return ""
        shares = [ZERO, *curve.shares]
        return " ".join(
            f"{LEFT + (RIGHT - LEFT) * step / STEPS:.1f},{BOTTOM - (BOTTOM - TOP) * float(share) / 100:.1f}"
            for step, share in enumerate(shares)
        )

    levels = [(f"{level}%", round(BOTTOM - (BOTTOM - TOP) * level / 100)) for level in (0, 25, 50, 75, 100)]
    picked = ((0, "start"), (STEPS // 2, "middle"), (STEPS, "end"))
    first = of.ends[0] - (of.ends[1] - of.ends[0])
    times = [
        (round(LEFT + (RIGHT - LEFT) * step / STEPS), of.ends[step - 1] if step else first, anchor)
        for step, anchor in picked
    ]
    return Chart(points(of.equity), points(of.bonds), points(of.market), levels, times)
