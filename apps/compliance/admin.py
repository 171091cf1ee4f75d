"""Read-only views of rules, checks, reviews and the restricted list: services alone change them."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from simple_history.admin import SimpleHistoryAdmin

from apps.users.back_office import ByRole

from .models import (
    Check,
    ClauseMapping,
    ListHit,
    MandateDocument,
    NameMatch,
    Override,
    Restriction,
    Review,
    Rule,
    RuleDraft,
    RuleVersion,
    SanctionsList,
    TradingLimit,
)
from .selectors import kinds_seen_by


class ReadOnly(ByRole, admin.ModelAdmin):
    sees = ("compliance.see",)
    list_per_page = 100
    show_full_result_count = False


@admin.register(Rule)
class RuleAdmin(ReadOnly):
    list_display = ("code", "name", "kind", "status", "version")
    list_filter = ("status", "kind")
    search_fields = ("code", "name")


@admin.register(RuleVersion)
class RuleVersionAdmin(ReadOnly):
    list_display = ("rule", "number", "severity", "text", "starts_on", "ends_on", "written_by", "approved_by")
    list_filter = ("severity", "rule")
    list_select_related = ("rule", "written_by", "approved_by")


@admin.register(RuleDraft)
class RuleDraftAdmin(ReadOnly):
    list_display = ("ref", "code", "status", "severity", "text", "written_by", "decided_by", "decided_at")
    list_filter = ("status", "severity")
    list_select_related = ("written_by", "decided_by")
    raw_id_fields = ("rule", "became")


@admin.register(Check)
class CheckAdmin(ReadOnly):
    list_display = ("id", "order_id", "order_version", "outcome", "binding_rule", "max_passing_qty", "at")
    list_filter = ("outcome",)
    search_fields = ("order__id",)
    raw_id_fields = ("order", "act")


@admin.register(Review)
class ReviewAdmin(ReadOnly):
    list_display = ("ref", "order_id", "status", "severity", "leading_rule", "opened_at", "decided_by", "decided_at")
    list_filter = ("status", "severity", "leading_rule")
    list_select_related = ("decided_by",)
    raw_id_fields = ("order", "verdict")


@admin.register(MandateDocument)
class MandateDocumentAdmin(ReadOnly):
    list_display = ("code", "title", "portfolio", "group", "status", "version")
    list_filter = ("status",)
    list_select_related = ("portfolio", "group")
    search_fields = ("code", "title")


@admin.register(ClauseMapping)
class ClauseMappingAdmin(ReadOnly):
    list_display = ("ref", "clause", "rule", "status", "written_by", "decided_by", "decided_at")
    list_filter = ("status",)
    list_select_related = ("clause", "rule", "written_by", "decided_by")
    raw_id_fields = ("clause", "wording", "rule", "rule_version")


@admin.register(Restriction)
class RestrictionAdmin(ReadOnly):
    list_display = ("id", "kind", "issuer", "instrument", "portfolio", "group", "direction", "effective_from", "effective_to", "status")
    list_filter = ("status", "direction")
    list_select_related = ("issuer", "instrument", "portfolio", "group")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Restriction]:
        """What the person may read: the lists of the control room are its alone."""
        return super().get_queryset(request).filter(kind__in=kinds_seen_by(request.user))


@admin.register(ListHit)
class ListHitAdmin(ReadOnly):
    sees = ("compliance.control_room",)
    list_display = ("id", "entry_id", "order_id", "order_version", "via", "at")
    raw_id_fields = ("entry", "order", "act")


@admin.register(Override)
class OverrideAdmin(ReadOnly):
    list_display = ("ref", "order_id", "rule", "code", "status", "expires_at", "first_by", "second_by")
    list_filter = ("status", "code", "severity")
    list_select_related = ("rule", "first_by", "second_by")
    raw_id_fields = ("order", "review", "rule_version")


@admin.register(TradingLimit)
class TradingLimitAdmin(ByRole, SimpleHistoryAdmin):
    """To look at: officers set limits, and end them two by two, on their page."""

    list_display = (
        "ref", "user", "desk", "instrument", "asset_class", "max_qty", "max_notional", "max_adv_pct", "collar_pct",
        "stops_wrong_side", "starts_on", "ends_on",
    )  # fmt: skip
    list_select_related = ("user", "desk", "instrument")
    list_filter = ("asset_class", "desk", "stops_wrong_side")
    search_fields = ("user__username", "instrument__symbol", "reason")
    raw_id_fields = ("instrument",)


@admin.register(SanctionsList)
class SanctionsListAdmin(ReadOnly):
    list_display = ("ref", "source", "sha256", "parties", "names", "loaded_at")
    exclude = ("content",)
    raw_id_fields = ("act",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[SanctionsList]:
        return super().get_queryset(request).defer("content")


@admin.register(NameMatch)
class NameMatchAdmin(ReadOnly):
    list_display = ("ref", "kind", "name", "called", "score", "status", "decided_by", "decided_at")
    list_filter = ("status", "kind", "how")
    list_select_related = ("decided_by",)
    search_fields = ("name", "called")
    raw_id_fields = ("issuer", "broker", "custodian", "against", "restriction")
