"""Groups of legs to other systems: scoped as the pages are."""

from decimal import Decimal

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit.services import answer_once
from apps.blocks.api import KEY
from apps.core.edges import act_of, versions_once
from apps.core.money import rounded
from apps.core.refusals import NotFound
from apps.routing.models import Package
from apps.users.doors import ApiDoor

from . import page_selectors, rules, selectors, services
from .models import BrokerList, Leg, LinkedGroup, Wave


class NewestGroupsFirst(CursorPagination):
    ordering = "-id"
    page_size = 100


class LegOut(serializers.ModelSerializer):
    """``allowed_qty``: how much of it, filled included, may be at brokers now; ``problem``: what keeps it from being there."""

    block = serializers.CharField(source="block.ref")
    symbol = serializers.CharField(source="block.instrument.symbol")
    side = serializers.CharField(source="block.side")
    filled_qty = serializers.DecimalField(20, 4, source="block.filled_qty")
    placed_qty = serializers.DecimalField(20, 4, source="block.placed_qty", help_text="filled, at brokers, or asked of them")

    class Meta:
        model = Leg
        fields = (
            "nth", "block_id", "block", "symbol", "side", "role", "qty", "ratio", "broker_code", "allowed_qty", "placed_qty", "filled_qty",
            "problem",
        )  # fmt: skip
        read_only_fields = fields


class LinkedGroupOut(serializers.ModelSerializer):
    """``status``: PLANNED, WORKING, PAUSED, ENDING (cancels are out), DONE or CANCELLED."""

    ref = serializers.CharField(read_only=True)
    desk = serializers.CharField(source="desk.code")
    composed_by = serializers.CharField(source="composed_by.username")
    sent_by = serializers.CharField(source="sent_by.username", default=None)
    legs = LegOut(many=True)

    class Meta:
        model = LinkedGroup
        fields = (
            "id", "ref", "kind", "how", "status", "version", "desk", "tolerance_pct", "tolerance_amount", "ratio_limit",
            "packages", "net_limit", "note", "composed_by", "composed_at", "sent_by", "sent_at",
            "ended_at", "legs",
        )  # fmt: skip
        read_only_fields = fields


class GroupedBlockIn(serializers.Serializer):
    id = serializers.IntegerField(min_value=1, help_text="the block's")
    version = serializers.IntegerField(min_value=1, help_text="the block's, as the caller saw it")
    broker_code = serializers.CharField(max_length=20, required=False, default="", allow_blank=True, help_text="empty: by rule")


class ComposeIn(serializers.Serializer):
    kind = serializers.CharField(max_length=8, help_text="OCO, OTO, BRACKET, PAIR, MULTILEG or PROGRAM")
    how = serializers.CharField(max_length=8, required=False, default="REDUCE", help_text="REDUCE or CANCEL")
    blocks = GroupedBlockIn(many=True, allow_empty=False, help_text="in their order; the first of OTO and BRACKET triggers, of PAIR leads")
    tolerance_pct = serializers.DecimalField(9, 4, required=False, allow_null=True, default=None, help_text="of a pair: this or the amount")
    tolerance_amount = serializers.DecimalField(
        20, 4, required=False, allow_null=True, default=None, help_text="of a pair, in USD, instead of percent"
    )
    ratio_limit = serializers.DecimalField(20, 8, required=False, allow_null=True, default=None, help_text="of a pair")
    packages = serializers.DecimalField(
        20, 4, required=False, allow_null=True, default=None, help_text="of MULTILEG: how many; as many as the blocks make where null"
    )
    net_limit = serializers.DecimalField(
        20, 8, required=False, allow_null=True, default=None,
        help_text="of MULTILEG: the most that is paid for one package, below zero the least that is received",
    )  # fmt: skip
    note = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)


class LinkedGroupActIn(serializers.Serializer):
    version = serializers.IntegerField(min_value=1, help_text="the group's, as the caller saw it")
    reason = serializers.CharField(max_length=400, required=False, default="", allow_blank=True)


class WaveIn(LinkedGroupActIn):
    pct = serializers.DecimalField(9, 4, min_value=0, max_value=100, help_text="of every block, in whole lots")


class PackageChangeIn(LinkedGroupActIn):
    packages = serializers.DecimalField(20, 4, help_text="of the whole group, those filled included")
    net_limit = serializers.DecimalField(20, 8, allow_null=True, help_text="null: at market")


class PackageOrderOut(serializers.ModelSerializer):
    """
    An order of several legs (35=AB) as its broker has accepted it. ``wanted_``: of the replace (35=AC) it has not answered;
    ``told_``: packages filled and their net price as it counts them, which is booked nowhere.
    """

    cl_ord_id = serializers.CharField(source="name")

    class Meta:
        model = Package
        fields = (
            "ref", "cl_ord_id", "qty", "net_limit", "wanted_name", "wanted_qty", "wanted_limit", "told_qty", "told_price", "told_text",
            "told_at", "requested_at",
        )  # fmt: skip
        read_only_fields = fields


class PackageLegOut(serializers.Serializer):
    nth = serializers.IntegerField(source="leg.nth")
    symbol = serializers.CharField(source="leg.block.instrument.symbol")
    side = serializers.CharField(source="leg.block.side")
    ratio = serializers.DecimalField(20, 4, source="leg.ratio", help_text="of it in one package")
    weight = serializers.IntegerField(help_text="how many of its prices are in the net price")
    filled_qty = serializers.DecimalField(20, 4, source="filled")
    average_price = serializers.SerializerMethodField(help_text="of what is filled, to 8 decimals; null where nothing is")

    def get_average_price(self, leg: page_selectors.PackageLegShown) -> Decimal | None:
        return None if leg.average is None else rounded(leg.average, 8)


class PackageOut(serializers.Serializer):
    as_one_order = serializers.BooleanField(source="way.is_one", help_text="whether its broker takes it as one order")
    why = serializers.CharField(source="way.why")
    orders = PackageOrderOut(many=True)
    package_legs = PackageLegOut(many=True, source="legs")
    done = serializers.DecimalField(20, 4, help_text="packages of which all legs are filled", source="done_whole")
    balanced = serializers.BooleanField(help_text="whether all legs have filled as many packages")
    net_price = serializers.DecimalField(20, 8, source="net", allow_null=True, help_text="of the average prices of its legs")
    at_odds = serializers.ListField(child=serializers.CharField(), source="odds")


class ProposedBlockOut(serializers.Serializer):
    id = serializers.IntegerField(source="pk")
    version = serializers.IntegerField()
    ref = serializers.CharField()
    symbol = serializers.CharField(source="instrument.symbol")


class ProposedLinkOut(serializers.Serializer):
    kind = serializers.CharField(help_text="OCO, PAIR or MULTILEG")
    orders = serializers.ListField(child=serializers.CharField(), help_text="names of the groups of orders that ask for it")
    blocks = ProposedBlockOut(many=True)
    others = serializers.IntegerField(help_text="how many orders the blocks have besides")


class WaveOut(serializers.ModelSerializer):
    sent_by = serializers.CharField(source="sent_by.username")

    class Meta:
        model = Wave
        fields = ("nth", "pct", "up_to_pct", "sent_by", "sent_at")
        read_only_fields = fields


class BrokerListOut(serializers.ModelSerializer):
    """``status``: SENT, then as the broker says: RECEIVED, EXECUTING, CANCELLING, ALERT, DONE, REJECTED, BIDDING."""

    broker = serializers.CharField(source="broker.code")

    class Meta:
        model = BrokerList
        fields = ("list_ref", "broker", "wave", "is_one", "orders", "status", "text", "sent_at", "told_at")
        read_only_fields = fields


class MoneyOut(serializers.Serializer):
    """USD: what is done at what was paid, what is left at mids now; ``net`` is bought less sold, done and left."""

    bought = serializers.DecimalField(24, 2)
    sold = serializers.DecimalField(24, 2)
    to_buy = serializers.DecimalField(24, 2)
    to_sell = serializers.DecimalField(24, 2)
    net_done = serializers.DecimalField(24, 2)
    net_left = serializers.DecimalField(24, 2)
    net = serializers.DecimalField(24, 2)


class SectorMoneyOut(MoneyOut):
    sector = serializers.CharField()


class ProgramOut(serializers.Serializer):
    waves = WaveOut(many=True)
    lists = BrokerListOut(many=True)
    cash = MoneyOut()
    sectors = SectorMoneyOut(many=True)
    unknown = serializers.ListField(child=serializers.CharField(), help_text="blocks without a price or rate: in no figure")
    at_odds = serializers.ListField(child=serializers.CharField(), help_text="where a list counts more than its broker reported")


ACTS = {
    "send": services.send_group, "pause": services.pause_group, "resume": services.resume_group, "end": services.end_group,
    "drop": services.drop_group, "again": services.place_again,
}  # fmt: skip


def _money(money: page_selectors.Money) -> dict:
    return {name: round(getattr(money, name), 2) for name in MoneyOut().fields}


@extend_schema_view(list=extend_schema(summary="Groups of blocks that are worked together, the newest first"))
class LinkedGroups(ApiDoor, mixins.ListModelMixin, viewsets.GenericViewSet):
    permissions = ("routing.see",)
    acts = dict.fromkeys([*ACTS, "create", "wave", "change"], ("routing.route",))
    serializer_class = LinkedGroupOut
    pagination_class = NewestGroupsFirst
    filterset_fields = ("status", "kind")
    queryset = LinkedGroup.objects.none()

    def get_queryset(self):
        return selectors.groups_seen_by(self.request.user)

    @extend_schema(summary="One group with its legs")
    def retrieve(self, request: Request, pk: int) -> Response:
        return Response(self._data(request, pk))

    @extend_schema(summary="Compose a group; nothing is sent", request=ComposeIn, responses={201: LinkedGroupOut}, parameters=[KEY])
    def create(self, request: Request) -> Response:
        said = self._said(ComposeIn, request.data)
        act, rows = act_of(request), said["blocks"]
        seen = versions_once(rows, "blocks")

        def do():
            pk = services.compose_group(
                act, said["kind"], list(seen), seen=seen, how=said["how"], note=said["note"],
                brokers={row["id"]: row["broker_code"] for row in rows}, tolerance_pct=said["tolerance_pct"],
                tolerance_amount=said["tolerance_amount"], ratio_limit=said["ratio_limit"], packages=said["packages"],
                net_limit=said["net_limit"],
            )  # fmt: skip
            return self._data(request, pk)

        return Response(answer_once(act, "groups.compose_group", said, do)[0], status=201)

    @extend_schema(summary="Place what its rule lets go", request=LinkedGroupActIn, responses=LinkedGroupOut, parameters=[KEY])
    def send(self, request: Request, pk: str) -> Response:
        return self._act(request, int(pk))

    @extend_schema(summary="Place nothing more", request=LinkedGroupActIn, responses=LinkedGroupOut, parameters=[KEY])
    def pause(self, request: Request, pk: str) -> Response:
        return self._act(request, int(pk))

    @extend_schema(summary="Go on placing", request=LinkedGroupActIn, responses=LinkedGroupOut, parameters=[KEY])
    def resume(self, request: Request, pk: str) -> Response:
        return self._act(request, int(pk))

    @extend_schema(summary="Cancel what all legs have left", request=LinkedGroupActIn, responses=LinkedGroupOut, parameters=[KEY])
    def end(self, request: Request, pk: str) -> Response:
        return self._act(request, int(pk))

    @extend_schema(summary="Take apart what was not sent", request=LinkedGroupActIn, responses=LinkedGroupOut, parameters=[KEY])
    def drop(self, request: Request, pk: str) -> Response:
        return self._act(request, int(pk))

    @extend_schema(summary="Place again what brokers did not take", request=LinkedGroupActIn, responses=LinkedGroupOut, parameters=[KEY])
    def again(self, request: Request, pk: str) -> Response:
        return self._act(request, int(pk))

    @extend_schema(summary="Send the next wave of a program", request=WaveIn, responses=LinkedGroupOut, parameters=[KEY])
    def wave(self, request: Request, pk: str) -> Response:
        said = self._said(WaveIn, request.data)
        act, key = act_of(request, reason=said["reason"]), int(pk)

        def do():
            services.send_wave(act, key, said["pct"], seen={key: said["version"]})
            return self._data(request, key)

        return Response(answer_once(act, "groups.send_wave", {"id": key, "said": said}, do)[0])

    @extend_schema(summary="Ask for other packages or net price", request=PackageChangeIn, responses=LinkedGroupOut, parameters=[KEY])
    def change(self, request: Request, pk: str) -> Response:
        said = self._said(PackageChangeIn, request.data)
        act, key = act_of(request, reason=said["reason"]), int(pk)

        def do():
            services.change_package(act, key, packages=said["packages"], net_limit=said["net_limit"], seen={key: said["version"]})
            return self._data(request, key)

        return Response(answer_once(act, "groups.change_package", {"id": key, "said": said}, do)[0])

    @extend_schema(summary="Links that managers ask for", responses=ProposedLinkOut(many=True), filters=False)
    def proposed(self, request: Request) -> Response:
        return Response(ProposedLinkOut(selectors.proposed_to(request.user), many=True).data)

    @extend_schema(summary="A package's orders, legs and net price", responses=PackageOut, filters=False)
    def package(self, request: Request, pk: int) -> Response:
        group = selectors.get_group_seen_by(request.user, int(pk))
        if group.kind != rules.Kind.MULTILEG:
            raise NotFound(f"{group.ref} is no package of legs.")
        return Response(PackageOut(page_selectors.package(group)).data)

    @extend_schema(summary="A program's waves, lists, cash and sectors", responses=ProgramOut, filters=False)
    def program(self, request: Request, pk: str) -> Response:
        group = selectors.get_group_seen_by(request.user, int(pk))
        found = page_selectors.meter(group)
        said = {
            "waves": group.waves.select_related("sent_by"), "lists": group.lists.select_related("broker"), "cash": _money(found.whole),
            "sectors": [_money(money) | {"sector": name} for name, money in found.sectors], "unknown": found.unknown,
            "at_odds": page_selectors.at_odds(group),
        }  # fmt: skip
        return Response(ProgramOut(said).data)

    def _act(self, request: Request, pk: int) -> Response:
        said = self._said(LinkedGroupActIn, request.data)
        act, service = act_of(request, reason=said["reason"]), ACTS[self.action]

        def do():
            service(act, pk, seen={pk: said["version"]})
            return self._data(request, pk)

        return Response(answer_once(act, f"groups.{service.__name__}", {"id": pk, "said": said}, do)[0])

    def _said(self, serializer: type[serializers.Serializer], data) -> dict:
        asked = serializer(data=data)
        asked.is_valid(raise_exception=True)
        return asked.validated_data

    def _data(self, request: Request, pk: int) -> dict:
        return LinkedGroupOut(selectors.get_group_seen_by(request.user, int(pk))).data
