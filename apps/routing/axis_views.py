"""Pages of dealers' axes and inventory."""

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from apps.blocks.selectors import get_block_seen_by
from apps.core.edges import act_of, reload_page
from apps.core.refusals import Refusal
from apps.users.doors import door
from apps.users.services import can

from . import axis_selectors as axes
from . import services
from .rules.axes import COLUMNS


class AxisFileForm(forms.Form):
    file = forms.FileField(label="CSV file")


@door("routing.see")
@require_GET
def listed(request: HttpRequest) -> HttpResponse:
    """What dealers would deal in now, beside the open blocks of the other way."""
    context = {"rows": axes.listed(request.user, timezone.now()), "may_act": can(request.user, "routing.route")}
    part = "#rows" if request.htmx and request.GET.get("part") == "rows" else ""
    return render(request, f"routing/axes.html{part}", context)


@door("routing.see")
@require_GET
def of_block(request: HttpRequest, block_id: int) -> HttpResponse:
    """The panel of a block's drawer: dealers who said they would deal the other way; nothing where nobody did."""
    block = get_block_seen_by(request.user, block_id)
    context = {
        "axes": axes.axes_for([block], timezone.now())[block.pk], "of": block,
        "may_act": can(request.user, "routing.route") and block.unplaced_qty > 0,
    }  # fmt: skip
    return render(request, "routing/axes.html#of_block", context)


@door("routing.route")
@require_http_methods(["GET", "POST"])
def load(request: HttpRequest) -> HttpResponse:
    """A dealer's file, in a dialog: every bad row is named."""
    form = AxisFileForm(request.POST or None, request.FILES or None)
    context = {"form": form, "columns": COLUMNS, "bad": []}
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            services.load_axes(act_of(request), file.read(services.MAX_AXES_BYTES + 1), file.name)
        except Refusal as refusal:
            form.add_error("file" if refusal.facts.get("field") == "file" else None, refusal.message)
            context["bad"] = refusal.facts.get("rows", [])[:200]
        else:
            return reload_page()
    return render(request, "routing/axes_load.html", context, status=422 if form.errors else 200)
