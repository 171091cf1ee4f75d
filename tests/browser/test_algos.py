"""A trader works a block by an algorithm of our own: sees its plan, starts it, pauses, changes and stops it."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from apps.algos import services as algos
from apps.algos.models import Algo
from apps.routing.models import Route
from tests.browser import pictures
from tests.browser.test_fit import WIDER
from tests.routing.conftest import a_block, alone, counterparties, street  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_from_the_ticket_to_the_end(a_block, street, tom, sits_down):  # noqa: F811
    block = a_block("AAA", "BUY", 10_000)
    page = sits_down(tom, f"/blocks/{block.pk}/")
    page.keyboard.press("a")
    page.wait_for_url("**/algos/new/**")
    page.get_by_label("Algorithm").select_option("POV")
    expect(page.get_by_label("Percent of volume")).to_be_visible()
    page.get_by_label("Algorithm").select_option("TWAP")
    expect(page.get_by_label("Percent of volume")).to_have_count(0)
    page.get_by_label("Broker", exact=True).select_option("HARBOR")
    page.get_by_label("Quantity").fill("11000")
    page.get_by_label("Seconds between orders").fill("60")
    page.keyboard.press("Tab")
    expect(page.get_by_text("Only 10000 of")).to_be_visible()
    pictures.keep(page, "algo-refused")
    page.get_by_label("Quantity").fill("6000")
    page.get_by_label("To (UTC)").fill(f"{timezone.now() + timedelta(minutes=10):%H:%M:%S}")
    page.keyboard.press("Tab")
    expect(page.locator("#algo-basis")).to_contain_text("Evenly over")
    expect(page.locator("svg.chart polyline")).to_have_count(1)
    pictures.keep(page, "algo-ticket")
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url("**/algos/*/")

    algo = Algo.objects.get()
    algos.work_algos(algo.starts_at + timedelta(minutes=1))
    route = Route.objects.get()
    street.report(route, "F", "1", last=(300, "50"), cum=300, leaves=int(route.qty) - 300)
    page.reload()
    expect(page.locator("svg.chart polyline")).to_have_count(3)
    expect(page.get_by_label("Orders it sent").get_by_role("row")).to_have_count(2)
    pictures.keep(page, "algo-working")

    dialog = page.locator("#dialog")
    page.keyboard.press("p")
    dialog.get_by_role("button", name="Pause it").click()
    expect(page.get_by_text("Paused by a person")).to_be_visible()
    page.keyboard.press("c")
    dialog.get_by_label("Quantity").fill("5000")
    page.keyboard.press("Tab")
    expect(dialog.locator("svg.chart polyline")).to_have_count(1)
    pictures.keep(page, "algo-change")
    dialog.get_by_role("button", name="Change it").click()
    expect(page.get_by_text("of 5,000")).to_be_visible()
    page.keyboard.press("x")
    dialog.get_by_label("Reason").fill("The client changed their mind")
    dialog.get_by_role("button", name="Stop it").click()
    expect(page.get_by_text("Stopped: The client changed their mind")).to_be_visible()
    pictures.keep(page, "algo-stopped")
    page.goto(page.url.split("/algos/")[0] + "/algos/")
    expect(page.get_by_label("Algorithms").get_by_role("row")).to_have_count(2)
    pictures.keep(page, "algo-list")
    page.set_viewport_size({"width": 1280, "height": 800})
    assert page.evaluate(WIDER) == []
    page.get_by_role("link", name=algo.ref).click()
    expect(page.locator("svg.chart")).to_be_visible()
    assert page.evaluate(WIDER) == []
    algo.refresh_from_db()
    assert (algo.status, algo.qty) == ("STOPPED", 5_000)
