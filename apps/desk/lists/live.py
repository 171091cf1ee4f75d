"""
A list whose rows come to its open pages drawn: each change is read and drawn once for all pages that show the same.

Pages show the same where their list, what narrows it, their view and what their readers may see are equal.
"""

from collections.abc import Callable, Collection, Hashable, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from django.http import QueryDict
from django.urls import Resolver404, resolve
from guardian.models import UserObjectPermission

from apps.users.models import User
from apps.users.selectors import desks_of

from .columns import Sheet
from .specs import Spec

MOST_DRAWN = 200  # Rows of one turn; where more changed at once, pages ask for those that they show.


class Reader(NamedTuple):
    """Who reads a list and what its address says: as much of a request as a list asks for."""

    user: User
    GET: QueryDict


class LiveList(NamedTuple):
    """
    :param subject: whose rows they are; rows are called ``subject:id``
    :param alike: equal for the same rows, drawn the same; with the reader's sight it says who may share them
    :param rows_of: which of its rows changed, by what changed: ids by subject
    :param draw: markup of those of these rows that belong to the list
    """

    subject: str
    alike: Hashable
    rows_of: Callable[[Mapping[str, Collection[int]]], set[int]]
    draw: Callable[[Collection[int]], str]


LISTS: dict[str, Callable[[Reader], LiveList]] = {}  # By the name of the address that answers with rows.


def live_list(user: User, address: str) -> LiveList | None:
    """
    The list behind the address that a page asks for its rows; None where its rows are not drawn for several at once.

    :raises Refusal: where the reader may not see it, or the address says nonsense
    """
    parts = urlsplit(address)
    try:
        found = LISTS.get(resolve(parts.path).view_name)
    except Resolver404:
        return None
    if found is None:
        return None
    return found(Reader(user, QueryDict(parts.query)))


def sight_of(user: User) -> Hashable:
    """What a person may see, as far as lists depend on it: people with the same sight see the same rows."""
    alone = user.pk if UserObjectPermission.objects.filter(user=user).exists() else None
    groups = frozenset(user.groups.values_list("pk", flat=True))
    return alone, user.is_automated, groups, frozenset(desks_of(user).values_list("pk", flat=True))


def alike(name: str, asked: Hashable, sheet: Sheet, spec: Spec, ticks: bool) -> Hashable:
    """The key of a list of this name; widths are left out, for rows have none."""
    return name, asked, tuple(sheet.columns), repr(spec._replace(widths={})), ticks
