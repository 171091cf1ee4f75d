"""What brokers take for what they executed: kept with the booking, taken back with it, and settled by a person where it differs."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

import orjson
from django.db import transaction

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Event, Fact
from apps.core.refusals import Invalid, NotFound, Stale
from apps.core.tables import copy_in, next_ids
from apps.orders import selectors as orders
from apps.users.services import require

from .. import rules
from ..events import ChargeAgreed, ChargeDiffered, ChargeSettled, ChargeWithdrawn
from ..models import Charge
from ..selectors import Seen
from ..states import CHARGE_LIFE, Ch
from .csa import credit_charges, take_back_charges

COLUMNS = (
    "id", "block_id", "broker_id", "wave", "currency_id", "trade_date", "said_amount", "expected_amount", "booked_amount",
    "tolerance_amount", "research_amount", "trace", "how", "reason", "booked_at", "status", "version",
)  # fmt: skip


Given = Mapping[tuple[int, int], Sequence[tuple[int, Decimal]]]


class StaleCharge(Stale):
    """The charge changed after the person looked at it."""


def with_charges(seen: Sequence[Seen], charges: Mapping[tuple[int, int], rules.Charged]) -> list[Seen]:
    """The blocks' facts with the commission that is booked in place of what was said."""
    return [
        s._replace(
            facts=s.facts._replace(
                fills=[f._replace(commission=charges[s.facts.block_id, f.broker_id].booked) for f in s.facts.fills]
            )
        )
        for s in seen
    ]


def keep_charges(
    cursor, act: Act, seen: Sequence[Seen], charges: Mapping[tuple[int, int], rules.Charged], waves, given: Given
) -> None:
    """
    Will keep the charge of each broker of each block, by one COPY, in the transaction that books the blocks.

    :param given: of a block and a broker, what of its commission went to others; what is put by for research goes along
    """
    rows, told = [], []
    keyed = [(s, fill, charges[s.facts.block_id, fill.broker_id]) for s in seen for fill in s.facts.fills]
    for pk, (s, fill, one) in zip(next_ids(cursor, "allocations_charge", len(keyed)), keyed, strict=True):
        block_id = s.facts.block_id
        booked = f"{one.booked:f}"
        event: Event = ChargeAgreed(block_id, fill.broker_id, booked, s.currency)
        if one.differs:
            event = ChargeDiffered(block_id, fill.broker_id, booked, s.currency, f"{one.said:f}", f"{one.expected:f}")
        rows.append(
            (
                pk, block_id, fill.broker_id, waves[block_id], s.currency, fill.trade_date, one.said, one.expected, one.booked,
                one.tolerance, one.research, orjson.dumps(one.trace).decode(), "", "", act.at,
                CHARGE_LIFE.born[type(event)].value, 1,
            )
        )  # fmt: skip
        told.append(Fact(pk, 1, event))
    copy_in(cursor, "allocations_charge", COLUMNS, rows)
    record(act, told)
    credit_charges(
        act,
        [
            (pk, broker, s.currency, amount)
            for (pk, *_), (s, fill, one) in zip(rows, keyed, strict=True)
            for broker, amount in rules.research_of(
                fill.broker_id, one, given.get((s.facts.block_id, fill.broker_id), ()), s.facts.minor_units
            )
        ],
    )


def withdraw_charges(cursor, act: Act, reasons: Mapping[int, str]) -> None:
    """Will withdraw the charges of bookings that are taken back. :param reasons: block id to why; the caller holds the blocks"""
    cursor.execute(
        "UPDATE allocations_charge SET status = %s, version = version + 1 WHERE block_id = ANY(%s) AND status <> %s"
        " RETURNING id, block_id, version",
        [Ch.WITHDRAWN, list(reasons), Ch.WITHDRAWN],
    )
    rows = sorted(cursor.fetchall())
    record(act, [Fact(pk, version, ChargeWithdrawn(reasons[block])) for pk, block, version in rows])
    take_back_charges(act, [pk for pk, _, _ in rows])


@transaction.atomic
def settle_charges(act: Act, how: str, *, seen: Mapping[int, int]) -> None:
    """
    Will say how the differences of charges ended, for the reason the act gives. What is booked stays: where money comes back,
    it comes as a movement of its own.

    :param how: one of ``Charge.How``; :param seen: the version of each charge the person was looking at
    :raises Invalid: without a reason, or where there is no such end; :raises NotFound:
    :raises StaleCharge: where one changed since; :raises IllegalMove: where one does not differ
    """
    require(act, "settlement.mend")
    if how not in Charge.How.values:
        raise Invalid("Choose who is right.", field="how")
    if not act.reason.strip() or len(act.reason) > 400:
        raise Invalid("Give a reason of at most 400 characters: it is kept on the record.", field="reason")
    rows = _locked(seen)
    for row in rows:
        row.status = CHARGE_LIFE.after(row.status, ChargeSettled)
        row.how, row.reason, row.version = how, act.reason.strip(), row.version + 1
    Charge.objects.bulk_update(rows, ["status", "how", "reason", "version"])
    record(act, [Fact(row.pk, row.version, ChargeSettled(how)) for row in rows])


def _locked(seen: Mapping[int, int]) -> Iterable[Charge]:
    rows = list(Charge.objects.select_for_update(no_key=True).filter(pk__in=seen).order_by("pk"))
    if not rows or len(rows) < len(seen):
        raise NotFound("There is no such charge.")
    stale = {row.pk: (row.ref, seen[row.pk], row.version) for row in rows if row.version != seen[row.pk]}
    if stale:
        refs = ", ".join(ref for ref, _, _ in list(stale.values())[:5])
        raise StaleCharge(f"{refs} changed since you looked. Reload and decide again.", stale=orders.missed("charge", stale))
    return rows
