"""Routes and executions to other systems: scoped as the pages are."""

import django_filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit.services import answer_once
from apps.core.edges import act_of
from apps.users.doors import ApiDoor

from . import rules, selectors, services
from .models import CostEstimate, Execution, Route

KEY = OpenApiParameter("Idempotency-Key", OpenApiTypes.STR, OpenApiParameter.HEADER)


class NewestFirst(CursorPagination):
    ordering = "-id"
    page_size = 100
    max_page_size = 1000
    page_size_query_param = "page_size"


# --- what goes out --------------------------------------------------------------------------------------------------


class RouteOut(serializers.ModelSerializer):
    """A part of a block at one broker. ``status`` is the broker's word; quantities in units (face for bonds)."""

    ref = serializers.CharField(read_only=True)
    symbol = serializers.CharField(source="block.instrument.symbol")
    side = serializers.CharField(source="block.side")
    broker = serializers.CharField(source="broker.code")
    currency = serializers.CharField(source="block.currency_id")
    average_price = serializers.DecimalField(34, 12, allow_null=True)
    package = serializers.CharField(
        source="package_leg.package.ref", default=None,
        help_text="of which it is a leg, and as which it is changed and cancelled by way of its linked blocks; null: of none",
    )  # fmt: skip
    linked_group = serializers.CharField(source="package_leg.package.link", default=None, help_text="the linked blocks of that package")

    class Meta:
        model = Route
        fields = (
            "id", "ref", "status", "version", "block_id", "symbol", "side", "broker", "kind", "strategy", "params", "qty",
            "limit_price", "cum_qty", "leaves_qty", "average_price", "arrival_price", "currency", "cl_ord_id",
            "pending_cl_ord_id", "order_id", "requested_at", "accepted_at", "first_fill_at", "last_fill_at", "ended_at", "day_qty",
            "day_cum_qty", "day_average_price", "day_told_at", "text", "trace", "environment", "package", "linked_group",
        )  # fmt: skip
        read_only_fields = fields


class ExecutionOut(serializers.ModelSerializer):
    """A fill as its broker reported it. What was busted or corrected stays, with its status."""

    broker = serializers.CharField(source="broker.code")
    currency = serializers.CharField(source="currency_code")

    class Meta:
        model = Execution
        fields = (
            "id", "status", "version", "route_id", "block_id", "broker", "exec_id", "corrects_id", "trade_date", "qty",
            "price", "commission_amount", "currency", "market", "at_broker", "at",
        )  # fmt: skip
        read_only_fields = fields


class CostPartOut(serializers.Serializer):
    name = serializers.ChoiceField(["spread", "fees", "impact"])
    bp = serializers.CharField(allow_null=True, help_text="of the value; null where it is not known")
    amount = serializers.CharField(allow_null=True)
    worked = serializers.CharField(help_text="its arithmetic")
    why = serializers.CharField(help_text="what was not known")


class CostEstimateOut(serializers.ModelSerializer):
    """
    What a block, or a route of it, was expected to cost, and is never changed: half the spread, fees and commission, and the
    square-root impact. Money in ``currency``; the total is of what was known.
    """

    symbol = serializers.CharField(source="block.instrument.symbol")
    side = serializers.CharField(source="block.side")
    currency = serializers.CharField(source="currency_id")
    parts = CostPartOut(many=True, source="detail.parts")
    missing = serializers.ListField(child=serializers.CharField(), source="detail.missing", help_text="what was not known, in words")

    class Meta:
        model = CostEstimate
        fields = (
            "id", "moment", "block_id", "block_version", "route_id", "symbol", "side", "at", "qty", "currency", "mid", "value",
            "total_bp", "total_amount", "is_whole", "parts", "missing",
        )  # fmt: skip
        read_only_fields = fields


class ToldOut(serializers.Serializer):
    """What a rule says of an order at the route. What keeps one from going out is in the facts of the refusal, so too."""

    order_id = serializers.IntegerField()
    ref = serializers.CharField()
    block_id = serializers.IntegerField()
    check_id = serializers.IntegerField()
    rule = serializers.CharField()
    name = serializers.CharField()
    severity = serializers.CharField()
    outcome = serializers.CharField(help_text="PASS, FAIL or INDETERMINATE")
    text = serializers.CharField()
    now = serializers.CharField(required=False, allow_null=True)
    after = serializers.CharField(required=False, allow_null=True)
    limit = serializers.CharField(required=False, allow_null=True)
    unit = serializers.CharField(required=False)


class RoutedOut(serializers.Serializer):
    routes = serializers.ListField(child=serializers.IntegerField(), help_text="ids of the routes sent")
    inquiries = serializers.ListField(child=serializers.IntegerField(), help_text="ids of the inquiries opened")
    told = ToldOut(many=True, help_text="information and warnings of rules that are asked at the route, twenty at most")


# --- what comes in --------------------------------------------------------------------------------------------------


class RouteActIn(serializers.Serializer):
    version = serializers.IntegerField(min_value=1, help_text="the version that the caller looked at")
    reason = serializers.CharField(max_length=400, required=False, default="", allow_blank=True)


class RouteIn(RouteActIn):
    """All of a block that is unplaced, where the rules say, unless told otherwise."""

    broker = serializers.CharField(max_length=20, required=False, help_text="code; asks for a reason")
    strategy = serializers.ChoiceField(sorted([*rules.STRATEGIES, rules.SMART]), required=False)
    params = serializers.DictField(required=False, help_text="participation_pct, start_at, end_at")
    broker_strategy = serializers.IntegerField(
        required=False, min_value=1, help_text="id of a strategy of a broker's own, instead of broker, strategy and params"
    )
    controls = serializers.DictField(
        child=serializers.CharField(allow_blank=True, max_length=2000), required=False, help_text="what its form is filled with, by control"
    )
    qty = serializers.DecimalField(20, 4, required=False)
    out_of_turn = serializers.BooleanField(
        required=False, default=False, help_text="do not wait for others of its idea; a supervisor's, with a reason"
    )

    def validate(self, said: dict) -> dict:
        if "broker_strategy" in said and (both := sorted({"broker", "strategy", "params"} & said.keys())):
            raise serializers.ValidationError({both[0]: "A strategy of the broker's own says this itself: leave it out."})
        if "controls" in said and "broker_strategy" not in said:
            raise serializers.ValidationError({"controls": "They are of a strategy of a broker's own: name it in broker_strategy."})
        return said


class ReplaceIn(RouteActIn):
    qty = serializers.DecimalField(20, 4, required=False, help_text="the new total, what is filled included")
    limit_price = serializers.DecimalField(20, 8, required=False, allow_null=True)


def unless_stopped(answer: dict, *, is_award: bool = False) -> Response:
    """:raises StoppedAtRoute: after the commit, for the orders are held"""
    if stopped := answer.pop("stopped", None):
        raise services.stopped_at_route(stopped, is_award=is_award)
    return Response(answer)


def said_in(serializer: type[serializers.Serializer], request: Request) -> dict:
    asked = serializer(data=request.data)
    asked.is_valid(raise_exception=True)
    return asked.validated_data


# --- views ----------------------------------------------------------------------------------------------------------


class RouteFilter(django_filters.FilterSet):
    status = django_filters.BaseInFilter(field_name="status", help_text="one or several, by comma")
    broker = django_filters.CharFilter(field_name="broker__code")

    class Meta:
        model = Route
        fields = ("status", "block", "broker", "kind")


class ExecutionFilter(django_filters.FilterSet):
    broker = django_filters.CharFilter(field_name="broker__code")

    class Meta:
        model = Execution
        fields = ("status", "block", "route", "broker", "trade_date")


class Seen(ApiDoor, viewsets.GenericViewSet):
    """Lists and details for those who may see routing; acts for those who may route."""

    permissions = ("routing.see",)
    acts = dict.fromkeys(("cancel", "replace", "route", "award", "counter", "pass_on", "ask", "take_best"), ("routing.route",))

    pagination_class = NewestFirst


@extend_schema_view(
    list=extend_schema(summary="Routes to brokers and dealers, the newest first"),
    retrieve=extend_schema(summary="One route"),
)
class Routes(mixins.ListModelMixin, mixins.RetrieveModelMixin, Seen):
    serializer_class = RouteOut
    filterset_class = RouteFilter
    queryset = Route.objects.none()  # For the schema's sake; what is seen is the user's.

    def get_queryset(self):
        return selectors.routes_seen_by(self.request.user).select_related("broker", "block__instrument", "package_leg__package")

    def get_object(self) -> Route:
        return selectors.get_route_seen_by(self.request.user, int(self.kwargs["pk"]))

    @extend_schema(
        summary="Ask the broker to cancel what is not filled", request=RouteActIn, responses=RouteOut, parameters=[KEY]
    )
    def cancel(self, request: Request, pk: str) -> Response:
        said, route = said_in(RouteActIn, request), self.get_object()
        act = act_of(request, reason=said["reason"])

        def do():
            services.cancel_routes(act, [route.pk], seen={route.pk: said["version"]})
            return RouteOut(self.get_object()).data

        return Response(answer_once(act, "routing.cancel_routes", {"id": route.pk, "said": said}, do)[0])

    @extend_schema(
        summary="Ask the broker for another quantity or limit", request=ReplaceIn, responses=RouteOut, parameters=[KEY]
    )
    def replace(self, request: Request, pk: str) -> Response:
        said, route = said_in(ReplaceIn, request), self.get_object()
        act = act_of(request, reason=said["reason"])
        change = {key: said[key] for key in ("qty", "limit_price") if key in said}

        def do():
            stopped = services.replace_routes(act, {route.pk: change}, seen={route.pk: said["version"]})
            return {"stopped": stopped} if stopped else RouteOut(self.get_object()).data

        return unless_stopped(answer_once(act, "routing.replace_routes", {"id": route.pk, "said": said}, do)[0])


class BlockRoutes(Seen):
    """The desk's act on a block, offered by routing because it is routing that acts."""

    serializer_class = RoutedOut
    queryset = Route.objects.none()

    @extend_schema(
        summary="Place what is unplaced of a block: with brokers, or with dealers by inquiry",
        request=RouteIn, responses=RoutedOut, parameters=[KEY],
    )  # fmt: skip
    def route(self, request: Request, pk: str) -> Response:
        said, block_id = said_in(RouteIn, request), int(pk)
        act = act_of(request, reason=said["reason"])

        def do():
            if "broker_strategy" in said:
                routed = services.route_by_strategy(
                    act, [block_id], said["broker_strategy"], said.get("controls", {}), seen={block_id: said["version"]},
                    qty=said.get("qty"), out_of_turn=said["out_of_turn"],
                )  # fmt: skip
                return RoutedOut(routed).data | {"stopped": routed.stopped}
            routed = services.route_blocks(
                act, [block_id], seen={block_id: said["version"]}, broker_code=said.get("broker"),
                strategy=said.get("strategy"), params=said.get("params"), qty=said.get("qty"), out_of_turn=said["out_of_turn"],
            )  # fmt: skip
            return RoutedOut(routed).data | {"stopped": routed.stopped}

        return unless_stopped(answer_once(act, "routing.route_blocks", {"id": block_id, "said": said}, do)[0])


@extend_schema_view(list=extend_schema(summary="Executions as the brokers sent them, the newest first"))
class Executions(mixins.ListModelMixin, Seen):
    serializer_class = ExecutionOut
    filterset_class = ExecutionFilter
    queryset = Execution.objects.none()

    def get_queryset(self):
        return selectors.executions_seen_by(self.request.user).select_related("broker")


@extend_schema_view(list=extend_schema(summary="What blocks and routes were expected to cost, the newest first"))
class CostEstimates(mixins.ListModelMixin, Seen):
    serializer_class = CostEstimateOut
    filterset_fields = ("moment", "block", "route")
    queryset = CostEstimate.objects.none()

    def get_queryset(self):
        return selectors.estimates_seen_by(self.request.user).select_related("block__instrument")
