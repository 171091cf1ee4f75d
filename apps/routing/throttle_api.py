"""Message throttles to other systems, with what is used of them."""

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit.services import answer_once
from apps.core.edges import act_of
from apps.users.doors import ApiDoor

from . import services
from . import throttle_selectors as selectors

KEY = OpenApiParameter("Idempotency-Key", OpenApiTypes.STR, OpenApiParameter.HEADER)


class ThrottleOut(serializers.Serializer):
    id = serializers.IntegerField(source="throttle.pk")
    version = serializers.IntegerField(source="throttle.version", help_text="counts its changes")
    session = serializers.CharField(source="throttle.session.__str__", default=None, help_text="the FIX session, or null of a strategy")
    strategy = serializers.CharField(source="throttle.strategy")
    per_second = serializers.IntegerField(source="throttle.per_second")
    per_day = serializers.IntegerField(source="throttle.per_day")
    over = serializers.CharField(source="throttle.over", help_text="REFUSE, or QUEUE: sent as fast as allowed")
    most_repeats = serializers.IntegerField(source="throttle.most_repeats")
    repeat_seconds = serializers.IntegerField(source="throttle.repeat_seconds")
    in_second = serializers.IntegerField(help_text="messages wanted out in the last second")
    in_day = serializers.IntegerField(help_text="on this day in UTC")
    waiting = serializers.IntegerField(help_text="kept for the gateway")
    stopped = serializers.BooleanField(help_text="whether the strategy is halted until a person lifts that")


class ThrottleTextIn(serializers.Serializer):
    """What it lets out; null limits nothing."""

    per_second = serializers.IntegerField(required=False, allow_null=True, default=None)
    per_day = serializers.IntegerField(required=False, allow_null=True, default=None)
    over = serializers.CharField(max_length=6, default="REFUSE", help_text="REFUSE, or of a session QUEUE")
    most_repeats = serializers.IntegerField(required=False, allow_null=True, default=None)
    repeat_seconds = serializers.IntegerField(default=60)
    reason = serializers.CharField(max_length=2000)


class ThrottleIn(ThrottleTextIn):
    """Of a FIX session or of a strategy."""

    session_id = serializers.IntegerField(required=False, allow_null=True, default=None)
    strategy = serializers.CharField(max_length=12, required=False, allow_blank=True, default="")


class ThrottleChangeIn(ThrottleTextIn):
    version = serializers.IntegerField(min_value=1)


class ThrottleEndIn(serializers.Serializer):
    version = serializers.IntegerField(min_value=1)
    reason = serializers.CharField(max_length=2000)


class Throttles(ApiDoor, viewsets.ViewSet):
    permissions = ("routing.see",)
    acts = dict.fromkeys(("create", "change", "end"), ("routing.keep_throttles",))

    @extend_schema(summary="Message throttles in force, with what is used of them", responses=ThrottleOut(many=True))
    def list(self, request: Request) -> Response:
        return Response(ThrottleOut(selectors.throttles(timezone.now()), many=True).data)

    @extend_schema(summary="Throttle a session or a strategy", request=ThrottleIn, responses={201: ThrottleOut(many=True)},
                   parameters=[KEY])  # fmt: skip
    def create(self, request: Request) -> Response:
        said = _checked(ThrottleIn, request)
        act = act_of(request, reason=said["reason"])

        def do():
            services.set_throttle(act, _text(said), session_id=said["session_id"], strategy=said["strategy"])
            return _in_force()

        answer, repeated = answer_once(act, "routing.set_throttle", said, do)
        return Response(answer, status.HTTP_200_OK if repeated else status.HTTP_201_CREATED)

    @extend_schema(summary="Have it let out more or less", request=ThrottleChangeIn, responses=ThrottleOut(many=True), parameters=[KEY])
    def change(self, request: Request, pk: int) -> Response:
        said = _checked(ThrottleChangeIn, request)
        act = act_of(request, reason=said["reason"])

        def do():
            services.change_throttle(act, int(pk), _text(said), seen=said["version"])
            return _in_force()

        return Response(answer_once(act, "routing.change_throttle", {"id": pk, "said": said}, do)[0])

    @extend_schema(summary="Put it out of force", request=ThrottleEndIn, responses=ThrottleOut(many=True), parameters=[KEY])
    def end(self, request: Request, pk: int) -> Response:
        said = _checked(ThrottleEndIn, request)
        act = act_of(request, reason=said["reason"])

        def do():
            services.end_throttle(act, int(pk), seen=said["version"])
            return _in_force()

        return Response(answer_once(act, "routing.end_throttle", {"id": pk, "said": said}, do)[0])


def _in_force() -> list[dict]:
    return ThrottleOut(selectors.throttles(timezone.now()), many=True).data


def _checked(serializer: type[serializers.Serializer], request: Request) -> dict:
    asked = serializer(data=request.data)
    asked.is_valid(raise_exception=True)
    return asked.validated_data


def _text(said: dict) -> services.ThrottleText:
    return services.ThrottleText(**{name: said[name] for name in services.ThrottleText._fields})
