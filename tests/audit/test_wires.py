"""What open pages are told of a commit, also where Redis was away just then."""

import time

import orjson
import pytest
from redis import ConnectionError, Redis

from apps.audit import wires


class Away:
    def publish(self, *_) -> None:
        raise ConnectionError("away")


@pytest.fixture
def heard(servers, settings):
    with Redis.from_url(settings.REDIS_URL).pubsub(ignore_subscribe_messages=True) as channel:
        channel.subscribe(wires.CHANNEL)

        def hear(seconds: float = 10) -> dict | None:
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline:
                if said := channel.get_message(timeout=0.1):
                    return orjson.loads(said["data"])
            return None

        hear(0.3)
        yield hear


def test_who_has_nothing_more_to_tell_says_that_something_was_lost(heard, monkeypatch):
    monkeypatch.setattr(wires, "AGAIN_SECONDS", 0.1)
    monkeypatch.setattr(wires, "_down_until", 0.0)
    real = wires.client()
    monkeypatch.setattr(wires, "client", lambda: Away())
    wires._tell({"order": {7}}, [])
    assert heard(0.5) is None

    monkeypatch.setattr(wires, "client", lambda: real)
    said = heard()
    assert (said["changed"], said["lost"]) == ({}, True)
    assert heard(0.5) is None, "it is said once"
    wires.publish({"order": {8}})
    said = heard()
    assert (said["changed"], said["lost"]) == ({"order": [8]}, False)
