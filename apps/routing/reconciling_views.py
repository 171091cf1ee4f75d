"""What brokers said of open orders as sessions came back, on a page: looked at, mended or kept."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_http_methods

from apps.core.edges import confirmed, whole_number
from apps.users.doors import door
from apps.users.services import can

from . import reconciling_selectors as selectors
from . import services


@door("routing.see")
@require_GET
def reconciliations(request: HttpRequest) -> HttpResponse:
    """``?session=``: of one session; ``?part=list``: the list alone."""
    session = whole_number(request.GET["session"], "session", 1) if request.GET.get("session") else None
    rows = selectors.reconciliations(request.user, session=session)[: selectors.SHOWN]
    context = {"shown": selectors.shown(rows), "may_mend": can(request.user, "routing.mend_messages"), "session": session}
    part = "#list" if request.htmx and request.GET.get("part") == "list" else ""
    return render(request, f"routing/reconciliations.html{part}", context)


@door("routing.mend_messages")
@require_http_methods(["GET", "POST"])
def mend(request: HttpRequest, row_id: int) -> HttpResponse:
    return _decide(request, row_id, "MEND")


@door("routing.mend_messages")
@require_http_methods(["GET", "POST"])
def keep(request: HttpRequest, row_id: int) -> HttpResponse:
    return _decide(request, row_id, "KEEP")


def _decide(request: HttpRequest, row_id: int, how: str) -> HttpResponse:
    """GET: what would be done, to confirm with a reason. POST: does it."""
    line = selectors.get_line(request.user, row_id)
    row = line.row
    is_mend = how == "MEND"
    facts = {"Here": f"{row.our_cum:f} filled", "There": line.words, **({"Says": row.text} if row.text else {})}
    if is_mend:
        facts |= {f"And {one.route.ref}": selectors.line_of(one, row.reconciliation).mend for one in selectors.told_with(row)}
    say = {
        "title": f"{'Mend' if is_mend else 'Keep'} {row.route.ref}",
        "text": line.mend if is_mend else "It stays as it is here. Call the broker, and see to it that both have the same.",
        "facts": facts, "button": "Mend it" if is_mend else "Keep it",
        "fields": [("seen", f"{row.reconciliation_id}:{row.reconciliation.version}")],
    }  # fmt: skip
    return confirmed(request, say, lambda act, seen: services.decide_difference(act, row_id, how, seen=seen))
