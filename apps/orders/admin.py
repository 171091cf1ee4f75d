"""Orders, groups and imports to look at; services alone change them."""

from django.contrib import admin
from django.db.models import Exists, OuterRef

from apps.users.back_office import ByRole

from . import selectors
from .models import Import, Order, OrderGroup


@admin.register(Order)
class OrderAdmin(ByRole, admin.ModelAdmin):
    sees = ("orders.see",)
    list_display = (
        "ref", "portfolio", "instrument", "side", "qty", "order_type", "limit_price", "filled_qty", "status", "created_at"
    )  # fmt: skip
    list_filter = ("status", "side", "desk")
    search_fields = ("=id", "=client_ref", "portfolio__code", "instrument__symbol")
    list_select_related = ("portfolio", "instrument")
    list_per_page = 100
    show_full_result_count = False

    def get_queryset(self, request):
        return selectors.orders_seen_by(request.user)


@admin.register(OrderGroup)
class OrderGroupAdmin(ByRole, admin.ModelAdmin):
    sees = ("orders.see",)
    list_display = ("name", "kind", "created_by", "created_at", "status")
    list_select_related = ("created_by",)
    show_full_result_count = False

    def get_queryset(self, request):
        seen = selectors.orders_seen_by(request.user).filter(group=OuterRef("pk"))
        return OrderGroup.objects.filter(Exists(seen))


@admin.register(Import)
class ImportAdmin(ByRole, admin.ModelAdmin):
    sees = ("orders.see",)
    list_display = ("file_name", "created_by", "created_at", "rows", "rows_read", "bad_rows", "status")
    list_filter = ("status",)
    list_select_related = ("created_by",)
    exclude = ("content", "sheet")
    show_full_result_count = False

    def get_queryset(self, request):
        return selectors.imports_seen_by(request.user)
