"""Pages of allocations: blocks that have filled, and how each is shared out."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from apps.core.edges import whole_number
from apps.users.doors import door
from apps.users.services import can

from . import csa_selectors, page_selectors

SHOWS = (("", "All"), ("open", "To be allocated"), ("allocated", "Allocated"))


def _listed(request: HttpRequest) -> dict:
    show, text = request.GET.get("show", ""), request.GET.get("q", "")[:40]
    rows = page_selectors.blocks_to_show(request.user, show, text)
    return {
        "rows": rows,
        "chips": [
            {"label": label, "url": f"?show={value}" if value else "?", "on": show == value, "count": None}
            for value, label in SHOWS
        ],
        "query": text,
        "most": page_selectors.MOST,
    }


@door("allocations.see")
@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    """Blocks with fills on the left; the arithmetic of the chosen one on the right."""
    if request.GET.get("block"):
        return redirect("allocations:block", whole_number(request.GET["block"], "block", 1))
    return render(request, "allocations/list.html", _listed(request))


@door("allocations.see")
@require_GET
def rows(request: HttpRequest) -> HttpResponse:
    """The asked-for rows that belong to the list, for the live page."""
    ids = _numbers(request, "ids") + page_selectors.blocks_of_executions(_numbers(request, "execution"))
    found = page_selectors.blocks_to_show(request.user, request.GET.get("show", ""), ids=ids)
    return render(request, "allocations/list.html#items", {"rows": found})


def _numbers(request: HttpRequest, name: str) -> list[int]:
    return [whole_number(text, name, 1) for text in request.GET.get(name, "").split(",") if text][:1000]


@door("allocations.see")
@require_GET
def block(request: HttpRequest, block_id: int) -> HttpResponse:
    """How one block is, or would now be, shared out."""
    context = {
        "shared": page_selectors.shared_out(request.user, block_id),
        "may_see_settlement": can(request.user, "settlement.see"),
        "step_outs": csa_selectors.step_outs_seen_by(request.user).filter(block=block_id, status="AGREED"),
        "may_step_out": can(request.user, "allocations.step_out"),
    }
    if request.htmx:
        return render(request, "allocations/list.html#arithmetic", context)
    return render(request, "allocations/list.html", _listed(request) | context)
