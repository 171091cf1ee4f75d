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

from ..engine.acceptance import uncovered
from ..engine.judgement import PASS
from ..models import Check
from ..selectors import standing
from ..selectors.reviews import neutral_words
from .decisions import end_waiting
from .overriding import still_allowed
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
    accepted = still_allowed(act, pairs(ids, checks, fails))
    new = fails & ~np.isin(ids, list(accepted))
    end_waiting(act, ids.tolist())
    if new.any():
        orders.mark_failing(act, pairs(ids, checks, new))
        open_reviews(act, asked.snapshot, found, checks, np.flatnonzero(new))


@transaction.atomic
def screen_again(act: Act, versions: Mapping[int, int]) -> dict[int, list[str]]:
    """
    Will judge orders anew that were cleared before, keep a check of each, and say of which something fails that no
    override covers: order id to the rules, those that the desk is not to hear of as “compliance”.

    :param versions: order id to its version; the caller holds the orders
    """
    asked, found, checks = judge(act, [Fact(pk, version, None) for pk, version in versions.items()])
    failing = pairs(asked.snapshot.orders.id, checks, found.outcome != PASS)
    if not failing:
        return {}
    allowed = standing(failing, act.at)
    now = Check.objects.filter(pk__in=[check for pk, check in failing.items() if pk not in allowed])
    new = {pk: uncovered([], results) for pk, results in now.values_list("order_id", "results")}
    new |= {pk: one.open for pk, one in allowed.items()}
    hidden = neutral_words()
    return {pk: sorted({"compliance" if rule in hidden else rule for rule in rules}) for pk, rules in new.items() if rules}
