"""A trader links two blocks by keyboard from the blotter's selection, sends them, and sees one reduce the other."""

import pytest
from playwright.sync_api import expect

from apps.groups import services as groups
from apps.groups.models import LinkedGroup
from tests.browser import pictures
from tests.groups.conftest import Floor, routes_of
from tests.routing.conftest import a_block, alone, counterparties, street  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_two_blocks_are_linked_and_sent_by_keyboard(a_block, street, tom, by, sits_down):  # noqa: F811
    a_block("AAA", "BUY", 1_000), a_block("BBB", "BUY", 500)
    page = sits_down(tom, "/blocks/")
    page.locator("[data-select-all]").check()
    page.keyboard.press("l")
    dialog = page.locator("#dialog")
    expect(dialog.get_by_role("heading", name="Link 2 blocks")).to_be_visible()
    pictures.keep(page, "link-dialog")
    dialog.get_by_label("Note").fill("Either bank")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="LG-")).to_be_visible()
    pictures.keep(page, "linked-planned")
    page.keyboard.press("s")
    dialog.get_by_role("button", name="Send").click()
    expect(page.get_by_text("in whose name it acts")).to_be_visible()

    floor, group = Floor(street), LinkedGroup.objects.get()
    floor.answer()
    floor.fill(routes_of(group, 1).get(), 400)
    groups.follow_behind(by("scheduler", via="worker"))
    page.reload()
    expect(page.get_by_role("table", name="Legs").get_by_text("300", exact=True).first).to_be_visible()
    expect(page.get_by_role("heading", name="What may cross in flight")).to_be_visible()
    pictures.keep(page, "linked-working")
    page.keyboard.press("l")
    expect(page.get_by_role("link", name=group.ref)).to_be_visible()
    pictures.keep(page, "linked-list")

