"""What whoever takes a session over must know of its sequence numbers, and of what was sent under them."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db import connection, transaction
from django.utils import timezone

from ..models import Message, SessionNumbers, SessionState


class SentUnder(NamedTuple):
    """A message of ours as it was wanted, with the number and the moment it went out."""

    seq_num: int
    msg_type: str
    text: str
    sent_at: datetime


def numbers_of(session_ids: Sequence[int]) -> dict[int, SessionNumbers]:
    return SessionNumbers.objects.in_bulk(session_ids)


def last_looks(session_ids: Sequence[int]) -> dict[int, datetime]:
    """When a gateway looked at each session last."""
    return dict(SessionState.objects.filter(session__in=session_ids).values_list("session_id", "looked_at"))


def hold_numbers(session_id: int, store_id: str, *, out_ceiling: int, next_in: int, since: datetime | None = None) -> None:
    """Will keep whose store has a session, a number that all of ours are below, and one that theirs reached. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO routing_sessionnumbers (session_id, store_id, out_ceiling, next_in, since) VALUES (%s, %s, %s, %s, %s)"
            " ON CONFLICT (session_id) DO UPDATE SET store_id = excluded.store_id, out_ceiling = excluded.out_ceiling,"
            " next_in = excluded.next_in, since = CASE WHEN %s THEN excluded.since ELSE routing_sessionnumbers.since END",
            [session_id, store_id, out_ceiling, next_in, since or timezone.now(), since is not None],
        )


def raise_ceiling(session_id: int, store_id: str, ceiling: int, since: datetime | None = None) -> None:
    """Will keep that numbers below this one may be in use; ``since``: where they and theirs began anew, when. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO routing_sessionnumbers (session_id, store_id, out_ceiling, next_in, since) VALUES (%s, %s, %s, 1, %s)"
            " ON CONFLICT (session_id) DO UPDATE SET store_id = excluded.store_id, out_ceiling = excluded.out_ceiling,"
            " next_in = CASE WHEN %s THEN 1 ELSE routing_sessionnumbers.next_in END,"
            " since = CASE WHEN %s THEN excluded.since ELSE routing_sessionnumbers.since END",
            [session_id, store_id, ceiling, since or timezone.now(), since is not None, since is not None],
        )


def note_expected(store_id: str, expected: Mapping[int, int], at: datetime) -> None:
    """
    Will keep the numbers that theirs had reached at a moment, of sessions that this store has and that did not begin anew since. One
    statement.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE routing_sessionnumbers n SET next_in = u.next_in FROM unnest(%s::bigint[], %s::int[]) AS u(session_id, next_in)"
            " WHERE n.session_id = u.session_id AND n.store_id = %s AND n.next_in <> u.next_in AND n.since <= %s",
            [list(expected), list(expected.values()), store_id, at],
        )


def sent_under(session_id: int, since: datetime) -> Iterator[SentUnder]:
    """Messages that went out under the numbers in use, by number; of two under one, the later."""
    rows = Message.objects.filter(session=session_id, is_out=True, status="SENT", seq_num__isnull=False, sent_at__gte=since)
    found = rows.order_by("seq_num", "-pk").distinct("seq_num").values_list("seq_num", "msg_type", "text", "sent_at")
    with transaction.atomic():  # A cursor on the server lives within a transaction.
        yield from (SentUnder(*row) for row in found.iterator(chunk_size=2000))
