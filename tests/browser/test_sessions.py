"""FIX sessions and dialects by people at browsers: stopped, numbers set by two, started again; a dialect proposed and approved."""

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from apps.routing import services as routing
from apps.routing.models import Dialect, SequenceReset, Session, SessionStop
from tests.browser.contrast import faint
from tests.routing.conftest import counterparties  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def session(counterparties) -> Session:  # noqa: F811
    """Harbor's, which a gateway looked after a moment ago."""
    row = Session.objects.get(target_comp_id="HARBOR")
    now = timezone.now()
    routing.keep_states("here, process 7", now, [routing.Seen(row.pk, True, 41, 37, now, "0", now, now, 12)])
    return row


def readable(page: Page) -> None:
    for theme in ("dark", "light"):
        page.emulate_media(color_scheme=theme)
        assert faint(page) == [], theme


def press(page: Page, name: str, within=None) -> None:
    """A button by the keyboard alone."""
    button = (within or page).get_by_role("button", name=name)
    button.focus()
    page.keyboard.press("Enter")


def test_a_session_is_stopped_its_numbers_set_by_two_and_started(sits_down, session, olga, alan):
    page = sits_down(olga, "/console/")
    expect(page.get_by_role("row", name="HARBOR")).to_contain_text("41")
    readable(page)
    page.goto(page.url + f"{session.pk}/")
    press(page, "Stop")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Reason")).to_be_focused()
    readable(page)
    page.keyboard.type("Both begin anew.")
    press(page, "Stop it", dialog)
    expect(page.get_by_text("stopped by")).to_be_visible()

    press(page, "Sequence numbers")
    expect(dialog.get_by_label("Our next message")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("Agreed by telephone.")
    press(page, "Propose", dialog)
    expect(dialog.locator(".errors, .problem").first).to_be_visible()
    readable(page)
    dialog.get_by_label("Our next message").fill("1")
    press(page, "Propose", dialog)
    expect(page.get_by_text("You proposed them, so another person approves them.")).to_be_visible()
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    readable(page)

    other = sits_down(alan, f"/console/{session.pk}/")
    press(other, "Approve")
    expect(other.get_by_role("dialog")).to_contain_text("ours 41, theirs 37")
    press(other, "Approve", other.get_by_role("dialog"))
    expect(other.get_by_text("waits for the gateway")).to_be_visible()
    assert SequenceReset.objects.get().status == "APPROVED"
    press(other, "Start")
    other.keyboard.type("All is agreed.")
    press(other, "Start it", other.get_by_role("dialog"))
    expect(other.get_by_role("button", name="Stop")).to_be_visible()
    assert SessionStop.objects.get().status == "ENDED"


def test_a_dialect_is_proposed_by_one_and_approved_by_another(sits_down, session, olga, alan):
    page = sits_down(olga, "/dialects/")
    readable(page)
    button = page.get_by_role("button", name=f"Propose a dialect for {session.party}")
    button.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Tags").fill("DG 9002 text")
    dialog.get_by_label("Why (kept on the record)").fill("Their rules of engagement.")
    press(page, "Propose", dialog)
    expect(dialog.locator(".errors")).to_contain_text("ine 1")
    readable(page)
    dialog.get_by_label("Tags").fill("DG 9002 text DESK1")
    press(page, "Propose", dialog)
    expect(page.get_by_text("Waits")).to_be_visible()
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)

    other = sits_down(alan, "/dialects/")
    press(other, "Approve DI")
    press(other, "Approve", other.get_by_role("dialog"))
    expect(other.get_by_text("In force")).to_be_visible()
    readable(other)
    assert Dialect.objects.get().status == "IN_FORCE"
