"""What officers ask of orders, and who may read and answer it."""

from django.db.models import QuerySet

from apps.orders.selectors import orders_seen_by
from apps.portfolios.selectors import portfolios_run_by, portfolios_seen_by
from apps.users.services import can

from ..models import Question
from ..states import Q


def questions_seen_by(user) -> QuerySet[Question]:
    """Officers read all, managers those of the orders they see; the oldest of what waits first, then the newest."""
    found = Question.objects.select_related("review", "order__portfolio", "order__instrument", "asked_by", "answered_by")
    if can(user, "compliance.see"):
        return found.order_by("pk")
    if not can(user, "compliance.see_own"):
        return Question.objects.none()
    seen = portfolios_seen_by(user).values("pk")
    return found.filter(order__in=orders_seen_by(user).values("pk"), order__portfolio__in=seen).order_by("pk")


def questions_to_answer(user) -> QuerySet[Question]:
    """What waits for an answer of this person: of orders for portfolios they run."""
    if not can(user, "compliance.answer"):
        return Question.objects.none()
    run = portfolios_run_by(user).values("pk")
    return questions_seen_by(user).filter(status=Q.OPEN, order__portfolio__in=run)
