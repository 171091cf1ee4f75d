"""Taking back what was confirmed and instructed, when an allocation is reversed."""

from collections.abc import Sequence

from django.db import connection, transaction

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Fact, listens
from apps.routing import services as routing
from apps.users.services import require

from .. import rules, selectors
from ..events import ConfirmationCancelled, InstructionCancelled
from ..states import CONFIRMATION_LIFE, INSTRUCTION_LIFE, C, I
from .exchanges import cancel_exchanges


@listens("settlement.cancel_settlement")
@transaction.atomic
def cancel_settlement(act: Act, facts: Sequence[Fact]) -> None:
    """
    Will cancel the confirmations (with a 35=AK 666=2 to their counterparties) and instructions of reversed allocations,
    once. Where a file that carries the instruction is written or decided, the custodian is asked to cancel it, in its
    next file.

    :raises NotAllowed: if the actor may not feed settlement
    """
    require(act, "settlement.feed")
    reasons = {fact.subject_id: fact.event.reason for fact in facts}
    _cancel_confirmations(act, reasons)
    _cancel_instructions(act, reasons)
    cancel_exchanges(act, reasons)


def _cancel_confirmations(act: Act, reasons: dict[int, str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, allocation_id, status, version FROM settlement_confirmation"
            " WHERE allocation_id = ANY(%s) AND status <> %s ORDER BY id FOR UPDATE",
            [list(reasons), C.CANCELLED],
        )
        rows = cursor.fetchall()
        for _, _, status, _ in rows:
            CONFIRMATION_LIFE.after(C(status), ConfirmationCancelled)
        cursor.execute(
            "UPDATE settlement_confirmation SET status = %s, version = version + 1 WHERE id = ANY(%s)",
            [C.CANCELLED, [row[0] for row in rows]],
        )
    refs = {allocation: f"C-{pk:06d}" for pk, allocation, _, _ in rows}
    out = []
    for broker, one in selectors.confirming(list(refs), refs, act.at):
        ref, fields = rules.cancel(one)
        out.append(routing.Outgoing(broker, "AK", ref, fields))
    routing.queue_messages(act, out)
    told = {reason: ConfirmationCancelled(reason) for reason in reasons.values()}
    record(act, [Fact(pk, version + 1, told[reasons[of]]) for pk, of, _, version in rows])


def _cancel_instructions(act: Act, reasons: dict[int, str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, allocation_id, status, version FROM settlement_instruction"
            " WHERE allocation_id = ANY(%s) AND status <> %s ORDER BY id FOR UPDATE",
            [list(reasons), I.CANCELLED],
        )
        rows = cursor.fetchall()
        for _, _, status, _ in rows:
            INSTRUCTION_LIFE.after(I(status), InstructionCancelled)
        cursor.execute(
            "UPDATE settlement_instruction SET status = %s, version = version + 1,"
            " cancel_requested_at = CASE WHEN file_id IS NULL THEN NULL ELSE %s::timestamptz END WHERE id = ANY(%s)",
            [I.CANCELLED, act.at, [row[0] for row in rows]],
        )
    told = {reason: InstructionCancelled(reason) for reason in reasons.values()}
    record(act, [Fact(pk, version + 1, told[reasons[of]]) for pk, of, _, version in rows])
