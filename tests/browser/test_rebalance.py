"""Five people do the rebalance, each at a browser of their own, against the real parts."""

import contextlib
import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from playwright.sync_api import TimeoutError

from tests.browser.seats import Seat

CHECKOUT = Path(__file__).resolve().parents[2]
SECONDS_TO_OPEN = 400  # Of a busy machine; a quiet one takes some twenty.
ORDERS, BLOCKS = 850, 45


@pytest.fixture(scope="module")
def house():
    """The house in a process of its own, away from the suite's servers. Gives what it says: address, file, logs."""
    env = {
        k: v for k, v in os.environ.items() if not k.startswith(("OMS_", "DATABASE_", "REDIS_", "DJANGO_", "PYTEST_"))
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.browser.house"],
        cwd=CHECKOUT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    late = threading.Timer(SECONDS_TO_OPEN, process.kill)
    late.start()
    said = []
    for line in process.stdout:
        said.append(line)
        if line.startswith("{"):
            break
    late.cancel()
    try:
        assert said and said[-1].startswith("{"), f"The house did not open: {''.join(said)[-4000:]}"
        yield json.loads(said[-1])
    finally:
        process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(40)
        process.kill()
        process.stdout.close()


@pytest.fixture
def seat(house, chromium):
    """``seat("tom")``: a person signed in at a browser of their own. No browser may have complained at the end."""
    seats: list[Seat] = []

    def signed_in(username: str) -> Seat:
        seats.append(Seat(chromium, house["address"], username))
        return seats[-1]

    yield signed_in
    for one in seats:
        one.context.close()
    assert [line for one in seats for line in one.complaints] == []


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_five_people_take_the_rebalance_from_a_file_to_settlement(house, seat):
    mira, omar, tom, olga, ada = map(seat, ("mira", "omar", "tom", "olga", "ada"))
    tom.goto("/blocks/")
    assert "No blocks yet" in tom.page.locator("main").inner_text()
    omar.goto("/reviews/")
    assert omar.figure("Waiting") == "0"

    imports_the_file(mira, house["file"])
    decides_on_what_is_held(omar)
    routes_and_watches(tom)
    olga.goto("/settlement/")
    gives_up_the_rest(tom)
    sees_instructions_settle(olga)
    verifies_the_record(ada)

    web = (Path(house["logs"]) / "web.log").read_text()
    assert "unhandled" not in web
    assert "Internal Server Error" not in web


def imports_the_file(mira: Seat, path: str) -> None:
    mira.goto("/orders/imports/")
    mira.page.locator("input[type=file]").set_input_files(path)
    mira.page.get_by_role("button", name="Read the file").click()
    mira.page.get_by_role("button", name=f"Enter all {ORDERS} orders").click()  # Appears once a worker has read it.
    dialog = mira.page.locator("#dialog")
    dialog.get_by_role("button", name="Enter all").wait_for()
    words = dialog.locator(".money").inner_text()  # The market moves: about $100M each way.
    assert re.fullmatch(rf"{ORDERS} orders, \$(9\d|10\d)\.\dM sell, \$(9\d|10\d)\.\dM buy, 50 portfolios", words)
    dialog.get_by_label("Name of the group").fill("Equity to fixed income")
    assert dialog.get_by_label("Submit to compliance").is_checked()
    dialog.get_by_role("button", name="Enter all").click()
    mira.page.wait_for_url("**/orders/?import=*")
    mira.page.locator(".foot", has_text=f"{ORDERS} orders").wait_for()
    assert (
        mira.page.locator("tr[data-row^='order:']").first.locator(".st").inner_text() == "Held"
    )  # What needs her first.


def decides_on_what_is_held(omar: Seat) -> None:
    """The queue filled by itself; the first order is opened and its limit read, then one after the other approved."""
    omar.until("() => document.querySelectorAll('.item[data-row]').length > 0")
    held = int(omar.figure("Waiting"))
    assert held == omar.page.locator(".item[data-row]").count()
    for done in range(held):
        item = omar.page.locator(".item[data-row]").first
        name = item.locator("b").inner_text()
        item.click()
        decision = omar.page.locator("#review")
        decision.locator("h1", has_text=name).wait_for()
        if not done:
            assert decision.locator("dt", has_text="Limit").count() >= 1
            assert "Largest quantity that passes" in decision.inner_text()
        decision.get_by_label("Reason").fill("Within the client's written consent to the transition.")
        decision.get_by_label("To approve it, because").select_option("CLIENT")
        decision.get_by_role("button", name="Approve").click()
        decision.locator(".box p", has_text="by Omar Osei").wait_for()
        omar.figure_becomes("Waiting", str(held - done - 1))
        omar.until("left => document.querySelectorAll('.item[data-row]').length === left", held - done - 1)
    assert omar.loads == 1


def routes_and_watches(tom: Seat) -> None:
    """Blocks gather on the open page; all are routed at once; one is watched as it fills. Nothing is ever reloaded."""
    tom.until(
        "([blocks, orders]) => { const rows = [...document.querySelectorAll('tr[data-row^=\"block:\"]')];"
        " const held = rows.map((row) => Number(/^(\\d+) order/.exec(row.querySelector('.sub').textContent)?.[1] ?? 0));"
        " return rows.length === blocks && held.reduce((a, b) => a + b, 0) === orders; }",
        [BLOCKS, ORDERS],
    )
    tom.page.locator("[data-select-all]").check()
    tom.page.locator("[data-selection] [data-count]", has_text=f"{BLOCKS} selected").wait_for()
    tom.page.keyboard.press("r")
    dialog = tom.page.locator("#dialog")
    confirm = dialog.get_by_role("button", name=f"Route {BLOCKS} blocks")
    confirm.wait_for()
    words = dialog.locator(".money").inner_text()
    assert "sell" in words and "buy" in words and "50 portfolios" in words
    sold = tom.page.locator("tr[data-row^='block:']", has=tom.page.locator(".sell")).first.get_attribute("data-row")
    before = fill_of(tom, sold)
    assert before == "0%"
    confirm.click()
    assert f"{BLOCKS} blocks routed: 30 orders sent, 15 inquiries opened." in tom.toast("routed")

    first = live_change(tom, sold, before)
    tom.page.locator(f"[data-row='{sold}'] .sell").click()
    drawer = tom.page.locator("#drawer")
    drawer.get_by_role("link", name="Routes and fills").click()
    drawer.get_by_role("table", name="Fills").wait_for()
    tom.rows_asked = 0
    live_change(tom, sold, first)
    assert tom.rows_asked == 0  # What changed came down the stream.
    assert (
        drawer.locator(".tabs [aria-current]").inner_text() == "Routes and fills"
    )  # What came meanwhile did not undo it.
    tom.page.keyboard.press("Escape")
    tom.until("() => !document.querySelector('#drawer').children.length && location.pathname === '/blocks/'")
    assert tom.loads == 1


FILL = "row => document.querySelector(`[data-row='${row}'] .fillbar`)?.parentElement.textContent.trim()"


def fill_of(tom: Seat, row: str) -> str:
    return tom.page.evaluate(FILL, row)


def live_change(tom: Seat, row: str, shown: str) -> str:
    """Waits until the row says another fill than it did."""
    return tom.until(
        f"([row, shown]) => {{ const now = ({FILL})(row); return now && now !== shown && now; }}", [row, shown]
    )


def gives_up_the_rest(tom: Seat) -> None:
    """Once nothing works any more, what is not filled is given up, and every block is shared out."""
    over = "['Allocated', 'Done', 'Nothing works']"
    tom.until(
        "() => { const rows = [...document.querySelectorAll('tr[data-row^=\"block:\"]')];"
        f" return rows.every((row) => {over}.includes(row.querySelector('.st')?.textContent.trim())); }}",
        seconds=120,
    )
    tom.figure_becomes("Inquiries open", "0")
    assert tom.page.locator("tr[data-row^='block:']", has_text="Nothing works").count() > 0
    tom.page.locator("[data-select-all]").check()
    tom.page.keyboard.press("e")
    dialog = tom.page.locator("#dialog")
    assert "Give up" in dialog.locator(".money").inner_text()
    dialog.get_by_label("Reason").fill("End of schedule: the rest is given up.")
    dialog.get_by_role("button", name="Finish").click()
    tom.toast("finished")
    tom.until(
        "() => [...document.querySelectorAll('tr[data-row^=\"block:\"] .st')].every((s) => s.textContent.trim() === 'Allocated')"
    )
    assert tom.loads == 1


UNSETTLED = """() => [...document.querySelectorAll('tr[data-row^="instruction:"]')]
  .filter((row) => !/settled/i.test(row.querySelector('.st').textContent))
  .map((row) => row.textContent.trim().replace(/\\s+/g, ' '))"""


def sees_instructions_settle(olga: Seat) -> None:
    """The board fills and settles by itself, to the last instruction: as slowly as the machine is, but ever on."""
    olga.until("() => document.querySelectorAll('tr[data-row^=\"instruction:\"]').length > 0")
    left = olga.page.evaluate(UNSETTLED)
    while left:
        try:
            olga.until(f"before => ({UNSETTLED})().join() !== before", ",".join(left), seconds=120)
        except TimeoutError:
            olga.page.reload()
            raise AssertionError(f"Nothing moved any more; open were {left}, and reloaded {olga.page.evaluate(UNSETTLED)}.") from None
        left = olga.page.evaluate(UNSETTLED)
    assert olga.loads == 1


def verifies_the_record(ada: Seat) -> None:
    ada.goto("/record/")
    ada.page.keyboard.press("v")
    verdict = ada.page.locator("#verdict")
    verdict.get_by_role("heading", name="The record is whole").wait_for(timeout=60_000)
    assert "0 not yet sealed" in verdict.inner_text()
