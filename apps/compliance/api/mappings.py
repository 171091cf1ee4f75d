"""Which rule proves which clause, to other systems: proposed by one officer, decided on by another."""

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.edges import act_of
from apps.core.refusals import NotFound

from .. import selectors, services
from ..models import ClauseMapping
from .mandates import ProofOut
from .scoped import KEY, DecisionIn, Scoped

ACTS = {
    "approve": services.approve_mappings,
    "refuse": services.refuse_mappings,
    "drop": services.drop_mappings,
    "end": services.end_mappings,
}


class MappingIn(serializers.Serializer):
    """A clause and the rule that proves it, both as the caller saw them; without a rule: that none is needed, and why."""

    clause_id = serializers.IntegerField()
    version = serializers.IntegerField(min_value=1, help_text="of the clause")
    rule_id = serializers.IntegerField(required=False, allow_null=True, default=None)
    rule_version = serializers.IntegerField(required=False, allow_null=True, default=None, help_text="of the rule: its ``version``")
    reason = serializers.CharField(max_length=2000)


@extend_schema_view(
    list=extend_schema(summary="Which rule proves which clause, the newest first"),
    retrieve=extend_schema(summary="One mapping of a clause"),
)
class Mappings(mixins.ListModelMixin, mixins.RetrieveModelMixin, Scoped):
    acts = dict.fromkeys(("create", "drop", "end"), ("compliance.write_rules",)) | dict.fromkeys(
        ("approve", "refuse"), ("compliance.approve_rules",)
    )
    serializer_class = ProofOut
    filterset_fields = ("status", "rule", "clause", "clause__document")
    queryset = ClauseMapping.objects.none()

    def get_queryset(self):
        return selectors.mappings_seen_by(self.request.user)

    def get_object(self) -> ClauseMapping:
        row = self.get_queryset().filter(pk=self.kwargs["pk"]).first()
        if row is None:
            raise NotFound("There is no such mapping.")
        return row

    @extend_schema(summary="Propose what proves a clause, or confirm what is stale", request=MappingIn, responses={201: ProofOut},
                   parameters=[KEY])  # fmt: skip
    def create(self, request: Request) -> Response:
        said = self.checked(MappingIn)
        act = act_of(request, reason=said["reason"])
        clause, rule = said["clause_id"], said["rule_id"]
        rules_seen = {} if rule is None else {rule: said["rule_version"] or 0}

        def do():
            (pk,) = services.propose_mappings(act, [(clause, rule)], seen={clause: said["version"]}, rules_seen=rules_seen)
            return ProofOut(self.get_queryset().get(pk=pk)).data

        return self.answered(act, "propose_mapping", said, do, created=True)

    @extend_schema(summary="Agree to it", request=DecisionIn, responses=ProofOut, parameters=[KEY])
    def approve(self, request: Request, pk: int) -> Response:
        return self._act(pk, "approve")

    @extend_schema(summary="Refuse it", request=DecisionIn, responses=ProofOut, parameters=[KEY])
    def refuse(self, request: Request, pk: int) -> Response:
        return self._act(pk, "refuse")

    @extend_schema(summary="Give up what one proposed", request=DecisionIn, responses=ProofOut, parameters=[KEY])
    def drop(self, request: Request, pk: int) -> Response:
        return self._act(pk, "drop")

    @extend_schema(summary="End one that was approved", request=DecisionIn, responses=ProofOut, parameters=[KEY])
    def end(self, request: Request, pk: int) -> Response:
        return self._act(pk, "end")

    def _act(self, pk: int, what: str) -> Response:
        said = self.checked(DecisionIn)
        self.get_object()
        act = act_of(self.request, reason=said["reason"])

        def do():
            ACTS[what](act, [pk], seen={pk: said["version"]})
            return ProofOut(self.get_object()).data

        return self.answered(act, f"{what}_mapping", {"id": pk, "said": said}, do)
