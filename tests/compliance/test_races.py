"""Two at once, with threads of their own connections on a real PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connections

from apps.compliance import services as compliance
from apps.compliance.models import Review
from apps.core.refusals import Refusal
from apps.orders import services as orders
from apps.orders.models import Order
from tests.compliance.ruling import put_in_force

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*works) -> list:
    """What each of the works returned, or the refusal it met."""
    start = Barrier(len(works))

    def run(work):
        try:
            start.wait(10)
            return work()
        except Refusal as refusal:
            return refusal
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works, timeout=60))


def test_two_officers_race_and_one_wins(held, omar, odile, by):
    review = held()
    seen = {review.pk: 1}

    answers = at_once(
        lambda: compliance.approve_reviews(by(omar, "The client agreed."), [review.pk], seen=seen),
        lambda: compliance.reject_reviews(by(odile, "Too much."), [review.pk], seen=seen),
    )

    lost = [a for a in answers if isinstance(a, Refusal)]
    assert [type(a) for a in lost] == [compliance.AlreadyDecided]
    review.refresh_from_db()
    winner = "Odile Olsen" if isinstance(answers[0], Refusal) else "Omar Osei"
    assert lost[0].facts["decided_by"] == winner == str(review.decided_by)
    assert review.order.status == {"APPROVED": "CLEARED", "REJECTED": "REJECTED"}[review.status]


def test_an_officer_and_a_cancelling_manager_race_and_one_wins(held, omar, mira, by):
    review = held()

    answers = at_once(
        lambda: compliance.approve_reviews(by(omar, "The client agreed."), [review.pk], seen={review.pk: 1}),
        lambda: orders.cancel_orders(by(mira), [review.order_id], seen={review.order_id: 3}),
    )

    assert sum(isinstance(a, Refusal) for a in answers) == 1
    review.refresh_from_db()
    assert (review.status, review.order.status) in {("APPROVED", "CLEARED"), ("WITHDRAWN", "CANCELLED")}


def drafted(firm, by, person, *wanted) -> list[int]:
    wishes = [orders.Wish(firm.portfolios[p].pk, firm.instruments[s].pk, side, qty) for p, s, side, qty in wanted]
    return orders.create_orders(by(person), wishes)


def submitting(act, ids):
    return lambda: orders.submit_orders(act, ids, seen=dict.fromkeys(ids, 1))


def statuses(ids) -> list[str]:
    return sorted(Order.objects.filter(pk__in=ids).values_list("status", flat=True))


def test_the_last_cash_of_a_portfolio_is_spent_once(rules, firm, mira, paul, by):
    for n in range(3):
        euros = str(1200 - n)  # EUR 100,000 are there at first, and each needs about 96,000.
        mine = drafted(firm, by, mira, ("P3", "BBB", "BUY", euros))
        theirs = drafted(firm, by, paul, ("P3", "BBB", "BUY", str(int(euros) - 5)))

        answers = at_once(submitting(by(mira), mine), submitting(by(paul), theirs))

        assert answers == [None, None]
        assert statuses(mine + theirs) == (["CLEARED", "HELD"] if n == 0 else ["HELD", "HELD"])
    assert Review.objects.filter(leading_rule="cash_by_currency").count() == 5


def test_the_firms_last_room_in_an_issue_is_taken_once(firm, people, mira, paul, by):
    put_in_force(by, "own", {"max_pct": "4.9"}, severity="HARD", name="Own", kind="issue_ownership")
    mine = drafted(firm, by, mira, ("P1", "AAA", "BUY", "340000"))  # 490,000 may be held, and 150,000 are.
    theirs = drafted(firm, by, paul, ("P3", "AAA", "BUY", "339999"))

    answers = at_once(submitting(by(mira), mine), submitting(by(paul), theirs))

    assert answers == [None, None]
    assert statuses(mine + theirs) == ["CLEARED", "HELD"]


def test_crossing_baskets_do_not_wait_for_each_other_for_ever(rules, firm, mira, paul, by):
    mine = drafted(firm, by, mira, ("P3", "AAA", "SELL", "10"), ("P1", "AAA", "SELL", "11"), ("P2", "AAA", "SELL", "12"))
    theirs = drafted(firm, by, mira, ("P2", "CCC", "SELL", "10"), ("P3", "CCC", "SELL", "11"), ("P1", "CCC", "SELL", "12"))

    answers = at_once(submitting(by(mira), mine), submitting(by(mira), theirs))

    assert answers == [None, None]
    assert statuses(mine + theirs) == ["CLEARED"] * 6


def test_the_same_orders_are_submitted_once(rules, firm, mira, by):
    ids = drafted(firm, by, mira, ("P1", "AAA", "SELL", "10"))

    answers = at_once(submitting(by(mira), ids), submitting(by(mira), ids))

    assert [type(a).__name__ for a in answers if a is not None] == ["StaleOrder"]
    assert statuses(ids) == ["CLEARED"]
