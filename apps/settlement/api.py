"""Confirmations and instructions to other systems, and what operations may do to them."""

import django_filters
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.edges import act_of
from apps.users.doors import ApiDoor

from . import papers, selectors, services
from .models import Confirmation, Exchange, Instruction


class ConfirmationOut(serializers.ModelSerializer):
    """Our confirmation of one allocation to its counterparty, and their answer."""

    ref = serializers.CharField(read_only=True)
    broker = serializers.CharField(source="broker.code")
    portfolio = serializers.CharField(source="allocation.portfolio.code")
    symbol = serializers.CharField(source="allocation.instrument.symbol")
    side = serializers.CharField(source="allocation.side")
    qty = serializers.DecimalField(source="allocation.qty", max_digits=20, decimal_places=4)
    price = serializers.DecimalField(source="allocation.price", max_digits=20, decimal_places=8)
    net_amount = serializers.DecimalField(source="allocation.net_amount", max_digits=20, decimal_places=4)
    currency = serializers.CharField(source="allocation.currency_id")
    trade_date = serializers.DateField(source="allocation.trade_date")
    settle_date = serializers.DateField(source="allocation.settle_date")

    class Meta:
        model = Confirmation
        fields = (
            "id", "ref", "status", "version", "allocation_id", "broker", "portfolio", "symbol", "side", "qty", "price",
            "net_amount", "currency", "trade_date", "settle_date", "sent_at", "answered_at", "answer",
        )  # fmt: skip
        read_only_fields = fields


class InstructionOut(serializers.ModelSerializer):
    """One instruction to a custodian. The four statuses are the custodian's last words, each by itself."""

    ref = serializers.CharField(read_only=True)
    portfolio = serializers.CharField(source="portfolio.code")
    custodian = serializers.CharField(source="custodian.code")
    currency = serializers.CharField(source="currency_id")
    file = serializers.CharField(source="file.name", default=None)

    class Meta:
        model = Instruction
        fields = (
            "id", "ref", "status", "version", "reference", "allocation_id", "portfolio", "custodian", "is_receipt",
            "attempt", "replaces_id", "settle_date", "qty", "amount", "currency", "file", "processing_status", "inferred_matching_status",
            "matching_status", "settlement_status", "reason", "settled_date", "settled_amount", "cancel_requested_at",
            "note",
        )  # fmt: skip
        read_only_fields = fields


class ExchangeOut(serializers.ModelSerializer):
    """Two moneys of a trade in currencies that change hands on its value date."""

    ref = serializers.CharField(read_only=True)
    portfolio = serializers.CharField(source="portfolio.code")
    custodian = serializers.CharField(source="custodian.code")
    broker = serializers.CharField(source="allocation.broker.code")
    symbol = serializers.CharField(source="allocation.instrument.symbol")
    paid_currency = serializers.CharField(source="paid_currency_id")
    received_currency = serializers.CharField(source="received_currency_id")

    class Meta:
        model = Exchange
        fields = (
            "id", "ref", "status", "version", "allocation_id", "portfolio", "custodian", "broker", "symbol", "value_date",
            "paid_currency", "paid_amount", "received_currency", "received_amount", "settled_at",
        )  # fmt: skip
        read_only_fields = fields


class InstructionSeenIn(serializers.Serializer):
    """The version that the caller looked at."""

    version = serializers.IntegerField(min_value=1)


class InstructionNoteIn(InstructionSeenIn):
    note = serializers.CharField(max_length=400)


class ResendIn(InstructionSeenIn):
    reason = serializers.CharField(max_length=200)


class ConfirmationFilter(django_filters.FilterSet):
    broker = django_filters.CharFilter(field_name="broker__code")
    trade_date = django_filters.DateFilter(field_name="allocation__trade_date")

    class Meta:
        model = Confirmation
        fields = ("status", "broker", "allocation", "trade_date")


class InstructionFilter(django_filters.FilterSet):
    custodian = django_filters.CharFilter(field_name="custodian__code")
    portfolio = django_filters.CharFilter(field_name="portfolio__code")

    class Meta:
        model = Instruction
        fields = ("status", "custodian", "portfolio", "allocation", "settle_date", "reference")


@extend_schema_view(
    list=extend_schema(summary="Confirmations, those that need a person first"),
    retrieve=extend_schema(summary="One confirmation"),
)
class Confirmations(ApiDoor, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    permissions = ("settlement.see",)
    serializer_class = ConfirmationOut
    filterset_class = ConfirmationFilter
    queryset = Confirmation.objects.none()  # For the schema's sake; what is seen is the user's.
    lookup_value_regex = r"\d+"

    def get_queryset(self):
        return selectors.confirmation_rows(self.request.user)

    def get_object(self):
        return selectors.get_confirmation_seen_by(self.request.user, int(self.kwargs["pk"]))

    @extend_schema(
        summary="The confirmation on paper",
        responses={(200, "application/pdf"): OpenApiResponse(OpenApiTypes.BINARY)},
    )
    @action(detail=True)
    def pdf(self, request: Request, pk: str) -> HttpResponse:
        found = self.get_object()
        return HttpResponse(
            papers.confirmation_pdf(found),
            content_type="application/pdf",
            headers={"Content-Disposition": f'inline; filename="{found.ref}.pdf"'},
        )


@extend_schema_view(list=extend_schema(summary="Exchanges of currencies, what is due first"))
class Exchanges(ApiDoor, mixins.ListModelMixin, viewsets.GenericViewSet):
    permissions = ("settlement.see",)
    serializer_class = ExchangeOut
    filterset_fields = ("status", "value_date", "allocation")
    queryset = Exchange.objects.none()  # For the schema's sake; what is seen is the user's.

    def get_queryset(self):
        return selectors.exchange_rows(self.request.user)


@extend_schema_view(
    list=extend_schema(summary="Instructions, those that need a person first"),
    retrieve=extend_schema(summary="One instruction"),
)
class Instructions(ApiDoor, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    permissions = ("settlement.see",)
    acts = {"unblock": ("settlement.mend",), "note": ("settlement.mend",), "resend": ("settlement.mend",)}
    serializer_class = InstructionOut
    filterset_class = InstructionFilter
    queryset = Instruction.objects.none()  # For the schema's sake; what is seen is the user's.
    lookup_value_regex = r"\d+"

    def get_queryset(self):
        return selectors.instruction_rows(self.request.user)

    def get_object(self):
        return selectors.get_instruction_seen_by(self.request.user, int(self.kwargs["pk"]))

    @extend_schema(
        summary="The instruction as ISO 20022 sese.023",
        responses={(200, "application/xml"): OpenApiResponse(OpenApiTypes.STR)},
    )
    @action(detail=True)
    def xml(self, request: Request, pk: str) -> HttpResponse:
        return HttpResponse(selectors.xml_of(self.get_object()), content_type="application/xml")

    @extend_schema(
        summary="Make a blocked instruction ready, once what blocked it is mended", request=InstructionSeenIn
    )
    @action(detail=True, methods=["post"])
    def unblock(self, request: Request, pk: str) -> Response:
        asked = InstructionSeenIn(data=request.data)
        asked.is_valid(raise_exception=True)
        found = self.get_object()
        services.unblock_instructions(act_of(request), [found.pk], seen={found.pk: asked.validated_data["version"]})
        return Response(InstructionOut(self.get_object()).data)

    @extend_schema(summary="Write down what is known or done about it", request=InstructionNoteIn)
    @action(detail=True, methods=["post"])
    def note(self, request: Request, pk: str) -> Response:
        asked = InstructionNoteIn(data=request.data)
        asked.is_valid(raise_exception=True)
        found = self.get_object()
        services.note_instructions(
            act_of(request), [found.pk], asked.validated_data["note"], seen={found.pk: asked.validated_data["version"]}
        )
        return Response(InstructionOut(self.get_object()).data, status=status.HTTP_200_OK)

    @extend_schema(
        summary="Cancel a rejected, unmatched or failing instruction and send another in its place",
        request=ResendIn,
        responses={201: InstructionOut},
    )
    @action(detail=True, methods=["post"])
    def resend(self, request: Request, pk: str) -> Response:
        asked = ResendIn(data=request.data)
        asked.is_valid(raise_exception=True)
        found, given = self.get_object(), asked.validated_data
        (new,) = services.resend_instructions(
            act_of(request), [found.pk], given["reason"], seen={found.pk: given["version"]}
        )
        made = selectors.get_instruction_seen_by(request.user, new)
        return Response(InstructionOut(made).data, status=status.HTTP_201_CREATED)
