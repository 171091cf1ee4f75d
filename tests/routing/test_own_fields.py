"""Routing rules about fields of the firm's own: which blocks they take, and how they are set up."""

import pytest

from apps.core.refusals import Invalid
from apps.orders.models import Order, OwnField
from apps.routing import services as routing
from apps.routing.models import Route, RoutingRule
from apps.routing.selectors import agreed_own


@pytest.fixture
def sleeve(firm):
    return OwnField.objects.create(code="sleeve", label="Sleeve", kind="list", choices=["Core", "Satellite"])


@pytest.mark.parametrize(("said", "asks"), [("Core", True), ("Satellite", False), (None, False)])
def test_a_rule_asks_what_all_orders_of_a_block_say(a_block, sleeve, firm, tom, by, said, asks):
    core = RoutingRule.objects.create(
        rank=1, name="Core goes slowly", own_field=sleeve, own_value="Core", action="ALGO", strategy="TWAP"
    )
    core.brokers.add(firm.brokers["HARBOR"])
    block = a_block("AAA", "BUY", 300, 700, own={"sleeve": said} if said else None)
    [pk] = routing.route_blocks(by(tom), [block.pk], seen={block.pk: block.version}).routes

    trace = Route.objects.get(pk=pk).trace
    assert (trace["rule"] == "Core goes slowly") is asks
    assert trace.get("own") == ({"sleeve": said} if said else None)
    because = {"rule": "Core goes slowly", "because": "Sleeve is not Core for all its orders"}
    assert (because in trace["passed_over"]) is not asks


def test_what_orders_of_a_block_say_differently_no_rule_asks(a_block, sleeve):
    block = a_block("AAA", "BUY", 300, 700)
    for order, said in zip(block.members.values_list("order", flat=True), ("Core", "Satellite"), strict=True):
        Order.objects.filter(pk=order).update(own={"sleeve": said, "esg": True})
    assert agreed_own([block.pk], {"sleeve", "esg"}) == {block.pk: {"esg": "true"}}
    assert agreed_own([block.pk], set()) == {}


@pytest.mark.parametrize(("value", "wrong"), [("Core", ""), ("Corn", "own_value"), ("", "own_value")])
def test_a_rule_is_written_with_a_value_that_orders_can_say(sleeve, tom, by, value, wrong):
    text = routing.RuleText(1, "Core", "TRADER", own_field="sleeve", own_value=value)
    if not wrong:
        assert routing.propose_rule(by(tom, "Their wish."), text)
        return
    with pytest.raises(Invalid) as refusal:
        routing.propose_rule(by(tom, "Their wish."), text)
    assert refusal.value.facts["field"] == wrong
