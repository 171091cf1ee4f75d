"""Pages of the firm's lists: the entries one may read, a new one, a file of them, and who met them."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.core.edges import act_of, reload_page, seen_versions
from apps.core.refusals import Invalid, Refusal
from apps.marketdata import selectors as marketdata
from apps.users.doors import door
from apps.users.services import can

from . import lists_forms as forms
from . import selectors, services
from .engine.lists import KINDS
from .selectors.lists import CONTROL_ROOM, MOST_HITS
from .services.listing_files import COLUMNS

LIFTS = {"ask": services.ask_to_lift, "lift": services.lift, "keep": services.keep_listed}


@door("compliance.see")
@require_GET
def restrictions(request: HttpRequest) -> HttpResponse:
    kinds = selectors.kinds_seen_by(request.user)
    asked = request.GET.get("list", "")
    rows = selectors.restrictions_seen_by(request.user)
    context = {
        "rows": rows.filter(kind=asked) if asked in kinds else rows,
        "chips": [
            {"label": label, "url": f"{reverse('compliance:restrictions')}{kind and '?list='}{kind}", "on": kind == asked}
            for kind, label in (("", "All lists"), *((kind, KINDS[kind].title) for kind in kinds))
        ],
        "breakers": marketdata.breakers_since(timezone.now().date()),
        "may_write": can(request.user, "compliance.write_rules"),
        "is_control_room": can(request.user, CONTROL_ROOM),
    }
    return render(request, "compliance/restrictions.html", context)


@door("compliance.write_rules")
@require_http_methods(["GET", "POST"])
def restrict(request: HttpRequest) -> HttpResponse:
    """A new entry, in a dialog."""
    form = forms.RestrictionForm(request.POST or None, user=request.user, today=timezone.now().date())
    if request.method == "POST" and form.is_valid():
        try:
            form.save(act_of(request, reason=form.cleaned_data["reason"]))
        except Refusal as refusal:
            form.refuse(refusal)
        else:
            return reload_page()
    return render(request, "compliance/restrict.html", {"form": form}, status=422 if form.errors else 200)


@door("compliance.write_rules")
@require_http_methods(["GET", "POST"])
def upload(request: HttpRequest) -> HttpResponse:
    """A file of entries, in a dialog: every bad row is named."""
    form = forms.ListingFileForm(request.POST or None, request.FILES or None)
    context = {"form": form, "columns": COLUMNS, "bad": []}
    if request.method == "POST" and form.is_valid():
        try:
            services.import_listings(act_of(request), form.cleaned_data["file"].read(services.MAX_LISTING_BYTES + 1))
        except Refusal as refusal:
            form.refuse(refusal)
            context["bad"] = refusal.facts.get("rows", [])
        else:
            return reload_page()
    return render(request, "compliance/listing_file.html", context, status=422 if form.errors else 200)


@door("compliance.write_rules")
@require_POST
def lift(request: HttpRequest, restriction_id: int) -> HttpResponse:
    """What becomes of an entry: ``how`` is ``ask``, ``lift`` or ``keep``."""
    do = LIFTS.get(request.POST.get("how", ""))
    if do is None:
        raise Invalid(f"What becomes of it is one of {', '.join(LIFTS)}.", field="how")
    do(act_of(request, reason=request.POST.get("reason", "")), [restriction_id], seen=seen_versions(request.POST))
    return reload_page()


@door(CONTROL_ROOM)
@require_GET
def hits(request: HttpRequest) -> HttpResponse:
    """Which orders met which entries, for the control room."""
    found = list(selectors.hits_seen_by(request.user)[:MOST_HITS])
    for hit in found:
        hit.on = selectors.entry_names(hit.entry)
    return render(request, "compliance/list_hits.html", {"rows": found, "most": MOST_HITS})
