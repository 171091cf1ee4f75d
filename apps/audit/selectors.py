"""Questions to the record."""

from collections.abc import Sequence
from functools import lru_cache

from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast

from apps.core.events import REGISTRY
from apps.core.lifecycles import Lifecycle
from apps.core.refusals import IllegalMove

from .models import Delivery, Entry

WRITERS = 727  # The high bits of the locks by which those who write entries show from which id on.


@lru_cache(maxsize=32)
def automated_id(name: str) -> int:
    """The id of the part of the system that acts under this name: worker, gateway, feed, custodian, scheduler."""
    return get_user_model().objects.values_list("pk", flat=True).get(username=name, is_automated=True)


def timeline(subject: str, subject_id: int) -> QuerySet[Entry]:
    """A subject's life, oldest first, with its acts and people."""
    return Entry.objects.filter(subject=subject, subject_id=subject_id).select_related("act", "act__by").order_by("nth")


def timelines(pairs: Sequence[tuple[str, Sequence[int]]]) -> QuerySet[Entry]:
    """The entries of several subjects, newest first: an order with its block, routes and so on."""
    wanted = Q(pk__in=[])
    for subject, ids in pairs:
        wanted |= Q(subject=subject, subject_id__in=list(ids))
    return Entry.objects.filter(wanted).select_related("act", "act__by").order_by("-pk")


def complete_up_to() -> int:
    """
    The id up to which the record is complete: no transaction still open will add an entry at or below it.

    Ids are drawn before commit, so a later id may be seen before an earlier one; whoever reads the record in order reads
    up to here.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT last_value FROM audit_entry_id_seq")  # First: who shows up after it draws later ids.
        last = cursor.fetchone()[0]
        cursor.execute(
            "SELECT min((classid::bigint & 65535) << 32 | objid::bigint) - 1 FROM pg_locks l JOIN pg_database d"
            " ON d.oid = l.database AND d.datname = current_database()"
            " WHERE locktype = 'advisory' AND objsubid = 1 AND classid::bigint >> 16 = %s"
            " AND pid <> pg_backend_pid()",
            [WRITERS],
        )
        before_open = cursor.fetchone()[0]
    return last if before_open is None else min(last, before_open)


def search(*, text="", subject="", event="", by=None, since=None, until=None, without=()) -> QuerySet[Entry]:
    """
    Entries, newest first, by any of: words in reason or payload, subject (``order`` or ``order 12``), event, person, times.

    :param without: kinds of subjects that are not for whoever asks
    """
    rows = Entry.objects.select_related("act", "act__by").order_by("-pk")
    if without:
        rows = rows.exclude(subject__in=list(without))
    if subject:
        kind, _, number = subject.strip().partition(" ")
        rows = rows.filter(subject=kind)
        if number.isdigit():
            rows = rows.filter(subject_id=int(number))
    if event:
        rows = rows.filter(event=event)
    if by:
        rows = rows.filter(act__by=by)
    if since:
        rows = rows.filter(act__at__gte=since)
    if until:
        rows = rows.filter(act__at__lt=until)
    if text:
        rows = rows.annotate(words=Cast("payload", TextField())).filter(
            Q(words__icontains=text) | Q(act__reason__icontains=text)
        )
    return rows


def open_promises() -> QuerySet[Delivery]:
    return Delivery.objects.filter(status=Delivery.Status.OPEN)


def parked_promises() -> QuerySet[Delivery]:
    return Delivery.objects.filter(status=Delivery.Status.PARKED).order_by("pk")


def departures_from_record(life: Lifecycle, table: str, where: str = "true") -> list[str]:
    """
    Replays every subject of one kind through its table and compares the outcome with its row.

    :param table: the database table of the subjects, with ``id``, ``status`` and ``version``
    :param where: SQL over ``t``, that table, for the rows that have a life
    :returns: a sentence for each that differs; empty when the rows are what the record says
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT t.id, t.status, t.version, array_agg(e.event ORDER BY e.nth) FILTER (WHERE e.id IS NOT NULL)"
            f' FROM "{table}" t LEFT JOIN audit_entry e ON e.subject = %s AND e.subject_id = t.id WHERE {where} GROUP BY t.id',
            [life.subject],
        )
        rows = cursor.fetchall()
    wrong, replayed = [], {}
    for pk, status, version, codes in rows:
        key = tuple(codes or ())
        if key not in replayed:
            try:
                replayed[key] = str(life.replay(REGISTRY[c] for c in key))
            except IllegalMove as refusal:
                replayed[key] = f"an illegal life ({refusal.message})"
        if replayed[key] != str(status) or version != len(key):
            wrong.append(f"{life.subject} {pk} is {status} v{version}, its record says {replayed[key]} v{len(key)}")
    return wrong
