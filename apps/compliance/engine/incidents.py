"""
What the end of a day makes of breaches: which are new, which go on, which are over, and who caused them.

A breach is active where what the portfolio holds of it went the wrong way since the run before, else passive: prices,
flows or other portfolios' numbers moved (compare 15 U.S.C. 80a-5(c), 2009/65/EC Art. 57(2)). One that goes on is the
same incident, however many days.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from .columns import Snapshot
from .stands import FIRM, Standing

ACTIVE, PASSIVE, UNKNOWN = "ACTIVE", "PASSIVE", "UNKNOWN"
CURE_DAYS = {ACTIVE: 1, PASSIVE: 10, UNKNOWN: 1}
"""Weekdays until a breach must be over: firm policy, for the sources set no number of days."""


class Key(NamedTuple):
    """What makes two days' breaches the same: ids of rule and portfolio, None for all together, and the group."""

    rule: int
    portfolio: int | None
    group: str


class Reconciled(NamedTuple):
    """
    :param opened: breaches that were none before; :param again: id of an open incident to what it is today
    :param cured: ids of open incidents that passed today; what cannot be told today stays open
    :param left: of those whose portfolio the rule is not asked of any more
    """

    opened: dict[Key, Standing]
    again: dict[int, Standing]
    cured: list[int]
    left: list[int]


def reconciled(
    standing: Mapping[Key, int], found: Mapping[Key, Standing], asked: Iterable[tuple[int, int | None]] = (),
    outside: Iterable[tuple[int, int | None]] = (),
) -> Reconciled:  # fmt: skip
    """
    :param standing: the incidents that are open, by what they are; :param found: what every rule says today
    :param asked: ids of rules and portfolios that were asked, also those of which a rule says nothing: they hold nothing of it
    :param outside: those that a rule's scope leaves out
    """
    failed = {key: one for key, one in found.items() if one.outcome == "FAIL"}
    opened = {key: one for key, one in failed.items() if key not in standing}
    again = {pk: failed[key] for key, pk in standing.items() if key in failed}
    judged = {(key.rule, key.portfolio) for key in found} | set(asked)
    unsure = {(key.rule, key.portfolio) for key, one in found.items() if one.outcome == "INDETERMINATE"}
    # A group that is held no more is not named at all: where everything the rule says of the portfolio is known, it is over.
    cured = [
        pk
        for key, pk in standing.items()
        if key not in failed and (key.rule, key.portfolio) in judged - unsure
    ]
    gone = set(outside)
    left = [pk for key, pk in standing.items() if (key.rule, key.portfolio) in gone]
    return Reconciled(opened, again, sorted(cured), sorted(left))


def cause_of(s: Snapshot, one: Standing, before: Mapping[tuple[int, int], int] | None) -> str:
    """
    :param before: at the run before, (portfolio id, instrument id) to what was held in ten-thousandths; None where there
        was no run
    """
    if before is None:
        return UNKNOWN
    portfolio = portfolio_of(s, one)
    if portfolio is None:
        held, then = dict(enumerate(s.firm.held.tolist())), s.once("held before", lambda: _together(before))
    else:
        held = {int(s.positions.thing[row]): int(s.positions.amount[row]) for row in s.rows_of("positions", one.portfolio)}
        then = before
    for place in one.places:
        key = s.instruments[place].id if portfolio is None else (portfolio, s.instruments[place].id)
        moved = held.get(place, 0) - then.get(key, 0)
        if moved < 0 if one.is_least else moved > 0:
            return ACTIVE
    return PASSIVE


def _together(before: Mapping[tuple[int, int], int]) -> dict[int, int]:
    found: dict[int, int] = {}
    for (_, thing), amount in before.items():
        found[thing] = found.get(thing, 0) + amount
    return found


def portfolio_of(s: Snapshot, one: Standing) -> int | None:
    """Id of the portfolio that it is of; None where it is of all together."""
    return None if one.portfolio == FIRM else s.portfolios[one.portfolio].id


def held_in(s: Snapshot) -> dict[tuple[int, int], int]:
    """What portfolios hold, by ids of portfolio and instrument, in ten-thousandths."""
    rows = zip(s.positions.portfolio.tolist(), s.positions.thing.tolist(), s.positions.amount.tolist(), strict=True)
    return {(s.portfolios[portfolio].id, s.instruments[thing].id): amount for portfolio, thing, amount in rows}


def cure_by(opened: date, cause: str) -> date:
    """The last day on which it is cured in time."""
    day = opened
    for _ in range(CURE_DAYS[cause]):
        day += timedelta(days=3 if day.weekday() == 4 else 2 if day.weekday() == 5 else 1)
    return day


def worst(found: Sequence[Standing]) -> list[Standing]:
    """Breaches before what cannot be told before warnings, the largest first."""
    rank = {"FAIL": 0, "INDETERMINATE": 1, "PASS": 2}
    return sorted((one for one in found if one.outcome != "PASS" or one.warned), key=lambda one: (rank[one.outcome], -one.over, one.name))
