"""
Retirement plans: how much of the employer a plan holds (29 USC 1107), and whose securities it does not buy (29 USC 1106,
26 USC 4975). Sales are never asked.

The employer's securities are those of its whole group, with options and futures on them; they are bought under 1108(e), so
the second rule leaves the employer out. The assets of a plan are those of its portfolio here: what other managers hold of it
is not known, so the tenth is of less. Whether a security is a qualifying one (1107(d)(5)) is for the officer to say.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from ..columns import FIRM_CURRENCY, Instrument, Snapshot
from ..judgement import FAIL, INDETERMINATE, NOT_ASKED, PASS, RuleVersion, Said, Verdicts, compared, without_quantity
from ..params import Param
from ..plans import ERISA, IRA, RELATIONS, Party
from ..projection import exact_before, projected
from ..saying import cannot_tell, line, money, nav_line, part_lines, percent
from .concentration import AGE, grouped

EMPLOYER_PARAMS = {"limit": Param("percent", "10", "largest share of the plan's assets"), "max_age": AGE}
PARTY_PARAMS: dict[str, Param] = {}
BASIS = "market value at mid ÷ the plan's assets; open buys counted, open sells not"


def say_employer(values: dict[str, Any]) -> str:
    return (
        f"After a purchase a plan under ERISA holds at most {values['limit'].normalize():f}% of its assets in securities of its"
        " employer's group, open purchases counted; a plan of individual accounts whose documents allow more is not asked."
    )


def say_parties(values: dict[str, Any]) -> str:
    return (
        "No plan under ERISA and no IRA buys what one of its parties in interest, or an affiliate of ours, has issued, unless an"
        " exemption is on file: the named fiduciary's consent, or a QPAM agreement, which never helps our own affiliates or who"
        " appoints the manager."
    )


def belongs_to(i: Instrument) -> int | None:
    """The group whose securities it counts with: of an option or future, its underlying's."""
    return i.underlying_group if i.asset_class in ("OPTION", "FUTURE") else i.issuer_group


# --- the employer ----------------------------------------------------------------------------------------------------


def employers(s: Snapshot) -> tuple[np.ndarray, np.ndarray]:
    """Group of each instrument, and of each portfolio the group of its employer: -2 where no tenth binds it."""
    return s.once("employers", lambda: _employers(s))


def _employers(s: Snapshot) -> tuple[np.ndarray, np.ndarray]:
    grouping = grouped(s, belongs_to)
    code = {belongs_to(i): int(n) for i, n in zip(s.instruments, grouping, strict=True) if n >= 0}
    own = np.full(len(s.portfolios), -2, np.int64)
    for place, plan in s.plans.items():
        if plan.kind == ERISA and not plan.allows_employer and plan.employer is not None:
            own[place] = code.get(plan.employer, -2)
    return grouping, own


def _unknown(s: Snapshot) -> np.ndarray:
    """Portfolios that a tenth would bind, if it were known of whom."""
    found = np.zeros(len(s.portfolios), bool)
    for place, plan in s.plans.items():
        found[place] = plan.kind == ERISA and not plan.allows_employer and plan.employer is None
    return found


def employer(s: Snapshot, rule: RuleVersion, refused: np.ndarray) -> Verdicts:
    """No more than so many percent of a plan's assets in its employer, immediately after the purchase (1107(a)(2))."""
    if not s.plans:
        return not_asked(s, rule)
    grouping, own = employers(s)
    home, place = s.orders.portfolio, s.orders.instrument
    bound = s.buy & (grouping[place] >= 0) & (grouping[place] == own[home])
    lost = s.buy & (grouping[place] >= 0) & _unknown(s)[home]
    minutes, limit = rule.params["max_age"], rule.params["limit"]
    before = projected(s, grouping, s.unit, bound, sells=False)
    assets = s.total_assets[home]
    cap = float(limit) / 100 * assets

    def exact(order: int) -> tuple[Fraction, Fraction, Fraction]:
        used = exact_before(s, order, grouping, sells=False)
        return used, s.exact_unit(place[order]), Fraction(limit) / 100 * s.exact_total_assets(home[order])

    known = before.known & s.fresh_nav(minutes) & s.fresh_price(minutes) & bound
    outcome, max_qty = compared(s, bound | lost, known, before.before, s.unit_of_orders, cap, exact)
    with np.errstate(divide="ignore", invalid="ignore"):
        now = before.now / assets * 100
        after = (before.before + s.worth_of_orders) / assets * 100

    def say(order: int) -> Said:
        plan, who = s.plans[int(home[order])], s.portfolio_of(order).code
        if lost[order]:
            text = f"Cannot tell: {who} is a plan under ERISA and its employer is not on file. Add it under Reference data, Plans."
            return Said(text, BASIS, (), "rule")
        if outcome[order] == INDETERMINATE:
            return Said(cannot_tell(s, order, minutes, whole_portfolio=True)[0], BASIS, (), "rule")
        left = cap[order] - before.before[order]
        text = (
            f"{who} would hold {percent(after[order])} of its assets in {plan.employer_name}, its employer; the limit is"
            f" {percent(float(limit))} immediately after a purchase. {money(left) + ' of room is' if left > 0 else 'No room is'} left."
        )
        lines = (nav_line(s, home[order]), *part_lines(s, order, grouping, sells=False))
        return Said(text, BASIS, lines, "rule")

    limits = np.full(len(s.orders), float(limit))
    return Verdicts(rule, outcome, say, now, after, limits, "% of assets", cap - before.before, FIRM_CURRENCY, max_qty)


# --- parties in interest ---------------------------------------------------------------------------------------------


def parties(s: Snapshot, rule: RuleVersion, refused: np.ndarray) -> Verdicts:
    """No purchase of what a party in interest has issued, without an exemption (1106(a)(1)(A), (D); 4975(c)(1))."""
    if not s.plans:
        return not_asked(s, rule)
    bound = np.zeros(len(s.portfolios), bool)
    barred: dict[tuple[int, int], Party] = {}
    for place, plan in s.plans.items():
        bound[place] = plan.kind in (ERISA, IRA)
        if bound[place]:
            barred |= {(place, group): party for group, party in plan.barred.items() if group != plan.employer}
    asked = s.buy & bound[s.orders.portfolio]
    outcome = np.where(asked, PASS, NOT_ASKED).astype(np.int8)
    groups = [tuple({i.issuer_group, i.underlying_group} - {None}) for i in s.instruments]
    named = np.array([any((home, g) in barred for home in s.plans for g in of) for of in groups], bool)
    met: dict[int, Party] = {}
    for order in np.flatnonzero(asked & named[s.orders.instrument]):
        home = int(s.orders.portfolio[order])
        for group in groups[s.orders.instrument[order]]:
            if (home, group) in barred:
                outcome[order], met[int(order)] = FAIL, barred[home, group]

    def say(order: int) -> Said:
        party, plan = met[order], s.plans[int(s.orders.portfolio[order])]
        law = "29 USC 1106(a)" if plan.kind == ERISA else "26 USC 4975(c)"
        text = (
            f"{s.portfolio_of(order).code} is {'a plan under ERISA' if plan.kind == ERISA else 'an IRA'} and"
            f" {s.instrument_of(order).symbol} is of {party.name}, {RELATIONS[party.relation]}: it does not buy that without an"
            f" exemption ({law}), and none is on file."
        )
        if plan.qpam:
            text += f" The QPAM agreement ({plan.qpam}) does not reach this party."
        data = (line("Party in interest", party.name, relation=party.relation), line("QPAM agreement", plan.qpam or "none"))
        return Said(text, "the issuer's group, and its underlying's, against the plan's parties in interest", data, "rule")

    return Verdicts(rule, outcome, say, max_qty=without_quantity(outcome == FAIL))


def not_asked(s: Snapshot, rule: RuleVersion) -> Verdicts:
    say: Callable[[int], Said] = lambda order: Said("")  # noqa: E731
    return Verdicts(rule, np.zeros(len(s.orders), np.int8), say)
