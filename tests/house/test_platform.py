"""The servers under the house: they start, end, heal, and Redis may lose all it knows."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
import redis

from oms_portal import embedded

CHECKOUT = Path(__file__).resolve().parents[2]


def count_of(servers: embedded.Servers) -> int:
    with psycopg.connect(servers.urls().database) as connection:
        return connection.execute("SELECT count(*) FROM kept").fetchone()[0]


class TestServers:
    def test_keep_their_data_over_a_stop_and_a_start(self, own_servers):
        own_servers.start()
        with psycopg.connect(own_servers.urls().database) as connection:
            connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 7)")
        redis.Redis.from_url(own_servers.urls().redis).set("kept", 7)

        own_servers.stop()
        assert own_servers.postgres.process() is None
        assert own_servers.redis.process() is None
        own_servers.start()

        assert count_of(own_servers) == 7
        assert redis.Redis.from_url(own_servers.urls().redis).get("kept") == b"7"

    def test_start_after_both_were_killed_and_their_pids_belong_to_others(self, own_servers):
        own_servers.start()
        with psycopg.connect(own_servers.urls().database) as connection:
            connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 7)")
        own_servers.postgres.kill()
        own_servers.redis.kill()
        stale = own_servers.postgres.data / "postmaster.pid"
        first, _, rest = stale.read_text().partition("\n")
        stale.write_text(f"{os.getpid()}\n{rest}")  # As after a restart of a container, where numbers are given anew.
        own_servers.redis.pid_file.write_text(str(os.getpid()))

        own_servers.start()

        assert int(first) != own_servers.postgres.process().pid
        assert count_of(own_servers) == 7
        assert redis.Redis.from_url(own_servers.urls().redis).ping() is True

    def test_set_aside_a_redis_log_that_cannot_be_read(self, own_servers):
        own_servers.redis.start()
        own_servers.redis.stop()
        (own_servers.redis.root / "appendonly.aof").write_bytes(b"nothing Redis ever wrote\n" * 50)

        own_servers.redis.start()

        assert redis.Redis.from_url(own_servers.urls().redis).dbsize() == 0
        assert len(list(own_servers.redis.root.glob("unreadable-*"))) == 1

    def test_find_servers_that_run_already(self, own_servers):
        own_servers.start()
        before = own_servers.postgres.process().pid, own_servers.redis.process().pid

        embedded.Servers(own_servers.home).start()

        assert (own_servers.postgres.process().pid, own_servers.redis.process().pid) == before

    def test_listen_on_no_port_and_to_nobody_else(self, own_servers):
        own_servers.start()

        for server in (own_servers.postgres, own_servers.redis):
            assert [c for c in server.process().net_connections("inet") if c.status == "LISTEN"] == []
        assert own_servers.postgres.sockets.stat().st_mode & 0o077 == 0
        assert own_servers.redis.socket.parent.stat().st_mode & 0o077 == 0

    def test_fit_a_home_whose_path_is_too_long_for_a_socket(self, own_servers):
        deep = embedded.Servers(own_servers.home / ("d" * 60) / ("e" * 60))
        try:
            deep.start()
            with psycopg.connect(deep.urls().database) as connection:
                assert connection.execute("SELECT current_user").fetchone() == ("oms",)
        finally:
            deep.wipe()

    def test_take_the_addresses_they_are_given(self, tmp_path):
        given = embedded.Servers(tmp_path, database_url="postgresql://x/y", redis_url="redis://z")

        given.start()

        assert given.urls() == embedded.Urls("postgresql://x/y", "redis://z")
        assert list(tmp_path.iterdir()) == []


@pytest.fixture
def broker(own_servers, tmp_path):
    """A real worker over a Redis of its own; ``send(text)`` publishes a nudge, ``done()`` lists what was worked off."""
    own_servers.redis.start()
    (tmp_path / "nudges.py").write_text(NUDGES)
    env = {
        **os.environ,
        **own_servers.environment(),
        "PYTHONPATH": f"{tmp_path}{os.pathsep}{CHECKOUT}",
        "NUDGES_DONE": str(tmp_path / "done"),
    }
    parts = []

    class Broker:
        redis = own_servers.redis

        def start(self, *arguments: str) -> subprocess.Popen:
            with (tmp_path / f"{arguments[0]}.log").open("ab") as log:
                part = subprocess.Popen(
                    [sys.executable, "-m", "celery", "-A", "nudges", *arguments],
                    cwd=tmp_path, env=env, stdout=log, stderr=subprocess.STDOUT,
                )  # fmt: skip
            parts.append(part)
            return part

        def worker(self) -> subprocess.Popen:
            return self.start(
                "worker", "--concurrency", "1", "--without-mingle", "--without-gossip", "--without-heartbeat"
            )

        def beat(self) -> subprocess.Popen:
            return self.start("beat", "--pidfile=")

        def send(self, text: str) -> tuple[float, str]:
            """Publishes from a process of its own. :returns: seconds the publishing took, and what came of it"""
            done = subprocess.run(
                [sys.executable, "nudges.py", text], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60
            )
            assert done.returncode == 0, done.stderr
            seconds, outcome = done.stdout.split(maxsplit=1)
            return float(seconds), outcome.strip()

        def done(self) -> list[str]:
            path = tmp_path / "done"
            return path.read_text().split() if path.exists() else []

        def wait_for(self, text: str, seconds: float = 60) -> bool:
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline:
                if text in self.done():
                    return True
                time.sleep(0.05)
            return False

    yield Broker()
    for part in parts:
        part.terminate()
    for part in parts:
        try:
            part.wait(15)
        except subprocess.TimeoutExpired:
            part.kill()


# The portal's own Celery settings and watch over the connection, over one task that touches no database.
NUDGES = '''
import os, sys, time
from celery import Celery, shared_task
import oms_portal.settings.base as settings
from oms_portal.celery import StaysConnected

app = Celery("nudges")
app.steps["consumer"].add(StaysConnected)
app.config_from_object(
    {k.removeprefix("CELERY_").lower(): v for k, v in vars(settings).items() if k.startswith("CELERY_")}
)
app.conf.beat_schedule = {"tick": {"task": "nudges.note", "schedule": 0.5, "args": ["tick"], "options": {"expires": 5}}}

@app.task(name="nudges.note")
def note(text):
    with open(os.environ["NUDGES_DONE"], "a") as file:
        file.write(text + "\\n")

if __name__ == "__main__":
    begun = time.monotonic()
    try:
        app.send_task("nudges.note", args=[sys.argv[1]], retry=False)
        outcome = "sent"
    except Exception as error:
        outcome = type(error).__module__ + "." + type(error).__name__
    print(time.monotonic() - begun, outcome)
'''


@pytest.mark.faults
class TestRedisIsAHint:
    def test_nudges_pass_after_everything_in_redis_was_flushed(self, broker):
        broker.worker()
        broker.send("before")
        assert broker.wait_for("before")

        broker.redis.flush()

        assert broker.send("after")[1] == "sent"
        assert broker.wait_for("after")

    def test_the_worker_comes_back_after_redis_was_killed_and_restarted(self, broker):
        broker.worker()
        broker.send("before")
        assert broker.wait_for("before")

        broker.redis.kill()
        time.sleep(2)
        broker.redis.start()

        assert broker.send("after")[1] == "sent"
        assert broker.wait_for("after")

    def test_publishing_to_a_dead_redis_says_so_within_a_second(self, broker):
        broker.redis.kill()

        seconds, outcome = broker.send("lost")

        assert outcome == "kombu.exceptions.OperationalError"
        assert seconds < 1

    def test_publishing_to_a_redis_that_hangs_says_so_within_a_second_and_a_half(self, broker):
        hung = broker.redis.process()
        hung.suspend()
        try:
            seconds, outcome = broker.send("lost")
        finally:
            hung.resume()

        assert outcome == "kombu.exceptions.OperationalError"
        assert seconds < 1.5

    def test_beat_goes_on_after_redis_was_away_and_flushed(self, broker):
        broker.worker()
        beat = broker.beat()
        assert broker.wait_for("tick")

        broker.redis.kill()
        time.sleep(3)
        assert beat.poll() is None
        broker.redis.start()
        broker.redis.flush()
        before = len(broker.done())

        deadline = time.monotonic() + 30  # A worker made deaf by it takes six seconds to notice.
        while len(broker.done()) < before + 3 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert len(broker.done()) >= before + 3
