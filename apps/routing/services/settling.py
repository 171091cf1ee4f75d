"""What a person says of a message that was not booked: book it, link it to a route, refuse the trade (DK), set it aside."""

from django.db import transaction

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Fact
from apps.core.refusals import Conflict, Invalid, NotFound, Stale
from apps.orders import selectors as order_selectors
from apps.users.services import require

from .. import events, rules
from ..models import Message, Route
from ..states import MESSAGE_LIFE
from .batch import Batch
from .hearing import book_one, book_what_waited, locked_messages, tell_blocks
from .messages import Outgoing, queue_messages
from .rows import Heard

S = Message.Status
ACCEPT, LINK, REFUSE, DISMISS = "accept", "link", "dk", "dismiss"
WAYS = (ACCEPT, LINK, REFUSE, DISMISS)


class StillUnbookable(Conflict):
    """The message cannot be booked, whoever says so."""


class SettledAlready(Stale):
    """A colleague ended the message's quarantine after the person looked."""


class NoTrade(Conflict):
    """Only a fill or a correction can be refused to the broker."""


@transaction.atomic
def settle_message(act: Act, message_id: int, how: str, *, route_id: int | None = None, dk_reason: str = "") -> None:
    """
    Will end a message's quarantine by a person's decision, with their reason.

    ``accept`` books it although its price is outside the limit or its totals do not add up, because what it named is known
    by now, or beyond the order's quantity, where its block has as much unplaced. ``link`` books its execution on a route of
    the person's choice, whose state stays its own. ``dk`` tells the broker by a DontKnowTrade (35=Q) that the trade is not
    ours; ``dismiss`` sets it aside for good. What waited for it is booked then, where it adds up.

    :param route_id: of ``link``: a route at the same broker
    :param dk_reason: of ``dk``: DKReason (127); that of the problem where empty
    :raises Invalid: without a reason, for another way, a route that is not the broker's, or an unknown DKReason
    :raises NotFound: where no such message is in quarantine; :raises SettledAlready: where a colleague settled it before
    :raises StillUnbookable: where it cannot be accepted: no block has room for it, or it names nothing of ours
    :raises NoTrade: where there is no trade to refuse; :raises NoSession: where the broker cannot be told
    """
    require(act, "routing.mend_messages")
    if how not in WAYS:
        raise Invalid("Choose to accept, to link, to refuse or to dismiss the message.", field="how")
    if not act.reason.strip():
        raise Invalid("Say why; the reason is kept on the record.", field="reason")
    messages = locked_messages([message_id], S.QUARANTINED)
    if not messages:
        _refuse_settled(message_id)
        raise NotFound("This message is not in quarantine; reload the list.")
    message = messages[0]
    kept = Message.objects.get(pk=message_id)
    MESSAGE_LIFE.after(S.QUARANTINED, events.MessageSettled)
    linked = {message_id: _route(message, route_id)} if how == LINK else None
    batch = Batch(act, messages, trusted=how in (ACCEPT, LINK), linked=linked)
    if how in (ACCEPT, LINK):
        _book(batch, message)
    dk_reason = _refuse_trade(act, batch, message, dk_reason or kept.dk_reason) if how == REFUSE else ""
    if how in (REFUSE, DISMISS) and kept.route_id in batch.routes:
        batch.refuse(kept.route_id, message)
    book_what_waited(batch, anyhow=True)
    settled = events.MessageSettled(how=how, route_id=batch.named.get(message_id, kept.route_id), dk_reason=dk_reason)
    batch.facts.append(Fact(message_id, message.version + 1, settled))
    batch.write()
    Message.objects.filter(pk=message_id).update(
        status=S.SETTLED, version=message.version + 1, decision=how, route=settled.route_id
    )
    record(act, batch.facts)
    tell_blocks(act, batch)


def _route(message: Heard, route_id: int | None) -> int:
    found = Route.objects.filter(pk=route_id, broker=message.broker_id).exclude(kind__in=("CROSS", "HAND")).values_list("pk", flat=True)
    if not found:
        raise Invalid("Choose a route at the broker that sent the message.", field="route")
    return found[0]


def _book(batch: Batch, message: Heard) -> None:
    problem = batch.problems.get(message.id) or book_one(batch, message)
    if problem:
        raise StillUnbookable(
            f"The message cannot be accepted. {problem.text} Refuse the trade or dismiss the message, and call the broker."
        )
    if batch.with_life:
        raise StillUnbookable("A message about settlement cannot be accepted here. Dismiss it.")


def _refuse_trade(act: Act, batch: Batch, message: Heard, reason: str) -> str:
    """Will commit the DontKnowTrade to be sent. :returns: the DKReason it gives"""
    fields = batch.raw.get(message.id)
    if fields is None or not rules.may_be_refused(message.msg_type, fields):
        raise NoTrade("Only a fill or a correction can be refused to the broker. Dismiss this message, and call the broker.")
    try:
        reason = rules.dk_reason(reason, fields)
        said = rules.dont_know_trade(fields, reason, act.reason)
    except rules.Malformed as problem:
        raise NoTrade(f"The trade cannot be refused by a message: {problem}. Dismiss it, and call the broker.") from problem
    queue_messages(act, [Outgoing(message.broker_id, "Q", f"{message.id}/{message.ref}"[:80], said)])
    return reason


def _refuse_settled(message_id: int) -> None:
    version = Message.objects.filter(pk=message_id, status=S.SETTLED).values_list("version", flat=True).first()
    if version:
        missed = order_selectors.missed("message", {message_id: (f"Message {message_id}", version - 1, version)})
        by = f" by {missed[0]['changes'][-1]['by']}" if missed[0]["changes"] else ""
        raise SettledAlready(f"This message was settled{by} before you. Reload the list.", stale=missed)
