"""Two at once, on a real PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from threading import Barrier

import pytest
from django.db import connection

from apps.audit import services as audit
from apps.blocks import services as blocks
from apps.blocks.models import Block
from apps.compliance import services as compliance
from apps.compliance.models import Review
from apps.core.events import Then
from apps.core.refusals import Refusal
from apps.orders import events as order_events
from apps.orders import services as orders
from apps.orders.models import Order
from apps.routing import services as routing
from apps.routing.models import DealerQuote, Execution, Inquiry, Message, Route
from tests.compliance.ruling import put_in_force

from .conftest import amounts, placed

D = Decimal
pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*jobs) -> list:
    """Runs the jobs in threads from one starting gun; their answers or refusals in order."""
    gun = Barrier(len(jobs))

    def run(job):
        gun.wait()
        try:
            return job()
        except Refusal as refusal:
            return type(refusal).__name__
        finally:
            connection.close()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


@pytest.mark.parametrize("attempt", range(3))
def test_two_traders_route_the_same_open_block_and_one_wins(a_block, tom, tess, by, attempt):
    block = a_block("AAA", "BUY", 10_000)

    answers = at_once(
        *(
            lambda who=who: routing.route_blocks(by(who), [block.pk], seen={block.pk: block.version})
            for who in (tom, tess)
        )
    )

    assert sorted(type(a).__name__ for a in answers) == ["Routed", "str"]
    assert "StaleBlock" in answers
    assert Route.objects.count() == Message.objects.count() == 1
    assert placed(Route.objects.get()) == (10_000, 0)


@pytest.mark.parametrize("attempt", range(3))
def test_two_traders_route_the_rest_of_a_working_block_and_one_wins(a_block, tom, tess, by, attempt):
    block = a_block("AAA", "BUY", 10_000)
    routing.route_blocks(by(tom), [block.pk], seen={block.pk: block.version}, qty=D(4_000))
    block.refresh_from_db()

    answers = at_once(
        *(
            lambda who=who: routing.route_blocks(by(who), [block.pk], seen={block.pk: block.version})
            for who in (tom, tess)
        )
    )

    assert "NothingToPlace" in answers
    assert sorted(Route.objects.values_list("qty", flat=True)) == [4_000, 6_000]


def test_one_asks_dealers_while_another_routes(a_block, tom, tess, by):
    block = a_block("BOND", "BUY", 100_000)
    seen = {block.pk: block.version}

    answers = at_once(
        lambda: len(routing.send_inquiries(by(tom), [block.pk], seen=seen).inquiries),
        lambda: len(routing.route_blocks(by(tess, "my friend"), [block.pk], seen=seen, broker_code="HARBOR").routes),
    )

    assert sorted(map(str, answers)) == ["1", "StaleBlock"]
    assert Route.objects.count() + Inquiry.objects.count() == 1


@pytest.mark.parametrize("attempt", range(3))
def test_the_same_report_heard_twice_and_booked_at_once_counts_once(a_route, street, attempt):
    route = a_route(10_000)
    fill = street.report_fields(route, "F", "1", last=(1_000, 50), cum=1_000)
    first, second = (street.hear(route.broker_id, "8", fill) for _ in range(2))

    at_once(lambda: street.book(first), lambda: street.book(second))

    route.refresh_from_db()
    assert amounts(route) == ("PARTLY_FILLED", 10_000, 1_000, 9_000)
    assert placed(route) == (10_000, 1_000)
    assert Execution.objects.count() == 1
    assert set(Message.objects.filter(is_out=False).values_list("status", flat=True)) == {"BOOKED"}


def test_one_message_booked_by_two_is_booked_once(a_route, street):
    route = a_route(10_000)
    message = street.hear(route.broker_id, "8", street.report_fields(route, "F", "1", last=(1_000, 50), cum=1_000))

    answers = at_once(*[lambda: street.book(message)] * 4)

    assert sorted(a.booked for a in answers) == [0, 0, 0, 1]
    assert placed(route) == (10_000, 1_000)


def test_a_fill_and_a_cancel_request_cross(a_route, street, tom, by):
    route = street.report(a_route(10_000), "0", "0")
    fill = street.hear(route.broker_id, "8", street.report_fields(route, "F", "1", last=(1_000, 50), cum=1_000))

    answers = at_once(
        lambda: street.book(fill),
        lambda: routing.cancel_routes(by(tom), [route.pk], seen={route.pk: route.version}),
    )

    route.refresh_from_db()
    assert amounts(route) == ("PARTLY_FILLED", 10_000, 1_000, 9_000)
    assert bool(route.pending_cl_ord_id) == (answers[1] is None)


def test_an_inquiry_decided_by_two_is_awarded_once(a_block, street, tom, by):
    block = a_block("BOND", "BUY", 100_000)
    routing.route_blocks(by(tom), [block.pk], seen={block.pk: block.version})
    for n, quote in enumerate(DealerQuote.objects.order_by("pk")):
        street.quote(quote, f"98.{n}")
    inquiry = Inquiry.objects.get()

    act = by("scheduler")
    act.at += timedelta(seconds=1)
    answers = at_once(
        lambda: routing.decide_due_inquiries(act),
        lambda: routing.award_inquiry(by(tom), inquiry.pk, seen={inquiry.pk: inquiry.version}),
    )

    assert answers in ([1, "StaleInquiry"], [0, ()])  # Nothing kept the price from being taken.
    assert Inquiry.objects.get().status == "AWARDED"
    assert Route.objects.count() == 1
    assert Block.objects.get().placed_qty == 100_000


@pytest.fixture
def an_inquiry(a_block, street, tom, by):
    """An inquiry for 100,000 that a person decides: 98.0, 98.1, 98.2 and 98.3."""
    block = a_block("BOND", "BUY", 100_000)
    dealers = ["ALDGATE", "CASTLE", "DORSET", "ELMSTREET"]
    routing.send_inquiries(by(tom), [block.pk], seen={block.pk: block.version}, award="person", dealer_codes=dealers)
    for n, quote in enumerate(DealerQuote.objects.order_by("pk")):
        street.quote(quote, f"98.{n}")
    return Inquiry.objects.get()


def shares(*parts) -> dict[int, Decimal]:
    return {q.pk: D(qty) for q, qty in zip(DealerQuote.objects.order_by("pk"), parts, strict=False)}


@pytest.mark.parametrize("attempt", range(3))
def test_two_traders_award_the_same_inquiry_and_one_does(an_inquiry, tom, tess, by, attempt):
    seen = {an_inquiry.pk: an_inquiry.version}
    wanted = shares(60_000, 40_000)

    answers = at_once(
        lambda: routing.award_inquiry(by(tom, "So."), an_inquiry.pk, seen=seen, shares=wanted),
        lambda: routing.award_inquiry(by(tess, "So."), an_inquiry.pk, seen=seen),
    )

    assert sorted(answers, key=str) == [(), "StaleInquiry"]
    assert sum(Route.objects.values_list("qty", flat=True)) == 100_000 == Block.objects.get().placed_qty


@pytest.mark.parametrize("attempt", range(3))
def test_an_award_and_the_last_word_of_its_dealer_race(an_inquiry, street, tom, by, attempt):
    """The dealer takes its price back, or the price is taken: never is a price taken that was heard to be gone before."""
    best = DealerQuote.objects.order_by("pk").first()
    gone = street.hear(best.dealer_id, "AI", {131: best.request_ref, 117: best.quote_ref, 55: "BOND", 297: 7})

    answers = at_once(
        lambda: routing.award_inquiry(
            by(tom, "So."), an_inquiry.pk, seen={an_inquiry.pk: an_inquiry.version}, shares=shares(60_000, 40_000)
        ),
        lambda: street.book(gone).booked,
    )

    an_inquiry.refresh_from_db()
    best.refresh_from_db()
    assert answers in ([(), 1], ["StaleInquiry", 1])
    is_taken = answers[0] == ()
    assert (an_inquiry.status == "AWARDED", Route.objects.count()) == (is_taken, 2 if is_taken else 0)
    assert (best.result, best.price) == (("WON", D("98")) if is_taken else ("DECLINED", None))


@pytest.mark.parametrize("attempt", range(3))
def test_a_counter_and_an_award_of_the_same_price_race(an_inquiry, tom, tess, by, attempt):
    best, seen = DealerQuote.objects.order_by("pk").first(), {an_inquiry.pk: an_inquiry.version}

    answers = at_once(
        lambda: routing.counter_quote(by(tom), best.pk, price=D("97.5"), seen=seen).answer,
        lambda: routing.award_inquiry(by(tess), an_inquiry.pk, seen=seen),
    )

    assert answers in (["WAITING", "StaleInquiry"], ["StaleInquiry", ()])
    assert Route.objects.count() == (answers[1] == ())


@pytest.mark.parametrize("attempt", range(3))
def test_an_amendment_and_a_routing_race_and_what_goes_out_was_checked(a_block, mira, tom, by, monkeypatch, attempt):
    monkeypatch.setattr(audit, "flow", lambda: {order_events.OrderAmended: Then(now=[blocks.drop_orders])})
    block = a_block("AAA", "BUY", 10_000, 5_000)
    order = Order.objects.filter(qty=5_000).get()

    answers = at_once(
        lambda: routing.route_blocks(by(tom), [block.pk], seen={block.pk: block.version}),
        lambda: orders.amend_orders(by(mira), {order.pk: {"qty": "6000"}}, seen={order.pk: order.version}),
    )

    order.refresh_from_db()
    if Route.objects.exists():  # What went out is what was checked: all of it, or the rest without the amended one.
        assert (order.status, order.qty, answers[1]) in [("WORKING", 5_000, answers[1]), ("DRAFT", 6_000, None)]
        assert placed(Route.objects.get()) == (10_000 if order.status == "DRAFT" else 15_000, 0)
        compliance.refuse_unchecked(Block.objects.get(pk=block.pk).members.values_list("order", flat=True))
    else:
        assert (order.status, order.qty) == ("DRAFT", 6_000)
    assert any(isinstance(answer, str) for answer in answers) or order.status == "DRAFT"


@pytest.mark.parametrize("attempt", range(3))
def test_two_routes_take_the_last_room_that_the_firm_shares_once(a_block, tom, tess, by, monkeypatch, attempt):
    then = {order_events.OrderStopped: Then(now=[blocks.drop_orders, compliance.record_hits])}
    monkeypatch.setattr(audit, "flow", lambda: then)
    of_an_issue = {"group": "instrument", "basis": "units", "across": "firm", "against": "shares_outstanding", "limit": "5"}
    put_in_force(by, "issue", of_an_issue, kind="measure", name="Part of an issue", moments=["route"])
    found = [a_block("AAA", "BUY", 200_000, order_type="LIMIT", limit_price=price) for price in ("60", "61")]

    answers = at_once(
        *(
            lambda who=who, block=block: routing.route_blocks(by(who), [block.pk], seen={block.pk: block.version})
            for who, block in zip((tom, tess), found, strict=True)
        )
    )

    assert sorted(bool(answer.routes) for answer in answers) == [False, True]
    assert Route.objects.count() == 1 and Review.objects.filter(status="WAITING").count() == 1
    assert sorted(Order.objects.values_list("status", flat=True)) == ["HELD", "WORKING"]
