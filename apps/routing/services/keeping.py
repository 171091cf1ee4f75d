"""Message throttles as officers keep them: set, changed and put out of force, each with who and why."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from django.db import IntegrityError, transaction

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Fact, differing
from apps.core.refusals import Conflict, IllegalMove, Invalid, Stale
from apps.reference import kept
from apps.users.services import require

from .. import events
from ..models import Session, Throttle
from ..models.throttles import THROTTLED

NUMBERS = ("per_second", "per_day", "most_repeats", "repeat_seconds")
TOLD = ("strategy", "per_second", "per_day", "over", "most_repeats", "repeat_seconds", "is_active")
LARGEST = 2**31 - 1


class StaleThrottle(Stale):
    """The throttle was changed or put out of force after the officer looked."""


class ThrottledAlready(Conflict):
    """The session or strategy has a throttle in force; that one is changed."""


class ThrottleText(NamedTuple):
    """
    What a throttle lets out. None limits nothing.

    :param over: of what is over the limit a second: ``REFUSE``, or of a session ``QUEUE``
    :param most_repeats: how often a strategy is applied to one instrument and side within ``repeat_seconds``
    """

    per_second: int | None = None
    per_day: int | None = None
    over: str = "REFUSE"
    most_repeats: int | None = None
    repeat_seconds: int = 60


@transaction.atomic
def set_throttle(act: Act, said: ThrottleText, *, session_id: int | None = None, strategy: str = "") -> int:
    """
    Will throttle a session or a strategy from now on, for the reason the act gives.

    :returns: its id
    :raises Invalid: naming the field at fault; :raises ThrottledAlready: where one is in force
    """
    require(act, "routing.keep_throttles")
    _refuse_no_reason(act)
    session = Session.objects.filter(pk=session_id).first() if session_id is not None else None
    if session_id is not None and session is None:
        raise Invalid("There is no such session. Choose one from the list.", field="session")
    if strategy and strategy not in dict(THROTTLED):
        raise Invalid(f"There is no strategy “{strategy}”.", field="strategy")
    _refuse(said._asdict() | {"session": session, "strategy": strategy})
    row = Throttle(session=session, strategy=strategy, **said._asdict())
    row.skip_history_when_saving = True
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        raise ThrottledAlready(f"The {row.of} has a throttle in force. Change that one.", field="strategy") from None
    kept.keep_history(act, [row], "+")
    record(act, [Fact(row.pk, 1, events.ThrottleSet(kept.as_told(row, TOLD) | {"of": row.of}))])
    return row.pk


@transaction.atomic
def change_throttle(act: Act, throttle_id: int, said: ThrottleText, *, seen: int) -> None:
    """
    Will have a throttle let out more or less from now on, for the reason the act gives. What was used of it stays used.

    :raises StaleThrottle: if it changed since the version seen, with what was done; :raises IllegalMove: if it is out of force
    """
    row = _held(act, throttle_id, seen)
    _refuse(said._asdict() | {"session": row.session_id, "strategy": row.strategy})
    before = kept.as_told(row, TOLD)
    for name, value in said._asdict().items():
        setattr(row, name, value)
    _keep(act, row, before, "changed")


@transaction.atomic
def end_throttle(act: Act, throttle_id: int, *, seen: int) -> None:
    """
    Will let out whatever is wanted out again, for the reason the act gives.

    :raises StaleThrottle: if it changed since the version seen; :raises IllegalMove: if it is out of force already
    """
    row = _held(act, throttle_id, seen)
    before = kept.as_told(row, TOLD)
    row.is_active = False
    _keep(act, row, before, "ended")


def throttle_problems(said: Mapping[str, Any]) -> Iterator[tuple[str | None, str]]:
    """What is wrong with a throttle: the field, None of all of it, and why."""
    for name in NUMBERS:
        if said[name] is not None and not 0 < said[name] <= LARGEST:
            yield name, "It must be above zero." if said[name] <= 0 else "It is too large."
    if bool(said["session"]) == bool(said["strategy"]):
        yield None, "Name a session or a strategy, and not both."
    if not any(said[name] for name in ("per_second", "per_day", "most_repeats")):
        yield None, "Limit something: messages a second or a day, or how often a strategy is applied."
    if said["over"] not in Throttle.Over.values:
        yield "over", f"What is over it is one of {', '.join(Throttle.Over.values)}."
    if said["session"] and said["most_repeats"]:
        yield "most_repeats", "A strategy is stopped, not a session. Leave it empty."
    if said["strategy"] and said["over"] == Throttle.Over.QUEUE:
        yield "over", "The gateway paces sessions alone. Choose refused."


def _refuse(said: Mapping[str, Any]) -> None:
    for field, message in throttle_problems(said):
        raise Invalid(message, field=field or "session")


def _held(act: Act, throttle_id: int, seen: int) -> Throttle:
    require(act, "routing.keep_throttles")
    _refuse_no_reason(act)
    (row,) = kept.locked_as_seen(Throttle.objects.select_related("session"), {throttle_id: seen}, TOLD, StaleThrottle)
    if not row.is_active:
        raise IllegalMove(f"The throttle of {row.of} is out of force. Set another.", throttle=row.pk)
    return row


def _keep(act: Act, row: Throttle, before: Mapping[str, Any], what: str) -> None:
    row.skip_history_when_saving = True
    row.save()
    kept.keep_history(act, [row], "~")
    told = differing(before, kept.as_told(row, TOLD))
    event = events.ThrottleEnded(*told) if what == "ended" else events.ThrottleChanged(*told)
    record(act, [Fact(row.pk, kept.next_nths("throttle", [row])[row.pk], event)])


def _refuse_no_reason(act: Act) -> None:
    if not act.reason.strip() or len(act.reason) > 2000:
        raise Invalid("Give a reason of at most 2,000 characters: it is kept on the record.", field="reason")
