"""Holding reviews that somebody is about to change: the orders first, then their reviews, and only as they were seen."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from django.db import connection

from apps.core.refusals import NotFound, Stale
from apps.orders import selectors as order_selectors
from apps.orders.states import S
from apps.users.selectors import names_of

from ..states import R


class StaleReview(Stale):
    """The review changed after the officer looked."""


class AlreadyDecided(StaleReview):
    """Another officer was first, or the order was withdrawn."""


class Locked(NamedTuple):
    id: int
    status: str
    version: int
    order_id: int
    check_id: int
    author_id: int
    decided_by_id: int | None
    reason: str
    severity: str
    order_status: str

    @property
    def is_at_work(self) -> bool:
        """Whether its order is at a broker: it was checked anew there and goes on working."""
        return self.order_status == S.WORKING


def lock_reviews(review_ids: Collection[int]) -> list[Locked]:
    wanted = sorted(set(review_ids))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM orders_order WHERE id IN (SELECT order_id FROM compliance_review WHERE id = ANY(%s))"
            " ORDER BY id FOR NO KEY UPDATE",
            [wanted],
        )
        cursor.execute(
            "SELECT r.id, r.status, r.version, r.order_id, r.verdict_id, o.created_by_id, r.decided_by_id, r.reason, r.severity,"
            " o.status"
            " FROM compliance_review r JOIN orders_order o ON o.id = r.order_id WHERE r.id = ANY(%s) ORDER BY r.id"
            " FOR NO KEY UPDATE OF r",
            [wanted],
        )
        rows = [Locked(*row) for row in cursor.fetchall()]
    missing = sorted(set(wanted) - {row.id for row in rows})
    if missing:
        raise NotFound(f"There is no review V-{missing[0]:06d}.", reviews=missing[:20])
    return rows


def refuse_decided(rows: Sequence[Locked], seen: Mapping[int, int]) -> None:
    over = [row for row in rows if row.status != R.WAITING]
    if over:
        first = over[0]
        facts = _missed(over, seen)
        if first.decided_by_id is None:
            raise AlreadyDecided(
                f"V-{first.id:06d} is withdrawn: its order was cancelled or amended. Reload the queue.", reviews=facts
            )
        who = names_of([first.decided_by_id])[first.decided_by_id]
        what = {R.APPROVED: "approved", R.SENT_BACK: "sent back", R.REJECTED: "rejected"}[R(first.status)]
        rest = f" None of the {len(rows)} was decided by you." if len(rows) > 1 else ""
        raise AlreadyDecided(
            f"{who} {what} V-{first.id:06d} before you: “{first.reason}”.{rest} Reload the queue.",
            reviews=facts, decided_by=who,
        )  # fmt: skip
    stale = [row for row in rows if seen.get(row.id) != row.version]
    if stale:
        raise StaleReview(
            f"V-{stale[0].id:06d} is not as you saw it. Reload, look and decide again.", reviews=_missed(stale, seen)
        )


def _missed(rows: Sequence[Locked], seen: Mapping[int, int]) -> list[dict]:
    found = order_selectors.missed("review", {row.id: (f"V-{row.id:06d}", seen.get(row.id), row.version) for row in rows})
    return [one | {"status": row.status, "version": row.version} for one, row in zip(found, rows, strict=False)]
