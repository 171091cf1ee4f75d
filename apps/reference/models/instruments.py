"""What can be traded and where."""

import pgtrigger
from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from .. import rules
from ..fields import amount_field, percent_field, price_field, qty_field


class Currency(models.Model):
    code = models.CharField(max_length=3, primary_key=True)
    name = models.CharField(max_length=60)
    minor_units = models.SmallIntegerField(help_text="decimals an amount in it is rounded to (ISO 4217)")
    history = HistoricalRecords()

    class Meta:
        ordering = ["code"]
        verbose_name_plural = "currencies"

    def __str__(self) -> str:
        return self.code


class Venue(models.Model):
    mic = models.CharField(max_length=4, unique=True, help_text="ISO 10383 market identifier code")
    name = models.CharField(max_length=120)
    country = models.CharField(max_length=2)
    calendar = models.CharField(max_length=20, help_text="code of the trading calendar in exchange_calendars")
    timezone = models.CharField(max_length=40)
    opens_at = models.TimeField(help_text="local time")
    closes_at = models.TimeField(help_text="local time")
    currency = models.ForeignKey(Currency, on_delete=models.PROTECT, related_name="+")
    history = HistoricalRecords()

    class Meta:
        ordering = ["mic"]

    def __str__(self) -> str:
        return self.mic


class Issuer(models.Model):
    code = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=160)
    lei = models.CharField(max_length=20, blank=True, default="")
    country = models.CharField(max_length=2)
    sector = models.CharField(max_length=60)
    parent = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="limits on an issuer count its whole group",
    )
    is_credit_institution = models.BooleanField(
        "credit institution", null=True, blank=True, help_text="under supervision (2009/65/EC Art. 50(1)(f)); empty: not known"
    )
    is_affiliate = models.BooleanField(
        "affiliate of the adviser", null=True, blank=True,
        help_text="our firm itself, or who is affiliated with it (15 U.S.C. 80a-2(a)(3)); empty: not known",
    )  # fmt: skip
    securities_revenue_pct = percent_field(
        verbose_name="revenue from securities, %", null=True, blank=True,
        help_text="of gross revenues of its last fiscal year, from securities related activities (17 CFR 270.12d3-1(d)); empty: not known",
    )  # fmt: skip
    securities_revenue_source = models.CharField(
        "source of that", max_length=200, blank=True, default="", help_text="such as its annual report and page"
    )
    securities_revenue_date = models.DateField("end of that fiscal year", null=True, blank=True)
    debt_outstanding = amount_field(
        null=True, blank=True, help_text="face of all its debt securities, money market instruments apart; empty: not known"
    )
    money_market_outstanding = amount_field(
        null=True, blank=True, help_text="face of all its money market instruments, in the same currency and as of the same day"
    )
    debt_currency = models.ForeignKey(
        Currency, null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    debt_date = models.DateField("debt as of", null=True, blank=True)
    incalculable_because = models.CharField(
        "what is in issue cannot be calculated", max_length=200, blank=True, default="",
        help_text="why, and who found so when: limits on a part of its debt, money market instruments or units are then"
        " disregarded as one buys (2009/65/EC Art. 56(2)); empty: it can be",
    )  # fmt: skip
    history = HistoricalRecords()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(condition=~Q(parent=models.F("id")), name="issuer_is_not_its_own_parent"),
            models.CheckConstraint(
                condition=Q(securities_revenue_pct=None, securities_revenue_source="", securities_revenue_date=None)
                | Q(securities_revenue_pct__gte=0, securities_revenue_pct__lte=100, securities_revenue_date__isnull=False)
                & ~Q(securities_revenue_source=""),
                name="a_part_of_revenue_has_source_and_date",
            ),
            models.CheckConstraint(
                condition=Q(debt_outstanding=None, money_market_outstanding=None, debt_currency=None, debt_date=None)
                | Q(debt_currency__isnull=False, debt_date__isnull=False)
                & (Q(debt_outstanding__isnull=False) | Q(money_market_outstanding__isnull=False))
                & (Q(debt_outstanding=None) | Q(debt_outstanding__gt=0))
                & (Q(money_market_outstanding=None) | Q(money_market_outstanding__gt=0)),
                name="a_debt_has_currency_and_date",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class AssetClass(models.TextChoices):
    EQUITY = "EQUITY", "Equity"
    ETF = "ETF", "ETF"
    CORP = "CORP", "Corporate bond"
    GOVT = "GOVT", "Government bond"
    OPTION = "OPTION", "Listed option"
    FUTURE = "FUTURE", "Future"
    FX = "FX", "Foreign exchange"
    FUND = "FUND", "Fund"


BONDS = (AssetClass.CORP, AssetClass.GOVT)
SHARES = (AssetClass.EQUITY, AssetClass.ETF)
DERIVATIVES = (AssetClass.OPTION, AssetClass.FUTURE)


class Instrument(models.Model):
    """
    One thing that can be traded. Its value is quantity × price × ``price_factor`` in its currency: 1 for shares, 0.01
    for bonds (face and percent of par), the contract multiplier for options and futures. A pair of currencies is traded
    in units of its ``base_currency`` and priced in ``currency`` for one of it; nobody holds one: it leaves two moneys.
    """

    symbol = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=160)
    asset_class = models.CharField(max_length=8, choices=AssetClass.choices)
    isin = models.CharField(max_length=12, blank=True, default="")
    cusip = models.CharField(max_length=9, blank=True, default="")
    sedol = models.CharField(max_length=7, blank=True, default="")
    figi = models.CharField(max_length=12, blank=True, default="")
    issuer = models.ForeignKey(Issuer, on_delete=models.PROTECT, related_name="+")
    currency = models.ForeignKey(Currency, on_delete=models.PROTECT, related_name="+")
    base_currency = models.ForeignKey(
        Currency, null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False,
        help_text="of a pair: EUR of EUR/USD, whose currency is USD",
    )  # fmt: skip
    venue = models.ForeignKey(Venue, on_delete=models.PROTECT, related_name="+")
    country = models.CharField(max_length=2)
    sector = models.CharField(max_length=60)
    lot_size = qty_field(default=1, help_text="round lot")
    tick_size = price_field(default="0.01")
    min_piece = qty_field(default=1, help_text="smallest holding that can be traded (bond denomination)")
    increment = qty_field(default=1, help_text="every quantity is a multiple of it")
    price_factor = price_field(default=1)
    cutoff_at = models.TimeField(
        "cut-off", null=True, blank=True,
        help_text="of a fund, local time of its venue: what is released later gets the next valuation point",
    )  # fmt: skip
    coupon_pct = price_field(null=True, blank=True)
    coupon_frequency = models.SmallIntegerField(null=True, blank=True, help_text="coupons a year")
    day_count = models.CharField(max_length=10, blank=True, default="")
    issue_date = models.DateField(null=True, blank=True)
    maturity_date = models.DateField(null=True, blank=True, help_text="expiry for options and futures")
    underlying = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="+",
        help_text="what a derivative is on, or a convertible bond turns into",
    )  # fmt: skip
    strike_price = price_field(null=True, blank=True)
    conversion_ratio = price_field(null=True, blank=True, help_text="of a convertible bond: shares for 1,000 of face")
    cfi_code = models.CharField(
        "CFI code", max_length=6, blank=True, default="", help_text="classification (ISO 10962), as OCASPS"
    )
    put_or_call = models.CharField(max_length=4, blank=True, default="", choices=[("PUT", "Put"), ("CALL", "Call")])
    shares_outstanding = qty_field(null=True, blank=True, help_text="of a bond: the face of its issue that is outstanding")
    rating = models.CharField(max_length=5, blank=True, default="")
    is_covered = models.BooleanField(
        "covered bond", null=True, blank=True,
        help_text="of a credit institution, covered by assets under a law that protects holders (2009/65/EC Art. 52(4));"
        " empty: not known",
    )  # fmt: skip
    has_votes = models.BooleanField(
        "carries votes", null=True, blank=True, help_text="of a share; empty: not known"
    )
    is_ucits = models.BooleanField(
        "UCITS", null=True, blank=True, help_text="of a fund: authorised under 2009/65/EC; no: another one; empty: not known"
    )
    is_closed_end = models.BooleanField(
        "closed-end", null=True, blank=True,
        help_text="of a fund: its shares are not redeemed (15 U.S.C. 80a-5(a)(2)); no: open-end; empty: not known",
    )  # fmt: skip
    independent_pct = percent_field(
        verbose_name="held by independent persons, %", null=True, blank=True,
        help_text="of the class of shares or the issue, by whoever is independent of the issuer (29 USC 1107(e), (f)); empty: not known",
    )  # fmt: skip
    independent_source = models.CharField(
        "source of that", max_length=200, blank=True, default="", help_text="who says so, with the date"
    )
    is_money_market = models.BooleanField(
        "money market instrument", null=True, blank=True,
        help_text="of a bond, as the firm classifies it; empty: by its days from issue to maturity, at most 397 (2007/16/EC Art. 3)",
    )  # fmt: skip
    is_active = models.BooleanField(default=True)
    history = HistoricalRecords()

    class Meta:
        ordering = ["symbol"]
        constraints = [
            models.UniqueConstraint(
                fields=["isin", "venue"], condition=~Q(isin=""), name="isin_is_listed_once_a_venue"
            ),
            models.CheckConstraint(
                condition=Q(lot_size__gt=0, tick_size__gt=0, increment__gt=0, price_factor__gt=0),
                name="instrument_steps_are_positive",
            ),
            models.CheckConstraint(
                condition=Q(asset_class="FX", base_currency__isnull=False) & ~Q(base_currency=models.F("currency"))
                | ~Q(asset_class="FX") & Q(base_currency=None),
                name="a_pair_has_two_currencies",
            ),
            models.CheckConstraint(
                condition=~Q(asset_class="OPTION")
                | Q(
                    underlying__isnull=False, strike_price__isnull=False, strike_price__gt=0,
                    put_or_call__in=["PUT", "CALL"], maturity_date__isnull=False,
                ),
                name="an_option_has_underlying_strike_right_and_expiry",
            ),
            models.CheckConstraint(
                condition=~Q(asset_class="FUTURE") | Q(maturity_date__isnull=False), name="a_future_has_its_expiry"
            ),
            models.CheckConstraint(
                condition=Q(asset_class="OPTION") | Q(strike_price=None, put_or_call=""),
                name="only_an_option_has_strike_and_right",
            ),
            models.CheckConstraint(
                condition=Q(asset_class__in=["OPTION", "FUTURE", "CORP"]) | Q(underlying=None),
                name="only_a_derivative_or_a_convertible_has_an_underlying",
            ),
            models.CheckConstraint(
                condition=Q(conversion_ratio=None) | Q(asset_class="CORP", underlying__isnull=False, conversion_ratio__gt=0),
                name="only_a_convertible_has_a_conversion_ratio",
            ),
            models.CheckConstraint(
                condition=Q(cutoff_at=None) | Q(asset_class="FUND"), name="only_a_fund_has_a_cut_off"
            ),
            models.CheckConstraint(
                condition=Q(is_covered=None) | Q(asset_class="CORP"), name="only_a_corporate_bond_is_covered_or_not"
            ),
            models.CheckConstraint(
                condition=Q(is_closed_end=None) | Q(asset_class__in=["ETF", "FUND"]), name="only_a_fund_is_closed_end_or_not"
            ),
            models.CheckConstraint(
                condition=Q(independent_pct=None, independent_source="")
                | Q(asset_class__in=["EQUITY", "CORP"], independent_pct__isnull=False, independent_pct__gte=0, independent_pct__lte=100)
                & ~Q(independent_source=""),
                name="a_part_in_independent_hands_has_its_source",
            ),
            models.CheckConstraint(
                condition=Q(is_money_market=None) | Q(asset_class__in=["CORP", "GOVT"]),
                name="only_a_bond_is_a_money_market_instrument_or_not",
            ),
            models.CheckConstraint(condition=Q(has_votes=None) | Q(asset_class="EQUITY"), name="only_a_share_has_votes_or_none"),
            models.CheckConstraint(
                condition=Q(is_ucits=None) | Q(asset_class__in=["ETF", "FUND"]), name="only_a_fund_is_a_ucits_or_not"
            ),
        ]

    def __str__(self) -> str:
        return self.symbol

    @property
    def is_bond(self) -> bool:
        return self.asset_class in BONDS

    @property
    def is_pair(self) -> bool:
        return self.asset_class == AssetClass.FX

    @property
    def is_fund(self) -> bool:
        return self.asset_class == AssetClass.FUND

    @property
    def price_places(self) -> int:
        """Decimals of a price on a page."""
        return 5 if self.is_pair else 4

    @property
    def is_derivative(self) -> bool:
        return self.asset_class in DERIVATIVES

    @property
    def is_margined(self) -> bool:
        return self.asset_class in rules.MARGINED


# Looked at as the transaction ends, so that rows may come in any order; one at a time a fund, so that of two who add to it the
# second counts what the first added.
AT_MOST_ALL = """
    PERFORM pg_advisory_xact_lock(hashtext('reference_constituent ' || NEW.fund_id));
    IF (SELECT sum(c.weight_pct) FROM reference_constituent c WHERE c.fund_id = NEW.fund_id AND c.as_of = NEW.as_of) > 100 THEN
        RAISE EXCEPTION 'the constituents of fund % on % weigh more than all of it', NEW.fund_id, NEW.as_of
            USING ERRCODE = 'check_violation', CONSTRAINT = 'a_fund_holds_at_most_all_of_it';
    END IF;
    RETURN NULL;
"""


class Constituent(models.Model):
    """
    What a fund holds, or an ETF's index, as of a day. Those of one day stand together and replace those of earlier days.
    """

    fund = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+", db_index=False)
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+")
    as_of = models.DateField("as of")
    weight_pct = models.DecimalField("weight, %", max_digits=9, decimal_places=6)
    history = HistoricalRecords()

    class Meta:
        ordering = ["fund", "-as_of", "-weight_pct"]
        constraints = [
            models.UniqueConstraint(fields=["fund", "as_of", "instrument"], name="a_constituent_is_listed_once_a_day"),
            models.CheckConstraint(condition=~Q(fund=models.F("instrument")), name="a_fund_does_not_hold_itself"),
            models.CheckConstraint(condition=Q(weight_pct__gt=0, weight_pct__lte=100), name="a_weight_is_a_part"),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="a_fund_holds_at_most_all_of_it",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.After,
                timing=pgtrigger.Deferred,
                func=AT_MOST_ALL,
            )
        ]

    def __str__(self) -> str:
        return f"{self.instrument} in {self.fund}, {self.as_of}"
