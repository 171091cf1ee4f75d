"""The conversation about an order or a block, in their drawers; and what somebody has not read yet."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.blocks import selectors, services
from apps.core.edges import act_of, whole_number
from apps.core.refusals import Invalid
from apps.users.doors import door
from apps.users.services import can


@door("blocks.see")
@require_http_methods(["GET", "POST"])
def of_order(request: HttpRequest, order_id: int) -> HttpResponse:
    """The panel of an order; POST says something about it."""
    error = _write(request, order_id=order_id)
    return _panel(request, selectors.thread_of_order(request.user, order_id), request.path, error)


@door("blocks.see")
@require_http_methods(["GET", "POST"])
def of_block(request: HttpRequest, block_id: int) -> HttpResponse:
    """The panel of a block; POST says something about it."""
    error = _write(request, block_id=block_id)
    return _panel(request, selectors.thread_of_block(request.user, block_id), request.path, error)


@door("blocks.see")
@require_POST
def read(request: HttpRequest) -> HttpResponse:
    """What the panel has shown is read."""
    services.mark_read(request.user, [whole_number(pk, "note", 1) for pk in request.POST.getlist("note")][:2000])
    return HttpResponse(status=204)


@door("blocks.see")
@require_GET
def unread(request: HttpRequest) -> HttpResponse:
    """What others said about one's own and is not read yet: the panel of a home."""
    rows = [(row, _address(row)) for row in selectors.unread_by(request.user)]
    return render(request, "desk/notes.html#unread", {"rows": rows})


def _address(row: selectors.Unread) -> str:
    if row.order_id:
        return reverse("orders:detail", args=[row.order_id])
    return f"{reverse('blocks:detail', args=[row.block_id])}?tab=notes"


def _write(request: HttpRequest, **about: int) -> str:
    if request.method != "POST":
        return ""
    try:
        services.write_note(act_of(request), request.POST.get("text", ""), **about)
    except Invalid as refusal:
        return refusal.message
    return ""


def _panel(request: HttpRequest, thread: list, url: str, error: str) -> HttpResponse:
    context = {
        "thread": thread,
        "new": [said.note.pk for said in thread if said.is_new],
        "url": url,
        "may_write": can(request.user, "blocks.write_notes"),
        "error": error,
        "text": request.POST.get("text", "") if error else "",
    }
    return render(request, "desk/notes.html#panel", context, status=422 if error else 200)
