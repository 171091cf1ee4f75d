"""Splitting some orders off a block, and ending one so that its orders are gathered anew."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from apps.blocks import selectors as block_selectors
from apps.blocks import services as blocks
from apps.blocks.states import B
from apps.core.edges import act_of, done, refused_in_dialog, seen_versions, whole_number
from apps.core.refusals import Conflict, Refusal
from apps.users.doors import door

from ..templatetags.show import money_short, qty
from .acts import count_of, refused, ticked
from .selectors import worth


@door("blocks.work")
@require_http_methods(["GET", "POST"])
def split(request: HttpRequest) -> HttpResponse:
    """GET: the block's orders, to choose from. POST: those chosen become a block of their own."""
    said = request.POST if request.method == "POST" else request.GET
    ((block_id, version),) = list(ticked(seen_versions(said)).items())[:1]
    if request.method == "POST":
        chosen = [whole_number(pk, "order", 1) for pk in request.POST.getlist("order")]
        try:
            child = blocks.split_block(act_of(request), block_id, chosen, seen={block_id: version})
        except Conflict as refusal:
            return refused(request, refusal)
        except Refusal as refusal:
            return refused_in_dialog(request, refusal)
        return done(f"{count_of(len(chosen), 'order')} split off as block B-{child:04d}.")
    block = block_selectors.get_block_seen_by(request.user, block_id)
    members = list(block_selectors.members_seen_by(request.user, block_id))
    if block.status != B.OPEN or len(members) < 2:
        raise Conflict(
            f"{block.ref} was routed, so its allocation statement is fixed: release a part by routing a part of it."
            if block.status != B.OPEN
            else f"{block.ref} has one order, so there is nothing to split off."
        )
    return render(request, "desk/split.html", {"the_block": block, "members": members, "seen": f"{block_id}:{version}"})


@door("blocks.work")
@require_http_methods(["GET", "POST"])
def unblock(request: HttpRequest) -> HttpResponse:
    """GET: which blocks would be ended, to confirm. POST: ends them; their orders are gathered anew."""
    if request.method == "POST":
        seen = ticked(seen_versions(request.POST))
        try:
            blocks.unblock_blocks(act_of(request, reason=request.POST.get("reason", "")[:400]), list(seen), seen=seen)
        except Conflict as refusal:
            return refused(request, refusal)
        return done(f"{count_of(len(seen), 'block')} ended; the orders are being gathered anew.")
    asked = ticked(seen_versions(request.GET))
    rows = block_selectors.blocks_seen_by(request.user).filter(pk__in=asked, status=B.OPEN)
    found = list(rows.select_related("instrument").order_by("pk"))
    if not found:
        raise Conflict("None of the selected blocks is still before its first route, so none can be ended.")
    usd, portfolios = worth([(block, block.qty) for block in found])
    context = {
        "title": f"Un-block {count_of(len(found), 'block')}",
        "money": f"{money_short(usd, 'USD')}, {count_of(portfolios, 'portfolio')}",
        "text": ", ".join(f"{qty(b.qty)} {b.instrument.symbol}" for b in found[:4])
        + ": the orders stay cleared and are gathered anew with their like, by today's dates.",
        "fields": [("seen", f"{b.pk}:{asked[b.pk]}") for b in found],
        "action_url": reverse("blocks:unblock"),
        "button": f"Un-block {count_of(len(found), 'block')}",
        "reason": "optional",
    }
    return render(request, "components/confirm.html", context)
