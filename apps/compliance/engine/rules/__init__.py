"""Every measure a rule can use: one module each, and this table of them."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from ..columns import Snapshot
from ..judgement import RuleVersion, Verdicts
from ..params import Param
from . import bands, cash, collar, concentration, duplicates, holdings, ownership, restricted, short_sales, size


class Measure(NamedTuple):
    """
    :param takes: its parameters
    :param judge: (snapshot, rule, which orders the rules before it refused) to verdicts
    :param last: whether it must know what the others refused
    :param firm_wide: whether it looks beyond the order's own portfolio, so that screenings must take turns
    :param neutral: what the desk is told instead of its words, where those are not for the desk
    """

    title: str
    takes: Mapping[str, Param]
    judge: Callable[[Snapshot, RuleVersion, np.ndarray], Verdicts]
    last: bool = False
    firm_wide: bool = False
    neutral: str = ""


MEASURES: dict[str, Measure] = {
    "restricted_list": Measure("Restricted list", restricted.PARAMS, restricted.judge, neutral=restricted.NEUTRAL),
    "instrument_share": Measure("Instrument, % of NAV", concentration.INSTRUMENT_PARAMS, concentration.instrument),
    "issue_ownership": Measure("Firm's part of an issue", ownership.PARAMS, ownership.judge, firm_wide=True),
    "issuer_share": Measure("Issuer's group, % of NAV", concentration.GROUP_PARAMS, concentration.issuer),
    "sector_share": Measure("Sector, % of NAV", concentration.GROUP_PARAMS, concentration.sector),
    "asset_class_band": Measure("Asset-class band", bands.PARAMS, bands.judge),
    "holding": Measure("Nothing sold that is not held", holdings.PARAMS, holdings.judge),
    "short_sale": Measure("Short sale: mark, locate, price test", short_sales.PARAMS, short_sales.judge, firm_wide=True),
    "order_value": Measure("Value of one order", size.NOTIONAL_PARAMS, size.notional),
    "order_volume": Measure("Order, % of daily volume", size.VOLUME_PARAMS, size.volume),
    "price_collar": Measure("Price collar", collar.PARAMS, collar.judge),
    "duplicate": Measure("Duplicate order", duplicates.PARAMS, duplicates.judge),
    "cash_by_currency": Measure("Cash by currency and date", cash.CURRENCY_PARAMS, cash.by_currency, last=True),
    "cash_share": Measure("Least cash, % of NAV", cash.MINIMUM_PARAMS, cash.minimum, last=True),
}
