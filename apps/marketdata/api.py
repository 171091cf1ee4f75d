"""Prices to other systems, each with its time."""

import django_filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.edges import act_of
from apps.users.doors import ApiDoor

from . import services
from .models import Breaker, FxRate, Quote, VenueQuote


class MarketQuoteOut(serializers.ModelSerializer):
    """Prices in the instrument's currency (percent of par for bonds); what is too old is the asker's to say."""

    instrument_id = serializers.IntegerField()
    symbol = serializers.CharField(source="instrument.symbol")
    isin = serializers.CharField(source="instrument.isin")
    currency = serializers.CharField(source="instrument.currency_id")
    mid = serializers.DecimalField(21, 9, help_text="(bid + ask) / 2")

    class Meta:
        model = Quote
        fields = ("instrument_id", "symbol", "isin", "currency", "bid", "ask", "mid", "last", "volume", "at", "source")
        read_only_fields = fields


class RateOut(serializers.ModelSerializer):
    """Units of ``quote`` for one of ``base``."""

    base = serializers.CharField(source="base_id")
    quote = serializers.CharField(source="quote_id")

    class Meta:
        model = FxRate
        fields = ("base", "quote", "rate", "at")
        read_only_fields = fields


class BreakerOut(serializers.ModelSerializer):
    """Short sales are restricted from ``on`` to ``until``, both included (17 CFR 242.201)."""

    instrument_id = serializers.IntegerField()
    symbol = serializers.CharField(source="instrument.symbol")

    class Meta:
        model = Breaker
        fields = ("instrument_id", "symbol", "on", "until", "price", "close", "found_at")
        read_only_fields = fields


class NumberIn(django_filters.BaseInFilter, django_filters.NumberFilter):
    pass


class QuoteFilter(django_filters.FilterSet):
    instrument = NumberIn(field_name="pk", help_text="ids of one or several instruments, by comma")
    symbol = django_filters.BaseInFilter(field_name="instrument__symbol", help_text="one or several, by comma")
    asset_class = django_filters.BaseInFilter(field_name="instrument__asset_class", help_text="one or several, by comma")

    class Meta:
        model = Quote
        fields = ("instrument", "symbol", "asset_class", "source")


@extend_schema_view(list=extend_schema(summary="The latest quotes, by symbol"))
class Quotes(ApiDoor, mixins.ListModelMixin, viewsets.GenericViewSet):
    permissions = ("marketdata.see",)
    serializer_class = MarketQuoteOut
    filterset_class = QuoteFilter
    queryset = Quote.objects.select_related("instrument").order_by("instrument__symbol")


@extend_schema_view(list=extend_schema(summary="The latest exchange rates"))
class Rates(ApiDoor, mixins.ListModelMixin, viewsets.GenericViewSet):
    permissions = ("marketdata.see",)
    serializer_class = RateOut
    filterset_fields = ("base", "quote")
    queryset = FxRate.objects.order_by("base", "quote")


@extend_schema_view(list=extend_schema(summary="Circuit breakers of short sales, the newest first"))
class Breakers(ApiDoor, mixins.ListModelMixin, viewsets.GenericViewSet):
    permissions = ("marketdata.see",)
    serializer_class = BreakerOut
    filterset_fields = {"on": ["exact", "gte"], "until": ["gte"], "instrument__symbol": ["exact"]}
    queryset = Breaker.objects.select_related("instrument").order_by("-on", "instrument__symbol")


class VenueQuoteOut(serializers.ModelSerializer):
    """What one venue shows at its best prices."""

    symbol = serializers.CharField(source="instrument.symbol")
    venue = serializers.CharField(source="venue.mic")

    class Meta:
        model = VenueQuote
        fields = ("symbol", "venue", "bid", "bid_qty", "ask", "ask_qty", "at")
        read_only_fields = fields


class VenueQuoteIn(serializers.Serializer):
    symbol = serializers.CharField(max_length=40)
    venue = serializers.CharField(max_length=4, help_text="MIC")
    bid = serializers.DecimalField(20, 8)
    bid_qty = serializers.DecimalField(20, 4)
    ask = serializers.DecimalField(20, 8)
    ask_qty = serializers.DecimalField(20, 4)
    at = serializers.DateTimeField()


class VenueQuotesIn(serializers.Serializer):
    quotes = VenueQuoteIn(many=True, allow_empty=False)


class VenueQuotesKept(serializers.Serializer):
    kept = serializers.IntegerField(help_text="how many were newer than what was there")


@extend_schema_view(list=extend_schema(summary="What venues show, by symbol"))
class VenueQuotes(ApiDoor, mixins.ListModelMixin, viewsets.GenericViewSet):
    permissions = ("marketdata.see",)
    acts = {"create": ("marketdata.load_venues",)}
    serializer_class = VenueQuoteOut
    filterset_fields = {"instrument__symbol": ["exact"], "venue__mic": ["exact"]}
    queryset = VenueQuote.objects.select_related("instrument", "venue").order_by("instrument__symbol", "venue__mic")

    @extend_schema(summary="Tell what venues show; the newest of each is kept", request=VenueQuotesIn, responses=VenueQuotesKept)
    def create(self, request: Request) -> Response:
        asked = VenueQuotesIn(data=request.data)
        asked.is_valid(raise_exception=True)
        ticks = [services.VenueTick(*(row[name] for name in VenueQuoteIn().fields)) for row in asked.validated_data["quotes"]]
        return Response({"kept": services.record_venue_quotes(act_of(request), ticks)})
