"""The desk is told of an algorithm that stands still of its own accord, until it goes on."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.algos import services as algos
from apps.algos import tasks
from apps.algos.models import Algo
from apps.core.acts import Act
from apps.marketdata.models import Quote
from apps.routing import services as routing
from apps.routing.models import Alert, AlertRule, Halt
from apps.users.models import Desk
from tests.pages import visit, words
from tests.races import at_once

from .conftest import last_route

D = Decimal
pytestmark = pytest.mark.django_db


@pytest.fixture
def rule(db):
    def make(minutes=2, **more) -> AlertRule:
        return AlertRule.objects.create(name=f"Stands still {minutes}", kind="STILL", threshold=minutes, **more)

    return make


@pytest.fixture
def look(by, now):
    """``look(5)``: tells the desk what is so five minutes after the start."""

    def at(minutes: float = 0) -> tuple[int, int]:
        act = by("scheduler", via="worker")
        act.at = now + timedelta(minutes=minutes)
        return algos.raise_alerts(act)

    return at


@pytest.fixture
def goes_on(tom, now):
    def resume(algo: Algo, minutes: float) -> None:
        act = Act(by=tom.pk, at=now + timedelta(minutes=minutes), via="page")
        algos.resume_algo(act, algo.pk, seen={algo.pk: Algo.objects.get(pk=algo.pk).version})

    return resume


@pytest.fixture
def halted(an_algo, beat, by, tess, omar):
    """An algorithm that a halt paused a minute after it began; the halt is lifted again."""
    algo = an_algo("TWAP", 1_000)
    beat()
    halt = routing.set_halt(by(tess, "Stop."), scope="FIRM")
    beat(1)
    routing.lift_halt(by(omar, "Go."), halt, seen={halt: 1})
    return algo


def standing() -> list[tuple[str, str]]:
    return list(Alert.objects.order_by("pk").values_list("text", "status"))


class TestPaused:
    def test_by_a_halt_until_a_person_lets_it_go_on(self, halted, rule, look, goes_on):
        rule()

        assert look(1) == (1, 0)
        [(text, status)] = standing()
        assert text.startswith(f"Buy AAA: {halted.ref} paused itself. Routing is stopped for the firm") and status == "OPEN"
        assert Alert.objects.get().algo_id == halted.pk
        assert look(2) == (0, 0)
        goes_on(halted, 3)
        assert look(3) == (0, 1)
        assert standing()[0][1] == "ENDED"

    def test_by_a_rejected_order(self, an_algo, beat, street, rule, look):
        rule()
        algo = an_algo("TWAP", 1_000)
        beat()
        assert look() == (0, 0)
        street.report(last_route(), "8", "8", text="No.")
        beat(1)

        assert look(1) == (1, 0)
        assert standing()[0][0].startswith(f"Buy AAA: {algo.ref} paused itself. The broker rejected an order of it")

    def test_not_by_a_person(self, an_algo, beat, by, tom, rule, look):
        rule()
        algo = an_algo("TWAP", 1_000)
        beat()
        algos.pause_algo(by(tom), algo.pk, seen={algo.pk: 2})

        assert look(60) == (0, 0)

    @pytest.mark.parametrize("how", ["stopped", "over"])
    def test_until_it_is_over(self, halted, rule, look, beat, by, tom, fills, how):
        rule()
        look(1)
        if how == "stopped":
            algos.stop_algo(by(tom, "Enough."), halted.pk, seen={halted.pk: Algo.objects.get().version})
        else:
            fills(last_route(), 0, done=True)
            beat(51)

        assert Algo.objects.get().ended_at
        assert look(51) == (0, 1)

    def test_one_that_was_seen_to_is_told_again_where_it_pauses_again(self, halted, rule, look, beat, by, tom, tess, goes_on):
        rule()
        look(1)
        alert = Alert.objects.get()
        routing.acknowledge_alerts(by(tom), [alert.pk], seen={alert.pk: 1})
        assert look(2) == (0, 0)
        goes_on(halted, 3)
        routing.set_halt(by(tess, "Stop again."), scope="FIRM")
        beat(4)

        assert look(4) == (1, 1)
        assert [status for _, status in standing()] == ["ENDED", "OPEN"]


class TestWaiting:
    def test_for_the_market_longer_than_the_rule_lets_it(self, an_algo, beat, rule, look, now):
        rule(2)
        algo = an_algo("POV", 1_000)
        Quote.objects.update(at=now)
        for minute in (5, 5.5, 6):
            beat(minute)
        assert Algo.objects.get().still_since == now + timedelta(minutes=5)
        assert look(7) == (0, 0)  # Two minutes is not longer than two minutes.
        assert look(7.01) == (1, 0)
        assert standing()[0][0].startswith(f"Buy AAA: {algo.ref} has waited for more than 2 min. The market's volume in AAA is not known")

        Quote.objects.update(at=now + timedelta(minutes=8), volume=1)
        beat(8)
        assert Algo.objects.get().still_since is None
        assert look(8) == (0, 1)

    def test_and_paused_then_is_told_anew(self, an_algo, beat, rule, look, now, by, tess):
        rule(2)
        an_algo("POV", 1_000)
        Quote.objects.update(at=now)
        beat(5)
        look(8)
        routing.set_halt(by(tess, "Stop."), scope="FIRM")
        beat(9)

        assert look(9) == (1, 1)
        assert [("waited" in text, "paused itself" in text) for text, _ in standing()] == [(True, False), (False, True)]


class TestRules:
    def test_of_another_desk_or_switched_off_say_nothing(self, halted, rule, look):
        off = rule(1, is_active=False)
        rule(2, desk=Desk.objects.create(code="ELSE", name="Elsewhere"))
        assert look(1) == (0, 0)
        AlertRule.objects.filter(pk=off.pk).update(is_active=True)
        assert look(1) == (1, 0)
        AlertRule.objects.filter(pk=off.pk).update(is_active=False)
        assert look(1) == (0, 1)

    def test_other_alerts_are_left_alone_by_this_look_and_this_by_theirs(self, an_algo, beat, street, rule, look, by, now):
        rule()
        an_algo("TWAP", 1_000)
        beat()
        rejected = last_route()
        beat(5)
        street.report(rejected, "8", "8")
        beat(6)
        AlertRule.objects.create(name="Silent", kind="NO_ACK", threshold=30)
        act = by("scheduler", via="worker")
        act.at = now + timedelta(minutes=10)
        assert routing.raise_alerts(act) == (1, 0)

        assert look(10) == (1, 0)
        assert routing.raise_alerts(act) == (0, 0)
        assert look(11) == (0, 0)
        assert {status for _, status in standing()} == {"OPEN"}

    def test_each_algorithm_of_a_block_is_told_by_itself_in_as_many_queries(self, an_algo, beat, by, tess, omar, rule, look, goes_on):
        rule()
        one = an_algo("TWAP", 1_000, part=D(500))
        look()
        with CaptureQueriesContext(connection) as of_none:
            look()
        two = an_algo("TWAP", block=one.block, part=D(300))
        beat()
        routing.set_halt(by(tess, "Stop."), scope="FIRM")
        beat(1)
        with CaptureQueriesContext(connection) as of_two:
            assert look(1) == (2, 0)
        with CaptureQueriesContext(connection) as again:
            assert look(2) == (0, 0)
        assert len(again) == len(of_none) <= len(of_two)
        halt = Halt.objects.get().pk
        routing.lift_halt(by(omar, "Go."), halt, seen={halt: 1})
        goes_on(two, 3)
        assert look(3) == (0, 1)
        assert Alert.objects.get(status="OPEN").algo_id == one.pk

    def test_the_beat_looks(self, halted, rule):
        rule()
        tasks.raise_alerts()
        assert Alert.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_looks_at_once_open_one(halted, rule, look):
    rule()
    assert sorted(at_once(lambda: look(2), lambda: look(2))) == [(0, 0), (1, 0)]
    assert Alert.objects.count() == 1


def test_stands_on_the_list_and_in_the_blocks_drawer_with_its_algorithm(halted, rule, look, tom, client):
    rule()
    look(1)
    address = f'href="/algos/{halted.pk}/"'
    for page in (visit(tom, "routing:alerts"), visit(tom, "routing:alerts_of", halted.block_id, htmx=True)):
        assert f"{halted.ref} paused itself" in words(page) and address in page.content.decode()
    client.force_login(tom)
    [said] = client.get("/api/v1/alerts/").json()["results"]
    assert (said["kind"], said["algo_id"], said["route_id"]) == ("STILL", halted.pk, None)
