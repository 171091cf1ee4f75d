"""Sales that failed to be delivered: to be closed out by a day, and closed (Regulation SHO, 17 CFR 242.204)."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models import QuerySet

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Fact
from apps.core.refusals import Conflict, Invalid, NotFound, Stale
from apps.core.tables import update_many
from apps.orders import selectors as order_selectors
from apps.reference.selectors import settlement_days_after
from apps.users.services import require

from ..engine.saying import units
from ..events import CloseOutDone, CloseOutDue
from ..models import CloseOut
from ..states import CLOSE_OUT_LIFE, CO

SHORT_DAYS, LONG_DAYS = 1, 3
"""Settlement days after the settlement date until regular hours of which a short sale, and a long one, is closed out (204(a))."""


NAMED = 5
BOXED = (
    "SELECT o.id, o.qty, i.symbol, b.qty, f.settle_date, f.id FROM orders_order o JOIN reference_instrument i ON i.id = o.instrument_id"
    " JOIN LATERAL (SELECT id, settle_date FROM compliance_closeout WHERE instrument_id = o.instrument_id AND status = 'OPEN'"
    "  ORDER BY settle_date, id LIMIT 1) f ON true"
    " JOIN LATERAL (SELECT coalesce(sum(l.qty), 0) AS qty FROM orders_locate l WHERE l.order_id = o.id AND l.is_borrow"
    "  AND l.released_at IS NULL AND l.expires_at > %s) b ON true"
    " WHERE o.id = ANY(%s::bigint[]) AND o.side = 'SELL_SHORT' AND b.qty < o.qty ORDER BY o.id"
)


class StaleCloseOut(Stale):
    """Somebody closed it, or it was delivered, after the officer looked."""


class InPenaltyBox(Conflict):
    """A sale of an instrument failed to be delivered and is not closed out: only what is borrowed already is sold short."""


class Fail(NamedTuple):
    """
    A sale that was not delivered on its settlement date.

    :param source: what failed, of which one close-out is ever opened, such as ``allocation:12``
    :param currency: whose settlement days count
    """

    source: str
    instrument_id: int
    portfolio_id: int
    qty: Decimal
    is_short: bool
    settle_date: date
    currency: str


@transaction.atomic
def open_close_outs(act: Act, fails: Sequence[Fail]) -> list[int]:
    """
    Will put down by when each must be closed out: before regular trading hours begin on the first settlement day after
    its settlement date where it was sold short, on the third where it was sold long. Of one source that happens once,
    whoever else does the same at the same time. Three statements whatever their number.

    :returns: the ids of those that were opened now
    :raises NotAllowed: if the actor does not record fails
    """
    require(act, "compliance.record_fails")
    fails = sorted({one.source: one for one in fails}.values(), key=lambda one: one.source)
    if not fails:
        return []
    keys = [(one.settle_date, SHORT_DAYS if one.is_short else LONG_DAYS, one.currency) for one in fails]
    due = settlement_days_after(keys)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO compliance_closeout"
            " (source, instrument_id, portfolio_id, qty, is_short, settle_date, due_on, opened_at, how, status, version)"
            " SELECT u.*, %s, '', %s, 1 FROM unnest(%s::text[], %s::bigint[], %s::bigint[], %s::numeric[], %s::bool[], %s::date[],"
            " %s::date[]) u ON CONFLICT (source) DO NOTHING RETURNING id, source",
            [
                act.at, CLOSE_OUT_LIFE.born[CloseOutDue], [one.source for one in fails], [one.instrument_id for one in fails],
                [one.portfolio_id for one in fails], [one.qty for one in fails], [one.is_short for one in fails],
                [one.settle_date for one in fails], [due[key] for key in keys],
            ],
        )  # fmt: skip
        made = {source: pk for pk, source in cursor.fetchall()}
    told = [
        Fact(
            made[one.source], 1,
            CloseOutDue(
                one.instrument_id, one.portfolio_id, f"{one.qty.normalize():f}", str(due[key]), one.is_short, one.source
            ),
        )
        for one, key in zip(fails, keys, strict=True)
        if one.source in made
    ]  # fmt: skip
    record(act, told)
    return sorted(made.values())


@transaction.atomic
def close_close_outs(act: Act, hows: Mapping[str, str]) -> None:
    """
    Will close those that are open of what was delivered or cancelled, by source: how. What has none, or was closed by an
    officer before, stays as it is.

    :raises NotAllowed: if the actor does not record fails
    """
    require(act, "compliance.record_fails")
    rows = _locked(CloseOut.objects.filter(source__in=list(hows), status=CO.OPEN))
    _close(act, rows, [hows[row.source] for row in rows], by=None)


@transaction.atomic
def close_by_hand(act: Act, close_out_ids: Collection[int], *, seen: Mapping[int, int]) -> None:
    """
    Will close what was bought in or borrowed and delivered: the act's reason says how, and is kept.

    :raises Invalid: without a reason of 1 to 300 characters, or where none is chosen
    :raises StaleCloseOut: where one changed since; :raises IllegalMove: where one is closed
    """
    require(act, "compliance.decide")
    how = act.reason.strip()
    if not how:
        raise Invalid("Say how it was closed out: bought in, or borrowed and delivered. It is kept on the record.", field="reason")
    if len(how) > 300:
        raise Invalid("The reason is longer than 300 characters. Shorten it.", field="reason")
    wanted = sorted(set(close_out_ids))
    if not wanted:
        raise Invalid("No close-out was chosen. Select at least one.", field="close_outs")
    rows = _locked(CloseOut.objects.filter(pk__in=wanted))
    if len(rows) < len(wanted):
        raise NotFound("There is no such close-out. Reload the list.")
    stale = {row.pk: (row.ref, seen.get(row.pk), row.version) for row in rows if seen.get(row.pk) != row.version}
    if stale:
        raise StaleCloseOut(
            "A close-out changed since you looked. Reload the list.", close_outs=order_selectors.missed("close_out", stale)
        )
    _close(act, rows, [how] * len(rows), by=act.by)


def refuse_boxed(act: Act, order_ids: Collection[int]) -> None:
    """
    Will stop short sales of what failed to be delivered by any portfolio of the firm and is not closed out, but where all of
    their quantity is borrowed already (17 CFR 242.204(b)). That is so whatever the firm's rules ask, whenever an order was let
    through, and whoever let it through. The caller holds the orders, so that nothing borrowed is given back meanwhile. One
    query.

    :raises InPenaltyBox: naming the orders, what is borrowed of the first, and what failed
    """
    with connection.cursor() as cursor:
        cursor.execute(BOXED, [act.at, list(order_ids)])
        found = cursor.fetchall()
    if not found:
        return
    pk, qty, symbol, borrowed, since, close_out = found[0]
    names = ", ".join(f"O-{one:06d}" for one, *_ in found[1:NAMED])
    also = f" So it is with {names}{' and more' if len(found) > NAMED else ''}." if names else ""
    raise InPenaltyBox(
        f"A sale of {symbol} failed to be delivered on {since:%d %b %Y} (CO-{close_out:05d}) and is not closed out: until it is,"
        f" {symbol} is sold short of borrowed units alone, and of the {units(qty)} of O-{pk:06d} {units(borrowed)} are borrowed."
        f" Nothing was sent. Attach what a lender lent, or have the close-out closed.{also}",
        orders=[one for one, *_ in found][:20], close_out=close_out,
    )  # fmt: skip


def _locked(rows: QuerySet[CloseOut]) -> list[CloseOut]:
    return list(rows.order_by("pk").select_for_update(no_key=True, of=("self",)))


def _close(act: Act, rows: Sequence[CloseOut], hows: Sequence[str], *, by: int | None) -> None:
    if not rows:
        return
    columns = {
        "status": ("text", [str(CLOSE_OUT_LIFE.after(row.status, CloseOutDone)) for row in rows]),
        "ended_at": ("timestamptz", [act.at] * len(rows)),
        "ended_by_id": ("bigint", [by] * len(rows)),
        "how": ("text", list(hows)),
    }
    with connection.cursor() as cursor:
        update_many(cursor, "compliance_closeout", [row.pk for row in rows], columns, bump=True)
    record(act, [Fact(row.pk, row.version + 1, CloseOutDone(how)) for row, how in zip(rows, hows, strict=True)])
