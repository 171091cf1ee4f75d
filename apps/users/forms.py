"""People as an administrator enters them."""

from django import forms
from django.contrib.auth.forms import AdminPasswordChangeForm, AdminUserCreationForm
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator

from apps.core.acts import Act

from . import services
from .models import Desk, User


def roles() -> list[tuple[str, str]]:
    return [(role, role.capitalize()) for role in services.role_permissions() if role != services.AUTOMATED]


def teams() -> list[tuple[str, str]]:
    names = Group.objects.filter(name__startswith=services.TEAM).order_by("name").values_list("name", flat=True)
    return [(name.removeprefix(services.TEAM),) * 2 for name in names]


class PersonFields(forms.ModelForm):
    """What a person may do: roles of the role map, teams, desks. ``editor`` is who fills it in."""

    editor: User
    roles = forms.MultipleChoiceField(choices=roles, required=False, widget=forms.CheckboxSelectMultiple)
    teams = forms.MultipleChoiceField(
        choices=teams,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Portfolio managers run the portfolios of their teams, and see no others.",
    )
    new_team = forms.CharField(
        required=False,
        max_length=20,
        validators=[RegexValidator(r"^[A-Za-z0-9][A-Za-z0-9 -]*$", "Letters, digits, spaces and hyphens.")],
        help_text="Another team, made with this person.",
    )
    desks = forms.ModelMultipleChoiceField(
        Desk.objects.all(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Traders see and work the blocks of their desks.",
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        held = services.groups_of(self.instance)
        self.initial["roles"] = sorted(held & services.role_permissions().keys())
        self.initial["teams"] = sorted(
            name.removeprefix(services.TEAM) for name in held if name.startswith(services.TEAM)
        )
        self.initial["desks"] = list(self.instance.desks.all()) if self.instance.pk else []

    def clean(self) -> dict:
        data = super().clean() or self.cleaned_data
        if new := data.get("new_team"):
            data["teams"] = sorted({*data.get("teams", []), new})
        if self.instance.pk == self.editor.pk:
            self._refuse_own(data)
        return data

    def _refuse_own(self, data: dict) -> None:
        """The service refuses it too; here it is said beside the field."""
        for field, what in (("roles", "roles"), ("teams", "teams")):
            if field in data and sorted(data[field]) != self.initial[field]:
                self.add_error(field, f"Nobody changes their own {what}; ask another administrator.")
        if data.get("is_active") is False or data.get("is_staff") is False:
            self.add_error(None, ValidationError("Nobody shuts themselves out; ask another administrator."))


class EnterPersonForm(PersonFields, AdminUserCreationForm):
    class Meta:
        model = User
        fields = ("username", "first_name", "last_name", "email", "is_active", "is_staff")


class ChangePersonForm(PersonFields):
    class Meta:
        model = User
        fields = ("username", "first_name", "last_name", "email", "is_active", "is_staff")


class PasswordForm(AdminPasswordChangeForm):
    """Another's password; ``act`` is given by the page that shows it."""

    act: Act

    def save(self, commit: bool = True) -> User:
        password = self.cleaned_data["password1"] if self.cleaned_data["set_usable_password"] else None
        services.set_password(self.act, self.user, password)
        return self.user
