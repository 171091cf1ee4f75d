"""
How an algorithm works an order: when, how much, and at which side of the spread.

Pure: simulated time, a quote and a curve go in, child fills come out.
"""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from .market import Quote


class Strategy(StrEnum):
    """TargetStrategy(847) of FIX 4.4 and one of our own above 1000; DIRECT is an order that names none."""

    DIRECT = ""
    VWAP = "1"
    PARTICIPATE = "2"
    TWAP = "1001"


@dataclass(frozen=True)
class Style:
    """
    A broker's way of working.

    :param slice_seconds: simulated seconds between two child orders
    :param quality: 0..1, the part of each child that waits for the book to lean its way before it pays
    :param reject_probability: of a new order, at random
    :param cancel_probability: of an unsolicited cancel somewhere along the schedule
    """

    slice_seconds: int = 480
    quality: float = 0.9
    reject_probability: float = 0.0
    cancel_probability: float = 0.0


STYLES = {
    "NORTHGATE": Style(slice_seconds=450, quality=0.95),
    "HARBOR": Style(slice_seconds=480, quality=0.9),
    "MERIDIAN": Style(slice_seconds=540, quality=0.85),
}


@dataclass(frozen=True)
class Schedule:
    """Simulated seconds from `start` to `end`; never longer than one session."""

    start: float
    end: float

    def due(self, at: float, strategy: Strategy, share_of_day: Callable[[float, float], float]) -> float:
        """0..1: the part of the order that should be done by `at` (by volume, else evenly in time)."""
        if at >= self.end:
            return 1.0
        if at <= self.start:
            return 0.0
        if strategy is Strategy.VWAP:
            return share_of_day(self.start, at) / share_of_day(self.start, self.end)
        return (at - self.start) / (self.end - self.start)


@dataclass
class Worker:
    """
    The child order of one parent: what it still has to do before its deadline.

    :param random: of this order alone, so that what other orders do changes nothing here
    """

    style: Style
    schedule: Schedule
    strategy: Strategy
    rate: float
    random: random.Random
    child: Decimal = Decimal(0)
    deadline: float = 0.0
    seen_volume: float | None = None
    owed: float = 0.0
    clip: Decimal = Decimal(0)
    patient: bool = True

    def plan(self, *, now: float, goal: Decimal, done: Decimal, step: Decimal, share, volume: float) -> None:
        """
        Will set the next child when the last one's time is over.

        :param goal: how much of the order this schedule will find, in units
        :param step: smallest step of a quantity
        :param share: the curve's share of a day between two times
        :param volume: units the whole market has traded so far, which participation follows
        """
        if now < self.deadline:
            return
        self.deadline = now + self.style.slice_seconds * self.random.uniform(0.7, 1.3)
        if self.schedule.end - self.deadline < self.style.slice_seconds / 2:
            self.deadline = self.schedule.end
        if self.strategy is Strategy.PARTICIPATE:
            since = volume - (volume if self.seen_volume is None else self.seen_volume)
            self.seen_volume = volume
            self.owed += self.rate * since
            target = min(goal, whole(Decimal(self.owed), step))
        elif self.strategy is Strategy.DIRECT:
            target = goal
        else:
            target = whole(goal * Decimal(self.schedule.due(self.deadline, self.strategy, share)), step)
        if self.deadline >= self.schedule.end and self.strategy is not Strategy.PARTICIPATE:
            target = goal
        self.child = max(Decimal(0), target - done)
        self.patient = self.random.random() < self.style.quality
        self.clip = max(step, whole(self.child / 2, step))

    def fill(self, *, now: float, tick: int, quote: Quote, buying: bool, limit: Decimal | None, step: Decimal):
        """
        :returns: (quantity, price) of a fill in this step, or None

        A child waits at the near touch while the book leans the right way, and pays as its deadline comes: first the
        middle if somebody is there, else the far touch. The part of it that a broker's quality does not
        cover is done without looking.
        """
        if self.child <= 0:
            return None
        near, far = (quote.bid, quote.offer) if buying else (quote.offer, quote.bid)
        if self.strategy is Strategy.DIRECT:
            depth = Decimal(quote.offer_size if buying else quote.bid_size)
            quantity = min(self.child, max(whole(depth, step), whole(self.child / 4, step), step))
            return self._within(limit, buying, quantity, far)
        left = self.deadline - now
        if left <= tick:
            price = quote.mid if self.random.random() < 0.5 else far
            return self._within(limit, buying, self.child, price)
        leaning = quote.imbalance if buying else -quote.imbalance
        patience = min(1.0, left / self.style.slice_seconds)
        wanted = 0.6 * patience**0.5 if self.patient else -1.0
        if leaning < wanted:
            return None
        quantity = self.child if self.random.random() < 0.65 else min(self.clip, self.child)
        return self._within(limit, buying, quantity, near)

    def _within(self, limit: Decimal | None, buying: bool, quantity: Decimal, price: Decimal):
        if limit is not None and (price > limit if buying else price < limit):
            return None
        self.child -= quantity
        return quantity, price


def whole(quantity: Decimal, step: Decimal) -> Decimal:
    """The largest multiple of the step not above the quantity."""
    return (quantity // step) * step


def completion(u: float) -> float:
    """
    The part of an order that the broker finds the other side for, 0..1, from a draw u in [0, 1).

    Three orders in five complete; the rest miss up to a fourteenth or so. The mean over u is 0.985.
    """
    return 1.0 if u < 0.6 else 1.0 - 0.075 * (u - 0.6) / 0.4


def spread_evenly(first: float, count: int) -> float:
    """The count-th of a sequence in [0, 1) that fills the interval evenly from any start (golden ratio)."""
    return math.modf(first + count * 0.6180339887498949)[0]
