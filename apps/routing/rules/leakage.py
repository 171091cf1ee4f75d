"""
What asking dealers tells the market: how the mid moved after an inquiry was decided, by the dealers who knew of it and got nothing.

The move of an inquiry is ``s × (mid after − mid at decision) ÷ mid at decision``, in basis points, ``s`` 1 where we bought and −1
where we sold: positive where what we do next costs more. A dealer's score is the mean move of the inquiries it lost less the mean
move of those it was not asked in; its standard error is Welch's, ``√(v₁ ÷ n₁ + v₂ ÷ n₂)`` with sample variances. Fewer than
``LEAST`` of either are too few to tell.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from statistics import fmean, variance
from typing import NamedTuple

AFTER = timedelta(minutes=5)
"""When the mid is looked at, after the decision."""
LATEST = timedelta(minutes=10)
"""After that it is not looked at any more: the move would be another's."""
LEAST = 10
SURE = 2.0  # Standard errors.


class Seen(NamedTuple):
    """
    A past inquiry.

    :param move_bp: None where the mid was not known in time
    :param lost: dealers who were asked and got nothing; ``won``: those who got a part
    :param gain_bp: how much better than mid we dealt, None where nothing was taken; ``cover_bp``: the same of the cover
    """

    id: int
    move_bp: Decimal | None
    lost: frozenset[int]
    won: frozenset[int]
    gain_bp: Decimal | None = None
    cover_bp: Decimal | None = None

    @property
    def panel(self) -> int:
        return len(self.lost) + len(self.won)


@dataclass(frozen=True)
class Score:
    """
    Of one dealer.

    :param lost: inquiries lost whose move is known, ``others`` those it was not asked in
    :param mean_bp: mean move of the lost; :param score_bp: that less the mean of the others; :param error_bp: its standard error
    """

    dealer_id: int
    asked: int
    lost: int
    others: int
    mean_bp: float | None
    other_bp: float | None
    score_bp: float | None
    error_bp: float | None

    @property
    def is_too_few(self) -> bool:
        return self.score_bp is None

    @property
    def verdict(self) -> str:
        if self.is_too_few:
            return "too few to tell"
        if self.score_bp > SURE * self.error_bp:
            return "the mid moves against us"
        return "no sign of it"


class Panel(NamedTuple):
    """Inquiries of so many dealers: how many, and the means of what is known of them."""

    size: int
    inquiries: int
    gain_bp: float | None
    cover_gap_bp: float | None
    move_bp: float | None

    @property
    def net_bp(self) -> float | None:
        """What dealing gained against mid less what the mid lost to us after."""
        return None if self.gain_bp is None or self.move_bp is None else self.gain_bp - self.move_bp

    @property
    def is_too_few(self) -> bool:
        return self.inquiries < LEAST or self.net_bp is None


def move_bp(side: str, before: Decimal | None, after: Decimal | None) -> Decimal | None:
    """The move of the mid after a decision, positive where it went the way we traded."""
    if not before or after is None:
        return None
    move = (after - before) / before * 10_000
    return move if side.startswith("BUY") else -move


def scores(seen: Sequence[Seen]) -> list[Score]:
    """One for each dealer that was ever asked, the worst first, those with too few last."""
    dealers = {d for one in seen for d in one.lost | one.won}
    made = [_score(d, seen) for d in sorted(dealers)]
    return sorted(made, key=lambda s: (s.is_too_few, -(s.score_bp or 0), s.dealer_id))


def _score(dealer: int, seen: Sequence[Seen]) -> Score:
    asked = [one for one in seen if dealer in one.lost or dealer in one.won]
    lost = [float(one.move_bp) for one in asked if dealer in one.lost and one.move_bp is not None]
    others = [float(one.move_bp) for one in seen if dealer not in one.lost | one.won and one.move_bp is not None]
    known = len(lost) >= LEAST and len(others) >= LEAST
    return Score(
        dealer, len(asked), len(lost), len(others), _mean(lost), _mean(others),
        fmean(lost) - fmean(others) if known else None,
        (variance(lost) / len(lost) + variance(others) / len(others)) ** 0.5 if known else None,
    )  # fmt: skip


def _mean(values: Iterable[float]) -> float | None:
    values = list(values)
    return fmean(values) if values else None


def panels(seen: Sequence[Seen]) -> list[Panel]:
    """By how many dealers were asked, the fewest first."""
    by_size: dict[int, list[Seen]] = {}
    for one in seen:
        by_size.setdefault(one.panel, []).append(one)
    return [
        Panel(
            size, len(rows), _mean(float(r.gain_bp) for r in rows if r.gain_bp is not None),
            _mean(float(r.gain_bp - r.cover_bp) for r in rows if r.gain_bp is not None and r.cover_bp is not None),
            _mean(float(r.move_bp) for r in rows if r.move_bp is not None),
        )
        for size, rows in sorted(by_size.items())
    ]  # fmt: skip


def suggested(made: Sequence[Panel]) -> Panel | None:
    """The size that gained most net of the move, the smaller of two alike; None where fewer than two sizes can be told."""
    told = [p for p in made if not p.is_too_few]
    return max(told, key=lambda p: (p.net_bp, -p.size)) if len(told) > 1 else None
