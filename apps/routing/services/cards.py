"""Rate cards: proposed by one person, in force once another approves them."""

from collections.abc import Mapping
from datetime import timedelta

from django.db import connection, transaction
from django.utils import timezone

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Event, Fact
from apps.core.refusals import Conflict, Invalid, NotAllowed, NotFound, Stale
from apps.core.tables import one_at_a_time
from apps.reference.models import AssetClass, Broker, Currency, Venue
from apps.users.services import require

from .. import card_events as events
from ..models import RateCard
from ..rules import cards as rules
from ..states import RATE_CARD_LIFE, Rc
from .locks import refuse_stale


class StaleRateCard(Stale):
    """The card changed after the person looked at it."""


class OwnRateCard(NotAllowed):
    """Nobody approves what they proposed."""


class RateCardsOverlap(Conflict):
    """Another card asks for the same and holds on some of the same days."""


@transaction.atomic
def propose_rate_card(act: Act, said: rules.Card) -> int:
    """
    Will propose a commission, for the reason the act gives. Nothing changes until another person approves it.

    :returns: its id
    :raises Invalid: beside the field; :raises RateCardsOverlap: where one in force, or one that waits, is in its way
    """
    require(act, "routing.keep_cards")
    problems = [*_unknown(said), *rules.problems(said, timezone.localdate(act.at))]
    for field, problem in problems:
        raise Invalid(problem, field=field, problems=problems)
    if not act.reason.strip() or len(act.reason) > 400:
        raise Invalid("Give a reason of at most 400 characters: it is kept on the record.", field="reason")
    _hold()
    key = rules.key_of(said)
    _refuse_overlap(said, key)
    if waits := RateCard.objects.filter(key=key, starts_on=said.starts_on, status=Rc.PROPOSED).first():
        raise RateCardsOverlap(f"{waits.ref} asks for the same from the same day and waits; approve or decline that one first.")
    row = RateCard.objects.create(
        broker_id=said.broker_id, venue=Venue.objects.filter(mic=said.mic).first() if said.mic else None, country=said.country,
        asset_class=said.asset_class, strategy=said.strategy, currency_id=said.currency or None, key=key, kind=said.kind,
        rate=said.rate, tiers=[[rules.plain(above), rules.plain(rate)] for above, rate in said.tiers], least_amount=said.least,
        most_amount=said.most, research_pct=said.research_pct, books=said.books, tolerance_amount=said.tolerance,
        starts_on=said.starts_on, ends_on=said.ends_on, reason=act.reason.strip(), proposed_by_id=act.by, proposed_at=act.at,
    )  # fmt: skip
    told = {"asks": row.asks, "takes": row.takes, "books": said.books, "from": str(said.starts_on), "to": str(said.ends_on or "")}
    record(act, [Fact(row.pk, 1, events.RateCardProposed(told))])
    return row.pk


@transaction.atomic
def approve_rate_card(act: Act, card_id: int, *, seen: Mapping[int, int]) -> None:
    """
    Will put a card in force for trade dates from its first on. One without an end that asks for the same and began earlier ends
    on the day before.

    :raises OwnRateCard: for who proposed it
    :raises RateCardsOverlap: where another of the same holds on some of its days; :raises Invalid: where its first day is past
    :raises StaleRateCard, IllegalMove, NotFound:
    """
    row = _lock(act, card_id, seen)
    RATE_CARD_LIFE.after(row.status, events.RateCardApproved)
    if act.by == row.proposed_by_id:
        raise OwnRateCard("You proposed this, so another person approves it.", rate_card=row.pk)
    if row.starts_on < timezone.localdate(act.at):
        raise Invalid(
            f"{row.ref} was to begin on {row.starts_on}, which is past; what was booked stays. Propose it anew.", field="starts_on"
        )
    before = _refuse_overlap(row.terms, row.key)
    if before is not None:
        before.ends_on = row.starts_on - timedelta(days=1)
        before.save(update_fields=["ends_on"])
        _happen(act, before, events.RateCardCut(ends_on=str(before.ends_on), by=row.ref))
    row.decided_by_id, row.decided_at = act.by, act.at
    _happen(act, row, events.RateCardApproved())


@transaction.atomic
def decline_rate_card(act: Act, card_id: int, *, seen: Mapping[int, int]) -> None:
    """Will end what was proposed; who proposed it may take it back so. :raises StaleRateCard, IllegalMove, NotFound:"""
    row = _lock(act, card_id, seen)
    row.decided_by_id, row.decided_at = act.by, act.at
    _happen(act, row, events.RateCardDeclined())


def _unknown(said: rules.Card) -> list[tuple[str, str]]:
    """What it asks for that is not on file."""
    found = []
    if said.broker_id is not None and not Broker.objects.filter(pk=said.broker_id).exists():
        found.append(("broker", "There is no such broker."))
    if said.mic and not Venue.objects.filter(mic=said.mic).exists():
        found.append(("mic", f"There is no market “{said.mic}”."))
    if said.currency and not Currency.objects.filter(pk=said.currency).exists():
        found.append(("currency", f"There is no currency “{said.currency}”."))
    if said.asset_class and said.asset_class not in AssetClass.values:
        found.append(("asset_class", f"There is no class “{said.asset_class}”."))
    if said.country and not (len(said.country) == 2 and said.country.isalpha() and said.country.isupper()):
        found.append(("country", "A country is two capital letters, such as US."))
    return found


def _refuse_overlap(said: rules.Card, key: str) -> RateCard | None:
    """
    :returns: the card in force that ends where this one begins: without an end, and begun earlier
    :raises RateCardsOverlap: where another is in its way
    """
    others = RateCard.objects.filter(key=key, status=Rc.IN_FORCE)
    if said.ends_on is not None:
        others = others.filter(starts_on__lte=said.ends_on)
    cut = None
    for other in others.order_by("starts_on"):
        if other.ends_on is not None and other.ends_on < said.starts_on:
            continue
        if other.ends_on is None and other.starts_on < said.starts_on:
            cut = other
            continue
        until = f"to {other.ends_on}" if other.ends_on else "on"
        raise RateCardsOverlap(
            f"{other.ref} asks for the same and holds from {other.starts_on} {until}. Choose days that it leaves.", rate_card=other.pk
        )
    return cut


def _happen(act: Act, row: RateCard, event: Event) -> None:
    """The only door to a card's status after it was proposed."""
    row.status = RATE_CARD_LIFE.after(row.status, type(event))
    row.version += 1
    row.save(update_fields=["status", "version", "decided_by", "decided_at"])
    record(act, [Fact(row.pk, row.version, event)])


def _lock(act: Act, card_id: int, seen: Mapping[int, int]) -> RateCard:
    require(act, "routing.keep_cards")
    _hold()
    rows = RateCard.objects.select_for_update(of=("self",)).select_related("broker", "venue", "currency")
    row = rows.filter(pk=card_id).first()
    if row is None:
        raise NotFound("There is no such rate card.")
    refuse_stale(StaleRateCard, {row.pk: row}, seen, "rate_card")
    return row


def _hold() -> None:
    """Cards are kept by one at a time; whoever books reads on."""
    with connection.cursor() as cursor:
        one_at_a_time(cursor, "rate cards")
