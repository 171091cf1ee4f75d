"""Which view a page shows, as its address and its reader's habits say."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from django.http import HttpRequest

from apps.core.edges import whole_number

from . import saved, specs
from .columns import Sheet
from .specs import Spec

HOUSE = "0"  # In an address: the house's own view, whatever the reader opens with.


class Shown(NamedTuple):
    """A view, the saved one behind it if any, all the reader could choose, and what the address keeps of it."""

    spec: Spec
    saved: saved.SavedView | None
    views: Sequence[saved.SavedView]
    kept: Mapping[str, str]


def shown(request: HttpRequest, sheet: Sheet, asset: str = "") -> Shown:
    """
    The view of the address, else the one the reader's list opens with, else the house's. One query.

    :param asset: the asset class that the list is narrowed to, whose own columns the house's view then has
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
    return Shown(spec, chosen, views, kept)
