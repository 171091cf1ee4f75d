"""Moving positions and cash. Whoever calls says why; here only the sums are kept right."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from django.contrib.auth.models import Permission
from django.db import connection, transaction
from guardian.models import GroupObjectPermission
from psycopg.errors import UniqueViolation

from apps.audit import services as audit
from apps.core.acts import Act
from apps.core.refusals import Conflict, Invalid
from apps.core.tables import copy_in

from . import selectors
from .models import Movement, Portfolio

COLUMNS = (
    "portfolio_id", "instrument_id", "currency_id", "kind", "qty", "amount", "price", "unpaid_amount", "trade_date",
    "settle_date", "source", "dealer_id", "act_id",
)  # fmt: skip


class Moved(NamedTuple):
    """
    A movement of units (``instrument_id``, ``qty``) or of money (``currency``, ``amount``). Units of a future come with
    their ``unpaid`` value at the price of the trade, money of a deal in currencies with its dealer.

    ``source`` is the business reference it comes from, such as ``allocation:12``; it moves each thing once.
    """

    portfolio_id: int
    trade_date: date
    settle_date: date
    source: str
    kind: str = Movement.Kind.TRADE
    instrument_id: int | None = None
    qty: Decimal | None = None
    price: Decimal | None = None
    currency: str | None = None
    amount: Decimal | None = None
    unpaid: Decimal | None = None
    dealer_id: int | None = None


class AlreadyMoved(Conflict):
    """The source moved this thing before."""


@transaction.atomic
def post_movements(act: Act, moves: Sequence[Moved]) -> None:
    """
    Will write the movements and move positions and cash by them, in one transaction and a fixed order of rows.

    The number of statements does not grow with the number of movements. Positions and cash are locked by their keys, so
    two who move the same ones at once wait for each other and both count.

    :raises AlreadyMoved: where a source comes a second time; nothing is then moved
    """
    if not moves:
        return
    act_id = audit.keep_act(act)
    with connection.cursor() as cursor:
        try:
            with transaction.atomic():
                copy_in(
                    cursor,
                    "portfolios_movement",
                    COLUMNS,
                    (
                        (m.portfolio_id, m.instrument_id, m.currency, m.kind, m.qty, m.amount, m.price, m.unpaid,
                         m.trade_date, m.settle_date, m.source, m.dealer_id, act_id)
                        for m in moves
                    ),
                )
        except UniqueViolation as error:
            raise AlreadyMoved("This booking was made before; nothing was moved a second time.") from error
        units, unpaid = _sums(moves, "instrument_id", "qty"), _sums(moves, "instrument_id", "unpaid")
        _add(cursor, "portfolios_position", "instrument_id", "bigint", {"qty": units, "unpaid_amount": unpaid})
        _add(cursor, "portfolios_cash", "currency_id", "text", {"amount": _sums(moves, "currency", "amount")})


def _sums(moves: Sequence[Moved], what: str, how_much: str) -> dict[tuple, Decimal]:
    sums: dict[tuple, Decimal] = {}
    for move in moves:
        thing = getattr(move, what)
        if thing is not None:
            key = (move.portfolio_id, thing)
            sums[key] = sums.get(key, Decimal(0)) + (getattr(move, how_much) or 0)
    return sums


def _add(cursor, table: str, key: str, kind: str, columns: Mapping[str, Mapping[tuple, Decimal]]) -> None:
    """:param columns: of each column what is added, by portfolio and ``key``; all have the same keys"""
    keys = sorted(next(iter(columns.values())))
    if keys:
        added = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in columns)
        cursor.execute(
            f"INSERT INTO {table} (portfolio_id, {key}, {', '.join(columns)})"
            f" SELECT * FROM unnest(%s::bigint[], %s::{kind}[]{', %s::numeric[]' * len(columns)})"
            f" ON CONFLICT (portfolio_id, {key}) DO UPDATE SET {added}",
            [*(list(c) for c in zip(*keys, strict=True)), *([sums[k] for k in keys] for sums in columns.values())],
        )


class NoSuchTeam(Invalid):
    """No portfolio managers' team has this name."""


@transaction.atomic
def grant_teams(portfolio_ids: Sequence[int]) -> None:
    """
    Will let each portfolio be seen and run by its own team, and by no other team. Six statements for any number.

    :raises NoSuchTeam: where a portfolio's team is none; nothing is then changed
    """
    team_of = dict(Portfolio.objects.filter(pk__in=portfolio_ids).values_list("pk", "team"))
    groups = selectors.teams()
    missing = sorted(set(team_of.values()) - groups.keys())
    if missing:
        known = ", ".join(sorted(groups)) or "none yet"
        raise NoSuchTeam(f"There is no team “{missing[0]}”; known are: {known}.", field="team")
    permissions = Permission.objects.filter(
        content_type__app_label="portfolios", codename__in=("see_portfolio", "run_portfolio")
    ).select_related("content_type")
    GroupObjectPermission.objects.filter(
        permission__in=permissions, object_pk__in=[str(pk) for pk in team_of], group__in=groups.values()
    ).delete()
    GroupObjectPermission.objects.bulk_create(
        GroupObjectPermission(
            group_id=groups[team], permission=permission, content_type=permission.content_type, object_pk=str(pk)
        )
        for pk, team in sorted(team_of.items())
        for permission in permissions
    )
