"""
An officer's decision on held orders, and its end where the order went away meanwhile.

The orders are locked first, then their reviews: a manager who cancels holds them in the same order.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from django.db import connection, transaction

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Event, Fact, listens
from apps.core.refusals import Conflict, Invalid, NotAllowed
from apps.orders import selectors as order_selectors
from apps.orders import services as orders
from apps.users.services import can, require

from .. import events
from ..selectors.lists import CONTROL_ROOM, held_for_control_room
from ..states import REVIEW_LIFE, R
from . import overriding
from .asking import close_questions
from .holding import Locked, lock_reviews, refuse_decided
from .overriding import HARD, Terms

LONGEST_REASON = 2000


class OwnOrder(NotAllowed):
    """Nobody decides on an order that they entered."""


class ForControlRoom(NotAllowed):
    """Whether an order goes on that met a list of the control room is the control room's to say."""


class SameOfficer(NotAllowed):
    """A hard finding needs two officers: who asked does not confirm."""


class RequestOver(Conflict):
    """What the first officer asked for ended before anybody confirmed it."""


class AtWork(Conflict):
    """The order is at a broker: it cannot be a draft again."""


class Approved(NamedTuple):
    """The reviews whose orders are let through, and those that wait for a second officer to confirm."""

    through: list[int]
    asked: list[int]


@transaction.atomic
def approve_reviews(
    act: Act, review_ids: Collection[int], *, seen: Mapping[int, int], terms: Terms | None = None
) -> Approved:
    """
    Will let held orders through to the desk in spite of what the rules found, for the reason the act gives, as far as the
    terms go; one at a broker goes on working. Where a hard rule is among them, the first officer asks, and the review
    waits until another one confirms what was asked.

    :param seen: the version of each review that the officer was looking at
    :param terms: of what one officer may allow, and of what the first asks: without, for another reason and today; who
        confirms takes them as they are
    :raises Invalid: without a reason, or naming the term that cannot be so
    :raises OwnOrder: if the officer entered or amended one of the orders
    :raises ForControlRoom: if one met a list of the control room and the officer is not of it
    :raises SameOfficer: if the officer asked already; :raises RequestOver: if what was asked is over
    :raises AlreadyDecided: if another was first; none of them is then decided
    """
    rows = _chosen(act, review_ids, seen, lets_through=True)
    standing = overriding.requests_of([row.id for row in rows])
    if mine := [row.id for row in rows if row.id in standing and standing[row.id].by == act.by]:
        raise SameOfficer(
            f"You asked for V-{mine[0]:06d} to be let through. A hard rule needs another officer to confirm it.", reviews=mine[:20]
        )
    if over := [pk for pk, one in standing.items() if one.expires_at <= act.at]:
        raise RequestOver(
            f"What was asked of V-{over[0]:06d} ended before anybody confirmed it. Within a minute it can be asked anew.",
            reviews=over[:20],
        )
    asks = [row for row in rows if row.severity == HARD and row.id not in standing]
    alone = [row for row in rows if row.severity != HARD and row.id not in standing]
    through = [row for row in rows if row.severity != HARD or row.id in standing]
    overriding.let_stand(act, asks, terms or Terms(), asked=True)
    overriding.let_stand(act, alone, terms or Terms(), asked=False)
    overriding.confirm(act, list(standing))
    _move(act, asks, events.ApprovalAsked)
    _move(act, through, events.ReviewApproved)
    if idle := [row for row in through if not row.is_at_work]:
        orders.mark_cleared(
            act, {row.order_id: row.check_id for row in idle}, {row.order_id: row.severity for row in idle}
        )
    return Approved([row.id for row in through], [row.id for row in asks])


@transaction.atomic
def send_back_reviews(act: Act, review_ids: Collection[int], *, seen: Mapping[int, int]) -> None:
    """
    Will return held orders to their managers as drafts, for the reason the act gives. Refuses as approval does.

    :raises AtWork: for an order at a broker
    """
    rows = _decide(act, review_ids, seen, events.ReviewSentBack)
    if at_work := [row.order_id for row in rows if row.is_at_work]:
        raise AtWork(
            f"O-{at_work[0]:06d} is at a broker and cannot be a draft again. Approve it to let it go on, or reject it: then"
            " the desk is asked to cancel it.",
            orders=at_work[:20],
        )
    overriding.end(act, [row.order_id for row in rows], "sent back")
    orders.mark_sent_back(act, [row.order_id for row in rows])


@transaction.atomic
def reject_reviews(act: Act, review_ids: Collection[int], *, seen: Mapping[int, int]) -> None:
    """
    Will end held orders, for the reason the act gives; of one at a broker the desk's alert stays until its routes are
    cancelled. Refuses as approval does.
    """
    decided = _decide(act, review_ids, seen, events.ReviewRejected)
    overriding.end(act, [row.order_id for row in decided], "rejected")
    if rows := [row for row in decided if not row.is_at_work]:
        orders.mark_rejected(act, [row.order_id for row in rows])


@listens("compliance.withdraw_reviews")
@transaction.atomic
def withdraw_reviews(act: Act, facts: Sequence[Fact]) -> None:
    """
    Will end the reviews of orders that were cancelled, amended or done while they waited, and what officers let stand of
    them. The caller holds the orders.
    """
    ids = [fact.subject_id for fact in facts]
    end_waiting(act, ids)
    overriding.end(act, ids, f"the order was {facts[0].event.code.split('.')[1]}")


def end_waiting(act: Act, order_ids: Sequence[int]) -> None:
    """Will end what waits of these orders, undecided, with what was asked for of it. The caller holds them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, version, order_id FROM compliance_review WHERE order_id = ANY(%s) AND status = %s"
            " ORDER BY id FOR NO KEY UPDATE",
            [list(order_ids), R.WAITING],
        )
        rows = cursor.fetchall()
        if not rows:
            return
        cursor.execute(
            "UPDATE compliance_review SET status = %s, version = version + 1 WHERE id = ANY(%s)",
            [REVIEW_LIFE.after(R.WAITING, events.ReviewWithdrawn), [pk for pk, _, _ in rows]],
        )
    record(act, [Fact(pk, version + 1, events.ReviewWithdrawn(order)) for pk, version, order in rows])
    close_questions(act, [pk for pk, _, _ in rows])
    overriding.end(act, [order for _, _, order in rows], "the review ended undecided", live=False)


def _decide(act: Act, review_ids: Collection[int], seen: Mapping[int, int], kind: type[Event]) -> list[Locked]:
    rows = _chosen(act, review_ids, seen)
    _move(act, rows, kind)
    return rows


def _chosen(
    act: Act, review_ids: Collection[int], seen: Mapping[int, int], *, lets_through: bool = False
) -> list[Locked]:
    """Who may, why, lock, is it so, whose is it: how every decision begins."""
    user = require(act, "compliance.decide")
    if not act.reason.strip():
        raise Invalid("Give a reason: it is kept on the record with your decision.", field="reason")
    if len(act.reason) > LONGEST_REASON:
        raise Invalid(f"The reason is longer than {LONGEST_REASON:,} characters. Shorten it.", field="reason")
    if not review_ids:
        raise Invalid("No review was chosen. Select at least one.", field="reviews")
    rows = lock_reviews(review_ids)
    refuse_decided(rows, seen)
    hands = order_selectors.hands_on([row.order_id for row in rows])
    own = [row.order_id for row in rows if act.by in {row.author_id} | hands.get(row.order_id, set())]
    if own:
        raise OwnOrder(
            f"You entered or amended order O-{own[0]:06d} yourself, so another officer has to decide on it.", orders=own[:20]
        )
    if lets_through and not can(user, CONTROL_ROOM) and (theirs := held_for_control_room([row.id for row in rows])):
        raise ForControlRoom(
            f"V-{theirs[0]:06d} waits for an officer of the control room: only they may let it through.", reviews=theirs[:20]
        )
    return rows


def _move(act: Act, rows: Sequence[Locked], kind: type[Event]) -> None:
    """Moves waiting reviews and records it; whoever ends one has decided on it."""
    if not rows:
        return
    status = REVIEW_LIFE.after(R.WAITING, kind)
    decided = "" if status == R.WAITING else ", decided_at = %s, decided_by_id = %s, reason = %s"
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE compliance_review SET status = %s, version = version + 1{decided} WHERE id = ANY(%s)",
            [status, *([act.at, act.by, act.reason.strip()] if decided else []), [row.id for row in rows]],
        )
    record(act, [Fact(row.id, row.version + 1, kind(row.order_id)) for row in rows])
    if decided:
        close_questions(act, [row.id for row in rows])
