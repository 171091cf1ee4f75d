"""What the ticket says of one instrument, in the words of its asset class."""

from typing import NamedTuple

from apps.reference import selectors as reference
from apps.reference.models import Instrument
from apps.reference.rules import taken_by

from .. import rules


class Words(NamedTuple):
    """``terms`` with the instrument's own words filled in; the order types and times in force that its market takes."""

    terms: rules.ClassTerms
    order_types: tuple[str, ...]
    tifs: tuple[str, ...]


def words_of(instrument: Instrument, intent: str = "") -> Words:
    """
    One query, and one more for an option that was read without what it is on.

    :param intent: what the quantity counts, where it counts no units
    """
    i = instrument
    facts = {
        "currency": i.currency_id, "base": i.base_currency_id or "", "factor": _figure(i.price_factor), "step": _figure(i.increment),
        "piece": _figure(i.min_piece), "tick": _figure(i.tick_size), "on": i.underlying.symbol if i.underlying_id else "the underlying",
    }  # fmt: skip
    taken = taken_by(reference.combinations_taken([i.asset_class]), i.asset_class, i.venue_id)
    kinds, tifs = (tuple(dict.fromkeys(getattr(row, name) for row in taken)) for name in ("order_type", "tif"))
    return Words(rules.spoken(i.asset_class, facts, intent), kinds, tifs)


def _figure(number) -> str:
    whole, point, rest = rules.plain(number).partition(".")
    return f"{int(whole):,}{point}{rest}"
