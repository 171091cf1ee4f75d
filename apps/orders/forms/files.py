"""Files and pasted cells of orders, as forms."""

from django import forms


class UploadForm(forms.Form):
    """A file of orders."""

    file = forms.FileField(
        label="File", widget=forms.ClearableFileInput({"accept": ".csv,.xlsx"}),
        error_messages={"empty": "The file is empty.", "required": "Choose a CSV or XLSX file."},
    )  # fmt: skip


class PasteForm(forms.Form):
    """Cells copied from a spreadsheet, with or without their headings."""

    text = forms.CharField(
        label="Cells", max_length=2_000_000, strip=False, widget=forms.Textarea({"rows": 6, "spellcheck": "false"}),
        help_text="Copy the cells in the spreadsheet, with their headings if they have any, and paste them here.",
        error_messages={"required": "Paste the cells first."},
    )  # fmt: skip

    def clean_text(self) -> str:
        if not self.cleaned_data["text"].strip():
            raise forms.ValidationError("Paste the cells first.")
        return self.cleaned_data["text"]
