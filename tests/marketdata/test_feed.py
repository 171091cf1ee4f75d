"""The feed against real sessions: a small venue of the test's own, and the simulated street."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from decimal import Decimal
from pathlib import Path

import orjson
import pytest
from django.conf import settings
from django.db import OperationalError, connection
from redis import Redis, RedisError

from apps.audit import wires
from apps.marketdata import services
from apps.marketdata.feed import Feed
from apps.marketdata.models import Bar, FxRate, Quote
from apps.marketdata.venue import Session
from tests.marketdata.venue import Venue, free_port

D = Decimal
CHECKOUT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.django_db(transaction=True)


def wait_for(done, seconds: float = 20.0):
    """What ``done`` answers once it is true."""
    deadline = time.monotonic() + seconds
    while not (answer := done()):
        if time.monotonic() > deadline:
            pytest.fail(f"did not come true within {seconds} s: {done}")
        time.sleep(0.05)
    return answer


@contextlib.contextmanager
def running(folder: Path, port: int, *, live: bool = False):
    """A feed on a thread of its own; it must end by itself when told to stop."""
    session = Session(folder, host="127.0.0.1", port=port, sender="OMS-SIM", target="SIMX", live=live)
    feed = Feed(session, source="SIMX")
    thread = threading.Thread(target=feed.run)
    thread.start()
    try:
        yield feed
    finally:
        feed.stop()
        thread.join(timeout=15)
        assert not thread.is_alive()


def quote(symbol: str) -> Quote:
    return Quote.objects.get(instrument__symbol=symbol)


class TestWithAVenue:
    def test_asks_for_all_and_keeps_what_it_hears(self, firm, tmp_path):
        port = free_port()
        with Venue(tmp_path / "venue", port=port) as venue, running(tmp_path / "feed", port):
            asked = venue.asked.get(timeout=20)
            venue.snapshot("AAA", "59.99", "60.01", "1000", "60")
            venue.snapshot("EUR/USD", "1.19", "1.21")
            venue.snapshot("AAA", "-1", "60.01")
            wait_for(lambda: quote("AAA").bid == D("59.99"))
            venue.snapshot("AAA", "60.99", "61.01", "1500", "60.4")
            wait_for(lambda: quote("AAA").bid == D("60.99"))

            assert asked == ["AAA", "BBB", "BOND", "CCC", "EUR/USD", "GBP/USD", "TSY"]
            bar = Bar.objects.get()
            assert (bar.volume, bar.turnover, quote("AAA").source) == (500, 30600, "SIMX")
            assert FxRate.objects.get(base="EUR").rate == D("1.2")

    def test_tells_open_pages_which_quotes_moved(self, firm, tmp_path):
        port = free_port()
        pages = Redis.from_url(settings.REDIS_URL).pubsub(ignore_subscribe_messages=True)
        pages.subscribe(wires.CHANNEL)
        pages.get_message(timeout=1)
        with Venue(tmp_path / "venue", port=port) as venue, running(tmp_path / "feed", port):
            venue.asked.get(timeout=20)
            venue.snapshot("AAA", "59.99", "60.01")
            venue.snapshot("BBB", "79.99", "80.01")
            hint = wait_for(lambda: pages.get_message(timeout=0.5))
        pages.close()

        ids = sorted(firm.instruments[s].pk for s in ("AAA", "BBB"))
        assert orjson.loads(hint["data"])["changed"] == {"quote": ids}

    def test_connects_and_asks_again_after_the_venue_was_gone(self, firm, tmp_path):
        port = free_port()
        with running(tmp_path / "feed", port):
            for price in ("55", "56"):
                with Venue(tmp_path / f"venue{price}", port=port) as venue:
                    venue.asked.get(timeout=20)
                    venue.snapshot("AAA", price, price)
                    wait_for(lambda p=price: quote("AAA").bid == D(p))

    def test_what_the_venue_does_not_know_keeps_nothing_else_away(self, firm, tmp_path):
        port = free_port()
        with (
            Venue(tmp_path / "venue", port=port, unknown=frozenset({"BOND"})) as venue,
            running(tmp_path / "feed", port),
        ):
            asked = [venue.asked.get(timeout=20) for _ in range(5)]

            assert asked[1:3] == [["AAA", "BBB", "BOND"], ["CCC", "EUR/USD", "GBP/USD", "TSY"]]
            assert asked[3:] == [["AAA"], ["BBB", "BOND"]]
            assert venue.asked.get(timeout=20) == ["BBB"]
            assert venue.asked.get(timeout=20) == ["BOND"]

    def test_a_new_instrument_is_asked_for(self, firm, tmp_path, monkeypatch):
        monkeypatch.setattr("apps.marketdata.feed.NAMES_SECONDS", 0.2)
        aaa = firm.instruments["AAA"]
        aaa.is_active = False
        aaa.save()
        port = free_port()
        with Venue(tmp_path / "venue", port=port) as venue, running(tmp_path / "feed", port):
            assert "AAA" not in venue.asked.get(timeout=20)
            aaa.is_active = True
            aaa.save()

            assert venue.asked.get(timeout=20) == ["AAA"]

    def test_keeps_the_newest_while_postgresql_is_away_and_loses_no_volume(self, firm, tmp_path, monkeypatch):
        port, record, away = free_port(), services.record_ticks, threading.Event()

        def refuse(*args, **kwargs):
            if away.is_set():
                raise OperationalError("the server is down")
            record(*args, **kwargs)

        monkeypatch.setattr(services, "record_ticks", refuse)
        monkeypatch.setattr("apps.marketdata.feed.TICKS_THAT_WAIT", 1)
        with Venue(tmp_path / "venue", port=port) as venue, running(tmp_path / "feed", port) as feed:
            venue.asked.get(timeout=20)
            venue.snapshot("AAA", "50", "50", "1000", "50")
            wait_for(lambda: quote("AAA").source == "SIMX")
            away.set()
            for volume in ("1100", "1200", "1300"):
                venue.snapshot("AAA", "51", "51", volume, "50")
            wait_for(lambda: feed._database_away and len(feed._ticks) == 1)
            assert quote("AAA").volume == 1000
            away.clear()
            wait_for(lambda: quote("AAA").volume == 1300)

        assert sum(Bar.objects.values_list("volume", flat=True)) == 300

    def test_goes_on_without_redis(self, firm, tmp_path, monkeypatch):
        def refuse(subjects):
            raise RedisError("gone")

        monkeypatch.setattr(wires, "publish", refuse)
        port = free_port()
        with Venue(tmp_path / "venue", port=port) as venue, running(tmp_path / "feed", port):
            venue.asked.get(timeout=20)
            for price in ("55", "56"):
                venue.snapshot("AAA", price, price)
                wait_for(lambda p=price: quote("AAA").bid == D(p))


class TestSimulationAndLive:
    @pytest.mark.parametrize("live, test", [(False, False), (True, True)])
    def test_never_meet(self, firm, tmp_path, monkeypatch, live, test):
        monkeypatch.setattr("apps.marketdata.feed.REFUSED_PAUSE_SECONDS", 0.5)
        port = free_port()
        with Venue(tmp_path / "venue", port=port, test=test) as venue, running(tmp_path / "feed", port, live=live):
            logons = [venue.logons.get(timeout=20) for _ in range(2)]  # It was left, and tries again.

            assert ["\x01464=Y" in logon for logon in logons] == [not live] * 2
            assert venue.asked.empty()

    def test_a_live_house_meets_a_live_venue(self, firm, tmp_path):
        port = free_port()
        with Venue(tmp_path / "venue", port=port, test=False) as venue, running(tmp_path / "feed", port, live=True):
            assert "464=" not in venue.logons.get(timeout=20)
            assert "AAA" in venue.asked.get(timeout=20)


class TestWithTheStreet:
    @pytest.fixture
    def street(self, tmp_path):
        port = free_port()
        command = [sys.executable, "-m", "street", "--port", str(port), "--home", str(tmp_path / "home"), "--speed", "600"]
        process = subprocess.Popen(command, cwd=CHECKOUT, stderr=subprocess.DEVNULL)
        yield port
        process.terminate()
        process.wait(timeout=15)

    def test_quotes_move_as_a_process_that_ends_on_sigterm(self, firm, street, tmp_path):
        firm.instruments["AAA"].symbol = "AAPL"
        firm.instruments["AAA"].save()
        env = {
            **os.environ,
            "DATABASE_URL": database_url(),
            "OMS_HOME": str(tmp_path / "oms"),
            "DJANGO_SETTINGS_MODULE": "oms_portal.settings.test",
            "OMS_BAR_SECONDS": "1",
        }
        command = [sys.executable, "manage.py", "market_feed", "--port", str(street)]
        log = tmp_path / "feed.log"
        with log.open("wb") as output:
            feed = subprocess.Popen(command, cwd=CHECKOUT, env=env, stdout=output, stderr=output)
        seen = []
        try:
            for _ in range(4):
                seen.append(wait_for(lambda: newer_than(seen, log), 60))
        finally:
            feed.send_signal(signal.SIGTERM)
            code = feed.wait(timeout=15)

        assert code == 0, log.read_text()
        assert [s.at for s in seen] == sorted({s.at for s in seen})
        assert all(one.volume < two.volume for one, two in zip(seen, seen[1:], strict=False))
        assert len({s.bid for s in seen}) > 1
        assert Bar.objects.filter(instrument__symbol="AAPL").exists()
        assert Quote.objects.exclude(instrument__symbol="AAPL").filter(source="SIMX").count() == 0


def newer_than(seen: list[Quote], log: Path) -> Quote | None:
    found = quote("AAPL")
    if found.source != "SIMX" or (seen and found.at <= seen[-1].at):
        return None
    return found


def database_url() -> str:
    """The test database, as a process of its own finds it."""
    base, _, query = os.environ["DATABASE_URL"].partition("?")
    url = base.rpartition("/")[0] + "/" + connection.settings_dict["NAME"]
    return url + ("?" + query if query else "")
