"""Pages of routing rules: the table, one rule with its versions, writing and deciding on changes, and what rules decided."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.core.edges import act_of, refused_in_dialog, reload_page, seen_versions, whole_number
from apps.core.refusals import Invalid, Refusal, Stale
from apps.users.doors import door
from apps.users.services import can

from . import rule_selectors as selectors
from . import services
from .models import RoutingDecision
from .outlet_selectors import accesses
from .rule_forms import RuleForm, first_said
from .rules.conditions import FIELDS

PAGE = 200
ACTS = {"approve": services.approve_rule, "refuse": services.refuse_rule, "drop": services.drop_rule}


@door("routing.see")
@require_GET
def rules(request: HttpRequest) -> HttpResponse:
    """Every rule by rank, with what it routed by itself today, and the changes that wait."""
    context = {
        "rows": selectors.ruled(timezone.now().date()), "waiting": selectors.waiting(),
        "may_write": can(request.user, "routing.write_rules"), "may_approve": can(request.user, "routing.approve_rules"),
    }  # fmt: skip
    return render(request, "routing/rules.html", context)


@door("routing.see")
@require_GET
def rule(request: HttpRequest, rule_id: int) -> HttpResponse:
    """One rule with every version it had."""
    found = selectors.get_rule(rule_id)
    context = {
        "rule": found, "changes": selectors.changes().filter(rule=found),
        "decisions": selectors.decisions_seen_by(request.user).filter(rule=found)[:50],
        "may_write": can(request.user, "routing.write_rules"),
    }  # fmt: skip
    return render(request, "routing/rule.html", context)


@door("routing.see")
@require_GET
def venues(request: HttpRequest) -> HttpResponse:
    """Where the smart router may send: fees, liquidity, and what was filled there."""
    return render(request, "routing/venues.html", {"rows": accesses(timezone.now())})


@door("routing.see")
@require_GET
def decisions(request: HttpRequest) -> HttpResponse:
    """What rules decided by themselves, or would have; ``?outcome=`` and ``?block=`` narrow it."""
    rows = selectors.decisions_seen_by(request.user)
    if outcome := request.GET.get("outcome"):
        rows = rows.filter(outcome=outcome)
    if block := request.GET.get("block"):
        rows = rows.filter(block=whole_number(block, "block", 1))
    choices = (("", "All"), *RoutingDecision.Outcome.choices)
    context = {
        "page": Paginator(rows, PAGE).get_page(request.GET.get("page")),
        "chips": [
            {"label": label.split(",")[0].capitalize(), "url": f"?outcome={code}" if code else "?", "on": code == (outcome or "")}
            for code, label in choices
        ],
    }
    return render(request, "routing/decisions.html", context)


@door("routing.see")
@require_GET
def decisions_of(request: HttpRequest, block_id: int) -> HttpResponse:
    """The panel of a block's drawer; nothing where no rule acts by itself."""
    rows = selectors.decisions_seen_by(request.user).filter(block=block_id)
    return render(request, "routing/decisions.html#of_block", {"decisions": rows[:10]})


@door("routing.write_rules")
@require_http_methods(["GET", "POST"])
def propose(request: HttpRequest) -> HttpResponse:
    """GET: a rule to write, ``?rule=`` another text of one. POST: proposes it; nothing changes until another person approves it."""
    rule_id = whole_number(request.GET["rule"], "rule", 1) if request.GET.get("rule") else None
    found = None if rule_id is None else selectors.get_rule(rule_id)
    first = first_said(services.text_of(found), found.number) if found else {"mode": "DRY_RUN", "is_active": True}
    form, status = RuleForm(request.POST or None, initial=first), 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            act = act_of(request, reason=form.cleaned_data["reason"])
            try:
                services.propose_rule(act, form.text(), rule_id=rule_id, seen=form.cleaned_data["seen"] or 0)
            except Stale as refusal:
                return refused_in_dialog(request, refusal)
            except Refusal as refusal:
                form.refuse(refusal)
                status = refusal.status
            else:
                return reload_page()
    action = reverse("routing:rule_propose") + (f"?rule={rule_id}" if rule_id else "")
    context = {"form": form, "rule": found, "action": action, "fields": FIELDS.items()}
    return render(request, "routing/rules.html#write", context, status=status)


@door("routing.see")
@require_GET
def change(request: HttpRequest, change_id: int) -> HttpResponse:
    """A change to look at and decide on, in a dialog: what would be another text of what."""
    found = selectors.get_change(change_id)
    return render(request, "routing/rules.html#change", _change_context(request, found))


@door("routing.write_rules")
@require_POST
def decide(request: HttpRequest, change_id: int) -> HttpResponse:
    """Approves, refuses or takes back a change, as ``do`` says."""
    said = request.POST
    if said.get("do") not in ACTS:
        raise Invalid("Approve it, refuse it or take it back.", field="do")
    reason = said.get("reason", "")
    try:
        ACTS[said["do"]](act_of(request, reason=reason), change_id, seen=seen_versions(said))
    except Stale as refusal:
        return refused_in_dialog(request, refusal)
    except Refusal as refusal:
        context = _change_context(request, selectors.get_change(change_id)) | {"error": refusal.message, "reason": reason}
        return render(request, "routing/rules.html#change", context, status=refusal.status)
    return reload_page()


def _change_context(request: HttpRequest, found) -> dict:
    is_own = found.proposed_by_id == request.user.pk
    waits = found.status == "PROPOSED"
    return {
        "c": found, "rows": [(name.replace("_", " "), found.before.get(name), value) for name, value in found.said.items()
                             if not found.before or name in found.before],
        "may_decide": waits and not is_own and can(request.user, "routing.approve_rules"),
        "may_drop": waits and is_own,
    }  # fmt: skip


@door("routing.write_rules")
@require_http_methods(["GET", "POST"])
def stop(request: HttpRequest, rule_id: int) -> HttpResponse:
    """GET: to confirm. POST: the rule only says what it would do, from now on."""
    found = selectors.get_rule(rule_id)
    reason = request.POST.get("reason", "")
    say = {
        "title": f"Stop “{found.name}”",
        "text": "It routes nothing by itself any more and only says what it would do. What it routed goes on.",
        "fields": [("seen", f"{found.pk}:{found.number}")], "reason": "required", "button": "Stop it", "danger": True,
        "action_url": reverse("routing:rule_stop", args=[rule_id]),
    }  # fmt: skip
    if request.method == "GET":
        return render(request, "components/confirm.html", say)
    try:
        services.stop_rule(act_of(request, reason=reason), rule_id, seen=seen_versions(request.POST).get(rule_id, 0))
    except Stale as refusal:
        return refused_in_dialog(request, refusal)
    except Refusal as refusal:
        return render(request, "components/confirm.html", say | {"error": refusal.message, "reason_value": reason}, status=refusal.status)
    return reload_page()
