"""What an upstream system is told of its orders (35=8): each event of an order's record once, under an ExecID of its own."""

from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from django.db import connection, transaction

from apps.core.acts import Act
from apps.core.events import Fact, listens
from apps.orders import events as order
from apps.orders.models import Order
from apps.orders.rules import plain

from .. import rules
from ..models import Message, StagedRequest
from .messages import write_messages

ZERO = Decimal(0)
OVER = ("DONE", "CANCELLED", "REJECTED")
# Event to ExecType (150) and what it means; what is filled or falls back is told in its own way.
NEWS: dict[type, tuple[str, str]] = {
    order.OrderHeld: ("D", "Held: a compliance officer will look at it."),
    order.OrderStopped: ("D", "Held as it was about to be sent: a compliance officer will look at it."),
    order.OrderCleared: ("0", "Compliance cleared it; the desk may work it."),
    order.OrderSentBack: ("D", "Sent back by compliance. Replace or cancel it."),
    order.OrderAmended: ("D", "Its terms were changed here; it is a draft again."),
    order.OrderCancelled: ("4", "Cancelled here."),
    order.OrderRejected: ("8", "Rejected by compliance."),
}


class Facts(NamedTuple):
    """
    Where an order stands with all that was split from it; ``price`` is the average of what is filled,
    ``amount`` the money of an order in a fund by amount. By part: ``prices`` that
    of its block, ``crossed`` what of it was met inside the firm, ``cancelled`` what was given up of it. What was cancelled of
    other parts was told before, as so much less that the order asks for.
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
    amount: str | None
    price: Decimal
    prices: dict[int, Decimal]
    crossed: dict[int, Decimal]
    cancelled: dict[int, Decimal]

    def besides(self, part: int) -> "Facts":
        """As it stands where the news is of one part and it is over with the others."""
        others = sum((qty for pk, qty in self.cancelled.items() if pk != part), ZERO)
        return self._replace(qty=self.qty - others) if self.status in OVER else self


class _Part(NamedTuple):
    id: int
    status: str
    qty: Decimal
    filled: Decimal
    cancelled: Decimal
    price: Decimal
    crossed: Decimal
    crossed_value: Decimal


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
    """By the order as it was staged; one query."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT r.id, r.tif, r.side, i.symbol, i.isin, p.code, r.limit_price,"
            " r.terms ->> 'cash_qty', o.id, o.status, o.qty, o.filled_qty,"
            " o.cancelled_qty, coalesce(round(b.filled_value / nullif(b.filled_qty, 0), 8), 0), coalesce(x.qty, 0),"
            " coalesce(x.value, 0) FROM orders_order r"
            " JOIN reference_instrument i ON i.id = r.instrument_id JOIN portfolios_portfolio p ON p.id = r.portfolio_id"
            " JOIN orders_order o ON o.id = r.id OR o.split_from_id = r.id"
            " LEFT JOIN blocks_member m ON m.order_id = o.id LEFT JOIN blocks_block b ON b.id = m.block_id"
            " LEFT JOIN LATERAL (SELECT sum(c.qty) AS qty, sum(c.qty * k.filled_value / k.filled_qty) AS value"
            "  FROM blocks_crossmember c JOIN blocks_block k ON k.id = c.block_id WHERE c.order_id = o.id) x ON true"
            " WHERE r.id = ANY(%s) ORDER BY r.id, o.id",
            [list(order_ids)],
        )
        families: dict[tuple, list[tuple]] = {}
        for row in cursor.fetchall():
            families.setdefault(row[:8], []).append(row[8:])
    return {said[0]: _together(said, parts) for said, parts in families.items()}


def _together(said: tuple, rows: Sequence[tuple]) -> Facts:
    parts = [_Part(*row) for row in rows]
    status = rules.family_status([part.status for part in parts if part.qty])  # What was joined to another asks for nothing.
    qty = sum((part.qty for part in parts), ZERO)
    if status not in OVER:
        qty -= sum((part.cancelled for part in parts), ZERO)
    filled = sum((part.filled for part in parts), ZERO)
    value = sum((part.crossed_value + max(part.filled - part.crossed, ZERO) * part.price for part in parts), ZERO)
    pk, tif, side, symbol, isin, account, limit, amount = said
    return Facts(
        pk, status, qty, filled, tif, side, symbol, isin, account, limit, amount, round(value / filled, 8) if filled else ZERO,
        {part.id: part.price for part in parts}, {part.id: part.crossed for part in parts},
        {part.id: part.cancelled for part in parts},
    )  # fmt: skip


def written(facts: Facts, told: Told, at: datetime) -> tuple[str, str, Sequence[tuple[int, str]]]:
    """A report as a message to be sent: (type, reference, fields)."""
    status = told.status or rules.ord_status(facts.status, facts.qty, facts.filled, facts.tif)
    if told.is_new and status == "0":
        status = "A"  # The news that it was cleared follows under its own ExecID.
    leaves = ZERO if status in "2348C" else facts.qty - facts.filled
    fields = rules.answer_fields(
        told.exec_id, told.kind, status, cl_ord_id=told.cl_ord_id, order_id=f"O-{facts.id:06d}", symbol=facts.symbol,
        side=facts.side, qty=facts.qty, cum=facts.filled, leaves=leaves, price=facts.price if facts.filled else ZERO,
        at=at, orig=told.orig, list_ref=told.list_ref, text=told.text, last=told.last, ref=told.ref, isin=facts.isin,
        account=facts.account, limit=plain(facts.limit) if facts.limit is not None else None,
        amount=facts.amount, reason=rules.reject_code("") if told.kind == "8" else None,
    )  # fmt: skip
    return "8", told.exec_id, fields


@listens("routing.report_staged_orders")
@transaction.atomic
def report_staged_orders(act: Act, facts: Sequence[Fact]) -> None:
    """
    Will tell each upstream system what happened to orders it staged. An event that was told already, such as a cancel
    answered as it was asked for, is not told again: its ExecID goes out once.
    """
    told_of = {fact.subject_id for fact in facts}
    roots = dict(Order.objects.filter(pk__in=told_of, split_from__isnull=False).values_list("pk", "split_from"))
    current: dict[int, StagedRequest] = {}
    rows = StagedRequest.objects.filter(order__in=told_of | set(roots.values())).exclude(msg_type="F")
    for row in rows.order_by("pk"):
        current[row.order_id] = row
    if not current:
        return
    known = facts_of(current)
    outgoing = []
    for fact in facts:
        root = roots.get(fact.subject_id, fact.subject_id)
        if staged := current.get(root):
            stands = known[root].besides(fact.subject_id)
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
        part = fact.subject_id
        if here := Decimal(fact.event.filled_qty) - stands.crossed[part]:  # What was crossed was told when it was.
            last = (plain(here), plain(stands.prices[part]))
            status = "1" if Decimal(fact.event.cancelled_qty) else None
            told.append(Told(base, "F", name, last=last, status=status))
        if Decimal(fact.event.cancelled_qty) and stands.status not in OVER:
            told.append(Told(f"{base}-C", "D", name, text=f"{fact.event.cancelled_qty} of it were not filled; the rest goes on."))
        elif Decimal(fact.event.cancelled_qty):
            kind = rules.ord_status("DONE", stands.qty, ZERO, stands.tif)
            what = "Expired" if kind == "C" else "Cancelled"
            told.append(Told(f"{base}-C", kind, name, text=f"{what}: {fact.event.cancelled_qty} were not filled."))
        return told
    kind, text = NEWS[type(fact.event)]
    if kind in ("4", "8") and stands.status not in OVER:
        kind, text = "D", f"A part of it was {text.split(maxsplit=1)[0].lower().strip('.')}; the rest goes on."
    return [Told(base, kind, name, text=text)]
