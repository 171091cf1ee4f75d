"""Algorithms to other systems: scoped as the pages are."""

from dataclasses import replace
from datetime import UTC

from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit.services import answer_once
from apps.blocks.api import KEY
from apps.blocks.selectors import get_block_seen_by
from apps.core.edges import act_of
from apps.users.doors import ApiDoor

from . import selectors, services
from .models import Algo


class NewestFirst(CursorPagination):
    ordering = "-id"
    page_size = 100
    max_page_size = 1000
    page_size_query_param = "page_size"


class AlgoTermsIn(serializers.Serializer):
    """What it is asked for; what is not said is as it was, or as the ticket has it."""

    qty = serializers.DecimalField(20, 4, required=False, allow_null=True, help_text="all that is left where it is not said")
    starts_at = serializers.DateTimeField(required=False, allow_null=True, default_timezone=UTC)
    ends_at = serializers.DateTimeField(required=False, allow_null=True, default_timezone=UTC)
    interval_seconds = serializers.IntegerField(required=False, min_value=1, max_value=86_400)
    limit_price = serializers.DecimalField(20, 8, required=False, allow_null=True, help_text="within the block's")
    participation_pct = serializers.DecimalField(9, 4, required=False, help_text="POV")
    risk_aversion = serializers.DecimalField(20, 12, required=False, help_text="IS: λ, of one unit of money")
    display_qty = serializers.DecimalField(20, 4, required=False, help_text="ICEBERG: shown at a time")
    auction_pct = serializers.DecimalField(9, 4, required=False, help_text="CLOSE: in the closing auction")
    lead_minutes = serializers.IntegerField(required=False, min_value=1, max_value=600, help_text="CLOSE")


class AlgoIn(AlgoTermsIn):
    algorithm = serializers.ChoiceField(Algo.Kind.choices)
    broker = serializers.CharField(max_length=20, help_text="code of a broker")

    def ask(self) -> services.Ask:
        said = dict(self.validated_data)
        terms = {name: said[name] for name in services.Ask._fields if name in said}
        return services.Ask(said["algorithm"], said["broker"], **terms)


class PlanAlgoIn(AlgoIn):
    version = serializers.IntegerField(min_value=1, help_text="the block's, as the caller saw it")
    reason = serializers.CharField(max_length=400, required=False, default="", allow_blank=True)
    start = serializers.BooleanField(required=False, default=False, help_text="at once; else it is only kept")


class ChangeAlgoIn(AlgoTermsIn):
    version = serializers.IntegerField(min_value=1)
    reason = serializers.CharField(max_length=400, required=False, default="", allow_blank=True)


class AlgoActIn(serializers.Serializer):
    version = serializers.IntegerField(min_value=1)
    reason = serializers.CharField(max_length=400, required=False, default="", allow_blank=True, help_text="needed to stop")


class PlannedSliceOut(serializers.Serializer):
    n = serializers.IntegerField()
    at = serializers.DateTimeField()
    qty = serializers.DecimalField(20, 4, allow_null=True, help_text="null where it depends on the market's volume")
    tif = serializers.CharField(allow_blank=True, help_text="empty: the block's")


class AlgoPlanOut(serializers.Serializer):
    """A plan that was not kept."""

    qty = serializers.DecimalField(20, 4)
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    basis = serializers.CharField(help_text="what it rests on")
    slices = PlannedSliceOut(many=True)


class SentSliceOut(serializers.Serializer):
    n = serializers.IntegerField()
    due_at = serializers.DateTimeField()
    sent_at = serializers.DateTimeField()
    planned_qty = serializers.DecimalField(20, 4)
    qty = serializers.DecimalField(20, 4)
    route_id = serializers.IntegerField()
    route_status = serializers.CharField(source="route.status")
    filled_qty = serializers.DecimalField(20, 4, source="route.cum_qty")


class AlgoOut(serializers.ModelSerializer):
    ref = serializers.CharField()
    algorithm = serializers.CharField(source="kind")
    broker = serializers.CharField(source="broker.code")
    works_for = serializers.CharField(source="works_for.username")
    plan = serializers.SerializerMethodField()
    sent = serializers.SerializerMethodField()
    filled_qty = serializers.SerializerMethodField()

    class Meta:
        model = Algo
        fields = (
            "id", "ref", "status", "version", "block_id", "algorithm", "broker", "qty", "limit_price", "starts_at",
            "ends_at", "interval_seconds", "params", "basis", "text", "works_for", "planned_at", "started_at", "ended_at", "filled_qty",
            "plan", "sent",
        )  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(PlannedSliceOut(many=True))
    def get_plan(self, algo: Algo) -> list[dict]:
        return [{"n": n, "at": at, "qty": qty, "tif": tif} for n, at, qty, tif in algo.plan]

    @extend_schema_field(SentSliceOut(many=True))
    def get_sent(self, algo: Algo) -> list[dict]:
        return SentSliceOut(sorted(algo.slices.all(), key=lambda s: s.n), many=True).data

    @extend_schema_field(serializers.DecimalField(20, 4))
    def get_filled_qty(self, algo: Algo) -> str:
        return f"{sum((s.route.cum_qty for s in algo.slices.all()), start=algo.qty * 0):f}"


@extend_schema_view(list=extend_schema(summary="Algorithms of our own, the newest first, with plan and what was sent"))
class Algos(ApiDoor, mixins.ListModelMixin, viewsets.GenericViewSet):
    permissions = ("routing.see",)
    acts = dict.fromkeys(("start", "pause", "resume", "stop", "change"), ("routing.route",))
    serializer_class = AlgoOut
    pagination_class = NewestFirst
    filterset_fields = ("status", "kind", "block")
    queryset = Algo.objects.none()

    def get_queryset(self):
        return selectors.algos_seen_by(self.request.user).prefetch_related("slices__route")

    @extend_schema(summary="One algorithm with its plan and what it sent", responses=AlgoOut)
    def retrieve(self, request: Request, pk: str) -> Response:
        return Response(self._data(request, int(pk)))

    @extend_schema(summary="Start it", request=AlgoActIn, responses=AlgoOut, parameters=[KEY])
    def start(self, request: Request, pk: str) -> Response:
        return self._act(request, int(pk), services.start_algo)

    @extend_schema(summary="Pause it; what is at the broker stays", request=AlgoActIn, responses=AlgoOut, parameters=[KEY])
    def pause(self, request: Request, pk: str) -> Response:
        return self._act(request, int(pk), services.pause_algo)

    @extend_schema(summary="Let it go on, the rest planned anew", request=AlgoActIn, responses=AlgoOut, parameters=[KEY])
    def resume(self, request: Request, pk: str) -> Response:
        return self._act(request, int(pk), services.resume_algo)

    @extend_schema(summary="Stop it and cancel what is open; asks for a reason", request=AlgoActIn, responses=AlgoOut, parameters=[KEY])
    def stop(self, request: Request, pk: str) -> Response:
        return self._act(request, int(pk), services.stop_algo)

    @extend_schema(summary="Work the rest on other terms", request=ChangeAlgoIn, responses=AlgoOut, parameters=[KEY])
    def change(self, request: Request, pk: str) -> Response:
        said = _said(ChangeAlgoIn, request)
        found = selectors.get_algo_seen_by(request.user, int(pk))
        terms = {name: said[name] for name in services.Ask._fields if name in said}
        act = act_of(request, reason=said["reason"])

        def do():
            services.change_algo(act, found.pk, services.ask_of(found)._replace(**terms), seen={found.pk: said["version"]})
            return self._data(request, found.pk)

        return Response(answer_once(act, "algos.change_algo", {"id": pk, "said": said}, do)[0])

    def _act(self, request: Request, pk: int, service) -> Response:
        said = _said(AlgoActIn, request)
        act = act_of(request, reason=said["reason"])

        def do():
            service(act, pk, seen={pk: said["version"]})
            return self._data(request, pk)

        return Response(answer_once(act, f"algos.{service.__name__}", {"id": pk, "said": said}, do)[0])

    def _data(self, request: Request, pk: int) -> dict:
        return _data(request, pk)


class BlockAlgos(ApiDoor, viewsets.ViewSet):
    permissions = ("routing.route",)

    @extend_schema(summary="The plan that an algorithm would have; changes nothing", request=AlgoIn, responses=AlgoPlanOut)
    def preview(self, request: Request, pk: str) -> Response:
        asked = AlgoIn(data=request.data)
        asked.is_valid(raise_exception=True)
        block = get_block_seen_by(request.user, int(pk))
        most = block.unplaced_qty - selectors.spoken_for(block.pk)
        sketch = services.sketch_algo(asked.ask(), block, act_of(request).at, most=most)
        slices = [{"n": n} | s._asdict() for n, s in enumerate(sketch.slices, 1)]
        ask = sketch.ask
        said = {"qty": ask.qty, "starts_at": ask.starts_at, "ends_at": ask.ends_at, "basis": sketch.basis, "slices": slices}
        return Response(AlgoPlanOut(said).data)

    @extend_schema(summary="Plan an algorithm for a block, and start it", request=PlanAlgoIn, responses={201: AlgoOut}, parameters=[KEY])
    def plan(self, request: Request, pk: str) -> Response:
        asked = PlanAlgoIn(data=request.data)
        asked.is_valid(raise_exception=True)
        said, block_id = asked.validated_data, int(pk)
        get_block_seen_by(request.user, block_id)
        act = act_of(request, reason=said["reason"])

        def do():
            made = services.plan_algo(act, block_id, asked.ask(), seen=said["version"])
            if said["start"]:
                services.start_algo(replace(act, key=None), made, seen={made: 1})
            return _data(request, made)

        answer, repeated = answer_once(act, "algos.plan_algo", {"id": pk, "said": said}, do)
        return Response(answer, status.HTTP_200_OK if repeated else status.HTTP_201_CREATED)


def _data(request: Request, pk: int) -> dict:
    rows = selectors.algos_seen_by(request.user).prefetch_related("slices__route")
    return AlgoOut(selectors.one_of(rows, pk)).data


def _said(serializer: type[serializers.Serializer], request: Request) -> dict:
    asked = serializer(data=request.data)
    asked.is_valid(raise_exception=True)
    return asked.validated_data
