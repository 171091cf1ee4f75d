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
    charged = rounded(booked, minor_units)
    kept = min(max(rounded(research, minor_units), Decimal(0)), max(charged, Decimal(0)))  # Of a rebate nothing is put by.
    return Charged(
        sum((one.said for one in tickets), Decimal(0)), rounded(expected, minor_units), charged, tolerance,
        kept, abs(compared) > allowed + Fraction(tolerance), trace,
    )  # fmt: skip


def research_of(
    broker_id: int, charged: Charged, given: Sequence[tuple[int, Decimal]], minor_units: int
) -> list[tuple[int, Decimal]]:
    """
    Who keeps what is put by for research: each broker in proportion to what it is paid of the commission, to the last unit.

    :param given: brokers that stepped in, and what each was given of it
    :returns: broker and amount above zero, one a broker
    """
    left, found = charged.research, dict[int, Decimal]()
    if not left:
        return []
    for other, amount in given:
        part = min(rounded(Fraction(charged.research) * Fraction(amount) / Fraction(charged.booked), minor_units), left)
        found[other], left = found.get(other, Decimal(0)) + part, left - part
    if sum((amount for _, amount in given), Decimal(0)) == charged.booked:
        found[given[-1][0]] += left
    else:
        found[broker_id] = left
    return [(one, amount) for one, amount in found.items() if amount]
