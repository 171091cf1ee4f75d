"""Every version of FIX over TCP against the street, which answers in the version it is spoken to."""

import json

import pytest

from apps.routing import services as routing
from apps.routing.models import Execution, Message, Route, RoutingRule, Session
from tests.routing.test_gateway import (  # noqa: F401 - fixtures
    D,
    assert_both_sides_agree,
    data,
    gateway,
    market,
    over,
    wait_until,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]


@pytest.mark.parametrize(("begin_string", "appl_ver_id"), [("FIX.4.2", ""), ("FIX.4.4", ""), ("FIXT.1.1", "9")])
def test_an_order_is_filled_replaced_cancelled_corrected_and_busted(
    gateway, market, a_block, tom, by, begin_string, appl_ver_id  # noqa: F811
):  # fmt: skip
    Session.objects.exclude(target_comp_id="HARBOR").update(is_enabled=False)
    Session.objects.update(begin_string=begin_string, appl_ver_id=appl_ver_id)
    RoutingRule.objects.update(strategy="")
    gateway.start()
    wait_until("session up", lambda: Session.objects.filter(target_comp_id="HARBOR", is_up=True).exists())

    made = [a_block("AAA", "BUY", 3_000), a_block("CCC", "SELL", 1_000)]
    filled = routing.route_blocks(by(tom), [b.pk for b in made], seen={b.pk: b.version for b in made}).routes
    wait_until("filled", lambda: over(filled))
    resting = a_block("CCC", "BUY", 2_000, order_type="LIMIT", limit_price="10")
    (rests,) = routing.route_blocks(by(tom), [resting.pk], seen={resting.pk: resting.version}).routes
    wait_until("acknowledged", lambda: Route.objects.get(pk=rests).status == "NEW")
    route = Route.objects.get(pk=rests)
    routing.replace_routes(by(tom), {rests: {"qty": D(1_500), "limit_price": D(9)}}, seen={rests: route.version})
    wait_until("replaced", lambda: Route.objects.get(pk=rests).qty == 1_500)
    wait_until("works on", lambda: Route.objects.get(pk=rests).status == "NEW")
    routing.cancel_routes(by(tom), [rests], seen={rests: Route.objects.get(pk=rests).version})
    wait_until("cancelled", lambda: Route.objects.get(pk=rests).status == "CANCELED")
    assert_both_sides_agree(market)

    first, second = (Execution.objects.filter(route=pk).earliest("pk") for pk in filled)
    control = market.home / "street" / "control"
    for name, command in (("1", {"do": "bust", "exec_id": first.exec_id}),
                          ("2", {"do": "correct", "exec_id": second.exec_id, "price": "49.5"})):  # fmt: skip
        (control / f"{name}.part").write_text(json.dumps(command))
        (control / f"{name}.part").rename(control / f"{name}.json")
    wait_until("busted", lambda: Execution.objects.filter(status="BUSTED").exists())
    wait_until("corrected", lambda: Execution.objects.filter(status="CORRECTED").exists())

    assert Execution.objects.get(corrects=second).price == D("49.5")
    assert not Message.objects.filter(status="QUARANTINED").exists()
    heard = list(Message.objects.filter(is_out=False, msg_type="8").values_list("text", flat=True))
    assert {text.split("|")[0] for text in heard} == {f"8={begin_string}"}
    assert {"|20=" in text for text in heard} == {begin_string == "FIX.4.2"}
    assert {"|150=F|" in text for text in heard} == ({False} if begin_string == "FIX.4.2" else {False, True})
    assert gateway.stop() == 0
