"""
Rate cards: what a broker may take for what it executes, by broker, market, class, strategy and currency. The most specific
card that fits a deal and holds on its trade date decides; where none does, the broker's own rate does. Exact until the one
rounding, which the caller does.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

BPS, PERCENT, PER_UNIT, ABSOLUTE, NONE = "BPS", "PERCENT", "PER_UNIT", "ABSOLUTE", "NONE"
KINDS = {
    BPS: "basis points of the value", PERCENT: "percent of the value", PER_UNIT: "an amount a share or contract",
    ABSOLUTE: "an amount an order", NONE: "none (in the price)",
}  # fmt: skip
SAID, CARD = "SAID", "CARD"
BOOKS = {CARD: "what this card says", SAID: "what the broker said with its fills"}
OF_BROKER = {"bps": BPS, "per_share": PER_UNIT, "none": NONE}  # The broker's own rate, as reference data keep it.
DIVISOR = {BPS: 10_000, PERCENT: 100}
MOST_TIERS = 10
DIGITS, RATE_PLACES, AMOUNT_PLACES = 20, 8, 4  # As the API takes them and the columns keep them.
# What a card may ask for, the weightiest first: of two cards that fit a deal, the one that asks for the weightier wins.
ASKS = ("broker_id", "strategy", "mic", "country", "asset_class", "currency")
WORDS = {
    "broker_id": "broker", "strategy": "strategy", "mic": "market", "country": "country", "asset_class": "class",
    "currency": "currency",
}  # fmt: skip


class Card(NamedTuple):
    """
    What is asked for is empty (or None) where any will do.

    :param id: 0 for the broker's own rate
    :param tiers: (above which value of the order, the rate from there), ascending; it is the rate of all of the order
    :param least: and ``most``: of an order, in the card's currency
    :param research_pct: percent of the commission that is put by for research
    :param tolerance: by how much the broker's word may differ before it is a break
    """

    id: int
    broker_id: int | None = None
    mic: str = ""
    country: str = ""
    asset_class: str = ""
    strategy: str = ""
    currency: str = ""
    kind: str = NONE
    rate: Decimal = Decimal(0)
    tiers: Sequence[tuple[Decimal, Decimal]] = ()
    least: Decimal | None = None
    most: Decimal | None = None
    research_pct: Decimal = Decimal(0)
    books: str = SAID
    tolerance: Decimal = Decimal(0)
    starts_on: date = date.min
    ends_on: date | None = None

    @property
    def ref(self) -> str:
        return f"RC-{self.id:04d}" if self.id else "the broker’s own rate"


class Deal(NamedTuple):
    """What a card is sought for: what one broker executed of a block by one strategy."""

    broker_id: int
    mic: str
    country: str
    asset_class: str
    strategy: str
    currency: str
    on: date


class Choice(NamedTuple):
    """The card that decides; those that fit too, but ask for less."""

    card: Card
    beaten: tuple[Card, ...]


class Reckoned(NamedTuple):
    """A commission, exact, with its arithmetic."""

    amount: Fraction
    worked: str


def fits(card: Card, deal: Deal) -> bool:
    asked = all(getattr(card, name) in (None, "", getattr(deal, name)) for name in ASKS)
    return asked and card.starts_on <= deal.on and (card.ends_on is None or deal.on <= card.ends_on)


def choose(cards: Iterable[Card], deal: Deal, own: Card) -> Choice:
    """:param own: the broker's own rate, which decides where no card fits"""
    found = sorted((card for card in cards if fits(card, deal)), key=lambda card: (_weight(card), card.id), reverse=True)
    return Choice(found[0], (*found[1:], own)) if found else Choice(own, ())


def _weight(card: Card) -> tuple[bool, ...]:
    return tuple(bool(getattr(card, name)) for name in ASKS)


def own_rate(broker_id: int, kind: str, rate: Decimal) -> Card:
    """A broker's rate of the reference data as a card. :param kind: bps, per_share or none"""
    return Card(0, broker_id, kind=OF_BROKER[kind], rate=rate)


def reckon(card: Card, qty: Decimal, value: Decimal | Fraction) -> Reckoned:
    """
    The commission of an order.

    :param value: exactly, in the deal's currency: Σ quantity × price × factor
    """
    rate, tier = card.rate, ""
    for above, other in card.tiers:
        if value > above:
            rate, tier = other, f", above {plain(above)}"
    if card.kind == NONE:
        amount, worked = Fraction(0), "none"
    elif card.kind == ABSOLUTE:
        amount, worked = Fraction(rate), f"{plain(rate)} an order{tier}"
    elif card.kind == PER_UNIT:
        amount, worked = Fraction(rate) * Fraction(qty), f"{plain(rate)} × {plain(qty)}{tier}"
    else:
        amount = Fraction(rate) * Fraction(value) / DIVISOR[card.kind]
        worked = f"{plain(rate)}{' bp' if card.kind == BPS else '%'} × {plain(value)}{tier}"
    if card.least is not None and amount < card.least:
        return Reckoned(Fraction(card.least), f"{worked}, at least {plain(card.least)}")
    if card.most is not None and amount > card.most:
        return Reckoned(Fraction(card.most), f"{worked}, at most {plain(card.most)}")
    return Reckoned(amount, worked)


def problems(card: Card, today: date) -> list[tuple[str, str]]:
    """What is wrong with a card that is proposed: (field, text) each. Where a number is too long, that alone is said."""
    found = _too_long(card)
    if found:
        return found
    if card.kind not in KINDS:
        found.append(("kind", "Choose how it is reckoned."))
    if card.books not in BOOKS:
        found.append(("books", "Choose what is booked."))
    if card.mic and card.country:
        found.append(("country", "Name a market or a country: a market lies in one."))
    rates = [card.rate, *(rate for _, rate in card.tiers)]
    if any(not rate.is_finite() or rate < 0 for rate in rates):
        found.append(("rate", "A rate is zero or above."))
    elif card.kind == NONE and any(rates):
        found.append(("rate", "Without a commission the rate is zero."))
    elif card.kind == NONE and (card.least or card.most):
        found.append(("least_amount", "Without a commission there is neither a least nor a most."))
    elif card.kind != NONE and not any(rates) and not card.least:
        found.append(("rate", "Give a rate above zero, or say that there is no commission."))
    edges = [above for above, _ in card.tiers]
    if len(edges) > MOST_TIERS:
        found.append(("tiers", f"At most {MOST_TIERS} tiers."))
    elif any(not edge.is_finite() or edge <= 0 for edge in edges) or edges != sorted(set(edges)):
        found.append(("tiers", "Values above which a tier begins are above zero and ascend, each once."))
    amounts = (("least_amount", card.least), ("most_amount", card.most), ("tolerance_amount", card.tolerance))
    found += [(name, "An amount is zero or above.") for name, a in amounts if a is not None and (not a.is_finite() or a < 0)]
    if card.least is not None and card.most is not None and card.most < card.least:
        found.append(("most_amount", "The most is not below the least."))
    if not card.research_pct.is_finite() or not 0 <= card.research_pct <= 100:
        found.append(("research_pct", "Between 0 and 100 percent."))
    if not card.currency and (card.kind in (PER_UNIT, ABSOLUTE) or card.least or card.most or card.tiers or card.tolerance):
        found.append(("currency", "Amounts are in a currency: name it, and the card is for what trades in it."))
    if card.starts_on < today:
        found.append(("starts_on", "What was booked stays as it is: begin today or later."))
    if card.ends_on is not None and card.ends_on < card.starts_on:
        found.append(("ends_on", "It ends on the day it starts, or later."))
    return found


def _too_long(card: Card) -> list[tuple[str, str]]:
    """What has more digits than can be kept, (field, text) each; before anything is written out or reckoned with."""
    numbers = [
        ("rate", card.rate, RATE_PLACES), *(("tiers", above, AMOUNT_PLACES) for above, _ in card.tiers),
        *(("tiers", rate, RATE_PLACES) for _, rate in card.tiers), ("least_amount", card.least, AMOUNT_PLACES),
        ("most_amount", card.most, AMOUNT_PLACES), ("research_pct", card.research_pct, AMOUNT_PLACES),
        ("tolerance_amount", card.tolerance, AMOUNT_PLACES),
    ]  # fmt: skip
    texts = {
        name: f"At most {DIGITS - places} digits before the point and {places} after it."
        for name, number, places in numbers if number is not None and not _can_be_kept(number, places)
    }  # fmt: skip
    return list(texts.items())


def _can_be_kept(number: Decimal, places: int) -> bool:
    """Whether a column of numeric(20, places) keeps it as it is; what is no number is another's to refuse."""
    if not number.is_finite() or not number:
        return not number.is_finite() or abs(number.as_tuple().exponent) <= DIGITS
    return number.adjusted() < DIGITS - places and number.as_tuple().exponent >= -places


def key_of(card: Card) -> str:
    """What a card asks for as one text: two cards of the same never hold on the same day."""
    return "|".join(str(getattr(card, name) or "*") for name in ASKS)


def in_words(card: Card, broker: str = "") -> str:
    """What it asks for. :param broker: its code"""
    said = [f"{WORDS[name]} {broker if name == 'broker_id' else value}" for name in ASKS if (value := getattr(card, name))]
    if said and card.broker_id and not broker:
        said[0] = "this broker"
    return ", ".join(said) or "any deal"


def rate_in_words(card: Card) -> str:
    if card.kind == NONE:
        return KINDS[NONE]
    unit = {BPS: " bp", PERCENT: "%", PER_UNIT: f" {card.currency} a unit".replace("  ", " "), ABSOLUTE: f" {card.currency} an order"}
    said = [f"{plain(card.rate)}{unit[card.kind]}"]
    said += [f"above {plain(above)}: {plain(rate)}{unit[card.kind]}" for above, rate in card.tiers]
    said += [f"at least {plain(card.least)}"] if card.least is not None else []
    said += [f"at most {plain(card.most)}"] if card.most is not None else []
    said += [f"{plain(card.research_pct)}% of it for research"] if card.research_pct else []
    return "; ".join(said)


def tiers_of(text: str) -> tuple[tuple[Decimal, Decimal], ...]:
    """A line each: the value above which it begins, and its rate. :raises ValueError: naming the line"""
    found = []
    for n, line in enumerate(text.splitlines(), start=1):
        words = line.replace(",", "").split()
        if not words:
            continue
        try:
            above, rate = map(Decimal, words)
        except (ArithmeticError, ValueError):
            raise ValueError(f"Line {n}: write a value and a rate, such as 100000 1.5.") from None
        found.append((above, rate))
    return tuple(found)


def plain(value: Decimal | Fraction) -> str:
    """A number without trailing zeros; of an endless one twelve decimals."""
    if isinstance(value, Fraction):
        value = Decimal(value.numerator) / Decimal(value.denominator)
        value = value if value == value.to_integral() else value.quantize(Decimal(1).scaleb(-12))
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def tiers_in(kept: Sequence[Sequence[str]]) -> tuple[tuple[Decimal, Decimal], ...]:
    """Tiers as they are kept in JSON."""
    return tuple((Decimal(above), Decimal(rate)) for above, rate in kept)
