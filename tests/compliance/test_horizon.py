"""Cash by currency and date with open orders: the first date below nothing, sells before buys, what cannot be told."""

from decimal import Decimal

import pytest

from apps.compliance.engine.horizon import horizon
from apps.reference.models import SettlementCycle

from .books import LATER, NEXT, TODAY, book, share
from .test_services import _counting

D = Decimal
XYZ, LATE = share(1, "XYZ", "100"), share(2, "LATE", "100", settle_date=LATER)


def rungs(orders=(), **more) -> list[tuple]:
    [ladder] = horizon(book([XYZ, LATE], [], others=orders, **more), TODAY).ladders
    return [(rung.on, rung.balance) for rung in ladder.rungs], ladder.negative


def order(symbol, side, qty, cleared=True):
    return (0, symbol, side, qty, cleared)


def test_flags_the_first_date_below_nothing_and_not_zero():
    assert rungs([order("XYZ", "BUY", 10)], cash=[(0, "USD", "1005.00")]) == ([(TODAY, 1005), (NEXT, 0)], None)
    assert rungs([order("XYZ", "BUY", 10)], cash=[(0, "USD", "1004.99")]) == ([(TODAY, D("1004.99")), (NEXT, D("-0.01"))], NEXT)


def test_a_sale_that_settles_by_then_pays_and_a_later_one_does_not():
    buy, cash = order("XYZ", "BUY", 10), [(0, "USD", "100")]
    assert rungs([buy, order("XYZ", "SELL", 10)], cash=cash)[1] is None
    assert rungs([buy, order("LATE", "SELL", 10)], cash=cash) == ([(TODAY, 100), (NEXT, -905), (LATER, 90)], NEXT)


def test_a_sale_that_waits_for_an_officer_brings_nothing():
    assert rungs([order("XYZ", "BUY", 10), order("XYZ", "SELL", 10, False)], cash=[(0, "USD", "100")])[1] == NEXT


def test_what_is_booked_and_unsettled_stands_on_its_date():
    found = rungs(cash=[(0, "USD", "100")], unsettled=[(0, "USD", "400", LATER)])
    assert found == ([(TODAY, -300), (LATER, 100)], TODAY)


class TestPortfolio:
    @pytest.fixture
    def told(self, firm, client, mira):
        def ask() -> dict:
            client.force_login(mira)
            return client.get(f"/api/v1/portfolios/{firm.portfolios['P1'].pk}/horizon/").json()

        return ask

    def test_open_orders_are_in_it_over_the_api_and_on_the_page(self, submit, firm, told, client):
        submit(("P1", "BBB", "BUY", "2000"), ("P1", "AAA", "SELL", "100"))
        euro, dollar = told()["ladders"]
        assert [one["currency"] for one in (euro, dollar)] == ["EUR", "USD"]
        assert D(euro["rungs"][-1]["balance"]) == D(100_000) - D("160820.10")  # 2,000 at 80.01, half a percent worse.
        assert euro["first_negative"] == euro["rungs"][-1]["date"] and dollar["first_negative"] is None
        assert "BBB, open order O-" in euro["rungs"][-1]["moves"][0]["what"]
        assert "short on" in client.get(f"/portfolios/{firm.portfolios['P1'].pk}/horizon/").content.decode()

    def test_an_order_whose_day_cannot_be_told_is_named(self, submit, told):
        [pk] = submit(("P1", "BBB", "BUY", "10"))
        SettlementCycle.objects.filter(country="DE").delete()
        assert told()["unknown"] == [pk]

    def test_asks_as_much_for_many_orders_as_for_few(self, submit, told):
        counts = []
        for n in (1, 6):
            submit(*[("P1", "AAA", "BUY", str(10 + n + i)) for i in range(n)])
            told()
            with _counting() as counted:
                told()
            counts.append(counted[0])
        assert counts[0] == counts[1]

    def test_a_portfolio_without_orders_shows_its_cash(self, told):
        assert [(one["currency"], one["first_negative"]) for one in told()["ladders"]] == [("EUR", None), ("USD", None)]
