"""The dialog in which a list is arranged, and saved under a name."""

from urllib.parse import parse_qsl, urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.core.edges import act_of, whole_number
from apps.core.refusals import Conflict, Invalid, Stale
from apps.users.doors import door
from apps.users.selectors import desks_of

from ..sheets import get_sheet
from . import pages, saved, specs
from .columns import OPERATORS, Sheet

BLANKS = 2  # Empty lines for more filters, and for more colours.
KINDS = {"text": "Text", "number": "Number", "choice": "Choice", "date": "Date", "age": "Age"}


@door("desk.see")
@require_http_methods(["GET", "POST"])
def arrange(request: HttpRequest, sheet: str) -> HttpResponse:
    """
    GET: the view of the address, to change. POST: keeps it under its name, and leads to the list as it then is; a view
    of a colleague's is kept as a copy.
    """
    of = get_sheet(sheet, request.user)
    if request.method == "GET":
        view = pages.shown(request, of, request.GET.get("asset", ""))
        plain = view.spec.plain()
        plain["widths"] |= specs.widths(of, _widths(request.GET, of))
        return render(request, "desk/view.html", _context(request, of, plain, view.saved))
    said = _said(request.POST, of)
    number = whole_number(request.POST.get("view") or 0, "view")
    try:
        view = saved.get_view_seen_by(request.user, number) if number else None
        kept = saved.save_view(
            act_of(request), of, specs.read(of, said), name=request.POST.get("name", ""),
            view_id=None if "as_new" in request.POST else number or None,
            seen=whole_number(request.POST.get("version") or 0, "version") if view and view.owner == request.user else None,
            desk=request.POST.get("desk", ""), is_first="is_first" in request.POST,
        )  # fmt: skip
    except (Invalid, Conflict) as refusal:
        view = saved.views_seen_by(request.user, of.name).filter(pk=number).first()
        context = _context(request, of, said, view) | {"error": _why(refusal)}
        response = render(request, "desk/view.html", context, status=refusal.status)
        response["HX-Reswap"] = "innerHTML"  # In place, whatever the status.
        return response
    return _led(request, of, str(kept.pk))


def _why(refusal: Invalid | Conflict) -> str:
    since = refusal.in_words() if isinstance(refusal, Stale) else {}
    return " ".join([refusal.message, *(f"{name}: {said}." for name, said in since.items())])


@door("desk.see")
@require_POST
def widths(request: HttpRequest, sheet: str) -> HttpResponse:
    """Keeps how wide the columns of one's own view are."""
    of = get_sheet(sheet, request.user)
    saved.save_widths(
        act_of(request), of, whole_number(request.POST.get("view"), "view", 1), _widths(request.POST, of)
    )  # fmt: skip
    return HttpResponse(status=204)


@door("desk.see")
@require_GET
def stands(request: HttpRequest, sheet: str) -> HttpResponse:
    """Nothing while a colleague's view is as this page shows it (``?view=`` in its ``?version=``); else what became of it."""
    of = get_sheet(sheet, request.user)
    number = whole_number(request.GET.get("view"), "view", 1)
    view = saved.views_seen_by(request.user, of.name).filter(pk=number).first()
    if view and view.version == whole_number(request.GET.get("version"), "version", 1):
        return HttpResponse(status=204)
    return render(request, "components/viewbar.html#became", {"now": view, "was": request.GET.get("name", "")[:60]})


@door("desk.see")
@require_POST
def remove(request: HttpRequest, sheet: str) -> HttpResponse:
    """Throws a view of one's own away, and leads to the list as the house shows it."""
    of = get_sheet(sheet, request.user)
    seen = whole_number(request.POST.get("version"), "version", 1)
    saved.remove_view(act_of(request), whole_number(request.POST.get("view"), "view", 1), seen=seen)
    return _led(request, of, pages.HOUSE)


def _led(request: HttpRequest, of: Sheet, view: str) -> HttpResponse:
    """To the list, with the filters its address had."""
    kept = dict(parse_qsl(request.POST.get("kept", "")))
    kept = {name: kept[name] for name in kept if name not in ("sort", "view") and not name.startswith("width_")}
    response = HttpResponse(status=204)
    response["HX-Redirect"] = f"{reverse(f'{of.name}:list')}?{urlencode(kept | {'view': view})}"
    return response


def _context(request: HttpRequest, of: Sheet, plain: dict, view: saved.SavedView | None) -> dict:
    is_mine = view is not None and view.owner_id == request.user.pk
    said = request.POST
    chosen = [code for code in plain["columns"] if code in of.columns]
    name = view.name if view else ""
    return {
        "sheet": of,
        "view": view,
        "is_mine": is_mine,
        "columns": [
            {
                "column": of.columns[code],
                "shown": code in chosen,
                "width": plain["widths"].get(code, ""),
                "totalled": code in plain["totals"],
            }
            for code in [*chosen, *(c for c in of.columns if c not in chosen)]
        ],
        "sorts": [*plain["sort"], *({"code": "", "falls": False},) * 2][:2],
        "group": plain["group"],
        "filters": [*map(_written, plain["filters"]), *({},) * BLANKS],
        "colours": [*map(_written, plain["colours"]), *({},) * BLANKS],
        "operators": [(kind, KINDS[kind], ops.items()) for kind, ops in OPERATORS.items()],
        "tones": specs.TONES.items(),
        "desks": list(desks_of(request.user)),
        "name": said.get("name", name),
        "desk": said.get("desk", view.desk.code if view and view.desk and is_mine else ""),
        "is_first": "is_first" in said if said else is_mine and view.is_first,
        "kept": said.get("kept") or request.GET.urlencode(),
    }


def _written(one: dict) -> dict:
    """A condition as it is typed: several choices with commas between."""
    return one | {"value": ", ".join(one["value"]) if isinstance(one["value"], list) else one["value"]}


def _said(said, of: Sheet) -> dict:
    """What the form says, in the words of a stored view."""
    sort = zip(said.getlist("sort"), said.getlist("falls"), strict=False)
    return {
        "columns": said.getlist("show"),
        "widths": _widths(said, of),
        "sort": [{"code": code, "falls": falls == "1"} for code, falls in sort if code],
        "group": said.get("group", ""),
        "totals": said.getlist("total"),
        "filters": _conditions(said, "filter"),
        "colours": [
            one | {"tone": tone, "whole": whole == "1"}
            for one, tone, whole in zip(
                _conditions(said, "colour", blanks=True), said.getlist("colour_tone"), said.getlist("colour_whole"),
                strict=False,
            )
            if one
        ],
    }  # fmt: skip


def _widths(said, of: Sheet) -> dict[str, str]:
    return {code: said[f"width_{code}"] for code in of.columns if said.get(f"width_{code}", "").strip()}


def _conditions(said, name: str, blanks: bool = False) -> list[dict]:
    lines = zip(said.getlist(f"{name}_code"), said.getlist(f"{name}_op"), said.getlist(f"{name}_value"), strict=False)
    found = [{"code": c, "op": op.rpartition(":")[2], "value": value.strip()} if c else {} for c, op, value in lines]
    return found if blanks else [one for one in found if one]
