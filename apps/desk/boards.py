"""
What open pages are told, made once for all that show the same: the changes of a moment together, with the rows they touch.

A turn takes whatever was said since the last one. While one is read and drawn the next gathers, so under load a turn
carries more, and what a change costs does not grow with the pages that look.
"""

import asyncio
from collections import deque
from collections.abc import Collection, Hashable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import orjson
import structlog
from django.db import close_old_connections

from .hub import hub
from .lists.live import MOST_DRAWN, LiveList

log = structlog.get_logger(__name__)

KEPT = 256  # Turns a slow reader may lag behind before it is told to reload.
DATABASE = ThreadPoolExecutor(2, thread_name_prefix="stream")  # Where the stream's process asks the database.


class Turn(NamedTuple):
    """What is told at once, up to the line ``seq``."""

    number: int
    seq: int
    text: bytes


class Board:
    """:param shown: the list whose rows are drawn; None where its pages only hear what changed"""

    def __init__(self, topics: Collection[str], shown: LiveList | None):
        self.topics, self.shown = topics, shown
        self.seq, self.epoch = hub.seq, hub.epoch
        self.number = 0
        self.turns: deque[Turn] = deque(maxlen=KEPT)
        self.turned = asyncio.Event()
        self.readers = 0

    async def run(self) -> None:
        while True:
            await hub.beyond(self.seq, self.epoch)
            upto, epoch = hub.seq, hub.epoch
            changed = hub.after(self.seq, self.topics) if epoch == self.epoch else None
            if changed is None:
                text = mark(b"gap", epoch, upto)
            elif changed:
                text = told(changed, epoch, upto, await self._drawn(changed))
            else:
                text = b""
            self.seq, self.epoch = upto, epoch
            if text:
                self.number += 1
                self.turns.append(Turn(self.number, upto, text))
                self.turned.set()
                self.turned = asyncio.Event()

    def after(self, number: int) -> list[Turn] | None:
        """The turns after one; None where some of them are no longer kept."""
        if number < self.number - len(self.turns):
            return None
        found = []
        for turn in reversed(self.turns):
            if turn.number <= number:
                break
            found.append(turn)
        return found[::-1]

    async def _drawn(self, changed: Mapping[str, set[int]]) -> "Drawn | None":
        if self.shown is None:
            return None
        return await asyncio.get_running_loop().run_in_executor(DATABASE, draw, self.shown, changed)


class Drawn(NamedTuple):
    """The rows of a list that a change touched, and the markup of those that belong to it."""

    subject: str
    ids: Collection[int]
    rows: str


def draw(shown: LiveList, changed: Mapping[str, set[int]]) -> Drawn | None:
    """None where the pages are to ask for themselves: too many rows, or they cannot be read now."""
    try:
        ids = shown.rows_of(changed)
        if len(ids) > MOST_DRAWN:
            return None
        return Drawn(shown.subject, sorted(ids), shown.draw(ids) if ids else "")
    except Exception:  # One that ended the board would leave its pages waiting for ever; those that ask are answered.
        log.exception("rows_not_drawn", subject=shown.subject)
        return None
    finally:
        close_old_connections()


_boards: dict[Hashable, tuple[Board, asyncio.Task]] = {}


def join(key: Hashable, topics: Collection[str], shown: LiveList | None) -> Board:
    """The board of a key, for one reader more."""
    if key not in _boards or _boards[key][1].done():
        board = Board(topics, shown)
        _boards[key] = board, asyncio.create_task(board.run())
    board = _boards[key][0]
    board.readers += 1
    return board


def leave(key: Hashable, board: Board) -> None:
    board.readers -= 1
    if board.readers == 0:
        found, task = _boards[key]
        task.cancel()
        if found is board:
            del _boards[key]


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
