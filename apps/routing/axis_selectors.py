"""What dealers say they would deal in, beside what we have to do."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from django.db.models import QuerySet

from apps.blocks.models import Block
from apps.blocks.selectors import blocks_seen_by
from apps.blocks.states import B

from .models import Axis
from .rules import axes
from .states import Ax

MOST_BLOCKS = 2000


class Axed(NamedTuple):
    """A live axis with whether it was said too long ago to be relied upon, and open blocks of the other way in it."""

    axis: Axis
    is_stale: bool
    blocks: tuple[Block, ...] = ()


def live_axes(now: datetime) -> QuerySet[Axis]:
    """Those that have neither been taken back nor expired, the freshest first."""
    rows = Axis.objects.filter(status=Ax.LIVE, expires_at__gt=now).select_related("dealer", "instrument__currency")
    return rows.order_by("-as_of", "pk")


def wanted_side(block_side: str) -> str:
    """What a dealer must do for us to trade: buy what we sell, of our own or short."""
    return "SELL" if block_side.startswith("BUY") else "BUY"


def listed(user, now: datetime) -> list[Axed]:
    """All live axes, those with open blocks of the other way first. Two queries."""
    rows = list(live_axes(now))
    open_blocks = blocks_seen_by(user).filter(status__in=[B.OPEN, B.WORKING], instrument__in={r.instrument_id for r in rows})
    meant: dict[tuple[int, str], list[Block]] = {}
    for block in open_blocks.select_related("instrument").order_by("pk")[:MOST_BLOCKS]:
        if block.unplaced_qty > 0:
            meant.setdefault((block.instrument_id, wanted_side(block.side)), []).append(block)
    found = [Axed(r, axes.is_stale(r.as_of, now), tuple(meant.get((r.instrument_id, r.dealer_side), ()))) for r in rows]
    return sorted(found, key=lambda one: (not one.blocks, one.is_stale))


def axes_for(blocks: Iterable[Block], now: datetime) -> Mapping[int, list[Axed]]:
    """Block id to the live axes of its instrument and the other way: axes before inventory, the freshest first. One query."""
    blocks = list(blocks)
    found: dict[tuple[int, str], list[Axed]] = {}
    for row in live_axes(now).filter(instrument__in={b.instrument_id for b in blocks}):
        found.setdefault((row.instrument_id, row.dealer_side), []).append(Axed(row, axes.is_stale(row.as_of, now)))
    return {
        b.pk: sorted(found.get((b.instrument_id, wanted_side(b.side)), []), key=lambda one: one.axis.kind != Axis.Kind.AXE)
        for b in blocks
    }
