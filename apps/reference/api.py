"""Reference data to other systems: to look up, and to say things in attributes of the firm's own."""

import django_filters
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit.services import answer_once
from apps.core.edges import act_of
from apps.core.refusals import NotFound
from apps.users.doors import ApiDoor

from . import own_selectors, own_services, selectors
from .models import Constituent, Instrument, OwnAttribute


class InstrumentOut(serializers.ModelSerializer):
    """Its value is quantity × price × ``price_factor`` in its currency; a bond's quantity is face, its price percent of par;
    of options and futures the factor is the contract multiplier, and a future's value is notional: it is not paid."""

    issuer = serializers.CharField(source="issuer.name")
    currency = serializers.CharField(source="currency_id")
    base_currency = serializers.CharField(
        source="base_currency_id", allow_null=True, help_text="of a pair: what is dealt, priced in currency"
    )
    mic = serializers.CharField(source="venue.mic", help_text="market identifier code (ISO 10383)")
    underlying = serializers.CharField(source="underlying.symbol", default=None)

    class Meta:
        model = Instrument
        fields = (
            "id", "symbol", "name", "asset_class", "isin", "cusip", "sedol", "figi", "issuer", "currency", "base_currency", "mic",
            "country", "sector", "lot_size", "tick_size", "min_piece", "increment", "price_factor", "cutoff_at", "coupon_pct",
            "coupon_frequency", "day_count", "issue_date", "maturity_date", "underlying", "strike_price", "put_or_call",
            "conversion_ratio", "cfi_code", "rating", "is_covered", "has_votes", "is_ucits", "is_closed_end", "is_money_market",
            "independent_pct", "independent_source", "is_active",
        )  # fmt: skip
        read_only_fields = fields


class InstrumentFilter(django_filters.FilterSet):
    search = django_filters.CharFilter(
        method="with_text", help_text="the beginning of a symbol, a part of a name, or an ISIN, CUSIP, SEDOL or FIGI"
    )
    asset_class = django_filters.BaseInFilter(help_text="one or several, by comma")
    mic = django_filters.CharFilter(field_name="venue__mic")

    class Meta:
        model = Instrument
        fields = ("search", "asset_class", "currency", "mic", "country", "sector", "is_active")

    def with_text(self, queryset, name, value):
        return queryset.filter(selectors.matching(value))


@extend_schema_view(
    list=extend_schema(summary="Instruments, by symbol"), retrieve=extend_schema(summary="One instrument, by its id")
)
class Instruments(ApiDoor, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    permissions = ("reference.see",)
    serializer_class = InstrumentOut
    filterset_class = InstrumentFilter
    queryset = Instrument.objects.select_related("issuer", "venue", "underlying").order_by("symbol")

    def get_object(self) -> Instrument:
        row = self.get_queryset().filter(pk=self.kwargs["pk"]).first()
        if row is None:
            raise NotFound("There is no such instrument.")
        return row


class ConstituentOut(serializers.ModelSerializer):
    """What a fund held as of a day, in percent of its value."""

    fund = serializers.CharField(source="fund.symbol")
    instrument = serializers.CharField(source="instrument.symbol")
    instrument_id = serializers.IntegerField()
    issuer = serializers.CharField(source="instrument.issuer.code")

    class Meta:
        model = Constituent
        fields = ("id", "fund", "instrument", "instrument_id", "issuer", "weight_pct", "as_of")
        read_only_fields = fields


class ConstituentFilter(django_filters.FilterSet):
    fund = django_filters.CharFilter(field_name="fund__symbol")
    instrument = django_filters.CharFilter(field_name="instrument__symbol")

    class Meta:
        model = Constituent
        fields = ("fund", "instrument")


@extend_schema_view(list=extend_schema(summary="What funds held last, by fund, the largest first"))
class Constituents(ApiDoor, mixins.ListModelMixin, viewsets.GenericViewSet):
    permissions = ("reference.see",)
    serializer_class = ConstituentOut
    filterset_class = ConstituentFilter
    queryset = Constituent.objects.none()

    def get_queryset(self):
        return selectors.latest_constituents()


class OwnAttributeOut(serializers.ModelSerializer):
    """An attribute of the firm's own; rules ask for it as ``own.`` and its code."""

    of = serializers.CharField(help_text="instrument or issuer")
    kind = serializers.CharField(help_text="text, number or choice")

    class Meta:
        model = OwnAttribute
        fields = ("code", "title", "of", "kind", "choices")
        read_only_fields = fields


class OwnValueOut(serializers.Serializer):
    attribute = serializers.CharField(source="code")
    thing = serializers.CharField(help_text="symbol of an instrument, or code of an issuer")
    value = serializers.CharField()
    source = serializers.CharField()


class OwnValueIn(serializers.Serializer):
    attribute = serializers.CharField(max_length=40)
    thing = serializers.CharField(max_length=40, help_text="symbol of an instrument, or code of an issuer, as the attribute is of")
    value = serializers.CharField(max_length=200, allow_blank=True, help_text="empty takes it away")
    source = serializers.CharField(max_length=120, allow_blank=True, required=False, default="", help_text="who says so")
    was = serializers.CharField(
        max_length=200, allow_blank=True, required=False, default="", help_text="what stood when you looked; empty: nothing"
    )


class OwnValuesIn(serializers.Serializer):
    rows = OwnValueIn(many=True)
    reason = serializers.CharField(max_length=100, required=False, allow_blank=True, default="")


class OwnValuesSet(serializers.Serializer):
    changed = serializers.IntegerField(help_text="values that are not what they were")


class OwnAttributes(ApiDoor, viewsets.GenericViewSet):
    permissions = ("reference.see",)
    acts = {"say": ("reference.write",)}
    serializer_class = OwnAttributeOut
    pagination_class = None
    queryset = OwnAttribute.objects.none()

    @extend_schema(summary="Attributes that the firm gave instruments and issuers", responses=OwnAttributeOut(many=True), filters=False)
    def listed(self, request: Request) -> Response:
        return Response(OwnAttributeOut(own_selectors.own_attributes(), many=True).data)

    @extend_schema(summary="What is said in them", responses=OwnValueOut(many=True), filters=False)
    def values(self, request: Request, of: str) -> Response:
        if of not in own_selectors.VALUES:
            raise NotFound("Values are of an instrument or an issuer.")
        return Response(OwnValueOut(own_selectors.values_of(of), many=True).data)

    @extend_schema(
        summary="Say values, all or none, every bad row named", request=OwnValuesIn, responses=OwnValuesSet, filters=False,
        parameters=[OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER)],
    )  # fmt: skip
    def say(self, request: Request) -> Response:
        asked = OwnValuesIn(data=request.data)
        asked.is_valid(raise_exception=True)
        said = asked.validated_data
        act = act_of(request, reason=said["reason"])
        rows = [own_services.Said(**row) for row in said["rows"]]
        answer, _ = answer_once(act, "reference.set_own_values", said, lambda: {"changed": own_services.set_own_values(act, rows)})
        return Response(answer, status.HTTP_200_OK)
