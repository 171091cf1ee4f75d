"""Standing instructions to look up with their history, and read-only views of what went to and came from custodians."""

from django.contrib import admin
from simple_history.admin import SimpleHistoryAdmin

from apps.users.back_office import ByRole

from .models import Confirmation, FeedFile, Instruction, SettlementInstructionSet, StrayAnswer


class ReadOnly(ByRole, admin.ModelAdmin):
    """What services alone change: to be looked at."""

    sees = ("settlement.see",)
    list_per_page = 100
    show_full_result_count = False


@admin.register(SettlementInstructionSet)
class StandingAdmin(ReadOnly, SimpleHistoryAdmin):
    list_display = (
        "broker", "country", "agent_bic", "agent_account", "depository_bic", "effective_from", "effective_to"
    )  # fmt: skip
    list_filter = ("country", "broker")
    search_fields = ("broker__code", "agent_bic", "agent_account")
    list_select_related = ("broker",)


@admin.register(Confirmation)
class ConfirmationAdmin(ReadOnly):
    list_display = ("ref", "allocation_id", "broker", "status", "sent_at", "answered_at", "answer")
    list_filter = ("status", "broker")
    list_select_related = ("broker",)
    raw_id_fields = ("allocation",)


@admin.register(Instruction)
class InstructionAdmin(ReadOnly):
    list_display = ("ref", "reference", "custodian", "status", "settle_date", "amount", "currency_id", "reason")
    list_filter = ("status", "custodian", "settle_date")
    search_fields = ("reference",)
    list_select_related = ("custodian",)


@admin.register(FeedFile)
class FeedFileAdmin(ReadOnly):
    list_display = ("name", "custodian", "is_out", "messages", "at", "done_at", "sha256")
    list_filter = ("custodian", "is_out")
    search_fields = ("name",)
    list_select_related = ("custodian",)


@admin.register(StrayAnswer)
class StrayAnswerAdmin(ReadOnly):
    list_display = ("confirm_ref", "broker", "answer", "at")
    list_select_related = ("broker",)
