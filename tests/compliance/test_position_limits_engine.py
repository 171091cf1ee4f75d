"""Position limits at their exact edges: netted by contract, month and family, by owner, with open orders, options by delta."""

from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.compliance.engine.columns import QTY, Portfolio
from apps.compliance.engine.contracts import Bound, Contract, Stake
from apps.compliance.engine.judgement import FAIL, INDETERMINATE, NOT_ASKED, PASS, UNKNOWN
from apps.compliance.engine.rules.position_limits import judge
from apps.compliance.engine.standing import stand
from apps.compliance.engine.storing import packed, unpacked

from .books import TODAY, book, rule, share

D = Decimal
MAR, JUN = date(2026, 3, 1), date(2026, 6, 1)
HOMES = (Portfolio(1, "P1"), Portfolio(2, "P2"), Portfolio(3, "P3", owner="TRUST"))


def future(pk: int, symbol: str, **more):
    return share(pk, symbol, "4000", asset_class="FUTURE", price_factor=D(50), **more)


CLH, CLM, MINI, PUT, XYZ = (
    future(1, "CLH"), future(2, "CLM"), future(3, "MCLM"), share(4, "PUT", "5", asset_class="OPTION", underlying_id=2), share(5, "XYZ"),
)  # fmt: skip
CONTRACTS = {
    1: Contract("CL", "CLH", MAR, TODAY, D(1)),
    2: Contract("CL", "CLM", JUN, date(2026, 5, 28), D(1)),
    3: Contract("CL", "MCLM", JUN, date(2026, 5, 28), D("0.1")),
    4: Contract("CL", "PUT", JUN, date(2026, 5, 28), D("-0.4")),
}


def bound(months: str, qty, kind: str = "LIMIT", pk: int = 1) -> Bound:
    return Bound(pk, "CL", months, kind, D(qty), "EXCHANGE", "Chapter 5")


def stake(instrument: int, net, buys=0, sells=0, owner: str = "") -> Stake:
    return Stake(owner, instrument, *(int(D(n) * QTY) for n in (net, buys, sells)))


def ask(orders, bounds, stakes=(), contracts=None, needs_limits: bool = True):
    s = book([CLH, CLM, MINI, PUT, XYZ], orders, portfolios=HOMES)
    s.contracts, s.bounds, s.stakes = contracts or CONTRACTS, list(bounds), list(stakes)
    return judge(s, rule("position_limits", needs_limits=needs_limits), np.zeros(len(orders), bool)), s


def outcomes(*args, **more) -> list[int]:
    return ask(*args, **more)[0].outcome.tolist()


@pytest.mark.parametrize(("qty", "outcome", "most"), [(1000, PASS, UNKNOWN), (1001, FAIL, 1000 * QTY)])
def test_exactly_the_limit_is_not_above_it(qty, outcome, most):
    for side in ("BUY", "SELL"):
        found, _ = ask([(0, "CLM", side, qty)], [bound("ALL", 1000)])
        assert (found.outcome[0], found.max_qty[0]) == (outcome, most)


def test_the_spot_month_begins_on_its_day():
    early = CONTRACTS | {1: CONTRACTS[1]._replace(spot_from=date(2026, 3, 5))}
    orders, bounds = [(0, "CLH", "BUY", 51)], [bound("SPOT", 50), bound("ALL", 500, pk=2)]
    assert outcomes(orders, bounds) == [FAIL] and outcomes(orders, bounds, contracts=early) == [PASS]
    assert outcomes([(0, "CLM", "BUY", 51)], bounds, [stake(1, 50)]) == [PASS]  # Another month is not the spot month.


def test_long_and_short_net_within_a_contract_a_month_and_all_months():
    single, everything = [bound("SINGLE", 100)], [bound("ALL", 100)]
    short = [stake(2, -50)]
    assert outcomes([(0, "CLM", "BUY", 150)], single, short) == [PASS] and outcomes([(0, "CLM", "BUY", 151)], single, short) == [FAIL]
    assert outcomes([(0, "CLH", "BUY", 150)], single, short) == [FAIL]  # Another month nets nothing there,
    assert outcomes([(0, "CLH", "BUY", 150)], everything, short) == [PASS]  # but in all months together it does.


def test_minis_and_options_count_for_what_they_stand_for():
    minis = [stake(3, 200)]  # Twenty.
    assert outcomes([(0, "CLM", "BUY", 80)], [bound("SINGLE", 100)], minis) == [PASS]
    assert outcomes([(0, "CLM", "BUY", 81)], [bound("SINGLE", 100)], minis) == [FAIL]
    found, _ = ask([(0, "PUT", "BUY", 251)], [bound("SINGLE", 100)])  # A put bought is short 0.4.
    assert (found.outcome[0], found.max_qty[0]) == (FAIL, 250 * QTY) and "net short 100.4" in found.say(0).text
    assert outcomes([(0, "PUT", "SELL", 250)], [bound("SINGLE", 100)]) == [PASS]


def test_open_orders_count_to_the_side_they_move():
    held = [stake(2, 40, buys=50, sells=500)]
    assert outcomes([(0, "CLM", "BUY", 10)], [bound("ALL", 100)], held) == [PASS]
    assert outcomes([(0, "CLM", "BUY", 11)], [bound("ALL", 100)], held) == [FAIL]
    assert outcomes([(0, "CLM", "SELL", 1)], [bound("ALL", 460)], held) == [FAIL]  # 40 less 500 less 1.


def test_what_is_judged_before_counts_too_and_each_owner_apart():
    orders = [(0, "CLM", "BUY", 60), (1, "CLH", "BUY", 40), (1, "CLM", "BUY", 1), (2, "CLM", "BUY", 100), (0, "CLM", "SELL", 200)]
    assert outcomes(orders, [bound("ALL", 100)]) == [PASS, PASS, FAIL, PASS, FAIL]


def test_what_leads_back_is_never_held():
    assert outcomes([(0, "CLM", "SELL", 900)], [bound("ALL", 100)], [stake(2, 800)]) == [PASS]
    assert outcomes([(0, "CLM", "SELL", 901)], [bound("ALL", 100)], [stake(2, 800)]) == [FAIL]


def test_an_accountability_level_is_told_and_holds_nothing():
    levels = [bound("ALL", 100, "LEVEL"), bound("ALL", 1000, pk=2)]
    found, _ = ask([(0, "CLM", "BUY", 100), (0, "CLM", "BUY", 1), (0, "CLM", "BUY", 900)], levels)
    assert found.outcome.tolist() == [PASS, PASS, FAIL] and found.warned.tolist() == [False, True, False]
    assert "the accountability level is 100" in found.say(1).text and "the limit is 1,000 (exchange, Chapter 5)" in found.say(2).text


@pytest.mark.parametrize(
    ("changed", "bounds", "said"),
    [
        ({2: CONTRACTS[2]._replace(month=None)}, [bound("SINGLE", 100)], "the month of each contract"),
        ({2: CONTRACTS[2]._replace(spot_from=None)}, [bound("SPOT", 100)], "when the spot month of each contract starts"),
        ({2: CONTRACTS[2]._replace(weight=None)}, [bound("ALL", 100)], "the delta of CLM"),
        ({4: CONTRACTS[4]._replace(weight=None)}, [bound("ALL", 100)], "the delta of every option"),
        ({}, [], "no limit of CL is in force"),
    ],
)
def test_what_is_missing_cannot_be_told(changed, bounds, said):
    found, _ = ask([(0, "CLM", "BUY", 1)], bounds, [stake(4, 5)], contracts=CONTRACTS | changed)
    assert found.outcome[0] == INDETERMINATE and said in found.say(0).text


def test_a_future_of_no_family_cannot_be_told_or_is_not_asked():
    only = {2: CONTRACTS[2]}
    orders = [(0, "CLH", "BUY", 1), (0, "XYZ", "BUY", 1)]
    assert outcomes(orders, [bound("ALL", 9)], contracts=only) == [INDETERMINATE, NOT_ASKED]
    assert outcomes(orders, [bound("ALL", 9)], contracts=only, needs_limits=False) == [NOT_ASKED, NOT_ASKED]
    unknown_elsewhere = CONTRACTS | {1: CONTRACTS[1]._replace(month=None, spot_from=None)}
    assert outcomes([(0, "CLM", "BUY", 1)], [bound("SPOT", 9), bound("ALL", 9)], [stake(1, 5)], unknown_elsewhere) == [PASS]


@given(st.integers(-300, 300), st.integers(0, 200), st.integers(0, 200), st.integers(1, 400), st.booleans())
def test_the_largest_quantity_passes_and_one_more_does_not(net, buys, sells, qty, is_buy):
    side, held, bounds = "BUY" if is_buy else "SELL", [stake(2, net, buys, sells)], [bound("ALL", 250), bound("SINGLE", 200, pk=2)]
    found, _ = ask([(0, "CLM", side, qty)], bounds, held)
    if found.outcome[0] == FAIL:
        most = int(found.max_qty[0]) // QTY
        assert most < qty and outcomes([(0, "CLM", side, most + 1)], bounds, held) == [FAIL]
        assert not most or outcomes([(0, "CLM", side, most)], bounds, held) == [PASS]


def test_is_stored_and_read_again():
    _, s = ask([(0, "CLM", "BUY", 60)], [bound("ALL", 50)], [stake(1, 5)])
    again = unpacked(packed(s))
    assert (again.contracts, again.bounds, again.stakes) == (s.contracts, s.bounds, s.stakes)
    assert judge(again, rule("position_limits"), np.zeros(1, bool)).outcome.tolist() == [FAIL]


def test_the_day_says_it_of_each_portfolio_that_holds_some():
    s = book([CLH, CLM], [], portfolios=HOMES, positions=[(0, "CLM", 60), (1, "CLM", 41), (2, "CLM", 5)])
    s.contracts, s.stakes = CONTRACTS, [stake(2, 101), stake(2, 5, owner="TRUST")]
    s.bounds = [bound("ALL", 100), bound("SINGLE", 101, pk=2), bound("SPOT", 1, pk=3), bound("ALL", 90, "LEVEL", pk=4)]
    found = [(one.portfolio, one.group, one.outcome, one.value, one.warned) for _, one in stand(s, [rule("position_limits")])]
    assert found == [
        (0, "CL, all months together, limit", "FAIL", 101, False), (0, "CL, Jun 2026, limit", "PASS", 101, False),
        (0, "CL, all months together, level", "PASS", 101, True),
        (1, "CL, all months together, limit", "FAIL", 101, False), (1, "CL, Jun 2026, limit", "PASS", 101, False),
        (1, "CL, all months together, level", "PASS", 101, True),
        (2, "CL, all months together, limit", "PASS", 5, False), (2, "CL, Jun 2026, limit", "PASS", 5, False),
        (2, "CL, all months together, level", "PASS", 5, False),
    ]  # fmt: skip
