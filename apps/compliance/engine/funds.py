"""
Funds as what they hold, by weight of what each is worth (the look-through of Delegated Regulation (EU) 2015/35 Art. 84(1)).

What nobody tells of a fund stays the fund itself, in the fund's own group: the rest of its weights, mostly its money, and a
fund in it that is not on file, was told too long ago, or lies deeper than ``DEEPEST``. Where less of a fund is told than a
rule asks for, or funds hold each other in a circle, it may be of any group: of portfolios that have it nothing can be told.
A derivative on a fund is no fund.

Parts are fractions; as columns, for many portfolios at once, they are one sparse matrix of instruments by groups.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from apps.reference.rules import HOLDERS

from .attributes import Mask, Weight, grouping, mask, vague
from .columns import QTY, Snapshot
from .rows import Constituents, Instrument
from .saying import percent

DEEPEST = 5
"""How many funds in each other are looked through."""
AT_ONCE = 2_000_000
"""Rows that are added up at a time."""


class Look(NamedTuple):
    """
    :param parts: what of its worth is in which instrument, by place: in what is no fund, or is not looked through further
    :param told: what part of it is in what is no fund; :param why: why not all of it is, beside its own rest
    :param as_of: the oldest day of what is told; None where nothing is
    """

    parts: Mapping[int, Fraction]
    told: Fraction
    as_of: date | None
    why: Sequence[str] = ()


class Funds:
    """The funds that a snapshot's portfolios have, each looked through. :param days: how old what is told may be"""

    def __init__(self, s: Snapshot, days: int):
        self.s, self.days = s, days
        self.place = {i.id: n for n, i in enumerate(s.instruments)}
        self.is_fund = np.array([i.asset_class in HOLDERS for i in s.instruments], bool)
        self.circular = _in_circles(s.constituents)
        self._kept: dict[tuple[int, int], Look] = {}
        had = np.unique(np.concatenate([s.positions.thing, s.others.instrument, s.orders.instrument]))
        self.looks = {place: self._look(place, DEEPEST) for place in had[self.is_fund[had]].tolist()}
        rows = [(fund, leaf, float(part)) for fund, look in self.looks.items() for leaf, part in look.parts.items()]
        self.fund, self.leaf = (np.array([row[n] for row in rows], np.int64) for n in (0, 1))
        self.part = np.array([row[2] for row in rows], float)

    def _look(self, place: int, left: int) -> Look:
        if (place, left) not in self._kept:
            self._kept[place, left] = self._looked(place, left)
        return self._kept[place, left]

    def _looked(self, place: int, left: int) -> Look:
        fund = self.s.instruments[place]
        held = self.s.constituents.get(fund.id)
        if held is None or (why := self._fault(fund, held, left)):
            return Look({place: Fraction(1)}, Fraction(0), None, (why if held else f"what {fund.symbol} holds is not on file",))
        parts: dict[int, Fraction] = {}
        rest, told, as_of, why = Fraction(1), Fraction(0), held.as_of, []
        for pk, weight in held.weights.items():
            if (at := self.place.get(pk)) is None:
                continue
            part = Fraction(weight) / 100
            rest -= part
            within = self._look(at, left - 1) if self.is_fund[at] else Look({at: Fraction(1)}, Fraction(1), None)
            told += part * within.told
            why += [one for one in within.why if one not in why]
            as_of = min(as_of, within.as_of or as_of)
            for leaf, share in within.parts.items():
                parts[leaf] = parts.get(leaf, Fraction(0)) + part * share
        if rest:
            parts[place] = parts.get(place, Fraction(0)) + rest
        return Look(parts, told, as_of, tuple(why))

    def _fault(self, fund: Instrument, held: Constituents, left: int) -> str:
        """Why a fund that is on file is not looked through; empty where it is."""
        if fund.id in self.circular:
            return f"{fund.symbol} holds funds that hold each other in a circle"
        if not left:
            return f"{fund.symbol} lies more than {DEEPEST} funds deep"
        if (self.s.at.date() - held.as_of).days > self.days:
            return f"what {fund.symbol} holds was told of {held.as_of}, more than {self.days} days ago"
        total = sum(held.weights.values())
        return f"the weights in {fund.symbol} of {held.as_of} add up to {percent(float(total))}" if total > 100 else ""


def _in_circles(held: Mapping[int, Constituents]) -> frozenset[int]:
    """The funds from which looking through leads into a circle."""
    inside = {fund: {pk for pk in one.weights if pk in held} for fund, one in held.items()}
    holders: dict[int, list[int]] = {}
    for fund, funds in inside.items():
        for pk in funds:
            holders.setdefault(pk, []).append(fund)
    left = {fund: len(funds) for fund, funds in inside.items()}
    ends = [fund for fund, count in left.items() if not count]
    while ends:
        fund = ends.pop()
        del left[fund]
        for holder in holders.get(fund, ()):
            left[holder] -= 1
            if not left[holder]:
                ends.append(holder)
    return frozenset(left)


class Through:
    """
    What one unit of each instrument is in which group, of a rule that looks through funds: entries of a sparse matrix,
    by instrument and then group.

    :param least: the part of a fund that must be told
    """

    def __init__(self, s: Snapshot, meant: Mask, groups: np.ndarray, unknown: np.ndarray | None, funds: Funds, least: Fraction):
        self.s, self.meant, self.groups, self.unknown, self.funds = s, meant, groups, unknown, funds
        self.nobody = int(groups.max(initial=0)) + 1
        """The number of the group of what may be in any."""
        self.size = self.nobody + 1
        self.dark = np.zeros(len(s.instruments), bool)
        self.dark[[place for place, look in funds.looks.items() if look.told < least]] = True
        plain, dark = np.flatnonzero((groups >= 0) & ~funds.is_fund), np.flatnonzero(self.dark)
        seen = ~self.dark[funds.fund] & (groups[funds.leaf] >= 0)
        thing, leaf = np.concatenate([plain, funds.fund[seen], dark]), np.concatenate([plain, funds.leaf[seen], dark])
        group = np.where(self.dark[thing], self.nobody, groups[leaf])
        part = np.concatenate([np.ones(len(plain)), funds.part[seen], np.ones(len(dark))])
        keys, at = np.unique(thing * self.size + group, return_inverse=True)
        self.thing, self.group = np.divmod(keys, self.size)
        self.part = np.bincount(at, part, len(keys)).astype(float)
        self.unsure = np.bincount(at, (meant.unsure[leaf] | self.dark[thing]).astype(float), len(keys)) > 0
        self.start = np.searchsorted(self.thing, np.arange(len(s.instruments) + 1))
        self.cloudy = self.dark.copy()
        if unknown is not None:
            self.cloudy[thing[unknown[leaf]]] = True
        self._exact: dict[int, dict[int, Fraction]] = {}

    def rows(self, things: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of instruments, which may repeat: the row of each and its entry, once for each group it is in."""
        count = self.start[things + 1] - self.start[things]
        row = np.repeat(np.arange(len(things)), count)
        return row, np.arange(len(row)) - (np.cumsum(count) - count)[row] + self.start[things][row]

    def pieces(self, things: np.ndarray) -> Iterator[np.ndarray]:
        """Places in a column of instruments, so many at a time that their rows fit."""
        count = np.cumsum(self.start[things + 1] - self.start[things])
        whole = int(count[-1]) if len(count) else 0
        yield from np.split(np.arange(len(things)), np.searchsorted(count, np.arange(AT_ONCE, whole, AT_ONCE)))

    def sums(
        self, wanted: np.ndarray, portfolio: np.ndarray, thing: np.ndarray, amount: np.ndarray, worth: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """
        Of keys (portfolio × ``size`` + group; sorted, without repeats) what is in them, and whether some of that is not known.

        :param worth: of one unit by entry; NaN where it is not known
        """
        total, lost = np.zeros(len(wanted)), np.zeros(len(wanted))
        missing = np.isnan(worth)
        plain = np.where(missing, 0.0, worth) / QTY
        for some in self.pieces(thing) if len(wanted) else ():
            row, entry = self.rows(thing[some])
            keys = portfolio[some][row] * self.size + self.group[entry]
            at = np.minimum(np.searchsorted(wanted, keys), len(wanted) - 1)
            mine = wanted[at] == keys
            at, row, entry = at[mine], row[mine], entry[mine]
            total += np.bincount(at, amount[some][row] * plain[entry], len(wanted))
            lost += np.bincount(at, missing[entry].astype(float), len(wanted))
        return total, lost > 0

    def worth(self, weight: Weight) -> np.ndarray:
        """What one unit is worth in each group, by entry; NaN where that is not known."""
        return np.where(self.unsure, np.nan, weight.column[self.thing] * self.part)

    def exact(self, thing: int, group: int) -> Fraction:
        """What part of an instrument is in a group."""
        if thing not in self._exact:
            look, parts = self.funds.looks.get(thing), {}
            for leaf, part in look.parts.items() if look and not self.dark[thing] else [(thing, Fraction(1))]:
                at = self.nobody if self.dark[thing] else int(self.groups[leaf])
                parts[at] = parts.get(at, Fraction(0)) + part
            self._exact[thing] = parts
        return self._exact[thing].get(group, Fraction(0)) if group >= 0 else Fraction(0)

    def member(self, group: int) -> Instrument | None:
        """One instrument that is in a group, to call it by."""
        found = np.flatnonzero(self.groups == group)
        return self.s.instruments[found[0]] if len(found) else None

    def why_dark(self, place: int) -> str:
        """Why what a fund holds is not told, or not enough of it."""
        look = self.funds.looks[place]
        symbol = self.s.instruments[place].symbol
        if not look.told:
            return look.why[0] if look.why else f"what {symbol} holds is not on file"
        return "; ".join([f"only {percent(float(look.told * 100))} of what {symbol} holds is told", *look.why[:2]])


def has_funds(s: Snapshot) -> bool:
    return any(i.asset_class in HOLDERS for i in s.instruments)


def through(s: Snapshot, text: str | None, group: str, days: int, least: Fraction) -> Through:
    """By a rule's filter and group, and what it asks of what is told. Kept with the snapshot, so that rules share it."""

    def made() -> Through:
        meant = mask(s, text)
        funds = s.once(("funds", days), lambda: Funds(s, days))
        return Through(s, meant, grouping(s, group, meant), vague(s, group, meant), funds, least)

    return s.once(("through", text, group, days, least), made)
