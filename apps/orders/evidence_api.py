"""What is kept beside an order, to other systems: locates of a short sale, and documents."""

import base64
import binascii

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit.services import answer_once
from apps.core.edges import act_of
from apps.core.refusals import Invalid

from . import selectors, services
from .api import KEY, Scoped, SeenIn
from .models import Document, Locate, Order


class LocateIn(serializers.Serializer):
    version = serializers.IntegerField(min_value=1, help_text="of the order that the caller looked at")
    lender = serializers.CharField(max_length=60)
    ref = serializers.CharField(max_length=40, help_text="the lender's number for it")
    qty = serializers.DecimalField(20, 4)
    expires_at = serializers.DateTimeField()
    is_borrow = serializers.BooleanField(required=False, default=False, help_text="the units are borrowed already, not only located")


class LocateOut(serializers.ModelSerializer):
    """Counts until ``expires_at``, or until it was given back."""

    made_by = serializers.CharField(source="made_by.username")

    class Meta:
        model = Locate
        fields = ("id", "order_id", "lender", "ref", "qty", "is_borrow", "expires_at", "made_by", "made_at", "released_at")
        read_only_fields = fields


class DocumentIn(serializers.Serializer):
    """A file as base64 in ``content``, or the address of a document in ``url``."""

    version = serializers.IntegerField(min_value=1, help_text="of the order that the caller looked at")
    name = serializers.CharField(max_length=120, required=False, default="", allow_blank=True)
    url = serializers.CharField(max_length=400, required=False, default="", allow_blank=True)
    content = serializers.CharField(required=False, default="", allow_blank=True, help_text="base64, up to 10 MiB decoded")


class DocumentOut(serializers.ModelSerializer):
    added_by = serializers.CharField(source="added_by.username")

    class Meta:
        model = Document
        fields = ("id", "order_id", "name", "url", "size", "sha256", "added_by", "added_at")
        read_only_fields = fields


class Evidence(Scoped):
    acts = {"attach": ("orders.attach",), "release": ("orders.attach",), "add": ("orders.attach",)}
    serializer_class = LocateOut
    queryset = Order.objects.none()  # For the schema's sake.

    @extend_schema(summary="The locates of a short sale", responses=LocateOut(many=True))
    def locates(self, request: Request, pk: int) -> Response:
        selectors.get_order_seen_by(request.user, pk)
        return Response(LocateOut(selectors.locates_of(pk), many=True).data)

    @extend_schema(summary="Attach a locate to a short sale", request=LocateIn, responses={201: LocateOut}, parameters=[KEY])
    def attach(self, request: Request, pk: int) -> Response:
        said, act = self.checked(LocateIn), act_of(request)
        version = said.pop("version")

        def keep() -> dict:
            made = services.attach_locate(act, pk, **said, seen={pk: version})
            return LocateOut(selectors.locates_of(pk).get(pk=made)).data

        answer, _ = answer_once(act, "orders.attach_locate", {"id": pk, "version": version, "said": request.data}, keep)
        return Response(answer, status.HTTP_201_CREATED)

    @extend_schema(summary="Give a locate back", request=SeenIn, responses=LocateOut(many=True), parameters=[KEY])
    def release(self, request: Request, pk: int, locate: str) -> Response:
        said = self.checked(SeenIn)
        act = act_of(request, reason=said["reason"])

        def give_back() -> list:
            services.release_locate(act, int(locate), seen={pk: said["version"]})
            return LocateOut(selectors.locates_of(pk), many=True).data

        return Response(answer_once(act, "orders.release_locate", {"id": locate, **said}, give_back)[0])

    @extend_schema(summary="The documents kept with an order", responses=DocumentOut(many=True))
    def documents(self, request: Request, pk: int) -> Response:
        selectors.get_order_seen_by(request.user, pk)
        return Response(DocumentOut(selectors.documents_of(pk), many=True).data)

    @extend_schema(summary="Keep a document with an order", request=DocumentIn, responses={201: DocumentOut}, parameters=[KEY])
    def add(self, request: Request, pk: int) -> Response:
        said, act = self.checked(DocumentIn), act_of(request)
        content = _decoded(said["content"]) if said["content"] else None

        def keep() -> dict:
            made = services.add_document(
                act, pk, name=said["name"], url=said["url"], content=content, seen={pk: said["version"]}
            )
            return DocumentOut(selectors.documents_of(pk).get(pk=made)).data

        answer, _ = answer_once(act, "orders.add_document", {"id": pk, "said": said}, keep)
        return Response(answer, status.HTTP_201_CREATED)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Invalid("The content is no base64.", field="content") from None
