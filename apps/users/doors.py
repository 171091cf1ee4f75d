"""Who may knock at a page: signed in, and of a role that may. And how another system signs in."""

from collections.abc import Callable
from functools import wraps

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from rest_framework.authentication import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed

from apps.core.refusals import NotAllowed
from apps.users.models import ApiToken, User
from apps.users.services import can, digest_of


class ByToken(TokenAuthentication):
    """Signs in another system as the person whose token it shows: ``Authorization: Token …``."""

    def authenticate_credentials(self, key: str) -> tuple[User, ApiToken]:
        """:raises AuthenticationFailed: for a token that was never made or has ended, or of a person switched off"""
        token = ApiToken.objects.select_related("user").filter(digest=digest_of(key), user__is_active=True).first()
        if token is None:
            raise AuthenticationFailed("The token is not valid; it may have ended. Make another.")
        return token.user, token


def door(*permissions: str) -> Callable:
    """
    Opens a view to people who may do one of ``permissions``; sends strangers to sign in.

    :raises NotAllowed: for a signed-in person of another role
    """

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        @login_required
        def guarded(request: HttpRequest, *args, **kwargs) -> HttpResponse:
            if not any(can(request.user, permission) for permission in permissions):
                raise NotAllowed(
                    "Your role does not open this page. Ask a colleague whose role does, or your administrator.",
                    permission=permissions[0],
                )
            return view(request, *args, **kwargs)

        guarded.permissions = permissions
        return guarded

    return decorate


class ApiDoor:
    """
    Mixin of an API view set: opens it, before anything is looked up, to people who may do what the action needs.

    ``permissions``: what looking needs; ``acts``: action to what that needs. One of several is enough.

    :raises NotAllowed: for others, whatever the method
    """

    permissions: tuple[str, ...]
    acts: dict[str, tuple[str, ...]] = {}

    def check_permissions(self, request) -> None:
        super().check_permissions(request)
        needed = self._needed()
        if not any(can(request.user, permission) for permission in needed):
            raise NotAllowed(
                "Your role does not open this. Ask a colleague whose role does, or your administrator.",
                permission=needed[0],
            )

    def _needed(self) -> tuple[str, ...]:
        """Of a method this address does not have, what its own methods need."""
        actions = [self.action] if self.action else list(self.action_map.values())
        return tuple({p: None for action in actions for p in self.acts.get(action, self.permissions)})
