"""What funds hold of public issuers, and where that is beyond the limit whether it may be (2009/65/EC Art. 54)."""

from collections import defaultdict
from fractions import Fraction

import numpy as np

from .columns import FIRM_CURRENCY, QTY, Snapshot
from .judgement import FAIL, INDETERMINATE, OUTCOMES, PASS, RuleVersion
from .rules.public_issuers import groups_of, issues_of
from .saying import line, percent
from .stands import Standing

UNIT = "% of net asset value"


def held(s: Snapshot, rule: RuleVersion) -> list[Standing]:
    """Of each portfolio and issuer: what is held, as it is named, with how many issues, the largest of them."""
    p, found = rule.params, []
    (groups, column), issue = groups_of(s, p["filter"]), issues_of(s)
    issues: dict[tuple[int, int], dict[int, int]] = defaultdict(dict)
    for home, place, qty in zip(*(a.tolist() for a in (s.positions.portfolio, s.positions.thing, s.positions.amount)), strict=True):
        if groups[place] >= 0 and qty:
            issues[home, int(groups[place])][place] = qty
    oldest = max(s.now_us - p["max_age"] * 60_000_000, 0)
    for (home, _), units in sorted(issues.items()):
        i = s.instruments[next(iter(units))]
        name, limit = i.issuer_name or "What is not on file", float(p["limit"])
        if s.nav_us[home] < oldest or not np.nan_to_num(s.nav[home]) > 0 or any(np.isnan(column[place]) for place in units):
            text = f"Cannot tell what {name} is: a price, a rate or a field that the rule asks for is missing or too old."
            found.append(Standing(home, name, name, OUTCOMES[INDETERMINATE], None, limit, UNIT, text=text))
            continue
        nav = s.exact_nav(home)
        worth: dict[int, Fraction] = defaultdict(Fraction)
        for place, qty in units.items():
            worth[issue[place]] += Fraction(qty, QTY) * s.exact_unit(place)
        whole, largest = sum(worth.values(), Fraction(0)), max(worth, key=worth.__getitem__)
        over, text, places = Fraction(0), "", tuple(units)
        beyond, part = whole - Fraction(p["limit"]) / 100 * nav, worth[largest] - Fraction(p["issue_limit"]) / 100 * nav
        of_nav = percent(float(whole / nav * 100))
        count = len({issue[place] for place, qty in units.items() if qty > 0})
        if beyond > 0 and i.issuer_group not in s.portfolios[home].named:
            over, text = beyond, f"{name} is {of_nav} of net asset value and not named; the most is {percent(limit)}."
        elif beyond > 0 and count < p["issues"]:
            over, text = beyond, f"{name} is {of_nav} of net asset value with {count} of its issues; there are at least {p['issues']}."
        elif beyond > 0 and part > 0:
            over, places = part, tuple(place for place in units if issue[place] == largest)
            text = (
                f"{s.instruments[largest].symbol} is {percent(float(worth[largest] / nav * 100))} of net asset value; while {name} is"
                f" above {percent(limit)} one issue is at most {percent(float(p['issue_limit']))}."
            )
        lines = tuple(
            line(s.instruments[place].symbol, float(worth[place]), s.instruments[place].priced_at, currency=FIRM_CURRENCY)
            for place in sorted(worth, key=lambda place: -worth[place])[:12]
        )
        found.append(
            Standing(
                home, name, name, OUTCOMES[FAIL if text else PASS], float(whole / nav * 100), limit, UNIT, float(over), text=text,
                data=lines if text else (), places=places if text else (),
            )
        )  # fmt: skip
    return found
