"""What managers and traders do all day, at a browser, by keyboard where a hand is on it anyway."""

import re
from decimal import Decimal

import pytest

from apps.orders import services as orders
from apps.orders.models import Import, Order
from apps.routing.models import Halt, Route
from tests.allocations.filling import Street, keep_promises

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
D = Decimal


@pytest.mark.parametrize(
    ("symbol", "terms", "said"),
    [
        ("AAA", {"qty": "300", "order_type": "LIMIT", "limit_price": "51.5"}, "$15,450.00"),
        ("BOND", {"qty": "200000", "order_type": "LIMIT", "limit_price": "98.25"}, "% of par"),
    ],
)
def test_a_ticket_shows_what_it_comes_to_and_becomes_an_order(sits_down, firm, mira, symbol, terms, said):
    page = sits_down(mira, "/orders/new/")
    page.get_by_label("Portfolio").select_option(label="P1 · Portfolio P1")
    page.locator("#id_instrument").fill(symbol)
    page.get_by_label("Side").select_option("BUY")
    for name, value in terms.items():
        field = page.locator(f"#id_{name}")
        field.select_option(value) if name == "order_type" else field.fill(value)
    page.locator("#sketch", has_text=said).wait_for()
    page.locator("#id_limit_price").press("Enter")
    page.wait_for_url(re.compile(r"/orders/\d+/"))

    order = Order.objects.get()
    assert (order.instrument.symbol, order.qty, order.limit_price) == (symbol, D(terms["qty"]), D(terms["limit_price"]))
    assert order.status != "DRAFT"


def test_a_ticket_refuses_beside_the_field_and_keeps_what_was_typed(sits_down, firm, mira):
    page = sits_down(mira, "/orders/new/")
    page.get_by_label("Portfolio").select_option(label="P1 · Portfolio P1")
    page.locator("#id_instrument").fill("BOND")
    page.locator("#id_qty").fill("1500")
    page.get_by_role("button", name="Save as a draft").click()

    field = page.locator(".field", has=page.locator("#id_qty"))
    assert "1500 is not a multiple of 1000" in field.locator(".errors").inner_text()
    assert (page.locator("#id_qty").input_value(), page.locator("#id_instrument").input_value()) == ("1500", "BOND")
    assert not Order.objects.exists()


def test_a_ticket_offers_the_instruments_of_a_class(sits_down, firm, mira):
    page = sits_down(mira, "/orders/new/")
    offered = page.locator("datalist#instruments option")
    page.get_by_label("Asset class").select_option("Fixed income")
    offered.first.wait_for(state="attached")
    assert offered.evaluate_all("all => all.map((one) => one.value)") == ["BOND", "TSY"]

    page.locator("#id_instrument").press_sequentially("AA")
    page.wait_for_function("() => !document.querySelector('datalist#instruments option')")
    page.get_by_label("Asset class").select_option("")
    offered.first.wait_for(state="attached")
    assert "AAA" in offered.evaluate_all("all => all.map((one) => one.value)")


def test_two_hundred_rows_are_pasted_and_entered(sits_down, firm, mira):
    rows = ["\t".join(("portfolio", "symbol", "side", "quantity", "ref"))]
    rows += ["\t".join((f"P{n % 3 + 1}", ("AAA", "BBB")[n % 2], "SELL", f"{10 + n}", f"G{n}")) for n in range(200)]
    page = sits_down(mira, "/orders/imports/")
    page.locator("#id_text").fill("\n".join(rows))
    page.get_by_role("button", name="Read what was pasted").click()
    page.wait_for_url("**/orders/imports/*/")
    keep_promises("orders.")
    page.reload()

    page.get_by_role("button", name="Enter all 200 orders").click()
    dialog = page.locator("#dialog")
    dialog.locator(".money", has_text="200 orders").wait_for()
    assert "3 portfolios" in dialog.locator(".money").inner_text()
    dialog.get_by_role("button", name="Enter all").click()
    page.wait_for_url("**/orders/?import=*")
    assert (Import.objects.get().status, Order.objects.count()) == ("COMMITTED", 200)
    assert Order.objects.get(client_ref="G199").qty == 209


def test_many_orders_are_changed_by_keyboard_with_an_answer_for_each(sits_down, firm, mira, by):
    portfolio = firm.portfolios["P1"].pk
    wishes = [orders.Wish(portfolio, firm.instruments["AAA"].pk, "SELL", str(100 * n)) for n in (1, 2, 3)]
    first, second, gone = orders.create_orders(by(mira), wishes)
    page = sits_down(mira, "/orders/")
    orders.cancel_orders(by(mira), [gone], seen={gone: 1})

    page.locator("[data-select-all]").check()
    page.locator("[data-selection]:not([hidden])", has_text="3 selected").wait_for()
    page.keyboard.press("m")
    dialog = page.locator("#dialog")
    dialog.locator(".money", has_text="1 portfolio").wait_for()
    dialog.locator("[name=order_type]").select_option("LIMIT")
    dialog.locator("[name=limit_price]").fill("52")
    dialog.locator("[name=limit_price]").press("Enter")
    dialog.get_by_role("heading", name="2 of 3 orders changed").wait_for()

    refused = dialog.locator("tbody tr").first.inner_text()
    assert f"O-{gone:06d}" in refused and "not changed" in refused
    assert set(Order.objects.filter(limit_price=52).values_list("pk", flat=True)) == {first, second}


def test_the_kill_switch_stops_a_broker_and_shows_what_has_not_ended(sits_down, firm, mira, tom, by):
    street = Street(firm, by, mira, tom)
    route = street.route(street.block("AAA", "SELL", {"P1": 500}))
    page = sits_down(tom, "/halts/")
    page.keyboard.press("h")
    dialog = page.locator("#dialog")
    dialog.locator("#halt-what").select_option(label=firm.brokers["NORTHGATE"].name)
    dialog.locator("#halt-reason").fill("Its prices are wrong.")  # While the dialog counts what is in scope.
    dialog.locator(".money", has_text="1 broker").wait_for()
    dialog.get_by_role("button", name="Stop routing").click()
    page.locator("#toasts .toast").first.wait_for()
    keep_promises("routing.")

    halt = Halt.objects.get()
    assert (halt.status, halt.reason) == ("ACTIVE", "Its prices are wrong.")
    page.reload()
    page.locator(".card.bad h3", has_text="Northgate").wait_for()
    page.locator("table", has_text=Route.objects.get(pk=route.pk).ref).wait_for()
    street.end(route)
    page.reload()
    page.locator(".card", has_text="Nothing works in this scope").wait_for()
