"""
Orders judged anew after they were cleared. Those good for longer than a day that are at a broker are each morning: a
breach that nobody accepted opens a review, and they go on working until a person decides.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from django.db import transaction

from apps.core.acts import Act
from apps.core.events import Fact, listens
from apps.orders import services as orders

from ..engine.judgement import OUTCOMES, PASS
from ..engine.screening import WARNING
from ..models import Check, Review
from ..selectors.accepted import accepted_before
from ..states import R
from .decisions import end_waiting
from .screening import judge, open_reviews, pairs


@listens("compliance.recheck_orders")
@transaction.atomic
def recheck_orders(act: Act, facts: Sequence[Fact]) -> None:
    """
    Will judge orders that are at a broker anew and keep a check of each. One that fails, by more or otherwise than an
    officer accepted before, is reviewed and the desk is told; it goes on working, for whether to cancel is a person's to
    decide. A review that waits since an earlier day gives way to that of today, or ends where nothing is left to decide.

    :param facts: one ``OrderRechecked`` an order; the caller holds the orders' rows
    """
    asked, found, checks = judge(act, facts)
    ids = asked.snapshot.orders.id
    fails = found.outcome != PASS
    accepted = accepted_before(pairs(ids, checks, fails))
    new = fails & ~np.isin(ids, list(accepted))
    end_waiting(act, ids.tolist())
    if new.any():
        orders.mark_failing(act, pairs(ids, checks, new))
        open_reviews(act, asked.snapshot, found, checks, np.flatnonzero(new))


@transaction.atomic
def screen_again(act: Act, versions: Mapping[int, int]) -> dict[int, list[str]]:
    """
    Will judge orders anew that were cleared before, keep a check of each, and say of which something fails that no
    officer allowed: order id to the rules.

    :param versions: order id to its version; the caller holds the orders
    """
    asked, found, checks = judge(act, [Fact(pk, version, None) for pk, version in versions.items()])
    failing = pairs(asked.snapshot.orders.id, checks, found.outcome != PASS)
    if not failing:
        return {}
    allowed = Review.objects.filter(order__in=failing, status=R.APPROVED).order_by("pk")
    before = {pk: _failed(results) for pk, results in allowed.values_list("order_id", "verdict__results")}
    now = Check.objects.filter(pk__in=failing.values()).values_list("order_id", "results")
    new = {pk: sorted(_failed(results) - before.get(pk, set())) for pk, results in now}
    return {pk: rules for pk, rules in new.items() if rules}


def _failed(results: Sequence[Mapping]) -> set[str]:
    return {one["rule"] for one in results if one["outcome"] != OUTCOMES[PASS] and one.get("severity") != WARNING}
