"""The conversation about orders and blocks to other systems."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit.services import answer_once
from apps.core.edges import act_of
from apps.users.doors import ApiDoor

from . import selectors, services
from .api import KEY
from .models import Note


class NoteOut(serializers.ModelSerializer):
    by = serializers.CharField(source="by.username")

    class Meta:
        model = Note
        fields = ("id", "order_id", "block_id", "text", "by", "at")
        read_only_fields = fields


class NoteIn(serializers.Serializer):
    text = serializers.CharField(max_length=2000)


class Notes(ApiDoor, viewsets.GenericViewSet):
    permissions = ("blocks.see",)
    acts = dict.fromkeys(("write_of_order", "write_of_block"), ("blocks.write_notes",))
    serializer_class = NoteOut
    pagination_class = None
    filter_backends = ()
    queryset = Note.objects.none()

    @extend_schema(summary="What was said about an order and its block, oldest first", responses=NoteOut(many=True))
    def of_order(self, request: Request, pk: str) -> Response:
        return self._thread(selectors.thread_of_order(request.user, int(pk)))

    @extend_schema(summary="What was said about a block and its orders, oldest first", responses=NoteOut(many=True))
    def of_block(self, request: Request, pk: str) -> Response:
        return self._thread(selectors.thread_of_block(request.user, int(pk)))

    @extend_schema(summary="Say something about an order", request=NoteIn, responses={201: NoteOut}, parameters=[KEY])
    def write_of_order(self, request: Request, pk: str) -> Response:
        return self._write(request, order_id=int(pk))

    @extend_schema(summary="Say something about a block", request=NoteIn, responses={201: NoteOut}, parameters=[KEY])
    def write_of_block(self, request: Request, pk: str) -> Response:
        return self._write(request, block_id=int(pk))

    def _thread(self, thread: list) -> Response:
        return Response(NoteOut([said.note for said in thread], many=True).data)

    def _write(self, request: Request, **about: int) -> Response:
        asked = NoteIn(data=request.data)
        asked.is_valid(raise_exception=True)
        act, text = act_of(request), asked.validated_data["text"]

        def do():
            pk = services.write_note(act, text, **about)
            return NoteOut(Note.objects.select_related("by").get(pk=pk)).data

        return Response(answer_once(act, "blocks.write_note", about | {"text": text}, do)[0], status=201)
