"""Allocations to look at; services alone change them."""

from django.contrib import admin

from apps.users.back_office import ByRole

from .models import Allocation


@admin.register(Allocation)
class AllocationAdmin(ByRole, admin.ModelAdmin):
    sees = ("allocations.see",)
    list_display = (
        "ref", "block_id", "order_id", "portfolio", "instrument", "broker", "side", "qty", "price", "net_amount", "status"
    )  # fmt: skip
    list_filter = ("status", "trade_date", "broker")
    list_select_related = ("portfolio", "instrument", "broker")
    list_per_page = 100
    show_full_result_count = False
