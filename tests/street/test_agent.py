"""A transfer agent deals at the end of the session, at one net asset value for all."""

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest

from street.agent import Agent
from street.clock import SESSION_SECONDS
from street.feed import Feed
from street.journal import Journal
from street.orders import Terms
from street.universe import Instrument
from street.values import Values

D = Decimal
FUND = Instrument("FUND", "US9229087286", "FUND", "USD", "XOFF", D("0.01"), D("0.001"), D("10"), 0.0, 0.15, 0.0)
UNITS = Terms("F1", "D", "US9229087286", "FUND", "USD", D("100.5"), "M")
AMOUNT = replace(UNITS, cl_ord_id="F2", qty=D(0), cash=D(1000))


@pytest.fixture
def agent(universe, market, a_book, monkeypatch):
    monkeypatch.setattr(universe, "_funds", {FUND.isin: FUND, FUND.symbol: FUND})
    return Agent(a_book("HALYARD"), market)


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

    assert units.last_px == amount.last_px == agent.market.quote(FUND).bid
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
    first = Agent(a_book("HALYARD", Journal(tmp_path)), agent.market)
    first.new_order(AMOUNT)
    first.book.journal.close()
    again = Agent(a_book("HALYARD", Journal(tmp_path)), agent.market)
    again.recover()

    [dealt] = until_dealt(again)
    assert (dealt.cl_ord_id, dealt.status) == ("F2", "2")


def test_each_valuation_point_has_a_value_of_its_own_which_the_market_tells():
    values = [Values(1).at(FUND, n * SESSION_SECONDS) for n in range(500)]

    assert values[0] == FUND.price and len(set(values[:6])) > 3
    assert all(abs(new / old - 1) < D("0.0415") for old, new in pairwise(values))
    assert D(7) < min(values) and max(values) < D(13)
    assert Values(1).at(FUND, 5.5 * SESSION_SECONDS) == values[5]


def test_the_feed_tells_a_new_value_and_no_old_one_again(agent):
    feed, real = Feed(agent.market), 0.0
    feed.subscribe("R", [FUND])
    told = []
    for _ in range(3 * SESSION_SECONDS // agent.market.tick):
        agent.market.step()
        real += 1
        told += [due.quote.bid for due in feed.due(real)]
    assert told == [agent.market.values.at(FUND, n * SESSION_SECONDS) for n in range(4)]
