"""Messages in quarantine to other systems: what a broker sent that does not fit our books, and what a person says of it."""

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit.services import answer_once
from apps.core.edges import act_of
from apps.core.refusals import NotFound
from apps.users.doors import ApiDoor

from . import rules, services
from .api import KEY, NewestFirst
from .models import Message

LISTED = (Message.Status.QUARANTINED, Message.Status.SETTLED)


class QuarantinedOut(serializers.ModelSerializer):
    """A message that was not booked, with its problem; SETTLED once a person decided about it."""

    session = serializers.CharField(source="session.target_comp_id")
    text = serializers.CharField(help_text="tag=value fields, SOH shown as |")

    class Meta:
        model = Message
        fields = (
            "id", "status", "version", "session_id", "session", "msg_type", "seq_num", "ref", "text", "problem", "route_id",
            "dk_reason", "waits", "decision", "at",
        )  # fmt: skip
        read_only_fields = fields


class SettleIn(serializers.Serializer):
    how = serializers.ChoiceField(
        services.WAYS,
        help_text="accept: book it after all; link: book its execution on `route`; dk: refuse the trade to the broker (35=Q);"
        " dismiss: set it aside for good",
    )
    route = serializers.IntegerField(required=False, min_value=1, help_text="of link: id of a route at the same broker")
    dk_reason = serializers.ChoiceField(
        [str(code) for code in rules.DK], required=False, help_text="of dk: DKReason (127); that of its problem if not given"
    )
    reason = serializers.CharField(max_length=400, help_text="kept on the record; told to the broker with a dk")


@extend_schema_view(list=extend_schema(summary="Messages in quarantine, and those settled; the newest first"))
class Quarantine(ApiDoor, mixins.ListModelMixin, viewsets.GenericViewSet):
    permissions = ("routing.see",)
    acts = {"settle": ("routing.mend_messages",)}
    serializer_class = QuarantinedOut
    pagination_class = NewestFirst
    filterset_fields = ("status", "session")
    queryset = Message.objects.none()

    def get_queryset(self):
        return Message.objects.filter(status__in=LISTED).select_related("session")

    @extend_schema(summary="One such message")
    def retrieve(self, request: Request, pk: str) -> Response:
        return Response(self._data(int(pk)))

    @extend_schema(
        summary="Book a message in quarantine after all, link it, refuse its trade or set it aside; asks for a reason", request=SettleIn,
        responses=QuarantinedOut, parameters=[KEY],
    )  # fmt: skip
    def settle(self, request: Request, pk: str) -> Response:
        asked = SettleIn(data=request.data)
        asked.is_valid(raise_exception=True)
        said, pk = asked.validated_data, int(pk)
        act = act_of(request, reason=said["reason"])

        def do():
            services.settle_message(
                act, pk, said["how"], route_id=said.get("route"), dk_reason=said.get("dk_reason", "")
            )
            return self._data(pk)

        return Response(answer_once(act, "routing.settle_message", {"id": pk, "said": said}, do)[0])

    def _data(self, pk: int) -> dict:
        row = self.get_queryset().filter(pk=pk).first()
        if row is None:
            raise NotFound("There is no such message in quarantine.")
        return QuarantinedOut(row).data
