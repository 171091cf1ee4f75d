"""Short sales: what is borrowed is not held, what is sold short promises nothing that is, and how a sale is marked."""

from datetime import timedelta
from decimal import Decimal

import pytest

from apps.compliance import services as compliance
from apps.orders import services as orders
from apps.orders.models import Order

D = Decimal


@pytest.fixture
def only(by, firm, omar):
    """``only(kind, …)``: that rule alone is in force."""

    def make(kind: str, **params) -> None:
        compliance.save_rule(by(omar), kind, params, severity="HARD", text="As it says.", name=kind, kind=kind)

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
