"""What happens to people: who may do what is a fact like any other."""

from dataclasses import dataclass

from apps.core.events import Event


@dataclass(frozen=True)
class PersonEntered(Event, code="person.entered"):
    """What the person may do from now on; names of roles, teams and desks with commas between."""

    username: str
    name: str
    roles: str
    teams: str
    desks: str
    is_active: bool
    is_staff: bool


@dataclass(frozen=True)
class PersonChanged(Event, code="person.changed"):
    """The same after a change."""

    username: str
    name: str
    roles: str
    teams: str
    desks: str
    is_active: bool
    is_staff: bool


@dataclass(frozen=True)
class PasswordSet(Event, code="person.password_set"):
    """Somebody set a person's password for them; the old one and their API tokens are void."""


@dataclass(frozen=True)
class TokenMade(Event, code="person.token_made"):
    """An API token was made for the person; the one of that name before it is void."""

    name: str


@dataclass(frozen=True)
class TokenEnded(Event, code="person.token_ended"):
    """An API token of the person is void."""

    name: str
