"""What a version says besides its limit: how severe it is, of which orders and at which moments it is asked, by whose law."""

import pytest
from django.db import connection

from apps.compliance import selectors
from apps.compliance import services as compliance
from apps.compliance.engine.params import BadRule
from apps.compliance.models import Check, Review, RuleDraft, RuleVersion
from apps.compliance.states import Stage
from apps.orders import services as orders
from apps.orders.models import Order
from tests.compliance.ruling import put_in_force
from tests.pages import visit, words

SMALL = {"kind": "order_value", "name": "Small orders", "severity": "HARD"}


@pytest.fixture
def small(firm, people, by):
    """``small(scope=…)``: no order is worth more than USD 1,000."""
    return lambda code="small", **says: put_in_force(by, code, {"max_amount": "1000"}, **SMALL | says)


def held(*ids: int) -> list[bool]:
    return [Order.objects.get(pk=pk).status == "HELD" for pk in ids]


@pytest.mark.parametrize(("severity", "holds"), [("INFO", False), ("WARN", False), ("SOFT", True), ("HARD", True)])
def test_what_informs_and_warns_never_holds(small, submit, check_of, severity, holds):
    small(severity=severity)
    (pk,) = submit(("P1", "AAA", "SELL", "100"))
    [result] = check_of(pk).results
    assert (result["outcome"], result["severity"]) == ("FAIL", severity)
    assert held(pk) == [holds] and Review.objects.exists() == holds and (check_of(pk).outcome == "FAIL") == holds


@pytest.mark.parametrize(
    ("scope", "found"),
    [({}, [True, True, True]), ({"portfolios": ["P2"]}, [False, True, False]), ({"teams": ["B"]}, [False, False, True]),
     ({"teams": ["B"], "portfolios": ["P1"]}, [True, False, True]), ({"desks": ["MAIN"]}, [True, True, True]),
     ({"desks": ["OTHER"]}, [False, False, False])],
)  # fmt: skip
def test_a_rule_asks_the_orders_of_its_scope(small, submit, scope, found):
    from apps.users.models import Desk

    Desk.objects.create(code="OTHER", name="Other")
    small(scope=scope)
    assert held(*submit(*((p, "AAA", "SELL", "100") for p in ("P1", "P2", "P3")))) == found


def test_a_scope_costs_no_statement_more(small, submit, firm, mira, by):
    def cost() -> int:
        wishes = [orders.Wish(firm.portfolios["P1"].pk, firm.instruments["AAA"].pk, "SELL", "1")]
        ids = orders.create_orders(by(mira), wishes)
        asked = []
        with connection.execute_wrapper(lambda execute, sql, *more: (asked.append(sql), execute(sql, *more))[1]):
            orders.submit_orders(by(mira), ids, seen=dict.fromkeys(ids, 1))
        return len(asked)

    small()
    plain = cost()
    small(scope={"teams": ["A"], "desks": ["MAIN"], "portfolios": ["P3"]})
    small("more", scope={"teams": ["B"]})
    assert cost() == plain


def test_at_submission_those_for_amended_orders_ask_them_alone(small, submit, mira, by):
    small(moments=["amend"])
    small("later", moments=["route", "fill", "eod"])
    (pk,) = submit(("P1", "AAA", "SELL", "100"))
    assert held(pk) == [False] and Check.objects.get().results == []
    orders.amend_orders(by(mira), {pk: {"qty": "200"}}, seen={pk: 3})
    orders.submit_orders(by(mira), [pk], seen={pk: 4})
    assert held(pk) == [True]


def test_those_for_proposals_are_not_asked_of_orders(small, submit, firm, mira, by):
    small(moments=["proposal"])
    assert held(*submit(("P1", "AAA", "SELL", "100"))) == [False]
    [proposal] = orders.propose_orders(by(mira), [orders.Wish(firm.portfolios["P1"].pk, firm.instruments["AAA"].pk, "SELL", "100")])
    assert [tried.outcome for tried in compliance.try_proposals(by(mira), [proposal])] == ["FAIL"]


def test_stages_pick_their_rules(small):
    from datetime import date

    small("a", moments=["submit"])
    small("b", moments=["amend", "route"])
    codes = lambda *stages: [rule.code for rule in selectors.active_rules(date.today(), *stages)]  # noqa: E731
    assert (codes(), codes(Stage.SUBMIT), codes(Stage.ROUTE), codes(Stage.EOD)) == (["a", "b"], ["a"], ["b"], [])


@pytest.mark.parametrize(
    ("says", "field"),
    [({"scope": {"teams": ["Z"]}}, "teams"), ({"scope": {"desks": ["Z"]}}, "desks"), ({"scope": {"portfolios": ["Z"]}}, "portfolios"),
     ({"scope": {"planets": ["X"]}}, "scope"), ({"scope": {"teams": "A"}}, "scope"), ({"moments": []}, "moments"),
     ({"moments": ["noon"]}, "moments"), ({"moments": ["fill", "eod"]}, "moments"), ({"jurisdiction": "x" * 41}, "jurisdiction")],
)  # fmt: skip
def test_what_cannot_be_is_refused_beside_its_field(small, says, field):
    with pytest.raises(BadRule) as refusal:
        small(**says)
    assert refusal.value.facts["field"] == field and not RuleDraft.objects.exists()


def test_it_is_kept_told_and_shown(small, omar, ask):
    small(scope={"teams": ["B"]}, moments=["submit", "route"], citation="17 CFR 270.12d1-1", jurisdiction="US")
    version = RuleVersion.objects.get()
    assert (version.scope, version.moments, version.jurisdiction) == ({"teams": ["B"]}, ["route", "submit"], "US")
    [rule] = ask(omar, "get", "/api/v1/rules/").json()["results"]
    assert (rule["scope"], rule["moments"], rule["citation"]) == ({"teams": ["B"]}, ["route", "submit"], "17 CFR 270.12d1-1")
    listed = words(visit(omar, "compliance:rules"))
    assert "only team B" in listed and "asked when orders are submitted, orders are about to be sent to a broker" in listed
    shown = words(visit(omar, "compliance:draft", RuleDraft.objects.get().pk, htmx=True))
    assert "orders are about to be sent to a broker" in shown


def test_a_system_says_it(firm, omar, ask):
    new = {"code": "small", "kind": "order_value", "name": "Small", "severity": "INFO", "params": {"max_amount": "1"},
           "scope": {"portfolios": ["P1"]}, "moments": ["submit"], "jurisdiction": "EU"}  # fmt: skip
    made = ask(omar, "post", "/api/v1/rule-drafts/", new).json()
    assert (made["scope"], made["moments"], made["jurisdiction"]) == ({"portfolios": ["P1"]}, ["submit"], "EU")
