"""Prices in the back office: to look at. The feed alone writes them, but for the interest of currencies."""

from django.contrib import admin

from apps.users.as_seen import AsSeen
from apps.users.back_office import ByRole

from .models import AverageVolume, Bar, Breaker, Close, DepositRate, FxRate, Quote, RateClose, VenueQuote


class PriceAdmin(ByRole, admin.ModelAdmin):
    sees = ("marketdata.see",)
    list_per_page = 100
    show_full_result_count = False
    list_select_related = ("instrument",)
    search_fields = ("instrument__symbol", "instrument__isin", "instrument__name")


@admin.register(Quote)
class QuoteAdmin(PriceAdmin):
    list_display = ("instrument", "bid", "ask", "last", "volume", "at", "source")
    list_filter = ("source", "instrument__asset_class")


@admin.register(VenueQuote)
class VenueQuoteAdmin(PriceAdmin):
    list_display = ("instrument", "venue", "bid", "bid_qty", "ask", "ask_qty", "at")
    list_select_related = ("instrument", "venue")
    list_filter = ("venue",)


@admin.register(Bar)
class BarAdmin(PriceAdmin):
    list_display = ("instrument", "at", "open", "high", "low", "close", "volume", "turnover")
    date_hierarchy = "at"


@admin.register(Close)
class CloseAdmin(PriceAdmin):
    list_display = ("instrument", "date", "price")
    date_hierarchy = "date"


@admin.register(Breaker)
class BreakerAdmin(PriceAdmin):
    list_display = ("instrument", "on", "until", "price", "close", "found_at")
    date_hierarchy = "on"


@admin.register(AverageVolume)
class AverageVolumeAdmin(PriceAdmin):
    list_display = ("instrument", "daily_qty", "annual_volatility", "as_of_date")


@admin.register(FxRate)
class FxRateAdmin(PriceAdmin):
    list_display = ("base", "quote", "rate", "at")
    list_select_related = ("base", "quote")
    search_fields = ("base__code", "quote__code")


@admin.register(RateClose)
class RateCloseAdmin(PriceAdmin):
    list_display = ("base", "quote", "date", "rate")
    list_select_related = ("base", "quote")
    search_fields = ("base__code", "quote__code")
    date_hierarchy = "date"


@admin.register(DepositRate)
class DepositRateAdmin(AsSeen, PriceAdmin):
    """Kept by hand: forwards in currencies are priced from it."""

    writes = ("reference.write",)
    list_display = ("currency", "pct", "year_days", "at")
    list_select_related = ("currency",)
    search_fields = ("currency__code",)
