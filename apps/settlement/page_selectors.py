"""What the pages of settlement show beside the lists: filters, words for the custodian's codes, sums for a dialog."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from django.db.models import Q, QuerySet
from django.utils import timezone
from lxml import etree

from apps.allocations import charge_selectors
from apps.allocations.states import Ch
from apps.core.refusals import Conflict

from . import selectors
from .models import Instruction
from .selectors import ATTENTION, NEEDS_A_PERSON
from .states import C, I

MOST = 500
OPEN = (*ATTENTION, I.READY, I.SENT, I.MATCHED)
# What a custodian's codes mean (ISO 20022 sese.024 status choices), by the status they belong to.
WORDS = {
    "PACK": "accepted", "PPRC": "pending processing", "REJT": "rejected", "REPR": "in repair", "CAND": "cancelled",
    "CANP": "cancellation pending", "CPRC": "cancellation asked", "MPRC": "change asked", "DEND": "denied",
    "MACH": "matched", "NMAT": "unmatched", "PEND": "pending", "PENF": "failing",
}  # fmt: skip
BAD = {"REJT", "NMAT", "PENF", "DEND", "REPR"}
COLUMNS = (
    "pk", "version", "status", "is_receipt", "portfolio__name", "allocation__instrument__symbol",
    "allocation__broker__code", "custodian__code", "qty", "amount", "currency_id", "settle_date", "processing_status",
    "matching_status", "inferred_matching_status", "settlement_status", "reason", "allocation__side", "note",
    "allocation__instrument__asset_class",
)  # fmt: skip


class InstructionLine(NamedTuple):
    pk: int
    version: int
    status: str
    is_receipt: bool
    portfolio: str
    symbol: str
    broker: str
    custodian: str
    qty: Decimal
    amount: Decimal
    currency: str
    settle_date: object
    processing: str
    matching: str
    inferred: str
    settlement: str
    reason: str
    side: str
    note: str
    asset_class: str

    @property
    def ref(self) -> str:
        return f"I-{self.pk:06d}"

    @property
    def look(self) -> str:
        return look_of(self.status)

    @property
    def said(self) -> list[tuple[str, str, str]]:
        """The four statuses, each as code, word and class."""
        return [
            (code, WORDS.get(code, ""), "bad" if code in BAD else "quiet")
            for code in (self.processing, self.matching, self.inferred, self.settlement)
        ]


LOOKS = {
    I.REJECTED: "bad", I.FAILING: "bad", I.BLOCKED: "hold", I.UNMATCHED: "hold", I.READY: "idle", I.SENT: "work",
    I.MATCHED: "work", I.SETTLED: "done", I.CLEARED: "done", I.CANCELLED: "idle",
}  # fmt: skip


def look_of(status: str) -> str:
    """How an instruction's status is drawn: bad and hold need a person."""
    return LOOKS[I(status)]


def instructions(user, status: str = "", text: str = "", ids: Sequence[int] | None = None) -> QuerySet:
    """
    The instructions of a filter as tuples of ``InstructionLine``, by attention.

    :param status: one status, OPEN (not yet final), ATTENTION (a person must act), or empty for all
    :param text: part of an instrument's symbol, a portfolio's name or code, a broker's or custodian's code, or a reference
    """
    rows = selectors.instruction_rows(user)
    if status == "OPEN":
        rows = rows.filter(status__in=OPEN)
    elif status == "ATTENTION":
        rows = rows.filter(NEEDS_A_PERSON)
    elif status in I.__members__:
        rows = rows.filter(status=status)
    if ids is not None:
        rows = rows.filter(pk__in=list(ids))
    text = text.strip()
    number = text.upper().removeprefix("I-").lstrip("0")
    if number.isdigit() and len(number) < 18:
        rows = rows.filter(pk=int(number))
    elif text:
        rows = rows.filter(_fits(text))
    return rows.values_list(*COLUMNS)


def _fits(text: str) -> Q:
    return (
        Q(allocation__instrument__symbol__icontains=text)
        | Q(portfolio__name__icontains=text)
        | Q(portfolio__code__iexact=text)
        | Q(allocation__broker__code__iexact=text)
        | Q(custodian__code__iexact=text)
        | Q(reference__iexact=text)
    )


def confirmations(user, status: str = "", ids: Sequence[int] | None = None) -> QuerySet:
    """Confirmations of a status (or all), disputed and unanswered first."""
    rows = selectors.confirmation_rows(user)
    if status in C.__members__:
        rows = rows.filter(status=status)
    return rows if ids is None else rows.filter(pk__in=list(ids))


def charges(user, status: str = "") -> QuerySet:
    """What brokers take for blocks, of a status (or all); those that differ from their rate cards first."""
    rows = charge_selectors.charges_seen_by(user)
    return rows.filter(status=status) if status in Ch.__members__ else rows


CIRCUMFERENCE = 87.96  # Of the clock's face, radius 14.


class Clock(NamedTuple):
    """A trade date's deadline as it is drawn: the arc that is left of the day, and its words."""

    deadline: selectors.Deadline
    arc: str
    left: str
    tone: str


def clocks(user) -> list[Clock]:
    """The last trade dates against the 21:00 New York affirmation benchmark, newest first."""
    found = []
    for one in selectors.affirmation_clock(user, timezone.now()):
        share = min(1.0, max(0.0, one.seconds_left / 86_400))
        whole = one.affirmed == one.total
        hours, minutes = divmod(abs(one.seconds_left) // 60, 60)
        span = f"{hours // 24} d" if hours >= 48 else f"{hours} h {minutes:02}"
        left = "all affirmed" if whole else f"{span} late" if one.seconds_left < 0 else f"{span} left"
        tone = "ok" if whole else "bad" if one.is_late else "warn" if one.disputed or one.seconds_left < 7200 else ""
        found.append(Clock(one, f"{share * CIRCUMFERENCE:.1f} {CIRCUMFERENCE}", left, tone))
    return found


class Chosen(NamedTuple):
    """What a person is about to act on, for the dialog that asks."""

    rows: list[Instruction]
    money: str
    facts: dict[str, str]


class NothingChosen(Conflict):
    """No row was ticked."""


def chosen(user, seen: dict[int, int], status: str | None = None) -> Chosen:
    """
    The ticked instructions that the person sees, with their money by currency and number of portfolios.

    :param status: only those of this status
    :raises NothingChosen: if none is left
    """
    rows = selectors.instruction_rows(user).filter(pk__in=seen)
    if status:
        rows = rows.filter(status=status)
    rows = list(rows)
    if not rows:
        raise NothingChosen(
            f"None of what is ticked is {status.lower()}; tick such rows first." if status else "Tick the rows first."
        )
    sums: dict[tuple[str, bool], Decimal] = {}
    for row in rows:
        key = (row.currency_id, row.is_receipt)
        sums[key] = sums.get(key, Decimal(0)) + row.amount
    money = ", ".join(
        f"{currency} {amount:,.2f} to {'pay' if pays else 'receive'}"
        for (currency, pays), amount in sorted(sums.items())
    )
    portfolios = len({row.portfolio_id for row in rows})
    custodians = ", ".join(sorted({row.custodian.code for row in rows}))
    return Chosen(rows, f"{len(rows)} instruction{'s'[: len(rows) != 1]}, {money}, {portfolios} portfolio"
                  f"{'s'[: portfolios != 1]}", {"Custodians": custodians})  # fmt: skip


def readable_xml(instruction: Instruction) -> str:
    """The instruction's message, indented for people."""
    root = etree.fromstring(selectors.xml_of(instruction).encode())
    etree.indent(root, "  ")
    return etree.tostring(root, encoding="unicode")
