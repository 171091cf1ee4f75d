"""What is asked at the route is asked again as a dealer's price is about to be taken, in the transaction that takes it."""

from datetime import timedelta
from decimal import Decimal

import pytest

from apps.blocks.models import Block
from apps.compliance import services as compliance
from apps.compliance.models import Override, Review, Run
from apps.orders.models import Order
from apps.routing import services as routing
from apps.routing.models import DealerQuote, Inquiry, Message, Route
from tests.compliance.ruling import put_in_force
from tests.pages import send, words

D = Decimal
DEALERS = ["CASTLE", "DORSET", "ELMSTREET"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def asked(a_block, street, tom, by):
    """``asked("BOND", "97.95", …)``: an inquiry whose first dealers gave these prices, all of the block."""

    def make(*prices: str, symbol: str = "BOND", side: str = "BUY", qty: int = 100_000, award: str = "auto") -> Inquiry:
        block = a_block(symbol, side, qty)
        seen = {block.pk: block.version}
        routed = routing.send_inquiries(by(tom, "So."), [block.pk], seen=seen, award=award, dealer_codes=DEALERS)
        found = Inquiry.objects.get(pk=routed.inquiries[0])
        for quote, price in zip(found.quotes.order_by("pk"), prices, strict=False):
            street.quote(quote, price, side=side, seconds=120)
        found.refresh_from_db()
        return found

    return make


@pytest.fixture
def no_bond(firm, people, by):
    """From now on no portfolio holds more than 1% of BOND as orders are about to be sent."""

    def make(limit: str = "1", **says) -> None:
        said = {"kind": "measure", "name": "No bond", "severity": "HARD", "moments": ["route"]} | says
        put_in_force(by, "no_bond", {"filter": 'symbol == "BOND"', "limit": limit}, **said)

    return make


def take(act, inquiry: Inquiry, **more):
    inquiry.refresh_from_db()
    return routing.award_inquiry(act, inquiry.pk, seen={inquiry.pk: inquiry.version}, **more)


def decide(by, after: int = 31) -> None:
    act = by("scheduler")
    act.at += timedelta(seconds=after)
    routing.decide_due_inquiries(act)


def answers() -> int:
    return Message.objects.filter(is_out=True, msg_type="AJ").count()


class TestAPerson:
    def test_is_told_what_stops_it_and_nothing_is_sent(self, asked, no_bond, tom, by):
        inquiry = asked("97.95", award="person")
        before = Message.objects.count()
        no_bond()

        [found] = take(by(tom), inquiry)

        (order,) = Order.objects.all()
        assert (found["order_id"], found["rule"], found["is_at_work"]) == (order.pk, "no_bond", True)
        said = routing.stopped_at_route([found], is_award=True).message
        assert "does not pass “No bond”" in said and "No price was taken." in said and "Nothing was sent" not in said
        assert (Review.objects.get().order_id, Review.objects.get().status) == (order.pk, "WAITING")
        inquiry.refresh_from_db()
        assert (inquiry.status, inquiry.awards.count(), Message.objects.count()) == ("COLLECTING", 0, before)
        assert not Route.objects.exists() and Block.objects.get().placed_qty == 100_000
        with pytest.raises(compliance.NotChecked):
            take(by(tom), inquiry)
        assert Review.objects.count() == 1 and not Route.objects.exists()

    def test_takes_it_once_an_officer_let_it_through(self, asked, no_bond, tom, omar, odile, by):
        inquiry = asked("97.95", award="person")
        no_bond(severity="SOFT")
        take(by(tom), inquiry)
        review = Review.objects.get()
        compliance.approve_reviews(by(omar, "The client agreed."), [review.pk], seen={review.pk: review.version})

        assert not take(by(tom), inquiry)
        inquiry.refresh_from_db()
        assert (inquiry.status, Route.objects.count(), Override.objects.get().status) == ("AWARDED", 1, "LIVE")

    def test_takes_it_where_the_rule_passes(self, asked, no_bond, tom, by):
        inquiry = asked("97.95", award="person")
        no_bond("99")
        assert not take(by(tom), inquiry) and Route.objects.count() == 1
        assert Run.objects.filter(moment="ROUTE").count() == 1

    def test_reads_it_on_the_page_and_another_system_over_the_api(self, asked, no_bond, tom, client):
        inquiry = asked("97.95", award="person")
        no_bond()
        quote = DealerQuote.objects.get(inquiry=inquiry, price=D("97.95"))
        body = {"version": inquiry.version, "quote_id": quote.pk}
        client.force_login(tom)
        path = f"/api/v1/inquiries/{inquiry.pk}/award"
        told = [client.post(path, body, content_type="application/json", HTTP_IDEMPOTENCY_KEY="once") for _ in range(2)]
        assert [(answer.status_code, answer.json()["code"]) for answer in told] == [(409, "stopped_at_route")] * 2
        assert Review.objects.count() == 1
        said = send(tom, "routing:award", {"seen": f"{inquiry.pk}:{inquiry.version}", "quote": quote.pk}, inquiry.pk)
        assert said.status_code == 409 and "was held by its last check" in words(said) and not Route.objects.exists()

    def test_is_told_on_the_page(self, asked, no_bond, tom):
        inquiry = asked("97.95", award="person")
        no_bond()
        said = send(tom, "routing:award", {"seen": f"{inquiry.pk}:{inquiry.version}"}, inquiry.pk)
        assert said.status_code == 409 and "No price was taken" in words(said) and Review.objects.count() == 1


class TestByItself:
    def test_nobodys_price_is_taken_and_the_quantity_is_free(self, asked, no_bond, by):
        inquiry = asked("97.95", "98")
        no_bond()

        decide(by)

        inquiry.refresh_from_db()
        assert (inquiry.status, Block.objects.get().placed_qty) == ("PASSED", 0)
        assert not Route.objects.exists() and Review.objects.count() == 1
        assert [row["694"] for row in _told()] == ["6", "6"]  # Pass.
        decide(by, 62)
        assert Review.objects.count() == 1

    def test_what_one_block_stops_stops_no_other(self, firm, asked, no_bond, by):
        stopped, free = asked("97.95"), asked("50.10", symbol="AAA", qty=500)
        no_bond()
        decide(by)
        assert dict(Inquiry.objects.values_list("pk", "status")) == {stopped.pk: "PASSED", free.pk: "AWARDED"}
        assert Route.objects.get().block_id == free.block_id

    def test_the_earlier_takes_the_room_and_the_later_is_stopped(self, asked, by, firm, people):
        """Of 500,000 units that the firm may hold of the issue 150,000 are held."""
        first, second = asked("50", symbol="AAA", qty=340_000), asked("50", symbol="AAA", qty=10_001)
        of_issue = {"group": "instrument", "basis": "units", "across": "firm", "against": "shares_outstanding", "limit": "5"}
        put_in_force(by, "issue", of_issue, kind="measure", name="Part of an issue", moments=["route"], severity="HARD")
        decide(by)
        assert dict(Inquiry.objects.values_list("pk", "status")) == {first.pk: "AWARDED", second.pk: "PASSED"}

    def test_an_order_that_is_being_changed_is_left_for_the_next_time(self, asked, by, monkeypatch):
        from apps.blocks.services import MembersChanging
        from apps.routing.services import awarding

        inquiry, real = asked("97.95"), awarding.ask_before_sending

        def busy(*args):
            raise MembersChanging("Somebody cancels it.")

        monkeypatch.setattr(awarding, "ask_before_sending", busy)
        decide(by)
        inquiry.refresh_from_db()
        assert inquiry.status == "COLLECTING" and not Route.objects.exists()
        monkeypatch.setattr(awarding, "ask_before_sending", real)
        decide(by)
        inquiry.refresh_from_db()
        assert inquiry.status == "AWARDED"

    def test_one_that_is_not_what_was_checked_keeps_no_other_back(self, asked, by):
        bad, good = asked("97.95"), asked("50.10", symbol="AAA", qty=500)
        Order.objects.filter(pk=bad.block.members.get().order_id).update(order_type="LIMIT", limit_price="99")
        decide(by)
        assert dict(Inquiry.objects.values_list("pk", "status")) == {bad.pk: "PASSED", good.pk: "AWARDED"}


def _told() -> list[dict]:
    from .conftest import sent

    return [{str(tag): value for tag, value in row.items()} for row in sent("AJ")]
