"""Raw FIX messages to other systems: searched, and decoded."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.edges import whole_number
from apps.core.refusals import Invalid
from apps.users.doors import ApiDoor

from . import wire_selectors as selectors
from .api import NewestFirst
from .models import Message
from .wire_views import WAYS, time_in


class FixMessageOut(serializers.ModelSerializer):
    session = serializers.CharField(source="session.target_comp_id")
    text = serializers.CharField(help_text="tag=value fields, SOH shown as |; out: without header")

    class Meta:
        model = Message
        fields = ("id", "session_id", "session", "is_out", "msg_type", "seq_num", "ref", "text", "at", "sent_at", "status", "problem")
        read_only_fields = fields


class FixFieldOut(serializers.Serializer):
    tag = serializers.IntegerField()
    name = serializers.CharField()
    value = serializers.CharField()
    means = serializers.CharField(help_text="empty where the value speaks for itself")


class FixMessageRead(FixMessageOut):
    fields_read = FixFieldOut(many=True, help_text="by the dictionary of the session's version")

    class Meta(FixMessageOut.Meta):
        fields = (*FixMessageOut.Meta.fields, "fields_read")
        read_only_fields = fields


class FixMessages(ApiDoor, viewsets.GenericViewSet):
    permissions = ("routing.see",)
    serializer_class = FixMessageOut
    pagination_class = NewestFirst
    queryset = Message.objects.none()

    @extend_schema(
        summary="FIX messages, newest first", responses=FixMessageOut(many=True),
        parameters=[
            OpenApiParameter("session", OpenApiTypes.INT), OpenApiParameter("way", enum=["out", "in"]),
            OpenApiParameter("q", OpenApiTypes.STR, description="tag=value exactly, or words anywhere: a ClOrdID, an ExecID"),
            OpenApiParameter("since", OpenApiTypes.DATETIME), OpenApiParameter("until", OpenApiTypes.DATETIME),
        ],
    )  # fmt: skip
    def list(self, request: Request) -> Response:
        asked = request.query_params
        if asked.get("way", "") not in WAYS:
            raise Invalid("Messages go out or come in.", field="way")
        rows = selectors.messages(
            session=whole_number(asked["session"], "session", 1) if asked.get("session") else None, way=asked.get("way", ""),
            text=asked.get("q", "").strip(), **{name: time_in(asked[name], name) for name in ("since", "until") if asked.get(name)},
        )  # fmt: skip
        return self.get_paginated_response(FixMessageOut(self.paginate_queryset(rows), many=True).data)

    @extend_schema(summary="One message, its fields read", responses=FixMessageRead)
    def retrieve(self, request: Request, pk: str) -> Response:
        row = selectors.get_message(int(pk))
        row.fields_read = selectors.read(row)
        return Response(FixMessageRead(row).data)
