"""Sessions of upstream systems to other systems: their settings, whose orders they may enter, what they sent."""

from django.conf import settings
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit.services import answer_once
from apps.core.edges import act_of
from apps.users.doors import ApiDoor

from . import services
from . import staging_selectors as staging
from .api import KEY, NewestFirst, said_in
from .models import Grant, Message, Session
from .proposed_api import Proposals, ProposalVersionIn


class GrantOut(serializers.ModelSerializer):
    """``portfolios`` is empty where ``all_portfolios`` says whatever the person runs."""

    ref = serializers.CharField(read_only=True)
    session = serializers.CharField(source="session.target_comp_id")
    person = serializers.CharField(source="acts_for.username")
    portfolios = serializers.ListField(source="codes", child=serializers.CharField())
    asked_by = serializers.CharField(source="asked_by.username")
    confirmed_by = serializers.CharField(source="confirmed_by.username", default=None)
    ended_by = serializers.CharField(source="ended_by.username", default=None)

    class Meta:
        model = Grant
        fields = (
            "id", "ref", "status", "version", "session_id", "session", "person", "all_portfolios", "portfolios", "submits",
            "reason", "asked_by", "asked_at", "confirmed_by", "confirmed_at", "ended_by", "ended_at",
        )  # fmt: skip
        read_only_fields = fields


class StagingSessionOut(serializers.ModelSerializer):
    """``dials_in``: the upstream system calls us at ``port``; else we call it at ``host`` and ``port``."""

    grants = serializers.SerializerMethodField()

    class Meta:
        model = Session
        fields = (
            "id", "version", "target_comp_id", "sender_comp_id", "begin_string", "appl_ver_id", "environment", "dials_in", "host", "port",
            "is_enabled", "is_up", "changed_at", "grants",
        )  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(GrantOut(many=True))
    def get_grants(self, session: Session) -> list[dict]:
        """Asked for and in force."""
        rows = [g for g in session.grants.all() if g.status in ("ASKED", "GRANTED")]
        return GrantOut(rows, many=True).data


class SessionIn(serializers.Serializer):
    target_comp_id = serializers.CharField(max_length=40, help_text="how the upstream system calls itself (tag 49 of its messages)")
    sender_comp_id = serializers.CharField(max_length=40, default="OMS-SIM", help_text="how it calls us; ends in -SIM in a simulation")
    environment = serializers.ChoiceField(Session.Environment.choices, default=settings.ENVIRONMENT)
    dials_in = serializers.BooleanField(default=False)
    host = serializers.CharField(max_length=120, default="", allow_blank=True, help_text="where we call it")
    port = serializers.IntegerField(min_value=1, max_value=65535)
    is_enabled = serializers.BooleanField(default=True)


class SessionChangeIn(serializers.Serializer):
    """Only what is named changes."""

    version = serializers.IntegerField(min_value=1, help_text="the version that the caller looked at")
    target_comp_id = serializers.CharField(max_length=40, required=False)
    sender_comp_id = serializers.CharField(max_length=40, required=False)
    environment = serializers.ChoiceField(Session.Environment.choices, required=False)
    dials_in = serializers.BooleanField(required=False)
    host = serializers.CharField(max_length=120, required=False, allow_blank=True)
    port = serializers.IntegerField(min_value=1, max_value=65535, required=False)
    is_enabled = serializers.BooleanField(required=False)


class GrantIn(serializers.Serializer):
    person = serializers.CharField(max_length=150, help_text="username of who is spoken for")
    all_portfolios = serializers.BooleanField(default=False, help_text="whatever the person runs; then name none")
    portfolios = serializers.ListField(child=serializers.CharField(max_length=40), required=False, default=list, max_length=1000)
    submits = serializers.BooleanField(default=False, help_text="to compliance as they are entered, else drafts")
    reason = serializers.CharField(max_length=400)


class StagedOut(serializers.Serializer):
    """A request of an upstream system. ``outcome``: entered, refused, known, waiting or person; ``reason`` why."""

    id = serializers.IntegerField(source="message.pk")
    session = serializers.CharField(source="message.session.target_comp_id")
    at = serializers.DateTimeField(source="message.at")
    msg_type = serializers.CharField(source="message.msg_type")
    name = serializers.CharField(help_text="ClOrdID (11), of a list its ListID (66)")
    outcome = serializers.CharField()
    reason = serializers.CharField()
    orders = serializers.SerializerMethodField(help_text="ids of the orders it made or changed, of those that you see")
    text = serializers.CharField(source="message.text", help_text="tag=value, SOH shown as |")

    @extend_schema_field(serializers.ListField(child=serializers.IntegerField()))
    def get_orders(self, one: staging.Staged) -> list[int]:
        return [pk for pk, _ in one.orders]


@extend_schema_view(list=extend_schema(summary="Sessions of upstream systems", responses=StagingSessionOut(many=True)))
class StagingSessions(ApiDoor, mixins.ListModelMixin, viewsets.GenericViewSet):
    permissions = ("routing.see_staging", "reference.write")
    acts = {"create": ("reference.write",), "partial_update": ("reference.write",), "ask": ("routing.grant_staging",)}
    serializer_class = StagingSessionOut
    queryset = Session.objects.none()

    def get_queryset(self):
        return staging.staging_sessions().prefetch_related("grants__acts_for", "grants__session", "grants__asked_by",
                                                           "grants__confirmed_by", "grants__ended_by", "grants__portfolios")

    @extend_schema(
        summary="Keep a session of an upstream system; it enters nothing until a grant is confirmed", request=SessionIn,
        responses={201: StagingSessionOut}, parameters=[KEY],
    )  # fmt: skip
    def create(self, request: Request) -> Response:
        said, act = said_in(SessionIn, request), act_of(request)

        def do():
            return self._data(services.add_staging_session(act, **said))

        return Response(answer_once(act, "routing.add_staging_session", said, do)[0], status=201)

    @extend_schema(summary="One session of an upstream system", responses=StagingSessionOut)
    def retrieve(self, request: Request, pk: str) -> Response:
        return Response(self._data(int(pk)))

    @extend_schema(
        summary="Change a session's settings; where it leads to another system then, its grants end",
        request=SessionChangeIn, responses=StagingSessionOut, parameters=[KEY],
    )  # fmt: skip
    def partial_update(self, request: Request, pk: str) -> Response:
        said, act = said_in(SessionChangeIn, request), act_of(request)
        changes = {name: value for name, value in said.items() if name != "version"}

        def do():
            services.change_staging_session(act, int(pk), changes, seen={int(pk): said["version"]})
            return self._data(int(pk))

        return Response(answer_once(act, "routing.change_staging_session", {"id": int(pk), "said": said}, do)[0])

    @extend_schema(
        summary="Ask that a session may enter orders of a person; another person confirms it", request=GrantIn,
        responses={201: GrantOut}, parameters=[KEY],
    )  # fmt: skip
    def ask(self, request: Request, pk: str) -> Response:
        said = said_in(GrantIn, request)
        act = act_of(request, reason=said["reason"])

        def do():
            grant = services.ask_grant(
                act, int(pk), said["person"], portfolios=said["portfolios"], every=said["all_portfolios"],
                submits=said["submits"],
            )  # fmt: skip
            return GrantOut(staging.get_grant(grant)).data

        return Response(answer_once(act, "routing.ask_grant", {"id": int(pk), "said": said}, do)[0], status=201)

    def _data(self, session_id: int) -> dict:
        return StagingSessionOut(staging.get_staging_session(session_id)).data


@extend_schema_view(
    list=extend_schema(summary="Whose orders sessions may enter, newest first", responses=GrantOut(many=True)),
    retrieve=extend_schema(summary="One grant", responses=GrantOut),
)
class Grants(Proposals):
    permissions = ("routing.see_staging",)
    acts = dict.fromkeys(("confirm", "decline", "end"), ("routing.grant_staging",))
    serializer_class = GrantOut
    filterset_fields = ("status", "session")
    queryset = Grant.objects.none()
    get_one = staticmethod(staging.get_grant)

    def get_queryset(self):
        return staging.grants()

    @extend_schema(
        summary="Let the session enter the person's orders; another person than who asked", request=ProposalVersionIn,
        responses=GrantOut, parameters=[KEY],
    )  # fmt: skip
    def confirm(self, request: Request, pk: str) -> Response:
        return self._decide(request, int(pk), services.confirm_grant)

    @extend_schema(summary="End what was asked for and not confirmed", request=ProposalVersionIn, responses=GrantOut, parameters=[KEY])
    def decline(self, request: Request, pk: str) -> Response:
        return self._decide(request, int(pk), services.decline_grant)

    @extend_schema(
        summary="Let the session enter nothing more of the person", request=ProposalVersionIn, responses=GrantOut, parameters=[KEY]
    )
    def end(self, request: Request, pk: str) -> Response:
        return self._decide(request, int(pk), services.end_grant)


class StagedMessages(ApiDoor, viewsets.GenericViewSet):
    permissions = ("routing.see_staging",)
    serializer_class = StagedOut
    pagination_class = NewestFirst
    queryset = Message.objects.none()

    @extend_schema(
        summary="What upstream systems sent and what came of it, newest first", responses=StagedOut(many=True),
        parameters=[
            OpenApiParameter("session", OpenApiTypes.INT), OpenApiParameter("outcome", enum=list(staging.OUTCOMES)),
            OpenApiParameter("q", OpenApiTypes.STR, description="in the message or the reason"),
        ],
    )  # fmt: skip
    def list(self, request: Request) -> Response:
        asked = request.query_params
        session = asked.get("session", "")
        rows = staging.messages_seen_by(
            request.user, session=int(session) if session.isdigit() else None, outcome=asked.get("outcome", ""),
            text=asked.get("q", ""),
        )  # fmt: skip
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(StagedOut(staging.staged(request.user, page), many=True).data)
