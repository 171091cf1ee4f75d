"""A rule that all portfolios break together: one number and one incident of the firm, not one a portfolio."""

from datetime import timedelta

import pytest
from django.db import connection

from apps.audit.models import Entry
from apps.surveillance import selectors, services
from apps.surveillance.models import Finding, Incident, Run
from tests.allocations.filling import Street, keep_promises
from tests.compliance.ruling import put_in_force
from tests.pages import visit, words
from tests.surveillance.conftest import MONDAY

pytestmark = pytest.mark.django_db
SAID = {"kind": "measure", "name": "Most of an issuer", "severity": "SOFT"}


@pytest.fixture
def alpha(firm, people, by):
    """``alpha(13_500_000)``: the most that all portfolios hold of an issuer's group; of Alpha they hold that."""

    def make(limit: int, moments=("submit", "eod"), **more) -> None:
        def long_ago(who, reason=""):
            act = by(who, reason)
            act.at -= timedelta(days=60)
            return act

        params = {"across": "firm", "group": "issuer", "against": "nothing", "filter": 'asset_class == "EQUITY"', "limit": str(limit)}
        put_in_force(long_ago, "alpha", params | more, **SAID, moments=list(moments))

    return make


@pytest.mark.parametrize(("limit", "breaks"), [(13_500_000, False), (13_499_999, True)])
def test_exactly_the_limit_is_no_breach(alpha, report, limit, breaks):
    alpha(limit)
    day = report(MONDAY)
    assert (day.run.breaches, Incident.objects.count()) == (int(breaks), int(breaks))


def test_is_one_incident_that_goes_on_and_is_cured(alpha, report, trade, omar, firm):
    alpha(13_400_000)
    day = report(MONDAY)
    one, found = Incident.objects.get(), Finding.objects.get()
    assert (one.portfolio, one.group, one.cause, one.value, one.over_amount) == (None, "Alpha Group", "UNKNOWN", 13_500_000, 100_000)
    assert (found.whose, found.incident, found.outcome) == ("The firm", one, "FAIL")
    assert found.text == "Alpha Group is 13,500,000 USD across the firm; the most is 13,400,000."
    assert selectors.ask_again(day.run).differences == []
    assert "The firm" in words(visit(omar, "surveillance:days")) and "The firm" in words(visit(omar, "surveillance:incident", one.pk))
    assert "The firm" in words(visit(omar, "surveillance:day", f"{day.date}"))

    report(MONDAY + timedelta(days=1))
    assert Incident.objects.get().seen_on == (MONDAY + timedelta(days=1)).date()
    trade("P2", "CCC", -1_000)
    report(MONDAY + timedelta(days=2))
    assert Incident.objects.get().status == "CURED"
    trade("P3", "AAA", 1)
    trade("P1", "CCC", 1_000)
    report(MONDAY + timedelta(days=3))
    assert [i.cause for i in Incident.objects.order_by("pk")] == ["UNKNOWN", "ACTIVE"]


def test_only_who_sees_all_portfolios_sees_it(alpha, report, omar, paul, client):
    alpha(13_400_000)
    report(MONDAY)
    assert [selectors.incidents_seen_by(who).count() for who in (omar, paul)] == [1, 0]
    client.force_login(omar)
    told = client.get("/api/v1/incidents/").json()
    rows = told["results"] if isinstance(told, dict) else told
    assert (rows[0]["portfolio"], rows[0]["group"]) == (None, "Alpha Group")


def test_what_is_not_known_cures_nothing(alpha, report, firm):
    alpha(13_400_000)
    report(MONDAY)
    connection.cursor().execute("DELETE FROM marketdata_quote WHERE instrument_id = %s", [firm.instruments["CCC"].pk])
    day = report(MONDAY + timedelta(days=1))
    assert (day.run.unsure, Incident.objects.get().status) == (1, "OPEN")


def test_a_fill_of_any_portfolio_opens_it_at_once_and_as_active(alpha, firm, by, mira, tom):
    alpha(13_500_000, moments=["fill"])
    street = Street(firm, by, mira, tom)
    street.allocated("AAA", "BUY", {"P1": 500, "P2": 500}, [(1_000, "50")])
    keep_promises("allocations.")
    one = Incident.objects.get()
    assert (one.portfolio, one.group, one.cause, one.value) == (None, "Alpha Group", "ACTIVE", 13_550_000)
    opened = Entry.objects.get(subject="incident", event="incident.opened").payload
    assert (opened["portfolio_id"], len(opened["order_ids"])) == (None, 2)
    street.allocated("BBB", "BUY", {"P1": 5}, [(5, "80")])
    keep_promises("allocations.")
    assert Incident.objects.count() == 1 == Run.objects.count()


def test_one_that_prices_broke_turns_active_with_a_fill(alpha, report, firm, by, mira, tom):
    alpha(13_499_999, moments=["fill", "eod"])
    services.report_day(by("scheduler"))
    assert Incident.objects.get().cause == "UNKNOWN"
    Street(firm, by, mira, tom).allocated("CCC", "BUY", {"P3": 10}, [(10, "100")])
    keep_promises("allocations.")
    assert Incident.objects.get().cause == "ACTIVE"
