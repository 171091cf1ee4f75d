"""Crosses on pages: whether one may be proposed, one cross, all of them, and the file for the board's review."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from apps.core.edges import act_of, refused_in_dialog, seen_versions
from apps.core.refusals import Conflict, Invalid, Refusal
from apps.crossing import rules, selectors, services
from apps.crossing.models import Cross, Pair
from apps.crossing.states import LIVE, X
from apps.users.doors import door
from apps.users.services import can

from . import sheet

SHOWN = 200
MAY = (
    ("accept", "Accept", "crossing.accept", (X.PROPOSED,), "a"),
    ("approve", "Approve", "crossing.approve", (X.ACCEPTED,), "a"),
    ("execute", "Execute", "crossing.execute", (X.APPROVED,), "x"),
    ("decline", "Decline", "crossing.decline", LIVE, "d"),
    ("withdraw", "Withdraw", "crossing.propose", LIVE, "w"),
)


@door("crossing.see")
@require_GET
def listed(request: HttpRequest) -> HttpResponse:
    """
    Crosses the person may see, the newest first; those executed from one trade date to another where asked. ``?part=waiting``
    is the panel of a home: what waits for this person.
    """
    if request.htmx and request.GET.get("part") == "waiting":
        return render(request, "crossing/list.html#waiting", {"rows": selectors.crosses_waiting_for(request.user)[:SHOWN]})
    since, until = days_of(request)
    rows = selectors.crosses_seen_by(request.user)
    if since or until:
        rows = rows.filter(status=X.EXECUTED)
        rows = rows.filter(trade_date__gte=since) if since else rows
        rows = rows.filter(trade_date__lte=until) if until else rows
    context = {"rows": rows[:SHOWN], "asked": request.GET, "live": LIVE}
    part = "#rows" if request.htmx and request.GET.get("part") == "rows" else ""
    return render(request, f"crossing/list.html{part}", context)


@door("crossing.see")
@require_GET
def report(request: HttpRequest) -> HttpResponse:
    """Executed crosses pair by pair with the evidence of their price, as a file; put on the record."""
    since, until = days_of(request)
    rows = selectors.crosses_seen_by(request.user).filter(status=X.EXECUTED)
    rows = rows.filter(trade_date__gte=since) if since else rows
    rows = rows.filter(trade_date__lte=until) if until else rows
    asked = sheet.Asked(request.GET.get("format", "csv"), since, until, str(request.user))
    return sheet.exported(act_of(request), asked, selectors.reviewed(request.user, rows))


@door("crossing.see")
@require_GET
def detail(request: HttpRequest, cross_id: int) -> HttpResponse:
    """One cross: its conditions (as they are now, while it lives), the price's arithmetic, who gets what, what happened."""
    cross = selectors.get_cross_seen_by(request.user, cross_id)
    known = selectors.portfolio_ids_seen_by(request.user)
    parts = list(cross.parts.select_related("portfolio", "order", "accepted_by").order_by("side", "order_id"))
    now = None
    if cross.status in LIVE:
        now = selectors.prospect(cross.opposition, timezone.now(), [part.order_id for part in parts])
    context = {
        "cross": cross,
        "parts": [(part, known is None or part.portfolio_id in known, part.intended_qty - part.qty) for part in parts],
        "pairs": _pairs(cross, known) if cross.status == X.EXECUTED else [],
        "now": now,
        "lines": now.matched.lines if now else cross.executed_lines or cross.lines,
        "price": price_of(now, cross),
        "changed": [part for part in parts if now and part.order.version != part.order_version],
        "acts": _acts(request, cross),
        "is_live": cross.status in LIVE,
    }
    part = "#body" if request.htmx and request.GET.get("part") == "body" else ""
    return render(request, f"crossing/detail.html{part}", context)


@door("crossing.propose")
@require_http_methods(["GET", "POST"])
def propose(request: HttpRequest, opposition_id: int) -> HttpResponse:
    """GET: every condition for two opposite blocks as they are now, and the dialog (htmx). POST: proposes the cross."""
    opposition = selectors.get_opposition_seen_by(request.user, opposition_id)
    found = selectors.prospect(opposition, timezone.now())
    error = ""
    if request.method == "POST":
        act = act_of(request, reason=request.POST.get("reason", "").strip()[:400])
        try:
            cross_id = services.propose_cross(act, opposition.pk, seen=seen_versions(request.POST))
        except Invalid as refusal:
            error = refusal.message
        except Conflict as refusal:
            return refused_in_dialog(request, refusal)
        except Refusal as refusal:
            return refused_in_dialog(request, refusal)
        else:
            address = reverse("crossing:detail", args=[cross_id])
            response = HttpResponse(status=204) if request.htmx else redirect(address)
            response["HX-Redirect"] = address
            return response
    context = {"opposition": opposition, "found": found, "lines": found.matched.lines, "shares": _shares(found), "error": error,
               "price": price_of(found)}  # fmt: skip
    if request.htmx:
        return render(request, "crossing/propose.html#dialog", context, status=422 if error else 200)
    return render(request, "crossing/propose.html", context, status=422 if error else 200)


def _shares(found: selectors.Prospect) -> list[tuple[rules.Party, Decimal, Decimal, Sequence[str]]]:
    """Each order of both sides with its share, what is left for the market, and what stands against it."""
    shares, against = found.matched.shares, found.matched.against
    return [
        (party, share, party.qty - share, against.get(party.order_id, []))
        for party in (*found.buys, *found.sells)
        for share in (shares.get(party.order_id, Decimal(0)),)
    ]


def price_of(found: selectors.Prospect | None, cross: Cross | None = None) -> dict:
    """The price's arithmetic in words: what it rests on, when, and of a cross how far that is from what was proposed."""
    if cross is not None and cross.executed_evidence:
        said, worth = cross.executed_evidence, cross.amount
    elif found is not None and found.matched.price:
        said, worth = found.matched.price.evidence(), found.amount
    elif cross is not None:
        said, worth = cross.evidence, None
    else:
        return {}
    price = Decimal(said["price"])
    moved = (price - cross.price) / cross.price * rules.BP if cross is not None else None
    said = said | {"price": price, "amount": worth, "at": _moment(said["quoted_at"]), "moved": moved}
    said |= {name: Decimal(said[name]) for name in ("bid", "ask", "last")}
    if cross is not None:
        said["is_within"] = rules.is_within(price, cross.price, cross.tolerance_bp)
    return said


def _moment(text: str):
    return timezone.datetime.fromisoformat(text)


def _pairs(cross: Cross, known: set[int] | None) -> list[dict]:
    rows = Pair.objects.filter(cross=cross).select_related("buy__portfolio", "sell__portfolio").order_by("pk")

    def named(part) -> str:
        return part.portfolio.code if known is None or part.portfolio_id in known else "another portfolio"

    return [
        {"buyer": named(p.buy), "seller": named(p.sell), "qty": p.qty, "amount": p.amount, "buy": p.buy_allocation_id,
         "sell": p.sell_allocation_id}
        for p in rows
    ]  # fmt: skip


def _acts(request: HttpRequest, cross: Cross) -> list[dict]:
    """What this person may do with it now; what they made themselves they do not check."""
    user, found = request.user, []
    for name, label, permission, statuses, key in MAY:
        if cross.status not in statuses or not can(user, permission):
            continue
        if name in ("accept", "approve") and cross.proposed_by_id == user.pk:
            continue
        if name == "accept" and not selectors.open_parts(user, cross):
            continue
        if name == "approve" and cross.parts.filter(accepted_by=user).exists():
            continue
        found.append({"name": name, "label": label, "url": reverse(f"crossing:{name}", args=[cross.pk]), "key": key})
    return found


def days_of(request: HttpRequest) -> tuple[date | None, date | None]:
    found = []
    for name in ("since", "until"):
        text = request.GET.get(name, "").strip()
        try:
            found.append(date.fromisoformat(text) if text else None)
        except ValueError:
            raise Invalid(f"“{text[:40]}” is no date; write it as 2026-11-23.", field=name) from None
    return found[0], found[1]
