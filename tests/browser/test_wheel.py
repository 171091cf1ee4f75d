"""A trader proposes a wheel, an officer approves it, a block is drawn for and routed, and the draws are verified."""

import pytest
from playwright.sync_api import expect

from apps.algos.models import Draw, Season
from apps.routing.models import Route, Session
from tests.browser import pictures
from tests.browser.test_fit import WIDER
from tests.routing.conftest import a_block, alone, counterparties  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_from_the_text_to_the_verdict(a_block, tom, omar, sits_down):  # noqa: F811
    block = a_block("AAA", "BUY", 10_000)
    Session.objects.update(is_up=True)
    page = sits_down(tom, "/algos/wheels/")
    dialog = page.locator("#dialog")
    page.keyboard.press("n")
    dialog.get_by_label("Name").fill("US low touch")
    dialog.get_by_label("Destinations").fill("HARBOR VWAP 2\nMERIDIAN VWAP 0")
    dialog.get_by_label("Bounds of sizes").fill("1 5")
    dialog.get_by_label("Why").fill("To compare the two")
    dialog.get_by_role("button", name="Propose").click()
    expect(dialog.get_by_text("A weight is a whole number from 1 to 100")).to_be_visible()
    pictures.keep(page, "wheel-refused")
    dialog.get_by_label("Destinations").fill("HARBOR VWAP 2\nMERIDIAN VWAP 1")
    dialog.get_by_role("button", name="Propose").click()
    expect(page.get_by_text("Waiting for another person")).to_be_visible()

    officer = sits_down(omar, "/algos/wheels/")
    officer.get_by_role("button", name="Look at WC-").first.click()
    pictures.keep(officer, "wheel-change")
    officer.locator("#dialog").get_by_role("button", name="Approve").click()
    expect(officer.get_by_label("Algo wheels").get_by_text("In force")).to_be_visible()

    Session.objects.filter(broker__code="MERIDIAN").update(is_up=False)
    page.goto(page.url.split("/algos/")[0] + f"/blocks/{block.pk}/")
    page.get_by_role("button", name="Draw by US low touch").click()
    dialog.get_by_role("button", name="Draw", exact=True).click()
    expect(dialog.get_by_text("MERIDIAN VWAP: Its session is down.")).to_be_visible()
    assert not Route.objects.exists()
    pictures.keep(page, "wheel-drawn")
    dialog.get_by_role("button", name="Set it aside").click()
    expect(dialog.get_by_text("Say why the draw is not used")).to_be_visible()
    dialog.get_by_role("button", name="Route to HARBOR").click()
    expect(page.get_by_text("Routed as R-")).to_be_visible()
    season = Season.objects.get()
    page.goto(page.url.split("/blocks/")[0] + f"/algos/wheels/{season.wheel_id}/")
    page.keyboard.press("v")
    expect(page.get_by_text("All 1 draws are as the seed makes them")).to_be_visible()
    expect(page.get_by_text("told when the season is closed", exact=True)).to_be_visible()
    pictures.keep(page, "wheel-season")
    officer.goto(page.url)
    officer.get_by_role("button", name="Close the season").click()
    officer.locator("#dialog").get_by_label("Reason").fill("End of the quarter")
    officer.locator("#dialog").get_by_role("button", name="Close it").click()
    officer.get_by_label("Seasons").get_by_role("link", name="1", exact=True).click()
    expect(officer.get_by_text(season.seed)).to_be_visible()
    pictures.keep(officer, "wheel-closed")
    officer.set_viewport_size({"width": 1280, "height": 800})
    assert officer.evaluate(WIDER) == []
    assert Draw.objects.get().status == "ROUTED"
