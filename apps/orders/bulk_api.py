"""Many orders at once to other systems: one change with an answer for each, the same again, the other way round."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit.services import answer_once
from apps.core.edges import act_of, versions_once
from apps.core.refusals import Invalid
from apps.portfolios import selectors as portfolios

from . import selectors, services
from .api import KEY, OrderOut, Scoped
from .models import Order

MOST_AT_ONCE = 10_000


class SeenOrderIn(serializers.Serializer):
    id = serializers.IntegerField(min_value=1)
    version = serializers.IntegerField(min_value=1, help_text="the version that was looked at")


class ChangeIn(serializers.Serializer):
    """What to change in all of them; what is left out stays."""

    order_type = serializers.ChoiceField(Order._meta.get_field("order_type").choices, required=False)
    limit_price = serializers.DecimalField(20, 8, required=False, help_text="the same for all; makes them limit orders")
    limit_bp = serializers.DecimalField(12, 4, required=False, help_text="moves each order's own limit by basis points")
    tif = serializers.ChoiceField(Order._meta.get_field("tif").choices, required=False)
    instructions = serializers.CharField(max_length=200, required=False, allow_blank=True)
    rationale = serializers.CharField(max_length=400, required=False, allow_blank=True)
    desk = serializers.CharField(max_length=20, required=False, help_text="its code")
    qty_pct = serializers.DecimalField(
        12, 4, required=False, help_text="percent of each quantity, down to what trades"
    )
    expire_date = serializers.DateField(required=False, help_text="last day of those that are good till a date, GTD")
    own = serializers.DictField(
        required=False, help_text="values of the firm's own fields by code; an empty one takes it away. Opens nothing again"
    )


class BulkChangeIn(serializers.Serializer):
    orders = SeenOrderIn(many=True, allow_empty=False, max_length=MOST_AT_ONCE)
    change = ChangeIn()
    submit = serializers.BooleanField(default=False, help_text="send those submitted before back to compliance")
    reason = serializers.CharField(max_length=400, default="", allow_blank=True)


class OutcomeOut(serializers.Serializer):
    """What became of one order. ``code`` and ``message`` say why it was not changed; ``since`` what others did to it."""

    id = serializers.IntegerField(source="order_id")
    done = serializers.BooleanField()
    code = serializers.CharField()
    message = serializers.CharField()
    status = serializers.CharField()
    version = serializers.IntegerField()
    since = serializers.ListField(child=serializers.DictField())


class OutcomesOut(serializers.Serializer):
    changed = serializers.IntegerField()
    refused = serializers.IntegerField()
    orders = OutcomeOut(many=True)


class CopyIn(serializers.Serializer):
    orders = serializers.ListField(child=serializers.IntegerField(min_value=1), allow_empty=False, max_length=MOST_AT_ONCE)
    submit = serializers.BooleanField(default=False, help_text="send them to compliance in the same act")
    reason = serializers.CharField(max_length=400, default="", allow_blank=True)


class CloneIn(CopyIn):
    portfolios = serializers.ListField(
        child=serializers.CharField(), required=False, default=list, max_length=1000,
        help_text="codes: each order once for each of them; left out, for its own",
    )  # fmt: skip


class ManyOrders(Scoped):
    acts = {"change": ("orders.amend",), "clone": ("orders.create",), "reverse": ("orders.create",)}
    queryset = Order.objects.none()

    @extend_schema(
        summary="Change many orders by one change, with an answer for each",
        request=BulkChangeIn,
        responses=OutcomesOut,
        parameters=[KEY],
    )
    def change(self, request: Request) -> Response:
        """200 whether all, some or none could be changed: look at each order's answer."""
        said = self.checked(BulkChangeIn)
        act = act_of(request, reason=said["reason"])
        seen = versions_once(said["orders"], "orders")

        def do():
            found = services.change_orders(act, services.Change(**said["change"]), seen=seen, submit=said["submit"])
            changed = sum(one.done for one in found)
            return OutcomesOut({"changed": changed, "refused": len(found) - changed, "orders": found}).data

        return Response(answer_once(act, "orders.change_orders", request.data, do)[0])

    @extend_schema(
        summary="Enter orders again, for their own portfolios or for others",
        request=CloneIn,
        responses={201: OrderOut(many=True), 200: OrderOut(many=True)},
        parameters=[KEY],
    )
    def clone(self, request: Request) -> Response:
        said = self.checked(CloneIn)
        homes = _portfolios(request.user, said["portfolios"])
        return self._made(
            said, lambda act: services.clone_orders(act, said["orders"], portfolio_ids=homes, submit=said["submit"])
        )

    @extend_schema(
        summary="Enter the opposite of what was filled of orders",
        request=CopyIn,
        responses={201: OrderOut(many=True), 200: OrderOut(many=True)},
        parameters=[KEY],
    )
    def reverse(self, request: Request) -> Response:
        said = self.checked(CopyIn)
        return self._made(said, lambda act: services.reverse_orders(act, said["orders"], submit=said["submit"]))

    def _made(self, said: dict, do) -> Response:
        act = act_of(self.request, reason=said["reason"])

        def enter():
            ids = do(act)
            rows = (
                selectors.orders_seen_by(self.request.user)
                .select_related("portfolio", "instrument", "desk", "group", "created_by")
                .in_bulk(ids)
            )
            return OrderOut([rows[pk] for pk in ids], many=True).data

        answer, repeated = answer_once(act, f"orders.{self.action}_orders", self.request.data, enter)
        return Response(answer, status.HTTP_200_OK if repeated else status.HTTP_201_CREATED)


def _portfolios(user, codes: list[str]) -> list[int]:
    """:raises Invalid: where a code names none that the person sees"""
    known = dict(portfolios.portfolios_seen_by(user).filter(code__in=codes).values_list("code", "pk"))
    unknown = [code for code in codes if code not in known]
    if unknown:
        raise Invalid(f"There is no portfolio “{unknown[0][:40]}”, or it is not one of yours.", field="portfolios")
    return [known[code] for code in dict.fromkeys(codes)]
