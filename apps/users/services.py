"""What a role may do, and the door every service opens with."""

from functools import lru_cache

from django.conf import settings
from django.utils.module_loading import import_string

from apps.core.acts import Act
from apps.core.refusals import NotAllowed

from .models import User

AUTOMATED = "automated"


@lru_cache(maxsize=1)
def role_permissions() -> dict[str, frozenset[str]]:
    """Role to permissions, as ``oms_portal/roles.py`` says."""
    return import_string(settings.ROLES)


def roles_of(user) -> frozenset[str]:
    """The roles a person holds: the groups named in the role map; automated parts hold ``automated``."""
    if not user.is_authenticated or not user.is_active:
        return frozenset()
    cached = user.__dict__.get("_roles")
    if cached is None:
        if user.is_automated:
            cached = frozenset([AUTOMATED])
        else:
            cached = frozenset(user.groups.values_list("name", flat=True)) & role_permissions().keys()
        user.__dict__["_roles"] = cached
    return cached


def permissions_of(user) -> frozenset[str]:
    """All that the person's roles may do. Being a superuser adds nothing."""
    return frozenset().union(*(role_permissions()[r] for r in roles_of(user)))


def can(user, permission: str) -> bool:
    """Whether one of the person's roles may do it."""
    if permission not in known_permissions():
        raise LookupError(f"no role can do {permission!r}: it is missing from the role map")
    return permission in permissions_of(user)


@lru_cache(maxsize=1)
def known_permissions() -> frozenset[str]:
    return frozenset().union(*role_permissions().values())


def require(act: Act, permission: str) -> User:
    """
    The acting user, if one of their roles may do it.

    :raises NotAllowed: otherwise, naming the permission
    """
    user = User.objects.filter(pk=act.by).first()
    if user is None or not can(user, permission):
        raise NotAllowed(
            f"Your role does not allow “{permission}”. Ask a colleague whose role does, or your administrator.",
            permission=permission,
        )
    return user
