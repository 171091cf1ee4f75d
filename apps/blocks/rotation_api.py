"""Rotations to other systems: where each stands, and the evidence of what was released in what place."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit.services import answer_once
from apps.core.edges import act_of
from apps.users.doors import ApiDoor

from . import selectors, services
from .api import KEY, FinishIn
from .models import Rotation


class RotationOut(serializers.ModelSerializer):
    """Who trades the same idea in turn. ``position`` is the seat, from 0, that is first at the next use."""

    ref = serializers.CharField(read_only=True)
    desk = serializers.CharField(source="desk.code")
    parties = serializers.SerializerMethodField(help_text="broker codes by seat, FREE for the free orders")

    class Meta:
        model = Rotation
        fields = ("id", "ref", "name", "desk", "parties", "position", "status", "version")
        read_only_fields = fields

    def get_parties(self, rotation: Rotation) -> list[str]:
        return [seat.broker.code if seat.broker else services.FREE for seat in rotation.seats.all()]


class RotationIn(serializers.Serializer):
    name = serializers.CharField(max_length=80)
    desk = serializers.CharField(max_length=40, help_text="code")
    parties = serializers.ListField(child=serializers.CharField(max_length=40), help_text="in their order; FREE is one")


class ResetIn(FinishIn):
    position = serializers.IntegerField(min_value=0, help_text="the seat, from 0, to be first at the next use")


class ReleasedOut(serializers.Serializer):
    trade_date = serializers.DateField()
    symbol = serializers.CharField()
    side = serializers.CharField()
    first = serializers.CharField(help_text="who was to be first for this idea")
    block = serializers.CharField()
    party = serializers.CharField(help_text="whose block it is")
    place = serializers.IntegerField(help_text="the place in which it was released")
    places = serializers.IntegerField()
    at = serializers.DateTimeField()
    by = serializers.CharField()
    out_of_turn = serializers.CharField(help_text="why it did not wait; empty where it had not to")


DAYS = [OpenApiParameter(name, OpenApiTypes.DATE, description="trade date") for name in ("since", "until")]


class DaysIn(serializers.Serializer):
    since = serializers.DateField(required=False, default=None)
    until = serializers.DateField(required=False, default=None)


@extend_schema_view(list=extend_schema(summary="Rotations of your desks, those in force first"))
class Rotations(ApiDoor, mixins.ListModelMixin, viewsets.GenericViewSet):
    permissions = ("reference.see",)
    acts = dict.fromkeys(("create", "reset", "end"), ("blocks.write_rotations",))
    serializer_class = RotationOut
    filterset_fields = ("status",)
    queryset = Rotation.objects.none()

    def get_queryset(self):
        return selectors.rotations_seen_by(self.request.user)

    @extend_schema(summary="One rotation")
    def retrieve(self, request: Request, pk: int) -> Response:
        return Response(self._data(request, pk))

    @extend_schema(
        summary="Have the parties of a desk trade in turn", request=RotationIn, responses={201: RotationOut}, parameters=[KEY]
    )
    def create(self, request: Request) -> Response:
        said, act = self._said(RotationIn, request.data), act_of(request)

        def do():
            return self._data(request, services.make_rotation(act, said["name"], said["desk"], said["parties"]))

        return Response(answer_once(act, "blocks.make_rotation", said, do)[0], status=201)

    @extend_schema(
        summary="What was released when in what place, from the record; the last idea first, 1,000 at most",
        responses=ReleasedOut(many=True), parameters=DAYS, filters=False,
    )  # fmt: skip
    def evidence(self, request: Request, pk: int) -> Response:
        days = self._said(DaysIn, request.query_params)
        found = selectors.evidence(selectors.get_rotation_seen_by(request.user, pk), **days)
        return Response(ReleasedOut(found, many=True).data)

    @extend_schema(
        summary="Have another party be first at the next use; asks for a reason", request=ResetIn, responses=RotationOut,
        parameters=[KEY],
    )  # fmt: skip
    def reset(self, request: Request, pk: str) -> Response:
        said, pk = self._said(ResetIn, request.data), int(pk)
        act = act_of(request, reason=said["reason"])

        def do():
            services.reset_rotation(act, pk, position=said["position"], seen={pk: said["version"]})
            return self._data(request, pk)

        return Response(answer_once(act, "blocks.reset_rotation", {"id": pk, "said": said}, do)[0])

    @extend_schema(summary="End it; asks for a reason", request=FinishIn, responses=RotationOut, parameters=[KEY])
    def end(self, request: Request, pk: str) -> Response:
        said, pk = self._said(FinishIn, request.data), int(pk)
        act = act_of(request, reason=said["reason"])

        def do():
            services.end_rotation(act, pk, seen={pk: said["version"]})
            return self._data(request, pk)

        return Response(answer_once(act, "blocks.end_rotation", {"id": pk, "said": said}, do)[0])

    def _said(self, serializer: type[serializers.Serializer], data) -> dict:
        asked = serializer(data=data)
        asked.is_valid(raise_exception=True)
        return asked.validated_data

    def _data(self, request: Request, pk: int) -> dict:
        return RotationOut(selectors.get_rotation_seen_by(request.user, pk)).data
