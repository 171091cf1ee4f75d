"""What officers ask an order's managers before they decide, and the answers."""

import pytest
from django.db import IntegrityError, transaction

from apps.audit.models import Entry
from apps.compliance import services as compliance
from apps.compliance.models import Question, Review
from apps.core.refusals import Invalid, NotAllowed, NotFound, Refusal
from apps.orders import services as orders
from tests.compliance.test_races import at_once
from tests.pages import send, visit, words


@pytest.fixture
def asked(held, omar, by):
    review = held()
    compliance.ask(by(omar), review.pk, "Is the cash of Friday booked?", seen=1)
    return Question.objects.get()


def record_of(subject: str, pk: int) -> list[str]:
    return list(Entry.objects.filter(subject=subject, subject_id=pk).order_by("nth").values_list("event", flat=True))


def test_an_officer_asks_the_manager_answers_and_the_review_waits_meanwhile(asked, omar, mira, by):
    review = asked.review
    assert (review.status, review.version) == ("WAITING", 2)
    assert "waiting for an answer" in words(visit(omar, "compliance:reviews"))
    compliance.answer(by(mira), asked.pk, "It is, custodian's number 4711.", seen=1)

    asked.refresh_from_db()
    assert (asked.status, asked.answered_by, asked.answer) == ("ANSWERED", mira, "It is, custodian's number 4711.")
    assert record_of("question", asked.pk) == ["question.asked", "question.answered"]
    assert record_of("review", review.pk) == ["review.opened", "review.questioned", "review.answered"]
    assert "waiting for an answer" not in words(visit(omar, "compliance:reviews"))


def test_nobody_decides_without_having_seen_the_answer(asked, omar, mira, by):
    compliance.answer(by(mira), asked.pk, "No.", seen=1)
    with pytest.raises(compliance.StaleReview):
        compliance.approve_reviews(by(omar, "Fine."), [asked.review_id], seen={asked.review_id: 2})


def test_a_decision_may_be_made_without_and_closes_it(asked, omar, mira, by):
    compliance.reject_reviews(by(omar, "Too late."), [asked.review_id], seen={asked.review_id: 2})
    asked.refresh_from_db()
    assert asked.status == "CLOSED"
    with pytest.raises(compliance.StaleQuestion, match="ended before you answered"):
        compliance.answer(by(mira), asked.pk, "Here.", seen=1)


def test_an_amended_order_closes_it(asked, mira, by):
    orders.amend_orders(by(mira), {asked.order_id: {"qty": "10"}}, seen={asked.order_id: 3})
    asked.refresh_from_db()
    assert (asked.status, asked.review.status) == ("CLOSED", "WITHDRAWN")


def test_refusals_leave_nothing(asked, omar, odile, paul, tom, mira, by):
    with pytest.raises(compliance.StillAsked):
        compliance.ask(by(odile), asked.review_id, "And?", seen=2)
    with pytest.raises(compliance.StaleReview):
        compliance.ask(by(odile), asked.review_id, "And?", seen=1)
    for text in (" ", "x" * 2001):
        with pytest.raises(Invalid) as refusal:
            compliance.answer(by(mira), asked.pk, text, seen=1)
        assert refusal.value.facts["field"] == "text"
    with pytest.raises(NotFound):
        compliance.answer(by(paul), asked.pk, "Not mine.", seen=1)
    for person in (tom, omar):
        with pytest.raises(NotAllowed):
            compliance.answer(by(person), asked.pk, "Not mine.", seen=1)
    asked.refresh_from_db()
    assert (asked.status, asked.version, Review.objects.get().version) == ("OPEN", 1, 2)


def test_the_database_holds_it(asked):
    with pytest.raises(IntegrityError), transaction.atomic():
        Question.objects.filter(pk=asked.pk).update(status="ANSWERED")
    asked.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        asked.save()


@pytest.mark.django_db(transaction=True)
def test_an_answer_and_a_decision_race_and_one_wins(asked, omar, mira, by):
    answers = at_once(
        lambda: compliance.answer(by(mira), asked.pk, "Yes.", seen=1),
        lambda: compliance.reject_reviews(by(omar, "No."), [asked.review_id], seen={asked.review_id: 2}),
    )
    assert sum(isinstance(a, Refusal) for a in answers) == 1
    asked.refresh_from_db()
    assert (asked.status, asked.review.status) in [("ANSWERED", "WAITING"), ("CLOSED", "REJECTED")]


class TestPages:
    def test_the_officer_asks_on_the_review_and_reads_the_answer_there(self, held, omar, mira):
        review = held()
        empty = send(omar, "compliance:ask", {"text": " ", "seen": f"{review.pk}:1"}, review.pk)
        assert empty.status_code == 422 and 'name="text" required maxlength="2000" aria-invalid' in words(empty)
        done = send(omar, "compliance:ask", {"text": "Whose cash?", "seen": f"{review.pk}:1"}, review.pk)
        assert done.status_code == 200 and "Waiting for an answer" in words(done) and "Whose cash?" in words(done)

        home = words(visit(mira, "desk:home"))
        assert "compliance asks you something" in home and "Compliance asks</small>" in home
        panel = words(visit(mira, "compliance:order_checks", review.order_id, htmx=True))
        assert "Whose cash?" in panel and "Your answer" in panel
        question = Question.objects.get()
        said = {"text": "Of the transfer.", "seen": f"{question.pk}:1"}
        answered = send(mira, "compliance:answer", said, review.order_id, question.pk)
        assert answered.status_code == 200 and "Your answer" not in words(answered)
        again = send(mira, "compliance:answer", said, review.order_id, question.pk)
        assert again.status_code == 409 and "answered before you" in words(again)

        page = words(visit(omar, "compliance:review", review.pk, htmx=True))
        assert "Of the transfer." in page and "Waiting for an answer" not in page
        assert "asks you something" not in words(visit(mira, "desk:home"))

    def test_a_colleague_of_another_team_reads_nothing(self, asked, paul):
        assert visit(paul, "compliance:order_checks", asked.order_id, htmx=True).status_code == 404


def test_other_systems_ask_list_and_answer(held, client, omar, mira, paul, tom):
    def ask(person, method, path, data=None):
        client.force_login(person)
        return getattr(client, method)(path, data, content_type="application/json")

    review = held()
    made = ask(omar, "post", f"/api/v1/reviews/{review.pk}/ask/", {"version": 1, "text": "Why now?"})
    assert (made.status_code, made.json()["status"]) == (201, "OPEN")
    assert ask(omar, "get", f"/api/v1/reviews/{review.pk}/").json()["waits_for_answer"] is True
    assert [one["text"] for one in ask(mira, "get", "/api/v1/questions/?status=OPEN").json()["results"]] == ["Why now?"]
    assert ask(paul, "get", "/api/v1/questions/").json()["results"] == []
    assert ask(tom, "get", "/api/v1/questions/").status_code == 403
    path, said = f"/api/v1/questions/{made.json()['id']}/answer/", {"version": 1, "text": "The client asked."}
    assert [ask(person, "post", path, said).status_code for person in (paul, omar, mira, mira)] == [404, 403, 200, 409]
    [one] = ask(omar, "get", f"/api/v1/reviews/{review.pk}/").json()["thread"]
    assert (one["answer"], one["answered_by"]) == ("The client asked.", "mira")
