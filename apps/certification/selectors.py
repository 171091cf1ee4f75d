"""Which matrices can be played on what, how far they are, and what came of them."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from django.conf import settings
from django.db.models import QuerySet

from apps.blocks.models import Block
from apps.blocks.selectors import blocks_seen_by
from apps.core.refusals import NotFound
from apps.routing import selectors as routing
from apps.routing.models import Message, RouteRequest, Session

from . import rules
from .models import Play
from .states import P

MOST_SHOWN = 300


class Offer(NamedTuple):
    """A matrix, why it cannot be played on what was chosen (empty where it can), and its newest play with that broker."""

    vector: rules.Vector
    obstacle: str
    last: Play | None


def is_simulation() -> bool:
    return settings.ENVIRONMENT == Session.Environment.SIMULATION


def plays_seen_by(user) -> QuerySet[Play]:
    """Plays of routes that a person sees, newest first."""
    routes = routing.routes_seen_by(user).values("pk")
    return Play.objects.filter(route__in=routes).select_related("route__broker", "route__block__instrument", "started_by").order_by("-pk")


def blocks_to_play_on(user) -> Sequence[Block]:
    """Blocks of shares with something left to place, the most first."""
    rows = blocks_seen_by(user).filter(status__in=("OPEN", "WORKING"), instrument__asset_class__in=("EQUITY", "ETF"))
    found = [block for block in rows.select_related("instrument").order_by("pk") if block.unplaced_qty > 0]
    return sorted(found, key=lambda block: -block.unplaced_qty)[:100]


def partners() -> QuerySet[Session]:
    """Sessions with brokers of the simulation that are up."""
    rows = Session.objects.filter(environment=Session.Environment.SIMULATION, purpose="ROUTING", broker__kind="broker", is_up=True)
    return rows.select_related("broker").order_by("broker__name")


def order_of(block: Block, session: Session) -> rules.Order:
    """What a matrix asks of an order of the block with that broker."""
    kind = "LIMIT" if block.limit_price is not None else block.order_type
    return rules.Order(block.tif, kind, session.begin_string, block.unplaced_qty, block.instrument.increment)


def offers(user, block: Block | None, session: Session | None) -> dict[str, list[Offer]]:
    """Every matrix by its group."""
    order = order_of(block, session) if block and session else None
    rows = plays_seen_by(user).filter(route__broker=session.broker_id) if session else Play.objects.none()
    last = {play.matrix: play for play in reversed(rows[: MOST_SHOWN * 4])}
    return {
        name: [Offer(one, rules.obstacle(one, order) if order else "", last.get(one.name)) for one in group]
        for name, group in rules.GROUPS.items()
    }


def scale_of(play: Play) -> rules.Scale:
    return rules.Scale(Fraction(play.scale), play.price, play.limit_price, play.route.block.side == "BUY")


def steps_booked(play: Play) -> set[int]:
    """The places of the broker's steps that were booked, or set aside for a person."""
    return {
        int(text.partition(_mark(play))[2].partition("|")[0])
        for text in _said(play).exclude(status=Message.Status.HEARD).values_list("text", flat=True)
    }


def is_sent(play: Play) -> bool:
    """Whether the order is at the broker."""
    return not Message.objects.filter(is_out=True, ref=first_name(play), status=Message.Status.QUEUED).exists()


def held(play: Play) -> int:
    """How many of its reports wait for a person."""
    return _said(play).filter(status=Message.Status.QUARANTINED).count()


def first_name(play: Play) -> str:
    """The ClOrdID under which the order went out."""
    return RouteRequest.objects.filter(route=play.route_id).order_by("pk").values_list("cl_ord_id", flat=True)[0]


def _said(play: Play) -> QuerySet[Message]:
    since = {"session__broker": play.route.broker_id, "is_out": False, "at__gte": play.started_at}
    return Message.objects.filter(**since, text__contains=_mark(play))


def _mark(play: Play) -> str:
    return f"|{rules.SCRIPT_TAG}={first_name(play)}."


class Line(NamedTuple):
    """A matrix in a report: ``outcome`` is PASSED, FAILED, PLAYING or NOT_PLAYED, with why."""

    matrix: str
    title: str
    outcome: str
    why: str
    play: Play | None


def report(user, session: Session) -> list[Line]:
    """What came of each matrix when it was last played with a broker."""
    last = {play.matrix: play for play in reversed(plays_seen_by(user).filter(route__broker=session.broker_id))}
    lines = []
    for vector in rules.VECTORS:
        play = last.get(vector.name)
        lines.append(Line(vector.name, vector.title, play.status if play else "NOT_PLAYED", play.found if play else "", play))
    return lines


def counted(lines: Iterable[Line]) -> dict[str, int]:
    found: dict[str, int] = dict.fromkeys((*map(str, P), "NOT_PLAYED"), 0)
    for line in lines:
        found[line.outcome] += 1
    return found


def get_session(pk: Any) -> Session:
    """:raises NotFound: where no broker of the simulation has it"""
    row = partners().filter(pk=pk).first() if str(pk).isdecimal() else None
    if row is None:
        raise NotFound("There is no session with a broker of the simulation of that number that is up.", field="session")
    return row
