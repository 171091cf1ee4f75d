"""What bodies owe portfolios as they stand: money kept with them, and deals in currencies."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np

from . import claims
from .attributes import issuer_of, numbers_of
from .columns import FIRM_CURRENCY, Snapshot
from .judgement import FAIL, INDETERMINATE, OUTCOMES, PASS, RuleVersion
from .rules import owed
from .saying import line, percent
from .stands import Standing


def _owing(of: Callable[[Snapshot, RuleVersion], list], *, by_sales: bool) -> Callable[[Snapshot, RuleVersion], list[Standing]]:
    """
    What bodies owe a portfolio, in percent of net asset value; of one that nobody owes anything, that.

    :param by_sales: whether sales make it more
    """

    def asked(s: Snapshot, rule: RuleVersion) -> list[Standing]:
        oldest, found, told = max(s.now_us - rule.params["max_age"] * 60_000_000, 0), [], of(s, rule)
        sold = tuple(np.flatnonzero(owed.paid_for(s) >= 0).tolist()) if by_sales else ()
        named = {portfolio for portfolio, *_ in told}
        nobody = [(p, "Nobody", Fraction(0), Fraction(rule.params["limit"])) for p in range(len(s.portfolios)) if p not in named]
        for portfolio, name, amount, limit in [*told, *nobody]:
            fresh = s.nav_us[portfolio] >= oldest and np.nan_to_num(s.nav[portfolio]) > 0
            if amount is None or limit is None or not fresh:
                why = "whether it is a credit institution is not on file" if limit is None else "a price or rate is missing or too old"
                text = f"Cannot tell what {name} may owe: {why}."
                said = None if limit is None else float(limit)
                found.append(Standing(portfolio, name, name, OUTCOMES[INDETERMINATE], None, said, "% of net asset value", text=text))
                continue
            nav = s.exact_nav(portfolio)
            fails = amount > limit / 100 * nav
            value, over = float(amount / nav * 100), float(amount - limit / 100 * nav) if fails else 0.0
            text = f"{name} owes {percent(value)} of net asset value; the most is {percent(float(limit))}." if fails else ""
            outcome = OUTCOMES[FAIL if fails else PASS]
            lines = (line(f"{name}, what it owes", float(amount), currency=FIRM_CURRENCY),) if fails else ()
            found.append(
                Standing(
                    portfolio, name, name, outcome, value, float(limit), "% of net asset value", over, False, text, lines,
                    sold if fails else (), by_sales,
                )
            )  # fmt: skip
        return found

    return asked


kept = _owing(owed.what_is_kept, by_sales=True)
dealt = _owing(owed.what_is_owed, by_sales=False)


def by_group(s: Snapshot, kind: str, names: Callable[[int], str]) -> tuple[dict, Callable[[int], str], frozenset[int]]:
    """What bodies owe, by the numbers of their groups; those of which there are no instruments get further numbers."""
    codes: dict[int, int] = {}
    for place, code in enumerate(numbers_of(s, "issuer").tolist()):
        if code >= 0:
            codes.setdefault(issuer_of(s.instruments[place]), code)
    found, further, first = claims.claims(s, kind), {}, len(s.instruments)
    for _, group in found.of:
        if codes.setdefault(group, first) == first:
            further[first] = found.names[group]
            first += 1
    owed = {(portfolio, codes[group]): amount for (portfolio, group), amount in found.of.items()}
    mine = {codes[group]: name for group, name in found.names.items()}

    def name(group: int) -> str:
        said = names(group) if group not in further else further[group]
        return mine.get(group, said) if said == "Together" else said

    return owed, name, frozenset(found.unsure)
