"""Servers and browser of the suite. Each run has its own, so several people may run it at once."""

import os
import shutil
import tempfile
from pathlib import Path

import psutil
import pytest

from oms_portal import embedded
from tests import prepared

pytest_plugins = ["tests.world", "tests.listed"]
SUITE_HOME = Path(os.environ["OMS_TEST_HOME"])
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_left_out: list[str] = []


# --- servers --------------------------------------------------------------------------------------------------------


def _end_runs_that_were_killed() -> None:
    for home in Path(tempfile.gettempdir()).glob("oms-test-*-*"):
        pid = home.name.split("-")[2]
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            embedded.Servers(home, durable=False).wipe()


@pytest.fixture(scope="session")
def servers():
    """The run's PostgreSQL and Redis, started when first asked for; ``.postgres`` and ``.redis`` stop and start."""
    _end_runs_that_were_killed()
    running = embedded.Servers(SUITE_HOME, durable=False)
    prepared.cluster(running.postgres)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def own_servers(tmp_path_factory):
    """Servers of this test alone, durable, for faults that would disturb the others. Not started."""
    home = Path(tempfile.mkdtemp(prefix=f"oms-test-{os.getpid()}-"))
    home.chmod(0o711)
    alone = embedded.Servers(home)
    yield alone
    alone.wipe()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(servers):
    """Pytest-django asks for this before it makes the test database: the servers run from here on."""


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """The database came with the cluster, and goes with it."""
    return True


def pytest_configure(config) -> None:
    if not hasattr(config, "workerinput"):  # Its workers inherit it.
        os.environ[prepared.RUN] = tempfile.mkdtemp(prefix=f"oms-test-{os.getpid()}-")
        Path(os.environ[prepared.RUN]).chmod(0o711)


def pytest_unconfigure(config) -> None:
    embedded.Servers(SUITE_HOME, durable=False).wipe()
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ[prepared.RUN], ignore_errors=True)


# --- browser --------------------------------------------------------------------------------------------------------


def pytest_collection_modifyitems(config, items) -> None:
    items.sort(key=lambda item: not {"slow", "faults"} & {mark.name for mark in item.iter_markers()})  # None is left alone at the end.
    if CHROMIUM or os.environ.get("CI") == "true":
        return
    for item in items:
        if item.get_closest_marker("browser"):
            _left_out.append(item.nodeid)
            item.add_marker(pytest.mark.skip(reason="Chromium is not installed (Debian: apt-get install chromium)"))


def pytest_terminal_summary(terminalreporter) -> None:
    if _left_out:
        terminalreporter.section("BROWSER TESTS WERE NOT RUN", sep="!", red=True, bold=True)
        terminalreporter.line(
            f"{len(_left_out)} of them were left out: Chromium is not installed (Debian: apt-get install chromium)."
        )


@pytest.fixture(scope="module")
def chromium():
    """
    A Chromium driven by Playwright; each test opens contexts of its own in it.

    It ends with its module, for while it runs, an event loop runs in this thread, where other tests start their own.
    """
    from playwright.sync_api import sync_playwright

    if not CHROMIUM:
        pytest.fail("Chromium is not installed, and CI=true demands it (Debian: apt-get install chromium).")
    # Django refuses its database within an event loop.
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]
    else:
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = before
