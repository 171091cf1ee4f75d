"""Trade rotation: where each desk's stands, the evidence of what was released in what place, and who may set it."""

from datetime import date

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from apps.blocks import selectors, services
from apps.blocks.models import Rotation
from apps.core.edges import act_of, done, refused_in_dialog, seen_versions, whole_number
from apps.core.refusals import Conflict, Invalid
from apps.users.doors import door
from apps.users.models import Desk
from apps.users.services import can

from ..lists.files import KINDS, csv_lines, harmless

MOST_IN_A_FILE = 100_000
HEADINGS = ("Trade date", "Instrument", "Side", "First for this idea", "Block", "Whose", "Place", "Of", "Released (UTC)", "By",
            "Out of turn because")  # fmt: skip


@door("reference.see")
@require_GET
def listed(request: HttpRequest) -> HttpResponse:
    rows = selectors.rotations_seen_by(request.user)
    context = {"rows": rows, "may_write": can(request.user, "blocks.write_rotations")}
    part = "#rows" if request.htmx and request.GET.get("part") == "rows" else ""
    return render(request, f"desk/rotations.html{part}", context)


@door("reference.see")
@require_GET
def detail(request: HttpRequest, rotation_id: int) -> HttpResponse:
    """One rotation: who is first next, and what was released by it, from the record; ``?since=`` and ``?until=``."""
    rotation = selectors.get_rotation_seen_by(request.user, rotation_id)
    since, until = _days(request)
    context = {
        "rotation": rotation,
        "released": selectors.evidence(rotation, since=since, until=until),
        "asked": request.GET,
        "may_write": can(request.user, "blocks.write_rotations"),
        "sees_blocks": can(request.user, "blocks.see"),
    }
    part = "#evidence" if request.htmx and request.GET.get("part") == "evidence" else ""
    return render(request, f"desk/rotation.html{part}", context)


@door("reference.see")
@require_GET
def as_csv(request: HttpRequest, rotation_id: int) -> HttpResponse:
    """The evidence as a file, safe to open in a spreadsheet."""
    rotation = selectors.get_rotation_seen_by(request.user, rotation_id)
    since, until = _days(request)
    found = selectors.evidence(rotation, since=since, until=until, most=MOST_IN_A_FILE)
    lines = [HEADINGS, *([harmless(v) for v in row._replace(at=f"{row.at:%Y-%m-%d %H:%M:%S.%f}")] for row in found)]
    response = StreamingHttpResponse(csv_lines(lines), content_type=KINDS["csv"])
    response["Content-Disposition"] = f'attachment; filename="rotation-{rotation.pk}.csv"'
    return response


@door("blocks.write_rotations")
@require_http_methods(["GET", "POST"])
def make(request: HttpRequest) -> HttpResponse:
    """GET: desk and parties, in their order. POST: they trade in turn from now on."""
    said, error = request.POST if request.method == "POST" else request.GET, ""
    if request.method == "POST":
        parties = said.get("parties", "").replace(",", "\n").splitlines()
        try:
            services.make_rotation(act_of(request), said.get("name", ""), said.get("desk", ""), parties)
        except Invalid as refusal:
            error = refusal.message
        except Conflict as refusal:
            return refused_in_dialog(request, refusal)
        else:
            return done("They trade in turn from now on, the first named first.")
    context = {"desks": Desk.objects.order_by("code"), "said": said, "error": error}
    return render(request, "desk/rotations.html#make", context, status=422 if error else 200)


@door("blocks.write_rotations")
@require_http_methods(["GET", "POST"])
def reset(request: HttpRequest, rotation_id: int) -> HttpResponse:
    """GET: who is to be first at the next use. POST: sets it, with the reason."""
    rotation = selectors.get_rotation_seen_by(request.user, rotation_id)
    said, error = request.POST if request.method == "POST" else request.GET, ""
    if request.method == "POST":
        act = act_of(request, reason=said.get("reason", "").strip()[:400])
        position = whole_number(said.get("position"), "position")
        try:
            services.reset_rotation(act, rotation.pk, position=position, seen=seen_versions(said))
        except Invalid as refusal:
            error = refusal.message
        except Conflict as refusal:
            return refused_in_dialog(request, refusal)
        else:
            return done("Set; the reason is on the record.")
    context = {"rotation": rotation, "said": said, "error": error}
    return render(request, "desk/rotations.html#reset", context, status=422 if error else 200)


@door("blocks.write_rotations")
@require_http_methods(["GET", "POST"])
def end(request: HttpRequest, rotation_id: int) -> HttpResponse:
    """GET: what ends, to confirm. POST: the desk trades without it."""
    rotation = selectors.get_rotation_seen_by(request.user, rotation_id)
    error = ""
    if request.method == "POST":
        act = act_of(request, reason=request.POST.get("reason", "").strip()[:400])
        try:
            services.end_rotation(act, rotation.pk, seen=seen_versions(request.POST))
        except Invalid as refusal:
            error = refusal.message
        except Conflict as refusal:
            return refused_in_dialog(request, refusal)
        else:
            return done("Ended; what traded by it stays on the record.")
    context = _ending(rotation) | {"error": error}
    return render(request, "components/confirm.html", context, status=422 if error else 200)


def _ending(rotation: Rotation) -> dict:
    return {
        "title": f"End “{rotation}”",
        "text": "The desk trades without it from now on: free orders first, then those directed. To change its parties, end"
        " it and make another.",
        "fields": [("seen", f"{rotation.pk}:{rotation.version}")],
        "action_url": reverse("blocks:rotation_end", args=[rotation.pk]),
        "button": "End it",
        "reason": "required",
        "danger": True,
    }


def _days(request: HttpRequest) -> tuple[date | None, date | None]:
    found = []
    for name in ("since", "until"):
        text = request.GET.get(name, "").strip()
        try:
            found.append(date.fromisoformat(text) if text else None)
        except ValueError:
            raise Invalid(f"“{text[:40]}” is no date; write it as 2026-11-23.", field=name) from None
    return found[0], found[1]
