"""What brokers take for what they executed: reckoned before a block is booked, and asked for after."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from django.db.models import Case, IntegerField, QuerySet, Value, When

from apps.core.refusals import NotFound
from apps.routing import card_selectors as cards
from apps.routing.rules.cards import Deal
from apps.users.services import can

from . import rules
from .models import Charge
from .selectors import Seen
from .states import Ch


def charges_of(seen: Sequence[Seen]) -> Mapping[tuple[int, int], rules.Charged]:
    """(block, broker) to what the broker takes for its part, by the cards of its trade date. Three queries."""
    of = {s.facts.block_id: s for s in seen}
    days = {(s.facts.block_id, fill.broker_id): fill.trade_date for s in seen for fill in s.facts.fills}
    tickets = cards.tickets_of(of)
    deals = {(t.block_id, t.broker_id, t.strategy): _deal(of[t.block_id], t, days[t.block_id, t.broker_id]) for t in tickets}
    choices = cards.choices_for(deals.values())
    found: dict[tuple[int, int], list[rules.Ticket]] = {}
    for t in tickets:
        value = Fraction(t.value) * Fraction(of[t.block_id].facts.price_factor)
        choice = choices[deals[t.block_id, t.broker_id, t.strategy]]
        ticket = rules.Ticket(t.strategy, t.qty, value, t.said, t.fills, choice)
        found.setdefault((t.block_id, t.broker_id), []).append(ticket)
    return {key: rules.charge(some, of[key[0]].facts.minor_units) for key, some in found.items()}


def _deal(seen: Seen, ticket: cards.Ticket, on) -> Deal:
    block = seen.facts
    return Deal(ticket.broker_id, seen.mic, seen.country, block.asset_class, ticket.strategy, seen.currency, on)


def charges_seen_by(user) -> QuerySet[Charge]:
    """Charges: those that differ first, then the newest. They are of whole blocks, so only who follows settlement sees them."""
    if not can(user, "settlement.see"):
        return Charge.objects.none()
    first = Case(When(status=Ch.DIFFERS, then=Value(0)), default=Value(1), output_field=IntegerField())
    return Charge.objects.select_related("block__instrument", "broker", "currency").order_by(first, "-pk")


def get_charge_seen_by(user, charge_id: int) -> Charge:
    """:raises NotFound: where there is none, or the person may not see it"""
    row = charges_seen_by(user).filter(pk=charge_id).first()
    if row is None:
        raise NotFound("There is no such charge, or it is not yours to see.")
    return row
