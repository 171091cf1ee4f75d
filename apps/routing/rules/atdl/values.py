"""
Values of parameters: what is typed, what it is compared as, and what is sent.

Numbers are compared as ``Decimal``. A percentage is typed in percent (20) and is on the wire, in bounds and in checks the ratio
(0.2), or the percent themselves where the file says multiplyBy100 (FIXatdl, Percentage_t). A moment is typed as a time of day at
the market, or a full time with its zone; its bounds are times of day at the market.
"""

import re
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from .described import Parameter

INTEGERS = ("Int", "Length", "NumInGroup", "SeqNum", "TagNum")
DECIMALS = ("Float", "Qty", "Price", "PriceOffset", "Amt", "Percentage")
TEXTS = ("Char", "String", "MultipleCharValue", "MultipleStringValue", "Currency", "Exchange", "Country", "Language", "Data", "Tenor")
MOMENTS = ("UTCTimestamp", "UTCTimeOnly", "TZTimestamp", "TZTimeOnly")
DATES = ("UTCDateOnly", "LocalMktDate", "MonthYear")
KINDS = frozenset({*INTEGERS, *DECIMALS, *TEXTS, *MOMENTS, *DATES, "Boolean"})
SHAPES = {
    "Char": (re.compile(r"[^\x01]"), "one character"),
    "Currency": (re.compile(r"[A-Z]{3}"), "an ISO 4217 code, such as USD"),
    "Exchange": (re.compile(r"[A-Z0-9]{4}"), "a MIC, such as XNAS"),
    "Country": (re.compile(r"[A-Z]{2}"), "an ISO 3166 code, such as US"),
    "Language": (re.compile(r"[a-z]{2}"), "an ISO 639-1 code, such as en"),
    "Tenor": (re.compile(r"[DMWY][1-9]\d{0,3}"), "a tenor, such as M3"),
    "MonthYear": (re.compile(r"\d{4}(0[1-9]|1[0-2])([0-3]\d|w[1-5])?"), "a month, such as 202703"),
}
NUMBER = re.compile(r"[+-]?(\d{1,24}(\.\d{0,15})?|\.\d{1,15})", re.ASCII)
CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?(?:\.\d+)?(Z|[+-]\d\d:\d\d)?", re.ASCII)
TRUE, FALSE = ("true", "1", "y", "on"), ("false", "0", "n", "off")


class BadValue(ValueError):
    """What was typed is not what the parameter takes; the message says what it takes."""


def bound(kind: str, text: str) -> Decimal | time | date | str | None:
    """A bound as a file says it; None where it is none."""
    text = text.strip()
    if kind in (*INTEGERS, *DECIMALS):
        return Decimal(text) if NUMBER.fullmatch(text) else None
    if kind in MOMENTS:
        found = CLOCK.fullmatch(text)
        return time(int(found[1]), int(found[2]), int(found[3] or 0)) if found else None
    if kind == "MonthYear":
        return text if SHAPES[kind][0].fullmatch(text) else None
    return _date(text)


def typed(one: Parameter, text: str, at: datetime, zone: str) -> Any:
    """
    What was typed, as it is compared: a Decimal, a bool, an aware datetime, a date or a text.

    :param at: now; its day at the market is that of a time of day :param zone: in which a time of day is meant
    :raises BadValue: saying what the parameter takes
    """
    text = text.strip()
    if one.pairs:
        return _wired(one, text)
    if one.kind in (*INTEGERS, *DECIMALS):
        return _number(one, text)
    if one.kind == "Boolean":
        if text.lower() not in (*TRUE, *FALSE):
            raise BadValue("It is yes or no.")
        return text.lower() in TRUE
    if one.kind in MOMENTS:
        found = moment(text, at, zone_of(zone))
        of_day = found.astimezone(zone_of(one.zone or zone)).time().replace(microsecond=0)
        _within(one, of_day, *("" if said is None else f"{said:%H:%M:%S}" for said in (one.least, one.most)))
        return found
    if one.kind in DATES and one.kind != "MonthYear":
        found = _date(text)
        if found is None:
            raise BadValue("It is a day, such as 2027-03-04.")
        _within(one, found, str(one.least), str(one.most))
        return found
    return _text(one, text)


def wire(one: Parameter, value: Any) -> str:
    """A value as it is sent; empty where nothing is. :raises BadValue: where it cannot be"""
    if isinstance(value, bool):
        said = one.wire[0 if value else 1]
        return "" if said == "{NULL}" else said
    if isinstance(value, Decimal):
        return f"{value.normalize():f}" if one.precision is None else f"{value:.{one.precision}f}"
    if isinstance(value, datetime):
        moment_ = value.astimezone(UTC)
        if one.kind == "UTCTimestamp":
            return f"{moment_:%Y%m%d-%H:%M:%S}"
        if one.kind == "UTCTimeOnly":
            return f"{moment_:%H:%M:%S}"
        offset = value.strftime("%z")
        zone = "Z" if offset == "+0000" else f"{offset[:3]}:{offset[3:]}"
        return f"{value:%Y%m%d-%H:%M:%S}{zone}" if one.kind == "TZTimestamp" else f"{value:%H:%M:%S}{zone}"
    if isinstance(value, date):
        return f"{value:%Y%m%d}"
    text = str(value)
    if text == "{NULL}":
        return ""
    if one.inverted and one.kind.startswith("Multiple"):
        chosen = set(text.split())
        return " ".join(sent for sent in one.pairs.values() if sent not in chosen)
    return text


def moment(text: str, at: datetime, zone: ZoneInfo) -> datetime:
    """A time of day of today at the market, or a whole time. :raises BadValue: where it is neither"""
    found = CLOCK.fullmatch(text)
    if found and not found[4]:
        today = at.astimezone(zone).date()
        return datetime.combine(today, time(int(found[1]), int(found[2]), int(found[3] or 0)), zone)
    try:
        whole = datetime.fromisoformat(text)
    except ValueError:
        raise BadValue("It is a time of day, such as 15:30, or a whole time with its zone.") from None
    return whole if whole.tzinfo else whole.replace(tzinfo=zone)


def zone_of(name: str) -> ZoneInfo:
    """A time zone by name; UTC where there is none of that name."""
    try:
        return ZoneInfo(name or "UTC")
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


def _number(one: Parameter, text: str) -> Decimal:
    try:
        if not NUMBER.fullmatch(text):
            raise InvalidOperation
        value = Decimal(text)
    except InvalidOperation:
        raise BadValue("It is a number, such as 12.5.") from None
    if one.kind in INTEGERS and value != value.to_integral_value():
        raise BadValue("It is a whole number.")
    unit = "%" if one.kind == "Percentage" else ""
    percent = one.kind == "Percentage" and not one.times_100
    if percent:
        value /= 100
    if one.precision is not None and value != round(value, one.precision):
        raise BadValue(f"It has at most {one.precision} decimal places.")
    shown = [None if said is None else said * 100 if percent else said for said in (one.least, one.most)]
    _within(one, value, *("" if said is None else f"{said.normalize():f}{unit}" for said in shown))
    return value


def _within(one: Parameter, value: Any, least: str, most: str) -> None:
    if (one.least is not None and value < one.least) or (one.most is not None and value > one.most):
        both = one.least is not None and one.most is not None
        said = f"from {least} to {most}" if both else f"at least {least}" if one.least is not None else f"at most {most}"
        raise BadValue(f"It is {said}.")


def _text(one: Parameter, text: str) -> str:
    if any(ord(c) < 32 for c in text):
        raise BadValue("It has no control characters.")
    shape = SHAPES.get(one.kind)
    if shape and not shape[0].fullmatch(text):
        raise BadValue(f"It is {shape[1]}.")
    if one.shortest and len(text) < one.shortest:
        raise BadValue(f"It has at least {one.shortest} characters.")
    if one.longest is not None and len(text) > one.longest:
        raise BadValue(f"It has at most {one.longest} characters.")
    return text


def _wired(one: Parameter, text: str) -> str:
    """Of an enumerated parameter, what is sent for the enumID; several for a type of several values."""
    if text in one.pairs:
        return one.pairs[text]
    if one.kind.startswith("Multiple"):
        chosen = text.split()
        if all(enum in one.pairs for enum in chosen):
            return " ".join(one.pairs[enum] for enum in chosen)
    raise BadValue("Choose one of the list.")


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text if "-" in text else f"{text[:4]}-{text[4:6]}-{text[6:8]}")
    except ValueError:
        return None
