"""Portfolios, mandates and models in the back office, for who sees the whole firm; holdings and movements to look at."""

from django.contrib import admin
from django.db.models import Count
from simple_history.admin import SimpleHistoryAdmin

from apps.reference.admin import KeptAdmin, ReferenceAdmin
from apps.reference.imports import resource_for
from apps.users.as_seen import AsSeen
from apps.users.back_office import ByRole

from . import benchmark_services as benchmark_services  # It says how the record tells of benchmarks.
from . import named_issuers as named_issuers  # The same of issuers that are named for a portfolio.
from . import services
from .forms import (
    BrokerTermForm,
    DirectionForm,
    GroupForm,
    MandateForm,
    NamedIssuerForm,
    PartyForm,
    PlanConsentForm,
    PlanForm,
    PortfolioForm,
    WeightFormSet,
)
from .models import (
    AlikeForTax,
    Benchmark,
    BenchmarkWeight,
    BrokerTerm,
    Cash,
    Direction,
    Mandate,
    Model,
    ModelWeight,
    Movement,
    NamedIssuer,
    PartyInInterest,
    Plan,
    PlanConsent,
    Portfolio,
    PortfolioGroup,
    Position,
    Taxpayer,
)


class FirmWide(ByRole):
    """An administrator keeps reference data but sees no client's portfolio."""

    sees = ("portfolios.see_all", "reference.write")
    list_per_page = 100
    show_full_result_count = False


class MandateInline(FirmWide, admin.StackedInline):
    model = Mandate
    form = MandateForm
    writes = ("reference.write",)
    can_delete = False


@admin.register(Portfolio)
class PortfolioAdmin(AsSeen, FirmWide, SimpleHistoryAdmin):
    writes = ("reference.write",)
    form = PortfolioForm
    inlines = (MandateInline,)
    list_display = ("code", "name", "team", "base_currency", "custodian", "custody_account", "model", "benchmark", "is_open")
    list_filter = ("team", "is_open", "custodian", "base_currency", "model")
    list_select_related = ("base_currency", "custodian", "model", "benchmark")
    search_fields = ("code", "name", "custody_account")

    def has_delete_permission(self, request, obj=None) -> bool:
        """A portfolio is closed, never deleted."""
        return False

    def save_model(self, request, obj, form, change) -> None:
        super().save_model(request, obj, form, change)
        services.grant_teams([obj.pk])


@admin.register(Mandate)
class MandateAdmin(AsSeen, FirmWide, SimpleHistoryAdmin):
    writes = ("reference.write",)
    form = MandateForm
    list_display = (
        "portfolio", "type", "equity_min_pct", "equity_max_pct", "fixed_income_min_pct", "fixed_income_max_pct", "cash_min_pct",
        "issuer_max_pct", "sector_max_pct",
    )  # fmt: skip
    list_filter = ("type",)
    list_select_related = ("portfolio",)
    search_fields = ("portfolio__code", "portfolio__name")
    autocomplete_fields = ("portfolio",)

    def has_delete_permission(self, request, obj=None) -> bool:
        """Without its mandate a portfolio could not be judged."""
        return False


@admin.register(PortfolioGroup)
class PortfolioGroupAdmin(AsSeen, FirmWide, SimpleHistoryAdmin):
    """Portfolios that rules and lists name together. Who put which in or took it out, and when, is in its history."""

    writes = ("reference.write",)
    form = GroupForm
    list_display = ("code", "name", "size")
    search_fields = ("code", "name")

    def get_queryset(self, request):
        return super().get_queryset(request).annotate(size=Count("members"))

    @admin.display(description="portfolios", ordering="size")
    def size(self, row: PortfolioGroup) -> int:
        return row.size

    def get_readonly_fields(self, request, obj=None) -> tuple[str, ...]:
        """Rules name it by its code."""
        return ("code",) if obj else ()

    def _held(self, request, object_id):
        """Held against a rule that begins to name it, too, where it is to be deleted."""
        row = super()._held(request, object_id)
        if row is not None and "post" in request.POST:
            list(PortfolioGroup.objects.select_for_update().filter(pk=row.pk).values_list("pk"))
        return row


@admin.register(Direction)
class DirectionAdmin(AsSeen, FirmWide, SimpleHistoryAdmin):
    """With which broker a client tells us to trade. A direction that was in force is ended, not deleted."""

    writes = ("reference.write",)
    form = DirectionForm
    list_display = ("portfolio", "asset_class", "broker", "trades", "starts_on", "ends_on", "basis")
    list_filter = ("trades", "broker")
    list_select_related = ("portfolio", "broker")
    search_fields = ("portfolio__code", "portfolio__name", "broker__code")
    autocomplete_fields = ("portfolio", "broker")

    def has_delete_permission(self, request, obj=None) -> bool:
        return False


@admin.register(BrokerTerm)
class BrokerTermAdmin(AsSeen, FirmWide, SimpleHistoryAdmin):
    """With whom a portfolio may trade. A term that was in force is ended, not deleted."""

    writes = ("reference.write",)
    form = BrokerTermForm
    list_display = ("portfolio", "kind", "broker", "asset_class", "starts_on", "ends_on", "reason")
    list_filter = ("kind", "broker", "asset_class")
    list_select_related = ("portfolio", "broker")
    search_fields = ("portfolio__code", "portfolio__name", "broker__code")
    autocomplete_fields = ("portfolio", "broker")

    def has_delete_permission(self, request, obj=None) -> bool:
        return False


@admin.register(Taxpayer)
class TaxpayerAdmin(AsSeen, FirmWide, SimpleHistoryAdmin):
    writes = ("reference.write",)
    list_display = ("code", "name")
    search_fields = ("code", "name")


@admin.register(AlikeForTax)
class AlikeForTaxAdmin(AsSeen, FirmWide, SimpleHistoryAdmin):
    """The firm's policy on what is substantially identical."""

    writes = ("reference.write",)
    list_display = ("instrument", "word", "reason")
    list_select_related = ("instrument",)
    list_filter = ("word",)
    search_fields = ("instrument__symbol", "word")
    autocomplete_fields = ("instrument",)


@admin.register(Benchmark)
class BenchmarkAdmin(ReferenceAdmin):
    resource_classes = [resource_for(Benchmark, ("code",))]
    list_display = ("code", "name")
    search_fields = ("code", "name")


@admin.register(BenchmarkWeight)
class BenchmarkWeightAdmin(ReferenceAdmin):
    """
    Of a day all weights together, best by file. They never sum to more than 100%; a day below 99% is kept, but rules that ask
    for it cannot tell until the rest is there.
    """

    resource_classes = [resource_for(BenchmarkWeight, ("benchmark", "as_of", "instrument"), {"instrument": "symbol"})]
    list_display = ("benchmark", "as_of", "instrument", "weight_pct")
    list_filter = ("benchmark", "as_of")
    list_select_related = ("benchmark", "instrument")
    search_fields = ("benchmark__code", "instrument__symbol", "instrument__name")
    autocomplete_fields = ("benchmark", "instrument")


@admin.register(Plan)
class PlanAdmin(AsSeen, FirmWide, SimpleHistoryAdmin):
    """Which portfolios are retirement plans, and whose."""

    writes = ("reference.write",)
    form = PlanForm
    list_display = ("portfolio", "kind", "employer", "allows_employer", "fiduciary", "by_qpam", "qpam_agreement")
    list_filter = ("kind", "by_qpam")
    list_select_related = ("portfolio", "employer")
    search_fields = ("portfolio__code", "portfolio__name", "employer__name")
    autocomplete_fields = ("portfolio", "employer")

    def has_delete_permission(self, request, obj=None) -> bool:
        """What was judged by it stays explained: a plan that is none any more becomes one that nothing binds."""
        return False


@admin.register(PartyInInterest)
class PartyInInterestAdmin(AsSeen, FirmWide, SimpleHistoryAdmin):
    """Whose securities plans do not buy without an exemption. A row that was in force is ended, not deleted."""

    writes = ("reference.write",)
    form = PartyForm
    list_display = ("issuer", "relation", "plan", "starts_on", "ends_on", "reason")
    list_filter = ("relation",)
    list_select_related = ("issuer", "plan__portfolio")
    search_fields = ("issuer__name", "plan__portfolio__code")
    autocomplete_fields = ("issuer", "plan")

    def has_delete_permission(self, request, obj=None) -> bool:
        return False


@admin.register(PlanConsent)
class PlanConsentAdmin(AsSeen, FirmWide, SimpleHistoryAdmin):
    """Exemptions on file. A consent that was in force is ended, not deleted."""

    writes = ("reference.write",)
    form = PlanConsentForm
    list_display = ("plan", "issuer", "covers", "exemption", "agreed_by", "starts_on", "ends_on", "document")
    list_filter = ("covers",)
    list_select_related = ("issuer", "plan__portfolio")
    search_fields = ("issuer__name", "plan__portfolio__code", "exemption")
    autocomplete_fields = ("issuer", "plan")

    def has_delete_permission(self, request, obj=None) -> bool:
        return False


@admin.register(NamedIssuer)
class NamedIssuerAdmin(FirmWide, KeptAdmin):
    """Public issuers of which a fund may hold all it has. A row that was in force is ended, not deleted."""

    writes = ("reference.write",)
    form = NamedIssuerForm
    list_display = ("portfolio", "issuer", "authority", "prospectus", "starts_on", "ends_on")
    list_select_related = ("portfolio", "issuer")
    search_fields = ("portfolio__code", "portfolio__name", "issuer__name")
    autocomplete_fields = ("portfolio", "issuer")

    def has_delete_permission(self, request, obj=None) -> bool:
        return False


class WeightInline(FirmWide, admin.TabularInline):
    model = ModelWeight
    formset = WeightFormSet
    writes = ("reference.write",)
    autocomplete_fields = ("instrument",)
    extra = 0


@admin.register(Model)
class ModelAdmin(AsSeen, FirmWide, SimpleHistoryAdmin):
    writes = ("reference.write",)
    inlines = (WeightInline,)
    list_display = ("code", "number", "name", "effective_date")
    search_fields = ("code", "name")


@admin.register(Position)
class PositionAdmin(FirmWide, admin.ModelAdmin):
    list_display = ("portfolio", "instrument", "qty")
    list_select_related = ("portfolio", "instrument")
    search_fields = ("portfolio__code", "instrument__symbol", "instrument__isin")


@admin.register(Cash)
class CashAdmin(FirmWide, admin.ModelAdmin):
    list_display = ("portfolio", "currency", "amount")
    list_filter = ("currency",)
    list_select_related = ("portfolio", "currency")
    search_fields = ("portfolio__code",)


@admin.register(Movement)
class MovementAdmin(FirmWide, admin.ModelAdmin):
    list_display = (
        "portfolio", "instrument", "qty", "currency", "amount", "kind", "trade_date", "settle_date", "source"
    )  # fmt: skip
    list_filter = ("kind", "trade_date")
    list_select_related = ("portfolio", "instrument", "currency")
    search_fields = ("portfolio__code", "instrument__symbol", "source")
    raw_id_fields = ("act",)
