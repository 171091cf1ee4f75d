"""What officers let stand of orders, and whether that covers what the rules find now."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import QuerySet

from apps.users.services import can

from ..engine.acceptance import uncovered
from ..models import Check, Override
from ..states import V


class Standing(NamedTuple):
    """
    Of an order with live overrides: the severity of the hardest, the rules that they do not cover now, and those of the
    overrides that have come to their end with that.
    """

    severity: str
    open: list[str]
    dead: list[int]


def standing(checks: Mapping[int, int], at: datetime) -> dict[int, Standing]:
    """
    Of orders that fail now, those with something that officers let stand and that is not over yet. Two queries.

    :param checks: order id to the check that it fails now
    """
    if not checks:
        return {}
    live: dict[int, list[Override]] = {}
    found = Override.objects.filter(order__in=checks, status=V.LIVE, expires_at__gt=at)
    for row in found.select_related("rule").order_by("pk"):
        live.setdefault(row.order_id, []).append(row)
    if not live:
        return {}
    now = Check.objects.filter(pk__in=[checks[pk] for pk in live]).values_list("order_id", "results")
    return {pk: _standing(live[pk], results) for pk, results in now}


def _standing(overrides: Collection[Override], results: list[dict]) -> Standing:
    left = uncovered([as_result(row) for row in overrides], results)
    return Standing(
        "HARD" if any(row.severity == "HARD" for row in overrides) else "SOFT",
        left,
        [row.pk for row in overrides if row.rule.code in left],
    )


def as_result(row: Override) -> dict[str, Any]:
    """What was let stand, in the words of a check's results."""
    return {
        "rule": row.rule.code,
        "version": row.rule_version_id,
        "outcome": row.outcome,
        "severity": row.severity,
        "after": None if row.value is None else str(row.value),
        "limit": None if row.limit is None else str(row.limit),
        "unit": row.unit,
        "limit_from": row.limit_from,
        "text": row.said,
        "met": row.met,
        "tolerance_pct": str(row.tolerance_pct),
    }


def overrides_seen_by(user) -> QuerySet[Override]:
    """Overrides with their rule and people, newest first; none for whom they are not."""
    if not can(user, "compliance.see"):
        return Override.objects.none()
    return Override.objects.select_related("rule", "rule_version", "order", "first_by", "second_by").order_by("-pk")
