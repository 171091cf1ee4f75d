"""The dialog in which an order's own fields are changed."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from apps.core.edges import act_of, done, whole_number
from apps.core.refusals import Invalid
from apps.users.doors import door

from .. import selectors, services
from ..forms import OwnFieldsForm, own_said


@door("orders.amend")
@require_http_methods(["GET", "POST"])
def own(request: HttpRequest, order_id: int) -> HttpResponse:
    """Asks for, and then sets, the values of the firm's own fields."""
    order = selectors.get_order_seen_by(request.user, order_id)
    fields = selectors.own_fields()
    if request.method == "POST":
        form = OwnFieldsForm(fields, request.POST, values=order.own)
        if form.is_valid():
            version = whole_number(form.cleaned_data["seen"], "seen", 1)
            try:
                services.set_own_fields(act_of(request), {order.pk: own_said(form.cleaned_data)}, seen={order.pk: version})
            except Invalid as refusal:
                form.add_error(None, refusal.message)
            else:
                return done("The fields are set.")
        return render(request, "orders/own.html", {"order": order, "form": form}, status=422)
    form = OwnFieldsForm(fields, initial={"seen": order.version}, values=order.own)
    return render(request, "orders/own.html", {"order": order, "form": form})
