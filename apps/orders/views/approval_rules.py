"""Writing which orders somebody has to agree to, and who."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from apps.core.edges import act_of, done, refused_in_dialog, whole_number
from apps.core.refusals import Conflict, Invalid, NotFound
from apps.users.doors import door

from .. import selectors, services
from ..forms import ApprovalRuleForm


@door("orders.write_approvals")
@require_http_methods(["GET", "POST"])
def approval_rule(request: HttpRequest, code: str = "") -> HttpResponse:
    """GET: a rule's terms, or a new one's. POST: writes it; it counts for what compliance lets through from now on."""
    rule = _rule(code) if code else None
    data = request.POST or None
    form = ApprovalRuleForm.of(rule, data) if rule else ApprovalRuleForm(data)
    if request.method == "POST" and form.is_valid():
        act = act_of(request, reason=request.POST.get("reason", "").strip()[:400])
        seen = whole_number(request.POST.get("version"), "version", 1) if rule else None
        try:
            services.save_approval_rule(act, form.cleaned_data["code"], form.terms, seen=seen)
        except Invalid as refusal:
            field = str(refusal.facts.get("field", ""))
            form.add_error(field if field in form.fields else None, refusal.message)
        except Conflict as refusal:
            return refused_in_dialog(request, refusal)
        else:
            return done("Written; it counts for what compliance lets through from now on.")
    version = request.POST.get("version") or (rule and rule.version)
    context = {"form": form, "rule": rule, "action_url": request.path, "version": version}
    return render(request, "orders/approval_rule.html", context, status=422 if form.is_bound else 200)


@door("orders.write_approvals")
@require_http_methods(["GET", "POST"])
def retire_approval_rule(request: HttpRequest, code: str) -> HttpResponse:
    """GET: what ends, to confirm. POST: orders go through without it from now on."""
    rule = _rule(code)
    if request.method == "POST":
        act = act_of(request, reason=request.POST.get("reason", "").strip()[:400])
        try:
            services.retire_approval_rule(act, code, seen=whole_number(request.POST.get("version"), "version", 1))
        except Conflict as refusal:
            return refused_in_dialog(request, refusal)
        return done("Retired; what waits goes on waiting.")
    context = {
        "title": f"Retire “{rule.name}”",
        "text": "Orders go through without it from now on. What waits for approval goes on waiting under its steps.",
        "fields": [("version", rule.version)],
        "action_url": request.path,
        "button": "Retire it",
        "reason": "optional",
        "danger": True,
    }
    return render(request, "components/confirm.html", context)


def _rule(code: str):
    rule = selectors.approval_rules().filter(code=code).first()
    if rule is None:
        raise NotFound(f"There is no approval rule “{code}”.")
    return rule
