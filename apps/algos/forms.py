"""An algorithm as it is asked for on its ticket."""

from datetime import UTC, datetime, timedelta

from django import forms

from apps.core.refusals import Refusal
from apps.reference.models import Broker

from .models import Algo
from .services import Ask

QTY = {"max_digits": 20, "decimal_places": 4}
ONLY = {
    "POV": ("participation_pct",), "IS": ("risk_aversion",), "ICEBERG": ("display_qty",), "CLOSE": ("auction_pct", "lead_minutes"),
}  # fmt: skip
FOLLOWS = ("kind", "broker_code")


def clock() -> forms.TimeInput:
    return forms.TimeInput(format="%H:%M:%S", attrs={"type": "time", "step": 1})


class AlgoForm(forms.Form):
    """Times of day are UTC; one that is over is tomorrow's. Of its algorithm alone come the fields that it has."""

    kind = forms.ChoiceField(label="Algorithm", choices=Algo.Kind.choices)
    broker_code = forms.ChoiceField(label="Broker")
    qty = forms.DecimalField(label="Quantity", required=False, help_text="all that is left where empty", **QTY)
    limit_price = forms.DecimalField(label="Limit", required=False, max_digits=20, decimal_places=8)
    start = forms.TimeField(label="From (UTC)", required=False, widget=clock(), help_text="at once where empty, or at the open")
    end = forms.TimeField(label="To (UTC)", required=False, widget=clock(), help_text="the close where empty")
    interval_seconds = forms.IntegerField(label="Seconds between orders", min_value=1, max_value=86_400, initial=300)
    participation_pct = forms.DecimalField(label="Percent of volume", max_digits=7, decimal_places=4, initial=10)
    risk_aversion = forms.DecimalField(
        label="Risk aversion", max_digits=20, decimal_places=12, initial="0.000001",
        help_text="of one unit of money: 0.0000001 is patient, 0.00001 urgent, 0 a straight line",
    )  # fmt: skip
    display_qty = forms.DecimalField(label="Shown at a time", **QTY)
    auction_pct = forms.DecimalField(label="Percent in the closing auction", max_digits=7, decimal_places=4, initial=100)
    lead_minutes = forms.IntegerField(label="Minutes before the close", min_value=1, max_value=600, initial=15)

    def __init__(self, data=None, *, kind: str, now: datetime, algo: Algo | None = None, **kwargs):
        super().__init__(data, **kwargs)
        self.now, self.algo = now, algo
        others = {name for only in ONLY.values() for name in only} - set(ONLY.get(kind, ()))
        for name in (*others, *(FOLLOWS if algo else ()), *(("end",) if kind == "CLOSE" else ())):
            del self.fields[name]
        if kind == "ICEBERG":
            del self.fields["interval_seconds"]
        if algo and algo.started_at:
            del self.fields["start"]
        if not algo:
            rows = Broker.objects.filter(is_active=True, kind=Broker.Kind.BROKER).order_by("name")
            self.fields["broker_code"].choices = list(rows.values_list("code", "name"))

    def ask(self) -> Ask:
        said = dict(self.cleaned_data)
        start, end = said.pop("start", None), said.pop("end", None)
        if self.algo:
            said |= {"kind": self.algo.kind, "broker_code": self.algo.broker.code}
        is_as_it_was = self.algo and start in (None, self.algo.starts_at.time().replace(microsecond=0))
        starts_at = self.algo.starts_at if is_as_it_was else self._moment(start, self.now) if start else None
        after = max(starts_at, self.now) if starts_at else self.now
        said = {name: value for name, value in said.items() if name in Ask._fields}
        return Ask(**said, starts_at=starts_at, ends_at=self._moment(end, after) if end else None)

    def _moment(self, clock, after: datetime) -> datetime:
        at = datetime.combine(after.astimezone(UTC).date(), clock, UTC)
        return at + timedelta(days=1) if at < after.replace(microsecond=0) else at

    def refuse(self, refusal: Refusal) -> None:
        field = {"starts_at": "start", "ends_at": "end"}.get(str(refusal.facts.get("field")), str(refusal.facts.get("field")))
        self.add_error(field if field in self.fields else None, refusal.message)


def first_said(algo: Algo) -> dict:
    """What the form of a change shows."""
    limit = "" if algo.limit_price is None else f"{algo.limit_price.normalize():f}"
    times = {"start": algo.starts_at.time(), "end": algo.ends_at.time(), "interval_seconds": algo.interval_seconds}
    return times | {"qty": f"{algo.qty.normalize():f}", "limit_price": limit} | algo.params
