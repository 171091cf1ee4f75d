"""
The parts of the portal as processes of their own, for a headless run and for faults: started from the Procfile, killed
at will, started again, and ended together.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from honcho.environ import parse_procfile

CHECKOUT = Path(__file__).resolve().parent.parent
SECONDS_TO_END = 10


class Parts:
    """
    :param env: the environment of every part; must name the servers, ``OMS_HOME`` and the settings
    :param logs: the folder of their logs
    """

    def __init__(self, env: dict[str, str], logs: Path):
        self.env = {
            **env,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{env.get('PATH', os.defpath)}",
            "PYTHONPATH": str(CHECKOUT),
            "PYTHONUNBUFFERED": "1",
        }
        self.logs = logs
        self.commands = parse_procfile((CHECKOUT / "Procfile.demo").read_text()).processes
        self.running: dict[str, subprocess.Popen] = {}
        logs.mkdir(parents=True, exist_ok=True)

    def start(self, *names: str) -> None:
        for name in names:
            with (self.logs / f"{name}.log").open("ab") as log:
                self.running[name] = subprocess.Popen(
                    ["/bin/sh", "-c", self.commands[name]],
                    cwd=CHECKOUT, env={**self.env, "OMS_PROCESS": name}, stdin=subprocess.DEVNULL, stdout=log,
                    stderr=subprocess.STDOUT, start_new_session=True,
                )  # fmt: skip

    def kill(self, name: str) -> None:
        """SIGKILL to the part and all its children, as a power cut would."""
        part = self.running.pop(name)
        os.killpg(part.pid, signal.SIGKILL)
        part.wait()

    def restart(self, name: str) -> None:
        self.kill(name)
        self.start(name)

    def dead(self) -> list[str]:
        """Parts that ended by themselves, with the last line of their log."""
        found = []
        for name, part in self.running.items():
            if part.poll() is not None:
                lines = (self.logs / f"{name}.log").read_text(errors="replace").strip().splitlines()
                found.append(f"{name} ended with code {part.returncode}: {lines[-1] if lines else 'no output'}")
        return found

    def stop(self) -> None:
        for part in self.running.values():
            if part.poll() is None:
                os.killpg(part.pid, signal.SIGTERM)
        deadline = time.monotonic() + SECONDS_TO_END
        for part in self.running.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                part.wait(max(0.1, deadline - time.monotonic()))
            try:
                os.killpg(part.pid, signal.SIGKILL)  # What it left behind.
            except ProcessLookupError:
                continue
            finally:
                part.wait()
        self.running.clear()
