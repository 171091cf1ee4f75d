"""Position limits to other systems."""

from drf_spectacular.utils import extend_schema, extend_schema_view, inline_serializer
from rest_framework import mixins, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.edges import act_of
from apps.core.refusals import Invalid

from .. import services
from ..engine.contracts import KINDS, MONTHS, SOURCES
from ..models import PositionLimit
from ..selectors.position_limits import position_limits_seen_by
from .scoped import KEY, DecisionIn, Scoped


class PositionLimitOut(serializers.ModelSerializer):
    """``qty`` contracts net, long or short; ``kind`` LIMIT holds an order, LEVEL warns; ``months`` SPOT, SINGLE or ALL."""

    family = serializers.CharField(source="family.code")
    months = serializers.CharField()
    kind = serializers.CharField()
    source = serializers.CharField()

    class Meta:
        model = PositionLimit
        fields = (
            "id", "ref", "status", "version", "family", "months", "kind", "qty", "source", "citation", "starts_on", "ends_on", "reason",
        )  # fmt: skip
        read_only_fields = fields


class PositionLimitIn(serializers.Serializer):
    family_id = serializers.IntegerField()
    months = serializers.CharField(help_text=", ".join(MONTHS))
    kind = serializers.CharField(default="LIMIT", help_text=", ".join(KINDS))
    qty = serializers.DecimalField(20, 4, help_text="contracts")
    source = serializers.CharField(help_text=", ".join(SOURCES))
    citation = serializers.CharField(max_length=120)
    starts_on = serializers.DateField()
    ends_on = serializers.DateField(required=False, allow_null=True, default=None)
    reason = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


@extend_schema_view(list=extend_schema(summary="Position limits of futures, by contract family"))
class PositionLimits(mixins.ListModelMixin, Scoped):
    acts = dict.fromkeys(("create", "end", "upload"), ("compliance.write_rules",))
    serializer_class = PositionLimitOut
    filterset_fields = {"status": ["exact"], "family__code": ["exact"], "months": ["exact"], "kind": ["exact"]}
    queryset = PositionLimit.objects.none()

    def get_queryset(self):
        return position_limits_seen_by(self.request.user)

    def _these(self, ids: list[int]) -> list[dict]:
        return PositionLimitOut(self.get_queryset().filter(pk__in=ids).order_by("pk"), many=True).data

    @extend_schema(summary="Put limits in force: all or none", request=PositionLimitIn(many=True),
                   responses={201: PositionLimitOut(many=True)}, parameters=[KEY])  # fmt: skip
    def create(self, request: Request) -> Response:
        said = self.checked(PositionLimitIn, many=True)
        act = act_of(request)

        def do():
            return self._these(services.add_position_limits(act, [services.NewLimit(**one) for one in said]))

        return self.answered(act, "add_position_limits", said, do, created=True)

    @extend_schema(
        summary="Put in force what a CSV file says: all or none, every bad row named",
        request={"multipart/form-data": inline_serializer("PositionLimitFile", {"file": serializers.FileField()})},
        responses={201: PositionLimitOut(many=True)},
        parameters=[KEY],
    )
    def upload(self, request: Request) -> Response:
        file = request.FILES.get("file")
        if file is None:
            raise Invalid("No file was sent. Send it as “file” in a multipart form.", field="file")
        content = file.read(services.MAX_LIMIT_BYTES + 1)
        act = act_of(request)
        asked = {"file": content.decode("utf-8", "replace")}
        return self.answered(
            act, "import_position_limits", asked, lambda: self._these(services.import_position_limits(act, content)), created=True
        )

    @extend_schema(summary="Take a limit out of force", request=DecisionIn, responses=PositionLimitOut, parameters=[KEY])
    def end(self, request: Request, pk: int) -> Response:
        said = self.checked(DecisionIn)
        act = act_of(request, reason=said["reason"])

        def do():
            services.end_position_limits(act, [pk], seen={pk: said["version"]})
            return PositionLimitOut(self.get_queryset().get(pk=pk)).data

        return self.answered(act, "end_position_limit", {"id": pk, "said": said}, do)
