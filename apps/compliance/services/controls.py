"""The same trading limits once more, before anything is sent: what is beyond one is refused, and nothing goes out."""

from collections.abc import Collection, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from apps.core.acts import Act
from apps.core.refusals import Conflict
from apps.marketdata import selectors as marketdata
from apps.reference.models import Instrument

from ..engine import controls
from ..engine.columns import FIRM_CURRENCY
from ..selectors.limits import limits_in_force, unheld_sales


class BeyondLimit(Conflict):
    """What would be sent is beyond a trading limit; ``reasons`` are for machines."""


class Wanted(NamedTuple):
    """What would be sent: of a block, of which orders, how much and at which limit price."""

    ref: str
    desk_id: int
    instrument: Instrument
    buy: bool
    qty: Decimal
    limit_price: Decimal | None
    order_ids: Collection[int] = ()


def refuse_beyond_limits(act: Act, wanted: Sequence[Wanted]) -> None:
    """
    One query where no limit is in force, seven at most, whatever is wanted.

    :raises BeyondLimit: naming every limit that one of them is beyond, as ``CODE: x=.., max=..``
    """
    limits = limits_in_force(act.at)
    mine = [
        [one for one in limits if one.is_of(act.by, w.desk_id, w.instrument.pk, w.instrument.asset_class)] for w in wanted
    ]
    if not any(mine):
        return
    things = {w.instrument.pk for w in wanted}
    quotes, volumes = marketdata.quotes_of(things), marketdata.average_volumes(things)
    rates = marketdata.fx_rates(FIRM_CURRENCY)
    asked = [pk for w, rows in zip(wanted, mine, strict=True) if any(one.stops_wrong_side for one in rows) for pk in w.order_ids]
    unheld = unheld_sales(asked) if asked else set()
    found = []
    for w, rows in zip(wanted, mine, strict=True):
        quote, rate = quotes.get(w.instrument.pk), rates.get(w.instrument.currency_id)
        wish = controls.Wish(
            w.buy, Fraction(w.qty), None if w.limit_price is None else Fraction(w.limit_price),
            None if quote is None else Fraction(quote.bid + quote.ask) / 2,
            None if rate is None else Fraction(w.instrument.price_factor) * Fraction(rate[0]),
            Fraction(volumes[w.instrument.pk][0]) if w.instrument.pk in volumes else None,
            bool(unheld & set(w.order_ids)),
        )  # fmt: skip
        found += [(w, why) for why in controls.reasons(wish, rows)]
    if found:
        said = "; ".join(f"{w.ref} {why} (TL-{why.limit_id:04d})" for w, why in found[:5])
        raise BeyondLimit(
            f"{said}. Nothing was sent. Send less or another price, or have the limit changed under Trading limits.",
            reasons=[
                {"block": w.ref, "code": why.code, "said": str(why), "limit": f"TL-{why.limit_id:04d}"} for w, why in found[:100]
            ],
        )  # fmt: skip
