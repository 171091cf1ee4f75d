"""Approvals to other systems: the queue, decisions with an answer for each, the rules, deputies."""

from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import mixins, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit.services import answer_once
from apps.core.edges import act_of, versions_once
from apps.portfolios.models import Portfolio
from apps.users.models import User

from . import selectors, services
from .api import KEY, NewestFirst, Scoped
from .bulk_api import SeenOrderIn
from .models import Approval, ApprovalDecision, ApprovalRule, Deputy


class DecisionOut(serializers.ModelSerializer):
    """What one person said to one step, and for whom, where they were a deputy."""

    by = serializers.CharField(source="by.username")
    behalf_of = serializers.CharField(source="behalf_of.username", default=None)

    class Meta:
        model = ApprovalDecision
        fields = ("step", "agreed", "by", "behalf_of", "comment", "at")
        read_only_fields = fields


class ApprovalOut(serializers.ModelSerializer):
    """An order that waits, or waited, for people to agree. ``step`` counts the steps that are done."""

    order_ref = serializers.CharField(source="order.ref")
    portfolio = serializers.CharField(source="order.portfolio.code")
    symbol = serializers.CharField(source="order.instrument.symbol")
    side = serializers.CharField(source="order.side")
    rule = serializers.CharField(source="rule.code")
    decisions = DecisionOut(many=True)

    class Meta:
        model = Approval
        fields = (
            "id", "status", "version", "order_id", "order_ref", "portfolio", "symbol", "side", "qty", "limit_price",
            "amount_usd", "overridden", "rule", "rule_version", "steps", "step", "decisions", "opened_at", "due_at",
            "escalated_at", "decided_at",
        )  # fmt: skip
        read_only_fields = fields


class ComparedOut(serializers.Serializer):
    term = serializers.CharField()
    before = serializers.CharField(help_text="as it was agreed to")
    after = serializers.CharField()
    asks_more = serializers.BooleanField()


class AgreedOut(serializers.Serializer):
    """What was agreed to before, each term asked otherwise since, and why that does not stand."""

    approval_id = serializers.IntegerField(source="given.pk")
    why = serializers.CharField()
    terms = ComparedOut(many=True)


class StoodOut(serializers.Serializer):
    at = serializers.DateTimeField()
    by = serializers.CharField()
    terms = ComparedOut(many=True)


class ApprovalDetailOut(ApprovalOut):
    agreed_before = serializers.SerializerMethodField()
    stood = serializers.SerializerMethodField(help_text="each time it stood although its order was changed or checked anew")

    class Meta(ApprovalOut.Meta):
        fields = (*ApprovalOut.Meta.fields, "agreed_before", "stood")

    @extend_schema_field(AgreedOut(allow_null=True))
    def get_agreed_before(self, row: Approval) -> dict | None:
        found = selectors.agreed_before(row)
        return AgreedOut(found).data if found else None

    @extend_schema_field(StoodOut(many=True))
    def get_stood(self, row: Approval) -> list:
        return StoodOut(selectors.stood(row), many=True).data


class ApprovalDecideIn(serializers.Serializer):
    approvals = SeenOrderIn(many=True, allow_empty=False, max_length=10_000)
    reason = serializers.CharField(max_length=2000, default="", allow_blank=True)


class ApprovalOutcomeOut(serializers.Serializer):
    """What became of one approval; ``code`` and ``message`` say why nothing did."""

    id = serializers.IntegerField(source="approval_id")
    order_id = serializers.IntegerField(allow_null=True)
    done = serializers.BooleanField()
    code = serializers.CharField()
    message = serializers.CharField()
    status = serializers.CharField()
    since = serializers.ListField(child=serializers.DictField(), help_text="what others did to a stale one")


class RuleIn(serializers.Serializer):
    """``steps``: a list of {name, group or permission}. ``version``: the one seen; left out for a new rule."""

    code = serializers.CharField(max_length=40)
    version = serializers.IntegerField(required=False, min_value=1)
    name = serializers.CharField(max_length=120, required=False)
    priority = serializers.IntegerField(required=False)
    asset_class = serializers.CharField(max_length=8, required=False, allow_blank=True)
    portfolio = serializers.SlugRelatedField("code", queryset=Portfolio.objects.all(), required=False, allow_null=True)
    min_usd = serializers.DecimalField(20, 2, required=False, allow_null=True)
    severity = serializers.CharField(max_length=8, required=False, allow_blank=True, help_text="empty, SOFT or HARD")
    steps = serializers.ListField(child=serializers.DictField(child=serializers.CharField()), required=False)
    minutes = serializers.IntegerField(required=False, allow_null=True)
    stands_when_less = serializers.BooleanField(required=False)
    reason = serializers.CharField(max_length=400, default="", allow_blank=True)


class ApprovalRuleOut(serializers.ModelSerializer):
    severity = serializers.CharField()
    portfolio = serializers.CharField(source="portfolio.code", default=None)

    class Meta:
        model = ApprovalRule
        fields = (
            "code", "status", "version", "name", "priority", "asset_class", "portfolio", "min_usd", "severity", "steps",
            "minutes", "stands_when_less",
        )  # fmt: skip
        read_only_fields = fields


class VersionIn(serializers.Serializer):
    version = serializers.IntegerField(min_value=1)
    reason = serializers.CharField(max_length=400, default="", allow_blank=True)


class DeputyIn(serializers.Serializer):
    deputy = serializers.SlugRelatedField("username", queryset=User.objects.filter(is_active=True))
    starts_at = serializers.DateTimeField(required=False)
    ends_at = serializers.DateTimeField()


class DeputyOut(serializers.ModelSerializer):
    person = serializers.CharField(source="person.username")
    deputy = serializers.CharField(source="deputy.username")

    class Meta:
        model = Deputy
        fields = ("id", "status", "person", "deputy", "starts_at", "ends_at")
        read_only_fields = fields


@extend_schema_view(
    list=extend_schema(summary="Approvals, the newest first"),
    retrieve=extend_schema(summary="One approval, with what was agreed to before", responses=ApprovalDetailOut),
)
class Approvals(mixins.ListModelMixin, mixins.RetrieveModelMixin, Scoped):
    permissions = ("orders.see_approvals",)
    acts = dict.fromkeys(("approve", "send_back"), ("orders.approve",))
    serializer_class = ApprovalOut
    pagination_class = NewestFirst
    filterset_fields = ("status",)
    queryset = Approval.objects.none()

    def get_serializer_class(self):
        return ApprovalDetailOut if self.action == "retrieve" else ApprovalOut

    def get_queryset(self):
        return selectors.approvals_seen_by(self.request.user).prefetch_related("decisions__by", "decisions__behalf_of")

    @extend_schema(
        summary="Agree to the steps that approvals wait for, with an answer for each",
        request=ApprovalDecideIn, responses=ApprovalOutcomeOut(many=True), parameters=[KEY],
    )  # fmt: skip
    def approve(self, request: Request) -> Response:
        """Of several at once, those of which an officer overrode a rule are held back: send them one by one."""
        return self._decided(services.approve)

    @extend_schema(
        summary="Send orders back to their authors, with an answer for each",
        request=ApprovalDecideIn, responses=ApprovalOutcomeOut(many=True), parameters=[KEY],
    )  # fmt: skip
    def send_back(self, request: Request) -> Response:
        return self._decided(services.refuse_approvals)

    def _decided(self, service) -> Response:
        said = self.checked(ApprovalDecideIn)
        act = act_of(self.request, reason=said["reason"])
        seen = versions_once(said["approvals"], "approvals")

        def do():
            return ApprovalOutcomeOut(service(act, list(seen), seen=seen), many=True).data

        return Response(answer_once(act, f"orders.{self.action}", self.request.data, do)[0])


class ApprovalRules(Scoped):
    permissions = ("orders.see_approvals",)
    acts = {"create": ("orders.write_approvals",), "retire": ("orders.write_approvals",)}
    serializer_class = ApprovalRuleOut
    queryset = ApprovalRule.objects.none()

    @extend_schema(summary="Approval rules, those in force first", responses=ApprovalRuleOut(many=True))
    def list(self, request: Request) -> Response:
        return Response(ApprovalRuleOut(selectors.approval_rules(), many=True).data)

    @extend_schema(summary="Write an approval rule, new or changed", request=RuleIn, responses={201: ApprovalRuleOut})
    def create(self, request: Request) -> Response:
        said = self.checked(RuleIn)
        terms = {name: said[name] for name in said if name not in ("code", "version", "reason", "portfolio")}
        if "portfolio" in said:
            terms["portfolio_id"] = said["portfolio"] and said["portfolio"].pk
        act = act_of(request, reason=said["reason"])
        pk = services.save_approval_rule(act, said["code"], terms, seen=said.get("version"))
        return Response(ApprovalRuleOut(selectors.approval_rules().get(pk=pk)).data, status.HTTP_201_CREATED)

    @extend_schema(summary="Let orders through without it", request=VersionIn, responses=ApprovalRuleOut)
    def retire(self, request: Request, code: str) -> Response:
        said = self.checked(VersionIn)
        services.retire_approval_rule(act_of(request, reason=said["reason"]), code, seen=said["version"])
        return Response(ApprovalRuleOut(selectors.approval_rules().get(code=code)).data)


class Deputies(Scoped):
    permissions = ("orders.see_approvals",)
    acts = {"create": ("orders.approve",), "end": ("orders.approve",)}
    serializer_class = DeputyOut
    queryset = Deputy.objects.none()

    @extend_schema(summary="Who stands in for whom, now or later", responses=DeputyOut(many=True))
    def list(self, request: Request) -> Response:
        return Response(DeputyOut(selectors.deputies(timezone.now()), many=True).data)

    @extend_schema(summary="Let somebody agree in your place for a time", request=DeputyIn, responses={201: DeputyOut})
    def create(self, request: Request) -> Response:
        said = self.checked(DeputyIn)
        act = act_of(request)
        pk = services.name_deputy(act, said["deputy"].pk, said.get("starts_at", act.at), said["ends_at"])
        row = Deputy.objects.select_related("person", "deputy").get(pk=pk)
        return Response(DeputyOut(row).data, status.HTTP_201_CREATED)

    @extend_schema(summary="End a deputy of yours before the time", request=None, responses={204: None})
    def end(self, request: Request, pk: int) -> Response:
        services.end_deputies(act_of(request), [pk])
        return Response(status=status.HTTP_204_NO_CONTENT)
