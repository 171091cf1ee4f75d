"""What a short sale needs before it is routed: a lender's word for every unit."""

from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation

from django.db import IntegrityError, transaction

from apps.core.acts import Act
from apps.core.refusals import Conflict, Invalid, NotFound
from apps.users.services import require

from .. import events, rules, selectors
from ..models import Locate, Order, Side
from ..states import LIFE
from .moves import Locked, happen, locked, missing, named, refuse_stale, sentence


class NoLocate(Conflict):
    """A short sale would be routed for which nobody said that its units can be borrowed."""


@transaction.atomic
def attach_locate(
    act: Act, order_id: int, *, lender: str, ref: str, qty: Decimal | str, expires_at: datetime, seen: Mapping[int, int],
    is_borrow: bool = False,
) -> int:  # fmt: skip
    """
    Will keep a lender's word for units of a short sale. Of an order several may be kept; together they must cover it.

    :param ref: the lender's number for it
    :param expires_at: aware; after that it no longer counts
    :param is_borrow: the units are borrowed already, or firmly agreed to be, not only located
    :returns: the id of the locate
    :raises NotFound: if the actor does not see the order
    :raises StaleOrder: if it changed since
    :raises IllegalMove: if it has ended
    :raises Invalid: naming the field that is wrong, or ``side`` of an order that sells nothing short
    """
    row = lock_seen(act, order_id, seen)
    order = Order.objects.only("side", "qty").get(pk=order_id)
    if order.side != Side.SELL_SHORT:
        raise Invalid("Only a short sale needs a locate. Change the order's side first.", field="side")
    LIFE.after(row.status, events.OrderLocated)
    lender, ref = lender.strip(), ref.strip()
    for field, text, most in (("lender", lender, 60), ("ref", ref, 40)):
        if not text or len(text) > most:
            raise Invalid(f"Say the {'lender' if field == 'lender' else 'number of the locate'}, up to {most} characters.", field=field)
    units = _units(qty)
    if expires_at <= act.at:
        raise Invalid("This locate has expired already. Give one that is still good.", field="expires_at")
    try:
        with transaction.atomic():
            made = Locate.objects.create(
                order_id=order_id, lender=lender, ref=ref, qty=units, is_borrow=is_borrow, expires_at=expires_at,
                made_by_id=act.by, made_at=act.at,
            )  # fmt: skip
    except IntegrityError:
        raise Invalid(f"{lender} {ref} is attached to this order already.", field="ref") from None
    said = events.OrderLocated(made.pk, lender, ref, rules.plain(units), expires_at.isoformat(), is_borrow)
    happen(act, [row], said)
    return made.pk


@transaction.atomic
def release_locate(act: Act, locate_id: int, *, seen: Mapping[int, int]) -> None:
    """
    Will give a locate back, which then no longer counts.

    :raises NotFound, StaleOrder, IllegalMove: as when attaching
    """
    found = Locate.objects.filter(pk=locate_id).first()
    if found is None:
        raise NotFound("There is no such locate.")
    row = lock_seen(act, found.order_id, seen)  # Who saw it before a colleague gave it back is told so here.
    LIFE.after(row.status, events.OrderLocateReleased)
    if not Locate.objects.filter(pk=locate_id, released_at=None).update(released_at=act.at):
        raise NotFound("It was given back already.")
    happen(act, [row], events.OrderLocateReleased(found.pk, found.lender, found.ref))


def refuse_unlocated(act: Act, order_ids: Collection[int]) -> None:
    """
    Holds the orders, so that no locate is given back before this transaction ends.

    :raises NoLocate: naming the short sales whose good locates together are less than their quantity
    :raises OrderBusy: if one is being changed at this moment
    """
    locked(order_ids, wait=False)
    short = selectors.unlocated(order_ids, act.at)
    if short:
        pk, qty, located = short[0]
        raise NoLocate(
            f"{sentence(named([pk for pk, *_ in short]))} sells short without a good locate for all of it: O-{pk:06d} has"
            f" {rules.plain(located)} of {rules.plain(qty)}. Attach one to the order, then route again.",
            orders=[pk for pk, *_ in short][:20],
        )


def lock_seen(act: Act, order_id: int, seen: Mapping[int, int]) -> Locked:
    """The order that something is put beside, by whoever sees it. :raises NotFound, StaleOrder:"""
    user = require(act, "orders.attach")
    if not selectors.orders_seen_by(user).filter(pk=order_id).exists():
        raise missing([order_id])
    rows = locked([order_id])
    refuse_stale(rows, seen)
    return rows[0]


def _units(qty: Decimal | str) -> Decimal:
    try:
        units = Decimal(str(qty).replace(",", "").strip())
    except InvalidOperation:
        units = Decimal(0)
    if not units.is_finite() or not 0 < units < 10**14:
        raise Invalid("Give the quantity as a number above zero.", field="qty")
    return units
