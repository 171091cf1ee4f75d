"""Executions are taken back while their blocks settle; the house ends whole and no file has a fault (R6, R10)."""

import pytest

from tests.faults.test_chaos import run


@pytest.mark.faults
@pytest.mark.timeout(300)
def test_what_is_busted_while_it_settles_is_taken_back_and_done_again():
    ended = run("tests.faults.busts", "1")
    assert [name for name, holds in ended["invariants"].items() if not holds] == []
    assert (ended["audit_verified"], ended["money_sums"]) == (True, True)
    assert (ended["parked"], ended["quarantined"], ended["file_problems"]) == (0, 0, [])
    assert ended["busted_blocks"] == 6
    assert ended["allocations"] == ended["confirmations"] == ended["instructions"] == ended["settled"]
    assert ended["allocated_again"] > 0
    # Some shares were reversed before they were instructed; each that a custodian knew was asked back and answered.
    assert ended["reversed"] >= ended["cancelled"] > 0
    assert ended["unanswered"] == 0
    assert ended["settled_in_vain"] == ended["shown_to_operations"] == ended["stuck"] > 0
