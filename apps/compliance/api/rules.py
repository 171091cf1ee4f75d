"""The rules, their versions and what they can measure."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view, inline_serializer
from rest_framework import mixins, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.edges import act_of
from apps.core.refusals import NotFound

from .. import selectors, services
from ..engine.attributes import ATTRIBUTES
from ..engine.params import OF_ALL, Param
from ..models import Rule, RuleVersion
from .scoped import KEY, DecisionIn, Scoped


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
