"""Message throttles on pages: those in force, a new one, a change of one, its end."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from apps.core.acts import Act
from apps.core.edges import act_of, refused_in_dialog, reload_page, seen_versions
from apps.core.refusals import Refusal, Stale
from apps.users.doors import door
from apps.users.services import can

from . import services
from . import throttle_selectors as selectors
from .forms import KeptThrottleForm


@door("routing.see")
@require_GET
def throttles(request: HttpRequest) -> HttpResponse:
    context = {
        "rows": selectors.throttles(timezone.now()),
        "may_write": can(request.user, "routing.keep_throttles"),
        "may_lift": can(request.user, "routing.lift_halt"),
    }
    return render(request, "routing/throttles.html", context)


@door("routing.keep_throttles")
@require_http_methods(["GET", "POST"])
def set_throttle(request: HttpRequest) -> HttpResponse:
    form = KeptThrottleForm(request.POST or None)

    def save(act: Act) -> None:
        session = form.cleaned_data["session"]
        services.set_throttle(act, form.text(), session_id=session and session.pk, strategy=form.cleaned_data["strategy"])

    return _dialog(request, form, save, "Throttle a session or a strategy", reverse("routing:throttle_set"))


@door("routing.keep_throttles")
@require_http_methods(["GET", "POST"])
def change_throttle(request: HttpRequest, throttle_id: int) -> HttpResponse:
    row = selectors.get_throttle(throttle_id)
    first = {name: getattr(row, name) for name in services.ThrottleText._fields} | {"seen": row.version}
    form = KeptThrottleForm(request.POST or None, initial=first)
    del form.fields["session"], form.fields["strategy"]

    def save(act: Act) -> None:
        services.change_throttle(act, row.pk, form.text(), seen=form.cleaned_data["seen"] or 0)

    return _dialog(request, form, save, f"Throttle of {row.of}", reverse("routing:throttle_change", args=[throttle_id]))


@door("routing.keep_throttles")
@require_http_methods(["GET", "POST"])
def end_throttle(request: HttpRequest, throttle_id: int) -> HttpResponse:
    """GET: the throttle that would end, to confirm. POST: puts it out of force."""
    row = selectors.get_throttle(throttle_id)
    say = {
        "title": f"End the throttle of {row.of}", "text": "Its messages are no longer limited, from the moment you end it.",
        "fields": [("seen", f"{row.pk}:{row.version}")], "reason": "required", "button": "End it", "danger": True,
        "action_url": reverse("routing:throttle_end", args=[throttle_id]),
    }  # fmt: skip
    if request.method == "GET":
        return render(request, "components/confirm.html", say)
    reason = request.POST.get("reason", "")
    try:
        services.end_throttle(act_of(request, reason=reason), row.pk, seen=seen_versions(request.POST).get(row.pk, 0))
    except Stale as refusal:
        return refused_in_dialog(request, refusal)
    except Refusal as refusal:
        say |= {"error": refusal.message, "reason_value": reason}
        return render(request, "components/confirm.html", say, status=refusal.status)
    return reload_page()


def _dialog(request: HttpRequest, form: KeptThrottleForm, save: Callable[[Act], None], title: str, action: str) -> HttpResponse:
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                save(act_of(request, reason=form.cleaned_data["reason"]))
            except Stale as refusal:
                return refused_in_dialog(request, refusal)
            except Refusal as refusal:
                form.refuse(refusal)
                status = refusal.status
            else:
                return reload_page()
    return render(request, "routing/throttle.html", {"form": form, "title": title, "action": action}, status=status)
