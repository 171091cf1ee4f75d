"""FIX sessions and throttles as they are entered."""

from decimal import Decimal

from django import forms
from django.core.exceptions import ValidationError

from apps.core.edges import day_input
from apps.core.refusals import Refusal
from apps.reference.models import AssetClass, Broker, Currency, Venue

from . import rules, services
from .models import Dialect, Session, Throttle
from .models.throttles import THROTTLED
from .rules import cards, dialects


class SessionForm(forms.ModelForm):
    class Meta:
        model = Session
        fields = (
            "purpose", "broker", "begin_string", "appl_ver_id", "sender_comp_id", "target_comp_id", "host", "port", "dials_in",
            "environment", "opens_at", "closes_at", "time_zone", "days", "open_day", "close_day", "resets_on_logon",
            "heartbeat_seconds", "reconnect_seconds", "uses_tls", "tls_name", "is_enabled",
        )  # fmt: skip

    def clean(self) -> dict:
        """:raises ValidationError: where a live session and a simulated one would meet, or its party is missing"""
        data = super().clean() or self.cleaned_data
        if self.errors:
            return data
        is_routing = data["purpose"] == Session.Purpose.ROUTING
        if is_routing != bool(data["broker"]):
            raise ValidationError("A routing session names its broker; a staging session, of an upstream system, none.")
        for field, problem in services.setting_problems(data):
            self.add_error(field, problem)
        if is_routing and data["dials_in"]:
            raise ValidationError("We call brokers and dealers; only an upstream system may call us.")
        mine = tuple(data[name] for name in ("environment", "sender_comp_id", "target_comp_id", "host", "port"))
        others = services.session_facts(apart_from=self.instance.pk)
        if found := rules.session_problems(data["environment"], [*others, mine]):
            raise ValidationError(found)
        return data


class ThrottleForm(forms.ModelForm):
    class Meta:
        model = Throttle
        fields = "__all__"

    def clean(self) -> dict:
        data = super().clean() or self.cleaned_data
        if self.errors:
            return data
        for field, message in services.throttle_problems(data):
            self.add_error(field, message)
        return data


class KeptThrottleForm(forms.Form):
    """A throttle that an officer sets or changes; whose it is stays."""

    seen = forms.IntegerField(min_value=1, required=False, widget=forms.HiddenInput)
    session = forms.ModelChoiceField(Session.objects.order_by("target_comp_id"), required=False, empty_label="No session: a strategy")
    strategy = forms.ChoiceField(required=False, choices=[("", "No strategy: a session"), *THROTTLED])
    per_second = forms.IntegerField(label="Messages a second", required=False)
    over = forms.ChoiceField(label="Over it", choices=Throttle.Over.choices)
    per_day = forms.IntegerField(label="Messages a day", required=False, help_text="a day in UTC; what is over it is refused")
    most_repeats = forms.IntegerField(
        label="Repeats", required=False, help_text="how often a strategy is applied to one instrument and side before it is stopped"
    )
    repeat_seconds = forms.IntegerField(label="Within seconds", initial=60)
    reason = forms.CharField(label="Why (kept on the record)", max_length=2000, widget=forms.Textarea(attrs={"rows": 2}))

    def text(self) -> services.ThrottleText:
        return services.ThrottleText(**{name: self.cleaned_data[name] for name in services.ThrottleText._fields})

    def refuse(self, refusal: Refusal) -> None:
        field = str(refusal.facts.get("field", ""))
        self.add_error(field if field in self.fields else None, refusal.message)


class StrategyFileForm(forms.Form):
    """A broker's file of strategies, to load."""

    broker = forms.ModelChoiceField(Broker.objects.filter(is_active=True, kind=Broker.Kind.BROKER).order_by("name"), empty_label="Choose")
    file = forms.FileField(help_text="FIXatdl 1.1 or 1.2, as the broker sent it; 2 MB at most")


LINES = {
    "suffixes": dialects.read_suffix_lines, "price_units": dialects.read_unit_lines, "tags": dialects.read_tags_lines,
    "required": dialects.read_required_lines,
}  # fmt: skip


def _lines(label: str, help_text: str, rows: int = 2) -> forms.CharField:
    return forms.CharField(
        label=label, required=False, max_length=8000, help_text=help_text, widget=forms.Textarea(attrs={"rows": rows})
    )


class DialectForm(forms.Form):
    """A dialect as it is proposed; tables are written a line each."""

    symbology = forms.ChoiceField(label="Instruments by", choices=list(dialects.SYMBOLOGIES.items()))
    suffixes = _lines("Suffix of each venue", "with RIC: XLON L")
    price_units = _lines("Prices of shares", "GBP GBX 100: those in GBP are said in GBX, of which 100 make one")
    bond_unit = forms.TypedChoiceField(
        label="Bond quantities", coerce=int, choices=[(n, "face" if n == 1 else f"in {n:,} of face") for n in dialects.UNITS]
    )
    tags = _lines(
        "Tags", "DG 9001 field account, DG 9002 text DESK1, D 847 move 7601, DFG 5700 drop. Fields: "
        + ", ".join((*dialects.NAMED, *dialects.OF_INSTRUMENT)), 4,
    )  # fmt: skip
    required = _lines("Required", "DG 1: no new order or replace leaves without tag 1")
    list_fills = forms.BooleanField(
        label="Fills of lists come by ListStatus (35=N) alone", required=False, help_text="they are booked from it; else reports alone are"
    )
    reason = forms.CharField(label="Why (kept on the record)", max_length=400, widget=forms.Textarea(attrs={"rows": 2}))

    @classmethod
    def first(cls, row: Dialect | None) -> dict:
        if row is None:
            return {"bond_unit": 1}
        return row.lines | {"symbology": row.symbology, "bond_unit": row.bond_unit, "list_fills": row.list_fills}

    def clean(self) -> dict:
        data = super().clean() or self.cleaned_data
        for name, read in LINES.items():
            if name in data:
                try:
                    data[name] = read(data[name])
                except dialects.BadLine as problem:
                    self.add_error(name, str(problem))
        return data

    def dialect(self) -> dialects.Dialect:
        said = {name: self.cleaned_data[name] for name in dialects.Dialect._fields}
        return dialects.Dialect(**said | {name: tuple(said[name]) for name in ("price_units", "tags", "required")})

    def refuse(self, refusal: Refusal) -> None:
        field = str(refusal.facts.get("field", ""))
        self.add_error(field if field in self.fields else None, refusal.message)


def _amount(label: str, hint: str = "", places: int = 4) -> forms.DecimalField:
    return forms.DecimalField(label=label, required=False, min_value=0, max_digits=20, decimal_places=places, help_text=hint)


class RateCardForm(forms.Form):
    """A rate card as it is proposed. What it asks for is left empty where any will do."""

    broker = forms.ModelChoiceField(Broker.objects.filter(is_active=True), required=False, empty_label="any", to_field_name="code")
    mic = forms.ModelChoiceField(Venue.objects.all(), label="Market", required=False, empty_label="any", to_field_name="mic")
    country = forms.CharField(max_length=2, required=False, help_text="in place of a market: US")
    asset_class = forms.ChoiceField(label="Class", choices=[("", "any"), *AssetClass.choices], required=False)
    strategy = forms.CharField(max_length=60, required=False, help_text="as routes name it: VWAP")
    currency = forms.ModelChoiceField(Currency.objects.all(), required=False, empty_label="any", to_field_name="code")
    kind = forms.ChoiceField(label="Takes", choices=list(cards.KINDS.items()))
    rate = _amount("Rate", places=8)
    tiers = _lines("Tiers", "a line each: the value of the order above which a rate holds for all of it, and the rate: 100000 1.5")
    least_amount, most_amount = _amount("At least", "of an order"), _amount("At most", "of an order")
    research_pct = _amount("For research, %", "part of the commission that is put by")
    books = forms.ChoiceField(label="Book", choices=list(cards.BOOKS.items()))
    tolerance_amount = _amount("Tolerance", "by which what the broker says may differ before it is a break")
    starts_on = forms.DateField(label="From", widget=day_input())
    ends_on = forms.DateField(label="To", required=False, widget=day_input())
    reason = forms.CharField(label="Why (kept on the record)", max_length=400, widget=forms.Textarea(attrs={"rows": 2}))

    def clean_tiers(self) -> tuple:
        try:
            return cards.tiers_of(self.cleaned_data["tiers"])
        except ValueError as problem:
            raise ValidationError(str(problem)) from None

    def card(self) -> cards.Card:
        said = self.cleaned_data
        of = {name: getattr(said[name], field) if said[name] else none for name, field, none in (
            ("broker", "pk", None), ("mic", "mic", ""), ("currency", "code", ""))}  # fmt: skip
        return cards.Card(
            0, of["broker"], of["mic"], said["country"].upper(), said["asset_class"], said["strategy"].strip(), of["currency"],
            said["kind"], said["rate"] or Decimal(0), said["tiers"], said["least_amount"], said["most_amount"],
            said["research_pct"] or Decimal(0), said["books"], said["tolerance_amount"] or Decimal(0), said["starts_on"], said["ends_on"],
        )  # fmt: skip

    def refuse(self, refusal: Refusal) -> None:
        for field, problem in refusal.facts.get("problems", ()) or [(str(refusal.facts.get("field", "")), refusal.message)]:
            self.add_error(field if field in self.fields else None, problem)


class NumbersForm(forms.Form):
    """The next sequence numbers of a session, as one person proposes them."""

    next_out = forms.IntegerField(label="Our next message", required=False, help_text="empty leaves it")
    next_in = forms.IntegerField(label="Expected of theirs", required=False, help_text="empty leaves it")
    reason = forms.CharField(label="Why (kept on the record)", max_length=400, widget=forms.Textarea(attrs={"rows": 2}))

    def refuse(self, refusal: Refusal) -> None:
        field = str(refusal.facts.get("field", ""))
        self.add_error(field if field in self.fields else None, refusal.message)
