"""Trading limits to other systems: set by one officer, ended by two, never edited."""

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.edges import act_of
from apps.core.refusals import NotFound

from .. import services
from ..models import LimitEnd, TradingLimit
from ..selectors.limits import limit_ends_seen_by, limits_seen_by
from .scoped import KEY, DecisionIn, Scoped

ACTS = {"approve": services.approve_limit_ends, "refuse": services.refuse_limit_ends, "drop": services.drop_limit_ends}


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


class LimitEndOut(serializers.ModelSerializer):
    """
    One officer's proposal to end a limit, and another's answer. ``status``: PROPOSED, APPROVED, REFUSED or DROPPED.
    """

    limit_id = serializers.IntegerField()
    written_by = serializers.CharField(source="written_by.username")
    decided_by = serializers.CharField(source="decided_by.username", default=None)

    class Meta:
        model = LimitEnd
        fields = (
            "id", "ref", "version", "status", "limit_id", "ends_on", "reason", "written_by", "written_at", "decided_by", "decided_at",
            "answer",
        )  # fmt: skip
        read_only_fields = fields


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

    @extend_schema(
        summary="Propose that it ends with a day, to another officer", request=LimitEndIn, responses={201: LimitEndOut}, parameters=[KEY]
    )
    def end(self, request: Request, pk: int) -> Response:
        said = self.checked(LimitEndIn)
        act = act_of(request, reason=said["reason"])

        def do():
            (end,) = services.propose_limit_ends(act, said["ends_on"], seen={pk: said["version"]})
            return LimitEndOut(limit_ends_seen_by(self.request.user).get(pk=end)).data

        return self.answered(act, "propose_limit_end", {"id": pk, "said": said}, do, created=True)


@extend_schema_view(list=extend_schema(summary="Ends of trading limits: what waits for another officer first, then what was decided"))
class LimitEnds(mixins.ListModelMixin, Scoped):
    acts = dict.fromkeys(ACTS, ("compliance.keep_limits",))
    serializer_class = LimitEndOut
    filterset_fields = {"status": ["exact"], "limit": ["exact"]}
    queryset = LimitEnd.objects.none()

    def get_queryset(self):
        return limit_ends_seen_by(self.request.user)

    @extend_schema(summary="Agree to it: the limit ends", request=DecisionIn, responses=LimitEndOut, parameters=[KEY])
    def approve(self, request: Request, pk: int) -> Response:
        return self._act(pk, "approve")

    @extend_schema(summary="Refuse it: the limit holds on", request=DecisionIn, responses=LimitEndOut, parameters=[KEY])
    def refuse(self, request: Request, pk: int) -> Response:
        return self._act(pk, "refuse")

    @extend_schema(summary="Give up what one proposed", request=DecisionIn, responses=LimitEndOut, parameters=[KEY])
    def drop(self, request: Request, pk: int) -> Response:
        return self._act(pk, "drop")

    def _act(self, pk: int, what: str) -> Response:
        said = self.checked(DecisionIn)
        act = act_of(self.request, reason=said["reason"])

        def do():
            ACTS[what](act, [pk], seen={pk: said["version"]})
            return LimitEndOut(self._found(pk)).data

        self._found(pk)
        return self.answered(act, f"{what}_limit_end", {"id": pk, "said": said}, do)

    def _found(self, pk: int) -> LimitEnd:
        row = self.get_queryset().filter(pk=pk).first()
        if row is None:
            raise NotFound("There is no such end of a limit.")
        return row
