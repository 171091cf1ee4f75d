"""What limits of funds ask of instruments and their issuers, and what dealers owe of deals in currencies."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from apps.reference import selectors as reference

from ..engine.claims import Deals, Party
from ..engine.columns import QTY

FUND_FACTS = {
    "i.issuer_id": "body", "s.name": "body_name", "i.is_covered": "is_covered", "i.has_votes": "has_votes",
    "i.is_ucits": "is_ucits", "s.is_affiliate": "is_affiliate", "s.securities_revenue_pct": "securities_revenue_pct",
    "s.debt_outstanding": "debt_outstanding", "coalesce(s.debt_currency_id, '')": "debt_currency",
    "s.money_market_outstanding": "money_market_outstanding", "s.incalculable_because <> ''": "is_incalculable",
    "i.is_money_market": "is_money_market", "i.issue_date": "issue_date", "i.isin": "isin",
    "i.independent_pct": "independent_pct", "i.is_closed_end": "is_closed_end",
}  # fmt: skip
"""SQL of an instrument ``i`` of an issuer ``s``, to the engine's field."""


class Owed(NamedTuple):
    """:param rows: (portfolio id, place of the party, currency, amount)"""

    parties: Sequence[Party]
    rows: Sequence[tuple[int, int, str, Decimal]]

    @property
    def currencies(self) -> set[str]:
        return {row[2] for row in self.rows}

    def columns(self, portfolios: np.ndarray, currencies: Sequence[str]) -> Deals:
        """As the engine takes it. :param portfolios: their ids, ascending"""
        place = {code: n for n, code in enumerate(currencies)}
        return Deals(
            self.parties, np.searchsorted(portfolios, np.array([row[0] for row in self.rows], np.int64)),
            np.array([row[1] for row in self.rows], np.int64), np.array([place[row[2]] for row in self.rows], np.int64),
            np.array([int(row[3] * QTY) for row in self.rows], np.int64),
        )  # fmt: skip


def money_owed(cursor, portfolio_ids: Sequence[int], at: datetime) -> Owed:
    """What portfolios and dealers owe each other of deals that settle after today, by dealer and currency. Two queries."""
    cursor.execute(
        "SELECT m.portfolio_id, m.dealer_id, m.currency_id, sum(m.amount) FROM portfolios_movement m"
        " WHERE m.portfolio_id = ANY(%s::bigint[]) AND m.dealer_id IS NOT NULL AND m.settle_date > %s"
        " GROUP BY 1, 2, 3 HAVING sum(m.amount) <> 0 ORDER BY 1, 2, 3",
        [list(portfolio_ids), at.date()],
    )
    rows = cursor.fetchall()
    dealers = sorted({row[1] for row in rows})
    if not dealers:
        return Owed((), ())
    cursor.execute(
        "SELECT b.id, b.name, b.issuer_id, s.is_credit_institution FROM reference_broker b"
        " LEFT JOIN reference_issuer s ON s.id = b.issuer_id WHERE b.id = ANY(%s) ORDER BY b.id",
        [dealers],
    )
    known, groups = cursor.fetchall(), reference.issuer_groups()
    parties = [Party(name, groups.get(issuer), supervised) for _, name, issuer, supervised in known]
    place = {row[0]: n for n, row in enumerate(known)}
    return Owed(parties, [(portfolio, place[dealer], currency, amount) for portfolio, dealer, currency, amount in rows])
