"""
What officers ask an order's managers before they decide, and the answers. Either changes the review, so nobody decides
without having seen it.
"""

from collections.abc import Sequence

from django.db import connection, transaction

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Fact
from apps.core.refusals import Conflict, Invalid, NotAllowed, NotFound, Stale
from apps.core.tables import next_ids
from apps.orders import selectors as orders
from apps.portfolios.selectors import portfolios_run_by
from apps.users.services import require

from .. import events
from ..models import Question, Review
from ..states import QUESTION_LIFE, REVIEW_LIFE, Q, R
from .holding import lock_reviews, refuse_decided

LONGEST_TEXT = 2000


class StaleQuestion(Stale):
    """A colleague answered it, or its review ended."""


class StillAsked(Conflict):
    """The review waits for an answer already."""


@transaction.atomic
def ask(act: Act, review_id: int, text: str, *, seen: int) -> int:
    """
    Will ask the managers of the order something; the review waits for their answer, and may be decided without.

    :param seen: the version of the review that the officer was looking at
    :returns: the id of the question
    :raises StaleReview: if the review changed since; :raises StillAsked: if it waits for an answer
    """
    require(act, "compliance.decide")
    said = _words(text)
    [row] = lock_reviews([review_id])
    refuse_decided([row], {review_id: seen})
    if Question.objects.filter(review=review_id, status=Q.OPEN).exists():
        raise StillAsked(f"V-{review_id:06d} waits for an answer already. Wait for it, or decide without.")
    with connection.cursor() as cursor:
        (pk,) = next_ids(cursor, "compliance_question", 1)
    Question.objects.create(
        pk=pk, review_id=review_id, order_id=row.order_id, text=said, asked_by_id=act.by, asked_at=act.at,
        status=QUESTION_LIFE.born[events.QuestionAsked],
    )  # fmt: skip
    record(act, [Fact(pk, 1, events.QuestionAsked(row.order_id, review_id, said))])
    _touch(act, review_id, events.ReviewQuestioned)
    return pk


@transaction.atomic
def answer(act: Act, question_id: int, text: str, *, seen: int) -> None:
    """
    Will answer what an officer asked of an order of a portfolio that the person runs.

    :param seen: the version of the question that the person was looking at
    :raises NotFound: if it is hidden or missing; :raises NotAllowed: if the person does not run the portfolio
    :raises StaleQuestion: if a colleague answered, or the review ended
    """
    user = require(act, "compliance.answer")
    said = _words(text)
    known = Question.objects.filter(pk=question_id).values_list("order_id", "review_id", "order__portfolio_id").first()
    if known is None or not orders.orders_seen_by(user).filter(pk=known[0]).exists():
        raise NotFound("There is no such question, or it is not for you to see.")
    order_id, review_id, portfolio_id = known
    if not portfolios_run_by(user).filter(pk=portfolio_id).exists():
        raise NotAllowed("You do not run the portfolio of this order. Its manager can answer.")
    lock_reviews([review_id])
    row = Question.objects.select_for_update(no_key=True).get(pk=question_id)
    if row.status != Q.OPEN or row.version != seen:
        raise StaleQuestion(_since(row), questions=orders.missed("question", {question_id: (row.ref, seen, row.version)}))
    row.status, row.version = QUESTION_LIFE.after(row.status, events.QuestionAnswered), row.version + 1
    row.answer, row.answered_by_id, row.answered_at = said, act.by, act.at
    row.save(update_fields=["status", "version", "answer", "answered_by", "answered_at"])
    record(act, [Fact(row.pk, row.version, events.QuestionAnswered(order_id, said))])
    _touch(act, review_id, events.ReviewAnswered)


def close_questions(act: Act, review_ids: Sequence[int]) -> None:
    """Will close what nobody answered of reviews that end. The caller holds them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE compliance_question SET status = %s, version = version + 1 WHERE review_id = ANY(%s) AND status = %s"
            " RETURNING id, version, order_id",
            [QUESTION_LIFE.after(Q.OPEN, events.QuestionClosed), list(review_ids), Q.OPEN],
        )
        rows = sorted(cursor.fetchall())
    record(act, [Fact(pk, version, events.QuestionClosed(order)) for pk, version, order in rows])


def _touch(act: Act, review_id: int, kind: type[events.ReviewQuestioned] | type[events.ReviewAnswered]) -> None:
    """Bumps the waiting review and records why. The caller holds it."""
    row = Review.objects.get(pk=review_id)
    row.status, row.version = REVIEW_LIFE.after(R(row.status), kind), row.version + 1
    row.save(update_fields=["status", "version"])
    record(act, [Fact(review_id, row.version, kind(row.order_id))])


def _words(text: str) -> str:
    said = text.strip()
    if not said:
        raise Invalid("Write something: it is kept on the record.", field="text")
    if len(said) > LONGEST_TEXT:
        raise Invalid(f"That is longer than {LONGEST_TEXT:,} characters. Shorten it.", field="text")
    return said


def _since(row: Question) -> str:
    if row.status == Q.ANSWERED:
        return f"{row.answered_by} answered before you: “{row.answer}”."
    return "Its review ended before you answered: the order was decided on, amended or cancelled."
