"""Soft dollars and step-outs on pages: accounts with their ledger, payments, and who steps out of what."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_http_methods

from apps.blocks import selectors as blocks
from apps.core.edges import act_of, refused_in_dialog, reload_page, seen_versions, whole_number
from apps.core.refusals import Refusal, Stale
from apps.users.doors import door
from apps.users.services import can

from . import csa_selectors as selectors
from . import services
from .forms import ActForm, CorrectionForm, PaymentForm, StepOutForm


@door("settlement.see")
@require_GET
def accounts(request: HttpRequest) -> HttpResponse:
    """Each broker's balance for research."""
    return render(request, "allocations/csa.html", {"rows": selectors.csa_accounts(request.user)})


@door("settlement.see")
@require_GET
def account(request: HttpRequest, account_id: int) -> HttpResponse:
    """One account with its ledger."""
    found = selectors.get_csa_account(request.user, account_id)
    context = {
        "account": found, "entries": selectors.csa_entries(found)[:500], "may_keep": can(request.user, "allocations.keep_csa"),
    }  # fmt: skip
    return render(request, "allocations/csa_account.html", context)


@door("allocations.keep_csa")
@require_http_methods(["GET", "POST"])
def pay(request: HttpRequest, account_id: int) -> HttpResponse:
    """GET: the form. POST: pays research out of the account."""
    found = selectors.get_csa_account(request.user, account_id)

    def do(said: dict) -> None:
        services.pay_research(
            act_of(request, reason=said["reason"]), account_id, said["amount"], said["provider"], said["invoice"],
            seen=whole_number(request.POST.get("seen"), "seen"), overdraws=said["overdraws"],
        )  # fmt: skip

    return _asked(request, PaymentForm(request.POST or None), do, f"Pay research out of {found.ref}", "Pay", found)


@door("allocations.keep_csa")
@require_http_methods(["GET", "POST"])
def correct(request: HttpRequest, account_id: int) -> HttpResponse:
    """GET: the form. POST: writes a correction."""
    found = selectors.get_csa_account(request.user, account_id)

    def do(said: dict) -> None:
        act = act_of(request, reason=said["reason"])
        seen = whole_number(request.POST.get("seen"), "seen")
        services.correct_csa(act, account_id, said["amount"], seen=seen, overdraws=said["overdraws"])

    return _asked(request, CorrectionForm(request.POST or None), do, f"Correct {found.ref}", "Write", found)


@door("allocations.step_out")
@require_http_methods(["GET", "POST"])
def step_out(request: HttpRequest, block_id: int) -> HttpResponse:
    """GET: the form. POST: agrees that one broker steps out of a part of what it executed."""
    block = blocks.get_block_seen_by(request.user, block_id)

    def do(said: dict) -> None:
        services.agree_step_out(
            act_of(request, reason=said["reason"]), block_id, said["from_broker"].code, said["to_broker"].code, said["qty"],
            gives_commission=said["gives_commission"], seen=whole_number(request.POST.get("seen"), "seen"),
        )  # fmt: skip

    return _asked(request, StepOutForm(block_id, request.POST or None), do, f"Step out of {block.ref}", "Agree", block)


def _asked(request: HttpRequest, form: ActForm, do: Callable[[dict], None], title: str, button: str, of) -> HttpResponse:
    """A dialog with a form; what is refused stands in it. :param of: what the person looks at, by its version"""
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                do(form.cleaned_data)
            except Stale as refusal:
                return refused_in_dialog(request, refusal)
            except Refusal as refusal:
                form.refuse(refusal)
            else:
                return reload_page()
    seen = request.POST.get("seen") or of.version
    context = {"form": form, "title": title, "button": button, "action": request.path, "seen": seen, "of": of}
    return render(request, "allocations/csa_account.html#ask", context, status=status)


@door("allocations.step_out")
@require_http_methods(["GET", "POST"])
def withdraw(request: HttpRequest, step_out_id: int) -> HttpResponse:
    """GET: asks. POST: undoes what was agreed."""
    row = selectors.get_step_out_seen_by(request.user, step_out_id)
    if request.method == "POST":
        try:
            services.withdraw_step_out(act_of(request), step_out_id, seen=seen_versions(request.POST))
        except Refusal as refusal:
            return refused_in_dialog(request, refusal)
        return reload_page()
    context = {
        "title": f"Withdraw {row.ref}", "text": f"{row.from_broker.name} confirms and settles all it executed of {row.block.ref}.",
        "facts": {"Was to step in": row.to_broker.name, "Quantity": f"{row.qty.normalize():f}", "Because": row.reason},
        "fields": [("seen", f"{row.pk}:{row.version}")], "action_url": request.path, "button": "Withdraw", "danger": True,
    }  # fmt: skip
    return render(request, "components/confirm.html", context)
