"""Dealers' axes and inventory over the API, and what asking dealers tells the market."""

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit.services import answer_once
from apps.core.edges import act_of

from . import axis_selectors as axes
from . import services
from .api import KEY, Seen, said_in
from .leakage_selectors import leakage_seen_by
from .models import Axis
from .rules.axes import is_stale


class AxisOut(serializers.ModelSerializer):
    """What a dealer would deal in: ``dealer_side`` is what the dealer would do."""

    dealer = serializers.CharField(source="dealer.code")
    symbol = serializers.CharField(source="instrument.symbol")
    is_stale = serializers.SerializerMethodField(help_text="said so long ago that the dealer may not stand by it")

    class Meta:
        model = Axis
        fields = (
            "id", "dealer", "symbol", "kind", "dealer_side", "qty", "price", "as_of", "expires_at", "is_stale", "source", "ref", "text",
        )  # fmt: skip
        read_only_fields = fields

    def get_is_stale(self, axis) -> bool:
        return is_stale(axis.as_of, self.context["now"])


class AxisFileIn(serializers.Serializer):
    """A CSV file as text. Of the dealers and kinds it names it says all there is."""

    name = serializers.CharField(max_length=100)
    content = serializers.CharField(max_length=services.MAX_AXES_BYTES, trim_whitespace=False)


class AxisFileOut(serializers.Serializer):
    loaded = serializers.IntegerField()


class Axes(mixins.ListModelMixin, Seen):
    serializer_class = AxisOut
    queryset = Axis.objects.none()
    filterset_fields = ("kind", "dealer_side", "instrument", "dealer")
    acts = {"load": ("routing.route",)}

    def get_queryset(self):
        return axes.live_axes(timezone.now())

    def get_serializer_context(self):
        return super().get_serializer_context() | {"now": timezone.now()}

    @extend_schema(summary="What dealers would deal in now, the newest first")
    def list(self, request: Request) -> Response:
        return super().list(request)

    @extend_schema(summary="Take in a file of axes: all rows or none", request=AxisFileIn, responses=AxisFileOut, parameters=[KEY])
    def load(self, request: Request) -> Response:
        said, act = said_in(AxisFileIn, request), act_of(request)

        def do():
            return {"loaded": services.load_axes(act, said["content"].encode(), said["name"])}

        return Response(answer_once(act, "routing.load_axes", {"said": said}, do)[0])


class LeakageScoreOut(serializers.Serializer):
    """
    How the mid moved in the five minutes after inquiries that a dealer lost, against those it was not asked in, in basis points:
    positive where it moved against us.
    """

    dealer = serializers.CharField()
    asked = serializers.IntegerField()
    lost = serializers.IntegerField(help_text="whose move is known")
    others = serializers.IntegerField(help_text="inquiries it was not asked in, whose move is known")
    mean_bp = serializers.FloatField(allow_null=True)
    other_bp = serializers.FloatField(allow_null=True)
    score_bp = serializers.FloatField(allow_null=True, help_text="null where there are too few to tell")
    error_bp = serializers.FloatField(allow_null=True, help_text="standard error of the score")
    verdict = serializers.CharField()


class LeakageScores(Seen):
    serializer_class = LeakageScoreOut
    queryset = Axis.objects.none()
    pagination_class = None

    @extend_schema(summary="What asking dealers tells the market, the worst first", responses=LeakageScoreOut(many=True))
    def list(self, request: Request) -> Response:
        found = leakage_seen_by(request.user, timezone.now())
        names = LeakageScoreOut().fields.keys() - {"dealer"}
        return Response([{"dealer": name} | {key: getattr(score, key) for key in names} for name, score in found.scores])
