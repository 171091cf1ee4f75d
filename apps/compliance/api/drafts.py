"""Changes of rules: written by one officer, approved by another."""

import hashlib
from collections.abc import Callable, Mapping

import orjson
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.acts import Act
from apps.core.edges import act_of
from apps.portfolios.rules import MANDATE_TYPES

from .. import selectors, services
from ..engine.params import BadRule
from ..engine.scope import WORDS
from ..models import RuleDraft
from ..states import USUAL, Stage
from .rules import RulesFile
from .scoped import KEY, Scoped

ACTS = {
    "propose": services.propose_drafts,
    "approve": services.approve_drafts,
    "refuse": services.refuse_drafts,
    "drop": services.drop_drafts,
}


class DraftOut(serializers.ModelSerializer):
    """A change of a rule. ``seen`` is the rule's version it was written from; ``became`` the version it is now."""

    ref = serializers.CharField(read_only=True)
    written_by = serializers.CharField(source="written_by.username")
    decided_by = serializers.CharField(source="decided_by.username", default=None)
    became = serializers.IntegerField(source="became.number", default=None)

    class Meta:
        model = RuleDraft
        fields = (
            "id", "ref", "status", "version", "rule_id", "seen", "retires", "code", "kind", "name", "severity", "when_unsure", "text",
            "params", "citation", "jurisdiction", "scope", "moments", "fixtures", "bench",
            "starts_on", "ends_on", "reason", "written_by", "written_at", "proposed_at",
            "decided_by", "decided_at", "answer", "became",
        )  # fmt: skip
        read_only_fields = fields


class MissOut(serializers.Serializer):
    """An order, counted from 1, of which the rule says another thing than its fixture expects."""

    fixture = serializers.CharField()
    order = serializers.IntegerField()
    expected = serializers.CharField()
    found = serializers.CharField()


class BenchOut(serializers.Serializer):
    is_green = serializers.BooleanField(help_text="each finds what it expects; one at least passes, and one fails")
    passes = serializers.IntegerField()
    fails = serializers.IntegerField()
    misses = MissOut(many=True)
    mutants = serializers.IntegerField(help_text="the rule with one thing changed, so often")
    survivors = serializers.ListField(child=serializers.CharField(), help_text="those that no fixture noticed")
    score = serializers.IntegerField(allow_null=True, help_text="percent of the mutants that a fixture noticed")


class ChangedOut(serializers.Serializer):
    run_id = serializers.IntegerField()
    order_id = serializers.IntegerField()
    rule = serializers.CharField()
    was = serializers.CharField()
    is_now = serializers.CharField()


class HistoryOut(serializers.Serializer):
    days = serializers.IntegerField()
    judged = serializers.IntegerField()
    left_out = serializers.IntegerField(help_text="runs that were more than are judged while somebody waits")
    held = ChangedOut(many=True, help_text="let through by what is in force, held by the change")
    let_through = ChangedOut(many=True, help_text="the other way")


class ScopeIn(serializers.Serializer):
    """
    Lists of codes. An order is asked where one word of any of them names its portfolio or its desk: the lists add up and
    do not narrow each other. Without any the rule is the whole firm's.
    """

    teams = serializers.ListField(child=serializers.CharField(), required=False)
    groups = serializers.ListField(child=serializers.CharField(), required=False, help_text="of portfolios, as they are when it is asked")
    mandate_types = serializers.ListField(child=serializers.CharField(), required=False, help_text=f"of {', '.join(MANDATE_TYPES)}")
    portfolios = serializers.ListField(child=serializers.CharField(), required=False)
    desks = serializers.ListField(child=serializers.CharField(), required=False)

    def to_internal_value(self, data):
        """:raises BadRule: naming a list that is none, which would else be left out in silence"""
        if isinstance(data, Mapping) and (unknown := sorted(set(data) - set(WORDS))):
            raise BadRule(f"A scope is of {', '.join(WORDS)}; “{unknown[0]}” is none of them.", field="scope")
        return super().to_internal_value(data)


class DraftIn(serializers.Serializer):
    """What the rule is to say. ``params`` as the measure takes them (see the measures), numbers as text."""

    params = serializers.DictField(required=False, default=dict)
    severity = serializers.ChoiceField(RuleDraft._meta.get_field("severity").choices)
    when_unsure = serializers.ChoiceField(
        RuleDraft._meta.get_field("when_unsure").choices, required=False, default="", allow_blank=True,
        help_text="how severe it is where it cannot tell; empty: as where it does not pass",
    )  # fmt: skip
    name = serializers.CharField(max_length=120, required=False, default="")
    code = serializers.CharField(max_length=40, required=False, default="", help_text="of a new rule")
    kind = serializers.CharField(max_length=40, required=False, default="", help_text="of a new rule: its measure")
    citation = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)
    jurisdiction = serializers.CharField(max_length=40, required=False, default="", allow_blank=True)
    scope = ScopeIn(required=False, default=dict, help_text="whose orders it is asked of; without: the whole firm")
    moments = serializers.MultipleChoiceField(
        choices=list(Stage), required=False, default=sorted(USUAL),
        help_text="when it is asked: of orders, or as fills are booked and at a day's end of what is held",
    )  # fmt: skip
    fixtures = serializers.ListField(
        child=serializers.JSONField(), required=False, default=list, help_text="books in plain words with what is expected of each order"
    )
    starts_on = serializers.DateField(required=False, allow_null=True, default=None, help_text="without: the day it is approved")
    ends_on = serializers.DateField(required=False, allow_null=True, default=None, help_text="the last day")
    reason = serializers.CharField(max_length=2000, required=False, default="", allow_blank=True)

    def text(self) -> services.RuleText:
        said = {name: self.validated_data[name] for name in services.RuleText._fields}
        return services.RuleText(**said | {"moments": sorted(said["moments"])})


class NewDraftIn(DraftIn):
    rule_id = serializers.IntegerField(required=False, allow_null=True, default=None, help_text="the rule that changes; without: a new one")
    version = serializers.IntegerField(required=False, allow_null=True, default=None, help_text="of the rule, as the caller saw it")


class EndIn(serializers.Serializer):
    """The rule that is to end, as the caller saw it, and why."""

    rule_id = serializers.IntegerField()
    version = serializers.IntegerField(min_value=1)
    reason = serializers.CharField(max_length=2000)


class EditIn(DraftIn):
    version = serializers.IntegerField(min_value=1, help_text="the draft's version that the caller looked at")


class DraftActIn(serializers.Serializer):
    """The version that the caller looked at, and what there is to say: a reason is needed to propose and to refuse."""

    version = serializers.IntegerField(min_value=1)
    reason = serializers.CharField(max_length=2000, required=False, default="", allow_blank=True)


@extend_schema_view(
    list=extend_schema(summary="Changes of rules, those that wait for an officer first"),
    retrieve=extend_schema(summary="One change of a rule"),
)
class Drafts(mixins.ListModelMixin, mixins.RetrieveModelMixin, Scoped):
    acts = dict.fromkeys(("create", "end", "take", "edit", "propose", "drop"), ("compliance.write_rules",)) | dict.fromkeys(
        ("approve", "refuse"), ("compliance.approve_rules",)
    )
    serializer_class = DraftOut
    filterset_fields = ("status", "rule", "code")
    queryset = RuleDraft.objects.none()

    def get_queryset(self):
        return selectors.drafts_seen_by(self.request.user)

    def get_object(self) -> RuleDraft:
        return selectors.get_draft_seen_by(self.request.user, self.kwargs["pk"])

    @extend_schema(summary="What its fixtures say of it, and which mutants survive them", responses=BenchOut)
    def bench(self, request: Request, pk: int) -> Response:
        return Response(BenchOut(services.bench_of(self.get_object())).data)

    @extend_schema(summary="What it would have changed of the last 30 days' orders", responses=HistoryOut)
    def history(self, request: Request, pk: int) -> Response:
        return Response(HistoryOut(selectors.history_of(self.get_object())).data)

    @extend_schema(summary="Write a change of a rule, or a new rule", request=NewDraftIn, responses={201: DraftOut}, parameters=[KEY])
    def create(self, request: Request) -> Response:
        asked = NewDraftIn(data=request.data)
        asked.is_valid(raise_exception=True)
        said = asked.validated_data
        change = services.Change(asked.text(), said["rule_id"], said["version"])
        return self._begun(said, lambda act: services.write_drafts(act, [change])[0])

    @extend_schema(
        summary="Take rules from a file: a draft of each that differs, or none, with every bad one named",
        request=RulesFile, responses={201: DraftOut(many=True)}, parameters=[KEY],
    )  # fmt: skip
    def take(self, request: Request) -> Response:
        act = act_of(request, reason="Taken from a file")
        content = orjson.dumps(request.data)

        def do():
            ids = services.import_rules(act, content)
            return DraftOut(self.get_queryset().filter(pk__in=ids).order_by("pk"), many=True).data

        return self.answered(act, "import_rules", {"sha256": hashlib.sha256(content).hexdigest()}, do, created=True)

    @extend_schema(summary="Propose that a rule is taken out of force", request=EndIn, responses={201: DraftOut}, parameters=[KEY])
    def end(self, request: Request) -> Response:
        said = self.checked(EndIn)
        return self._begun(said, lambda act: services.propose_end(act, said["rule_id"], seen=said["version"]))

    def _begun(self, said: dict, begin: Callable[[Act], int]) -> Response:
        act = act_of(self.request, reason=said["reason"])

        def do():
            return DraftOut(selectors.get_draft_seen_by(self.request.user, begin(act))).data

        return self.answered(act, "write_draft", said, do, created=True)

    @extend_schema(summary="Have it say something else", request=EditIn, responses=DraftOut, parameters=[KEY])
    def edit(self, request: Request, pk: int) -> Response:
        asked = EditIn(data=request.data)
        asked.is_valid(raise_exception=True)
        self.get_object()
        said, act = asked.validated_data, act_of(request, reason=asked.validated_data["reason"])

        def do():
            services.edit_draft(act, pk, asked.text(), seen=said["version"])
            return DraftOut(self.get_object()).data

        return self.answered(act, "edit_draft", {"id": pk, "said": said}, do)

    @extend_schema(summary="Ask another officer to put it in force", request=DraftActIn, responses=DraftOut, parameters=[KEY])
    def propose(self, request: Request, pk: int) -> Response:
        return self._act(pk, "propose")

    @extend_schema(summary="Put it in force", request=DraftActIn, responses=DraftOut, parameters=[KEY])
    def approve(self, request: Request, pk: int) -> Response:
        return self._act(pk, "approve")

    @extend_schema(summary="Refuse it", request=DraftActIn, responses=DraftOut, parameters=[KEY])
    def refuse(self, request: Request, pk: int) -> Response:
        return self._act(pk, "refuse")

    @extend_schema(summary="Give it up", request=DraftActIn, responses=DraftOut, parameters=[KEY])
    def drop(self, request: Request, pk: int) -> Response:
        return self._act(pk, "drop")

    def _act(self, pk: int, what: str) -> Response:
        said = self.checked(DraftActIn)
        self.get_object()
        act = act_of(self.request, reason=said["reason"])

        def do():
            ACTS[what](act, [pk], seen={pk: said["version"]})
            return DraftOut(self.get_object()).data

        return self.answered(act, f"{what}_draft", {"id": pk, "said": said}, do)
