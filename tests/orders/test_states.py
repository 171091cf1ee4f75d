"""The life of an order and of an import, as tables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core.refusals import IllegalMove
from apps.orders import events as e
from apps.orders.states import FINAL, IMPORT_LIFE, LIFE, OPEN, ImportStatus, S

EVENTS = sorted({event for _, event in LIFE.moves}, key=lambda event: event.code)


def test_the_straight_way():
    way = [e.OrderCreated, e.OrderSubmitted, e.OrderCleared, e.OrderWorking, e.OrderDone]
    assert LIFE.replay(way) == S.DONE


def test_the_way_past_an_officer_and_back_after_a_bust():
    way = [e.OrderCreated, e.OrderAmended, e.OrderSubmitted, e.OrderHeld, e.OrderSentBack, e.OrderSubmitted, e.OrderHeld]
    assert LIFE.replay([*way, e.OrderRejected]) == S.REJECTED
    assert LIFE.replay([*way, e.OrderCleared, e.OrderWorking, e.OrderDone, e.OrderReopened]) == S.WORKING


@pytest.mark.parametrize("status", [S.CANCELLED, S.REJECTED])
@pytest.mark.parametrize("event", EVENTS)
def test_nothing_happens_after_the_end(status, event):
    assert not LIFE.allows(status, event)


@pytest.mark.parametrize("event", [e.OrderCancelled, e.OrderAmended, e.OrderSubmitted, e.OrderHeld])
def test_what_the_desk_works_is_no_longer_its_managers_to_change(event):
    with pytest.raises(IllegalMove):
        LIFE.after(S.WORKING, event)


def test_nothing_reaches_the_desk_unchecked():
    assert {status for (status, event), after in LIFE.moves.items() if after == S.WORKING != status} == {S.CLEARED, S.DONE}
    assert {status for (status, event), after in LIFE.moves.items() if after == S.CLEARED != status} == {
        S.IN_REVIEW, S.HELD, S.TO_APPROVE,
    }  # fmt: skip
    assert {status for (status, event), after in LIFE.moves.items() if after == S.TO_APPROVE != status} == {S.IN_REVIEW, S.HELD}


@given(st.lists(st.sampled_from(EVENTS), max_size=12))
def test_every_life_stands_in_a_known_status_or_is_refused(way):
    try:
        status = LIFE.replay([e.OrderCreated, *way])
    except IllegalMove:
        return
    assert status in {S.DRAFT, *OPEN, *FINAL}


def test_a_file_is_read_in_parts_and_entered_once():
    way = [e.ImportUploaded, e.ImportAdvanced, e.ImportAdvanced, e.ImportStaged, e.ImportCommitted]
    assert IMPORT_LIFE.replay(way) == ImportStatus.COMMITTED
    for event in (e.ImportCommitted, e.ImportDiscarded, e.ImportStaged):
        assert not IMPORT_LIFE.allows(ImportStatus.COMMITTED, event)
