"""Short sales: what is borrowed is not held, what is sold short promises nothing that is, and how a sale is marked."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from apps.compliance.engine.columns import QTY, Breaker, Portfolio
from apps.compliance.engine.judgement import FAIL, INDETERMINATE, PASS
from apps.compliance.engine.rules.short_sales import judge
from apps.marketdata import services as marketdata
from apps.marketdata.models import Bar, Quote
from apps.marketdata.models import Breaker as Breaker_
from apps.marketdata.selectors import breakers_of
from apps.orders import services as orders
from apps.orders.models import Order
from apps.portfolios.models import Portfolio as Portfolio_
from tests.compliance.ruling import put_in_force

from .books import NEXT, NOW, ONE, TODAY, book, rule, share

D = Decimal
XYZ = share(1, "XYZ", "90")


@pytest.fixture
def only(by, firm, people):
    """``only(kind, …)``: that rule alone is in force."""

    def make(kind: str, **params) -> None:
        put_in_force(by, kind, params, severity="HARD", name=kind, kind=kind)

    return make


@pytest.fixture
def wish(firm, mira, by):
    """``wish("P1", "AAA", "SELL", "100", located="40")``: a submitted order, with a lender's word for so many units."""

    def make(portfolio: str, symbol: str, side: str, qty: str, *, located: str = "", **terms) -> int:
        act = by(mira)
        asked = orders.Wish(firm.portfolios[portfolio].pk, firm.instruments[symbol].pk, side, qty, **terms)
        [pk] = orders.create_orders(act, [asked])
        if located:
            orders.attach_locate(
                act, pk, lender="Prime", ref="L1", qty=located, expires_at=act.at + timedelta(hours=6), seen={pk: 1}
            )
        orders.submit_orders(act, [pk], seen={pk: Order.objects.get(pk=pk).version})
        return pk

    return make


def status(pk: int) -> str:
    return Order.objects.get(pk=pk).status


class TestHolding:
    def test_what_a_lender_gave_his_word_for_needs_no_holding(self, only, wish):
        only("holding")
        assert status(wish("P1", "AAA", "SELL_SHORT", "60000", located="60000")) == "CLEARED"

    def test_what_nobody_lends_is_held_with_what_is_lent_as_the_most(self, only, wish, check_of):
        only("holding")
        none, some = wish("P1", "AAA", "SELL_SHORT", "100"), wish("P1", "AAA", "SELL_SHORT", "100", located="40")
        assert (status(none), status(some)) == ("HELD", "HELD")
        assert [int(check_of(pk).max_passing_qty) for pk in (none, some)] == [0, 40]
        assert check_of(some).results[0]["text"] == "100 AAA would be sold short, 40 can be borrowed."

    def test_a_short_sale_takes_nothing_of_what_is_held(self, only, wish):
        only("holding")
        wish("P1", "AAA", "SELL_SHORT", "1000", located="1000")
        assert status(wish("P1", "AAA", "SELL", "50000")) == "CLEARED"
        assert status(wish("P1", "AAA", "SELL", "1")) == "HELD"


class TestTheRule:
    """The engine alone."""

    def ask(self, orders, *, rule_is=None, **more):
        snapshot = book([XYZ], orders, portfolios=more.pop("portfolios", ONE), **more)
        return snapshot, judge(snapshot, rule_is or rule("short_sale"), np.zeros(len(orders), bool))

    @pytest.mark.parametrize(
        ("side", "qty", "held", "others", "outcome", "most"),
        [
            ("SELL", 100, 100, [], PASS, -1),
            ("SELL", 101, 100, [], FAIL, 100),
            ("SELL", 1, 0, [], FAIL, 0),
            ("SELL", 60, 100, [(0, "XYZ", "SELL", 40)], PASS, -1),
            ("SELL", 61, 100, [(0, "XYZ", "SELL", 40)], FAIL, 60),
            ("SELL", 61, 100, [(0, "XYZ", "SELL_SHORT", 40)], FAIL, 60),
            ("SELL", 100, 0, [(0, "XYZ", "BUY", 100)], FAIL, 0),  # What is still to be bought is not owned.
            ("SELL_SHORT", 100, 0, [], PASS, -1),
        ],
    )
    def test_marks_by_what_is_owned_net(self, side, qty, held, others, outcome, most):
        _, found = self.ask([(0, "XYZ", side, qty)], positions=[(0, "XYZ", held)], others=others, located={1: qty})
        assert (found.outcome[0], found.max_qty[0]) == (outcome, most * QTY if most > 0 else most)

    def test_names_the_right_mark(self):
        _, none = self.ask([(0, "XYZ", "SELL", 10)])
        _, part = self.ask([(0, "XYZ", "SELL", 100)], positions=[(0, "XYZ", 60)])
        assert none.say(0).text == "10 XYZ are marked SELL, but P1 owns 0 net: the right mark is SELL_SHORT."
        assert part.say(0).text.endswith("owns 60 net: the right mark is SELL for 60 and SELL_SHORT for 40.")

    def test_portfolios_of_one_unit_are_one_seller(self):
        homes = tuple(Portfolio(n, f"P{n}", unit=unit) for n, unit in ((1, "fund"), (2, "fund"), (3, "")))
        given = {"positions": [(0, "XYZ", 100), (1, "XYZ", -150), (2, "XYZ", 100)], "portfolios": homes}
        _, found = self.ask([(0, "XYZ", "SELL", 100), (2, "XYZ", "SELL", 100)], **given)
        assert found.outcome.tolist() == [FAIL, PASS]
        assert "unit fund owns −50 net" in found.say(0).text
        _, found = self.ask([(1, "XYZ", "SELL", 60), (0, "XYZ", "SELL", 41)], **given | {"positions": [(0, "XYZ", 100)]})
        assert found.outcome.tolist() == [PASS, FAIL]  # The first took sixty of the hundred.

    def test_what_the_rest_of_the_unit_owns_counts(self):
        homes = (Portfolio(1, "P1", unit="fund"),)
        snapshot, _ = self.ask([(0, "XYZ", "SELL", 100)], portfolios=homes)
        snapshot.units_owned = {("fund", 0): 100 * QTY}
        assert judge(snapshot, rule("short_sale"), np.zeros(1, bool)).outcome.tolist() == [PASS]

    @pytest.mark.parametrize(("lent", "outcome", "most"), [(100, PASS, -1), ("99.9999", FAIL, 99), (0, FAIL, 0)])
    def test_a_locate_covers_all_of_it(self, lent, outcome, most):
        _, found = self.ask([(0, "XYZ", "SELL_SHORT", 100)], located={1: lent})
        assert (found.outcome[0], found.max_qty[0]) == (outcome, most * QTY if most > 0 else most)
        _, found = self.ask([(0, "XYZ", "SELL_SHORT", 100)], located={1: lent}, rule_is=rule("short_sale", needs_locate=False))
        assert found.outcome[0] == PASS

    @pytest.mark.parametrize(
        ("limit", "exempt", "outcome"),
        [
            (None, "", FAIL), ("90", "", FAIL), ("90.00000001", "", PASS), ("89.99999999", "", FAIL),
            (None, "ODD_LOT", PASS), ("90", "ABOVE_BID", PASS),
        ],
    )  # fmt: skip
    def test_no_short_at_or_below_the_bid_while_the_breaker_is_on(self, limit, exempt, outcome):
        asked = [(0, "XYZ", "SELL_SHORT", 100, limit)]
        snapshot, _ = self.ask(asked, located={1: 100}, exempt={1: exempt})
        snapshot.breakers = {0: Breaker(TODAY, NEXT, D(90), D(100))}
        found = judge(snapshot, rule("short_sale"), np.zeros(1, bool))
        assert found.outcome[0] == outcome
        if outcome == FAIL:
            assert "fell to 90 on 04 Mar against a close of 100: until the end of 05 Mar" in found.say(0).text

    def test_an_old_bid_or_an_unknown_close_cannot_tell(self):
        snapshot, _ = self.ask([(0, "XYZ", "SELL_SHORT", 100, "95")], located={1: 100})
        snapshot.breakers = {0: None}
        found = judge(snapshot, rule("short_sale"), np.zeros(1, bool))
        assert found.outcome[0] == INDETERMINATE and "close is not on file" in found.say(0).text
        snapshot.breakers = {0: Breaker(TODAY, NEXT, D(90), D(100))}
        snapshot.instruments = [XYZ._replace(priced_at=NOW - timedelta(minutes=15, seconds=1))]
        found = judge(snapshot, rule("short_sale"), np.zeros(1, bool))
        assert found.outcome[0] == INDETERMINATE and "more than 15 min old" in found.say(0).text
        assert judge(snapshot, rule("short_sale", price_test=False), np.zeros(1, bool)).outcome[0] == PASS


class TestBreakers:
    """Tuesday 3 March 2026 in New York, after a close of 100 on Monday."""

    AT = datetime(2026, 3, 3, 16, 0, tzinfo=UTC)

    @pytest.fixture
    def fallen(self, firm):
        def fall(price: str, close: str = "100", at=None) -> int:
            pk = firm.instruments["AAA"].pk
            marketdata.record_closes([(pk, date(2026, 3, 2), D(close))], [])
            Quote.objects.filter(pk=pk).update(last=price, at=at or self.AT)
            return pk

        return fall

    @pytest.mark.parametrize(("price", "tripped"), [("90", 1), ("90.00000001", 0), ("89.99", 1)])
    def test_trips_at_a_tenth_and_not_before(self, fallen, price, tripped):
        pk = fallen(price)
        assert marketdata.trip_breakers(self.AT) == tripped
        assert marketdata.trip_breakers(self.AT) == 0
        assert Breaker_.objects.filter(instrument=pk, on=date(2026, 3, 3), until=date(2026, 3, 4)).count() == tripped

    def test_stays_on_for_the_day_and_the_next_session(self, fallen):
        pk = fallen("90")
        marketdata.trip_breakers(self.AT)
        fallen("99")
        told = [breakers_of([pk], self.AT + timedelta(days=days)) for days in (0, 1)]
        marketdata.record_closes([(pk, date(2026, 3, 3 + n), D(99)) for n in range(2)], [])
        assert [found[pk].until for found in told] == [date(2026, 3, 4)] * 2
        assert breakers_of([pk], self.AT + timedelta(days=2)) == {}

    def test_over_a_weekend_the_next_session_is_monday(self, fallen, firm):
        friday = datetime(2026, 3, 6, 16, 0, tzinfo=UTC)
        pk = fallen("80", at=friday)
        marketdata.record_closes([(pk, date(2026, 3, 5), D(100))], [])
        marketdata.trip_breakers(friday)
        assert breakers_of([pk], friday + timedelta(days=1))[pk].until == date(2026, 3, 9)

    def test_is_seen_before_anybody_kept_it_and_of_a_dip_that_is_over(self, fallen):
        pk = fallen("95")
        assert breakers_of([pk], self.AT) == {}
        Bar.objects.create(instrument_id=pk, at=self.AT, open=95, high=95, low="90", close=95, volume=1, turnover=95)
        assert breakers_of([pk], self.AT)[pk].price == 90
        assert marketdata.trip_breakers(self.AT) == 1

    def test_cannot_be_told_without_the_last_close_and_is_of_the_us_alone(self, firm):
        pk, german = firm.instruments["AAA"].pk, firm.instruments["BBB"].pk
        assert breakers_of([pk, german], self.AT) == {pk: None}

    def test_is_listed_on_the_page_and_over_the_api(self, fallen, firm, client, omar):
        from django.utils import timezone

        Breaker_.objects.create(
            instrument=firm.instruments["AAA"], on=timezone.now().date(), until=timezone.now().date() + timedelta(days=1), price=90,
            close=100, found_at=timezone.now(),
        )  # fmt: skip
        client.force_login(omar)
        assert "Short sales above the bid alone" in client.get("/restrictions/").content.decode()
        [row] = client.get("/api/v1/short-sale-breakers/").json()["results"]
        assert (row["symbol"], D(row["price"])) == ("AAA", 90)


def test_the_unit_of_a_portfolio_is_read_from_the_books(only, wish, firm, check_of):
    only("short_sale", price_test=False)
    Portfolio_.objects.filter(code__in=("P1", "P2")).update(aggregation_unit="fund")
    assert status(wish("P1", "AAA", "SELL", "100000")) == "CLEARED"  # P2's 50,000 stand for it.
    assert status(wish("P2", "AAA", "SELL", "1")) == "HELD"
    assert status(wish("P3", "AAA", "SELL", "50000")) == "CLEARED"
    assert status(wish("P3", "AAA", "SELL", "1")) == "HELD"
