"""An algorithm from its plan to its end, beat by beat."""

from datetime import timedelta
from decimal import Decimal

import pytest

from apps.algos import services as algos
from apps.algos import tasks
from apps.algos.models import Slice
from apps.blocks.models import Block
from apps.routing import services as routing
from apps.routing.models import Message, Route
from tests.routing.conftest import sent

from .conftest import last_route

D = Decimal
pytestmark = pytest.mark.django_db


class TestTwap:
    def test_is_worked_to_its_end(self, an_algo, beat, fills):
        algo = an_algo("TWAP", 1_000)
        worked = []
        for minute in range(0, 55, 5):
            worked += beat(minute)
            if worked and last_route().cum_qty == 0:
                fills(last_route())
        beat(51)
        algo.refresh_from_db()
        assert worked == [100] * 10
        assert (algo.status, algo.text) == ("FINISHED", "")
        assert Block.objects.get().filled_qty == 1_000

    def test_orders_go_out_as_plain_orders_at_the_limit(self, an_algo, beat):
        an_algo("TWAP", 1_000, limit_price=D("50.5"))
        beat()
        [order] = sent("D")
        assert (order[38], order[40], order[44], 847 in order) == ("100", "2", "50.5", False)
        route = Route.objects.get()
        assert (route.strategy, route.limit_price, route.trace["algo"]["n"]) == ("Own TWAP", D("50.5"), 1)

    def test_a_beat_that_runs_twice_sends_once(self, an_algo, beat):
        an_algo("TWAP", 1_000)
        assert (beat(), beat(), beat(1)) == ([100], [], [])
        assert Route.objects.count() == Message.objects.filter(is_out=True).count() == 1

    def test_what_comes_back_is_carried_to_the_next(self, an_algo, beat, fills):
        an_algo("TWAP", 10_000)
        assert beat() == [1_000]
        fills(last_route(), 400, done=True)
        assert beat(1) == []
        assert beat(5) == [1_600]
        assert [int(s.planned_qty) for s in Slice.objects.order_by("n")] == [1_000, 1_000]

    def test_what_is_still_open_is_not_sent_again(self, an_algo, beat, fills):
        an_algo("TWAP", 10_000)
        beat()
        fills(last_route(), 400)
        assert beat(5) == [1_000]

    def test_two_due_at_once_go_as_one(self, an_algo, beat):
        an_algo("TWAP", 1_000)
        assert beat(7) == [200]
        assert Slice.objects.get().n == 2

    def test_after_a_long_silence_the_rest_is_spread_anew(self, an_algo, beat):
        algo = an_algo("TWAP", 10_000)
        beat()
        assert beat(30) == [2_250]  # 9,000 over four intervals of five minutes.
        algo.refresh_from_db()
        assert [n for n, *_ in algo.plan] == [1, 2, 3, 4, 5] and algo.base_qty == 1_000

    def test_at_the_end_what_is_open_is_cancelled_and_it_says_what_is_left(self, an_algo, beat, fills):
        algo = an_algo("TWAP", 200, minutes=10)
        beat()
        beat(5)
        fills(last_route(), 30)
        beat(10)
        beat(11)
        assert len(sent("F")) == 2
        for route in Route.objects.order_by("pk"):
            fills(route, 0, done=True)
        beat(12)
        algo.refresh_from_db()
        assert (algo.status, algo.text) == ("FINISHED", "Its time is over with 170 not filled.")

    def test_never_more_than_the_block_has_left(self, an_algo, beat, tom, by):
        algo = an_algo("TWAP", 1_000, minutes=10)
        beat()
        block = Block.objects.get()
        routing.route_blocks(by(tom, "By hand."), [block.pk], seen={block.pk: block.version}, qty=D(450), broker_code="MERIDIAN")
        assert beat(5) == [50]
        assert Block.objects.get().unplaced_qty == 0
        algo.refresh_from_db()
        assert algo.status == "WORKING"


class TestStanding:
    def test_a_halt_pauses_it_and_it_says_so(self, an_algo, beat, by, tess):
        algo = an_algo("TWAP", 1_000)
        beat()
        routing.set_halt(by(tess, "Stop."), scope="FIRM")
        assert beat(1) == []
        algo.refresh_from_db()
        assert algo.status == "PAUSED" and algo.text.startswith("Routing is stopped for the firm")
        assert beat(6) == []

    @pytest.mark.parametrize(("subject", "stands"), [("Own TWAP", True), ("Own VWAP", False)])
    def test_a_halt_of_its_strategy_pauses_it(self, an_algo, beat, by, tess, subject, stands):
        algo = an_algo("TWAP", 1_000)
        routing.set_halt(by(tess, "Stop."), scope="STRATEGY", subject=subject)
        assert beat() == ([] if stands else [100])
        algo.refresh_from_db()
        assert algo.status == ("PAUSED" if stands else "WORKING")

    @pytest.mark.parametrize(("strategy", "second"), [("Own TWAP", []), ("Own VWAP", [100])])
    def test_a_throttle_of_it_lets_no_more_of_its_orders_out(self, an_algo, beat, fills, by, omar, strategy, second):
        routing.set_throttle(by(omar, "Tested."), routing.ThrottleText(per_day=1), strategy=strategy)
        algo = an_algo("TWAP", 1_000)
        assert beat() == [100]
        fills(last_route())
        assert beat(5) == second
        algo.refresh_from_db()
        assert ("strategy Own TWAP" in algo.text) == (second == [])

    def test_a_rejected_order_pauses_it(self, an_algo, beat, street, by, tom):
        algo = an_algo("TWAP", 1_000)
        beat()
        street.report(last_route(), "8", "8", text="No.")
        assert beat(5) == []
        algo.refresh_from_db()
        assert (algo.status, algo.text[:27]) == ("PAUSED", "The broker rejected an orde")

    def test_paused_and_resumed_the_rest_is_planned_anew(self, an_algo, beat, by, tom, now):
        algo = an_algo("TWAP", 1_000)
        beat()
        algos.pause_algo(by(tom), algo.pk, seen={algo.pk: 2})
        assert beat(20) == []
        act = by(tom)
        act.at = now + timedelta(minutes=41)
        algos.resume_algo(act, algo.pk, seen={algo.pk: 3})
        assert beat(41) == [450]  # 900 in two intervals.
        assert beat(46) == [450]

    def test_stopped_it_withdraws_what_is_open(self, an_algo, beat, by, tom):
        algo = an_algo("TWAP", 1_000)
        beat()
        algos.stop_algo(by(tom, "Enough."), algo.pk, seen={algo.pk: 2})
        algo.refresh_from_db()
        assert (algo.status, len(sent("F"))) == ("STOPPED", 1)
        assert beat(10) == []

    def test_changed_it_works_the_rest_on_other_terms(self, an_algo, beat, by, tom, now, fills):
        algo = an_algo("TWAP", 1_000, limit_price=D(51))
        beat()
        act = by(tom)
        act.at = now + timedelta(minutes=1)
        ask = algos.ask_of(algo)._replace(limit_price=D(50), qty=D(600), ends_at=now + timedelta(minutes=11))
        algos.change_algo(act, algo.pk, ask, seen={algo.pk: 2})
        assert len(sent("F")) == 1  # The one at 51 is beyond the new limit.
        assert beat(1) == [250]
        fills(Route.objects.order_by("pk")[0], 0, done=True)
        assert beat(6) == [350]  # With the 100 that came back.
        algo.refresh_from_db()
        assert (algo.version, algo.qty, last_route().limit_price) == (3, 600, 50)


def test_a_change_that_names_no_quantity_takes_all_that_is_left(an_algo, beat, by, tom, now):
    algo = an_algo("TWAP", 1_000, part=D(600))
    beat()
    act = by(tom)
    act.at = now + timedelta(minutes=1)
    algos.change_algo(act, algo.pk, algos.ask_of(algo)._replace(qty=None), seen={algo.pk: 2})
    algo.refresh_from_db()
    assert algo.qty == 1_000 and sum(D(q) for n, _, q, _ in algo.plan if n > algo.base_n) == 940


def test_beat_asks_by_its_tasks(an_algo, by):
    an_algo("TWAP", 1_000)
    tasks.work()
    tasks.close_seasons()
    assert Route.objects.count() == 1
