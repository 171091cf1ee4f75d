"""
The whole house for a browser, in a process of its own (the suite's own process has other settings):
``python -m tests.browser.house``.

Prints one JSON line once every part answers: the address, the file of the rebalance, the folder of the logs. It ends,
with all it started, when its standard input closes; so it also ends with a suite that was killed.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from oms_portal.scenario import wait_for
from tests import prepared


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return answer.status < 500
    except urllib.error.HTTPError as error:
        return error.code < 500  # The stream answers a stranger with a refusal.
    except OSError:
        return False


def main() -> int:
    began = time.monotonic()
    house = prepared.house(seed=1, speed=int(os.environ.get("STREET_SPEED") or 1500), durable=False)
    try:
        house.open()
        house.parts.start("stream")
        from oms_portal.rebalance import Rebalance

        Rebalance(house).connect()
        origin = f"http://127.0.0.1:{house.env['PORT']}"
        stream = f"http://127.0.0.1:{house.env['STREAM_PORT']}/stream/"
        for address in (f"{origin}/accounts/login/", stream):
            wait_for(address, lambda a=address: _answers(a), lambda: 0, house.parts)
        said = {
            "address": origin,
            "file": str(Path(house.home) / "demo" / "rebalance.csv"),
            "logs": str(house.parts.logs),
            "seconds": round(time.monotonic() - began, 1),
        }
        print(json.dumps(said), flush=True)
        sys.stdin.read()
    finally:
        house.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
