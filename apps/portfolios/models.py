"""Client portfolios under their mandates, what they hold, and every movement that made it so."""

from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from apps.audit.models import ActRow
from apps.reference.fields import amount_field, percent_field, price_field, qty_field
from apps.reference.models import Currency, Custodian, Instrument


class Model(models.Model):
    """A version of target weights that portfolios follow."""

    code = models.CharField(max_length=40)
    number = models.IntegerField(default=1)
    name = models.CharField(max_length=80)
    effective_date = models.DateField()
    history = HistoricalRecords()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["code", "number"], name="one_model_a_version")]

    def __str__(self) -> str:
        return f"{self.name} v{self.number}"


class ModelWeight(models.Model):
    model = models.ForeignKey(Model, on_delete=models.CASCADE, related_name="weights")
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+")
    weight_pct = percent_field()
    history = HistoricalRecords()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["model", "instrument"], name="one_weight_an_instrument")]


class Portfolio(models.Model):
    """A client account under a mandate."""

    code = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=120)
    base_currency = models.ForeignKey(Currency, on_delete=models.PROTECT, related_name="+")
    custodian = models.ForeignKey(Custodian, on_delete=models.PROTECT, related_name="+")
    custody_account = models.CharField(max_length=35)
    team = models.CharField(max_length=20, help_text="the portfolio managers' team that runs it")
    model = models.ForeignKey(Model, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    is_open = models.BooleanField(default=True)
    history = HistoricalRecords()

    class Meta:
        ordering = ["code"]
        default_permissions = ()
        permissions = [("see_portfolio", "See the portfolio"), ("run_portfolio", "Create orders for the portfolio")]

    def __str__(self) -> str:
        return self.name


class Mandate(models.Model):
    """What the client allows: bands by asset class, in percent of net asset value, and concentration limits."""

    portfolio = models.OneToOneField(Portfolio, on_delete=models.PROTECT, related_name="mandate")
    equity_min_pct = percent_field()
    equity_max_pct = percent_field()
    fixed_income_min_pct = percent_field()
    fixed_income_max_pct = percent_field()
    cash_min_pct = percent_field()
    issuer_max_pct = percent_field()
    sector_max_pct = percent_field()
    history = HistoricalRecords()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(equity_min_pct__lte=models.F("equity_max_pct"))
                & Q(fixed_income_min_pct__lte=models.F("fixed_income_max_pct")),
                name="bands_open_upwards",
            )
        ]


class Position(models.Model):
    """Units held on trade date: the sum of the portfolio's movements in the instrument."""

    portfolio = models.ForeignKey(Portfolio, on_delete=models.PROTECT, related_name="+", db_index=False)
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+")
    qty = qty_field(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["portfolio", "instrument"], name="one_position_an_instrument")]


class Cash(models.Model):
    """Money on trade date: the sum of the portfolio's cash movements in the currency."""

    portfolio = models.ForeignKey(Portfolio, on_delete=models.PROTECT, related_name="+", db_index=False)
    currency = models.ForeignKey(Currency, on_delete=models.PROTECT, related_name="+")
    amount = amount_field(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["portfolio", "currency"], name="one_cash_balance_a_currency")]


class Movement(models.Model):
    """One change of a position or of cash, and the business reference it came from. Never changed: it is reversed."""

    class Kind(models.TextChoices):
        OPENING = "OPENING"
        TRADE = "TRADE"
        REVERSAL = "REVERSAL"

    portfolio = models.ForeignKey(Portfolio, on_delete=models.PROTECT, related_name="+", db_index=False)
    instrument = models.ForeignKey(Instrument, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    currency = models.ForeignKey(Currency, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    qty = qty_field(null=True)
    amount = amount_field(null=True)
    price = price_field(null=True)
    trade_date = models.DateField()
    settle_date = models.DateField()
    source = models.CharField(max_length=40, help_text="such as allocation:12")
    act = models.ForeignKey(ActRow, on_delete=models.PROTECT, related_name="+", db_index=False)

    class Meta:
        indexes = [models.Index(fields=["portfolio", "trade_date"], name="movements_by_portfolio")]
        constraints = [
            models.CheckConstraint(
                condition=Q(instrument__isnull=False, qty__isnull=False, currency__isnull=True, amount__isnull=True)
                | Q(instrument__isnull=True, qty__isnull=True, currency__isnull=False, amount__isnull=False),
                name="movement_is_of_units_or_of_money",
            ),
            models.UniqueConstraint(
                fields=["source", "kind", "portfolio", "instrument", "currency"],
                nulls_distinct=False,
                name="a_source_moves_a_thing_once",
            ),
        ]
