"""Two beats at once, a worker that is killed, a person in between: no child order goes out twice."""

from datetime import timedelta
from decimal import Decimal

import pytest

from apps.algos import services as algos
from apps.algos.models import Algo, Slice
from apps.algos.services import working
from apps.blocks.models import Block
from apps.core.acts import Act
from apps.routing import services as routing
from apps.routing.models import Message, Route
from tests.races import at_once

D = Decimal
pytestmark = pytest.mark.django_db(transaction=True)


def counts() -> tuple[int, int, int]:
    return Slice.objects.count(), Route.objects.count(), Message.objects.filter(is_out=True, msg_type="D").count()


@pytest.mark.parametrize("attempt", range(3))
def test_several_beats_at_once_send_a_slice_once(an_algo, now, attempt):
    an_algo("TWAP", 1_000)
    answers = at_once(*[lambda: algos.work_algos(now)] * 4)
    assert sum(answers) == 1 and counts() == (1, 1, 1)


def test_a_worker_killed_after_the_route_has_done_nothing(an_algo, now, monkeypatch):
    an_algo("TWAP", 1_000)

    class Killed(BaseException):
        """As a signal that ends the process."""

    def die(*args, **kwargs):
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(working.Slice.objects, "create", die)
        algos.work_algos(now)
    assert counts() == (0, 0, 0) and Block.objects.get().placed_qty == 0
    assert algos.work_algos(now) == 1
    assert counts() == (1, 1, 1)


def test_a_number_is_never_sent_again_whatever_the_row_says(an_algo, now):
    algo = an_algo("TWAP", 1_000)
    algos.work_algos(now)
    Algo.objects.filter(pk=algo.pk).update(done_n=0)
    assert algos.work_algos(now) == 0
    assert counts() == (1, 1, 1)


@pytest.mark.parametrize("attempt", range(3))
def test_a_beat_and_a_trader_never_place_more_than_the_block_has(an_algo, now, tom, by, attempt):
    an_algo("TWAP", 1_000, minutes=10)
    block = Block.objects.get()
    act = by(tom, "Mine.")
    at_once(
        lambda: algos.work_algos(now),
        lambda: routing.route_blocks(act, [block.pk], seen={block.pk: block.version}, qty=D(800), broker_code="MERIDIAN"),
    )
    algos.work_algos(now + timedelta(minutes=5))
    block.refresh_from_db()
    assert block.placed_qty == sum(Route.objects.values_list("qty", flat=True)) <= 1_000


@pytest.mark.parametrize("attempt", range(3))
def test_a_beat_and_a_stop_leave_nothing_at_work(an_algo, now, tom, attempt):
    algo = an_algo("TWAP", 1_000)
    at_once(
        lambda: algos.work_algos(now),
        lambda: algos.stop_algo(Act(by=tom.pk, at=now, via="page", reason="Enough."), algo.pk, seen={algo.pk: 2}),
    )
    algo.refresh_from_db()
    sent, cancelled = (Message.objects.filter(is_out=True, msg_type=kind).count() for kind in "DF")
    assert algo.status == "STOPPED" and sent == cancelled <= 1
    assert algos.work_algos(now + timedelta(minutes=5)) == 0


@pytest.mark.parametrize("attempt", range(3))
def test_a_beat_and_the_kill_switch(an_algo, now, tess, by, attempt):
    algo = an_algo("TWAP", 1_000)
    at_once(lambda: algos.work_algos(now), lambda: routing.set_halt(by(tess, "Stop."), scope="FIRM"))
    algos.work_algos(now + timedelta(minutes=1))
    algo.refresh_from_db()
    assert algo.status == "PAUSED" and Slice.objects.count() <= 1
    assert algos.work_algos(now + timedelta(minutes=5)) == 0


def test_two_plans_for_one_rest_at_once_and_one_is_told(a_block, tom, tess, by, now):
    block = a_block("AAA", "BUY", 1_000)
    answers = at_once(
        *(
            lambda who=who: algos.plan_algo(by(who), block.pk, algos.Ask("TWAP", "HARBOR"), seen=block.version)
            for who in (tom, tess)
        )
    )
    assert "SpokenFor" in answers and Algo.objects.count() == 1
