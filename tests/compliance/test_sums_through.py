"""The largest groups and those above a floor, through funds: at the edge, against fractions by hand, and what nobody can tell."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.compliance.engine import sentence
from apps.compliance.engine.columns import QTY
from apps.compliance.engine.judgement import FAIL, INDETERMINATE, NOT_ASKED, PASS, UNKNOWN
from apps.compliance.engine.params import BadRule
from apps.compliance.engine.rules import MEASURES, look_through_funds, read
from apps.compliance.engine.standing import stand
from tests.compliance.books import rule, share
from tests.compliance.test_looking_through import (
    HAIR,
    PLAIN,
    THINGS,
    A,
    C,
    F,
    G,
    as_percent,
    holdings,
    in_hand,
    owned,
    portfolio,
    wishes,
)

X = 4
TWO = {"group": "issuer", "count": "2", "limit": "30", "look_through": "funds"}
ABOVE = {"group": "issuer", "floor_pct": "5", "limit": "30", "look_through": "funds"}
KINDS = {"largest_groups": TWO, "large_groups": ABOVE}


def judged(kind, s, **params):
    return MEASURES[kind].judge(s, rule(kind, **KINDS[kind] | params), None)


class TestAtTheEdge:
    def test_the_largest_two_grow_by_what_a_fund_adds_to_both(self):
        found = judged("largest_groups", portfolio([("F", "BUY", 1000), ("F", "BUY", 1)], [("A", 1000), ("C", 1000)]))
        assert (found.outcome.tolist(), found.max_qty.tolist()) == ([PASS, FAIL], [UNKNOWN, 0])
        assert (found.now.tolist(), found.after.tolist()) == (pytest.approx([20, 20]), pytest.approx([30, 30.01]))
        assert found.say(1).text == (
            "The 2 largest of each issuer with its group, with what funds hold of them, would be 30.01% of net asset value together; the"
            " limit is 30%. No room is left."
        )
        assert [(one["what"], one["value"]) for one in found.say(1).data[1:]] == [("Issuer 1", "150050"), ("Issuer 3", "150050")]

    def test_a_group_counts_wholly_once_a_fund_carries_it_above_the_floor(self):
        held = [("A", 2000)]  # 20% in A's issuer.
        found = judged("large_groups", portfolio([("F", "BUY", 1000)], held))  # C's comes to exactly 5%.
        assert (found.outcome.tolist(), found.after.tolist()) == ([PASS], pytest.approx([25]))
        found = judged("large_groups", portfolio([("F", "BUY", 1001)], held), limit="25")
        assert (found.outcome.tolist(), found.max_qty.tolist()) == ([FAIL], [1000 * QTY])

    def test_what_makes_the_sum_no_larger_passes_even_beyond_the_limit(self):
        held, holds = [("A", 2000), ("C", 2000)], PLAIN | {G: {X: "100"}}
        orders = [("G", "BUY", 2000), ("G", "BUY", 1), ("F", "BUY", 1), ("G", "SELL", 1)]
        s = portfolio(orders, held, holds, things=[*THINGS, share(X, "X")])
        found = judged("largest_groups", s)
        assert (found.outcome.tolist(), found.max_qty.tolist()) == ([PASS, FAIL, FAIL, NOT_ASKED], [UNKNOWN, 0, 0, UNKNOWN])

    @pytest.mark.parametrize("kind", KINDS)
    def test_cannot_tell(self, kind):
        found = judged(kind, portfolio([("A", "BUY", 1)], [("F", 1)], {F: {C: "94"}}))
        assert found.outcome.tolist() == [INDETERMINATE]
        assert "only 94% of what F holds is told; the rule asks for 95%" in found.say(0).text
        [(_, one)] = stand(portfolio([], [("F", 1)], {}), [rule(kind, **KINDS[kind])])
        assert one.outcome == "INDETERMINATE"

    @pytest.mark.parametrize("kind", KINDS)
    def test_says_what_is_not_told(self, kind):
        found = judged(kind, portfolio([("F", "BUY", 3300)], [], {F: {A: "96"}}))
        assert found.outcome.tolist() == [FAIL] and found.say(0).data[-1]["value"] == "4%"


@pytest.mark.parametrize(
    ("kind", "params", "field"),
    [("largest_groups", {"basis": "notional"}, "look_through"), ("large_groups", {"owned_pct": "10"}, "owned_pct"),
     ("large_groups", {"cover_pct": "0"}, "cover_pct")],
)  # fmt: skip
def test_what_does_not_go_with_it_is_refused(kind, params, field):
    with pytest.raises(BadRule) as refused:
        read(kind, KINDS[kind] | params)
    assert refused.value.facts["field"] == field


def test_says_so():
    for kind, said in KINDS.items():
        assert "through funds of which 95% is told of at most 45 days ago" in sentence.of(kind, read(kind, said))
        assert look_through_funds([rule(kind, **said)])


def total(kind: str, values: dict[int, Fraction], count: int) -> Fraction:
    ranked = sorted(values.values(), reverse=True)
    return sum(ranked[:count] if kind == "largest_groups" else [one for one in ranked if one > 50_000], Fraction(0))


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(list(KINDS)), holdings(), owned, wishes, st.sampled_from(["8", "10", "17.5"]), st.integers(1, 3)
)  # fmt: skip
def test_agrees_with_fractions_by_hand(kind, holds, held, wanted, limit, count):
    more = {"limit": limit} | ({"count": str(count)} if kind == "largest_groups" else {})
    found = judged(kind, portfolio([(symbol, "BUY", qty) for symbol, qty in wanted], held, holds), **more)
    cap, have = Fraction(limit) * 10_000, list(held)
    for row, (symbol, qty) in enumerate(wanted):
        most = max(cap, total(kind, in_hand(have, holds), count))

        def passes(units, symbol=symbol, most=most, have=tuple(have)):
            return total(kind, in_hand([*have, (symbol, units)], holds), count) <= most

        assert (found.outcome[row] == PASS) == passes(qty)
        if found.outcome[row] == FAIL:
            largest = int(found.max_qty[row]) // QTY
            assert largest < qty and (not largest or passes(largest)) and not passes(largest + 1)
        have.append((symbol, qty))
    [(_, one)] = stand(portfolio([], held, holds), [rule(kind, **KINDS[kind] | more)])
    assert (one.outcome == "FAIL") == (total(kind, in_hand(held, holds), count) > cap)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(list(KINDS)), holdings(), owned, st.sampled_from("ABCFGH"), st.integers(600, 3000))
def test_next_to_the_limit_fractions_decide(kind, holds, held, symbol, qty):
    before, after = (total(kind, in_hand(one, holds), 2) for one in (held, [*held, (symbol, qty)]))
    if not before < after:
        return  # It adds to nothing that is summed up.
    edge = as_percent(after)
    for limit, outcome in ((edge, PASS), (edge - HAIR, FAIL)):
        found = judged(kind, portfolio([(symbol, "BUY", qty)], held, holds), limit=str(limit))
        assert found.outcome.tolist() == [outcome]
    assert found.max_qty[0] < qty * QTY
    more = judged(kind, portfolio([(symbol, "BUY", qty + 7)], held, holds), limit=str(edge))
    assert (more.outcome.tolist(), more.max_qty.tolist()) == ([FAIL], [qty * QTY])
