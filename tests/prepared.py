"""
What tests would make again and again, made once and copied, which takes a second where making it takes twenty: the cluster
with the database as migrations leave it, kept for later runs, where one with a migration more begins; and the firm of a whole house,
once a run. ``python -m tests.prepared schema`` migrates, ``python -m tests.prepared FOLDER`` makes the house.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from oms_portal.embedded import CHECKOUT, Postgres, Servers

CLUSTERS = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "oms-portal" / "clusters"
CLUSTERS_KEPT = 12
FILES = "oms-files.txt"  # In a kept cluster: what it was made of, for one that lacks a few migrations to begin with it.
RUN = "HOUSES_OF_THIS_RUN"  # The folder that the processes of a run share; conftest.py names and removes it.


# --- the database ---------------------------------------------------------------------------------------------------


def cluster(postgres: Postgres) -> None:
    """Will give a server that never ran a cluster with the test database as migrations leave it."""
    CLUSTERS.mkdir(parents=True, exist_ok=True)
    ready = CLUSTERS / _schema()
    with ready.with_suffix(".lock").open("w") as lock:  # Other checkouts make theirs meanwhile.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            _migrated(ready)
        os.utime(ready)
        postgres.root.mkdir(parents=True, exist_ok=True)
        _copied(ready, postgres.data)
    kept = sorted((one for one in CLUSTERS.iterdir() if one.is_dir()), key=lambda one: -one.stat().st_mtime)
    for old in kept[CLUSTERS_KEPT:]:
        shutil.rmtree(old, ignore_errors=True)


def _files() -> list[str]:
    """What the database looks like hangs on these files: a line of name and hash for each."""
    files = [*CHECKOUT.glob("apps/*/migrations/*.py"), CHECKOUT / "requirements.txt", CHECKOUT / "oms_portal/settings/base.py"]
    return [f"{path.relative_to(CHECKOUT)} {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in sorted(files)]


def _schema() -> str:
    return hashlib.sha256("\n".join(_files()).encode()).hexdigest()[:20]


def _begun() -> Path | None:
    """The kept cluster that lacks the fewest of the migrations of now, and has none that is not among them."""
    now = set(_files())
    kept = {one: set(said.read_text().splitlines()) for one in CLUSTERS.iterdir() if (said := one / FILES).is_file()}
    fitting = [one for one, had in kept.items() if had <= now and all("/migrations/" in line for line in now - had)]
    return max(fitting, key=lambda one: len(kept[one]), default=None)


def _migrated(ready: Path) -> None:
    home = Path(tempfile.mkdtemp(prefix=f"oms-test-{os.getpid()}-"))
    home.chmod(0o711)
    servers = Servers(home, durable=False)
    try:
        if begun := _begun():
            servers.postgres.root.mkdir(parents=True, exist_ok=True)
            _copied(begun, servers.postgres.data)
            (servers.postgres.data / FILES).unlink()
        servers.start()
        subprocess.run([sys.executable, "-m", "tests.prepared", "schema"], check=True, env=os.environ | servers.environment(), cwd=CHECKOUT)
        servers.stop()
        half = CLUSTERS / f"half-{os.getpid()}"
        _copied(servers.postgres.data, half)
        (half / FILES).write_text("\n".join(_files()))
        half.rename(ready)
    finally:
        servers.wipe()


def _copied(here: Path, there: Path) -> None:
    subprocess.run(["cp", "-a", "--reflink=auto", here, there], check=True)  # With owners: PostgreSQL runs as another user.


def _migrate() -> None:
    import django

    django.setup()
    from django.db import connection

    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False, keepdb=True)


# --- a whole house --------------------------------------------------------------------------------------------------


def house(**asked):
    """
    A ``House`` of the scenario. One of its own is made where no run has a folder.

    :param asked: as ``House`` takes it, but for the scale, which is 1
    """
    from oms_portal.scenario import House

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
    if sys.argv[1] == "schema":
        _migrate()
        return
    from oms_portal.scenario import House

    home = Path(sys.argv[1])
    home.mkdir(mode=0o711)
    house = House(scale=1, seed=1, home=home, durable=False)
    house.open(parts=())
    house.shut()
    (home / "demo" / "rebalance.csv").unlink()  # Each house draws its own.


if __name__ == "__main__":
    main()
