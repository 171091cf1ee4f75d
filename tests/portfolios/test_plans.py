"""Retirement plans: who reads them, what is refused of one, and what the rules say of their orders, page to check."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from apps.compliance.models import Check
from apps.orders import services as orders
from apps.orders.models import Order
from apps.portfolios.models import PartyInInterest, Plan, PlanConsent
from apps.portfolios.rules import plan_problems
from apps.reference.models import Instrument
from tests.compliance.ruling import put_in_force

D = Decimal
TODAY = date.today()


@pytest.fixture
def plan(firm) -> Plan:
    """P1 is a plan of whoever issued AAA."""
    return Plan.objects.create(
        portfolio=firm.portfolios["P1"], kind="ERISA", employer=firm.instruments["AAA"].issuer, fiduciary="Trustees of P1"
    )


@pytest.fixture
def buy(firm, mira, by):
    def send(symbol: str, qty: str = "10", portfolio: str = "P1") -> tuple[str, list[dict]]:
        wish = orders.Wish(firm.portfolios[portfolio].pk, firm.instruments[symbol].pk, "BUY", qty)
        [pk] = orders.create_orders(by(mira), [wish], submit=True)
        return Order.objects.get(pk=pk).status, Check.objects.get(order=pk).results

    return send


class TestWhatAPlanIs:
    @pytest.mark.parametrize(
        ("facts", "fields"),
        [
            ({"kind": "ERISA"}, ["employer", "fiduciary"]),
            ({"kind": "ERISA", "employer": 1, "fiduciary": "T"}, []),
            ({"kind": "IRA"}, []),
            ({"kind": "IRA", "by_qpam": True}, ["qpam_agreement", "qpam_starts_on"]),
            ({"kind": "IRA", "by_qpam": True, "qpam_agreement": "a", "qpam_starts_on": TODAY}, []),
            ({"kind": "IRA", "qpam_ends_on": TODAY}, ["qpam_ends_on"]),
            ({"kind": "IRA", "qpam_starts_on": TODAY, "qpam_ends_on": TODAY - timedelta(1)}, ["qpam_ends_on"]),
            ({"kind": "IRA", "qpam_starts_on": TODAY, "qpam_ends_on": TODAY}, []),
        ],
    )
    def test_what_is_missing_is_said_beside_its_field(self, facts, fields):
        assert sorted(plan_problems(facts)) == fields

    def test_the_database_refuses_it_too(self, firm):
        for facts in (
            {"kind": "ERISA"}, {"kind": "IRA", "by_qpam": True}, {"kind": "IRA", "qpam_ends_on": TODAY},
        ):  # fmt: skip
            with pytest.raises(IntegrityError), transaction.atomic():
                Plan.objects.create(portfolio=firm.portfolios["P1"], **facts)
        issuer = firm.instruments["AAA"].issuer
        with pytest.raises(IntegrityError), transaction.atomic():
            PartyInInterest.objects.create(issuer=issuer, relation="SERVES", starts_on=TODAY, reason="x")

    def test_the_back_office_keeps_what_it_was(self, plan, client, olga):
        client.force_login(olga)
        url = reverse("admin:portfolios_plan_add")
        given = {"kind": "ERISA", "portfolio": plan.portfolio_id + 1, "employer": "", "fiduciary": ""}
        said = client.post(url, given).content.decode()
        assert "A plan under ERISA has a sponsor" in said and "has a named fiduciary" in said
        assert Plan.objects.count() == 1
        url = reverse("admin:portfolios_partyininterest_add")
        given = {"issuer": plan.employer_id, "relation": "SERVES", "starts_on": "2026-01-05", "ends_on": "2026-01-04", "reason": "x"}
        said = client.post(url, given).content.decode()
        assert "It ends before it starts." in said and "Name the plan" in said and not PartyInInterest.objects.exists()
        plan.by_qpam, plan.qpam_agreement, plan.qpam_starts_on = True, "Of January", TODAY
        plan.save()
        assert [row.by_qpam for row in plan.history.order_by("history_id")] == [False, True]


class TestItsOrders:
    def test_more_than_a_tenth_of_its_employer_is_held(self, plan, buy, by, firm):
        put_in_force(by, "tenth", {"limit": "10"}, severity="HARD", name="Tenth", kind="employer_securities")
        status, [said] = buy("AAA")
        assert status == "HELD" and "its employer; the limit is 10% immediately after a purchase" in said["text"]
        assert buy("BBB")[0] == "CLEARED" and buy("AAA", portfolio="P2")[0] == "CLEARED"
        Plan.objects.update(allows_employer=True)
        assert buy("AAA", "11")[0] == "CLEARED"

    def test_what_it_buys_of_its_employer_qualifies(self, plan, buy, by, firm):
        said = {"limit": "25", "independent": "50", "debt_limit": "25"}
        put_in_force(by, "qualifies", said, severity="HARD", name="Qualifies", kind="qualifying_employer")
        status, [told] = buy("AAA")
        assert status == "HELD" and "it is not on file how much of it independent persons hold" in told["text"]
        share = Instrument.objects.filter(symbol="AAA")
        share.update(independent_pct=50, independent_source="10-K")
        assert buy("AAA", "11")[0] == "CLEARED" and buy("BBB")[0] == "CLEARED"
        share.update(shares_outstanding=200_000)  # 50,000 are held and 21 promised.
        status, [told] = buy("AAA", "12")
        assert status == "HELD" and "of AAA; the most of a class or issue is 25%." in told["text"]
        assert buy("AAA", "13", portfolio="P2")[0] == "CLEARED"

    def test_a_party_waits_for_an_exemption(self, plan, buy, by, firm):
        put_in_force(by, "parties", {}, severity="HARD", name="Parties", kind="plan_parties")
        issuer = firm.instruments["BBB"].issuer
        party = PartyInInterest.objects.create(issuer=issuer, plan=plan, relation="SERVES", starts_on=TODAY, reason="Form 5500")
        status, [said] = buy("BBB")
        assert status == "HELD" and "who serves the plan: it does not buy that without an exemption (29 USC 1106(a))" in said["text"]
        assert buy("BBB", portfolio="P2")[0] == "CLEARED"
        consent = PlanConsent.objects.create(
            plan=plan, issuer=issuer, exemption="PTE 77-4", agreed_by="A", document="b", starts_on=TODAY - timedelta(9),
            ends_on=TODAY - timedelta(1),
        )  # fmt: skip
        assert buy("BBB", "11")[0] == "HELD"  # It ended yesterday.
        consent.ends_on = TODAY
        consent.save()
        assert buy("BBB", "12")[0] == "CLEARED"
        consent.delete()
        Plan.objects.update(by_qpam=True, qpam_agreement="Of January", qpam_starts_on=TODAY)
        assert buy("BBB", "13")[0] == "CLEARED"
        party.relation = "APPOINTS"
        party.save()
        status, [said] = buy("BBB", "14")
        assert status == "HELD" and "The QPAM agreement (Of January) does not reach this party." in said["text"]
        party.ends_on = TODAY - timedelta(1)
        party.starts_on = TODAY - timedelta(9)
        party.save()
        assert buy("BBB", "15")[0] == "CLEARED"


class TestWhoReadsThem:
    def test_page_portfolio_and_api(self, plan, client, firm, mira, paul, omar):
        PartyInInterest.objects.create(issuer=plan.employer, relation="ADVISER", starts_on=TODAY, reason="Register")
        client.force_login(omar)
        page = client.get("/plans/").content.decode()
        assert "Trustees of P1" in page and "Every plan" in page and "In force" in page
        assert "Retirement plan" in client.get(f"/portfolios/{plan.portfolio_id}/").content.decode()
        [row] = client.get("/api/v1/plans/").json()["results"]
        assert (row["portfolio"], row["kind"], row["employer"]) == ("P1", "ERISA", plan.employer.name)
        [row] = client.get("/api/v1/plans/parties/").json()["results"]
        assert (row["plan"], row["relation"]) == (None, "ADVISER")
        client.force_login(paul)
        seen = client.get("/api/v1/portfolios/").json()["results"]
        assert len(client.get("/api/v1/plans/").json()["results"]) == ("P1" in [one["code"] for one in seen])
