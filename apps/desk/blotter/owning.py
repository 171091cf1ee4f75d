"""Whose blocks these are: picking up, handing over, and the queues of the desk."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from apps.blocks import selectors as block_selectors
from apps.blocks import services as blocks
from apps.blocks.states import B
from apps.core.edges import act_of, done, seen_versions
from apps.core.refusals import Conflict, Invalid
from apps.users.doors import door
from apps.users.models import Desk, User
from apps.users.services import can

from ..templatetags.show import money_short
from .acts import count_of, refused, ticked
from .selectors import worth

POOL = ""


@door("blocks.work")
@require_http_methods(["GET", "POST"])
def pick_up(request: HttpRequest) -> HttpResponse:
    """GET: which blocks of the pool become one's own, to confirm. POST: makes them so, all or none."""
    if request.method == "POST":
        seen = ticked(seen_versions(request.POST))
        try:
            blocks.pick_up_blocks(act_of(request), list(seen), seen=seen)
        except Conflict as refusal:
            return refused(request, refusal)
        return done(f"{count_of(len(seen), 'block')} picked up.")
    asked = ticked(seen_versions(request.GET))
    found = _open(request, asked).filter(owner=None)
    if not found:
        raise Conflict("None of the selected blocks is in the pool, so there is nothing to pick up.")
    context = _confirm(found, asked, "Pick up") | {
        "text": "They are yours to route until you hand them over or give them back. What works goes on working.",
        "action_url": reverse("blocks:pick_up"),
    }
    return render(request, "components/confirm.html", context)


@door("blocks.work")
@require_http_methods(["GET", "POST"])
def hand_over(request: HttpRequest) -> HttpResponse:
    """GET: to whom, back to the pool or, for a supervisor, to which desk. POST: hands all of them over, or none."""
    error = ""
    if request.method == "POST":
        seen = ticked(seen_versions(request.POST))
        act = act_of(request, reason=request.POST.get("reason", "")[:400])
        to, desk = request.POST.get("to", POOL), request.POST.get("desk", "")
        try:
            if desk:
                blocks.pass_blocks(act, list(seen), desk=desk, to=to, seen=seen)
            else:
                blocks.hand_over_blocks(act, list(seen), to=to, seen=seen)
        except Conflict as refusal:
            return refused(request, refusal)
        except Invalid as refusal:
            error = refusal.message
        else:
            how = f"passed to {desk}" if desk else "handed over" if to else "given back to the pool"
            return done(f"{count_of(len(seen), 'block')} {how}.")
    asked = ticked(seen_versions(request.POST if request.method == "POST" else request.GET))
    found = _open(request, asked)
    if not found:
        raise Conflict("None of the selected blocks is open or working, so there is nothing to hand over.")
    supervises = can(request.user, "blocks.supervise")
    context = _confirm(found, asked, "Hand over") | {
        "people": _traders(request.user, everywhere=supervises),
        "desks": Desk.objects.exclude(pk__in={block.desk_id for block in found}) if supervises else (),
        "action_url": reverse("blocks:hand_over"),
        "error": error,
        "text": "What works at brokers goes on working; fills go on being shared out as stated.",
    }
    return render(request, "desk/queues.html#give", context, status=422 if error else 200)


@door("blocks.see")
@require_GET
def queues(request: HttpRequest) -> HttpResponse:
    """Who works what on the person's desks, and what is in the pool."""
    context = {
        "queues": block_selectors.queues_of(request.user),
        "may_supervise": can(request.user, "blocks.supervise"),
    }
    part = "#queues" if request.htmx and request.GET.get("part") == "queues" else ""
    return render(request, f"desk/queues.html{part}", context)


@door("blocks.supervise")
@require_http_methods(["GET", "POST"])
def take_queue(request: HttpRequest) -> HttpResponse:
    """GET: whose queue goes to whom. POST: gives all that an absent colleague owns to another, or to the pool."""
    said = request.POST if request.method == "POST" else request.GET
    of, error = said.get("of", ""), ""
    if request.method == "POST":
        act = act_of(request, reason=said.get("reason", "").strip()[:400])
        try:
            count = blocks.take_over_queue(act, of, to=said.get("to", POOL))
        except Conflict as refusal:
            return refused(request, refusal)
        except Invalid as refusal:
            error = refusal.message
        else:
            return done(f"{count_of(count, 'block')} taken over.")
    found = block_selectors.blocks_seen_by(request.user).filter(owner__username=of, status__in=[B.OPEN, B.WORKING])
    found = found.select_related("instrument")
    context = _confirm(found, {}, f"Take over what {User.objects.filter(username=of).first() or 'nobody'} owns:") | {
        "people": _traders(request.user),
        "action_url": reverse("blocks:take_queue"),
        "fields": [("of", of)],
        "error": error,
        "needs_reason": True,
        "text": "For a colleague who is away. What works at brokers goes on working.",
    }
    return render(request, "desk/queues.html#give", context, status=422 if error else 200)


def _open(request: HttpRequest, asked: dict[int, int]):
    rows = block_selectors.blocks_seen_by(request.user).filter(pk__in=asked, status__in=[B.OPEN, B.WORKING])
    return rows.select_related("instrument").order_by("pk")


def _confirm(found, asked: dict[int, int], verb: str) -> dict:
    rows = list(found)
    usd, portfolios = worth([(block, block.leaves_qty) for block in rows]) if rows else (0, 0)
    return {
        "title": f"{verb} {count_of(len(rows), 'block')}",
        "money": f"{money_short(usd, 'USD')} to work, {count_of(portfolios, 'portfolio')}",
        "fields": [("seen", f"{b.pk}:{asked[b.pk]}") for b in rows if b.pk in asked],
        "button": f"{verb.split(' ')[0]} {verb.split(' ')[1]} {count_of(len(rows), 'block')}",
    }


def _traders(user, *, everywhere: bool = False) -> list[tuple[str, str]]:
    """Username and name of the traders at the person's desks; everywhere, those of others after them with their desks."""
    desks = set(user.desks.values_list("pk", flat=True))
    rows = User.objects.filter(desks__isnull=False, is_active=True, is_automated=False).distinct().prefetch_related("desks")
    found = []
    for person in rows.order_by("first_name", "username"):
        sits = [desk for desk in person.desks.all() if desk.pk in desks]
        if (sits or everywhere) and can(person, "blocks.work"):
            at = "" if sits else f", {', '.join(map(str, person.desks.all()))}"
            found.append((bool(at), person.username, f"{person}{at}"))
    return [(username, name) for _, username, name in sorted(found, key=lambda one: one[0])]
