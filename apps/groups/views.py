"""Groups on pages: compose one from the selection of the blotter, all of them, one with its legs, and what is done with it."""

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from apps.core.edges import act_of, done, refused_in_dialog, seen_versions, whole_number
from apps.core.refusals import Conflict, Invalid, NotAllowed, NotFound, Refusal
from apps.reference import selectors as reference
from apps.reference.models import Broker
from apps.users.doors import door
from apps.users.services import can

from . import page_selectors, rules, selectors, services
from .models import LinkedGroup
from .states import FOLLOWED, Gr

SHOWN = 200
OF_KIND = {rules.Kind.PAIR: ("tolerance_pct", "tolerance_amount", "ratio_limit"), rules.Kind.MULTILEG: ("packages", "net_limit")}
ACTS = (
    ("send", "Send", (Gr.PLANNED,), "s"),
    ("wave", "Send a wave", (Gr.PLANNED, Gr.WORKING), "s"),
    ("change", "Change", (Gr.WORKING, Gr.PAUSED), "c"),
    ("drop", "Drop", (Gr.PLANNED,), "d"),
    ("pause", "Pause", (Gr.WORKING,), "p"),
    ("resume", "Resume", (Gr.PAUSED,), "p"),
    ("again", "Place again", (Gr.WORKING, Gr.PAUSED), "a"),
    ("end", "End", (Gr.WORKING, Gr.PAUSED), "x"),
)
TEXTS = {
    "send": ("What the group's rule lets at brokers now goes out, all of it or nothing. From then on it follows its legs in your name.",
             "Send", "is sent"),
    "drop": ("Nothing was sent. Its blocks are worked each by itself again.", "Drop", "is taken apart"),
    "pause": ("Nothing more is placed. What is at brokers works on, and what has to become less still does.", "Pause", "is paused"),
    "resume": ("What its rule lets at brokers by now is placed.", "Resume", "goes on"),
    "again": ("What brokers rejected, let expire or cancelled unasked is placed anew, and requests they refused are sent again.",
              "Place again", "is placed again"),
    "end": ("What all legs have left is cancelled. A fill that crosses stays filled.", "End", "ends; brokers are asked to cancel"),
}  # fmt: skip


@door("routing.see")
@require_GET
def listed(request: HttpRequest) -> HttpResponse:
    """Groups the person may see, the newest first."""
    rows = [page_selectors.in_short(group) for group in selectors.groups_seen_by(request.user)[:SHOWN]]
    part = "#rows" if request.htmx and request.GET.get("part") == "rows" else ""
    return render(request, f"groups/list.html{part}", {"rows": rows, "proposed": selectors.proposed_to(request.user)})


@door("routing.see")
@require_GET
def detail(request: HttpRequest, group_id: int) -> HttpResponse:
    """One group: its legs with what is at brokers, what the rule lets there, what may cross in flight, and what happened."""
    group = selectors.get_group_seen_by(request.user, group_id)
    context = {"group": group, "acts": _acts(request, group), "standing": page_selectors.standing(group)}
    if group.kind == rules.Kind.PROGRAM:
        context |= {
            "meter": page_selectors.meter(group), "waves": page_selectors.waves(group), "at_odds": page_selectors.at_odds(group),
            "sent_pct": selectors.sent_pct(group),
        }  # fmt: skip
    if group.kind == rules.Kind.MULTILEG:
        context["package"] = page_selectors.package(group)
    part = "#body" if request.htmx and request.GET.get("part") == "body" else ""
    return render(request, f"groups/detail.html{part}", context)


def _acts(request: HttpRequest, group: LinkedGroup) -> list[dict]:
    if not can(request.user, "routing.route"):
        return []
    def fits(name: str, group: LinkedGroup) -> bool:
        is_program = group.kind == rules.Kind.PROGRAM
        if name == "change":
            return group.kind == rules.Kind.MULTILEG and page_selectors.package_at_broker(group) is not None
        return name not in ("send", "wave") or (name == "wave") == is_program and (name == "send" or selectors.sent_pct(group) < 100)

    lacking = any(leg.problem for leg in group.legs.all())
    return [
        {"name": name, "label": label, "key": key, "url": reverse(f"groups:{name}", args=[group.pk])}
        for name, label, statuses, key in ACTS
        if group.status in statuses and (name != "again" or lacking) and fits(name, group)
    ]


@door("routing.route")
@require_http_methods(["GET", "POST"])
def compose(request: HttpRequest) -> HttpResponse:
    """GET: how the selected blocks are to hang together, in a dialog. POST: composes the group and opens its page."""
    said = request.POST if request.method == "POST" else request.GET
    seen = seen_versions(said)
    if not seen:
        raise Invalid("Tick the blocks that are to be worked together first.", field="seen")
    error = ""
    if request.method == "POST":
        try:
            pk = services.compose_group(
                act_of(request), said.get("kind", ""), _ordered(seen, said), seen=seen, how=said.get("how", ""),
                note=said.get("note", ""), **_of_kind(said, seen),
            )  # fmt: skip
        except Invalid as refusal:
            error = refusal.message
        except (Conflict, NotFound, NotAllowed) as refusal:
            return refused_in_dialog(request, refusal)
        else:
            return HttpResponse(status=204, headers={"HX-Redirect": reverse("groups:detail", args=[pk])})
    context = {
        "blocks": selectors.blocks_to_link(request.user, seen), "said": said, "seen": seen, "error": error,
        "kinds": page_selectors.KINDS, "hows": LinkedGroup.How.choices,
        "brokers": reference.brokers().filter(kind=Broker.Kind.BROKER).order_by("name"), "takers": selectors.package_brokers(),
    }  # fmt: skip
    return render(request, "groups/compose.html", context, status=422 if error else 200)


def _of_kind(said, seen: Mapping[int, int]) -> dict:
    """What the form asks for of this kind alone: one broker for a package, an amount in place of a percentage."""
    kind = said.get("kind", "")
    found = {field: _number(said, field) for field in OF_KIND.get(kind, ())}
    if found.get("tolerance_amount") is not None:
        found["tolerance_pct"] = None
    one = kind == rules.Kind.MULTILEG
    return found | {"brokers": {pk: said.get("broker" if one else f"broker-{pk}", "") for pk in seen}}


def _ordered(seen: Mapping[int, int], said) -> list[int]:
    """The blocks with the one that triggers the rest first."""
    first = whole_number(said.get("first") or next(iter(seen)), "first", 1)
    return sorted(seen, key=lambda pk: (pk != first, list(seen).index(pk)))


@door("routing.route")
@require_http_methods(["GET", "POST"])
def wave(request: HttpRequest, group_id: int) -> HttpResponse:
    """GET: how many percent of every block to send next. POST: sends them."""
    group = selectors.get_group_seen_by(request.user, group_id)
    left, error = 100 - selectors.sent_pct(group), ""
    if request.method == "POST":
        act = act_of(request, reason=request.POST.get("reason", "").strip()[:400])
        try:
            nth = services.send_wave(act, group.pk, _percent(request.POST.get("pct", "")), seen=seen_versions(request.POST))
        except Invalid as refusal:
            error = refusal.message
        except Refusal as refusal:
            return refused_in_dialog(request, refusal)
        else:
            return done(f"Wave {nth} of {group.ref} is sent.")
    context = {"group": group, "left": left, "said": request.POST, "error": error, "money": page_selectors.in_money(group)}
    return render(request, "groups/wave.html", context, status=422 if error else 200)


@door("routing.route")
@require_http_methods(["GET", "POST"])
def change(request: HttpRequest, group_id: int) -> HttpResponse:
    """GET: how many packages of legs, and at which net price, are to be at the broker. POST: asks it for that."""
    group = selectors.get_group_seen_by(request.user, group_id)
    order, error = page_selectors.package_at_broker(group), None
    if request.method == "POST":
        act = act_of(request, reason=request.POST.get("reason", "").strip()[:400])
        try:
            services.change_package(
                act, group.pk, packages=_number(request.POST, "packages") or Decimal(0), net_limit=_number(request.POST, "net_limit"),
                seen=seen_versions(request.POST),
            )  # fmt: skip
        except Invalid as refusal:
            error = refusal
        except Refusal as refusal:
            return refused_in_dialog(request, refusal)
        else:
            return done(f"The broker of {group.ref} is asked.")
    context = {
        "group": group, "order": order, "said": request.POST, "error": error, "money": page_selectors.in_money(group),
        "package": page_selectors.package(group) if group.kind == rules.Kind.MULTILEG else None,
        "packages": request.POST.get("packages", _plain(group.packages)), "net": request.POST.get("net_limit", _plain(group.net_limit)),
    }  # fmt: skip
    return render(request, "groups/change.html", context, status=422 if error else 200)


def _plain(number: Decimal | None) -> str:
    return "" if number is None else rules.plain(number)


def _number(said, field: str) -> Decimal | None:
    """What stands in a field of the form, or nothing. :raises Invalid: beside the field, where it is no number"""
    text = said.get(field, "").strip().rstrip("%").strip()
    try:
        number = Decimal(text) if text else None
        if number is None or number.is_finite() and abs(number) < 10**9 and number == round(number, 8):
            return number
    except InvalidOperation:
        pass
    raise Invalid(f"“{text[:20]}” is no number of at most 8 decimals.", field=field)


def _percent(text: str) -> Decimal:
    try:
        number = Decimal(text.strip().rstrip("%").strip())
        if number.is_finite():
            return number
    except InvalidOperation:
        pass
    raise Invalid(f"“{text[:20]}” is no percentage; write it as 25.", field="pct")


def _view(what: str, service: Callable) -> Callable[..., HttpResponse]:
    text, button, said = TEXTS[what]

    @door("routing.route")
    @require_http_methods(["GET", "POST"])
    def view(request: HttpRequest, group_id: int) -> HttpResponse:
        group = selectors.get_group_seen_by(request.user, group_id)
        if request.method == "POST":
            try:
                service(act_of(request, reason=request.POST.get("reason", "").strip()[:400]), group.pk, seen=seen_versions(request.POST))
            except Refusal as refusal:
                return refused_in_dialog(request, refusal)
            return done(f"{group.ref} {said}.")
        context = {
            "title": f"{button} {group.ref}", "text": text, "button": button, "reason": "optional", "action_url": request.path,
            "money": page_selectors.in_money(group), "fields": [("seen", f"{group.pk}:{group.version}")],
            "danger": what in ("end", "drop"), "facts": page_selectors.at_stake(group) if group.status in FOLLOWED else {},
        }  # fmt: skip
        return render(request, "components/confirm.html", context)

    view.__name__ = what
    return view


send = _view("send", services.send_group)
drop = _view("drop", services.drop_group)
pause = _view("pause", services.pause_group)
resume = _view("resume", services.resume_group)
again = _view("again", services.place_again)
end = _view("end", services.end_group)
