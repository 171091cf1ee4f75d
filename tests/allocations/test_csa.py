"""Soft dollars: a ledger that is never changed, whose balance is the sum of its entries, and goes below zero only if said."""

from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import Sum
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from apps.allocations import services as allocations
from apps.allocations.models import Allocation, CsaAccount, CsaEntry
from apps.core.refusals import Invalid, NotAllowed
from apps.routing import services as routing
from apps.routing.rules.cards import Card
from tests.races import at_once

from .filling import holds_already, keep_promises

D = Decimal


@pytest.fixture
def soft(firm, by, olga, alan) -> int:
    """NORTHGATE takes 3 bp, 40% of it for research."""
    said = Card(0, firm.brokers["NORTHGATE"].pk, kind="BPS", rate=D(3), research_pct=D(40), books="CARD", starts_on=timezone.localdate())
    pk = routing.propose_rate_card(by(olga, "Agreed"), said)
    routing.approve_rate_card(by(alan), pk, seen={pk: 1})
    holds_already(pk)
    return pk


@pytest.fixture
def account(street, soft) -> CsaAccount:
    """48.00: 400,000 × 3 bp × 40%."""
    street.allocated("AAA", "SELL", {"P1": 5000, "P2": 3000}, [(8000, "50.00", "120.00")])
    return CsaAccount.objects.get()


def adds_up(account: CsaAccount) -> bool:
    account.refresh_from_db()
    rows = list(CsaEntry.objects.filter(account=account).order_by("nth"))
    running, balances = D(0), []
    for row in rows:
        running += row.amount
        balances.append(running)
    return (
        balances == [row.balance_amount for row in rows]
        and [row.nth for row in rows] == list(range(1, account.version + 1))
        and account.balance_amount == CsaEntry.objects.filter(account=account).aggregate(n=Sum("amount"))["n"]
    )


class TestCredited:
    def test_the_research_part_of_each_booking(self, account):
        assert (account.balance_amount, account.version) == (D(48), 1)
        assert set(Allocation.objects.values_list("process_code", flat=True)) == {"1"}
        assert adds_up(account)

    def test_a_booking_that_is_taken_back_takes_it_along_even_below_zero(self, street, soft, by, olga):
        block = street.block("AAA", "SELL", {"P1": 5000, "P2": 5000})
        route = street.route(block)
        first = street.fill(route, 4000, "50.00", "60.00")
        street.fill(route, 6000, "50.00", "90.00")
        keep_promises("allocations.")
        account = CsaAccount.objects.get()
        allocations.pay_research(by(olga, "Invoice"), account.pk, D(60), "Alpha Research", "A-1", seen=1)
        street.bust(route, first, 4000, "50.00")
        street.end(route)
        street.finish(block)
        keep_promises("allocations.")

        assert list(CsaEntry.objects.order_by("nth").values_list("kind", "amount", "balance_amount")) == [
            ("CREDIT", D(60), D(60)), ("PAYMENT", D(-60), D(0)), ("BACK", D(-60), D(-60)), ("CREDIT", D(36), D(-24)),
        ]  # fmt: skip
        assert adds_up(account)


class TestPaid:
    def test_down_to_zero_and_no_further_unless_said(self, account, by, olga):
        with pytest.raises(allocations.CsaTooLow, match="48.00"):
            allocations.pay_research(by(olga, "Invoice"), account.pk, D("48.01"), "Alpha", "A-1", seen=1)
        assert adds_up(account) and account.version == 1
        allocations.pay_research(by(olga, "Invoice"), account.pk, D(48), "Alpha", "A-1", seen=1)
        allocations.pay_research(by(olga, "Agreed with the broker"), account.pk, D(5), "Alpha", "A-2", seen=2, overdraws=True)

        assert adds_up(account) and account.balance_amount == D(-5)
        assert list(CsaEntry.objects.order_by("nth").values_list("overdraws", flat=True)) == [False, False, True]

    @pytest.mark.parametrize(
        ("change", "field"),
        [({"amount": D(0)}, "amount"), ({"amount": D(-1)}, "amount"), ({"amount": D("1.001")}, "amount"), ({"amount": D("NaN")}, "amount"),
         ({"provider": " "}, "provider"), ({"invoice": ""}, "invoice"), ({"reason": ""}, "reason")],
    )  # fmt: skip
    def test_what_cannot_be_is_refused_beside_its_field(self, account, by, olga, change, field):
        said = {"amount": D(1), "provider": "Alpha", "invoice": "A-1", "reason": "Invoice"} | change

        with pytest.raises(Invalid) as refused:
            allocations.pay_research(by(olga, said["reason"]), account.pk, said["amount"], said["provider"], said["invoice"], seen=1)

        assert refused.value.facts["field"] == field
        assert adds_up(account) and account.version == 1

    def test_an_invoice_once(self, account, by, olga):
        allocations.pay_research(by(olga, "Invoice"), account.pk, D(1), "Alpha", "A-1", seen=1)

        with pytest.raises(allocations.InvoicePaid, match="a-1"):
            allocations.pay_research(by(olga, "Invoice"), account.pk, D(1), "alpha", "a-1", seen=2)
        with pytest.raises(allocations.StaleCsa):
            allocations.pay_research(by(olga, "Invoice"), account.pk, D(1), "Alpha", "A-2", seen=1)
        assert adds_up(account) and account.version == 2

    @pytest.mark.parametrize("name", ["mira", "tom", "omar", "ada", "alan"])
    def test_others_pay_nothing(self, account, by, people, name):
        with pytest.raises(NotAllowed):
            allocations.pay_research(by(people[name], "Invoice"), account.pk, D(1), "Alpha", "A-1", seen=1)

    def test_what_is_written_is_never_changed(self, account):
        with pytest.raises(DatabaseError), transaction.atomic():
            CsaEntry.objects.update(amount=1)
        with pytest.raises(DatabaseError), transaction.atomic():
            CsaEntry.objects.all().delete()

    def test_the_database_refuses_what_goes_below_zero_unsaid(self, account, olga):
        with pytest.raises(IntegrityError, match="a_csa_goes_below_zero_only_if_said"), transaction.atomic():
            CsaEntry.objects.create(
                account=account, nth=2, kind="PAYMENT", amount=-49, balance_amount=-1, reason="x", by=olga, at=timezone.now()
            )

    @pytest.mark.django_db(transaction=True)
    def test_of_two_payments_at_once_one_is_made(self, account, by, olga):
        jobs = [
            lambda n=n: allocations.pay_research(by(olga, "Invoice"), account.pk, D(30), "Alpha", f"A-{n}", seen=1) for n in (1, 2)
        ]
        answers = at_once(*jobs)

        assert sum(isinstance(answer, int) for answer in answers) == 1 and "StaleCsa" in answers
        assert adds_up(account) and account.balance_amount == D(18)


class TestSeen:
    def test_on_its_pages(self, account, olga):
        browser = Client()
        browser.force_login(olga)
        assert "48.00" in browser.get(reverse("allocations:csa")).content.decode()
        url = reverse("allocations:csa_pay", args=[account.pk])
        assert browser.get(url).status_code == 200
        said = {"seen": "1", "amount": "50", "provider": "Alpha", "invoice": "A-1", "reason": "Invoice"}
        refused = browser.post(url, said)
        assert refused.status_code == 422 and "Pay less" in refused.content.decode()
        assert browser.post(url, said | {"amount": "8"}).status_code == 204
        assert browser.post(url, said | {"amount": "8", "invoice": "A-2"}).status_code == 409  # Seen before the payment.
        back = reverse("allocations:csa_correct", args=[account.pk])
        assert browser.post(back, {"seen": "2", "amount": "-1.50", "reason": "Their statement"}).status_code == 204
        page = browser.get(reverse("allocations:csa_account", args=[account.pk])).content.decode()
        assert "38.50" in page and "Alpha, invoice A-1" in page and "Correction" in page
        assert browser.get(reverse("desk:timeline", args=["csa", account.pk])).status_code == 200

    def test_over_the_api(self, account, olga, ada):
        mine, reader = APIClient(), APIClient()
        mine.force_authenticate(olga)
        reader.force_authenticate(ada)
        assert reader.get("/api/v1/csa-accounts/").json()["results"][0]["balance_amount"] == "48.0000"
        url = f"/api/v1/csa-accounts/{account.pk}"
        body = {"version": 1, "amount": "8", "provider": "Alpha", "invoice": "A-1", "reason": "Invoice"}
        assert reader.post(f"{url}/pay/", body, format="json").status_code == 403
        assert mine.post(f"{url}/pay/", body, format="json").json()["balance_amount"] == "40.0000"
        assert mine.post(f"{url}/pay/", body, format="json").status_code == 409
        assert mine.post(f"{url}/correct/", {"version": 2, "amount": "2", "reason": "x"}, format="json").json()["version"] == 3
        assert [one["kind"] for one in reader.get(f"{url}/entries/").json()["results"]] == ["CORRECT", "PAYMENT", "CREDIT"]
