"""Client portfolios under their mandates, what they hold, and every movement that made it so."""

import pgtrigger
from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from apps.audit.models import ActRow
from apps.reference.fields import amount_field, percent_field, price_field, qty_field
from apps.reference.models import AssetClass, Broker, Currency, Custodian, Instrument

from .. import rules


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


class Benchmark(models.Model):
    """What portfolios are compared with: weights of instruments, from a day on."""

    code = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=120)
    history = HistoricalRecords()

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return self.name


class BenchmarkWeight(models.Model):
    """What an instrument weighs in a benchmark. Weights of one day stand together and replace those of earlier days."""

    benchmark = models.ForeignKey(Benchmark, on_delete=models.PROTECT, related_name="+", db_index=False)
    as_of = models.DateField("as of")
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+")
    weight_pct = models.DecimalField("weight, %", max_digits=9, decimal_places=6)
    history = HistoricalRecords()

    class Meta:
        ordering = ["benchmark", "-as_of", "-weight_pct"]
        constraints = [
            models.UniqueConstraint(fields=["benchmark", "as_of", "instrument"], name="a_benchmark_names_an_instrument_once_a_day"),
            models.CheckConstraint(condition=Q(weight_pct__gt=0, weight_pct__lte=100), name="a_benchmarks_weight_is_a_part"),
        ]

    def __str__(self) -> str:
        return f"{self.instrument} in {self.benchmark}, {self.as_of}"


class Taxpayer(models.Model):
    """Whose losses and purchases are looked at together: a person with spouse, accounts and what they control."""

    code = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=120)
    history = HistoricalRecords()

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return self.name


class AlikeForTax(models.Model):
    """The firm's policy: instruments with the same word are substantially identical (26 USC 1091); others are not."""

    instrument = models.OneToOneField(Instrument, on_delete=models.PROTECT, related_name="+")
    word = models.CharField(max_length=40, help_text="such as the index that several funds follow")
    reason = models.CharField(max_length=200)
    history = HistoricalRecords()

    class Meta:
        ordering = ["word", "instrument"]
        verbose_name_plural = "alike for tax"

    def __str__(self) -> str:
        return f"{self.instrument}: {self.word}"


class Portfolio(models.Model):
    """A client account under a mandate."""

    code = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=120)
    base_currency = models.ForeignKey(Currency, on_delete=models.PROTECT, related_name="+")
    custodian = models.ForeignKey(Custodian, on_delete=models.PROTECT, related_name="+")
    custody_account = models.CharField(max_length=35)
    team = models.CharField(max_length=20, help_text="the portfolio managers' team that runs it")
    aggregation_unit = models.CharField(
        max_length=40, blank=True, default="",
        help_text="portfolios that name the same unit are one seller: their net position says whether a sale is long or short."
        " Empty: the portfolio alone",
    )  # fmt: skip
    position_owner = models.CharField(
        max_length=40, blank=True, default="",
        help_text="portfolios that name the same owner are counted together under position limits (17 CFR 150.4). Empty: with all"
        " others of the firm that name none",
    )  # fmt: skip
    taxpayer = models.ForeignKey(
        Taxpayer, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="empty: wash sales are not looked for"
    )
    is_ira = models.BooleanField(
        "retirement account", default=False, help_text="a loss replaced here is lost for good (Rev. Rul. 2008-5)"
    )
    model = models.ForeignKey(Model, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    benchmark = models.ForeignKey(
        Benchmark, null=True, blank=True, on_delete=models.PROTECT, related_name="+",
        help_text="empty: none, and rules that ask for its weights cannot tell",
    )  # fmt: skip
    is_open = models.BooleanField(default=True)
    history = HistoricalRecords()

    class Meta:
        ordering = ["code"]
        default_permissions = ()
        permissions = [("see_portfolio", "See the portfolio"), ("run_portfolio", "Create orders for the portfolio")]

    def __str__(self) -> str:
        return self.name


class PortfolioGroup(models.Model):
    """
    Portfolios that rules and lists name together; one may be in several groups. Rules name it by its code, which stays, and
    a group that a rule names is not deleted.
    """

    code = models.CharField(max_length=40, unique=True, help_text="letters, digits, underscores and hyphens; it stays")
    name = models.CharField(max_length=120)
    members = models.ManyToManyField(Portfolio, related_name="groups", blank=True)
    history = HistoricalRecords(m2m_fields=[members])

    class Meta:
        ordering = ["code"]
        constraints = [models.CheckConstraint(condition=Q(code__regex=rules.GROUP_CODE), name="a_groups_code_is_one_word")]
        triggers = [pgtrigger.ReadOnly(name="its_code_stays", fields=["code"])]

    def __str__(self) -> str:
        return self.name

    @property
    def codes(self) -> str:
        """Its members' codes, one a line."""
        return "\n".join(self.members.order_by("code").values_list("code", flat=True))


class Direction(models.Model):
    """
    A client tells us with which broker to trade: all of its orders of these assets go there while the direction holds,
    apart from everybody else's.
    """

    class When(models.TextChoices):
        BEFORE = "BEFORE", "before the free orders"
        WITH = "WITH", "at the same time as the free orders"
        AFTER = "AFTER", "after the free orders"
        TURN = "TURN", "in turn, by the desk's rotation"

    portfolio = models.ForeignKey(Portfolio, on_delete=models.PROTECT, related_name="directions")
    asset_class = models.CharField(
        max_length=10, choices=AssetClass.choices, blank=True, default="",
        help_text="empty: whatever no direction of its own says otherwise",
    )  # fmt: skip
    broker = models.ForeignKey(Broker, on_delete=models.PROTECT, related_name="+")
    trades = models.CharField(max_length=6, choices=When.choices, default=When.AFTER)
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, blank=True, help_text="the last day; empty: until further notice")
    basis = models.CharField(max_length=200, help_text="the client's letter or agreement, with its date")
    history = HistoricalRecords()

    class Meta:
        ordering = ["portfolio", "asset_class", "-starts_on"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_on=None) | Q(ends_on__gte=models.F("starts_on")), name="a_direction_ends_after_it_starts"
            )
        ]
        triggers = [
            pgtrigger.Trigger(
                name="one_direction_a_day",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.After,
                func="""
                    PERFORM 1 FROM portfolios_portfolio WHERE id = NEW.portfolio_id FOR NO KEY UPDATE;
                    IF EXISTS (
                        SELECT 1 FROM portfolios_direction d WHERE d.portfolio_id = NEW.portfolio_id
                        AND d.asset_class = NEW.asset_class AND d.id <> NEW.id
                        AND daterange(d.starts_on, d.ends_on, '[]') && daterange(NEW.starts_on, NEW.ends_on, '[]')
                    ) THEN
                        RAISE EXCEPTION 'a portfolio has one direction a day and asset class'
                        USING ERRCODE = 'exclusion_violation';
                    END IF;
                    RETURN NULL;
                """,
            )
        ]

    def __str__(self) -> str:
        return f"{self.portfolio} to {self.broker.name}"


class BrokerTerm(models.Model):
    """
    With whom a portfolio may trade. Where it has an allowed broker in force, it trades with those alone; a denied one never
    trades for it; a forward in currencies asks for a master agreement with the dealer. Whoever routes holds the advisory
    lock shared that a change of these rows takes alone: a route is sent before the change, or after it and by it.
    """

    class Kind(models.TextChoices):
        ALLOW = "ALLOW", "allowed: others are not"
        DENY = "DENY", "denied"
        ISDA = "ISDA", "ISDA master agreement signed"

    portfolio = models.ForeignKey(Portfolio, on_delete=models.PROTECT, related_name="broker_terms")
    broker = models.ForeignKey(Broker, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=5, choices=Kind.choices)
    asset_class = models.CharField(
        max_length=10, choices=AssetClass.choices, blank=True, default="", help_text="empty: all of its orders"
    )
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, blank=True, help_text="the last day; empty: until further notice")
    reason = models.CharField(max_length=200, help_text="who decided it and when, or the agreement with its date")
    history = HistoricalRecords()

    class Meta:
        ordering = ["portfolio", "kind", "broker", "-starts_on"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_on=None) | Q(ends_on__gte=models.F("starts_on")), name="a_broker_term_ends_after_it_starts"
            )
        ]
        triggers = [
            pgtrigger.Trigger(
                name="routing_waits_for_it",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.Before,
                func="PERFORM pg_advisory_xact_lock(hashtext('portfolios.broker_terms')); RETURN NEW;",
            )
        ]

    def __str__(self) -> str:
        return f"{self.portfolio}, {self.broker.name}: {self.get_kind_display()}"


class Mandate(models.Model):
    """
    What kind of mandate it is, and what the client allows: bands by asset class, in percent of net asset value, and
    concentration limits.
    """

    portfolio = models.OneToOneField(Portfolio, on_delete=models.PROTECT, related_name="mandate")
    type = models.CharField(
        max_length=12, choices=list(rules.MANDATE_TYPES.items()), blank=True, default="",
        help_text="whose law and which rules bind it. Empty: not on file, and what is asked of one type of mandate cannot tell",
    )  # fmt: skip
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
            ),
            models.CheckConstraint(condition=Q(type__in=["", *rules.MANDATE_TYPES]), name="a_mandate_is_of_a_type_there_is"),
        ]


class Position(models.Model):
    """
    Units held on trade date: the sum of the portfolio's movements in the instrument. It is worth quantity × price ×
    factor less ``unpaid_amount``: a future is bought without paying for it, so its value is the gain not yet paid out.
    """

    portfolio = models.ForeignKey(Portfolio, on_delete=models.PROTECT, related_name="+", db_index=False)
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+")
    qty = qty_field(default=0)
    unpaid_amount = amount_field(
        default=0, db_default=0, help_text="what was bought less what was sold without paying, in the instrument's currency"
    )

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
    unpaid_amount = amount_field(null=True, help_text="of a future: its value, bought (+) or sold (−) without paying")
    trade_date = models.DateField()
    settle_date = models.DateField()
    source = models.CharField(max_length=40, help_text="such as allocation:12")
    dealer = models.ForeignKey(
        Broker, null=True, on_delete=models.PROTECT, related_name="+", db_index=False,
        help_text="of a deal in currencies: who owes the other money until it settles",
    )  # fmt: skip
    act = models.ForeignKey(ActRow, on_delete=models.PROTECT, related_name="+", db_index=False)

    class Meta:
        indexes = [
            models.Index(fields=["portfolio", "trade_date"], name="movements_by_portfolio"),
            models.Index(fields=["portfolio", "settle_date"], condition=Q(dealer__isnull=False), name="movements_with_dealers"),
        ]
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
