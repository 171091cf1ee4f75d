"""What a role may do, the door every service opens with, and what is done about people and their tokens."""

import hashlib
import secrets
from collections.abc import Iterable
from functools import lru_cache

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import QuerySet
from django.utils.module_loading import import_string

from apps.audit import selectors as audit
from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Event, Fact
from apps.core.refusals import Conflict, Invalid, NotAllowed, NotFound

from . import events
from .models import ApiToken, Desk, User

AUTOMATED = "automated"
ADMINISTRATOR = "administrator"
TEAM = "team:"
KEPT = ("username", "first_name", "last_name", "email", "is_active", "is_staff")


class OwnRoles(NotAllowed):
    """Nobody decides what they themselves may do."""


class AutomatedPart(NotAllowed):
    """A part that acts by itself is not kept by people."""


class HasAdministrator(Conflict):
    """People are entered by an administrator once there is one."""


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


def holders_of(permission: str) -> QuerySet[User]:
    """The people, signed up and active, one of whose roles may do it."""
    roles = [role for role, may in role_permissions().items() if permission in may]
    return User.objects.filter(groups__name__in=roles, is_active=True, is_automated=False).distinct()


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


def groups_of(person: User) -> set[str]:
    """Names of the roles and (``team:…``) teams the person holds."""
    return set(person.groups.values_list("name", flat=True)) if person.pk else set()


@transaction.atomic
def keep_person(act: Act, person: User, *, roles: Iterable[str], teams: Iterable[str], desks: Iterable[Desk]) -> User:
    """
    Will save a person, new or changed, with exactly these roles, teams and desks, and put on the record what they may
    now do. A team that does not exist yet is made.

    :param teams: names without ``team:``
    :raises NotAllowed: if the actor does not keep people
    :raises OwnRoles: where the actor would change their own roles or teams
    :raises AutomatedPart: for a part that acts by itself
    :raises Invalid: for a role that the role map does not name
    """
    require(act, "users.write")
    return _keep(act, person, roles=roles, teams=teams, desks=desks)


@transaction.atomic
def enter_first_administrator(act: Act, person: User) -> User:
    """
    Will enter the first administrator of an installation, who enters everybody else.

    :raises HasAdministrator: where an active administrator can sign in already
    """
    if User.objects.filter(groups__name=ADMINISTRATOR, is_active=True).exists():
        raise HasAdministrator("There is an administrator already, who enters people in the back office.")
    person.is_staff = True
    return _keep(act, person, roles=[ADMINISTRATOR], teams=[], desks=[])


def _keep(act: Act, person: User, *, roles: Iterable[str], teams: Iterable[str], desks: Iterable[Desk]) -> User:
    is_new = person.pk is None
    if not is_new:
        User.objects.select_for_update().get(pk=person.pk)
    if person.is_automated:
        raise AutomatedPart("This part acts by itself, with a role of its own that nobody changes.")
    if unknown := set(roles) - (role_permissions().keys() - {AUTOMATED}):
        raise Invalid(f"There is no role “{sorted(unknown)[0]}”; the role map names them all.", field="roles")
    wanted = {*roles, *(f"{TEAM}{team}" for team in teams)}
    if person.pk == act.by and wanted != groups_of(person):
        raise OwnRoles("Nobody changes their own roles or teams; ask another administrator.", field="roles")
    person.save(update_fields=None if is_new else KEPT)
    kept = [group for group in person.groups.all() if group.name not in wanted and _is_ours(group.name)]
    person.groups.remove(*kept)
    person.groups.add(*(Group.objects.get_or_create(name=name)[0] for name in sorted(wanted)))
    person.desks.set(desks)
    person.__dict__.pop("_roles", None)
    kind = events.PersonEntered if is_new else events.PersonChanged
    _happen(
        act,
        person,
        kind(
            username=person.username,
            name=str(person),
            roles=", ".join(sorted(roles)),
            teams=", ".join(sorted(teams)),
            desks=", ".join(sorted(desk.code for desk in desks)),
            is_active=person.is_active,
            is_staff=person.is_staff,
        ),
    )
    return person


def _is_ours(group: str) -> bool:
    return group in role_permissions() or group.startswith(TEAM)


def _happen(act: Act, person: User, *what: Event) -> None:
    """Records what happened to a person, whose row is locked or new: their life has no table, only a count."""
    before = audit.timeline("person", person.pk).count()
    record(act, [Fact(person.pk, before + nth, event) for nth, event in enumerate(what, start=1)])


@transaction.atomic
def set_password(act: Act, person: User, password: str | None) -> None:
    """
    Will give a person another password (None: they sign in by the firm's directory alone) and end their API tokens.

    :raises NotAllowed: where it is another's and the actor does not keep people
    :raises AutomatedPart: for a part that acts by itself
    """
    if person.pk != act.by:
        require(act, "users.write")
    row = User.objects.select_for_update().get(pk=person.pk)
    if row.is_automated:
        raise AutomatedPart("This part acts by itself and never signs in.")
    person.set_password(password)
    person.save(update_fields=["password"])
    ApiToken.objects.filter(user=row).delete()
    _happen(act, row, events.PasswordSet())


@transaction.atomic
def make_token(act: Act, name: str) -> str:
    """
    Will make an API token for the actor and end the one of the same name.

    :param name: the system that uses it
    :returns: the token, which is shown this once and not kept
    :raises Invalid: without a name, or with one of more than 40 characters
    """
    name = name.strip()
    if not 1 <= len(name) <= 40:
        raise Invalid("Name the system that will use the token, in 40 characters or fewer.", field="name")
    person = User.objects.select_for_update().get(pk=act.by)
    key = secrets.token_urlsafe(32)
    ApiToken.objects.update_or_create(user=person, name=name, defaults={"digest": digest_of(key), "made_at": act.at})
    _happen(act, person, events.TokenMade(name=name))
    return key


@transaction.atomic
def end_token(act: Act, token_id: int) -> None:
    """
    Will end one of the actor's own API tokens.

    :raises NotFound: where they have no such token
    """
    person = User.objects.select_for_update().get(pk=act.by)
    token = ApiToken.objects.filter(pk=token_id, user=person).first()
    if token is None:
        raise NotFound("You have no such token; it may have been ended already.")
    token.delete()
    _happen(act, person, events.TokenEnded(name=token.name))


def digest_of(key: str) -> str:
    """What is kept of a token. It is drawn at random from 256 bits, so one plain hash is enough."""
    return hashlib.sha256(key.encode()).hexdigest()
