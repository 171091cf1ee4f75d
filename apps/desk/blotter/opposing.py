"""The firm on both sides: the list, the warning in drawers and on homes, and what the desk decides."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_http_methods

from apps.blocks import selectors, services
from apps.blocks.models import Member
from apps.blocks.states import Op
from apps.core.edges import act_of, done, refused_in_dialog, seen_versions
from apps.core.refusals import Conflict, Invalid, Refusal
from apps.crossing import selectors as crossing
from apps.orders import selectors as orders
from apps.users.doors import door
from apps.users.services import can

from ..templatetags.show import qty
from .acts import refused

SHOWN = 200
WARNED = (Op.FOUND, Op.CROSS)


@door("blocks.see")
@require_GET
def listed(request: HttpRequest) -> HttpResponse:
    """All pairs the person may see, those to be decided first; ``?part=open`` is the panel of a home."""
    if request.htmx and request.GET.get("part") == "open":
        return _warning(request, selectors.open_oppositions(request.user))
    rows = list(selectors.oppositions_seen_by(request.user)[:SHOWN])
    crosses = crossing.crosses_seen_by(request.user).filter(opposition__in=[row.pk for row in rows])
    for row in rows:
        row.crosses = [cross for cross in crosses if cross.opposition_id == row.pk]
    context = {"rows": rows} | _may(request)
    part = "#rows" if request.htmx and request.GET.get("part") == "rows" else ""
    return render(request, f"desk/opposing.html{part}", context)


@door("blocks.see")
@require_GET
def of_block(request: HttpRequest, block_id: int) -> HttpResponse:
    """The warning in a block's drawer; nothing where nothing is open and no cross waits."""
    selectors.get_block_seen_by(request.user, block_id)
    rows = selectors.oppositions_seen_by(request.user).filter(status__in=WARNED)
    return _warning(request, rows.filter(buy=block_id) | rows.filter(sell=block_id))


@door("blocks.see")
@require_GET
def of_order(request: HttpRequest, order_id: int) -> HttpResponse:
    """The warning in an order's drawer, by the block it is in."""
    orders.get_order_seen_by(request.user, order_id)
    block = Member.objects.filter(order=order_id).values("block")
    rows = selectors.oppositions_seen_by(request.user).filter(status__in=WARNED)
    return _warning(request, rows.filter(buy__in=block) | rows.filter(sell__in=block))


@door("blocks.work")
@require_http_methods(["GET", "POST"])
def trade_apart(request: HttpRequest, opposition_id: int) -> HttpResponse:
    """GET: sending both sides to the market, to confirm with a reason. POST: records it."""
    row = selectors.get_opposition_seen_by(request.user, opposition_id)
    error = ""
    if request.method == "POST":
        act = act_of(request, reason=request.POST.get("reason", "").strip()[:400])
        try:
            services.trade_apart(act, row.pk, seen=seen_versions(request.POST))
        except Invalid as refusal:
            error = refusal.message
        except Conflict as refusal:
            return refused(request, refusal)
        except Refusal as refusal:
            return refused_in_dialog(request, refusal)
        else:
            return done(f"{row.ref}: both sides go to the market.")
    context = {
        "title": f"Trade {row.buy.instrument.symbol} apart",
        "money": f"{row.buy.ref} buys {qty(row.buy.qty)}, {row.sell.ref} sells {qty(row.sell.qty)}",
        "text": "Both go to the market; the record keeps why they were not crossed.",
        "fields": [("seen", f"{row.pk}:{row.version}")],
        "action_url": request.path,
        "button": "Trade apart",
        "reason": "required",
        "error": error,
    }
    return render(request, "components/confirm.html", context, status=422 if error else 200)


def _warning(request: HttpRequest, rows) -> HttpResponse:
    return render(request, "desk/opposing.html#warning", {"rows": rows[:SHOWN]} | _may(request))


def _may(request: HttpRequest) -> dict[str, bool]:
    return {"may_decide": can(request.user, "blocks.work"), "may_cross": can(request.user, "crossing.propose")}
