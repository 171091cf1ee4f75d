"""
Reading what all portfolios have of the groups that they share a limit on. What an instrument's group is the engine says; here
only what cannot be in a touched group is left aside before it is asked.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from apps.marketdata import selectors as marketdata
from apps.reference import selectors as reference
from apps.reference.own_selectors import own_values

from ..engine import columns as c
from ..engine.attributes import UNKNOWN, telling
from ..engine.filters import OWN
from ..engine.firm import Firm, Worth
from ..engine.judgement import RuleVersion
from ..engine.rules import ask_firm_worth, firm_groups

LIGHT = """
SELECT i.id, i.symbol, i.asset_class, i.currency_id, i.issuer_id, i.sector, i.country, i.rating, coalesce(i.base_currency_id, ''),
       i.underlying_id, u.issuer_id
FROM reference_instrument i LEFT JOIN reference_instrument u ON u.id = i.underlying_id WHERE
"""
HAD = """
SELECT id, (sum(held) * 10000)::bigint, (sum(buys) * 10000)::bigint, (sum(sells) * 10000)::bigint FROM (
  SELECT instrument_id AS id, qty AS held, 0 AS buys, 0 AS sells FROM portfolios_position
    WHERE qty <> 0 AND instrument_id = ANY(%(things)s::bigint[])
  UNION ALL
  SELECT instrument_id, 0, CASE WHEN side = 'BUY' THEN leaves ELSE 0 END, CASE WHEN side = 'BUY' THEN 0 ELSE leaves END FROM (
    SELECT instrument_id, side, qty - filled_qty - cancelled_qty AS leaves FROM orders_order
    WHERE instrument_id = ANY(%(things)s::bigint[]) AND qty > filled_qty + cancelled_qty AND status = ANY(%(counted)s)
      AND id <> ALL(%(judged)s::bigint[])) o
  UNION ALL
  SELECT o.instrument_id, 0, max(r.qty), 0 FROM compliance_reservation r JOIN orders_order o ON o.id = r.order_id
    WHERE o.instrument_id = ANY(%(things)s::bigint[]) AND r.status = 'HELD' AND r.until > %(at)s
      AND r.order_id <> ALL(%(judged)s::bigint[]) GROUP BY r.order_id, o.instrument_id
) q GROUP BY id HAVING sum(held) <> 0 OR sum(buys) <> 0 OR sum(sells) <> 0
"""  # Under several rules a draft's room is one draft's.
KEPT = """
SELECT order_id, (extract(epoch FROM max(reserved_at)) * 1000000)::bigint FROM compliance_reservation
WHERE order_id = ANY(%s::bigint[]) AND status = 'HELD' AND until > %s GROUP BY 1
"""
LATER = """
SELECT o.instrument_id, ((o.qty - o.filled_qty - o.cancelled_qty) * 10000)::bigint,
       (extract(epoch FROM max(v.opened_at)) * 1000000)::bigint
FROM orders_order o JOIN compliance_review v ON v.order_id = o.id AND v.status = 'WAITING'
WHERE o.instrument_id = ANY(%s::bigint[]) AND o.side = 'BUY' AND o.status = 'HELD' AND o.status = ANY(%s)
  AND o.qty > o.filled_qty + o.cancelled_qty AND o.id <> ALL(%s::bigint[]) GROUP BY o.id
"""
WORTH = """
WITH rates AS (SELECT * FROM unnest(%s::text[], %s::numeric[], %s::timestamptz[]) AS f(code, rate, at)), parts AS (
  SELECT i.symbol AS name, (p.qty * (q.bid + q.ask) * 0.5 * i.price_factor - p.unpaid_amount) * f.rate AS worth,
         least(q.at, f.at) AS at
  FROM portfolios_position p JOIN reference_instrument i ON i.id = p.instrument_id
  LEFT JOIN marketdata_quote q ON q.instrument_id = i.id LEFT JOIN rates f ON f.code = i.currency_id
  WHERE p.qty <> 0 OR p.unpaid_amount <> 0
  UNION ALL
  SELECT k.currency_id, k.amount * f.rate, f.at FROM portfolios_cash k LEFT JOIN rates f ON f.code = k.currency_id WHERE k.amount <> 0
)
SELECT coalesce(sum(worth), 0), coalesce(sum(greatest(worth, 0)), 0), (extract(epoch FROM min(at)) * 1000000)::bigint,
       coalesce((array_agg(DISTINCT name) FILTER (WHERE worth IS NULL))[1:12], '{}')
FROM parts
"""


class Had(NamedTuple):
    """What was read: ``rows`` by instrument (held, still to be bought, to be sold), in ten-thousandths."""

    groups: Sequence[str]
    asked: frozenset[int]
    rows: Mapping[int, tuple[int, int, int]]
    kept: Mapping[int, int]
    later: Sequence[tuple[int, int, int]]
    worth: Worth | None

    @property
    def things(self) -> Iterable[int]:
        return self.rows

    def columns(self, instruments: Sequence[c.Instrument], order_ids: Sequence[int]) -> Firm:
        """As the engine takes it."""
        place = {i.id: n for n, i in enumerate(instruments)}
        held, buys, sells = (np.zeros(len(instruments), np.int64) for _ in range(3))
        for pk, row in self.rows.items():
            held[place[pk]], buys[place[pk]], sells[place[pk]] = row
        later = np.array([(place[pk], qty, since) for pk, qty, since in self.later], np.int64).reshape(-1, 3)
        return Firm(
            self.groups, np.array([i.id in self.asked for i in instruments], bool), held, buys, sells, *later.T.copy(),
            np.array([self.kept.get(pk, 0) for pk in order_ids], np.int64), self.worth,
        )  # fmt: skip


def firm_had(
    cursor, rules: Sequence[RuleVersion], asked: Collection[int], order_ids: list[int], at: datetime, counted: Sequence[str],
    *, standing: bool = False,
) -> Had | None:  # fmt: skip
    """
    What the whole firm has of the groups that rules add up across it, and what it is worth where they measure against that.
    None, and no statement, where no rule does; else a fixed number.

    :param asked: instruments whose groups are meant; :param order_ids: the orders judged, which count by themselves
    :param counted: statuses of other orders that count; :param standing: whether rules are asked with no order
    """
    groups = sorted(firm_groups(rules, standing=standing))
    if not groups:
        return None
    things = _touched(cursor, groups, asked)
    cursor.execute(HAD, {"things": things, "counted": list(counted), "judged": order_ids, "at": at})
    rows = {pk: sums for pk, *sums in cursor.fetchall()}
    cursor.execute(KEPT, [order_ids, at])
    kept, later = dict(cursor.fetchall()), []
    if kept:
        cursor.execute(LATER, [things, list(counted), order_ids])
        later = cursor.fetchall()
    return Had(groups, frozenset(asked), rows, kept, later, firm_worth(cursor, at) if ask_firm_worth(rules) else None)


def firm_worth(cursor, at: datetime) -> Worth:
    """What all portfolios are worth together, exactly. One query beside the rates."""
    rates = marketdata.fx_rates(c.FIRM_CURRENCY)
    rates[c.FIRM_CURRENCY] = rates[c.FIRM_CURRENCY][0], at
    cursor.execute(WORTH, [list(rates), [rate for rate, _ in rates.values()], [when for _, when in rates.values()]])
    nav, assets, oldest, missing = cursor.fetchone()
    return Worth(Fraction(nav), Fraction(assets), c.micros(at) if oldest is None else oldest, missing)


# --- groups ----------------------------------------------------------------------------------------------------------


def keys_of(cursor, groups: Collection[str], instrument_ids: Collection[int]) -> dict[str, dict[int, Any]]:
    """By group, instruments' ids to what tells their groups apart; without those that have none. A fixed number of statements."""
    return _keys(_light(cursor, reference.issuer_groups(), "i.id = ANY(%s::bigint[])", [sorted(instrument_ids)]), groups)


def _touched(cursor, groups: Sequence[str], asked: Collection[int]) -> list[int]:
    """The instruments in the groups of those asked, by any of the groupings, and those whose group nobody knows."""
    issuers = reference.issuer_groups()
    first = _light(cursor, issuers, "i.id = ANY(%s::bigint[])", [sorted(asked)])
    mine = {group: set(found.values()) for group, found in _keys(first, groups).items()}
    near = {
        "issuer": (
            "i.issuer_id = ANY(%s) OR u.issuer_id = ANY(%s)", lambda keys: [[one for one, whole in issuers.items() if whole in keys]] * 2
        ),
        "body": ("i.issuer_id = ANY(%s) OR i.underlying_id IS NOT NULL", lambda keys: [list(keys)]),
        "instrument": ("i.id = ANY(%s)", lambda keys: [list(keys)]),
    } | {
        group: (f"i.{column} = ANY(%s)", lambda keys: [list(keys)])
        for group, column in (
            ("sector", "sector"), ("country", "country"), ("currency", "currency_id"), ("asset_class", "asset_class"), ("rating", "rating"),
        )
    }  # fmt: skip
    some = {group: keys - {UNKNOWN} for group, keys in mine.items()}
    parts = [near.get(group, ("true", lambda keys: [])) for group in groups]
    values = [value for group, (_, of) in zip(groups, parts, strict=True) for value in of(some[group])]
    rows = _light(cursor, issuers, " OR ".join(f"({text})" for text, _ in parts), values)
    found = set(asked)
    for group, keys in _keys(rows, groups).items():
        found |= {pk for pk, key in keys.items() if key in mine[group] or key == UNKNOWN}
    return sorted(found)


def _light(cursor, issuers: Mapping[int, int], which: str, values: Sequence[Any]) -> list[c.Instrument]:
    """Instruments with no more than their groups hang on. :param issuers: each one's group"""
    cursor.execute(LIGHT + which, values)
    return [
        c.Instrument(
            pk, symbol, kind, currency, issuers[issuer], "", sector, None, None, None, base_currency=base, country=country, rating=rating,
            underlying_id=underlying, underlying_group=issuers.get(under), body=issuer,
        )
        for pk, symbol, kind, currency, issuer, sector, country, rating, base, underlying, under in cursor.fetchall()
    ]  # fmt: skip


def _keys(instruments: Sequence[c.Instrument], groups: Collection[str]) -> dict[str, dict[int, Any]]:
    codes = [group.removeprefix(OWN) for group in groups if group.startswith(OWN)]
    said = {
        code: c.Own("number" if kind == "number" else "text", values)
        for code, (kind, values) in own_values(codes, [i.id for i in instruments]).items()
    }
    found: dict[str, dict[int, Any]] = {}
    for group in groups:
        of = telling(group, said)
        keys = {i.id: of(i) for i in instruments if not i.base_currency}
        found[group] = {pk: key for pk, key in keys.items() if key is not None}
    return found
