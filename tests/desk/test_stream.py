"""The live stream's memory: what a page hears first, by when it was made or what it heard last."""

import asyncio

import orjson
import pytest

from apps.desk import stream


@pytest.fixture
def hub(monkeypatch):
    """A hub that listens since second 100, told of block 1 at 110, route 2 at 120 and block 3 at 130."""
    clock = [100.0]
    monkeypatch.setattr(stream.time, "time", lambda: clock[0])
    made = stream.Hub()
    monkeypatch.setattr(stream, "hub", made)

    async def tell() -> None:
        await made._forget()
        for at, subject, number in ((110.0, "block", 1), (120.0, "route", 2), (130.0, "block", 3)):
            clock[0] = at
            await made._take(orjson.dumps({"changed": {subject: [number]}}))

    asyncio.run(tell())
    return made


def heard(hub, position: int, *topics: str) -> list[int]:
    lines = hub.after(position, set(topics))
    return [orjson.loads(line.split(b"data: ")[1])["ids"][0] for line in lines]


def test_a_page_hears_what_changed_while_it_was_on_its_way(hub):
    assert heard(hub, stream._position("", "121.5"), "block", "route") == [2, 3]  # Two seconds count as the same time.
    assert heard(hub, stream._position("", "125"), "block", "route") == [3]
    assert heard(hub, stream._position("", "105"), "block") == [1, 3]
    assert heard(hub, stream._position("", "140"), "block", "route") == []


def test_a_page_made_before_anybody_listened_is_to_reload(hub):
    assert stream._position("", "101") is None
    assert stream.Hub().seq_at(1e12) is None


def test_a_page_made_before_what_is_remembered_is_to_reload(hub, monkeypatch):
    monkeypatch.setattr(stream, "REMEMBERED", 3)

    assert stream._position("", "111") is None
    assert heard(hub, stream._position("", "116"), "block", "route") == [2, 3]


def test_a_page_that_was_away_goes_on_where_it_stopped(hub):
    assert heard(hub, stream._position(f"{hub.epoch}-2", ""), "block", "route") == [3]
    assert heard(hub, stream._position(f"{hub.epoch}-2", "101"), "block", "route") == [3]
    assert stream._position("other-2", "140") is None
    assert stream._position("nonsense", "") is None


def test_a_page_that_says_nothing_or_nonsense_hears_what_comes_from_now_on(hub):
    assert stream._position("", "") == stream._position("", "soon") == hub.seq
