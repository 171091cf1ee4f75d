"""
A custodian: reads batches of settlement instructions and of requests to cancel them from a folder, matches, settles
and cancels; all of it by files.

<folder>/in/    what the account owner sends (*.xml; a file still being written ends in .part)
<folder>/done/  what was read; <name>.errors beside a file that could not be read or answered in full
<folder>/out/   batches of sese.024 (status), sese.025 (settled) and sese.027 (answer to a request to cancel)

Nearly every instruction matches at first sight; a small seeded share is unmatched first, because the
counterparty's instruction is missing or late, and matches on a later pass. What matched settles after a while;
what fails on an operator's command settles after that. What has not settled is cancelled when that is asked for; what
has is denied. An answer is in its folder before it is in the
custodian's own record, so after a kill an answer may come twice but is never missing.
"""

import heapq
import json
import random
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from lxml import etree

from . import sese
from .journal import rows

MATCH_SECONDS, REMATCH_SECONDS, SETTLE_SECONDS, FAIL_SECONDS = 600, 5400, 5400, 7200  # Simulated.
UNMATCHED_SHARE = 0.02
UNMATCHED_REASONS = (
    ("CMIS", "The counterparty's instruction has not been received."),
    ("LATE", "The counterparty's instruction came after the market's deadline."),
)
FAILING_REASON = ("LACK", "Securities to deliver are lacking.")
CANCELLED_REASON = ("CANI", "Cancelled by the account owner.")
SETTLED_REASON = ("DSET", "It has settled: agree a return with the counterparty.")
UNKNOWN_REASON = ("REFE", "No instruction is held under this reference.")
BATCH_LIMIT = 20_000

RECEIVED, UNMATCHED, MATCHED, FAILING = "received", "unmatched", "matched", "failing"
SETTLED, CANCELLED = "settled", "cancelled"


@dataclass
class Held:
    """An instruction in custody of the custodian: `due` the simulated time of its next move."""

    instruction: sese.Instruction
    own_ref: str
    stage: str
    due: float | None = None
    effective: date | None = None


class Custodian:
    """
    :param folder: its in, out and done
    :param record: the file in which it keeps what it knows
    :param now: simulated seconds
    """

    def __init__(
        self,
        code: str,
        folder: Path,
        record: Path,
        *,
        seed: int,
        now: Callable[[], float],
        utc: Callable[[], datetime] = lambda: datetime.now(UTC),
        unmatched_share: float = UNMATCHED_SHARE,
    ):
        self.code = code
        self.fail_next = 0
        self.unmatch_next = 0
        self.held: dict[str, Held] = {}
        self.unmatched_share = unmatched_share
        self._seed = seed
        self._now = now
        self._utc = utc
        self._queue: list[tuple[float, int, str]] = []
        self._order = count()
        self._folders = {name: folder / name for name in ("in", "out", "done")}
        for path in self._folders.values():
            path.mkdir(parents=True, exist_ok=True)
        record.parent.mkdir(parents=True, exist_ok=True)
        for row in rows(record):
            self._recall(row)
        self._record = record.open("a", encoding="utf-8")

    def run_pass(self) -> int:
        """Will read what has come and answer what is due. :returns: how many answers it wrote"""
        written = 0
        for path in sorted(self._folders["in"].glob("*.xml")):
            written += self._write(self._read(path))
            path.replace(self._folders["done"] / path.name)
        while self._queue and self._queue[0][0] <= self._now():
            written += self._write(self._move(self._due(BATCH_LIMIT)))
        return written

    def close(self) -> None:
        self._record.close()

    def _read(self, path: Path) -> list[tuple[str, dict[str, Any] | None]]:
        """Takes every instruction of a file in; the answers that are due at once: refusals, repeats, cancellations."""
        answers, errors = [], []
        try:
            for found in sese.read_batch(path):
                if isinstance(found, sese.BadInstruction):
                    errors.append(f"{found.tx_id or 'an instruction without TxId'}: {found}")
                    if found.tx_id:
                        answers.append((sese.rejection(found.tx_id, self._ref(found.tx_id), str(found)), None))
                elif isinstance(found, sese.CancelRequest):
                    answers += self._cancel(found)
                elif found.tx_id in self.held:
                    answers += self._last_answer(self.held[found.tx_id])
                else:
                    self._take(found)
        except etree.XMLSyntaxError as problem:
            errors.append(f"not well-formed XML: {problem}")
        if errors:
            (self._folders["done"] / f"{path.name}.errors").write_text("\n".join(errors) + "\n", encoding="utf-8")
        return answers

    def _take(self, instruction: sese.Instruction) -> None:
        row = {"event": RECEIVED, "tx_id": instruction.tx_id, "instruction": asdict(instruction)}
        row["due"] = self._now() + MATCH_SECONDS
        self._recall(row)
        self._remember([row])

    def _cancel(self, asked: sese.CancelRequest) -> list[tuple[str, dict[str, Any] | None]]:
        """The answer to a request to cancel, and with it, where it is granted, the instruction's new status."""
        held, ref = self.held.get(asked.tx_id), self._ref(asked.tx_id)
        if held is None:
            return [(sese.cancel_answer(asked, ref, sese.refused(*UNKNOWN_REASON)), None)]
        if held.stage == SETTLED:
            return [(sese.cancel_answer(asked, ref, sese.denied(*SETTLED_REASON)), None)]
        status = sese.cancelled(*CANCELLED_REASON)
        row = {"event": CANCELLED, "tx_id": asked.tx_id, "due": None}
        return [
            (sese.cancel_answer(asked, ref, status), row),
            (sese.status_advice(held.instruction, ref, status), None),
        ]

    def _due(self, limit: int) -> Iterable[Held]:
        now = self._now()
        while limit and self._queue and self._queue[0][0] <= now:
            due, _, tx_id = heapq.heappop(self._queue)
            if self.held[tx_id].due == due:  # Else it has moved on since; a later entry speaks for it.
                limit -= 1
                yield self.held[tx_id]

    def _move(self, due: Iterable[Held]) -> list[tuple[str, dict[str, Any] | None]]:
        return [self._advance(held) for held in due]

    def _advance(self, held: Held) -> tuple[str, dict[str, Any]]:
        """One step of an instruction's life: the answer, and the row to remember once the answer is out."""
        instruction, now = held.instruction, self._now()
        draws = random.Random(f"{self._seed}/{self.code}/{instruction.tx_id}/{held.stage}")
        if held.stage == RECEIVED and self._stays_unmatched(draws):
            stage, due = UNMATCHED, now + REMATCH_SECONDS * draws.uniform(0.8, 1.2)
            answer = sese.status_advice(instruction, held.own_ref, sese.unmatched(*draws.choice(UNMATCHED_REASONS)))
        elif held.stage in (RECEIVED, UNMATCHED):
            stage, due = MATCHED, now + SETTLE_SECONDS * draws.uniform(0.8, 1.2)
            answer = sese.status_advice(instruction, held.own_ref, sese.matched(), self._utc())
        elif held.stage == MATCHED and self.fail_next:
            self.fail_next -= 1
            stage, due = FAILING, now + FAIL_SECONDS
            answer = sese.status_advice(instruction, held.own_ref, sese.failing(*FAILING_REASON))
        else:
            stage, due = SETTLED, None
            held.effective = _effective(instruction, failed=held.stage == FAILING)
            answer = sese.confirmation(instruction, held.own_ref, held.effective)
        return answer, {"event": stage, "tx_id": instruction.tx_id, "due": due, "effective": held.effective}

    def _stays_unmatched(self, draws: random.Random) -> bool:
        if self.unmatch_next:
            self.unmatch_next -= 1
            return True
        return draws.random() < self.unmatched_share

    def _last_answer(self, held: Held) -> list[tuple[str, None]]:
        """What was said last about an instruction that is sent again; nothing if nothing was said yet."""
        instruction, ref = held.instruction, held.own_ref
        if held.stage == SETTLED:
            return [(sese.confirmation(instruction, ref, held.effective), None)]
        if held.stage == CANCELLED:
            return [(sese.status_advice(instruction, ref, sese.cancelled(*CANCELLED_REASON)), None)]
        if held.stage == MATCHED:
            return [(sese.status_advice(instruction, ref, sese.matched()), None)]
        if held.stage == FAILING:
            return [(sese.status_advice(instruction, ref, sese.failing(*FAILING_REASON)), None)]
        if held.stage == UNMATCHED:
            return [(sese.status_advice(instruction, ref, sese.unmatched(*UNMATCHED_REASONS[0])), None)]
        return []

    def _write(self, answers: list[tuple[str, dict[str, Any] | None]]) -> int:
        """Puts the answers into one file, whole or not at all, and then remembers what they mean."""
        if not answers:
            return 0
        name = f"{self.code}-{self._utc():%Y%m%dT%H%M%S%f}-{next(self._order):06d}"
        part = self._folders["out"] / f"{name}.part"
        with part.open("w", encoding="utf-8") as file:
            file.write('<?xml version="1.0" encoding="UTF-8"?>\n<Batch>\n')
            file.writelines(answer for answer, _ in answers)
            file.write("</Batch>\n")
        part.replace(part.with_suffix(".xml"))
        changes = [row for _, row in answers if row]
        for row in changes:
            self._recall(row)
        self._remember(changes)
        return len(answers)

    def _remember(self, changes: list[dict[str, Any]]) -> None:
        self._record.writelines(json.dumps(row, default=str) + "\n" for row in changes)
        self._record.flush()

    def _recall(self, row: dict[str, Any]) -> None:
        """Applies one row of the record, now or after a restart."""
        tx_id = row["tx_id"]
        if row["event"] == RECEIVED:
            self.held[tx_id] = Held(sese.Instruction(**row["instruction"]), self._ref(tx_id), RECEIVED)
        held = self.held[tx_id]
        held.stage = row["event"]
        if row.get("effective"):
            held.effective = date.fromisoformat(str(row["effective"]))
        held.due = row["due"]
        if held.due is not None:
            heapq.heappush(self._queue, (held.due, next(self._order), tx_id))

    def _ref(self, tx_id: str) -> str:
        return f"{self.code}{random.Random(f'{self.code}/{tx_id}').randrange(16**12):012X}"


def _effective(instruction: sese.Instruction, *, failed: bool) -> date:
    """The contractual date, or if the settlement had failed the weekday after it."""
    contractual = date.fromisoformat(instruction.settlement_date[:10])
    if not failed:
        return contractual
    return contractual + timedelta(days={4: 3, 5: 2}.get(contractual.weekday(), 1))
