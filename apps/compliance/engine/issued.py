"""What a body has issued of a kind: of shares with votes, of shares without, of units of a fund, in however many lines."""

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from apps.reference.rules import HOLDERS

SHARE = "EQUITY"


class IssuedLine(NamedTuple):
    """One line that a body has issued; ``outstanding`` in units, ``has_votes`` of a share, each None where that is not on file."""

    id: int
    body: int | None
    asset_class: str
    has_votes: bool | None
    isin: str
    outstanding: Decimal | None


def issued(lines: Iterable[IssuedLine]) -> dict[int, Decimal]:
    """
    Of ids of shares and units of funds what their body has issued of their kind in all its lines, each ISIN once whatever its
    listings. Where one line of the kind has no number on file, or may be of it, none of the kind has.
    """
    kinds: dict[tuple[int, str], list[IssuedLine]] = defaultdict(list)
    for one in lines:
        if one.body is not None and one.asset_class in (SHARE, *HOLDERS):
            kinds[one.body, SHARE if one.asset_class == SHARE else "FUND"].append(one)
    found: dict[int, Decimal] = {}
    for (_, kind), of in kinds.items():
        if kind == SHARE and any(one.has_votes is None for one in of):
            continue
        for votes in (True, False) if kind == SHARE else (None,):
            alike = [one for one in of if kind != SHARE or one.has_votes == votes]
            if any(one.outstanding is None for one in alike):
                continue
            once = {one.isin or one.id: one.outstanding for one in sorted(alike, key=lambda one: -one.outstanding)}
            found |= dict.fromkeys((one.id for one in alike), sum(once.values(), Decimal(0)))
    return found
