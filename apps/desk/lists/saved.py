"""Views of lists: whose they are, who sees them, and every change of one."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Fact, differing
from apps.core.refusals import Conflict, Invalid, NotFound, Stale
from apps.orders import selectors as orders
from apps.users.models import User
from apps.users.selectors import desks_of
from apps.users.services import require

from ..events import ListExported, ViewRemoved, ViewSaved
from ..models import Export, SavedView
from . import specs
from .columns import Sheet
from .specs import Spec

MOST_VIEWS = 100


class StaleView(Stale):
    """Somebody saved the view after the asker looked."""


class NameTaken(Conflict):
    """The person has a view of that name already."""


def views_seen_by(user, sheet_name: str = "") -> QuerySet[SavedView]:
    """The person's own views, and those shared with the desks they sit at."""
    found = SavedView.objects.filter(Q(owner=user.pk) | Q(desk__in=desks_of(user).values("pk")))
    found = found.filter(list=sheet_name) if sheet_name else found
    return found.select_related("owner", "desk").order_by("name", "pk")


def get_view_seen_by(user, view_id: int) -> SavedView:
    """:raises NotFound: where there is none for this person"""
    found = views_seen_by(user).filter(pk=view_id).first()
    if found is None:
        raise NotFound("There is no such view, or it is no longer shared with a desk of yours.")
    return found


@transaction.atomic
def save_view(
    act: Act, sheet: Sheet, spec: Spec, *, name: str, view_id: int | None = None, seen: int | None = None,
    desk: str = "", is_first: bool = False,
) -> SavedView:  # fmt: skip
    """
    Will keep a view under its name. Another person's stays as it is: the change is kept as a copy of one's own.

    :param view_id: the view that was changed; None makes a new one
    :param seen: the version of it that the person was looking at, where it is theirs
    :param desk: code of a desk of theirs to share it with
    :raises StaleView: where it was saved meanwhile
    :raises NameTaken: where another view of theirs has that name
    :raises Invalid: for an empty name, a desk that is not theirs, or one view too many
    """
    require(act, "desk.see")
    owner = User.objects.select_for_update().get(pk=act.by)  # Two windows of one person do not make two of a name.
    name = " ".join(name.split())
    if not name or len(name) > 60:
        raise Invalid("Give the view a name of at most 60 letters.", field="name")
    shared = desks_of(owner).filter(code=desk).first() if desk else None
    if desk and shared is None:
        raise Invalid(f"You share views with desks you sit at; “{desk[:20]}” is none of them.", field="desk")
    view = get_view_seen_by(owner, view_id) if view_id else None
    if view and view.list != sheet.name:
        raise Invalid("That is a view of another list.", field="view")
    if view and view.owner_id != act.by:
        view = None
    mine = SavedView.objects.filter(owner=owner, list=sheet.name)
    if view is None:
        if mine.count() >= MOST_VIEWS:
            raise Invalid(f"You have {MOST_VIEWS} views of this list; remove one first.", field="name")
        view = SavedView(owner=owner, list=sheet.name, version=0)
    else:
        view = SavedView.objects.select_for_update().get(pk=view.pk)
        _refuse_stale(view, seen)
    if mine.filter(name=name).exclude(pk=view.pk).exists():
        raise NameTaken(f"You have a view called “{name}” already; give this one another name.", field="name")
    before = _told(view) if view.pk else None
    if is_first:
        mine.filter(is_first=True).exclude(pk=view.pk).update(is_first=False)
    view.name, view.desk, view.spec, view.is_first = name, shared, spec.plain(), is_first
    view.changed_at, view.version = act.at, view.version + 1
    view.save()
    _record_saved(act, view, before)
    return view


def _told(view: SavedView) -> dict[str, Any]:
    return {"name": view.name, "desk": view.desk.code if view.desk else "", **view.spec}


def _record_saved(act: Act, view: SavedView, before: Mapping[str, Any] | None) -> None:
    desk = view.desk.code if view.desk else ""
    changed = differing(before, _told(view)) if before is not None else ()
    record(act, [Fact(view.pk, view.version, ViewSaved(view.list, view.name, desk, view.spec, *changed))])


@transaction.atomic
def save_widths(act: Act, sheet: Sheet, view_id: int, said: Mapping[str, Any]) -> SavedView:
    """
    Will keep how wide the columns of one's own view are.

    :raises NotFound: where the person has no such view of the list
    :raises Invalid: for a column that the list has not, or a width that is none
    """
    require(act, "desk.see")
    widths = specs.widths(sheet, said)
    view = SavedView.objects.select_for_update(of=("self",)).select_related("desk").filter(
        pk=view_id, owner=act.by, list=sheet.name
    ).first()  # fmt: skip
    if view is None:
        raise NotFound("You have no such view. Save this one under a name of your own.")
    before = _told(view)
    view.spec = view.spec | {"widths": view.spec.get("widths", {}) | widths}
    view.changed_at, view.version = act.at, view.version + 1
    view.save(update_fields=["spec", "changed_at", "version"])
    _record_saved(act, view, before)
    return view


@transaction.atomic
def remove_view(act: Act, view_id: int, *, seen: int) -> None:
    """
    Will throw a view of one's own away.

    :raises NotFound: where the person has none such; :raises StaleView: where it was saved meanwhile
    """
    require(act, "desk.see")
    view = SavedView.objects.select_for_update().filter(pk=view_id, owner=act.by).first()
    if view is None:
        raise NotFound("You have no such view. Those of colleagues are theirs to remove.")
    _refuse_stale(view, seen)
    record(act, [Fact(view.pk, view.version + 1, ViewRemoved(view.list, view.name, _told(view)))])
    view.delete()


def _refuse_stale(view: SavedView, seen: int | None) -> None:
    """:raises Invalid: where no version was sent; :raises StaleView: where it is another by now"""
    if not seen:
        raise Invalid("Say which version of the view you changed.", field="version")
    if seen != view.version:
        raise StaleView(
            "This view was saved in another window meanwhile; open it again.",
            stale=orders.missed("view", {view.pk: (view.name, seen, view.version)}),
        )


@transaction.atomic
def record_export(act: Act, sheet: Sheet, *, kind: str, view: str, columns: list, filters: list, rows: int) -> int:
    """Will put on the record that rows of a list were taken as a file; gives the number of the export."""
    require(act, "desk.see")
    made = Export.objects.create(list=sheet.name, made_by_id=act.by, made_at=act.at, rows=rows)
    record(act, [Fact(made.pk, 1, ListExported(sheet.name, kind, view, columns, filters, rows))])
    return made.pk
