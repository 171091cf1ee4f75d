"""FIX sessions as they run, to other systems: how each stands, stopped and started, and its numbers set by two."""

from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit.services import answer_once
from apps.core.edges import act_of
from apps.users.doors import ApiDoor

from . import console_selectors as selectors
from . import services
from .api import KEY, said_in
from .models import SequenceReset
from .proposed_api import Proposals, ProposalVersionIn


class SessionStopOut(serializers.Serializer):
    id = serializers.IntegerField(source="pk")
    ref = serializers.CharField()
    version = serializers.IntegerField()
    status = serializers.CharField(help_text="STOPPED, or ENDED once it was started")
    reason = serializers.CharField()
    stopped_by = serializers.CharField(source="stopped_by.username")
    stopped_at = serializers.DateTimeField()


class SequenceResetOut(serializers.Serializer):
    id = serializers.IntegerField(source="pk")
    ref = serializers.CharField()
    version = serializers.IntegerField()
    session_id = serializers.IntegerField()
    session = serializers.CharField(source="session.target_comp_id")
    status = serializers.CharField(help_text="PROPOSED, APPROVED, BEGUN, SET, UNSURE (the gateway ended within it) or DECLINED")
    next_out = serializers.IntegerField(help_text="of our next message; null leaves it")
    next_in = serializers.IntegerField(help_text="that we expect of theirs; null leaves it")
    out_before = serializers.IntegerField()
    in_before = serializers.IntegerField()
    reason = serializers.CharField()
    proposed_by = serializers.CharField(source="proposed_by.username")
    proposed_at = serializers.DateTimeField()
    decided_by = serializers.CharField(source="decided_by.username", default=None)
    decided_at = serializers.DateTimeField()
    done_at = serializers.DateTimeField()


class SessionStandingOut(serializers.Serializer):
    """How a session stands. What the gateway says is null where none ever ran; look at ``is_run`` for whether it is of now."""

    id = serializers.IntegerField(source="session.pk")
    session = serializers.CharField(source="session.target_comp_id")
    stands = serializers.CharField(source="words")
    is_run = serializers.BooleanField(help_text="whether a gateway looked after it within the last seconds")
    holder = serializers.CharField(source="state.holder", default=None, help_text="host and process of the gateway")
    looked_at = serializers.DateTimeField(source="state.looked_at", default=None)
    is_on = serializers.BooleanField(source="state.is_on", default=None)
    next_out = serializers.IntegerField(source="state.next_out", default=None)
    next_in = serializers.IntegerField(source="state.next_in", default=None)
    heard_at = serializers.DateTimeField(source="state.heard_at", default=None)
    sent_at = serializers.DateTimeField(source="state.sent_at", default=None)
    heartbeat_at = serializers.DateTimeField(source="state.beat_at", default=None)
    lag_ms = serializers.IntegerField(source="state.lag_ms", default=None, help_text="from their SendingTime (52) to our clock")
    waiting = serializers.IntegerField(help_text="messages committed and not sent")
    opens = serializers.DateTimeField(help_text="out of its hours: when it opens next")
    stop = SessionStopOut(allow_null=True)
    reset = SequenceResetOut(allow_null=True)


class SessionGapOut(serializers.Serializer):
    at = serializers.DateTimeField()
    is_ours = serializers.BooleanField(help_text="whether we lacked the messages, or they did")
    first = serializers.IntegerField()
    last = serializers.IntegerField(help_text="0: up to the last")


class SessionConsoleOut(SessionStandingOut):
    gaps = SessionGapOut(many=True, help_text="resend requests, the newest first")


class StopIn(serializers.Serializer):
    reason = serializers.CharField(max_length=400)


class StartIn(StopIn):
    version = serializers.IntegerField(min_value=1, help_text="of the stop that the caller looked at")


class NumbersIn(StopIn):
    session_id = serializers.IntegerField()
    next_out = serializers.IntegerField(required=False, allow_null=True, default=None)
    next_in = serializers.IntegerField(required=False, allow_null=True, default=None)


class SessionConsole(ApiDoor, viewsets.ViewSet):
    permissions = ("routing.see_sessions",)
    acts = {"stop": ("routing.keep_sessions",), "start": ("routing.keep_sessions",)}

    @extend_schema(summary="How FIX sessions stand: numbers, heartbeats, what waits", responses=SessionStandingOut(many=True))
    def list(self, request: Request) -> Response:
        return Response(SessionStandingOut(selectors.standings(timezone.now()), many=True).data)

    @extend_schema(summary="How one FIX session stands, with its gaps", responses=SessionConsoleOut)
    def retrieve(self, request: Request, pk: str) -> Response:
        return Response(self._data(int(pk)))

    @extend_schema(summary="Have the gateway log it out and keep it so", request=StopIn, responses=SessionConsoleOut, parameters=[KEY])
    def stop(self, request: Request, pk: str) -> Response:
        said, pk = said_in(StopIn, request), int(pk)
        act = act_of(request, reason=said["reason"])

        def do():
            services.stop_session(act, pk)
            return self._data(pk)

        return Response(answer_once(act, "routing.stop_session", {"id": pk, "said": said}, do)[0])

    @extend_schema(summary="Have the gateway log it on again", request=StartIn, responses=SessionConsoleOut, parameters=[KEY])
    def start(self, request: Request, pk: str) -> Response:
        """:param pk: id of the stop"""
        said, pk = said_in(StartIn, request), int(pk)
        act = act_of(request, reason=said["reason"])

        def do():
            services.start_session(act, pk, seen={pk: said["version"]})
            return self._data(selectors.get_stop(pk).session_id)

        return Response(answer_once(act, "routing.start_session", {"id": pk, "said": said}, do)[0])

    def _data(self, pk: int) -> dict:
        row = selectors.get_standing(pk, timezone.now())
        return SessionStandingOut(row).data | {"gaps": SessionGapOut(selectors.kept(pk).gaps, many=True).data}


@extend_schema_view(list=extend_schema(summary="Sequence numbers that people proposed, the newest first"))
class SequenceResets(Proposals):
    permissions = ("routing.see_sessions",)
    acts = dict.fromkeys(("create", "approve", "decline"), ("routing.keep_sessions",))
    serializer_class = SequenceResetOut
    filterset_fields = ("status", "session")
    queryset = SequenceReset.objects.none()
    get_one = staticmethod(selectors.get_reset)

    def get_queryset(self):
        return selectors.resets()

    @extend_schema(
        summary="Propose a session's next sequence numbers; another person approves them", request=NumbersIn,
        responses={201: SequenceResetOut}, parameters=[KEY],
    )  # fmt: skip
    def create(self, request: Request) -> Response:
        said = said_in(NumbersIn, request)
        act = act_of(request, reason=said["reason"])
        return self._propose(
            act, said, services.propose_numbers, said["session_id"], next_out=said["next_out"], next_in=said["next_in"]
        )

    @extend_schema(
        summary="Have the gateway set them, once; another person than who proposed them", request=ProposalVersionIn,
        responses=SequenceResetOut, parameters=[KEY],
    )  # fmt: skip
    def approve(self, request: Request, pk: str) -> Response:
        return self._decide(request, int(pk), services.approve_numbers)

    @extend_schema(summary="End what was proposed", request=ProposalVersionIn, responses=SequenceResetOut, parameters=[KEY])
    def decline(self, request: Request, pk: str) -> Response:
        return self._decide(request, int(pk), services.decline_numbers)
