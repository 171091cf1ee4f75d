"""The firm's merge rules to other systems."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from apps.users.doors import ApiDoor

from .models import MergeRule


class MergeRuleOut(serializers.ModelSerializer):
    """What like orders of a desk and asset class must also have in common to be one block."""

    desk = serializers.CharField(source="desk.code", default=None, help_text="null: every desk")
    asset_class = serializers.CharField(help_text="empty: every class")
    asks = serializers.ListField(child=serializers.CharField(), help_text="in words")
    own_field = serializers.CharField(source="own_field.code", default=None)

    class Meta:
        model = MergeRule
        fields = ("id", "desk", "asset_class", "by_group", "by_team", "by_person", "by_portfolio", "by_order", "own_field", "asks")
        read_only_fields = fields


class MergeRules(ApiDoor, viewsets.ViewSet):
    permissions = ("blocks.see",)

    @extend_schema(summary="The merge rules in force", responses=MergeRuleOut(many=True))
    def list(self, request: Request) -> Response:
        rows = MergeRule.objects.filter(is_active=True).select_related("desk", "own_field")
        return Response(MergeRuleOut(rows, many=True).data)
