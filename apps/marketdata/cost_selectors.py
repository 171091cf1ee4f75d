"""What trades would cost now, from the quotes, volumes, fees and commissions on file."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from django.conf import settings

from apps.reference import selectors as reference
from apps.reference.models import Broker, Currency, Instrument

from . import costs
from .models import AverageVolume, Quote


class Trade(NamedTuple):
    """
    A trade that somebody may do.

    :param broker_id: with whom; None where nobody is chosen yet
    :param commission: what the broker takes, where it is known better than from its own rate
    """

    instrument: Instrument
    side: str
    qty: Decimal
    on: date
    broker_id: int | None = None
    commission: costs.Commission | None = None


def model() -> costs.Model:
    return costs.Model(settings.IMPACT_Y, settings.COST_QUOTE_SECONDS, settings.COST_VOLUME_DAYS)


def costs_of(trades: Sequence[Trade], at: datetime) -> list[costs.Cost]:
    """What each would cost at this moment, in the order asked. Five queries whatever their number, none for none."""
    if not trades:
        return []
    ids = {trade.instrument.pk for trade in trades}
    quotes = {pk: rest for pk, *rest in Quote.objects.filter(pk__in=ids).values_list("pk", "bid", "ask", "at")}
    volumes = {
        pk: rest
        for pk, *rest in AverageVolume.objects.filter(pk__in=ids).values_list("pk", "daily_qty", "annual_volatility", "as_of_date")
    }
    key = {n: (t.instrument.country, t.instrument.asset_class, t.side, t.on) for n, t in enumerate(trades)}
    fees = reference.fees_on(key.values())
    brokers = Broker.objects.filter(pk__in={t.broker_id for t in trades if t.broker_id})
    commissions = {
        pk: costs.Commission(*rest) for pk, *rest in brokers.values_list("pk", "code", "commission_kind", "commission_rate")
    }
    units = dict(Currency.objects.values_list("code", "minor_units"))
    how = model()
    return [
        costs.cost_of(
            costs.Known(
                trade.qty, trade.instrument.price_factor, trade.instrument.currency_id, units[trade.instrument.currency_id],
                *quotes.get(trade.instrument.pk, (None, None, None)), *volumes.get(trade.instrument.pk, (None, None, None)),
                fees=fees[key[n]], commission=trade.commission or commissions.get(trade.broker_id), at_net_value=trade.instrument.is_fund,
            ),
            at, how,
        )
        for n, trade in enumerate(trades)
    ]  # fmt: skip
