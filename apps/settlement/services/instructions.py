"""Instructions to custodians: made for every allocation, blocked where something is missing, mended by people."""

from collections.abc import Mapping, Sequence

from django.db import connection, transaction

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Event, Fact, listens
from apps.core.refusals import Conflict, Invalid, NotFound, Stale
from apps.core.tables import copy_in, next_ids, update_many
from apps.reference.rules import MARGINED
from apps.users.services import require

from .. import rules, selectors
from ..events import InstructionBlocked, InstructionCleared, InstructionNoted, InstructionReady
from ..models import Instruction
from ..states import INSTRUCTION_LIFE, I
from .confirmations import hold_blocks
from .exchanges import make_exchanges

COLUMNS = (
    "id", "allocation_id", "portfolio_id", "custodian_id", "reference", "is_receipt", "settle_date", "qty", "amount",
    "currency_id", "standing_id", "reason", "status", "version", "processing_status", "matching_status",
    "settlement_status", "inferred_matching_status", "note",
)  # fmt: skip


class StaleInstruction(Stale):
    """An instruction changed after it was looked at."""


class NothingToUnblock(Conflict):
    """What blocks the instructions is still so."""


@listens("settlement.instruct_allocations")
@transaction.atomic
def instruct_allocations(act: Act, facts: Sequence[Fact]) -> None:
    """
    Will make one instruction for each live allocation, once: ready to be written, or blocked where no standing
    instruction covers it or it would not be valid. Of a future a custodian is told nothing: its margin and costs are
    between portfolio and clearer, so it is born cleared. A trade in currencies gets an exchange of two moneys instead. One that
    was reversed meanwhile is left alone.

    :raises NotAllowed: if the actor may not feed settlement
    """
    require(act, "settlement.feed")
    ids = [fact.subject_id for fact in facts]
    with connection.cursor() as cursor:
        hold_blocks(cursor, ids)
        found = selectors.to_instruct(ids)
        make_exchanges(act, [one for one in found if one.base_currency and one.exchange_id is None])
        wanted = [one for one in found if one.instruction_id is None and not one.base_currency]
        rows, told = [], []
        for pk, one in zip(next_ids(cursor, "settlement_instruction", len(wanted)), wanted, strict=True):
            says = one.says._replace(reference=rules.reference_of(pk))
            reason = "" if one.asset_class in MARGINED else obstacle(one, says)
            event = _first(one, reason)
            status = INSTRUCTION_LIFE.born[type(event)]
            rows.append(
                (
                    pk, one.allocation_id, one.portfolio_id, one.custodian_id, says.reference, says.is_receipt,
                    says.settle_date, says.qty, says.net, says.currency, one.standing_id, reason, status.value, 1, "", "",
                    "", "", "",
                )
            )  # fmt: skip
            told.append(Fact(pk, 1, event))
        copy_in(cursor, "settlement_instruction", COLUMNS, rows)
    record(act, told)


def _first(one: selectors.ToInstruct, reason: str) -> Event:
    if one.asset_class in MARGINED:
        return InstructionCleared(one.allocation_id)
    return InstructionBlocked(one.allocation_id, reason) if reason else InstructionReady(one.allocation_id)


def obstacle(one: selectors.ToInstruct, says: rules.Settling) -> str:
    """Why it cannot be written, in words; empty where it can."""
    if one.standing_id is None and not one.is_crossed:
        return (
            f"No standing settlement instruction of {one.broker_code} for {one.country} on {says.settle_date}. Add one."
        )
    return "; ".join(rules.problems_of(says))[:200]


def locked(instruction_ids: Sequence[int], seen: Mapping[int, int]) -> list[Instruction]:
    """
    The instructions, locked by key.

    :raises NotFound: if one is missing
    :raises StaleInstruction: if one changed since the version seen
    """
    rows = list(Instruction.objects.filter(pk__in=instruction_ids).order_by("pk").select_for_update(no_key=True))
    if missing := sorted(set(instruction_ids) - {row.pk for row in rows}):
        raise NotFound("There is no such instruction.", ids=missing)
    stale = {row.pk: row.version for row in rows if row.pk in seen and seen[row.pk] != row.version}
    if stale:
        names = ", ".join(row.ref for row in rows if row.pk in stale)
        raise StaleInstruction(f"{names} changed after you looked. Reload and decide again.", versions=stale)
    return rows


@transaction.atomic
def unblock_instructions(act: Act, instruction_ids: Sequence[int], *, seen: Mapping[int, int]) -> int:
    """
    Will make blocked instructions ready whose standing instruction is now on file and which are now valid.

    :returns: how many became ready
    :raises NotAllowed: if the actor may not mend settlement
    :raises NotFound: if one is missing
    :raises StaleInstruction: if one changed since the version seen
    :raises IllegalMove: if one is not blocked
    :raises NothingToUnblock: if what blocks them is still so for every one
    """
    require(act, "settlement.mend")
    if not instruction_ids:
        raise Invalid("Choose at least one blocked instruction.", field="seen")
    rows = locked(instruction_ids, seen)
    for row in rows:
        INSTRUCTION_LIFE.after(I(row.status), InstructionReady)
    released, reasons = release(act, rows)
    if not released:
        raise NothingToUnblock(f"Still blocked: {reasons[0]}", reasons=reasons[:20])
    return released


def release(act: Act, rows: Sequence[Instruction]) -> tuple[int, list[str]]:
    """Makes ready those of the locked, blocked instructions that nothing blocks any more; and says what blocks others."""
    found = {one.instruction_id: one for one in selectors.to_instruct([row.allocation_id for row in rows])}
    ready, reasons = [], []
    for row in rows:
        one = found.get(row.pk)
        reason = obstacle(one, one.says) if one else "its allocation was reversed"
        if reason:
            reasons.append(reason)
        else:
            ready.append((row, one))
    with connection.cursor() as cursor:
        update_many(
            cursor,
            "settlement_instruction",
            [row.pk for row, _ in ready],
            {
                "status": ("text", [I.READY.value] * len(ready)),
                "standing_id": ("bigint", [one.standing_id for _, one in ready]),
                "reason": ("text", [""] * len(ready)),
            },
            bump=True,
        )
    record(act, [Fact(row.pk, row.version + 1, InstructionReady(row.allocation_id)) for row, _ in ready])
    return len(ready), reasons


@transaction.atomic
def note_instructions(act: Act, instruction_ids: Sequence[int], note: str, *, seen: Mapping[int, int]) -> None:
    """
    Will write down what operations know or did about instructions.

    :raises NotAllowed: if the actor may not mend settlement
    :raises Invalid: if the note is empty or longer than 400 characters
    :raises NotFound: if one is missing
    :raises StaleInstruction: if one changed since the version seen
    """
    require(act, "settlement.mend")
    note = note.strip()
    if not 0 < len(note) <= 400:
        raise Invalid("Write a note of 1 to 400 characters.", field="note")
    rows = locked(instruction_ids, seen)
    with connection.cursor() as cursor:
        update_many(
            cursor, "settlement_instruction", [r.pk for r in rows], {"note": ("text", [note] * len(rows))}, bump=True
        )
    told = InstructionNoted(note)
    record(act, [Fact(row.pk, row.version + 1, told) for row in rows])
