"""Sanctions lists and the names of ours that match them."""

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.edges import act_of

from .. import selectors, services
from ..models import NameMatch, SanctionsList
from .scoped import KEY, DecisionIn, Scoped


class SanctionsListOut(serializers.ModelSerializer):
    """A version of the list; ``problems``: rows of its files that are wrong and were left out."""

    ref = serializers.CharField(read_only=True)
    problems = serializers.ListField(child=serializers.DictField())

    class Meta:
        model = SanctionsList
        fields = ("id", "ref", "source", "sha256", "parties", "names", "loaded_at", "problems")
        read_only_fields = fields


class NameMatchOut(serializers.ModelSerializer):
    """A name of ours that is, or is nearly, one on the list; ``score`` is 100 where they are the same."""

    ref = serializers.CharField(read_only=True)
    code = serializers.CharField(source="ours.code", help_text="of the issuer, broker or custodian")
    theirs = serializers.DictField(help_text="what the list said of them")
    decided_by = serializers.CharField(source="decided_by.username", default=None)

    class Meta:
        model = NameMatch
        fields = (
            "id", "ref", "status", "version", "kind", "code", "name", "how", "score", "called", "uid", "theirs", "found_at",
            "decided_by", "decided_at", "reason", "restriction",
        )  # fmt: skip
        read_only_fields = fields


@extend_schema_view(list=extend_schema(summary="Versions of the sanctions list, the newest, which is in force, first"))
class SanctionsLists(mixins.ListModelMixin, Scoped):
    serializer_class = SanctionsListOut
    filterset_fields = ("sha256",)
    queryset = SanctionsList.objects.none()

    def get_queryset(self):
        return selectors.sanctions_lists_seen_by(self.request.user)


@extend_schema_view(list=extend_schema(summary="Names that match the sanctions list: what waits first, the nearest before others"))
class Matches(mixins.ListModelMixin, Scoped):
    acts = dict.fromkeys(("confirm", "clear"), ("compliance.decide",))
    serializer_class = NameMatchOut
    filterset_fields = ("status", "kind", "how")
    queryset = NameMatch.objects.none()

    def get_queryset(self):
        return selectors.matches_seen_by(self.request.user)

    @extend_schema(summary="They are the same: restrict ours", request=DecisionIn, responses=NameMatchOut, parameters=[KEY])
    def confirm(self, request: Request, pk: int) -> Response:
        return self._decide(pk, "confirm", services.confirm_matches)

    @extend_schema(summary="They are not the same", request=DecisionIn, responses=NameMatchOut, parameters=[KEY])
    def clear(self, request: Request, pk: int) -> Response:
        return self._decide(pk, "clear", services.clear_matches)

    def _decide(self, pk: int, what: str, service) -> Response:
        said = self.checked(DecisionIn)
        act = act_of(self.request, reason=said["reason"])

        def do():
            service(act, [pk], seen={pk: said["version"]})
            return NameMatchOut(selectors.get_match_seen_by(self.request.user, pk)).data

        return self.answered(act, f"match_{what}", {"id": pk, "said": said}, do)
