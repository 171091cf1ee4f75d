"""Rules of groups of portfolios and of types of mandates: who is asked, what is refused, and what changes tell."""

import orjson
import pytest
from django.db import connection
from django.db.models import ProtectedError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.compliance import selectors
from apps.compliance import services as compliance
from apps.compliance.engine.params import BadRule
from apps.compliance.engine.storing import expanded, unpacked
from apps.compliance.models import Check, NamedGroup, RuleDraft, Run
from apps.orders.models import Order
from apps.portfolios.models import Mandate, PortfolioGroup
from tests.back_office import typed
from tests.compliance.ruling import put_in_force
from tests.pages import visit, words
from tests.races import at_once

SMALL = {"kind": "order_value", "name": "Small orders", "severity": "HARD"}


@pytest.fixture
def income(firm) -> PortfolioGroup:
    """P1 and P3."""
    group = PortfolioGroup.objects.create(code="INCOME", name="Income funds")
    group.members.set([firm.portfolios["P1"], firm.portfolios["P3"]])
    return group


@pytest.fixture
def types(firm) -> None:
    """P1 is a UCITS, P2 an ERISA plan; of P3 nothing is on file."""
    for code, kind in (("P1", "UCITS"), ("P2", "ERISA")):
        Mandate.objects.filter(portfolio__code=code).update(type=kind)


@pytest.fixture
def small(firm, people, by):
    return lambda code="small", **says: put_in_force(by, code, {"max_amount": "1000"}, **SMALL | says)


def outcomes(*ids: int) -> list[str]:
    return [Check.objects.get(order=pk).outcome for pk in ids]


def of_each(submit) -> list[int]:
    return submit(*((code, "AAA", "SELL", "100") for code in ("P1", "P2", "P3")))


@pytest.mark.parametrize(
    ("scope", "found"),
    [({"groups": ["INCOME"]}, ["FAIL", "PASS", "FAIL"]), ({"mandate_types": ["ERISA"]}, ["PASS", "FAIL", "INDETERMINATE"]),
     ({"groups": ["INCOME"], "mandate_types": ["ERISA"]}, ["FAIL", "FAIL", "FAIL"]),
     ({"mandate_types": ["UCITS"], "portfolios": ["P3"]}, ["FAIL", "PASS", "FAIL"])],
)  # fmt: skip
def test_it_asks_who_is_meant_and_of_whom_it_is_not_known_it_cannot_tell(small, income, types, submit, scope, found):
    small(scope=scope)
    ids = of_each(submit)
    assert outcomes(*ids) == found
    assert [Order.objects.get(pk=pk).status for pk in ids] == ["CLEARED" if one == "PASS" else "HELD" for one in found]


def test_a_change_of_members_binds_from_the_next_screening_and_none_before(small, income, firm, submit):
    small(scope={"groups": ["INCOME"]})
    before = of_each(submit)
    income.members.set([firm.portfolios["P2"]])
    Mandate.objects.update(type="ERISA")
    assert outcomes(*of_each(submit)) == ["PASS", "FAIL", "PASS"] and outcomes(*before) == ["FAIL", "PASS", "FAIL"]
    report = selectors.replay_day(timezone.now().date())
    assert (report.differences, report.judged) == ([], 6)
    kept = [unpacked(expanded(bytes(run.inputs))).portfolios for run in Run.objects.order_by("pk")]
    assert [[list(one.groups) for one in homes] for homes in kept] == [[["INCOME"], [], ["INCOME"]], [[], ["INCOME"], []]]
    assert [[one.mandate_type for one in homes] for homes in kept] == [["", "", ""], ["ERISA"] * 3]


@pytest.mark.parametrize(
    ("scope", "field", "word"),
    [({"groups": ["NONE"]}, "groups", "There is no group “NONE”"),
     ({"mandate_types": ["HEDGE"]}, "mandate_types", "no type of mandate “HEDGE”"),
     ({"group": ["INCOME"]}, "scope", "“group” is none of them")],
)  # fmt: skip
def test_what_is_not_there_is_refused_by_name(small, income, scope, field, word):
    with pytest.raises(BadRule, match=word) as refusal:
        small(scope=scope)
    assert refusal.value.facts["field"] == field and not RuleDraft.objects.exists()


def test_systems_are_refused_a_list_that_is_none(income, omar, ask):
    new = {"code": "small", "kind": "order_value", "name": "S", "severity": "INFO", "params": {"max_amount": "1"}}
    answer = ask(omar, "post", "/api/v1/rule-drafts/", new | {"scope": {"planets": ["X"]}})
    assert answer.status_code == 422 and "“planets” is none of them" in answer.json()["detail"]
    made = ask(omar, "post", "/api/v1/rule-drafts/", new | {"scope": {"groups": ["INCOME"], "mandate_types": ["RIC", "ACT_1940"]}})
    assert made.json()["scope"] == {"groups": ["INCOME"], "mandate_types": ["ACT_1940", "RIC"]}
    assert made.json()["text"].endswith("Asked only of group INCOME, mandates of type 1940 Act fund or mandates of type RIC.")


def test_a_file_carries_them_and_a_bad_one_is_named(small, income, omar, by):
    small(scope={"groups": ["INCOME"], "mandate_types": ["UCITS"]})
    told = selectors.rules_as_file(omar)
    assert told["rules"][0]["scope"] == {"groups": ["INCOME"], "mandate_types": ["UCITS"]}
    assert compliance.import_rules(by(omar), orjson.dumps(told)) == []
    one = {name: value for name, value in told["rules"][0].items() if name not in ("sha256", "text")}
    bad = {"groups": ["NONE"]}, {"mandate_types": ["X"]}, {"sects": ["Y"]}
    rules = [one | {"code": f"r{n}", "scope": scope} for n, scope in enumerate(bad)]
    with pytest.raises(compliance.BadRuleFile) as refusal:
        compliance.import_rules(by(omar), orjson.dumps(told | {"rules": rules}))
    named = [(one["code"], one["field"]) for one in refusal.value.facts["problems"]]
    assert named == [("r0", "groups"), ("r1", "mandate_types"), ("r2", "scope")]


def test_a_group_that_a_rule_names_is_not_deleted(small, income, olga):
    small(scope={"groups": ["INCOME"]})
    client = Client()
    client.force_login(olga)
    url = reverse("admin:portfolios_portfoliogroup_delete", args=[income.pk])
    page = client.get(url)
    assert "D-" in words(page) and "names INCOME" in words(page)
    client.post(url, {"post": "yes", "made_from": page.context["made_from"]})
    assert PortfolioGroup.objects.filter(pk=income.pk).exists() and income.members.count() == 2
    with pytest.raises(ProtectedError):
        income.delete()


def test_what_no_draft_names_any_more_may_be_deleted(firm, income, omar, odile, by):
    text = compliance.RuleText("small", "order_value", "Small", "WARN", {"max_amount": "1"}, scope={"groups": ["INCOME"]})
    other = PortfolioGroup.objects.create(code="OTHER", name="Other")
    first, second, third = compliance.write_drafts(by(omar, "So."), [compliance.Change(text._replace(code=f"s{n}")) for n in range(3)])
    assert NamedGroup.objects.count() == 3
    compliance.edit_draft(by(omar), first, text._replace(code="s0", scope={"groups": ["OTHER"]}), seen=1)
    compliance.drop_drafts(by(omar), [second], seen={second: 1})
    compliance.propose_drafts(by(omar), [third], seen={third: 1})
    compliance.refuse_drafts(by(odile, "No."), [third], seen={third: 2})
    assert list(NamedGroup.objects.values_list("draft", "group")) == [(first, other.pk)]
    income.delete()


@pytest.mark.django_db(transaction=True)
def test_of_a_rule_that_begins_to_name_a_group_and_its_deletion_one_wins(firm, income, omar, olga, by):
    client = Client()
    client.force_login(olga)
    url = reverse("admin:portfolios_portfoliogroup_delete", args=[income.pk])
    sent = typed(client.get(url), post="yes")
    text = compliance.RuleText("small", "order_value", "Small", "WARN", {"max_amount": "1"}, scope={"groups": ["INCOME"]})

    wrote, _ = at_once(
        lambda: compliance.write_drafts(by(omar), [compliance.Change(text)]), lambda: client.post(url, sent).status_code
    )

    assert PortfolioGroup.objects.exists() == (wrote != "BadRule") == RuleDraft.objects.exists() == NamedGroup.objects.exists()


def test_more_groups_and_types_cost_no_statement_more(small, income, types, submit, by, omar):
    def cost(codes) -> int:
        asked = []
        with connection.execute_wrapper(lambda execute, sql, *more: (asked.append(sql), execute(sql, *more))[1]):
            submit(*((code, "AAA", "SELL", "1") for code in codes))
        return len(asked)

    small()
    plain = cost(["P1"])
    small(scope={"groups": ["INCOME"], "mandate_types": ["UCITS"]})
    small("more", scope={"groups": ["INCOME"]})
    assert cost(["P1"]) == cost(["P1", "P2", "P3"]) == plain


def test_the_page_takes_them_and_says_how_they_add_up(income, omar):
    page = words(visit(omar, "compliance:new_rule"))
    assert "Income funds (2)" in page and "1940 Act fund" in page and "one word of any of the five lists is enough" in page
