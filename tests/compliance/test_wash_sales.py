"""Wash sales: sixty-one days at their exact edges, both ways, across a taxpayer's accounts, by lots first in, first out."""

from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest

from apps.compliance.engine.columns import Portfolio
from apps.compliance.engine.judgement import FAIL, INDETERMINATE, NOT_ASKED, PASS
from apps.compliance.engine.rules.wash_sales import judge
from apps.compliance.engine.taxes import Account, Bought, LossSale, Position, TaxLot, count_lots
from apps.portfolios import services as portfolios
from apps.portfolios.lots import Closed, Lot, Traded, lots_of
from apps.portfolios.models import AlikeForTax, Taxpayer
from apps.portfolios.models import Portfolio as Home

from .books import TODAY, book, rule, share
from .ruling import put_in_force

D = Decimal
XYZ = share(1, "XYZ", "90")
HOMES = (Portfolio(1, "P1", taxpayer=7), Portfolio(2, "P2"))


def day(ago: int) -> date:
    return TODAY - timedelta(days=ago)


def ask(orders, *, lots=(), bought=(), losses=()):
    s = book([XYZ], orders, portfolios=HOMES)
    s.lots, s.alike = {(0, 0): list(lots)}, {1: "XYZ"}
    s.taxes = {(7, "XYZ"): Position(list(bought), list(losses))}
    return judge(s, rule("wash_sale"), np.zeros(len(orders), bool))


def sale(limit=None, **more):
    return ask([(0, "XYZ", "SELL", 10, limit)], **more)


class TestSelling:
    @pytest.mark.parametrize(("ago", "outcome"), [(30, FAIL), (31, PASS), (0, FAIL)])
    def test_at_a_loss_after_a_purchase_within_thirty_days(self, ago, outcome):
        old = TaxLot(day(200), D(10), D(100))
        found = sale(lots=[old], bought=[Bought(1, "P1", day(200), D(10), False), Bought(3, "P3", day(ago), D(5), False)])
        assert found.outcome[0] == outcome
        if outcome == FAIL:
            assert "at a loss of about USD 100.00" in found.say(0).text and "The loss is deferred." in found.say(0).text

    @pytest.mark.parametrize(("limit", "outcome"), [("100", PASS), ("99.99", FAIL), (None, FAIL)])
    def test_at_no_loss_it_passes(self, limit, outcome):
        bought = [Bought(3, "P3", day(1), D(5), False)]
        assert sale(limit, lots=[TaxLot(day(200), D(10), D(100))], bought=bought).outcome[0] == outcome

    def test_the_shares_it_sells_itself_replace_nothing(self):
        lots = [TaxLot(day(5), D(10), D(100))]
        assert sale(lots=lots, bought=[Bought(1, "P1", day(5), D(10), False)]).outcome[0] == PASS
        assert sale(lots=[TaxLot(day(5), D(11), D(100))], bought=[Bought(1, "P1", day(5), D(11), False)]).outcome[0] == FAIL

    def test_a_replacement_in_a_retirement_account_loses_it_for_good(self):
        found = sale(lots=[TaxLot(day(200), D(10), D(100))], bought=[Bought(3, "IRA", day(3), D(5), True)])
        assert "lost for good" in found.say(0).text

    def test_an_open_order_to_buy_counts(self):
        found = sale(lots=[TaxLot(day(200), D(10), D(100))], bought=[Bought(1, "P1", TODAY, D(5), False, True)])
        assert found.outcome[0] == FAIL and "has an open order to buy" in found.say(0).text

    def test_an_order_of_the_same_act_to_buy_it_back_counts(self):
        lots = [TaxLot(day(200), D(10), D(100))]
        found = ask([(0, "XYZ", "SELL", 10, None), (0, "XYZ", "BUY", 4, None)], lots=lots)
        assert list(found.outcome) == [FAIL, PASS] and "P1 has an open order to buy" in found.say(0).text
        found = ask([(0, "XYZ", "SELL", 10, None), (1, "XYZ", "BUY", 4, None)], lots=lots)
        assert list(found.outcome) == [PASS, NOT_ASKED]  # Nobody's taxes hang on the other portfolio.

    def test_an_unknown_cost_cannot_be_told(self):
        found = sale(lots=[TaxLot(day(200), D(10), None)], bought=[Bought(3, "P3", day(3), D(5), False)])
        assert found.outcome[0] == INDETERMINATE
        assert sale(lots=[TaxLot(day(200), D(10), None)]).outcome[0] == PASS


class TestBuying:
    @pytest.mark.parametrize(("ago", "outcome"), [(30, FAIL), (31, PASS), (0, FAIL)])
    def test_within_thirty_days_after_a_sale_at_a_loss(self, ago, outcome):
        found = ask([(0, "XYZ", "BUY", 10)], losses=[LossSale("P3", day(ago), D(5), D(50))])
        assert found.outcome[0] == outcome

    def test_after_a_sale_of_what_nobody_knows_the_cost_of_it_cannot_be_told(self):
        unknown = LossSale("P3", day(3), D(5), None)
        found = ask([(0, "XYZ", "BUY", 10)], losses=[unknown])
        assert found.outcome[0] == INDETERMINATE and "the cost of what P3 on 01 Mar sold is not on file" in found.say(0).text
        assert ask([(0, "XYZ", "BUY", 10)], losses=[unknown._replace(on=day(31))]).outcome[0] == PASS
        both = ask([(0, "XYZ", "BUY", 10)], losses=[unknown, LossSale("P4", day(3), D(5), D(50))])
        assert both.outcome[0] == FAIL and "P3" not in both.say(0).text

    def test_what_left_without_a_price_was_not_sold(self):
        of, prices = Position([], []), [(None, None), (D(9), None), (None, D(8)), (D(8), D(9)), (D(9), D(8))]
        count_lots(of, Account(1, "P1", False), [], [Closed(day(3), day(99), D(5), *price) for price in prices], D(2))
        assert [sale.loss for sale in of.losses] == [None, 10]

    def test_a_portfolio_of_no_taxpayer_is_not_asked(self):
        assert ask([(1, "XYZ", "BUY", 10)], losses=[LossSale("P3", day(3), D(5), D(50))]).outcome[0] == NOT_ASKED


def test_lots_are_sold_first_in_first_out():
    moved = [Traded(day(9), D(10), D(100)), Traded(day(8), D(10), D(50)), Traded(day(2), D(-15), D(80))]
    left, closed = lots_of(moved)
    assert left == [Lot(day(8), D(5), D(50))]
    assert closed == [Closed(day(2), day(9), D(10), D(100), D(80)), Closed(day(2), day(8), D(5), D(50), D(80))]
    assert [one.loss for one in closed] == [20, 0]


def test_what_was_sold_before_it_was_bought_opens_no_lot():
    left, closed = lots_of([Traded(day(9), D(-10), D(100)), Traded(day(8), D(15), D(50))])
    assert (left, closed) == ([Lot(day(8), D(5), D(50))], [])


class TestBooks:
    @pytest.fixture
    def moved(self, firm, by):
        def move(home: str, symbol: str, qty: str, price: str, ago: int, source: str, kind: str = "TRADE") -> None:
            on = date.today() - timedelta(days=ago)
            portfolios.post_movements(
                by("loader"),
                [portfolios.Moved(firm.portfolios[home].pk, on, on, source, kind, firm.instruments[symbol].pk, D(qty), D(price))],
            )

        return move

    @pytest.fixture
    def one_payer(self, firm, by, people):
        payer = Taxpayer.objects.create(code="SMITH", name="The Smiths")
        Home.objects.filter(code__in=("P1", "P2")).update(taxpayer=payer)
        Home.objects.filter(code="P2").update(is_ira=True)
        put_in_force(by, "wash_sale", {}, severity="SOFT", name="Wash sale", kind="wash_sale")

    def test_both_ways_across_accounts_and_what_is_alike(self, one_payer, moved, submit, check_of, firm):
        moved("P1", "AAA", "100", "70", 90, "b1")
        moved("P1", "AAA", "-50100", "50", 10, "s1")  # All of it, at 20 below the cost of the last lot.
        [ira] = submit(("P2", "AAA", "BUY", "10"))
        assert "P1 on" in check_of(ira).results[0]["text"] and "lost for good" in check_of(ira).results[0]["text"]
        [other] = submit(("P1", "CCC", "BUY", "10"))
        assert check_of(other).outcome == "PASS"
        for symbol in ("AAA", "CCC"):
            AlikeForTax.objects.create(instrument=firm.instruments[symbol], word="ALPHA", reason="Policy of 2026")
        [alike] = submit(("P1", "CCC", "BUY", "11"))
        assert check_of(alike).outcome == "FAIL"
        [stranger] = submit(("P3", "AAA", "BUY", "10"))
        assert check_of(stranger).outcome == "PASS"

    def test_what_was_reversed_never_happened(self, one_payer, moved, submit, check_of):
        moved("P1", "AAA", "100", "70", 90, "b1")
        moved("P1", "AAA", "-50100", "50", 10, "s1")
        moved("P1", "AAA", "50100", "50", 10, "s1", "REVERSAL")
        [pk] = submit(("P2", "AAA", "BUY", "10"))
        assert check_of(pk).outcome == "PASS"

    def test_lots_stand_on_the_page_and_over_the_api(self, one_payer, moved, firm, client, mira):
        moved("P1", "AAA", "100", "70", 90, "b1")
        client.force_login(mira)
        pk = firm.portfolios["P1"].pk
        assert "Tax lots of The Smiths" in client.get(f"/portfolios/{pk}/").content.decode()
        first, second = client.get(f"/api/v1/portfolios/{pk}/lots/").json()[:2]
        assert (first["symbol"], D(first["qty"]), D(first["price"])) == ("AAA", 100, 70)
        assert (D(second["qty"]), second["price"]) == (50_000, None)
