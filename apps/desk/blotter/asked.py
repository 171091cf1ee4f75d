"""The block list as an address and its reader have it."""

from collections.abc import Collection, Mapping
from datetime import datetime
from functools import partial

from django.db.models import QuerySet

from apps.blocks import selectors as blocks
from apps.blocks.models import Block
from apps.core.refusals import NotAllowed
from apps.users.services import can

from ..lists import live
from ..lists.pages import shown
from . import selectors
from .sheet import blocks_sheet

FOLLOWED = ("route", "execution", "inquiry")  # What a block's row shows something of.


def asked_of(request) -> selectors.Asked:
    said = request.GET
    status, asset = said.get("status", "").upper(), said.get("asset", "").lower()
    return selectors.Asked(
        status if status in selectors.STATUSES else "",
        asset if asset in selectors.ASSETS else "",
        said.get("q", "")[:100],
    )


def may_work(user) -> bool:
    return can(user, "blocks.work")


def rows_of(user, changed: Mapping[str, Collection[int]]) -> set[int]:
    """The blocks that changed, or that what changed at brokers belongs to as far as the person may see that."""
    followed = {name: list(changed[name]) for name in FOLLOWED if changed.get(name)}
    found = selectors.blocks_of(followed) if followed and can(user, "routing.see") else set()
    return found | set(changed.get("block", ()))


def live_blocks(reader: live.Reader) -> tuple[live.LiveList, bool]:
    """
    The list, and whether its rows can be ticked.

    :raises NotAllowed: for who may not see blocks
    """
    if not can(reader.user, "blocks.see"):
        raise NotAllowed("Your role does not see blocks.", permission="blocks.see")
    asked, sheet = asked_of(reader), blocks_sheet(reader.user)
    spec = shown(reader, sheet, asked.asset).spec

    def belonging(now: datetime) -> QuerySet:
        return selectors.belonging(Block.objects.all(), asked, sheet, spec, now)

    found = live.LiveList(
        "block", asked, sheet, spec, partial(rows_of, reader.user), belonging, blocks.seen_from,
        lambda rows: selectors.with_routes(rows, sheet),
    )  # fmt: skip
    return found, may_work(reader.user)


live.LISTS["blocks:rows"] = live_blocks
