"""Which portfolios a rule means today, by which word, and who changed that since it was approved."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.compliance import selectors
from apps.compliance import services as compliance
from apps.compliance.models import Rule, RuleDraft
from apps.core.refusals import NotFound
from apps.portfolios.models import Mandate, Portfolio, PortfolioGroup
from tests.back_office import save
from tests.compliance.ruling import put_in_force
from tests.pages import visit, words

SMALL = {"kind": "order_value", "name": "Small orders"}


@pytest.fixture
def income(firm) -> PortfolioGroup:
    group = PortfolioGroup.objects.create(code="INCOME", name="Income funds")
    group.members.set([firm.portfolios["P1"], firm.portfolios["P3"]])
    Mandate.objects.filter(portfolio__code="P1").update(type="UCITS")
    Mandate.objects.filter(portfolio__code="P2").update(type="ERISA")
    return group


@pytest.fixture
def small(firm, people, by):
    return lambda code="small", **says: put_in_force(by, code, {"max_amount": "1000"}, **SMALL | says)


def told(said) -> tuple[dict, list]:
    now = selectors.meaning_of(said)
    return {one.code: one.by for one in now.meant}, [one.code for one in now.unsure]


def test_each_portfolio_is_told_with_the_words_that_name_it(income, firm):
    both = {"groups": ["INCOME"], "mandate_types": ["UCITS"]}
    assert told(both) == ({"P1": ["group INCOME", "mandates of type UCITS"], "P3": ["group INCOME"]}, [])
    assert told({"mandate_types": ["ERISA"]}) == ({"P2": ["mandates of type ERISA plan"]}, ["P3"])
    assert told({"mandate_types": ["ERISA"], "portfolios": ["P3"]}) == ({"P2": ["mandates of type ERISA plan"], "P3": ["portfolio P3"]}, [])
    assert told({}) == ({"P1": [], "P2": [], "P3": []}, [])
    assert (told({"desks": ["MAIN"]}), selectors.meaning_of({"desks": ["MAIN"]}).desks) == (({}, []), ["desk MAIN"])
    Portfolio.objects.filter(code="P1").update(is_open=False)
    assert told(both) == ({"P3": ["group INCOME"]}, [])


def test_the_page_and_the_api_say_it_and_who_changed_it_since(small, income, omar, olga, ask):
    small(scope={"groups": ["INCOME"], "mandate_types": ["UCITS"]})
    pk = Rule.objects.get().pk
    page = words(visit(omar, "compliance:rule_scope", "small"))
    assert "<b>2</b> of 3 open portfolios" in page and "of <b>1</b> it cannot be told" not in page
    assert "No group or type that it names has changed since this version was approved" in page
    office = Client()
    office.force_login(olga)
    group = reverse("admin:portfolios_portfoliogroup_change", args=[income.pk])
    assert save(office, group, {"name": "Income funds", "codes": "P2 P3"}).status_code == 302
    mandate = Mandate.objects.get(portfolio__code="P2")
    mandate.type = "UCITS"
    mandate.save()

    page = words(visit(omar, "compliance:rule_scope", "small"))
    assert "group INCOME: P2 joined; P1 left" in page and "olga" in page and "mandate of P2: UCITS now" in page
    said = ask(omar, "get", f"/api/v1/rules/{pk}/scope/").json()
    assert ([one["code"] for one in said["meant"]], said["all"], said["number"], said["unsure"]) == (["P1", "P2", "P3"], 3, 1, [])
    assert {(one["by"], one["what"]) for one in said["moved"]} == {
        ("olga", "group INCOME: P2 joined; P1 left"), ("", "mandate of P2: UCITS now"),
    }  # fmt: skip
    assert ask(omar, "get", "/api/v1/rules/0/scope/").status_code == 404
    with pytest.raises(NotFound):
        selectors.meaning_of_rule(olga, pk)


def test_of_whom_it_cannot_be_told_is_on_the_page(small, income, omar):
    small(scope={"mandate_types": ["ERISA"], "desks": ["MAIN"]}, moments=["submit"])
    page = words(visit(omar, "compliance:rule_scope", "small"))
    assert "of <b>1</b> it cannot be told" in page and "Cannot tell" in page and "every order for desk MAIN" in page
    assert "only mandates of type ERISA plan or desk MAIN" in words(visit(omar, "compliance:rules"))


def test_whoever_writes_and_whoever_approves_reads_it(income, omar, by):
    page = words(visit(omar, "compliance:try_rule", query="?kind=order_value&severity=SOFT&moments=submit&limit-max_amount=1&groups=INCOME"
                       "&try-portfolio=P1&try-side=BUY", htmx=True))  # fmt: skip
    assert "It asks 2 of 3 portfolios today" in page and "Asked only of group INCOME." in page
    text = compliance.RuleText("s", "order_value", "S", params={"max_amount": "1"}, scope={"mandate_types": ["ERISA"]})
    compliance.write_drafts(by(omar), [compliance.Change(text)])
    page = words(visit(omar, "compliance:draft", RuleDraft.objects.get().pk, htmx=True))
    assert "It means 1 of 3 open portfolios today, and of 1 it cannot be told" in page


def test_five_thousand_portfolios_cost_no_query_more(small, income, firm, omar):
    small(scope={"groups": ["INCOME"], "mandate_types": ["UCITS"]})
    pk = Rule.objects.get().pk

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            selectors.meaning_of_rule(omar, pk)
        return len(queries)

    cost()
    few, home = cost(), firm.portfolios["P1"]
    made = Portfolio.objects.bulk_create(
        Portfolio(code=f"X{n:04d}", name="X", base_currency_id="USD", custodian=home.custodian, custody_account=f"X{n}", team="A")
        for n in range(5_000)
    )
    income.members.add(*made)
    assert cost() == few and len(selectors.meaning_of({"groups": ["INCOME"]}).meant) == 5_002
