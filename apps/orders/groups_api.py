"""Linked orders to other systems: made, seen, and moved as a whole."""

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit.services import answer_once
from apps.core.edges import act_of, versions_once

from . import rules, selectors, services
from .api import KEY, NewestFirst, Scoped
from .approvals_api import ApprovalOutcomeOut
from .bulk_api import SeenOrderIn
from .models import GroupKind, Leg, OrderGroup


class LegIn(SeenOrderIn):
    role = serializers.CharField(max_length=8, default=Leg.Role.LEG, help_text="LEG, PARENT, CHILD, TARGET or STOP")
    ratio = serializers.DecimalField(12, 4, default=1)


class GroupIn(serializers.Serializer):
    kind = serializers.CharField(max_length=20, help_text=", ".join(GroupKind.values))
    name = serializers.CharField(max_length=120)
    legs = LegIn(many=True, allow_empty=False, max_length=1000)


class GroupMemberOut(serializers.Serializer):
    """An order of a group; ``role`` and ``ratio`` where it is a leg."""

    id = serializers.IntegerField()
    version = serializers.IntegerField()
    status = serializers.CharField()
    role = serializers.CharField(source="leg.role", default=None)
    ratio = serializers.DecimalField(12, 4, source="leg.ratio", default=None)
    portfolio = serializers.CharField(source="portfolio.code")
    symbol = serializers.CharField(source="instrument.symbol")
    side = serializers.CharField()
    qty = serializers.DecimalField(20, 4)
    filled_qty = serializers.DecimalField(20, 4)


class GroupOut(serializers.ModelSerializer):
    """Orders linked; ``standing`` is how the whole stands, from those of them that the caller sees."""

    standing = serializers.CharField()
    kind = serializers.CharField()
    created_by = serializers.CharField(source="created_by.username")

    class Meta:
        model = OrderGroup
        fields = ("id", "name", "kind", "created_by", "created_at", "standing")
        read_only_fields = fields


class GroupDetailOut(GroupOut):
    """The same with its orders."""

    orders = GroupMemberOut(many=True)

    class Meta(GroupOut.Meta):
        fields = (*GroupOut.Meta.fields, "orders")
        read_only_fields = fields


class GroupActIn(serializers.Serializer):
    seen = SeenOrderIn(many=True, allow_empty=False, max_length=10_000)
    reason = serializers.CharField(max_length=400, default="", allow_blank=True)


@extend_schema_view(list=extend_schema(summary="Groups of orders, the newest first"))
class Groups(mixins.ListModelMixin, Scoped):
    acts = {
        "create": ("orders.create",), "submit": ("orders.submit",), "cancel": ("orders.cancel",),
        "approve": ("orders.approve",),
    }  # fmt: skip
    serializer_class = GroupOut
    pagination_class = NewestFirst
    queryset = OrderGroup.objects.none()

    def get_queryset(self):
        return selectors.groups_seen_by(self.request.user).select_related("created_by")

    def paginate_queryset(self, queryset):
        page = super().paginate_queryset(queryset)
        stand = selectors.statuses_in(self.request.user, page)
        for group in page:
            group.standing = rules.standing(list(stand[group.pk]))
        return page

    def _detail(self, pk: int) -> dict:
        found = selectors.get_group_seen_by(self.request.user, pk)
        found.orders = selectors.members(self.request.user, found)
        found.standing = rules.standing([order.status for order in found.orders])
        return GroupDetailOut(found).data

    @extend_schema(summary="One group with its orders", responses=GroupDetailOut)
    def retrieve(self, request: Request, pk: int) -> Response:
        return Response(self._detail(pk))

    @extend_schema(summary="Link drafts as a group", request=GroupIn, responses={201: GroupDetailOut}, parameters=[KEY])
    def create(self, request: Request) -> Response:
        said = self.checked(GroupIn)
        act = act_of(request)
        legs = [services.LegIn(leg["id"], leg["role"], leg["ratio"]) for leg in said["legs"]]
        seen = versions_once(said["legs"], "legs")

        def enter():
            return self._detail(services.link_orders(act, said["kind"], said["name"], legs, seen=seen))

        return Response(answer_once(act, "orders.link_orders", request.data, enter)[0], status.HTTP_201_CREATED)

    @extend_schema(summary="Submit all its drafts", request=GroupActIn, responses=GroupDetailOut, parameters=[KEY])
    def submit(self, request: Request, pk: int) -> Response:
        return self._moved(pk, services.submit_group)

    @extend_schema(
        summary="Cancel all of it that the desk does not work yet", request=GroupActIn, responses=GroupDetailOut,
        parameters=[KEY],
    )  # fmt: skip
    def cancel(self, request: Request, pk: int) -> Response:
        return self._moved(pk, services.cancel_group)

    @extend_schema(
        summary="Agree to what waits for approval in it, with an answer for each", request=GroupActIn,
        responses=ApprovalOutcomeOut(many=True), parameters=[KEY],
    )  # fmt: skip
    def approve(self, request: Request, pk: int) -> Response:
        """``seen`` holds approvals, not orders."""
        said = self.checked(GroupActIn)
        act = act_of(request, reason=said["reason"])
        seen = versions_once(said["seen"], "seen")

        def do():
            return ApprovalOutcomeOut(services.approve_group(act, pk, seen=seen), many=True).data

        return Response(answer_once(act, "orders.approve_group", {"id": pk, "said": request.data}, do)[0])

    def _moved(self, pk: int, service) -> Response:
        said = self.checked(GroupActIn)
        act = act_of(self.request, reason=said["reason"])
        seen = versions_once(said["seen"], "seen")

        def move():
            service(act, pk, seen=seen)
            return self._detail(pk)

        return Response(answer_once(act, f"orders.{self.action}_group", {"id": pk, "said": self.request.data}, move)[0])
