"""Blocks and their statements to look at; services alone change them."""

from django.contrib import admin

from apps.reference.admin import KeptAdmin
from apps.users.back_office import ByRole

from . import selectors
from .models import Block, CrossConsent, MergeRule, Statement


@admin.register(Block)
class BlockAdmin(ByRole, admin.ModelAdmin):
    sees = ("blocks.see",)
    list_display = (
        "ref", "instrument", "side", "qty", "placed_qty", "filled_qty", "cancelled_qty", "desk", "wave", "status", "opened_at"
    )  # fmt: skip
    list_filter = ("status", "side", "desk", "trade_date")
    search_fields = ("=id", "instrument__symbol")
    list_select_related = ("instrument", "desk")
    list_per_page = 100
    show_full_result_count = False

    def get_queryset(self, request):
        return selectors.blocks_seen_by(request.user)


@admin.register(Statement)
class StatementAdmin(ByRole, admin.ModelAdmin):
    sees = ("blocks.see", "portfolios.see_all")  # It names orders of every team's portfolios.
    list_display = ("block", "hash", "made_at")
    list_select_related = ("block",)
    show_full_result_count = False


@admin.register(MergeRule)
class MergeRuleAdmin(KeptAdmin):
    """What like orders must also have in common to be worked as one; nothing but being alike where there is no line."""

    writes = ("reference.write",)
    list_display = (
        "id", "desk", "asset_class", "by_group", "by_team", "by_person", "by_portfolio", "by_order", "own_field", "is_active"
    )  # fmt: skip
    list_filter = ("is_active", "desk", "asset_class")
    list_select_related = ("desk", "own_field")


@admin.register(CrossConsent)
class CrossConsentAdmin(KeptAdmin):
    """Which portfolios may be crossed with others of the firm; without a line here a portfolio never is."""

    writes = ("reference.write",)
    list_display = ("portfolio", "nature", "permits", "starts_on", "ends_on", "basis")
    list_filter = ("nature", "permits")
    autocomplete_fields = ("portfolio",)
    list_select_related = ("portfolio",)
