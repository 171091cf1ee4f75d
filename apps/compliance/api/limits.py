"""Trading limits to other systems: set and ended, never edited."""

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.edges import act_of

from .. import services
from ..models import TradingLimit
from ..selectors.limits import limits_seen_by
from .scoped import KEY, DecisionIn, Scoped


class TradingLimitOut(serializers.ModelSerializer):
    """``max_notional`` in USD; a subject that is null or empty is any."""

    user = serializers.CharField(source="user.username", default=None)
    desk = serializers.CharField(source="desk.code", default=None)
    instrument = serializers.CharField(source="instrument.symbol", default=None)
    version = serializers.IntegerField(help_text="counts its changes")

    class Meta:
        model = TradingLimit
        fields = (
            "id", "ref", "version", "user", "desk", "instrument", "asset_class", "max_qty", "max_notional", "max_adv_pct", "collar_pct",
            "stops_wrong_side", "starts_on", "ends_on", "reason",
        )  # fmt: skip
        read_only_fields = fields


class TradingLimitIn(serializers.Serializer):
    """Of whom and what it is: null or empty for any; what it limits: at least one thing."""

    user_id = serializers.IntegerField(required=False, allow_null=True, default=None)
    desk_id = serializers.IntegerField(required=False, allow_null=True, default=None)
    instrument_id = serializers.IntegerField(required=False, allow_null=True, default=None)
    asset_class = serializers.CharField(max_length=10, required=False, allow_blank=True, default="")
    max_qty = serializers.DecimalField(20, 4, required=False, allow_null=True, default=None)
    max_notional = serializers.DecimalField(20, 4, required=False, allow_null=True, default=None, help_text="USD")
    max_adv_pct = serializers.DecimalField(9, 4, required=False, allow_null=True, default=None)
    collar_pct = serializers.DecimalField(9, 4, required=False, allow_null=True, default=None)
    stops_wrong_side = serializers.BooleanField(default=False)
    starts_on = serializers.DateField()
    ends_on = serializers.DateField(required=False, allow_null=True, default=None)
    reason = serializers.CharField(max_length=200)


class LimitEndIn(DecisionIn):
    ends_on = serializers.DateField(help_text="the last day that it holds")


@extend_schema_view(list=extend_schema(summary="Trading limits by person, desk, instrument and asset class"))
class TradingLimits(mixins.ListModelMixin, Scoped):
    acts = dict.fromkeys(("create", "end"), ("compliance.keep_limits",))
    serializer_class = TradingLimitOut
    filterset_fields = {"user__username": ["exact"], "desk__code": ["exact"], "instrument__symbol": ["exact"], "asset_class": ["exact"]}
    queryset = TradingLimit.objects.none()

    def get_queryset(self):
        return limits_seen_by(self.request.user)

    @extend_schema(summary="Set a trading limit", request=TradingLimitIn, responses={201: TradingLimitOut}, parameters=[KEY])
    def create(self, request: Request) -> Response:
        said = self.checked(TradingLimitIn)
        act = act_of(request, reason=said["reason"])
        text = services.LimitText(**{name: said[name] for name in services.LimitText._fields})

        def do():
            (pk,) = services.set_limits(act, [text])
            return TradingLimitOut(self.get_queryset().get(pk=pk)).data

        return self.answered(act, "set_limit", said, do, created=True)

    @extend_schema(summary="End it with a day", request=LimitEndIn, responses=TradingLimitOut, parameters=[KEY])
    def end(self, request: Request, pk: int) -> Response:
        said = self.checked(LimitEndIn)
        act = act_of(request, reason=said["reason"])

        def do():
            services.end_limits(act, said["ends_on"], seen={pk: said["version"]})
            return TradingLimitOut(self.get_queryset().get(pk=pk)).data

        return self.answered(act, "end_limit", {"id": pk, "said": said}, do)
