"""Allocations to look at; services alone change them."""

from django.contrib import admin

from .models import Allocation


@admin.register(Allocation)
class AllocationAdmin(admin.ModelAdmin):
    list_display = (
        "ref", "block_id", "order_id", "portfolio", "instrument", "broker", "side", "qty", "price", "net_amount", "status"
    )  # fmt: skip
    list_filter = ("status", "trade_date", "broker")
    list_select_related = ("portfolio", "instrument", "broker")
    list_per_page = 100
    show_full_result_count = False

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False
