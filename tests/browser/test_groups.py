"""A trader links blocks by keyboard from the blotter's selection and works them: contingent orders, a package, a pair, a program."""

import pytest
from playwright.sync_api import expect

from apps.groups import services as groups
from apps.groups.models import LinkedGroup, PackageBroker
from tests.browser import pictures
from tests.groups.conftest import Floor, routes_of
from tests.groups.test_packages import Harbor, name_of
from tests.groups.test_proposed import linked as proposed  # noqa: F401
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



def linked(page, count: int, kind: str) -> None:
    """Opens the dialog from the blotter's selection and chooses how the blocks hang together, by keyboard alone."""
    page.locator("[data-select-all]").check()
    page.keyboard.press("l")
    expect(page.locator("#dialog").get_by_role("heading", name=f"Link {count} blocks")).to_be_visible()
    page.locator("#dialog").get_by_label("How they hang together").select_option(kind)


def test_a_package_is_composed_sent_changed_and_booked(a_block, street, firm, tom, by, sits_down):  # noqa: F811
    PackageBroker.objects.create(broker=firm.brokers["HARBOR"], note="agreed with the desk, tried")
    a_block("AAA", "BUY", 300), a_block("CCC", "SELL", 600)
    page = sits_down(tom, "/blocks/")
    linked(page, 2, "MULTILEG")
    dialog = page.locator("#dialog")
    expect(dialog.locator("#link-tolerance")).to_be_hidden()
    expect(dialog.get_by_text("one order to one broker")).to_be_visible()
    dialog.get_by_label("Broker of all legs").select_option("HARBOR")
    dialog.locator("#link-net").fill("-140")
    pictures.keep(page, "package-dialog")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="LG-")).to_be_visible()
    expect(page.get_by_text("takes it as one order (35=AB)")).to_be_visible()
    page.keyboard.press("s")
    dialog.get_by_role("button", name="Send").click()
    expect(page.get_by_text("nothing yet")).to_be_visible()

    group, harbor = LinkedGroup.objects.get(), Harbor(street, firm.brokers["HARBOR"].pk)
    harbor.whole(name_of(group), "0", "0", 300, 0, 300)
    one, two = routes_of(group).order_by("block__instrument__symbol")
    harbor.leg(name_of(group), one, 100, 50, 100), harbor.leg(name_of(group), two, 200, 100, 200)
    harbor.whole(name_of(group), "F", "1", 300, 100, 200, last=100, price=-150, avg=-150)
    page.reload()
    expect(page.get_by_role("table", name="Package").get_by_text("−150.0000")).to_be_visible()
    pictures.keep(page, "package-working")
    page.keyboard.press("c")
    expect(dialog.get_by_label("Packages, with those filled")).to_be_focused()
    dialog.get_by_label("Packages, with those filled").fill("200")
    pictures.keep(page, "package-change")
    page.keyboard.press("Enter")
    expect(page.get_by_text("not answered yet")).to_be_visible()


def test_a_pair_is_composed_by_an_amount(a_block, street, tom, sits_down):  # noqa: F811
    a_block("AAA", "SELL", 1_000), a_block("CCC", "BUY", 500)
    page = sits_down(tom, "/blocks/")
    linked(page, 2, "PAIR")
    dialog = page.locator("#dialog")
    expect(dialog.get_by_text("The first leads.", exact=False)).to_be_visible()
    dialog.locator("#link-amount").fill("5000")
    pictures.keep(page, "pair-dialog")
    page.keyboard.press("Enter")
    expect(page.get_by_text("5,000.00", exact=False).first).to_be_visible()
    page.keyboard.press("s")
    dialog.get_by_role("button", name="Send").click()
    expect(page.get_by_text("in whose name it acts")).to_be_visible()
    pictures.keep(page, "pair-working")


def test_a_program_goes_in_waves(a_block, street, tom, sits_down):  # noqa: F811
    a_block("AAA", "BUY", 1_000), a_block("CCC", "SELL", 500)
    page = sits_down(tom, "/blocks/")
    linked(page, 2, "PROGRAM")
    dialog = page.locator("#dialog")
    pictures.keep(page, "program-dialog")
    dialog.get_by_label("Note").press("Enter")
    expect(page.get_by_role("heading", name="Waves")).to_be_visible()
    page.keyboard.press("s")
    expect(dialog.get_by_label("Percent of every block")).to_be_focused()
    dialog.get_by_label("Percent of every block").fill("40")
    page.keyboard.press("Enter")
    expect(page.get_by_role("table", name="Waves").get_by_text("40.0%").first).to_be_visible()
    pictures.keep(page, "program-working")
    page.keyboard.press("l")
    expect(page.get_by_role("heading", name="Linked blocks")).to_be_visible()


def test_what_managers_link_is_offered_and_opens_the_dialog(proposed, tom, sits_down):  # noqa: F811
    proposed("SPREAD", ("AAA", "BUY", 100), ("CCC", "SELL", 200))
    page = sits_down(tom, "/linked/")
    expect(page.get_by_role("heading", name="Asked for by managers")).to_be_visible()
    pictures.keep(page, "linked-proposed")
    page.get_by_role("button", name="Link B-").click()
    dialog = page.locator("#dialog")
    expect(dialog.get_by_label("How they hang together")).to_have_value("MULTILEG")
    expect(dialog.get_by_label("Broker of all legs")).to_be_visible()
    pictures.keep(page, "linked-from-proposal")
