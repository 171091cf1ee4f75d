"""Fills that a person enters by hand, and takes back, to other systems."""

from decimal import Decimal

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit.services import answer_once
from apps.core.edges import act_of
from apps.users.doors import ApiDoor

from . import selectors, services

KEY = OpenApiParameter("Idempotency-Key", OpenApiTypes.STR, OpenApiParameter.HEADER)


class HandFillIn(serializers.Serializer):
    broker = serializers.CharField(max_length=20, help_text="code of a broker or dealer")
    qty = serializers.DecimalField(20, 4)
    price = serializers.DecimalField(20, 8)
    executed_at = serializers.DateTimeField(help_text="when it was traded")
    exec_ref = serializers.CharField(max_length=40, required=False, default="", allow_blank=True, help_text="the broker's own reference")
    is_voice = serializers.BooleanField(required=False, default=True)
    market = serializers.CharField(max_length=4, required=False, default="", allow_blank=True, help_text="MIC")
    commission = serializers.DecimalField(18, 4, required=False, default=Decimal(0))


class HandFillsIn(serializers.Serializer):
    version = serializers.IntegerField(min_value=1, help_text="of the block")
    reason = serializers.CharField(max_length=400, required=False, default="", allow_blank=True)
    fills = HandFillIn(many=True, max_length=500)


class HandFillsOut(serializers.Serializer):
    routes = serializers.ListField(child=serializers.IntegerField())


class TakeBackIn(serializers.Serializer):
    version = serializers.IntegerField(min_value=1)
    reason = serializers.CharField(max_length=400)


class TakenBackOut(serializers.Serializer):
    id = serializers.IntegerField()
    status = serializers.CharField()
    version = serializers.IntegerField()


class HandFills(ApiDoor, viewsets.ViewSet):
    permissions = ("routing.route",)

    @extend_schema(summary="Enter fills of a block by hand", request=HandFillsIn, responses={201: HandFillsOut}, parameters=[KEY])
    def enter(self, request: Request, pk: str) -> Response:
        asked = HandFillsIn(data=request.data)
        asked.is_valid(raise_exception=True)
        said, block_id = asked.validated_data, int(pk)
        act = act_of(request, reason=said["reason"])
        fills = [
            services.HandFill(block_id, one["broker"], *(one[name] for name in services.HandFill._fields[2:])) for one in said["fills"]
        ]

        def do():
            return {"routes": services.book_by_hand(act, fills, seen={block_id: said["version"]})}

        answer, repeated = answer_once(act, "routing.book_by_hand", {"id": block_id, "said": said}, do)
        return Response(answer, status.HTTP_200_OK if repeated else status.HTTP_201_CREATED)

    @extend_schema(summary="Take back a fill that was entered by hand", request=TakeBackIn, responses=TakenBackOut, parameters=[KEY])
    def take_back(self, request: Request, pk: str) -> Response:
        asked = TakeBackIn(data=request.data)
        asked.is_valid(raise_exception=True)
        said, execution_id = asked.validated_data, int(pk)
        act = act_of(request, reason=said["reason"])

        def do():
            services.take_back(act, execution_id, seen={execution_id: said["version"]})
            return TakenBackOut(selectors.get_execution_seen_by(request.user, execution_id)).data

        return Response(answer_once(act, "routing.take_back", {"id": pk, "said": said}, do)[0])
