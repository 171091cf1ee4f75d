"""People at a browser in front of the suite's own server, where no stream runs."""

from collections.abc import Callable

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Page


@pytest.fixture
def sits_down(live_server, chromium) -> Callable[..., Page]:
    """``sits_down(mira, "/orders/")``: her window on that page, signed in. No script may have complained at the end."""
    contexts, complaints = [], []

    def window(user, path: str) -> Page:
        client = Client()  # Several people sit down in one test, each signed in for themselves.
        client.force_login(user)
        cookie = settings.SESSION_COOKIE_NAME
        contexts.append(chromium.new_context(viewport={"width": 1440, "height": 900}))
        contexts[-1].add_cookies([{"name": cookie, "value": client.cookies[cookie].value, "url": live_server.url}])
        page = contexts[-1].new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
        page.on("response", lambda answer: answer.status >= 500 and complaints.append(f"{answer.url}: {answer.status}"))
        page.goto(f"{live_server.url}{path}")
        return page

    yield window
    for context in contexts:
        context.close()
    assert complaints == []
