"""
Of which orders a rule is asked: a scope is lists of words, and one word is enough.

An order is meant where any word of any list names it: its portfolio's team, a group that the portfolio is in, the type of
its mandate, the portfolio itself, or the desk. So lists add up and never narrow each other; what is to be narrowed is a
group. Groups and types are those of the moment of the judgement, kept with it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from apps.portfolios.rules import MANDATE_TYPES

from .columns import Portfolio, Snapshot

WORDS = {
    "teams": "team {}",
    "groups": "group {}",
    "mandate_types": "mandates of type {}",
    "portfolios": "portfolio {}",
    "desks": "desk {}",
}
"""The lists of a scope, in the order they are told, and how a word of each is said."""

Said = Mapping[str, Sequence[str]]


class Scope(NamedTuple):
    """``portfolios`` and ``groups`` by code, ``desks`` by id, ``mandate_types`` as ``apps.portfolios.rules`` names them."""

    teams: frozenset[str] = frozenset()
    desks: frozenset[int] = frozenset()
    portfolios: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    mandate_types: frozenset[str] = frozenset()

    def names(self, portfolio: Portfolio) -> bool:
        """Whether all of a portfolio is meant, whatever the desk."""
        return (
            portfolio.code in self.portfolios
            or portfolio.team in self.teams
            or portfolio.mandate_type in self.mandate_types
            or not self.groups.isdisjoint(portfolio.groups or ())
        )

    def may_name(self, portfolio: Portfolio) -> bool:
        """Whether it cannot be told if a portfolio is meant: what is asked for is not on file, and nothing else names it."""
        missing = (self.groups and portfolio.groups is None) or (self.mandate_types and not portfolio.mandate_type)
        return bool(missing) and not self.names(portfolio)

    def holds(self, s: Snapshot) -> np.ndarray:
        """Which orders are meant; also those of which that cannot be told (``unsure``)."""
        found = (self._named(s) | self._unnamed(s))[s.orders.portfolio]
        if self.desks and s.orders.desk is not None:
            found |= np.isin(s.orders.desk, list(self.desks))
        return found

    def unsure(self, s: Snapshot) -> np.ndarray | None:
        """Of which orders it cannot be told whether they are meant; None where of none."""
        found = self._unnamed(s)
        if not found.any():
            return None
        orders = found[s.orders.portfolio]
        if self.desks and s.orders.desk is not None:
            orders &= ~np.isin(s.orders.desk, list(self.desks))
        return orders

    def _named(self, s: Snapshot) -> np.ndarray:
        at = s.once("places of scopes", lambda: _places(s.portfolios))
        found = np.zeros(len(s.portfolios), bool)
        for kind in ("teams", "portfolios", "groups", "mandate_types"):
            for word in getattr(self, kind):
                found[at.get((kind, word), [])] = True
        return found

    def _unnamed(self, s: Snapshot) -> np.ndarray:
        at = s.once("places of scopes", lambda: _places(s.portfolios))
        found = np.zeros(len(s.portfolios), bool)
        for kind in ("groups", "mandate_types"):
            if getattr(self, kind):
                found[at.get((kind, None), [])] = True
        return found & ~self._named(s) if found.any() else found


def _places(portfolios: Sequence[Portfolio]) -> dict[tuple[str, str | None], list[int]]:
    """Of each word the places of the portfolios it names; under None of those of which it is not on file."""
    at: dict[tuple[str, str | None], list[int]] = {}
    for place, one in enumerate(portfolios):
        for key in (("portfolios", one.code), ("teams", one.team), ("mandate_types", one.mandate_type or None)):
            at.setdefault(key, []).append(place)
        for code in (None,) if one.groups is None else one.groups:
            at.setdefault(("groups", code), []).append(place)
    return at


def why_unsure(portfolio: Portfolio) -> str:
    """Why it cannot be told whether a portfolio is meant."""
    missing = "type of its mandate is" if portfolio.groups is not None else "groups and the type of its mandate are"
    return f"Whether the rule is about {portfolio.code} cannot be told: the {missing} not on file."


def words(said: Said) -> list[str]:
    """A scope's words, list after list: “team A”, “mandates of type UCITS”."""
    names = {"mandate_types": MANDATE_TYPES}
    return [how.format(names.get(kind, {}).get(code, code)) for kind, how in WORDS.items() for code in sorted(said.get(kind, ()))]


def sentence(said: Said) -> str:
    """Of whom a rule is asked, with a blank before; empty where of the whole firm."""
    return f" Asked only of {either(found)}." if (found := words(said)) else ""


def either(found: Iterable[str]) -> str:
    *most, last = found
    return f"{', '.join(most)} or {last}" if most else last
