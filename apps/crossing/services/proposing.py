"""Proposing a cross, and what every step of its life begins with: lock it, is it as it was seen, are its orders?"""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal

from django.conf import settings
from django.db import transaction

from apps.audit.services import record
from apps.blocks import services as blocks
from apps.core.acts import Act
from apps.core.events import Event, Fact
from apps.core.refusals import Conflict, Invalid, Stale
from apps.orders import selectors as orders
from apps.orders.models import Order
from apps.users.services import require

from .. import events, rules, selectors
from ..models import Cross, Part
from ..states import LIFE


class NotCrossable(Conflict):
    """A condition of 17a-7 is not met."""


class StaleCross(Stale):
    """The cross, or an order in it, changed after the person looked."""


@transaction.atomic
def propose_cross(act: Act, opposition_id: int, *, seen: Mapping[int, int]) -> int:
    """
    Will propose to meet two opposite blocks with each other, as far as their orders meet every condition, at the
    independent price of this moment. Nothing moves by it; the blocks may still be routed, which ends the proposal.

    :returns: the cross's id
    :raises Invalid: without a reason; :raises NotFound: where the pair of blocks is hidden or missing
    :raises StaleOpposition: where a colleague decided meanwhile; :raises IllegalMove: where it is decided
    :raises NotCrossable: where a condition is not met; its facts name each condition
    """
    user = require(act, "crossing.propose")
    if not act.reason.strip():
        raise Invalid("Say why; the reason is kept.", field="reason")
    opposition = selectors.get_opposition_seen_by(user, opposition_id)
    blocks.hold_opposition(opposition.pk, seen)
    found = selectors.prospect(opposition, act.at)
    matched = found.matched
    refuse_unmet(opposition.ref, matched)
    cross = Cross.objects.create(
        opposition=opposition, instrument_id=opposition.buy.instrument_id, currency_id=opposition.buy.currency_id,
        qty=matched.qty, price=matched.price.price, evidence=matched.price.evidence(), lines=as_kept(matched),
        tolerance_bp=Decimal(settings.CROSS_TOLERANCE_BP), reason=act.reason.strip()[:400], proposed_by_id=act.by,
        proposed_at=act.at, expires_at=act.at + timedelta(minutes=settings.CROSS_MINUTES),
    )  # fmt: skip
    versions = dict(Order.objects.filter(pk__in=matched.shares).values_list("pk", "version"))
    parties = found.parties
    Part.objects.bulk_create(
        Part(
            cross=cross, order_id=pk, order_version=versions[pk], block_id=parties[pk].block_id,
            portfolio_id=parties[pk].portfolio_id, side=parties[pk].side, intended_qty=parties[pk].qty, qty=qty,
        )
        for pk, qty in sorted(matched.shares.items())
    )  # fmt: skip
    blocks.mark_proposed(
        act, opposition.pk, seen=int(seen.get(opposition.pk, 0)), qty=matched.qty, price=matched.price.price,
        source=matched.price.source, cross_id=cross.pk,
    )  # fmt: skip
    parts = [[pk, _plain(qty)] for pk, qty in sorted(matched.shares.items())]
    told = events.CrossProposed(opposition.pk, _plain(matched.qty), _plain(matched.price.price), matched.price.source, parts)
    record(act, [Fact(cross.pk, 1, told)])
    return cross.pk


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"


def as_kept(matched: rules.Matched) -> list[dict]:
    return [line._asdict() for line in matched.lines]


def refuse_unmet(ref: str, matched: rules.Matched) -> None:
    """:raises NotCrossable: where nothing can be crossed, naming what stands against it"""
    if matched.shares:
        return
    open_lines = [line for line in matched.lines if not line.passes]
    why = "; ".join(f"{line.name}: no ({line.found}; {line.source})" for line in open_lines)
    raise NotCrossable(
        f"Nothing of {ref} can be crossed. {why or 'What both sides have left is less than one lot'}.",
        lines=as_kept(matched), orders={str(pk): said for pk, said in matched.against.items()},
    )  # fmt: skip


# --- how every later step begins and ends ---------------------------------------------------------------------------
def locked(act: Act, user, cross_id: int, seen: Mapping[int, int]) -> Cross:
    """
    The cross, locked, as the person saw it.

    :raises NotFound: where it is hidden or missing; :raises StaleCross: where it changed meanwhile
    """
    selectors.get_cross_seen_by(user, cross_id)
    row = Cross.objects.select_for_update(no_key=True).get(pk=cross_id)
    saw = int(seen.get(row.pk) or 0)
    if saw != row.version:
        since = orders.changes_since("cross", {row.pk: saw}).get(row.pk, [])
        last = f" Last: {since[-1]['event'].split('.')[1].replace('_', ' ')} by {since[-1]['by']}." if since else ""
        raise StaleCross(
            f"{row.ref} changed since you looked, so nothing was done.{last} Reload, look and try again.",
            stale=[{"id": row.pk, "ref": row.ref, "seen": saw, "is": row.version, "changes": since}],
        )
    return row


def refuse_changed(cross: Cross) -> list[Part]:
    """
    The cross's parts. :raises StaleCross: where an order in it changed since it was proposed, with the difference
    """
    parts = list(cross.parts.select_related("order").order_by("order_id"))
    changed = {part.order_id: part.order_version for part in parts if part.order.version != part.order_version}
    if changed:
        since = orders.changes_since("order", changed)
        first = min(changed)
        last = since[first][-1] if since.get(first) else None
        what = f" ({last['event'].split('.')[1].replace('_', ' ')} by {last['by']})" if last else ""
        raise StaleCross(
            f"Order O-{first:06d} changed since {cross.ref} was proposed{what}, so nothing was done. Withdraw the cross and"
            " propose it anew.",
            orders=[
                {"id": pk, "ref": f"O-{pk:06d}", "seen": version, "changes": since.get(pk, [])} for pk, version in changed.items()
            ],
        )
    return parts


def happen(act: Act, cross: Cross, event: Event) -> None:
    """The only door to a cross's status."""
    cross.status = LIFE.after(cross.status, type(event))
    cross.version += 1
    cross.save()
    record(act, [Fact(cross.pk, cross.version, event)])
