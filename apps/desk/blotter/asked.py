"""The block list as an address and its reader have it."""

from collections.abc import Collection, Mapping

from django.utils import timezone

from apps.core.refusals import NotAllowed
from apps.users.services import can

from ..lists import live, rendering
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


def live_blocks(reader: live.Reader) -> live.LiveList:
    """:raises NotAllowed: for who may not see blocks"""
    if not can(reader.user, "blocks.see"):
        raise NotAllowed("Your role does not see blocks.", permission="blocks.see")
    asked, sheet, ticks = asked_of(reader), blocks_sheet(reader.user), may_work(reader.user)
    spec = shown(reader, sheet, asked.asset).spec._replace(group="")
    follows = FOLLOWED if can(reader.user, "routing.see") else ()

    def rows_of(changed: Mapping[str, Collection[int]]) -> set[int]:
        followed = {name: list(changed[name]) for name in follows if changed.get(name)}
        return set(changed.get("block", ())) | (selectors.blocks_of(followed) if followed else set())

    def draw(ids: Collection[int]) -> str:
        now = timezone.now()
        found = selectors.rows_of(reader.user, ids, asked, sheet, spec, now)
        return rendering.drawn(sheet, spec, found, now, {}, ticks=ticks)

    return live.LiveList("block", live.alike("blocks", asked, sheet, spec, ticks), rows_of, draw)


live.LISTS["blocks:rows"] = live_blocks
