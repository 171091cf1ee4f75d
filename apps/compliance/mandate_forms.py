"""Forms of mandate documents, their clauses, and which rule proves one."""

from django import forms
from django.core.files.uploadedfile import UploadedFile

from apps.core.edges import day_input
from apps.portfolios.models import Portfolio, PortfolioGroup

from . import services
from .forms import Refusing
from .models import Rule

DAY = day_input()
PDF = forms.ClearableFileInput({"accept": ".pdf,application/pdf"})
SHEET = forms.ClearableFileInput({"accept": ".csv,.xlsx"})
COLUMNS = "columns reference, page, text; kind (restriction, or no rule) and reason where no rule is needed"
NONE_NEEDED = "none"


class MandateForm(Refusing):
    """A document as it is first entered."""

    code = forms.CharField(max_length=40, help_text="such as IMA-P001; fixtures name clauses by it")
    title = forms.CharField(max_length=200)
    portfolio = forms.ModelChoiceField(Portfolio.objects.all(), required=False, empty_label="No single portfolio")
    group = forms.ModelChoiceField(
        PortfolioGroup.objects.all(), required=False, empty_label="No group", help_text="without either it is for the whole firm"
    )
    effective_date = forms.DateField(label="Binds from", widget=DAY)
    file = forms.FileField(label="PDF", required=False, widget=PDF, help_text="up to 10 MiB, kept as it is")
    clauses = forms.FileField(required=False, widget=SHEET, help_text=f"CSV or XLSX: {COLUMNS}")

    def home(self) -> services.Home:
        portfolio, group = self.cleaned_data["portfolio"], self.cleaned_data["group"]
        return services.Home(portfolio and portfolio.pk, group and group.pk)


class EditionForm(Refusing):
    """A new edition."""

    seen = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    effective_date = forms.DateField(label="Binds from", widget=DAY)
    file = forms.FileField(label="PDF", required=False, widget=PDF, help_text="up to 10 MiB, kept as it is")
    clauses = forms.FileField(
        label="All its clauses", required=False, widget=SHEET,
        help_text=f"CSV or XLSX: {COLUMNS}. One that the file leaves out is gone; without a file all carry over.",
    )  # fmt: skip
    reason = forms.CharField(max_length=2000, required=False, widget=forms.Textarea)


class ClauseFileForm(Refusing):
    """Clauses in a file: entered, or worded as it says; others stay."""

    seen = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    file = forms.FileField(label="CSV or XLSX", widget=SHEET, help_text=COLUMNS.capitalize())


class ClauseForm(Refusing):
    """One clause."""

    seen = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    reference = forms.CharField(max_length=40, help_text="such as 4.2(b)")
    page = forms.IntegerField(required=False, min_value=1, max_value=9999, help_text="of the PDF")
    text = forms.CharField(max_length=8000, widget=forms.Textarea(attrs={"rows": 6}))
    no_rule = forms.CharField(
        label="No rule is needed, because", max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 2}),
        help_text="only where that is so; another officer has to agree",
    )  # fmt: skip

    def said(self) -> services.Said:
        data = self.cleaned_data
        return services.Said(data["reference"], data["text"], data["page"], data["no_rule"])


class MappingForm(Refusing):
    """Which rule proves a clause, or that none is needed; a choice carries the version of the rule that was looked at."""

    seen = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    rule = forms.ChoiceField(label="It is proved by")
    reason = forms.CharField(max_length=2000, label="Why (kept on the record)", widget=forms.Textarea(attrs={"rows": 3}))

    def __init__(self, data, *, rules: list[Rule], initial: dict):
        super().__init__(data, initial=initial)
        choices = [(f"{rule.pk}:{rule.version}", f"{rule.name}: {rule.text}"[:160]) for rule in rules]
        asked = (data or {}).get("rule", "")
        known = {value for value, _ in choices}
        if asked and asked != NONE_NEEDED and asked not in known and asked.partition(":")[0].isdigit():
            choices.append((asked, "as you saw it"))  # The service says what it is now.
        self.fields["rule"].choices = [("", "Choose a rule"), *choices, (NONE_NEEDED, "No rule is needed")]

    def pair(self) -> tuple[int | None, dict[int, int]]:
        """The rule, and the version of it that was looked at."""
        asked = self.cleaned_data["rule"]
        if asked == NONE_NEEDED:
            return None, {}
        pk, _, version = asked.partition(":")
        return int(pk), {int(pk): int(version) if version.isdigit() else 0}


def pdf_of(file: UploadedFile | None) -> services.Pdf | None:
    return services.Pdf(file.name or "", file.read(services.LARGEST_PDF + 1)) if file else None


def clauses_of(file: UploadedFile | None) -> list[services.Said] | None:
    """:raises Invalid: where the file cannot be read"""
    return services.read_clauses(file.name or "", file.read(services.MOST_CLAUSE_BYTES + 1)) if file else None
