"""Questions about routes, executions, inquiries, sessions and messages; what a person may see is decided here."""

from django.db.models import QuerySet

from apps.users.services import can

from .models import Inquiry, Route


def routes_seen_by(user) -> QuerySet[Route]:
    rows = Route.objects.all()
    return rows if can(user, "portfolios.see_all") else rows.filter(block__desk__in=user.desks.all())


def inquiries_seen_by(user) -> QuerySet[Inquiry]:
    rows = Inquiry.objects.all()
    return rows if can(user, "portfolios.see_all") else rows.filter(block__desk__in=user.desks.all())
