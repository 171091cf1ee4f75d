"""
Net asset values of funds. Each valuation point, which here is the end of a session, has one: a day's move from the one
before, drawn back slowly to the value on file (else a demo left on for weeks would end far from it). They depend on the
seed and the number of the session alone, so they are the same after a restart.
"""

import math
import random
from decimal import Decimal

from .clock import SESSION_SECONDS, TRADING_DAYS
from .universe import Instrument

MOST = 0.04  # Of a day's move.
PULL = 0.07  # Part of the way back to the value on file that each day goes.


class Values:
    """:param seed: of every draw"""

    def __init__(self, seed: int):
        self._seed = seed
        self._logs: dict[str, list[float]] = {}

    def at(self, fund: Instrument, simulated: float) -> Decimal:
        """The value of the last valuation point not after a simulated time; that on file before the first."""
        session = int(simulated // SESSION_SECONDS)
        logs = self._logs.setdefault(fund.symbol, [0.0])
        while len(logs) <= session:
            drawn = random.Random(f"{self._seed}/{fund.symbol}/{len(logs)}").gauss(0, fund.annual_vol / TRADING_DAYS**0.5)
            logs.append(logs[-1] + max(-MOST, min(MOST, drawn - PULL * logs[-1])))
        return max(fund.tick, (fund.price * Decimal(f"{math.exp(logs[session]):.8f}")).quantize(fund.tick))
