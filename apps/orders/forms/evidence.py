"""What is put beside an order."""

from datetime import UTC

from django import forms


class LocateForm(forms.Form):
    """A lender's word for a short sale. Times are UTC, as everywhere on the pages."""

    version = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    lender = forms.CharField(max_length=60)
    ref = forms.CharField(label="Its number", max_length=40)
    qty = forms.CharField(label="Units", max_length=40, widget=forms.TextInput({"inputmode": "decimal"}))
    expires_at = forms.DateTimeField(
        label="Good until (UTC)", widget=forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
    )  # fmt: skip

    is_borrow = forms.BooleanField(
        label="Borrowed already", required=False, help_text="Not only located. Needed while a failed sale of it is not closed out."
    )

    def clean_expires_at(self):
        return self.cleaned_data["expires_at"].replace(tzinfo=UTC)


class DocumentForm(forms.Form):
    """A file, or the address of a document kept elsewhere."""

    version = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    file = forms.FileField(required=False, help_text="Up to 10 MiB, kept as it is.")
    url = forms.CharField(label="Or an address", required=False, max_length=400)
    name = forms.CharField(label="Called", required=False, max_length=120)
