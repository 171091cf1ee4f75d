"""The rules, their versions and what they can measure. They change by drafts alone."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view, inline_serializer
from rest_framework import mixins, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.refusals import NotFound

from .. import selectors
from ..engine.attributes import ATTRIBUTES
from ..engine.params import OF_ALL, Param
from ..models import Rule, RuleVersion
from .scoped import Scoped


class RuleOut(serializers.ModelSerializer):
    """A rule as it stands today; ``number`` counts its versions, ``version`` its changes."""

    number = serializers.IntegerField()
    severity = serializers.CharField()
    when_unsure = serializers.CharField(help_text="how severe it is where it cannot tell; empty: as where it does not pass")
    text = serializers.CharField()
    params = serializers.JSONField()
    citation = serializers.CharField()
    jurisdiction = serializers.CharField()
    scope = serializers.JSONField(help_text="lists of codes, of which one is enough; empty: the whole firm")
    moments = serializers.JSONField(help_text="when it is asked")
    holds = serializers.BooleanField(help_text="whether a version holds today; else the newest is shown")
    starts_on = serializers.DateField(allow_null=True, help_text="null: since the firm was set up")
    ends_on = serializers.DateField(allow_null=True)
    coming_on = serializers.DateField(allow_null=True, help_text="when a version approved already begins")
    written_at = serializers.DateTimeField()
    written_by = serializers.CharField(source="written_by_name")
    approved_by = serializers.CharField(source="approved_by_name", allow_null=True)

    class Meta:
        model = Rule
        fields = (
            "id", "code", "name", "kind", "citation", "jurisdiction", "status", "version", "number", "severity", "when_unsure", "text",
            "params", "scope", "moments", "holds", "starts_on", "ends_on", "coming_on", "written_at", "written_by", "approved_by",
        )  # fmt: skip
        read_only_fields = fields


class RulesFile(serializers.Serializer):
    """Rules with their fixtures; each rule's ``sha256`` is of both."""

    format = serializers.CharField(help_text="oms-rules/1")
    rules = serializers.ListField(child=serializers.JSONField())


class VersionOut(serializers.ModelSerializer):
    written_by = serializers.CharField(source="written_by.username")
    approved_by = serializers.CharField(source="approved_by.username", default=None)

    class Meta:
        model = RuleVersion
        fields = (
            "id", "number", "severity", "when_unsure", "text", "params", "citation", "jurisdiction", "scope", "moments", "starts_on",
            "ends_on", "written_at", "written_by", "approved_by",
        )  # fmt: skip
        read_only_fields = fields


class MeantOut(serializers.Serializer):
    id = serializers.IntegerField()
    code = serializers.CharField()
    name = serializers.CharField()
    team = serializers.CharField()
    mandate_type = serializers.CharField(help_text="empty: not on file")
    groups = serializers.ListField(child=serializers.CharField())
    by = serializers.ListField(child=serializers.CharField(), help_text="the words that name it; none where the rule is the whole firm's")


class ScopeMovedOut(serializers.Serializer):
    at = serializers.DateTimeField()
    by = serializers.CharField(help_text="empty: nobody is known")
    what = serializers.CharField()


class MeaningOut(serializers.Serializer):
    """
    The open portfolios that a scope means now. Of ``unsure`` it cannot be told: what is asked for is not on file, and what
    the rule would not let pass is INDETERMINATE. Each screening keeps the groups and types of its own moment.
    """

    number = serializers.IntegerField(help_text="of the version in force")
    scope = serializers.JSONField()
    all = serializers.IntegerField(help_text="open portfolios")
    desks = serializers.ListField(child=serializers.CharField(), help_text="every order for these is asked, too")
    meant = MeantOut(many=True)
    unsure = MeantOut(many=True)
    since = serializers.DateTimeField(help_text="when the version was approved")
    moved = ScopeMovedOut(many=True, help_text="changes of groups and types since then, the newest first")


@extend_schema_view(list=extend_schema(summary="Rules, each as in force"), retrieve=extend_schema(summary="One rule"))
class Rules(mixins.ListModelMixin, mixins.RetrieveModelMixin, Scoped):
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

    @extend_schema(summary="Which portfolios it means today, and what of that changed since it was approved", responses=MeaningOut)
    def scope(self, request: Request, pk: int) -> Response:
        version, now = selectors.meaning_of_rule(request.user, pk)
        return Response(MeaningOut(now._asdict() | {"number": version.number, "scope": version.scope}).data)

    @extend_schema(summary="The rules in force as a file, with fixtures and hashes", responses=RulesFile)
    def export(self, request: Request) -> Response:
        return Response(selectors.rules_as_file(request.user))

    @extend_schema(
        summary="What a rule can measure, and the parameters that takes",
        responses=inline_serializer(
            "Measure",
            {
                "kind": serializers.CharField(),
                "title": serializers.CharField(),
                "takes": serializers.JSONField(),
                "fields": serializers.JSONField(help_text="what a filter may ask of an instrument: name to kind and meaning"),
            },
            many=True,
        ),
    )
    def measures(self, request: Request) -> Response:
        return Response(
            [
                {
                    "kind": kind,
                    "title": measure.title,
                    "takes": {name: _told(param) for name, param in (measure.takes | OF_ALL).items()},
                    "fields": _fields(measure.takes),
                }
                for kind, measure in selectors.measures().items()
            ]
        )


def _told(param: Param) -> dict[str, Any]:
    told = {"kind": param.kind, "default": param.default, "help": param.help}
    return told | ({"choices": dict(param.choices)} if param.choices else {})


def _fields(takes: Mapping[str, Param]) -> dict[str, dict[str, str]]:
    if all(param.kind != "filter" for param in takes.values()):
        return {}
    return {name: {"kind": asked.kind, "help": asked.help} for name, asked in ATTRIBUTES.items()}
