"""Reviews and checks: what was held, why, what an officer decided, and what stands of it."""

import django_filters
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import mixins, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.acts import Act
from apps.core.edges import act_of, versions_once

from .. import packs, selectors, services
from ..models import Check, Override, Review
from .questions import QuestionOut, WordsIn
from .scoped import KEY, DecisionIn, Scoped

REVIEWS_AT_ONCE = 10_000
DECISIONS = ["approve", "send_back", "reject"]


def _decided(act: Act, decision: str, seen: dict[int, int], said: dict) -> None:
    if decision == "approve":
        terms = services.Terms(said["code"], said["until"], said["tolerance_pct"])
        services.approve_reviews(act, list(seen), seen=seen, terms=terms)
    else:
        service = services.send_back_reviews if decision == "send_back" else services.reject_reviews
        service(act, list(seen), seen=seen)


class OverrideOut(serializers.ModelSerializer):
    """What officers let stand of one order and rule: ``value`` and ``limit`` in ``unit``, till ``expires_at``."""

    ref = serializers.CharField(read_only=True)
    rule = serializers.CharField(source="rule.code")
    number = serializers.IntegerField(source="rule_version.number", help_text="the version of the rule")
    first_by = serializers.CharField(source="first_by.username")
    second_by = serializers.CharField(source="second_by.username", default=None)

    class Meta:
        model = Override
        fields = (
            "id", "ref", "status", "version", "order_id", "order_version", "review_id", "rule", "number", "rule_version_id",
            "severity", "outcome", "value", "limit", "unit", "said", "code", "reason", "tolerance_pct", "expires_at",
            "first_by", "first_at", "second_by", "second_at", "second_reason",
        )  # fmt: skip
        read_only_fields = fields


class ReviewOut(serializers.ModelSerializer):
    """A held order that waits, or waited, for an officer. Money in USD at mid when it was held; quantity in units."""

    ref = serializers.CharField(read_only=True)
    order_ref = serializers.CharField(source="order.ref")
    portfolio = serializers.CharField(source="order.portfolio.code")
    symbol = serializers.CharField(source="order.instrument.symbol")
    side = serializers.CharField(source="order.side")
    qty = serializers.DecimalField(20, 4, source="order.qty")
    author = serializers.CharField(source="order.created_by.username")
    outcome = serializers.CharField(source="verdict.outcome")
    check_id = serializers.IntegerField(source="verdict_id")
    max_passing_qty = serializers.DecimalField(20, 4, source="verdict.max_passing_qty", allow_null=True)
    binding_rule = serializers.CharField(source="verdict.binding_rule")
    decided_by = serializers.CharField(source="decided_by.username", default=None)
    waits_for_answer = serializers.BooleanField(help_text="whether an officer asked its managers something")
    asked_by = serializers.CharField(allow_null=True, help_text="the officer who asked, where a second one has to confirm")

    class Meta:
        model = Review
        fields = (
            "id", "ref", "status", "version", "severity", "outcome", "leading_rule", "amount_usd", "order_id", "order_ref",
            "portfolio", "symbol", "side", "qty", "author", "check_id", "max_passing_qty", "binding_rule", "opened_at",
            "decided_at", "decided_by", "reason", "asked_by", "waits_for_answer",
        )  # fmt: skip
        read_only_fields = fields


class NearOut(serializers.Serializer):
    """An order that would have passed in its place: smaller, at a nearer limit, or paid on a later day."""

    kind = serializers.CharField(help_text="SMALLER, LIMIT or LATER")
    qty = serializers.DecimalField(20, 4)
    limit = serializers.DecimalField(20, 8, allow_null=True, help_text="null where it stays")
    settles = serializers.DateField(allow_null=True, help_text="null where it stays")
    rule = serializers.CharField(help_text="the rule that binds there")


class DetailOut(ReviewOut):
    """The same with every rule's numbers, what did not pass first, and earlier decisions on the same rule and portfolio."""

    results = serializers.JSONField()
    history = serializers.JSONField()
    may_decide = serializers.BooleanField()
    overrides = serializers.SerializerMethodField()
    thread = serializers.SerializerMethodField()
    nearest = NearOut(many=True)

    class Meta(ReviewOut.Meta):
        fields = (*ReviewOut.Meta.fields, "results", "history", "overrides", "thread", "nearest", "may_decide")
        read_only_fields = fields

    @extend_schema_field(OverrideOut(many=True))
    def get_overrides(self, review) -> list:
        return OverrideOut(review.stand, many=True).data

    @extend_schema_field(QuestionOut(many=True))
    def get_thread(self, review) -> list:
        return QuestionOut(review.asked, many=True).data


class CheckOut(serializers.ModelSerializer):
    """One verdict on one version of an order. ``results`` as the caller may see them."""

    class Meta:
        model = Check
        fields = ("id", "order_id", "order_version", "outcome", "inputs_hash", "rules_asked", "at")
        read_only_fields = fields


class ShownOut(CheckOut):
    results = serializers.JSONField()
    warnings = serializers.JSONField(help_text="of the results those that are said and hold nothing, in words")
    max_passing_qty = serializers.DecimalField(20, 4, allow_null=True)
    binding_rule = serializers.CharField()
    review_status = serializers.CharField(allow_null=True)
    nearest = NearOut(many=True, help_text="of the newest check")

    class Meta(CheckOut.Meta):
        fields = (*CheckOut.Meta.fields, "results", "warnings", "max_passing_qty", "binding_rule", "nearest", "review_status")
        read_only_fields = fields


class TermsIn(serializers.Serializer):
    """Of an approval: why by a code, through which day in the firm's time, and what it may get worse by."""

    code = serializers.ChoiceField(
        Override._meta.get_field("code").choices, required=False, default="", help_text="for an approval, but not to confirm one"
    )
    until = serializers.DateField(required=False, allow_null=True, default=None, help_text="the last day; today without")
    tolerance_pct = serializers.DecimalField(
        5, 2, required=False, default=0, min_value=0, max_value=10, help_text="of the limit, in percent"
    )


class ApproveIn(TermsIn, DecisionIn):
    pass


class SeenReview(serializers.Serializer):
    id = serializers.IntegerField(min_value=1)
    version = serializers.IntegerField(min_value=1)


class DecisionsIn(TermsIn):
    """One decision on many reviews: all or none."""

    decision = serializers.ChoiceField(DECISIONS)
    reason = serializers.CharField(max_length=2000, allow_blank=True)
    reviews = SeenReview(many=True, allow_empty=False, max_length=REVIEWS_AT_ONCE)


class ReviewFilter(django_filters.FilterSet):
    status = django_filters.BaseInFilter(field_name="status", help_text="one or several, by comma")
    outcome = django_filters.CharFilter(field_name="verdict__outcome")
    portfolio = django_filters.CharFilter(field_name="order__portfolio__code")
    rule = django_filters.CharFilter(field_name="leading_rule")

    class Meta:
        model = Review
        fields = ("status", "severity", "outcome", "portfolio", "rule", "order")


class Reviews(mixins.ListModelMixin, Scoped):
    """Reviews, those that wait first, by what needs attention."""

    acts = dict.fromkeys(("approve", "send_back", "reject", "decide", "ask"), ("compliance.decide",))
    serializer_class = ReviewOut
    filterset_class = ReviewFilter
    queryset = Review.objects.none()  # For the schema's sake; what is seen is the user's.

    def get_queryset(self):
        return selectors.by_attention(selectors.reviews_seen_by(self.request.user))

    @extend_schema(summary="One review with its evidence and history", responses=DetailOut)
    def retrieve(self, request: Request, pk: int) -> Response:
        found = selectors.review_detail(request.user, pk)
        found.review.results, found.review.history = found.results, found.history
        found.review.may_decide, found.review.stand = found.may_decide, found.overrides
        found.review.asked, found.review.nearest = found.thread, found.nearest
        return Response(DetailOut(found.review).data)

    @extend_schema(summary="Let the order through in spite of it; ask for that, or confirm it, where a hard rule needs two",
                   request=ApproveIn, responses=ReviewOut, parameters=[KEY])  # fmt: skip
    def approve(self, request: Request, pk: int) -> Response:
        return self._decide(pk, "approve", ApproveIn)

    @extend_schema(summary="Return the order to its manager", request=DecisionIn, responses=ReviewOut, parameters=[KEY])
    def send_back(self, request: Request, pk: int) -> Response:
        return self._decide(pk, "send_back")

    @extend_schema(summary="End the order", request=DecisionIn, responses=ReviewOut, parameters=[KEY])
    def reject(self, request: Request, pk: int) -> Response:
        return self._decide(pk, "reject")

    @extend_schema(summary="Decide on many: all or none", request=DecisionsIn, responses=ReviewOut(many=True), parameters=[KEY])
    def decide(self, request: Request) -> Response:
        said = self.checked(DecisionsIn)
        act = act_of(request, reason=said["reason"])
        seen = versions_once(said["reviews"], "reviews")

        def do():
            _decided(act, said["decision"], seen, said)
            rows = selectors.reviews_seen_by(request.user).filter(pk__in=seen).order_by("pk")
            return ReviewOut(rows, many=True).data

        return self.answered(act, "decide_many", said, do)

    @extend_schema(summary="Ask the order's managers something", request=WordsIn, responses={201: QuestionOut}, parameters=[KEY])
    def ask(self, request: Request, pk: int) -> Response:
        said = self.checked(WordsIn)
        selectors.get_review_seen_by(request.user, pk)
        act = act_of(request, reason=said["text"])

        def do():
            made = services.ask(act, pk, said["text"], seen=said["version"])
            return QuestionOut(selectors.questions_seen_by(request.user).get(pk=made)).data

        return self.answered(act, "ask", {"id": pk, "said": said}, do, created=True)

    def _decide(self, pk: int, decision: str, asked: type[DecisionIn] = DecisionIn) -> Response:
        said = self.checked(asked)
        selectors.get_review_seen_by(self.request.user, pk)
        act = act_of(self.request, reason=said["reason"])

        def do():
            _decided(act, decision, {pk: said["version"]}, said)
            return ReviewOut(selectors.get_review_seen_by(self.request.user, pk)).data

        return self.answered(act, decision, {"id": pk, "said": said}, do)


class Checks(Scoped):
    """What compliance found on an order: managers read it neutrally, of the orders of their portfolios."""

    permissions = ("compliance.see", "compliance.see_own")
    acts = dict.fromkeys(("evidence", "evidence_pdf"), ("compliance.see",))
    serializer_class = ShownOut
    queryset = Check.objects.none()

    @extend_schema(summary="An order's checks, newest first", responses=ShownOut(many=True))
    def of_order(self, request: Request, pk: int) -> Response:
        rows = [
            CheckOut(shown.check).data
            | {
                "results": shown.results,
                "warnings": shown.warnings,
                "max_passing_qty": None if shown.max_passing_qty is None else str(shown.max_passing_qty),
                "binding_rule": shown.binding_rule,
                "nearest": NearOut(shown.nearest, many=True).data,
                "review_status": shown.review and shown.review.status,
            }
            for shown in selectors.checks_of(request.user, pk)
        ]
        return Response(rows)

    @extend_schema(summary="All that a check stands on, with its hash", responses={200: OpenApiTypes.OBJECT})
    def evidence(self, request: Request, pk: int) -> Response:
        """For compliance and auditors. ``sha256`` is of the rest, as JSON with sorted keys and no spaces."""
        return Response(selectors.evidence_of(request.user, pk))

    @extend_schema(summary="The same on paper", responses={(200, "application/pdf"): OpenApiTypes.BINARY})
    def evidence_pdf(self, request: Request, pk: int) -> HttpResponse:
        content = packs.evidence_pdf(selectors.evidence_of(request.user, pk))
        name = f'attachment; filename="check-{pk}.pdf"'
        return HttpResponse(content, content_type="application/pdf", headers={"Content-Disposition": name})


@extend_schema_view(list=extend_schema(summary="What officers let stand, newest first"))
class Overrides(mixins.ListModelMixin, Scoped):
    serializer_class = OverrideOut
    filterset_fields = ("status", "order", "code", "severity")
    queryset = Override.objects.none()

    def get_queryset(self):
        return selectors.overrides_seen_by(self.request.user)
