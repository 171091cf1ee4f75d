"""The restricted list."""

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.edges import act_of

from .. import selectors, services
from ..models import Restriction
from .scoped import KEY, DecisionIn, Scoped


class RestrictionOut(serializers.ModelSerializer):
    issuer = serializers.CharField(source="issuer.code", default=None)
    instrument = serializers.CharField(source="instrument.symbol", default=None)
    portfolio = serializers.CharField(source="portfolio.code", default=None)

    class Meta:
        model = Restriction
        fields = (
            "id", "status", "version", "issuer", "instrument", "portfolio", "direction", "reason", "effective_from",
            "effective_to",
        )  # fmt: skip
        read_only_fields = fields


class RestrictionIn(serializers.Serializer):
    """An issuer, with its whole group, or an instrument; for one portfolio or, without, the whole firm."""

    issuer_id = serializers.IntegerField(required=False, allow_null=True, default=None)
    instrument_id = serializers.IntegerField(required=False, allow_null=True, default=None)
    portfolio_id = serializers.IntegerField(required=False, allow_null=True, default=None)
    direction = serializers.ChoiceField(["ALL", "BUY", "SELL"], default="ALL")
    reason = serializers.CharField(max_length=300)
    effective_from = serializers.DateField()
    effective_to = serializers.DateField(required=False, allow_null=True, default=None)


@extend_schema_view(list=extend_schema(summary="The restricted list"))
class Restrictions(mixins.ListModelMixin, Scoped):
    acts = dict.fromkeys(("create", "lift"), ("compliance.write_rules",))
    serializer_class = RestrictionOut
    filterset_fields = ("status", "direction")
    queryset = Restriction.objects.none()

    def get_queryset(self):
        return selectors.restrictions_seen_by(self.request.user)

    @extend_schema(summary="List issuers or instruments: all or none", request=RestrictionIn(many=True),
                   responses={201: RestrictionOut(many=True)}, parameters=[KEY])  # fmt: skip
    def create(self, request: Request) -> Response:
        said = self.checked(RestrictionIn, many=True)
        act = act_of(request)

        def do():
            ids = services.restrict(act, [services.Listing(**one) for one in said])
            return RestrictionOut(self.get_queryset().filter(pk__in=ids).order_by("pk"), many=True).data

        return self.answered(act, "restrict", said, do, created=True)

    @extend_schema(summary="Take it off the list", request=DecisionIn, responses=RestrictionOut, parameters=[KEY])
    def lift(self, request: Request, pk: int) -> Response:
        said = self.checked(DecisionIn)
        act = act_of(request, reason=said["reason"])

        def do():
            services.lift(act, [pk], seen={pk: said["version"]})
            return RestrictionOut(self.get_queryset().get(pk=pk)).data

        return self.answered(act, "lift", {"id": pk, "said": said}, do)
