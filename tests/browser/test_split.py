"""A trader splits a block in its drawer, by keyboard: a quantity of it, then all of it by broker."""

from collections import Counter

import pytest

from apps.blocks.models import Block, Member
from tests.allocations.filling import Street
from tests.browser.test_tree import STREAM

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def drawer_of(sits_down, firm, mira, tom, by):
    """``drawer_of(block)``: its drawer opened from the list by keyboard, in a window that hears what the test says."""

    def opened(block):
        page = sits_down(tom, "/blocks/")
        page.context.add_init_script(STREAM)
        page.reload()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.locator("#drawer:not(.htmx-settling) h2", has_text="AAA").wait_for()  # Its keys act once it is settled.
        return page

    return opened


def hears_of(page, *blocks) -> None:
    page.evaluate("ids => stream.say('message', { seq: 1, subject: 'block', ids })", [block.pk for block in blocks])


def test_a_quantity_is_split_off_and_the_drawer_says_what_is_left(drawer_of, firm, mira, tom, by):
    block = Street(firm, by, mira, tom).block("AAA", "SELL", {"P1": 500, "P2": 300})
    page = drawer_of(block)
    heading, dialog = page.locator("#drawer h2#drawer-title"), page.locator("#dialog")
    assert "800" in heading.inner_text()

    page.keyboard.press("s")
    page.locator("#dialog:not(.htmx-settling) #split-qty-0:focus").wait_for()  # It answers once it is settled.
    page.keyboard.type("900")
    page.keyboard.press("Tab")
    dialog.locator(".errors", has_text="900 leaves nothing of the 800").wait_for()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Control+a")
    page.keyboard.type("200")
    page.keyboard.press("Tab")
    shares = dialog.locator("table[aria-label='Who gets what'] tbody tr")
    shares.first.wait_for()
    assert [row.split() for row in shares.all_inner_texts()] == [
        [f"O-{pk:06d}", code, has, goes, stays]
        for pk, (code, has, goes, stays) in zip(
            Member.objects.filter(block=block).order_by("order").values_list("order", flat=True),
            [("P1", "500", "125", "375"), ("P2", "300", "75", "225")],
            strict=True,
        )
    ]
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    page.locator("#toasts .toast", has_text="200 split off as block").wait_for()
    dialog.wait_for(state="hidden")

    left, split = Block.objects.order_by("pk")
    assert (left.pk, left.qty, split.qty, split.split_from_id) == (block.pk, 600, 200, block.pk)
    hears_of(page, block)
    page.locator("#drawer h2#drawer-title", has_text="600").wait_for()
    assert page.locator("#drawer h2#drawer-title").count() == page.locator("#drawer [data-close-drawer]").count() == 1


def test_all_of_it_is_split_by_broker(drawer_of, firm, mira, tom, by):
    block = Street(firm, by, mira, tom).block("AAA", "SELL", {"P1": 500, "P2": 300})
    page = drawer_of(block)
    dialog = page.locator("#dialog")

    def types(field: str, text: str) -> None:
        """Into a field, and on to the next, until the dialog came anew with who would get what."""
        dialog.locator("form").evaluate("form => form.setAttribute('data-before', '')")
        dialog.locator(field).focus()
        page.keyboard.type(text)
        page.keyboard.press("Tab")
        dialog.locator("form:not([data-before])").wait_for()

    page.keyboard.press("s")
    page.locator("#dialog:not(.htmx-settling) #split-qty-0:focus").wait_for()  # It answers once it is settled.
    types("#split-by", "All")
    dialog.locator("#split-qty-2").wait_for()
    types("#split-qty-0", "500")
    types("#split-broker-0", firm.brokers["NORTHGATE"].name)
    dialog.locator(".lead", has_text="300 are still to be given to a broker").wait_for()
    types("#split-qty-1", "300")
    types("#split-broker-1", firm.brokers["HARBOR"].name)
    dialog.locator(".lead", has_text="All of it has a broker").wait_for()
    dialog.locator("#split-qty-1").focus()
    page.keyboard.press("Enter")
    page.locator("#toasts .toast", has_text="is 2 blocks now").wait_for()

    made = Block.objects.filter(split_from=block)
    assert Counter(made.values_list("meant_for__code", "qty")) == Counter({("NORTHGATE", 500): 1, ("HARBOR", 300): 1})
    assert sum(Member.objects.filter(block__in=made).values_list("qty", flat=True)) == 800
    hears_of(page, block, *made)
    page.locator(f"[data-row='block:{block.pk}']", has_text="Cancelled").wait_for()
    assert page.locator("#list [data-row]").count() == 3
    assert page.locator("#list [data-row]").first.get_attribute("data-row") in {f"block:{one.pk}" for one in made}
