"""Pages of algo wheels: what they say and who approves it, drawing for a block, what was drawn and whether as it should be."""

from decimal import Decimal, InvalidOperation

from django import forms
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.blocks.selectors import get_block_seen_by
from apps.core.edges import act_of, refused_in_dialog, reload_page, seen_versions, whole_number
from apps.core.refusals import Invalid, Refusal, Stale
from apps.routing import services as routing
from apps.users.doors import door
from apps.users.services import can

from . import services
from . import wheel_selectors as selectors

PAGE = 100
ACTS = {"approve": services.approve_wheel, "refuse": services.refuse_wheel, "drop": services.drop_wheel}


class WheelForm(forms.Form):
    """A wheel as it is written on its page."""

    seen = forms.IntegerField(required=False, widget=forms.HiddenInput)
    name = forms.CharField(max_length=80)
    destinations = forms.CharField(
        label="Destinations", widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false"}),
        help_text="one a line: broker, algorithm, weight, as HARBOR VWAP 3; a participation as HARBOR PARTICIPATE 10% 2",
    )  # fmt: skip
    by_class = forms.BooleanField(label="Each asset class apart", required=False)
    by_sector = forms.BooleanField(label="Each sector apart", required=False)
    sizes = forms.CharField(
        label="Bounds of sizes", required=False, max_length=80, help_text="percent of a day's volume, as 1 5 10; none: sizes together"
    )
    spreads = forms.CharField(label="Bounds of spreads", required=False, max_length=80, help_text="basis points, as 2 10; none: together")
    days = forms.IntegerField(label="Days of a season", initial=90)
    is_active = forms.BooleanField(label="In force", required=False, initial=True)
    reason = forms.CharField(label="Why (kept on the record)", max_length=400, widget=forms.Textarea(attrs={"rows": 2}))

    def clean_sizes(self) -> list[Decimal]:
        return self._bounds("sizes")

    def clean_spreads(self) -> list[Decimal]:
        return self._bounds("spreads")

    def _bounds(self, name: str) -> list[Decimal]:
        try:
            found = [Decimal(word) for word in self.cleaned_data[name].replace(",", " ").split()]
        except InvalidOperation:
            found = [Decimal("NaN")]
        if not all(bound.is_finite() for bound in found):
            raise forms.ValidationError("Write numbers with blanks between, as 1 5 10.")
        return found

    def clean_destinations(self) -> list[services.Destination]:
        try:
            return services.read_destinations(self.cleaned_data["destinations"])
        except Invalid as wrong:
            raise forms.ValidationError(wrong.message) from None

    def text(self) -> services.WheelText:
        return services.WheelText(**{name: self.cleaned_data[name] for name in services.WheelText._fields})

    def refuse(self, refusal: Refusal) -> None:
        field = str(refusal.facts.get("field", ""))
        self.add_error(field if field in self.fields else None, refusal.message)


def _first(wheel) -> dict:
    if wheel is None:
        return {"is_active": True, "days": 90, "by_class": True}
    text = services.text_said(wheel.text)
    rates = [f"{d.params['participation_pct']}%" if "participation_pct" in d.params else "" for d in text.destinations]
    lines = [
        " ".join(filter(None, [d.broker, d.strategy, rate, str(d.weight)])) for d, rate in zip(text.destinations, rates, strict=True)
    ]
    bounds = {name: " ".join(f"{bound.normalize():f}" for bound in getattr(text, name)) for name in ("sizes", "spreads")}
    return text._asdict() | {"destinations": "\n".join(lines), "seen": wheel.number} | bounds


@door("routing.see")
@require_GET
def wheels(request: HttpRequest) -> HttpResponse:
    """Every wheel with its season, and the changes that wait."""
    context = {
        "rows": selectors.wheels(), "waiting": selectors.waiting(),
        "may_write": can(request.user, "routing.write_rules"), "may_approve": can(request.user, "routing.approve_rules"),
    }  # fmt: skip
    return render(request, "algos/wheels.html", context)


@door("routing.see")
@require_GET
def wheel(request: HttpRequest, wheel_id: int) -> HttpResponse:
    """One wheel: its seasons, versions, and how the destinations of a season did (``?season=``, else the last)."""
    found = selectors.get_wheel(wheel_id)
    seasons = list(selectors.seasons().filter(wheel=found))
    asked = whole_number(request.GET["season"], "season", 1) if request.GET.get("season") else None
    season = next((s for s in seasons if s.pk == asked), seasons[0] if seasons else None)
    draws = selectors.draws_seen_by(request.user).filter(sequence__season=season)
    page = Paginator(draws, PAGE).get_page(request.GET.get("page"))
    context = {
        "wheel": found, "seasons": seasons, "season": season, "seed": selectors.seed_of(season) if season else "", "page": page,
        "results": selectors.results(season, list(draws)) if season else [], "changes": selectors.changes().filter(wheel=found),
        "may_write": can(request.user, "routing.write_rules"), "may_close": can(request.user, "routing.approve_rules"),
    }  # fmt: skip
    return render(request, "algos/wheel.html", context)


@door("routing.see")
@require_GET
def verify(request: HttpRequest, season_id: int) -> HttpResponse:
    """Makes every draw of a season again, and says whether each is as it must be."""
    season = selectors.get_season(season_id)
    context = {"season": season, "found": selectors.verified(season), "seed": selectors.seed_of(season)}
    return render(request, "algos/wheel.html#verdict", context)


@door("routing.write_rules")
@require_http_methods(["GET", "POST"])
def propose(request: HttpRequest) -> HttpResponse:
    """GET: a wheel to write, ``?wheel=`` another text of one. POST: proposes it; nothing changes until another person approves it."""
    wheel_id = whole_number(request.GET["wheel"], "wheel", 1) if request.GET.get("wheel") else None
    found = None if wheel_id is None else selectors.get_wheel(wheel_id)
    form, status = WheelForm(request.POST or None, initial=_first(found)), 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                act = act_of(request, reason=form.cleaned_data["reason"])
                services.propose_wheel(act, form.text(), wheel_id=wheel_id, seen=form.cleaned_data["seen"] or 0)
            except Stale as refusal:
                return refused_in_dialog(request, refusal)
            except Refusal as refusal:
                form.refuse(refusal)
                status = refusal.status
            else:
                return reload_page()
    action = reverse("algos:wheel_propose") + (f"?wheel={wheel_id}" if wheel_id else "")
    return render(request, "algos/wheels.html#write", {"form": form, "wheel": found, "action": action}, status=status)


@door("routing.see")
@require_GET
def change(request: HttpRequest, change_id: int) -> HttpResponse:
    """A change to look at and decide on, in a dialog."""
    return render(request, "algos/wheels.html#change", _change_context(request, selectors.get_change(change_id)))


@door("routing.write_rules")
@require_POST
def decide(request: HttpRequest, change_id: int) -> HttpResponse:
    """Approves, refuses or takes back a change, as ``do`` says."""
    said = request.POST
    if said.get("do") not in ACTS:
        raise Invalid("Approve it, refuse it or take it back.", field="do")
    reason = said.get("reason", "")
    try:
        ACTS[said["do"]](act_of(request, reason=reason), change_id, seen=seen_versions(said))
    except Stale as refusal:
        return refused_in_dialog(request, refusal)
    except Refusal as refusal:
        context = _change_context(request, selectors.get_change(change_id)) | {"error": refusal.message, "reason": reason}
        return render(request, "algos/wheels.html#change", context, status=refusal.status)
    return reload_page()


def _change_context(request: HttpRequest, found) -> dict:
    is_own, waits = found.proposed_by_id == request.user.pk, found.status == "PROPOSED"

    def shown(name: str, value):
        if name == "destinations" and value:
            return "; ".join(f"{d['broker']} {d['strategy']} {d['weight']}" for d in value)
        return ", ".join(value) if isinstance(value, list) else value

    return {
        "c": found, "may_drop": waits and is_own, "may_decide": waits and not is_own and can(request.user, "routing.approve_rules"),
        "rows": [
            (name.replace("_", " "), shown(name, found.before.get(name)), shown(name, value))
            for name, value in found.said.items()
            if not found.before or name in found.before
        ],
    }  # fmt: skip


@door("routing.approve_rules")
@require_http_methods(["GET", "POST"])
def close(request: HttpRequest, season_id: int) -> HttpResponse:
    """GET: to confirm. POST: the season's seed is told, and the next season opens."""
    season = selectors.get_season(season_id)
    say = {
        "title": f"Close {season.ref}", "reason": "required", "button": "Close it", "danger": True,
        "text": "Its seed is told, so that anybody can make its draws again. The next season opens with a new one.",
    }  # fmt: skip
    return _acted(request, say, season, "algos:season_close", services.close_season)


def _acted(request: HttpRequest, say: dict, row, url: str, do) -> HttpResponse:
    say |= {"fields": [("seen", f"{row.pk}:{row.version}")], "action_url": reverse(url, args=[row.pk])}
    if request.method == "GET":
        return render(request, "components/confirm.html", say)
    reason = request.POST.get("reason", "").strip()[:400]
    try:
        do(act_of(request, reason=reason), row.pk, seen=seen_versions(request.POST))
    except Stale as refusal:
        return refused_in_dialog(request, refusal)
    except Refusal as refusal:
        return render(request, "components/confirm.html", say | {"error": refusal.message, "reason_value": reason}, status=refusal.status)
    return reload_page()


@door("routing.route")
@require_http_methods(["GET", "POST"])
def draw(request: HttpRequest, wheel_id: int, block_id: int) -> HttpResponse:
    """GET: to confirm. POST: draws where the block goes, and shows it; nothing is routed."""
    found, block = selectors.get_wheel(wheel_id), get_block_seen_by(request.user, block_id)
    say = {
        "title": f"Draw for {block.ref} by “{found.name}”", "button": "Draw",
        "text": "The draw is kept, whatever comes of it. Nothing is routed yet.",
        "fields": [("seen", f"{block.pk}:{block.version}")], "action_url": reverse("algos:draw", args=[found.pk, block.pk]),
    }  # fmt: skip
    if request.method == "GET":
        return render(request, "components/confirm.html", say)
    try:
        seen = seen_versions(request.POST).get(block.pk, 0)
        pk = services.draw(act_of(request), found.pk, block.pk, seen=seen)
    except Stale as refusal:
        return refused_in_dialog(request, refusal)
    except Refusal as refusal:
        return render(request, "components/confirm.html", say | {"error": refusal.message}, status=refusal.status)
    return render(request, "algos/wheel.html#drawn", {"d": selectors.get_draw_seen_by(request.user, pk)})


@door("routing.see")
@require_GET
def one_draw(request: HttpRequest, draw_id: int) -> HttpResponse:
    """What was drawn, in a dialog; to be used or set aside."""
    found = selectors.get_draw_seen_by(request.user, draw_id)
    return render(request, "algos/wheel.html#drawn", {"d": found, "may_not": not can(request.user, "routing.route")})


@door("routing.route")
@require_POST
def use(request: HttpRequest, draw_id: int) -> HttpResponse:
    """Routes the block to what was drawn, or sets the draw aside, as ``do`` says."""
    found = selectors.get_draw_seen_by(request.user, draw_id)
    act = act_of(request, reason=request.POST.get("reason", "").strip()[:400])
    try:
        if request.POST.get("do") == "set_aside":
            services.set_aside(act, found.pk, seen=seen_versions(request.POST))
        else:
            routed = services.route_draw(act, found.pk, seen=seen_versions(request.POST))
            if routed.stopped:
                context = {"d": found, "error": routing.stopped_at_route(routed.stopped).message}
                return render(request, "algos/wheel.html#drawn", context, status=409)
    except Stale as refusal:
        return refused_in_dialog(request, refusal)
    except Refusal as refusal:
        context = {"d": found, "error": refusal.message, "reason": act.reason}
        return render(request, "algos/wheel.html#drawn", context, status=refusal.status)
    return reload_page()
