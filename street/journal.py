"""
The street's own log, append-only JSON lines: what it was sent, and what it executed.

orders.jsonl      one row per event of an order. `received` is written each time a ClOrdID arrives (kind new, cancel,
                  replace or hit; times_seen counts up), `accepted` once in an order's life, then `rejected`,
                  `pending`, `replaced`, `request_refused`, `closed`; `not_known` is a trade that the client refused
                  (35=Q), by exec_id and reason.
executions.jsonl  one row per execution: exec_type F (trade), G (correction, `ref` the execution it replaces) or
                  H (bust, `ref` the execution it takes back).
Quantities, prices and amounts are strings of exact decimals. A row is flushed before the message it speaks of
leaves, so after a kill the log knows at least what the other side knows.
"""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

Row = dict[str, Any]


class Journal:
    """:param folder: where the two files are; None keeps the rows in memory only"""

    def __init__(self, folder: Path | None = None):
        self.folder = folder
        self.orders: list[Row] = []
        self.executions: list[Row] = []
        self.seen: Counter[tuple[str, str]] = Counter()
        self._files: dict[str, IO[str]] = {}
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
            self.orders = list(rows(folder / "orders.jsonl"))
            self.executions = list(rows(folder / "executions.jsonl"))
            for name in ("orders", "executions"):
                _end_torn_line(folder / f"{name}.jsonl")
                self._files[name] = (folder / f"{name}.jsonl").open("a", encoding="utf-8")
            for row in self.orders:
                if row["event"] == "received":
                    self.seen[row["broker"], row["cl_ord_id"]] += 1

    def received(self, broker: str, cl_ord_id: str, kind: str, **terms: Any) -> int:
        """:returns: how often this ClOrdID has now been seen from this client at this broker"""
        self.seen[broker, cl_ord_id] += 1
        times = self.seen[broker, cl_ord_id]
        self.order("received", broker=broker, cl_ord_id=cl_ord_id, kind=kind, times_seen=times, **terms)
        return times

    def order(self, event: str, **values: Any) -> None:
        self._write("orders", self.orders, {"at": _stamp(), "event": event} | values)

    def execution(self, **values: Any) -> None:
        self._write("executions", self.executions, {"at": _stamp()} | values)

    def _write(self, name: str, kept: list[Row], row: Row) -> None:
        line = json.dumps(row, default=str)
        kept.append(json.loads(line))
        if name in self._files:
            self._files[name].write(line + "\n")
            self._files[name].flush()

    def close(self) -> None:
        for file in self._files.values():
            file.close()


def rows(path: Path) -> Iterator[Row]:
    """The rows of one log. A last line cut by a kill is left out: what it spoke of was not sent."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.endswith("\n"):
                yield json.loads(line)


def _end_torn_line(path: Path) -> None:
    if not path.is_file():
        return
    with path.open("rb+") as file:
        data = file.read()
        whole = data.rfind(b"\n") + 1
        if whole != len(data):
            file.truncate(whole)


def _stamp() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
