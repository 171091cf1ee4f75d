"""What traders do with selected blocks: route, cancel the routes, give up the rest."""

from decimal import Decimal, InvalidOperation

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from apps.blocks import selectors as block_selectors
from apps.blocks import services as blocks
from apps.blocks.states import B
from apps.core.edges import act_of, done, refused_in_dialog, seen_versions, whole_number
from apps.core.refusals import Conflict, Invalid
from apps.orders import page_selectors as order_pages
from apps.reference import selectors as reference
from apps.reference.models import Broker
from apps.routing import rules as routing_rules
from apps.routing import selectors as routing_selectors
from apps.routing import services as routing
from apps.routing import strategy_selectors as own_strategies
from apps.routing.models import RoutingRule
from apps.routing.services.planning import Override
from apps.routing.states import DEAD
from apps.users.doors import door
from apps.users.services import can

from ..templatetags.show import money_short
from .plans import preview
from .selectors import worth

MOST_AT_ONCE = 2000


@door("routing.route")
@require_http_methods(["GET", "POST"])
def route(request: HttpRequest) -> HttpResponse:
    """
    GET: where the selected blocks would go, in money, to confirm; asked again as the trader chooses another broker or
    strategy. POST: routes all of them or none.
    """
    said = request.POST if request.method == "POST" else request.GET
    seen = ticked(seen_versions(said))
    act = act_of(request, reason=said.get("reason", "").strip()[:400])
    error, override = "", _override(said)
    if request.method == "POST":
        try:
            routed = routing.route_blocks(
                act, list(seen), seen=seen, broker_code=override.broker_code, strategy=override.strategy,
                params=override.params, qty=_quantity(said), out_of_turn=bool(said.get("out_of_turn")),
            )  # fmt: skip
        except Invalid as refusal:
            error = refusal.message
        except Conflict as refusal:
            return refused(request, refusal)
        else:
            if routed.stopped:
                return refused(request, routing.stopped_at_route(routed.stopped))
            return done(_routed_words(len(seen), routed), "warning" if routed.told else "ok")
    found = preview(act, request.user, seen, override)
    if not found.seen:
        raise Conflict("Nothing of the selected blocks is left to place; reload to see where they stand.")
    context = {
        "preview": found,
        "said": said,
        "error": error,
        "may_supervise": can(request.user, "blocks.supervise"),
        "is_override": override.is_asked or bool(said.get("out_of_turn")),
        "brokers": reference.brokers().exclude(kind__in=Broker.NOT_ROUTED).order_by("kind", "name"),
        "strategies": [*routing_rules.STRATEGIES, routing_rules.SMART],
        "own_strategies": own_strategies.offered([override.broker_code] if override.broker_code else None) if found.only else (),
    }
    return render(request, "desk/route.html", context, status=422 if request.method == "POST" else 200)


@door("routing.route")
@require_http_methods(["GET", "POST"])
def cancel_routes(request: HttpRequest) -> HttpResponse:
    """
    GET: the live routes of the selected blocks (or ``?route=`` alone), to confirm. POST: asks their brokers to cancel.

    A fill that comes while the trader reads the dialog is no reason to refuse: what is asked is to stop the rest,
    whatever it is by then. So the versions sent on are those of the moment; a route that is over is still refused.
    """
    if request.method == "GET":
        return _confirm_cancel(request)
    ids = [whole_number(text, "route", 1) for text in request.POST.getlist("route")]
    routes = routing_selectors.routes_seen_by(request.user).filter(pk__in=ids)
    seen = dict(routes.exclude(status__in=DEAD).values_list("pk", "version"))
    if not seen:
        return refused(request, Conflict("These routes are over already; nothing was left to cancel."))
    try:
        routing.cancel_routes(act_of(request, reason=request.POST.get("reason", "")[:400]), list(seen), seen=seen)
    except Conflict as refusal:
        return refused(request, refusal)
    return done(f"{count_of(len(seen), 'route')} asked to cancel; each stays as it is until its broker answers.")


def _confirm_cancel(request: HttpRequest) -> HttpResponse:
    rows = routing_selectors.routes_seen_by(request.user).exclude(status__in=DEAD)
    if request.GET.get("route"):
        rows = rows.filter(pk=whole_number(request.GET["route"], "route", 1))
    else:
        rows = rows.filter(block__in=ticked(seen_versions(request.GET)))
    found = list(
        rows.exclude(kind=RoutingRule.Action.INQUIRY).select_related("broker", "block__instrument").order_by("pk")
    )
    if not found:
        raise Conflict("No route works for the selection, so there is nothing to cancel.")
    names = sorted({row.broker.name for row in found})
    leaves = ", ".join(f"{row.leaves_qty:,.0f} {row.block.instrument.symbol}" for row in found[:4])
    more = f" and {len(found) - 4} more" if len(found) > 4 else ""
    usd, portfolios = worth([(row.block, row.leaves_qty) for row in found])
    context = {
        "title": f"Cancel {count_of(len(found), 'route')}",
        "money": f"{money_short(usd, 'USD')} still working, {count_of(portfolios, 'portfolio')}",
        "text": f"{leaves}{more} at {', '.join(names[:4])}. What is filled stays filled; what comes back is yours to place again.",
        "fields": [("route", row.pk) for row in found],
        "action_url": reverse("blocks:cancel_routes"),
        "button": f"Cancel {count_of(len(found), 'route')}",
        "back": "Leave them working",
        "reason": "optional",
        "danger": True,
    }
    return render(request, "components/confirm.html", context)


@door("blocks.work")
@require_http_methods(["GET", "POST"])
def finish(request: HttpRequest) -> HttpResponse:
    """GET: what would be given up, to confirm. POST: ends the blocks with what they have filled; all or none."""
    if request.method == "POST":
        seen = ticked(seen_versions(request.POST))
        act = act_of(request, reason=request.POST.get("reason", "")[:400])
        try:
            blocks.finish_blocks(act, list(seen), seen=seen)
        except Conflict as refusal:
            return refused(request, refusal)
        return done(f"{count_of(len(seen), 'block')} finished; the fills are being shared out.")
    asked = ticked(seen_versions(request.GET))
    rows = block_selectors.blocks_seen_by(request.user).filter(pk__in=asked, status=B.WORKING)
    found = [b for b in rows.select_related("instrument").order_by("pk") if b.placed_qty == b.filled_qty]
    if not found:
        raise Conflict(
            "None of the selected blocks can be finished: a part is still at a broker (cancel its routes first), or the"
            " desk does not work them."
        )
    others = len(asked) - len(found)
    usd, portfolios = worth([(b, b.leaves_qty) for b in found])
    more = f" and {len(found) - 4} more" if len(found) > 4 else ""
    rests = ", ".join(f"{b.leaves_qty:,.0f} {b.instrument.symbol}" for b in found[:4])
    context = {
        "title": f"Finish {count_of(len(found), 'block')}",
        "money": f"Give up {money_short(usd, 'USD')}, {count_of(portfolios, 'portfolio')}",
        "text": f"{rests}{more} go back to the managers as not done; what is filled is shared out by the statement."
        + (f" {others} of those selected still work or are over, and stay as they are." if others else ""),
        "fields": [("seen", f"{b.pk}:{asked[b.pk]}") for b in found],
        "action_url": reverse("blocks:finish"),
        "button": f"Finish {count_of(len(found), 'block')}",
        "reason": "optional",
        "danger": True,
    }
    return render(request, "components/confirm.html", context)


def _override(said) -> Override:
    """What the trader chose instead of the rules; nothing where the fields are empty."""
    share = said.get("participation_pct", "").strip()
    return Override(
        said.get("broker_code") or None,
        said.get("strategy") or None,
        {"participation_pct": share} if share and said.get("strategy") == "PARTICIPATE" else None,
    )


def _quantity(said) -> Decimal | None:
    """:raises Invalid: where the quantity is no number"""
    text = said.get("qty", "").replace(",", "").strip()
    if not text:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal(0)
    if not number.is_finite() or number <= 0:
        raise Invalid(f"“{said['qty'][:40]}” is no quantity; write a number above zero.", field="qty")
    return number


def ticked(seen: dict[int, int]) -> dict[int, int]:
    if not seen:
        raise Invalid("No block is selected. Tick the blocks first (Space), then act on them.", field="seen")
    if len(seen) > MOST_AT_ONCE:
        raise Invalid(f"Select at most {MOST_AT_ONCE:,} blocks at once.", field="seen")
    return seen


def refused(request: HttpRequest, refusal: Conflict) -> HttpResponse:
    changed = refusal.facts.get("blocks") or refusal.facts.get("stale")
    facts = {}
    if isinstance(changed, list) and changed and isinstance(changed[0], dict) and "changes" in changed[0]:
        facts = order_pages.differences(changed, changed[0].get("ref", "B-")[:2] + "{:04d}")
    return refused_in_dialog(request, refusal, facts)


def _routed_words(count: int, routed: routing.Routed) -> str:
    return " ".join(render_to_string("desk/route.html#routed", {"count": count, "routed": routed}).split())


def count_of(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
