"""What an upstream system is told of its orders (35=8): each event of an order's record once, under an ExecID of its own."""

from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from django.db import connection, transaction

from apps.core.acts import Act
from apps.core.events import Fact, listens
from apps.orders import events as order
from apps.orders.rules import plain

from .. import rules
from ..models import Message, StagedRequest
from .messages import write_messages

ZERO = Decimal(0)
# Event to ExecType (150) and what it means; what is filled or falls back is told in its own way.
NEWS: dict[type, tuple[str, str]] = {
    order.OrderHeld: ("D", "Held: a compliance officer will look at it."),
    order.OrderCleared: ("0", "Compliance cleared it; the desk may work it."),
    order.OrderSentBack: ("D", "Sent back by compliance. Replace or cancel it."),
    order.OrderAmended: ("D", "Its terms were changed here; it is a draft again."),
    order.OrderCancelled: ("4", "Cancelled here."),
    order.OrderRejected: ("8", "Rejected by compliance."),
}


class Facts(NamedTuple):
    """
    Where an order stands; ``price`` is the average of the block it was filled in. ``crossed`` of what is filled was met
    inside the firm, at ``crossed_price`` on average.
    """

    id: int
    status: str
    qty: Decimal
    filled: Decimal
    tif: str
    side: str
    symbol: str
    isin: str
    account: str
    limit: Decimal | None
    price: Decimal
    crossed: Decimal = ZERO
    crossed_price: Decimal = ZERO

    @property
    def average(self) -> Decimal:
        """AvgPx (6) over all that is filled."""
        if not self.crossed or self.filled <= self.crossed:
            return self.crossed_price if self.crossed else self.price
        value = self.crossed * self.crossed_price + (self.filled - self.crossed) * self.price
        return round(value / self.filled, 8)


class Told(NamedTuple):
    """A report to be made of an order. ``status`` None: as the order stands."""

    exec_id: str
    kind: str
    cl_ord_id: str
    orig: str = ""
    list_ref: str = ""
    text: str = ""
    status: str | None = None
    last: tuple[str, str] | None = None
    ref: str = ""
    is_new: bool = False


def facts_of(order_ids: Collection[int]) -> dict[int, Facts]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT o.id, o.status, o.qty, o.filled_qty, o.tif, o.side, i.symbol, i.isin, p.code, o.limit_price,"
            " coalesce(round(b.filled_value / nullif(b.filled_qty, 0), 8), 0), coalesce(x.qty, 0),"
            " coalesce(round(x.value / x.qty, 8), 0) FROM orders_order o"
            " JOIN reference_instrument i ON i.id = o.instrument_id JOIN portfolios_portfolio p ON p.id = o.portfolio_id"
            " LEFT JOIN blocks_member m ON m.order_id = o.id LEFT JOIN blocks_block b ON b.id = m.block_id"
            " LEFT JOIN LATERAL (SELECT sum(c.qty) AS qty, sum(c.qty * k.filled_value / k.filled_qty) AS value"
            "  FROM blocks_crossmember c JOIN blocks_block k ON k.id = c.block_id WHERE c.order_id = o.id) x ON true"
            " WHERE o.id = ANY(%s) ORDER BY o.id",
            [list(order_ids)],
        )
        return {row[0]: Facts(*row) for row in cursor.fetchall()}


def written(facts: Facts, told: Told, at: datetime) -> tuple[str, str, Sequence[tuple[int, str]]]:
    """A report as a message to be sent: (type, reference, fields)."""
    status = told.status or rules.ord_status(facts.status, facts.qty, facts.filled, facts.tif)
    if told.is_new and status == "0":
        status = "A"  # The news that it was cleared follows under its own ExecID.
    leaves = ZERO if status in "2348C" else facts.qty - facts.filled
    fields = rules.answer_fields(
        told.exec_id, told.kind, status, cl_ord_id=told.cl_ord_id, order_id=f"O-{facts.id:06d}", symbol=facts.symbol,
        side=facts.side, qty=facts.qty, cum=facts.filled, leaves=leaves, price=facts.average if facts.filled else ZERO,
        at=at, orig=told.orig, list_ref=told.list_ref, text=told.text, last=told.last, ref=told.ref, isin=facts.isin,
        account=facts.account, limit=plain(facts.limit) if facts.limit is not None else None,
        reason=rules.reject_code("") if told.kind == "8" else None,
    )  # fmt: skip
    return "8", told.exec_id, fields


@listens("routing.report_staged_orders")
@transaction.atomic
def report_staged_orders(act: Act, facts: Sequence[Fact]) -> None:
    """
    Will tell each upstream system what happened to orders it staged. An event that was told already, such as a cancel
    answered as it was asked for, is not told again: its ExecID goes out once.
    """
    current: dict[int, StagedRequest] = {}
    rows = StagedRequest.objects.filter(order__in=[fact.subject_id for fact in facts]).exclude(msg_type="F")
    for row in rows.order_by("pk"):
        current[row.order_id] = row
    if not current:
        return
    known = facts_of(current)
    outgoing = []
    for fact in facts:
        if staged := current.get(fact.subject_id):
            stands = known[fact.subject_id]
            outgoing += [(staged.session_id, *written(stands, told, act.at)) for told in _news(fact, stands, staged)]
    gone = set(
        Message.objects.filter(
            session__in={row[0] for row in outgoing}, is_out=True, msg_type="8", ref__in=[row[2] for row in outgoing]
        ).values_list("session_id", "ref")
    )
    write_messages(act, [row for row in outgoing if (row[0], row[2]) not in gone])


def _news(fact: Fact, stands: Facts, staged: StagedRequest) -> list[Told]:
    base, name = f"O{fact.subject_id}-{fact.nth}", staged.cl_ord_id
    if isinstance(fact.event, order.OrderReopened):
        fill = Message.objects.filter(
            session=staged.session_id, is_out=True, msg_type="8", ref__startswith=f"O{fact.subject_id}-", text__contains="|150=F|"
        ).order_by("-pk").first()
        return [Told(base, "H", name, text="An execution was busted or corrected.", ref=fill.ref if fill else "")]
    if isinstance(fact.event, order.OrderCrossed):
        last = (fact.event.qty, fact.event.price)
        return [Told(base, "F", name, text=f"Met inside the firm, {fact.event.ref}.", last=last)]
    if isinstance(fact.event, order.OrderDone):
        told = []
        if here := Decimal(fact.event.filled_qty) - stands.crossed:  # What was crossed was told when it was.
            last = (plain(here), plain(stands.price))
            status = "1" if Decimal(fact.event.cancelled_qty) else None
            told.append(Told(base, "F", name, last=last, status=status))
        if Decimal(fact.event.cancelled_qty):
            kind = rules.ord_status("DONE", stands.qty, ZERO, stands.tif)
            what = "Expired" if kind == "C" else "Cancelled"
            told.append(Told(f"{base}-C", kind, name, text=f"{what}: {fact.event.cancelled_qty} were not filled."))
        return told
    kind, text = NEWS[type(fact.event)]
    return [Told(base, kind, name, text=text)]
