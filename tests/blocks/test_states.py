"""The life of a block, as a table."""

import pytest

from apps.blocks import events as e
from apps.blocks.states import LIFE, B
from apps.core.refusals import IllegalMove


def test_from_open_to_allocated_and_back_after_a_bust():
    way = [e.BlockOpened, e.BlockGrew, e.BlockShrank, e.BlockFrozen, e.BlockDone, e.BlockAllocated, e.BlockReopened]
    assert LIFE.replay([*way, e.BlockDone]) == B.DONE


@pytest.mark.parametrize("event", [e.BlockGrew, e.BlockShrank, e.BlockFrozen, e.BlockCancelled])
@pytest.mark.parametrize("status", [B.WORKING, B.DONE, B.ALLOCATED, B.CANCELLED])
def test_its_orders_are_fixed_once_its_statement_is(status, event):
    with pytest.raises(IllegalMove):
        LIFE.after(status, event)


def test_only_what_is_done_is_allocated():
    assert {status for (status, event) in LIFE.moves if event is e.BlockAllocated} == {B.DONE}
