"""Which orders a scope means: one word of any list is enough; what is not on file is told and never passed over."""

from dataclasses import replace

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.compliance.engine.judgement import FAIL, INDETERMINATE, NOT_ASKED, PASS, UNKNOWN
from apps.compliance.engine.rows import Portfolio
from apps.compliance.engine.scope import Scope, sentence, words
from apps.compliance.engine.screening import screen
from apps.compliance.engine.standing import stand
from apps.compliance.engine.storing import packed, unpacked
from tests.compliance.books import book, rule, share

A = share(1, "A")
CODES, TEAMS, GROUPS, TYPES = ("P1", "P2", "P3"), ("A", "B"), ("G", "H"), ("UCITS", "ERISA")
some = lambda names: st.frozensets(st.sampled_from(names))  # noqa: E731
scopes = st.builds(Scope, some(TEAMS), some((1, 2)), some(CODES), some(GROUPS), some(TYPES))
homes = st.builds(
    lambda code, team, groups, of: Portfolio(1, code, team=team, groups=groups, mandate_type=of),
    st.sampled_from(CODES), st.sampled_from(TEAMS), st.none() | some(GROUPS).map(sorted), st.sampled_from(("", *TYPES)),
)  # fmt: skip


def orders_of(portfolios, desks=None):
    s = book([A], [(n, "A", "BUY", 10) for n in range(len(portfolios))], portfolios=portfolios, cash=[(0, "USD", 1)])
    return replace(s, orders=replace(s.orders, desk=None if desks is None else np.array(desks, np.int64)))


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(scopes, st.lists(homes, min_size=1, max_size=4), st.data())
def test_a_scope_is_the_union_of_its_words(scope, portfolios, data):
    desks = data.draw(st.lists(st.sampled_from((1, 2, 3)), min_size=len(portfolios), max_size=len(portfolios)))
    s = orders_of(portfolios, desks)
    meant, unsure = scope.holds(s), scope.unsure(s)
    for n, (home, desk) in enumerate(zip(portfolios, desks, strict=True)):
        alone = [Scope(**{kind: frozenset([word])}) for kind in Scope._fields for word in getattr(scope, kind)]
        named = [one.names(home) or desk in one.desks for one in alone]
        doubtful = not any(named) and any(one.may_name(home) for one in alone)
        assert meant[n] == (any(named) or doubtful)
        assert (unsure is not None and unsure[n]) == doubtful


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(scopes, scopes, st.lists(homes, min_size=1, max_size=4))
def test_a_word_more_never_takes_an_order_away(first, second, portfolios):
    s = orders_of(portfolios)
    both = Scope(*(a | b for a, b in zip(first, second, strict=True)))
    assert (both.holds(s) >= (first.holds(s) | second.holds(s))).all()


MANY = (
    Portfolio(1, "P1", groups=("G",), mandate_type="UCITS"), Portfolio(2, "P2", groups=(), mandate_type="ERISA"),
    Portfolio(3, "P3", groups=()), Portfolio(4, "P4"),
)  # fmt: skip
SMALL = rule("order_value", max_amount="500")


def outcomes(scope: Scope, qty: int) -> list[int]:
    s = book([A], [(n, "A", "BUY", qty) for n in range(4)], portfolios=MANY, cash=[(n, "USD", 1_000_000) for n in range(4)])
    [found] = screen(s, [SMALL._replace(scope=scope)]).verdicts
    return found.outcome.tolist()


def test_what_is_not_on_file_cannot_be_told_where_the_rule_would_fail():
    assert outcomes(Scope(mandate_types=frozenset(["UCITS"])), 10) == [FAIL, NOT_ASKED, INDETERMINATE, INDETERMINATE]
    assert outcomes(Scope(groups=frozenset(["G"])), 10) == [FAIL, NOT_ASKED, NOT_ASKED, INDETERMINATE]
    assert outcomes(Scope(groups=frozenset(["G"]), portfolios=frozenset(["P4"])), 10) == [FAIL, NOT_ASKED, NOT_ASKED, FAIL]


def test_what_the_rule_would_let_pass_passes_whoever_is_meant():
    assert outcomes(Scope(mandate_types=frozenset(["UCITS"])), 5) == [PASS, NOT_ASKED, PASS, PASS]


def test_it_says_what_is_missing_and_no_quantity_is_promised():
    s = book([A], [(2, "A", "BUY", 10)], portfolios=MANY, cash=[(2, "USD", 1_000_000)])
    found = screen(s, [SMALL._replace(scope=Scope(mandate_types=frozenset(["UCITS"])))])
    assert found.verdicts[0].say(0).text.endswith("Whether the rule is about P3 cannot be told: the type of its mandate is not on file.")
    assert found.max_qty.tolist() == [UNKNOWN]


def test_portfolios_are_asked_at_the_days_end_alike():
    held = [(n, "A", 100) for n in range(4)]
    s = book([A], [], positions=held, cash=[(n, "USD", 1) for n in range(4)], portfolios=MANY)
    most = rule("instrument_share", max_pct="10")._replace(scope=Scope(mandate_types=frozenset(["UCITS"])))
    assert [(one.portfolio, one.outcome) for _, one in stand(s, [most])] == [(0, "FAIL"), (2, "INDETERMINATE"), (3, "INDETERMINATE")]


def test_what_was_stored_says_the_same_and_what_was_stored_before_reads():
    s = book([A], [(n, "A", "BUY", 10) for n in range(4)], portfolios=MANY, cash=[(n, "USD", 1_000_000) for n in range(4)])
    again = unpacked(packed(s))
    scope = Scope(groups=frozenset(["G"]), mandate_types=frozenset(["ERISA"]))
    assert scope.holds(again).tolist() == scope.holds(s).tolist() == [True, True, True, True]
    assert packed(again) == packed(s) and (Portfolio(1, "P").groups, Portfolio(1, "P").mandate_type) == (None, "")


def test_it_is_said_in_words():
    said = {"desks": ["MAIN"], "mandate_types": ["ACT_1940"], "teams": ["B", "A"], "groups": ["G"], "portfolios": ["P1"]}
    assert words(said) == ["team A", "team B", "group G", "mandates of type 1940 Act fund", "portfolio P1", "desk MAIN"]
    assert sentence({"teams": ["A"], "groups": ["G"]}) == " Asked only of team A or group G." and sentence({}) == ""
