"""Splitting blocks and orders, and joining the parts, to other systems."""

from decimal import Decimal

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit.services import answer_once
from apps.core.edges import act_of, versions_once
from apps.core.refusals import Invalid
from apps.users.doors import ApiDoor

from . import services
from .api import KEY, BlockOut, OwnIn, blocks_out
from .models import Block, Member
from .rules import How

SOMETHING = Decimal("0.0001")


class SplitIn(OwnIn):
    """Either ``orders``, which become a block as a whole, or a ``qty`` of it."""

    orders = serializers.ListField(child=serializers.IntegerField(min_value=1), required=False, help_text="ids to split off")
    qty = serializers.DecimalField(20, 4, required=False, min_value=SOMETHING)
    how = serializers.ChoiceField([how.value for how in How], required=False, default=How.PRO_RATA.value,
                                  help_text="of a quantity: of every order in proportion, or whole orders first")  # fmt: skip
    broker = serializers.CharField(max_length=20, required=False, default="", allow_blank=True, help_text="for whom it is meant")


class PartIn(serializers.Serializer):
    broker = serializers.CharField(max_length=20)
    qty = serializers.DecimalField(20, 4, min_value=SOMETHING)


class SplitByBrokerIn(OwnIn):
    parts = PartIn(many=True, help_text="together all of the block")
    how = serializers.ChoiceField([how.value for how in How], required=False, default=How.PRO_RATA.value)


class SplitOrderIn(OwnIn):
    qty = serializers.DecimalField(20, 4, min_value=SOMETHING, help_text="to split off")


class SeenPartIn(OwnIn):
    id = serializers.IntegerField(min_value=1)


class JoinIn(serializers.Serializer):
    orders = SeenPartIn(many=True)


class OrderPartOut(serializers.ModelSerializer):
    """An order of a family and the block it is in."""

    order_id = serializers.IntegerField()
    ref = serializers.CharField(source="order.ref")
    split_from_id = serializers.IntegerField(source="order.split_from_id", allow_null=True)
    version = serializers.IntegerField(source="order.version")

    class Meta:
        model = Member
        fields = ("order_id", "ref", "split_from_id", "version", "qty", "block_id")
        read_only_fields = fields


class Parts(ApiDoor, viewsets.GenericViewSet):
    permissions = ("blocks.work",)
    serializer_class = BlockOut
    pagination_class = None
    filter_backends = ()
    queryset = Block.objects.none()

    @extend_schema(
        summary="Split some of its orders, or a quantity of it, off before its first route", request=SplitIn,
        responses={201: BlockOut}, parameters=[KEY],
    )  # fmt: skip
    def split(self, request: Request, pk: str) -> Response:
        said, pk = self._said(SplitIn, request), int(pk)
        if ("qty" in said) == ("orders" in said):
            raise Invalid("Say either orders or a qty to split off.", field="qty")
        act, seen = act_of(request), {pk: said["version"]}

        def do():
            if "orders" in said:
                child = services.split_block(act, pk, said["orders"], seen=seen)
            else:
                child = services.split_block_by_qty(
                    act, pk, said["qty"], how=How(said["how"]), broker_code=said["broker"], seen=seen
                )
            return BlockOut(blocks_out(request.user).get(pk=child)).data

        return Response(answer_once(act, "blocks.split_block", {"id": pk, "said": said}, do)[0], status=201)

    @extend_schema(
        summary="Make several blocks of it, each meant for a broker, before its first route", request=SplitByBrokerIn,
        responses={201: BlockOut(many=True)}, parameters=[KEY],
    )  # fmt: skip
    def split_by_broker(self, request: Request, pk: str) -> Response:
        said, pk = self._said(SplitByBrokerIn, request), int(pk)
        act = act_of(request)

        def do():
            parts = [(part["broker"], part["qty"]) for part in said["parts"]]
            made = services.split_block_by_broker(act, pk, parts, how=How(said["how"]), seen={pk: said["version"]})
            return BlockOut(blocks_out(request.user).filter(pk__in=made).order_by("pk"), many=True).data

        return Response(answer_once(act, "blocks.split_block_by_broker", {"id": pk, "said": said}, do)[0], status=201)

    @extend_schema(
        summary="Split a quantity of an order off, as an order and block of its own, before its first route",
        request=SplitOrderIn, responses={201: OrderPartOut(many=True)}, parameters=[KEY],
    )  # fmt: skip
    def split_order(self, request: Request, pk: str) -> Response:
        """What is left of it, and the new order."""
        said, pk = self._said(SplitOrderIn, request), int(pk)
        act = act_of(request)

        def do():
            part, _ = services.split_order(act, pk, said["qty"], seen={pk: said["version"]})
            rows = Member.objects.filter(order__in=[pk, part]).select_related("order").order_by("order_id")
            return OrderPartOut(rows, many=True).data

        return Response(answer_once(act, "blocks.split_order", {"id": pk, "said": said}, do)[0], status=201)

    @extend_schema(
        summary="Make parts of an order one order again, before their first route", request=JoinIn, responses=OrderPartOut,
        parameters=[KEY],
    )  # fmt: skip
    def join(self, request: Request) -> Response:
        said = self._said(JoinIn, request)
        act, seen = act_of(request), versions_once(said["orders"], "orders")

        def do():
            left = services.join_orders(act, list(seen), seen=seen)
            return OrderPartOut(Member.objects.select_related("order").get(order=left)).data

        return Response(answer_once(act, "blocks.join_orders", said, do)[0])

    def _said(self, serializer: type[serializers.Serializer], request: Request) -> dict:
        asked = serializer(data=request.data)
        asked.is_valid(raise_exception=True)
        return asked.validated_data
