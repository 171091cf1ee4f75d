"""What the drawer of a block shows: its orders with their shares, routes with fills, quotes, the statement."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from apps.allocations import selectors as allocations
from apps.blocks import selectors as blocks
from apps.blocks.models import Block, CrossMember, Member
from apps.marketdata import selectors as marketdata
from apps.routing import selectors as routing
from apps.routing.models import DealerQuote, Execution, Inquiry, Package, Route
from apps.routing.states import DEAD

from .selectors import slippage_bp

FILLS = 60


class Part(NamedTuple):
    """An order of the block with its provisional share of what is filled so far."""

    member: Member
    share_qty: Decimal | None
    entitled_qty: Decimal | None


class Parts(NamedTuple):
    """The orders the person may see, and why there are no shares where there are none though something is filled."""

    rows: Sequence[Part]
    hidden: int
    problem: str


class Worked(NamedTuple):
    """A route with what it cost against arrival, whether it can be cancelled, and as which package alone."""

    route: Route
    slip_bp: Decimal | None
    is_live: bool
    package: Package | None


class Asked(NamedTuple):
    """An inquiry with every quote, the best first."""

    inquiry: Inquiry
    quotes: Sequence[DealerQuote]


class Facts(NamedTuple):
    """A block's figures for the head of its drawer."""

    average_price: Decimal | None
    working_qty: Decimal
    mid: Decimal | None
    slip_bp: Decimal | None
    amount: Decimal | None
    usd: Decimal | None


def facts(block: Block) -> Facts:
    """Figures of one block, its money at the mid now, else at arrival or its limit. Two queries."""
    mid = blocks.mids_of([block]).get(block.pk)
    price = mid or block.arrival_price or block.limit_price
    amount = block.qty * price * block.instrument.price_factor if price else None
    if "cash_qty" in block.terms:
        amount = Decimal(block.terms["cash_qty"])
    rate = marketdata.fx_rates("USD").get(block.currency_id)
    return Facts(
        block.average_price,
        block.placed_qty - block.filled_qty,
        mid,
        slippage_bp(block.side, block.average_price, block.arrival_price),
        amount,
        amount * rate[0] if amount and rate else None,
    )


def parts(user, block: Block) -> Parts:
    """The block's orders with their shares as they stand. Six queries at most."""
    members = list(blocks.members_seen_by(user, block.pk))
    hidden = (Member.objects.filter(block=block).count() or CrossMember.objects.filter(block=block).count()) - len(members)
    shares: Mapping[int, allocations.Share] = {}
    problem = ""
    if block.filled_qty:
        try:
            shares = {share.order_id: share for share in allocations.shares_of_block(block.pk)}
        except allocations.FillsDisagree as refusal:
            problem = refusal.message
    rows = [
        Part(m, s.share_qty if (s := shares.get(m.order_id)) else None, s.entitled_qty if s else None) for m in members
    ]
    return Parts(rows, hidden, problem)


def routes(block: Block) -> list[Worked]:
    """The block's routes, newest first. One query, and one where one is a leg of a package."""
    rows = list(Route.objects.filter(block=block).select_related("broker").order_by("-pk"))
    tied = routing.tied(rows)
    return [
        Worked(
            r, slippage_bp(block.side, r.average_price, r.arrival_price or block.arrival_price), r.status not in DEAD, tied.get(r.pk)
        )
        for r in rows
    ]


def fills(block: Block) -> list[Execution]:
    """The last executions of the block. One query."""
    return list(Execution.objects.filter(block=block).select_related("broker").order_by("-pk")[:FILLS])


def inquiries(block: Block) -> list[Asked]:
    """The block's inquiries, newest first, each with its quotes from the best price on. Two queries."""
    rows = list(Inquiry.objects.filter(block=block).order_by("-pk"))
    quotes = list(DealerQuote.objects.filter(inquiry__in=rows).select_related("dealer"))
    worst = Decimal("Infinity")
    way = 1 if block.side == "BUY" else -1  # A buyer takes the lowest price, a seller the highest.
    quotes.sort(key=lambda q: (worst if q.price is None else way * q.price, q.dealer.name))
    return [Asked(one, [q for q in quotes if q.inquiry_id == one.pk]) for one in rows]
