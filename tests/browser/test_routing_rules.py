"""A routing rule written, approved and followed in a browser; what a block is expected to cost beside it."""


import pytest
from playwright.sync_api import expect

from apps.blocks import events as block_events
from apps.core.events import Fact
from apps.routing import services as routing
from apps.routing.models import RoutingRule
from tests.browser.contrast import faint
from tests.routing.conftest import a_block, alone, counterparties  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_rule_is_written_approved_and_says_what_it_would_do(sits_down, counterparties, a_block, tom, omar, by):  # noqa: F811
    page = sits_down(tom, "/routing-rules/")
    page.keyboard.press("n")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Rank").fill("5")
    dialog.get_by_label("Name").fill("Small shares")
    dialog.get_by_label("On what").fill('asset_class == "EQUITY" && adv_pct <')
    dialog.get_by_label("To", exact=False).first.select_option("HARBOR")
    dialog.get_by_label("Strategy").select_option("TWAP")
    dialog.get_by_label("Acts").select_option("DRY_RUN")
    dialog.get_by_label("Why (kept on the record)").fill("Try it.")
    dialog.get_by_role("button", name="Propose").click()
    expect(dialog.get_by_text("Line 1, column")).to_be_visible()
    dialog.get_by_label("On what").fill('asset_class == "EQUITY" && adv_pct < 2')
    dialog.get_by_role("button", name="Propose").click()
    expect(page.get_by_role("heading", name="Waiting for another person")).to_be_visible()

    officer = sits_down(omar, "/routing-rules/")
    officer.get_by_role("button", name="Look at").first.click()
    officer.get_by_role("button", name="Approve").click()
    expect(officer.get_by_role("link", name="Small shares")).to_be_visible()
    assert faint(officer) == []
    assert RoutingRule.objects.get(rank=5).mode == "DRY_RUN"

    block = a_block("AAA", "BUY", 1_000)
    for told in (routing.estimate_blocks, routing.route_by_rules):
        told(by("worker"), [Fact(block.pk, 1, block_events.BlockOpened(block.instrument_id, "BUY", 1, "1", 1))])
    page = sits_down(tom, f"/blocks/{block.pk}/")
    expect(page.get_by_text("Would have gone to HARBOR: TWAP.")).to_be_visible()
    expect(page.get_by_role("heading", name="Expected cost")).to_be_visible()
    page.get_by_text("How it is reckoned").click()
    expect(page.get_by_text("½ × (50.01 − 49.99) ÷ 50")).to_be_visible()
    assert faint(page) == []
    page.goto(page.url.split("/blocks")[0] + "/routing-rules/decisions/")
    page.get_by_text("What was asked").first.click()
    expect(page.get_by_text("adv_pct = 0.1")).to_be_visible()
    assert faint(page) == []
