"""Orders, groups and imports to look at; services alone change them."""

from django.contrib import admin
from django.db.models import Exists, OuterRef

from apps.reference.admin import KeptAdmin, ReferenceAdmin
from apps.reference.imports import resource_for
from apps.users.back_office import ByRole

from . import selectors
from .forms import DefaultRuleForm, OwnFieldForm, value_asked_for
from .models import DefaultRule, Import, Order, OrderGroup, OwnField


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


class DefaultRules(resource_for(DefaultRule, ("rank",))):
    """Default rules from a file, the own field named by its code and its value held against it."""

    def validate_instance(self, instance, import_validation_errors=None, validate_unique=True) -> None:
        instance.own_value, wrong = value_asked_for(instance.own_field, instance.own_value or "")
        errors = {**wrong, **(import_validation_errors or {})}
        super().validate_instance(instance, errors, validate_unique)


@admin.register(DefaultRule)
class DefaultRuleAdmin(ReferenceAdmin):
    form = DefaultRuleForm
    resource_classes = [DefaultRules]
    list_display = (
        "rank", "name", "asset_class", "country", "side", "order_type", "portfolio", "own_field", "own_value", "broker",
        "strategy", "tif", "desk", "instructions", "effective_from", "effective_to",
    )  # fmt: skip
    list_display_links = ("name",)
    list_filter = ("asset_class", "side", "broker", "tif", "desk")
    list_select_related = ("portfolio", "own_field", "broker", "desk")
    search_fields = ("name", "instructions")
    fieldsets = (
        (None, {"fields": ("rank", "name", "effective_from", "effective_to")}),
        ("Where an order is", {"fields": ("asset_class", "country", "side", "order_type", "portfolio", "own_field", "own_value")}),
        ("It gets, unless somebody said otherwise", {"fields": ("broker", "strategy", "tif", "desk", "instructions")}),
    )


@admin.register(OwnField)
class OwnFieldAdmin(KeptAdmin):
    form = OwnFieldForm
    writes = ("reference.write",)
    list_display = ("code", "label", "kind", "parent", "place", "is_asked", "is_screened", "is_active")
    list_filter = ("kind", "is_active")
    list_select_related = ("parent",)
    search_fields = ("code", "label")

    def get_readonly_fields(self, request, obj=None):
        """What values stand under cannot be changed; a field out of use is made inactive."""
        return ("code", "kind") if obj else ()

    def has_delete_permission(self, request, obj=None) -> bool:
        return False
