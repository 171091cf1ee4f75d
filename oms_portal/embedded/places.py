"""Where embedded servers keep their data, sockets and programs."""

import hashlib
import tempfile
from pathlib import Path

import psutil

LONGEST_SOCKET_PATH = 100  # Linux takes 107 bytes; PostgreSQL adds a suffix for its lock file.
SHARED_STATE = Path("/var/lib/oms-portal")  # For a root whose home is closed to the user PostgreSQL runs as.


class CannotStart(RuntimeError):
    """A server could not be started; the message says in one line what to do."""


def socket_dir(owner_dir: Path) -> Path:
    """A directory for sockets beside the data, or a short one of the same name in the temporary folder."""
    near = owner_dir / "run"
    if len(str(near / ".s.PGSQL.5432")) <= LONGEST_SOCKET_PATH:
        return near
    digest = hashlib.sha256(str(owner_dir).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"oms-{digest}"


def wait_until_gone(process: psutil.Process, seconds: float) -> bool:
    try:
        process.wait(seconds)
    except psutil.TimeoutExpired:
        return False
    return True


def open_to_others(path: Path) -> bool:
    """Whether an ordinary user may walk to this path."""
    return all(parent.stat().st_mode & 0o001 for parent in [path, *path.parents] if parent.exists())
