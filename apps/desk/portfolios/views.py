"""The list of portfolios and a portfolio's own page; both stand above the apps whose rows they join."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from apps.desk.selectors import Figure
from apps.desk.templatetags.show import NONE, good_bad, money_short, percent, qty, sign, signed_money
from apps.portfolios import plan_selectors
from apps.portfolios import selectors as portfolios
from apps.portfolios.lot_selectors import lots_held
from apps.users.doors import door
from apps.users.services import can

from . import selectors
from .holdings import Holdings, holdings


@door("portfolios.see")
@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    """The portfolios the person may see, those that need a hand first."""
    wanted = request.GET.get("show", "")
    rows = selectors.portfolio_rows(request.user, request.GET.get("q", "")[:100])
    kinds = {
        "held": [r for r in rows if r.held],
        "drifting": [r for r in rows if r.breach],
        "ordered": [r for r in rows if r.orders],
    }
    shown = kinds.get(wanted, rows)
    context = {
        "rows": shown,
        "worth": sum((r.nav for r in shown), selectors.ZERO),
        "in_orders": sum((r.in_orders for r in shown), selectors.ZERO),
        "span": max([abs(r.drift) for r in rows if r.drift is not None], default=1) or 1,
        "chips": [
            {"label": "All", "url": "?", "on": wanted not in kinds, "count": len(rows)},
            {"label": "With held orders", "url": "?show=held", "on": wanted == "held", "count": len(kinds["held"])},
            {"label": "Outside the mandate", "url": "?show=drifting", "on": wanted == "drifting",
             "count": len(kinds["drifting"])},
            {"label": "In orders", "url": "?show=ordered", "on": wanted == "ordered", "count": len(kinds["ordered"])},
        ],
        "query": request.GET.get("q", ""),
        "most": selectors.PAGE,
    }  # fmt: skip
    return render(request, "portfolios/list.html#rows" if request.htmx else "portfolios/list.html", context)


@door("portfolios.see")
@require_GET
def plans(request: HttpRequest) -> HttpResponse:
    """Retirement plans among the portfolios that the person may see, with their employers, parties and consents."""
    parties = [(row, plan_selectors.is_on(row)) for row in plan_selectors.parties_seen_by(request.user)]
    context = {
        "rows": plan_selectors.plans_seen_by(request.user), "parties": parties,
        "may_write": can(request.user, "reference.write") and can(request.user, "portfolios.see_all"),
    }  # fmt: skip
    return render(request, "portfolios/plans.html", context)


@door("portfolios.see")
@require_GET
def detail(request: HttpRequest, portfolio_id: int) -> HttpResponse:
    """A portfolio as it is this moment: booked positions, provisional shares, what is in orders, cash by day, bands."""
    portfolio = portfolios.get_portfolio_seen_by(request.user, portfolio_id)
    now = holdings(portfolio, timezone.now())
    runs = can(request.user, "orders.create") and portfolios.portfolios_run_by(request.user).filter(pk=portfolio_id)
    base = portfolio.base_currency_id
    context = {
        "portfolio": portfolio,
        "base": base,
        "lots": lots_held(portfolio) if portfolio.taxpayer_id else [],
        "plan": plan_selectors.find_plan(portfolio.pk),
        "named_issuers": portfolio.named_issuers.select_related("issuer"),
        "broker_terms": portfolio.broker_terms.select_related("broker"),
        "groups": portfolio.groups.all(),
        "directions": portfolio.directions.select_related("broker"),
        "now": now,
        "span": max([abs(line.drift) for line in now.lines if line.drift is not None], default=1) or 1,
        "figures": _figures(now, base, f"{reverse('orders:list')}?q={portfolio.code}"),
        "may_order": bool(runs and runs.exists()),
        "may_see_orders": can(request.user, "orders.see"),
    }
    template = "portfolios/detail.html"
    return render(request, f"{template}#live" if request.htmx else template, context)


def _figures(now: Holdings, base: str, orders_url: str) -> list[Figure]:
    near = [band for band in now.bands if band.room < selectors.NEAR]
    worst = f"{near[0].name}, limit {percent(near[0].limit)}" if near else "none near its limit"
    figures = [
        Figure("Net asset value", money_short(now.nav, base)),
        _pnl(now, base),
        Figure("Cash", money_short(now.cash_now, base), "#cash", _lowest(now, base)),
        *(
            Figure(c.name, percent(c.weight), "#classes", "" if c.target is None else f"target {percent(c.target)}")
            for c in now.classes
            if c.name != "Cash"
        ),
        Figure("In orders", money_short(now.in_orders, base), orders_url, f"{now.orders} open",
               "warn" if now.held else ""),
        Figure("Provisional shares", qty(now.provisional), "", "of blocks not yet allocated"),
    ]  # fmt: skip
    if now.bands:
        broken = [band for band in now.bands if band.room < 0]
        figures.append(
            Figure("Mandate", f"{len(near)} near" if near else "within", "#bands", worst,
                   "bad" if broken else "warn" if near else "")
        )  # fmt: skip
    return figures


def _pnl(now: Holdings, base: str) -> Figure:
    day = now.day
    if day.since is None:
        return Figure("P&L today", NONE, "#pnl", "no closes on file")
    said = signed_money(day.total.total, base)
    note = f"not told: {', '.join(day.missing)}" if day.missing else f"{sign(day.percent, 2)}%"
    return Figure("P&L today", said, "#pnl", note, "warn" if day.missing else good_bad(day.total.total))


def _lowest(now: Holdings, base: str) -> str:
    return f"lowest {money_short(now.lowest[1], base)} on {now.lowest[0].day} {now.lowest[0]:%b}" if now.lowest else ""
