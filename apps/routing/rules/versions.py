"""
What the versions of FIX say differently. All else here is said as in FIX 4.4; ``spoken`` stands between that and the wire,
for sessions of FIX 4.2, FIX 4.4 and FIX 5.0 SP2 over FIXT 1.1. Reports are read in each as they are heard: see ``reports``.
"""

from collections.abc import Callable, Iterator, Sequence

from .wire import FramePart

FIX42, FIX44, FIXT11, FIX50SP2 = "FIX.4.2", "FIX.4.4", "FIXT.1.1", "9"
AT_CLOSE, ON_CLOSE = "7", {"1": "5", "2": "B"}  # TimeInForce of 4.4; OrdType of 4.2 of a market and a limit order.
KNOWN_42 = {40: frozenset("123456789ABCDEFGHIP"), 54: frozenset("123456789"), 59: frozenset("0123456")}
SAID_ELSE = frozenset({311, 305, 309, 461, 583, 711, 1688})  # Instrument, side and list are clear without them.
LATER = {847: "a strategy (tag 847)", 849: "a rate of participation (tag 849)"}
INQUIRIES = {
    "R": "A request for quotes", "AJ": "A response to a quote", "AB": "An order of several legs", "AC": "A change of several legs",
}  # fmt: skip


class NotInVersion(ValueError):
    """A message that the session's version of FIX cannot say."""


def spoken(version: str, msg_type: str, fields: Sequence[FramePart]) -> Sequence[FramePart]:
    """
    A message of ours as a session of this version says it.

    :param fields: in FIX 4.4, without header
    :raises NotInVersion: where something of it would be lost
    """
    if version == FIX42:
        if msg_type in INQUIRIES:
            raise NotInVersion(f"{INQUIRIES[msg_type]} (35={msg_type}) needs FIX 4.4 or later")
        return SAID_42.get(msg_type, _same)(fields)
    if version == FIXT11 and msg_type in ("D", "G"):
        return [(1138, value) if tag == 111 else (tag, value) for tag, value in fields]  # MaxFloor gave way to DisplayQty.
    return fields


def speech_problems(purpose: str, begin_string: str, appl_ver_id: str) -> Iterator[tuple[str, str]]:
    """What is wrong with the version a session is to speak: the field, and why."""
    if begin_string not in (FIX42, FIX44, FIXT11):
        yield "begin_string", f"Sessions speak {FIX42}, {FIX44} or {FIXT11} here."
    elif purpose == "STAGING" and begin_string == FIX42:
        yield "begin_string", "An upstream system speaks FIX 4.4 or 5.0 SP2 with us."
    elif (begin_string == FIXT11) != (appl_ver_id == FIX50SP2):
        yield "appl_ver_id", f"Over FIXT 1.1 name FIX 5.0 SP2 ({FIX50SP2}) as application version; leave it empty otherwise."


def _same(fields: Sequence[FramePart]) -> Sequence[FramePart]:
    return fields


def _order_42(fields: Sequence[FramePart]) -> list[FramePart]:
    said = dict(fields)
    kind, is_at_close = said.get(40, ""), said.get(59) == AT_CLOSE
    if is_at_close and kind not in ON_CLOSE:
        raise NotInVersion(f"an order of type {kind} at the close (40={kind}, 59=7) is not in FIX 4.2")
    made: list[FramePart] = [] if 21 in said else [(21, "1")]
    for tag, value in fields:
        if tag == 40 and is_at_close:
            value = ON_CLOSE[value]
        elif tag == 59 and is_at_close:
            continue
        made += _field_42(tag, value)
    return made


def _request_42(fields: Sequence[FramePart]) -> list[FramePart]:
    return [part for tag, value in fields for part in _field_42(tag, value)]


def _field_42(tag: int, value: str) -> list[FramePart]:
    if tag in LATER:
        raise NotInVersion(f"{LATER[tag]} is not in FIX 4.2; choose one of the broker's own strategies, or none")
    if tag in KNOWN_42 and value not in KNOWN_42[tag]:
        raise NotInVersion(f"tag {tag}={value} is not in FIX 4.2")
    if tag in SAID_ELSE:
        return []
    if tag == 167 and value.startswith("FX"):
        return [(167, "FOR")]
    if tag == 541:
        return [(205, value[6:])]  # MaturityDay, beside MaturityMonthYear (200).
    return [(tag, value)]


SAID_42: dict[str, Callable[[Sequence[FramePart]], Sequence[FramePart]]] = {
    "D": _order_42, "G": _order_42, "F": _request_42, "H": _request_42,
}  # fmt: skip
