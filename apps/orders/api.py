"""Orders to other systems: the services the pages call, scoped as they are."""

import django_filters
import orjson
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit.services import answer_once
from apps.core.edges import act_of
from apps.core.refusals import Invalid
from apps.users.doors import ApiDoor

from . import selectors, services
from .models import Order
from .rules import HANDLING, INTENTS, defaults_in_words

ORDERS_AT_ONCE = 10_000
ASKED = (
    "portfolio", "instrument", "side", "qty", "order_type", "limit_price", "tif", "instructions", "rationale",
    "client_ref", "currency", "desk", *HANDLING,
    "intent", "intent_value",
)  # fmt: skip
KEY = OpenApiParameter(
    "Idempotency-Key", OpenApiTypes.STR, OpenApiParameter.HEADER,
    description="The same key with the same request is answered as the first time, and nothing happens again.",
)  # fmt: skip


class NewestFirst(CursorPagination):
    ordering = "-id"
    page_size = 100
    max_page_size = 1000
    page_size_query_param = "page_size"


# --- what goes in and out -------------------------------------------------------------------------------------------


class HandlingIn(serializers.Serializer):
    """Terms that few orders have."""

    intent = serializers.ChoiceField(
        [(code, words) for code, words in INTENTS.items()], required=False, help_text="gives the quantity, with its value"
    )
    intent_value = serializers.DecimalField(20, 4, required=False, help_text="money in the instrument's currency, or percent")

    stop_price = serializers.DecimalField(20, 8, required=False, allow_null=True, help_text="of STOP and STOP_LIMIT")
    peg = serializers.CharField(required=False, allow_blank=True, help_text="of PEGGED: PRIMARY, MID or MARKET")
    peg_offset = serializers.DecimalField(20, 8, required=False, allow_null=True, help_text="added to what it pegs to")
    expire_date = serializers.DateField(required=False, allow_null=True, help_text="last day of GTD")
    min_qty = serializers.DecimalField(20, 4, required=False, allow_null=True, help_text="least quantity of a fill")
    display_qty = serializers.DecimalField(20, 4, required=False, allow_null=True, help_text="most that is shown")
    position_effect = serializers.CharField(
        required=False, allow_blank=True, help_text="of options and futures: OPEN or CLOSE (FIX tag 77)"
    )
    short_exempt = serializers.CharField(
        required=False, allow_blank=True, help_text="of short sales: the listed reason of the exemption (FIX tag 1688), code or word"
    )
    flags = serializers.CharField(
        required=False, allow_blank=True, help_text="NOT_HELD, DO_NOT_INCREASE, CARE, with commas between"
    )
    cash_qty = serializers.DecimalField(
        20, 4, required=False, allow_null=True, help_text="money of an order in a fund by amount, in place of qty"
    )
    value_date = serializers.DateField(
        required=False, allow_null=True, help_text="of a forward in currencies, later than spot; left out for spot"
    )


class OrderIn(HandlingIn):
    """What is wanted. Quantity in units (face for bonds, whole contracts for options and futures, base currency of a pair,
    units of a fund, or its amount in cash_qty); limit in the instrument's currency (percent of par for bonds)."""

    portfolio = serializers.CharField(help_text="its code")
    instrument = serializers.CharField(help_text="its symbol, ISIN, CUSIP, SEDOL or FIGI")
    side = serializers.ChoiceField(
        Order._meta.get_field("side").choices, help_text="SELL_SHORT of what can be borrowed: shares and bonds"
    )
    qty = serializers.DecimalField(20, 4, required=False, help_text="left out where an intent gives it")
    order_type = serializers.ChoiceField(
        Order._meta.get_field("order_type").choices, required=False, help_text=defaults_in_words()
    )
    limit_price = serializers.DecimalField(20, 8, required=False)
    tif = serializers.ChoiceField(
        Order._meta.get_field("tif").choices, required=False,
        help_text="where left out, as the firm's rules say, else as order_type says for the asset class",
    )  # fmt: skip
    instructions = serializers.CharField(max_length=200, required=False)
    rationale = serializers.CharField(max_length=400, required=False)
    client_ref = serializers.CharField(max_length=64, required=False, help_text="unique among your unfinished orders")
    currency = serializers.CharField(required=False, help_text="refused where it is not the instrument's")
    desk = serializers.CharField(required=False, help_text="its code; the firm's first where left out")
    own = serializers.DictField(required=False, help_text="values of the firm's own fields by code")


class OrderOut(serializers.ModelSerializer):
    """An order as it stands. ``qty`` = filled + leaves + cancelled."""

    ref = serializers.CharField(read_only=True)
    portfolio = serializers.CharField(source="portfolio.code")
    symbol = serializers.CharField(source="instrument.symbol")
    isin = serializers.CharField(source="instrument.isin")
    currency = serializers.CharField(source="currency_id")
    desk = serializers.CharField(source="desk.code")
    group = serializers.CharField(source="group.name", default=None)
    import_id = serializers.IntegerField(source="batch_id")
    created_by = serializers.CharField(source="created_by.username")
    leaves_qty = serializers.DecimalField(20, 4)

    class Meta:
        model = Order
        fields = (
            "id", "ref", "status", "version", "portfolio", "symbol", "isin", "side", "qty", "order_type", "limit_price",
            "tif", "terms", "intent", "instructions", "rationale", "client_ref", "currency", "desk", "group_id", "group", "import_id",
            "decision_price", "filled_qty", "cancelled_qty", "leaves_qty", "created_by", "created_at",
            "defaulted", "own", "split_from_id",
        )  # fmt: skip
        read_only_fields = fields


class SeenIn(serializers.Serializer):
    """The version that the caller looked at, and why, in a person's words."""

    version = serializers.IntegerField(min_value=1)
    reason = serializers.CharField(max_length=400, required=False, default="", allow_blank=True)


class AmendIn(SeenIn, HandlingIn):
    qty = serializers.DecimalField(20, 4, required=False)
    order_type = serializers.ChoiceField(Order._meta.get_field("order_type").choices, required=False)
    limit_price = serializers.DecimalField(20, 8, required=False, allow_null=True)
    tif = serializers.ChoiceField(Order._meta.get_field("tif").choices, required=False)
    instructions = serializers.CharField(max_length=200, required=False, allow_blank=True)
    rationale = serializers.CharField(max_length=400, required=False, allow_blank=True)


class FieldsIn(SeenIn):
    own = serializers.DictField(help_text="new values by code; an empty one takes it away, what is not named stays")


class OrderFilter(django_filters.FilterSet):
    status = django_filters.BaseInFilter(field_name="status", help_text="one or several, by comma")
    portfolio = django_filters.CharFilter(field_name="portfolio__code")
    symbol = django_filters.CharFilter(field_name="instrument__symbol")
    group = django_filters.NumberFilter(field_name="group_id")
    imported = django_filters.NumberFilter(field_name="batch_id", label="id of the import")
    created_from = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_to = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = Order
        fields = ("status", "side", "portfolio", "symbol", "group", "imported", "client_ref")


# --- orders ---------------------------------------------------------------------------------------------------------


class Scoped(ApiDoor, viewsets.GenericViewSet):
    """Opens to roles that may look; what they see is the selectors' to say."""

    permissions = ("orders.see",)

    def dispatch(self, request, *args, **kwargs):
        if "pk" in kwargs:
            kwargs["pk"] = int(kwargs["pk"])
        return super().dispatch(request, *args, **kwargs)

    def checked(self, serializer: type[serializers.Serializer]) -> dict:
        asked = serializer(data=self.request.data)
        asked.is_valid(raise_exception=True)
        return asked.validated_data


@extend_schema_view(
    list=extend_schema(summary="Orders, the newest first"),
    retrieve=extend_schema(summary="One order"),
)
class Orders(mixins.ListModelMixin, mixins.RetrieveModelMixin, Scoped):
    acts = {
        "create": ("orders.create",), "submit": ("orders.submit",), "cancel": ("orders.cancel",),
        "amend": ("orders.amend",), "fields": ("orders.amend",),
    }  # fmt: skip
    serializer_class = OrderOut
    filterset_class = OrderFilter
    pagination_class = NewestFirst
    queryset = Order.objects.none()  # For the schema's sake; what is seen is the user's.

    def get_queryset(self):
        return selectors.orders_seen_by(self.request.user).select_related(
            "portfolio", "instrument", "desk", "group", "created_by"
        )

    def get_object(self) -> Order:
        return selectors.get_order_seen_by(self.request.user, self.kwargs["pk"])

    @extend_schema(
        summary="Enter one order, or a list of them: all or none",
        request=OrderIn(many=True),
        responses={201: OrderOut(many=True), 200: OrderOut(many=True)},
        parameters=[
            KEY,
            OpenApiParameter("submit", OpenApiTypes.BOOL, description="send them to compliance in the same act"),
            OpenApiParameter("group_name", OpenApiTypes.STR, description="link them as a group"),
        ],
    )
    def create(self, request: Request) -> Response:
        """One object is answered with an object, a list with a list. 201 the first time, 200 to a repeat of its key."""
        is_list = isinstance(request.data, list)
        submit = yes(request.query_params.get("submit", ""))
        group = request.query_params.get("group_name", "")
        wishes = wishes_of(request.data if is_list else [request.data])
        act = act_of(request)

        def enter():
            ids = services.create_orders(act, wishes, group_name=group, submit=submit)
            rows = self.get_queryset().in_bulk(ids)
            answer = OrderOut([rows[pk] for pk in ids], many=True).data
            return answer if is_list else answer[0]

        asked = {"orders": request.data, "submit": submit, "group_name": group}
        answer, repeated = answer_once(act, "orders.create_orders", asked, enter)
        return Response(answer, status.HTTP_200_OK if repeated else status.HTTP_201_CREATED)

    @extend_schema(summary="Send a draft to compliance", request=SeenIn, responses=OrderOut, parameters=[KEY])
    def submit(self, request: Request, pk: int) -> Response:
        said = self.checked(SeenIn)
        return self._moved(pk, said, lambda act: services.submit_orders(act, [pk], seen={pk: said["version"]}))

    @extend_schema(summary="Cancel an order the desk does not work yet", request=SeenIn, responses=OrderOut, parameters=[KEY])
    def cancel(self, request: Request, pk: int) -> Response:
        said = self.checked(SeenIn)
        return self._moved(pk, said, lambda act: services.cancel_orders(act, [pk], seen={pk: said["version"]}))

    @extend_schema(summary="Change its terms; it becomes a draft again", request=AmendIn, responses=OrderOut, parameters=[KEY])
    def amend(self, request: Request, pk: int) -> Response:
        said = self.checked(AmendIn)
        changes = {field: value for field, value in said.items() if field not in ("version", "reason")}
        return self._moved(
            pk, said, lambda act: services.amend_orders(act, {pk: changes}, seen={pk: said["version"]})
        )

    @extend_schema(summary="Set the firm's own fields", request=FieldsIn, responses=OrderOut, parameters=[KEY])
    def fields(self, request: Request, pk: int) -> Response:
        said = self.checked(FieldsIn)
        return self._moved(
            pk, said, lambda act: services.set_own_fields(act, {pk: said["own"]}, seen={pk: said["version"]})
        )

    def _moved(self, pk: int, said: dict, do) -> Response:
        self.get_object()
        act = act_of(self.request, reason=said["reason"])

        def move():
            do(act)
            return OrderOut(self.get_object()).data

        return Response(answer_once(act, f"orders.{self.action}", {"id": pk, "said": said}, move)[0])


def yes(word: str) -> bool:
    if word.lower() not in ("", "0", "1", "true", "false"):
        raise Invalid(f"submit must be true or false; got “{word[:20]}”.", field="submit")
    return word.lower() in ("1", "true")


def wishes_of(objects: list) -> list[services.Wish]:
    """The objects as wishes, their numbers as written. :raises BadWishes: where one has a field it should not, or of another type"""
    if len(objects) > ORDERS_AT_ONCE:
        raise Invalid(f"{len(objects)} orders are too many at once: send at most {ORDERS_AT_ONCE}, or import a file.")
    wishes, wrong = [], []
    for index, one in enumerate(objects):
        if not isinstance(one, dict):
            wrong.append({"index": index, "field": "order", "message": "An order is a JSON object."})
            continue
        for field, value in one.items():
            if message := _misfit(field, value):
                wrong.append({"index": index, "field": field, "message": message})
        said = {field: _as_text(one.get(field)) for field in ASKED}
        wrong += [{"index": index, "field": field, "message": message} for field, message in _twofold(said)]
        own = one.get("own") if isinstance(one.get("own"), dict) else None
        wishes.append(services.Wish(None, None, said.pop("side"), said.pop("qty"), own=own, **said))
    if wrong:
        raise services.BadWishes(
            "Some of what was sent is no order, so none was entered. " + wrong[0]["message"], rows=wrong[:1000]
        )
    return wishes


def _misfit(field: str, value) -> str:
    """Why a field of an order is not what it can be, before anything is known of the order; empty where it is."""
    if field == "own":
        if not isinstance(value, dict | None):
            return "Send an object: values of the firm's own fields by their codes."
        value = orjson.dumps(value, default=str).decode()
        return "A NUL character cannot be kept. Leave it out." if "\\u0000" in value else ""
    if field not in ASKED:
        return f"There is no field “{field[:40]}”."
    if isinstance(value, bool | list | dict):
        return "Send text or a number."
    return "A NUL character cannot be kept. Leave it out." if isinstance(value, str) and "\0" in value else ""


def _twofold(said: dict[str, str]) -> list[tuple[str, str]]:
    """A quantity said in two ways, of which one would be lost."""
    found = []
    if said["qty"] and said["intent"]:
        found.append(("qty", "Give units, or an intent with its value; not both."))
    if said["qty"] and said["cash_qty"]:
        found.append(("qty", "Give units, or an amount in cash_qty; not both."))
    if said["intent_value"] and not said["intent"]:
        found.append(("intent", f"Say what {said['intent_value'][:20]} is: {', '.join(INTENTS)}."))
    return found


def _as_text(value) -> str:
    if value is None:
        return ""
    return f"{value:.12f}".rstrip("0") if isinstance(value, float) and abs(value) < 1e15 else str(value)
