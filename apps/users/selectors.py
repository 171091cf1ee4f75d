"""Questions about people."""

from django.db.models import QuerySet

from .models import Desk, User


def desks_of(user) -> QuerySet[Desk]:
    return user.desks.all()


def names_of(ids) -> dict[int, str]:
    """User id to the name shown on the record."""
    return {u.pk: str(u) for u in User.objects.filter(pk__in=set(ids))}
