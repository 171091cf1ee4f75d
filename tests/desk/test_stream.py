"""The live stream's memory: what a page hears first, by when it was made or what it heard last; and what it is told."""

import asyncio

import orjson
import pytest

from apps.desk import boards, stream
from apps.desk import hub as hearing
from apps.desk.lists.live import MOST_DRAWN, LiveList


@pytest.fixture
def hub(monkeypatch):
    """A hub that listens since second 100, told of block 1 at 110, route 2 at 120 and block 3 at 130."""
    clock = [100.0]
    monkeypatch.setattr(hearing.time, "time", lambda: clock[0])
    made = hearing.Hub()
    for module in (stream, boards):
        monkeypatch.setattr(module, "hub", made)
    made.forget()
    for at, subject, number in ((110.0, "block", 1), (120.0, "route", 2), (130.0, "block", 3)):
        clock[0] = at
        said(made, subject, number)
    return made


def said(hub, subject: str, *numbers: int) -> None:
    hub.take(orjson.dumps({"changed": {subject: numbers or None}}))


def heard(hub, position: int, *topics: str) -> dict[str, set[int]]:
    return hub.after(position, set(topics))


def test_a_page_hears_what_changed_while_it_was_on_its_way(hub):
    both = heard(hub, stream._position("", "121.5"), "block", "route")
    assert both == {"route": {2}, "block": {3}}  # Two seconds count as the same time.
    assert heard(hub, stream._position("", "125"), "block", "route") == {"block": {3}}
    assert heard(hub, stream._position("", "105"), "block") == {"block": {1, 3}}
    assert heard(hub, stream._position("", "140"), "block", "route") == {}


def test_a_page_made_before_anybody_listened_is_to_reload(hub):
    assert stream._position("", "101") is None
    assert hearing.Hub().seq_at(1e12) is None


def test_a_page_made_before_what_is_remembered_is_to_reload(hub, monkeypatch):
    monkeypatch.setattr(hearing, "REMEMBERED", 3)

    assert stream._position("", "111") is None
    assert heard(hub, stream._position("", "116"), "block", "route") == {"route": {2}, "block": {3}}


def test_a_page_that_was_away_goes_on_where_it_stopped(hub):
    assert heard(hub, stream._position(f"{hub.epoch}-2", ""), "block", "route") == {"block": {3}}
    assert heard(hub, stream._position(f"{hub.epoch}-2", "101"), "block", "route") == {"block": {3}}
    assert stream._position("other-2", "140") is None
    assert stream._position("nonsense", "") is None


def test_a_page_that_says_nothing_or_nonsense_hears_what_comes_from_now_on(hub):
    assert stream._position("", "") == stream._position("", "soon") == hub.seq


def test_more_rows_than_a_hint_carries_are_a_gap_for_who_listens_to_them(hub):
    said(hub, "route")

    assert heard(hub, 3, "route") is None
    assert heard(hub, 3, "block") == {}


def events(text: bytes) -> list[tuple[str, dict]]:
    """Kind and data of what was told."""
    found = []
    for piece in text.decode().strip().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in piece.splitlines())
        found.append((lines.get("event", "message"), orjson.loads(lines["data"])))
    return found


def blocks(draw) -> LiveList:
    """A list of blocks; route 7 works block 70, and so on."""

    def rows_of(changed):
        return set(changed.get("block", ())) | {route * 10 for route in changed.get("route", ())}

    return LiveList("block", "blocks", rows_of, draw)


def turns(hub, shown: LiveList | None, *says) -> list[list[tuple[str, dict]]]:
    """What a board tells of what is said, one turn after another."""

    async def run() -> list[boards.Turn]:
        board = boards.join("key", frozenset({"block", "route"}), shown)
        for count, say in enumerate(says, 1):
            say()
            async with asyncio.timeout(10):
                while board.number < count:
                    await board.turned.wait()
        found = board.after(0)
        boards.leave("key", board)
        assert "key" not in boards._boards
        return found

    return [events(turn.text) for turn in asyncio.run(run())]


def test_rows_that_a_change_touched_come_drawn_and_once_for_all(hub):
    drawn = []

    def draw(ids):
        drawn.append(set(ids))
        return "".join(f"<tr data-row='block:{pk}'></tr>" for pk in sorted(ids))

    found = turns(hub, blocks(draw), lambda: (said(hub, "block", 5), said(hub, "route", 7), said(hub, "order", 1)))

    assert found == [
        [
            (
                "rows",
                {
                    "subject": "block",
                    "ids": [5, 70],
                    "rows": "<tr data-row='block:5'></tr><tr data-row='block:70'></tr>",
                },
            ),
            ("message", {"seq": 6, "subject": "route", "ids": [7], "drawn": True}),
            ("message", {"seq": 6, "subject": "block", "ids": [5], "drawn": True}),
        ]
    ]
    assert drawn == [{5, 70}]


def test_rows_that_cannot_be_read_or_are_too_many_are_left_to_the_pages(hub):
    def broken(ids):
        raise OSError("the database is away")

    assert turns(hub, blocks(broken), lambda: said(hub, "block", 5)) == [
        [("message", {"seq": 4, "subject": "block", "ids": [5], "drawn": False})]
    ]
    many = range(1, MOST_DRAWN + 2)
    [[(kind, what)]] = turns(hub, blocks(lambda ids: "rows"), lambda: said(hub, "block", *many))
    assert (kind, what["drawn"], len(what["ids"])) == ("message", False, MOST_DRAWN + 1)


def test_a_board_says_gap_where_something_may_have_been_missed_and_goes_on(hub):
    found = turns(hub, None, hub.forget, lambda: said(hub, "block", 9))

    assert found == [[("gap", {})], [("message", {"seq": 4, "subject": "block", "ids": [9], "drawn": False})]]


def test_a_reader_too_slow_for_what_is_kept_is_to_reload(hub, monkeypatch):
    monkeypatch.setattr(boards, "KEPT", 2)
    board = boards.Board(frozenset({"block"}), None)
    for number in range(1, 5):
        board.number = number
        board.turns.append(boards.Turn(number, number, b""))

    assert board.after(1) is None
    assert [turn.number for turn in board.after(2)] == [3, 4]
    assert board.after(4) == []
