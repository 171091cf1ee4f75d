"""How much room there is under limits on groups that the whole firm shares, in what each rule counts in."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from django.db import connection

from apps.orders.states import FINAL, S

from ..engine.attributes import grouping, mask, namer, telling
from ..engine.columns import FIRM_CURRENCY, QTY, Snapshot
from ..engine.judgement import RuleVersion
from ..engine.rules import measure_firm, measure_said
from .snapshot import snapshot_as_held

OPEN = [status for status in S if status not in (*FINAL, S.DRAFT)]
FOUR = Decimal("0.0001")


class GroupRoom(NamedTuple):
    """
    Of one shared limit on a group, in ``unit``; numbers None where something they hang on is not known.

    :param counts: instruments of the group to what one unit of each counts for
    """

    limit_id: int
    rule: RuleVersion
    name: str
    unit: str
    cap: Decimal | None
    held: Decimal | None
    promised: Decimal | None
    reserved: Decimal | None
    counts: Mapping[int, Fraction | None]

    @property
    def is_least(self) -> bool:
        return self.rule.params["bound"] == "min"


def group_rooms(rules: Sequence[RuleVersion], at: datetime) -> list[GroupRoom]:
    """Those of these rules on groups that somebody holds room under. No query without a rule, else a fixed number."""
    if not rules:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT instrument_id, side = 'BUY', sum(qty - filled_qty - cancelled_qty) FROM orders_order"
            " WHERE status = ANY(%s) AND qty > filled_qty + cancelled_qty GROUP BY 1, 2",
            [OPEN],
        )
        promised = {(thing, buys): Fraction(qty) for thing, buys, qty in cursor.fetchall()}
        cursor.execute(
            "SELECT r.limit_id, o.instrument_id, sum(r.qty) FROM compliance_reservation r JOIN orders_order o ON o.id = r.order_id"
            " WHERE r.status = 'HELD' AND r.until > %s GROUP BY 1, 2",
            [at],
        )
        kept: dict[int, dict[int, Fraction]] = {}
        for limit, thing, qty in cursor.fetchall():
            kept.setdefault(limit, {})[thing] = Fraction(qty)
        cursor.execute(
            "SELECT r.code, l.group_key, l.id FROM compliance_sharedlimit l JOIN compliance_rule r ON r.id = l.rule_id"
            " WHERE l.group_key <> '' AND r.code = ANY(%s)",
            [[rule.code for rule in rules]],
        )
        limits = {(code, key): pk for code, key, pk in cursor.fetchall()}
    things = {thing for thing, _ in promised} | {thing for of in kept.values() for thing in of}
    if not things or not limits:
        return []
    s = snapshot_as_held([], at, things, rules=rules)
    return [one for rule in rules for one in _rooms(s, rule, limits, promised, kept)]


def _rooms(
    s: Snapshot, rule: RuleVersion, limits: Mapping[tuple[str, str], int], promised: Mapping[tuple[int, bool], Fraction],
    kept: Mapping[int, Mapping[int, Fraction]],
) -> list[GroupRoom]:  # fmt: skip
    p, found = rule.params, []
    shared, groups = measure_firm.shared(s, p), grouping(s, p["group"], mask(s, p["filter"]))
    of, named, is_least = telling(p["group"], s.own), namer(s, p["group"]), p["bound"] == "min"
    for group in np.unique(groups[(groups >= 0) & s.firm.asked]).tolist():
        places = np.flatnonzero(groups == group).tolist()
        first = s.instruments[places[0]]
        limit = limits.get((rule.code, f"{p['group']}:{of(first)}"))
        open_ = {s.instruments[n].id: promised.get((s.instruments[n].id, not is_least), Fraction(0)) for n in places}
        mine = {} if is_least else kept.get(limit, {})
        if limit is None or not any(open_.values()) and not mine:
            continue
        counts = {
            s.instruments[n].id: None if np.isnan(shared.weight.column[n]) else shared.weight.exact(n) for n in places
        }  # fmt: skip
        counted = [pk for n in places if (pk := s.instruments[n].id) in mine or open_[pk] or s.firm.held[n]]
        sums: list[Decimal | None] = [None] * 3
        if not shared.clouded and all(counts[pk] is not None for pk in counted):
            held = {s.instruments[n].id: Fraction(int(s.firm.held[n]), QTY) for n in places}
            sums = [_told(sum((of_.get(pk, 0) * counts[pk] for pk in counted), Fraction(0))) for of_ in (held, open_, mine)]
        found.append(GroupRoom(limit, rule, named(first) or "Not on file", _unit(p), _cap(s, p, places[0]), *sums, counts))
    return found


def _cap(s: Snapshot, p: Mapping, place: int) -> Decimal | None:
    base = measure_firm.base_of_firm(s, p, place)
    return None if base is None else _told(Fraction(p["limit"]) / measure_said.per(p) * base)


def _unit(p: Mapping) -> str:
    return {"units": "units", "duration": f"{FIRM_CURRENCY} × years"}.get(p["basis"], FIRM_CURRENCY)


def _told(number: Fraction) -> Decimal:
    return (Decimal(number.numerator) / number.denominator).quantize(FOUR)
