"""Routing rules to other systems: what holds, what was proposed and decided, and what rules did by themselves."""

import django_filters
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field, extend_schema_view
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit.services import answer_once
from apps.core.edges import act_of
from apps.users.doors import ApiDoor

from . import rule_selectors as selectors
from . import services
from .api import NewestFirst, said_in
from .models import RoutingDecision, RuleChange
from .outlet_selectors import accesses

KEY = OpenApiParameter("Idempotency-Key", OpenApiTypes.STR, OpenApiParameter.HEADER)


class RoutingRuleTextOut(serializers.Serializer):
    """The text of a rule; numbers and days as text."""

    rank = serializers.IntegerField()
    name = serializers.CharField()
    action = serializers.CharField(help_text="ALGO, INQUIRY, or TRADER: left to the trader")
    condition = serializers.CharField(help_text="on what blocks, market and portfolios it acts; empty: on all")
    asset_class = serializers.CharField()
    country = serializers.CharField()
    min_volume_pct = serializers.CharField(allow_null=True)
    max_volume_pct = serializers.CharField(allow_null=True)
    own_field = serializers.CharField()
    own_value = serializers.CharField()
    brokers = serializers.ListField(child=serializers.CharField())
    strategy = serializers.CharField()
    params = serializers.DictField()
    mode = serializers.CharField(help_text="ASKED: a trader routes by it; DRY_RUN: it says what it would do; ACTIVE: by itself")
    daily_cap_usd = serializers.CharField(allow_null=True, help_text="what it may route by itself in a day (UTC)")
    starts_on = serializers.CharField(allow_null=True)
    ends_on = serializers.CharField(allow_null=True)
    is_active = serializers.BooleanField()


class RoutingRuleOut(serializers.Serializer):
    id = serializers.IntegerField(source="rule.pk")
    version = serializers.IntegerField(source="rule.number")
    text = serializers.SerializerMethodField()
    used_usd = serializers.DecimalField(20, 4, help_text="what it routed by itself today")
    waiting_change_id = serializers.IntegerField(source="waits.pk", default=None, allow_null=True)

    @extend_schema_field(RoutingRuleTextOut)
    def get_text(self, one) -> dict:
        return services.text_of(one.rule).as_said()


class RuleChangeOut(serializers.ModelSerializer):
    """A text that one person proposed. Those approved are the versions of the rule."""

    ref = serializers.CharField(read_only=True)
    proposed_by = serializers.CharField(source="proposed_by.username")
    decided_by = serializers.CharField(source="decided_by.username", default=None, allow_null=True)
    said = RoutingRuleTextOut()
    before = serializers.DictField(help_text="what the rule said, where it differs")

    class Meta:
        model = RuleChange
        fields = (
            "id", "ref", "status", "version", "rule_id", "seen", "number", "said", "before", "reason", "proposed_by", "proposed_at",
            "decided_by", "decided_at", "answer", "is_stop",
        )  # fmt: skip
        read_only_fields = fields


class RoutingDecisionOut(serializers.ModelSerializer):
    """What a rule decided about a block as it stood at a version, or in a dry run would have; ``trace`` is why."""

    rule = serializers.CharField(source="rule.name")
    symbol = serializers.CharField(source="block.instrument.symbol")

    class Meta:
        model = RoutingDecision
        fields = ("id", "at", "block_id", "block_version", "symbol", "rule_id", "rule", "number", "outcome", "qty", "usd", "text", "trace")
        read_only_fields = fields


class RoutingRuleIn(serializers.Serializer):
    """The whole text. What is left out asks nothing. ``rule_id`` and ``version`` say of which rule, and which text of it was read."""

    rule_id = serializers.IntegerField(required=False, allow_null=True, default=None, help_text="null: a new rule")
    version = serializers.IntegerField(required=False, default=0)
    reason = serializers.CharField(max_length=400)
    rank = serializers.IntegerField()
    name = serializers.CharField(max_length=80)
    action = serializers.CharField(max_length=8)
    condition = serializers.CharField(max_length=2000, required=False, default="", allow_blank=True)
    asset_class = serializers.CharField(max_length=8, required=False, default="", allow_blank=True)
    country = serializers.CharField(max_length=2, required=False, default="", allow_blank=True)
    min_volume_pct = serializers.DecimalField(20, 4, required=False, allow_null=True, default=None)
    max_volume_pct = serializers.DecimalField(20, 4, required=False, allow_null=True, default=None)
    own_field = serializers.CharField(max_length=30, required=False, default="", allow_blank=True)
    own_value = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)
    brokers = serializers.ListField(child=serializers.CharField(max_length=20), required=False, default=list, max_length=50)
    strategy = serializers.CharField(max_length=12, required=False, default="", allow_blank=True)
    params = serializers.DictField(required=False, default=dict)
    mode = serializers.CharField(max_length=8, required=False, default="DRY_RUN")
    daily_cap_usd = serializers.DecimalField(20, 4, required=False, allow_null=True, default=None)
    starts_on = serializers.DateField(required=False, allow_null=True, default=None)
    ends_on = serializers.DateField(required=False, allow_null=True, default=None)
    is_active = serializers.BooleanField(required=False, default=True)


class RuleActIn(serializers.Serializer):
    version = serializers.IntegerField(min_value=1, help_text="the version that the caller looked at")
    reason = serializers.CharField(max_length=400, required=False, default="", allow_blank=True)


class RoutingRules(ApiDoor, viewsets.ViewSet):
    permissions = ("routing.see",)
    acts = dict.fromkeys(("stop",), ("routing.write_rules",))

    @extend_schema(summary="Routing rules by rank, with what they routed by themselves today", responses=RoutingRuleOut(many=True))
    def list(self, request: Request) -> Response:
        return Response(RoutingRuleOut(selectors.ruled(timezone.now().date()), many=True).data)

    @extend_schema(
        summary="Stop a rule that routes by itself: it only says what it would do", request=RuleActIn, responses=RuleChangeOut,
        parameters=[KEY],
    )  # fmt: skip
    def stop(self, request: Request, pk: str) -> Response:
        said = said_in(RuleActIn, request)
        act = act_of(request, reason=said["reason"])

        def do():
            return RuleChangeOut(selectors.get_change(services.stop_rule(act, int(pk), seen=said["version"]))).data

        return Response(answer_once(act, "routing.stop_rule", {"id": pk, "said": said}, do)[0])


@extend_schema_view(list=extend_schema(summary="Changes of routing rules, the newest first"))
class RuleChanges(ApiDoor, mixins.ListModelMixin, viewsets.GenericViewSet):
    permissions = ("routing.see",)
    acts = {
        "create": ("routing.write_rules",), "drop": ("routing.write_rules",), "approve": ("routing.approve_rules",),
        "refuse": ("routing.approve_rules",),
    }  # fmt: skip
    serializer_class = RuleChangeOut
    filterset_fields = ("status", "rule")
    pagination_class = NewestFirst
    queryset = RuleChange.objects.none()

    def get_queryset(self):
        return selectors.changes()

    @extend_schema(
        summary="Propose a routing rule, or another text of one", request=RoutingRuleIn, responses={201: RuleChangeOut}, parameters=[KEY]
    )
    def create(self, request: Request) -> Response:
        said = said_in(RoutingRuleIn, request)
        act = act_of(request, reason=said["reason"])
        text = services.RuleText(**{name: said[name] for name in services.RuleText._fields})

        def do():
            pk = services.propose_rule(act, text, rule_id=said["rule_id"], seen=said["version"])
            return RuleChangeOut(selectors.get_change(pk)).data

        answer, repeated = answer_once(act, "routing.propose_rule", said, do)
        return Response(answer, status.HTTP_200_OK if repeated else status.HTTP_201_CREATED)

    @extend_schema(summary="Approve it, as another person", request=RuleActIn, responses=RuleChangeOut, parameters=[KEY])
    def approve(self, request: Request, pk: str) -> Response:
        return self._decide(request, pk, services.approve_rule)

    @extend_schema(summary="Refuse it, with a reason", request=RuleActIn, responses=RuleChangeOut, parameters=[KEY])
    def refuse(self, request: Request, pk: str) -> Response:
        return self._decide(request, pk, services.refuse_rule)

    @extend_schema(summary="Take one's own back", request=RuleActIn, responses=RuleChangeOut, parameters=[KEY])
    def drop(self, request: Request, pk: str) -> Response:
        return self._decide(request, pk, services.drop_rule)

    def _decide(self, request: Request, pk: str, service) -> Response:
        said, change = said_in(RuleActIn, request), int(pk)
        act = act_of(request, reason=said["reason"])

        def do():
            service(act, change, seen={change: said["version"]})
            return RuleChangeOut(selectors.get_change(change)).data

        return Response(answer_once(act, f"routing.{service.__name__}", {"id": change, "said": said}, do)[0])


class VenueAccessOut(serializers.Serializer):
    """A lit venue through a broker. Fees are ours to pay, less than nothing where it is a rebate."""

    venue = serializers.CharField(source="access.venue.mic")
    broker = serializers.CharField(source="access.broker.code")
    fee_bp = serializers.DecimalField(20, 8, source="access.fee_bp")
    unit_fee = serializers.DecimalField(20, 8, source="access.unit_fee", help_text="money a unit, in the instrument's currency")
    volume_pct = serializers.DecimalField(9, 4, source="access.volume_pct", help_text="of a day's volume, on average")
    sent = serializers.IntegerField(source="filled.orders", default=0, help_text="orders of the router that are over, in 90 days")
    filled_pct = serializers.SerializerMethodField(help_text="of what was sent; null where nothing was")

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_filled_pct(self, one) -> str | None:
        return None if one.filled is None else f"{one.filled.rate * 100:.4f}"


class VenueAccesses(ApiDoor, viewsets.ViewSet):
    permissions = ("routing.see",)

    @extend_schema(summary="Where the smart router may send, with what was filled there", responses=VenueAccessOut(many=True))
    def list(self, request: Request) -> Response:
        return Response(VenueAccessOut(accesses(timezone.now()), many=True).data)


class DecisionFilter(django_filters.FilterSet):
    outcome = django_filters.BaseInFilter(field_name="outcome", help_text="one or several, by comma")

    class Meta:
        model = RoutingDecision
        fields = ("outcome", "block", "rule")


@extend_schema_view(list=extend_schema(summary="What rules decided by themselves, or would have, the newest first"))
class Decisions(ApiDoor, mixins.ListModelMixin, viewsets.GenericViewSet):
    permissions = ("routing.see",)
    serializer_class = RoutingDecisionOut
    filterset_class = DecisionFilter
    pagination_class = NewestFirst
    queryset = RoutingDecision.objects.none()

    def get_queryset(self):
        return selectors.decisions_seen_by(self.request.user)
