"""A group of linked orders: how it stands, what can be done to all of it, and how orders become one."""

from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.core.edges import act_of, done, seen_versions
from apps.core.refusals import Conflict, Invalid
from apps.users.doors import door
from apps.users.services import can

from .. import group_selectors, selectors, services
from .. import page_selectors as pages
from ..events import OrderCancelled
from ..forms import LinkForm
from ..models import GroupKind
from ..states import LIFE, S
from .answers import money_words, refused, standing, ticked

LISTED = 100


@door("orders.see")
@require_GET
def groups(request: HttpRequest) -> HttpResponse:
    """Groups as the address narrows them, the newest first; ``?part=items`` is the list alone."""
    if request.htmx and request.GET.get("part") == "items":
        return render(request, "orders/groups.html#items", _list_context(request))
    return render(request, "orders/groups.html", _list_context(request))


@door("orders.see")
@require_GET
def group(request: HttpRequest, group_id: int) -> HttpResponse:
    """The legs with their parts, how the whole stands, and what can be done to all of it; beside the list for who comes anew."""
    found = selectors.get_group_seen_by(request.user, group_id)
    members = selectors.members(request.user, found)
    waiting = list(selectors.waiting_approvals(request.user).filter(order__group=found))
    context = {
        "group": found,
        "members": members,
        "line": group_selectors.lines(request.user, [found])[0],
        "submits": can(request.user, "orders.submit") and [o for o in members if o.status == S.DRAFT],
        "cancels": can(request.user, "orders.cancel") and [o for o in members if LIFE.allows(o.status, OrderCancelled)],
        "approves": can(request.user, "orders.approve") and waiting,
    }
    if request.htmx and not request.htmx.history_restore_request:
        return render(request, "orders/group.html#group", context)
    return render(request, "orders/groups.html", _list_context(request) | context)


def _list_context(request: HttpRequest) -> dict:
    said = request.GET
    asked = group_selectors.Asked(said.get("live") == "1", said.get("kind", ""), said.get("q", "")[:100])
    page = Paginator(group_selectors.asked_for(request.user, asked), LISTED).get_page(said.get("page"))
    kept = {"live": "1" if asked.live else "", "kind": asked.kind, "q": asked.text}
    kept = {name: value for name, value in kept.items() if value}
    base = reverse("orders:groups")

    def chip(label: str, name: str, value: str) -> dict:
        others = {other: what for other, what in kept.items() if other != name}
        address = f"{base}?{urlencode(others | ({name: value} if value else {}))}"
        return {"label": label, "url": address, "on": kept.get(name, "") == value}

    return {
        "page": page,
        "rows": group_selectors.lines(request.user, page.object_list),
        "asked": asked,
        "kept": kept,
        "filters": urlencode(kept | ({"page": page.number} if page.number > 1 else {})),
        "chips": [chip("All", "live", ""), chip("Not over", "live", "1")],
        "kinds": GroupKind.choices,
    }


def _moved(request: HttpRequest, group_id: int, service, word: str) -> HttpResponse:
    act = act_of(request, reason=request.POST.get("reason", "")[:400])
    try:
        ids = service(act, group_id, seen=seen_versions(request.POST))
    except Conflict as refusal:
        return refused(request, refusal)
    became = pages.statuses_of(ids)
    return done(f"The group was {word}: {standing(became)}.", "warning" if became.get(S.HELD) else "ok")


@door("orders.submit")
@require_POST
def submit_group(request: HttpRequest, group_id: int) -> HttpResponse:
    return _moved(request, group_id, services.submit_group, "submitted")


@door("orders.cancel")
@require_http_methods(["GET", "POST"])
def cancel_group(request: HttpRequest, group_id: int) -> HttpResponse:
    """GET: what would be cancelled, in money, to confirm. POST: cancels all of it or none."""
    if request.method == "GET":
        group = selectors.get_group_seen_by(request.user, group_id)
        members = selectors.members(request.user, group)
        able = [status for status in S if LIFE.allows(status, OrderCancelled)]
        picked = pages.chosen(request.user, {order.pk: order.version for order in members}, able)
        if not picked.seen:
            raise Conflict("None of the group can be cancelled: the desk works its orders, or they are finished.")
        context = {
            "title": f"Cancel “{group.name}”",
            "money": money_words(picked.money),
            "text": "They leave their blocks for good; there is no way back."
            + (f" {picked.others} are worked by the desk or finished and stay as they are." if picked.others else ""),
            "fields": [("seen", f"{pk}:{version}") for pk, version in picked.seen.items()],
            "action_url": request.path,
            "button": f"Cancel {len(picked.seen):,} order{'' if len(picked.seen) == 1 else 's'}",
            "reason": "optional",
            "back": "Leave them",
            "danger": True,
        }
        return render(request, "components/confirm.html", context)
    return _moved(request, group_id, services.cancel_group, "cancelled")


@door("orders.approve")
@require_POST
def approve_group(request: HttpRequest, group_id: int) -> HttpResponse:
    """Agrees to what waits in the group; the toast says how many of how many, and why not the first of the others."""
    try:
        found = services.approve_group(act_of(request), group_id, seen=seen_versions(request.POST))
    except Conflict as refusal:
        return refused(request, refusal)
    others = [one for one in found if not one.done]
    why = f" {others[0].message}" if others else ""
    return done(f"{len(found) - len(others)} of {len(found)} approved.{why}", "warning" if others else "ok")


@door("orders.create")
@require_http_methods(["GET", "POST"])
def link(request: HttpRequest) -> HttpResponse:
    """GET: what the orders ticked become together. POST: links them, and leads to the group."""
    seen = ticked(seen_versions(request.POST if request.method == "POST" else request.GET))
    orders = list(
        selectors.orders_seen_by(request.user).filter(pk__in=seen).select_related("portfolio", "instrument").order_by("pk")
    )
    form = LinkForm(orders, request.POST or None)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            pk = services.link_orders(act_of(request), said["kind"], said["name"], form.legs(), seen=seen)
        except Invalid as refusal:
            field = str(refusal.facts.get("field", ""))
            form.add_error(field if field in form.fields else None, refusal.message)
        except Conflict as refusal:
            return refused(request, refusal)
        else:
            response = HttpResponse(status=204)
            response["HX-Redirect"] = reverse("orders:group", args=[pk])
            return response
    context = {"form": form, "seen": [f"{pk}:{n}" for pk, n in seen.items()], "count": len(orders)}
    return render(request, "orders/link.html", context, status=422 if form.is_bound else 200)
