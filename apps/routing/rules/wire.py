"""
FIX tag=value text. On the wire fields end in SOH; where people read it, and in the database, SOH is shown as ``|``, a
``|`` within a value as ``\\|`` and a backslash as ``\\\\``, so that nothing is lost.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache

SOH = "\x01"
NUMBER = re.compile(r"-?\d{1,24}(\.\d{0,24})?|-?\.\d{1,24}", re.ASCII)
TIME = re.compile(r"(\d{4})(\d\d)(\d\d)-(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?", re.ASCII)
DATE = re.compile(r"\d{8}", re.ASCII)
FIELDS = re.compile(r"(?:\d{1,6}=[^|]*\|)++", re.ASCII)
TOO_LARGE = Decimal(10) ** 12
FramePart = tuple[int, str]


class _Tags(dict):
    """Tags by their digits."""

    def __missing__(self, digits: str) -> int:
        return int(digits)


TAGS = _Tags({str(tag): tag for tag in range(10_000)})


class Malformed(ValueError):
    """A message that does not say what its type must; the message names the tag."""


def shown(raw: str) -> str:
    """What was on the wire, as it is kept: SOH as ``|``, and no character that a database refuses."""
    if "\\" in raw or "|" in raw:
        raw = raw.replace("\\", "\\\\").replace("|", "\\|")
    clean = raw.encode("utf-8", "surrogateescape").decode("utf-8", "replace").replace("\x00", "\ufffd")
    return clean.replace(SOH, "|")


def text_of(fields: Iterable[FramePart]) -> str:
    """Fields in their order as kept text. :raises Malformed: on an empty value or one with a field's end in it"""
    parts = []
    for tag, value in fields:
        value = str(value)
        if not value or SOH in value:
            raise Malformed(f"tag {tag} is empty or holds a field's end")
        parts.append(f"{tag}={value}{SOH}")
    return shown("".join(parts))


def fields_of(text: str) -> list[FramePart]:
    """Kept text as fields in their order. :raises Malformed: where a part is not tag=value"""
    if "\\" not in text and FIELDS.fullmatch(text):
        return [(TAGS[tag], value) for tag, _, value in [part.partition("=") for part in text[:-1].split("|")]]
    return _fields_one_by_one(text)


def _fields_one_by_one(text: str) -> list[FramePart]:
    """The same, also of what has empty parts or no end; names the part at fault."""
    if "\\" in text:
        text = text.replace("\\\\", "\x02").replace("\\|", "\x03")
        parts = [p.replace("\x03", "|").replace("\x02", "\\") for p in text.split("|")]
    else:
        parts = text.split("|")
    fields = []
    for part in filter(None, parts):
        tag, equals, value = part.partition("=")
        if not equals or not (tag.isascii() and tag.isdigit()) or len(tag) > 6:
            raise Malformed(f"“{part[:40]}” is not tag=value")
        fields.append((int(tag), value))
    return fields


def frame(begin_string: str, msg_type: str, fields: Sequence[FramePart]) -> str:
    """A whole message as on the wire, with body length and check sum, for an engine to parse groups from."""
    body = f"35={msg_type}{SOH}" + "".join(f"{tag}={value}{SOH}" for tag, value in fields)
    head = f"8={begin_string}{SOH}9={len(body.encode())}{SOH}{body}"
    return f"{head}10={sum(head.encode()) % 256:03d}{SOH}"


@lru_cache(1024)
def utc_text(at: datetime) -> str:
    """UTCTimestamp with milliseconds (FIX 4.4 vol. 1)."""
    at = at.astimezone(UTC)
    return f"{at:%Y%m%d-%H:%M:%S}.{at.microsecond // 1000:03d}"


@lru_cache(4096)
def _number(value: str, places: int) -> tuple[Decimal, str]:
    """The number, and what keeps it from being kept exactly in so many decimals and 12 digits before the point."""
    if not NUMBER.fullmatch(value):
        return Decimal(0), "is not a number"
    number = Decimal(value)
    if abs(number) >= TOO_LARGE:
        return number, "is too large"
    if len(value.partition(".")[2].rstrip("0")) > places:
        return number, f"has more than {places} decimals"
    return number, ""


class Fields:
    """Fields by tag; of a repeated tag the first. Readers raise ``Malformed`` and name the tag."""

    def __init__(self, text: str):
        self._take(fields_of(text))

    @classmethod
    def of(cls, parts: Sequence[FramePart]) -> "Fields":
        made = cls.__new__(cls)
        made._take(parts)
        return made

    def _take(self, parts: Sequence[FramePart]) -> None:
        self.all = parts
        self._first: dict[int, str] = dict(parts[::-1])

    def find(self, tag: int, default: str = "") -> str:
        return self._first.get(tag, default)

    def text(self, tag: int, longest: int = 60) -> str:
        value = self._first.get(tag, "")
        if not value:
            raise Malformed(f"tag {tag} is missing")
        if len(value) > longest:
            raise Malformed(f"tag {tag} is longer than {longest} characters")
        return value

    def find_decimal(self, tag: int, places: int, default: Decimal | None = None) -> Decimal | None:
        """A number that can be kept exactly in so many decimals and 12 digits before the point."""
        value = self._first.get(tag)
        if value is None or value == "":
            return default
        number, problem = _number(value, places)
        if problem:
            raise Malformed(f"tag {tag} {problem}: “{value[:30]}”")
        return number

    def decimal(self, tag: int, places: int) -> Decimal:
        number = self.find_decimal(tag, places)
        if number is None:
            raise Malformed(f"tag {tag} is missing")
        return number

    def find_time(self, tag: int) -> datetime | None:
        value = self._first.get(tag)
        if not value:
            return None
        match = TIME.fullmatch(value)
        if not match:
            raise Malformed(f"tag {tag} is not a UTC time: “{value[:30]}”")
        *parts, fraction = match.groups()
        year, month, day, hour, minute, second = map(int, parts)
        try:
            micro = int((fraction or "0")[:6].ljust(6, "0"))
            return datetime(year, month, day, hour, minute, min(second, 59), micro, UTC)  # A leap second is kept as :59.
        except ValueError:
            raise Malformed(f"tag {tag} is not a UTC time: “{value[:30]}”") from None

    def time(self, tag: int) -> datetime:
        at = self.find_time(tag)
        if at is None:
            raise Malformed(f"tag {tag} is missing")
        return at

    def find_date(self, tag: int) -> date | None:
        value = self._first.get(tag)
        if not value:
            return None
        try:
            if not DATE.fullmatch(value):
                raise ValueError
            return date(int(value[:4]), int(value[4:6]), int(value[6:]))
        except ValueError:
            raise Malformed(f"tag {tag} is not a date: “{value[:30]}”") from None
