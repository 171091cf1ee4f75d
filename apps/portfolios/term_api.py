"""With whom portfolios may trade, to other systems: set and ended, never edited."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit.services import answer_once
from apps.core.edges import act_of
from apps.users.doors import ApiDoor

from . import selectors, terms
from .models import BrokerTerm

KEY = OpenApiParameter("Idempotency-Key", OpenApiTypes.STR, OpenApiParameter.HEADER)


class KeptTermOut(serializers.ModelSerializer):
    """A term with its portfolio; ``version`` counts its changes."""

    portfolio = serializers.CharField(source="portfolio.code")
    broker = serializers.CharField(source="broker.code")
    version = serializers.IntegerField()

    class Meta:
        model = BrokerTerm
        fields = ("id", "version", "portfolio", "kind", "broker", "asset_class", "starts_on", "ends_on", "reason")
        read_only_fields = fields


class KeptTermIn(serializers.Serializer):
    portfolio_id = serializers.IntegerField()
    broker_id = serializers.IntegerField()
    kind = serializers.CharField(max_length=5, help_text="ALLOW, DENY or ISDA")
    asset_class = serializers.CharField(max_length=10, required=False, allow_blank=True, default="")
    starts_on = serializers.DateField()
    ends_on = serializers.DateField(required=False, allow_null=True, default=None)
    reason = serializers.CharField(max_length=200)


class TermEndIn(serializers.Serializer):
    version = serializers.IntegerField(min_value=1)
    ends_on = serializers.DateField(help_text="the last day that it holds")
    reason = serializers.CharField(max_length=200)


@extend_schema_view(list=extend_schema(summary="With whom portfolios may trade, of those that the caller sees"))
class BrokerTerms(ApiDoor, mixins.ListModelMixin, viewsets.GenericViewSet):
    permissions = ("portfolios.see",)
    acts = dict.fromkeys(("create", "end"), ("portfolios.keep_terms",))
    serializer_class = KeptTermOut
    filterset_fields = ("kind", "portfolio__code", "broker__code")
    queryset = BrokerTerm.objects.none()

    def get_queryset(self):
        return selectors.broker_terms_seen_by(self.request.user)

    @extend_schema(summary="Set with whom a portfolio may trade", request=KeptTermIn, responses={201: KeptTermOut}, parameters=[KEY])
    def create(self, request: Request) -> Response:
        said = _checked(KeptTermIn, request)
        act = act_of(request, reason=said["reason"])

        def do():
            (pk,) = terms.set_terms(act, [terms.TermText(**{name: said[name] for name in terms.TermText._fields})])
            return KeptTermOut(self.get_queryset().get(pk=pk)).data

        answer, repeated = answer_once(act, "portfolios.set_term", said, do)
        return Response(answer, status.HTTP_200_OK if repeated else status.HTTP_201_CREATED)

    @extend_schema(summary="End it with a day", request=TermEndIn, responses=KeptTermOut, parameters=[KEY])
    def end(self, request: Request, pk: int) -> Response:
        said = _checked(TermEndIn, request)
        act = act_of(request, reason=said["reason"])

        def do():
            terms.end_terms(act, said["ends_on"], seen={int(pk): said["version"]})
            return KeptTermOut(self.get_queryset().get(pk=pk)).data

        return Response(answer_once(act, "portfolios.end_term", {"id": pk, "said": said}, do)[0])


def _checked(serializer: type[serializers.Serializer], request: Request) -> dict:
    asked = serializer(data=request.data)
    asked.is_valid(raise_exception=True)
    return asked.validated_data
