"""Quantities by intent: what they come to, what they were made from, and what is refused."""

from datetime import UTC, datetime
from decimal import Decimal as D

import pytest
from django.urls import reverse

from apps.audit.models import Entry
from apps.orders import rules
from apps.orders import services as orders
from apps.orders.models import Order

NOW = datetime(2026, 11, 20, 15, tzinfo=UTC)
# 10 million in all, of which 50,000 units at 50 are a quarter.
KNOWN = rules.Known("AAA", D(1), D(1), D(50), NOW, D(1), NOW, D(10_000_000), D(50_000))


@pytest.mark.parametrize(
    ("kind", "value", "side", "comes_to"),
    [
        ("AMOUNT", "1,234.5", "BUY", ("BUY", "24")),
        ("NAV_PCT", "1", "BUY", ("BUY", "2000")),
        ("TARGET_PCT", "20", "", ("SELL", "10000")),
        ("target pct", "30", "BUY", ("BUY", "10000")),
        ("TARGET_PCT", "0", "SELL", ("SELL", "50000")),
        ("POSITION_PCT", "50", "SELL", ("SELL", "25000")),
        ("CLOSE", "", "", ("SELL", "50000")),
    ],
)
def test_comes_to_units(kind, value, side, comes_to):
    found = rules.derived(kind, value, side, KNOWN)
    assert ((found.side, found.qty), found.problem) == (comes_to, None)
    assert found.made_from["held"] == "50000" and found.made_from["qty"] == comes_to[1]


def test_a_bond_counts_percent_of_par_in_its_own_money_and_whole_denominations():
    bond = KNOWN._replace(increment=D(1000), price_factor=D("0.01"), price=D(98), usd_rate=D("1.1"), held=D(0))
    assert rules.derived("NAV_PCT", "1", "BUY", bond).qty == "92000"  # 100,000 USD are 90,909 of money, 92,764 of face.


@pytest.mark.parametrize(
    ("kind", "value", "side", "changed", "says"),
    [
        ("WISH", "1", "BUY", {}, "no intent"),
        ("AMOUNT", "much", "BUY", {}, "number above zero"),
        ("AMOUNT", "0", "BUY", {}, "above zero"),
        ("AMOUNT", "10", "BUY", {}, "less than 1"),
        ("NAV_PCT", "101", "BUY", {}, "no percentage"),
        ("NAV_PCT", "30", "SELL", {}, "only 50000 AAA is held"),
        ("TARGET_PCT", "20", "BUY", {}, "this is a sell"),
        ("CLOSE", "", "SELL", {"held": D(0)}, "nothing to do"),
        ("AMOUNT", "1000", "BUY", {"price": None}, "no quote"),
        ("NAV_PCT", "1", "BUY", {"nav_usd": None}, "cannot be valued"),
    ],
)
def test_says_why_there_is_none(kind, value, side, changed, says):
    found = rules.derived(kind, value, side, KNOWN._replace(**changed))
    assert found.qty == "" and says in found.problem


@pytest.mark.django_db
class TestOrders:
    def test_keep_the_intent_and_are_derived_again(self, drafts, wish, firm, mira, by):
        [pk] = drafts(wish(qty="", intent="AMOUNT", intent_value="100000"))
        order = Order.objects.get(pk=pk)
        assert (order.qty, order.intent["kind"], order.intent["value"]) == (2000, "AMOUNT", "100000")
        assert order.intent["price"] == "50" and order.intent["price_at"]

        firm.quote("AAA", "40")
        orders.amend_orders(by(mira), {pk: {"intent": "AMOUNT", "intent_value": "100000"}}, seen={pk: 1})
        order.refresh_from_db()
        assert (order.qty, order.intent["price"], order.version) == (2500, "40", 2)

        orders.amend_orders(by(mira), {pk: {"rationale": "still"}}, seen={pk: 2})
        order.refresh_from_db()
        assert order.intent["qty"] == "2500"
        orders.amend_orders(by(mira), {pk: {"qty": "10"}}, seen={pk: 3})
        order.refresh_from_db()
        assert (order.qty, order.intent) == (10, None)  # By hand it is nobody's intent any more.
        told = list(Entry.objects.filter(subject="order", subject_id=pk, event="order.amended").order_by("nth"))
        prices = [one.payload["before"]["intent"]["price"] for one in told if "intent" in one.payload["after"]]
        assert (prices, "intent" in told[1].payload["after"], told[2].payload["after"]["intent"]) == (["50", "40"], False, None)

    def test_that_would_sell_what_is_not_held_are_refused_beside_the_value(self, drafts, wish):
        with pytest.raises(orders.BadWishes) as refused:
            drafts(wish(side="SELL", qty="", intent="AMOUNT", intent_value="5000000"))
        [row] = refused.value.facts["rows"]
        assert row["field"] == "intent_value" and "only 50000 AAA is held" in row["message"]
        assert not Order.objects.exists()

    def test_the_page_shows_the_drift_and_applies_it(self, drafts, wish, firm, mira, client):
        [pk] = drafts(wish(qty="", intent="AMOUNT", intent_value="100000"))
        firm.quote("AAA", "40")
        client.force_login(mira)
        at = reverse("orders:derive", args=[pk])
        assert "2000 now; at the prices of this moment it is 2500, a drift of +500" in client.get(at).content.decode()
        assert client.post(at, {"seen": f"{pk}:1"}).status_code < 300
        assert Order.objects.get(pk=pk).qty == 2500
        assert b"Derive again" in client.get(reverse("orders:detail", args=[pk])).content
