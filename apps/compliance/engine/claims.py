"""
What bodies owe a portfolio beside their securities: money kept with them, and deals in currencies with them that are not
settled yet (2009/65/EC Art. 52(1) and (2)).

Money is counted on trade date, by currency: an overdraft takes nothing off. Deals with one body are netted, as under one
master agreement, and valued at the spot rate; only what it would owe counts. No order changes that before it is traded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from .columns import Snapshot

KINDS = {
    "none": "nothing",
    "deposits": "money kept with it",
    "deals": "what it owes of deals in currencies",
    "both": "money kept with it and what it owes of deals in currencies",
}
SCALE = 10_000


class Party(NamedTuple):
    """Who deals with portfolios: the group of the body that it is, and whether that is a credit institution; None unknown."""

    name: str
    group: int | None = None
    is_credit_institution: bool | None = None


@dataclass
class Deals:
    """
    Money that portfolios and dealers still owe each other of deals in currencies: to the portfolio (+) or by it (−), in
    ten-thousandths. ``party`` is a place among ``parties``, ``thing`` one among currencies.
    """

    parties: Sequence[Party]
    portfolio: np.ndarray
    party: np.ndarray
    thing: np.ndarray
    amount: np.ndarray


@dataclass
class Claims:
    """
    In the firm's currency.

    :param of: (place of a portfolio, issuer's group) to what that body owes; :param names: what its claims are called
    :param unsure: portfolios, with why what they are owed cannot be put to bodies
    """

    of: Mapping[tuple[int, int], Fraction]
    names: Mapping[int, str]
    unsure: Mapping[int, str]

    def of_groups(self, portfolio: np.ndarray, groups: Sequence[int | None], place: np.ndarray) -> np.ndarray:
        """In floats, what the issuer's group of each row owes its portfolio. :param groups: by instrument, rows are of ``place``"""
        size = max((group or 0 for group in groups), default=0) + 1
        keys = portfolio * size + np.array([group or 0 for group in groups], np.int64)[place]
        mine = sorted((p * size + group, float(amount)) for (p, group), amount in self.of.items() if group < size)
        owed = np.zeros(len(keys))
        if mine:
            wanted = np.array([key for key, _ in mine], np.int64)
            at = np.minimum(np.searchsorted(wanted, keys), len(wanted) - 1)
            owed = np.where(wanted[at] == keys, np.array([amount for _, amount in mine])[at], 0.0)
        return owed


NONE = Claims({}, {}, {})


def claims(s: "Snapshot", kind: str) -> Claims:
    """What bodies owe each portfolio, of one of ``KINDS``. Kept with the snapshot."""
    return NONE if kind == "none" else s.once(("claims", kind), lambda: _claims(s, kind))


def _claims(s: "Snapshot", kind: str) -> Claims:
    of: dict[tuple[int, int], Fraction] = {}
    names: dict[int, str] = {}
    unsure: dict[int, str] = {}
    if kind != "deals":
        for portfolio, amount in deposits(s).items():
            p = s.portfolios[portfolio]
            if amount is None:
                unsure[portfolio] = "a rate of its money is missing"
            elif amount and p.bank is None:
                unsure[portfolio] = f"which issuer {p.custodian or 'its custodian'} is, where its money is kept, is not on file"
            elif amount:
                of[portfolio, p.bank] = of.get((portfolio, p.bank), Fraction(0)) + amount
                names[p.bank] = p.custodian
    if kind != "deposits":
        for (portfolio, owing), (amount, party) in exposures(s).items():
            if amount is None:
                unsure[portfolio] = f"a rate of its deals with {party.name} is missing"
            elif party.group is None:
                unsure[portfolio] = f"which issuer {party.name} is, with whom it has deals in currencies, is not on file"
            else:
                of[portfolio, owing] = of.get((portfolio, owing), Fraction(0)) + amount
                names.setdefault(owing, party.name)
    return Claims(of, names, unsure)


def deposits(s: "Snapshot") -> dict[int, Fraction | None]:
    """Money of each portfolio in the firm's currency, without its overdrafts; None where a rate is missing."""
    found: dict[int, Fraction | None] = {}
    for row in range(len(s.cash.thing)):
        portfolio, amount = int(s.cash.portfolio[row]), int(s.cash.amount[row])
        rate = s.rates.get(s.currencies[s.cash.thing[row]])
        if amount > 0:
            before = found.get(portfolio, Fraction(0))
            found[portfolio] = None if rate is None or before is None else before + amount * Fraction(rate.rate) / SCALE
    return found


def exposures(s: "Snapshot") -> dict[tuple[int, object], tuple[Fraction | None, Party]]:
    """
    (Place of a portfolio, issuer's group or, where that is not known, the dealer's name) to what that one owes net, above
    zero, in the firm's currency, and one of the dealers. None where a rate is missing.
    """
    found: dict[tuple[int, object], tuple[Fraction | None, Party]] = {}
    deals = s.deals
    for row in range(len(deals.amount) if deals else 0):
        party = deals.parties[deals.party[row]]
        key = int(deals.portfolio[row]), party.name if party.group is None else party.group
        rate = s.rates.get(s.currencies[deals.thing[row]])
        before, first = found.get(key, (Fraction(0), party))
        unknown = rate is None or before is None
        amount = None if unknown else before + int(deals.amount[row]) * Fraction(rate.rate) / SCALE
        found[key] = amount, first._replace(is_credit_institution=_both(first.is_credit_institution, party.is_credit_institution))
    return {key: (amount, party) for key, (amount, party) in found.items() if amount is None or amount > 0}


def _both(one: bool | None, other: bool | None) -> bool | None:
    """Yes where both are; no where one is not, whatever the other."""
    return False if False in (one, other) else None if None in (one, other) else True
