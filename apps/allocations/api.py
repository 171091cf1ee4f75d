"""Allocations to other systems: read only, scoped as the pages are."""

import django_filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets

from apps.users.doors import ApiDoor

from . import selectors
from .models import Allocation


class AllocationOut(serializers.ModelSerializer):
    """One order's share of what one broker filled. Quantity in units (face for bonds); money in ``currency``."""

    ref = serializers.CharField(read_only=True)
    portfolio = serializers.CharField(source="portfolio.code")
    symbol = serializers.CharField(source="instrument.symbol")
    isin = serializers.CharField(source="instrument.isin")
    broker = serializers.CharField(source="broker.code")
    currency = serializers.CharField(source="currency_id")
    process_code = serializers.CharField(help_text="FIX ProcessCode (81): 0 regular, 1 soft dollar, 2 step-in, 4 both")

    class Meta:
        model = Allocation
        fields = (
            "id", "ref", "status", "version", "block_id", "order_id", "portfolio", "symbol", "isin", "broker", "side",
            "qty", "price", "currency", "gross_amount", "accrued_amount", "commission_amount", "fees_amount",
            "fees", "unpaid_amount", "net_amount", "process_code", "trade_date", "settle_date", "booked_at", "wave",
        )  # fmt: skip
        read_only_fields = fields


class AllocationFilter(django_filters.FilterSet):
    portfolio = django_filters.CharFilter(field_name="portfolio__code")
    broker = django_filters.CharFilter(field_name="broker__code")

    class Meta:
        model = Allocation
        fields = ("status", "block", "order", "portfolio", "broker", "side", "trade_date", "settle_date")


@extend_schema_view(
    list=extend_schema(summary="Allocations you may see, the newest booking first"),
    retrieve=extend_schema(summary="One allocation"),
)
class Allocations(ApiDoor, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    permissions = ("allocations.see",)
    serializer_class = AllocationOut
    filterset_class = AllocationFilter
    queryset = Allocation.objects.none()  # For the schema's sake; what is seen is the user's.
    lookup_value_regex = r"\d+"

    def get_queryset(self):
        return selectors.allocation_rows(self.request.user)

    def get_object(self):
        return selectors.get_allocation_seen_by(self.request.user, int(self.kwargs["pk"]))
