"""Raw FIX messages: found by what they say, and read in the words of the version they were said in."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import NamedTuple

from django.db.models import Q, QuerySet
from lxml import etree

from apps.core.refusals import NotFound

from . import rules
from .gateway.settings import dictionary_of_quickfix
from .models import Message, Session

TAG_IS = re.compile(r"(\d{1,6})=(.+)", re.ASCII)
ADMIN_FIRST = ("FIXT11", "FIX50SP2")
WORDS_OF = {"FIX.4.2": ("FIX42",), "FIX.4.4": ("FIX44",), "FIXT.1.1": ADMIN_FIRST}


class Words(NamedTuple):
    names: Mapping[int, str]
    values: Mapping[tuple[int, str], str]


class Wired(NamedTuple):
    """A message as a list shows it: its kind in words, what names it, and its fields read."""

    message: Message
    kind: str
    name: str
    exec_id: str


def messages(
    *, session: int | None = None, way: str = "", text: str = "", since: datetime | None = None, until: datetime | None = None
) -> QuerySet[Message]:
    """
    The newest first.

    :param way: ``out`` or ``in``; both where empty
    :param text: ``tag=value`` exactly, as 11=261130-1, or words anywhere in it: a ClOrdID, an ExecID, a text
    """
    rows = Message.objects.select_related("session__broker").order_by("-pk")
    if session is not None:
        rows = rows.filter(session=session)
    if way:
        rows = rows.filter(is_out=way == "out")
    if since:
        rows = rows.filter(at__gte=since)
    if until:
        rows = rows.filter(at__lt=until)
    if match := TAG_IS.fullmatch(text):
        said = rules.text_of([(int(match[1]), match[2])])
        rows = rows.filter(Q(text__contains=f"|{said}") | Q(text__startswith=said))
    elif text:
        rows = rows.filter(Q(text__icontains=text) | Q(problem__icontains=text))
    return rows


def get_message(message_id: int) -> Message:
    """:raises NotFound: where there is none"""
    row = messages().filter(pk=message_id).first()
    if row is None:
        raise NotFound("There is no such message.")
    return row


def listed(rows: Sequence[Message]) -> list[Wired]:
    found = []
    for row in rows:
        said = dict(reversed(fields_of(row)))
        kind = _words(row.session.begin_string).values.get((35, row.msg_type), "")
        found.append(Wired(row, _spaced(kind) or row.msg_type, said.get(11) or said.get(131, ""), said.get(17, "")))
    return found


def read(row: Message) -> list[rules.Read]:
    """Its fields with their names and what their values mean, by the dictionary of its version."""
    words = _words(row.session.begin_string)
    return [
        rules.Read(tag, words.names.get(tag, ""), value, _spaced(words.values.get((tag, value), ""))) for tag, value in fields_of(row)
    ]


def fields_of(row: Message) -> Sequence[tuple[int, str]]:
    try:
        return rules.fields_of(row.text)
    except rules.Malformed:
        return []


def sessions() -> QuerySet[Session]:
    return Session.objects.order_by("target_comp_id")


def _spaced(word: str) -> str:
    """MARKET_ON_CLOSE and NewOrderSingle as people read them."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", word).replace("_", " ").lower()


@cache
def _words(begin_string: str) -> Words:
    names: dict[int, str] = {}
    values: dict[tuple[int, str], str] = {}
    for name in WORDS_OF[begin_string]:
        tree = etree.parse(str(dictionary_of_quickfix(name)), etree.XMLParser(resolve_entities=False, no_network=True))
        for field in tree.iterfind("fields/field"):
            tag = int(field.get("number"))
            names[tag] = field.get("name")
            values |= {(tag, value.get("enum")): value.get("description") or "" for value in field.iterfind("value")}
        values |= {(35, kind.get("msgtype")): kind.get("name") for kind in tree.iterfind("messages/message")}
    return Words(names, values)
