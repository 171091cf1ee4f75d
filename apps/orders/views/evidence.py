"""What is kept beside an order, in its drawer: locates of a short sale, and documents."""

from datetime import datetime, time
from decimal import Decimal

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from apps.core.edges import act_of, attachment, whole_number
from apps.core.refusals import Invalid
from apps.users.doors import door
from apps.users.services import can

from .. import selectors, services
from ..forms import DocumentForm, LocateForm
from ..models import Order


@door("orders.see")
@require_GET
def evidence(request: HttpRequest, order_id: int) -> HttpResponse:
    """The part of the drawer."""
    return _shown(request, selectors.get_order_seen_by(request.user, order_id))


@door("orders.attach")
@require_POST
def attach_locate(request: HttpRequest, order_id: int) -> HttpResponse:
    """Keeps a locate, and shows what is kept now."""
    order = selectors.get_order_seen_by(request.user, order_id)
    form = LocateForm(request.POST)
    if form.is_valid():
        said = form.cleaned_data
        seen = {order.pk: said.pop("version")}
        try:
            services.attach_locate(act_of(request), order.pk, **said, seen=seen)
        except Invalid as refusal:
            _beside(form, refusal)
        else:
            return _shown(request, selectors.get_order_seen_by(request.user, order_id))
    return _shown(request, order, locate=form)


@door("orders.attach")
@require_POST
def release_locate(request: HttpRequest, order_id: int, locate_id: int) -> HttpResponse:
    """Gives a locate back, and shows what is kept now."""
    version = whole_number(request.POST.get("version"), "version", 1)
    services.release_locate(act_of(request), locate_id, seen={order_id: version})
    return _shown(request, selectors.get_order_seen_by(request.user, order_id))


@door("orders.attach")
@require_POST
def add_document(request: HttpRequest, order_id: int) -> HttpResponse:
    """Keeps a file or an address, and shows what is kept now."""
    order = selectors.get_order_seen_by(request.user, order_id)
    form = DocumentForm(request.POST, request.FILES)
    if form.is_valid():
        said, file = form.cleaned_data, form.cleaned_data["file"]
        try:
            services.add_document(
                act_of(request), order.pk, name=said["name"] or (file.name if file else ""), url=said["url"],
                content=file.read(services.LARGEST + 1) if file else None, seen={order.pk: said["version"]},
            )  # fmt: skip
        except Invalid as refusal:
            _beside(form, refusal)
        else:
            return _shown(request, selectors.get_order_seen_by(request.user, order_id))
    return _shown(request, order, document=form)


@door("orders.see")
@require_GET
def document(request: HttpRequest, document_id: int) -> HttpResponse:
    """The file as it was given, to be saved: a browser never opens it as a page of ours."""
    row = selectors.get_document_seen_by(request.user, document_id)
    return attachment(bytes(row.content), row.name)


def _shown(request: HttpRequest, order: Order, **bound: forms.Form) -> HttpResponse:
    now = timezone.now()
    locates = list(selectors.locates_of(order.pk)) if order.side == "SELL_SHORT" else []
    good = [one.qty for one in locates if one.released_at is None and one.expires_at > now]
    evening = datetime.combine(now.date(), time(21), now.tzinfo)
    context = {
        "order": order,
        "now": now,
        "locates": locates,
        "located": sum(good, Decimal(0)),
        "documents": selectors.documents_of(order.pk),
        "may_attach": can(request.user, "orders.attach"),
        "locate": LocateForm(initial={"version": order.version, "qty": f"{order.qty.normalize():f}", "expires_at": evening}),
        "document": DocumentForm(initial={"version": order.version}),
        "open": next(iter(bound), ""),
    } | bound
    return render(request, "orders/evidence.html", context, status=422 if bound else 200)


def _beside(form: forms.Form, refusal: Invalid) -> None:
    field = refusal.facts.get("field")
    form.add_error(field if field in form.fields else None, refusal.message)
