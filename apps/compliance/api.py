"""Reviews, checks, rules and the restricted list to other systems: the services the pages call, scoped as they are."""

import django_filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view, inline_serializer
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit.services import answer_once
from apps.core.edges import act_of, versions_once
from apps.core.refusals import NotFound
from apps.users.doors import ApiDoor

from . import selectors, services
from .engine.params import OF_ALL
from .models import Check, Restriction, Review, Rule, RuleVersion

KEY = OpenApiParameter("Idempotency-Key", OpenApiTypes.STR, OpenApiParameter.HEADER)
REVIEWS_AT_ONCE = 10_000
DECIDE = {
    "approve": services.approve_reviews,
    "send_back": services.send_back_reviews,
    "reject": services.reject_reviews,
}


# --- what goes in and out -------------------------------------------------------------------------------------------


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

    class Meta:
        model = Review
        fields = (
            "id", "ref", "status", "version", "severity", "outcome", "leading_rule", "amount_usd", "order_id", "order_ref",
            "portfolio", "symbol", "side", "qty", "author", "check_id", "max_passing_qty", "binding_rule", "opened_at",
            "decided_at", "decided_by", "reason",
        )  # fmt: skip
        read_only_fields = fields


class DetailOut(ReviewOut):
    """The same with every rule's numbers, what did not pass first, and earlier decisions on the same rule and portfolio."""

    results = serializers.JSONField()
    history = serializers.JSONField()
    may_decide = serializers.BooleanField()

    class Meta(ReviewOut.Meta):
        fields = (*ReviewOut.Meta.fields, "results", "history", "may_decide")
        read_only_fields = fields


class CheckOut(serializers.ModelSerializer):
    """One verdict on one version of an order. ``results`` as the caller may see them."""

    class Meta:
        model = Check
        fields = ("id", "order_id", "order_version", "outcome", "inputs_hash", "rules_asked", "at")
        read_only_fields = fields


class ShownOut(CheckOut):
    results = serializers.JSONField()
    max_passing_qty = serializers.DecimalField(20, 4, allow_null=True)
    binding_rule = serializers.CharField()
    review_status = serializers.CharField(allow_null=True)

    class Meta(CheckOut.Meta):
        fields = (*CheckOut.Meta.fields, "results", "max_passing_qty", "binding_rule", "review_status")
        read_only_fields = fields


class DecisionIn(serializers.Serializer):
    """The version that the caller looked at, and why, in a person's words."""

    version = serializers.IntegerField(min_value=1)
    reason = serializers.CharField(max_length=2000, allow_blank=True)


class SeenReview(serializers.Serializer):
    id = serializers.IntegerField(min_value=1)
    version = serializers.IntegerField(min_value=1)


class DecisionsIn(serializers.Serializer):
    """One decision on many reviews: all or none."""

    decision = serializers.ChoiceField(list(DECIDE))
    reason = serializers.CharField(max_length=2000, allow_blank=True)
    reviews = SeenReview(many=True, allow_empty=False, max_length=REVIEWS_AT_ONCE)


class RuleOut(serializers.ModelSerializer):
    """A rule as it stands; ``number`` counts its versions, ``version`` its changes."""

    number = serializers.IntegerField()
    severity = serializers.CharField()
    text = serializers.CharField()
    params = serializers.JSONField()
    written_at = serializers.DateTimeField()
    written_by = serializers.CharField(source="written_by_name")

    class Meta:
        model = Rule
        fields = (
            "id", "code", "name", "kind", "citation", "status", "version", "number", "severity", "text", "params",
            "written_at", "written_by",
        )  # fmt: skip
        read_only_fields = fields


class VersionOut(serializers.ModelSerializer):
    written_by = serializers.CharField(source="written_by.username")

    class Meta:
        model = RuleVersion
        fields = ("id", "number", "severity", "text", "params", "written_at", "written_by")
        read_only_fields = fields


class RuleIn(serializers.Serializer):
    """What a version says. ``params`` as the measure takes them (see the measures), numbers as text."""

    params = serializers.DictField(required=False, default=dict)
    severity = serializers.ChoiceField(RuleVersion._meta.get_field("severity").choices)
    text = serializers.CharField(max_length=400)
    name = serializers.CharField(max_length=120, required=False, default="")
    citation = serializers.CharField(max_length=200, required=False, default=None, allow_blank=True, allow_null=True)
    reason = serializers.CharField(max_length=2000, required=False, default="", allow_blank=True)


class NewRuleIn(RuleIn):
    code = serializers.CharField(max_length=40)
    kind = serializers.CharField(max_length=40)


class NewVersionIn(RuleIn):
    version = serializers.IntegerField(min_value=1, help_text="the rule's version that the caller looked at")


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


class ReviewFilter(django_filters.FilterSet):
    status = django_filters.BaseInFilter(field_name="status", help_text="one or several, by comma")
    outcome = django_filters.CharFilter(field_name="verdict__outcome")
    portfolio = django_filters.CharFilter(field_name="order__portfolio__code")
    rule = django_filters.CharFilter(field_name="leading_rule")

    class Meta:
        model = Review
        fields = ("status", "severity", "outcome", "portfolio", "rule", "order")


# --- views ----------------------------------------------------------------------------------------------------------


class Scoped(ApiDoor, viewsets.GenericViewSet):
    """Opens to roles that may look; what they see is the selectors' to say."""

    permissions = ("compliance.see",)

    def dispatch(self, request, *args, **kwargs):
        if "pk" in kwargs:
            kwargs["pk"] = int(kwargs["pk"])
        return super().dispatch(request, *args, **kwargs)

    def checked(self, serializer: type[serializers.Serializer], **more) -> dict:
        asked = serializer(data=self.request.data, **more)
        asked.is_valid(raise_exception=True)
        return asked.validated_data

    def answered(self, act, what: str, asked, do, *, created: bool = False) -> Response:
        answer, repeated = answer_once(act, f"compliance.{what}", asked, do)
        first = status.HTTP_201_CREATED if created else status.HTTP_200_OK
        return Response(answer, status.HTTP_200_OK if repeated else first)


class Reviews(mixins.ListModelMixin, Scoped):
    """Reviews, those that wait first, by what needs attention."""

    acts = dict.fromkeys(("approve", "send_back", "reject", "decide"), ("compliance.decide",))
    serializer_class = ReviewOut
    filterset_class = ReviewFilter
    queryset = Review.objects.none()  # For the schema's sake; what is seen is the user's.

    def get_queryset(self):
        return selectors.by_attention(selectors.reviews_seen_by(self.request.user))

    @extend_schema(summary="One review with its evidence and history", responses=DetailOut)
    def retrieve(self, request: Request, pk: int) -> Response:
        found = selectors.review_detail(request.user, pk)
        found.review.results, found.review.history = found.results, found.history
        found.review.may_decide = found.may_decide
        return Response(DetailOut(found.review).data)

    @extend_schema(summary="Let the order through in spite of it", request=DecisionIn, responses=ReviewOut, parameters=[KEY])
    def approve(self, request: Request, pk: int) -> Response:
        return self._decide(pk, "approve")

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
            DECIDE[said["decision"]](act, list(seen), seen=seen)
            rows = selectors.reviews_seen_by(request.user).filter(pk__in=seen).order_by("pk")
            return ReviewOut(rows, many=True).data

        return self.answered(act, "decide_many", said, do)

    def _decide(self, pk: int, decision: str) -> Response:
        said = self.checked(DecisionIn)
        selectors.get_review_seen_by(self.request.user, pk)
        act = act_of(self.request, reason=said["reason"])

        def do():
            DECIDE[decision](act, [pk], seen={pk: said["version"]})
            return ReviewOut(selectors.get_review_seen_by(self.request.user, pk)).data

        return self.answered(act, decision, {"id": pk, "said": said}, do)


class Checks(Scoped):
    """What compliance found on an order: managers read it neutrally, of the orders of their portfolios."""

    permissions = ("compliance.see", "compliance.see_own")
    serializer_class = ShownOut
    queryset = Check.objects.none()

    @extend_schema(summary="An order's checks, newest first", responses=ShownOut(many=True))
    def of_order(self, request: Request, pk: int) -> Response:
        rows = [
            CheckOut(shown.check).data
            | {
                "results": shown.results,
                "max_passing_qty": None if shown.max_passing_qty is None else str(shown.max_passing_qty),
                "binding_rule": shown.binding_rule,
                "review_status": shown.review and shown.review.status,
            }
            for shown in selectors.checks_of(request.user, pk)
        ]
        return Response(rows)


@extend_schema_view(list=extend_schema(summary="Rules, each as in force"), retrieve=extend_schema(summary="One rule"))
class Rules(mixins.ListModelMixin, mixins.RetrieveModelMixin, Scoped):
    acts = dict.fromkeys(("create", "retire"), ("compliance.write_rules",))
    serializer_class = RuleOut
    queryset = Rule.objects.none()

    def get_queryset(self):
        return selectors.rules_seen_by(self.request.user)

    def get_object(self) -> Rule:
        row = self.get_queryset().filter(pk=self.kwargs["pk"]).first()
        if row is None:
            raise NotFound("There is no such rule.")
        return row

    @extend_schema(summary="Its versions, newest first", responses=VersionOut(many=True))
    def versions(self, request: Request, pk: int) -> Response:
        return Response(VersionOut(selectors.versions_of(request.user, pk), many=True).data)

    @extend_schema(summary="Put a new rule in force", request=NewRuleIn, responses={201: RuleOut}, parameters=[KEY])
    def create(self, request: Request) -> Response:
        said = self.checked(NewRuleIn)
        return self._save(said["code"], said, None, created=True)

    @extend_schema(summary="Put a new version in force", request=NewVersionIn, responses={201: RuleOut}, parameters=[KEY])
    def new_version(self, request: Request, pk: int) -> Response:
        said = self.checked(NewVersionIn)
        return self._save(self.get_object().code, said, said["version"], created=True)

    def _save(self, code: str, said: dict, seen: int | None, *, created: bool) -> Response:
        act = act_of(self.request, reason=said["reason"])

        def do():
            services.save_rule(
                act, code, said["params"], severity=said["severity"], text=said["text"], name=said["name"],
                kind=said.get("kind", ""), citation=said["citation"], seen=seen,
            )  # fmt: skip
            return RuleOut(self.get_queryset().get(code=code)).data

        return self.answered(act, "save_rule", {"code": code, "said": said}, do, created=created)

    @extend_schema(summary="Take it out of force", request=DecisionIn, responses=RuleOut, parameters=[KEY])
    def retire(self, request: Request, pk: int) -> Response:
        said = self.checked(DecisionIn)
        self.get_object()
        act = act_of(request, reason=said["reason"])

        def do():
            services.retire_rules(act, [pk], seen={pk: said["version"]})
            return RuleOut(self.get_object()).data

        return self.answered(act, "retire_rules", {"id": pk, "said": said}, do)

    @extend_schema(
        summary="What a rule can measure, and the parameters that takes",
        responses=inline_serializer(
            "Measure",
            {"kind": serializers.CharField(), "title": serializers.CharField(), "takes": serializers.JSONField()},
            many=True,
        ),
    )
    def measures(self, request: Request) -> Response:
        return Response(
            [
                {
                    "kind": kind,
                    "title": measure.title,
                    "takes": {n: {"kind": p.kind, "default": p.default, "help": p.help} for n, p in (measure.takes | OF_ALL).items()},
                }
                for kind, measure in selectors.measures().items()
            ]
        )


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
