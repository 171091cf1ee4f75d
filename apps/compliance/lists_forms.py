"""Forms of the firm's lists."""

from datetime import date

from django import forms

from apps.core.acts import Act
from apps.core.edges import day_input
from apps.portfolios.models import Portfolio, PortfolioGroup
from apps.reference.models import Broker, Custodian, Instrument, Issuer
from apps.users.models import Desk, User

from . import selectors, services
from .engine.lists import KINDS, REACHES
from .forms import Refusing

NAMED = ("issuer", "instrument", "broker", "custodian", "portfolio", "group", "desk", "person")


class RestrictionForm(Refusing):
    """An entry; which lists there are to write on, and so which fields there are, depends on who asks."""

    kind = forms.ChoiceField(label="List")
    issuer = forms.ModelChoiceField(Issuer.objects.all(), required=False, empty_label="Choose an issuer")
    reach = forms.ChoiceField(
        label="The issuer", required=False, initial="GROUP", choices=list(REACHES.items()),
        help_text="all they issued, and derivatives and convertibles on that",
    )  # fmt: skip
    instrument = forms.ModelChoiceField(
        Instrument.objects.all(), required=False, empty_label="No instrument", help_text="instead of an issuer"
    )
    broker = forms.ModelChoiceField(
        Broker.objects.all(), required=False, empty_label="No broker",
        help_text="instead: nothing is routed to it, for the portfolio or desk below, or at all",
    )  # fmt: skip
    custodian = forms.ModelChoiceField(
        Custodian.objects.all(), required=False, empty_label="No custodian", help_text="instead: orders of its portfolios stop"
    )
    portfolio = forms.ModelChoiceField(Portfolio.objects.all(), required=False, empty_label="The whole firm")
    group = forms.ModelChoiceField(
        PortfolioGroup.objects.all(), required=False, label="Group of portfolios", empty_label="No group",
        help_text="instead of one portfolio",
    )  # fmt: skip
    desk = forms.ModelChoiceField(Desk.objects.all(), required=False, empty_label="Every desk")
    person = forms.ModelChoiceField(
        User.objects.filter(is_automated=False, is_active=True).order_by("username"), required=False, empty_label="Everybody",
        help_text="the insider, or who crossed the wall: whose orders alone it is about",
    )  # fmt: skip
    direction = forms.ChoiceField(choices=[("ALL", "Buys and sells"), ("BUY", "Buys"), ("SELL", "Sells")])
    look_through = forms.BooleanField(required=False, label="Also funds and ETFs that hold it")
    effective_from = forms.DateField(label="First day", widget=day_input())
    effective_to = forms.DateField(label="Last day", required=False, widget=day_input(), help_text="empty: until it is lifted")
    source = forms.CharField(max_length=120, required=False)
    authorised_by = forms.CharField(max_length=120, required=False, help_text="who had it listed; empty: you")
    reason = forms.CharField(max_length=300, label="Why (kept on the record)", widget=forms.Textarea)

    def __init__(self, data, *, user: User, today: date):
        super().__init__(data, initial={"effective_from": today})
        kinds = selectors.kinds_seen_by(user)
        self.fields["kind"].choices = [(kind, KINDS[kind].title) for kind in kinds]
        if len(kinds) == 1:
            self.fields["kind"].widget = forms.HiddenInput()
            self.fields["kind"].required = False
            del self.fields["person"]

    def save(self, act: Act) -> list[int]:
        asked = {name: value for name, value in self.cleaned_data.items() if name not in NAMED}
        asked |= {f"{name}_id": value.pk for name in NAMED if (value := self.cleaned_data.get(name))}
        asked |= {"kind": asked["kind"] or "RESTRICTED", "reach": asked["reach"] or "GROUP"}
        return services.restrict(act, [services.Listing(**asked)])


class ListingFileForm(Refusing):
    """A file of entries."""

    file = forms.FileField(
        label="CSV file", widget=forms.ClearableFileInput({"accept": ".csv"}),
        error_messages={"empty": "The file is empty.", "required": "Choose a CSV file."},
    )  # fmt: skip
