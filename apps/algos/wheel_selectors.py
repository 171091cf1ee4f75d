"""Wheels as people see them: what they say, what was drawn, whether it was drawn as it should be, and how it did."""

from collections.abc import Sequence
from decimal import Decimal
from math import sqrt
from statistics import NormalDist, mean, stdev
from typing import NamedTuple

from django.db.models import QuerySet

from apps.audit.models import Entry
from apps.core.refusals import NotFound
from apps.routing.page_selectors import slippage_bp
from apps.routing.selectors import on_desks_of

from .models import Draw, Season, Wheel, WheelChange
from .rules import wheel as rules
from .states import Se

CONFIDENCE, POWER = 0.95, 0.8
TELLS_BP = 1


def wheels() -> QuerySet[Wheel]:
    return Wheel.objects.order_by("-is_active", "name").prefetch_related("seasons")


def get_wheel(wheel_id: int) -> Wheel:
    """:raises NotFound:"""
    row = wheels().filter(pk=wheel_id).first()
    if row is None:
        raise NotFound("There is no such wheel.")
    return row


def changes() -> QuerySet[WheelChange]:
    return WheelChange.objects.select_related("wheel", "proposed_by", "decided_by").order_by("-pk")


def waiting() -> list[WheelChange]:
    """Changes that another person is to decide on, the oldest first."""
    return list(changes().filter(status="PROPOSED").order_by("pk"))


def get_change(change_id: int) -> WheelChange:
    """:raises NotFound:"""
    row = changes().filter(pk=change_id).first()
    if row is None:
        raise NotFound("There is no such change of a wheel.")
    return row


def seasons() -> QuerySet[Season]:
    return Season.objects.select_related("wheel").order_by("-pk")


def get_season(season_id: int) -> Season:
    """:raises NotFound:"""
    row = seasons().filter(pk=season_id).first()
    if row is None:
        raise NotFound("There is no such season.")
    return row


def draws_seen_by(user) -> QuerySet[Draw]:
    """Those of blocks of the person's desks, the newest first."""
    rows = Draw.objects.select_related("sequence__season__wheel", "block__instrument", "broker", "drawn_by", "route")
    return on_desks_of(user, rows).order_by("-pk")


def get_draw_seen_by(user, draw_id: int) -> Draw:
    """:raises NotFound: where it does not exist or is not on a desk of the person"""
    row = draws_seen_by(user).filter(pk=draw_id).first()
    if row is None:
        raise NotFound("There is no such draw, or it is not on a desk of yours.")
    return row


class Verified(NamedTuple):
    """What making a season's draws again found. ``problems`` is empty where all of them are as they must be."""

    draws: int
    problems: Sequence[str]


def verified(season: Season, seed: str | None = None) -> Verified:
    """
    Makes every draw of a season again, and holds them against those that are kept.

    :param seed: as it was told; the one that is kept where it is None
    """
    seed = season.seed if seed is None else seed
    problems = []
    if rules.commitment(seed) != season.commitment:
        problems.append("The seed is not the one whose hash was told when the season opened.")
    told = Entry.objects.filter(subject="season", subject_id=season.pk, event="season.opened").first()
    if told is None or told.payload["commitment"] != season.commitment:
        problems.append("The record has another hash of the seed, or none.")
    weights = {n: one["weight"] for n, one in enumerate(season.said["destinations"])}
    count = 0
    for sequence in season.sequences.order_by("pk").prefetch_related("draws"):
        rows = sorted(sequence.draws.all(), key=lambda d: d.counter)
        count += len(rows)
        if [d.counter for d in rows] != list(range(sequence.drawn)):
            problems.append(f"{sequence.stratum}: counters are not 0 to {sequence.drawn - 1}, each once.")
        among = {n: weights[n] for n in sequence.among}
        problems += [
            f"{d.ref}: draw {d.counter} of {sequence.stratum} comes to another destination."
            for d in rows
            if rules.drawn(seed, sequence.stratum, among, d.counter) != d.pick
        ]
    return Verified(count, problems)


class Result(NamedTuple):
    """
    What came of a destination's draws.

    :param expected: how many draws proportion gives it, over the sequences it was in
    :param mean_bp: cost against arrival, positive is worse, over ``measured`` filled routes; None for none
    :param margin_bp: half the 95% confidence interval of the mean, by the normal distribution; None below two
    :param needed: how many routes each of two destinations needs to tell them one basis point apart (80% power); None where unknown
    """

    name: str
    weight: int
    draws: int
    expected: Decimal
    routed: int
    set_aside: int
    excluded: int
    filled_qty: Decimal
    filled_pct: Decimal | None
    measured: int
    mean_bp: float | None
    margin_bp: float | None
    needed: int | None


def results(season: Season, rows: Sequence[Draw] | None = None) -> list[Result]:
    """
    Each destination's; three queries.

    :param rows: of the season's draws those that count; all where None
    """
    if rows is None:
        rows = list(Draw.objects.filter(sequence__season=season).select_related("sequence", "block", "route"))
    said = season.said["destinations"]
    expected: dict[int, Decimal] = dict.fromkeys(range(len(said)), Decimal(0))
    for d in rows:
        whole = sum(said[n]["weight"] for n in d.sequence.among)
        for n in d.sequence.among:
            expected[n] += Decimal(said[n]["weight"]) / whole
    found = []
    for n, one in enumerate(said):
        name = f"{one['broker']} {one['strategy']}".strip()
        mine = [d for d in rows if d.pick == n]
        routes = [(d.route, d.block.side) for d in mine if d.route]
        costs = [slippage_bp(side, r.arrival_price, r.cum_qty, r.cum_value) for r, side in routes]
        costs = [float(cost) for cost in costs if cost is not None]
        filled, qty = sum((r.cum_qty for r, _ in routes), Decimal(0)), sum((r.qty for r, _ in routes), Decimal(0))
        found.append(
            Result(
                name, one["weight"], len(mine), expected[n], len(routes), sum(d.status == "SET_ASIDE" for d in mine),
                sum(any(e == name for e, _ in d.excluded) for d in rows), filled, filled / qty * 100 if qty else None, len(costs),
                mean(costs) if costs else None, *_spread(costs),
            )
        )  # fmt: skip
    return found


def _spread(costs: Sequence[float]) -> tuple[float | None, int | None]:
    """Half the confidence interval of the mean, and how many are needed of each of two: 2 (z₁ + z₂)² s² / δ²."""
    if len(costs) < 2:
        return None, None
    spread, sure = stdev(costs), NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    needed = 2 * (sure + NormalDist().inv_cdf(POWER)) ** 2 * spread**2 / TELLS_BP**2
    return sure * spread / sqrt(len(costs)), max(2, int(-(-needed // 1)))


def seed_of(season: Season) -> str:
    """A season's seed once it may be told; empty before."""
    return season.seed if season.status == Se.CLOSED else ""


def offered() -> list[Wheel]:
    """The wheels that may be drawn with."""
    return list(Wheel.objects.filter(is_active=True, seasons__status=Se.OPEN).distinct().order_by("name"))
