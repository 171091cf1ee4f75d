"""Reference data in the back office: looked up, changed, imported and exported, every change kept with who and when."""

from django.contrib import admin, messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from import_export.admin import ImportExportMixin
from import_export.formats.base_formats import CSV, XLSX
from import_export.tmp_storages import MediaStorage
from simple_history.admin import SimpleHistoryAdmin

from apps.core.edges import act_of
from apps.users.as_seen import AsSeen
from apps.users.back_office import ByRole

from . import telling
from .forms import CheckedForm, ConfirmForm
from .imports import OtherThanShown, resource_for
from .models import (
    Broker,
    Combination,
    Constituent,
    Contract,
    ContractFamily,
    Currency,
    Custodian,
    Depository,
    Fee,
    Instrument,
    InstrumentValue,
    Issuer,
    IssuerValue,
    OwnAttribute,
    SettlementCycle,
    SettlementHoliday,
    Venue,
)  # fmt: skip


class KeptAdmin(AsSeen, ByRole, SimpleHistoryAdmin):
    """Rows whose every change is kept; of those that rules judge by, on the record too."""

    form = CheckedForm
    list_per_page = 100
    show_full_result_count = False
    history_list_display = ("history_change_reason",)

    def save_model(self, request: HttpRequest, obj: Model, form, change: bool) -> None:
        before = telling.stored_state(obj) if change and self.model in telling.TOLD else None
        super().save_model(request, obj, form, change)
        if self.model in telling.TOLD:
            telling.tell(act_of(request), self.model, [telling.Change(obj.pk, before, telling.state_of(obj))])

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        gone = telling.Change(obj.pk, telling.state_of(obj), None) if self.model in telling.TOLD else None
        super().delete_model(request, obj)
        if gone:
            telling.tell(act_of(request), self.model, [gone])


class ReferenceAdmin(ImportExportMixin, KeptAdmin):
    """Adds import from CSV and XLSX files, shown before it is done and done as it was shown, and export to them."""

    writes = ("reference.write",)
    import_formats = export_formats = [CSV, XLSX]
    confirm_form_class = ConfirmForm
    tmp_storage_class = MediaStorage  # The page that is confirmed may be served by another process.

    def has_import_permission(self, request: HttpRequest) -> bool:
        return self.has_add_permission(request)

    def has_export_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def get_import_data_kwargs(self, request, *args, form=None, **kwargs):
        given = super().get_import_data_kwargs(request=request, form=form, **kwargs)
        confirmed = form.cleaned_data["shown"] if isinstance(form, ConfirmForm) else None
        return given | {"rollback_on_validation_errors": True, "confirmed": confirmed}

    def get_confirm_form_initial(self, request, import_form):
        initial = super().get_confirm_form_initial(request, import_form)
        return initial | {"shown": request.shown} if import_form else initial

    def process_import(self, request: HttpRequest, **kwargs) -> HttpResponse:
        try:
            return super().process_import(request, **kwargs)
        except FileNotFoundError:
            return self._not_imported(request, "This file was imported already, or it is gone. Send it again.")

    def process_result(self, result, request: HttpRequest) -> HttpResponse:
        """What changed between preview and confirmation may have made a row bad: then none was taken."""
        bad = [row.number for row in result.invalid_rows] + [number for number, _ in result.row_errors()]
        bad += [n for error in result.base_errors if isinstance(error.error, OtherThanShown) for n in error.error.rows]
        if bad or result.has_errors():
            rows = ", ".join(map(str, sorted(set(bad))))
            return self._not_imported(
                request,
                f"Nothing was imported: something changed since it was shown. Look at rows: {rows}. Send the file again.",
            )
        return super().process_result(result, request)

    def _not_imported(self, request: HttpRequest, why: str) -> HttpResponse:
        messages.error(request, why)
        return HttpResponseRedirect(reverse("admin:{}_{}_import".format(*self.get_model_info())))


@admin.register(Instrument)
class InstrumentAdmin(ReferenceAdmin):
    resource_classes = [
        resource_for(Instrument, ("symbol",), {"currency": "code", "base_currency": "code", "venue": "mic", "underlying": "symbol"})
    ]
    list_display = ("symbol", "name", "asset_class", "isin", "currency", "venue", "country", "sector", "is_active")
    list_filter = ("asset_class", "is_active", "currency", "venue", "country", "sector")
    list_select_related = ("currency", "venue")
    search_fields = ("symbol", "name", "isin", "cusip", "sedol", "figi", "issuer__name")
    autocomplete_fields = ("issuer", "underlying")
    fieldsets = (
        (None, {"fields": ("symbol", "name", "asset_class", "issuer", "is_active")}),
        ("Identifiers", {"fields": ("isin", "cusip", "sedol", "figi")}),
        ("Market", {"fields": ("venue", "currency", "country", "sector", "rating", "shares_outstanding")}),
        ("For the limits of funds", {"fields": ("is_covered", "has_votes", "is_ucits", "is_closed_end", "is_money_market")}),
        ("For employers' securities of plans", {"fields": ("independent_pct", "independent_source")}),
        ("Steps", {"fields": ("lot_size", "tick_size", "min_piece", "increment", "price_factor")}),
        ("Bond", {"fields": ("coupon_pct", "coupon_frequency", "day_count", "issue_date", "maturity_date")}),
        ("Pair of currencies", {"fields": ("base_currency",)}),
        ("Fund", {"fields": ("cutoff_at",)}),
        ("Derivative or convertible", {"fields": ("underlying", "strike_price", "put_or_call", "conversion_ratio", "cfi_code")}),
    )


@admin.register(ContractFamily)
class ContractFamilyAdmin(ReferenceAdmin):
    resource_classes = [resource_for(ContractFamily, ("code",))]
    list_display = ("code", "name")
    search_fields = ("code", "name")


@admin.register(Contract)
class ContractAdmin(ReferenceAdmin):
    resource_classes = [resource_for(Contract, ("instrument",), {"instrument": "symbol", "family": "code"})]
    list_display = ("instrument", "family", "month", "spot_starts_on", "counts")
    list_filter = ("family", "month")
    list_select_related = ("instrument", "family")
    search_fields = ("instrument__symbol", "family__code")
    autocomplete_fields = ("instrument", "family")


@admin.register(Constituent)
class ConstituentAdmin(ReferenceAdmin):
    resource_classes = [
        resource_for(Constituent, ("fund", "as_of", "instrument"), {"fund": "symbol", "instrument": "symbol"})
    ]
    list_display = ("fund", "as_of", "instrument", "weight_pct")
    list_filter = ("as_of",)
    list_select_related = ("fund", "instrument")
    search_fields = ("fund__symbol", "instrument__symbol", "instrument__name")
    autocomplete_fields = ("fund", "instrument")


@admin.register(Issuer)
class IssuerAdmin(ReferenceAdmin):
    resource_classes = [resource_for(Issuer, ("code",))]
    list_display = ("code", "name", "lei", "country", "sector", "parent")
    list_filter = ("country", "sector", "is_credit_institution", "is_affiliate")
    list_select_related = ("parent",)
    search_fields = ("code", "name", "lei")
    autocomplete_fields = ("parent",)
    fieldsets = (
        (None, {"fields": ("code", "name", "lei", "country", "sector", "parent")}),
        ("For the limits of funds", {"fields": ("is_credit_institution", "is_affiliate")}),
        (
            "Securities business",
            {"fields": ("securities_revenue_pct", "securities_revenue_source", "securities_revenue_date")},
        ),
        ("Debt", {"fields": ("debt_outstanding", "money_market_outstanding", "debt_currency", "debt_date", "incalculable_because")}),
    )


@admin.register(OwnAttribute)
class OwnAttributeAdmin(ReferenceAdmin):
    """One that a rule asks for, or in which something is said, is not deleted."""

    resource_classes = [resource_for(OwnAttribute, ("code",))]
    list_display = ("code", "title", "of", "kind", "choices")
    list_filter = ("of", "kind")
    search_fields = ("code", "title")


@admin.register(InstrumentValue)
class InstrumentValueAdmin(ReferenceAdmin):
    resource_classes = [resource_for(InstrumentValue, ("attribute", "instrument"), {"instrument": "symbol"})]
    list_display = ("instrument", "attribute", "value", "source")
    list_filter = ("attribute",)
    list_select_related = ("attribute", "instrument")
    search_fields = ("instrument__symbol", "instrument__name", "value")
    autocomplete_fields = ("attribute", "instrument")


@admin.register(IssuerValue)
class IssuerValueAdmin(ReferenceAdmin):
    resource_classes = [resource_for(IssuerValue, ("attribute", "issuer"))]
    list_display = ("issuer", "attribute", "value", "source")
    list_filter = ("attribute",)
    list_select_related = ("attribute", "issuer")
    search_fields = ("issuer__code", "issuer__name", "value")
    autocomplete_fields = ("attribute", "issuer")


@admin.register(Broker)
class BrokerAdmin(ReferenceAdmin):
    resource_classes = [resource_for(Broker, ("code",))]
    list_display = ("code", "name", "kind", "lei", "bic", "commission_kind", "commission_rate", "is_active")
    list_filter = ("kind", "is_active", "commission_kind")
    search_fields = ("code", "name", "lei", "bic")
    autocomplete_fields = ("issuer",)


@admin.register(Venue)
class VenueAdmin(ReferenceAdmin):
    resource_classes = [resource_for(Venue, ("mic",))]
    list_display = ("mic", "name", "country", "calendar", "timezone", "opens_at", "closes_at", "currency")
    list_filter = ("country", "currency")
    list_select_related = ("currency",)
    search_fields = ("mic", "name")


@admin.register(Currency)
class CurrencyAdmin(ReferenceAdmin):
    resource_classes = [resource_for(Currency, ("code",))]
    list_display = ("code", "name", "minor_units")
    search_fields = ("code", "name")

    def get_readonly_fields(self, request: HttpRequest, obj: Currency | None = None) -> tuple[str, ...]:
        """Everything in it names it by its code."""
        return ("code",) if obj else ()


@admin.register(Custodian)
class CustodianAdmin(ReferenceAdmin):
    resource_classes = [resource_for(Custodian, ("code",))]
    list_display = ("code", "name", "bic", "country")
    list_filter = ("country",)
    search_fields = ("code", "name", "bic")
    autocomplete_fields = ("issuer",)


@admin.register(Depository)
class DepositoryAdmin(ReferenceAdmin):
    resource_classes = [resource_for(Depository, ("country", "asset_class"))]
    list_display = ("country", "asset_class", "name", "bic")
    list_filter = ("country",)
    search_fields = ("name", "bic")


@admin.register(Combination)
class CombinationAdmin(ReferenceAdmin):
    resource_classes = [
        resource_for(
            Combination, ("asset_class", "venue", "broker", "order_type", "tif"), {"venue": "mic", "broker": "code"}
        )
    ]
    list_display = (
        "asset_class", "venue", "broker", "order_type", "tif", "takes_min_qty", "takes_display_qty",
    )  # fmt: skip
    list_filter = ("asset_class", "order_type", "tif", "broker", "venue")
    list_select_related = ("venue", "broker")
    search_fields = ("asset_class", "order_type", "tif")


@admin.register(SettlementCycle)
class SettlementCycleAdmin(ReferenceAdmin):
    resource_classes = [resource_for(SettlementCycle, ("country", "asset_class", "effective_from"))]
    list_display = ("country", "asset_class", "days", "effective_from", "effective_to")
    list_filter = ("country", "asset_class")
    search_fields = ("country",)


@admin.register(Fee)
class FeeAdmin(ReferenceAdmin):
    resource_classes = [resource_for(Fee, ("code", "country", "asset_class", "side", "effective_from"))]
    list_display = ("code", "name", "country", "asset_class", "side", "rate_bp", "effective_from", "effective_to")
    list_filter = ("country", "asset_class", "side", "kind")
    search_fields = ("code", "name")


@admin.register(SettlementHoliday)
class SettlementHolidayAdmin(ReferenceAdmin):
    resource_classes = [resource_for(SettlementHoliday, ("currency", "date"))]
    list_display = ("currency", "date", "name")
    list_filter = ("currency",)
    date_hierarchy = "date"
    search_fields = ("name", "currency__code")
