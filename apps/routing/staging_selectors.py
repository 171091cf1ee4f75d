"""What upstream systems sent and what came of it, and whose orders they may enter."""

from collections.abc import Sequence
from typing import NamedTuple

from django.db.models import Case, CharField, Exists, OuterRef, Q, QuerySet, Value, When

from apps.core.refusals import NotFound
from apps.orders import selectors as orders
from apps.portfolios.models import Portfolio
from apps.users.models import User
from apps.users.services import can, holders_of

from . import rules
from .models import Grant, Message, Session, StagedRequest

REQUESTS = ("D", "E", "F", "G", "H")
OUTCOMES = {
    "entered": "Entered", "refused": "Refused", "known": "Known already", "waiting": "Not entered yet", "person": "Put before a person",
}  # fmt: skip
ANSWERS_SHOWN = 50


class Staged(NamedTuple):
    """A request in a list: what it was, what came of it, and the orders it made or changed that the person may see."""

    message: Message
    kind: str
    name: str
    what: str
    outcome: str
    reason: str
    orders: list[tuple[int, str]]


def messages_seen_by(user, *, session: int | None = None, outcome: str = "", text: str = "") -> QuerySet[Message]:
    """
    Requests heard from upstream systems, with their ``outcome``, newest first: all for roles that see the whole firm;
    others see those of orders that they see.
    """
    if not can(user, "routing.see_staging"):
        return Message.objects.none()
    rows = Message.objects.filter(
        is_out=False, msg_type__in=REQUESTS, session__purpose=Session.Purpose.STAGING
    ).annotate(
        outcome=Case(
            When(status__in=["QUARANTINED", "SETTLED"], then=Value("person")),
            When(status="HEARD", then=Value("waiting")),
            When(problem__startswith="Refused", then=Value("refused")),
            When(Q(problem__startswith="Repeats") | Q(problem__startswith="Known"), then=Value("known")),
            default=Value("entered"),
            output_field=CharField(),
        )
    )  # fmt: skip
    if not can(user, "portfolios.see_all"):
        mine = StagedRequest.objects.filter(message=OuterRef("pk"), order__in=orders.orders_seen_by(user))
        rows = rows.filter(Exists(mine))
    if session:
        rows = rows.filter(session=session)
    if outcome:
        rows = rows.filter(outcome=outcome)
    if text:
        rows = rows.filter(Q(text__icontains=text) | Q(problem__icontains=text))
    return rows.select_related("session").order_by("-pk")


def staged(user, messages: Sequence[Message]) -> list[Staged]:
    """These requests as a list shows them. Two queries."""
    made: dict[int, list[int]] = {}
    for message, order in StagedRequest.objects.filter(message__in=[m.pk for m in messages]).values_list("message_id", "order_id"):
        made.setdefault(message, []).append(order)
    wanted = {pk for ids in made.values() for pk in ids}
    seen = set(orders.orders_seen_by(user).filter(pk__in=wanted).values_list("pk", flat=True)) if wanted else set()
    rows = []
    for message in messages:
        fields = _fields(message.text)
        links = [(pk, f"O-{pk:06d}") for pk in sorted(made.get(message.pk, ())) if pk in seen]
        rows.append(
            Staged(
                message, rules.MESSAGE_TYPES.get(message.msg_type, message.msg_type), _name(fields), _what(fields),
                message.outcome, message.problem, links,
            )
        )  # fmt: skip
    return rows


def _fields(text: str) -> list[tuple[int, str]]:
    try:
        return rules.fields_of(text)
    except rules.Malformed:
        return []


def _name(fields: Sequence[tuple[int, str]]) -> str:
    said = dict(reversed(fields))
    return said.get(66) or said.get(11, "")


def _what(fields: Sequence[tuple[int, str]]) -> str:
    """“buy 200 AAA for P1”, or how many orders a list has."""
    said = dict(reversed(fields))
    if said.get(35) == "E":
        count = sum(tag == 11 for tag, _ in fields)
        return f"{count} order{'s'[: count != 1]}"
    if said.get(35) == "F":
        return f"of {said.get(41, '')}"
    side = rules.read_tags([(54, said.get(54, ""))])[0].means
    parts = [side, said.get(38, ""), said.get(55) or said.get(48, ""), f"for {said[1]}" if said.get(1) else ""]
    return " ".join(filter(None, parts))


def get_staged_seen_by(user, message_id: int) -> tuple[Staged, list[rules.Read], list[tuple[Message, list[rules.Read]]]]:
    """A request, its fields in words, and what was answered to it, likewise. :raises NotFound:"""
    message = messages_seen_by(user).filter(pk=message_id).first()
    if message is None:
        raise NotFound("There is no such message, or it is not of an order that you see.")
    one = staged(user, [message])[0]
    mine = Q(ref=f"M{message_id}") | Q(ref__startswith=f"M{message_id}-")
    for pk, nth in StagedRequest.objects.filter(message=message_id).values_list("order_id", "order__version")[:ANSWERS_SHOWN]:
        mine |= Q(ref__in=[f"O{pk}-{n}" for n in range(1, nth + 1)], text__contains=f"|11={one.name}|")
    rows = Message.objects.filter(mine, session=message.session_id, is_out=True, pk__gt=message_id).order_by("pk")
    answers = [(row, rules.read_tags(_fields(row.text))) for row in rows[:ANSWERS_SHOWN]]
    return one, rules.read_tags(_fields(message.text)), answers


def staging_sessions() -> QuerySet[Session]:
    return Session.objects.filter(purpose=Session.Purpose.STAGING).order_by("target_comp_id")


def get_staging_session(session_id: int) -> Session:
    """:raises NotFound: where there is none"""
    session = staging_sessions().filter(pk=session_id).first()
    if session is None:
        raise NotFound("There is no such staging session.")
    return session


def grants(*, session: int | None = None) -> QuerySet[Grant]:
    """Newest first, with their people and portfolios."""
    rows = Grant.objects.select_related("session", "acts_for", "asked_by", "confirmed_by", "ended_by")
    rows = rows.filter(session=session) if session else rows
    return rows.prefetch_related("portfolios").order_by("-pk")


def get_grant(grant_id: int) -> Grant:
    """:raises NotFound: where there is none"""
    grant = grants().filter(pk=grant_id).first()
    if grant is None:
        raise NotFound("There is no such grant.")
    return grant


def spoken_for() -> QuerySet[User]:
    """Who may be spoken for: the people who enter orders."""
    return holders_of("orders.create").order_by("username")


def portfolio_choices() -> list[tuple[str, str]]:
    return list(Portfolio.objects.filter(is_open=True).values_list("code", "name"))


def grants_shown(user) -> dict:
    """What the sessions page says of upstream systems: each with what was asked for and what is in force, and acts."""
    rows: dict[int, list[Grant]] = {}
    for grant in grants().filter(status__in=["ASKED", "GRANTED"]):
        rows.setdefault(grant.session_id, []).append(grant)
    return {
        "upstream": [(s, rows.get(s.pk, [])) for s in staging_sessions()],
        "may_grant": can(user, "routing.grant_staging"),
        "may_see_staging": can(user, "routing.see_staging"),
    }
