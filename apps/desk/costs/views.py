"""Expected and realised costs on a page and as a file."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from apps.core.edges import act_of
from apps.core.refusals import Invalid
from apps.reporting import cost_selectors, page_selectors
from apps.reporting.cost_api import asked_of, by_of
from apps.users.doors import door

from . import sheet

SHOWN = 300
WAYS = (("broker", "By broker"), ("strategy", "By strategy"), ("both", "By both"))


@door("reporting.see")
@require_GET
def report(request: HttpRequest) -> HttpResponse:
    """Groups with their sample, and each block's part by broker and strategy with its arithmetic."""
    ids = page_selectors.blocks_of(request.user)
    error = ""
    try:
        asked, by = asked_of(request.GET), by_of(request.GET)
    except Invalid as refusal:
        asked, by, error = cost_selectors.Asked(), "broker", refusal.message
    rows = cost_selectors.compared_costs(ids, asked)
    query = request.GET.copy()
    query.pop("by", None)
    context = {
        "rows": rows[:SHOWN], "count": len(rows), "groups": cost_selectors.groups_of(rows, by), "is_whole": ids is None, "asked": asked,
        "ways": [{"label": label, "url": f"?{_with(query, code)}", "on": code == by, "count": None} for code, label in WAYS],
        "least": cost_selectors.least_sample(), "error": error, "query": query.urlencode(),
        "most": cost_selectors.MOST if cost_selectors.is_cut(rows) else None,
    }  # fmt: skip
    return render(request, "reporting/costs.html", context, status=422 if error else 200)


@door("reporting.see")
@require_GET
def file(request: HttpRequest) -> HttpResponse:
    """The same rows as a file; put on the record."""
    asked = asked_of(request.GET)
    rows = cost_selectors.compared_costs(page_selectors.blocks_of(request.user), asked)
    return sheet.exported(act_of(request), request.GET.get("format", "csv"), asked, str(request.user), rows)


def _with(query, by: str) -> str:
    asked = query.copy()
    asked["by"] = by
    return asked.urlencode()
