"""Forms of surveillance's pages."""

from django import forms

from apps.users.models import User
from apps.users.services import can


def colleagues() -> list[tuple[int, str]]:
    """Who may answer for an incident."""
    people = User.objects.filter(is_active=True, is_automated=False).order_by("first_name", "last_name")
    return [(one.pk, str(one)) for one in people if can(one, "compliance.see") or can(one, "portfolios.see")]


class TimeForm(forms.Form):
    cure_by = forms.DateField()
