"""The kill switch on pages: what is stopped, pressing it, and lifting it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.core.edges import act_of, done, refused_in_dialog, seen_versions
from apps.core.refusals import Invalid, Refusal
from apps.users.doors import door
from apps.users.selectors import desks_of
from apps.users.services import can

from . import page_selectors as pages
from . import selectors, services
from .models import Halt

SHOWN_LIFTED = 20


@door("routing.see")
@require_GET
def halts(request: HttpRequest) -> HttpResponse:
    """Halts in force with what their brokers have not ended yet, and those lifted last."""
    found = list(selectors.halts()[:100])
    standing = [halt for halt in found if halt.status == "ACTIVE" or halt.unacknowledged]
    context = {
        "standing": [(halt, selectors.unacknowledged(halt)[:200] if halt.unacknowledged else []) for halt in standing],
        "lifted": [halt for halt in found if halt not in standing][:SHOWN_LIFTED],
        "may_halt": can(request.user, "routing.halt"),
        "may_lift": can(request.user, "routing.lift_halt"),
    }
    part = "#standing" if request.htmx and request.GET.get("part") == "standing" else ""
    return render(request, f"routing/halts.html{part}", context)


@door("routing.halt")
@require_http_methods(["GET", "POST"])
def set_halt(request: HttpRequest) -> HttpResponse:
    """GET: what would be stopped, to confirm; asked again as another scope is chosen. POST: stops it."""
    said = request.POST if request.method == "POST" else request.GET
    chosen, mode = said.get("what") or _own_desk(request), said.get("mode") or Halt.Mode.ALL
    scope, _, subject = chosen.partition(":")
    if request.method == "POST":
        try:
            halt_id = services.set_halt(act_of(request, reason=said.get("reason", "")), scope, subject, mode=mode)
        except Refusal as refusal:
            return refused_in_dialog(request, refusal)
        return done(_stopped_words(selectors.get_halt(halt_id)), "bad")
    context = {
        "chosen": chosen,
        "mode": mode,
        "modes": Halt.Mode.choices,
        "subjects": pages.halt_subjects(),
        "found": pages.in_scope(services.sketch_halt(scope, subject, mode)),
        "reason": said.get("reason", ""),
    }
    return render(request, "routing/halts.html#dialog", context)


def _own_desk(request: HttpRequest) -> str:
    desk = desks_of(request.user).first()
    return f"DESK:{desk.code}" if desk else "FIRM:"


def _stopped_words(halt: Halt) -> str:
    routes = f"{halt.stopped:,} route{'' if halt.stopped == 1 else 's'}"
    return f"Routing is stopped for {halt.of}. {routes} found, {halt.unacknowledged:,} not ended by their brokers yet."


@door("routing.halt")
@require_POST
def ask_again(request: HttpRequest, halt_id: int) -> HttpResponse:
    """Asks once more to cancel what is not over."""
    count = services.ask_again(act_of(request), halt_id)
    return done(f"{count:,} asked once more." if count else "Every broker that can be asked owes an answer; call them.")


@door("routing.lift_halt")
@require_http_methods(["GET", "POST"])
def lift(request: HttpRequest, halt_id: int) -> HttpResponse:
    """GET: what would go on, to confirm. POST: lifts it, with a reason."""
    halt = selectors.get_halt(halt_id)
    error = ""
    if request.method == "POST":
        try:
            act = act_of(request, reason=request.POST.get("reason", "").strip()[:400])
            services.lift_halt(act, halt_id, seen=seen_versions(request.POST))
        except Invalid as refusal:
            error = refusal.message
        except Refusal as refusal:
            return refused_in_dialog(request, refusal)
        else:
            return done(f"Routing goes on for {halt.of}.")
    still = halt.unacknowledged
    context = {
        "title": f"Lift {halt.ref}: let routing go on for {halt.of}",
        "text": f"{still:,} route{'' if still == 1 else 's'} are not ended by their brokers yet."
        if still else "Every route it stopped has ended.",
        "facts": {"Set by": halt.set_by, "Because": halt.reason or "no reason given"},
        "fields": [("seen", f"{halt.pk}:{halt.version}")],
        "action_url": request.path,
        "button": "Let routing go on",
        "reason": "required",
        "error": error,
    }  # fmt: skip
    return render(request, "components/confirm.html", context, status=422 if error else 200)
