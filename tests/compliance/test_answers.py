"""The nearest orders that would pass: each is screened, and passes."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from apps.compliance import selectors
from apps.compliance.engine.answers import LATER, LIMIT, SMALLER, applied, nearest
from apps.compliance.engine.columns import PRICE, QTY
from apps.compliance.engine.judgement import FAIL, PASS
from apps.compliance.engine.screening import screen
from apps.compliance.models import Review
from apps.orders import services as orders
from apps.orders.models import Order
from tests.compliance.books import LATER as NEXT_BUT_ONE
from tests.compliance.books import D, book, rule, share
from tests.compliance.test_engine_properties import RULES, books
from tests.pages import visit, words


@settings(max_examples=60, deadline=None)
@given(books())
def test_every_answer_screened_in_its_place_passes(s):
    found = screen(s, RULES)
    for order in range(len(s.orders)):
        answers = nearest(s, RULES, order)
        assert not answers or found.outcome[order] == FAIL
        for one in answers:
            assert screen(applied(s, order, one), RULES).outcome[order] == PASS
            assert 0 < one.qty <= s.orders.qty[order]


def test_a_limit_too_far_is_answered_by_the_farthest_that_passes():
    one = rule("price_collar", max_pct="5")
    s = book([share(1, "A", "99.99")], [(0, "A", "BUY", 10, "120")])
    [answer] = nearest(s, [one], 0)
    assert (answer.kind, answer.limit, answer.qty, answer.binds) == (LIMIT, int(D("104.98") * PRICE), 10 * QTY, "price_collar")
    more = replace(s, orders=replace(s.orders, limit=np.array([int(D("104.99") * PRICE)])))
    assert screen(more, [one]).outcome[0] == FAIL
    s = book([share(1, "A", "99.99")], [(0, "A", "SELL", 10, "80")], positions=[(0, "A", 100)])
    [answer] = nearest(s, [one], 0)
    assert answer.limit == D("95.00") * PRICE  # Down to 94.9905.


def test_within_the_collar_and_smaller_where_both_are_asked():
    s = book([share(1, "A", "100")], [(0, "A", "BUY", 500, "120")])
    [answer] = nearest(s, [rule("price_collar", max_pct="5"), rule("order_value", max_amount="30000")], 0)
    assert (answer.kind, answer.qty, answer.limit, answer.binds) == (LIMIT, 285 * QTY, 105 * PRICE, "order_value")


def test_money_that_comes_later_is_answered_by_its_day_and_by_what_there_is_now():
    s = book(
        [share(1, "A", "100")], [(0, "A", "BUY", 100)], cash=[(0, "USD", 12_000)],
        unsettled=[(0, "USD", 8_000, NEXT_BUT_ONE)],
    )  # fmt: skip
    smaller, later = nearest(s, [rule("cash_by_currency", slip_pct="0")], 0)
    assert (smaller.kind, smaller.qty) == (SMALLER, 40 * QTY)
    assert (later.kind, later.qty, later.settles) == (LATER, 100 * QTY, NEXT_BUT_ONE.toordinal())


def test_nothing_is_said_of_what_passes_cannot_be_told_or_is_refused_at_any_size():
    cannot = book([share(1, "A", None)], [(0, "A", "BUY", 10)])
    assert nearest(cannot, [rule("order_value", max_amount="5")], 0) == []
    fine = book([share(1, "A")], [(0, "A", "BUY", 10)])
    assert nearest(fine, [rule("order_value", max_amount="5000")], 0) == []
    assert nearest(fine, [rule("order_value", max_amount="5")], 0) == []


class TestShown:
    @pytest.fixture
    def review(self, rules, submit):
        (pk,) = submit(("P1", "BBB", "BUY", "10"), order_type="LIMIT", limit_price="500")
        return Review.objects.get(order=pk)

    def test_officer_and_manager_read_what_would_pass(self, review, omar, mira, client):
        for page in (
            visit(omar, "compliance:review", review.pk, htmx=True), visit(mira, "compliance:order_checks", review.order_id, htmx=True)
        ):  # fmt: skip
            assert "At the nearest limit" in words(page)
        client.force_login(omar)
        [near] = client.get(f"/api/v1/reviews/{review.pk}/").json()["nearest"]
        client.force_login(mira)
        [checked] = client.get(f"/api/v1/orders/{review.order_id}/checks/").json()
        assert checked["nearest"] == [near] and near["kind"] == "LIMIT"

    def test_amended_to_it_the_order_passes(self, review, mira, by):
        [near] = selectors.checks_of(mira, review.order_id)[0].nearest
        change = {"limit_price": str(near.limit), "qty": str(near.qty)}
        orders.amend_orders(by(mira), {review.order_id: change}, seen={review.order_id: 3})
        orders.submit_orders(by(mira), [review.order_id], seen={review.order_id: 4})
        assert Order.objects.get().status == "CLEARED"
