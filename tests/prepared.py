"""
Houses of tests that need the whole of one: the firm of a home made once a run is copied, which takes a second where
making and loading it takes twenty. ``python -m tests.prepared FOLDER`` makes it.
"""

import fcntl
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from oms_portal.scenario import House

RUN = "HOUSES_OF_THIS_RUN"  # The folder that the processes of a run share; conftest.py names and removes it.


def house(**asked) -> House:
    """
    One of its own is made where no run has a folder.

    :param asked: as ``House`` takes it, but for the scale, which is 1
    """
    if RUN not in os.environ:
        return House(scale=1, **asked)
    home = Path(tempfile.mkdtemp(prefix="oms-scenario-"))
    subprocess.run(["cp", "-a", f"{_ready()}/.", home], check=True)  # With owners: PostgreSQL runs as another user.
    return House(scale=1, home=home, **asked)


def _ready() -> Path:
    folder = Path(os.environ[RUN])
    made = folder / "home"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            subprocess.run([sys.executable, "-m", "tests.prepared", str(folder / "half")], check=True)
            (folder / "half").rename(made)
    return made


def main() -> None:
    home = Path(sys.argv[1])
    home.mkdir(mode=0o711)
    house = House(scale=1, seed=1, home=home, durable=False)
    house.open(parts=())
    house.shut()
    (home / "demo" / "rebalance.csv").unlink()  # Each house draws its own.


if __name__ == "__main__":
    main()
