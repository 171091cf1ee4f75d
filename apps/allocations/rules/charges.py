"""What a broker takes for its part of a block: as it said, as its rate cards say, what is booked, and whether they agree."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from apps.core.money import rounded
from apps.routing.rules import cards


class Ticket(NamedTuple):
    """One order at a broker: what it executed by one strategy, and the card that decides."""

    strategy: str
    qty: Decimal
    value: Fraction  # Σ quantity × price × factor, exactly
    said: Decimal
    fills: int
    choice: cards.Choice


class Charged(NamedTuple):
    """:param said: exactly; :param trace: a line a ticket, plain values, to be kept"""

    said: Decimal
    expected: Decimal
    booked: Decimal
    tolerance: Decimal
    research: Decimal
    differs: bool
    trace: list[dict[str, Any]]


def charge(tickets: Sequence[Ticket], minor_units: int) -> Charged:
    """
    The charge of one broker for a block. Sums are exact and each is rounded once. What the broker said may be off by half a
    minor unit a fill, for it rounds each of them, and by the cards' tolerance; exactly that much is no difference. Where a
    card says what is booked and the broker said nothing, there is nothing to differ from.
    """
    expected = booked = research = compared = Fraction(0)
    allowed, tolerance, trace = Fraction(0), Decimal(0), []
    half = Fraction(1, 2 * 10**minor_units)
    for one in tickets:
        card = one.choice.card
        due = cards.reckon(card, one.qty, one.value)
        is_said = bool(one.said) or card.books == cards.SAID
        part = due.amount if card.books == cards.CARD else Fraction(one.said)
        expected, booked = expected + due.amount, booked + part
        research += part * Fraction(card.research_pct) / 100
        if is_said:
            compared += Fraction(one.said) - due.amount
            allowed += half * one.fills
            tolerance += card.tolerance
        trace.append(
            {
                "strategy": one.strategy, "card": card.ref, "card_id": card.id, "asks": cards.in_words(card), "worked": due.worked,
                "expected": cards.plain(due.amount), "said": cards.plain(one.said) if is_said else None, "books": card.books,
                "research_pct": cards.plain(card.research_pct), "beat": [other.ref for other in one.choice.beaten],
            }
        )  # fmt: skip
    return Charged(
        sum((one.said for one in tickets), Decimal(0)), rounded(expected, minor_units), rounded(booked, minor_units), tolerance,
        rounded(research, minor_units), abs(compared) > allowed + Fraction(tolerance), trace,
    )  # fmt: skip
