"""Step-outs and research payments as they are entered."""

from django import forms

from apps.core.refusals import Refusal
from apps.reference.models import Broker
from apps.routing.models import Execution


class ActForm(forms.Form):
    """A form whose refusals stand beside their field."""

    def refuse(self, refusal: Refusal) -> None:
        field = str(refusal.facts.get("field", ""))
        self.add_error(field if field in self.fields else None, refusal.message)


def _reason() -> forms.CharField:
    return forms.CharField(label="Why (kept on the record)", max_length=400, widget=forms.Textarea(attrs={"rows": 2}))


class StepOutForm(ActForm):
    from_broker = forms.ModelChoiceField(Broker.objects.none(), label="Executed by", to_field_name="code", empty_label=None)
    to_broker = forms.ModelChoiceField(
        Broker.objects.filter(is_active=True).exclude(kind__in=Broker.NOT_ROUTED), label="Steps in", to_field_name="code"
    )
    qty = forms.DecimalField(label="Quantity", max_digits=20, decimal_places=4)
    gives_commission = forms.BooleanField(label="The part’s commission goes along", required=False, initial=True)
    reason = _reason()

    def __init__(self, block_id: int, *args, **kwargs):
        super().__init__(*args, **kwargs)
        who = Execution.objects.filter(block=block_id, status="LIVE").values("broker")
        self.fields["from_broker"].queryset = Broker.objects.filter(pk__in=who)


class PaymentForm(ActForm):
    amount = forms.DecimalField(max_digits=20, decimal_places=4)
    provider = forms.CharField(label="Paid to", max_length=80)
    invoice = forms.CharField(max_length=60)
    overdraws = forms.BooleanField(label="It may go below zero", required=False)
    reason = _reason()


class CorrectionForm(ActForm):
    amount = forms.DecimalField(max_digits=20, decimal_places=4, help_text="below zero takes away")
    overdraws = forms.BooleanField(label="It may go below zero", required=False)
    reason = _reason()
