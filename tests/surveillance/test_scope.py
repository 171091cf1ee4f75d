"""Whom the day's report asks: portfolios by group and type as they are that evening; never a desk, which is said."""

import pytest

from apps.audit import selectors as audit
from apps.compliance import services as compliance
from apps.compliance.engine.params import BadRule
from apps.compliance.models import RuleDraft, RuleVersion
from apps.portfolios.models import Mandate, PortfolioGroup
from apps.surveillance import selectors
from apps.surveillance.models import Finding, Incident
from tests.compliance.ruling import put_in_force, take_out
from tests.pages import visit, words


@pytest.fixture
def group(firm) -> PortfolioGroup:
    made = PortfolioGroup.objects.create(code="INCOME", name="Income funds")
    made.members.set([firm.portfolios["P1"], firm.portfolios["P3"]])
    return made


def found() -> dict[str, str]:
    return dict(Finding.objects.order_by("-run", "portfolio").values_list("portfolio__code", "outcome"))


def test_it_asks_the_members_of_that_evening_and_says_the_same_when_asked_again(aaa, group, report, firm):
    aaa("25")
    put(RuleVersion.objects.get(), {"groups": ["INCOME"]})
    day = report()
    assert found() == {"P1": "FAIL", "P3": "FAIL"}
    group.members.set([firm.portfolios["P2"]])
    again = selectors.ask_again(day.run)
    assert (again.is_whole, again.differences) == (True, [])


def test_an_incident_of_a_portfolio_that_left_is_closed_with_that_reason(aaa, group, report, firm, omar):
    aaa("25")
    put(RuleVersion.objects.get(), {"groups": ["INCOME"]})
    report()
    group.members.set([firm.portfolios["P3"]])
    day = report()
    one = Incident.objects.get(portfolio__code="P1")
    assert (one.status, one.ended_on, one.version) == ("CLOSED", day.date, 2)
    assert Incident.objects.get(portfolio__code="P3").status == "OPEN"
    [opened, left] = audit.timeline("incident", one.pk)
    assert left.event == "incident.left_scope"
    assert left.payload == {"run_id": day.run_id, "why": "“AAA” is not asked of P1 any more: it left the rule's scope."}
    assert "is not asked of P1 any more" in words(visit(omar, "surveillance:incident", one.pk))
    group.members.add(firm.portfolios["P1"])  # Back again, and still wrong: that is another incident.
    report()
    assert list(Incident.objects.filter(portfolio__code="P1").order_by("pk").values_list("status", flat=True)) == ["CLOSED", "OPEN"]


def test_one_whose_belonging_cannot_be_told_stays_open(aaa, report, firm):
    aaa("25")
    report()
    put(RuleVersion.objects.get(), {"mandate_types": ["UCITS"]})
    Mandate.objects.filter(portfolio__code="P1").update(type="UCITS")
    Mandate.objects.filter(portfolio__code="P2").update(type="ERISA")
    Mandate.objects.filter(portfolio__code="P3").update(type="")
    report()
    assert dict(Incident.objects.values_list("portfolio__code", "status")) == {"P1": "OPEN", "P2": "CLOSED", "P3": "OPEN"}


def test_whose_type_is_not_on_file_cannot_be_told(aaa, report, firm):
    aaa("25")
    put(RuleVersion.objects.get(), {"mandate_types": ["UCITS"]})
    for code, kind in (("P1", "UCITS"), ("P2", "ERISA")):
        Mandate.objects.filter(portfolio__code=code).update(type=kind)
    report()
    assert found() == {"P1": "FAIL", "P3": "INDETERMINATE"}
    assert "the type of its mandate is not on file" in Finding.objects.get(portfolio__code="P3").text


def test_a_desk_is_refused_for_a_rule_of_the_days_end(firm, people, by):
    def said(**more) -> dict:
        return {"params": {"max_pct": "25"}, "kind": "instrument_share", "name": "One", "scope": {"desks": ["MAIN"], "teams": ["A"]}} | more

    with pytest.raises(BadRule, match="a desk works orders, not portfolios") as refusal:
        put_in_force(by, "one", **said())
    assert refusal.value.facts["field"] == "desks" and not RuleDraft.objects.exists()
    put_in_force(by, "one", **said(moments=["submit", "amend"]))
    put_in_force(by, "two", **said(kind="order_value", params={"max_amount": "1"}))  # Of orders alone, whenever.


def put(version: RuleVersion, scope: dict) -> None:
    """As a version was written before desks were refused, or as any officer would: a version of its own scope."""
    RuleVersion.objects.bulk_create(
        [RuleVersion(**{f.attname: getattr(version, f.attname) for f in RuleVersion._meta.concrete_fields if f.name != "id"}
                     | {"number": version.number + 1, "scope": scope})]
    )  # fmt: skip


def test_what_was_written_before_is_said_to_be_left_out_and_can_end(aaa, report, omar, by, client):
    aaa("25")
    put(RuleVersion.objects.get(), {"desks": ["MAIN"]})
    day = report()
    assert not Finding.objects.exists()
    [one] = selectors.left_out(day.run)
    assert one.why == "It was not asked: a desk works orders, not portfolios, so desk MAIN names none."
    assert "desk MAIN names none" in words(visit(omar, "surveillance:day", f"{day.date}"))
    client.force_login(omar)
    assert [row["rule"] for row in client.get(f"/api/v1/surveillance/days/{day.date}/").json()["left_out"]] == ["aaa"]
    put(RuleVersion.objects.latest("number"), {"desks": ["MAIN"], "teams": ["B"]})
    again = report()
    assert found() == {"P3": "FAIL"} and "It was asked of team B alone" in selectors.left_out(again.run)[0].why
    take_out(by, "aaa")


def test_rules_of_orders_are_said_to_ask_no_portfolio(firm, people, report, by):
    compliance.install_default_rules(by("loader"))
    kinds = {one.version.rule.kind: one.why for one in selectors.left_out(report().run)}
    assert "Its measure is of an order" in kinds["price_collar"] and "instrument_share" not in kinds
