"""Strategies of brokers' own to other systems: files loaded and approved, forms to fill, and what they come to."""

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers, status, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit.services import answer_once
from apps.blocks.selectors import get_block_seen_by
from apps.core.edges import act_of
from apps.users.doors import ApiDoor

from . import services
from . import strategy_selectors as selectors
from .models import BrokerStrategy
from .services.strategies import fill

KEY = OpenApiParameter("Idempotency-Key", OpenApiTypes.STR, OpenApiParameter.HEADER)


class StrategyFileOut(serializers.Serializer):
    id = serializers.IntegerField()
    version = serializers.IntegerField()
    broker = serializers.CharField(source="broker.code")
    name = serializers.CharField()
    sha256 = serializers.CharField()
    status = serializers.CharField(help_text="LOADED, IN_FORCE, DECLINED or ENDED")
    loaded_by = serializers.CharField(source="loaded_by.username")
    loaded_at = serializers.DateTimeField()
    approved_by = serializers.CharField(source="approved_by.username", default=None)
    approved_at = serializers.DateTimeField()
    strategies = serializers.SerializerMethodField()

    def get_strategies(self, row) -> dict[str, int]:
        """Strategy to its id."""
        return {one.name: one.pk for one in row.strategies.all()}


class StrategyFileIn(serializers.Serializer):
    broker = serializers.CharField(max_length=20, help_text="code")
    name = serializers.CharField(max_length=120, help_text="of the file")
    content = serializers.CharField(max_length=2_000_000, trim_whitespace=False, help_text="the XML")


class StrategyFileActIn(serializers.Serializer):
    version = serializers.IntegerField(min_value=1)
    reason = serializers.CharField(max_length=400, required=False, default="", allow_blank=True)


class BrokerStrategyOut(serializers.Serializer):
    id = serializers.IntegerField()
    broker = serializers.CharField(source="broker.code")
    name = serializers.CharField()
    label = serializers.CharField()
    file_id = serializers.IntegerField()


class ControlOut(serializers.Serializer):
    id = serializers.CharField(source="control.id")
    kind = serializers.CharField(source="control.kind", help_text="FIXatdl's type of the control")
    label = serializers.CharField(source="control.label")
    parameter = serializers.CharField(source="control.parameter", help_text="empty for one that only steers others")
    value = serializers.CharField()
    is_enabled = serializers.BooleanField()
    is_visible = serializers.BooleanField()
    choices = serializers.SerializerMethodField()
    problem = serializers.CharField()

    def get_choices(self, shown) -> dict[str, str]:
        return {item.id: item.label for item in shown.items}


class TicketOut(serializers.Serializer):
    controls = serializers.SerializerMethodField()
    problems = serializers.ListField(
        child=serializers.ListField(child=serializers.CharField()), help_text="(control or empty, what is wrong)"
    )
    fields_sent = serializers.ListField(source="fields", child=serializers.ListField(), help_text="(tag, value), where nothing is wrong")

    @extend_schema_field(ControlOut(many=True))
    def get_controls(self, ticket) -> list[dict]:
        return ControlOut(ticket.shown.values(), many=True).data


class FillIn(serializers.Serializer):
    block = serializers.IntegerField(min_value=1)
    controls = serializers.DictField(
        child=serializers.CharField(allow_blank=True, max_length=2000), required=False, help_text="none: as the form opens"
    )


class BrokerStrategies(ApiDoor, viewsets.ViewSet):
    permissions = ("routing.see",)
    acts = {"fill": ("routing.see",)}

    @extend_schema(summary="Strategies that brokers offer", responses=BrokerStrategyOut(many=True))
    def list(self, request: Request) -> Response:
        return Response(BrokerStrategyOut(selectors.offered(), many=True).data)

    @extend_schema(summary="One strategy of a broker's own", responses=BrokerStrategyOut)
    def retrieve(self, request: Request, pk: str) -> Response:
        return Response(BrokerStrategyOut(selectors.get_strategy(int(pk))).data)

    @extend_schema(summary="Its form against a block's order, as filled; changes nothing", request=FillIn, responses=TicketOut)
    def fill(self, request: Request, pk: str) -> Response:
        asked = FillIn(data=request.data)
        asked.is_valid(raise_exception=True)
        row: BrokerStrategy = selectors.get_strategy(int(pk))
        block = get_block_seen_by(request.user, asked.validated_data["block"])
        return Response(TicketOut(fill(row, block, asked.validated_data.get("controls"), timezone.now())).data)


class StrategyFiles(ApiDoor, viewsets.ViewSet):
    permissions = ("routing.see",)
    acts = dict.fromkeys(("create", "approve", "decline", "end"), ("routing.keep_strategies",))

    @extend_schema(summary="Files of strategies, the newest first", responses=StrategyFileOut(many=True))
    def list(self, request: Request) -> Response:
        return Response(StrategyFileOut(selectors.strategy_files()[:200], many=True).data)

    @extend_schema(summary="Load a broker's file, for another person to approve", request=StrategyFileIn,
                   responses={201: StrategyFileOut}, parameters=[KEY])  # fmt: skip
    def create(self, request: Request) -> Response:
        asked = StrategyFileIn(data=request.data)
        asked.is_valid(raise_exception=True)
        said, act = asked.validated_data, act_of(request)

        def do():
            pk = services.load_strategies(act, said["broker"], said["name"], said["content"].encode())
            return StrategyFileOut(selectors.get_strategy_file(pk)).data

        answer, repeated = answer_once(act, "routing.load_strategies", said, do)
        return Response(answer, status.HTTP_200_OK if repeated else status.HTTP_201_CREATED)

    @extend_schema(summary="Offer a file's strategies", request=StrategyFileActIn, responses=StrategyFileOut, parameters=[KEY])
    def approve(self, request: Request, pk: str) -> Response:
        return self._decided(request, int(pk), services.approve_strategies)

    @extend_schema(summary="Put a loaded file away", request=StrategyFileActIn, responses=StrategyFileOut, parameters=[KEY])
    def decline(self, request: Request, pk: str) -> Response:
        return self._decided(request, int(pk), services.decline_strategies)

    @extend_schema(summary="Offer a file's strategies no more", request=StrategyFileActIn, responses=StrategyFileOut, parameters=[KEY])
    def end(self, request: Request, pk: str) -> Response:
        return self._decided(request, int(pk), services.end_strategies)

    def _decided(self, request: Request, pk: int, service) -> Response:
        asked = StrategyFileActIn(data=request.data)
        asked.is_valid(raise_exception=True)
        said = asked.validated_data
        act = act_of(request, reason=said["reason"])

        def do():
            service(act, pk, seen={pk: said["version"]})
            return StrategyFileOut(selectors.get_strategy_file(pk)).data

        return Response(answer_once(act, f"routing.{service.__name__}", {"id": pk, "said": said}, do)[0])
