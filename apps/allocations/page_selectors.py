"""What the pages of allocations show: blocks with their sums, and how each share of one came about."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from django.db import connection
from django.db.models import Case, Count, F, IntegerField, Sum, Value, When

from apps.blocks import selectors as blocks
from apps.blocks.models import Block
from apps.blocks.states import B
from apps.core.refusals import NotFound
from apps.portfolios import selectors as portfolios
from apps.portfolios.models import Portfolio
from apps.routing.models import Execution
from apps.users.services import can

from . import rules, selectors
from .models import Allocation
from .states import A

MOST = 500
ZERO = Decimal(0)
TO_SHARE = (B.WORKING, B.DONE)


class BlockLine(NamedTuple):
    """A block that has filled; ``shares`` and ``net`` are of the booked allocations that the person may see."""

    pk: int
    side: str
    symbol: str
    name: str
    status: str
    qty: Decimal
    filled: Decimal
    price: Decimal | None
    currency: str
    settle_date: object
    asset_class: str
    shares: int
    net: Decimal

    @property
    def ref(self) -> str:
        return f"B-{self.pk:04d}"


def blocks_to_show(user, show: str = "", text: str = "", ids: Sequence[int] | None = None) -> list[BlockLine]:
    """Blocks with fills: done but not yet shared out first, then working, then allocated; the largest first. Two queries."""
    if not can(user, "allocations.see"):
        return []
    rank = Case(
        When(status=B.DONE, then=Value(0)), When(status=B.WORKING, then=Value(1)), default=Value(2),
        output_field=IntegerField(),
    )  # fmt: skip
    rows = blocks.blocks_seen_by(user).filter(filled_qty__gt=0).distinct()
    if show in ("open", "allocated"):
        rows = rows.filter(status__in=TO_SHARE) if show == "open" else rows.filter(status=B.ALLOCATED)
    if text.strip():
        rows = rows.filter(instrument__symbol__icontains=text.strip())
    if ids is not None:
        rows = rows.filter(pk__in=list(ids))
    found = list(
        rows.annotate(rank=rank, value=F("filled_value") * F("instrument__price_factor"))
        .order_by("rank", "-value", "pk")
        .values_list(
            "pk", "side", "instrument__symbol", "instrument__name", "status", "qty", "filled_qty", "filled_value",
            "currency_id", "settle_date", "instrument__asset_class",
        )[:MOST]
    )  # fmt: skip
    sums = {
        block: (count, net)
        for block, count, net in selectors.allocations_seen_by(user)
        .filter(block__in=[row[0] for row in found], status=A.BOOKED)
        .values_list("block_id")
        .annotate(Count("pk"), Sum("net_amount"))
        .order_by()
    }
    return [
        BlockLine(*row[:7], row[7] / row[6] if row[6] else None, *row[8:], *sums.get(row[0], (0, ZERO)))
        for row in found
    ]


def blocks_of_executions(execution_ids: Sequence[int]) -> list[int]:
    """The blocks that these executions filled."""
    if not execution_ids:
        return []
    return list(Execution.objects.filter(pk__in=execution_ids).values_list("block_id", flat=True).distinct())


class Part(NamedTuple):
    """One allocation of an order: its part of what one broker filled."""

    allocation: Allocation
    broker: str


@dataclass
class ShareLine:
    """An order's share and its arithmetic; money only once it is booked."""

    order_id: int
    portfolio_id: int
    portfolio: str
    code: str
    intended: Decimal
    entitled: Decimal
    share: Decimal
    off_by: Decimal
    parts: list[Part] = field(default_factory=list)

    @property
    def order_ref(self) -> str:
        return f"O-{self.order_id:06d}"

    def total(self, name: str) -> Decimal | None:
        return sum((getattr(p.allocation, name) for p in self.parts), ZERO) if self.parts else None

    @property
    def price(self) -> Decimal | None:
        return self.parts[0].allocation.price if len(self.parts) == 1 else None

    @property
    def gross(self):
        return self.total("gross_amount")

    @property
    def accrued(self):
        return self.total("accrued_amount")

    @property
    def commission(self):
        return self.total("commission_amount")

    @property
    def fees(self):
        return self.total("fees_amount")

    @property
    def net(self):
        return self.total("net_amount")


class Check(NamedTuple):
    """Two figures that must be one."""

    what: str
    shares: Decimal
    block: Decimal

    @property
    def holds(self) -> bool:
        return self.shares == self.block


@dataclass
class Shared:
    """How a block is shared out, as far as the person may see; sums are of the whole block."""

    block: Block
    is_booked: bool
    statement_holds: bool
    method: str
    lot: str
    lines: list[ShareLine]
    hidden: int
    intended: Decimal
    share: Decimal
    sums: dict[str, Decimal]
    checks: list[Check]
    brokers: int
    reversed: list[Allocation]


def shared_out(user, block_id: int) -> Shared:
    """
    A block's shares with their arithmetic. A fixed number of queries.

    :raises NotFound: where there is no such block for the person, or it has filled nothing
    """
    block = blocks.get_block_seen_by(user, block_id)
    if not can(user, "allocations.see") or not block.filled_qty:
        raise NotFound("Nothing of this block is shared out: it has filled nothing, or is not one of yours.")
    everything = selectors.shares_of_block(block.pk)
    lines, names = [], _names(user, block, {s.portfolio_id for s in everything})
    for s in everything:
        if s.portfolio_id in names:
            lines.append(
                ShareLine(
                    s.order_id, s.portfolio_id, *names[s.portfolio_id], s.intended_qty, s.entitled_qty, s.share_qty,
                    s.off_by_qty,
                )
            )  # fmt: skip
    rows = list(
        selectors.allocations_seen_by(user).filter(block=block).select_related("broker", "portfolio").order_by("pk")
    )
    parts = defaultdict(list)
    for row in rows:
        if row.status == A.BOOKED:
            parts[row.order_id].append(Part(row, row.broker.name))
    for line in lines:
        line.parts = parts[line.order_id]
    content = block.statement.content
    sums = Allocation.objects.filter(block=block, status=A.BOOKED).aggregate(
        count=Count("pk"), brokers=Count("broker", distinct=True), qty=Sum("qty"), gross=Sum("gross_amount"), accrued=Sum("accrued_amount"),
        commission=Sum("commission_amount"), fees=Sum("fees_amount"), net=Sum("net_amount"),
    )  # fmt: skip
    share = sum((s.share_qty for s in everything), ZERO)
    return Shared(
        block,
        bool(sums["count"]),
        blocks.verify_statement(block),
        str(content.get("method", "")),
        str(content.get("lot", "")),
        lines,
        len(everything) - len(lines),
        sum((s.intended_qty for s in everything), ZERO),
        share,
        {name: value for name, value in sums.items() if value is not None},
        _checks(block, share, sums),
        sums["brokers"],
        [row for row in rows if row.status == A.REVERSED],
    )


def _names(user, block: Block, ids: set[int]) -> dict[int, tuple[str, str]]:
    """Portfolio id to name and code, of those the person may see here: all of them where they work the block's desk."""
    seen = Portfolio.objects.filter(pk__in=ids)
    at_desk = user.desks.filter(pk=block.desk_id).exists()
    if not at_desk and not can(user, "portfolios.see_all"):
        seen = seen.filter(pk__in=portfolios.portfolios_seen_by(user).values("pk"))
    return {pk: (name, code) for pk, name, code in seen.values_list("pk", "name", "code")}


def _checks(block: Block, share: Decimal, sums: dict) -> list[Check]:
    checks = [Check("Shares and what the block filled", share, block.filled_qty)]
    if not sums["count"]:
        return checks
    minor = block.currency.minor_units
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(qty * price) FROM routing_execution WHERE block_id = %s AND status = 'LIVE' GROUP BY broker_id",
            [block.pk],
        )
        fills = cursor.fetchall()
        cursor.execute(
            "SELECT coalesce((SELECT sum(booked_amount) FROM allocations_charge WHERE block_id = %s AND status <> 'WITHDRAWN'),"
            " (SELECT sum(commission_amount) FROM routing_execution WHERE block_id = %s AND status = 'LIVE'))",
            [block.pk, block.pk],  # What was booked before charges were kept was what brokers said.
        )
        charged = cursor.fetchone()[0]
    factor = block.instrument.price_factor
    return [
        *checks,
        Check("Booked quantity and what the block filled", sums["qty"], block.filled_qty),
        Check(
            "Gross and the executions' value",
            sums["gross"],
            sum((rules.gross_amount(value, factor, minor) for (value,) in fills), ZERO),
        ),
        Check("Commission and what brokers charge", sums["commission"], charged),
    ]
