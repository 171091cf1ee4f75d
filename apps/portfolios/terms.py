"""
With whom a portfolio may trade, as officers keep it: a term is set and ended, never edited. The trigger of its table waits
for whoever is routing, and they for it.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from django.db import connection, transaction

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Fact
from apps.core.refusals import IllegalMove, Invalid, Stale
from apps.core.tables import next_ids
from apps.reference import kept
from apps.reference.models import AssetClass, Broker
from apps.users.services import require

from . import events
from .models import BrokerTerm, Portfolio

TOLD = ("kind", "asset_class", "starts_on", "ends_on", "reason")


class StaleTerm(Stale):
    """The term was ended or changed after the officer looked."""


class TermText(NamedTuple):
    """
    :param kind: ``ALLOW`` (and no other broker), ``DENY``, or ``ISDA``, a master agreement for forwards in currencies
    :param asset_class: empty for all of its orders; :param ends_on: the last day, None until further notice
    """

    portfolio_id: int
    broker_id: int
    kind: str
    starts_on: date
    ends_on: date | None = None
    asset_class: str = ""


@transaction.atomic
def set_terms(act: Act, said: Sequence[TermText]) -> list[int]:
    """
    Will have terms hold from their first day on, for the reason the act gives: all or none.

    :returns: their ids, in order
    :raises Invalid: naming the field at fault, and ``index`` of the term
    """
    require(act, "portfolios.keep_terms")
    _refuse_no_reason(act)
    homes = Portfolio.objects.in_bulk({one.portfolio_id for one in said})
    brokers = Broker.objects.in_bulk({one.broker_id for one in said})
    for index, one in enumerate(said):
        field, message = _problem(one, act.at.date(), homes, brokers) or ("", "")
        if field:
            raise Invalid(message, field=field, index=index)
    with connection.cursor() as cursor:
        ids = next_ids(cursor, "portfolios_brokerterm", len(said))
    rows = [BrokerTerm(pk=pk, reason=act.reason.strip(), **one._asdict()) for pk, one in zip(ids, said, strict=True)]
    BrokerTerm.objects.bulk_create(rows)
    kept.keep_history(act, rows, "+")
    record(act, [Fact(row.pk, 1, events.TermSet(row.portfolio_id, row.broker_id, kept.as_told(row, TOLD))) for row in rows])
    return ids


@transaction.atomic
def end_terms(act: Act, last_day: date, *, seen: Mapping[int, int]) -> None:
    """
    Will have terms hold through a day and no longer, for the reason the act gives. One that was in force yesterday may end
    with that day, which is at once.

    :param seen: the version of each term that the person looked at (``selectors.broker_terms_seen_by``)
    :raises StaleTerm: if one changed since, with what was done; :raises IllegalMove: if one ends by then already
    """
    require(act, "portfolios.keep_terms")
    _refuse_no_reason(act)
    rows = kept.locked_as_seen(BrokerTerm.objects.select_related("portfolio", "broker"), seen, TOLD, StaleTerm)
    yesterday = act.at.date() - timedelta(days=1)
    before = {}
    for row in rows:
        if row.ends_on is not None and row.ends_on <= max(last_day, yesterday):
            raise IllegalMove(f"“{row}” ends with {row.ends_on} already. End it earlier, or leave it.", term=row.pk)
        if last_day < max(row.starts_on, yesterday):
            first = max(row.starts_on, yesterday)
            raise Invalid(f"It can end with {first} at the earliest: what held on a day stays so.", field="ends_on")
        before[row.pk] = {"ends_on": row.ends_on and row.ends_on.isoformat()}
        row.ends_on = last_day
    BrokerTerm.objects.bulk_update(rows, ["ends_on"])
    kept.keep_history(act, rows, "~")
    nths, after = kept.next_nths("term", rows), {"ends_on": last_day.isoformat()}
    record(act, [Fact(r.pk, nths[r.pk], events.TermEnded(r.portfolio_id, r.broker_id, before[r.pk], after)) for r in rows])


def _problem(
    one: TermText, today: date, homes: Mapping[int, Portfolio], brokers: Mapping[int, Broker]
) -> tuple[str, str] | None:
    if one.portfolio_id not in homes:
        return "portfolio", "There is no such portfolio. Choose one from the list."
    if one.broker_id not in brokers:
        return "broker", "There is no such broker. Choose one from the list."
    if brokers[one.broker_id].kind in Broker.NOT_ROUTED:
        return "broker", "Nothing is routed there; choose a broker or dealer."
    if one.kind not in BrokerTerm.Kind.values:
        return "kind", f"A term is one of {', '.join(BrokerTerm.Kind.values)}."
    if one.asset_class and one.asset_class not in AssetClass.values:
        return "asset_class", f"There is no asset class “{one.asset_class}”."
    if one.starts_on < today:
        return "starts_on", "It cannot have held before today: what was routed then was routed without it."
    if one.ends_on is not None and one.ends_on < one.starts_on:
        return "ends_on", "It ends before it starts."
    return None


def _refuse_no_reason(act: Act) -> None:
    if not act.reason.strip() or len(act.reason.strip()) > 200:
        raise Invalid("Give a reason of at most 200 characters: who decided it, or the agreement with its date.", field="reason")
