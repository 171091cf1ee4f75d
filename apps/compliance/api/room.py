"""Limits that the whole firm shares, and room kept for drafts."""

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.edges import act_of

from .. import selectors, services
from ..models import SharedLimit
from .scoped import KEY, Scoped


class HolderOut(serializers.Serializer):
    """Who holds room: an open order, or a reservation for a draft."""

    order_id = serializers.IntegerField()
    portfolio = serializers.CharField()
    by = serializers.CharField()
    symbol = serializers.CharField(help_text="what is bought, of a least sold")
    qty = serializers.DecimalField(20, 4, help_text="in units of that")
    takes = serializers.DecimalField(24, 4, allow_null=True, help_text="of the limit, in its unit; null where that is not known")
    since = serializers.DateTimeField()
    until = serializers.DateTimeField(allow_null=True, help_text="of a reservation; an open order holds it till it ends")
    reservation_id = serializers.IntegerField(allow_null=True)
    version = serializers.IntegerField(allow_null=True, help_text="of the reservation")


class SharedLimitOut(serializers.Serializer):
    """Of one instrument, or of a group of them. Numbers in the limit's unit; null where the rule says none or it is not known."""

    rule = serializers.CharField()
    symbol = serializers.CharField(help_text="of the instrument; of a group what it is called")
    is_group = serializers.BooleanField(help_text="whether it is on a group: an issuer, a country, all together")
    is_least = serializers.BooleanField(help_text="whether it is the least that may be held: sales take its room")
    unit = serializers.CharField(help_text="what the numbers count: units, or a currency")
    cap = serializers.DecimalField(24, 4, allow_null=True)
    held = serializers.DecimalField(24, 4, allow_null=True)
    promised = serializers.DecimalField(24, 4, allow_null=True, help_text="still to be bought by open orders, of a least to be sold")
    reserved = serializers.DecimalField(24, 4, allow_null=True, help_text="for drafts")
    left = serializers.DecimalField(24, 4, allow_null=True)
    holders = HolderOut(many=True)


class DraftIn(serializers.Serializer):
    id = serializers.IntegerField(min_value=1)
    version = serializers.IntegerField(min_value=1)


class ReserveIn(serializers.Serializer):
    """Drafts to buy, as the caller saw them, and how long to keep room for them: at most a day."""

    orders = DraftIn(many=True, allow_empty=False, max_length=10_000)
    until = serializers.DateTimeField()


class ReservedOut(serializers.Serializer):
    reservations = serializers.ListField(child=serializers.IntegerField())


class ReleaseIn(serializers.Serializer):
    version = serializers.IntegerField(min_value=1)


class SharedRoom(Scoped):
    permissions = ("compliance.see", "compliance.see_own")
    acts = {"reserve": ("orders.create",), "release": ("compliance.release_room",)}
    serializer_class = SharedLimitOut
    queryset = SharedLimit.objects.none()
    pagination_class = None
    filter_backends = ()

    @extend_schema(summary="Limits that the whole firm shares, and who holds the room", responses=SharedLimitOut(many=True))
    def list(self, request: Request) -> Response:
        return Response(SharedLimitOut(selectors.shared_limits(request.user, timezone.now()), many=True).data)

    @extend_schema(summary="Keep room for drafts: all or none", request=ReserveIn, responses={201: ReservedOut}, parameters=[KEY])
    def reserve(self, request: Request) -> Response:
        said = self.checked(ReserveIn)
        act = act_of(request)
        seen = {one["id"]: one["version"] for one in said["orders"]}

        def do():
            return {"reservations": services.reserve_room(act, list(seen), seen=seen, until=said["until"])}

        return self.answered(act, "reserve", {"orders": seen, "until": said["until"].isoformat()}, do, created=True)

    @extend_schema(summary="Give room back", request=ReleaseIn, responses={204: None})
    def release(self, request: Request, pk: int) -> Response:
        services.release_room(act_of(request), [pk], seen={pk: self.checked(ReleaseIn)["version"]})
        return Response(status=204)
