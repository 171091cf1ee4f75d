"""The approval queue: what waits for somebody to agree, one decision, all that are clean at once, and deputies."""

import json

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.core.edges import act_of, done, seen_versions
from apps.core.refusals import Conflict, Invalid, Refusal
from apps.users.doors import door
from apps.users.services import can

from .. import selectors, services
from ..forms import DeputyForm
from ..models import Approval

LISTED = 500


def _queue(request: HttpRequest) -> dict:
    now = timezone.now()
    may = selectors.Rights(request.user, now)
    rows = list(selectors.waiting_approvals(request.user)[:LISTED])
    hands = selectors.hands_on([row.order_id for row in rows])
    others = [row for row in rows if request.user.pk not in hands.get(row.order_id, ())]
    mine = {row.pk for row in others if may.to(row.now, hands.get(row.order_id, ()))[0]}
    clean = [row for row in rows if row.pk in mine and not row.overridden]
    return {
        "rows": rows,
        "mine": mine,
        "clean": clean,
        "held_back": len(mine) - len(clean),
        "late": sum(row.escalated_at is not None for row in rows),
        "money": sum(row.amount_usd or 0 for row in rows),
        "rules": selectors.approval_rules(),
        "deputies": selectors.deputies(now),
        "may_approve": can(request.user, "orders.approve"),
        "may_write": can(request.user, "orders.write_approvals"),
    }


@door("orders.see_approvals")
@require_GET
def approvals(request: HttpRequest) -> HttpResponse:
    part = request.GET.get("part")
    if request.htmx and part in ("strip", "items"):
        return render(request, f"orders/approvals.html#{part}", _queue(request))
    return render(request, "orders/approvals.html", _queue(request))


@door("orders.see_approvals")
@require_GET
def approval(request: HttpRequest, approval_id: int) -> HttpResponse:
    return _approval(request, selectors.get_approval_seen_by(request.user, approval_id))


def _approval(
    request: HttpRequest, row: Approval, *, error: str = "", reason: str = "", status: int = 200
) -> HttpResponse:
    decisions = list(row.decisions.select_related("by", "behalf_of").order_by("step"))
    queue = _queue(request)
    context = {
        "open": row,
        "steps": [
            {"name": step["name"], "who": step.get("group") or step.get("permission"), "now": n == row.step,
             "said": next((d for d in decisions if d.step == n), None)}
            for n, step in enumerate(row.steps)
        ],
        "agreed": selectors.agreed_before(row),
        "stood": selectors.stood(row),
        "may_decide": row.pk in queue["mine"],
        "error": error,
        "reason": reason,
    }  # fmt: skip
    if request.htmx:
        return render(request, "orders/approval.html#decision", context, status=status)
    return render(request, "orders/approvals.html", queue | context, status=status)


@door("orders.approve")
@require_POST
def decide_approval(request: HttpRequest, approval_id: int) -> HttpResponse:
    """Approves or sends back one; a refusal comes back on the same page with the comment kept."""
    service = {"approve": services.approve, "send_back": services.refuse_approvals}.get(request.POST.get("how", ""))
    if service is None:
        raise Invalid("Choose to approve or to send back.", field="how")
    selectors.get_approval_seen_by(request.user, approval_id)
    reason = request.POST.get("reason", "")
    error, status = "", 200
    try:
        [found] = service(act_of(request, reason=reason), [approval_id], seen=seen_versions(request.POST))
        if not found.done:
            error, status = found.message, 409
    except Refusal as refusal:
        error, status = refusal.message, refusal.status
    row = selectors.get_approval_seen_by(request.user, approval_id)
    response = _approval(request, row, error=error, reason=reason if error else "", status=status)
    if error:
        response["HX-Reswap"] = "innerHTML"  # In place, whatever the status.
    else:
        response["HX-Trigger"] = json.dumps({"toast": {"text": f"{found.message} It is on the record.", "tone": "ok"}})
    return response


@door("orders.approve")
@require_http_methods(["GET", "POST"])
def approve_clean(request: HttpRequest) -> HttpResponse:
    """GET: all that the person may agree to and compliance found nothing against, to confirm. POST: agrees to each."""
    if request.method == "GET":
        queue = _queue(request)
        clean = queue["clean"]
        if not clean:
            raise Conflict("Nothing clean waits for you. Open the others one by one.")
        usd = sum(row.amount_usd or 0 for row in clean)
        homes = len({row.order.portfolio_id for row in clean})
        back = queue["held_back"]
        left = f"{back} of which an officer overrode a rule stay back, to be looked at one by one. " if back else ""
        return render(
            request,
            "components/confirm.html",
            {
                "title": "Approve all that are clean",
                "money": f"{len(clean):,} order{'' if len(clean) == 1 else 's'}, ${usd:,.0f}, "
                f"{homes} portfolio{'' if homes == 1 else 's'}",
                "text": f"{left}Each is decided and recorded by itself.",
                "fields": [("seen", f"{row.pk}:{row.version}") for row in clean],
                "action_url": reverse("orders:approve_clean"),
                "button": f"Approve {len(clean):,}",
                "reason": "optional",
            },
        )
    seen = seen_versions(request.POST)
    found = services.approve(act_of(request, reason=request.POST.get("reason", "")), list(seen), seen=seen)
    outcomes = [
        one._asdict() | {"ref": f"O-{one.order_id or 0:06d}", "since": ""} for one in sorted(found, key=lambda one: one.done)
    ]
    return render(
        request,
        "orders/bulk.html#outcome",
        {"outcomes": outcomes, "changed": sum(o["done"] for o in outcomes), "word": "approved"},
    )


@door("orders.approve")
@require_http_methods(["GET", "POST"])
def deputy(request: HttpRequest) -> HttpResponse:
    """GET: who stands in for the person and when. POST: names them."""
    form = DeputyForm(request.user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            services.name_deputy(act_of(request), said["deputy"].pk, said["starts_at"], said["ends_at"])
        except Invalid as refusal:
            field = str(refusal.facts.get("field", ""))
            form.add_error(field if field in form.fields else None, refusal.message)
        else:
            return done(f"{said['deputy']} stands in for you until {said['ends_at']:%d %b %H:%M} UTC.")
    return render(request, "orders/deputy.html", {"form": form}, status=422 if form.is_bound else 200)


@door("orders.approve")
@require_POST
def end_deputy(request: HttpRequest, deputy_id: int) -> HttpResponse:
    services.end_deputies(act_of(request), [deputy_id])
    return done("Your deputy's time is over.")
