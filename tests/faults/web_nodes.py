"""
Starts web processes at once, by forking one that has imported the portal but served nothing and connected nowhere.

``python -m tests.faults.web_nodes``: each line read is a port, answered by the id of a new granian in a process group of
its own there. It serves as the Procfile's does, but a restart costs no imports and no calendars, so that thirty fit into a test.
"""

import os
import signal
import sys
from datetime import date

CALENDARS = ("XNAS", "XNYS", "XLON", "XETR", "XPAR", "XSWX", "24/5", "CMES")  # Of the demo's venues; a second or two to draw up.


def serve(port: int) -> None:
    """The child's whole life."""
    os.setpgid(0, 0)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1):
        os.dup2(nothing, stream)
    from granian import Granian

    Granian(
        "oms_portal.wsgi:application", address="127.0.0.1", port=port, interface="wsgi", workers=1, blocking_threads=4,
        websockets=False, log_level="warning",
    ).serve()  # fmt: skip
    os._exit(0)


def main() -> int:
    from django.urls import get_resolver

    import oms_portal.wsgi  # noqa: F401
    from apps.reference.selectors import is_session

    get_resolver().url_patterns  # noqa: B018  # Imports every view.
    for calendar in CALENDARS:
        is_session(calendar, date(2026, 1, 2))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # Nobody waits for the killed.
    print("ready", flush=True)
    for line in sys.stdin:
        child = os.fork()
        if not child:
            serve(int(line))
        os.setpgid(child, child)  # As the child does: whichever comes first.
        print(child, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
