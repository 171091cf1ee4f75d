"""Blocks to other systems: scoped as the pages are."""

import django_filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import mixins, serializers, viewsets
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit.services import answer_once
from apps.core.edges import act_of
from apps.core.refusals import NotFound
from apps.users.doors import ApiDoor

from . import selectors, services
from .models import Block, Member

KEY = OpenApiParameter("Idempotency-Key", OpenApiTypes.STR, OpenApiParameter.HEADER)


class NewestFirst(CursorPagination):
    ordering = "-id"
    page_size = 100
    max_page_size = 1000
    page_size_query_param = "page_size"


class BlockOut(serializers.ModelSerializer):
    """Like orders worked as one. ``qty`` = filled + leaves + cancelled; ``placed_qty`` is filled or at a broker."""

    ref = serializers.CharField(read_only=True)
    symbol = serializers.CharField(source="instrument.symbol")
    isin = serializers.CharField(source="instrument.isin")
    currency = serializers.CharField(source="currency_id")
    desk = serializers.CharField(source="desk.code")
    directed_to = serializers.CharField(source="directed_to.code", default=None, help_text="broker; null: free")
    directed_when = serializers.CharField(help_text="BEFORE, WITH or AFTER the free orders, or in TURN; empty: free")
    meant_for = serializers.CharField(source="meant_for.code", default=None, help_text="broker for whom the desk split it off")
    owner = serializers.CharField(source="owner.username", default=None, help_text="who works it; null: in the pool")
    orders = serializers.IntegerField(source="order_count")
    leaves_qty = serializers.DecimalField(20, 4)
    unplaced_qty = serializers.DecimalField(20, 4)
    average_price = serializers.DecimalField(34, 12, allow_null=True)

    class Meta:
        model = Block
        fields = (
            "id", "ref", "status", "version", "symbol", "isin", "side", "qty", "order_type", "limit_price", "tif",
            "terms", "instructions", "currency", "desk", "directed_to", "directed_when", "meant_for", "apart", "owner",
            "wave", "split_from_id", "orders", "placed_qty", "filled_qty",
            "cancelled_qty",
            "leaves_qty", "unplaced_qty", "average_price", "arrival_price", "trade_date", "settle_date", "opened_at",
            "frozen_at", "done_at",
        )  # fmt: skip
        read_only_fields = fields


def blocks_out(user):
    """Blocks that the user sees, with what is said of each."""
    rows = selectors.with_order_count(selectors.blocks_seen_by(user))
    return rows.select_related("instrument", "desk", "owner", "directed_to", "meant_for")


class MemberOut(serializers.ModelSerializer):
    """
    One order's part, of a portfolio that the caller may see; ``is_late`` where it is in a fund and was released after the
    cut-off of the day, so that it is dealt at the next valuation point.
    """

    order_id = serializers.IntegerField()
    portfolio = serializers.CharField(source="order.portfolio.code")
    status = serializers.CharField(source="order.status")

    class Meta:
        model = Member
        fields = ("order_id", "portfolio", "qty", "status", "is_late")
        read_only_fields = fields


class FinishIn(serializers.Serializer):
    version = serializers.IntegerField(min_value=1, help_text="the version that the caller looked at")
    reason = serializers.CharField(max_length=400, required=False, default="", allow_blank=True)


class OwnIn(serializers.Serializer):
    version = serializers.IntegerField(min_value=1, help_text="the version that the caller looked at")


class HandOverIn(FinishIn):
    to = serializers.CharField(max_length=150, allow_blank=True, help_text="username; empty: back to the pool")
    desk = serializers.CharField(
        max_length=20, required=False, default="", allow_blank=True,
        help_text="code of another desk, to whose trader or pool a supervisor passes it; empty: it stays at its desk",
    )  # fmt: skip


class TakeQueueIn(serializers.Serializer):
    of = serializers.CharField(max_length=150, help_text="username of who is away")
    to = serializers.CharField(max_length=150, required=False, default="", allow_blank=True, help_text="empty: the pool")
    reason = serializers.CharField(max_length=400)


class BlockFilter(django_filters.FilterSet):
    status = django_filters.BaseInFilter(field_name="status", help_text="one or several, by comma")
    symbol = django_filters.CharFilter(field_name="instrument__symbol")
    desk = django_filters.CharFilter(field_name="desk__code")
    owner = django_filters.CharFilter(field_name="owner__username")
    pool = django_filters.BooleanFilter(field_name="owner", lookup_expr="isnull", help_text="true: owned by nobody")

    class Meta:
        model = Block
        fields = ("status", "side", "symbol", "desk", "trade_date", "settle_date")


class Blocks(ApiDoor, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    permissions = ("blocks.see",)
    acts = dict.fromkeys(("finish", "pick_up", "hand_over", "unblock"), ("blocks.work",)) | {"take_queue": ("blocks.supervise",)}
    serializer_class = BlockOut
    filterset_class = BlockFilter
    pagination_class = NewestFirst
    queryset = Block.objects.none()  # For the schema's sake; what is seen is the user's.

    def dispatch(self, request, *args, **kwargs):
        if "pk" in kwargs:
            kwargs["pk"] = int(kwargs["pk"])
        return super().dispatch(request, *args, **kwargs)

    def get_queryset(self):
        return blocks_out(self.request.user)

    def get_object(self) -> Block:
        row = self.get_queryset().filter(pk=self.kwargs["pk"]).first()
        if row is None:
            raise NotFound("There is no such block, or it is not on a desk of yours.")
        return row

    @extend_schema(summary="Its orders of portfolios you may see, the largest first", responses=MemberOut(many=True))
    def orders(self, request: Request, pk: int) -> Response:
        return Response(MemberOut(selectors.members_seen_by(request.user, pk), many=True).data)

    @extend_schema(
        summary="When it is released beside others of its idea; no content where nobody takes turns",
        responses={
            200: inline_serializer(
                "Due",
                {"place": serializers.IntegerField(), "places": serializers.IntegerField(),
                 "waits_for": serializers.ListField(child=serializers.CharField()),
                 "rotation": serializers.CharField(help_text="empty: by what clients say alone")},
            ),
            204: None,
        },
    )  # fmt: skip
    def turn(self, request: Request, pk: int) -> Response:
        due = selectors.turns_of([self.get_object().pk]).get(pk)
        return Response(due._asdict()) if due else Response(status=204)

    @extend_schema(
        summary="Its allocation statement, and whether it still has the hash it was recorded with",
        responses=inline_serializer(
            "Statement",
            {"content": serializers.JSONField(), "hash": serializers.CharField(), "made_at": serializers.DateTimeField(),
             "verified": serializers.BooleanField()},
        ),
    )  # fmt: skip
    def statement(self, request: Request, pk: int) -> Response:
        made = selectors.statement_seen_by(request.user, pk)
        return Response(
            {"content": made.content, "hash": made.hash, "made_at": made.made_at,
             "verified": selectors.verify_statement(made.block)}
        )  # fmt: skip

    @extend_schema(summary="End it with what is filled, giving up the rest", request=FinishIn, responses=BlockOut, parameters=[KEY])
    def finish(self, request: Request, pk: int) -> Response:
        asked = FinishIn(data=request.data)
        asked.is_valid(raise_exception=True)
        said = asked.validated_data
        self.get_object()
        act = act_of(request, reason=said["reason"])

        def end():
            services.finish_blocks(act, [pk], seen={pk: said["version"]})
            return BlockOut(self.get_object()).data

        return Response(answer_once(act, "blocks.finish_blocks", {"id": pk, "said": said}, end)[0])

    @extend_schema(summary="Make a block of the pool one's own", request=OwnIn, responses=BlockOut, parameters=[KEY])
    def pick_up(self, request: Request, pk: str) -> Response:
        said = self._said(OwnIn, request)
        act = act_of(request)

        def do():
            services.pick_up_blocks(act, [int(pk)], seen={int(pk): said["version"]})
            return BlockOut(self.get_object()).data

        return Response(answer_once(act, "blocks.pick_up_blocks", {"id": int(pk), "said": said}, do)[0])

    @extend_schema(
        summary="Hand it to a colleague, back to the pool or to another desk", request=HandOverIn, responses=BlockOut, parameters=[KEY]
    )
    def hand_over(self, request: Request, pk: str) -> Response:
        said = self._said(HandOverIn, request)
        act = act_of(request, reason=said["reason"])

        def do():
            block = self.get_object()  # Who passes it on may not see it afterwards.
            more = {"to": said["to"], "seen": {block.pk: said["version"]}}
            if said["desk"]:
                services.pass_blocks(act, [block.pk], desk=said["desk"], **more)
            else:
                services.hand_over_blocks(act, [block.pk], **more)
            block.refresh_from_db()
            return BlockOut(block).data

        return Response(answer_once(act, "blocks.hand_over_blocks", {"id": int(pk), "said": said}, do)[0])

    @extend_schema(
        summary="End it before its first route and have its orders gathered anew", request=OwnIn, responses=BlockOut,
        parameters=[KEY],
    )  # fmt: skip
    def unblock(self, request: Request, pk: str) -> Response:
        said = self._said(OwnIn, request)
        act = act_of(request)

        def do():
            services.unblock_blocks(act, [int(pk)], seen={int(pk): said["version"]})
            return BlockOut(self.get_object()).data

        return Response(answer_once(act, "blocks.unblock_blocks", {"id": int(pk), "said": said}, do)[0])

    @extend_schema(
        summary="Take the whole queue of a colleague who is away",
        request=TakeQueueIn,
        responses=inline_serializer("TakenOver", {"blocks": serializers.IntegerField()}),
        parameters=[KEY],
    )
    def take_queue(self, request: Request) -> Response:
        said = self._said(TakeQueueIn, request)
        act = act_of(request, reason=said["reason"])

        def do():
            return {"blocks": services.take_over_queue(act, said["of"], to=said["to"])}

        return Response(answer_once(act, "blocks.take_over_queue", said, do)[0])

    def _said(self, serializer: type[serializers.Serializer], request: Request) -> dict:
        asked = serializer(data=request.data)
        asked.is_valid(raise_exception=True)
        return asked.validated_data
