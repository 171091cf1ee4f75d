"""What the engine is told of contracts under position limits: their families, what is held of them by whom, and the limits."""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

SPOT, SINGLE, ALL = "SPOT", "SINGLE", "ALL"
MONTHS = {SPOT: "the spot month", SINGLE: "one month", ALL: "all months together"}
LIMIT, LEVEL = "LIMIT", "LEVEL"
KINDS = {LIMIT: "limit: holds", LEVEL: "accountability level: warns"}
SOURCES = {"EXCHANGE": "exchange", "REGULATOR": "regulator", "FIRM": "firm"}


class Contract(NamedTuple):
    """
    :param month: first day of its delivery month, and ``spot_from`` of its spot month; None where not known
    :param weight: for how many contracts of the family one counts, of an option by its delta, below zero where it falls as the
        future rises; None where that cannot be told
    """

    family: str
    symbol: str
    month: date | None
    spot_from: date | None
    weight: Decimal | None


class Bound(NamedTuple):
    """A limit in force: so many contracts net, long or short; ``kind`` LIMIT holds, LEVEL warns."""

    id: int
    family: str
    months: str
    kind: str
    qty: Decimal
    source: str
    citation: str


class Stake(NamedTuple):
    """What one owner holds of a contract, and what of it open orders other than those judged may still trade, in ten-thousandths."""

    owner: str
    instrument: int
    net: int
    buys: int
    sells: int


class Held(NamedTuple):
    """Of one owner under one limit: net contracts, below zero where short, and how far open orders may move it up and down."""

    net: Fraction = Fraction(0)
    up: Fraction = Fraction(0)
    down: Fraction = Fraction(0)

    def before(self, direction: int) -> Fraction:
        """The worst case to one side: what is held, with all that may still be traded that way."""
        return self.net * direction + (self.up if direction > 0 else self.down)


Key = tuple[str, ...]


class Books:
    """Stakes added up as limits ask: netted within a contract, a month and a family, for each owner apart (17 CFR 150.2, 150.4)."""

    def __init__(self, contracts: "dict[int, Contract]", stakes: "list[Stake]", today: date, scale: int):
        self.contracts, self.today = contracts, today
        self.held: dict[Key, Held] = {}
        self.unknown: set[Key] = set()
        for stake in stakes:
            self._add(contracts[stake.instrument], stake, scale)

    def _add(self, c: Contract, stake: Stake, scale: int) -> None:
        if c.month is None:
            self.unknown.add((SINGLE, stake.owner, c.family))
        if c.spot_from is None:
            self.unknown.add((SPOT, stake.owner, c.family))
        for months in MONTHS:
            key = self.key(months, stake.owner, c)
            if key is None:
                continue
            if c.weight is None:
                self.unknown.add(key)
                continue
            weight, old = Fraction(c.weight), self.held.get(key, Held())
            up, down = (stake.buys, stake.sells) if weight > 0 else (stake.sells, stake.buys)
            self.held[key] = Held(
                old.net + weight * stake.net / scale, old.up + abs(weight) * up / scale, old.down + abs(weight) * down / scale
            )

    def key(self, months: str, owner: str, c: Contract) -> Key | None:
        """What a contract counts under; None where such a limit is not about it, or its month or spot month is not known."""
        if months == ALL:
            return ALL, owner, c.family
        if months == SINGLE:
            return None if c.month is None else (SINGLE, owner, c.family, c.month.isoformat())
        return (SPOT, owner, c.family, "now") if c.spot_from is not None and c.spot_from <= self.today else None

    def is_unsure(self, months: str, owner: str, c: Contract) -> bool:
        """Whether it cannot be told what is held under a limit, or whether the contract is under it."""
        if months == SPOT and c.spot_from is not None and c.spot_from > self.today:
            return False
        lost = c.month is None if months == SINGLE else c.spot_from is None if months == SPOT else False
        return lost or (months, owner, c.family) in self.unknown or self.key(months, owner, c) in self.unknown

    def of(self, key: Key) -> Held:
        return self.held.get(key, Held())
