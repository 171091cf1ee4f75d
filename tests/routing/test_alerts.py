"""What the desk is told of: once a rule and subject, until it is so no longer or somebody sees to it."""

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.audit.models import Entry
from apps.blocks import services as blocks
from apps.core.refusals import IllegalMove, Invalid
from apps.routing import alert_selectors
from apps.routing import services as routing
from apps.routing.models import Alert, AlertRule, Message
from tests.pages import send, visit, words
from tests.races import at_once

D = Decimal


@pytest.fixture
def rule(db):
    def make(kind: str, threshold, **more) -> AlertRule:
        return AlertRule.objects.create(name=f"{kind} {threshold}", kind=kind, threshold=threshold, **more)

    return make


@pytest.fixture
def look(by):
    """Looks at everything, so many seconds from now."""

    def at(seconds: float = 0) -> tuple[int, int]:
        act = by("scheduler", via="worker")
        act.at += timedelta(seconds=seconds)
        return routing.raise_alerts(act)

    return at


def standing() -> list[tuple[str, str]]:
    return list(Alert.objects.order_by("pk").values_list("text", "status"))


class TestRules:
    def test_a_broker_that_does_not_answer(self, a_route, street, rule, look):
        rule("NO_ACK", 30)
        route = a_route(10_000)

        assert look(10) == (0, 0)
        assert look(31) == (1, 0)
        assert look(40) == (0, 0)
        assert standing() == [(f"Buy AAA: no answer from {route.broker.name} for more than 30 s", "OPEN")]
        street.report(route, "0", "0")
        assert look(50) == (0, 1)
        assert standing()[0][1] == "ENDED"

    def test_a_cancel_that_is_not_answered(self, a_route, street, asks, rule, look):
        rule("NO_ACK", 30)
        route = street.report(a_route(10_000), "0", "0")
        assert look(31) == (0, 0)
        asks(route)

        assert look(31) == (1, 0)

    @pytest.mark.parametrize(("side", "far", "near"), [("BUY", "51", "50"), ("SELL", "49", "50")])
    def test_a_limit_that_the_market_left(self, a_block, firm, rule, look, side, far, near):
        rule("LIMIT_AWAY", 100)
        a_block("AAA", side, 100, order_type="LIMIT", limit_price=D(50))
        assert look() == (0, 0)

        firm.quote("AAA", far)
        assert look() == (1, 0)
        firm.quote("AAA", near)
        assert look() == (0, 1)

    def test_a_block_that_works_but_is_idle(self, a_route, street, rule, look):
        rule("IDLE", 15)
        a_route(10_000)

        assert look(14 * 60) == (0, 0)
        assert look(16 * 60) == (1, 0)
        assert standing() == [("Buy AAA: working, but nothing has happened for more than 15 min", "OPEN")]

    def test_a_block_unfilled_near_the_close(self, a_block, rule, by):
        rule("NEAR_CLOSE", 30)
        block = a_block("AAA", "BUY", 100)
        close = datetime.combine(block.trade_date, time(16), ZoneInfo("America/New_York")).astimezone(UTC)
        found = []
        for minutes in (-40, -20, 10):
            act = by("scheduler", via="worker")
            act.at = close + timedelta(minutes=minutes)
            found.append(routing.raise_alerts(act))

        assert found == [(0, 0), (1, 0), (0, 1)]
        assert standing()[0][0] == "Buy AAA: not filled, 20 min before the close (alert at 30 min)"

    def test_near_an_early_close_by_the_calendar(self, firm, a_block, rule, by):
        rule("NEAR_CLOSE", 30)
        block = a_block("AAA", "BUY", 100)
        type(block).objects.filter(pk=block.pk).update(trade_date="2026-11-27")  # The day after Thanksgiving: until 13:00.
        found = []
        for hour, minute in ((12, 20), (12, 45), (13, 1), (15, 45)):
            act = by("scheduler", via="worker")
            act.at = datetime(2026, 11, 27, hour, minute, tzinfo=ZoneInfo("America/New_York"))
            found.append(routing.raise_alerts(act))

        assert found == [(0, 0), (1, 0), (0, 1), (0, 0)]
        assert standing()[0][0] == "Buy AAA: not filled, 15 min before the close (alert at 30 min)"

    @pytest.fixture
    def burst(self, a_route, street, rule, look) -> Alert:
        rule("FILL_BURST", 3, window_seconds=60)
        route = a_route(10_000)
        for cum in (1_000, 2_000, 3_000):
            route = street.report(route, "F", "1", last=(1_000, 50), cum=cum)
        assert look() == (1, 0)
        return Alert.objects.get()

    def test_a_burst_of_fills_stands_some_minutes_and_closes_by_itself(self, burst, look):
        assert look(120) == (0, 0)
        assert look(301) == (0, 1)
        assert standing()[0][1] == "ENDED"

    def test_a_burst_that_somebody_saw_is_over_with_it(self, burst, look, tom, by):
        routing.acknowledge_alerts(by(tom), [burst.pk], seen={burst.pk: 1})
        assert look(120) == (0, 1)

    def test_what_a_broker_does_unasked_is_told_once_each(self, a_route, street, rule, look):
        rule("UNASKED", 60)
        route = street.report(a_route(10_000, tif="GTC"), "0", "0")
        assert look() == (0, 0)

        street.report(route, "3", "3", cum=0)
        assert (look(), look()) == ((1, 0), (0, 0))
        street.report(route, "D", "0", cum=0, **{"378": 1})  # The renewal of an open order is a matter of course.
        assert look() == (0, 0)
        street.report(route, "4", "4", cum=0, **{"378": 6})
        assert look() == (1, 1)

        assert standing() == [
            (f"Buy AAA: {route.broker.name} called it done for the day", "ENDED"),
            (f"Buy AAA: {route.broker.name} cancelled it unasked (trading halt)", "OPEN"),
        ]
        assert Entry.objects.get(event="route.canceled").payload["actor"] == route.broker.code
        assert look(3_601) == (0, 1)

    def test_a_report_that_is_not_booked_is_told_until_somebody_decides(self, a_route, street, rule, look, tom, by):
        rule("HELD", 1)
        route = street.report(a_route(10_000), "F", "1", last=(1_000, 50), cum=9_000)

        assert look() == (1, 0)
        assert standing()[0][0].startswith(f"Buy AAA: 1 report of {route.broker.name} not booked, waiting for a person: It does not")
        routing.settle_message(by(tom, "Their total is wrong."), Message.objects.get(status="QUARANTINED").pk, "accept")
        assert look() == (0, 1)

    def test_a_rule_of_one_desk_or_switched_off_says_nothing(self, a_route, rule, look):
        from apps.users.models import Desk

        rule("NO_ACK", 30, desk=Desk.objects.create(code="OTHER", name="Other"))
        rule("NO_ACK", 20, is_active=False)
        a_route(100)

        assert look(60) == (0, 0)

    def test_looks_as_often_at_many_as_at_one(self, a_route, rule, look):
        for kind, limit, more in (("NO_ACK", 1, {}), ("IDLE", 1, {}), ("FILL_BURST", 1, {"window_seconds": 5})):
            rule(kind, limit, **more)
        look()  # The scheduler's own id is remembered from here on.
        cost = []
        for count in (1, 5):
            for _ in range(count):
                a_route(100)
            with CaptureQueriesContext(connection) as queries:
                look(120)
            cost.append(len(queries))
        assert cost[0] == cost[1]
        assert Alert.objects.count() == 12


class TestSeeingToThem:
    @pytest.fixture
    def alert(self, a_route, rule, look) -> Alert:
        rule("NO_ACK", 30)
        a_route(10_000)
        look(31)
        return Alert.objects.get()

    def test_one_that_is_seen_to_is_not_raised_again_while_it_is_so(self, alert, look, tom, by):
        routing.acknowledge_alerts(by(tom), [alert.pk], seen={alert.pk: 1})

        assert look(60) == (0, 0)
        alert.refresh_from_db()
        assert (alert.status, alert.acknowledged_by) == ("ACKNOWLEDGED", tom)

    def test_a_snoozed_one_is_hidden_and_comes_back(self, alert, look, tom, by):
        routing.snooze_alerts(by(tom), [alert.pk], minutes=15, seen={alert.pk: 1})
        now = by(tom).at

        assert list(alert_selectors.open_alerts(tom, now)) == []
        look(16 * 60)
        assert list(alert_selectors.open_alerts(tom, now)) == [alert]
        events = list(Entry.objects.filter(subject="alert").order_by("nth").values_list("event", flat=True))
        assert events == ["alert.raised", "alert.snoozed", "alert.woke"]

    def test_a_snoozed_one_does_not_come_back_with_a_market_that_goes_to_and_fro(self, a_block, firm, rule, look, tom, by):
        rule("LIMIT_AWAY", 100)
        block = a_block("AAA", "BUY", 100, order_type="LIMIT", limit_price=D(50))
        firm.quote("AAA", "51")
        assert look() == (1, 0)
        alert = Alert.objects.get()
        routing.snooze_alerts(by(tom), [alert.pk], minutes=15, seen={alert.pk: 1})
        for ask in ("50", "51", "50"):
            firm.quote("AAA", ask)
            assert look(60) == (0, 0)

        assert list(alert_selectors.open_alerts(tom, by(tom).at)) == []
        assert look(16 * 60) == (0, 1)  # The market is back, so nobody is woken.
        assert block.pk == alert.block_id and standing()[0][1] == "ENDED"

    def test_a_snoozed_one_ends_with_its_block(self, alert, street, look, tom, by):
        routing.snooze_alerts(by(tom), [alert.pk], minutes=15, seen={alert.pk: 1})
        street.report(alert.route, "F", "2", last=(10_000, 50), cum=10_000)

        assert look(60) == (0, 1)

    def test_refuses_a_stale_reader_nonsense_and_what_is_over(self, alert, tom, tess, by):
        with pytest.raises(Invalid):
            routing.snooze_alerts(by(tom), [alert.pk], minutes=0, seen={alert.pk: 1})
        routing.acknowledge_alerts(by(tess), [alert.pk], seen={alert.pk: 1})
        with pytest.raises(routing.StaleAlert):
            routing.acknowledge_alerts(by(tom), [alert.pk], seen={alert.pk: 1})
        with pytest.raises(IllegalMove):
            routing.snooze_alerts(by(tom), [alert.pk], minutes=5, seen={alert.pk: 2})

        assert Alert.objects.get().acknowledged_by == tess

    @pytest.mark.django_db(transaction=True)
    def test_two_see_to_it_and_one_is_told(self, alert, tom, tess, by):
        answers = at_once(
            *(lambda who=who: routing.acknowledge_alerts(by(who), [alert.pk], seen={alert.pk: 1}) for who in (tom, tess))
        )

        assert sorted(map(str, answers)) == ["None", "StaleAlert"]

    @pytest.mark.django_db(transaction=True)
    def test_two_looks_at_once_open_one(self, a_route, rule, look):
        rule("NO_ACK", 30)
        a_route(10_000)

        assert sorted(at_once(lambda: look(31), lambda: look(31))) == [(0, 0), (1, 0)]

    def test_comes_first_to_the_blocks_owner(self, alert, tom, tess, by):
        now = by(tom).at
        assert alert_selectors.waiting_for(tess, now).count() == 1
        block = alert.block
        blocks.pick_up_blocks(by(tom), [block.pk], seen={block.pk: 2})

        assert alert_selectors.waiting_for(tom, now).count() == 1
        assert alert_selectors.waiting_for(tess, now).count() == 0
        assert alert_selectors.open_alerts(tess, now).count() == 1

    def test_stands_on_the_home_in_the_drawer_and_on_its_page(self, alert, tom, mira):
        assert "<small>Alerts</small><strong class=\"warn\">1</strong>" in words(visit(tom, "desk:home"))
        for shown in (
            visit(tom, "routing:alerts", query="?part=open", htmx=True),
            visit(tom, "routing:alerts_of", alert.block_id, htmx=True),
            visit(tom, "routing:alerts"),
        ):
            assert "no answer from" in words(shown)
        assert visit(mira, "routing:alerts").status_code == 403

        assert send(tom, "routing:alert_snooze", {"seen": f"{alert.pk}:1", "minutes": "15"}).status_code == 204
        stale = send(tom, "routing:alert_acknowledge", {"seen": f"{alert.pk}:1"})
        assert stale.status_code == 409 and "snoozed by Tom" in words(stale)
        assert send(tom, "routing:alert_acknowledge", {"seen": f"{alert.pk}:2"}).status_code == 204
        assert "no answer from" not in words(visit(tom, "routing:alerts_of", alert.block_id, htmx=True))

    def test_over_the_api(self, alert, client, tom):
        client.force_login(tom)
        assert client.get("/api/v1/alerts/?status=OPEN").json()["results"][0]["kind"] == "NO_ACK"

        def post(what, body):
            return client.post(f"/api/v1/alerts/{alert.pk}/{what}", body, content_type="application/json")

        assert post("snooze", {"version": 1, "minutes": 5}).json()["snoozed_until"]
        stale = post("acknowledge", {"version": 1})
        assert (stale.status_code, stale.json()["facts"]["stale"][0]["changes"][0]["event"]) == (409, "alert.snoozed")
        assert post("acknowledge", {"version": 2}).json()["acknowledged_by"] == "tom"
        [count] = client.get("/api/v1/alerts/counts/").json()
        assert count == {"rule": "NO_ACK 30", "raised": 1, "acknowledged": 1, "snoozed": 1, "by_themselves": 0}
        assert client.get("/api/v1/alerts/counts/?since=2100-01-01T00:00:00Z").json() == []
        assert client.get("/api/v1/alerts/counts/?since=soon").status_code == 422
