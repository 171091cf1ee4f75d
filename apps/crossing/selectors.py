"""Questions about crosses; visibility lives here."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from django.conf import settings
from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.allocations.rules import gross_amount
from apps.blocks import selectors as blocks
from apps.blocks.models import Opposition
from apps.core.refusals import NotFound
from apps.marketdata import selectors as marketdata
from apps.portfolios import selectors as portfolios
from apps.portfolios.models import Portfolio
from apps.reference.models import Instrument
from apps.users.services import can

from . import rules
from .models import Cross, Pair, Part


# --- What is seen ---------------------------------------------------------------------------------------------------
def crosses_seen_by(user) -> QuerySet[Cross]:
    """Crosses with an order of the person's portfolios, or of the desks they sit at; what waits for somebody first."""
    if not can(user, "crossing.see"):
        return Cross.objects.none()
    rows = Cross.objects.select_related("instrument", "currency", "opposition", "proposed_by", "approved_by", "executed_by", "ended_by")
    if can(user, "portfolios.see_all"):
        return rows.order_by("-pk")
    mine = Part.objects.filter(cross=OuterRef("pk"), portfolio__in=portfolios.portfolios_seen_by(user).values("pk"))
    desks = user.desks.values("pk")
    return rows.filter(Exists(mine) | Q(opposition__buy__desk__in=desks) | Q(opposition__sell__desk__in=desks)).order_by("-pk")


def get_cross_seen_by(user, cross_id: int) -> Cross:
    """:raises NotFound: where there is none for this person"""
    row = crosses_seen_by(user).filter(pk=cross_id).first()
    if row is None:
        raise NotFound("There is no such cross, or neither side is yours to see.")
    return row


def crosses_waiting_for(user) -> QuerySet[Cross]:
    """Those that this person may take a step further: accept for a portfolio they run, approve, or execute."""
    steps = Q(pk=None)
    if can(user, "crossing.accept"):
        open_ones = Part.objects.filter(cross=OuterRef("pk"), accepted_by=None)
        if not can(user, "blocks.supervise"):
            open_ones = open_ones.filter(portfolio__in=portfolios.portfolios_run_by(user).values("pk"))
        steps |= Q(Exists(open_ones), status="PROPOSED") & ~Q(proposed_by=user)
    if can(user, "crossing.approve"):
        steps |= Q(status="ACCEPTED")
    if can(user, "crossing.execute"):
        steps |= Q(status="APPROVED")
    return crosses_seen_by(user).filter(steps)


def portfolio_ids_seen_by(user) -> set[int] | None:
    """Portfolios whose names the person may read; None for all of them. A trader reads those of the orders on the desk."""
    if can(user, "portfolios.see_all") or can(user, "crossing.propose"):
        return None
    return set(portfolios.portfolios_seen_by(user).values_list("pk", flat=True))


def open_parts(user, cross: Cross) -> list[Part]:
    """The parts that wait for this person: of portfolios they run; the head of the desk for whatever is open."""
    waiting = list(cross.parts.filter(accepted_by=None).select_related("order").order_by("pk"))
    if can(user, "blocks.supervise"):
        return waiting
    mine = set(portfolios.portfolios_run_by(user).filter(pk__in=[p.portfolio_id for p in waiting]).values_list("pk", flat=True))
    return [part for part in waiting if part.portfolio_id in mine]


# --- What the conditions look at ------------------------------------------------------------------------------------
PARTIES = """
SELECT o.id, b.id, p.id, p.code, k.code || '/' || p.custody_account, b.side, m.qty, o.order_type, o.limit_price, o.tif,
       o.terms ? 'min_qty', o.status, b.status, b.currency_id, b.settle_date, coalesce(d.code, ''),
       coalesce(r.kind, ''), c.nature, c.permits, c.starts_on, c.ends_on
FROM blocks_block b JOIN blocks_member m ON m.block_id = b.id JOIN orders_order o ON o.id = m.order_id
JOIN portfolios_portfolio p ON p.id = o.portfolio_id JOIN reference_custodian k ON k.id = p.custodian_id
LEFT JOIN reference_broker d ON d.id = b.directed_to_id LEFT JOIN blocks_crossconsent c ON c.portfolio_id = p.id
LEFT JOIN portfolios_plan r ON r.portfolio_id = p.id
WHERE b.id = ANY(%s) ORDER BY o.id
"""


class Prospect(NamedTuple):
    """What could be crossed now: both sides' orders, the market, and what the rules make of them."""

    buys: list[rules.Party]
    sells: list[rules.Party]
    market: rules.Market
    matched: rules.Matched
    amount: Decimal | None

    @property
    def parties(self) -> dict[int, rules.Party]:
        return {party.order_id: party for party in (*self.buys, *self.sells)}


def prospect(opposition: Opposition, at: datetime, only: Iterable[int] | None = None) -> Prospect:
    """
    The conditions of 17a-7 for two opposite blocks as they are now. Three queries.

    :param only: look at these orders alone
    """
    sides = parties_of([opposition.buy_id, opposition.sell_id])
    wanted = None if only is None else set(only)
    buys, sells = (
        [party for party in sides[block] if wanted is None or party.order_id in wanted]
        for block in (opposition.buy_id, opposition.sell_id)
    )
    instrument = Instrument.objects.select_related("venue", "currency").get(pk=opposition.buy.instrument_id)
    market = market_of(instrument, at)
    found = rules.matched(buys, sells, market, at.date())
    amount = worth(instrument, found.qty, found.price.price) if found.price and found.shares else None
    return Prospect(buys, sells, market, found, amount)


def parties_of(block_ids: Sequence[int]) -> dict[int, list[rules.Party]]:
    found: dict[int, list[rules.Party]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(PARTIES, [list(block_ids)])
        for row in cursor.fetchall():
            consent = rules.Consent(*row[17:]) if row[17] else None
            found[row[1]].append(rules.Party(*row[:16], consent, plan=row[16]))
    return found


def market_of(instrument: Instrument, at: datetime) -> rules.Market:
    quote = marketdata.quotes_of([instrument.pk]).get(instrument.pk)
    quoted = rules.Quoted(quote.bid, quote.ask, quote.last, quote.at, instrument.venue.mic) if quote else None
    return rules.Market(
        instrument.symbol, instrument.asset_class, instrument.venue.mic, instrument.is_active, instrument.tick_size,
        instrument.increment, quoted, at, settings.CROSS_QUOTE_SECONDS,
    )  # fmt: skip


def worth(instrument: Instrument, qty: Decimal, price: Decimal) -> Decimal:
    """Quantity × price × factor, rounded half-up once to the currency's minor unit."""
    return gross_amount(qty * price, instrument.price_factor, instrument.currency.minor_units)


def transfer_fees(portfolio_ids: Iterable[int], currency: str) -> dict[int, Decimal]:
    """Portfolio to what its custodian takes for a delivery, where it takes it in this currency."""
    rows = Portfolio.objects.filter(pk__in=set(portfolio_ids), custodian__transfer_fee_currency=currency)
    return dict(rows.values_list("pk", "custodian__transfer_fee"))


def get_opposition_seen_by(user, opposition_id: int) -> Opposition:
    return blocks.get_opposition_seen_by(user, opposition_id)


# --- For the quarterly review ---------------------------------------------------------------------------------------
class Reviewed(NamedTuple):
    """One pair of an executed cross, as the board reads it (17 CFR 270.17a-7(e), (g))."""

    cross: Cross
    buyer: str
    seller: str
    qty: Decimal
    amount: Decimal
    accepted_by: str


def reviewed(user, crosses: Iterable[Cross]) -> list[Reviewed]:
    """Every pair of executed crosses, the names of portfolios that the person may not see left out. Three queries."""
    rows = {cross.pk: cross for cross in crosses}
    known = portfolio_ids_seen_by(user)
    names = Part.objects.filter(cross__in=rows).select_related("portfolio", "accepted_by").in_bulk()

    def named(part: Part) -> str:
        return part.portfolio.code if known is None or part.portfolio_id in known else "another portfolio"

    pairs = Pair.objects.filter(cross__in=rows).order_by("-cross_id", "pk")
    return [
        Reviewed(
            rows[pair.cross_id], named(names[pair.buy_id]), named(names[pair.sell_id]), pair.qty, pair.amount,
            ", ".join(sorted({str(names[pk].accepted_by) for pk in (pair.buy_id, pair.sell_id)})),
        )
        for pair in pairs
    ]  # fmt: skip
