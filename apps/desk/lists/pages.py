"""Which view a page shows, as its address and its reader's habits say."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode
from zlib import crc32

from django.http import HttpRequest

from apps.core.edges import whole_number

from . import rendering, saved, specs
from .columns import Sheet
from .specs import Spec

HOUSE = "0"  # In an address: the house's own view, whatever the reader opens with.


def more_address(base: str, kept: Mapping, sheet: Sheet, spec: Spec, mark: str, rows: Sequence[Mapping]) -> str:
    """Where the next page of rows is; empty at the end of the list."""
    if not mark:
        return ""
    path = sheet.columns[spec.group].path if spec.group else ""
    begun = {"group_of": str(rows[-1][path])} if path else {}
    return f"{base}?{urlencode(dict(kept) | {'look': look_of(spec), 'after': mark} | begun)}"


def begun_in(sheet: Sheet, spec: Spec, rows: Sequence[Mapping], said: str) -> Any:
    """The group that the page before ended in, as the rows write it; no group of any row where it was another."""
    if not (rows and spec.group):
        return ...
    first = rows[0][sheet.columns[spec.group].path]
    return first if str(first) == said else ...


def look_of(spec: Spec) -> str:
    """What an address says of the view that its page shows, widths aside, for rows of another never to be put there."""
    return f"{crc32(repr(spec._replace(widths={})).encode()):08x}"


def around(sheet: Sheet, view: "Shown", totals: Mapping, kept: Mapping, ticks: bool) -> dict:
    """What the frame of a list reads: heads, foot, legend, the view, what narrows it, what the address keeps."""
    return {
        "sheet": sheet,
        "view": view,
        "heads": rendering.heads(sheet, view.spec),
        "span": len(view.spec.columns) + ticks,
        "foot": rendering.foot(sheet, view.spec, totals),
        "legend": rendering.colours_used(view.spec.colours, sheet),
        "narrowed": [one.in_words(sheet) for one in view.spec.filters],
        "kept": kept,
        "filters": urlencode(kept),
        "rows_query": urlencode(dict(kept) | {"look": look_of(view.spec)}),
        "ticks": ticks,
        "ordered": bool(view.spec.group or view.spec.sort),
        "exact": set(view.spec.columns) <= set(view.spec.widths),
        "own_view": view.saved.pk if view.is_own else None,
    }


class Shown(NamedTuple):
    """
    A view, the saved one behind it if any and whether it is the reader's, all they could choose, what the address keeps
    of it, and whether the address asks for one that this reader does not see, or no longer.
    """

    spec: Spec
    saved: saved.SavedView | None
    views: Sequence[saved.SavedView]
    kept: Mapping[str, str]
    is_own: bool = False
    is_gone: bool = False


def shown(request: HttpRequest, sheet: Sheet, asset: str = "") -> Shown:
    """
    The view of the address, else the one the reader's list opens with, else the house's. One query.

    :param asset: the asset class that the list is narrowed to, whose own columns the house's view then has
    :raises StaleView: where the address is of a page that shows the view otherwise than it is now
    """
    views = list(saved.views_seen_by(request.user, sheet.name))
    asked = request.GET.get("view", "")
    if asked and asked != HOUSE:
        number = whole_number(asked, "view", 1)
        chosen = next((one for one in views if one.pk == number), None)
    else:
        first = (one for one in views if one.is_first and one.owner_id == request.user.pk)
        chosen = None if asked else next(first, None)
    spec = specs.as_stored(sheet, chosen.spec) if chosen else specs.usual(sheet, asset)
    kept = {"view": str(chosen.pk) if chosen else HOUSE} if asked or chosen else {}
    code = request.GET.get("sort", "")
    column = sheet.columns.get(code.removeprefix("-"))
    if code == "attention":
        spec, kept = spec._replace(sort=()), kept | {"sort": code}
    elif column and column.path:
        spec, kept = spec._replace(sort=((column.code, code.startswith("-")),)), kept | {"sort": code}
    if request.GET.get("look", look_of(spec)) != look_of(spec):
        raise saved.StaleView("This view was changed meanwhile; load the list again.")
    is_own = chosen is not None and chosen.owner_id == request.user.pk
    return Shown(spec, chosen, views, kept, is_own, is_gone=asked not in ("", HOUSE) and chosen is None)
