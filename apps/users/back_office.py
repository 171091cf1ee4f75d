"""
Django admin under the role map: who may see and change what is asked of the person's roles, as everywhere else. Being a
superuser adds nothing.
"""

from collections.abc import Iterable

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse

from apps.core.refusals import NotAllowed

from .services import can

OPENED_BY = ("reference.write", "users.write")


class ByRole:
    """
    Mixin of a model admin.

    ``sees`` names what a person must be able to do to look at the rows, ``writes`` to change them: all of it, by their
    roles. Without ``writes`` the rows are for looking only.
    """

    sees: tuple[str, ...] = ("reference.write",)
    writes: tuple[str, ...] = ()

    def has_module_permission(self, request: HttpRequest) -> bool:
        return _may(request, self.sees)

    def has_view_permission(self, request: HttpRequest, obj=None) -> bool:
        return _may(request, self.sees)

    def has_add_permission(self, request: HttpRequest, *args) -> bool:
        return bool(self.writes) and _may(request, {*self.sees, *self.writes})

    def has_change_permission(self, request: HttpRequest, obj=None) -> bool:
        return self.has_add_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj=None) -> bool:
        return self.has_add_permission(request)


def _may(request: HttpRequest, permissions: Iterable[str]) -> bool:
    return all(can(request.user, permission) for permission in permissions)


class BackOffice(AdminSite):
    """Shows the admin of our own apps to staff whose role keeps reference data or people; 403 to anybody else."""

    def register(self, model_or_iterable, admin_class=None, **options) -> None:
        """What libraries bring asks for Django's own permissions, which nobody holds here: it is left out."""
        if admin_class is not None and admin_class.__module__.startswith("apps."):
            super().register(model_or_iterable, admin_class, **options)

    def has_permission(self, request: HttpRequest) -> bool:
        user = request.user
        return user.is_active and user.is_staff and any(can(user, permission) for permission in OPENED_BY)

    def admin_view(self, view, cacheable: bool = False):
        """:raises NotAllowed: for a signed-in person who may not; others are sent to sign in"""
        guarded = super().admin_view(view, cacheable)

        def inner(request: HttpRequest, *args, **kwargs) -> HttpResponse:
            if request.user.is_authenticated and not self.has_permission(request):
                raise NotAllowed(
                    "Your role does not open reference data. Ask a colleague whose role does, or your administrator.",
                    permission=OPENED_BY[0],
                )
            return guarded(request, *args, **kwargs)

        return inner
