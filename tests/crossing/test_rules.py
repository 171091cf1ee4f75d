"""Whether two clients may be met with each other, at what price, how much, and who with whom."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.crossing import rules
from apps.crossing.states import LIFE, LIVE, X

D = Decimal
TODAY, NOW = date(2026, 11, 25), datetime(2026, 11, 25, 15, tzinfo=UTC)
CLIENT = rules.Consent("CLIENT", True, date(2026, 1, 5), None)


def quoted(bid="49.99", ask="50.01", last="50", age=0) -> rules.Quoted:
    return rules.Quoted(D(bid), D(ask), D(last), NOW - timedelta(seconds=age), "XNAS")


def market(quote=..., **more) -> rules.Market:
    said = {"symbol": "AAA", "asset_class": "EQUITY", "mic": "XNAS", "is_active": True, "tick": D("0.01"), "lot": D(1)} | more
    return rules.Market(**said, quoted=quoted() if quote is ... else quote, at=NOW, max_age=60)


def party(pk: int, side: str, qty: int = 100, **more) -> rules.Party:
    said = {
        "block_id": 1 if side == "BUY" else 2, "portfolio_id": pk, "portfolio": f"P{pk}", "account": f"SST/{pk}",
        "order_type": "MARKET", "limit_price": None, "tif": "DAY", "has_minimum": False, "status": "CLEARED",
        "block_status": "OPEN", "currency": "USD", "settle_date": TODAY, "directed_to": "", "consent": CLIENT,
    } | more  # fmt: skip
    return rules.Party(order_id=pk, side=side, qty=D(qty), **said)


BUY, SELL = party(1, "BUY"), party(2, "SELL")


def failing(buy=BUY, sell=SELL, on=None) -> list[str]:
    return [line.name for line in rules.eligibility(buy, sell, on or market(), TODAY) if not line.passes]


class TestEligibility:
    def test_every_condition_is_one_line_with_its_source(self):
        lines = rules.eligibility(BUY, SELL, market(), TODAY)

        assert [line.passes for line in lines] == [True] * 10
        assert len({line.name for line in lines}) == 10
        assert all(line.source and line.found for line in lines)

    @pytest.mark.parametrize(
        ("name", "buy", "sell", "on"),
        [
            ("the sides are exactly opposite", BUY, SELL._replace(side="SELL_SHORT"), market()),
            ("the sides are exactly opposite", BUY, SELL._replace(side="BUY"), market()),
            ("quotations are readily available", BUY, SELL, market(asset_class="CORP")),
            ("quotations are readily available", BUY, SELL, market(asset_class="GOVT")),
            ("quotations are readily available", BUY, SELL, market(asset_class="OPTION")),
            ("quotations are readily available", BUY, SELL, market(is_active=False)),
            ("the price is independent and current", BUY, SELL, market(quoted(age=61))),
            ("the price is independent and current", BUY, SELL, market(quoted(last="0", bid="0"))),
            ("both sides pay alike", BUY, SELL._replace(currency="EUR"), market()),
            ("both sides pay alike", BUY, SELL._replace(settle_date=TODAY + timedelta(1)), market()),
            ("both portfolios permit crosses", BUY._replace(consent=None), SELL, market()),
            ("both portfolios permit crosses", BUY, SELL._replace(consent=CLIENT._replace(permits=False)), market()),
            ("both portfolios permit crosses", BUY, SELL._replace(consent=CLIENT._replace(nature="AFFILIATED")), market()),
            ("both portfolios permit crosses", BUY, SELL._replace(consent=CLIENT._replace(nature="ERISA")), market()),
            ("both portfolios permit crosses", BUY, SELL._replace(plan="ERISA"), market()),
            ("both portfolios permit crosses", BUY._replace(plan="IRA"), SELL, market()),
            ("both portfolios permit crosses", BUY._replace(consent=CLIENT._replace(starts_on=TODAY + timedelta(1))), SELL, market()),
            ("both portfolios permit crosses", BUY._replace(consent=CLIENT._replace(ends_on=TODAY - timedelta(1))), SELL, market()),
            ("the owners differ", BUY._replace(portfolio_id=2), SELL, market()),
            ("the owners differ", BUY._replace(account="SST/2"), SELL, market()),
            ("nothing restricts either order", BUY, SELL._replace(status="HELD"), market()),
            ("neither is at a broker", BUY._replace(block_status="WORKING"), SELL, market()),
            ("the terms allow it", BUY._replace(order_type="STOP_LIMIT", limit_price=D(60)), SELL, market()),
            ("the terms allow it", BUY, SELL._replace(tif="CLS"), market()),
            ("the terms allow it", BUY, SELL._replace(has_minimum=True), market()),
            ("the terms allow it", BUY, SELL._replace(directed_to="HARBOR"), market()),
            ("the limits admit the price", BUY._replace(order_type="LIMIT", limit_price=D("49.99")), SELL, market()),
            ("the limits admit the price", BUY, SELL._replace(order_type="LIMIT", limit_price=D("50.01")), market()),
        ],
    )  # fmt: skip
    def test_names_the_one_condition_that_is_not_met(self, name, buy, sell, on):
        assert failing(buy, sell, on) == [name]

    def test_without_a_quotation_there_is_no_price_either(self):
        assert failing(on=market(None)) == ["quotations are readily available", "the price is independent and current"]

    @pytest.mark.parametrize(
        ("buy", "sell", "on"),
        [
            (BUY, SELL, market(quoted(age=60))),
            (BUY, SELL, market(asset_class="ETF")),
            (BUY, SELL._replace(plan="OTHER"), market()),
            (BUY._replace(consent=CLIENT._replace(starts_on=TODAY, ends_on=TODAY)), SELL, market()),
            (
                BUY._replace(order_type="LIMIT", limit_price=D(50)), SELL._replace(order_type="LIMIT", limit_price=D(50)),
                market(),
            ),
        ],
    )  # fmt: skip
    def test_is_met_at_the_very_edge(self, buy, sell, on):
        assert failing(buy, sell, on) == []


class TestPrice:
    @pytest.mark.parametrize(
        ("quote", "tick", "price", "source"),
        [
            (quoted(last="50.004"), "0.01", "50", "last sale"),
            (quoted(last="50.005"), "0.01", "50.01", "last sale"),
            (quoted(last="0", bid="49.98", ask="50.01"), "0.01", "50", "average of highest bid and lowest offer"),
            (quoted(last="0", bid="10", ask="10.06"), "0.02", "10.04", "average of highest bid and lowest offer"),
        ],
    )
    def test_takes_the_last_sale_else_the_average_and_rounds_once_to_the_tick(self, quote, tick, price, source):
        found = rules.independent_price(quote, D(tick))

        assert (found.price, found.source) == (D(price), source)
        assert found.evidence()["quoted_at"] == quote.at.isoformat()

    def test_is_none_without_a_sale_and_both_quotations(self):
        assert rules.independent_price(quoted(last="0", ask="0"), D("0.01")) is None
        assert rules.independent_price(None, D("0.01")) is None

    def test_may_move_as_far_as_was_agreed_and_no_further(self):
        assert rules.is_within(D("50.125"), D(50), D(25))
        assert rules.is_within(D("49.875"), D(50), D(25))
        assert not rules.is_within(D("50.1251"), D(50), D(25))


class TestSharing:
    def test_crosses_the_smaller_side_whole_and_shares_the_larger_pro_rata(self):
        buys, sells = [party(3, "BUY", 150)], [party(1, "SELL", 100), party(2, "SELL", 400)]

        found = rules.matched(buys, sells, market(), TODAY)

        assert found.shares == {3: D(150), 1: D(30), 2: D(120)}
        assert (found.qty, found.against) == (D(150), {})
        assert rules.pairs([(3, D(150))], [(1, D(30)), (2, D(120))]) == [(3, 1, D(30)), (3, 2, D(120))]

    def test_leaves_out_whoever_may_not_and_crosses_whole_lots(self):
        buys = [party(3, "BUY", 500), party(4, "BUY", 400, consent=None)]
        sells = [party(1, "SELL", 350), party(5, "SELL", 900, order_type="LIMIT", limit_price=D(51))]

        found = rules.matched(buys, sells, market(lot=D(100)), TODAY)

        assert found.shares == {3: D(300), 1: D(300)}
        assert found.against == {4: ["no agreement to cross is on file"], 5: ["its limit 51 does not admit 50"]}
        assert all(line.passes for line in found.lines)

    def test_a_portfolio_on_both_sides_has_no_part(self):
        found = rules.matched([party(1, "BUY"), party(3, "BUY")], [party(1, "SELL")._replace(order_id=9)], market(), TODAY)

        assert found.shares == {}
        assert [line.name for line in found.lines if not line.passes] == ["the owners differ"]

    def test_less_than_a_lot_is_nothing(self):
        assert rules.matched([party(1, "BUY", 99)], [party(2, "SELL", 500)], market(lot=D(100)), TODAY).shares == {}

    @given(st.lists(st.integers(1, 5000), min_size=1, max_size=8), st.lists(st.integers(1, 5000), min_size=1, max_size=8))
    def test_both_sides_sum_to_the_same_and_nobody_gets_more_than_they_want(self, wants, offers):
        buys = [party(n + 1, "BUY", qty) for n, qty in enumerate(wants)]
        sells = [party(n + 101, "SELL", qty) for n, qty in enumerate(offers)]

        shares = rules.matched(buys, sells, market(), TODAY).shares
        met = rules.pairs(*([(p.order_id, shares[p.order_id]) for p in one if p.order_id in shares] for one in (buys, sells)))

        total = D(min(sum(wants), sum(offers)))
        for side in (buys, sells):
            assert sum(shares.get(p.order_id, D(0)) for p in side) == total
            assert all(shares.get(p.order_id, D(0)) <= p.qty for p in side)
        assert sum(pair.qty for pair in met) == total
        for p in (*buys, *sells):
            assert sum(m.qty for m in met if p.order_id in (m.buy_id, m.sell_id)) == shares.get(p.order_id, D(0))
        assert len(met) <= len(buys) + len(sells) - 1

    def test_sides_that_differ_are_no_pairs(self):
        with pytest.raises(ValueError, match="different quantities"):
            rules.pairs([(1, D(2))], [(2, D(3))])


def test_ends_in_one_of_four_ways():
    ends = {status for status in X if not any(move[0] == status for move in LIFE.moves)}

    assert ends == {X.EXECUTED, X.DECLINED, X.WITHDRAWN, X.EXPIRED}
    assert {move[0] for move in LIFE.moves} == set(LIVE)
