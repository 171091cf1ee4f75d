"""Proposals to other systems: kept, listed, promoted to orders in sets, discarded."""

import django_filters
from drf_spectacular.utils import extend_schema, extend_schema_view, inline_serializer
from rest_framework import mixins, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit.services import answer_once
from apps.core.edges import act_of

from . import selectors, services
from .api import KEY, NewestFirst, OrderIn, Scoped, wishes_of
from .models import Proposal


class ProposalOut(serializers.ModelSerializer):
    """A wish that is no order yet; once promoted, ``order_id`` is what it became."""

    portfolio = serializers.CharField(source="portfolio.code")
    symbol = serializers.CharField(source="instrument.symbol")
    created_by = serializers.CharField(source="created_by.username")

    class Meta:
        model = Proposal
        fields = (
            "id", "status", "version", "portfolio", "symbol", "side", "qty", "order_type", "limit_price", "rationale",
            "order_id", "created_by", "created_at",
        )  # fmt: skip
        read_only_fields = fields


class PickedIn(serializers.Serializer):
    """Proposals by id, each with the version that the caller looked at."""

    seen = serializers.DictField(child=serializers.IntegerField(min_value=1), help_text="id to version", allow_empty=False)
    reason = serializers.CharField(max_length=400, required=False, default="", allow_blank=True)

    def validate_seen(self, seen: dict) -> dict[int, int]:
        if not all(pk.isdecimal() for pk in seen):
            raise serializers.ValidationError("The keys are ids of proposals.")
        return {int(pk): version for pk, version in seen.items()}


class PromoteIn(PickedIn):
    group_name = serializers.CharField(max_length=120, default="", allow_blank=True)
    submit = serializers.BooleanField(default=False)


class ProposalFilter(django_filters.FilterSet):
    portfolio = django_filters.CharFilter(field_name="portfolio__code")
    symbol = django_filters.CharFilter(field_name="instrument__symbol")

    class Meta:
        model = Proposal
        fields = ("status", "portfolio", "symbol")


@extend_schema_view(list=extend_schema(summary="Proposals, the newest first; those promoted and discarded too"))
class Proposals(mixins.ListModelMixin, Scoped):
    permissions = ("orders.create", "audit.see")
    acts = dict.fromkeys(("create", "promote", "discard"), ("orders.create",))
    serializer_class = ProposalOut
    filterset_class = ProposalFilter
    pagination_class = NewestFirst
    queryset = Proposal.objects.none()

    def get_queryset(self):
        return selectors.proposals_seen_by(self.request.user)

    @extend_schema(
        summary="Keep one proposal, or a list of them: all or none",
        request=OrderIn(many=True), responses={201: ProposalOut(many=True), 200: ProposalOut(many=True)}, parameters=[KEY],
    )  # fmt: skip
    def create(self, request: Request) -> Response:
        """
        One for an instrument of a portfolio for which you have an open proposal takes its place, which its version tells;
        where a colleague has one, yours is refused.
        """
        is_list = isinstance(request.data, list)
        wishes, act = wishes_of(request.data if is_list else [request.data]), act_of(request)

        def keep():
            rows = services.propose_orders(act, wishes)
            found = self.get_queryset().in_bulk(rows)
            answer = ProposalOut([found[pk] for pk in rows], many=True).data
            return answer if is_list else answer[0]

        answer, repeated = answer_once(act, "orders.propose_orders", request.data, keep)
        return Response(answer, status.HTTP_200_OK if repeated else status.HTTP_201_CREATED)

    @extend_schema(
        summary="Make orders of proposals: all or none", request=PromoteIn, parameters=[KEY],
        responses=inline_serializer("Promoted", {"order_ids": serializers.ListField(child=serializers.IntegerField())}),
    )  # fmt: skip
    def promote(self, request: Request) -> Response:
        said = self.checked(PromoteIn)
        act = act_of(request, reason=said["reason"])

        def make():
            ids = services.promote_proposals(
                act, list(said["seen"]), seen=said["seen"], group_name=said["group_name"], submit=said["submit"]
            )
            return {"order_ids": ids}

        return Response(answer_once(act, "orders.promote_proposals", request.data, make)[0])

    @extend_schema(summary="Set proposals aside for good", request=PickedIn, responses=ProposalOut(many=True))
    def discard(self, request: Request) -> Response:
        said = self.checked(PickedIn)
        services.discard_proposals(act_of(request, reason=said["reason"]), list(said["seen"]), seen=said["seen"])
        return Response(ProposalOut(self.get_queryset().filter(pk__in=said["seen"]), many=True).data)
