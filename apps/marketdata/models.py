"""Prices, volumes and rates, each with its time."""

from decimal import Decimal

from django.db import models
from django.db.models import F, Q

from apps.reference.fields import price_field, qty_field, value_field
from apps.reference.models import Currency, Instrument, Venue


class Quote(models.Model):
    """The latest quote of an instrument; one row each, overwritten."""

    instrument = models.OneToOneField(
        Instrument, primary_key=True, on_delete=models.PROTECT, related_name="+", related_query_name="quote"
    )  # Lists join it to price their rows.
    bid = price_field()
    ask = price_field()
    last = price_field()
    volume = qty_field(default=0, help_text="today's, cumulative")
    turnover = value_field(default=0, help_text="today's Σ quantity × price, cumulative")
    at = models.DateTimeField()
    source = models.CharField(max_length=20)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(bid__gt=0, ask__gte=models.F("bid")), name="quote_is_not_crossed"),
        ]

    @property
    def mid(self):
        return (self.bid + self.ask) / 2


class VenueQuote(models.Model):
    """What one venue shows of an instrument at its best prices, latest; one row each, overwritten."""

    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+", db_index=False)
    venue = models.ForeignKey(Venue, on_delete=models.PROTECT, related_name="+", db_index=False)
    bid = price_field()
    bid_qty = qty_field()
    ask = price_field()
    ask_qty = qty_field()
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["instrument", "venue"], name="one_quote_a_venue"),
            models.CheckConstraint(
                condition=Q(bid__gt=0, ask__gte=F("bid"), bid_qty__gte=0, ask_qty__gte=0), name="a_venues_quote_is_not_crossed"
            ),
        ]


class Bar(models.Model):
    """What traded in the market in one interval from ``at`` on; interval VWAP = Σ turnover / Σ volume."""

    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+", db_index=False)
    at = models.DateTimeField()
    open = price_field()
    high = price_field()
    low = price_field()
    close = price_field()
    volume = qty_field()
    turnover = value_field()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["instrument", "at"], name="one_bar_an_interval")]


class Close(models.Model):
    """The last price of a session of the instrument's venue, kept when the session was over."""

    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+")
    date = models.DateField()
    price = price_field()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["instrument", "date"], name="one_close_a_day")]


class Breaker(models.Model):
    """
    The circuit breaker of an instrument's short sales: it fell by a tenth or more against the close of the session before
    (17 CFR 242.201(b)(1)). It is on for the rest of that day and the next trading day. Never changed.
    """

    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+")
    on = models.DateField(help_text="the session in which it tripped")
    until = models.DateField(help_text="the last day on which it is on: the next session")
    price = price_field(help_text="the lowest that was seen when it was found")
    close = price_field(help_text="of the session before")
    found_at = models.DateTimeField()

    class Meta:
        ordering = ["-on", "instrument"]
        constraints = [
            models.UniqueConstraint(fields=["instrument", "on"], name="a_breaker_trips_once_a_day"),
            models.CheckConstraint(condition=Q(price__lte=F("close") * Decimal("0.9")), name="a_breaker_trips_at_a_tenth"),
            models.CheckConstraint(condition=Q(until__gt=F("on")), name="a_breaker_is_on_the_next_day_too"),
        ]

    def __str__(self) -> str:
        return f"{self.instrument} {self.on}"


class RateClose(models.Model):
    """An exchange rate at the end of a day in New York, where the currency market's day ends."""

    base = models.ForeignKey(Currency, on_delete=models.PROTECT, related_name="+")
    quote = models.ForeignKey(Currency, on_delete=models.PROTECT, related_name="+")
    date = models.DateField()
    rate = price_field()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["base", "quote", "date"], name="one_closing_rate_a_day"),
            models.CheckConstraint(condition=Q(rate__gt=0), name="closing_rate_is_positive"),
        ]


class DepositRate(models.Model):
    """
    The simple yearly interest of money lent in a currency, in percent; one row a currency, overwritten. It may be
    negative. Prices of forwards in currencies are made from it.
    """

    currency = models.OneToOneField(Currency, primary_key=True, on_delete=models.PROTECT, related_name="+")
    pct = price_field()
    year_days = models.SmallIntegerField(help_text="days that a year is counted as: 360, or 365 for sterling")
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(year_days__in=[360, 365]), name="a_year_of_interest_has_360_or_365_days"),
        ]


class AverageVolume(models.Model):
    """Average daily volume and yearly volatility of an instrument as of a date."""

    instrument = models.OneToOneField(Instrument, primary_key=True, on_delete=models.PROTECT, related_name="+")
    daily_qty = qty_field()
    annual_volatility = price_field()
    as_of_date = models.DateField()


class FxRate(models.Model):
    """Units of ``quote`` for one of ``base``; one row a pair, overwritten."""

    base = models.ForeignKey(Currency, on_delete=models.PROTECT, related_name="+")
    quote = models.ForeignKey(Currency, on_delete=models.PROTECT, related_name="+")
    rate = price_field()
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["base", "quote"], name="one_rate_a_pair"),
            models.CheckConstraint(condition=Q(rate__gt=0), name="rate_is_positive"),
        ]
