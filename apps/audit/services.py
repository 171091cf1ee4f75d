"""Writing the record: one call per change, in the transaction of the change."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

import orjson
import structlog
from django.conf import settings
from django.db import connection, transaction
from django.utils.module_loading import import_string

from apps.core.acts import Act
from apps.core.events import Event, Fact, Flow, Then, encode
from apps.core.refusals import Conflict
from apps.core.tables import copy_in, next_ids

from . import selectors, wires

log = structlog.get_logger(__name__)

ENTRY_COLUMNS = ("id", "act_id", "event", "subject", "subject_id", "nth", "payload")


class KeyReused(Conflict):
    """The idempotency key was used before, for something else."""


@lru_cache(maxsize=1)
def flow() -> Flow:
    return import_string(settings.FLOW)


def record(act: Act, facts: Iterable[Fact]) -> None:
    """
    Will write the act's facts, promise them to their later listeners and tell the listeners that come now.

    Call it once per change, inside the transaction of the change, with the subjects locked. The number of statements
    does not grow with the number of facts. A listener is told the facts of one event as one batch.
    """
    facts = list(facts)
    if not facts:
        return
    if not connection.in_atomic_block:
        raise RuntimeError("facts are recorded inside the transaction that makes them true")
    keep_act(act)
    by_event: dict[type[Event], list[Fact]] = {}
    for fact in facts:
        by_event.setdefault(type(fact.event), []).append(fact)
    promises = []
    with connection.cursor() as cursor:
        ids = _entry_ids(cursor, len(facts))
        start = 0
        rows = []
        for event, batch in by_event.items():
            mine = ids[start : start + len(batch)]
            start += len(batch)
            rows.append(_entry_rows(act, event, batch, mine))
            for listener in flow().get(event, Then()).later:
                promises.append((act.id, event.code, listener.listener_name, mine[0], mine[-1], act.at, act.at))
        copy_in(cursor, "audit_entry", ENTRY_COLUMNS, (row for batch in rows for row in batch))
        delivery_ids = _promise(cursor, promises)
    wires.on_commit(act, by_event, delivery_ids)
    for event, batch in by_event.items():
        for listener in flow().get(event, Then()).now:
            listener(act, batch)


def _entry_ids(cursor, count: int) -> list[int]:
    """
    Ids of entries, ascending. The transaction shows, by a lock that keeps nobody waiting, from which id on it may
    write, so that a reader in order knows how far the record is complete (``selectors.complete_up_to``).
    """
    cursor.execute(
        "WITH shown AS MATERIALIZED (SELECT CASE WHEN coalesce(current_setting('oms.shows', true), '') = '' THEN"
        " pg_advisory_xact_lock_shared((%s::bigint << 48) | last_value)::text || set_config('oms.shows', '1', true)"
        " END FROM audit_entry_id_seq)"
        " SELECT nextval('audit_entry_id_seq') FROM shown, generate_series(1, %s)",
        [selectors.WRITERS, count],
    )
    return [row[0] for row in cursor.fetchall()]


def keep_act(act: Act) -> int:
    """Will store the act itself, once, and return its id. Needed only by rows that must point at an act early."""
    with connection.cursor() as cursor:
        if act.id is None:
            act.id = next_ids(cursor, "audit_act", 1)[0]
        cursor.execute(
            "INSERT INTO audit_act (id, by_id, at, via, reason, cause_id, request_ref)"
            " VALUES (%s,%s,%s,%s,%s,%s,%s) ON CONFLICT (id) DO NOTHING",
            [act.id, act.by, act.at, act.via, act.reason, act.cause, act.request_ref],
        )
    return act.id


def _entry_rows(act: Act, event: type[Event], batch: Sequence[Fact], ids: Sequence[int]):
    code, subject = event.code, event.subject
    payloads: dict[int, str] = {}
    for entry_id, (subject_id, nth, one) in zip(ids, batch, strict=True):
        key = id(one)
        payload = payloads.get(key)
        if payload is None:
            payload = payloads[key] = encode(one).decode()
        yield (entry_id, act.id, code, subject, subject_id, nth, payload)


def _promise(cursor, promises: list[tuple]) -> list[int]:
    if not promises:
        return []
    ids = next_ids(cursor, "audit_delivery", len(promises))
    copy_in(
        cursor,
        "audit_delivery",
        (
            "id",
            "act_id",
            "event",
            "listener",
            "first_entry",
            "last_entry",
            "made_at",
            "due_at",
            "status",
            "attempts",
            "error",
        ),
        ((i, *p, "OPEN", 0, "") for i, p in zip(ids, promises, strict=True)),
    )
    return ids


def answer_once(act: Act, service: str, asked: Any, do: Callable[[], Any]) -> tuple[Any, bool]:
    """
    Will do the work, or give the first answer again where the act's key was used before for the same thing.

    :param asked: what the caller sent, as plain values; its hash tells a repeat from a different request
    :param do: the work; returns a JSON-able answer
    :returns: the answer, and whether it is a repeat
    :raises KeyReused: where the key was used for something else
    """
    if act.key is None:
        return do(), False
    digest = hashlib.sha256(orjson.dumps(asked, default=str, option=orjson.OPT_SORT_KEYS)).hexdigest()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO audit_keptanswer (by_id, key, service, input_hash) VALUES (%s,%s,%s,%s)"
            " ON CONFLICT DO NOTHING RETURNING id",
            [act.by, act.key, service, digest],
        )
        row = cursor.fetchone()
        if row is None:
            cursor.execute(
                "SELECT input_hash, answer FROM audit_keptanswer WHERE by_id=%s AND key=%s AND service=%s",
                [act.by, act.key, service],
            )
            kept_hash, answer = cursor.fetchone()
            if kept_hash != digest:
                raise KeyReused(
                    "This Idempotency-Key was already used for a different request. Send a new key.",
                    key=act.key,
                )
            return orjson.loads(answer) if isinstance(answer, str | bytes) else answer, True
        answer = do()
        cursor.execute(
            "UPDATE audit_keptanswer SET answer=%s, act_id=%s WHERE id=%s",
            [orjson.dumps(answer, default=str).decode(), act.id, row[0]],
        )
        return orjson.loads(orjson.dumps(answer, default=str)), False
