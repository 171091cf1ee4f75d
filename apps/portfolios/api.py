"""Portfolios to other systems: those that the caller may see."""

from decimal import Decimal

import django_filters
from django.db.models import Prefetch
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit.services import answer_once
from apps.core.edges import act_of
from apps.core.money import rounded
from apps.users.doors import ApiDoor

from . import benchmark_selectors, benchmark_services, selectors
from .lot_selectors import lots_held
from .models import (
    Benchmark,
    BrokerTerm,
    Direction,
    Mandate,
    PartyInInterest,
    Plan,
    PlanConsent,
    Portfolio,
    PortfolioGroup,
)
from .plan_selectors import parties_seen_by, plans_seen_by
from .rules import MANDATE_TYPES


class PortfolioOut(serializers.ModelSerializer):
    base_currency = serializers.CharField(source="base_currency_id")
    custodian = serializers.CharField(source="custodian.code")
    model = serializers.CharField(source="model.code", default=None)
    mandate_type = serializers.CharField(source="mandate.type", default="", help_text=f"{', '.join(MANDATE_TYPES)}; empty: not on file")
    groups = serializers.SlugRelatedField("code", many=True, read_only=True, help_text="codes of the groups it is in")
    benchmark = serializers.CharField(source="benchmark.code", default=None)
    named_issuers = serializers.SerializerMethodField(help_text="public issuers of which it may hold up to all it has today")

    def get_named_issuers(self, row: Portfolio) -> list[str]:
        found = getattr(row, "named_today", None)  # A list of portfolios has them with it.
        if found is None:
            found = selectors.named_issuers_on(timezone.now().date()).filter(portfolio=row)
        return [one.issuer.name for one in found]

    class Meta:
        model = Portfolio
        fields = (
            "id", "code", "name", "base_currency", "custodian", "custody_account", "team", "aggregation_unit", "model", "is_open",
            "mandate_type", "groups", "benchmark", "named_issuers",
        )  # fmt: skip
        read_only_fields = fields


class PortfolioGroupOut(serializers.ModelSerializer):
    """A group that rules and lists name by its code; of its portfolios those that the caller may see."""

    portfolios = serializers.ListField(child=serializers.CharField(), help_text="codes")

    class Meta:
        model = PortfolioGroup
        fields = ("id", "code", "name", "portfolios")
        read_only_fields = fields


class Money(serializers.DecimalField):
    """An amount, rounded half up to the cent here and nowhere before."""

    def __init__(self, **kwargs):
        super().__init__(24, 2, **kwargs)

    def to_representation(self, value: Decimal) -> str:
        return super().to_representation(rounded(value))


class Share(serializers.DecimalField):
    """Percent of net asset value, to four decimals."""

    def __init__(self, **kwargs):
        super().__init__(12, 4, **kwargs)

    def to_representation(self, value: Decimal) -> str:
        return super().to_representation(rounded(value, 4))


class HeldOut(serializers.Serializer):
    instrument_id = serializers.IntegerField()
    symbol = serializers.CharField()
    name = serializers.CharField()
    asset_class = serializers.CharField()
    sector = serializers.CharField()
    currency = serializers.CharField(help_text="of the price")
    qty = serializers.DecimalField(20, 4, help_text="units; face value for bonds")
    price = serializers.DecimalField(21, 9, allow_null=True, help_text="mid; null where there is no quote")
    priced_at = serializers.DateTimeField(allow_null=True)
    value = Money(allow_null=True, help_text="in the portfolio's base currency")
    weight_pct = Share(allow_null=True)


class CashOut(serializers.Serializer):
    currency = serializers.CharField()
    amount = serializers.DecimalField(20, 4, help_text="on trade date")
    value = Money(help_text="in the portfolio's base currency")


class ClassOut(serializers.Serializer):
    asset_class = serializers.CharField(help_text="or CASH")
    value = Money(help_text="in the portfolio's base currency")


class MandateOut(serializers.ModelSerializer):
    class Meta:
        model = Mandate
        exclude = ("id", "portfolio")


class WorthOut(PortfolioOut):
    """A portfolio with what it holds, valued at current mids and rates. ``missing`` has no price and is left out of it."""

    mandate = MandateOut(allow_null=True)
    nav = Money(help_text="net asset value in the base currency")
    by_class = ClassOut(many=True)
    positions = HeldOut(many=True)
    cash = CashOut(many=True)
    missing = serializers.ListField(child=serializers.CharField())
    oldest_price_at = serializers.DateTimeField(allow_null=True)

    class Meta(PortfolioOut.Meta):
        fields = (
            *PortfolioOut.Meta.fields, "mandate", "nav", "by_class", "positions", "cash", "missing", "oldest_price_at"
        )  # fmt: skip
        read_only_fields = fields

    def to_representation(self, portfolio: Portfolio) -> dict:
        worth = selectors.valuation(portfolio)
        portfolio.nav, portfolio.missing, portfolio.oldest_price_at = worth.nav, worth.missing, worth.oldest_price_at
        portfolio.positions = [held._asdict() for held in worth.held]
        portfolio.cash = [dict(zip(("currency", "amount", "value"), row, strict=True)) for row in worth.cash]
        portfolio.by_class = [{"asset_class": name, "value": value} for name, value in sorted(worth.by_class.items())]
        return super().to_representation(portfolio)


class DirectionOut(serializers.ModelSerializer):
    """The client's word that its orders go to one broker; an empty ``asset_class`` is every other."""

    broker = serializers.CharField(source="broker.code")
    trades = serializers.CharField(help_text="BEFORE, WITH or AFTER the free orders, or in TURN by the desk's rotation")

    class Meta:
        model = Direction
        fields = ("id", "asset_class", "broker", "trades", "starts_on", "ends_on", "basis")
        read_only_fields = fields


class BrokerTermOut(serializers.ModelSerializer):
    """With whom it may trade: ALLOW (and nobody else), DENY, or ISDA, a master agreement for forwards in currencies."""

    broker = serializers.CharField(source="broker.code")

    class Meta:
        model = BrokerTerm
        fields = ("id", "kind", "broker", "asset_class", "starts_on", "ends_on", "reason")
        read_only_fields = fields


class LotOut(serializers.Serializer):
    """What is left of a purchase, first in, first out."""

    instrument_id = serializers.IntegerField()
    symbol = serializers.CharField()
    currency = serializers.CharField()
    opened_on = serializers.DateField()
    qty = serializers.DecimalField(20, 4)
    price = serializers.DecimalField(20, 8, allow_null=True, help_text="paid a unit, without costs; null where it is not on file")


class PlanConsentOut(serializers.ModelSerializer):
    issuer = serializers.CharField(source="issuer.name")
    covers = serializers.CharField(help_text="SECURITIES, what it issues, or DEALING, with it as broker or dealer")

    class Meta:
        model = PlanConsent
        fields = ("id", "issuer", "covers", "exemption", "agreed_by", "document", "starts_on", "ends_on")
        read_only_fields = fields


class PlanOut(serializers.ModelSerializer):
    """``kind`` is ERISA, IRA or OTHER; ``allows_employer``: its documents free it from the tenth of 29 USC 1107."""

    portfolio = serializers.CharField(source="portfolio.code")
    kind = serializers.CharField()
    employer = serializers.CharField(source="employer.name", default=None)
    consents = PlanConsentOut(many=True)

    class Meta:
        model = Plan
        fields = (
            "id", "portfolio", "kind", "employer", "allows_employer", "fiduciary", "by_qpam", "qpam_agreement", "qpam_starts_on",
            "qpam_ends_on", "consents",
        )  # fmt: skip
        read_only_fields = fields


class PlanPartyOut(serializers.ModelSerializer):
    """``plan``: the portfolio's code, null for every plan; ``relation`` is ADVISER, APPOINTS, SERVES or OTHER."""

    plan = serializers.CharField(source="plan.portfolio.code", default=None)
    issuer = serializers.CharField(source="issuer.name")
    relation = serializers.CharField()

    class Meta:
        model = PartyInInterest
        fields = ("id", "plan", "issuer", "relation", "starts_on", "ends_on", "reason")
        read_only_fields = fields


class RungOut(serializers.Serializer):
    date = serializers.DateField()
    balance = serializers.DecimalField(20, 4, help_text="settled by then, of what is booked now")


class PortfolioFilter(django_filters.FilterSet):
    code = django_filters.BaseInFilter(help_text="one or several, by comma")
    search = django_filters.CharFilter(field_name="name", lookup_expr="icontains", help_text="a part of the name")
    group = django_filters.CharFilter(field_name="groups__code", help_text="the code of a group")
    mandate_type = django_filters.ChoiceFilter(field_name="mandate__type", choices=list(MANDATE_TYPES.items()))

    class Meta:
        model = Portfolio
        fields = ("code", "search", "team", "is_open", "group", "mandate_type")


@extend_schema_view(
    list=extend_schema(summary="The portfolios you may see, by code"),
    retrieve=extend_schema(summary="One portfolio with positions, cash and its value now", responses=WorthOut),
)
class Portfolios(ApiDoor, mixins.ListModelMixin, viewsets.GenericViewSet):
    permissions = ("portfolios.see",)
    serializer_class = PortfolioOut
    filterset_class = PortfolioFilter
    queryset = Portfolio.objects.none()  # For the schema's sake; what is seen is the user's.

    def get_queryset(self):
        rows = selectors.portfolios_seen_by(self.request.user).select_related("custodian", "model", "mandate", "benchmark")
        named = Prefetch("named_issuers", selectors.named_issuers_on(timezone.now().date()), to_attr="named_today")
        return rows.prefetch_related("groups", named).order_by("code")

    def retrieve(self, request: Request, pk: int) -> Response:
        return Response(WorthOut(selectors.get_portfolio_seen_by(request.user, pk)).data)

    @extend_schema(summary="Its money in one currency, by settlement date", responses=RungOut(many=True), filters=False)
    def ladder(self, request: Request, pk: int, currency: str) -> Response:
        portfolio = selectors.get_portfolio_seen_by(request.user, pk)
        rungs = selectors.cash_ladder(portfolio, currency.upper(), timezone.now().date())
        return Response(RungOut([{"date": day, "balance": balance} for day, balance in rungs], many=True).data)

    @extend_schema(summary="With which brokers its client tells us to trade", responses=DirectionOut(many=True), filters=False)
    def directions(self, request: Request, pk: int) -> Response:
        portfolio = selectors.get_portfolio_seen_by(request.user, pk)
        return Response(DirectionOut(portfolio.directions.select_related("broker"), many=True).data)

    @extend_schema(summary="With which brokers it may trade", responses=BrokerTermOut(many=True), filters=False)
    def brokers(self, request: Request, pk: int) -> Response:
        portfolio = selectors.get_portfolio_seen_by(request.user, pk)
        return Response(BrokerTermOut(portfolio.broker_terms.select_related("broker"), many=True).data)

    @extend_schema(summary="Groups of portfolios", responses=PortfolioGroupOut(many=True), filters=False)
    def groups(self, request: Request) -> Response:
        return Response(PortfolioGroupOut(selectors.groups_seen_by(request.user), many=True).data)

    @extend_schema(summary="Its tax lots", responses=LotOut(many=True), filters=False)
    def lots(self, request: Request, pk: int) -> Response:
        return Response(LotOut(lots_held(selectors.get_portfolio_seen_by(request.user, pk)), many=True).data)


class BenchmarkOut(serializers.ModelSerializer):
    as_of = serializers.DateField(help_text="day of its newest weights; null where it has none", allow_null=True)

    class Meta:
        model = Benchmark
        fields = ("code", "name", "as_of")
        read_only_fields = fields


class BenchmarkWeightOut(serializers.Serializer):
    symbol = serializers.CharField(source="instrument.symbol")
    weight_pct = serializers.DecimalField(9, 6)
    as_of = serializers.DateField()


class BenchmarkWeightIn(serializers.Serializer):
    symbol = serializers.CharField(max_length=40)
    weight_pct = serializers.DecimalField(9, 6)


class BenchmarkDayIn(serializers.Serializer):
    """All weights of one day: together 100%, but for rounding."""

    as_of = serializers.DateField()
    weights = BenchmarkWeightIn(many=True)
    reason = serializers.CharField(max_length=100, required=False, allow_blank=True, default="")


class BenchmarkLoaded(serializers.Serializer):
    weights = serializers.IntegerField()


class Benchmarks(ApiDoor, viewsets.GenericViewSet):
    permissions = ("reference.see",)
    acts = {"load": ("reference.write",)}
    serializer_class = BenchmarkOut
    pagination_class = None
    queryset = Benchmark.objects.none()

    @extend_schema(summary="Benchmarks, by code", responses=BenchmarkOut(many=True), filters=False)
    def listed(self, request: Request) -> Response:
        return Response(BenchmarkOut(benchmark_selectors.benchmarks(), many=True).data)

    @extend_schema(summary="The weights that stand today, the largest first", responses=BenchmarkWeightOut(many=True), filters=False)
    def weights(self, request: Request, code: str) -> Response:
        rows = benchmark_selectors.weights_of(code, timezone.now().date())
        return Response(BenchmarkWeightOut(rows, many=True).data)

    @extend_schema(
        summary="Load the weights of a day: all or none, every bad row named", request=BenchmarkDayIn, responses={201: BenchmarkLoaded},
        filters=False, parameters=[OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER)],
    )  # fmt: skip
    def load(self, request: Request, code: str) -> Response:
        asked = BenchmarkDayIn(data=request.data)
        asked.is_valid(raise_exception=True)
        said = asked.validated_data
        act = act_of(request, reason=said["reason"])
        rows = [benchmark_services.Weight(**row) for row in said["weights"]]

        def do() -> dict[str, int]:
            return {"weights": benchmark_services.load_weights(act, code, said["as_of"], rows)}

        answer, repeated = answer_once(act, "portfolios.load_weights", {"code": code, "said": said}, do)
        return Response(answer, status.HTTP_200_OK if repeated else status.HTTP_201_CREATED)


@extend_schema_view(list=extend_schema(summary="Retirement plans among the portfolios you may see"))
class Plans(ApiDoor, mixins.ListModelMixin, viewsets.GenericViewSet):
    permissions = ("portfolios.see",)
    serializer_class = PlanOut
    filterset_fields = {"portfolio__code": ["exact"], "kind": ["exact"]}
    queryset = Plan.objects.none()

    def get_queryset(self):
        return plans_seen_by(self.request.user)


@extend_schema_view(list=extend_schema(summary="Whose securities those plans do not buy without an exemption"))
class PlanParties(ApiDoor, mixins.ListModelMixin, viewsets.GenericViewSet):
    permissions = ("portfolios.see",)
    serializer_class = PlanPartyOut
    filterset_fields = {"plan__portfolio__code": ["exact"], "relation": ["exact"]}
    queryset = PartyInInterest.objects.none()

    def get_queryset(self):
        return parties_seen_by(self.request.user)
