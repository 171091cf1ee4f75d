"""The live tree of the blotter: what a reader opened, chose and scrolled to stands as it was whatever comes."""

import json

import pytest

from apps.orders import services as orders
from apps.routing.models import Execution
from tests.allocations.filling import Street, keep_promises

# A stream that says what the test says, for none runs here.
STREAM = """
window.EventSource = class extends EventTarget {
  static CONNECTING = 0;
  constructor(address) {
    super();
    Object.assign(this, { address, readyState: 1 });
    window.stream = this;
    setTimeout(() => this.onopen({ lastEventId: "" }));
  }
  close() { this.readyState = 2; }
  say(type, data) {
    const event = new MessageEvent(type, { data: JSON.stringify(data), lastEventId: "a-1" });
    if (type === "message") this.onmessage(event); else this.dispatchEvent(event);
  }
};
"""
STANDS = """() => ({
  open: [...document.querySelectorAll('[data-kids][aria-expanded=true]')].map((twist) => twist.closest('tr').dataset)
    .map((row) => row.row || row.node),
  ticked: [...document.querySelectorAll('#list tbody input:checked')].map((box) => box.closest('tr').dataset.row),
  on: document.querySelector('#list .on')?.dataset.node,
  focused: document.activeElement.dataset.node,
  scrolled: document.querySelector('.grid').scrollTop,
})"""


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_what_stands_open_ticked_and_scrolled_to_outlives_changes_and_gaps(sits_down, firm, mira, tom, by):
    street = Street(firm, by, mira, tom)
    block = street.block("AAA", "SELL", {"P1": 500, "P2": 300})
    route = street.route(block, qty=600)
    street.fill(route, 100, "50.00")
    wishes = [
        orders.Wish(firm.portfolios["P1"].pk, firm.instruments["BBB"].pk, "BUY", 10, limit_price=f"{60 + n}") for n in range(14)
    ]
    orders.create_orders(by(mira), wishes, submit=True)
    keep_promises("blocks.")
    page = sits_down(tom, "/blocks/")
    page.context.add_init_script(STREAM)
    page.set_viewport_size({"width": 1280, "height": 480})
    page.reload()
    executions = page.locator("tr.kid[data-node^='execution:']")

    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    page.locator(f"tr.kid[data-node='route:{route.pk}']").wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    executions.first.wait_for()
    page.locator("tr[data-row^='block:'] input").nth(4).check()
    page.locator(f"tr.kid[data-node='route:{route.pk}']").focus()
    page.locator(".grid").evaluate("grid => { grid.scrollTop = 40; }")
    stood = page.evaluate(STANDS)
    assert stood["open"] == [f"block:{block.pk}", f"route:{route.pk}"]
    assert (len(stood["ticked"]), stood["on"], stood["focused"], stood["scrolled"]) == (1, *[f"route:{route.pk}"] * 2, 40)

    def fills(number: int, price: str) -> None:
        street.fill(route, 50, price)
        assert Execution.objects.count() == number

    fills(2, "50.10")
    for subject, pk in (("block", block.pk), ("route", route.pk), ("execution", Execution.objects.latest("pk").pk)):
        page.evaluate("([subject, id]) => stream.say('message', { seq: 1, subject, ids: [id] })", [subject, pk])
    page.wait_for_function("() => document.querySelectorAll(\"tr.kid[data-node^='execution:']\").length === 2")
    assert page.evaluate(STANDS) == stood
    assert page.locator(f"[data-row='block:{block.pk}']").inner_text().count("19%") == 1

    fills(3, "50.20")
    page.evaluate("stream.say('gap', {})")
    page.wait_for_function("() => document.querySelectorAll(\"tr.kid[data-node^='execution:']\").length === 3")
    page.wait_for_function(f"(stood) => JSON.stringify(({STANDS})()) === stood", arg=json.dumps(stood, separators=(",", ":")))
    assert page.locator("tr[data-row^='block:']").count() == 15
