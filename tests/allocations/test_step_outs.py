"""Step-outs: one executes, another confirms and settles a part, and nothing is lost or doubled."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from apps.allocations import rules
from apps.allocations import services as allocations
from apps.allocations.models import Allocation, CsaAccount, CsaEntry, StepOut
from apps.blocks.models import Block
from apps.core.refusals import Invalid, NotAllowed, Stale
from apps.reference.rules import FeeTerms
from apps.routing import services as routing
from apps.routing.models import Message
from apps.routing.rules.cards import Card
from apps.settlement import services as settlement
from tests.races import at_once

from .filling import holds_already, keep_promises

D = Decimal
DAY = date(2026, 11, 30)


def filled(broker: int, qty: str, value: str, commission: str) -> rules.Filled:
    return rules.Filled(broker, D(qty), D(value), D(commission), DAY, DAY)


class TestSplit:
    @settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        st.integers(1, 10**7), st.decimals("0.01", "900", places=4), st.decimals("0", "9999", places=2),
        st.lists(st.tuples(st.integers(1, 10**7), st.booleans()), min_size=1, max_size=4),
    )  # fmt: skip
    def test_sums_to_what_it_was(self, qty, price, commission, given_away):
        whole = filled(1, str(qty), str(qty * price), str(commission))
        parts = [rules.Part(n, 1, 10 + n, D(q), gives) for n, (q, gives) in enumerate(given_away)]
        made = rules.step_out([whole], parts, D(1), 2)

        assert sum(f.qty for f in made.fills) == whole.qty
        assert sum(Fraction(f.value) for f in made.fills) == whole.value
        assert sum(f.gross for f in made.fills) == rules.gross_amount(whole.value, D(1), 2)
        assert sum(f.commission for f in made.fills) == whole.commission
        assert all(f.qty > 0 and f.commission >= 0 and f.gross >= 0 for f in made.fills)
        assert all(made.booked[p.id] <= p.qty for p in parts)

    def test_the_commission_goes_along_or_stays(self):
        whole = filled(1, "1000", "50000", "10")
        for gives, expected in ((True, {1: D("7.00"), 2: D("3.00")}), (False, {1: D(10), 2: D(0)})):
            made = rules.step_out([whole], [rules.Part(1, 1, 2, D(300), gives)], D(1), 2)
            assert {f.broker_id: f.commission for f in made.fills} == expected

    def test_who_gives_all_up_gives_its_commission_too(self):
        made = rules.step_out([filled(1, "1000", "50000", "10")], [rules.Part(1, 1, 2, D(1000), False)], D(1), 2)

        assert [(f.broker_id, f.qty, f.commission) for f in made.fills] == [(2, D(1000), D(10))]

    def test_a_fee_of_the_trade_is_taken_once_and_shared(self):
        flat = FeeTerms("PTM", "7", D(0), least=D("1.50"), most=D("1.50"))
        capped = FeeTerms("TAF", "4", D(0), D("0.000166"), most=D("8.30"))
        whole = filled(1, "120000", "6000000", "10")._replace(fees=(flat, capped))
        made = rules.step_out([whole], [rules.Part(1, 1, 2, D(60000), True), rules.Part(2, 1, 3, D(60000), True)], D(1), 2)

        assert {f.broker_id: tuple(f.charged) for f in made.fills} == {2: (D("0.75"), D("4.15")), 3: (D("0.75"), D("4.15"))}

    def test_of_two_who_give_to_one_the_fees_are_added_by_their_terms(self):
        one, other = FeeTerms("A", "7", D(1)), FeeTerms("B", "7", D(1))
        given = [filled(1, "100", "10000", "0")._replace(fees=(one,)), filled(2, "100", "20000", "0")._replace(fees=(one, other))]
        made = rules.step_out(given, [rules.Part(1, 1, 3, D(100), True), rules.Part(2, 2, 3, D(100), True)], D(1), 2)

        assert [(f.broker_id, f.fees, f.charged) for f in made.fills] == [(3, (one, other), (D(3), D(2)))]

    def test_a_rebate_is_shared_as_a_commission_is(self):
        made = rules.step_out([filled(1, "1000", "50000", "-10")], [rules.Part(1, 1, 2, D(300), True)], D(1), 2)

        assert {f.broker_id: f.commission for f in made.fills} == {1: D("-7.00"), 2: D("-3.00")}
        assert made.given == {1: D("-3.00")}

    def test_less_is_given_where_less_was_executed(self):
        parts = [rules.Part(1, 1, 2, D(600), True), rules.Part(2, 1, 3, D(600), True), rules.Part(3, 9, 3, D(5), True)]
        made = rules.step_out([filled(1, "1000", "50000", "10")], parts, D(1), 2)

        assert made.booked == {1: D(600), 2: D(400), 3: D(0)}
        assert made.stepped_in == {2, 3}


@pytest.fixture
def worked(street) -> Block:
    """8,000 of 10,000 executed by NORTHGATE."""
    block = street.block("AAA", "SELL", {"P1": 5000, "P2": 5000})
    route = street.route(block)
    block.first = street.fill(route, 8000, "50.00", "80.00")
    block.refresh_from_db()
    block.worked_by = route
    return block


@pytest.fixture
def soft_card(firm, by, olga, alan) -> None:
    """NORTHGATE takes 3 bp, 40% of it for research."""
    said = Card(0, firm.brokers["NORTHGATE"].pk, kind="BPS", rate=D(3), research_pct=D(40), books="CARD", starts_on=timezone.localdate())
    pk = routing.propose_rate_card(by(olga, "Agreed"), said)
    routing.approve_rate_card(by(alan), pk, seen={pk: 1})
    holds_already(pk)


@pytest.fixture
def agree(worked, by, tom):
    def do(qty="3000", to="HARBOR", gives=True, **more):
        worked.refresh_from_db()
        said = {"giver": "NORTHGATE", "seen": worked.version, "who": tom, "reason": "Research owed"} | more
        return allocations.agree_step_out(
            by(said["who"], said["reason"]), worked.pk, said["giver"], to, D(qty), gives_commission=gives, seen=said["seen"]
        )

    return do


class TestAgreed:
    def test_the_part_is_booked_confirmed_and_instructed_with_who_steps_in(self, street, worked, agree, by):
        settlement.install_default_ssis(by("loader"))
        agree()
        street.end(worked.worked_by)
        street.finish(worked)
        keep_promises()
        rows = Allocation.objects.filter(block=worked).order_by("broker__code", "pk")

        assert list(rows.values_list("broker__code", "qty", "price", "commission_amount", "process_code")) == [
            ("HARBOR", D(1500), D(50), D(15), "2"), ("HARBOR", D(1500), D(50), D(15), "2"),
            ("NORTHGATE", D(2500), D(50), D(25), "0"), ("NORTHGATE", D(2500), D(50), D(25), "0"),
        ]  # fmt: skip
        said = Message.objects.filter(msg_type="AK").order_by("pk").values_list("session__broker__code", "text")
        assert sorted((who, "\x0181=2\x01" in text or "81=2" in text.replace("|", "\x01")) for who, text in said) == [
            ("HARBOR", True), ("HARBOR", True), ("NORTHGATE", False), ("NORTHGATE", False),
        ]  # fmt: skip
        assert StepOut.objects.get().version == 2

    def test_all_of_what_was_executed_and_not_a_share_more(self, agree):
        agree("5000")
        with pytest.raises(allocations.MoreThanExecuted, match="executed 8000 of .* and stepped out of 5000"):
            agree("3001", "MERIDIAN")
        agree("3000", "MERIDIAN")
        assert StepOut.objects.count() == 2

    def test_what_cannot_be_is_refused_and_leaves_nothing(self, agree, worked, mira, olga):
        for change, refusal in (
            ({"qty": "0"}, Invalid), ({"qty": "NaN"}, Invalid), ({"qty": "0.5"}, Invalid), ({"to": "NORTHGATE"}, Invalid),
            ({"to": "NOBODY"}, Invalid), ({"to": "SIMX"}, Invalid), ({"giver": "HARBOR", "to": "MERIDIAN"}, allocations.MoreThanExecuted),
            ({"reason": ""}, Invalid), ({"seen": 1}, Stale), ({"who": mira}, NotAllowed), ({"who": olga}, NotAllowed),
        ):  # fmt: skip
            with pytest.raises(refusal):
                agree(**change)
        assert not StepOut.objects.exists()

    def test_not_to_who_executes_too(self, street, worked, agree):
        street.route(worked, "HARBOR", 1000) if worked.unplaced_qty else None
        street.end(worked.worked_by)
        other = street.route(worked, "HARBOR")

        with pytest.raises(allocations.StepsInAndExecutes):
            agree()
        assert other.broker.code == "HARBOR"

    def test_nor_does_who_steps_in_execute_later(self, street, worked, agree, by, tom):
        agree()
        street.end(worked.worked_by)
        worked.refresh_from_db()
        with pytest.raises(allocations.StepsInAndExecutes, match="steps into a part of"):
            street.route(worked, "HARBOR")
        with pytest.raises(allocations.StepsInAndExecutes):
            call = routing.HandFill(worked.pk, "HARBOR", D(500), D(50), timezone.now().replace(microsecond=0))
            routing.book_by_hand(by(tom, "By phone"), [call], seen={worked.pk: worked.version})
        assert street.route(worked, "MERIDIAN").broker.code == "MERIDIAN"

    def test_one_a_pair_of_brokers(self, agree):
        agree("1000")
        with pytest.raises(allocations.AgreedAlready, match="steps out of 1000 for Harbor.* Withdraw that"):
            agree("1000")

    def test_what_is_put_by_for_research_goes_with_the_commission(self, street, worked, agree, soft_card):
        agree("2000")
        agree("2000", "MERIDIAN", gives=False)
        street.fill(worked.worked_by, 2000, "50.00", "20.00")
        keep_promises("allocations.")

        credits = CsaEntry.objects.filter(kind="CREDIT")  # 500,000 × 3 bp × 40% = 60.00, a fifth of it given.
        assert sorted(credits.values_list("account__broker__code", "amount")) == [("HARBOR", D(12)), ("NORTHGATE", D(48))]
        street.bust(worked.worked_by, worked.first, 8000, "50.00")
        keep_promises("allocations.")
        assert set(CsaAccount.objects.values_list("balance_amount", flat=True)) == {D(0)}

    def test_it_can_be_withdrawn_until_it_is_booked(self, street, worked, agree, by, tom):
        pk = agree()
        with pytest.raises(allocations.StaleStepOut):
            allocations.withdraw_step_out(by(tom), pk, seen={pk: 7})
        allocations.withdraw_step_out(by(tom), pk, seen={pk: 1})
        again = agree()
        street.end(worked.worked_by)
        street.finish(worked)
        keep_promises("allocations.")

        with pytest.raises(allocations.BookedAlready):
            allocations.withdraw_step_out(by(tom), again, seen={again: 2})
        with pytest.raises(allocations.BookedAlready):
            agree("1000", "MERIDIAN")

    @pytest.mark.django_db(transaction=True)
    def test_two_at_once_do_not_give_more_than_there_is(self, agree, worked):
        jobs = [lambda to=to: agree("5000", to) for to in ("HARBOR", "MERIDIAN")]

        answers = at_once(*jobs)

        assert sum(isinstance(one, int) for one in answers) == 1 and "MoreThanExecuted" in answers


class TestSeen:
    def test_on_the_blocks_page(self, worked, tom, olga):
        browser = Client()
        browser.force_login(tom)
        url = reverse("allocations:step_out", args=[worked.pk])
        assert "Northgate" in browser.get(url).content.decode()
        said = {"seen": worked.version, "from_broker": "NORTHGATE", "to_broker": "HARBOR", "qty": "9000", "gives_commission": "on",
                "reason": "Research owed"}  # fmt: skip
        refused = browser.post(url, said)
        assert refused.status_code == 422 and "executed 8000" in refused.content.decode()
        assert browser.post(url, said | {"qty": "3000"}).status_code == 204
        row = StepOut.objects.get()
        assert row.ref in browser.get(reverse("allocations:block", args=[worked.pk])).content.decode()
        assert browser.get(reverse("desk:timeline", args=["step_out", row.pk])).status_code == 200
        back = reverse("allocations:step_out_withdraw", args=[row.pk])
        assert browser.get(back).status_code == 200
        assert browser.post(back, {"seen": f"{row.pk}:9"}).status_code == 409
        assert browser.post(back, {"seen": f"{row.pk}:1"}).status_code == 204

    def test_over_the_api(self, worked, tom, ada):
        mine, reader = APIClient(), APIClient()
        mine.force_authenticate(tom)
        reader.force_authenticate(ada)
        body = {"block": worked.pk, "version": worked.version, "from_broker": "NORTHGATE", "to_broker": "HARBOR", "qty": "3000",
                "gives_commission": True, "reason": "Research owed"}  # fmt: skip
        assert reader.post("/api/v1/step-outs/", body, format="json").status_code == 403
        made = mine.post("/api/v1/step-outs/", body, format="json")
        assert (made.status_code, made.json()["to_broker"]) == (201, "HARBOR")
        assert reader.get(f"/api/v1/step-outs/?block={worked.pk}").json()["results"][0]["ref"] == made.json()["ref"]
        assert mine.post(f"/api/v1/step-outs/{made.json()['id']}/withdraw/", {"version": 1}, format="json").json()["status"] == "WITHDRAWN"
