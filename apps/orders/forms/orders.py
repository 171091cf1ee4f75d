"""The ticket, the amendment and the upload, as forms. What an order must be is judged by the service alone."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms

from apps.core.edges import day_input
from apps.core.refusals import Invalid
from apps.portfolios.models import Portfolio
from apps.reference import selectors as reference
from apps.reference.models import Instrument
from apps.users.models import Desk, User
from apps.users.services import holders_of

from .. import page_selectors, selectors
from ..models import STOPS, GroupKind, Leg, Order, OrderType, Side, TimeInForce
from ..rules import FROM_HOLDING, HANDLING, INTENTS, OWN_TERMS, side_word
from ..rules.handling import EXEMPTION_TAGS
from ..rules.tickets import TEXT_LIMITS
from ..selectors import Words
from ..services import Change, LegIn, Wish
from .own_fields import NUMBER, own_form_fields, own_said

FLAGS = (
    ("NOT_HELD", "Not held: the desk may wait"),
    ("DO_NOT_INCREASE", "Do not increase on a dividend"),
    ("CARE", "Care: worked by a person"),
)
EFFECTS = (("", "Not said"), ("OPEN", "Opens it"), ("CLOSE", "Closes it"))
EXEMPTIONS = (
    ("", "Not exempt"), *((word, f"{word.replace('_', ' ').capitalize()} (FIX 1688={tag})") for word, tag in EXEMPTION_TAGS.items()),
)  # fmt: skip
PEGS = (("PRIMARY", "Own side of the market"), ("MID", "Middle"), ("MARKET", "Other side of the market"))


class Terms(forms.Form):
    """The terms that a ticket and an amendment share. Numbers stay text: the service judges them."""

    qty = forms.CharField(
        label="Quantity", max_length=40, widget=forms.TextInput(NUMBER),
        help_text="Shares, face of a bond, contracts, base currency of a pair, units of a fund.",
    )  # fmt: skip
    order_type = forms.ChoiceField(label="Type", choices=OrderType.choices, initial=OrderType.MARKET)
    limit_price = forms.CharField(
        label="Limit price", max_length=40, required=False, widget=forms.TextInput(NUMBER),
        help_text="In the instrument's currency; percent of par for a bond; the rate of a pair.",
    )  # fmt: skip
    tif = forms.ChoiceField(label="Time in force", choices=TimeInForce.choices, initial=TimeInForce.DAY)
    stop_price = forms.CharField(
        label="Stop price", max_length=40, required=False, widget=forms.TextInput(NUMBER),
        help_text="The order wakes when the market trades there.",
    )  # fmt: skip
    peg = forms.ChoiceField(label="Pegged to", choices=PEGS, required=False, initial="PRIMARY")
    peg_offset = forms.CharField(
        label="Offset", max_length=40, required=False, widget=forms.TextInput(NUMBER), help_text="Added to the peg."
    )
    expire_date = forms.CharField(
        label="Good till", max_length=40, required=False, widget=day_input()
    )
    min_qty = forms.CharField(
        label="Minimum quantity", max_length=40, required=False, widget=forms.TextInput(NUMBER),
        help_text="No smaller fill; the order is then worked alone.",
    )  # fmt: skip
    display_qty = forms.CharField(
        label="Displayed quantity", max_length=40, required=False, widget=forms.TextInput(NUMBER),
        help_text="At most so much is shown at a time.",
    )  # fmt: skip
    value_date = forms.CharField(
        label="Value date", max_length=40, required=False, widget=day_input(),
        help_text="Empty for spot; later than spot for a forward, on a day on which both currencies settle.",
    )  # fmt: skip
    position_effect = forms.ChoiceField(
        label="Effect on the position", choices=EFFECTS, required=False, help_text="Told to the broker (PositionEffect, 77)."
    )
    short_exempt = forms.ChoiceField(
        label="Exempt from the price test", choices=EXEMPTIONS, required=False,
        help_text="Of a short sale: the reason that Rule 201 lists (17 CFR 242.201(c), (d)).",
    )  # fmt: skip
    flags = forms.MultipleChoiceField(
        label="Handling", choices=FLAGS, required=False, widget=forms.CheckboxSelectMultiple
    )
    instructions = forms.CharField(
        label="Instructions to the desk", max_length=TEXT_LIMITS["instructions"], required=False,
        help_text="Orders with other instructions are worked apart.",
    )  # fmt: skip
    rationale = forms.CharField(
        label="Rationale", max_length=TEXT_LIMITS["rationale"], required=False,
        widget=forms.Textarea({"rows": 2}), help_text="Why; kept with the order.",
    )  # fmt: skip

    mute: tuple[str, ...] = OWN_TERMS  # Fields that mean nothing in the class of the instrument.

    @property
    def hides(self) -> list[str]:
        """The fields not to show; one with an error stands there to be mended."""
        return [name for name in self.mute if name not in self.errors]

    def speak(self, words: Words) -> None:
        """Lets quantity and price be called as in the instrument's class, and hides what has no meaning there."""
        terms = words.terms
        self.mute = terms.hides
        self.fields["qty"].label, self.fields["qty"].help_text = terms.label, terms.help
        if "limit_price" in self.fields:
            self.fields["limit_price"].help_text = terms.price_help

    def clean(self) -> dict[str, Any]:
        """What the chosen type and time in force do not show was not said. The service judges the rest."""
        said = super().clean()
        kind, tif = said.get("order_type"), said.get("tif")
        hidden = {
            "limit_price": kind == "STOP", "stop_price": kind not in STOPS, "peg": kind != "PEGGED",
            "peg_offset": kind != "PEGGED", "expire_date": tif != "GTD",
        }  # fmt: skip
        return said | {name: "" for name, is_hidden in hidden.items() if is_hidden} | {"flags": ",".join(said["flags"])}

    def take(self, refusal: Invalid) -> None:
        """Puts each reason of a refused order beside its field, or above the form where it has none here."""
        for row in refusal.facts.get("rows") or [{"field": refusal.facts.get("field"), "message": refusal.message}]:
            field = "qty" if row["field"] == "intent_value" else row["field"]
            self.add_error(field if field in self.fields else None, row["message"])


class TicketForm(Terms):
    """One order, typed."""

    portfolio = forms.ModelChoiceField(
        Portfolio.objects.none(), empty_label="Choose a portfolio",
        error_messages={"invalid_choice": "You do not run this portfolio. Choose one of yours."},
    )  # fmt: skip
    instrument = forms.CharField(
        max_length=40, help_text="Symbol, ISIN, CUSIP or SEDOL.",
        widget=forms.TextInput({"list": "instruments", "autocomplete": "off", "spellcheck": "false"}),
    )  # fmt: skip
    side = forms.ChoiceField(choices=Side.choices, initial=Side.BUY)
    tif = forms.ChoiceField(
        label="Time in force", required=False, choices=[("", "By the firm's rules, else Day"), *TimeInForce.choices]
    )
    intent = forms.ChoiceField(
        label="Quantity in", required=False,
        choices=[("", "Units"), *((code, words.capitalize()) for code, words in INTENTS.items())],
        help_text="Units are derived at the price of now; a target or a part of the position says the side itself.",
    )  # fmt: skip

    field_order = (
        "portfolio", "instrument", "side", "intent", "qty", "order_type", "limit_price", "tif", *HANDLING, "instructions", "rationale",
    )  # fmt: skip

    def __init__(self, user, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["portfolio"].queryset = page_selectors.run_by(user)
        self.fields["portfolio"].label_from_instance = lambda row: f"{row.code} · {row.name}"
        self.fields |= own_form_fields(selectors.own_fields(), asks=True)
        self.fields["qty"].required = self.data.get("intent") != "CLOSE"
        # Of which the person said something: another instrument does not change it.
        self.said = " ".join(self.fields if self.is_bound else self.initial)
        self._speak_of_instrument()

    def _speak_of_instrument(self) -> None:
        """Once it is known which: as it is sent, or as the address names it."""
        given = self.data if self.is_bound else self.initial
        try:
            words = selectors.words_of(the_instrument(given.get("instrument", "")), given.get("intent", ""))
        except forms.ValidationError:
            return
        if not self.is_bound:
            self.initial = {"order_type": words.terms.order_type} | self.initial
        self.speak(words)

    def clean_instrument(self) -> Instrument:
        return the_instrument(self.cleaned_data["instrument"])

    def clean(self) -> dict[str, Any]:
        """What was typed before an instrument of another class was chosen is hidden, and was not said."""
        return super().clean() | dict.fromkeys(self.mute, "")

    @property
    def own(self) -> list:
        """The firm's own fields, for the page."""
        return [self[name] for name in self.fields if name.startswith("own_")]

    @property
    def wish(self) -> Wish:
        said = self.cleaned_data
        return Wish(
            said["portfolio"].pk, said["instrument"].pk, "" if said["intent"] in FROM_HOLDING else said["side"],
            "" if said["intent"] else said["qty"],
            said["order_type"],
            said["limit_price"], said["tif"], said["instructions"], said["rationale"],
            **{name: said.get(name, "") for name in HANDLING}, intent=said["intent"],
            intent_value=said["qty"] if said["intent"] else "",
            own={code: value for code, value in own_said(said).items() if value},
        )  # fmt: skip


class AmendForm(Terms):
    """Other terms for an order that the desk does not yet work."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    cash_qty = forms.CharField(
        label="By amount", max_length=40, required=False, widget=forms.TextInput(NUMBER),
        help_text="Money that binds in place of units, which then are the most it can come to.",
    )  # fmt: skip

    @classmethod
    def of(cls, order: Order, sent=None) -> "AmendForm":
        form = cls(
            sent,
            initial={
                "qty": plain(order.qty), "order_type": order.order_type, "limit_price": plain(order.limit_price),
                "tif": order.tif, "instructions": order.instructions, "rationale": order.rationale,
                "version": order.version,
                **order.terms, "flags": order.terms.get("flags", "").split(","),
            },
        )  # fmt: skip
        form.speak(selectors.words_of(order.instrument))
        return form

    def clean(self) -> dict[str, Any]:
        """Of an amount and a quantity, what was changed is meant; not both."""
        said = super().clean()
        changed = {name for name in ("qty", "cash_qty") if said.get(name, "") != self.initial.get(name, "")}
        if changed == {"qty", "cash_qty"} and said.get("cash_qty"):
            self.add_error("cash_qty", "Change the amount or the units, not both.")
        elif changed == {"qty"}:
            said["cash_qty"] = ""
        return said

    def changes(self) -> Mapping[str, Any]:
        return {name: value for name, value in self.cleaned_data.items() if name != "version"}


class BulkForm(Terms):
    """One change for many orders; what is left empty stays as it is."""

    field_order = ("order_type", "limit_price", "limit_bp", "qty_pct", "tif", "expire_date", "desk", "instructions", "rationale", "submit")
    qty = value_date = None
    limit_bp = forms.CharField(
        label="Move the limits", max_length=20, required=False, widget=forms.TextInput(NUMBER),
        help_text="Each order's own limit; −10 is 10 bp lower.",
    )  # fmt: skip
    qty_pct = forms.CharField(
        label="Quantity", max_length=20, required=False, widget=forms.TextInput(NUMBER),
        help_text="Of each quantity; 50 halves it.",
    )  # fmt: skip
    desk = forms.ModelChoiceField(Desk.objects.all(), required=False, to_field_name="code", empty_label="As it is")
    submit = forms.BooleanField(
        label="Send those that were submitted before to compliance again", required=False, initial=True
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for name in ("order_type", "tif"):
            self.fields[name].required, self.fields[name].initial = False, ""
            self.fields[name].choices = [("", "As it is"), *self.fields[name].choices]
        for name in ("instructions", "rationale"):
            self.fields[name].help_text = "Replaces what each says."
        self.fields["expire_date"].help_text = "Of those good till a date."
        self.own = selectors.own_fields()
        self.fields |= own_form_fields(self.own)

    @property
    def own_inputs(self) -> list[forms.BoundField]:
        return [self[f"own_{field.code}"] for field in self.own]

    def clean(self) -> dict[str, Any]:
        until = self.cleaned_data.get("expire_date", "")  # Of orders that are good till a date already, too.
        return super().clean() | {"expire_date": until}

    def change(self) -> Change:
        said = self.cleaned_data | {"desk": self.cleaned_data["desk"] and self.cleaned_data["desk"].code}
        said["own"] = {code: value for code, value in own_said(self.cleaned_data).items() if value}
        return Change(**{field.name: said[field.name] for field in fields(Change) if said.get(field.name)})


class CloneForm(forms.Form):
    """For which portfolios orders are entered again."""

    portfolios = forms.ModelMultipleChoiceField(
        Portfolio.objects.none(), required=False, help_text="None chosen: each for its own."
    )
    submit = forms.BooleanField(label="Submit them to compliance in the same step", required=False)

    def __init__(self, user, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["portfolios"].queryset = page_selectors.run_by(user)
        self.fields["portfolios"].label_from_instance = lambda row: f"{row.code} · {row.name}"

    def take(self, refusal: Invalid) -> None:
        for row in refusal.facts.get("rows") or [{"message": refusal.message}]:
            self.add_error(None, row["message"])


class DeputyForm(forms.Form):
    """Who agrees in the person's place, and when."""

    MOMENT = forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    deputy = forms.ModelChoiceField(User.objects.none(), empty_label="Choose a person")
    starts_at = forms.DateTimeField(label="From", widget=MOMENT)
    ends_at = forms.DateTimeField(label="Until", widget=MOMENT)

    def __init__(self, user, *args, **kwargs):
        super().__init__(*args, **kwargs)
        able = holders_of("orders.approve")
        self.fields["deputy"].queryset = able.exclude(pk=user.pk).order_by("first_name", "username")


class LinkForm(forms.Form):
    """What orders become together: the kind, and the part and ratio of each."""

    kind = forms.ChoiceField(choices=GroupKind.choices)
    name = forms.CharField(max_length=120)

    def __init__(self, orders, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.orders = orders
        for order in orders:
            label = f"{order.ref} {side_word(order.side, order.instrument.asset_class)} {plain(order.qty)} {order.instrument.symbol}"
            self.fields[f"role-{order.pk}"] = forms.ChoiceField(label=label, choices=Leg.Role.choices)
            self.fields[f"ratio-{order.pk}"] = forms.DecimalField(
                label="Ratio", max_digits=12, decimal_places=4, initial=1, min_value=Decimal("0.0001")
            )

    @property
    def parts(self):
        return [(self[f"role-{order.pk}"], self[f"ratio-{order.pk}"]) for order in self.orders]

    def legs(self) -> list[LegIn]:
        said = self.cleaned_data
        return [LegIn(o.pk, said[f"role-{o.pk}"], said[f"ratio-{o.pk}"]) for o in self.orders]


class ProposalForm(TicketForm):
    """A wish that is no order yet: a ticket without what only the desk needs."""

    tif = stop_price = peg = peg_offset = expire_date = min_qty = display_qty = value_date = flags = instructions = None
    order_type = forms.ChoiceField(
        label="Type", choices=[(OrderType.MARKET, "Market"), (OrderType.LIMIT, "Limit")], initial=OrderType.MARKET
    )

    def clean(self) -> dict[str, Any]:
        return forms.Form.clean(self)

    @property
    def wish(self) -> Wish:
        said = self.cleaned_data
        return Wish(
            said["portfolio"].pk, said["instrument"].pk, said["side"], said["qty"], said["order_type"],
            said["limit_price"], rationale=said["rationale"],
        )  # fmt: skip


def the_instrument(text: str) -> Instrument:
    """:raises forms.ValidationError: where the text names no instrument, or several"""
    value = text.strip().upper()
    found = reference.resolve_instruments([value]).get(value, [])
    if not found:
        raise forms.ValidationError(
            f"No instrument traded now has the symbol or identifier “{text}”. Type its beginning and choose from the list."
        )
    if len(found) > 1:
        places = ", ".join(f"{one.symbol} ({one.venue.mic})" for one in found)
        raise forms.ValidationError(f"“{text}” is listed more than once: {places}. Type the symbol.")
    return found[0]


def plain(number: Decimal | None) -> str:
    """A number as a person types it: 1200.5 for 1200.5000."""
    if number is None:
        return ""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def number_or_none(text: str) -> Decimal | None:
    """A number above zero as typed so far; None where it is none yet."""
    try:
        number = Decimal(text.replace(",", "").strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() and number > 0 else None


def day_or_none(text: str) -> date | None:
    """A day as typed so far; None where it is none yet."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None
