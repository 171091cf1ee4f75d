"""What the pages of compliance show, each in a fixed number of queries."""

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from django.db import connection
from django.db.models import Count, QuerySet

from apps.core.refusals import NotFound
from apps.marketdata import selectors as marketdata
from apps.portfolios import selectors as portfolios

from .models import Restriction, Review, Rule

QUEUE = """
    SELECT v.id, v.version, v.status, v.opened_at, v.decided_at, v.reason, d.username, o.id, o.side, o.qty, i.symbol,
        i.name, i.price_factor, i.currency_id, p.id, p.name, c.outcome, c.results, c.max_passing_qty, c.binding_rule,
        u.first_name || ' ' || u.last_name, (q.bid + q.ask) / 2
    FROM compliance_review v JOIN compliance_check c ON c.id = v.verdict_id JOIN orders_order o ON o.id = v.order_id
    JOIN reference_instrument i ON i.id = o.instrument_id JOIN portfolios_portfolio p ON p.id = o.portfolio_id
    JOIN users_user u ON u.id = o.created_by_id LEFT JOIN users_user d ON d.id = v.decided_by_id
    LEFT JOIN marketdata_quote q ON q.instrument_id = i.id
"""


class Waiting(NamedTuple):
    """A line of the queue; ``problems`` are the results that are no pass, the hardest first."""

    pk: int
    version: int
    status: str
    opened_at: datetime
    decided_at: datetime | None
    reason: str
    decided_by: str | None
    order_id: int
    side: str
    qty: Decimal
    symbol: str
    instrument: str
    portfolio_id: int
    portfolio: str
    author: str
    outcome: str
    problems: list[dict]
    max_qty: Decimal | None
    binding_rule: str
    usd: Decimal | None

    @property
    def severity(self) -> str:
        """The word of the queue: HARD, SOFT or CANNOT TELL."""
        kinds = {p.get("severity") for p in self.problems if p.get("outcome") == "FAIL"}
        return "HARD" if "HARD" in kinds else "SOFT" if kinds else "CANNOT TELL"

    @property
    def ref(self) -> str:
        return f"O-{self.order_id:06d}"


RANK = {"HARD": 0, "CANNOT TELL": 1, "SOFT": 2}


def queue(*, status: str = "WAITING", outcome: str = "", limit: int = 500) -> list[Waiting]:
    """Reviews by attention: hard, cannot tell, soft; within each the larger money first, then the older. Two queries."""
    where, parameters = "v.status = %s", [status]
    if status == "DECIDED":
        where, parameters = "v.status NOT IN ('WAITING', 'WITHDRAWN')", []
    if outcome:
        where, parameters = f"{where} AND c.outcome = %s", [*parameters, outcome]
    rates = {c: r for c, (r, _) in marketdata.fx_rates("USD").items()}
    with connection.cursor() as cursor:
        cursor.execute(f"{QUEUE} WHERE {where} ORDER BY v.id DESC LIMIT %s", [*parameters, limit])
        rows = [_waiting(row, rates) for row in cursor.fetchall()]
    if status == "DECIDED":
        return sorted(rows, key=lambda w: w.decided_at, reverse=True)
    return sorted(rows, key=lambda w: (RANK[w.severity], -(w.usd or 0), w.opened_at))


def _waiting(row: tuple, rates: dict[str, Decimal]) -> Waiting:
    import orjson

    (pk, version, status, opened, decided, reason, by, order, side, qty, symbol, name, factor, currency, p_id, portfolio,
     outcome, results, max_qty, binding, author, mid) = row  # fmt: skip
    results = orjson.loads(results) if isinstance(results, str | bytes) else results
    rate = rates.get(currency)
    usd = qty * mid * factor * rate if mid is not None and rate is not None else None
    return Waiting(
        pk, version, status, opened, decided, reason, by, order, side, qty, symbol, name, p_id, portfolio, author.strip(),
        outcome, problems_of(results), max_qty, binding, usd,
    )  # fmt: skip


def problems_of(results: list[dict]) -> list[dict]:
    """The results that are no pass: hard failures, other failures, then what cannot be told."""
    order = {"HARD": 0, "SOFT": 1, "WARN": 2}
    bad = [r for r in results if r.get("outcome") not in ("PASS", None, "")]
    return sorted(bad, key=lambda r: (r["outcome"] != "FAIL", order.get(r.get("severity"), 3)))


def review_line(review_id: int) -> Waiting:
    """One review as a line. :raises NotFound: where there is none"""
    rates = {c: r for c, (r, _) in marketdata.fx_rates("USD").items()}
    with connection.cursor() as cursor:
        cursor.execute(f"{QUEUE} WHERE v.id = %s", [review_id])
        row = cursor.fetchone()
    if row is None:
        raise NotFound("There is no such review.")
    return _waiting(row, rates)


def review_detail(review_id: int) -> dict:
    """All that the decision page shows."""
    line = review_line(review_id)
    review = Review.objects.select_related("verdict", "order__portfolio__mandate", "order__group", "decided_by").get(
        pk=review_id
    )
    codes = [p.get("rule") for p in line.problems]
    portfolio = review.order.portfolio
    return {
        "line": line,
        "review": review,
        "check": review.verdict,
        "passed": [r for r in review.verdict.results if r.get("outcome") == "PASS"],
        "history": _same_rule_history(line.portfolio_id, codes, review_id),
        "nav": portfolios.navs([line.portfolio_id]).get(line.portfolio_id),
        "mandate": portfolio.mandate,
        "held_today": Review.objects.filter(order__portfolio=portfolio, status="WAITING").count(),
    }


def _same_rule_history(portfolio_id: int, codes: list[str], but: int) -> list[dict]:
    """How officers decided on the same rules for this portfolio before, the latest first."""
    rows = (
        Review.objects.filter(order__portfolio=portfolio_id)
        .exclude(status__in=["WAITING", "WITHDRAWN"])
        .exclude(pk=but)
        .select_related("verdict", "decided_by")
        .order_by("-decided_at")[:50]
    )
    return [
        {"at": r.decided_at, "what": r.status.replace("_", " ").capitalize(), "text": f"by {r.decided_by}: “{r.reason}”"}
        for r in rows
        if {p.get("rule") for p in problems_of(r.verdict.results)} & set(codes)
    ][:8]


def strip() -> list[dict]:
    """Figures over the queue."""
    waiting = queue()
    decided = dict(Review.objects.exclude(status__in=["WAITING", "WITHDRAWN"]).values_list("status").annotate(Count("pk")))
    return [
        {"label": "Waiting", "value": len(waiting), "tone": "warn" if waiting else ""},
        {"label": "Hard", "value": sum(w.severity == "HARD" for w in waiting), "tone": ""},
        {"label": "Cannot tell", "value": sum(w.severity == "CANNOT TELL" for w in waiting), "tone": ""},
        {"label": "Money held", "usd": sum((w.usd or Decimal(0) for w in waiting), Decimal(0)), "tone": ""},
        {"label": "Approved", "value": decided.get("APPROVED", 0), "tone": ""},
        {"label": "Sent back or rejected", "value": decided.get("SENT_BACK", 0) + decided.get("REJECTED", 0), "tone": ""},
    ]


def rules() -> list[tuple[Rule, list]]:
    """Every rule with its versions, the latest first."""
    rows = Rule.objects.prefetch_related("versions__written_by").order_by("status", "code")
    return [(rule, sorted(rule.versions.all(), key=lambda v: -v.number)) for rule in rows]


def restrictions() -> QuerySet[Restriction]:
    return Restriction.objects.select_related("issuer", "instrument", "portfolio").order_by("status", "-pk")
