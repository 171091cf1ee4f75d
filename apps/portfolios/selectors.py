"""Questions about portfolios; visibility lives here."""

from collections.abc import Collection, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from django.contrib.auth.models import Group
from django.db import connection
from django.db.models import Prefetch, Q, QuerySet, Sum
from guardian.shortcuts import get_objects_for_user

from apps.core.refusals import NotFound
from apps.marketdata import selectors as marketdata
from apps.reference.kept import with_version
from apps.reference.models import Instrument
from apps.users.services import can

from . import rules
from .models import BrokerTerm, Cash, Movement, NamedIssuer, Portfolio, PortfolioGroup, Position

TEAM = "team:"
BROKER_TERMS = "hashtext('portfolios.broker_terms')"


def portfolios_seen_by(user) -> QuerySet[Portfolio]:
    """Portfolios the person may see: all for roles that see the whole firm, else those granted to their groups."""
    if not can(user, "portfolios.see"):
        return Portfolio.objects.none()
    if can(user, "portfolios.see_all"):
        return Portfolio.objects.all()
    return _granted(user, ["portfolios.see_portfolio", "portfolios.run_portfolio"])


def portfolios_run_by(user) -> QuerySet[Portfolio]:
    """Portfolios the person may create orders for. Automated intake may for all."""
    if not can(user, "orders.create"):
        return Portfolio.objects.none()
    if user.is_automated:
        return Portfolio.objects.all()
    return _granted(user, ["portfolios.run_portfolio"])


def _granted(user, permissions: list[str]) -> QuerySet[Portfolio]:
    return get_objects_for_user(
        user, permissions, klass=Portfolio, any_perm=True, with_superuser=False, accept_global_perms=False
    )


def teams() -> dict[str, int]:
    """Portfolio managers' teams: name to the id of their group, which is called ``team:`` and the name."""
    rows = Group.objects.filter(name__startswith=TEAM).values_list("name", "pk")
    return {name.removeprefix(TEAM): pk for name, pk in rows}


def groups_seen_by(user) -> list[PortfolioGroup]:
    """
    Groups of portfolios by code, each with ``portfolios``: the codes of those members that the person may see; none for whom
    portfolios are not. Two queries.
    """
    if not can(user, "portfolios.see"):
        return []
    seen = Prefetch("members", portfolios_seen_by(user).only("code").order_by("code"), to_attr="seen")
    groups = list(PortfolioGroup.objects.prefetch_related(seen).order_by("code"))
    for group in groups:
        group.portfolios = [home.code for home in group.seen]
    return groups


def get_portfolio_seen_by(user, portfolio_id: int) -> Portfolio:
    """:raises NotFound: where there is none, or the person may not see it"""
    row = portfolios_seen_by(user).select_related("base_currency", "custodian", "mandate", "model").filter(
        pk=portfolio_id
    ).first()
    if row is None:
        raise NotFound("There is no such portfolio, or it is not one of yours.")
    return row


def named_issuers_on(day: date) -> QuerySet[NamedIssuer]:
    """Public issuers of which funds may hold all they have, on a day."""
    rows = NamedIssuer.objects.filter(Q(ends_on=None) | Q(ends_on__gte=day), starts_on__lte=day)
    return rows.select_related("issuer").order_by("issuer__name", "pk")


def broker_terms_seen_by(user) -> QuerySet[BrokerTerm]:
    """With whom the portfolios that the person may see may trade, each term with its ``version``, by portfolio."""
    rows = with_version(BrokerTerm.objects.filter(portfolio__in=portfolios_seen_by(user)).select_related("portfolio", "broker"))
    return rows.order_by("portfolio__code", "kind", "broker__name", "pk")


def broker_terms_in_force(portfolio_ids: Collection[int], day: date) -> dict[int, list[rules.Term]]:
    """
    Of each portfolio with whom it may trade on a day, which stays so until this transaction ends. One round trip; the
    second statement sees what was committed while the first waited.
    """
    found: dict[int, list[rules.Term]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT pg_advisory_xact_lock_shared({BROKER_TERMS});"
            " SELECT portfolio_id, broker_id, kind, asset_class, reason FROM portfolios_brokerterm"
            " WHERE portfolio_id = ANY(%s) AND daterange(starts_on, ends_on, '[]') @> %s ORDER BY id",
            [list(portfolio_ids), day],
        )
        cursor.nextset()
        for portfolio, *term in cursor.fetchall():
            found.setdefault(portfolio, []).append(rules.Term(*term))
    return found


class Held(NamedTuple):
    """A position with its value in the portfolio's base currency; price and value None where there is no quote."""

    instrument_id: int
    symbol: str
    name: str
    asset_class: str
    sector: str
    currency: str
    qty: Decimal
    price: Decimal | None
    priced_at: object
    value: Decimal | None
    weight_pct: Decimal | None


def worth(position: Position, instrument: Instrument, price: Decimal) -> Decimal:
    """
    What a position is worth in the instrument's currency. Of a future only the gain that is not yet paid out: its notional
    is no asset, for it was not paid (CME rule 814, settlement variation).
    """
    return position.qty * price * instrument.price_factor - position.unpaid_amount


class Valuation(NamedTuple):
    """What a portfolio is worth now, in its base currency. ``missing`` names what has no price and is left out."""

    nav: Decimal
    held: Sequence[Held]
    cash: Sequence[tuple[str, Decimal, Decimal]]
    by_class: dict[str, Decimal]
    missing: Sequence[str]
    oldest_price_at: object


def valuation(portfolio: Portfolio) -> Valuation:
    """Values the portfolio at current mids and rates. Four queries."""
    base = portfolio.base_currency_id
    rates = marketdata.fx_rates(base)
    rows = list(
        Position.objects.filter(portfolio=portfolio).exclude(qty=0, unpaid_amount=0).select_related("instrument").order_by(
            "instrument__asset_class", "instrument__symbol"
        )
    )
    quotes = marketdata.quotes_of(p.instrument_id for p in rows)
    valued, missing, by_class, total = [], [], {}, Decimal(0)
    for p in rows:
        i, quote = p.instrument, quotes.get(p.instrument_id)
        rate = rates.get(i.currency_id)
        value = worth(p, i, quote.mid) * rate[0] if quote and rate else None
        if value is None:
            missing.append(i.symbol)
        else:
            total += value
            by_class[i.asset_class] = by_class.get(i.asset_class, Decimal(0)) + value
        valued.append((p, quote, value))
    cash = []
    for currency, amount in Cash.objects.filter(portfolio=portfolio).order_by("currency").values_list(
        "currency_id", "amount"
    ):
        rate = rates.get(currency)
        if rate is None:
            missing.append(currency)
            continue
        cash.append((currency, amount, amount * rate[0]))
        by_class["CASH"] = by_class.get("CASH", Decimal(0)) + amount * rate[0]
        total += amount * rate[0]
    held = [
        Held(
            p.instrument_id, p.instrument.symbol, p.instrument.name, p.instrument.asset_class, p.instrument.sector,
            p.instrument.currency_id, p.qty, quote.mid if quote else None, quote.at if quote else None, value,
            value / total * 100 if value is not None and total else None,
        )
        for p, quote, value in valued
    ]  # fmt: skip
    return Valuation(total, held, cash, by_class, missing, min((q.at for _, q, _ in valued if q), default=None))


def navs(portfolio_ids: Sequence[int] | None = None, to: str = "USD") -> dict[int, Decimal]:
    """
    Portfolio id to its net asset value in one currency at current mids; what has no price or rate counts nothing, and a
    portfolio of which nothing can be valued is absent. Two queries for any number.
    """
    rates = {c: r for c, (r, _) in marketdata.fx_rates(to).items()}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT portfolio_id, currency, sum(amount) FROM ("
            " SELECT p.portfolio_id, i.currency_id AS currency,"
            " p.qty * (q.bid + q.ask) / 2 * i.price_factor - p.unpaid_amount AS amount"
            " FROM portfolios_position p JOIN reference_instrument i ON i.id = p.instrument_id"
            " JOIN marketdata_quote q ON q.instrument_id = i.id WHERE p.qty <> 0 OR p.unpaid_amount <> 0"
            " UNION ALL SELECT portfolio_id, currency_id, amount FROM portfolios_cash) v"
            " WHERE %s::bigint[] IS NULL OR portfolio_id = ANY(%s::bigint[]) GROUP BY 1, 2",
            [portfolio_ids, portfolio_ids],
        )
        totals: dict[int, Decimal] = {}
        for portfolio, currency, amount in cursor.fetchall():
            if currency in rates:
                totals[portfolio] = totals.get(portfolio, Decimal(0)) + amount * rates[currency]
    return totals


def settled_qty(portfolio: Portfolio, instrument_id: int, today: date) -> Decimal:
    """Units of an instrument that have arrived: what is held less what settles after today."""
    later = Movement.objects.filter(portfolio=portfolio, instrument=instrument_id, settle_date__gt=today)
    held = Position.objects.filter(portfolio=portfolio, instrument=instrument_id).values_list("qty", flat=True).first()
    return (held or Decimal(0)) - (later.aggregate(total=Sum("qty"))["total"] or Decimal(0))


def cash_ladder(portfolio: Portfolio, currency: str, today: date) -> list[tuple[date, Decimal]]:
    """Settled money by day: what is there today and after each later settlement date with a movement."""
    rows = (
        Movement.objects.filter(portfolio=portfolio, currency_id=currency, settle_date__gt=today)
        .values("settle_date").annotate(total=Sum("amount")).order_by("settle_date")
    )  # fmt: skip
    later = [(r["settle_date"], r["total"]) for r in rows]
    balance = (
        Cash.objects.filter(portfolio=portfolio, currency_id=currency).values_list("amount", flat=True).first()
        or Decimal(0)
    ) - sum((amount for _, amount in later), Decimal(0))
    ladder = [(today, balance)]
    for day, amount in later:
        balance += amount
        ladder.append((day, balance))
    return ladder
