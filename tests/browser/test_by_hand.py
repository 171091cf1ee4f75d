"""A trader enters what was agreed on the phone by keyboard, mends what cannot be, and takes it back."""

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from apps.routing.models import Execution
from tests.browser import pictures
from tests.routing.conftest import a_block, alone, counterparties  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_phone_trade_is_entered_by_keyboard_and_taken_back(a_block, tom, sits_down):  # noqa: F811
    block = a_block("AAA", "BUY", 10_000)
    page = sits_down(tom, f"/blocks/?open={block.pk}")
    page.goto(page.url.split("/blocks/")[0] + f"/blocks/{block.pk}/")
    page.keyboard.press("m")
    dialog = page.locator("#dialog")
    expect(dialog.get_by_role("heading")).to_contain_text("by hand")
    dialog.get_by_label("Broker", exact=True).select_option(label="Harbor")
    dialog.get_by_label("Quantity").fill("40000")
    dialog.get_by_label("Price").fill("50")
    dialog.get_by_label("Traded at (UTC)").fill(f"{timezone.now():%H:%M:%S}")
    page.keyboard.press("Enter")
    expect(dialog.get_by_text("Only 10000 of")).to_be_visible()
    pictures.keep(page, "hand-refused")
    dialog.get_by_label("Quantity").fill("4000")
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    execution = Execution.objects.get()
    page.goto(page.url.split("/blocks/")[0] + f"/routes/{execution.route_id}/")
    expect(page.get_by_text("By hand, on the phone")).to_be_visible()
    pictures.keep(page, "hand-route")
    page.get_by_role("button", name="Take back").click()
    dialog.get_by_label("Reason").fill("Misheard")
    dialog.get_by_role("button", name="Take it back").click()
    expect(dialog).to_be_hidden()
    execution.refresh_from_db()
    assert execution.status == "BUSTED"
