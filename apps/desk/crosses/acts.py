"""What people do with a cross: a dialog that states the money and the portfolios, then one call."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from apps.core.edges import act_of, done, refused_in_dialog, seen_versions
from apps.core.refusals import Invalid, Refusal
from apps.crossing import rules, selectors, services
from apps.crossing.models import Cross
from apps.users.doors import door

from ..templatetags.show import money, price, qty

TEXTS = {
    "accept": ("You agree for the orders of the portfolios you run. Compliance is asked next.", "Accept the cross", "optional"),
    "approve": ("Every condition is asked again now, and once more when it is executed.", "Approve the cross", "optional"),
    "decline": ("Nothing is crossed; both sides are to be decided again.", "Decline the cross", "required"),
    "withdraw": ("Nothing is crossed; both sides are to be decided again.", "Withdraw the cross", "required"),
    "execute": (
        "At the independent price of the moment you press the button. Both sides are filled, allocated and paid at once;"
        " what is left of their orders stays to be routed.", "Execute the cross", "",
    ),
}  # fmt: skip


def _stated(user, cross: Cross) -> dict:
    """The money and the portfolios of it, as they are now."""
    parts = list(cross.parts.all())
    homes = len({part.portfolio_id for part in parts})
    found = selectors.prospect(cross.opposition, timezone.now(), [part.order_id for part in parts])
    now = found.matched.price
    worth = selectors.worth(cross.instrument, cross.qty, (now.price if now else cross.price))
    mine = selectors.open_parts(user, cross)
    facts = {
        "Proposed price": f"{price(cross.price)} {cross.currency_id}, {cross.evidence['source']}",
        "Price now": f"{price(now.price)} {cross.currency_id}, {now.source}" if now else "none",
        "Orders": f"{sum(p.side == 'BUY' for p in parts)} buying, {sum(p.side == 'SELL' for p in parts)} selling",
        "Commission": "none",
    }
    if mine and cross.status == "PROPOSED":
        facts["Yours to accept"] = ", ".join(f"O-{p.order_id:06d} {p.side.lower()} {qty(p.qty)}" for p in mine[:6])
    open_lines = [line.name for line in found.matched.lines if not line.passes]
    if now and not rules.is_within(now.price, cross.price, cross.tolerance_bp):
        open_lines.append(f"the price is more than {qty(cross.tolerance_bp)} bp from the proposed one")
    if open_lines:
        facts["Not met now"] = "; ".join(open_lines)
    return {
        "money": f"Cross {qty(cross.qty)} {cross.instrument.symbol}, {money(worth, cross.currency_id)}, {homes} portfolios",
        "facts": facts,
    }


def _view(what: str, permission: str, service: Callable, said: str) -> Callable[..., HttpResponse]:
    text, button, reason = TEXTS[what]

    @door(permission)
    @require_http_methods(["GET", "POST"])
    def view(request: HttpRequest, cross_id: int) -> HttpResponse:
        cross = selectors.get_cross_seen_by(request.user, cross_id)
        error = ""
        if request.method == "POST":
            act = act_of(request, reason=request.POST.get("reason", "").strip()[:400])
            try:
                service(act, cross.pk, seen=seen_versions(request.POST))
            except Invalid as refusal:
                error = refusal.message
            except Refusal as refusal:
                return refused_in_dialog(request, refusal)
            else:
                return done(f"{cross.ref} {said}.")
        context = _stated(request.user, cross) | {
            "title": f"{button.replace('the cross', cross.ref)}", "text": text, "button": button, "reason": reason,
            "fields": [("seen", f"{cross.pk}:{cross.version}")], "action_url": request.path, "error": error,
            "danger": what in ("decline", "withdraw"),
        }  # fmt: skip
        return render(request, "components/confirm.html", context, status=422 if error else 200)

    view.__name__ = what
    return view


accept = _view("accept", "crossing.accept", services.accept_cross, "is accepted for your portfolios")
approve = _view("approve", "crossing.approve", services.approve_cross, "is approved")
decline = _view("decline", "crossing.decline", services.decline_cross, "is declined")
withdraw = _view("withdraw", "crossing.propose", services.withdraw_cross, "is withdrawn")
execute = _view("execute", "crossing.execute", services.execute_cross, "is executed")
