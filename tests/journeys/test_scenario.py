"""The whole scenario at its real size, headless, against the real parts."""

import pytest

from tests.faults.test_chaos import run


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_rebalance_goes_from_import_to_settlement():
    ended = run("oms_portal.scenario")
    assert [name for name, holds in ended["invariants"].items() if not holds] == []
    assert len(ended["invariants"]) == 8
    assert (ended["accounts"], ended["orders"], ended["blocks"]) == (50, 850, 45)
    assert ended["held"] == ended["overridden"] > 0
    assert ended["violations"] == 0
    assert (ended["routes"], ended["inquiries"]) == (45, 15)
    assert ended["allocations"] == ended["confirmations"] == ended["instructions"] == ended["settled"] >= 850
    assert ended["audit_verified"] is True
    assert ended["money_sums"] is True
    assert 97 < ended["equity_filled_pct"] <= 100
