"""What brokers take for what they executed, to other systems: as said, as expected, as booked."""

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit.services import answer_once
from apps.core.edges import act_of
from apps.users.doors import ApiDoor

from . import charge_selectors, services
from .models import Charge


class ChargeLineOut(serializers.Serializer):
    """One order at the broker: the card that decided, its arithmetic, and the cards that it beat."""

    strategy = serializers.CharField()
    card = serializers.CharField()
    card_id = serializers.IntegerField(help_text="0 for the broker's own rate")
    asks = serializers.CharField()
    worked = serializers.CharField()
    expected = serializers.CharField()
    said = serializers.CharField(allow_null=True)
    books = serializers.CharField()
    research_pct = serializers.CharField()
    beat = serializers.ListField(child=serializers.CharField())


class ChargeOut(serializers.ModelSerializer):
    """Money in ``currency``. One that DIFFERS is a break for operations; a settled one says how it ended."""

    ref = serializers.CharField(read_only=True)
    broker = serializers.CharField(source="broker.code")
    symbol = serializers.CharField(source="block.instrument.symbol")
    currency = serializers.CharField(source="currency_id")
    difference = serializers.DecimalField(20, 4, help_text="said less expected")
    trace = ChargeLineOut(many=True)
    how = serializers.CharField()

    class Meta:
        model = Charge
        fields = (
            "id", "ref", "status", "version", "block_id", "broker", "symbol", "wave", "trade_date", "currency", "said_amount",
            "expected_amount", "difference", "tolerance_amount", "booked_amount", "research_amount", "trace", "how", "reason",
            "booked_at",
        )  # fmt: skip
        read_only_fields = fields


class ChargeSettleIn(serializers.Serializer):
    version = serializers.IntegerField(min_value=1, help_text="the version that the caller looked at")
    how = serializers.CharField(max_length=6, help_text="BROKER, CARD or SHARED")
    reason = serializers.CharField(max_length=400)


@extend_schema_view(
    list=extend_schema(summary="What brokers take for blocks: those that differ from their rate cards first"),
    retrieve=extend_schema(summary="What one broker takes for a block, with its arithmetic"),
)
class Charges(ApiDoor, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    permissions = ("settlement.see",)
    acts = {"settle": ("settlement.mend",)}
    serializer_class = ChargeOut
    filterset_fields = ("status", "block", "broker", "trade_date")
    queryset = Charge.objects.none()
    lookup_value_regex = r"\d+"

    def get_queryset(self):
        return charge_selectors.charges_seen_by(self.request.user)

    def get_object(self):
        return charge_selectors.get_charge_seen_by(self.request.user, int(self.kwargs["pk"]))

    @extend_schema(summary="Say how a difference ended", request=ChargeSettleIn, responses=ChargeOut)
    @action(detail=True, methods=["post"])
    def settle(self, request: Request, pk: str) -> Response:
        asked = ChargeSettleIn(data=request.data)
        asked.is_valid(raise_exception=True)
        said = asked.validated_data
        self.get_object()
        act = act_of(request, reason=said["reason"])

        def do():
            services.settle_charges(act, said["how"], seen={int(pk): said["version"]})
            return ChargeOut(self.get_object()).data

        return Response(answer_once(act, "allocations.settle_charges", {"id": pk, "said": said}, do)[0])
