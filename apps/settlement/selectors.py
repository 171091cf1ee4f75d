"""Questions about confirmations, instructions and the files between; visibility lives here."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

import orjson
from django.db import connection
from django.db.models import Case, Count, IntegerField, Q, QuerySet, Sum, Value, When

from apps.allocations.charge_selectors import charges_seen_by
from apps.allocations.rules import PRICE_PLACES
from apps.allocations.states import Ch
from apps.core.refusals import NotFound
from apps.users.services import can

from . import rules
from .models import Confirmation, Exchange, FeedFile, Instruction, SettlementInstructionSet, StrayAnswer
from .states import C, E, I

# What needs a person comes first; then what is under way, by settlement date and size.
ATTENTION = (I.REJECTED, I.FAILING, I.BLOCKED, I.UNMATCHED)
CLOSED = (I.SETTLED, I.CLEARED, I.CANCELLED)
# Cancelled by us but settled all the same: a return has to be agreed with the counterparty, and noted.
SETTLED_IN_VAIN = Q(status=I.CANCELLED, settled_date__isnull=False, note="")
NEEDS_A_PERSON = Q(status__in=ATTENTION) | SETTLED_IN_VAIN
REF = "A-{:06d}"


# --- What is seen ---------------------------------------------------------------------------------------------------
def confirmations_seen_by(user) -> QuerySet[Confirmation]:
    return Confirmation.objects.all() if can(user, "settlement.see") else Confirmation.objects.none()


def instructions_seen_by(user) -> QuerySet[Instruction]:
    return Instruction.objects.all() if can(user, "settlement.see") else Instruction.objects.none()


def feed_files_seen_by(user) -> QuerySet[FeedFile]:
    return FeedFile.objects.all() if can(user, "settlement.see") else FeedFile.objects.none()


def get_confirmation_seen_by(user, confirmation_id: int) -> Confirmation:
    """With its allocation and all it names. :raises NotFound: where there is none, or the person may not see it"""
    found = confirmation_rows(user).filter(pk=confirmation_id).first()
    if found is None:
        raise NotFound("There is no such confirmation, or you may not see it.")
    return found


def get_instruction_seen_by(user, instruction_id: int) -> Instruction:
    """With its allocation, custodian and files. :raises NotFound: where there is none, or the person may not see it"""
    found = instruction_rows(user).filter(pk=instruction_id).first()
    if found is None:
        raise NotFound("There is no such instruction, or you may not see it.")
    return found


# --- Lists, by attention --------------------------------------------------------------------------------------------
def confirmation_rows(user) -> QuerySet[Confirmation]:
    """Disputed first, then those not answered, then the rest; the largest first. One query with all that is shown."""
    rank = Case(
        When(status=C.DISPUTED, then=Value(0)),
        When(status=C.SENT, then=Value(1)),
        default=Value(2),
        output_field=IntegerField(),
    )
    return (
        confirmations_seen_by(user)
        .select_related(
            "broker", "allocation__instrument__venue", "allocation__portfolio", "allocation__currency", "allocation__order",
        )
        .order_by(rank, "allocation__trade_date", "-allocation__net_amount", "pk")
    )  # fmt: skip


def instruction_rows(user) -> QuerySet[Instruction]:
    """Settled in vain, rejected, failing, blocked, unmatched first, then by date, the settled last. One query."""
    rank = Case(
        When(SETTLED_IN_VAIN, then=Value(-1)),
        *(When(status=status, then=Value(place)) for place, status in enumerate(ATTENTION)),
        When(status__in=CLOSED, then=Value(len(ATTENTION) + 1)),
        default=Value(len(ATTENTION)),
        output_field=IntegerField(),
    )
    return (
        instructions_seen_by(user)
        .select_related(
            "custodian", "portfolio", "currency", "file", "cancel_file", "standing", "allocation__instrument",
            "allocation__broker", "allocation__block", "replaces",
        )
        .order_by(rank, "settle_date", "-amount", "pk")
    )  # fmt: skip


def exchange_rows(user) -> QuerySet[Exchange]:
    """Exchanges of currencies: what is due first, by value date and size. One query with all that is shown."""
    if not can(user, "settlement.see"):
        return Exchange.objects.none()
    rank = Case(When(status=E.DUE, then=Value(0)), default=Value(1), output_field=IntegerField())
    return Exchange.objects.select_related(
        "portfolio", "custodian", "allocation__instrument", "allocation__broker", "allocation__block"
    ).order_by(rank, "value_date", "-received_amount", "pk")  # fmt: skip


def files_with_problems(user) -> QuerySet[FeedFile]:
    """Files of which something could not be booked, the newest first."""
    return feed_files_seen_by(user).exclude(problems=[]).select_related("custodian").order_by("-pk")


def stray_answers(user) -> QuerySet[StrayAnswer]:
    """Answers to confirmations that are not ours, the newest first."""
    if not can(user, "settlement.see"):
        return StrayAnswer.objects.none()
    return StrayAnswer.objects.select_related("broker").order_by("-pk")


# --- The strip and the clock ----------------------------------------------------------------------------------------
class Strip(NamedTuple):
    """The figures at the head of settlement. Each is the number of rows behind the link it carries."""

    confirmations: dict[str, int]
    instructions: dict[str, int]
    stuck: int
    attention: int
    files_with_problems: int
    stray_answers: int
    files_waiting: int
    exchanges: int
    charges: dict[str, int]


def strip(user) -> Strip:
    """Counts by status, and instructions that are stuck (somebody must act), in eight queries."""
    confirmed = dict(confirmations_seen_by(user).values_list("status").annotate(Count("pk")).order_by())
    instructed = dict(instructions_seen_by(user).values_list("status").annotate(Count("pk")).order_by())
    charged = dict(charges_seen_by(user).values_list("status").annotate(Count("pk")).order_by())
    stuck = instructions_seen_by(user).filter(NEEDS_A_PERSON).count()
    return Strip(
        {s.value: confirmed.get(s.value, 0) for s in C},
        {s.value: instructed.get(s.value, 0) for s in I},
        stuck,
        stuck + confirmed.get(C.DISPUTED.value, 0),
        files_with_problems(user).count(),
        stray_answers(user).count(),
        feed_files_seen_by(user).filter(is_out=True, done_at=None).count(),
        exchange_rows(user).count(),
        {s.value: charged.get(s.value, 0) for s in Ch},
    )


class Deadline(NamedTuple):
    """How far the confirmations of a trade date are affirmed, and what is left of the time to do so."""

    trade_date: date
    affirm_by: datetime
    seconds_left: int
    affirmed: int
    disputed: int
    waiting: int

    @property
    def total(self) -> int:
        return self.affirmed + self.disputed + self.waiting

    @property
    def is_late(self) -> bool:
        return self.seconds_left < 0 and self.affirmed < self.total


def affirmation_clock(user, now: datetime, days: int = 5) -> list[Deadline]:
    """The last trade dates, newest first: affirmed against the 21:00 New York benchmark. One query."""
    rows = (
        confirmations_seen_by(user)
        .exclude(status=C.CANCELLED)
        .values("allocation__trade_date")
        .annotate(
            affirmed=Count("pk", filter=Q(status=C.AFFIRMED)),
            disputed=Count("pk", filter=Q(status=C.DISPUTED)),
            waiting=Count("pk", filter=Q(status=C.SENT)),
        )
        .order_by("-allocation__trade_date")[:days]
    )
    found = []
    for row in rows:
        at = rules.affirm_by(row["allocation__trade_date"])
        left = int((at - now).total_seconds())
        found.append(
            Deadline(row["allocation__trade_date"], at, left, row["affirmed"], row["disputed"], row["waiting"])
        )
    return found


def cash_to_settle(user) -> list[dict]:
    """Money still to be paid and received, by settlement date, custodian and currency: instructions and exchanges. Two queries."""
    keys = ("settle_date", "custodian__code", "currency_id")
    found = {
        tuple(row[name] for name in keys): row
        for row in instructions_seen_by(user).exclude(status__in=CLOSED).values(*keys).annotate(
            instructions=Count("pk"),
            pay=Sum("amount", filter=Q(is_receipt=True), default=Decimal(0)),
            receive=Sum("amount", filter=Q(is_receipt=False), default=Decimal(0)),
        )
    }
    due = exchange_rows(user).filter(status=E.DUE).values_list(
        "value_date", "custodian__code", "paid_currency_id", "paid_amount", "received_currency_id", "received_amount"
    )
    for day, custodian, *sides in due:
        for currency, amount, way in ((*sides[:2], "pay"), (*sides[2:], "receive")):
            new = dict(zip(keys, (day, custodian, currency), strict=True)) | {"instructions": 0, "pay": Decimal(0), "receive": Decimal(0)}
            row = found.setdefault((day, custodian, currency), new)
            row["instructions"] += 1
            row[way] += amount
    return [found[key] for key in sorted(found)]


# --- What messages say ----------------------------------------------------------------------------------------------
TERMS = """
a.side = 'BUY', i.asset_class IN ('CORP', 'GOVT'),
CASE WHEN i.asset_class = 'OPTION' AND i.isin = '' THEN i.symbol ELSE i.isin END,
CASE WHEN w.allocation_id IS NULL THEN v.mic ELSE 'XOFF' END, a.id, a.trade_date, a.settle_date, a.price, a.qty,
a.currency_id, a.net_amount, a.gross_amount, a.accrued_amount, a.commission_amount, a.fees::text, p.custody_account,
coalesce(d.bic, e.bic, s.depository_bic, ''), coalesce(k.bic, s.agent_bic, ''), coalesce(q.custody_account, s.agent_account, ''),
coalesce(k.bic, b.bic)
"""
AROUND = """
JOIN reference_instrument i ON i.id = a.instrument_id
JOIN reference_venue v ON v.id = i.venue_id
JOIN portfolios_portfolio p ON p.id = a.portfolio_id
JOIN reference_broker b ON b.id = a.broker_id
LEFT JOIN reference_depository d ON d.country = i.country AND d.asset_class = i.asset_class
LEFT JOIN allocations_crossedwith w ON w.allocation_id = a.id
LEFT JOIN portfolios_portfolio q ON q.id = w.portfolio_id
LEFT JOIN reference_custodian k ON k.id = q.custodian_id
LEFT JOIN reference_depository e ON w.allocation_id IS NOT NULL AND e.country = i.country AND e.asset_class = '*'
"""  # Of a cross no broker's agent, but the other client's custodian delivers or receives.
STANDING = """
LEFT JOIN LATERAL (
    SELECT * FROM settlement_settlementinstructionset s
    WHERE s.broker_id = a.broker_id AND s.country = i.country AND s.effective_from <= a.settle_date
      AND (s.effective_to IS NULL OR s.effective_to >= a.settle_date)
    ORDER BY s.effective_from DESC LIMIT 1
) s ON true
"""


class ToInstruct(NamedTuple):
    """
    An allocation to instruct (``instruction_id``: the last it has, if any), and the SSI that covers it, if any. One of a
    pair of currencies has a ``base_currency`` and makes an exchange instead.
    """

    allocation_id: int
    instruction_id: int | None
    version: int
    status: str
    portfolio_id: int
    custodian_id: int
    standing_id: int | None
    country: str
    broker_code: str
    asset_class: str
    base_currency: str
    exchange_id: int | None
    is_crossed: bool
    says: rules.Settling


def to_instruct(allocation_ids: Sequence[int]) -> list[ToInstruct]:
    """Each allocation's terms with the SSI in force on its settlement date, by id. One query."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT a.id, n.id, n.version, n.status, a.portfolio_id, p.custodian_id, s.id, i.country, b.code, i.asset_class,"
            " coalesce(i.base_currency_id, ''), x.id, w.allocation_id IS NOT NULL,"
            f" coalesce(n.reference, ''), {TERMS} FROM allocations_allocation a {AROUND} {STANDING}"
            " LEFT JOIN LATERAL (SELECT * FROM settlement_instruction WHERE allocation_id = a.id"
            " ORDER BY attempt DESC LIMIT 1) n ON true LEFT JOIN settlement_exchange x ON x.allocation_id = a.id"
            " WHERE a.id = ANY(%s) AND a.status = 'BOOKED' ORDER BY a.id",
            [list(allocation_ids)],
        )
        return [ToInstruct(*row[:13], _settling(row[13:])) for row in cursor.fetchall()]


def instructed(instruction_ids: Iterable[int]) -> dict[int, rules.Settling]:
    """Instruction id to what it says, with the SSI it was made with, by ascending id. One query."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT n.id, n.reference, {TERMS}, coalesce(o.reference, '') FROM settlement_instruction n"
            " LEFT JOIN settlement_instruction o ON o.id = n.replaces_id"
            f" JOIN allocations_allocation a ON a.id = n.allocation_id {AROUND}"
            " LEFT JOIN settlement_settlementinstructionset s ON s.id = n.standing_id"
            " WHERE n.id = ANY(%s) ORDER BY n.id",
            [list(instruction_ids)],
        )
        return {row[0]: _settling(row[1:]) for row in cursor.fetchall()}


def _settling(row: Sequence) -> rules.Settling:
    says = rules.Settling(*row[:5], REF.format(row[5]), *row[6:])
    return says._replace(fees=orjson.loads(says.fees))


def xml_of(instruction: Instruction) -> str:
    """The sese.023 Document of one instruction, as it is written to its custodian."""
    return rules.instruct(instructed([instruction.pk])[instruction.pk])


def confirming(allocation_ids: Sequence[int], refs: dict[int, str], at: datetime) -> list[tuple[int, rules.Confirming]]:
    """
    Each allocation's broker and what its confirmation says, by allocation id. One query.

    :param refs: allocation id to the confirmation's reference
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT a.id, a.broker_id, a.trade_date, a.settle_date, i.symbol, i.isin, v.mic, i.asset_class, a.side, a.qty,"
            " p.custody_account, a.price, a.currency_id, a.gross_amount, a.accrued_amount, a.commission_amount,"
            f" a.fees::text, a.net_amount, a.process_code FROM allocations_allocation a {AROUND} WHERE a.id = ANY(%s) ORDER BY a.id",
            [list(allocation_ids)],
        )
        found = []
        for row in cursor.fetchall():
            (
                pk, broker, traded, settles, symbol, isin, mic, asset_class, side, qty, account, price, currency, gross,
                accrued, commission, fees, net, process_code,
            ) = row  # fmt: skip
            found.append(
                (
                    broker,
                    rules.Confirming(
                        refs[pk], REF.format(pk), at, traded, settles, symbol, isin, mic, asset_class in ("CORP", "GOVT"),
                        side, qty, account, price, PRICE_PLACES[asset_class], currency, gross, accrued, commission,
                        orjson.loads(fees), net, process_code,
                    ),
                )
            )  # fmt: skip
        return found


def standing_rows(user) -> QuerySet[SettlementInstructionSet]:
    """Standing settlement instructions, for the page that keeps them."""
    if not can(user, "settlement.see"):
        return SettlementInstructionSet.objects.none()
    return SettlementInstructionSet.objects.select_related("broker").order_by(
        "broker__code", "country", "-effective_from"
    )
