"""
What open pages are told, made once for all that show the same: the changes of a moment together, with the rows they touch.

A turn takes whatever was said since the last one. While one is read and drawn the next gathers, so under load a turn
carries more, and what a change costs hardly grows with the pages that look.
"""

import asyncio
import contextlib
import time
from collections.abc import Collection, Hashable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import orjson
import structlog
from django.db import connection

from .hub import hub
from .lists.live import MOST_DRAWN, LiveList, Place, Sight, Statement, drawn

log = structlog.get_logger(__name__)

BEAT_SECONDS = 10
KEPT = 256  # Turns a slow reader may lag behind before it is told to reload.
DRAWING = ThreadPoolExecutor(1, thread_name_prefix="drawing")  # Keeps its database session, and what is planned in it.


class Turn(NamedTuple):
    """What is told at once, up to the line ``seq``; without a text the reader is gone."""

    seq: int
    text: bytes


class Ear:
    """One reader: the turns that are still to be sent to it. A future of its own costs less than half of a queue."""

    def __init__(self):
        self._loop = asyncio.get_running_loop()
        self._turns: list[Turn] = []
        self._waits: asyncio.Future | None = None

    def hear(self, turn: Turn, epoch: str) -> None:
        if len(self._turns) >= KEPT:  # Too slow for what is said: it is to reload.
            self._turns.clear()
            turn = Turn(turn.seq, mark(b"gap", epoch, turn.seq))
        self._put(turn)

    def close(self, *_) -> None:
        self._put(Turn(0, b""))

    def _put(self, turn: Turn) -> None:
        self._turns.append(turn)
        if self._waits and not self._waits.done():
            self._waits.set_result(None)

    async def heard(self) -> Turn | None:
        """All that waits, as one turn; None once the reader is gone. Only one may wait."""
        if not self._turns:
            self._waits = self._loop.create_future()
            await self._waits
        turns, self._turns = self._turns, []
        if not turns[-1].text:
            return None
        return turns[0] if len(turns) == 1 else Turn(turns[-1].seq, b"".join(turn.text for turn in turns))


class Audience:
    """Pages that are told the same."""

    def __init__(self, topics: frozenset[str], sight: Sight | None, ticks: bool):
        self.topics, self.sees = topics, (sight, ticks)
        self.told_at = 0.0
        self.ears: set[Ear] = set()

    def tell(self, epoch: str, seq: int, text: bytes) -> None:
        self.told_at, turn = time.monotonic(), Turn(seq, text)
        for ear in self.ears:
            ear.hear(turn, epoch)


class Board:
    """A list and all that look at it. :param shown: None where pages only hear what changed"""

    def __init__(self, shown: LiveList | None):
        self.shown = shown
        self.statement = shown and Statement(shown)
        self.seq, self.epoch = hub.seq, hub.epoch
        self.audiences: dict[Hashable, Audience] = {}
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(BEAT_SECONDS):
                    await hub.beyond(self.seq, self.epoch)
            upto, epoch, missed = hub.seq, hub.epoch, hub.epoch != self.epoch
            changed = {a: None if missed else hub.after(self.seq, a.topics) for a in self.audiences.values()}
            rows = await self._drawn(changed)
            self.seq, self.epoch = upto, epoch
            for audience, what in changed.items():
                if what is None:
                    audience.tell(epoch, upto, mark(b"gap", epoch, upto))
                elif what:
                    audience.tell(epoch, upto, told(what, epoch, upto, rows and rows.of(audience.sees)))
                elif time.monotonic() - audience.told_at >= BEAT_SECONDS:
                    audience.tell(epoch, upto, mark(b"beat", epoch, upto))

    async def _drawn(self, changed: Mapping[Audience, Mapping[str, set[int]] | None]) -> "Rows | None":
        every: dict[str, set[int]] = {}
        for what in changed.values():
            for subject, ids in (what or {}).items():
                every[subject] = every.get(subject, set()) | ids
        if self.statement is None or not every:
            return None
        sees = {audience.sees for audience, what in changed.items() if what}
        return await asyncio.get_running_loop().run_in_executor(DRAWING, draw, self.statement, every, list(sees))


class Drawn(NamedTuple):
    """The rows of a list that a change touched, and the markup of those that the reader sees."""

    subject: str
    ids: Collection[int]
    rows: str


class Rows(NamedTuple):
    """What is drawn for all audiences of a list."""

    subject: str
    ids: Collection[int]
    markup: Mapping[tuple[Sight | None, bool], str]

    def of(self, sees: tuple[Sight | None, bool]) -> Drawn:
        return Drawn(self.subject, self.ids, self.markup[sees])


def draw(statement: Statement, changed: Mapping[str, set[int]], sees: Collection) -> Rows | None:
    """None where the pages are to ask for themselves: too many rows, or they cannot be read now."""
    shown = statement.shown
    try:
        ids = sorted(shown.rows_of(changed))
        return None if len(ids) > MOST_DRAWN else Rows(shown.subject, ids, drawn(statement, ids, sees))
    except Exception:  # One that ended the board would leave its pages waiting for ever; those that ask are answered.
        log.exception("rows_not_drawn", subject=shown.subject)
        connection.close()
        return None


_boards: dict[Hashable, Board] = {}


class Desk(NamedTuple):
    """Where a page sits: its board and its audience there."""

    board: Hashable
    audience: Hashable


def desk_of(topics: frozenset[str], place: Place | None) -> Desk:
    """Equal for pages that are told the same."""
    if place is None:
        return Desk(None, topics)
    return Desk(place.shown.alike, (topics, place.sight, place.ticks))


def join(topics: frozenset[str], place: Place | None) -> Ear:
    """One reader more of what a page is told."""
    at = desk_of(topics, place)
    if at.board not in _boards or _boards[at.board].task.done():
        _boards[at.board] = Board(place and place.shown)
    audiences = _boards[at.board].audiences
    if at.audience not in audiences:
        audiences[at.audience] = Audience(topics, place and place.sight, bool(place and place.ticks))
    ear = Ear()
    audiences[at.audience].ears.add(ear)
    return ear


def leave(topics: frozenset[str], place: Place | None, ear: Ear) -> None:
    at = desk_of(topics, place)
    board = _boards.get(at.board)
    audience = board and board.audiences.get(at.audience)
    if not audience or ear not in audience.ears:
        return
    audience.ears.remove(ear)
    if not audience.ears:
        del board.audiences[at.audience]
    if not board.audiences:
        board.task.cancel()
        del _boards[at.board]


def told(changed: Mapping[str, Collection[int]], epoch: str, seq: int, drawn: Drawn | None) -> bytes:
    """The lines of a turn: drawn rows first, then what changed, which the list need not ask for again where it is drawn."""
    pieces = []
    if drawn and drawn.ids:
        said = orjson.dumps({"subject": drawn.subject, "ids": list(drawn.ids), "rows": drawn.rows})
        pieces.append(b"event: rows\ndata: %s\n\n" % said)
    for subject, ids in changed.items():
        said = orjson.dumps({"seq": seq, "subject": subject, "ids": sorted(ids), "drawn": drawn is not None})
        pieces.append(b"id: %s-%d\ndata: %s\n\n" % (epoch.encode(), seq, said))
    return b"".join(pieces)


def mark(event: bytes, epoch: str, seq: int) -> bytes:
    return b"event: %s\nid: %s-%d\ndata: {}\n\n" % (event, epoch.encode(), seq)
