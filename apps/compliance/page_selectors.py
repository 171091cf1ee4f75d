"""What the pages of compliance show, each in a fixed number of queries."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from django.utils import timezone

from apps.orders.selectors import own_fields
from apps.portfolios import selectors as portfolios
from apps.portfolios.models import Mandate

from . import selectors
from .engine.params import OF_ALL
from .engine.scope import words
from .models import ClauseMapping, Review, Rule
from .states import USUAL, WHEN, Outcome, R, Stage

MOST_LISTED = 500
SHORT = ("Now", "After this order", "Limit")
SEVERITY_LOOK = {"HARD": "hard", "CANNOT TELL": "unknown", "SOFT": "soft", "WARN": "soft", "INFO": "soft"}


class Asked(NamedTuple):
    """Which reviews the queue shows: those that wait unless ``status`` is DECIDED."""

    status: str = ""
    outcome: str = ""
    severity: str = ""


class Line(NamedTuple):
    """A review in the queue: what the order is, the rule to look at first, and how many more did not pass."""

    review: Review
    severity: str
    look: str
    rule: str
    after: str
    others: int

    @property
    def at(self) -> datetime:
        return self.review.decided_at or self.review.opened_at


def queue(user, asked: Asked) -> list[Line]:
    """Reviews by attention: hard, cannot tell, soft; within each the larger money, then the older. One query."""
    rows = selectors.reviews_seen_by(user)
    if asked.status == "DECIDED":
        rows = rows.exclude(status__in=[R.WAITING, R.WITHDRAWN])
    else:
        rows = rows.filter(status=R.WAITING)
    if asked.outcome in Outcome.__members__:
        rows = rows.filter(verdict__outcome=asked.outcome)
    if asked.severity:
        rows = rows.filter(severity=asked.severity)
    return [_line(r) for r in selectors.with_leading(selectors.by_attention(rows)[:MOST_LISTED])]


def _line(review: Review) -> Line:
    word = _severity(review)
    leading = review.result or {}
    after = ""
    if leading.get("after") is not None:
        percent = _unit(leading).startswith("%")
        after = f"{Decimal(leading['after']):.2f}%" if percent else in_words(leading["after"]) + _unit(leading)
    return Line(review, word, SEVERITY_LOOK[word], leading.get("name", ""), after, review.others)


def _severity(review: Review) -> str:
    if review.severity != "HARD" and review.verdict.outcome == Outcome.INDETERMINATE:
        return "CANNOT TELL"
    return review.severity


class Number(NamedTuple):
    """A number that a verdict used, in words, with its time."""

    what: str
    qty: str
    price: str
    value: str
    at: datetime | None


class Problem(NamedTuple):
    """A rule that an order did not pass, as the page explains it. ``bar``: numbers for a limit bar, where there is one."""

    result: Mapping[str, Any]
    facts: list[tuple[str, str]]
    bar: dict[str, Any] | None
    numbers: list[Number]
    clauses: Sequence[ClauseMapping] = ()

    @property
    def short(self) -> list[tuple[str, str]]:
        """What there was, would be and may be."""
        return [fact for fact in self.facts if fact[0] in SHORT]

    @property
    def rest(self) -> list[tuple[str, str]]:
        """All of it where a bar stands for that, else what was not said yet."""
        return self.facts if self.bar else [fact for fact in self.facts if fact[0] not in SHORT]

    @property
    def has_pieces(self) -> bool:
        return any(n.qty for n in self.numbers)


def in_words(value: Any) -> str:
    """A number of the evidence with its thousands apart; anything else as it is."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return str(value)
    whole, _, part = f"{abs(number):,f}".partition(".")
    part = part.rstrip("0")
    return f"{'−' if number < 0 else ''}{whole}{f'.{part}' if part else ''}"


def _unit(result: Mapping[str, Any]) -> str:
    unit = result.get("unit") or ""
    return unit if not unit or unit.startswith("%") else f" {unit}"


def _problem(result: Mapping[str, Any]) -> Problem:
    unit = _unit(result)
    named = (("Now", "now", unit), ("After this order", "after", unit), ("Limit", "limit", unit))
    facts = [(label, in_words(result[key]) + tail) for label, key, tail in named if result.get(key) is not None]
    if result.get("room") is not None:
        facts.append(("Room left", f"{in_words(result['room'])} {result.get('room_unit', '')}".strip()))
    if result.get("max_qty") is not None:
        facts.append(("Largest quantity that passes this rule", in_words(result["max_qty"])))
    if result.get("limit_from"):
        facts.append(("Limit set by the", result["limit_from"]))
    if result.get("basis"):
        facts.append(("Measured", result["basis"]))
    return Problem(result, facts, _bar(result), [_number(line) for line in result.get("data", [])])


def _bar(result: Mapping[str, Any]) -> dict[str, Any] | None:
    if result.get("after") is None or result.get("limit") is None:
        return None
    percent = (result.get("unit") or "").startswith("%")
    numbers = {name: result.get(name) for name in ("now", "after", "limit", "warning")}
    if min(Decimal(n) for n in numbers.values() if n is not None) < 0:
        return None  # The bar stands on zero.
    return numbers | {"unit": "%" if percent else _unit(result), "places": 1 if percent else 0}


def _number(line: Mapping[str, Any]) -> Number:
    currency = line.get("currency", "")
    at = datetime.fromisoformat(line["at"]) if line.get("at") else None
    value = f"{currency} {in_words(line['value'])}".strip()
    qty, price = (in_words(line[name]) if name in line else "" for name in ("qty", "price"))
    return Number(line["what"], qty, price, value, at)


class Decision(NamedTuple):
    """All that the decision page shows."""

    line: Line
    detail: selectors.Detail
    problems: list[Problem]
    passed: list[tuple[str, str, str, str, str]]
    binding_rule: str
    nav_usd: Decimal | None
    mandate: Mandate | None
    waiting_here: int

    @property
    def warned(self) -> int:
        """How many rules passed with a warning."""
        return sum(bool(said) for *_, said in self.passed)


def decision(user, review_id: int) -> Decision:
    """Ten queries at most. :raises NotFound: where there is no such review, or the person may not see it"""
    detail = selectors.review_detail(user, review_id)
    review = detail.review
    selectors.with_leading([review])
    names = dict(Rule.objects.values_list("code", "name"))
    portfolio = review.order.portfolio
    found = [r for r in detail.results if r["outcome"] != Outcome.PASS]
    cited = selectors.clauses_cited({r["rule"] for r in found}, portfolio, review.verdict.at)
    return Decision(
        _line(review),
        detail,
        [_problem(r)._replace(clauses=cited.get(r["rule"], ())) for r in found],
        _passed(detail.results, names),
        names.get(review.verdict.binding_rule, review.verdict.binding_rule),
        portfolios.navs([portfolio.pk]).get(portfolio.pk),
        Mandate.objects.filter(portfolio=portfolio).first(),
        Review.objects.filter(order__portfolio=portfolio, status=R.WAITING).count(),
    )


def _passed(results: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> list[tuple[str, str, str, str, str]]:
    """Rules that passed with what they found: name, now, after, limit, and the words of a warning; those that warn first."""
    return [
        (
            names.get(r["rule"], r["rule"]),
            *(in_words(r[k]) if r.get(k) is not None else "" for k in ("now", "after", "limit")),
            r.get("text", "") if r.get("warned") else "",
        )
        for r in sorted(results, key=lambda r: not r.get("warned"))
        if r["outcome"] == Outcome.PASS
    ]


def counts(user) -> selectors.Counts:
    """Figures over the queue; today began at midnight UTC. One query."""
    return selectors.counts(user, timezone.now().replace(hour=0, minute=0, second=0, microsecond=0))


class RuleLine(NamedTuple):
    """A rule with its newest version in words."""

    rule: Rule
    limits: list[tuple[str, str]]
    clauses: Sequence[ClauseMapping] = ()

    @property
    def scope(self) -> list[str]:
        return words(self.rule.scope)

    @property
    def when(self) -> list[str]:
        """When it is asked, where that is otherwise than of a rule that does not say."""
        return [] if set(self.rule.moments) == USUAL else [WHEN[stage] for stage in Stage if stage in self.rule.moments]


def rules(user) -> list[RuleLine]:
    """Rules by name, with the clauses they stand for. Two queries, three where one asks for a field of the firm's own."""
    found = list(selectors.rules_seen_by(user))
    asks = any(rule.params.get("own_field") for rule in found)
    labels = {field.code: field.label for field in own_fields()} if asks else {}
    clauses = selectors.clauses_of_rules(user, [rule.pk for rule in found])
    return [
        RuleLine(rule, [*_of_own(rule.params, labels), *_limits(rule.params)], clauses.get(rule.pk, ())) for rule in found
    ]


def _of_own(params: Mapping[str, Any], labels: Mapping[str, str]) -> list[tuple[str, str]]:
    code = params.get("own_field")
    return [(f"only where {labels.get(code, code)} is", params["own_value"])] if code else []


def _limits(params: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(name.replace("_", " "), param_in_words(value)) for name, value in sorted(params.items()) if name not in OF_ALL]


def param_in_words(value: Any) -> str:
    """A rule's parameter as its form shows it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else in_words(value)
