"""Rows that the stream brings drawn: what differs is put in place, and nothing that a reader has in hand is lost."""

import pytest

from apps.orders import services as orders
from tests.browser.test_tree import STREAM

BRING = """([id, was, now, held]) => {
  const leaf = document.createElement("template");
  leaf.innerHTML = document.querySelector(`[data-row='order:${id}']`).outerHTML;
  const row = leaf.content.firstElementChild;
  for (const name of ["tabindex", "aria-current"]) row.removeAttribute(name);
  row.className = held ? "held" : "";
  row.querySelector("input").checked = false;
  for (const cell of row.cells) if (cell.textContent.trim() === was) cell.textContent = now;
  stream.say("rows", { subject: "order", ids: [id], rows: row.outerHTML });
}"""
STANDS = """(id) => {
  const row = document.querySelector(`[data-row='order:${id}']`);
  return {
    same: row === window.stood, kept: [...row.cells].flatMap((cell) => [...cell.childNodes]).filter((node) => node.marked).length,
    ticked: row.querySelector("input").checked,
    focused: document.activeElement === row, on: row.classList.contains("on"), held: row.classList.contains("held"),
  };
}"""


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_of_a_changed_row_only_the_cells_that_differ_are_put_in_place(sits_down, firm, mira, by):
    wishes = [
        orders.Wish(firm.portfolios["P1"].pk, firm.instruments["AAA"].pk, "BUY", 10, order_type="LIMIT", limit_price=f"5{n}")
        for n in range(3)
    ]
    ids = orders.create_orders(by(mira), wishes)
    page = sits_down(mira, "/orders/")
    page.context.add_init_script(STREAM)
    page.reload()
    row = page.locator(f"[data-row='order:{ids[1]}']")
    row.focus()
    page.keyboard.press("Space")
    page.evaluate(
        "(id) => { window.stood = document.querySelector(`[data-row='order:${id}']`);"
        " for (const cell of window.stood.cells) for (const node of cell.childNodes) node.marked = true; }",
        ids[1],
    )
    marked = page.evaluate(STANDS, ids[1])["kept"]
    page.locator("[data-count]", has_text="1 selected").first.wait_for()

    page.evaluate(BRING, [ids[1], "51.0000", "77.5000", True])
    assert row.locator("td", has_text="77.5000").count() == 1
    stands = page.evaluate(STANDS, ids[1])
    assert stands == {"same": True, "kept": marked - 1, "ticked": True, "focused": True, "on": True, "held": True}
    page.evaluate(BRING, [ids[1], "77.5000", "78.0000", False])
    stands = page.evaluate(STANDS, ids[1])
    assert stands == {"same": True, "kept": marked - 1, "ticked": True, "focused": True, "on": True, "held": False}

    page.evaluate("(id) => stream.say('rows', { subject: 'order', ids: [id], rows: '' })", ids[1])
    assert row.count() == 0
    page.wait_for_function("() => document.querySelector('[data-selection]').hidden")
    assert page.locator("#list [data-row]").count() == 2
