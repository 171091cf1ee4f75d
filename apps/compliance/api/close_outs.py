"""Sales that failed to be delivered, by when each is to be closed out, and the end of one."""

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.edges import act_of

from .. import selectors, services
from ..models import CloseOut
from .scoped import KEY, DecisionIn, Scoped


class CloseOutOut(serializers.ModelSerializer):
    """
    Closed out before regular trading hours of ``due_on`` begin; while ``status`` is OPEN the instrument is sold short of
    borrowed units alone. ``ended_by`` is nobody where it was delivered or cancelled.
    """

    ref = serializers.CharField(read_only=True)
    symbol = serializers.CharField(source="instrument.symbol")
    portfolio = serializers.CharField(source="portfolio.code")
    ended_by = serializers.CharField(source="ended_by.username", default=None)

    class Meta:
        model = CloseOut
        fields = (
            "id", "ref", "status", "version", "source", "symbol", "portfolio", "qty", "is_short", "settle_date", "due_on",
            "opened_at", "ended_at", "ended_by", "how",
        )  # fmt: skip
        read_only_fields = fields


@extend_schema_view(list=extend_schema(summary="Sales that failed to be delivered: what is open first, the earliest due before others"))
class CloseOuts(mixins.ListModelMixin, Scoped):
    permissions = ("settlement.see",)
    acts = {"close": ("compliance.decide",)}
    serializer_class = CloseOutOut
    filterset_fields = ("status", "is_short", "instrument", "portfolio", "due_on")
    queryset = CloseOut.objects.none()

    def get_queryset(self):
        return selectors.close_outs_seen_by(self.request.user)

    @extend_schema(
        summary="Say that it was closed out, and how: bought in, or borrowed and delivered", request=DecisionIn,
        responses=CloseOutOut, parameters=[KEY],
    )  # fmt: skip
    def close(self, request: Request, pk: int) -> Response:
        said = self.checked(DecisionIn)
        act = act_of(self.request, reason=said["reason"])

        def do():
            services.close_by_hand(act, [pk], seen={pk: said["version"]})
            return CloseOutOut(selectors.get_close_out_seen_by(self.request.user, pk)).data

        return self.answered(act, "close_out_close", {"id": pk, "said": said}, do)
