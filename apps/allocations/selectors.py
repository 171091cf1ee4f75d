"""Questions about allocations; visibility lives here."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

import orjson
from django.db import connection
from django.db.models import Q, QuerySet

from apps.blocks.models import Block
from apps.blocks.states import B
from apps.core.refusals import Conflict, NotFound
from apps.portfolios import selectors as portfolios
from apps.reference import selectors as reference
from apps.reference.models import Instrument
from apps.users.services import can

from . import rules
from .models import Allocation
from .states import A


class FillsDisagree(Conflict):
    """A block's filled quantity is not the sum of its live executions."""


# --- What is seen ---------------------------------------------------------------------------------------------------
def allocations_seen_by(user) -> QuerySet[Allocation]:
    """Allocations of the portfolios the person may see and of the blocks of the desks they sit at."""
    if not can(user, "allocations.see"):
        return Allocation.objects.none()
    if can(user, "portfolios.see_all"):
        return Allocation.objects.all()
    mine = Q(portfolio__in=portfolios.portfolios_seen_by(user).values("pk"))
    return Allocation.objects.filter(mine | Q(block__desk__in=user.desks.values("pk")))


def get_allocation_seen_by(user, allocation_id: int) -> Allocation:
    """:raises NotFound: where there is none, or the person may not see it"""
    row = (
        allocations_seen_by(user)
        .select_related("block", "order", "portfolio", "instrument", "broker", "currency")
        .filter(pk=allocation_id)
        .first()
    )
    if row is None:
        raise NotFound("There is no such allocation, or it is not one of yours.")
    return row


def allocation_rows(user) -> QuerySet[Allocation]:
    """A list's rows with all it shows, the newest booking first. One query."""
    return (
        allocations_seen_by(user)
        .select_related("portfolio", "instrument", "broker")
        .order_by("-booked_at", "block_id", "order_id", "broker_id")
    )


# --- What deciding shares needs -------------------------------------------------------------------------------------
BLOCKS = """
SELECT b.id, b.side, b.filled_qty, i.asset_class, i.country, i.currency_id, i.price_factor, c.minor_units,
       i.coupon_pct, i.coupon_frequency, i.day_count, i.issue_date, i.maturity_date, i.id, i.base_currency_id,
       b.settle_date, s.content::text, v.mic
FROM blocks_block b
JOIN reference_instrument i ON i.id = b.instrument_id
JOIN reference_venue v ON v.id = i.venue_id
JOIN reference_currency c ON c.code = i.currency_id
JOIN blocks_statement s ON s.block_id = b.id
WHERE b.id = ANY(%s) ORDER BY b.id
"""
FILLS = """
SELECT block_id, broker_id, sum(qty), sum(qty * price), sum(commission_amount), max(trade_date)
FROM routing_execution WHERE block_id = ANY(%s) AND status = 'LIVE' GROUP BY 1, 2 ORDER BY 1, 2
"""


AGREED = ("FX", "FUND")


class Seen(NamedTuple):
    """A block's facts with what only its rows need."""

    facts: rules.BlockFacts
    instrument_id: int
    currency: str
    base_currency: str | None
    mic: str
    country: str


def block_facts(block_ids: Iterable[int]) -> list[Seen]:
    """
    What sharing out the blocks needs: members and intentions from their statements, fills from their live executions.

    A broker's fill trades on the last date on which it executed, and settles by its market's cycle; currencies settle on
    the value date that was agreed with the order, units of a fund as their valuation point says. Five queries whatever
    the number of blocks.

    :raises FillsDisagree: where a block's filled quantity is not what its executions sum to
    """
    ids = list(block_ids)
    with connection.cursor() as cursor:
        cursor.execute(BLOCKS, [ids])
        rows = cursor.fetchall()
        cursor.execute(FILLS, [ids])
        executed = cursor.fetchall()
    deals: dict[int, list[tuple]] = defaultdict(list)
    for block_id, *fill in executed:
        deals[block_id].append(fill)
    keys = {
        row[0]: [(fill[4], row[4], row[3], row[5]) for fill in deals[row[0]]] for row in rows
    }  # (trade date, country, asset class, currency)
    by_cycle = {key for row in rows if row[3] not in AGREED for key in keys[row[0]]}
    settles = reference.settlement_dates(by_cycle) if by_cycle else {}
    fees = reference.fees_on((row[4], row[3], row[1], fill[4]) for row in rows for fill in deals[row[0]])
    return [
        _seen(
            row,
            [
                rules.Filled(*fill, row[15] if row[3] in AGREED else settles[key], fees[row[4], row[3], row[1], fill[4]])
                for fill, key in zip(deals[row[0]], keys[row[0]], strict=True)
            ],
        )
        for row in rows
    ]


def base_currencies(instrument_ids: Iterable[int]) -> dict[int, str | None]:
    """Instrument id to the base currency of a pair; None for anything else. One query."""
    return dict(Instrument.objects.filter(pk__in=set(instrument_ids)).values_list("pk", "base_currency_id"))


def _seen(row: tuple, fills: list[rules.Filled]) -> Seen:
    (
        block_id, side, filled_qty, asset_class, country, currency, factor, minor_units, rate, frequency, day_count, issued,
        matures, instrument_id, base_currency, _, statement, mic,
    ) = row  # fmt: skip
    lot, min_piece, members = terms_of(statement)
    facts = rules.BlockFacts(
        block_id, side, asset_class, lot, min_piece, factor, minor_units,
        rules.Coupon(rate, frequency, day_count, issued, matures),
        [m[0] for m in members], [m[1] for m in members], [m[2] for m in members],
        fills,
    )  # fmt: skip
    if facts.filled_qty != filled_qty:
        raise FillsDisagree(
            f"Block B-{block_id:04d} says {filled_qty:f} filled, its executions {facts.filled_qty:f}. It is not shared"
            " out before they agree; look for a message in quarantine.",
            block=block_id,
            filled=str(filled_qty),
            executed=str(facts.filled_qty),
        )
    return Seen(facts, instrument_id, currency, base_currency, mic, country)


def terms_of(statement: str) -> tuple[Decimal, Decimal, list[tuple[int, int, int]]]:
    """Lot, smallest piece, and (order, portfolio, quantity in ten-thousandths) of each member, by order."""
    content = orjson.loads(statement)
    members = sorted((order, portfolio, rules.units(Decimal(qty))) for order, portfolio, qty in content["orders"])
    return Decimal(content["lot"]), Decimal(content["min_piece"]), members


# --- Shares before they are booked ----------------------------------------------------------------------------------
class Provisional(NamedTuple):
    """What an order would get if its block were done now: recomputed from the fills so far, never stored."""

    order_id: int
    portfolio_id: int
    block_id: int
    instrument_id: int
    side: str
    qty: Decimal
    price: Decimal
    amount: Decimal  # quantity × price × factor, of which ``unpaid`` is not paid
    currency: str
    base_currency: str | None = None
    unpaid: Decimal = Decimal(0)


def provisional_shares(portfolio_ids: Sequence[int] | None = None, block_ids: Sequence[int] | None = None):
    """
    The provisional shares of blocks that have fills but are not yet allocated, as a list of ``Provisional``.

    :param portfolio_ids: only shares of these portfolios; their blocks are still shared out as a whole
    :param block_ids: only these blocks
    """
    blocks = Block.objects.filter(status__in=[B.WORKING, B.DONE], filled_qty__gt=0)
    if block_ids is not None:
        blocks = blocks.filter(pk__in=list(block_ids))
    if portfolio_ids is not None:
        blocks = blocks.filter(members__order__portfolio__in=list(portfolio_ids)).distinct()
    seen = block_facts(blocks.values_list("pk", flat=True))
    if not seen:
        return []
    wanted = None if portfolio_ids is None else set(portfolio_ids)
    shares = iter(rules.intended_shares([s.facts for s in seen]).tolist())
    return [one for s in seen for one in _provisional(s, shares, wanted)]


def _provisional(seen: Seen, shares, wanted: set[int] | None) -> list[Provisional]:
    block = seen.facts
    value = sum((f.value for f in block.fills), Decimal(0))
    price = rules.published_price(value, block.filled_qty, block.asset_class)
    found = []
    for order_id, portfolio_id, share in zip(block.order_ids, block.portfolio_ids, shares, strict=False):
        if share and (wanted is None or portfolio_id in wanted):
            qty = rules.quantity(share)
            amount = rules.gross_amount(qty * price, block.price_factor, block.minor_units)
            found.append(
                Provisional(
                    order_id,
                    portfolio_id,
                    block.block_id,
                    seen.instrument_id,
                    block.side,
                    qty,
                    price,
                    amount,
                    seen.currency,
                    seen.base_currency,
                    Decimal(0) if rules.is_paid(block.asset_class) else amount,
                )  # fmt: skip
            )
    return found


# --- How a share came about -----------------------------------------------------------------------------------------
class Share(NamedTuple):
    """A member of a block, what it was to have and has: its arithmetic, for the block's page."""

    order_id: int
    portfolio_id: int
    intended_qty: Decimal
    entitled_qty: Decimal  # fill × intention ÷ all intentions, exact to six decimals for show
    share_qty: Decimal
    off_by_qty: Decimal


def shares_of_block(block_id: int) -> list[Share]:
    """Every member's intention, exact entitlement and share of what is filled so far, by descending intention."""
    seen = block_facts([block_id])
    if not seen:
        return []
    block = seen[0].facts
    filled, total = rules.units(block.filled_qty), sum(block.intended)
    given = rules.intended_shares([block]).tolist()
    rows = []
    for order_id, portfolio_id, intended, share in zip(
        block.order_ids, block.portfolio_ids, block.intended, given, strict=True
    ):
        entitled = rules.quantity(filled) * intended / total
        has = rules.quantity(share)
        rows.append(
            Share(order_id, portfolio_id, rules.quantity(intended), round(entitled, 6), has, round(has - entitled, 6))
        )
    return sorted(rows, key=lambda r: (-r.intended_qty, r.order_id))


def live_allocations(block_ids: Iterable[int]) -> QuerySet[Allocation]:
    return Allocation.objects.filter(block_id__in=list(block_ids), status=A.BOOKED)
