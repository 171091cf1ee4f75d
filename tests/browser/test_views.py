"""Views of lists: made, kept and used by keyboard alone; shared with a desk, and taken away again."""

import csv
import io
from urllib.parse import urlsplit

import openpyxl
import pytest
from django.conf import settings

from apps.desk.models import SavedView
from apps.orders import services as orders
from tests.allocations.filling import Street
from tests.browser.contrast import faint


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
    assert faint(page) == []
    context.close()


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_a_view_is_shared_with_the_desk_and_its_files_are_what_it_shows(sits_down, firm, mira, tom, tess, by):
    street = Street(firm, by, mira, tom)
    sold = street.block("AAA", "SELL", {"P1": 500}, instructions="=1+1")
    bought = street.block("BBB", "BUY", {"P1": 400})
    street.block("AAA", "SELL", {"P2": 3})  # Worth less than what the view asks for.
    toms = sits_down(tom, "/blocks/")

    toms.keyboard.press("v")
    dialog = toms.locator("#dialog")
    dialog.locator("#view-name").fill("Worth a look")
    for code in ("arrival", "average", "slip", "strategy", "status", "age"):
        dialog.locator(f"[name=show][value={code}]").uncheck()
    dialog.locator("[name=show][value=instructions]").check()
    dialog.get_by_label("Instrument further to the left").click()
    dialog.locator("[name=total][value=usd]").check()
    dialog.locator("[name=group]").select_option("side")
    dialog.locator("[name=filter_code]").first.select_option("usd")
    dialog.locator("[name=filter_value]").first.fill("1000")
    dialog.locator("[name=colour_code]").first.select_option("side")
    dialog.locator("[name=colour_value]").first.fill("Sell")
    dialog.locator("[name=colour_tone]").first.select_option("warn")
    dialog.locator("[name=desk]").select_option("MAIN")
    dialog.get_by_role("button", name="Save").click()
    toms.wait_for_url("**/blocks/?view=*")
    head = toms.locator("th[data-size=instrument]")
    edge, before = head.locator(".sizer").bounding_box(), head.bounding_box()["width"]
    toms.mouse.move(edge["x"] + 4, edge["y"] + 8)
    toms.mouse.down()
    toms.mouse.move(edge["x"] + 64, edge["y"] + 8, steps=3)
    with toms.expect_response("**/widths/"):
        toms.mouse.up()

    tesss = sits_down(tess, urlsplit(toms.url).path + "?" + urlsplit(toms.url).query)
    assert shown(tesss) == shown(toms)
    columns, widths, rows = shown(tesss)
    assert columns == ["Block", "Instrument", "Side", "Quantity", "Filled", "Value", "Instructions"]
    assert widths[1] == round(before) + 60
    assert rows == ["Buy", bought.ref, "Sell", sold.ref]
    assert tesss.locator("td.c-warn").all_inner_texts() == ["Sell"]
    assert "Value at least 1000" in tesss.locator(".tools .tag").inner_text()
    assert tesss.locator("tr.total").inner_text().split() == ["All", "$60.2K"]

    with tesss.expect_download() as download:
        tesss.keyboard.press("d")
    lines = list(csv.reader(download.value.path().read_text("utf-8-sig").splitlines()))[4:]
    xlsx = tesss.request.get(tesss.get_by_role("link", name="XLSX", include_hidden=True).evaluate("a => a.href"))
    book = [list(line) for line in openpyxl.load_workbook(io.BytesIO(xlsx.body())).active.iter_rows(values_only=True)][4:]
    assert lines[0] == book[0] == columns
    said = [[line[0].removeprefix("Side: ") for line in file[1:] if line[0] != "Total"] for file in (lines, book)]
    assert said == [[*rows, "All"]] * 2
    assert (lines[5][6], book[5][6]) == ("'=1+1", "'=1+1")

    street.block("BBB", "BUY", {"P2": 100})  # Joins the one that is open.
    tesss.evaluate("htmx.trigger('.foot [data-refresh]', 'refresh')")
    tesss.locator("tr.total", has_text="$69.0K").wait_for()
    assert "1 row · $44.0K" in tesss.locator("tr.group").first.inner_text()

    def saves(**said) -> None:
        toms.keyboard.press("v")
        for name, value in said.items():
            field = dialog.locator(f"[name={name}]")
            field.select_option(value) if name == "desk" else field.fill(value)
        with toms.expect_navigation():
            dialog.get_by_role("button", name="Save", exact=True).click()

    def is_told(words: str) -> None:
        """As the stream asks, which says that the view changed."""
        tesss.evaluate("htmx.trigger('[data-refresh^=\"view:\"]', 'refresh')")
        said = tesss.locator(".tools [role=status]", has_text=words)
        said.wait_for()
        with tesss.expect_navigation():
            said.get_by_role("button").click()

    saves(name="Worth it")
    is_told("calls “Worth a look” “Worth it” now")
    assert tesss.locator("select[name=view] :checked").inner_text().startswith("Worth it · ")
    saves(desk="")
    is_told("“Worth it” is no longer shared with you")
    assert "this is the house view" in tesss.locator(".tools [role=status]").inner_text()
    assert shown(tesss)[0][:3] == ["Block", "Side", "Instrument"]

    tesss.context.clear_cookies()
    tesss.keyboard.press("v")
    tesss.locator(".toast", has_text="You are signed out").wait_for()
    assert not tesss.locator("#dialog").is_visible()


def shown(page) -> tuple[list[str], list[int], list[str]]:
    """The columns of a list, how wide they are, and its rows by their groups and numbers."""
    heads = page.locator("thead th[data-size]")
    return (
        heads.evaluate_all("all => all.map((head) => head.querySelector('a, button').textContent.trim())"),
        heads.evaluate_all("all => all.map((head) => Math.round(head.getBoundingClientRect().width))"),
        page.locator("tr.group b, tbody tr[data-row] a").all_inner_texts(),
    )
