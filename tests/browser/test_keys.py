"""A long list under the keyboard: it goes on before its end is seen, and keys take the row one stands on along."""

import pytest

from apps.orders import services as orders
from tests.browser.test_tree import STREAM

STANDS = """() => {
  const rows = [...document.querySelectorAll("#list tr[data-row]")];
  const at = document.activeElement, grid = document.querySelector(".grid").getBoundingClientRect();
  const { top, bottom } = at.getBoundingClientRect();
  return { at: rows.indexOf(at), seen: top >= grid.top && bottom <= grid.bottom + 1,
    ticked: rows.filter((row) => row.querySelector("input:checked")).length };
}"""


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_keys_move_by_rows_and_screens_and_the_list_goes_on_before_its_end_is_seen(sits_down, firm, mira, by):
    wish = orders.Wish(firm.portfolios["P1"].pk, firm.instruments["AAA"].pk, "BUY", "10")
    orders.create_orders(by(mira), [wish] * 200)
    page = sits_down(mira, "/orders/")
    page.context.add_init_script(STREAM)
    page.set_viewport_size({"width": 1280, "height": 800})
    page.reload()
    rows = page.locator("#list tr[data-row]")
    assert rows.count() == 75

    page.keyboard.press("ArrowDown")
    page.keyboard.press("PageDown")
    first = page.evaluate(STANDS)
    assert first["at"] > 10 and first["seen"]
    page.keyboard.press("Shift+PageDown")
    second = page.evaluate(STANDS)
    assert second == {"at": 2 * first["at"], "seen": True, "ticked": first["at"] + 1}
    money = page.locator("[data-selection] [data-worth]", has_text=f"{first['at'] + 1} orders, $")
    money.and_(page.locator(":text('1 portfolio')")).wait_for()
    page.keyboard.press("PageUp")
    assert first["at"] <= page.evaluate(STANDS)["at"] < first["at"] + 4  # The bar of actions takes room of the list.

    page.evaluate("() => { const grid = document.querySelector('.grid');"
                  " grid.scrollTop = grid.scrollHeight - grid.clientHeight - 400; }")  # fmt: skip
    page.wait_for_function("() => document.querySelectorAll('#list tr[data-row]').length === 150")
    page.keyboard.press("End")
    assert page.evaluate(STANDS) == {"at": 149, "seen": True, "ticked": first["at"] + 1}
    page.wait_for_function("() => document.querySelectorAll('#list tr[data-row]').length === 200")
    for _ in range(60):
        page.keyboard.press("j")
    last = {"at": 199, "seen": True, "ticked": first["at"] + 1}
    assert page.evaluate(STANDS) == last

    with page.expect_response(lambda answer: "standing=200" in answer.url):
        page.evaluate("() => { document.activeElement.marked = true; stream.say('gap', {}); }")
    page.wait_for_function("() => !document.activeElement.marked && document.activeElement.dataset.row")
    assert (rows.count(), page.evaluate(STANDS)) == (200, last)


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_a_group_is_found_looked_through_and_cancelled(sits_down, firm, mira, by):
    wish = orders.Wish(firm.portfolios["P1"].pk, firm.instruments["AAA"].pk, "BUY", "10")
    ids = orders.create_orders(by(mira), [wish] * 2)
    orders.link_orders(by(mira), "PROGRAM", "Quarter end", [orders.LegIn(pk) for pk in ids], seen=dict.fromkeys(ids, 1))
    page = sits_down(mira, "/groups/")

    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.locator("#group h1", has_text="Quarter end").wait_for()
    page.locator("#group [data-refresh]").evaluate("part => htmx.trigger(part, 'refresh')")
    page.keyboard.press("x")
    page.locator("#dialog[open]", has_text="1 portfolio").wait_for()
    page.locator("#dialog .btn.danger").click()
    page.locator(".toast", has_text="The group was cancelled: 2 cancelled").wait_for()
