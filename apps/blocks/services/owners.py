"""Whose a block is: what is refused to others."""

from collections.abc import Iterable
from typing import Protocol

from apps.core.refusals import Conflict
from apps.users.models import User
from apps.users.services import can


class OwnedByAnother(Conflict):
    """A colleague works the block."""


class Owned(Protocol):
    id: int
    owner_id: int | None


def refuse_others(user_id: int, rows: Iterable[Owned]) -> None:
    """:raises OwnedByAnother: where a colleague owns one, whoever asks"""
    theirs = next((row for row in rows if row.owner_id not in (None, user_id)), None)
    if theirs:
        raise OwnedByAnother(
            f"Block B-{theirs.id:04d} is {User.objects.get(pk=theirs.owner_id)}'s. Ask them to hand it over, or a"
            " supervisor to take it.",
            block=theirs.id,
            owner=theirs.owner_id,
        )


def refuse_owned_by_others(user: User, rows: Iterable[Owned]) -> None:
    """:raises OwnedByAnother: where a colleague owns one, unless the person supervises or is a part that acts by itself"""
    if not user.is_automated and not can(user, "blocks.supervise"):
        refuse_others(user.pk, rows)
