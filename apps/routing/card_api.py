"""Rate cards to other systems: proposed by one, approved by another."""

from decimal import Decimal

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.edges import act_of
from apps.core.refusals import Invalid
from apps.reference.models import Broker

from . import card_selectors as selectors
from . import services
from .api import KEY, said_in
from .models import RateCard
from .proposed_api import Proposals, ProposalVersionIn
from .rules import cards as rules

RATE = {"max_digits": 20, "decimal_places": 8}
AMOUNT = {"max_digits": 20, "decimal_places": 4}


class TierText(serializers.Serializer):
    above = serializers.DecimalField(**AMOUNT, help_text="value of the order above which the rate holds for all of it")
    rate = serializers.DecimalField(**RATE)


class RateCardIn(serializers.Serializer):
    """What it asks for is left out where any will do; amounts are in ``currency``."""

    broker = serializers.CharField(max_length=20, required=False, default="", allow_blank=True, help_text="code")
    mic = serializers.CharField(max_length=4, required=False, default="", allow_blank=True, help_text="where it is listed")
    country = serializers.CharField(max_length=2, required=False, default="", allow_blank=True)
    asset_class = serializers.CharField(max_length=8, required=False, default="", allow_blank=True)
    strategy = serializers.CharField(max_length=60, required=False, default="", allow_blank=True)
    currency = serializers.CharField(max_length=3, required=False, default="", allow_blank=True)
    kind = serializers.CharField(max_length=8, help_text=", ".join(f"{code}: {words}" for code, words in rules.KINDS.items()))
    rate = serializers.DecimalField(**RATE, required=False, default=Decimal(0))
    tiers = TierText(many=True, required=False, default=list)
    least_amount = serializers.DecimalField(**AMOUNT, required=False, default=None, allow_null=True, help_text="of an order")
    most_amount = serializers.DecimalField(**AMOUNT, required=False, default=None, allow_null=True, help_text="of an order")
    research_pct = serializers.DecimalField(9, 4, required=False, default=Decimal(0))
    books = serializers.CharField(max_length=4, required=False, default=rules.CARD, help_text="CARD or SAID")
    tolerance_amount = serializers.DecimalField(**AMOUNT, required=False, default=Decimal(0))
    starts_on = serializers.DateField(help_text="first trade date")
    ends_on = serializers.DateField(required=False, default=None, allow_null=True, help_text="last trade date")
    reason = serializers.CharField(max_length=400)


class RateCardOut(serializers.ModelSerializer):
    ref = serializers.CharField()
    broker = serializers.CharField(source="broker.code", default=None)
    mic = serializers.CharField(source="venue.mic", default="")
    currency = serializers.CharField(source="currency_id", default=None)
    asks = serializers.CharField(help_text="what it is for, in words")
    takes = serializers.CharField(help_text="in words")
    proposed_by = serializers.CharField(source="proposed_by.username")
    decided_by = serializers.CharField(source="decided_by.username", default=None)
    kind = serializers.CharField()
    books = serializers.CharField()
    asset_class = serializers.CharField()

    class Meta:
        model = RateCard
        fields = (
            "id", "ref", "status", "version", "broker", "mic", "country", "asset_class", "strategy", "currency", "kind", "rate",
            "tiers", "least_amount", "most_amount", "research_pct", "books", "tolerance_amount", "starts_on", "ends_on", "asks",
            "takes", "reason", "proposed_by", "proposed_at", "decided_by", "decided_at",
        )  # fmt: skip
        read_only_fields = fields


@extend_schema_view(
    list=extend_schema(summary="Rate cards, the newest first", responses=RateCardOut(many=True)),
    retrieve=extend_schema(summary="One rate card", responses=RateCardOut),
)
class RateCards(Proposals):
    permissions = ("routing.see_cards",)
    acts = dict.fromkeys(("create", "approve", "decline"), ("routing.keep_cards",))
    serializer_class = RateCardOut
    filterset_fields = ("status", "broker")
    queryset = RateCard.objects.none()
    get_one = staticmethod(selectors.get_rate_card)

    def get_queryset(self):
        return selectors.rate_cards()

    @extend_schema(
        summary="Propose what a broker may take; another person approves it", request=RateCardIn, responses={201: RateCardOut},
        parameters=[KEY],
    )  # fmt: skip
    def create(self, request: Request) -> Response:
        said = said_in(RateCardIn, request)
        act = act_of(request, reason=said["reason"])
        broker = Broker.objects.filter(code=said["broker"]).first() if said["broker"] else None
        if said["broker"] and broker is None:
            raise Invalid(f"There is no broker “{said['broker']}”.", field="broker")
        card = rules.Card(
            0, broker.pk if broker else None, said["mic"], said["country"], said["asset_class"], said["strategy"], said["currency"],
            said["kind"], said["rate"], tuple((t["above"], t["rate"]) for t in said["tiers"]), said["least_amount"],
            said["most_amount"], said["research_pct"], said["books"], said["tolerance_amount"], said["starts_on"], said["ends_on"],
        )  # fmt: skip
        return self._propose(act, said, services.propose_rate_card, card)

    @extend_schema(
        summary="Put it in force; another person than who proposed it", request=ProposalVersionIn, responses=RateCardOut,
        parameters=[KEY],
    )  # fmt: skip
    def approve(self, request: Request, pk: str) -> Response:
        return self._decide(request, int(pk), services.approve_rate_card)

    @extend_schema(summary="End what was proposed", request=ProposalVersionIn, responses=RateCardOut, parameters=[KEY])
    def decline(self, request: Request, pk: str) -> Response:
        return self._decide(request, int(pk), services.decline_rate_card)
