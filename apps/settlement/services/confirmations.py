"""Confirmations to counterparties: sent for every allocation, and answered."""

from collections.abc import Sequence

from django.db import connection, transaction

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Event, Fact, listens
from apps.core.tables import copy_in, next_ids, update_many
from apps.routing import services as routing
from apps.users.services import require

from .. import rules, selectors
from ..events import ConfirmationAffirmed, ConfirmationAgreed, ConfirmationDisputed, ConfirmationSent
from ..states import CONFIRMATION_LIFE, C

COLUMNS = ("id", "allocation_id", "broker_id", "sent_at", "answer", "status", "version")


def hold_blocks(cursor, allocation_ids: Sequence[int]) -> None:
    """Holds the blocks of allocations, so that none is reversed meanwhile; others may hold them too."""
    cursor.execute(
        "SELECT id FROM blocks_block WHERE id IN (SELECT block_id FROM allocations_allocation WHERE id = ANY(%s))"
        " ORDER BY id FOR SHARE",
        [list(allocation_ids)],
    )


@listens("settlement.confirm_allocations")
@transaction.atomic
def confirm_allocations(act: Act, facts: Sequence[Fact]) -> None:
    """
    Will confirm each live allocation to its counterparty (FIX 35=AK), once. One that was reversed meanwhile, or has its
    confirmation, is left alone. Of a cross nothing goes out, for both sides are clients of ours: it is born affirmed.

    :raises NotAllowed: if the actor may not feed settlement
    :raises NoSession: if a counterparty has no FIX session; nothing is then confirmed
    """
    require(act, "settlement.feed")
    ids = [fact.subject_id for fact in facts]
    with connection.cursor() as cursor:
        hold_blocks(cursor, ids)
        cursor.execute(
            "SELECT a.id, a.broker_id, w.allocation_id IS NOT NULL FROM allocations_allocation a"
            " LEFT JOIN settlement_confirmation c ON c.allocation_id = a.id"
            " LEFT JOIN allocations_crossedwith w ON w.allocation_id = a.id"
            " WHERE a.id = ANY(%s) AND a.status = 'BOOKED' AND c.id IS NULL ORDER BY a.id",
            [ids],
        )
        rows = cursor.fetchall()
        open_ones = [row[:2] for row in rows if not row[2]]
        crossed = [row[:2] for row in rows if row[2]]
        if crossed:
            _agree(cursor, act, crossed)
        if not open_ones:
            return
        new = next_ids(cursor, "settlement_confirmation", len(open_ones))
        copy_in(
            cursor,
            "settlement_confirmation",
            COLUMNS,
            ((pk, *of, act.at, "", C.SENT.value, 1) for pk, of in zip(new, open_ones, strict=True)),
        )
    refs = {of[0]: f"C-{pk:06d}" for pk, of in zip(new, open_ones, strict=True)}
    said = selectors.confirming([of[0] for of in open_ones], refs, act.at)
    routing.queue_messages(act, [routing.Outgoing(broker, "AK", one.ref, rules.confirm(one)) for broker, one in said])
    record(act, [Fact(pk, 1, ConfirmationSent(*of)) for pk, of in zip(new, open_ones, strict=True)])


def _agree(cursor, act: Act, crossed: Sequence[tuple[int, int]]) -> None:
    new = next_ids(cursor, "settlement_confirmation", len(crossed))
    said = "Both sides are clients of the firm; the record of the cross confirms it to each."
    copy_in(
        cursor, "settlement_confirmation", (*COLUMNS, "answered_at"),
        ((pk, *of, act.at, said, C.AFFIRMED.value, 1, act.at) for pk, of in zip(new, crossed, strict=True)),
    )  # fmt: skip
    record(act, [Fact(pk, 1, ConfirmationAgreed(*of)) for pk, of in zip(new, crossed, strict=True)])


@listens("settlement.hear_confirmations")
@transaction.atomic
def hear_confirmations(act: Act, facts: Sequence[Fact]) -> None:
    """
    Will book counterparties' answers (35=AU) to our confirmations: affirmed, or disputed with their reason. The same
    answer again changes nothing. An answer that names none of the counterparty's confirmations is kept as stray.

    :raises NotAllowed: if the actor may not feed settlement
    """
    require(act, "settlement.feed")
    heard = [(fact.subject_id, fact.event, rules.confirmation_id(fact.event.ref)) for fact in facts]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, broker_id, status, version, answer FROM settlement_confirmation WHERE id = ANY(%s)"
            " ORDER BY id FOR UPDATE",
            [[named[0] for _, _, named in heard if named]],
        )
        rows = {pk: [broker, C(status), version, said] for pk, broker, status, version, said in cursor.fetchall()}
        stray, told = [], []
        for message_id, event, named in heard:
            row = rows.get(named[0]) if named else None
            if row is None or row[0] != event.broker_id:
                stray.append((event.broker_id, message_id, event.ref[:60], _words(event), act.at))
            elif (happened := _answer(row, event)) is not None and not named[1]:
                row[2] += 1
                told.append(Fact(named[0], row[2], happened))
        changed = sorted({fact.subject_id for fact in told})
        update_many(
            cursor,
            "settlement_confirmation",
            changed,
            {
                "status": ("text", [rows[pk][1].value for pk in changed]),
                "version": ("int", [rows[pk][2] for pk in changed]),
                "answer": ("text", [rows[pk][3] for pk in changed]),
                "answered_at": ("timestamptz", [act.at] * len(changed)),
            },
        )
        if stray:
            cursor.execute(
                "INSERT INTO settlement_strayanswer (broker_id, message_id, confirm_ref, answer, at)"
                " SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::timestamptz[])"
                " ON CONFLICT (message_id) DO NOTHING",
                [list(column) for column in zip(*stray, strict=True)],
            )
    record(act, told)


def _answer(row: list, event) -> Event | None:
    """Moves the row (broker, status, version, answer) by what was answered; None where that changes nothing."""
    affirmed, disputed = event.answer == "3", event.answer == "2"
    if not (affirmed or disputed) or row[1] == C.CANCELLED or (affirmed and row[1] == C.AFFIRMED):
        return None
    if disputed and row[1] == C.DISPUTED and row[3] == _words(event):
        return None
    happened = ConfirmationAffirmed() if affirmed else ConfirmationDisputed(event.text[:200])
    row[1] = CONFIRMATION_LIFE.after(row[1], type(happened))
    row[3] = _words(event)
    return happened


def _words(event) -> str:
    answer = rules.ANSWERS.get(event.answer, f"answer {event.answer}")
    return (f"{answer}: {event.text}" if event.text else answer)[:200]
