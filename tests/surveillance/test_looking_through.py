"""The day's report and fills, by rules that look through funds."""

from datetime import date, timedelta
from decimal import Decimal as D

import pytest
from django.utils import timezone

from apps.reference.models import Constituent, Instrument
from apps.surveillance import selectors
from apps.surveillance.models import Finding, Incident
from tests.allocations.filling import Street, keep_promises
from tests.compliance.ruling import put_in_force

pytestmark = pytest.mark.django_db
THROUGH = {"look_through": "funds"}


@pytest.fixture
def fund(firm) -> Instrument:
    """CCC is an ETF that holds AAA, 60%: each portfolio has 37.186% in AAA with it."""
    Instrument.objects.filter(symbol="CCC").update(asset_class="ETF")
    for symbol, weight in (("AAA", 60), ("BBB", 40)):
        Constituent.objects.create(
            fund=firm.instruments["CCC"], instrument=firm.instruments[symbol], as_of=date.today(), weight_pct=D(weight)
        )  # fmt: skip
    return firm.instruments["CCC"]


def test_the_days_report_finds_it_and_says_it_again(fund, aaa, report):
    aaa("37.1", **THROUGH)
    day = report()
    assert (day.run.asked, day.run.breaches) == (3, 3)
    one = Finding.objects.earliest("pk")
    assert "with what funds hold of it; the most is 37.1%" in one.text
    assert {part["what"] for part in one.data} == {"AAA", "CCC, 60% of it"}
    Constituent.objects.all().delete()
    assert selectors.ask_again(day.run).differences == []


def test_a_purchase_of_the_fund_is_active_and_one_whose_list_is_missing_stays_open(fund, aaa, report, trade):
    aaa("37.2", **THROUGH)
    assert report().run.breaches == 0
    trade("P1", "CCC", 62)  # Of new money: of 61 there is room.
    trade("P2", "CCC", 61)
    tomorrow = timezone.now() + timedelta(days=1)
    report(tomorrow)
    assert [(one.portfolio.code, one.cause, one.status) for one in Incident.objects.all()] == [("P1", "ACTIVE", "OPEN")]
    Constituent.objects.all().delete()
    day = report(tomorrow)
    assert (day.run.breaches, Incident.objects.get().status) == (0, "OPEN") and day.run.unsure >= 3


def test_a_fill_of_the_fund_opens_an_incident(fund, firm, by, mira, tom):
    params = {"filter": 'symbol == "AAA"', "limit": "37.2"} | THROUGH
    put_in_force(by, "through", params, kind="measure", name="AAA through funds", severity="SOFT", moments=["fill"])
    Street(firm, by, mira, tom).allocated("CCC", "BUY", {"P1": 100}, [(100, "100")])
    keep_promises("allocations.")
    assert [(one.portfolio.code, one.cause) for one in Incident.objects.all()] == [("P1", "ACTIVE")]
