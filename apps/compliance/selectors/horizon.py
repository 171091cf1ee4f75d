"""A portfolio's money by currency and date, with its open orders, as the rules about cash reckon it."""

from datetime import datetime

from apps.portfolios.models import Portfolio

from ..engine.horizon import Horizon, horizon
from .snapshot import snapshot_of


def cash_horizon(portfolio: Portfolio, at: datetime) -> Horizon:
    """A fixed number of queries, whatever the number of orders."""
    return horizon(snapshot_of([], at, portfolio_ids=[portfolio.pk], firm_wide=False).snapshot, at.date())
