"""Which clients of the demo firm may be crossed with each other: all but the company plans, which ERISA protects."""

from datetime import date

from apps.blocks.models import CrossConsent
from apps.portfolios.models import Portfolio

BASIS = "Cross-trade procedures of 5 January 2026"


def load() -> None:
    """Will write what is on file about crossing each portfolio."""
    CrossConsent.objects.bulk_create(
        CrossConsent(
            portfolio=portfolio, nature="ERISA" if "Pension Plan" in portfolio.name else "CLIENT",
            permits="Pension Plan" not in portfolio.name, starts_on=date(2026, 1, 5), basis=BASIS,
        )
        for portfolio in Portfolio.objects.all()
    )  # fmt: skip
