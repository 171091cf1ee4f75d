"""A trader works an inquiry by keyboard: counters a price, takes two in parts, passes another."""

import pytest
from playwright.sync_api import expect

from apps.routing import services as routing
from apps.routing.models import Award, Counter, DealerQuote, Inquiry
from tests.browser import pictures
from tests.routing.conftest import a_block, alone, counterparties, street  # noqa: F401
from tests.routing.test_negotiation import DEALERS, answer, asked  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_prices_are_countered_and_taken_in_parts_by_keyboard(asked, street, tom, sits_down):  # noqa: F811
    inquiry = asked(("98.00", 60_000), "98.10", "98.20", None)
    first, second, *_ = DealerQuote.objects.order_by("pk")
    page = sits_down(tom, f"/inquiries/{inquiry.pk}/")
    expect(page.get_by_label("Part taken from Aldgate")).to_have_value("60,000")
    pictures.keep(page, "inquiry-open")

    page.keyboard.press("c")
    dialog = page.locator("#dialog")
    expect(dialog.get_by_role("heading")).to_contain_text("Counter a price")
    dialog.get_by_label("Dealer and price").select_option(str(second.pk))
    dialog.get_by_label("Our price").fill("98.10")
    page.keyboard.press("Enter")
    expect(dialog.get_by_text("take it instead")).to_be_visible()
    pictures.keep(page, "inquiry-counter-refused")
    dialog.get_by_label("Our price").fill("98.05")
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    assert Counter.objects.get().answer == "WAITING"
    page.reload()
    expect(page.get_by_text("We said")).to_be_visible()

    answer(street, second, "98.05", ref="NEW")
    page.reload()
    page.keyboard.press("p")
    expect(page.get_by_label("Part taken from Aldgate")).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.type("50,000")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.get_by_label("Part taken from Castle").fill("50,000")
    page.get_by_label("Part taken from Castle").blur()
    page.keyboard.press("a")
    expect(page.get_by_text("Say why you take others")).to_be_visible()
    pictures.keep(page, "inquiry-not-the-best")
    page.get_by_label("Part taken from Aldgate").fill("60,000")
    page.get_by_label("Part taken from Castle").fill("40,000")
    page.get_by_label("Part taken from Castle").blur()
    page.keyboard.press("a")
    expect(page.get_by_role("heading", name="Taken")).to_be_visible()
    pictures.keep(page, "inquiry-taken")
    assert sorted(Award.objects.values_list("qty", flat=True)) == [40_000, 60_000]


def test_one_is_lifted_by_its_number_and_another_passed(asked, a_block, street, tom, by, sits_down):  # noqa: F811
    inquiry = asked("98.00", "98.10")
    page = sits_down(tom, f"/inquiries/{inquiry.pk}/")
    expect(page.get_by_role("button", name="Lift 1")).to_be_visible()
    page.keyboard.press("1")
    expect(page.get_by_role("heading", name="Taken")).to_be_visible()

    block = a_block("TSY", "SELL", 50_000)
    routing.send_inquiries(by(tom), [block.pk], seen={block.pk: block.version}, award="person", dealer_codes=DEALERS)
    other = Inquiry.objects.latest("pk")
    page.goto(page.url.split("/inquiries/")[0] + f"/inquiries/{other.pk}/")
    page.keyboard.press("r")
    page.keyboard.type("Nobody wants it")
    page.keyboard.press("Escape")
    page.get_by_label("Reason").blur()
    page.keyboard.press("x")
    expect(page.get_by_role("button", name="Pass")).to_be_hidden()
    other.refresh_from_db()
    assert other.status == "PASSED"


def test_a_basket_is_asked_and_taken_at_best_by_keyboard(a_block, street, tom, sits_down):  # noqa: F811
    blocks = [a_block("BOND", "BUY", 100_000, order_type="LIMIT", limit_price=str(100 + n)) for n in range(3)]
    page = sits_down(tom, f"/inquiries/ask/?{'&'.join(f'seen={b.pk}:{b.version}' for b in blocks)}")
    page.goto(page.url.split("/inquiries/")[0] + "/blocks/")
    for box in page.get_by_role("checkbox", name="Select B-").all():
        box.check()
    page.keyboard.press("i")
    dialog = page.locator("#dialog")
    expect(dialog.get_by_role("heading")).to_contain_text("Ask dealers about 3 blocks")
    pictures.keep(page, "inquiry-ask")
    dialog.get_by_role("button", name="Ask them").click()
    page.wait_for_url("**/inquiries/lists/*/")
    for n, one in enumerate(Inquiry.objects.order_by("pk")[:2]):
        for nth, quote in enumerate(one.quotes.order_by("pk")):
            answer(street, quote, f"98.{n}{nth}")
    page.reload()
    pictures.keep(page, "inquiry-list")
    page.get_by_role("checkbox", name="Select all").check()
    page.keyboard.press("t")
    expect(dialog.get_by_text("Take 2 at the best price")).to_be_visible()
    dialog.get_by_role("button", name="Take 2").click()
    expect(dialog).to_be_hidden()
    assert Award.objects.count() == 2
    page.goto(page.url.split("/inquiries/")[0] + "/inquiries/leakage/")
    expect(page.get_by_role("heading", name="Dealers who lost")).to_be_visible()
    pictures.keep(page, "leakage")


def test_axes_stand_beside_open_blocks(a_block, tom, by, sits_down):  # noqa: F811
    a_block("BOND", "BUY", 100_000)
    rows = "dealer,instrument,side,quantity,price\nALDGATE,BOND,sell,2000000,98.05\nCASTLE,TSY,buy,,"
    routing.load_axes(by(tom), rows.encode(), "axes.csv")
    page = sits_down(tom, "/inquiries/axes/")
    expect(page.get_by_role("button", name="Ask")).to_be_visible()
    pictures.keep(page, "axes")
    page.get_by_role("button", name="Ask").click()
    expect(page.locator("#dialog").get_by_text("axe: sells 2,000,000 BOND at 98.05")).to_be_visible()
    pictures.keep(page, "axes-ask")
