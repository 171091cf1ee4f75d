"""People and desks in the back office, for whoever keeps people. Nobody is deleted: the record names them."""

import copy

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html

from apps.core.edges import act_of

from . import services
from .as_seen import AsSeen
from .back_office import ByRole
from .forms import ChangePersonForm, EnterPersonForm, PasswordForm
from .models import Desk, User

IDENTITY = ("username", "first_name", "last_name", "email")
MAY = ("What they may do", {"fields": ("roles", "teams", "new_team", "desks", "is_active", "is_staff")})


class OfPeople(AsSeen, ByRole):
    sees = ("users.write",)
    writes = ("users.write",)

    def has_delete_permission(self, request: HttpRequest, obj=None) -> bool:
        return False


@admin.register(User)
class PersonAdmin(OfPeople, UserAdmin):
    recorded_as = "person"
    form = ChangePersonForm
    add_form = EnterPersonForm
    change_password_form = PasswordForm
    fieldsets = ((None, {"fields": (*IDENTITY, "password_page")}), MAY)
    readonly_fields = ("password_page",)
    add_fieldsets = ((None, {"fields": (*IDENTITY, "usable_password", "password1", "password2")}), MAY)
    filter_horizontal = ()
    list_display = (
        "username",
        "name",
        "roles",
        "teams",
        "at_desks",
        "is_active",
        "is_staff",
        "is_automated",
        "last_login",
    )
    list_filter = ("is_active", "is_staff", "is_automated", "groups", "desks")
    search_fields = ("username", "first_name", "last_name", "email")

    def get_queryset(self, request: HttpRequest):
        return super().get_queryset(request).prefetch_related("groups", "desks")

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and not (obj and obj.is_automated)

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None):
        if obj and obj.is_automated:
            return ((None, {"fields": ("username", "is_automated", "is_active", "last_login")}),)
        return super().get_fieldsets(request, obj)

    def get_form(self, request: HttpRequest, obj: User | None = None, **kwargs):
        form = super().get_form(request, obj, **kwargs)
        return type(form.__name__, (form,), {"editor": request.user})

    def save_model(self, request: HttpRequest, obj: User, form, change: bool) -> None:
        data = form.cleaned_data
        services.keep_person(act_of(request), obj, roles=data["roles"], teams=data["teams"], desks=data["desks"])

    def save_related(self, request: HttpRequest, form, formsets, change: bool) -> None:
        """Roles, teams and desks went with the person."""

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        mine = copy.copy(self)  # One admin serves all threads; the act is this request's.
        mine.change_password_form = type("Form", (PasswordForm,), {"act": act_of(request)})
        return super(PersonAdmin, mine).user_change_password(request, id, form_url)

    @admin.display(description="password")
    def password_page(self, person: User) -> str:
        url = reverse("admin:auth_user_password_change", args=[person.pk])
        return format_html('<a class="button" href="{}">Set another</a>', url)

    @admin.display(description="name")
    def name(self, person: User) -> str:
        return str(person)

    @admin.display(description="roles")
    def roles(self, person: User) -> str:
        return ", ".join(sorted(g.name for g in person.groups.all() if g.name in services.role_permissions())) or "–"

    @admin.display(description="teams")
    def teams(self, person: User) -> str:
        held = (g.name.removeprefix(services.TEAM) for g in person.groups.all() if g.name.startswith(services.TEAM))
        return ", ".join(sorted(held)) or "–"

    @admin.display(description="desks")
    def at_desks(self, person: User) -> str:
        return ", ".join(desk.code for desk in person.desks.all()) or "–"


@admin.register(Desk)
class DeskAdmin(OfPeople, admin.ModelAdmin):
    list_display = ("code", "name")
    search_fields = ("code", "name")
