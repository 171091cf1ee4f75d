"""What owners of contracts are net under each position limit, told of each portfolio that holds some."""

from fractions import Fraction

from .columns import Snapshot
from .contracts import LEVEL, MONTHS, SINGLE
from .judgement import FAIL, INDETERMINATE, OUTCOMES, PASS, RuleVersion
from .rules.position_limits import books_of
from .stands import Standing


def positions(s: Snapshot, rule: RuleVersion) -> list[Standing]:
    """Of each portfolio that holds contracts what its owner is net under each limit of their families."""
    books, found = books_of(s), {}
    for row in range(len(s.positions.thing)):
        place, portfolio = int(s.positions.thing[row]), int(s.positions.portfolio[row])
        c, owner = s.contracts.get(s.instruments[place].id), s.portfolios[portfolio].owner
        for bound in s.bounds if c else ():
            key = books.key(bound.months, owner, c)
            unsure = books.is_unsure(bound.months, owner, c)
            if bound.family != c.family or (key is None and not unsure):
                continue
            what = f"{c.month:%b %Y}" if bound.months == SINGLE and c.month else MONTHS[bound.months]
            name = f"{c.family}, {what}, {'level' if bound.kind == LEVEL else 'limit'}"
            most, net = float(bound.qty), books.of(key).net if key else Fraction(0)
            if unsure:
                text = f"Cannot tell what is held in {name}: the month, the spot month or the delta of a contract is not on file."
                one = Standing(portfolio, name, name, OUTCOMES[INDETERMINATE], None, most, "contracts", text=text)
            else:
                beyond = abs(net) > bound.qty
                fails, warned = beyond and bound.kind != LEVEL, beyond and bound.kind == LEVEL
                text = f"{name}: net {float(net):,.6g} contracts against {most:,.6g}." if beyond else ""
                one = Standing(
                    portfolio, name, name, OUTCOMES[FAIL if fails else PASS], abs(float(net)), most, "contracts", warned=warned,
                    text=text, places=(place,) if fails else (),
                )  # fmt: skip
            found.setdefault((portfolio, bound.id, key), one)
    return list(found.values())
