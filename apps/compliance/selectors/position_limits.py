"""Position limits as people read them: the limits, and how far those who hold contracts are from them."""

from collections.abc import Sequence
from datetime import date, datetime
from fractions import Fraction
from typing import NamedTuple

from django.db import connection
from django.db.models import QuerySet

from apps.users.services import can

from ..engine.columns import QTY
from ..engine.contracts import SINGLE, Books
from ..models import PositionLimit
from .contracts import families_of
from .snapshot import read_instruments


class Use(NamedTuple):
    """
    Of a limit the owner that is nearest to it; ``owner`` is empty for the firm, ``month`` where the limit is not of one.

    :param net: contracts, below zero where short; :param worst: with open orders to the worse side, never below zero
    """

    owner: str
    month: str
    net: float
    worst: float
    unsure: bool


def position_limits_seen_by(user) -> QuerySet[PositionLimit]:
    """All of them, what is in force first; none for whom they are not."""
    if not can(user, "compliance.see"):
        return PositionLimit.objects.none()
    return PositionLimit.objects.select_related("family").order_by("status", "family__code", "months", "kind", "qty", "pk")


def uses_of(limits: Sequence[PositionLimit], at: datetime) -> dict[int, Use]:
    """How near the nearest owner is to each limit; a limit that nobody holds anything under is absent. Four queries."""
    families = sorted({limit.family_id for limit in limits})
    if not families:
        return {}
    with connection.cursor() as cursor:
        told = families_of(cursor, families, None, [], at, lambda ids: read_instruments(cursor, ids, at))
    books = Books(told["contracts"], told["stakes"], at.date(), QTY)
    found: dict[int, Use] = {}
    for limit in limits:
        mine = [(key, held) for key, held in books.held.items() if (key[0], key[2]) == (limit.months, limit.family.code)]
        lost = any((key[0], key[2]) == (limit.months, limit.family.code) for key in books.unknown)
        if mine or lost:
            key, held = max(mine, key=lambda one: max(one[1].before(1), one[1].before(-1)), default=(("", "", ""), None))
            worst = max(held.before(1), held.before(-1), Fraction(0)) if held else Fraction(0)
            month = f"{date.fromisoformat(key[3]):%b %Y}" if len(key) > 3 and limit.months == SINGLE else ""
            found[limit.pk] = Use(key[1], month, float(held.net) if held else 0.0, float(worst), lost)
    return found
