"""The kill switch to other systems."""

from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit.services import answer_once
from apps.core.edges import act_of
from apps.users.doors import ApiDoor

from . import selectors, services
from .api import KEY, NewestFirst
from .models import Halt, HaltedRoute


class HaltOut(serializers.ModelSerializer):
    """``stopped``: routes found in scope; ``unacknowledged``: those of them that their brokers have not ended."""

    ref = serializers.CharField(read_only=True)
    user = serializers.CharField(source="user.username", default=None)
    desk = serializers.CharField(source="desk.code", default=None)
    broker = serializers.CharField(source="broker.code", default=None)
    set_by = serializers.CharField(source="set_by.username")
    lifted_by = serializers.CharField(source="lifted_by.username", default=None)
    stopped = serializers.IntegerField()
    unacknowledged = serializers.IntegerField()

    class Meta:
        model = Halt
        fields = (
            "id", "ref", "status", "version", "scope", "mode", "user", "desk", "broker", "strategy", "reason", "set_by",
            "set_at", "lifted_by", "lifted_at", "stopped", "unacknowledged",
        )  # fmt: skip
        read_only_fields = fields


class HaltedRouteOut(serializers.ModelSerializer):
    route_id = serializers.IntegerField()
    broker = serializers.CharField(source="route.broker.code")
    symbol = serializers.CharField(source="route.block.instrument.symbol")
    status = serializers.CharField(source="route.status")
    leaves_qty = serializers.DecimalField(20, 4, source="route.leaves_qty")

    class Meta:
        model = HaltedRoute
        fields = ("route_id", "broker", "symbol", "status", "leaves_qty", "done")
        read_only_fields = fields


class HaltDetailOut(HaltOut):
    unacknowledged_routes = serializers.SerializerMethodField()

    class Meta(HaltOut.Meta):
        fields = (*HaltOut.Meta.fields, "unacknowledged_routes")

    @extend_schema_field(HaltedRouteOut(many=True))
    def get_unacknowledged_routes(self, halt: Halt) -> list:
        return HaltedRouteOut(selectors.unacknowledged(halt), many=True).data


class HaltIn(serializers.Serializer):
    scope = serializers.ChoiceField(Halt.Scope.choices)
    subject = serializers.CharField(
        max_length=150, required=False, default="", allow_blank=True,
        help_text="username, desk code, broker code or strategy; nothing for the firm",
    )  # fmt: skip
    mode = serializers.ChoiceField(Halt.Mode.choices, default=Halt.Mode.ALL)
    reason = serializers.CharField(max_length=400, required=False, default="", allow_blank=True)


class LiftIn(serializers.Serializer):
    version = serializers.IntegerField(min_value=1, help_text="the version that the caller looked at")
    reason = serializers.CharField(max_length=400)


@extend_schema_view(list=extend_schema(summary="Halts of routing, those in force first", responses=HaltOut(many=True)))
class Halts(ApiDoor, mixins.ListModelMixin, viewsets.GenericViewSet):
    permissions = ("routing.see",)
    acts = {"create": ("routing.halt",), "cancel": ("routing.halt",), "lift": ("routing.lift_halt",)}
    serializer_class = HaltOut
    pagination_class = NewestFirst
    filterset_fields = ("status", "scope", "mode")
    queryset = Halt.objects.none()

    def get_queryset(self):
        return selectors.halts()

    @extend_schema(
        summary="Stop routing in a scope at once and cancel what works there", request=HaltIn,
        responses={201: HaltDetailOut}, parameters=[KEY],
    )  # fmt: skip
    def create(self, request: Request) -> Response:
        said = self._said(HaltIn, request)
        act = act_of(request, reason=said["reason"])

        def do():
            return self._data(services.set_halt(act, said["scope"], said["subject"], mode=said["mode"]))

        return Response(answer_once(act, "routing.set_halt", said, do)[0], status=201)

    @extend_schema(summary="One halt, with the routes its brokers have not ended", responses=HaltDetailOut)
    def retrieve(self, request: Request, pk: str) -> Response:
        return Response(self._data(int(pk)))

    @extend_schema(
        summary="Ask once more to cancel what a halt stopped and is not over", request=None, responses=HaltDetailOut,
        parameters=[KEY],
    )  # fmt: skip
    def cancel(self, request: Request, pk: str) -> Response:
        act = act_of(request)

        def do():
            services.ask_again(act, int(pk))
            return self._data(int(pk))

        return Response(answer_once(act, "routing.ask_again", {"id": int(pk)}, do)[0])

    @extend_schema(
        summary="Let routing go on; another person than who set the halt", request=LiftIn, responses=HaltDetailOut,
        parameters=[KEY],
    )  # fmt: skip
    def lift(self, request: Request, pk: str) -> Response:
        said = self._said(LiftIn, request)
        act = act_of(request, reason=said["reason"])

        def do():
            services.lift_halt(act, int(pk), seen={int(pk): said["version"]})
            return self._data(int(pk))

        return Response(answer_once(act, "routing.lift_halt", {"id": int(pk), "said": said}, do)[0])

    def _said(self, serializer: type[serializers.Serializer], request: Request) -> dict:
        asked = serializer(data=request.data)
        asked.is_valid(raise_exception=True)
        return asked.validated_data

    def _data(self, halt_id: int) -> dict:
        return HaltDetailOut(selectors.get_halt(halt_id)).data
