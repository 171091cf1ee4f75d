"""Algo wheels to other systems: texts by two people, draws, and all that is needed to make the draws of a closed season again."""

from decimal import Decimal

from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit.services import answer_once
from apps.blocks.api import KEY
from apps.blocks.selectors import get_block_seen_by
from apps.core.edges import act_of
from apps.routing.api import said_in, unless_stopped
from apps.users.doors import ApiDoor

from . import services
from . import wheel_selectors as selectors
from .api import NewestFirst
from .models import Draw, Season, WheelChange


class WheelDestinationIn(serializers.Serializer):
    broker = serializers.CharField(max_length=20)
    strategy = serializers.CharField(max_length=12, required=False, default="", allow_blank=True)
    weight = serializers.IntegerField(min_value=1, max_value=100)
    params = serializers.DictField(required=False, default=dict)


class WheelTextIn(serializers.Serializer):
    name = serializers.CharField(max_length=80)
    destinations = WheelDestinationIn(many=True)
    by_class = serializers.BooleanField(required=False, default=False)
    by_sector = serializers.BooleanField(required=False, default=False)
    sizes = serializers.ListField(
        child=serializers.DecimalField(9, 4), required=False, default=list, help_text="bounds in percent of a day's volume, rising"
    )
    spreads = serializers.ListField(
        child=serializers.DecimalField(9, 4), required=False, default=list, help_text="bounds in basis points of the mid, rising"
    )
    days = serializers.IntegerField(required=False, default=90, help_text="of a season")
    is_active = serializers.BooleanField(required=False, default=True)


class WheelChangeIn(WheelTextIn):
    wheel_id = serializers.IntegerField(required=False, allow_null=True, default=None, help_text="none: a new wheel")
    version = serializers.IntegerField(required=False, default=0, help_text="of the wheel that it was written from")
    reason = serializers.CharField(max_length=400)

    def text(self) -> services.WheelText:
        said = {name: self.validated_data[name] for name in services.WheelText._fields}
        return services.WheelText(**(said | {"destinations": [services.Destination(**one) for one in said["destinations"]]}))


class WheelActIn(serializers.Serializer):
    version = serializers.IntegerField(min_value=1)
    reason = serializers.CharField(max_length=400, required=False, default="", allow_blank=True)


class DrawIn(serializers.Serializer):
    wheel = serializers.IntegerField(min_value=1)
    version = serializers.IntegerField(min_value=1, help_text="the block's, as the caller saw it")


class SeasonOut(serializers.ModelSerializer):
    wheel = serializers.CharField(source="wheel.name")
    seed = serializers.SerializerMethodField(help_text="empty until the season is closed")

    class Meta:
        model = Season
        fields = (
            "id", "wheel_id", "wheel", "n", "number", "said", "commitment", "seed", "opened_at", "due_at", "closed_at", "status", "version",
        )  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(serializers.CharField())
    def get_seed(self, season: Season) -> str:
        return selectors.seed_of(season)


class WheelOut(serializers.Serializer):
    id = serializers.IntegerField()
    name = serializers.CharField()
    version = serializers.IntegerField(source="number")
    is_active = serializers.BooleanField()
    text = serializers.DictField()


class WheelChangeOut(serializers.ModelSerializer):
    proposed_by = serializers.CharField(source="proposed_by.username")
    decided_by = serializers.CharField(source="decided_by.username", allow_null=True, default=None)

    class Meta:
        model = WheelChange
        fields = (
            "id", "wheel_id", "seen", "said", "before", "reason", "proposed_by", "proposed_at", "decided_by", "decided_at", "answer",
            "number", "status", "version",
        )  # fmt: skip
        read_only_fields = fields


class DrawOut(serializers.ModelSerializer):
    """With the seed of its season, who has it makes the draw again: stratum, among and counter are all it takes."""

    ref = serializers.CharField()
    season_id = serializers.IntegerField(source="sequence.season_id")
    stratum = serializers.CharField(source="sequence.stratum")
    among = serializers.ListField(child=serializers.IntegerField(), source="sequence.among", help_text="numbers of destinations, from 0")
    broker = serializers.CharField(source="broker.code")
    excluded = serializers.ListField(child=serializers.ListField(child=serializers.CharField()), help_text="[destination, why]")
    drawn_by = serializers.CharField(source="drawn_by.username")

    class Meta:
        model = Draw
        fields = (
            "id", "ref", "season_id", "stratum", "among", "counter", "block_id", "qty", "pick", "broker", "strategy", "excluded",
            "drawn_by", "drawn_at", "route_id", "text", "status", "version",
        )  # fmt: skip
        read_only_fields = fields


class WheelResultOut(serializers.Serializer):
    name = serializers.CharField()
    weight = serializers.IntegerField()
    draws = serializers.IntegerField()
    expected = serializers.DecimalField(20, 4)
    routed = serializers.IntegerField()
    set_aside = serializers.IntegerField()
    excluded = serializers.IntegerField()
    filled_qty = serializers.DecimalField(20, 4)
    filled_pct = serializers.DecimalField(20, 4, allow_null=True)
    measured = serializers.IntegerField()
    mean_bp = serializers.FloatField(allow_null=True, help_text="cost against arrival, positive is worse")
    margin_bp = serializers.FloatField(allow_null=True, help_text="half the 95% confidence interval")
    needed = serializers.IntegerField(allow_null=True, help_text="routes each to tell two 1 bp apart, 80% power")


class SeasonReportOut(serializers.Serializer):
    season = SeasonOut()
    draws = serializers.IntegerField()
    problems = serializers.ListField(child=serializers.CharField(), help_text="empty: every draw is as the seed makes it")
    results = WheelResultOut(many=True, help_text="of the draws that you may see")


class Wheels(ApiDoor, viewsets.ViewSet):
    permissions = ("routing.see",)

    @extend_schema(summary="Algo wheels with their texts", responses=WheelOut(many=True))
    def list(self, request: Request) -> Response:
        return Response(WheelOut(selectors.wheels(), many=True).data)


@extend_schema_view(list=extend_schema(summary="Changes of wheels, the newest first"))
class WheelChanges(ApiDoor, mixins.ListModelMixin, viewsets.GenericViewSet):
    permissions = ("routing.see",)
    acts = {
        "create": ("routing.write_rules",), "drop": ("routing.write_rules",), "approve": ("routing.approve_rules",),
        "refuse": ("routing.approve_rules",),
    }  # fmt: skip
    serializer_class = WheelChangeOut
    filterset_fields = ("status", "wheel")
    pagination_class = NewestFirst
    queryset = WheelChange.objects.none()

    def get_queryset(self):
        return selectors.changes()

    @extend_schema(
        summary="Propose a wheel, or another text of one", request=WheelChangeIn, responses={201: WheelChangeOut}, parameters=[KEY]
    )
    def create(self, request: Request) -> Response:
        asked = WheelChangeIn(data=request.data)
        asked.is_valid(raise_exception=True)
        said = asked.validated_data
        act = act_of(request, reason=said["reason"])

        def do():
            pk = services.propose_wheel(act, asked.text(), wheel_id=said["wheel_id"], seen=said["version"])
            return WheelChangeOut(selectors.get_change(pk)).data

        answer, repeated = answer_once(act, "algos.propose_wheel", said, do)
        return Response(answer, status.HTTP_200_OK if repeated else status.HTTP_201_CREATED)

    @extend_schema(summary="Approve it, as another person", request=WheelActIn, responses=WheelChangeOut, parameters=[KEY])
    def approve(self, request: Request, pk: str) -> Response:
        return self._decide(request, int(pk), services.approve_wheel)

    @extend_schema(summary="Refuse it, with a reason", request=WheelActIn, responses=WheelChangeOut, parameters=[KEY])
    def refuse(self, request: Request, pk: str) -> Response:
        return self._decide(request, int(pk), services.refuse_wheel)

    @extend_schema(summary="Take one's own back", request=WheelActIn, responses=WheelChangeOut, parameters=[KEY])
    def drop(self, request: Request, pk: str) -> Response:
        return self._decide(request, int(pk), services.drop_wheel)

    def _decide(self, request: Request, pk: int, service) -> Response:
        return _acted(request, pk, service, lambda: WheelChangeOut(selectors.get_change(pk)).data)


@extend_schema_view(list=extend_schema(summary="Seasons of wheels, the newest first; the seed once it is told"))
class Seasons(ApiDoor, mixins.ListModelMixin, viewsets.GenericViewSet):
    permissions = ("routing.see",)
    acts = {"close": ("routing.approve_rules",)}
    serializer_class = SeasonOut
    filterset_fields = ("status", "wheel")
    pagination_class = NewestFirst
    queryset = Season.objects.none()

    def get_queryset(self):
        return selectors.seasons()

    @extend_schema(summary="A season's draws made again, and how its destinations did", responses=SeasonReportOut, filters=False)
    def report(self, request: Request, pk: str) -> Response:
        season = selectors.get_season(int(pk))
        found = selectors.verified(season)
        mine = list(selectors.draws_seen_by(request.user).filter(sequence__season=season))
        results = [one._asdict() | {"expected": round(one.expected, 4)} for one in selectors.results(season, mine)]
        for one in results:
            one["filled_pct"] = None if one["filled_pct"] is None else round(Decimal(one["filled_pct"]), 4)
        said = {"season": season, "draws": found.draws, "problems": found.problems, "results": results}
        return Response(SeasonReportOut(said).data)

    @extend_schema(summary="Close it before its time and tell its seed", request=WheelActIn, responses=SeasonOut, parameters=[KEY])
    def close(self, request: Request, pk: str) -> Response:
        return _acted(request, int(pk), services.close_season, lambda: SeasonOut(selectors.get_season(int(pk))).data)


@extend_schema_view(list=extend_schema(summary="Draws of wheels, the newest first"))
class Draws(ApiDoor, mixins.ListModelMixin, viewsets.GenericViewSet):
    permissions = ("routing.see",)
    acts = dict.fromkeys(("make", "route", "set_aside"), ("routing.route",))
    serializer_class = DrawOut
    filterset_fields = {"status": ["exact"], "block": ["exact"], "sequence__season": ["exact"]}
    pagination_class = NewestFirst
    queryset = Draw.objects.none()

    def get_queryset(self):
        return selectors.draws_seen_by(self.request.user)

    @extend_schema(summary="Draw where a block goes; nothing is routed", request=DrawIn, responses={201: DrawOut}, parameters=[KEY])
    def make(self, request: Request, pk: str) -> Response:
        asked = DrawIn(data=request.data)
        asked.is_valid(raise_exception=True)
        said, block_id = asked.validated_data, int(pk)
        get_block_seen_by(request.user, block_id)
        act = act_of(request)

        def do():
            made = services.draw(act, said["wheel"], block_id, seen=said["version"])
            return DrawOut(selectors.get_draw_seen_by(request.user, made)).data

        answer, repeated = answer_once(act, "algos.draw", {"id": pk, "said": said}, do)
        return Response(answer, status.HTTP_200_OK if repeated else status.HTTP_201_CREATED)

    @extend_schema(summary="Route the block to what was drawn", request=WheelActIn, responses=DrawOut, parameters=[KEY])
    def route(self, request: Request, pk: str) -> Response:
        said, draw_id = said_in(WheelActIn, request), int(pk)
        act = act_of(request, reason=said["reason"])

        def do():
            stopped = services.route_draw(act, draw_id, seen={draw_id: said["version"]}).stopped
            return DrawOut(selectors.get_draw_seen_by(request.user, draw_id)).data | {"stopped": stopped}

        return unless_stopped(answer_once(act, "algos.route_draw", {"id": draw_id, "said": said}, do)[0])

    @extend_schema(summary="Set it aside, with a reason", request=WheelActIn, responses=DrawOut, parameters=[KEY])
    def set_aside(self, request: Request, pk: str) -> Response:
        return _acted(request, int(pk), services.set_aside, lambda: DrawOut(selectors.get_draw_seen_by(request.user, int(pk))).data)


def _acted(request: Request, pk: int, service, answer) -> Response:
    asked = WheelActIn(data=request.data)
    asked.is_valid(raise_exception=True)
    said = asked.validated_data
    act = act_of(request, reason=said["reason"])

    def do():
        service(act, pk, seen={pk: said["version"]})
        return answer()

    return Response(answer_once(act, f"algos.{service.__name__}", {"id": pk, "said": said}, do)[0])
