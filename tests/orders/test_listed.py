"""The ticket by asset class: what each says alone, what is refused beside which field, what an order is by default."""

import pytest

from apps.orders import services as orders
from apps.orders.api import OrderIn
from apps.orders.models import Order
from apps.orders.rules import CLASSES
from tests.orders.test_rules import judge

AT_MARKET = {"order_type": "MARKET"}


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        ({"asset_class": "EQUITY", "position_effect": "open"}, "position_effect", "Only options and futures"),
        ({"asset_class": "FUTURE", "position_effect": "roll"} | AT_MARKET, "position_effect", "Use OPEN or CLOSE"),
        ({"asset_class": "OPTION", "side": "SELL_SHORT"} | AT_MARKET, "side", "Sell, with OPEN"),
        ({"asset_class": "FX", "side": "SELL_SHORT"}, "side", "Sell the pair"),
        ({"asset_class": "FUND", "side": "short"}, "side", "Redeem what is held"),
        ({"asset_class": "OPTION", "increment": 10_000, "qty": "2.5"} | AT_MARKET, "qty", "not a multiple of 1"),
        ({"asset_class": "FUTURE"}, "limit_price", "unless it says MARKET"),
    ],
)
def test_names_the_field_and_what_is_wrong(change, field, says):
    _, problems = judge(change)
    [(_, named, message)] = problems.rows()
    assert named == field and says in message


def test_keeps_the_effect_in_one_spelling():
    terms, problems = judge({"asset_class": "FUTURE", "position_effect": " Close "} | AT_MARKET)
    assert problems.rows() == [] and terms["terms"].to_list() == ['{"position_effect":"CLOSE"}']


@pytest.mark.parametrize(
    ("asset_class", "limit", "kind"),
    [
        ("EQUITY", "", "MARKET"), ("EQUITY", "5", "LIMIT"), ("CORP", "", "MARKET"), ("OPTION", "5", "LIMIT"),
        ("FX", "", "MARKET"), ("FUND", "", "MARKET"), (None, "", "MARKET"),
    ],
)  # fmt: skip
def test_is_what_orders_of_its_class_are_where_nobody_said(asset_class, limit, kind):
    terms, problems = judge({"asset_class": asset_class, "limit_price": limit})
    assert problems.rows() == [] and terms.select("order_type", "tif").rows() == [(kind, "DAY")]


def test_the_interface_documents_what_an_order_of_each_class_is_by_default():
    said = OrderIn().fields["order_type"].help_text
    assert all(code in said for code in CLASSES) and "OPTION, FUTURE: LIMIT (so the price is asked for), DAY" in said


@pytest.mark.django_db
class TestOrders:
    def test_are_entered_in_contracts_with_their_effect(self, listed, mira, by):
        [pk] = orders.create_orders(by(mira), [listed.wish("OPT", qty="3", position_effect="OPEN")])

        order = Order.objects.get(pk=pk)
        assert (order.qty, order.terms) == (3, {"position_effect": "OPEN"})

    def test_by_amount_count_the_multiplier(self, listed, mira, by):
        """12,000 at a premium of 5 with a multiplier of 100 are 24 contracts."""
        [pk] = orders.create_orders(by(mira), [listed.wish("OPT", qty="", intent="AMOUNT", intent_value="12000")])

        assert Order.objects.get(pk=pk).qty == 24

    @pytest.mark.parametrize(("days", "says"), [(0, "expires today"), (-1, "expired on")])
    def test_in_what_has_expired_are_refused_beside_the_instrument(self, listed, mira, by, days, says):
        listed.expires("FUT", days)
        with pytest.raises(orders.BadWishes) as refused:
            orders.create_orders(by(mira), [listed.wish("FUT", qty="1")])

        [row] = refused.value.facts["rows"]
        assert row["field"] == "instrument" and says in row["message"]
        assert not Order.objects.exists()


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"side": "SELL", "short_exempt": "4"}, "Only a short sale"),
        ({"side": "BUY", "short_exempt": "ODD_LOT"}, "Only a short sale"),
        ({"side": "SELL_SHORT", "short_exempt": "0"}, "no listed exemption"),
        ({"side": "SELL_SHORT", "short_exempt": "because"}, "no listed exemption"),
    ],
)
def test_an_exemption_is_of_a_short_sale_and_listed(asked, says):
    _, problems = judge({"asset_class": "EQUITY"} | AT_MARKET | asked)
    assert [(field, says in why) for _, field, why in problems.rows()] == [("short_exempt", True)]


@pytest.mark.parametrize("said", ["4", "odd_lot", "Odd lot"])
def test_an_exemption_is_read_by_number_and_word(said):
    terms, problems = judge({"asset_class": "EQUITY", "side": "SELL_SHORT", "short_exempt": said} | AT_MARKET)
    assert problems.rows() == [] and terms["terms"].to_list() == ['{"short_exempt":"ODD_LOT"}']
