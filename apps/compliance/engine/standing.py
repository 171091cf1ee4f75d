"""
What rules say of portfolios as they stand, with no order asked: for the end of the day, when prices and flows have moved.

The same filters, bases, groups and limits as before the trade; what is above the limit at its exact edge is a breach,
whoever caused it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from . import standing_owed, standing_public, standing_through
from .attributes import GROUPS, clouded, grouping, mask, namer, vague, weight
from .benchmarks import Weights
from .columns import FIRM_CURRENCY, NEAR, QTY, Snapshot
from .judgement import FAIL, INDETERMINATE, OUTCOMES, PASS, RuleVersion
from .rules import concentration, largest, measure, measure_said, stepped
from .rules.against import AGAINST
from .rules.bands import BOUNDS
from .rules.plans import employers
from .rules.through_said import looks_through
from .saying import line, percent, signed, units
from .scope import why_unsure
from .standing_contracts import positions
from .standing_firm import is_of_firm, of_firm
from .stands import FIRM, Standing


class _Numbers(NamedTuple):
    """What a rule compares: for each portfolio and group a number, exactly, with the limit it has there."""

    groups: np.ndarray
    name: Callable[[int], str]
    column: np.ndarray
    exact: Callable[[int], Fraction]
    unsure: np.ndarray
    limit: Callable[[int, int], Fraction | None]
    base: np.ndarray
    exact_base: Callable[[int], Fraction]
    is_least: bool
    warning: Fraction | None
    unit: str
    minutes: int
    owed: Mapping[tuple[int, int], Fraction] = {}
    """Of (portfolio, group) what its body owes beside what is held; ``unknown`` portfolios of which that cannot be told."""
    unknown: frozenset[int] = frozenset()
    per: int = 100
    """What the limit is divided by: 1 where it is in years."""
    leaning: Weights | None = None
    """What groups weigh in benchmarks, where the limit is counted from that: so many ``points`` away."""
    points: float = 0.0
    clouded: np.ndarray | None = None
    """Portfolios of which nothing can be told, for want of a group."""


def stand(s: Snapshot, rules: Iterable[RuleVersion]) -> list[tuple[RuleVersion, Standing]]:
    """What each rule that can be asked without an order says of each portfolio, or of the firm, rule after rule."""
    return [
        (rule, said)
        for rule in rules
        if rule.kind in ASKS
        for one in ASKS[rule.kind](s, rule)
        if (said := _if_meant(s, rule, one)) is not None
    ]


def asked_of(s: Snapshot, rules: Iterable[RuleVersion]) -> Iterator[tuple[RuleVersion, int]]:
    """Of which portfolios, as places, each rule tells how they stand, though it be that they hold nothing that it is about."""
    for rule in rules:
        if is_of_firm(rule):
            if s.firm is not None:
                yield rule, FIRM
        elif rule.kind in ASKS and not (rule.kind == "measure" and measure_said.is_of_orders_alone(rule.params)):
            for place, portfolio in enumerate(s.portfolios):
                if rule.scope is None or rule.scope.names(portfolio):
                    yield rule, place


def out_of_scope(s: Snapshot, rules: Iterable[RuleVersion]) -> Iterator[tuple[RuleVersion, int]]:
    """Of which portfolios, as places, each rule is known not to be asked: their scope leaves them out."""
    for rule in rules:
        if rule.scope is not None:
            for place, portfolio in enumerate(s.portfolios):
                if not rule.scope.names(portfolio) and not rule.scope.may_name(portfolio):
                    yield rule, place


def _if_meant(s: Snapshot, rule: RuleVersion, one: Standing) -> Standing | None:
    """
    It where its portfolio is meant, else None. Where that cannot be told, what would fail is INDETERMINATE; what passes
    passes in any case.
    """
    if one.portfolio == FIRM:
        return one
    portfolio = s.portfolios[one.portfolio]
    if rule.scope is None or rule.scope.names(portfolio):
        return one
    if not rule.scope.may_name(portfolio):
        return None
    if one.outcome != OUTCOMES[FAIL]:
        return one
    return one._replace(outcome=OUTCOMES[INDETERMINATE], over=0.0, places=(), text=f"{one.text} {why_unsure(portfolio)}")


def _standing(s: Snapshot, numbers: _Numbers) -> list[Standing]:
    """One for each portfolio and group that holds something; of a least also for the portfolios that hold nothing of it."""
    size = max([int(numbers.groups.max(initial=0)), *(group for _, group in numbers.owed)]) + 1
    if not len(s.portfolios):
        return []
    held = numbers.groups[s.positions.thing]
    keys = np.where(held >= 0, s.positions.portfolio * size + held, -1)
    missing = np.isnan(numbers.column) | numbers.unsure
    plain = np.where(missing, 0.0, numbers.column)
    rows = keys >= 0
    total = np.bincount(keys[rows], (s.positions.amount * plain[s.positions.thing])[rows], len(s.portfolios) * size) / QTY
    unknown = np.bincount(keys[rows], missing[s.positions.thing][rows].astype(float), len(s.portfolios) * size) > 0
    count = np.bincount(keys[rows], minlength=len(s.portfolios) * size)
    for (portfolio, group), amount in numbers.owed.items():
        total[portfolio * size + group] += float(amount)
        count[portfolio * size + group] += 1
    for portfolio in numbers.unknown:
        unknown[portfolio * size : (portfolio + 1) * size] = True
    fresh = (s.nav_us >= max(s.now_us - numbers.minutes * 60_000_000, 0)) & (np.nan_to_num(s.nav) > 0)
    if numbers.clouded is not None:
        fresh &= ~numbers.clouded
    asked = np.flatnonzero(count)
    if numbers.is_least and numbers.leaning is not None:
        more = [home * size + numbers.leaning.held_in(home) for home in range(len(s.portfolios))]
        asked = np.union1d(asked, np.concatenate(more))
    elif numbers.is_least:
        groups = np.unique(held[held >= 0]) if (held >= 0).any() else np.zeros(1, np.int64)
        asked = (np.arange(len(s.portfolios))[:, None] * size + groups[None, :]).ravel()
    return [
        one
        for key in asked
        if (one := _one(s, numbers, *divmod(int(key), size), float(total[key]), bool(unknown[key]), fresh)) is not None
    ]


def _one(s: Snapshot, n: _Numbers, portfolio: int, group: int, total: float, unknown: bool, fresh: np.ndarray) -> Standing | None:
    name = n.name(group)
    if n.leaning is not None and np.isnan(n.leaning.table[n.leaning.row_of[portfolio], group]):
        text = f"Cannot tell what {name} may be: {n.leaning.unknown(portfolio)}."
        return Standing(portfolio, name, name, OUTCOMES[INDETERMINATE], None, n.points, "percentage points", text=text)
    limit = n.limit(portfolio, group)
    if limit is None:
        return None
    if unknown or not fresh[portfolio] or not n.base[portfolio] > 0:
        return Standing(
            portfolio, name, name, OUTCOMES[INDETERMINATE], None, float(limit), n.unit,
            text=f"Cannot tell what {name} is: a price, a rate or a field that the rule asks for is missing or too old.",
        )  # fmt: skip
    base, cap = float(n.base[portfolio]), float(limit) / n.per * float(n.base[portfolio])
    beyond = cap - total if n.is_least else total - cap
    turn = -1 if n.is_least else 1
    fails = turn * _side(s, n, portfolio, group, total, limit) > 0
    value = total / base * n.per
    level = n.warning
    if level is not None and n.leaning is not None:
        at = n.leaning.exact(portfolio, group) * 100
        level = at - level if n.is_least else at + level
    warned = level is not None and not fails and turn * _side(s, n, portfolio, group, total, level) >= 0
    bound = "least" if n.is_least else "most"
    said = percent if n.per == 100 else units
    text = f"{name} is {said(value)} {n.unit.removeprefix('% ')}; the {bound} is {said(float(limit))}." if fails or warned else ""
    over = max(beyond, 0.0) if fails and n.per == 100 else 0.0
    return Standing(
        portfolio, name, name, OUTCOMES[FAIL if fails else PASS], value, float(limit), n.unit, over,
        warned, text, _lines(s, n, portfolio, group) if fails else (),
        tuple(np.flatnonzero(n.groups == group).tolist()) if fails else (), n.is_least,
    )  # fmt: skip


def _side(s: Snapshot, n: _Numbers, portfolio: int, group: int, total: float, level: Fraction) -> int:
    """Whether the number is above a level as the limit is given (1), below it (-1) or at it (0); next to it in fractions."""
    mark = float(level) / n.per * float(n.base[portfolio])
    apart: float | Fraction = total - mark
    if abs(apart) <= NEAR * max(abs(mark), abs(total)):
        apart = _exact(s, n, portfolio, group) - level / n.per * n.exact_base(portfolio)
    return (apart > 0) - (apart < 0)


def _exact(s: Snapshot, n: _Numbers, portfolio: int, group: int) -> Fraction:
    rows = [row for row in s.rows_of("positions", portfolio) if n.groups[s.positions.thing[row]] == group]
    held = sum((int(s.positions.amount[row]) * n.exact(s.positions.thing[row]) for row in rows), Fraction(0)) / QTY
    return held + n.owed.get((portfolio, group), 0)


def _lines(s: Snapshot, n: _Numbers, portfolio: int, group: int) -> tuple[dict[str, Any], ...]:
    rows = [row for row in s.rows_of("positions", portfolio) if n.groups[s.positions.thing[row]] == group]
    worth = {row: s.positions.amount[row] * n.column[s.positions.thing[row]] / QTY for row in rows}
    largest = sorted(rows, key=lambda row: -abs(worth[row]))[:12]
    owed = n.owed.get((portfolio, group))
    return tuple([] if owed is None else [line(f"{n.name(group)}, what it owes", float(owed), currency=FIRM_CURRENCY)]) + tuple(
        line(
            s.instruments[s.positions.thing[row]].symbol, float(worth[row]), s.instruments[s.positions.thing[row]].priced_at,
            qty=f"{s.positions.amount[row] / QTY:f}".rstrip("0").rstrip("."), currency=FIRM_CURRENCY,
        )
        for row in largest
    )  # fmt: skip


# --- each kind -------------------------------------------------------------------------------------------------------


def _measure(s: Snapshot, rule: RuleVersion) -> list[Standing]:
    p = rule.params
    if looks_through(p):
        return standing_through.measured(s, rule)
    if p["across"] == "firm":
        return of_firm(s, rule)
    if p["against"] in (*measure_said.OF_INSTRUMENT, "nothing"):
        return _on_file(s, rule)
    meant = mask(s, p["filter"])
    groups = grouping(s, p["group"], meant)
    worth = weight(s, p["basis"])
    base, exact_base = measure.of_portfolios(s, p)
    leaning, limit, least = None, Fraction(p["limit"]), p["bound"] == "min"
    if p["relative_to"] == "benchmark":
        leaning = measure.in_benchmarks(s, p)

    def limit_of(portfolio: int, group: int) -> Fraction:
        return limit if leaning is None else leaning.exact(portfolio, group) * 100 + (-limit if least else limit)

    names = _names(s, groups, namer(s, p["group"]))
    beside, unknown = {}, frozenset()
    if p["claims"] != "none":
        beside, names, unknown = standing_owed.by_group(s, p["claims"], names)
    unit = "years" if p["basis"] == "duration" else f"% of {'the part' if p['against'] == 'part' else measure_said.AGAINST[p['against']]}"
    return _standing(
        s,
        _Numbers(
            groups, names, worth.column, worth.exact, meant.unsure, limit_of, base, exact_base, least,
            None if p["warning"] is None else Fraction(p["warning"]), unit, p["max_age"], beside, unknown, measure_said.per(p), leaning,
            float(limit), clouded(s, vague(s, p["group"], meant)),
        ),
    )  # fmt: skip


def _on_file(s: Snapshot, rule: RuleVersion) -> list[Standing]:
    """Against a number on file of an instrument or its issuer, or an amount: each group of a portfolio apart."""
    p = rule.params
    against = p["against"] if p["against"] in measure_said.OF_INSTRUMENT else None
    if measure_said.is_of_orders_alone(p):
        return []  # Amounts over groups bind orders.
    meant, worth = mask(s, p["filter"]), weight(s, p["basis"])
    groups, named, unknown = grouping(s, p["group"], meant), namer(s, p["group"]), vague(s, p["group"], meant)
    unsure = meant.unsure if unknown is None else meant.unsure | unknown
    held: dict[tuple[int, int], list[int]] = {}
    for row in range(len(s.positions.thing)):
        if (group := int(groups[s.positions.thing[row]])) >= 0:
            held.setdefault((int(s.positions.portfolio[row]), group), []).append(row)
    limit, found = Fraction(p["limit"]), []
    unit = {
        "shares_outstanding": "% of shares", "daily_volume": "% of a day", "debt_outstanding": "% of debt",
        "money_market_outstanding": "% of money market instruments", "issued_by_body": "% of what is issued",
    }.get(against, "units")  # fmt: skip
    for (portfolio, _), rows in held.items():
        places = [int(s.positions.thing[row]) for row in rows]
        name = named(s.instruments[places[0]])
        number = measure.of_instrument(s, s.instruments[places[0]], against) if against else Fraction(1)
        if not number or any(unsure[place] or np.isnan(worth.column[place]) for place in places):
            text = f"Cannot tell what {name} is: something that the rule asks for is missing."
            found.append(Standing(portfolio, name, name, OUTCOMES[INDETERMINATE], None, float(limit), "", text=text))
            continue
        whole = sum((int(s.positions.amount[row]) * worth.exact(s.positions.thing[row]) for row in rows), Fraction(0)) / QTY
        value = whole / number * (100 if against else 1)
        fails = value < limit if p["bound"] == "min" else value > limit
        text = f"{name} is {signed(f'{float(value):,.4g}')} {unit}; the limit is {float(limit):,.4g}." if fails else ""
        found.append(
            Standing(
                portfolio, name, name, OUTCOMES[FAIL if fails else PASS], float(value), float(limit), unit, text=text,
                places=tuple(places) if fails else (), is_least=p["bound"] == "min",
            )
        )  # fmt: skip
    return found


def _stepped(s: Snapshot, rule: RuleVersion) -> list[Standing]:
    """What counts of a portfolio together."""
    of = largest.standing(s, rule) if rule.kind == "largest_groups" else stepped.standing(s, rule)
    if looks_through(rule.params):
        places = standing_through.places(s, rule)
    else:
        meant = mask(s, rule.params["filter"])
        places = tuple(np.flatnonzero(grouping(s, rule.params.get("group", "instrument"), meant) >= 0).tolist())
    unit, limit = f"% of {AGAINST[rule.params['against']]}", float(rule.params["limit"])
    found = []
    for portfolio in range(len(s.portfolios)):
        value, over, lines = of(portfolio)
        if value is None:
            text = "Cannot tell: a price, a rate or a field that the rule asks for is missing or too old."
            found.append(Standing(portfolio, "all", "Together", OUTCOMES[INDETERMINATE], None, limit, unit, text=text))
            continue
        fails = over > 0
        text = f"{rule.name}: {percent(float(value))} {unit.removeprefix('% ')}; the most is {percent(limit)}." if fails else ""
        outcome, beyond = OUTCOMES[FAIL if fails else PASS], float(max(over, 0))
        found.append(
            Standing(
                portfolio, "all", "Together", outcome, float(value), limit, unit, beyond, False, text,
                lines if fails else (), places if fails else (),
            )
        )  # fmt: skip
    return found


def _share(group: str, mandate_limit: str | None) -> Callable[[Snapshot, RuleVersion], list[Standing]]:
    """The coded shares of net asset value: by instrument, issuer or sector."""

    def asked(s: Snapshot, rule: RuleVersion) -> list[Standing]:
        fixed = rule.params["max_pct"]
        groups = concentration.grouped(s, GROUPS[group].of, rule.params["exempt"])

        def limit(portfolio: int, number: int) -> Fraction | None:
            value = fixed if fixed is not None else getattr(s.portfolios[portfolio], mandate_limit)
            return None if value is None else Fraction(value)

        return _standing(s, _of_nav(s, groups, _names(s, groups, GROUPS[group].name), limit, False, rule.params["max_age"]))

    return asked


def _employer(s: Snapshot, rule: RuleVersion) -> list[Standing]:
    """What each plan holds of its employer."""
    groups, own = employers(s)
    most = Fraction(rule.params["limit"])
    return _standing(
        s,
        _Numbers(
            groups, lambda group: f"{_names(s, groups, lambda i: i.issuer_name)(group)}, the employer", s.unit, s.exact_unit,
            np.zeros(len(s.instruments), bool), lambda portfolio, group: most if own[portfolio] == group else None,
            s.total_assets, s.exact_total_assets, False, None, "% of the plan's assets", rule.params["max_age"],
        ),
    )  # fmt: skip


def _bands(s: Snapshot, rule: RuleVersion) -> list[Standing]:
    """Both bounds of the mandate's asset classes."""
    groups = np.where(np.isin(s.class_code, list(BOUNDS)), s.class_code, -1)
    names = {0: "Equity", 1: "Fixed income"}
    found = []
    for which, is_least in ((0, True), (1, False)):

        def limit(portfolio: int, group: int, which=which) -> Fraction | None:
            value = getattr(s.portfolios[portfolio], BOUNDS[group][which])
            return None if value is None else Fraction(value)

        told = _standing(s, _of_nav(s, groups, names.__getitem__, limit, is_least, rule.params["max_age"]))
        found += [one._replace(group=f"{one.group}, {'least' if is_least else 'most'}") for one in told]
    return found


def _of_nav(s: Snapshot, groups: np.ndarray, name, limit, is_least: bool, minutes: int) -> _Numbers:
    return _Numbers(
        groups, name, s.unit, s.exact_unit, np.zeros(len(s.instruments), bool), limit, s.nav, s.exact_nav, is_least, None,
        "% of net asset value", minutes,
    )  # fmt: skip


def _names(s: Snapshot, groups: np.ndarray, name: Callable[[Any], str]) -> Callable[[int], str]:
    first = {int(group): place for place, group in reversed(list(enumerate(groups.tolist())))}
    return lambda group: (name(s.instruments[first[group]]) or "What is not on file") if group in first else "Together"


ASKS: dict[str, Callable[[Snapshot, RuleVersion], Sequence[Standing]]] = {
    "measure": _measure,
    "large_groups": _stepped,
    "largest_groups": _stepped,
    "illiquid": _stepped,
    "deposits": standing_owed.kept,
    "dealers": standing_owed.dealt,
    "instrument_share": _share("instrument", None),
    "issuer_share": _share("issuer", "issuer_max_pct"),
    "sector_share": _share("sector", "sector_max_pct"),
    "asset_class_band": _bands,
    "employer_securities": _employer,
    "position_limits": positions,
    "public_issuers": standing_public.held,
}
