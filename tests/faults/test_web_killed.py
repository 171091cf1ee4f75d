"""Web processes die between commit and answer; no order is lost, doubled or left lying (faults R4, R8)."""

import pytest

from tests.faults.test_chaos import run


@pytest.fixture(scope="module")
def ended() -> dict:
    return run("tests.faults.web_kills", seconds=200)


@pytest.mark.faults
@pytest.mark.timeout(240)
def test_every_order_is_entered_once_though_30_web_processes_are_killed(ended):
    assert ended["kills"] == 30
    assert ended["lost"] == ended["doubled"] == ended["misnamed"] == []
    assert ended["keys"] == ended["orders"] == ended["cleared"]
    # Requests were cut off before their answer, and some of those after their commit: the first answer was kept.
    assert ended["unanswered"] >= ended["answered_by_the_first_answer"] > 0
    assert None not in ended["caught_up_seconds"], "cleared orders lay around for 15 s"
    assert ended["broken"] == {}


@pytest.mark.faults
@pytest.mark.timeout(240)
def test_one_key_fifty_times_in_parallel_is_one_order_and_another_body_is_refused(ended):
    assert ended["at_once"]["statuses"] == {"201": 1, "200": 49}
    assert ended["at_once"]["orders"] == 1
    assert ended["at_once"]["other_body"] == [409, "key_reused"]
