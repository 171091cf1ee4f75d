"""A rate card by two people, the break it finds and how that ends, research that is paid, and what trading came to."""

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from apps.allocations.models import Charge, CsaEntry
from apps.routing.models import RateCard
from tests.allocations.filling import Street, holds_already, keep_promises
from tests.browser import pictures

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
WIDER = "() => [...document.querySelectorAll('main, main .grid')].filter((p) => p.scrollWidth > p.clientWidth).map((p) => p.className)"


def test_from_the_card_to_what_is_paid(sits_down, firm, by, mira, tom, olga, alan):
    page = sits_down(olga, "/rate-cards/")
    home = page.url.split("/rate-cards/")[0]
    page.get_by_role("button", name="Propose a card").click()
    dialog = page.locator("#dialog")
    dialog.get_by_label("Broker").select_option("NORTHGATE")
    dialog.locator("[name=rate]").fill("3")
    dialog.get_by_label("For research, %").fill("40")
    dialog.get_by_label("At least").fill("5")
    dialog.get_by_label("Why").fill("Agreed for the year")
    dialog.get_by_role("button", name="Propose").click()
    expect(dialog.get_by_text("name it, and the card is for what trades in it")).to_be_visible()
    pictures.keep(page, "rate-card-refused")
    dialog.get_by_label("Currency").select_option("USD")
    dialog.get_by_role("button", name="Propose").click()
    expect(page.get_by_text("Agreed for the year")).to_be_visible()
    assert page.get_by_role("button", name="Approve").count() == 0

    other = sits_down(alan, "/rate-cards/")
    other.get_by_role("button", name="Approve RC-").click()
    other.locator("#dialog").get_by_role("button", name="Approve").click()
    expect(other.locator("tbody").get_by_text("In force")).to_be_visible()
    assert RateCard.objects.get().starts_on == timezone.localdate()
    holds_already(RateCard.objects.get().pk)
    pictures.keep(other, "rate-cards")

    street = Street(firm, by, mira, tom)
    street.allocated("AAA", "SELL", {"P1": 5000, "P2": 3000}, [(8000, "49.99", "80.00")])
    keep_promises("routing.")
    page.goto(f"{home}/settlement/?charges=DIFFERS")
    expect(page.get_by_text("Commissions differ")).to_be_visible()
    pictures.keep(page, "commissions")
    assert page.evaluate(WIDER) == []
    page.locator("#list tbody tr").first.click()
    expect(page.locator("#drawer").get_by_text("3 bp × 399920 = 119.976")).to_be_visible()
    pictures.keep(page, "commission")
    page.locator("#drawer").get_by_role("button", name="Say how it ended").click()
    dialog.get_by_label("Who is right").select_option("CARD")
    dialog.get_by_label("Why").fill("They send a credit note")
    dialog.get_by_role("button", name="Write down").click()
    expect(dialog).to_be_hidden()
    assert Charge.objects.get().status == "SETTLED"

    page.goto(f"{home}/soft-dollars/")
    page.get_by_role("link", name="CSA-").click()
    page.get_by_role("heading", name="Northgate").wait_for()
    page.keyboard.press("p")
    dialog.get_by_label("Amount").fill("60")
    dialog.get_by_label("Paid to").fill("Alpha Research")
    dialog.get_by_label("Invoice").fill("A-1")
    dialog.get_by_label("Why").fill("Third quarter")
    dialog.get_by_role("button", name="Pay").click()
    expect(dialog.get_by_text("Pay less, or say")).to_be_visible()
    dialog.get_by_label("Amount").fill("40")
    dialog.get_by_role("button", name="Pay").click()
    expect(page.get_by_text("Alpha Research, invoice A-1")).to_be_visible()
    assert CsaEntry.objects.count() == 2
    pictures.keep(page, "soft-dollars")


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_what_trading_came_to_fits_and_shows_its_arithmetic(sits_down, firm, by, mira, tom, theme):
    street = Street(firm, by, mira, tom)
    street.allocated("AAA", "SELL", {"P1": 5000, "P2": 3000}, [(8000, "49.99", "80.00")])
    page = sits_down(tom, "/costs/")
    page.context.add_cookies([{"name": "theme", "value": theme, "url": page.url}])
    page.reload()
    page.set_viewport_size({"width": 1280, "height": 800})
    page.get_by_text("1 route", exact=True).click()
    expect(page.get_by_text("−(399920 − 400000) ÷ 400000 = 2.0000 bp").first).to_be_visible()
    pictures.keep(page, f"costs-{theme}")
    assert page.evaluate(WIDER) == []
