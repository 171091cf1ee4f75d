"""The rules that come with the portal."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.edges import act_of

from .. import selectors, services
from ..models import RuleDraft
from .drafts import DraftOut
from .scoped import KEY, Scoped


class ShippedOut(serializers.Serializer):
    """A rule of the library; ``state`` is FREE, DRAFTED or TAKEN by the firm."""

    code = serializers.CharField(source="rule.code")
    name = serializers.CharField(source="rule.name")
    collection = serializers.CharField(source="rule.collection")
    jurisdiction = serializers.CharField(source="rule.jurisdiction")
    citation = serializers.CharField(source="rule.citation")
    since = serializers.CharField(
        source="rule.since", allow_blank=True, help_text="first day on which the source applied as it is read here; empty: not said"
    )
    clause = serializers.CharField(source="rule.clause", help_text="what the source asks, in our words")
    text = serializers.CharField(source="rule.text", help_text="the rule as a sentence")
    kind = serializers.CharField(source="rule.kind")
    severity = serializers.CharField(source="rule.severity")
    params = serializers.JSONField(source="rule.params")
    scope = serializers.JSONField(source="rule.scope", help_text="whose it is proposed to be; the draft may say otherwise")
    fixtures = serializers.JSONField(source="rule.fixtures")
    state = serializers.CharField()


class TakeIn(serializers.Serializer):
    codes = serializers.ListField(child=serializers.CharField(max_length=40), allow_empty=False, max_length=100)
    reason = serializers.CharField(max_length=2000, required=False, default="", allow_blank=True)


class Library(Scoped):
    acts = {"take": ("compliance.write_rules",)}
    serializer_class = DraftOut
    queryset = RuleDraft.objects.none()
    pagination_class = None

    @extend_schema(summary="The rules that come with the portal", responses=ShippedOut(many=True), filters=False)
    def listed(self, request: Request) -> Response:
        return Response(ShippedOut(selectors.library(request.user), many=True).data)

    @extend_schema(
        summary="Take rules of it as drafts", request=TakeIn, responses={201: DraftOut(many=True)}, parameters=[KEY], filters=False
    )
    def take(self, request: Request) -> Response:
        said = self.checked(TakeIn)
        act = act_of(request, reason=said["reason"])

        def do():
            ids = services.take_rules(act, said["codes"])
            return DraftOut(selectors.drafts_seen_by(request.user).filter(pk__in=ids).order_by("pk"), many=True).data

        return self.answered(act, "take_rules", said, do, created=True)
