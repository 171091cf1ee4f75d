"""Cancelling an instruction and sending another in its place: what a custodian was told is never edited."""

from collections.abc import Mapping, Sequence

from django.db import connection, transaction

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Fact
from apps.core.refusals import Conflict, Invalid
from apps.core.tables import copy_in, next_ids, update_many
from apps.users.services import require

from .. import rules, selectors
from ..events import InstructionBlocked, InstructionCancelled, InstructionReady
from ..models import Instruction
from ..states import INSTRUCTION_LIFE, I
from .confirmations import hold_blocks
from .instructions import COLUMNS, locked, obstacle

RESENDABLE = (I.REJECTED, I.UNMATCHED, I.FAILING)


class CannotBeResent(Conflict):
    """An instruction stands so that another in its place would be wrong, or would settle twice."""


@transaction.atomic
def resend_instructions(act: Act, instruction_ids: Sequence[int], reason: str, *, seen: Mapping[int, int]) -> list[int]:
    """
    Will cancel rejected, unmatched or failing instructions and make another in the place of each: its own reference,
    linked to the one before, with the standing instruction now on file; blocked where none is. The custodian is asked
    to cancel what it has not rejected, in a file that it gets before the new ones.

    :returns: the new instructions' ids, in the order of the old ones'
    :raises NotAllowed: if the actor may not mend settlement
    :raises Invalid: if nothing is chosen, or the reason is empty or longer than 200 characters
    :raises NotFound: if one is missing
    :raises StaleInstruction: if one changed since the version seen
    :raises CannotBeResent: if one is not rejected, unmatched or failing, settled in part, or its allocation is reversed
    """
    require(act, "settlement.mend")
    reason = reason.strip()
    if not instruction_ids:
        raise Invalid("Choose at least one rejected, unmatched or failing instruction.", field="seen")
    if not 0 < len(reason) <= 200:
        raise Invalid("Say in 1 to 200 characters why it is sent anew.", field="reason")
    with connection.cursor() as cursor:
        hold_blocks(cursor, list(Instruction.objects.filter(pk__in=instruction_ids).values_list("allocation", flat=True)))
        old = locked(instruction_ids, seen)
        found = {one.instruction_id: one for one in selectors.to_instruct([row.allocation_id for row in old])}
        _refuse(old, found)
        new = list(next_ids(cursor, "settlement_instruction", len(old)))
        _cancel(cursor, act, old)
        told = [
            Fact(row.pk, row.version + 1, InstructionCancelled(f"Sent anew as I-{pk:06d}: {reason}"))
            for row, pk in zip(old, new, strict=True)
        ]
        rows = []
        for row, pk in zip(old, new, strict=True):
            made, event = _anew(row, pk, found[row.pk])
            rows.append(made)
            told.append(Fact(pk, 1, event))
        copy_in(cursor, "settlement_instruction", (*COLUMNS, "attempt", "replaces_id"), rows)
    record(act, told)
    return new


def _refuse(rows: Sequence[Instruction], found: Mapping[int, selectors.ToInstruct]) -> None:
    for row in rows:
        if row.status not in RESENDABLE:
            raise CannotBeResent(
                f"{row.ref} is {row.status.lower()}; only what is rejected, unmatched or failing is sent anew.", id=row.pk
            )
        if row.reason.startswith(rules.SETTLED_DIFFERENTLY):
            raise CannotBeResent(
                f"{row.ref} was {row.reason}. Sent anew, that part would settle twice; agree the rest with the custodian.",
                id=row.pk,
            )
        if row.pk not in found:
            raise CannotBeResent(f"The allocation of {row.ref} was reversed; nothing is left to settle.", id=row.pk)


def _cancel(cursor, act: Act, rows: Sequence[Instruction]) -> None:
    for row in rows:
        INSTRUCTION_LIFE.after(I(row.status), InstructionCancelled)
    asked = [None if row.status == I.REJECTED else act.at for row in rows]
    update_many(
        cursor,
        "settlement_instruction",
        [row.pk for row in rows],
        {"status": ("text", [I.CANCELLED.value] * len(rows)), "cancel_requested_at": ("timestamptz", asked)},
        bump=True,
    )


def _anew(row: Instruction, pk: int, one: selectors.ToInstruct) -> tuple[tuple, InstructionReady | InstructionBlocked]:
    says = one.says._replace(reference=rules.reference_of(pk), replaces=row.reference)
    why = obstacle(one, says)
    status = I.BLOCKED if why else I.READY
    made = (
        pk, row.allocation_id, one.portfolio_id, one.custodian_id, says.reference, says.is_receipt, says.settle_date,
        says.qty, says.net, says.currency, one.standing_id, why, status.value, 1, "", "", "", "", "", row.attempt + 1, row.pk,
    )  # fmt: skip
    if why:
        return made, InstructionBlocked(row.allocation_id, why, row.pk)
    return made, InstructionReady(row.allocation_id, row.pk)
