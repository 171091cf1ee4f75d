"""Broker dialects to other systems: proposed by one, approved by another."""

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.edges import act_of

from . import dialect_selectors as selectors
from . import services
from .api import KEY, said_in
from .models import Dialect
from .proposed_api import Proposals, ProposalVersionIn
from .rules import dialects as rules


class PriceUnitText(serializers.Serializer):
    currency = serializers.CharField(max_length=3)
    code = serializers.CharField(max_length=3, help_text="as the broker says it: GBX")
    per = serializers.IntegerField(help_text="how many make one: 100")


class TagText(serializers.Serializer):
    on = serializers.CharField(max_length=4, help_text="message types, of D, F, G and H")
    tag = serializers.IntegerField()
    kind = serializers.CharField(max_length=5, help_text="text, field, move (value: the tag it moves to) or drop")
    value = serializers.CharField(max_length=rules.LONGEST, required=False, default="", allow_blank=True)


class RequiredText(serializers.Serializer):
    on = serializers.CharField(max_length=4, help_text="message types, of D and G")
    tag = serializers.IntegerField()


class DialectText(serializers.Serializer):
    symbology = serializers.CharField(max_length=6, default=rules.LISTED, help_text=", ".join(rules.SYMBOLOGIES))
    suffixes = serializers.DictField(child=serializers.CharField(max_length=4), required=False, default=dict)
    price_units = PriceUnitText(many=True, required=False, default=list)
    bond_unit = serializers.IntegerField(required=False, default=1, help_text="face that one of a bond's quantity is")
    tags = TagText(many=True, required=False, default=list)
    required = RequiredText(many=True, required=False, default=list)
    list_fills = serializers.BooleanField(
        required=False, default=False, help_text="fills of lists come by ListStatus (35=N) alone, and are booked from it"
    )


class DialectOut(DialectText):
    id = serializers.IntegerField(source="pk")
    ref = serializers.CharField()
    session_id = serializers.IntegerField()
    session = serializers.CharField(source="session.target_comp_id")
    status = serializers.CharField()
    version = serializers.IntegerField()
    reason = serializers.CharField()
    proposed_by = serializers.CharField(source="proposed_by.username")
    proposed_at = serializers.DateTimeField()
    decided_by = serializers.CharField(source="decided_by.username", default=None)
    decided_at = serializers.DateTimeField()


class DialectIn(DialectText):
    """The whole dialect; what is left out is as in plain FIX."""

    session_id = serializers.IntegerField()
    reason = serializers.CharField(max_length=400)


@extend_schema_view(
    list=extend_schema(summary="Broker dialects, the newest first", responses=DialectOut(many=True)),
    retrieve=extend_schema(summary="One dialect", responses=DialectOut),
)
class Dialects(Proposals):
    permissions = ("routing.see_dialects",)
    acts = dict.fromkeys(("create", "approve", "decline"), ("routing.keep_dialects",))
    serializer_class = DialectOut
    filterset_fields = ("status", "session")
    queryset = Dialect.objects.none()
    get_one = staticmethod(selectors.get_dialect)

    def get_queryset(self):
        return selectors.dialects()

    @extend_schema(
        summary="Propose how a broker is spoken to; another person approves it", request=DialectIn, responses={201: DialectOut},
        parameters=[KEY],
    )  # fmt: skip
    def create(self, request: Request) -> Response:
        said = said_in(DialectIn, request)
        act = act_of(request, reason=said["reason"])
        dialect = rules.of_data({name: said[name] for name in rules.Dialect._fields})
        return self._propose(act, said, services.propose_dialect, said["session_id"], dialect)

    @extend_schema(
        summary="Put it in force; another person than who proposed it", request=ProposalVersionIn, responses=DialectOut,
        parameters=[KEY],
    )  # fmt: skip
    def approve(self, request: Request, pk: str) -> Response:
        return self._decide(request, int(pk), services.approve_dialect)

    @extend_schema(summary="End what was proposed", request=ProposalVersionIn, responses=DialectOut, parameters=[KEY])
    def decline(self, request: Request, pk: str) -> Response:
        return self._decide(request, int(pk), services.decline_dialect)
