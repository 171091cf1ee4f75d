"""Matrices for programs: played on a block with a broker of the simulation, and the report."""

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit.services import answer_once
from apps.core.edges import act_of
from apps.users.doors import ApiDoor

from . import rules, selectors, services
from .models import Play

KEY = OpenApiParameter("Idempotency-Key", OpenApiTypes.STR, OpenApiParameter.HEADER)


class PlayOut(serializers.ModelSerializer):
    """A matrix on a route; ``heard`` and ``asked``: how many steps of the broker's and of ours were done."""

    ref = serializers.CharField()
    title = serializers.SerializerMethodField()
    broker = serializers.CharField(source="route.broker.code")
    route_id = serializers.IntegerField()
    started_by = serializers.CharField(source="started_by.username")

    class Meta:
        model = Play
        fields = ("id", "ref", "matrix", "title", "broker", "route_id", "status", "heard", "asked", "found", "started_by", "started_at",
                  "ended_at", "version")  # fmt: skip
        read_only_fields = fields

    def get_title(self, play: Play) -> str:
        return rules.BY_NAME[play.matrix].title


class PlaysIn(serializers.Serializer):
    block = serializers.IntegerField(min_value=1)
    version = serializers.IntegerField(min_value=1, help_text="of the block")
    session = serializers.IntegerField(min_value=1, help_text="of a broker of the simulation")
    names = serializers.ListField(child=serializers.CharField(max_length=40), allow_empty=False, max_length=100)
    reason = serializers.CharField(max_length=400, required=False, default="", allow_blank=True)


class ReportLineOut(serializers.Serializer):
    matrix = serializers.CharField()
    title = serializers.CharField()
    outcome = serializers.CharField(help_text="PASSED, FAILED, PLAYING or NOT_PLAYED")
    why = serializers.CharField()
    play = PlayOut(allow_null=True)


class MatrixReportOut(serializers.Serializer):
    """What came of each matrix when it was last played with a broker."""

    broker = serializers.CharField(source="session.broker.code")
    begin_string = serializers.CharField(source="session.begin_string")
    at = serializers.DateTimeField()
    counted = serializers.DictField(child=serializers.IntegerField())
    lines = ReportLineOut(many=True)


class Plays(ApiDoor, viewsets.ViewSet):
    permissions = ("routing.see",)
    acts = {"play": ("routing.route",)}

    @extend_schema(summary="Matrices that were played, newest first", responses=PlayOut(many=True), filters=False)
    def listed(self, request: Request) -> Response:
        return Response(PlayOut(selectors.plays_seen_by(request.user)[: selectors.MOST_SHOWN], many=True).data)

    @extend_schema(
        summary="Play matrices on a block", request=PlaysIn, responses={201: PlayOut(many=True)}, parameters=[KEY], filters=False
    )
    def play(self, request: Request) -> Response:
        asked = PlaysIn(data=request.data)
        asked.is_valid(raise_exception=True)
        said = asked.validated_data
        act = act_of(request, reason=said["reason"])

        def do():
            ids = services.play_matrices(act, said["block"], said["session"], said["names"], seen={said["block"]: said["version"]})
            return list(PlayOut(selectors.plays_seen_by(request.user).filter(pk__in=ids).order_by("pk"), many=True).data)

        answer, repeated = answer_once(act, "certification.play", dict(said), do)
        return Response(answer, status.HTTP_200_OK if repeated else status.HTTP_201_CREATED)


class Reports(ApiDoor, viewsets.ViewSet):
    permissions = ("routing.see",)

    @extend_schema(summary="What came of each matrix with a broker", responses=MatrixReportOut, filters=False)
    def retrieve(self, request: Request, pk: str) -> Response:
        session = selectors.get_session(pk)
        lines = selectors.report(request.user, session)
        found = {"session": session, "lines": lines, "counted": selectors.counted(lines), "at": timezone.now()}
        return Response(MatrixReportOut(found).data)
