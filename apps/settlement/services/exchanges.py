"""Trades in currencies: two moneys that change hands on their value date, with no instruction to a depository."""

from collections.abc import Mapping, Sequence

from django.db import connection, transaction

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Event, Fact
from apps.core.tables import copy_in, next_ids
from apps.users.services import require

from .. import rules, selectors
from ..events import ExchangeCancelled, ExchangeDue, ExchangeSettled
from ..states import EXCHANGE_LIFE, E

COLUMNS = (
    "id", "allocation_id", "portfolio_id", "custodian_id", "value_date", "paid_currency_id", "paid_amount",
    "received_currency_id", "received_amount", "status", "version",
)  # fmt: skip


def make_exchanges(act: Act, wanted: Sequence[selectors.ToInstruct]) -> None:
    """Will put down what each allocation of a pair of currencies pays and receives, and when. The caller holds its block."""
    if not wanted:
        return
    rows, told = [], []
    with connection.cursor() as cursor:
        for pk, one in zip(next_ids(cursor, "settlement_exchange", len(wanted)), wanted, strict=True):
            says = one.says
            gets, gives = (one.base_currency, says.qty), (says.currency, says.net)
            if not says.is_receipt:
                gets, gives = gives, gets
            rows.append(
                (pk, one.allocation_id, one.portfolio_id, one.custodian_id, says.settle_date, *gives, *gets, E.DUE.value, 1)
            )
            due = ExchangeDue(one.allocation_id, str(says.settle_date), _money(*gives), _money(*gets))
            told.append(Fact(pk, 1, due))
        copy_in(cursor, "settlement_exchange", COLUMNS, rows)
    record(act, told)


def _money(currency: str, amount) -> str:
    return f"{currency} {rules.number(amount)}"


@transaction.atomic
def settle_exchanges(act: Act) -> int:
    """
    Will settle what is due by today and affirmed by its counterparty. What is disputed or not answered stays due, and is
    shown as late.

    :returns: how many settled
    :raises NotAllowed: if the actor may not feed settlement
    """
    require(act, "settlement.feed")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT x.id, x.status, x.version FROM settlement_exchange x"
            " JOIN settlement_confirmation c ON c.allocation_id = x.allocation_id AND c.status = 'AFFIRMED'"
            " WHERE x.status = %s AND x.value_date <= %s ORDER BY x.id FOR UPDATE OF x SKIP LOCKED",
            [E.DUE, act.at.date()],
        )
        rows = cursor.fetchall()
        _move(cursor, act, rows, dict.fromkeys((row[0] for row in rows), ExchangeSettled()))
    return len(rows)


def cancel_exchanges(act: Act, reasons: Mapping[int, str]) -> None:
    """Will cancel the exchanges of reversed allocations, by allocation id, for the reason."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, status, version, allocation_id FROM settlement_exchange"
            " WHERE allocation_id = ANY(%s) AND status <> %s ORDER BY id FOR UPDATE",
            [list(reasons), E.CANCELLED],
        )
        rows = cursor.fetchall()
        _move(cursor, act, [row[:3] for row in rows], {row[0]: ExchangeCancelled(reasons[row[3]]) for row in rows})


def _move(cursor, act: Act, rows: Sequence[tuple[int, str, int]], told: Mapping[int, Event]) -> None:
    """Moves locked rows (id, status, version), all by the same kind of event."""
    if not rows:
        return
    after = {EXCHANGE_LIFE.after(E(status), type(told[pk])) for pk, status, _ in rows}
    status = after.pop()
    cursor.execute(
        "UPDATE settlement_exchange SET status = %s, version = version + 1,"
        " settled_at = CASE WHEN %s = 'SETTLED' THEN %s::timestamptz ELSE settled_at END WHERE id = ANY(%s)",
        [status, status, act.at, [row[0] for row in rows]],
    )
    record(act, [Fact(pk, version + 1, told[pk]) for pk, _, version in rows])
