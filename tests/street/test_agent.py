"""A transfer agent deals at the end of the session, at one net asset value for all."""

from dataclasses import replace
from decimal import Decimal

import pytest

from street.agent import Agent
from street.clock import SESSION_SECONDS
from street.journal import Journal
from street.orders import Terms
from street.universe import Instrument

D = Decimal
FUND = Instrument("FUND", "US9229087286", "FUND", "USD", "XOFF", D("0.01"), D("0.001"), D("10"), 0.0, 0.15, 0.0)
UNITS = Terms("F1", "D", "US9229087286", "FUND", "USD", D("100.5"), "M")
AMOUNT = replace(UNITS, cl_ord_id="F2", qty=D(0), cash=D(1000))


@pytest.fixture
def agent(universe, market, a_book, monkeypatch):
    monkeypatch.setattr(universe, "_funds", {FUND.isin: FUND, FUND.symbol: FUND})
    return Agent(a_book("HALYARD"), market, seed=1)


def until_dealt(agent):
    for _ in range(SESSION_SECONDS // agent.market.tick + 1):
        agent.market.step()
        if told := agent.step():
            return told
    raise AssertionError("nothing was dealt")


def test_takes_an_order_and_deals_it_at_the_end_of_the_session(agent):
    [taken] = agent.new_order(UNITS)
    assert (taken.exec_type, taken.status) == ("0", "0")
    [dealt] = until_dealt(agent)

    assert agent.market.now % SESSION_SECONDS < agent.market.tick
    assert (dealt.exec_type, dealt.status, dealt.last_qty) == ("F", "2", D("100.5"))
    assert D("9.6") <= dealt.last_px <= D("10.4") and dealt.last_px % FUND.tick == 0


def test_an_amount_buys_whole_steps_at_the_value_all_get(agent):
    agent.new_order(UNITS)
    agent.new_order(AMOUNT)
    units, amount = until_dealt(agent)

    assert units.last_px == amount.last_px
    assert amount.status == "2" and amount.last_qty % FUND.increment == 0
    assert 0 <= D(1000) - amount.last_qty * amount.last_px < FUND.increment * amount.last_px


@pytest.mark.parametrize("change", [
    {"side": "1"}, {"ord_type": "1"}, {"qty": D("1.0001")}, {"qty": D(0)}, {"cash": D(5)}, {"isin": "US0000000001"},
])  # fmt: skip
def test_refuses_what_is_no_order_in_a_fund(agent, change):
    [answer] = agent.new_order(replace(UNITS, **change))

    assert answer.status == "8" and answer.text


def test_cancels_until_the_valuation_point_and_not_after(agent):
    agent.new_order(UNITS)
    [gone] = agent.cancel("X1", "F1")
    assert (gone.status, gone.cl_ord_id, gone.orig_cl_ord_id) == ("4", "X1", "F1")

    agent.new_order(replace(UNITS, cl_ord_id="F3"))
    until_dealt(agent)
    [late] = agent.cancel("X3", "F3")
    assert late.responds_to == "1" and late.text


def test_goes_on_after_a_restart(agent, a_book, tmp_path):
    first = Agent(a_book("HALYARD", Journal(tmp_path)), agent.market, seed=1)
    first.new_order(AMOUNT)
    first.book.journal.close()
    again = Agent(a_book("HALYARD", Journal(tmp_path)), agent.market, seed=1)
    again.recover()

    [dealt] = until_dealt(again)
    assert (dealt.cl_ord_id, dealt.status) == ("F2", "2")
