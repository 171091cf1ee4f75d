"""Questions to checks and reviews. Officers see everything; a manager sees what was found on their own orders, neutrally."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import Case, Exists, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Value, When

from apps.core.refusals import NotFound
from apps.orders.models import Order
from apps.orders.selectors import check_it_was_split_by, hands_on, orders_seen_by
from apps.portfolios.selectors import portfolios_seen_by
from apps.users.services import can

from ..engine.judgement import LETS_GO
from ..engine.rules import MEASURES
from ..models import Check, Override, Question, Review, Rule
from ..states import Outcome, R, V
from ..states import Q as Asked
from .accepted import overrides_seen_by
from .asking import questions_seen_by
from .lists import CONTROL_ROOM, held_for_control_room
from .nearest import Near, nearest_to
from .runs import passed_by

MOST_HISTORY = 10
NOT_PASSED = (Outcome.FAIL, Outcome.INDETERMINATE)


def reviews_seen_by(user) -> QuerySet[Review]:
    """Reviews with order, portfolio, instrument, verdict and people; none for whom they are not."""
    if not can(user, "compliance.see"):
        return Review.objects.none()
    asked = Override.objects.filter(review=OuterRef("pk"), status=V.ASKED).values("first_by__username")[:1]
    return Review.objects.select_related(
        "order__portfolio", "order__instrument", "order__created_by", "order__group", "verdict__run", "decided_by"
    ).defer("verdict__run__inputs").annotate(
        asked_by=Subquery(asked),
        waits_for_answer=Exists(Question.objects.filter(review=OuterRef("pk"), status=Asked.OPEN)),
    )


def by_attention(reviews: QuerySet[Review]) -> QuerySet[Review]:
    """
    What waits first: hard before what cannot be told before soft, then the largest, then the oldest. What is decided
    after it, newest first.
    """
    rank = Case(
        When(~Q(status=R.WAITING), then=Value(3)),
        When(severity="HARD", then=Value(0)),
        When(verdict__outcome=Outcome.INDETERMINATE, then=Value(1)),
        default=Value(2),
        output_field=IntegerField(),
    )
    decided = Case(When(~Q(status=R.WAITING), then=F("id")))
    return reviews.annotate(rank=rank).order_by(
        "rank", decided.desc(nulls_last=True), F("amount_usd").desc(nulls_last=True), "opened_at", "pk"
    )


def waiting_reviews(user) -> QuerySet[Review]:
    """The queue by attention. One query; ``with_leading`` gives each its failing rule and numbers without another."""
    return by_attention(reviews_seen_by(user).filter(status=R.WAITING))


def with_leading(reviews: Iterable[Review]) -> list[Review]:
    """Each review with ``result``: the leading rule's result, with ``bar``, and ``others``: how many more did not pass."""
    found = list(reviews)
    for review in found:
        unpassed = [r for r in review.verdict.results if r["outcome"] in NOT_PASSED]
        leading = next((r for r in unpassed if r["rule"] == review.leading_rule), unpassed[0] if unpassed else None)
        review.result = leading and leading | {"bar": bar(leading)}
        review.others = max(len(unpassed) - 1, 0)
    return found


def get_review_seen_by(user, review_id: int) -> Review:
    """:raises NotFound: where there is none, or the person may not see it"""
    review = reviews_seen_by(user).filter(pk=review_id).first()
    if review is None:
        raise NotFound(f"There is no review V-{review_id:06d}, or it is not for you to see.")
    return review


@dataclass(frozen=True)
class Detail:
    """
    All that one screen needs to decide.

    :param results: what did not pass first, the leading rule before all, each with ``bar``; then warnings and passes
    :param history: earlier decisions on the same rule and portfolio, newest first
    :param may_decide: whether this person may, now; :param for_control_room: whether not to let it through, which is for the
        control room alone to say
    :param own: whether they may not because they entered the order
    :param nearest: orders that would have passed in its place
    :param thread: what officers asked its managers, with the answers, oldest first
    :param overrides: what officers let stand of it, or asked for
    :param asked: the first of these that waits for a second officer; :param mine: whether this person asked
    """

    review: Review
    results: Sequence[dict[str, Any]]
    passed: int
    history: Sequence[dict[str, Any]]
    may_decide: bool
    own: bool
    nearest: Sequence[Near]
    thread: Sequence[Question]
    overrides: Sequence[Override]
    asked: Override | None
    mine: bool
    for_control_room: bool = False


def review_detail(user, review_id: int) -> Detail:
    """Nine queries at most. :raises NotFound: as ``get_review_seen_by``"""
    review = get_review_seen_by(user, review_id)
    passed = passed_by([review.verdict]).get(review.verdict_id, [])
    results = [r | {"bar": bar(r)} for r in (*review.verdict.results, *passed)]
    results.sort(key=lambda r: (r["outcome"] not in NOT_PASSED, r["rule"] != review.leading_rule))
    own = user.pk in {review.order.created_by_id} | hands_on([review.order_id]).get(review.order_id, set())
    waiting = review.status == R.WAITING
    overrides = list(overrides_seen_by(user).filter(review=review_id))
    asked = next((one for one in overrides if one.status == V.ASKED), None)
    return Detail(
        review,
        results,
        sum(r["outcome"] == Outcome.PASS for r in results),
        _history(review),
        waiting and not own and can(user, "compliance.decide"),
        waiting and own,
        nearest_to(review.verdict),
        list(questions_seen_by(user).filter(review=review_id)),
        overrides,
        asked,
        asked is not None and asked.first_by_id == user.pk,
        waiting and not can(user, CONTROL_ROOM) and bool(held_for_control_room([review_id])),
    )


def _history(review: Review) -> list[dict[str, Any]]:
    """Decided reviews of the same portfolio and leading rule: when, what, by whom, why, and the number then."""
    earlier = (
        Review.objects.filter(leading_rule=review.leading_rule, order__portfolio=review.order.portfolio_id)
        .exclude(pk=review.pk)
        .exclude(status=R.WAITING)
        .select_related("order__instrument", "decided_by", "verdict")
        .order_by("-pk")[:MOST_HISTORY]
    )
    return [
        {
            "id": r.pk,
            "ref": r.ref,
            "at": r.decided_at or r.opened_at,
            "status": r.status,
            "by": str(r.decided_by or ""),
            "reason": r.reason,
            "symbol": r.order.instrument.symbol,
            "side": r.order.side,
            "after": (r.result or {}).get("after"),
            "limit": (r.result or {}).get("limit"),
            "unit": (r.result or {}).get("unit", ""),
        }
        for r in with_leading(earlier)
    ]


def bar(result: dict[str, Any]) -> dict[str, float] | None:
    """Where ``now``, ``limit`` and ``after`` stand on a bar from 0 to 100; None where the result has no limit to show."""
    numbers = {name: result.get(name) for name in ("now", "after", "limit")}
    if numbers["limit"] is None or numbers["after"] is None:
        return None
    values = {name: float(number) for name, number in numbers.items() if number is not None}
    low, high = min(0.0, *values.values()), max(0.0, *values.values())
    width = (high - low) * 1.1 or 1.0
    return {name: round((value - low) / width * 100, 2) for name, value in values.items()}


@dataclass(frozen=True)
class Counts:
    """The officer's strip. Money in USD; ``oldest_at`` None where nothing waits; medians in seconds."""

    waiting: int
    hard: int
    unsure: int
    oldest_at: datetime | None
    held_usd: Decimal
    decided_today: int
    median_seconds: float | None
    restrictions: int


def counts(user, today_from: datetime) -> Counts:
    """Figures over the queue, one query. :raises NotFound: for whom they are not"""
    if not can(user, "compliance.see"):
        raise NotFound("There is no such page for your role.")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FILTER (WHERE w), count(*) FILTER (WHERE w AND severity = 'HARD'),"
            " count(*) FILTER (WHERE w AND outcome = 'INDETERMINATE'), min(opened_at) FILTER (WHERE w),"
            " coalesce(sum(amount_usd) FILTER (WHERE w), 0), count(*) FILTER (WHERE d),"
            " percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM decided_at - opened_at)) FILTER (WHERE d),"
            " (SELECT count(*) FROM compliance_restriction WHERE status = 'ACTIVE' AND kind = 'RESTRICTED')"
            " FROM (SELECT r.*, c.outcome, r.status = 'WAITING' AS w, coalesce(r.decided_at >= %s, false) AS d"
            "  FROM compliance_review r JOIN compliance_check c ON c.id = r.verdict_id"
            "  WHERE r.status = 'WAITING' OR r.decided_at >= %s) q",
            [today_from, today_from],
        )
        return Counts(*cursor.fetchone())


@dataclass(frozen=True)
class Shown:
    """A check as a person may see it: officers whole, managers without what the lists say."""

    check: Check
    outcome: str
    results: Sequence[dict[str, Any]]
    passed: int
    max_passing_qty: Decimal | None
    binding_rule: str
    review: Review | None
    nearest: Sequence[Near] = ()

    @property
    def problems(self) -> list[dict[str, Any]]:
        """What did not pass and holds it."""
        return [r for r in self.results if r["outcome"] in NOT_PASSED and r.get("severity") not in LETS_GO]

    @property
    def warnings(self) -> list[dict[str, Any]]:
        """What is said and holds nothing: rules that only inform or warn, and passes at a warning or beyond it."""
        return [r for r in self.results if is_told(r)]


def checks_of(user, order_id: int) -> list[Shown]:
    """
    The checks of an order, newest first, with the reviews they led to; of a part that was split off another also the check
    by which that one went to the desk. Seven queries at most.

    :raises NotFound: where the person may see neither all checks nor this order's
    """
    whole = can(user, "compliance.see")
    order: Order | None = orders_seen_by(user).filter(pk=order_id).first()
    if order is None or not (whole or _is_theirs(user, order)):
        raise NotFound("There is no such order, or its checks are not for you to see.")
    before = check_it_was_split_by(order_id) if order.split_from_id else None
    rows = Check.objects.filter(Q(order=order_id) | Q(pk=before)).select_related("run").defer("run__inputs")
    checks = list(rows.order_by("-pk"))
    led_to = Review.objects.filter(verdict__in=[check.pk for check in checks])
    reviews = {r.verdict_id: r for r in led_to.select_related("decided_by", "order__created_by", "verdict")}
    hidden, passed = {} if whole else neutral_words(), passed_by(checks)
    shown = [_shown(check, passed.get(check.pk, []), reviews.get(check.pk), hidden) for check in checks]
    if shown and shown[0].max_passing_qty is not None:
        shown[0] = replace(shown[0], nearest=nearest_to(shown[0].check))
    return shown


def is_told(result: Mapping[str, Any]) -> bool:
    """Whether a result is said of an order that it does not hold."""
    return bool(result.get("warned")) or (result["outcome"] in NOT_PASSED and result.get("severity") in LETS_GO)


def _is_theirs(user, order: Order) -> bool:
    return can(user, "compliance.see_own") and portfolios_seen_by(user).filter(pk=order.portfolio_id).exists()


def neutral_words() -> dict[str, str]:
    """Rule code to what the desk is told in its place."""
    kinds = {kind: measure.neutral for kind, measure in MEASURES.items() if measure.neutral}
    return {code: kinds[kind] for code, kind in Rule.objects.filter(kind__in=kinds).values_list("code", "kind")}


def _shown(check: Check, passed: Sequence[dict[str, Any]], review: Review | None, hidden: dict[str, str]) -> Shown:
    """
    :param hidden: as ``neutral_words`` says. What such rules find is one line, however many do; none where it holds nothing, for who
        is watched is not for the desk to learn
    """
    results = [result | {"bar": bar(result)} for result in (*check.results, *passed) if result["rule"] not in hidden]
    kept = [r for r in check.results if r["rule"] in hidden and r["outcome"] != Outcome.PASS and r.get("severity") not in LETS_GO]
    found = max(kept, key=lambda result: result["outcome"] == Outcome.FAIL, default=None)
    if found:
        neutral = {"rule": "compliance", "name": "Compliance", "outcome": found["outcome"], "severity": ""}
        results.append(neutral | {"text": hidden[found["rule"]], "data": [], "bar": None})
    results.sort(key=lambda r: r["outcome"] not in NOT_PASSED)
    return Shown(
        check,
        check.outcome,
        results,
        sum(r["outcome"] == Outcome.PASS for r in results),
        None if found else check.max_passing_qty,
        "" if found else check.binding_rule,
        review,
    )
