"""The officer's pages, as a browser asks for them."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.compliance import services as compliance
from apps.compliance.models import Restriction, Review
from apps.compliance.page_selectors import in_words, param_in_words
from apps.orders.models import Order
from tests.pages import send, visit, words

REASON = "The client consented in writing on 20 November."


def rows(response) -> list[int]:
    return [int(pk) for pk in re.findall(r'data-row="review:(\d+)"', words(response))]


def seen(review: Review) -> str:
    return f"{review.pk}:{review.version}"


def decided(user, review: Review, how: str, reason: str = REASON, **more):
    return send(user, "compliance:decide", {"how": how, "code": "CLIENT", "reason": reason, "seen": seen(review)} | more, review.pk)


@pytest.mark.parametrize(
    ("value", "shown"),
    [("1250000", "1,250,000"), ("-0.50", "−0.5"), ("12.340000", "12.34"), ("BBB+", "BBB+"), ("0.0", "0")],
)
def test_numbers_of_the_evidence_are_readable(value, shown):
    assert in_words(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(True, "yes"), (False, "no"), (["GOVT", "ETF"], "GOVT, ETF"), (None, "none"), ("25000000", "25,000,000")],
)
def test_parameters_of_a_rule_are_words(value, shown):
    assert param_in_words(value) == shown


# --- the queue ------------------------------------------------------------------------------------------------------


class TestQueue:
    def test_lists_the_larger_money_first_with_the_rule_and_the_number(self, omar, held):
        small, large = held(qty="100"), held(qty="900", portfolio="P2")

        shown = visit(omar, "compliance:reviews")

        assert shown.status_code == 200
        assert rows(shown) == [large.pk, small.pk]
        assert "900 AAA" in words(shown)
        assert "Portfolio P2" in words(shown)
        assert '<small>Waiting</small><strong class="warn">2</strong>' in words(shown)

    def test_keeps_what_waits_from_what_is_decided(self, omar, by, held):
        waits, done = held(), held(qty="200")
        compliance.approve_reviews(by(omar, REASON), [done.pk], seen={done.pk: done.version})

        assert rows(visit(omar, "compliance:reviews")) == [waits.pk]
        assert rows(visit(omar, "compliance:reviews", query="?status=DECIDED")) == [done.pk]
        assert "Approved" in words(visit(omar, "compliance:reviews", query="?status=DECIDED"))
        assert rows(visit(omar, "compliance:reviews", query="?outcome=INDETERMINATE")) == []
        assert "No such review waits" in words(visit(omar, "compliance:reviews", query="?outcome=INDETERMINATE"))

    def test_an_empty_queue_says_what_it_is_for(self, omar, rules):
        assert "never rejected by the machine" in words(visit(omar, "compliance:reviews"))

    @pytest.mark.parametrize("part", ["strip", "items"])
    def test_gives_its_parts_alone_to_a_live_page(self, omar, held, part):
        held()

        shown = visit(omar, "compliance:reviews", query=f"?part={part}", htmx=True)

        assert shown.status_code == 200
        assert "<html" not in words(shown)
        assert ("data-row" in words(shown)) == (part == "items")

    def test_asks_the_database_as_often_for_many_as_for_one(self, omar, held):
        held()
        with CaptureQueriesContext(connection) as one:
            visit(omar, "compliance:reviews")
        for _ in range(4):
            held()
        with CaptureQueriesContext(connection) as five:
            shown = visit(omar, "compliance:reviews")

        assert len(rows(shown)) == 5
        assert len(five) == len(one)

    def test_is_for_compliance_and_the_auditor(self, mira, tom, olga, ada, alan, stranger, held):
        review = held()

        for person in (mira, tom, olga, alan, stranger):
            assert visit(person, "compliance:reviews").status_code == 403
            assert visit(person, "compliance:review", review.pk).status_code == 403
        assert visit(ada, "compliance:reviews").status_code == 200


# --- a decision -----------------------------------------------------------------------------------------------------


class TestDecision:
    def test_shows_the_arithmetic_and_what_would_pass(self, omar, held):
        review = held()

        shown = words(visit(omar, "compliance:review", review.pk))

        result = next(r for r in review.verdict.results if r["outcome"] == "FAIL")
        assert result["name"].replace("'", "&#x27;") in shown
        assert f"· v{result['number']}" in shown
        assert f"Largest quantity that passes all {review.verdict.rules_asked} rules" in shown
        assert "Net asset value" in shown
        assert review.verdict.inputs_hash[:16] in shown
        assert 'aria-label="Main"' in shown
        assert "Approve" in shown

    def test_the_list_asks_for_the_decision_alone(self, omar, held):
        shown = words(visit(omar, "compliance:review", held().pk, htmx=True))

        assert shown.lstrip().startswith('<a class="back')
        assert "<html" not in shown

    def test_a_review_that_is_not_there_is_not_found(self, omar, rules):
        assert visit(omar, "compliance:review", 999).status_code == 404

    def test_an_auditor_looks_and_decides_nothing(self, ada, held):
        review = held()

        assert "It waits for a compliance officer." in words(visit(ada, "compliance:review", review.pk))
        assert decided(ada, review, "approve").status_code == 403
        assert Review.objects.get(pk=review.pk).status == "WAITING"

    @pytest.mark.parametrize(
        ("how", "review_status", "order_status"),
        [("approve", "APPROVED", "CLEARED"), ("send_back", "SENT_BACK", "DRAFT"), ("reject", "REJECTED", "REJECTED")],
    )
    def test_is_made_and_said(self, omar, held, how, review_status, order_status):
        review = held()

        answer = decided(omar, review, how)

        assert answer.status_code == 200
        assert "The decision is on the record." in answer["HX-Trigger"]
        assert "by Omar Osei" in words(answer)
        assert REASON in words(answer)
        review.refresh_from_db()
        assert (review.status, review.reason) == (review_status, REASON)
        assert Order.objects.get(pk=review.order_id).status == order_status

    def test_needs_a_reason_and_comes_back_in_place(self, omar, held):
        review = held()

        answer = decided(omar, review, "approve", "  ")

        assert answer.status_code == 422
        assert "Give a reason" in words(answer)
        assert Review.objects.get(pk=review.pk).status == "WAITING"

    def test_a_stale_look_is_refused_in_place_with_what_was_typed(self, omar, held):
        review = held()

        answer = decided(omar, review, "approve", seen=f"{review.pk}:7")

        assert answer.status_code == 409
        assert answer["HX-Reswap"] == "innerHTML"
        assert f'maxlength="2000">{REASON}</textarea>' in words(answer)
        assert Review.objects.get(pk=review.pk).status == "WAITING"

    def test_the_second_officer_is_told_who_was_first(self, omar, odile, by, held):
        review = held()
        compliance.reject_reviews(by(odile, "No room was promised."), [review.pk], seen={review.pk: review.version})

        answer = decided(omar, review, "approve")

        assert answer.status_code == 409
        assert "Odile Olsen" in words(answer)
        assert 'role="alert"' in words(answer)
        assert Review.objects.get(pk=review.pk).status == "REJECTED"

    def test_is_one_of_three(self, omar, held):
        review = held()

        assert decided(omar, review, "wave_through").status_code == 422
        assert Review.objects.get(pk=review.pk).status == "WAITING"

    def test_shows_how_the_same_rule_was_decided_before(self, omar, by, held):
        before = held()
        compliance.reject_reviews(by(omar, "No room was promised."), [before.pk], seen={before.pk: before.version})

        assert "“No room was promised.”" in words(visit(omar, "compliance:review", held(qty="300").pk))


# --- an order's checks ----------------------------------------------------------------------------------------------


class TestChecks:
    def test_a_manager_reads_why_their_order_is_held(self, mira, held):
        shown = words(visit(mira, "compliance:order_checks", held().order_id, htmx=True))

        assert "Held: a rule failed" in shown
        assert "Waits for an officer" in shown
        assert "decide</a>" not in shown

    def test_an_officer_goes_on_to_the_decision(self, omar, held):
        assert "decide</a>" in words(visit(omar, "compliance:order_checks", held().order_id, htmx=True))

    def test_orders_of_others_are_hidden(self, paul, tom, held):
        order = held(portfolio="P1").order_id

        assert visit(paul, "compliance:order_checks", order).status_code == 404
        assert visit(tom, "compliance:order_checks", order).status_code == 403


# --- rules and the restricted list ----------------------------------------------------------------------------------


class TestRules:
    def test_says_each_rule_and_its_limits_in_words(self, omar, rules):
        shown = words(visit(omar, "compliance:rules"))

        assert "Price collar, 5%" in shown
        assert "max amount <b>25,000,000</b>" in shown
        assert "exempt <b>GOVT</b>" in shown
        assert "[&#x27;" not in shown

    def test_an_auditor_changes_none(self, ada, rules):
        assert "Change" not in words(visit(ada, "compliance:rules")).split("<main")[1]
        assert visit(ada, "compliance:rule", "order_value").status_code == 403

    def test_an_unknown_rule_is_not_found(self, omar, rules):
        assert visit(omar, "compliance:rule", "no_such_rule").status_code == 404


class TestRestrictions:
    def test_restricts_an_issuer_and_two_officers_lift_it_with_a_reason(self, omar, odile, firm, rules):
        said = {"issuer": firm.instruments["AAA"].issuer_id, "direction": "ALL", "effective_from": "2026-01-02",
                "reason": "We advise the target."}  # fmt: skip

        assert send(omar, "compliance:restrict", said).status_code == 204
        row = Restriction.objects.get()
        assert "We advise the target." in words(visit(omar, "compliance:restrictions"))

        def act(who, how: str, version: int, reason: str = "The deal is off.") -> int:
            return send(who, "compliance:lift", {"seen": f"{row.pk}:{version}", "reason": reason, "how": how}, row.pk).status_code

        assert act(omar, "wave", 1) == 422
        assert act(omar, "ask", 1) == 204
        mine, theirs = (words(visit(who, "compliance:restrictions")) for who in (omar, odile))
        assert "Omar Osei would lift it: The deal is off." in theirs
        assert 'value="lift"' in theirs and 'value="lift"' not in mine and all('value="keep"' in page for page in (mine, theirs))
        assert "Restrictions to lift" in words(visit(odile, "desk:home")) and "Restrictions to lift" not in words(visit(omar, "desk:home"))
        assert (act(omar, "lift", 2), act(odile, "lift", 2)) == (403, 204)
        assert "asked by Omar Osei, lifted by Odile Olsen" in words(visit(omar, "compliance:restrictions"))

    def test_names_an_issuer_or_an_instrument(self, omar, rules):
        said = {"direction": "ALL", "effective_from": "2026-01-02", "reason": "We advise the target."}

        answer = send(omar, "compliance:restrict", said)

        assert answer.status_code == 422
        assert "We advise the target." in words(answer)
        assert not Restriction.objects.exists()

    def test_lifting_is_the_officers(self, ada, omar, firm, rules):
        send(omar, "compliance:restrict", {"issuer": firm.instruments["AAA"].issuer_id, "direction": "BUY",
                                           "effective_from": "2026-01-02", "reason": "x"})  # fmt: skip
        row = Restriction.objects.get()

        assert (
            send(ada, "compliance:lift", {"seen": f"{row.pk}:{row.version}", "reason": "y", "how": "ask"}, row.pk).status_code == 403
        )
        assert Restriction.objects.get().status == "ACTIVE"
