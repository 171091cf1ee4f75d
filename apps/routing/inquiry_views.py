"""Pages of inquiries: the prices of dealers, and what a trader does with them."""

from decimal import Decimal, InvalidOperation

from django import forms
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.core.edges import act_of, done, kept_filters, refused_in_dialog, seen_versions, status_chips, whole_number
from apps.core.refusals import Invalid, NotFound, Refusal, Stale
from apps.users.doors import door
from apps.users.services import can

from . import inquiry_selectors as inquiring
from . import selectors, services
from .models import Inquiry

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


