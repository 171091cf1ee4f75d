"""The record to other systems: every fact, with who, when and why."""

from datetime import datetime

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import mixins, serializers, viewsets
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit import selectors as audit
from apps.audit.models import Entry
from apps.core.edges import whole_number
from apps.core.refusals import Invalid
from apps.orders import selectors as orders
from apps.users.doors import ApiDoor
from apps.users.services import can

from .selectors import built_in_rules, kept_from


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


class EventOut(EntryOut):
    """A fact in the record's order. ``seq`` only grows; ``nth`` counts each subject's facts from 1 without a gap."""

    seq = serializers.IntegerField(source="pk")

    class Meta:
        model = Entry
        fields = ("seq", *(name for name in EntryOut.Meta.fields if name != "id"))
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
            without=kept_from(self.request.user),
        )


class Events(ApiDoor, viewsets.GenericViewSet):
    """What happened to the orders one may see, oldest first; to everything for whoever may see the record."""

    permissions = ("orders.see", "audit.see")
    serializer_class = EventOut
    filter_backends = ()
    pagination_class = None
    queryset = Entry.objects.none()

    @extend_schema(
        summary="Follow what happens, from an offset on, in order and without a gap",
        operation_id="events_follow",
        parameters=[
            _asked("after", OpenApiTypes.INT, "the “next” of the answer before; 0 or nothing for the beginning"),
            _asked("limit", OpenApiTypes.INT, "at most 1000; 100 where left out"),
            _asked("subject", OpenApiTypes.STR, "order, block, import …; orders alone for who may not see the record"),
        ],
        responses=inline_serializer(
            "EventPage",
            {"after": serializers.IntegerField(), "next": serializers.IntegerField(),
             "more": serializers.BooleanField(), "events": EventOut(many=True)},
        ),
    )  # fmt: skip
    def list(self, request) -> Response:
        """
        Every event up to ``next`` that is one's to see has then been told, and none before it will follow: what is
        still being written is told once it is whole. Ask again with ``after`` = ``next``; ``more`` says that there is
        some already.
        """
        asked = request.query_params
        after = whole_number(asked.get("after") or 0, "after")
        limit = min(whole_number(asked.get("limit") or 100, "limit", 1), 1000)
        last = max(audit.complete_up_to(), after)
        rows = Entry.objects.filter(pk__gt=after, pk__lte=last).select_related("act", "act__by").order_by("pk")
        rows = rows.exclude(subject__in=kept_from(request.user))
        if not can(request.user, "audit.see"):
            rows = rows.filter(subject="order", subject_id__in=orders.orders_seen_by(request.user).values("pk"))
        if asked.get("subject"):
            rows = rows.filter(subject=asked["subject"][:30])
        found = list(rows[: limit + 1])
        more, found = len(found) > limit, found[:limit]
        return Response(
            {"after": after, "next": found[-1].pk if more else last, "more": more, "events": EventOut(found, many=True).data}
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


class CaseOut(serializers.Serializer):
    """A case of a rule; ``stops`` where it is one that the rule acts on."""

    name = serializers.CharField()
    expected = serializers.CharField()
    found = serializers.CharField()
    stops = serializers.BooleanField()
    holds = serializers.BooleanField()


class BuiltInOut(serializers.Serializer):
    """A rule that the portal itself keeps, with its cases as they come out now."""

    code = serializers.CharField()
    name = serializers.CharField()
    collection = serializers.CharField()
    jurisdiction = serializers.CharField()
    citation = serializers.CharField()
    clause = serializers.CharField(help_text="what the source asks, in our words")
    cases = CaseOut(many=True)


class BuiltInRules(ApiDoor, viewsets.ViewSet):
    permissions = ("compliance.see",)

    @extend_schema(summary="The rules that the portal itself keeps", responses=BuiltInOut(many=True), filters=False)
    def listed(self, request: Request) -> Response:
        return Response(BuiltInOut(built_in_rules(), many=True).data)
