"""Plan and actual as points of a chart, and the table behind it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

LEFT, RIGHT, TOP, BOTTOM = 64, 712, 8, 196
Steps = Sequence[tuple[datetime, Decimal]]


class Row(NamedTuple):
    """A slice of the plan: up to it by plan, and what was sent and filled by then; None where it is not known or not yet."""

    n: int
    at: datetime
    qty: Decimal | None
    planned: Decimal | None
    sent: Decimal | None
    filled: Decimal | None
    tif: str


class Chart(NamedTuple):
    plan: str
    sent: str
    filled: str
    levels: list[tuple[Decimal, int]]
    times: list[tuple[int, datetime, str]]
    now: float | None
    rows: list[Row]


def run_of(steps: Iterable[tuple[datetime, Decimal]]) -> list[tuple[datetime, Decimal]]:
    """Cumulative."""
    found, total = [], Decimal(0)
    for at, qty in steps:
        total += qty
        found.append((at, total))
    return found


def drawn(
    slices: Sequence[tuple[int, datetime, Decimal | None, str]], whole: Decimal, start: datetime, end: datetime,
    *, base: tuple[int, Decimal] = (0, Decimal(0)), sent: Steps = (), filled: Steps = (), now: datetime | None = None,
) -> Chart:  # fmt: skip
    """
    :param slices: number, time, quantity and time in force of each of the plan; those up to ``base[0]`` are of plans before, of
        which ``base[1]`` was committed when the rest was planned
    :param sent, filled: when and how much, one by one
    :param now: None for a plan that nobody started
    """
    planned, total, is_known = [], Decimal(0), True
    for n, at, qty, _ in slices:
        if n == base[0] + 1 and base[0]:
            total = base[1]
        is_known = is_known and qty is not None
        total = min(total + (qty or 0), whole)
        planned.append((at, total if is_known else None))
    end = max([end, *(at for at, *_ in (*sent, *filled)), *([min(now, end)] if now else [])])
    span = max((end - start).total_seconds(), 1)
    most = max(whole, sum((qty for _, qty in sent), Decimal(0)), Decimal(1))

    def x(at: datetime) -> float:
        return round(LEFT + (RIGHT - LEFT) * min(max((at - start).total_seconds() / span, 0), 1), 1)

    def y(qty: Decimal) -> float:
        return round(float(BOTTOM - (BOTTOM - TOP) * qty / most), 1)

    def points(steps: Iterable[tuple[datetime, Decimal]], until: datetime) -> str:
        said, height = [f"{x(start)},{y(Decimal(0))}"], y(Decimal(0))
        for at, qty in steps:
            said += [f"{x(at)},{height}", f"{x(at)},{y(qty)}"]
            height = y(qty)
        return " ".join([*said, f"{x(until)},{height}"]) if len(said) > 1 else ""

    upto = end if now is None else min(max(now, start), end)
    sent_run, filled_run = run_of(sent), run_of(filled)
    return Chart(
        points([(at, q) for at, q in planned if q is not None], end), points(sent_run, upto), points(filled_run, upto),
        [(most * part / 4, int(y(most * part / 4))) for part in range(5)],
        [(LEFT, start, "start"), ((LEFT + RIGHT) // 2, start + (end - start) / 2, "middle"), (RIGHT, end, "end")],
        None if now is None or not start <= now <= end else x(now),
        [
            Row(n, at, qty, total, _upto(sent_run, at, now), _upto(filled_run, at, now), tif)
            for (n, at, qty, tif), (_, total) in zip(slices, planned, strict=True)
        ],
    )  # fmt: skip


def _upto(run: Steps, at: datetime, now: datetime | None) -> Decimal | None:
    if now is None or at > now:
        return None
    return next((total for when, total in reversed(run) if when <= at), Decimal(0))
