"""
The market: for every instrument a price that walks, a book of one level, and a volume that grows.

A price is an efficient value, which walks at random with the instrument's volatility and is drawn back slowly to
where it began (else a demo left on overnight would end far from its own closes), and a transient part, which
pressure on the book pushes away and which is back within minutes. The imbalance of the sizes at bid and offer
foretells the transient part, imperfectly, to everybody: a patient algorithm earns by reading it.
An option moves with what it is on, by its delta; a future walks by itself. Both come last and draw from a generator of
their own, so what is listed beside them never changes the path of the rest.
Volume follows the intraday curve, day after day. Everything is drawn from one seeded generator in steps of a
fixed length, so the path depends on the seed and not on when somebody looked.
"""

import json
import math
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np

from .clock import SESSION_SECONDS, TRADING_DAYS
from .universe import Instrument, Universe
from .values import Values

ANCHOR_HALF_LIFE_DAYS = 10.0
TRANSIENT_BP = 5.3  # Standard deviation of the transient part of a share's price.
TRANSIENT_HALF_LIFE_SECONDS = 180.0
IMBALANCE_SKILL = 0.75  # Correlation of the book's imbalance with what the transient part will undo.
VOLUME_NOISE = 0.35
INQUIRY_SPEED = 10.0


@dataclass(frozen=True)
class Quote:
    """
    One instrument at one moment. Prices exact, on the tick; `volume` in units and `vwap` in price run from the
    street's first opening and never start over, so turnover between two quotes is a difference of products.
    `imbalance` is (bid size - offer size) / (bid size + offer size).
    """

    symbol: str
    bid: Decimal
    offer: Decimal
    bid_size: int
    offer_size: int
    last: Decimal
    volume: int
    vwap: float

    @property
    def mid(self) -> Decimal:
        return (self.bid + self.offer) / 2

    @property
    def imbalance(self) -> float:
        return (self.bid_size - self.offer_size) / (self.bid_size + self.offer_size)


class Market:
    """
    :param seed: of every draw
    :param tick: simulated seconds of one step
    :param speed: simulated seconds per real second. People and systems decide on an inquiry in real time however
        fast the rest runs, so what trades by inquiry moves as at ten times real time at most
    """

    def __init__(self, universe: Universe, *, seed: int, tick: int, speed: float = 1.0):
        self.universe = universe
        self.values = Values(seed)
        self.tick = tick
        self.now = 0.0
        self._random, self._random_listed = np.random.default_rng([seed, 1]), np.random.default_rng([seed, 2])
        listed = universe.instruments
        self._plain = sum(not i.is_listed for i in listed)
        self._following = np.array([n for n, i in enumerate(listed) if i.follows], np.int64)
        self._followed = np.array([universe.index[i.follows] for i in listed if i.follows], np.int64)
        self._delta = np.array([i.delta for i in listed if i.follows])
        count = len(listed)
        self._start = np.log([float(i.price) for i in listed])
        self._ticks = np.array([float(i.tick) for i in listed])
        self._spread = np.array([i.spread_bp for i in listed]) / 1e4
        self._adv = np.array([i.adv for i in listed])
        day_share = tick / SESSION_SECONDS
        self._step_vol = np.array([i.annual_vol for i in listed]) * math.sqrt(day_share / TRADING_DAYS)
        slowed = math.sqrt(min(1.0, INQUIRY_SPEED / speed))
        self._step_vol *= np.where([i.is_bond for i in listed], slowed, 1.0)
        self._step_vol[self._following] = 0.0
        self._pull = 1 - 0.5 ** (day_share / ANCHOR_HALF_LIFE_DAYS)
        shares = np.array([i.asset_class in ("EQUITY", "ETF") for i in listed])
        self._transient_sd = np.where(shares, TRANSIENT_BP / 1e4, 0.0)
        self._fade = 0.5 ** (tick / TRANSIENT_HALF_LIFE_SECONDS)
        self._minute_share = np.array(universe.curve) / 60
        self._day_until = np.concatenate([[0.0], np.cumsum(universe.curve)])
        self._value = self._start.copy()
        self._transient = np.zeros(count)
        self._mistaken = np.zeros(count)
        self.volume = np.zeros(count)
        self.turnover = np.zeros(count)
        self._look(np.zeros(count))

    def step(self) -> None:
        """Will move every instrument on by one tick."""
        own = (5, len(self._start) - self._plain)
        draws = np.hstack(
            [self._random.standard_normal((5, self._plain)), self._random_listed.standard_normal(own)]
        )
        fresh = math.sqrt(1 - self._fade**2)
        self._value += draws[0] * self._step_vol - (self._value - self._start) * self._pull
        self._transient = self._transient * self._fade + draws[1] * self._transient_sd * fresh
        self._mistaken = self._mistaken * self._fade + draws[2] * fresh
        self._look(draws[3])
        minute = int(self.now % SESSION_SECONDS // 60)
        surprise = np.exp(VOLUME_NOISE * draws[4] - VOLUME_NOISE**2 / 2)
        traded = np.rint(self._adv * self._minute_share[minute] * self.tick * surprise)
        self.volume += traded
        self.turnover += traded * (self._bid + self._offer) / 2 * self._ticks
        self.now += self.tick

    def quote(self, instrument: Instrument) -> Quote:
        """As the market stands; of a fund its last net asset value, for which nobody bids or offers anything else."""
        if instrument.is_fund:
            nav = self.values.at(instrument, self.now)
            return Quote(instrument.symbol, nav, nav, 0, 0, nav, 0, float(nav))
        n = self.universe.index[instrument.symbol]
        bid, offer = int(self._bid[n]) * instrument.tick, int(self._offer[n]) * instrument.tick
        depth = max(1.0, instrument.adv * 0.0004)
        lean = float(self._lean[n])
        volume = float(self.volume[n])
        return Quote(
            symbol=instrument.symbol,
            bid=bid,
            offer=offer,
            bid_size=max(1, round(depth * (1 + lean))),
            offer_size=max(1, round(depth * (1 - lean))),
            last=bid if self._last_at_bid[n] else offer,
            volume=int(volume),
            vwap=float(self.turnover[n]) / volume if volume else float((bid + offer) / 2),
        )

    def traded(self, instrument: Instrument) -> tuple[float, float]:
        """(units, turnover in price times units) since the first opening; the exact figures behind a quote."""
        n = self.universe.index[instrument.symbol]
        return float(self.volume[n]), float(self.turnover[n])

    def share_of_day(self, start: float, end: float) -> float:
        """The curve's share of a day's volume between two simulated times at most one session apart."""
        return self._cumulative(end) - self._cumulative(start)

    def _cumulative(self, at: float) -> float:
        days, seconds = divmod(at, SESSION_SECONDS)
        minute = int(seconds // 60)
        return days + float(self._day_until[minute]) + self.universe.curve[minute] * (seconds % 60) / 60

    def _look(self, draws: np.ndarray) -> None:
        """Sets bid, offer, last and lean from the state and a row of draws."""
        mid = np.exp(self._value + self._transient)
        moved = mid[self._followed] - np.exp(self._start[self._followed])
        mid[self._following] = np.exp(self._start[self._following]) + self._delta * moved
        wide = np.maximum(1, np.rint(mid * self._spread / self._ticks))
        self._bid = np.maximum(1, np.rint(mid / self._ticks - wide / 2))
        self._offer = self._bid + wide
        self._last_at_bid = draws < 0
        told = np.divide(
            self._transient, self._transient_sd, out=np.zeros_like(self._transient), where=self._transient_sd > 0
        )
        seen = -told * IMBALANCE_SKILL + self._mistaken * math.sqrt(1 - IMBALANCE_SKILL**2)
        self._lean = np.tanh(seen * 0.5)

    def save(self, path: Path) -> None:
        """Writes the state so that `restore` goes on where this stopped; the file is whole or absent."""
        state = {
            "now": self.now,
            "tick": self.tick,
            "symbols": [i.symbol for i in self.universe.instruments],
            "value": self._value.tolist(),
            "transient": self._transient.tolist(),
            "mistaken": self._mistaken.tolist(),
            "volume": self.volume.tolist(),
            "turnover": self.turnover.tolist(),
            "random": self._random.bit_generator.state,
            "random_listed": self._random_listed.bit_generator.state,
        }
        part = path.with_suffix(".part")
        part.write_text(json.dumps(state), encoding="utf-8")
        part.replace(path)

    def restore(self, path: Path) -> bool:
        """:returns: False, and nothing is changed, if there is no state or it is of another list of instruments"""
        if not path.is_file():
            return False
        state = json.loads(path.read_text(encoding="utf-8"))
        if state["symbols"] != [i.symbol for i in self.universe.instruments]:
            return False
        self.now = state["now"]
        self._value = np.array(state["value"])
        self._transient = np.array(state["transient"])
        self._mistaken = np.array(state["mistaken"])
        self.volume = np.array(state["volume"])
        self.turnover = np.array(state["turnover"])
        self._random.bit_generator.state = state["random"]
        self._random_listed.bit_generator.state = state["random_listed"]
        self._look(np.zeros(len(self._value)))
        return True
