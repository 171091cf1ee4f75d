"""Rate cards: what is in force, what waits for another person, and which one decides for a deal."""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from django.db import connection
from django.db.models import Case, IntegerField, Q, QuerySet, Value, When

from apps.core.refusals import NotFound
from apps.reference.models import Broker

from .models import RateCard
from .rules import cards as rules
from .states import Rc

FIELDS = (
    "pk", "broker_id", "venue__mic", "country", "asset_class", "strategy", "currency_id", "kind", "rate", "tiers", "least_amount",
    "most_amount", "research_pct", "books", "tolerance_amount", "starts_on", "ends_on",
)  # fmt: skip


def rate_cards(status: str = "") -> QuerySet[RateCard]:
    """Cards: those that wait first, then those in force, then the rest; the newest first. :param status: of these alone"""
    rank = Case(When(status=Rc.PROPOSED, then=Value(0)), When(status=Rc.IN_FORCE, then=Value(1)), default=Value(2),
                output_field=IntegerField())  # fmt: skip
    rows = RateCard.objects.select_related("broker", "venue", "currency", "proposed_by", "decided_by")
    return (rows.filter(status=status) if status else rows).order_by(rank, "-pk")


def get_rate_card(card_id: int) -> RateCard:
    """:raises NotFound: where there is none"""
    row = rate_cards().filter(pk=card_id).first()
    if row is None:
        raise NotFound("There is no such rate card.")
    return row


def replaced_by(card: RateCard) -> RateCard | None:
    """The card in force that ends where this one begins, if it is approved."""
    rows = rate_cards(Rc.IN_FORCE).filter(key=card.key, ends_on=None, starts_on__lt=card.starts_on)
    return rows.first()


def cards_on(first: date, last: date) -> list[rules.Card]:
    """The cards in force on some of these trade dates, by id. One query."""
    rows = RateCard.objects.filter(Q(ends_on=None) | Q(ends_on__gte=first), status=Rc.IN_FORCE, starts_on__lte=last)
    return [_card(row) for row in rows.order_by("pk").values_list(*FIELDS)]


def _card(row: tuple) -> rules.Card:
    pk, broker, mic, country, klass, strategy, currency, kind, rate, tiers, *rest = row
    return rules.Card(pk, broker, mic or "", country, klass, strategy, currency or "", kind, rate, rules.tiers_in(tiers), *rest)


def own_rates(broker_ids: Iterable[int]) -> dict[int, tuple[str, rules.Card]]:
    """Broker id to its code and its own rate, which decides where no card does. One query."""
    rows = Broker.objects.filter(pk__in=set(broker_ids)).values_list("pk", "code", "commission_kind", "commission_rate")
    return {pk: (code, rules.own_rate(pk, kind, rate)) for pk, code, kind, rate in rows}


def choices_for(deals: Iterable[rules.Deal]) -> Mapping[rules.Deal, rules.Choice]:
    """The card that decides for each deal. Two queries, none for none."""
    wanted = set(deals)
    if not wanted:
        return {}
    days = [deal.on for deal in wanted]
    cards, own = cards_on(min(days), max(days)), own_rates(deal.broker_id for deal in wanted)
    return {deal: rules.choose(cards, deal, own[deal.broker_id][1]) for deal in wanted}


class Ticket(NamedTuple):
    """What one broker executed of a block by one strategy: exact sums over its live executions."""

    block_id: int
    broker_id: int
    strategy: str
    qty: Decimal
    value: Decimal  # Σ quantity × price
    said: Decimal  # Σ commission as the broker said it
    fills: int


def tickets_of(block_ids: Iterable[int]) -> list[Ticket]:
    """By block, broker and strategy. One query."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT x.block_id, x.broker_id, r.strategy, sum(x.qty), sum(x.qty * x.price), sum(x.commission_amount), count(*)"
            " FROM routing_execution x JOIN routing_route r ON r.id = x.route_id"
            " WHERE x.block_id = ANY(%s) AND x.status = 'LIVE' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
            [list(block_ids)],
        )
        return [Ticket(*row) for row in cursor.fetchall()]


def own_rate_rows() -> list[tuple[str, str]]:
    """Each active broker that takes a commission of its own, and what. One query."""
    rows = Broker.objects.filter(is_active=True).exclude(commission_kind=Broker.Commission.NONE).order_by("code")
    return [(row.name, rules.rate_in_words(rules.own_rate(row.pk, row.commission_kind, row.commission_rate))) for row in rows]
