"""The record to other systems: every fact, with who, when and why."""

from datetime import datetime

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.pagination import CursorPagination

from apps.audit import selectors as audit
from apps.audit.models import Entry
from apps.core.edges import whole_number
from apps.core.refusals import Invalid
from apps.users.doors import ApiDoor


class NewestEntries(CursorPagination):
    ordering = "-id"
    page_size = 100
    max_page_size = 1000
    page_size_query_param = "page_size"


class EntryOut(serializers.ModelSerializer):
    """One fact: the nth in its subject's life."""

    at = serializers.DateTimeField(source="act.at")
    by = serializers.CharField(source="act.by.username")
    via = serializers.CharField(source="act.via", help_text="page, api, worker, gateway, feed or command")
    reason = serializers.CharField(source="act.reason")
    cause_id = serializers.IntegerField(
        source="act.cause_id", allow_null=True, help_text="the act that led to this one"
    )

    class Meta:
        model = Entry
        fields = (
            "id", "act_id", "at", "by", "via", "reason", "cause_id", "event", "subject", "subject_id", "nth", "payload",
        )  # fmt: skip
        read_only_fields = fields


def _asked(name: str, kind: OpenApiTypes, words: str) -> OpenApiParameter:
    return OpenApiParameter(name, kind, OpenApiParameter.QUERY, description=words)


class Record(ApiDoor, mixins.ListModelMixin, viewsets.GenericViewSet):
    permissions = ("audit.see",)
    serializer_class = EntryOut
    pagination_class = NewestEntries
    filter_backends = ()
    queryset = Entry.objects.none()  # For the schema's sake; what is found is what was asked.

    @extend_schema(
        summary="Search the record, newest first",
        operation_id="record_search",
        parameters=[
            _asked("q", OpenApiTypes.STR, "words in the reason or the values"),
            _asked("subject", OpenApiTypes.STR, "“order”, or “order 12”"),
            _asked("event", OpenApiTypes.STR, "such as order.held"),
            _asked("by", OpenApiTypes.INT, "id of the person"),
            _asked("since", OpenApiTypes.DATETIME, "from this time on"),
            _asked("until", OpenApiTypes.DATETIME, "before this time"),
        ],
    )
    def list(self, request, *args, **kwargs):
        return super().list(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Entry]:
        """:raises Invalid: for a time without its offset, or a person who is no number"""
        asked = self.request.query_params
        return audit.search(
            text=asked.get("q", "")[:100],
            subject=asked.get("subject", "")[:60],
            event=asked.get("event", "")[:60],
            by=whole_number(asked["by"], "by", 1) if asked.get("by") else None,
            since=_moment(asked, "since"),
            until=_moment(asked, "until"),
        )


def _moment(asked, name: str) -> datetime | None:
    if not asked.get(name):
        return None
    try:
        moment = datetime.fromisoformat(asked[name])
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Invalid(f"“{asked[name]}” is no time with its offset; write 2026-11-23T14:00:00Z.", field=name)
    return moment
