"""What a fixture says of the whole firm, whatever portfolios it shows."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from . import columns as c
from .attributes import GROUPS
from .filters import OWN
from .firm import Firm, Worth
from .fixture_words import mapping_in, number_in, place_in

SAID = ("firm_holds", "firm_buys", "firm_sells", "firm_worth")


def firm_said(where: Mapping[str, Any], places: Mapping[str, int], s: c.Snapshot) -> None:
    """
    Puts it into the snapshot: what all portfolios hold, buy and sell of each instrument, nothing where nothing is said, and what
    they are worth: as the portfolios of the fixture are where nothing is said.
    """
    held, buys, sells = (_column(where.get(key, {}), key, places) for key in SAID[:3])
    none = np.zeros(0, np.int64)
    s.firm_held, s.firm_promised = held, buys
    s.firm = Firm(
        (*GROUPS, *(f"{OWN}{code}" for code in s.own)), np.ones(len(places), bool), held, buys, sells, none, none, none,
        np.zeros(len(s.orders), np.int64), _worth(where, s),
    )  # fmt: skip


def _column(told: Any, at: str, places: Mapping[str, int]) -> np.ndarray:
    column = np.zeros(len(places), np.int64)
    for symbol, qty in mapping_in(told, at).items():
        column[place_in(places, symbol, at)] = int(number_in(qty, f"{at}.{symbol}") * c.QTY)
    return column


def _worth(where: Mapping[str, Any], s: c.Snapshot) -> Worth:
    if "firm_worth" in where:
        told = mapping_in(where["firm_worth"], "firm_worth", {"nav", "total_assets"}, {"nav", "total_assets"})
        nav, assets = (Fraction(number_in(told[name], f"firm_worth.{name}")) for name in ("nav", "total_assets"))
        return Worth(nav, assets, s.now_us)
    missing = sorted({s.instruments[place].symbol for place in s.positions.thing[s.priced_us[s.positions.thing] < 0].tolist()})
    missing += sorted({code for place in s.cash.thing.tolist() if (code := s.currencies[place]) not in s.rates})
    if missing:
        return Worth(Fraction(0), Fraction(0), 0, missing)
    homes = range(len(s.portfolios))
    sums = (sum(map(of, homes), Fraction(0)) for of in (s.exact_nav, s.exact_total_assets))
    return Worth(*sums, int(s.nav_us.min(initial=s.now_us)))
