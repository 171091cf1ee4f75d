"""Rate cards on pages: what is in force, a proposal, and another person's word on it."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from apps.core.edges import act_of, confirmed, reload_page, status_chips
from apps.core.refusals import Invalid, Refusal
from apps.users.doors import door
from apps.users.services import can

from . import card_selectors as selectors
from . import services
from .forms import RateCardForm
from .states import Rc

FILTERS = (("", "All"), (Rc.PROPOSED.value, "Wait"), (Rc.IN_FORCE.value, "In force"), (Rc.DECLINED.value, "Declined"))


@door("routing.see_cards")
@require_GET
def rate_cards(request: HttpRequest) -> HttpResponse:
    """All cards, with the brokers' own rates below: they decide where no card fits."""
    rows = list(selectors.rate_cards())
    counts = {code: sum(row.status == code for row in rows) for code, _ in FILTERS} | {"": len(rows)}
    status = request.GET.get("status", "")
    context = {
        "rows": [row for row in rows if status in ("", row.status)], "chips": status_chips(request, FILTERS, counts),
        "own": selectors.own_rate_rows(), "today": timezone.localdate(), "may_keep": can(request.user, "routing.keep_cards"),
    }  # fmt: skip
    return render(request, "routing/rate_cards.html", context)


@door("routing.keep_cards")
@require_http_methods(["GET", "POST"])
def propose(request: HttpRequest) -> HttpResponse:
    """GET: the form. POST: proposes a card."""
    form, status = RateCardForm(request.POST or None, initial={"starts_on": timezone.localdate()}), 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                services.propose_rate_card(act_of(request, reason=form.cleaned_data["reason"]), form.card())
            except Invalid as refusal:
                form.refuse(refusal)
            except Refusal as refusal:
                form.add_error(None, refusal.message)
            else:
                return reload_page()
    return render(request, "routing/rate_card.html", {"form": form, "action": reverse("routing:rate_card_propose")}, status=status)


@door("routing.keep_cards")
@require_http_methods(["GET", "POST"])
def approve(request: HttpRequest, card_id: int) -> HttpResponse:
    text = "Blocks booked from then on are charged by it where it is the most specific card. What is booked already stays."
    return _decide(request, card_id, services.approve_rate_card, "Approve", text)


@door("routing.keep_cards")
@require_http_methods(["GET", "POST"])
def decline(request: HttpRequest, card_id: int) -> HttpResponse:
    return _decide(request, card_id, services.decline_rate_card, "Decline", "Nothing changes; it can be proposed again.")


def _decide(request: HttpRequest, card_id: int, service: Callable, verb: str, text: str) -> HttpResponse:
    row = selectors.get_rate_card(card_id)
    before = selectors.replaced_by(row)
    facts = {
        "For": row.asks, "Takes": row.takes, "Books": row.get_books_display(),
        "Trade dates": f"from {row.starts_on} {f'to {row.ends_on}' if row.ends_on else 'on'}",
        **({"Ends": f"{before.ref} ({before.takes}), on the day before"} if before else {}),
        "Proposed by": row.proposed_by, "Because": row.reason,
    }  # fmt: skip
    say = {
        "title": f"{verb} {row.ref}", "text": text, "facts": facts, "fields": [("seen", f"{row.pk}:{row.version}")], "button": verb,
        "danger": verb != "Approve", "reason": "optional",
    }  # fmt: skip
    return confirmed(request, say, lambda act, seen: service(act, card_id, seen=seen))
