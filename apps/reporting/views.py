"""The result page: what a head of trading quotes after a program, computed from the record of the run."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from apps.users.doors import door

from . import page_selectors, selectors


@door("reporting.see")
@require_GET
def results(request: HttpRequest) -> HttpResponse:
    """Headline figures with what they compare with, stages, routes against their benchmark, and how it filled."""
    ids = page_selectors.blocks_of(request.user)
    made = selectors.result(ids)
    filling = page_selectors.filling(ids)
    context = {
        "made": made,
        "figures": selectors.figures(made),
        "notes": {"equity": _note(made.equity), "bonds": _note(made.bonds)},
        "is_compared": bool(made.equity.benchmark_usd or made.bonds.benchmark_usd),
        "is_whole": ids is None,
        "lines": sorted(made.lines, key=lambda line: (line.improvement_bp is None, line.improvement_bp or 0)),
        "classes": [("Equity", made.equity), ("Bonds", made.bonds)],
        "filling": filling,
        "chart": page_selectors.chart(filling) if filling else None,
        "commission": made.equity.commission_usd + made.bonds.commission_usd,
    }
    return render(request, "reporting/results.html#live" if request.htmx else "reporting/results.html", context)


def _note(quality: selectors.Quality) -> str:
    """What the benchmark's figure is worth, or why there is none."""
    if quality.benchmark_usd:
        return f"USD {quality.saved_usd:+,.0f}".replace("-", "\N{MINUS SIGN}")
    return f"no {quality.benchmark} on file" if quality.routes else "none yet"
