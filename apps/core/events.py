"""Facts in the past tense. An event is a frozen dataclass of ids and plain values; its code is stored for ever."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, ClassVar, NamedTuple

import orjson

REGISTRY: dict[str, type["Event"]] = {}


class Event:
    """
    Base of every event. Subclass as ``@dataclass(frozen=True) class OrderHeld(Event, code="order.held")``.

    The part of the code before the dot is the subject: the kind of thing whose life the event belongs to.
    Fields may only be added, with defaults: what was stored must load for ever.
    """

    code: ClassVar[str]
    subject: ClassVar[str]

    def __init_subclass__(cls, code: str, **kwargs):
        super().__init_subclass__(**kwargs)
        if code in REGISTRY:
            raise TypeError(f"event code {code!r} is taken by {REGISTRY[code].__name__}")
        cls.code, cls.subject = code, code.split(".")[0]
        REGISTRY[code] = cls


class Fact(NamedTuple):
    """One thing that happened to one subject: its ``nth``, which is the subject's version after it."""

    subject_id: int
    nth: int
    event: Event


def differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Of two states of a thing, the fields in which they differ: what they were, and what they are."""
    changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return {name: before.get(name) for name in changed}, {name: after.get(name) for name in changed}


def encode(event: Event) -> bytes:
    """The event's payload as JSON bytes; Decimals, dates and times as text, exact."""
    return orjson.dumps(event, default=str, option=orjson.OPT_UTC_Z)


def decode(code: str, payload: dict[str, Any]) -> Event:
    """The event as it was stored; unknown keys are dropped, absent ones take their defaults."""
    cls = REGISTRY[code]
    known = {f.name: payload[f.name] for f in fields(cls) if f.name in payload}
    missing = [
        f.name for f in fields(cls) if f.name not in known and f.default is MISSING and f.default_factory is MISSING
    ]
    if missing:
        raise ValueError(f"{code} is stored without {', '.join(missing)}, which has no default")
    return cls(**known)


Listener = Callable[[Any, Sequence[Fact]], None]
LISTENERS: dict[str, Listener] = {}


def listens(name: str) -> Callable[[Listener], Listener]:
    """Gives a listener the stable name under which its promises are stored."""

    def decorate(function: Listener) -> Listener:
        if name in LISTENERS:
            raise TypeError(f"listener name {name!r} is taken")
        LISTENERS[name] = function
        function.listener_name = name
        return function

    return decorate


@dataclass(frozen=True)
class Then:
    """What follows an event: ``now`` in the same transaction and order, ``later`` by a worker after commit."""

    now: Sequence[Listener] = field(default=())
    later: Sequence[Listener] = field(default=())


Flow = dict[type[Event], Then]
