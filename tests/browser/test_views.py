"""A view of the order list made, kept and used by keyboard alone."""

import pytest
from django.conf import settings

from apps.desk.models import SavedView
from apps.orders import services as orders


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_a_list_is_arranged_and_kept_by_keyboard_alone(live_server, chromium, client, firm, mira, by):
    portfolio, instrument = firm.portfolios["P1"].pk, firm.instruments["AAA"].pk
    wishes = [orders.Wish(portfolio, instrument, side, qty) for side, qty in (("BUY", "10"), ("SELL", "400"))]
    _, large = orders.create_orders(by(mira), wishes)
    client.force_login(mira)
    cookie = settings.SESSION_COOKIE_NAME
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    context.add_cookies([{"name": cookie, "value": client.cookies[cookie].value, "url": live_server.url}])
    page = context.new_page()
    page.set_default_timeout(30_000)
    page.goto(f"{live_server.url}/orders/")
    rows, heads = page.locator("tbody tr[data-row]"), page.locator("thead th a")
    assert (rows.count(), heads.first.inner_text().lower()) == (2, "order")

    page.keyboard.press("v")
    page.locator("#dialog #view-name").wait_for()
    page.keyboard.type("Large")
    page.locator("#dialog input[name=show][value=side]").focus()
    page.keyboard.press("Alt+ArrowUp")
    page.locator("#dialog select[name=filter_code]").first.focus()
    page.keyboard.type("Value")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("10000")
    page.keyboard.press("Enter")
    page.wait_for_url("**/orders/?view=*")

    assert SavedView.objects.get(owner=mira).name == "Large"
    assert heads.first.inner_text().lower() == "side"
    assert [rows.nth(n).get_attribute("data-row") for n in range(rows.count())] == [f"order:{large}"]
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    page.locator("[data-selection]:not([hidden])", has_text="1 selected").wait_for()
    context.close()
