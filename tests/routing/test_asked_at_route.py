"""Rules that are asked as orders are about to be sent: with what is so then, and what is at brokers already."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.utils import timezone

from apps.audit import services as audit
from apps.blocks import services as blocks
from apps.blocks.models import Block, Member
from apps.compliance import selectors as checks
from apps.compliance import services as compliance
from apps.compliance.models import Check, Override, Review, Run
from apps.core.events import Fact, Then
from apps.orders import events as order_events
from apps.orders.models import Order
from apps.routing import services as routing
from apps.routing.models import Alert, Inquiry, Message, Route
from tests.compliance.ruling import put_in_force
from tests.pages import send, visit, words

D = Decimal
pytestmark = pytest.mark.django_db
OF_AN_ISSUE = {"group": "instrument", "basis": "units", "across": "firm", "against": "shares_outstanding"}


@pytest.fixture
def falls(a_block, monkeypatch):
    """What is stopped leaves its block, as in the firm."""
    then = {order_events.OrderStopped: Then(now=[blocks.drop_orders, compliance.record_hits])}
    monkeypatch.setattr(audit, "flow", lambda: then)


@pytest.fixture
def issue(firm, people, by):
    """``issue("5")``: the firm holds no more of an issue; 150,000 of AAA's 10,000,000 are held."""

    def make(limit: str = "5", code: str = "issue", **says):
        said = {"kind": "measure", "name": "Part of an issue", "moments": ["route"]} | says
        put_in_force(by, code, OF_AN_ISSUE | {"limit": limit}, **said)

    return make


@pytest.fixture
def worth(firm, people, by):
    """``worth("26")``: no portfolio holds more than so much of AAA; each has 2.5 of 9.95 million, 25.126%."""

    def make(limit: str, **says):
        said = {"kind": "measure", "name": "Much of AAA", "severity": "SOFT", "moments": ["submit", "route"]} | says
        put_in_force(by, "worth", {"filter": 'symbol == "AAA"', "limit": limit}, **said)

    return make


@pytest.fixture
def route(by, tom):
    def do(*wanted: Block, **more) -> routing.Routed:
        seen = dict(Block.objects.filter(pk__in=[block.pk for block in wanted]).values_list("pk", "version"))
        return routing.route_blocks(by(more.pop("who", tom)), list(seen), seen=seen, **more)

    return do


def status_of(block: Block) -> list[str]:
    return sorted(Order.objects.filter(pk__in=Member.objects.filter(block=block).values("order")).values_list("status", flat=True))


def nothing_went() -> bool:
    return not (Route.objects.exists() or Message.objects.exists() or Inquiry.objects.exists())


@pytest.mark.parametrize(("qty", "goes"), [(350_000, True), (350_001, False)])
def test_exactly_five_percent_is_not_above_five(a_block, falls, issue, route, qty, goes):
    issue("5", severity="HARD")
    block = a_block("AAA", "BUY", qty)
    routed = route(block)
    assert bool(routed.routes) == goes != bool(routed.stopped)
    check = Check.objects.latest("pk")
    assert (check.run.moment, check.outcome) == ("ROUTE", "PASS" if goes else "FAIL")
    assert Order.objects.get().status == ("WORKING" if goes else "HELD")


class TestStopped:
    def test_it_leaves_its_block_and_waits_for_an_officer(self, a_block, falls, issue, route):
        issue()
        block = a_block("AAA", "BUY", 350_001)
        (order,) = Order.objects.all()

        routed = route(block)

        [found] = routed.stopped
        assert (found["order_id"], found["rule"], found["limit"], found["block"]) == (order.pk, "issue", "5", block.ref)
        assert D(found["after"]) > 5 and "the limit is 5%" in found["text"]
        said = routing.stopped_at_route(routed.stopped)
        assert f"{order.ref} of {block.ref} does not pass “Part of an issue”" in said.message
        assert "Nothing was sent. It left its block for compliance to look at" in said.message
        review = Review.objects.get()
        assert (review.order_id, review.status, review.verdict_id) == (order.pk, "WAITING", found["check_id"])
        block.refresh_from_db()
        assert block.status == "CANCELLED" and nothing_went() and not Member.objects.exists()

    def test_a_price_that_moves_after_submission_stops_it_and_its_override_lets_it_go(self, firm, a_block, falls, worth, route, omar, by):
        worth("26")
        block = a_block("AAA", "BUY", 300)
        (order,) = Order.objects.all()
        assert Check.objects.get().outcome == "PASS"
        firm.quote("AAA", "55")

        assert route(block).stopped and nothing_went()

        review = Review.objects.get()
        compliance.approve_reviews(by(omar, "The client agreed."), [review.pk], seen={review.pk: 1})
        blocks.gather_orders(by("worker"), [Fact(order.pk, 6, order_events.OrderCleared(1))])
        again = Block.objects.get(status="OPEN")
        assert route(again).routes and Override.objects.get().status == "LIVE"
        assert (Order.objects.get().status, Review.objects.count()) == ("WORKING", 1)
        compliance.refuse_unchecked([order.pk])  # What goes by an override has a check that says so.

    def test_what_was_let_stand_no_longer_covers_more(self, firm, a_block, falls, worth, route, omar, by):
        worth("26", moments=["route"])
        block = a_block("AAA", "BUY", 300)
        (order,) = Order.objects.all()
        firm.quote("AAA", "55")
        route(block)
        review = Review.objects.get()
        compliance.approve_reviews(by(omar, "The client agreed."), [review.pk], seen={review.pk: 1})
        blocks.gather_orders(by("worker"), [Fact(order.pk, 6, order_events.OrderCleared(1))])
        firm.quote("AAA", "60")

        assert route(Block.objects.get(status="OPEN")).stopped
        assert Override.objects.get().status == "LAPSED" and Review.objects.filter(status="WAITING").count() == 1 and nothing_went()

    def test_of_a_basket_nothing_goes_and_the_rest_goes_next(self, a_block, falls, issue, route):
        issue()
        good, bad = a_block("BBB", "BUY", 100, 200), a_block("AAA", "BUY", 340_000, 10_001)
        small = Order.objects.get(qty=340_000)

        stopped = route(good, bad).stopped
        assert [one["order_id"] for one in stopped] == [Order.objects.get(qty=10_001).pk]  # The earlier takes the room.
        assert nothing_went() and status_of(good) == ["CLEARED", "CLEARED"] and status_of(bad) == ["CLEARED"]
        assert Check.objects.filter(run__moment="ROUTE").count() == 4

        assert len(route(good, bad).routes) == 2
        assert Order.objects.get(pk=small.pk).status == "WORKING" and Route.objects.get(block=bad).qty == 340_000

    def test_what_is_at_a_broker_goes_on_and_waits_for_no_second_review(self, firm, a_block, falls, worth, route, omar, by):
        worth("26", severity="HARD")
        block = a_block("AAA", "BUY", 300)
        assert route(block, qty=D(100)).routes
        firm.quote("AAA", "55")

        stopped = route(block).stopped
        assert stopped[0]["is_at_work"] and "What is at a broker goes on" in routing.stopped_at_route(stopped).message
        assert Order.objects.get().status == "WORKING" and Route.objects.count() == 1
        assert Block.objects.get().placed_qty == 100
        with pytest.raises(compliance.NotChecked, match="held by its last check"):
            route(block)
        assert Review.objects.count() == 1
        routing.install_default_alerts(by("loader"))
        routing.raise_alerts(by("gateway"))
        assert [alert.block_id for alert in Alert.objects.filter(rule__kind="RECHECK")] == [block.pk]

    def test_more_at_a_broker_is_asked_and_less_is_not(self, firm, a_block, falls, worth, route, tom, by):
        worth("26")
        block = a_block("AAA", "BUY", 300)
        route(block, qty=D(100))
        firm.quote("AAA", "55")
        one = Route.objects.get()

        stopped = routing.replace_routes(by(tom), {one.pk: {"qty": D(200)}}, seen={one.pk: one.version})
        assert [found["rule"] for found in stopped] == ["worth"] and Message.objects.filter(is_out=True).count() == 1
        assert not routing.replace_routes(by(tom), {one.pk: {"qty": D(50)}}, seen={one.pk: one.version})

    def test_a_price_that_is_not_known_stops_it(self, firm, a_block, falls, worth, route):
        worth("26", moments=["route"])
        block = a_block("AAA", "BUY", 300)
        from apps.marketdata.models import Quote

        Quote.objects.filter(instrument=firm.instruments["AAA"]).update(at=timezone.now() - timedelta(days=9))
        [found] = route(block).stopped
        assert (found["outcome"], found["after"]) == ("INDETERMINATE", None) and "Cannot tell" in found["text"]

    def test_dealers_are_asked_nothing(self, a_block, falls, route, tom, by, firm, people):
        put_in_force(by, "none", {"filter": 'symbol == "BOND"', "limit": "1"}, kind="measure", name="No bond", moments=["route"])
        block = a_block("BOND", "BUY", 10_000)
        asked = routing.send_inquiries(by(tom, "One only."), [block.pk], seen={block.pk: block.version})
        assert asked.stopped and nothing_went()

    def test_the_desk_is_not_told_what_a_list_says(self, firm, a_block, falls, route, by, omar):
        put_in_force(by, "lists", {"max_age_days": "45"}, kind="restricted_list", name="Restricted", severity="HARD", moments=["route"])
        block = a_block("AAA", "BUY", 300)
        compliance.restrict(by(omar), [compliance.Listing("Deal.", date.today(), instrument_id=firm.instruments["AAA"].pk)])
        [found] = route(block).stopped
        assert (found["rule"], found["name"], found["severity"]) == ("compliance", "Compliance", "")
        assert "has to look at this order" in found["text"] and "Restricted" not in str(found)


class TestLetThrough:
    @pytest.mark.parametrize("severity", ["INFO", "WARN"])
    def test_what_informs_and_warns_is_told(self, a_block, falls, issue, route, severity):
        issue("1", severity=severity)
        routed = route(a_block("AAA", "BUY", 300))
        assert routed.routes and [(one["rule"], one["severity"]) for one in routed.told] == [("issue", severity)]
        assert not Review.objects.exists()

    def test_an_order_that_still_waits_takes_no_room_and_one_at_a_broker_does(self, a_block, falls, issue, route):
        issue()
        first, second = a_block("AAA", "BUY", 200_000), a_block("AAA", "BUY", 200_000, order_type="LIMIT", limit_price="60")
        assert first.pk != second.pk
        assert route(second).routes  # The other is as large, and still with the desk.
        assert route(first).stopped

    def test_without_such_a_rule_nothing_is_asked(self, a_block, falls, issue, route):
        issue("1", moments=["submit"], severity="WARN")
        assert route(a_block("AAA", "BUY", 300)).routes
        assert list(Run.objects.values_list("moment", flat=True)) == ["SUBMIT"]

    def test_a_rule_for_amended_orders_asks_all_at_the_route(self, a_block, falls, issue, route):
        issue(moments=["amend", "route"])
        assert route(a_block("AAA", "BUY", 350_001)).stopped

    def test_the_day_is_judged_again_to_the_same(self, a_block, falls, issue, worth, route):
        issue()
        worth("300")
        route(a_block("AAA", "BUY", 340_000), a_block("BBB", "BUY", 100))
        route(a_block("CCC", "BUY", 100))
        report = checks.replay_day(timezone.now().date())
        assert (report.differences, report.faults) == ([], [])
        assert report.is_same and report.runs == Run.objects.count() and Run.objects.filter(moment="ROUTE").count() == 2

    def test_statements_do_not_grow_with_blocks(self, a_block, falls, issue, worth, route):
        issue()
        worth("60")
        few, many = (
            [
                a_block(symbol, "BUY", *[100 + n for n in range(size)], order_type="LIMIT", limit_price=str(limit))
                for symbol in ("AAA", "CCC") for limit in limits
            ]
            for size, limits in ((3, (80, 81, 82)), (9, range(90, 96)))
        )  # fmt: skip
        counts = []
        for wanted in (few, many):
            ran: list[str] = []
            with connection.execute_wrapper(lambda execute, sql, *more, ran=ran: (ran.append(sql), execute(sql, *more))[1]):
                assert route(*wanted).routes
            counts.append(len(ran))
        assert counts[1] <= counts[0]


class TestTold:
    def test_another_system_is_refused_and_the_order_is_held(self, a_block, falls, issue, tom, omar, client):
        issue()
        block = a_block("AAA", "BUY", 350_001)
        client.force_login(tom)
        path, body = f"/api/v1/blocks/{block.pk}/route", {"version": block.version}
        told = [client.post(path, body, content_type="application/json", HTTP_IDEMPOTENCY_KEY="once") for _ in range(2)]
        assert [answer.status_code for answer in told] == [409, 409] and told[0].json()["code"] == "stopped_at_route"
        [found] = told[1].json()["facts"]["orders"]
        assert (found["rule"], found["limit"], Order.objects.get().status) == ("issue", "5", "HELD")
        review = Review.objects.get()
        client.force_login(omar)
        assert client.get(f"/api/v1/reviews/{review.pk}/").json()["status"] == "WAITING"
        assert "As it was about to be sent" in words(visit(omar, "compliance:review", review.pk, htmx=True))

    def test_a_trader_reads_why_and_what_is_only_said(self, a_block, falls, issue, tom):
        issue()
        block = a_block("AAA", "BUY", 350_001)
        said = send(tom, "blocks:route", {"seen": f"{block.pk}:{block.version}"})
        assert said.status_code == 409 and "does not pass “Part of an issue”" in words(said)
        issue("1", "note", severity="INFO")
        other = a_block("AAA", "BUY", 100)
        said = send(tom, "blocks:route", {"seen": f"{other.pk}:{other.version}"})
        assert said.status_code == 204 and "Part of an issue" in said.headers["HX-Trigger"]

    def test_the_orders_page_says_when_it_was_checked(self, a_block, falls, issue, route, mira):
        issue()
        route(a_block("AAA", "BUY", 350_001))
        shown = words(visit(mira, "compliance:order_checks", Order.objects.get().pk))
        assert "about to be sent" in shown and "Part of an issue" in shown
