"""
Which clients of the demo firm are company plans, which ERISA protects, and which may be crossed with each other: all but
those.
"""

from datetime import date

from apps.blocks.models import CrossConsent
from apps.portfolios.models import Plan, Portfolio
from apps.reference.models import Issuer

BASIS = "Cross-trade procedures of 5 January 2026"
PLAN = "Pension Plan"


def load() -> None:
    """Will write whose plan each company plan is, and what is on file about crossing each portfolio."""
    portfolios = list(Portfolio.objects.order_by("code"))
    plans = [one for one in portfolios if PLAN in one.name]
    sponsors = Issuer.objects.bulk_create(
        Issuer(code=f"SPONSOR-{one.code}", name=one.name.replace(PLAN, "Industries"), country="US", sector="Industrials") for one in plans
    )
    Plan.objects.bulk_create(
        Plan(
            portfolio=one, kind="ERISA", employer=sponsor, fiduciary=f"Investment committee of {sponsor.name}", by_qpam=True,
            qpam_agreement="Investment management agreement of 5 January 2026", qpam_starts_on=date(2026, 1, 5),
        )
        for one, sponsor in zip(plans, sponsors, strict=True)
    )  # fmt: skip
    CrossConsent.objects.bulk_create(
        CrossConsent(
            portfolio=one, nature="ERISA" if one in plans else "CLIENT", permits=one not in plans, starts_on=date(2026, 1, 5),
            basis=BASIS,
        )
        for one in portfolios
    )  # fmt: skip
