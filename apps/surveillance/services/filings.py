"""Reports to authorities: their clocks start with the day's report, and an officer says what became of them."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction

from django.conf import settings
from django.db import connection, transaction

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Event, Fact
from apps.core.refusals import Invalid, NotFound, Stale
from apps.core.tables import copy_in, next_ids
from apps.orders import selectors as orders
from apps.reference import selectors as reference
from apps.users.services import require

from .. import events, rules, selectors
from ..models import Filing, MonthEnd
from ..states import FILING_LIFE


class StaleFiling(Stale):
    """Somebody said what became of it after the person looked."""


def start_clocks(act: Act, day: date) -> None:
    """Will open the reports that fall due by what the firm holds and traded, each once. A fixed number of statements."""

    def is_session(one: date) -> bool:
        return reference.is_session("XNYS", one)

    last, held = selectors.last_filings(), selectors.held_by_the_firm(day)
    if rules.is_last_session(day, is_session):
        MonthEnd.objects.update_or_create(date=day, defaults={"worth": rules.worth_13f(held)})
    due = rules.due_on(day, held, last, settings.OWNERSHIP_FILER, is_session, selectors.month_ends(day))
    due += rules.large_trader(day, *selectors.traded(day), last.get(("13H", None)))
    with connection.cursor() as cursor:
        cursor.execute("SELECT form, instrument_id FROM surveillance_filing WHERE started_on = %s", [day])
        begun = set(cursor.fetchall())
        due = [one for one in due if (one.form, one.instrument_id) not in begun]
        if not due:
            return
        ids = next_ids(cursor, "surveillance_filing", len(due))
        status = str(FILING_LIFE.born[events.FilingDue])
        copy_in(
            cursor, "surveillance_filing",
            ("id", "form", "instrument_id", "pct", "direct_pct", "threshold", "started_on", "due_on", "text", "source",
             "reference", "status", "version"),
            (
                (
                    pk, one.form, one.instrument_id, _decimal(one.pct), _decimal(one.direct_pct), one.threshold, day, one.due_on,
                    one.text, one.source, "", status, 1,
                )
                for pk, one in zip(ids, due, strict=True)
            ),
        )  # fmt: skip
    facts = [events.FilingDue(one.form, one.instrument_id, _decimal(one.pct) or "", one.due_on.isoformat()) for one in due]
    record(act, [Fact(pk, 1, fact) for pk, fact in zip(ids, facts, strict=True)])


def _decimal(pct: Fraction | None) -> str | None:
    return None if pct is None else str(round(Decimal(pct.numerator) / pct.denominator, 12))


@transaction.atomic
def filing_made(act: Act, filing_id: int, reference: str, *, seen: Mapping[int, int]) -> None:
    """Will keep that a report was sent. :raises Invalid: without what the authority answered by"""
    if not reference.strip() or len(reference) > 100:
        raise Invalid("Give the reference by which the authority received it, of at most 100 characters.", field="reference")
    _end(act, filing_id, events.FilingMade(reference.strip()), seen, reference.strip())


@transaction.atomic
def filing_not_needed(act: Act, filing_id: int, *, seen: Mapping[int, int]) -> None:
    """Will keep that no report is to be made, for the reason the act gives."""
    if not act.reason.strip():
        raise Invalid("Say why none is needed; the reason is kept.", field="reason")
    _end(act, filing_id, events.FilingNotNeeded(), seen)


def _end(act: Act, filing_id: int, event: Event, seen: Mapping[int, int], reference: str = "") -> None:
    require(act, "surveillance.work")
    row = Filing.objects.select_for_update(no_key=True).filter(pk=filing_id).first()
    if row is None:
        raise NotFound("There is no such filing. Reload the list.")
    if seen.get(row.pk) != row.version:
        missed = orders.missed("filing", {row.pk: (row.ref, seen.get(row.pk), row.version)})
        raise StaleFiling(f"{row.ref} is not as you saw it. Reload.", stale=missed)
    row.status = FILING_LIFE.after(row.status, type(event))
    row.reference, row.ended_by_id, row.ended_at = reference, act.by, act.at
    row.version += 1
    row.save()
    record(act, [Fact(row.pk, row.version, event)])
