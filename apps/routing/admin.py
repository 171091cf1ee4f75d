"""Sessions and the rule table to keep; routes, executions and messages to look at."""

from django.contrib import admin
from django.http import HttpRequest
from simple_history.admin import SimpleHistoryAdmin

from apps.core.edges import act_of
from apps.reference.admin import KeptAdmin
from apps.users.as_seen import AsSeen
from apps.users.back_office import ByRole

from . import services
from .forms import SessionForm, ThrottleForm
from .models import AlertRule, Execution, Inquiry, Message, Route, RoutingRule, Session, Throttle, VenueAccess


class ReadOnly(ByRole, admin.ModelAdmin):
    """What services alone change: to be looked at."""

    sees = ("routing.see",)
    list_per_page = 100
    show_full_result_count = False


@admin.register(Session)
class SessionAdmin(AsSeen, ByRole, admin.ModelAdmin):
    """The gateway reads sessions when it starts, and refuses to start where live and simulated ones would meet."""

    writes = ("reference.write",)
    recorded_as = "session"
    form = SessionForm
    list_display = (
        "target_comp_id",
        "sender_comp_id",
        "purpose",
        "environment",
        "host",
        "port",
        "is_enabled",
        "is_up",
        "changed_at",
    )
    list_filter = ("purpose", "environment", "is_enabled", "is_up")
    search_fields = ("target_comp_id",)
    readonly_fields = ("is_up", "changed_at")
    autocomplete_fields = ("broker",)

    def save_model(self, request: HttpRequest, obj: Session, form, change: bool) -> None:
        """Where a staging session leads to another system, what it was granted ends."""
        act = act_of(request)
        if change:
            services.keep_change(act, obj, {name: form.initial[name] for name in form.changed_data})
            return
        obj.changed_at = act.at
        super().save_model(request, obj, form, change)

    def has_delete_permission(self, request: HttpRequest, obj=None) -> bool:
        """Its messages are evidence: a session is disabled."""
        return False


@admin.register(AlertRule)
class AlertRuleAdmin(KeptAdmin):
    writes = ("reference.write",)
    list_display = ("name", "kind", "threshold", "window_seconds", "desk", "is_active")
    list_filter = ("kind", "is_active", "desk")

    def has_delete_permission(self, request: HttpRequest, obj=None) -> bool:
        """Its alerts are evidence: a rule is switched off."""
        return False


@admin.register(RoutingRule)
class RoutingRuleAdmin(ReadOnly):
    """It changes on its page, by what one person proposes and another approves."""

    sees = ("reference.write",)
    list_display = (
        "rank", "name", "number", "condition", "asset_class", "country", "min_volume_pct", "max_volume_pct", "own_field", "own_value",
        "action", "strategy", "mode", "is_active",
    )  # fmt: skip
    list_display_links = ("name",)
    list_select_related = ("own_field",)
    list_filter = ("action", "mode", "is_active", "asset_class")


@admin.register(VenueAccess)
class VenueAccessAdmin(KeptAdmin):
    writes = ("reference.write",)
    list_display = ("venue", "broker", "fee_bp", "unit_fee", "volume_pct", "is_active")
    list_select_related = ("venue", "broker")
    list_filter = ("is_active", "broker")

    def has_delete_permission(self, request: HttpRequest, obj=None) -> bool:
        """What was sent there stays explained: it is switched off."""
        return False


@admin.register(Route)
class RouteAdmin(ReadOnly):
    list_display = ("ref", "block_id", "broker", "strategy", "qty", "cum_qty", "leaves_qty", "status", "cl_ord_id")
    list_filter = ("status", "kind", "broker")
    search_fields = ("cl_ord_id", "order_id")
    list_select_related = ("broker",)
    raw_id_fields = ("block",)


@admin.register(Execution)
class ExecutionAdmin(ReadOnly):
    list_display = ("exec_id", "broker", "route_id", "trade_date", "qty", "price", "currency_code", "status")
    list_filter = ("status", "broker", "trade_date")
    search_fields = ("exec_id",)
    list_select_related = ("broker",)
    raw_id_fields = ("route", "block", "message", "corrects")


@admin.register(Inquiry)
class InquiryAdmin(ReadOnly):
    list_display = ("ref", "block_id", "qty", "status", "sent_at", "due_at", "mid_at_decision")
    list_filter = ("status",)
    raw_id_fields = ("block",)


@admin.register(Message)
class MessageAdmin(ReadOnly):
    list_display = ("pk", "session", "is_out", "msg_type", "seq_num", "ref", "status", "at", "problem")
    list_filter = ("status", "is_out", "msg_type", "session")
    search_fields = ("ref", "text")
    list_select_related = ("session",)


@admin.register(Throttle)
class ThrottleAdmin(AsSeen, ByRole, SimpleHistoryAdmin):
    """A throttle is put out of force, never deleted."""

    writes = ("reference.write",)
    form = ThrottleForm
    list_display = ("of", "per_second", "over", "per_day", "most_repeats", "repeat_seconds", "is_active")
    list_select_related = ("session",)
    list_filter = ("is_active", "over")

    def has_delete_permission(self, request: HttpRequest, obj=None) -> bool:
        return False
