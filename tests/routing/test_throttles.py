"""Message throttles: at the exact limit, by session and strategy, paced by the gateway, and a strategy stopped by itself."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from apps.core.acts import Act
from apps.routing import services as routing
from apps.routing.gateway.loops import Pace
from apps.routing.models import Halt, Message, Route, Session, Throttle

D = Decimal


@pytest.fixture
def throttle(counterparties, firm):
    """``throttle("HARBOR", per_second=2)`` or ``throttle(strategy="VWAP", …)``."""

    def make(broker: str = "", **terms) -> Throttle:
        session = Session.objects.get(broker=firm.brokers[broker]) if broker else None
        return Throttle.objects.create(session=session, **terms)

    return make


@pytest.fixture
def send(a_block, tom):
    """``send(at, n)``: n blocks of shares routed together to Harbor, at a time."""

    def make(at, n: int = 1, symbols=("AAA", "CCC", "BBB"), **more) -> list[int]:
        rows = [a_block(symbols[i % 3], "BUY", 100 + i) for i in range(n)]
        act = Act(by=tom.pk, at=at, via="page", reason="He asked for it.")
        return routing.route_blocks(act, [b.pk for b in rows], seen={b.pk: b.version for b in rows}, broker_code="HARBOR", **more).routes

    return make


def out() -> int:
    return Message.objects.filter(is_out=True).count()


def test_lets_out_as_many_as_it_says_and_no_more_within_a_second(throttle, send):
    throttle("HARBOR", per_second=2)
    at = timezone.now()
    send(at, 2)
    with pytest.raises(routing.RateLimit) as refused:
        send(at + timedelta(milliseconds=999))
    assert "RATE_LIMIT_PER_SECOND: x=3, max=2" in refused.value.message
    assert (out(), Route.objects.count()) == (2, 2)
    send(at + timedelta(seconds=1))
    assert out() == 3
    with pytest.raises(routing.RateLimit, match="x=3, max=2"):
        send(at + timedelta(seconds=9), 3)  # One act cannot be over it either.


def test_a_days_limit_is_of_the_day_and_cancels_always_go(throttle, send, tom):
    throttle("HARBOR", per_day=1)
    at = timezone.now().replace(hour=12)
    [pk] = send(at)
    with pytest.raises(routing.RateLimit, match="RATE_LIMIT_PER_DAY: x=2, max=1"):
        send(at + timedelta(hours=11))
    route = Route.objects.get(pk=pk)
    routing.cancel_routes(Act(by=tom.pk, at=at, via="page"), [pk], seen={pk: route.version})
    assert out() == 2
    with pytest.raises(routing.RateLimit, match="x=3, max=1"):  # The cancel counted.
        send(at + timedelta(hours=1))
    send(at + timedelta(days=1))


def test_another_session_is_not_asked(throttle, send):
    throttle("NORTHGATE", per_second=1)
    at = timezone.now()
    send(at, 2)
    assert out() == 2


def test_the_gateway_sends_what_is_kept_as_fast_as_allowed(throttle, send, tom):
    made = throttle("HARBOR", per_second=2, over="QUEUE")
    pks = send(timezone.now(), 3)
    session = made.session_id
    assert routing.paces([session]) == {session: 2} and out() == 3
    routes = {r.pk: r for r in Route.objects.filter(pk__in=pks)}
    asked = {pk: routes[pk].version for pk in (pks[0], pks[2])}
    routing.cancel_routes(Act(by=tom.pk, at=timezone.now(), via="page"), list(asked), seen=asked)
    first = routing.take_to_send([session], most={session: 2})
    # The first order's cancel goes at once; the third order waits, and its cancel behind it.
    assert [row.msg_type for row in first] == ["D", "D", "F"]
    assert routing.take_to_send([session], most={session: 0}) == []
    assert [row.msg_type for row in routing.take_to_send([session], most={session: 2})] == ["D", "F"]


def test_a_pace_is_of_any_second():
    pace = Pace()
    for now in (0.0, 0.5):
        assert pace.left({1: 2}, now)[1] > 0
        pace.note(1, now)
    assert [pace.left({1: 2}, now)[1] for now in (0.999, 1.0, 1.499, 1.5)] == [0, 1, 1, 2]


def test_a_strategys_messages_are_limited_too(throttle, send):
    throttle(strategy="VWAP", per_second=1)
    at = timezone.now()
    send(at, strategy="VWAP")
    with pytest.raises(routing.RateLimit, match="of strategy VWAP"):
        send(at, strategy="VWAP")
    send(at, strategy="TWAP")


class TestRepeats:
    def test_a_strategy_applied_as_often_as_it_may_is_stopped_until_a_person_lets_it_go_on(self, throttle, send, by, tess):
        throttle(strategy="VWAP", most_repeats=2, repeat_seconds=60)
        at = timezone.now() - timedelta(hours=2)
        send(at, strategy="VWAP", symbols=("AAA",) * 3)
        send(at, strategy="VWAP", symbols=("CCC",) * 3)  # Another instrument is no repeat.
        assert not Halt.objects.exists()
        send(at + timedelta(seconds=59), strategy="VWAP", symbols=("AAA",) * 3)
        halt = Halt.objects.get()
        assert (halt.of, halt.status) == ("strategy VWAP", "ACTIVE")
        assert halt.reason == "REPEATED_EXECUTION: x=2, max=2: VWAP on AAA within 60 s."
        with pytest.raises(routing.RoutingHalted):
            send(at + timedelta(hours=1), strategy="VWAP", symbols=("BBB",) * 3)
        send(at + timedelta(hours=1), strategy="TWAP", symbols=("BBB",) * 3)
        routing.lift_halt(by(tess, "It was the open."), halt.pk, seen={halt.pk: halt.version})
        send(timezone.now(), strategy="VWAP", symbols=("AAA",) * 3)
        assert Halt.objects.filter(status="ACTIVE").count() == 0

    def test_older_applications_do_not_count(self, throttle, send):
        throttle(strategy="VWAP", most_repeats=2, repeat_seconds=60)
        at = timezone.now()
        for n in range(3):
            send(at + timedelta(seconds=60 * n), strategy="VWAP", symbols=("AAA",) * 3)
        assert not Halt.objects.exists()


def test_is_shown_on_a_page_and_over_the_api(throttle, send, client, tom):
    throttle("HARBOR", per_second=2, per_day=100)
    send(timezone.now(), 2)
    client.force_login(tom)
    assert "Message throttles" in client.get("/throttles/").content.decode()
    [row] = client.get("/api/v1/throttles/").json()
    assert (row["per_second"], row["in_day"], row["waiting"], row["stopped"]) == (2, 2, 2, False)
