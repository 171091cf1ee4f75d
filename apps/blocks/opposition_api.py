"""The firm on both sides, to other systems."""

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit.services import answer_once
from apps.core.edges import act_of
from apps.users.doors import ApiDoor

from . import selectors, services
from .api import KEY, NewestFirst
from .models import Opposition


class OppositionOut(serializers.ModelSerializer):
    """Two blocks that buy and sell the same thing on one day; ``status``: FOUND, CROSS (proposed), CROSSED or APART."""

    ref = serializers.CharField(read_only=True)
    symbol = serializers.CharField(source="buy.instrument.symbol")
    problems = serializers.ListField(child=serializers.CharField(), help_text="why nothing of it can be crossed")
    decided_by = serializers.CharField(source="decided_by.username", default=None)

    class Meta:
        model = Opposition
        fields = (
            "id", "ref", "status", "version", "symbol", "buy_id", "sell_id", "cross_qty", "problems", "price",
            "price_source", "reason", "decided_by", "decided_at", "found_at",
        )  # fmt: skip
        read_only_fields = fields


class DecideIn(serializers.Serializer):
    version = serializers.IntegerField(min_value=1, help_text="the version that the caller looked at")
    reason = serializers.CharField(max_length=400)


@extend_schema_view(list=extend_schema(summary="Blocks on both sides of one thing on one day"))
class Oppositions(ApiDoor, mixins.ListModelMixin, viewsets.GenericViewSet):
    permissions = ("blocks.see",)
    acts = {"decide": ("blocks.work",)}
    serializer_class = OppositionOut
    pagination_class = NewestFirst
    filterset_fields = ("status", "buy", "sell")
    queryset = Opposition.objects.none()

    def get_queryset(self):
        return selectors.oppositions_seen_by(self.request.user)

    @extend_schema(
        summary="Send both sides to the market; to meet them, propose a cross", request=DecideIn, responses=OppositionOut, parameters=[KEY]
    )
    def decide(self, request: Request, pk: str) -> Response:
        asked = DecideIn(data=request.data)
        asked.is_valid(raise_exception=True)
        said = asked.validated_data
        act = act_of(request, reason=said["reason"])

        def do():
            services.trade_apart(act, int(pk), seen={int(pk): said["version"]})
            return OppositionOut(selectors.get_opposition_seen_by(request.user, int(pk))).data

        return Response(answer_once(act, "blocks.trade_apart", {"id": int(pk), "said": said}, do)[0])
