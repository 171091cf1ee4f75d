"""Overrides by two at once, with threads of their own connections on a real PostgreSQL."""

from datetime import timedelta

import pytest

from apps.compliance import services as compliance
from apps.compliance.models import Override, Review
from apps.core.refusals import Refusal
from apps.orders import services as orders
from apps.orders.models import Order
from tests.compliance.test_races import at_once

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def hard(rules, submit) -> Review:
    (pk,) = submit(("P1", "AAA", "SELL", "160000"))
    return Review.objects.get(order=pk)


def approving(act, review, version):
    return lambda: compliance.approve_reviews(act, [review.pk], seen={review.pk: version})


def test_two_officers_at_once_are_one_who_asks_and_one_who_has_to_look_again(hard, omar, odile, by):
    answers = at_once(approving(by(omar, "Yes."), hard, 1), approving(by(odile, "Yes."), hard, 1))

    assert sum(isinstance(a, compliance.StaleReview) for a in answers) == 1
    hard.refresh_from_db()
    assert (hard.status, hard.version, hard.order.status) == ("WAITING", 2, "HELD")
    assert set(Override.objects.values_list("status", flat=True)) == {"ASKED"}


def test_the_second_approval_and_the_end_of_the_time_race_and_one_wins(hard, omar, odile, by):
    act = by(omar, "Yes.")
    compliance.approve_reviews(act, [hard.pk], seen={hard.pk: 1})
    over = by("scheduler")
    over.at += timedelta(days=2)

    answers = at_once(approving(by(odile, "Yes."), hard, 2), lambda: compliance.expire_overrides(over))

    hard.refresh_from_db()
    if isinstance(answers[0], Refusal):
        assert (hard.status, hard.order.status) == ("WAITING", "HELD")
    else:  # It was confirmed first, and its time was over then: screened again, it is held anew.
        assert (hard.status, hard.order.status) == ("APPROVED", "HELD")
        assert Review.objects.filter(status="WAITING").count() == 1
    assert set(Override.objects.values_list("status", flat=True)) == {"EXPIRED"}


def test_an_amendment_and_the_second_approval_race_and_one_wins(hard, omar, odile, mira, by):
    compliance.approve_reviews(by(omar, "Yes."), [hard.pk], seen={hard.pk: 1})

    answers = at_once(
        approving(by(odile, "Yes."), hard, 2),
        lambda: orders.amend_orders(by(mira), {hard.order_id: {"qty": "159999"}}, seen={hard.order_id: 3}),
    )

    assert sum(isinstance(a, Refusal) for a in answers) == 1
    found = {o.status for o in Override.objects.all()}
    assert (Order.objects.get().status, found) in [("CLEARED", {"LIVE"}), ("DRAFT", {"DROPPED"})]
