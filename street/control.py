"""
The operator's commands: one JSON file each in the control folder, answered beside it.

A command <name>.json is done once and replaced by <name>.done, which holds the command and its result:
{"ok": true, …} or {"ok": false, "error": "what is wrong"}. Write it under another suffix and rename it, so
that it is never read half-written.
"""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .book import CommandRefused

log = logging.getLogger("street.control")

Command = dict[str, Any]


class Control:
    """:param do: carries a command out, returns its result or raises CommandRefused"""

    def __init__(self, folder: Path, do: Callable[[Command], Command]):
        self.folder = folder
        self._do = do
        folder.mkdir(parents=True, exist_ok=True)

    def run_pass(self) -> int:
        """:returns: how many commands were answered"""
        paths = sorted(self.folder.glob("*.json"))
        for path in paths:
            command: Command = {}
            try:
                command = json.loads(path.read_text(encoding="utf-8"))
                if not isinstance(command, dict):
                    raise CommandRefused('A command is an object such as {"do": "bust", "exec_id": "…"}.')
                result: Command = {"ok": True} | self._do(command)
            except json.JSONDecodeError as error:
                result = {"ok": False, "error": f"Not JSON: {error}."}
            except CommandRefused as refused:
                result = {"ok": False, "error": str(refused)}
            log.info("%s: %s", command, result)
            part = path.with_suffix(".part")
            part.write_text(json.dumps({"command": command, "result": result}, default=str), encoding="utf-8")
            part.replace(path.with_suffix(".done"))
            path.unlink()
        return len(paths)
