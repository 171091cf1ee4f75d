"""Rows that the stream brings drawn: what differs is put in place, and nothing that a reader has in hand is lost."""

import pytest

from apps.blocks.models import Block
from apps.desk.lists import saved, specs
from apps.desk.models import SavedView
from apps.desk.sheets import get_sheet
from apps.orders import services as orders
from tests.allocations.filling import Street
from tests.browser.test_tree import STREAM

BRING = """([id, was, now, held, version]) => {
  const leaf = document.createElement("template");
  leaf.innerHTML = document.querySelector(`[data-row='order:${id}']`).outerHTML;
  const row = leaf.content.firstElementChild;
  for (const name of ["tabindex", "aria-current"]) row.removeAttribute(name);
  row.className = held ? "held" : "";
  row.querySelector("input").checked = false;
  if (version) row.querySelector("input").setAttribute("value", `${id}:${version}`);
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

    with page.expect_response(lambda answer: "part=picked" in answer.url and f"seen={ids[1]}%3A7" in answer.url):
        page.evaluate(BRING, [ids[1], "78.0000", "79.0000", False, 7])
    page.locator("[data-worth]", has_text="1 order, $").wait_for()

    page.evaluate("(id) => stream.say('rows', { subject: 'order', ids: [id], rows: '' })", ids[1])
    assert row.count() == 0
    page.wait_for_function("() => document.querySelector('[data-selection]').hidden")
    assert page.locator("#list [data-row]").count() == 2


@pytest.fixture
def watched(sits_down, firm, mira, tom, tess, by):
    """``watched(**spec)``: tess on the blotter in a view of tom's, and how he changes it; two blocks stand in it."""
    street = Street(firm, by, mira, tom)
    street.block("AAA", "SELL", {"P1": 500})
    street.block("BBB", "BUY", {"P1": 400})
    sheet = get_sheet("blocks", tom)

    def keep(view_id=None, seen=None, **said):
        plain = {"columns": ["block", "side", "qty"]} | said
        spec = specs.read(sheet, plain)
        return saved.save_view(by(tom), sheet, spec, name="Watched", desk="MAIN", view_id=view_id, seen=seen)

    def watch(**said):
        view = keep(**said)
        page = sits_down(tess, f"/blocks/?view={view.pk}")
        page.context.add_init_script(STREAM)
        page.reload()
        return page, street, lambda **more: keep(view.pk, SavedView.objects.get(pk=view.pk).version, **more)

    return watch


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_a_list_whose_view_its_owner_changed_goes_on_as_it_is_now(watched):
    page, street, change = watched()
    rows = page.locator("tr[data-row^='block:']")
    pk = rows.first.get_attribute("data-row").split(":")[1]
    looked = page.locator("#list").get_attribute("data-rows-url")
    rows.first.focus()
    page.keyboard.press("Space")

    view = change(columns=["side", "block", "instrument"], filters=[{"code": "side", "op": "in", "value": ["SELL", "BUY"]}])
    page.evaluate(f"stream.say('message', {{ seq: 1, subject: 'view', ids: [{view.pk}] }})")
    page.locator(".tools [role=status]", has_text="has changed “Watched”").wait_for()
    before = page.evaluate("stream.address")
    with page.expect_response(lambda answer: "ids=" in answer.url) as refused:
        page.evaluate(f"stream.say('message', {{ seq: 2, subject: 'block', ids: [{pk}] }})")
    assert refused.value.status == 409

    page.locator("thead th[data-size=instrument]").wait_for()
    page.wait_for_function("before => stream.address !== before", arg=before)
    anew = page.locator("#list").get_attribute("data-rows-url")
    assert anew != looked
    assert page.evaluate("new URL(stream.address, location.href).searchParams.get('list')") == anew
    assert "since=" in page.evaluate("stream.address")
    assert page.locator(".tools [role=status]").count() == 0
    assert "Side" in page.locator(".tools .tag").inner_text()
    assert (rows.count(), page.locator("#list tbody input:checked").count()) == (2, 1)
    with page.expect_response(lambda answer: "ids=" in answer.url) as fetched:
        page.evaluate(f"stream.say('message', {{ seq: 3, subject: 'block', ids: [{pk}] }})")
    assert fetched.value.status == 200


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_a_new_row_of_a_grouped_view_comes_into_its_group(watched):
    page, street, _ = watched(group="side", sort=[{"code": "qty", "falls": True}])
    order = page.locator("#list tr.group b, #list tr[data-row] td:nth-child(4)")
    assert order.all_inner_texts() == ["Buy", "400", "Sell", "500"]

    new = street.block("AAA", "SELL", {"P2": 300}, instructions="apart")
    page.evaluate(f"stream.say('message', {{ seq: 1, subject: 'block', ids: [{new.pk}] }})")
    page.locator(f"[data-row='block:{new.pk}']").wait_for()
    assert order.all_inner_texts() == ["Buy", "400", "Sell", "500", "300"]


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_a_row_that_belongs_elsewhere_by_what_it_says_now_is_put_there_once_nothing_is_ticked(watched):
    page, street, _ = watched(group="status", sort=[{"code": "qty", "falls": True}])
    order = page.locator("#list tr.group b, #list tr[data-row] td:nth-child(4)")
    assert order.all_inner_texts() == ["Ready", "500", "400"]
    sold, bought = Block.objects.order_by("-qty")
    page.locator(f"[data-row='block:{bought.pk}'] input").check()

    street.route(sold)
    page.evaluate(f"stream.say('message', {{ seq: 1, subject: 'block', ids: [{sold.pk}] }})")
    page.locator(f"[data-row='block:{sold.pk}'].flash").wait_for()
    page.wait_for_timeout(800)
    assert order.all_inner_texts() == ["Ready", "500", "400"]
    page.locator("[data-clear-selection]").click()
    page.locator("#list tr.group b", has_text="Working").wait_for(timeout=9000)
    assert order.all_inner_texts() == ["Ready", "400", "Working", "500"]
