"""What all portfolios of the firm have together of groups that they share a limit on: an issuer, a country, all there is."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np


class Worth(NamedTuple):
    """
    What all portfolios are worth together at mids, in the firm's currency.

    :param oldest_us: when the oldest price or rate in it was so, in microseconds since 1970
    :param missing: some of what has no price or rate; the sums are then not known
    """

    nav: Fraction
    total_assets: Fraction
    oldest_us: int
    missing: Sequence[str] = ()


@dataclass
class Firm:
    """
    Columns over the snapshot's instruments, in ten-thousandths of a unit. They are whole for the groups of what was asked.

    :param groups: what it was read by, as rules name their groups
    :param asked: which instruments' groups it is of
    :param held: what all portfolios hold net; :param buys: what orders other than those judged have still to buy, and what
        is kept for drafts; :param sells: what they have still to sell
    :param later_thing: places of what those of ``buys`` buy that wait for an officer since ``later_us``, ``later_qty`` how much:
        they take nothing that was kept before. Read only where room is kept for orders that are judged
    :param kept_us: of each order judged since when room is kept for it, 0 where none is
    :param worth: None where no rule measures against it
    """

    groups: Sequence[str]
    asked: np.ndarray
    held: np.ndarray
    buys: np.ndarray
    sells: np.ndarray
    later_thing: np.ndarray
    later_qty: np.ndarray
    later_us: np.ndarray
    kept_us: np.ndarray
    worth: Worth | None = None


def nothing(instruments: int, orders: int) -> Firm:
    """It where nothing was read: nothing of it is known."""
    none = np.zeros(0, np.int64)
    empty = (np.zeros(instruments, np.int64) for _ in range(3))
    return Firm((), np.zeros(instruments, bool), *empty, none, none, none, np.zeros(orders, np.int64))
