"""
Concentration in percent of net asset value: by instrument, by issuer's group, by sector.

Only buys can make it worse, so only buys are asked: where a limit is already passed, a sale goes through. Market value
at mid over net asset value; all open buys count, open sells do not. An option counts at its value, with its underlying's
issuer; a future at its notional, by instrument and sector: on an index or a basket of government bonds it is no claim on an
issuer (so too 2009/65/EC art. 51(3), which leaves index derivatives out of the issuer limits).
"""

from collections.abc import Callable
from fractions import Fraction

import numpy as np

from apps.reference.rules import MARGINED

from ..columns import FIRM_CURRENCY, Instrument, Snapshot
from ..judgement import INDETERMINATE, RuleVersion, Said, Verdicts, compared, constant
from ..params import Param
from ..projection import exact_before, projected
from ..saying import cannot_tell, money, nav_line, part_lines, percent

AGE = Param("minutes", 4320, "oldest price or rate that counts, in minutes")
EXEMPT = Param("classes", ["GOVT"], "asset classes that are left out")
INSTRUMENT_PARAMS = {"max_pct": Param("percent", "10", "largest share of net asset value"), "exempt": EXEMPT, "max_age": AGE}
GROUP_PARAMS = {
    "max_pct": Param("percent", None, "largest share of net asset value; without it the mandate's"),
    "exempt": EXEMPT,
    "max_age": AGE,
}


def instrument(s: Snapshot, rule: RuleVersion, refused: np.ndarray) -> Verdicts:
    """No instrument above so many percent of the portfolio."""
    return _judge(s, rule, lambda i: i.id, lambda i: i.symbol, None)


def issuer(s: Snapshot, rule: RuleVersion, refused: np.ndarray) -> Verdicts:
    """No issuing group above its limit: two lines of shares, bonds, parent and subsidiaries add up."""
    return _judge(s, rule, _issuer_of, lambda i: i.issuer_name, "issuer_max_pct")


def _issuer_of(i: Instrument) -> int | None:
    return i.underlying_group if i.asset_class in MARGINED else i.issuer_group


def sector(s: Snapshot, rule: RuleVersion, refused: np.ndarray) -> Verdicts:
    """No sector above its limit."""
    return _judge(s, rule, lambda i: i.sector, lambda i: f"Sector {i.sector}", "sector_max_pct")


def _judge(
    s: Snapshot, rule: RuleVersion, group_of: Callable[[Instrument], object], name_of: Callable[[Instrument], str],
    mandate_limit: str | None,
) -> Verdicts:  # fmt: skip
    exempt, minutes = rule.params["exempt"], rule.params["max_age"]
    grouping = grouped(s, group_of, exempt)
    fixed = rule.params["max_pct"]
    limit = constant(float(fixed), len(s.orders)) if fixed is not None else s.mandate(mandate_limit)
    same = "concentration", grouping.tobytes(), mandate_limit if fixed is None else None, minutes
    asked = s.once((*same, "asked"), lambda: s.buy & (grouping[s.orders.instrument] >= 0) & ~np.isnan(limit))
    before = projected(s, grouping, s.unit, asked, sells=False)
    nav, unit = s.nav_of_orders, s.unit_of_orders
    cap = (float(fixed) / 100 if fixed is not None else limit / 100) * nav

    def exact(order: int) -> tuple[Fraction, Fraction, Fraction]:
        pct = Fraction(fixed) if fixed is not None else s.exact_mandate(order, mandate_limit)
        used = exact_before(s, order, grouping, sells=False)
        nav = s.exact_nav(s.orders.portfolio[order])
        return used, s.exact_unit(s.orders.instrument[order]), pct / 100 * nav

    def shares() -> tuple[np.ndarray, np.ndarray]:
        with np.errstate(divide="ignore", invalid="ignore"):
            return before.now / nav * 100, (before.before + s.worth_of_orders) / nav * 100

    known = s.once((*same, "known"), lambda: before.known & s.fresh_nav(minutes) & s.fresh_price(minutes))
    outcome, max_qty = compared(s, asked, known, before.before, unit, cap, exact, same)
    now, after = s.once((*same, "shares"), shares)
    limit_from = "rule" if fixed is not None else "mandate"

    def say(order: int) -> Said:
        basis = "market value at mid ÷ net asset value; open buys counted, open sells not"
        if outcome[order] == INDETERMINATE:
            text, data = cannot_tell(s, order, minutes, whole_portfolio=True)
            return Said(text, basis, data, limit_from)
        name = name_of(s.instrument_of(order))
        left = cap[order] - before.before[order]
        text = f"{name} would be {percent(after[order])} of net asset value; the limit is {percent(limit[order])}. "
        text += f"{money(left)} of room is left." if left > 0 else "No room is left."
        lines = (nav_line(s, s.orders.portfolio[order]), *part_lines(s, order, grouping, sells=False))
        return Said(text, basis, lines, limit_from)

    return Verdicts(
        rule, outcome, say, now, after, limit, "% of NAV", cap - before.before, FIRM_CURRENCY, max_qty
    )  # fmt: skip


def grouped(s: Snapshot, group_of: Callable[[Instrument], object], exempt: frozenset[str] = frozenset()) -> np.ndarray:
    """
    A whole number for each instrument's group, -1 for what is left out or has none: pairs of currencies always are.

    :param group_of: depends on the instrument alone
    """
    return s.once(("grouped", group_of.__code__, exempt), lambda: _grouped(s, group_of, exempt))


def _grouped(s: Snapshot, group_of: Callable[[Instrument], object], exempt: frozenset[str]) -> np.ndarray:
    numbers: dict[object, int] = {None: -1}
    left_out = [bool(i.base_currency) or i.asset_class in exempt for i in s.instruments]
    groups = [-1 if out else numbers.setdefault(group_of(i), len(numbers)) for out, i in zip(left_out, s.instruments, strict=True)]
    return np.array(groups, np.int64)
