"""Trading limits, to look at: they are changed in the back office."""

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers

from ..models import TradingLimit
from ..selectors.limits import limits_seen_by
from .scoped import Scoped


class TradingLimitOut(serializers.ModelSerializer):
    """``max_notional`` in USD; a subject that is null or empty is any."""

    user = serializers.CharField(source="user.username", default=None)
    desk = serializers.CharField(source="desk.code", default=None)
    instrument = serializers.CharField(source="instrument.symbol", default=None)

    class Meta:
        model = TradingLimit
        fields = (
            "id", "ref", "user", "desk", "instrument", "asset_class", "max_qty", "max_notional", "max_adv_pct", "collar_pct",
            "stops_wrong_side", "starts_on", "ends_on", "reason",
        )  # fmt: skip
        read_only_fields = fields


@extend_schema_view(list=extend_schema(summary="Trading limits by person, desk, instrument and asset class"))
class TradingLimits(mixins.ListModelMixin, Scoped):
    serializer_class = TradingLimitOut
    filterset_fields = {"user__username": ["exact"], "desk__code": ["exact"], "instrument__symbol": ["exact"], "asset_class": ["exact"]}
    queryset = TradingLimit.objects.none()

    def get_queryset(self):
        return limits_seen_by(self.request.user)
