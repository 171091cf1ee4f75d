"""Pages of matrices: what can be played on which block with which broker, how it goes, and the report."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_http_methods

from apps.core.edges import act_of, seen_versions
from apps.core.refusals import Refusal, Stale
from apps.users.doors import door
from apps.users.services import can

from . import selectors, services
from .api import MatrixReportOut

SHOWN = 100


@door("routing.see")
@require_http_methods(["GET", "POST"])
def matrices(request: HttpRequest) -> HttpResponse:
    """GET: every matrix, for the block and the broker chosen. POST: plays those that are ticked."""
    said, error, status = request.POST or request.GET, None, 200
    blocks, sessions = selectors.blocks_to_play_on(request.user), list(selectors.partners())
    block = next((one for one in blocks if str(one.pk) == said.get("block")), blocks[0] if blocks else None)
    session = next((one for one in sessions if str(one.pk) == said.get("session")), sessions[0] if sessions else None)
    if request.method == "POST":
        try:
            services.play_matrices(
                act_of(request), block.pk if block else 0,
                session.pk if session else 0, request.POST.getlist("names"), seen=seen_versions(request.POST),
            )  # fmt: skip
        except Stale:
            raise
        except Refusal as refusal:
            error, status = refusal, refusal.status
        else:
            there = reverse("certification:matrices")
            return HttpResponseRedirect(f"{there}?{urlencode({'block': block.pk, 'session': session.pk})}#plays")
    context = {
        "is_simulation": selectors.is_simulation(), "blocks": blocks, "sessions": sessions, "the_block": block, "the_session": session,
        "groups": selectors.offers(request.user, block, session), "plays": selectors.plays_seen_by(request.user)[:SHOWN],
        "ticked": request.POST.getlist("names"), "error": error, "may_play": can(request.user, "routing.route"),
    }  # fmt: skip
    return render(request, "certification/matrices.html", context, status=status)


@door("routing.see")
@require_GET
def plays(request: HttpRequest) -> HttpResponse:
    """The table of plays, as it stands."""
    return render(request, "certification/matrices.html#plays", {"plays": selectors.plays_seen_by(request.user)[:SHOWN]})


@door("routing.see")
@require_GET
def report(request: HttpRequest, session_id: int) -> HttpResponse:
    """What came of each matrix with a broker, to keep: a page to print, or ``?format=json``."""
    session = selectors.get_session(session_id)
    lines = selectors.report(request.user, session)
    context = {"session": session, "lines": lines, "counted": selectors.counted(lines), "at": timezone.now()}
    if request.GET.get("format") == "json":
        answer = JsonResponse(MatrixReportOut(context).data)
        answer["Content-Disposition"] = f'attachment; filename="certification-{session.broker.code.lower()}.json"'
        return answer
    return render(request, "certification/report.html", context)
