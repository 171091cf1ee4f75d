"""Messages in quarantine to other systems: what a broker sent that does not fit our books, and what a person says of it."""

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit.services import answer_once
from apps.core.edges import act_of
from apps.core.refusals import NotFound
from apps.users.doors import ApiDoor

from . import services
from .api import KEY, NewestFirst
from .models import Message

LISTED = (Message.Status.QUARANTINED, Message.Status.SETTLED)


class QuarantinedOut(serializers.ModelSerializer):
    """A message that was not booked, with its problem; SETTLED once a person decided about it."""

    session = serializers.CharField(source="session.target_comp_id")
    text = serializers.CharField(help_text="tag=value fields, SOH shown as |")

    class Meta:
        model = Message
        fields = ("id", "status", "version", "session_id", "session", "msg_type", "seq_num", "ref", "text", "problem", "at")
        read_only_fields = fields


class SettleIn(serializers.Serializer):
    book = serializers.BooleanField(help_text="true: book it after all; false: set it aside for good")
    reason = serializers.CharField(max_length=400)


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
        summary="Book a message in quarantine after all, or set it aside; asks for a reason", request=SettleIn,
        responses=QuarantinedOut, parameters=[KEY],
    )  # fmt: skip
    def settle(self, request: Request, pk: str) -> Response:
        asked = SettleIn(data=request.data)
        asked.is_valid(raise_exception=True)
        said, pk = asked.validated_data, int(pk)
        act = act_of(request, reason=said["reason"])

        def do():
            services.settle_message(act, pk, "accept" if said["book"] else "dismiss")
            return self._data(pk)

        return Response(answer_once(act, "routing.settle_message", {"id": pk, "said": said}, do)[0])

    def _data(self, pk: int) -> dict:
        row = self.get_queryset().filter(pk=pk).first()
        if row is None:
            raise NotFound("There is no such message in quarantine.")
        return QuarantinedOut(row).data
