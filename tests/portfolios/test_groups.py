"""Groups of portfolios and types of mandates: kept in the back office with who changed what, shown, and told to systems."""

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.portfolios import rules, selectors
from apps.portfolios.models import Mandate, Portfolio, PortfolioGroup
from tests.back_office import save, typed
from tests.pages import visit, words

pytestmark = pytest.mark.django_db
ADD = "admin:portfolios_portfoliogroup_add"


@pytest.fixture
def office(firm, olga) -> Client:
    client = Client()
    client.force_login(olga)
    return client


@pytest.fixture
def income(firm) -> PortfolioGroup:
    group = PortfolioGroup.objects.create(code="INCOME", name="Income funds")
    group.members.set([firm.portfolios["P1"], firm.portfolios["P3"]])
    return group


def change(group: PortfolioGroup) -> str:
    return reverse("admin:portfolios_portfoliogroup_change", args=[group.pk])


def test_operations_makes_one_by_pasting_codes_and_its_history_says_who(office, olga):
    assert save(office, reverse(ADD), {"code": "INCOME", "name": "Income funds", "codes": "P3, P1\nP1"}).status_code == 302
    group = PortfolioGroup.objects.get()
    assert (group.code, group.codes) == ("INCOME", "P1\nP3")
    save(office, change(group), {"name": "Income funds", "codes": "P1"})
    assert group.codes == "P1"
    kept = [(row.history_user, sorted(one.portfolio.code for one in row.members.all())) for row in group.history.order_by("history_id")]
    assert kept[-1] == (olga, ["P1"]) and (olga, ["P1", "P3"]) in kept


@pytest.mark.parametrize(
    ("said", "why"),
    [({"codes": "P1 P8 P9"}, "There is no portfolio “P8”, “P9”."), ({"code": "two words"}, "letters, digits, underscores and hyphens"),
     ({"code": "INCOME"}, "already exists"), ({"name": ""}, "This field is required")],
)  # fmt: skip
def test_a_bad_one_is_refused_with_what_is_wrong(office, income, said, why):
    answer = save(office, reverse(ADD), {"code": "NEW", "name": "New", "codes": ""} | said)
    assert answer.status_code == 200 and why in words(answer) and PortfolioGroup.objects.count() == 1


def test_its_code_stays_whatever_is_sent(office, income):
    save(office, change(income), {"code": "OTHER", "name": "Income", "codes": "P1"})
    income.refresh_from_db()
    assert (income.code, income.name) == ("INCOME", "Income")
    with pytest.raises(DatabaseError), transaction.atomic():
        PortfolioGroup.objects.filter(pk=income.pk).update(code="OTHER")
    with pytest.raises(DatabaseError), transaction.atomic():
        PortfolioGroup.objects.create(code="two words", name="Never")


def test_an_older_version_comes_back_with_its_members(office, income):
    save(office, change(income), {"name": "Income funds", "codes": "P2"})
    then = next(row for row in income.history.order_by("history_id") if row.members.count() == 2)
    url = reverse("admin:portfolios_portfoliogroup_simple_history", args=[income.pk, then.pk])
    page = office.get(url)
    assert page.context["adminform"].form.initial["codes"] == "P1\nP3"
    assert office.post(url, typed(page)).status_code == 302
    assert income.codes == "P1\nP3"


def test_one_that_nothing_names_is_deleted(office, income):
    url = reverse("admin:portfolios_portfoliogroup_delete", args=[income.pk])
    assert office.post(url, typed(office.get(url), post="yes")).status_code == 302
    assert not PortfolioGroup.objects.exists() and Portfolio.objects.count() == 3


def test_five_thousand_members_cost_no_statement_more(office, firm):
    home = firm.portfolios["P1"]
    Portfolio.objects.bulk_create(
        Portfolio(code=f"X{n:04d}", name="X", base_currency_id="USD", custodian=home.custodian, custody_account=f"X{n}", team="A")
        for n in range(5_000)
    )
    asked = []
    for code, members in (("FEW", "P1 P2"), ("ALL", " ".join(Portfolio.objects.values_list("code", flat=True)))):
        with CaptureQueriesContext(connection) as queries:
            assert save(office, reverse(ADD), {"code": code, "name": code, "codes": members}).status_code == 302
        asked.append(len(queries))
    assert asked[0] == asked[1] and PortfolioGroup.objects.get(code="ALL").members.count() == 5_003


def test_who_may_not_keep_reference_data_does_not_keep_groups(income, omar, alan):
    for person in (omar, alan):  # An administrator sees no portfolio.
        client = Client()
        client.force_login(person)
        assert client.get(change(income)).status_code in (302, 403)


def test_the_portfolios_page_says_its_type_and_groups(income, mira, firm):
    Mandate.objects.filter(portfolio=firm.portfolios["P1"]).update(type="UCITS")
    shown = words(visit(mira, "portfolios:detail", firm.portfolios["P1"].pk))
    assert "Income funds" in shown and "UCITS" in shown
    shown = words(visit(mira, "portfolios:detail", firm.portfolios["P2"].pk))
    assert "in none" in shown and "not on file" in shown


def test_systems_read_them(income, mira, paul, firm, client):
    Mandate.objects.filter(portfolio=firm.portfolios["P1"]).update(type="ERISA")
    client.force_login(mira)
    one = client.get(f"/api/v1/portfolios/{firm.portfolios['P1'].pk}/").json()
    assert (one["mandate_type"], one["groups"], one["mandate"]["type"]) == ("ERISA", ["INCOME"], "ERISA")
    codes = lambda query: [row["code"] for row in client.get(f"/api/v1/portfolios/?{query}").json()["results"]]  # noqa: E731
    assert (codes("group=INCOME"), codes("mandate_type=ERISA")) == (["P1", "P3"], ["P1"])
    assert client.get("/api/v1/portfolios/?mandate_type=NONE").status_code == 422
    said = client.get("/api/v1/portfolios/groups/").json()
    assert said == [{"id": income.pk, "code": "INCOME", "name": "Income funds", "portfolios": ["P1", "P3"]}]
    client.force_login(paul)  # Of team B alone.
    assert [row["portfolios"] for row in client.get("/api/v1/portfolios/groups/").json()] == [["P3"]]


def test_the_list_of_groups_is_two_queries(income, omar):
    selectors.groups_seen_by(omar)
    PortfolioGroup.objects.create(code="MORE", name="More")
    with CaptureQueriesContext(connection) as queries:
        assert len(selectors.groups_seen_by(omar)) == 2
    assert len(queries) == 2


def test_a_type_is_one_there_is(firm):
    with pytest.raises(DatabaseError), transaction.atomic():
        Mandate.objects.update(type="HEDGE")


def test_codes_are_read_as_they_are_pasted():
    assert rules.members_named("P2, P1;P2\n\tP3 ") == ["P1", "P2", "P3"]
    assert rules.members_named(" ") == []
