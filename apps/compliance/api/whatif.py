"""What compliance would say of proposals, to other systems."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.edges import act_of
from apps.users.doors import ApiDoor

from .. import services
from ..models import Check


class TryIn(serializers.Serializer):
    proposals = serializers.ListField(child=serializers.IntegerField(min_value=1), allow_empty=False, max_length=10_000)


class TriedOut(serializers.Serializer):
    """What would be said of one, among the others and beside the orders there are."""

    proposal_id = serializers.IntegerField(source="proposal.pk")
    outcome = serializers.CharField(help_text="PASS, FAIL or INDETERMINATE")
    rule = serializers.CharField(help_text="the one to look at first; empty where all passed")
    rule_version = serializers.IntegerField(allow_null=True)
    max_qty = serializers.DecimalField(20, 4, allow_null=True, help_text="the largest that would pass, where known")


class WhatIf(ApiDoor, viewsets.GenericViewSet):
    permissions = ("orders.create",)
    serializer_class = TriedOut
    queryset = Check.objects.none()

    @extend_schema(
        summary="Screen proposals as if they were submitted together now", request=TryIn, responses=TriedOut(many=True)
    )
    def create(self, request: Request) -> Response:
        """By the rules in force and the engine that answers for orders. Nothing of it is kept."""
        asked = TryIn(data=request.data)
        asked.is_valid(raise_exception=True)
        return Response(TriedOut(services.try_proposals(act_of(request), asked.validated_data["proposals"]), many=True).data)
