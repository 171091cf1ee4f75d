"""
On which blocks a routing rule acts, as a condition somebody writes: the same bounded part of the Common Expression Language as
compliance's filters (``apps.compliance.engine.filters``), over a block, its market and its portfolios.

All conditions are evaluated over all blocks at once, a column each. What is not known is null: a condition that hangs on it
is neither true nor false.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import polars as pl

from apps.compliance.engine.filters import NUMBER, OWN, TEXT, TRUTH, BadFilter, Filter, read

Fields = Mapping[str, tuple[str, str]]

FIELDS: Fields = {
    # Of the block.
    "side": (TEXT, "BUY, SELL, SELL_SHORT"),
    "qty": (NUMBER, "units to place"),
    "value": (NUMBER, "at the mid, in its currency"),
    "value_usd": (NUMBER, "at the mid, in USD"),
    "adv_pct": (NUMBER, "of an average day's volume, in percent"),
    "order_type": (TEXT, "MARKET, LIMIT, STOP, …"),
    "tif": (TEXT, "DAY, GTC, IOC, FOK, …"),
    "has_limit": (TRUTH, "whether it has a limit price"),
    "limit_bp": (NUMBER, "how far its limit is beyond the mid, in bp; below zero where the market has to come to it"),
    "orders": (NUMBER, "how many orders are in it"),
    "wave": (NUMBER, "1 for the first"),
    "instructions": (TEXT, "for the desk"),
    # Of the instrument.
    "symbol": (TEXT, ""),
    "asset_class": (TEXT, "EQUITY, ETF, GOVT, CORP, OPTION, FUTURE, FX, FUND, …"),
    "currency": (TEXT, "ISO 4217"),
    "venue": (TEXT, "MIC of its listing"),
    "country": (TEXT, "ISO 3166"),
    "sector": (TEXT, ""),
    # Of the market.
    "spread_bp": (NUMBER, "ask less bid, in bp of the mid"),
    "volatility_pct": (NUMBER, "a year's, in percent"),
    "local_time": (NUMBER, "at the venue, hours and minutes as 9.30 or 15.45"),
    "minutes_left": (NUMBER, "until the venue closes"),
    # Of the portfolios in it.
    "desk": (TEXT, "code"),
    "portfolios": (NUMBER, "how many take part"),
    "portfolio": (TEXT, "code, where it is one; else empty"),
    "team": (TEXT, "where it is one; else empty"),
    "mandate": (TEXT, "type of mandate, where it is one; else empty"),
    "groups": (TEXT, 'codes of the groups that all of them are in, as " CORE ESG ": ask groups.contains(" CORE ")'),
    "order_group": (TEXT, "name of the group of orders, where it is one; else empty"),
    "directed": (TEXT, "code of the broker its clients direct it to; else empty"),
}


class Heard(NamedTuple):
    """What a condition says of a block: true, false or None for cannot be told; and the values it looked at."""

    holds: bool | None
    values: Mapping[str, Any]


def kinds(own: Mapping[str, bool]) -> dict[str, str]:
    """What a condition may ask for. :param own: codes of the firm's own fields of orders, and whether each is a number"""
    return {name: kind for name, (kind, _) in FIELDS.items()} | {
        f"{OWN}{code}": NUMBER if is_number else TEXT for code, is_number in own.items()
    }


def read_condition(text: str, own: Mapping[str, bool]) -> Filter:
    """:raises BadFilter: with line and column of the first thing that cannot be understood"""
    return read(text, kinds(own))


def own_asked(conditions: Sequence[Filter]) -> set[str]:
    """The firm's own fields of orders that they ask for."""
    return {name.removeprefix(OWN) for one in conditions for name in one.fields if name.startswith(OWN)}


def hear(
    conditions: Mapping[int, Filter], blocks: Mapping[int, Mapping[str, Any]], own: Mapping[str, bool]
) -> dict[int, dict[int, Heard]]:
    """
    Block id to what each condition says of it.

    :param conditions: by rule id; :param blocks: the fields of each block by its id, None what is not known
    """
    if not conditions or not blocks:
        return {pk: {} for pk in blocks}
    types = {TEXT: pl.String, NUMBER: pl.Float64, TRUTH: pl.Boolean}
    asked = sorted({name for one in conditions.values() for name in one.fields})
    said = kinds(own)
    columns = {
        name: pl.Series(name, [_plain(fields.get(name)) for fields in blocks.values()], dtype=types[said[name]]) for name in asked
    }
    frame = pl.DataFrame(columns) if columns else pl.DataFrame({"": [0] * len(blocks)})
    answers = frame.with_columns(**{f"rule {pk}": one.expr for pk, one in conditions.items()})
    found = {pk: answers[f"rule {pk}"].to_list() for pk in conditions}
    return {
        block: {pk: Heard(found[pk][n], {name: shown(fields.get(name)) for name in sorted(one.fields)}) for pk, one in conditions.items()}
        for n, (block, fields) in enumerate(blocks.items())
    }


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal | int) and not isinstance(value, bool) else value


def shown(value: Any) -> Any:
    """A value as a trace keeps it."""
    if isinstance(value, Decimal):
        text = f"{value:.6f}"
        return text.rstrip("0").rstrip(".")
    return value


def hours(at: datetime) -> Decimal:
    """A local time as the conditions say it: 15.45."""
    return Decimal(at.hour) + Decimal(at.minute) / 100


def is_in_force(day: date, starts_on: date | None, ends_on: date | None) -> bool:
    return (starts_on is None or starts_on <= day) and (ends_on is None or day <= ends_on)


__all__ = ["FIELDS", "BadFilter", "Filter", "Heard", "hear", "hours", "is_in_force", "kinds", "own_asked", "read_condition", "shown"]
