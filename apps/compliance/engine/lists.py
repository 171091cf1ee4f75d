"""
What the firm's lists name, and which orders meet it.

An entry names an issuer, with as much of its group as it says, or one instrument. It is met by what they issued, and by
derivatives and convertibles on that. Dates are inclusive and compared with the date on which the order would trade.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

STOPS, HOLDS, NOTES = "STOPS", "HOLDS", "NOTES"
MAX_AGE_DAYS = 45
"""How old what a fund holds may be where no rule says otherwise: funds tell it once a month."""


class Kind(NamedTuple):
    """
    :param effect: ``STOPS``: hard, and the officers read why; ``HOLDS``: waits for an officer, and says nothing of why;
        ``NOTES``: goes on, and the control room alone learns of it
    :param is_secret: whether an entry, its reason and its being met are for the control room alone
    """

    title: str
    effect: str
    is_secret: bool


KINDS = {
    "RESTRICTED": Kind("Restricted", STOPS, False),
    "WATCH": Kind("Watch", NOTES, True),
    "GREY": Kind("Grey", HOLDS, True),
    "INSIDER": Kind("Insider window", HOLDS, True),
    "WALL": Kind("Wall crossing", HOLDS, True),
}
OPEN_KINDS = tuple(kind for kind, is_for in KINDS.items() if not is_for.is_secret)
OF_PEOPLE = ("INSIDER", "WALL")
REACHES = {
    "GROUP": "and its group",
    "DAUGHTERS": "and what it owns",
    "PARENTS": "and what it owns and who owns it",
    "ISSUER": "alone",
}
FORBIDS = {"ALL": "no trading", "BUY": "no buying", "SELL": "no selling"}


class Entry(NamedTuple):
    """
    A line of a list that is in force.

    :param issuers: every issuer it stands for; empty where it names an instrument
    :param portfolio_id, group_id, desk_id, person_id: whose orders alone it is about; None: everybody's
    :param look_through: whether it is met by funds that hold what it names
    :param custodian_id: where it names one: met by every order of a portfolio that is kept there
    :param waits: whether it is none yet: an officer has to say whether it names whom a sanctions list does
    :param sanctioned: whether it is there because a sanctions list names it, or may
    """

    id: int
    name: str
    direction: str
    reason: str
    effective_from: date
    effective_to: date | None
    issuers: frozenset[int] = frozenset()
    instrument_id: int | None = None
    portfolio_id: int | None = None
    desk_id: int | None = None
    person_id: int | None = None
    kind: str = "RESTRICTED"
    look_through: bool = False
    custodian_id: int | None = None
    waits: bool = False
    group_id: int | None = None
    sanctioned: bool = False

    @property
    def effect(self) -> str:
        return KINDS[self.kind].effect

    def holds_for(self, thing: "Thing") -> bool:
        """On the day it would trade, or on that of the asking: what is listed today holds also where it is still yesterday."""
        first, last = min(thing.trade_date, thing.asked_on or thing.trade_date), max(thing.trade_date, thing.asked_on or thing.trade_date)
        return self.effective_from <= last and (self.effective_to is None or first <= self.effective_to)

    def is_about(self, order: "Wanted") -> bool:
        """Whether it forbids this side, and these people's orders."""
        return (
            self.direction in ("ALL", "SELL" if order.sells else "BUY")
            and self.portfolio_id in (None, order.portfolio_id)
            and (self.group_id is None or self.group_id in order.groups)
            and self.desk_id in (None, order.desk_id)
            and self.person_id in (None, order.person_id)
            and self.custodian_id in (None, order.custodian_id)
        )


class Thing(NamedTuple):
    """
    An instrument that is traded: whose it is, what it is on, and the date it would trade on.

    :param fund_id: the fund that it is, or is on; None where there is none
    :param asked_on: the day (UTC) of the asking, by which officers date what they list; None in what was kept without it
    """

    id: int
    symbol: str
    issuer_id: int
    trade_date: date
    underlying_id: int | None = None
    underlying_symbol: str = ""
    underlying_issuer_id: int | None = None
    fund_id: int | None = None
    asked_on: date | None = None


class Part(NamedTuple):
    """What a fund holds of an instrument, in percent of its value."""

    thing: "Thing"
    weight_pct: Decimal
    is_fund: bool = False


class Holding(NamedTuple):
    """What a fund holds as of a day."""

    as_of: date
    parts: Sequence[Part]


class Look(NamedTuple):
    """
    What a fund holds, also by funds that it holds, in percent of its value.

    :param as_of: the oldest day that any of it is known of; None where a part is not on file
    """

    as_of: date | None
    parts: Sequence[Part]


class Wanted(NamedTuple):
    """An order, as far as a list asks. :param groups: ids of those groups its portfolio is in that an entry is about"""

    id: int
    instrument_id: int
    portfolio_id: int
    desk_id: int
    person_id: int
    sells: bool
    custodian_id: int | None = None
    groups: frozenset[int] = frozenset()


class How(NamedTuple):
    """
    How an entry is met.

    :param via: empty where the entry names the instrument itself
    :param weight_pct: of a fund that was looked through, what it holds of what is named: 0 where nothing; else None
    :param as_of: the day as of which that is known; None where it is not
    """

    via: str = ""
    weight_pct: Decimal | None = None
    as_of: date | None = None

    def is_known(self, on: date, max_age_days: int) -> bool:
        """Whether what a fund holds is known and not too old; true where no fund was looked through."""
        return self.weight_pct is None or (self.as_of is not None and (on - self.as_of).days <= max_age_days)


class Met(NamedTuple):
    """An order that meets an entry, or may: see ``How``."""

    order_id: int
    entry: Entry
    how: How = How()


class Family:
    """Who owns whom among issuers."""

    def __init__(self, parents: Mapping[int, int | None]):
        """:param parents: issuer to its parent, or None"""
        self._parents = parents
        self._daughters: dict[int, list[int]] = defaultdict(list)
        for issuer, parent in parents.items():
            if parent is not None:
                self._daughters[parent].append(issuer)

    def reach(self, issuer: int, how: str) -> frozenset[int]:
        """The issuers that one stands for: see ``REACHES``."""
        if how == "ISSUER":
            return frozenset([issuer])
        above = self._above(issuer)
        if how == "GROUP":
            return self._below(above[-1] if above else issuer)
        return self._below(issuer) | frozenset(above if how == "PARENTS" else ())

    def _above(self, issuer: int) -> list[int]:
        """:raises ValueError: on a circle"""
        above: list[int] = []
        at = self._parents.get(issuer)
        while at is not None:
            if at == issuer or at in above:
                raise ValueError(f"issuer {issuer} is its own ancestor")
            above.append(at)
            at = self._parents.get(at)
        return above

    def _below(self, issuer: int) -> frozenset[int]:
        found, open_ones = {issuer}, [issuer]
        while open_ones:
            for daughter in self._daughters[open_ones.pop()]:
                if daughter not in found:
                    found.add(daughter)
                    open_ones.append(daughter)
        return frozenset(found)


class Names:
    """Entries by what they name, so that a thing is not held against each of them."""

    def __init__(self, entries: Sequence[Entry]):
        self._of_issuer: dict[int, list[Entry]] = defaultdict(list)
        self._of_instrument: dict[int, list[Entry]] = defaultdict(list)
        self._of_custodians = [entry for entry in entries if entry.custodian_id is not None]
        self._looking = [entry for entry in entries if entry.look_through]
        for entry in entries:
            if entry.instrument_id is not None:
                self._of_instrument[entry.instrument_id].append(entry)
            for issuer in entry.issuers:
                self._of_issuer[issuer].append(entry)

    def on(self, thing: Thing, look: Look | None) -> dict[int, tuple[Entry, How]]:
        """
        The entries that name a thing as it is asked about, by id, each with how it is met; and those that look through the
        fund that it is, or is on, whether that holds anything of theirs or not.

        :param look: what that fund holds; None where that is not on file
        """
        found: dict[int, tuple[Entry, How]] = {}
        for entry in self._direct(thing.id, thing.issuer_id):
            found.setdefault(entry.id, (entry, How()))
        for entry in self._direct(thing.underlying_id, thing.underlying_issuer_id):
            found.setdefault(entry.id, (entry, How(f"{thing.symbol} is on {thing.underlying_symbol}")))
        for entry in self._of_custodians:
            found.setdefault(entry.id, (entry, How(f"the portfolio is kept at {entry.name}")))
        if thing.fund_id is not None and self._looking:
            weights = self._weights(look)
            for entry in self._looking:
                found.setdefault(entry.id, (entry, _through(thing, weights.get(entry.id, Decimal(0)), look)))
        return {pk: one for pk, one in found.items() if one[0].holds_for(thing)}

    def _direct(self, instrument_id: int | None, issuer_id: int | None) -> list[Entry]:
        named = self._of_instrument.get(instrument_id, []) if instrument_id is not None else []
        return named + (self._of_issuer.get(issuer_id, []) if issuer_id is not None else [])

    def _weights(self, look: Look | None) -> dict[int, Decimal]:
        """What a fund holds of what each entry names that looks through."""
        weights: dict[int, Decimal] = defaultdict(Decimal)
        for part in look.parts if look else ():
            thing = part.thing
            hits = self._direct(thing.id, thing.issuer_id) + self._direct(thing.underlying_id, thing.underlying_issuer_id)
            for pk in {entry.id for entry in hits if entry.look_through}:
                weights[pk] += part.weight_pct
        return weights


def _through(thing: Thing, weight: Decimal, look: Look | None) -> How:
    fund = thing.symbol if thing.fund_id == thing.id else thing.underlying_symbol
    if look is None or look.as_of is None:
        return How(f"what {fund} holds is not all on file", weight, None)
    share = f"{weight.normalize():f}% of" if weight else "nothing of"
    return How(f"{fund} held {share} what is named as of {look.as_of}", weight, look.as_of)


def looked_through(fund_id: int, holdings: Mapping[int, Holding]) -> Look | None:
    """What a fund holds, funds that it holds looked through in turn; None where it is not on file."""
    return _look(fund_id, holdings, frozenset())


def _look(fund_id: int, holdings: Mapping[int, Holding], above: frozenset[int]) -> Look | None:
    holding = holdings.get(fund_id)
    if holding is None or fund_id in above:
        return None
    as_of: date | None = holding.as_of
    parts: list[Part] = []
    for part in holding.parts:
        parts.append(part)
        if part.is_fund:
            within = _look(part.thing.id, holdings, above | {fund_id})
            as_of = None if within is None or within.as_of is None or as_of is None else min(as_of, within.as_of)
            parts += [p._replace(weight_pct=p.weight_pct * part.weight_pct / 100) for p in (within.parts if within else ())]
    return Look(as_of, parts)


def named(
    entries: Sequence[Entry], things: Iterable[Thing], holdings: Mapping[int, Holding] | None = None
) -> dict[int, list[tuple[Entry, How]]]:
    """Of each thing that is named, by id: the entries, in the order of their ids, each with how it is met."""
    names, looks, found = Names(entries), {}, {}
    for thing in things:
        if thing.fund_id is not None and thing.fund_id not in looks:
            looks[thing.fund_id] = looked_through(thing.fund_id, holdings or {})
        hits = names.on(thing, looks.get(thing.fund_id))
        if hits:
            found[thing.id] = [hits[n] for n in sorted(hits)]
    return found


def met(hits: Mapping[int, Collection[tuple[Entry, How]]], orders: Iterable[Wanted]) -> list[Met]:
    """Which orders meet which entries, in the order of the orders. :param hits: as ``named`` says"""
    return [
        Met(order.id, entry, how)
        for order in orders
        for entry, how in hits.get(order.instrument_id, ())
        if entry.is_about(order)
    ]


def without_secrets(found: Iterable[Met]) -> list[Met]:
    """The same for whoever judges, and stores it: of what is the control room's no more than that it was met."""
    return [
        one._replace(entry=one.entry._replace(name="", reason="", issuers=frozenset(), instrument_id=None), how=one.how._replace(via=""))
        if KINDS[one.entry.kind].is_secret
        else one
        for one in found
    ]
