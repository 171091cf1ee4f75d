from itertools import pairwise
from statistics import mean, stdev

import pytest

from street.clock import SESSION_SECONDS
from street.feed import EACH_SECONDS, PER_SECOND, Feed
from street.market import Market
from street.universe import load_universe


def quotes_after(universe, *, seed, steps, tick=15):
    market = Market(universe, seed=seed, tick=tick)
    for _ in range(steps):
        market.step()
    return [market.quote(instrument) for instrument in universe.instruments]


def test_the_same_seed_walks_the_same_path_and_another_does_not(universe):
    assert quotes_after(universe, seed=3, steps=200) == quotes_after(universe, seed=3, steps=200)
    assert quotes_after(universe, seed=3, steps=200) != quotes_after(universe, seed=4, steps=200)


def test_prices_are_on_the_tick_and_the_offer_is_above_the_bid(universe, market):
    for _ in range(300):
        market.step()
        for instrument in universe.instruments:
            quote = market.quote(instrument)
            assert quote.bid < quote.offer
            assert quote.bid % instrument.tick == 0
            assert quote.offer % instrument.tick == 0
            assert quote.last in (quote.bid, quote.offer)


def test_a_session_trades_about_the_average_volume_most_of_it_at_both_ends(universe, market):
    acme = universe.find("US0000000001", None)
    seen = [0.0]
    for _ in range(SESSION_SECONDS // market.tick):
        market.step()
        seen.append(market.traded(acme)[0])
    steps = len(seen) - 1
    quarter = [seen[steps * n // 4] for n in range(5)]
    traded = [after - before for before, after in pairwise(quarter)]

    assert seen[-1] == pytest.approx(acme.adv, rel=0.05)
    assert traded[0] > 1.5 * traded[1]
    assert traded[3] > 1.5 * traded[2]


def test_volume_goes_on_growing_into_the_next_session(universe, market):
    acme = universe.find("US0000000001", None)
    for _ in range(2 * SESSION_SECONDS // market.tick):
        market.step()

    assert market.traded(acme)[0] == pytest.approx(2 * acme.adv, rel=0.05)


def test_the_running_vwap_gives_the_turnover_between_two_quotes(universe, market):
    acme = universe.find("US0000000001", None)
    for _ in range(40):
        market.step()
    first, began = market.quote(acme), market.traded(acme)
    mids = []
    for _ in range(40):
        market.step()
        mids.append(float(market.quote(acme).mid))
    last, ended = market.quote(acme), market.traded(acme)
    turnover = last.vwap * last.volume - first.vwap * first.volume

    assert turnover == pytest.approx(ended[1] - began[1], rel=1e-9)
    assert min(mids) < turnover / (last.volume - first.volume) < max(mids)


def test_what_trades_by_inquiry_moves_no_faster_than_people_decide(universe):
    def restlessness(speed, isin):
        market, mids = Market(universe, seed=2, tick=15, speed=speed), []
        for _ in range(400):
            market.step()
            mids.append(float(market.quote(universe.find(isin, None)).mid))
        return stdev(after / before for before, after in pairwise(mids))

    assert restlessness(1500, "US0000000011") < restlessness(1, "US0000000011") / 5
    assert restlessness(1500, "US0000000001") == restlessness(1, "US0000000001")


def test_prices_stay_within_reach_of_where_they_began(universe):
    market = Market(universe, seed=5, tick=15)
    acme = universe.find("US0000000001", None)
    mids = []
    for _ in range(60 * SESSION_SECONDS // 600):
        for _ in range(4):
            market.step()
        mids.append(float(market.quote(acme).mid))

    assert mean(mids) == pytest.approx(250, rel=0.12)
    assert max(mids) / min(mids) < 1.5


def test_the_curve_shares_out_one_day_over_any_session_long_window(market):
    assert market.share_of_day(0, SESSION_SECONDS) == pytest.approx(1)
    assert market.share_of_day(9000, 9000 + SESSION_SECONDS) == pytest.approx(1)
    assert market.share_of_day(0, 600) > market.share_of_day(11_700, 12_300)


def test_a_saved_market_goes_on_as_if_it_had_not_stopped(universe, market, tmp_path):
    for _ in range(50):
        market.step()
    market.save(tmp_path / "market.json")
    other = Market(universe, seed=99, tick=15)

    assert other.restore(tmp_path / "market.json")
    for _ in range(50):
        market.step()
        other.step()
    assert [other.quote(i) for i in universe.instruments] == [market.quote(i) for i in universe.instruments]


def test_a_market_of_other_instruments_is_not_restored(universe, market, data, tmp_path):
    market.step()
    market.save(tmp_path / "market.json")
    smaller = load_universe(data)
    smaller.instruments.pop()
    other = Market(smaller, seed=1, tick=15)

    assert not other.restore(tmp_path / "market.json")
    assert other.now == 0


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"instruments\.csv is not in"):
        load_universe(tmp_path)


class TestFeed:
    def test_a_subscription_is_answered_at_once_and_then_only_changes_are_told(self, universe, market):
        feed = Feed(market)
        feed.subscribe("r", universe.instruments)

        assert [due.instrument.symbol for due in feed.due(10.0)] == [i.symbol for i in universe.instruments]
        assert list(feed.due(20.0)) == []
        market.step()
        assert {due.instrument.symbol for due in feed.due(30.0)} >= {"ACME", "BOLT"}

    def test_an_instrument_is_told_about_once_a_second_unless_something_happened_to_it(self, universe, market):
        feed = Feed(market)
        feed.subscribe("r", universe.instruments)
        list(feed.due(10.0))
        market.step()
        feed.hurry(universe.find("US0000000001", None))

        assert [due.instrument.symbol for due in feed.due(10.0 + EACH_SECONDS / 2)] == ["ACME"]

    def test_what_is_hurried_is_told_as_it_was_then_and_first(self, universe, market):
        acme = universe.find("US0000000001", None)
        feed = Feed(market)
        feed.subscribe("r", universe.instruments)
        list(feed.due(10.0))
        market.step()
        feed.hurry(acme)
        then, at = market.quote(acme), market.now
        market.step()

        told = list(feed.due(12.0))

        assert (told[0].instrument, told[0].quote, told[0].at) == (acme, then, at)
        assert [due.at for due in told if due.instrument is acme] == [at]

    def test_no_more_than_sixty_messages_a_second_leave(self, universe, market):
        feed = Feed(market)
        for n in range(40):
            feed.subscribe(f"r{n}", universe.instruments)
        sent = 0
        for n in range(100):
            market.step()
            sent += len(list(feed.due(10 + n / 20)))

        assert sent <= PER_SECOND * 6

    def test_who_left_is_told_nothing_more(self, universe, market):
        feed = Feed(market)
        feed.subscribe("r", universe.instruments)
        feed.unsubscribe()

        assert list(feed.due(10.0)) == []
