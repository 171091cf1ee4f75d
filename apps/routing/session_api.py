"""FIX sessions with brokers and dealers to other systems: how each stands, and its settings."""

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit.services import answer_once
from apps.core.edges import act_of
from apps.core.refusals import NotFound
from apps.users.doors import ApiDoor

from . import services
from .api import KEY
from .models import Session
from .page_selectors import sessions

SETTINGS = (
    "begin_string", "appl_ver_id", "sender_comp_id", "host", "port", "opens_at", "closes_at", "time_zone", "days", "open_day",
    "close_day", "resets_on_logon", "heartbeat_seconds", "reconnect_seconds", "uses_tls", "tls_name", "is_enabled",
)  # fmt: skip


class FixSessionOut(serializers.ModelSerializer):
    """``speaks``: the version of FIX in words. Settings are taken in when the gateway starts next."""

    party = serializers.CharField(read_only=True)
    speaks = serializers.CharField(read_only=True)
    hours = serializers.CharField(read_only=True, help_text="when it is open, in words")

    class Meta:
        model = Session
        fields = ("id", "version", "party", "speaks", "hours", "target_comp_id", *SETTINGS, "environment", "opened_at", "is_up",
                  "changed_at")
        read_only_fields = fields


class FixSessionIn(serializers.ModelSerializer):
    """Only what is named changes."""

    version = serializers.IntegerField(min_value=1, help_text="the version that the caller looked at")

    class Meta:
        model = Session
        fields = ("version", *SETTINGS)
        extra_kwargs = {name: {"required": False} for name in SETTINGS}
        validators = []  # The service judges the whole.


@extend_schema_view(
    list=extend_schema(summary="Sessions with brokers and dealers", responses=FixSessionOut(many=True)),
)
class Sessions(ApiDoor, mixins.ListModelMixin, viewsets.GenericViewSet):
    permissions = ("routing.see", "reference.write")
    acts = {"partial_update": ("reference.write",)}
    serializer_class = FixSessionOut
    queryset = Session.objects.none()
    filterset_fields = ("is_enabled", "is_up", "begin_string")

    def get_queryset(self):
        return sessions().filter(purpose=Session.Purpose.ROUTING)

    @extend_schema(summary="One session with a broker or dealer", responses=FixSessionOut)
    def retrieve(self, request: Request, pk: str) -> Response:
        return Response(self._data(int(pk)))

    @extend_schema(summary="Change a session's settings", request=FixSessionIn, responses=FixSessionOut, parameters=[KEY])
    def partial_update(self, request: Request, pk: str) -> Response:
        asked = FixSessionIn(data=request.data)
        asked.is_valid(raise_exception=True)
        said, act = asked.validated_data, act_of(request)
        changes = {name: value for name, value in said.items() if name != "version"}

        def do():
            services.change_routing_session(act, int(pk), changes, seen={int(pk): said["version"]})
            return self._data(int(pk))

        return Response(answer_once(act, "routing.change_routing_session", {"id": int(pk), "said": said}, do)[0])

    def _data(self, session_id: int) -> dict:
        row = self.get_queryset().filter(pk=session_id).first()
        if row is None:
            raise NotFound("There is no such session with a broker or dealer.")
        return FixSessionOut(row).data
