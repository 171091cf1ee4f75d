"""Pages of inquiries: the prices of dealers, and what a trader does with them."""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

from django import forms
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.core.edges import act_of, done, kept_filters, refused_in_dialog, seen_versions, status_chips, whole_number
from apps.core.refusals import Invalid, NotFound, Refusal, Stale
from apps.users.doors import door
from apps.users.services import can

from . import inquiry_selectors as inquiring
from . import selectors, services
from .leakage_selectors import leakage_seen_by
from .models import Inquiry
from .rules import leakage

PAGE = 200
PART = "part-"
BP = Decimal(10_000)
INQUIRY_CHIPS = (("", "All"), ("OPEN", "Open"), ("TRADED", "Traded"), ("PASSED", "Passed"), ("FAILED", "Failed"))


class CounterForm(forms.Form):
    """Our price against a dealer's."""

    quote = forms.ChoiceField(label="Dealer and price")
    price = forms.DecimalField(label="Our price", max_digits=20, decimal_places=8, widget=forms.NumberInput(attrs={"autofocus": True}))
    qty = forms.DecimalField(label="Quantity", max_digits=20, decimal_places=4)

    def __init__(self, *args, quotes, **more):
        super().__init__(*args, **more)
        self.fields["quote"].choices = [(q.quote.pk, f"{q.quote.dealer.name} · {q.price.normalize():f}") for q in quotes]


@door("routing.see")
@require_GET
def inquiries(request: HttpRequest) -> HttpResponse:
    return _inquiries_page(request)


class AskForm(forms.Form):
    """Whom to ask about the selected blocks, and who decides."""

    dealers = forms.MultipleChoiceField(label="Dealers", widget=forms.CheckboxSelectMultiple, help_text="three at least, or a reason")
    seconds = forms.IntegerField(label="Collect for", initial=services.SECONDS, min_value=1, max_value=services.LONGEST)
    award = forms.ChoiceField(
        label="Who decides", choices=[("person", "I take the prices"), ("auto", "The best price, when all have answered")]
    )
    reason = forms.CharField(label="Reason", max_length=400, required=False, widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, *args, dealers: Sequence[inquiring.Askable], **more):
        super().__init__(*args, **more)
        self.fields["dealers"].choices = [(d.code, f"{d.name} · {d.says}" if d.says else d.name) for d in dealers]
        self.fields["dealers"].initial = [d.code for d in dealers if d.is_proposed]


@door("routing.route")
@require_http_methods(["GET", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """GET: whom to ask about the selected blocks. POST: asks them, all the blocks or none, and opens their list."""
    seen, status = seen_versions(request.POST if request.method == "POST" else request.GET), 200
    if not seen:
        raise Invalid("Select at least one block.", field="seen")
    blocks = inquiring.blocks_to_ask(request.user, seen)
    form = AskForm(request.POST or None, dealers=inquiring.dealers_to_ask(blocks, timezone.now()))
    if request.method == "POST":
        status = 422
        if form.is_valid():
            said = form.cleaned_data
            try:
                routed = services.send_inquiries(
                    act_of(request, reason=said["reason"]), list(seen), seen=seen, dealer_codes=said["dealers"],
                    seconds=said["seconds"], award=said["award"],
                )  # fmt: skip
            except Stale as refusal:
                return refused_in_dialog(request, refusal)
            except Refusal as refusal:
                field = {"dealer_codes": "dealers"}.get(str(refusal.facts.get("field")), refusal.facts.get("field"))
                form.add_error(field if field in form.fields else None, refusal.message)
                status = refusal.status
            else:
                if routed.stopped:
                    return refused_in_dialog(request, services.stopped_at_route(routed.stopped))
                return _opened(routed.inquiries)
    return render(request, "routing/ask.html", {"form": form, "blocks": blocks, "seen": seen}, status=status)


def _opened(ids: Sequence[int]) -> HttpResponse:
    """On to the screen where the prices come in."""
    response = HttpResponse(status=204)
    asked_in = inquiring.list_of(ids[0])
    response["HX-Redirect"] = reverse("routing:inquiry_list", args=[asked_in]) if asked_in else reverse("routing:inquiry", args=[ids[0]])
    return response


# --- lists ----------------------------------------------------------------------------------------------------------


def _lines(request: HttpRequest, list_id: int) -> dict:
    found = inquiring.get_list_seen_by(request.user, list_id)
    now = timezone.now()
    lines = inquiring.lines_of(selectors.inquiries_seen_by(request.user).filter(asked_in=found), now)
    return {
        "list": found,
        "lines": lines,
        "seconds_left": max(0, int((found.due_at - now).total_seconds())),
        "may_act": can(request.user, "routing.route"),
        "open": sum(line.is_open for line in lines),
    }


@door("routing.see")
@require_GET
def inquiry_list(request: HttpRequest, list_id: int) -> HttpResponse:
    """Inquiries that were asked together, a row each."""
    actions = [
        {"label": "Take at best", "url": reverse("routing:take_best"), "key": "t", "go": True},
        {"label": "Pass", "url": reverse("routing:pass_selected"), "key": "x", "danger": True},
    ]
    return render(request, "routing/inquiry_list.html", _lines(request, list_id) | {"actions": actions})


@door("routing.see")
@require_GET
def inquiry_list_rows(request: HttpRequest, list_id: int) -> HttpResponse:
    """The rows the page asks for again after they changed."""
    ids = {whole_number(i, "ids", 1) for i in request.GET.get("ids", "").split(",") if i}
    found = inquiring.get_list_seen_by(request.user, list_id)
    rows = selectors.inquiries_seen_by(request.user).filter(asked_in=found, pk__in=ids)
    context = {"lines": inquiring.lines_of(rows, timezone.now()), "may_act": can(request.user, "routing.route")}
    return render(request, "routing/inquiry_list.html#rows", context)


@door("routing.route")
@require_http_methods(["GET", "POST"])
def take_best(request: HttpRequest) -> HttpResponse:
    """GET: what would be taken of the selected inquiries, and what is left. POST: takes the best price of each."""
    if request.method == "POST":
        seen = seen_versions(request.POST)
        try:
            done_ = services.award_at_best(act_of(request, reason=request.POST.get("reason", "")), list(seen), seen=seen)
        except Refusal as refusal:
            return refused_in_dialog(request, refusal)
        if done_.stopped:
            return refused_in_dialog(request, services.stopped_at_route(done_.stopped, is_award=True))
        left = f"; {len(done_.left)} left as they are, without a price to take" if done_.left else ""
        return done(f"{len(done_.taken)} taken at the best price{left}.", "warning" if left else "ok")
    seen = seen_versions(request.GET)
    lines = inquiring.lines_of(selectors.inquiries_seen_by(request.user).filter(pk__in=seen), timezone.now())
    taken = [line for line in lines if line.is_open and line.best]
    dealers = len({line.best.dealer_id for line in taken})
    face = sum((line.inquiry.qty for line in taken), Decimal(0))
    left = len(lines) - len(taken)
    context = {
        "title": f"Take {len(taken)} at the best price",
        "money": f"{face:,.0f} in all, {dealers} dealer{'' if dealers == 1 else 's'}",
        "text": f"{left} of those selected have no price that is good for all of it, and stay as they are." if left else "",
        "action_url": reverse("routing:take_best"),
        "button": f"Take {len(taken)}",
        "fields": [("seen", f"{pk}:{version}") for pk, version in seen.items()],
    }
    return render(request, "components/confirm.html", context)


@door("routing.route")
@require_http_methods(["GET", "POST"])
def pass_selected(request: HttpRequest) -> HttpResponse:
    """GET: asks why no price is taken of the selected inquiries. POST: ends them so."""
    if request.method == "POST":
        seen = seen_versions(request.POST)
        try:
            services.pass_inquiries(act_of(request, reason=request.POST.get("reason", "")), list(seen), seen=seen)
        except Refusal as refusal:
            return refused_in_dialog(request, refusal)
        return done(f"{len(seen)} passed; their quantities are free again.")
    seen = seen_versions(request.GET)
    context = {
        "title": f"Take no price of {len(seen)}", "text": "Their quantities are yours to place again.", "danger": True,
        "reason": "required",
        "action_url": reverse("routing:pass_selected"), "button": f"Pass {len(seen)}",
        "fields": [("seen", f"{pk}:{version}") for pk, version in seen.items()],
    }  # fmt: skip
    return render(request, "components/confirm.html", context)


@door("routing.see")
@require_GET
def leaks(request: HttpRequest) -> HttpResponse:
    """How the mid moved after asking: by dealer who lost, and by how many were asked."""
    context = {
        "found": leakage_seen_by(request.user, timezone.now()), "least": leakage.LEAST, "after": int(leakage.AFTER.total_seconds() // 60),
    }  # fmt: skip
    return render(request, "routing/leakage.html", context)


# --- one by one -----------------------------------------------------------------------------------------------------


def _inquiry_rows(rows) -> list[dict]:
    rows = list(rows)
    best = inquiring.quotes_by_inquiry([r.pk for r in rows])
    made = []
    for r in rows:
        first, cover = best.get(r.pk, (None, None))
        mid = r.mid_at_decision or r.mid_at_send
        sign = 1 if r.block__side == "BUY" else -1
        better = sign * (mid - first) / mid * BP if first is not None and mid else None
        made.append({"r": r, "best": first, "cover": cover, "mid": mid, "better": better})
    return made


def _inquiries_page(request: HttpRequest, **more) -> HttpResponse:
    rows = inquiring.inquiries(request.user, status=request.GET.get("status", ""))
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    counts = dict(selectors.inquiries_seen_by(request.user).order_by().values_list("status").annotate(Count("pk")))
    counts |= {"": sum(counts.values()), "OPEN": counts.get("COLLECTING", 0) + counts.get("AWARDED", 0)}
    context = {
        "page": page,
        "rows": _inquiry_rows(page.object_list),
        "chips": status_chips(request, INQUIRY_CHIPS, counts),
        "kept": kept_filters(request),
        **more,
    }
    part = "#chips" if request.htmx and request.GET.get("part") == "chips" else ""
    return render(request, f"routing/inquiries.html{part}", context)


@door("routing.see")
@require_GET
def inquiry_rows(request: HttpRequest) -> HttpResponse:
    ids = [whole_number(i, "ids", 1) for i in request.GET.get("ids", "").split(",") if i][:500]
    rows = inquiring.inquiries(request.user, status=request.GET.get("status", "")).filter(pk__in=ids)
    return render(request, "routing/inquiries.html#rows", {"rows": _inquiry_rows(rows)})


def _inquiry(request: HttpRequest, inquiry_id: int) -> Inquiry:
    found = (
        selectors.inquiries_seen_by(request.user)
        .select_related("block__instrument", "block__currency")
        .filter(pk=inquiry_id)
        .first()
    )
    if found is None:
        raise NotFound("There is no such inquiry, or it is not of your desk.")
    return found


def _inquiry_context(request: HttpRequest, inquiry_id: int) -> dict:
    found = _inquiry(request, inquiry_id)
    return {
        "inquiry": found,
        "may_act": can(request.user, "routing.route") and found.status == "COLLECTING",
        **inquiring.inquiry_detail(found, timezone.now()),
    }


@door("routing.see")
@require_GET
def inquiry(request: HttpRequest, inquiry_id: int) -> HttpResponse:
    context = _inquiry_context(request, inquiry_id)
    if request.htmx:
        return render(request, "routing/inquiry.html#drawer", context)
    return _inquiries_page(request, **context)


@door("routing.route")
@require_POST
def award(request: HttpRequest, inquiry_id: int) -> HttpResponse:
    """Takes a dealer's price, or of several the parts that the form says."""
    _inquiry(request, inquiry_id)
    quote = whole_number(request.POST["quote"], "quote", 1) if request.POST.get("quote") else None
    stopped = services.award_inquiry(
        act_of(request, reason=request.POST.get("reason", "")),
        inquiry_id,
        seen=seen_versions(request.POST),
        quote_id=quote,
        shares=None if quote else _shares(request.POST),
    )
    if stopped:
        raise services.stopped_at_route(stopped, is_award=True)
    return render(request, "routing/inquiry.html#drawer", _inquiry_context(request, inquiry_id))


def _shares(said) -> dict[int, Decimal] | None:
    """Quote id to its part; None where the form has no parts, and the best price is meant."""
    if not any(name.startswith(PART) for name in said):
        return None
    shares = {}
    for name in said:
        typed = said[name].replace(",", "").strip() if name.startswith(PART) else ""
        if typed:
            try:
                shares[whole_number(name.removeprefix(PART), name, 1)] = Decimal(typed)
            except InvalidOperation:
                raise Invalid(f"“{typed}” is no quantity.", field=name) from None
    shares = {pk: qty for pk, qty in shares.items() if qty}
    if not shares or not all(qty.is_finite() for qty in shares.values()):
        raise Invalid("Say how much is taken of at least one price.", field="shares")
    return shares


@door("routing.route")
@require_http_methods(["GET", "POST"])
def counter(request: HttpRequest, inquiry_id: int) -> HttpResponse:
    """GET: a form for our price against a dealer's. POST: sends it, or says beside its field what cannot be."""
    found = _inquiry(request, inquiry_id)
    context = inquiring.inquiry_detail(found, timezone.now())
    quotes = [q for q in context["quotes"] if q.is_good]
    seen, status = {found.pk: found.version}, 200
    first = request.GET.get("quote") or (quotes[0].quote.pk if quotes else None)
    initial = {"qty": found.qty.normalize().__format__("f"), "quote": first}
    form = CounterForm(request.POST or None, quotes=quotes, initial=initial)
    if request.method == "POST":
        seen, status = seen_versions(request.POST), 422
        if form.is_valid():
            said = form.cleaned_data
            try:
                made = services.counter_quote(
                    act_of(request), int(said["quote"]), price=said["price"], qty=said["qty"], seen=seen
                )
            except Stale as refusal:
                return refused_in_dialog(request, refusal)
            except Refusal as refusal:
                field = refusal.facts.get("field")
                form.add_error(field if field in form.fields else None, refusal.message)
                status = refusal.status
            else:
                return done(f"Our {made.price.normalize():f} went to {made.quote.dealer.name}; the answer appears by itself.")
    return render(request, "routing/counter.html", {"form": form, "of": found, "seen": seen, **context}, status=status)


@door("routing.route")
@require_POST
def pass_on(request: HttpRequest, inquiry_id: int) -> HttpResponse:
    """Takes nobody's price."""
    _inquiry(request, inquiry_id)
    act = act_of(request, reason=request.POST.get("reason", ""))
    services.pass_inquiry(act, inquiry_id, seen=seen_versions(request.POST))
    return render(request, "routing/inquiry.html#drawer", _inquiry_context(request, inquiry_id))


