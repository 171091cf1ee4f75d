"""Trading limits on a page, and what a portfolio will have in cash."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from apps.portfolios import selectors as portfolios
from apps.users.doors import door
from apps.users.services import can

from .selectors.horizon import cash_horizon as horizon_of
from .selectors.limits import limits_seen_by


@door("compliance.see")
@require_GET
def trading_limits(request: HttpRequest) -> HttpResponse:
    today = timezone.now().date()
    rows = [(row, row.starts_on <= today <= (row.ends_on or today)) for row in limits_seen_by(request.user)]
    return render(request, "compliance/trading_limits.html", {"rows": rows, "may_write": can(request.user, "reference.write")})


@door("portfolios.see")
@require_GET
def cash_horizon(request: HttpRequest, portfolio_id: int) -> HttpResponse:
    """The panel on a portfolio's page: its money by currency and date with its open orders."""
    portfolio = portfolios.get_portfolio_seen_by(request.user, portfolio_id)
    return render(request, "compliance/horizon.html", {"found": horizon_of(portfolio, timezone.now())})
