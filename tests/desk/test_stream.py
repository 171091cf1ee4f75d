"""The live stream's memory: what a page hears first, by when it was made or what it heard last; and what it is told."""

import asyncio
import re
from types import SimpleNamespace

import orjson
import pytest
from django.conf import settings

from apps.desk import boards, stream
from apps.desk import hub as hearing
from apps.desk.events import ViewRemoved, ViewSaved
from apps.desk.lists.live import MOST_DRAWN, LiveList, Place
from apps.desk.lists.specs import usual


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


def blocks(rows_of=None) -> Place:
    """A page's list of blocks, of which route 7 works block 70 and so on."""

    def belonging(changed):
        return set(changed.get("block", ())) | {route * 10 for route in changed.get("route", ())}

    sheet = SimpleNamespace(columns=())
    spec = usual(SimpleNamespace(usual_for=list))
    return Place(LiveList("block", "", sheet, spec, rows_of or belonging, None, None), None, True)


def turns(hub, place: Place | None, *says) -> list[list[tuple[str, dict]]]:
    """What a page is told of what is said, one turn after another."""
    topics = frozenset({"block", "route"})

    async def run() -> list[boards.Turn]:
        found = []
        ear, other = boards.join(topics, place), boards.join(topics, place)
        for say in says:
            say()
            async with asyncio.timeout(10):
                found.append(await ear.heard())
                assert await other.heard() == found[-1]
        for one, left in ((ear, 1), (other, 0), (other, 0)):
            boards.leave(topics, place, one)
            assert len(boards._boards) == left
        return found

    return [events(turn.text) for turn in asyncio.run(run())]


def test_every_topic_a_page_asks_for_is_one_that_is_told_to_who_may_hear_it():
    pages = [path.read_text() for path in (settings.BASE_DIR / "templates").rglob("*.html")]
    asked = {topic for page in pages for said in re.findall(r"\?topics=([a-z_,]+)", page) for topic in said.split(",")}

    assert asked - set(stream.NEEDED) == set()
    assert {ViewSaved.subject, ViewRemoved.subject} == {"view"} <= asked


def test_no_page_says_itself_where_the_stream_is():
    """It may be at another port: pages ask the settings."""
    assert [path.name for path in (settings.BASE_DIR / "templates").rglob("*.html") if "}/stream/?" in path.read_text()] == []



@pytest.mark.django_db
def test_of_views_whoever_has_a_desk_is_told(tess, mira, stranger):
    told = [stream._topics(person, "view,route") for person in (tess, mira, stranger)]

    assert told == [{"view", "route"}, {"view"}, frozenset()]


def test_rows_that_a_change_touched_come_drawn_and_once_for_all(hub, monkeypatch):
    asked = []

    def drawn(statement, ids, sees):
        asked.append((ids, sees))
        return dict.fromkeys(sees, "".join(f"<tr data-row='block:{pk}'></tr>" for pk in ids))

    monkeypatch.setattr(boards, "drawn", drawn)
    found = turns(hub, blocks(), lambda: (said(hub, "block", 5), said(hub, "route", 7), said(hub, "order", 1)))

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
    assert asked == [([5, 70], [(None, True)])]


def test_pages_of_one_sight_that_hear_of_other_things_each_get_their_rows(hub, monkeypatch):
    monkeypatch.setattr(boards, "drawn", lambda statement, ids, sees: dict.fromkeys(sees, str(ids)))
    place = blocks()

    async def run() -> list[list[tuple[str, dict]]]:
        ears = {topic: boards.join(frozenset({topic}), place) for topic in ("block", "route")}
        said(hub, "block", 5), said(hub, "route", 7)
        async with asyncio.timeout(10):
            found = [events((await ear.heard()).text) for ear in ears.values()]
        for topic, ear in ears.items():
            boards.leave(frozenset({topic}), place, ear)
        return found

    for (rows, what), subject in zip(asyncio.run(run()), ("block", "route"), strict=True):
        assert (rows[0], rows[1]["ids"]) == ("rows", [5, 70])
        assert (what[1]["subject"], what[1]["drawn"]) == (subject, True)


def test_rows_that_cannot_be_read_or_are_too_many_are_left_to_the_pages(hub):
    def broken(changed):
        raise OSError("the database is away")

    assert turns(hub, blocks(broken), lambda: said(hub, "block", 5)) == [
        [("message", {"seq": 4, "subject": "block", "ids": [5], "drawn": False})]
    ]
    many = range(1, MOST_DRAWN + 2)
    [[(kind, what)]] = turns(hub, blocks(), lambda: said(hub, "block", *many))
    assert (kind, what["drawn"], len(what["ids"])) == ("message", False, MOST_DRAWN + 1)


def test_a_board_says_gap_where_something_may_have_been_missed_and_goes_on(hub):
    found = turns(hub, None, hub.forget, lambda: said(hub, "block", 9))

    assert found == [[("gap", {})], [("message", {"seq": 4, "subject": "block", "ids": [9], "drawn": False})]]


def test_a_reader_too_slow_for_what_is_kept_is_to_reload(monkeypatch):
    monkeypatch.setattr(boards, "KEPT", 2)

    async def told(slow: boards.Ear, *numbers: int) -> list[tuple[str, dict]]:
        for seq in numbers:
            slow.hear(boards.Turn(seq, boards.mark(b"beat", "e", seq)), "e")
        return events((await slow.heard()).text)

    async def run() -> None:
        slow = boards.Ear()
        assert await told(slow, 1, 2) == [("beat", {}), ("beat", {})]
        assert await told(slow, 3, 4, 5) == [("gap", {})]

    asyncio.run(run())


def test_a_quiet_line_says_that_it_is_alive_and_one_that_is_gone_ends(hub, monkeypatch):
    monkeypatch.setattr(boards, "BEAT_SECONDS", 0.01)

    async def run() -> None:
        topics = frozenset({"block"})
        ear = boards.join(topics, None)
        async with asyncio.timeout(10):
            assert events((await ear.heard()).text)[0] == ("beat", {})
            said(hub, "order", 1)  # Not for this page, which hears that the line is alive all the same.
            assert events((await ear.heard()).text)[0] == ("beat", {})
            ear.close()
            while await ear.heard():
                continue
        boards.leave(topics, None, ear)

    asyncio.run(run())
