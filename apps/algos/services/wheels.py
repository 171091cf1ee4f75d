"""
How algo wheels change: one person writes a text and proposes it, another approves it. Each text that is approved begins a season with a
seed of its own, whose hash is on the record before anything is drawn with it; when the season is closed the seed is told.
"""

import secrets
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from django.db import transaction

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Event, Fact, differing
from apps.core.refusals import Conflict, Invalid, NotAllowed, NotFound, Stale
from apps.reference.models import Broker
from apps.routing.rules import strategy_fields
from apps.routing.rules.orders import OWN_FIELDS
from apps.routing.services.locks import refuse_stale
from apps.users.services import require

from .. import wheel_events as events
from ..models import Draw, Season, Wheel, WheelChange
from ..rules import wheel as rules
from ..states import SEASON_LIFE, WHEEL_CHANGE_LIFE, Se

MOST_WEIGHT, MOST_BOUNDS, MOST_DAYS = 100, 6, 366


class StaleWheel(Stale):
    """The wheel has another text by now than the one this was written from."""


class StaleWheelChange(Stale):
    """The change was decided on or taken back after the person looked."""


class StaleSeason(Stale):
    """The season was closed after the person looked."""


class OwnWheelChange(NotAllowed):
    """Nobody approves or refuses what they wrote; they take it back."""


class OthersWheelChange(NotAllowed):
    """A change is its author's to take back; others refuse it."""


class WheelChangeWaits(Conflict):
    """Another change of the wheel waits."""


class Destination(NamedTuple):
    """A broker, its algorithm, and how often it is drawn against others."""

    broker: str
    strategy: str
    weight: int
    params: Mapping[str, Any] = {}

    @property
    def name(self) -> str:
        return f"{self.broker} {self.strategy}".strip()


class WheelText(NamedTuple):
    """
    A wheel in full.

    :param by_class, by_sector: whether blocks of each asset class, and sector, are drawn for apart
    :param sizes: bounds of buckets by size, in percent of an average day's volume; none: whatever their size
    :param spreads: bounds of buckets by the quoted spread, in basis points of the mid
    :param days: how long a season is
    """

    name: str
    destinations: Sequence[Destination]
    by_class: bool = False
    by_sector: bool = False
    sizes: Sequence[Decimal] = ()
    spreads: Sequence[Decimal] = ()
    days: int = 90
    is_active: bool = True

    def as_said(self) -> dict[str, Any]:
        return {
            "name": self.name, "destinations": [dict(one._asdict(), params=dict(one.params)) for one in self.destinations],
            "by_class": self.by_class, "by_sector": self.by_sector, "sizes": [f"{size.normalize():f}" for size in self.sizes],
            "spreads": [f"{spread.normalize():f}" for spread in self.spreads],
            "days": self.days, "is_active": self.is_active,
        }  # fmt: skip


def text_said(said: Mapping[str, Any]) -> WheelText:
    """The text as it was kept."""
    destinations = [Destination(**one) for one in said["destinations"]]
    bounds = {name: [Decimal(bound) for bound in said.get(name, ())] for name in ("sizes", "spreads")}
    return WheelText(**(dict(said) | {"destinations": destinations} | bounds))


def read_destinations(lines: str) -> list[Destination]:
    """
    Destinations from lines such as “HARBOR VWAP 3” or “HARBOR PARTICIPATE 10% 2”.

    :raises Invalid: naming the line at fault
    """
    found = []
    for n, line in enumerate(lines.splitlines(), 1):
        words = line.split()
        if not words:
            continue
        try:
            broker, *middle, weight = words
            params = {"participation_pct": str(Decimal(middle.pop()[:-1]))} if middle and middle[-1].endswith("%") else {}
            found.append(Destination(broker.upper(), " ".join(middle).upper(), int(weight), params))
        except (ValueError, InvalidOperation):
            raise Invalid(f"Line {n}, “{line}”: write broker, algorithm and weight, as HARBOR VWAP 3.", field="destinations") from None
    return found


@transaction.atomic
def propose_wheel(act: Act, text: WheelText, *, wheel_id: int | None = None, seen: int = 0) -> int:
    """
    Will ask that a wheel says this, or that there is a new one; nothing changes until another person approves it.

    :param seen: the version of the wheel that it was written from
    :returns: the change's id
    :raises Invalid: naming the field at fault; :raises StaleWheel, WheelChangeWaits, NotFound:
    """
    require(act, "routing.write_rules")
    if not act.reason.strip():
        raise Invalid("Say why; the reason is kept on the record.", field="reason")
    wheel = None if wheel_id is None else _lock_wheel(wheel_id)
    if wheel is not None:
        _refuse_moved(wheel, seen)
        if WheelChange.objects.filter(wheel=wheel, status="PROPOSED").exists():
            raise WheelChangeWaits(f"Another change of “{wheel.name}” waits. Have it approved or refused first.", wheel=wheel.pk)
    _refuse_unfit(text, wheel)
    said = text.as_said()
    before, after = differing(wheel.text, said) if wheel else ({}, said)
    if not after:
        raise Invalid("Nothing about the wheel would change.", field="name")
    change = WheelChange.objects.create(
        wheel=wheel, seen=wheel.number if wheel else 0, said=said, before=before, reason=act.reason.strip()[:400],
        proposed_by_id=act.by, proposed_at=act.at,
    )  # fmt: skip
    record(act, [Fact(change.pk, 1, events.WheelChangeProposed(text.name, wheel.pk if wheel else None, before, after))])
    return change.pk


@transaction.atomic
def approve_wheel(act: Act, change_id: int, *, seen: Mapping[int, int]) -> int:
    """
    Will make the change the wheel's next version: its season is closed, and another opened with a new seed.

    :returns: the wheel's id
    :raises OwnWheelChange: for its author; :raises StaleWheel, StaleWheelChange, IllegalMove, Invalid, NotFound:
    """
    require(act, "routing.approve_rules")
    change = _lock_change(change_id, seen)
    WHEEL_CHANGE_LIFE.after(change.status, events.WheelChangeApproved)
    if act.by == change.proposed_by_id:
        raise OwnWheelChange("You wrote this, so another person approves it.", change=change.pk)
    wheel = None if change.wheel_id is None else _lock_wheel(change.wheel_id)
    if wheel is not None:
        _refuse_moved(wheel, change.seen)
    text = text_said(change.said)
    _refuse_unfit(text, wheel)
    wheel = wheel or Wheel(number=0)
    wheel.name, wheel.text, wheel.is_active, wheel.number = text.name, change.said, text.is_active, wheel.number + 1
    wheel.save()
    for season in Season.objects.select_for_update(no_key=True).filter(wheel=wheel, status=Se.OPEN):
        _close(act, season, "The wheel has another text.")
    if wheel.is_active:
        _open(act, wheel)
    change.wheel, change.number = wheel, wheel.number
    _decide(act, change, events.WheelChangeApproved(wheel.pk, wheel.number))
    return wheel.pk


@transaction.atomic
def refuse_wheel(act: Act, change_id: int, *, seen: Mapping[int, int]) -> None:
    """
    Will end a change that somebody else wrote, with a reason.

    :raises Invalid: without a reason; :raises OwnWheelChange, StaleWheelChange, IllegalMove, NotFound:
    """
    require(act, "routing.approve_rules")
    change = _lock_change(change_id, seen)
    if act.by == change.proposed_by_id:
        raise OwnWheelChange("You wrote this: take it back instead.", change=change.pk)
    if not act.reason.strip():
        raise Invalid("Say why it is refused; its author reads it.", field="reason")
    _decide(act, change, events.WheelChangeRefused(act.reason.strip()[:400]))


@transaction.atomic
def drop_wheel(act: Act, change_id: int, *, seen: Mapping[int, int]) -> None:
    """Will take back what one proposed. :raises OthersWheelChange: for others; :raises StaleWheelChange, IllegalMove, NotFound:"""
    require(act, "routing.write_rules")
    change = _lock_change(change_id, seen)
    if act.by != change.proposed_by_id:
        raise OthersWheelChange("Only its author takes it back; refuse it instead.", change=change.pk)
    _decide(act, change, events.WheelChangeDropped())


@transaction.atomic
def close_season(act: Act, season_id: int, *, seen: Mapping[int, int]) -> None:
    """
    Will tell a season's seed before its time, for the reason the act gives, and open the next.

    :raises Invalid: without a reason; :raises StaleSeason, IllegalMove, NotFound:
    """
    require(act, "routing.approve_rules")
    wheel_id = Season.objects.filter(pk=season_id).values_list("wheel", flat=True).first()
    if wheel_id is None:
        raise NotFound("There is no such season.")
    wheel = _lock_wheel(wheel_id)
    season = Season.objects.select_for_update(of=("self",), no_key=True).select_related("wheel").get(pk=season_id)
    refuse_stale(StaleSeason, {season.pk: season}, seen)
    SEASON_LIFE.after(season.status, events.SeasonClosed)
    if not act.reason.strip():
        raise Invalid("Say why it is closed before its time; the reason is kept.", field="reason")
    _close(act, season, act.reason.strip()[:400])
    _open(act, wheel)


def close_due_seasons(act: Act) -> int:
    """Will close the seasons whose time is over and open the next of each. Returns how many."""
    count = 0
    for season_id, wheel_id in Season.objects.filter(status=Se.OPEN, due_at__lte=act.at).values_list("pk", "wheel"):
        with transaction.atomic():
            wheel = _lock_wheel(wheel_id)
            season = Season.objects.select_for_update(no_key=True).filter(pk=season_id, status=Se.OPEN).first()
            if season is not None:
                _close(act, season, "Its time was over.")
                _open(act, wheel)
                count += 1
    return count


def _open(act: Act, wheel: Wheel) -> None:
    seed, n = secrets.token_hex(32), Season.objects.filter(wheel=wheel).count() + 1
    season = Season.objects.create(
        wheel=wheel, n=n, number=wheel.number, said=wheel.text, seed=seed, commitment=rules.commitment(seed), opened_at=act.at,
        due_at=act.at + timedelta(days=wheel.text["days"]),
    )  # fmt: skip
    record(act, [Fact(season.pk, 1, events.SeasonOpened(wheel.pk, n, wheel.number, season.commitment))])


def _close(act: Act, season: Season, why: str) -> None:
    season.status = SEASON_LIFE.after(season.status, events.SeasonClosed)
    season.closed_at, season.version = act.at, season.version + 1
    season.save(update_fields=["status", "closed_at", "version"])
    draws = Draw.objects.filter(sequence__season=season).count()
    record(act, [Fact(season.pk, season.version, events.SeasonClosed(season.seed, draws, why))])


def _decide(act: Act, change: WheelChange, event: Event) -> None:
    """The only door to a change's status after it was proposed."""
    change.status = WHEEL_CHANGE_LIFE.after(change.status, type(event))
    change.decided_by_id, change.decided_at, change.answer = act.by, act.at, act.reason.strip()[:400]
    change.version += 1
    change.save(update_fields=["status", "decided_by", "decided_at", "answer", "version", "wheel", "number"])
    record(act, [Fact(change.pk, change.version, event)])


def _lock_wheel(wheel_id: int) -> Wheel:
    wheel = Wheel.objects.select_for_update(no_key=True).filter(pk=wheel_id).first()
    if wheel is None:
        raise NotFound("There is no such wheel.")
    return wheel


def _lock_change(change_id: int, seen: Mapping[int, int]) -> WheelChange:
    change = WheelChange.objects.select_for_update(no_key=True).filter(pk=change_id).first()
    if change is None:
        raise NotFound("There is no such change of a wheel.")
    refuse_stale(StaleWheelChange, {change.pk: change}, seen, "wheel_change")
    return change


def _refuse_moved(wheel: Wheel, seen: int) -> None:
    if wheel.number != seen:
        why = f"“{wheel.name}” is at version {wheel.number} by now, not {seen}. Write it anew from that."
        raise StaleWheel(why, stale=[_since(wheel, seen)])


def _since(wheel: Wheel, seen: int) -> dict[str, Any]:
    changes = WheelChange.objects.filter(wheel=wheel, number__gt=seen).select_related("decided_by").order_by("number")
    return {
        "id": wheel.pk, "ref": wheel.name, "seen": seen,
        "changes": [
            {"event": "wheel_change.approved", "by": str(c.decided_by), "at": c.decided_at.isoformat(), "what": {"number": c.number}}
            for c in changes
        ],
    }  # fmt: skip


def _refuse_unfit(text: WheelText, wheel: Wheel | None) -> None:
    """:raises Invalid: naming the field at fault"""
    if not text.name.strip():
        raise Invalid("A wheel has a name.", field="name")
    if Wheel.objects.filter(name=text.name).exclude(pk=wheel and wheel.pk).exists():
        raise Invalid(f"There is another wheel “{text.name}”.", field="name")
    if not 2 <= len(text.destinations) <= rules.MOST_DESTINATIONS:
        raise Invalid(f"A wheel has from 2 to {rules.MOST_DESTINATIONS} destinations.", field="destinations")
    names = [one.name for one in text.destinations]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise Invalid(f"{twice} is named twice.", field="destinations")
    rows = Broker.objects.filter(code__in={one.broker for one in text.destinations}, is_active=True, kind=Broker.Kind.BROKER)
    known = set(rows.values_list("code", flat=True))
    for one in text.destinations:
        if one.broker not in known:
            raise Invalid(f"There is no broker “{one.broker}”.", field="destinations")
        if not 1 <= one.weight <= MOST_WEIGHT:
            raise Invalid(f"A weight is a whole number from 1 to {MOST_WEIGHT}; {one.name} has {one.weight}.", field="destinations")
        if one.strategy == "SMART":
            raise Invalid("The smart router is no destination: it chooses some itself.", field="destinations")
        if OWN_FIELDS in one.params:
            raise Invalid(f"{one.name}: a strategy of the broker's own is asked for by its form, not drawn.", field="destinations")
        try:
            strategy_fields(one.strategy, one.params)
        except Invalid as wrong:
            raise Invalid(f"{one.name}: {wrong.message}", field="destinations") from None
    if sum(rules.in_lowest_terms([one.weight for one in text.destinations])) > rules.MOST_CARDS:
        raise Invalid(f"Weights come to more than {rules.MOST_CARDS} in lowest terms; take rounder ones.", field="destinations")
    for name, bounds in (("sizes", text.sizes), ("spreads", text.spreads)):
        if len(bounds) > MOST_BOUNDS or any(bound <= 0 for bound in bounds) or list(bounds) != sorted(set(bounds)):
            raise Invalid(f"Bounds of {name} are at most {MOST_BOUNDS} numbers above zero, each once, rising.", field=name)
    if not 1 <= text.days <= MOST_DAYS:
        raise Invalid(f"A season has from 1 to {MOST_DAYS} days.", field="days")


