"""
The live stream of open pages.

A page opens ``/stream/?topics=block,route`` and hears ``{"seq", "subject", "ids", "drawn"}`` for what changed. With
``list``, the address that it asks for its rows, it is sent the rows themselves (``rows``) where the list is one that is
drawn for several pages at once; which rows its reader may see is decided where they are read, as when the page asks. Each
line has an id, so a page that was away for a moment is told what it missed; where that is no longer known it is told
``gap`` and reloads. ``beat`` says that the line is alive. A page says with ``since`` (seconds of the Unix clock) when it
was made, and first hears what changed on the way to its reader.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.cookies import SimpleCookie
from importlib import import_module
from typing import NamedTuple
from urllib.parse import parse_qs

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.db import close_old_connections

from apps.core.refusals import Refusal
from apps.users.models import User
from apps.users.services import can

from . import boards
from .boards import mark, told
from .hub import hub
from .lists.live import Place, place_of

DATABASE = ThreadPoolExecutor(2, thread_name_prefix="seats")
CHECK_AGAIN_SECONDS = 120
AROUND_SECONDS = 2.0  # What a page shows was read a little before it was written, and the two clocks may differ.

# Whoever may not see a kind of thing is not even told that one changed.
NEEDED = {
    "order": "orders.see",
    "group": "orders.see",
    "import": "orders.import",
    "approval": "orders.see_approvals",
    "chain": "orders.see_approvals",
    "deputy": "orders.see_approvals",
    "proposal": "orders.create",
    "review": "compliance.see",
    "override": "compliance.see",
    "question": "compliance.see_own",
    "rule": "compliance.see",
    "draft": "compliance.see",
    "restriction": "compliance.see",
    "match": "compliance.see",
    "close_out": "settlement.see",
    "entry": "compliance.control_room",
    "block": "blocks.see",
    "route": "routing.see",
    "algo": "routing.see",
    "slice": "routing.see",
    "play": "routing.see",
    "draw": "routing.see",
    "execution": "routing.see",
    "inquiry": "routing.see",
    "message": "routing.see",
    "session": "routing.see",
    "halt": "routing.see",
    "grant": "routing.see_staging",
    "strategy_file": "routing.see",
    "dialect": "routing.see_dialects",
    "rate_card": "routing.see_cards",
    "charge": "settlement.see",
    "csa": "settlement.see",
    "gateway": "routing.see_sessions",
    "reconciliation": "routing.see",
    "session_stop": "routing.see_sessions",
    "sequence_reset": "routing.see_sessions",
    "alert": "routing.see",
    "note": "blocks.see",
    "opposition": "blocks.see",
    "cross": "crossing.see",
    "linked_group": "routing.see",
    "leg": "routing.see",
    "rotation": "reference.see",
    "allocation": "allocations.see",
    "confirmation": "settlement.see",
    "instruction": "settlement.see",
    "exchange": "settlement.see",
    "quote": "marketdata.see",
    "view": "desk.see",  # Which view it is, no more: what became of one is told to those who see it.
    "health": "desk.see",
}


class Wish(NamedTuple):
    """What a page asks for: its cookies, the topics and the list of its address."""

    cookies: str
    topics: str
    rows: str


class Seat(NamedTuple):
    """What a reader may hear, and the list they look at; ``user`` is None for a stranger."""

    user: User | None
    topics: frozenset[str]
    place: Place | None


def seat_of(wish: Wish) -> Seat:
    """Read from the database: who it is, what they may hear, which list they look at."""
    close_old_connections()
    try:
        user = _person(wish.cookies)
        topics = _topics(user, wish.topics)
        return Seat(user, topics, _place(user, wish.rows) if topics else None)
    finally:
        close_old_connections()


def _person(cookies: str) -> User | None:
    morsel = SimpleCookie(cookies).get(settings.SESSION_COOKIE_NAME)
    if morsel is None:
        return None
    session = import_module(settings.SESSION_ENGINE).SessionStore(morsel.value)
    return User.objects.filter(pk=session.get(SESSION_KEY) or 0, is_active=True).first()


def _topics(user: User | None, asked: str) -> frozenset[str]:
    if user is None:
        return frozenset()
    wanted = {topic for topic in asked.split(",") if topic in NEEDED} or set(NEEDED)
    return frozenset(topic for topic in wanted if can(user, NEEDED[topic]))


def _place(user: User, address: str) -> Place | None:
    """A list that the page may not see or that is nonsense is none: the page is refused where it asks for the rows."""
    try:
        return place_of(user, address) if address else None
    except Refusal:
        return None


async def application(scope, receive, send, own_headers: Sequence[tuple[bytes, bytes]] = ()) -> None:
    """
    ASGI: the stream of a signed-in person; 401 for anybody else, 403 where the role may hear none of it.

    :param own_headers: what the answer says besides, for the page that asks
    """
    headers = dict(scope["headers"])
    query = parse_qs(scope["query_string"].decode("latin-1"))
    cookies = headers.get(b"cookie", b"").decode("latin-1")
    wish = Wish(cookies, query.get("topics", [""])[0], query.get("list", [""])[0])
    seat = await _in_database(seat_of, wish)
    if not seat.topics:
        await send({"type": "http.response.start", "status": 403 if seat.user else 401, "headers": [*own_headers]})
        await send({"type": "http.response.body", "body": b""})
        return
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [
                (b"content-type", b"text/event-stream; charset=utf-8"),
                (b"cache-control", b"no-store"),
                (b"x-accel-buffering", b"no"),
                *own_headers,
            ],
        }
    )
    hub.start()
    gone = asyncio.create_task(_until_gone(receive))
    try:
        position = _position(headers.get(b"last-event-id", b"").decode("latin-1"), query.get("since", [""])[0])
        while seat.topics and not gone.done():
            position = await _tell(send, gone, seat, position)
            before, seat = seat, await _in_database(seat_of, wish)
            if boards.desk_of(seat.topics, seat.place) != boards.desk_of(before.topics, before.place):
                position = None  # Who may see other things now is to reload.
    finally:
        gone.cancel()
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _in_database(ask: Callable, *said):
    return await asyncio.get_running_loop().run_in_executor(DATABASE, ask, *said)


async def _until_gone(receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


def _position(last: str, since: str) -> int | None:
    """The line after which a page is to hear, by the last it heard or when it was made; None: it missed some."""
    if last:
        epoch, _, number = last.partition("-")
        return int(number) if epoch == hub.epoch and number.isdigit() else None
    try:
        return hub.seq_at(float(since) - AROUND_SECONDS) if since else hub.seq
    except ValueError:
        return hub.seq


async def _tell(send, gone: asyncio.Task, seat: Seat, position: int | None) -> int:
    """Speaks until the reader is gone or is to be looked at again. :return: the last line that was told"""
    ear = boards.join(seat.topics, seat.place)
    gone.add_done_callback(ear.close)
    try:
        seq = hub.seq
        missed = None if position is None else hub.after(position, seat.topics)
        opening = mark(b"gap" if missed is None else b"beat", hub.epoch, seq)
        await _send(send, b"retry: 1000\n" + opening + told(missed or {}, hub.epoch, seq, None))
        until = time.monotonic() + CHECK_AGAIN_SECONDS
        while time.monotonic() < until and (turn := await ear.heard()):
            await _send(send, turn.text)
            seq = turn.seq
        return seq
    finally:
        gone.remove_done_callback(ear.close)
        boards.leave(seat.topics, seat.place, ear)


async def _send(send, data: bytes) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": True})
