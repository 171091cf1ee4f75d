"""
A measure over groups of the whole firm: what all its portfolios hold of an issuer, a country, all together.

From above all open buys of every portfolio count and what is kept for drafts, from below all open sells; the orders judged
count one after the other by id, whichever portfolios they are of.
"""

from collections.abc import Mapping
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from ..attributes import Weight, grouping, mask, vague, weight
from ..columns import QTY, Instrument, Snapshot
from ..firm import Firm, nothing
from ..projection import running
from ..saying import line, listed, money
from .measure_said import IN_MONEY, OF_INSTRUMENT

ALWAYS = np.iinfo(np.int64).max
MOST_PARTS = 9


def is_by_group(values: Mapping[str, Any]) -> bool:
    """Whether it adds up groups across the firm. The most of one instrument has columns of its own, as it always had."""
    return values["across"] == "firm" and (values["group"] != "instrument" or values["bound"] == "min" or measures_worth(values))


def measures_worth(values: Mapping[str, Any]) -> bool:
    """Whether it measures against what all portfolios are worth."""
    return values["across"] == "firm" and values["against"] in ("nav", "total_assets")


class Shared:
    """
    What the groups of one measure have across the firm, for the orders of one side.

    :param grouping: group of each instrument, -1 for none; :param unknown: which have one that nobody knows, None where none has
    :param weight: what one unit counts for; NaN where that, or whether it is meant, is not known
    """

    def __init__(self, s: Snapshot, group: str, grouping: np.ndarray, unknown: np.ndarray | None, weight: Weight, *, sells: bool):
        self.s, self.grouping, self.weight, self.sells = s, grouping, weight, sells
        self.firm: Firm = nothing(len(s.instruments), len(s.orders)) if s.firm is None else s.firm
        self.size = int(grouping.max(initial=0)) + 1
        self.rows = np.flatnonzero((s.orders.sell == sells) & (grouping[s.orders.instrument] >= 0))
        self.promised = self.firm.sells if sells else self._buys()
        self.some = (self.firm.held != 0) | (self.promised != 0)
        self.clouded = group not in self.firm.groups or (unknown is not None and bool((unknown & self._had).any()))
        self._exact: dict[int, tuple[Fraction, dict[int, Fraction]]] = {}
        self._lines: dict[int, tuple[tuple[dict[str, Any], ...], float]] = {}

    @cached_property
    def _had(self) -> np.ndarray:
        """Which instruments somebody has, or has promised or asked for."""
        found = self.some | (self.firm.buys != 0) | (self.firm.sells != 0)
        found[self.s.orders.instrument] = True
        return found

    def _buys(self) -> np.ndarray:
        """What of other orders counts: not those that an officer was first asked of after room was kept for all judged of the group."""
        firm = self.firm
        if not len(firm.later_us):
            return firm.buys
        group, kept = self.grouping[self.s.orders.instrument[self.rows]], firm.kept_us[self.rows]
        since, whole = np.zeros(self.size, np.int64), np.ones(self.size, bool)
        np.maximum.at(since, group, kept)
        np.logical_and.at(whole, group, kept > 0)
        since = np.where(whole & (since > 0), since, ALWAYS)
        theirs = self.grouping[firm.later_thing]
        gone = (theirs >= 0) & (firm.later_us > since[theirs])
        found = firm.buys.copy()
        np.subtract.at(found, firm.later_thing[gone], firm.later_qty[gone])
        return found

    def totals(self, amounts: np.ndarray) -> np.ndarray:
        """Of each group what so many ten-thousandths of its instruments count for, in floats; what is not known counts nothing."""
        rows = np.flatnonzero((self.grouping >= 0) & (amounts != 0) & ~np.isnan(self.weight.column))
        return np.bincount(self.grouping[rows], amounts[rows] * self.weight.column[rows] / QTY, self.size).astype(float)

    def unsure(self) -> np.ndarray:
        """Of which groups something is not known that counts."""
        bad = np.isnan(self.weight.column) & (self.grouping >= 0)
        counts = self.some.copy()
        counts[self.s.orders.instrument[self.rows]] = True
        found = np.full(self.size, self.clouded)
        found[self.grouping[bad & counts]] = True
        return found

    @cached_property
    def used(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of each order what is held now, what is held and promised before it, and whether that is known."""
        n, rows = len(self.s.orders), self.rows
        now, before, known = np.zeros(n), np.zeros(n), np.ones(n, bool)
        group, place = self.grouping[self.s.orders.instrument[rows]], self.s.orders.instrument[rows]
        plain = np.nan_to_num(self.weight.column) / QTY
        earlier = running(group, self.s.orders.qty[rows] * plain[place])
        now[rows] = self.totals(self.firm.held)[group]
        before[rows] = now[rows] + (-1 if self.sells else 1) * (self.totals(self.promised)[group] + earlier)
        known[rows] = ~self.unsure()[group]
        return now, before, known

    def exact(self, order: int) -> Fraction:
        """``used``'s before of one order that is asked, exactly. Its parts must be known."""
        group = int(self.grouping[self.s.orders.instrument[order]])
        if group not in self._exact:
            self._exact[group] = self._exactly(group)
        start, earlier = self._exact[group]
        return start + (-earlier[order] if self.sells else earlier[order])

    def exact_total(self, group: int, amounts: np.ndarray) -> Fraction:
        """What so many ten-thousandths of a group's instruments count for."""
        places = np.flatnonzero((self.grouping == group) & (amounts != 0))
        return sum((int(amounts[place]) * self.weight.exact(place) for place in places), Fraction(0)) / QTY

    def _exactly(self, group: int) -> tuple[Fraction, dict[int, Fraction]]:
        """What is held and promised before the first order, and what the orders before each add."""
        promised = self.exact_total(group, self.promised)
        start = self.exact_total(group, self.firm.held) + (-promised if self.sells else promised)
        earlier, so_far = {}, Fraction(0)
        for row in self.rows[self.grouping[self.s.orders.instrument[self.rows]] == group].tolist():
            earlier[row] = so_far
            so_far += int(self.s.orders.qty[row]) * self.weight.exact(self.s.orders.instrument[row]) / QTY
        return start, earlier

    # --- words -------------------------------------------------------------------------------------------------------
    def beside(self, group: int) -> list[int]:
        """The instruments of a group that somebody has, or has promised or asked for."""
        return np.flatnonzero(self._had & (self.grouping == group)).tolist()

    def vague(self, unknown: np.ndarray | None) -> list[str]:
        return [] if unknown is None else [self.s.instruments[p].symbol for p in np.flatnonzero(unknown & self._had)]

    def unpriced(self, group: int) -> str:
        """What of a group has no price or rate, in words; empty where all has."""
        names = [self.s.instruments[p].symbol for p in self.beside(group) if np.isnan(self.weight.column[p])]
        return f"no price or rate for {listed(names)}" if names else ""

    def lines(self, order: int) -> tuple[dict[str, Any], ...]:
        """What the firm has of an order's group, and what it holds of the largest parts."""
        group = int(self.grouping[self.s.orders.instrument[order]])
        if group not in self._lines:
            self._lines[group] = self.held_lines(group), float(self.totals(self.promised)[group])
        held, promised = self._lines[group]
        now, before, _ = self.used
        earlier = (now[order] - before[order] if self.sells else before[order] - now[order]) - promised
        return (
            line("Held by the firm", now[order]), line(f"Open {'sells' if self.sells else 'buys'} of the firm", promised),
            line("Earlier orders judged with this one", round(float(earlier), 6)), *held,
        )  # fmt: skip

    def held_lines(self, group: int) -> tuple[dict[str, Any], ...]:
        """What the firm holds of a group, the largest parts."""
        worth = {p: float(self.firm.held[p] * self.weight.column[p] / QTY) for p in self.beside(group) if self.firm.held[p]}
        told = []
        for place in sorted(worth, key=lambda p: -abs(worth[p]))[:MOST_PARTS]:
            i, qty = self.s.instruments[place], f"{self.firm.held[place] / QTY:f}".rstrip("0").rstrip(".")
            told.append(line(f"{i.symbol}, held by the firm", worth[place], i.priced_at, qty=qty))
        return tuple(told)


def against_worth(s: Snapshot, against: str, minutes: int) -> Fraction | None:
    """The firm's net asset value or total assets; None where it is not known, too old or not above zero."""
    if no_worth(s, minutes):
        return None
    return s.firm.worth.nav if against == "nav" else s.firm.worth.total_assets


def of_instrument(s: Snapshot, i: Instrument, against: str) -> Fraction | None:
    """A number on file of an instrument or its issuer, of debt in the firm's currency; None where it is not known."""
    number = s.issued.get(i.id) if against == "issued_by_body" else getattr(i, OF_INSTRUMENT[against])
    if number is None or against not in IN_MONEY:
        return None if number is None else Fraction(number)
    rate = s.rates.get(i.debt_currency)
    return None if rate is None else Fraction(number) * Fraction(rate.rate)


def shared(s: Snapshot, values: Mapping[str, Any]) -> Shared:
    """What the groups of a rule have across the firm. Kept with the snapshot."""
    meant, basis, group, sells = mask(s, values["filter"]), values["basis"], values["group"], values["bound"] == "min"

    def made() -> Shared:
        worth = weight(s, basis)
        sure = Weight(np.where(meant.unsure, np.nan, worth.column), worth.exact)
        return Shared(s, group, grouping(s, group, meant), vague(s, group, meant), sure, sells=sells)

    return s.once(("across the firm", values["filter"], group, basis, sells), made)


def base_of_firm(s: Snapshot, values: Mapping[str, Any], place: int) -> Fraction | None:
    """What a rule across the firm is measured against, None where it is not known. :param place: of an instrument of the group"""
    if values["against"] == "nothing":
        return Fraction(1)
    if measures_worth(values):
        return against_worth(s, values["against"], values["max_age"])
    return of_instrument(s, s.instruments[place], values["against"]) or None


def no_worth(s: Snapshot, minutes: int) -> str:
    """Why the firm's worth cannot be told, in words; empty where it can."""
    found = None if s.firm is None else s.firm.worth
    if found is None:
        return "what all portfolios are worth was not read"
    if found.missing:
        return f"no price or rate for {listed(found.missing)}, which the firm holds"
    if found.oldest_us < max(s.now_us - minutes * 60_000_000, 0):
        return f"a price or rate in what the firm is worth is older than {minutes} minutes"
    return "" if found.nav > 0 else f"the firm's net asset value is {money(float(found.nav))}, not above zero"
