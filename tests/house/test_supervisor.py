"""The demo's supervisor: a part that dies comes back, and none outlives it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
RUN = """
import os, sys
from pathlib import Path
from oms_portal.supervisor import Supervisor

here = Path(sys.argv[1])
def say(line):
    print(line, flush=True)

def then():
    import time
    while not (here / "turn").exists():
        time.sleep(0.05)
    supervisor.turn.set()

supervisor = Supervisor(
    here / "Procfile", env=dict(os.environ), logs=here / "log", say=say, then=then, first=sys.argv[2:]
)
supervisor.loop()
sys.exit(supervisor.returncode)
"""


@pytest.fixture
def supervise(tmp_path):
    """Starts a supervisor over a Procfile; ``pids(name)`` are those that a part wrote down, one for each life."""
    running = []

    class Supervised:
        def __init__(self, procfile: str, *first: str):
            (tmp_path / "Procfile").write_text(procfile)
            self.output = tmp_path / "output"
            with self.output.open("wb") as output:
                self.process = subprocess.Popen(
                    [sys.executable, "-c", RUN, str(tmp_path), *first],
                    cwd=CHECKOUT, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
                )  # fmt: skip
            running.append(self)

        def pids(self, name: str) -> list[int]:
            path = tmp_path / name
            return [int(line) for line in path.read_text().split()] if path.exists() else []

    yield Supervised
    for one in running:
        if one.process.poll() is None:
            one.process.terminate()
            one.process.wait(20)


def until(true, seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.05)
    return False


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


STEADY = "steady: echo $$ >> steady; exec sleep 600\n"


def test_a_part_that_was_killed_is_started_again_and_the_others_stay(supervise):
    run = supervise(STEADY + "other: echo $$ >> other; exec sleep 600\n")
    assert until(lambda: len(run.pids("steady")) == 1 and len(run.pids("other")) == 1)

    os.kill(run.pids("steady")[0], signal.SIGKILL)

    assert until(lambda: len(run.pids("steady")) == 2)
    assert len(run.pids("other")) == 1
    assert "steady ended (code -9) and is started again" in run.output.read_text()


def test_ctrl_c_ends_every_part(supervise):
    run = supervise(STEADY + "other: echo $$ >> other; exec sleep 600\n")
    assert until(lambda: len(run.pids("steady")) == 1 and len(run.pids("other")) == 1)

    run.process.send_signal(signal.SIGINT)

    assert run.process.wait(15) == 130
    assert is_gone(run.pids("steady")[0])
    assert is_gone(run.pids("other")[0])


def test_parts_end_with_a_supervisor_that_was_killed(supervise):
    run = supervise(STEADY)
    assert until(lambda: len(run.pids("steady")) == 1)

    run.process.kill()
    run.process.wait()

    assert until(lambda: is_gone(run.pids("steady")[0]))
    assert len(run.pids("steady")) == 1


def test_a_part_that_keeps_failing_ends_the_run_and_says_where_to_read_why(supervise, tmp_path):
    run = supervise(STEADY + "sick: echo $$ >> sick; echo because of this; exit 3\n")

    assert run.process.wait(30) == 3
    assert len(run.pids("sick")) == 5
    assert is_gone(run.pids("steady")[0])
    assert f"sick keeps ending (code 3); read {tmp_path / 'log' / 'sick.log'}" in run.output.read_text()
    assert (tmp_path / "log" / "sick.log").read_text() == "because of this\n" * 5


def test_the_rest_waits_for_its_turn(supervise, tmp_path):
    run = supervise(STEADY + "other: echo $$ >> other; exec sleep 600\n", "steady")
    assert until(lambda: len(run.pids("steady")) == 1)
    assert not until(lambda: run.pids("other"), seconds=1)

    (tmp_path / "turn").touch()

    assert until(lambda: len(run.pids("other")) == 1)


def test_ctrl_c_ends_what_still_waits_for_its_turn(supervise):
    run = supervise(STEADY + "other: echo $$ >> other; exec sleep 600\n", "steady")
    assert until(lambda: len(run.pids("steady")) == 1)

    run.process.send_signal(signal.SIGINT)

    assert run.process.wait(15) == 130
    assert is_gone(run.pids("steady")[0])
    assert run.pids("other") == []
