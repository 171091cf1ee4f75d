"""Trading limits: at their exact edges, when an order is submitted, and again before anything is sent."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction as F

import numpy as np
import pytest

from apps.compliance.engine.controls import Limit, Wish, largest, reasons
from apps.compliance.engine.judgement import FAIL, INDETERMINATE, NOT_ASKED, PASS
from apps.compliance.engine.rules.limits import judge
from apps.compliance.models import TradingLimit
from apps.orders.models import Order

from .books import QTY, book, rule, share
from .ruling import put_in_force

D = Decimal
NOTHING = dict.fromkeys(("user", "desk", "instrument", "max_qty", "max_notional", "max_adv_pct", "collar_pct"))
XYZ = share(1, "XYZ", "100", daily_qty=D(10_000))


def limit(pk: int = 1, **more) -> Limit:
    numbers = {name: D(value) if name[:3] in ("max", "col") else value for name, value in more.items()}
    return Limit(**{"id": pk, "asset_class": "", "stops_wrong_side": False} | NOTHING | numbers)


def wish(qty="100", price=None, **more) -> Wish:
    return Wish(**{"buy": True, "qty": F(qty), "limit": price and F(price), "mid": F(100), "factor": F(1), "daily": F(10_000)} | more)


class TestReasons:
    @pytest.mark.parametrize(
        ("asked", "bound", "says"),
        [
            (wish("100"), limit(max_qty="100"), []),
            (wish("100.0001"), limit(max_qty="100"), ["QUANTITY_EXCEEDS_MAX: x=100.0001, max=100"]),
            (wish("100"), limit(max_notional="10000"), []),
            (wish("100.0001"), limit(max_notional="10000"), ["NOTIONAL_EXCEEDS_MAX: x=10000.01, max=10000"]),
            (wish("100", "101"), limit(max_notional="10000"), ["NOTIONAL_EXCEEDS_MAX: x=10100, max=10000"]),  # At its limit price.
            (wish("1000"), limit(max_adv_pct="10"), []),
            (wish("1001"), limit(max_adv_pct="10"), ["ADV_PCT_EXCEEDS_MAX: x=10.01, max=10"]),
            (wish("1", "105"), limit(collar_pct="5"), []),
            (wish("1", "105.01"), limit(collar_pct="5"), ["PRICE_OUTSIDE_COLLAR: x=5.01, max=5"]),
            (wish("1", "94.99", buy=False), limit(collar_pct="5"), ["PRICE_OUTSIDE_COLLAR: x=5.01, max=5"]),
            (wish("1", "50"), limit(collar_pct="5"), []),  # A buy far below the market harms nobody.
            (wish("7", buy=False, unheld=True), limit(stops_wrong_side=True), ["WRONG_SIDE: x=7, max=0"]),
            (wish("7", buy=False), limit(stops_wrong_side=True), []),
            (wish("1", mid=None), limit(max_notional="1"), ["NOTIONAL_EXCEEDS_MAX: x=unknown, max=1"]),
            (wish("1", daily=None), limit(max_adv_pct="1"), ["ADV_PCT_EXCEEDS_MAX: x=unknown, max=1"]),
        ],
    )  # fmt: skip
    def test_say_code_and_numbers_at_the_exact_edge(self, asked, bound, says):
        assert [str(one) for one in reasons(asked, [bound])] == says

    def test_of_two_limits_the_tighter_binds(self):
        [why] = reasons(wish("100"), [limit(1, max_qty="50"), limit(2, max_qty="20"), limit(3, max_qty="90")])
        assert (why.limit_id, why.most) == (2, 20)
        assert largest(wish("100"), [limit(1, max_qty="50"), limit(2, max_notional="4950")], F(1), F(1)) == 49

    def test_a_limit_is_of_whom_it_names(self):
        bound = limit(user=1, desk=2, asset_class="EQUITY")
        assert bound.is_of(1, 2, 9, "EQUITY") and limit().is_of(1, 2, 9, "FX")
        assert not any(bound.is_of(*other) for other in ((3, 2, 9, "EQUITY"), (1, 3, 9, "EQUITY"), (1, 2, 9, "ETF")))


def test_orders_no_limit_is_of_are_not_asked():
    snapshot = book([XYZ, share(2, "ETF", asset_class="ETF")], [(0, "XYZ", "BUY", 100), (0, "XYZ", "BUY", 101), (0, "ETF", "BUY", 500)])
    snapshot.limits = [limit(max_qty="100", asset_class="EQUITY")]
    found = judge(snapshot, rule("trading_limits"), np.zeros(3, bool))
    assert found.outcome.tolist() == [PASS, FAIL, NOT_ASKED] and found.max_qty.tolist() == [-1, 100 * QTY, -1]


def test_what_cannot_be_told_is_no_pass():
    snapshot = book([share(1, "XYZ", None)], [(0, "XYZ", "BUY", 100)])
    snapshot.limits = [limit(max_notional="100")]
    found = judge(snapshot, rule("trading_limits"), np.zeros(1, bool))
    assert found.outcome[0] == INDETERMINATE and found.say(0).text == "NOTIONAL_EXCEEDS_MAX: x=unknown, max=100."


@pytest.fixture
def bound(firm, people, by):
    """``bound(max_qty="100", user=tom)``: the limit is in force, and the rule that asks it."""

    def make(**terms) -> TradingLimit:
        given = {"starts_on": date.today() - timedelta(days=1), "reason": "House"} | terms
        return TradingLimit.objects.create(**given)

    put_in_force(by, "trading_limits", {}, severity="HARD", name="Limits", kind="trading_limits")
    return make


class TestAtSubmit:
    def test_holds_the_order_with_its_code(self, bound, submit, check_of, mira, firm):
        bound(max_qty="1000", user=mira), bound(max_notional="60000", instrument=firm.instruments["AAA"])
        ok, large, dear = submit(("P1", "CCC", "SELL", "1000"), ("P1", "CCC", "SELL", "1001"), ("P1", "AAA", "SELL", "1300"))
        assert [Order.objects.get(pk=pk).status for pk in (ok, large, dear)] == ["CLEARED", "HELD", "HELD"]
        [said] = check_of(dear).results
        assert said["text"] == "QUANTITY_EXCEEDS_MAX: x=1300, max=1000; NOTIONAL_EXCEEDS_MAX: x=65000, max=60000."
        assert [(one["what"], one["value"], one["max"]) for one in said["data"]] == [
            ("QUANTITY_EXCEEDS_MAX", "1300", "1000"), ("NOTIONAL_EXCEEDS_MAX", "65000", "60000"),
        ]  # fmt: skip
        assert check_of(dear).max_passing_qty == 1000

    def test_what_ended_or_is_somebody_elses_asks_nothing(self, bound, submit, tom):
        bound(max_qty="1", user=tom), bound(max_qty="1", ends_on=date.today() - timedelta(days=1))
        [pk] = submit(("P1", "AAA", "SELL", "100"))
        assert Order.objects.get(pk=pk).status == "CLEARED"

    def test_the_wrong_side_is_a_sale_of_nothing(self, bound, submit, firm, check_of):
        from apps.portfolios.models import Position

        bound(stops_wrong_side=True)
        Position.objects.filter(portfolio=firm.portfolios["P1"], instrument=firm.instruments["AAA"]).delete()
        gone, held = submit(("P1", "AAA", "SELL", "100"), ("P2", "AAA", "SELL", "100"))
        assert [Order.objects.get(pk=pk).status for pk in (gone, held)] == ["HELD", "CLEARED"]
        assert check_of(gone).results[0]["text"] == "WRONG_SIDE: x=100, max=0."


def test_is_shown_on_a_page_and_over_the_api(bound, client, omar, mira):
    bound(max_qty="1000", user=mira)
    client.force_login(omar)
    assert "In force" in client.get("/trading-limits/").content.decode()
    [row] = client.get("/api/v1/trading-limits/").json()["results"]
    assert (row["user"], D(row["max_qty"]), row["reason"]) == (mira.username, 1000, "House")
