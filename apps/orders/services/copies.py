"""Orders made from others: the same again, or the other way round."""

from collections.abc import Collection

from django.db import transaction

from apps.core.acts import Act
from apps.core.refusals import Conflict, Invalid
from apps.users.services import require

from .. import events, rules, selectors
from ..models import Order
from .moves import happen, locked, missing, named
from .tickets import Wish, create_orders


class NothingFilled(Conflict):
    """There is no fill to reverse."""


@transaction.atomic
def clone_orders(
    act: Act, order_ids: Collection[int], *, portfolio_ids: Collection[int] = (), submit: bool = False
) -> list[int]:
    """
    Will enter each order again with the same terms, for its own portfolio or once for each of others, and record from
    which it was made. What was intended, as a target weight, is derived anew for another portfolio, its side too where
    that follows from what is held. Values of the firm's own fields come along, but for fields that are no longer in use;
    references of the sender's own do not. All or none.

    :returns: the new orders' ids, by the order they were made from
    :raises NotFound: if one is hidden from the actor or missing
    :raises BadWishes: if the actor does not run a portfolio, or an instrument is no longer traded
    """
    sources = _sources(act, order_ids)
    made = [(one, home) for one in sources for home in (portfolio_ids or [one.portfolio_id])]
    owns = _owns(sources)
    wishes = [
        Wish(
            home, one.instrument_id, order_type=one.order_type, limit_price=one.limit_price, tif=one.tif,
            instructions=one.instructions, rationale=one.rationale, desk=one.desk.code, own=owns.get(one.pk), **one.terms,
            **_size(one, home),
        )
        for one, home in made
    ]  # fmt: skip
    return _enter(act, wishes, [one.pk for one, _ in made], "clone", submit)


def _size(one: Order, home: int) -> dict[str, object]:
    """The same units for its own portfolio and where units were meant, else what was intended."""
    if home == one.portfolio_id or not one.intent or "cash_qty" in one.terms:
        return {"side": one.side, "qty": one.qty}
    kind = one.intent["kind"]
    follows = kind in rules.FROM_HOLDING and one.side in ("BUY", "SELL")
    return {"side": "" if follows else one.side, "qty": "", "intent": kind, "intent_value": one.intent["value"]}


@transaction.atomic
def reverse_orders(act: Act, order_ids: Collection[int], *, submit: bool = False) -> list[int]:
    """
    Will enter for each order one at market on the opposite side for what was filled and allocated of it. All or none.

    :raises NotFound, BadWishes: as when cloning
    :raises NothingFilled: if nothing of one was filled yet
    """
    sources = _sources(act, order_ids)
    empty = [one.pk for one in sources if not one.filled_qty]
    if empty:
        raise NothingFilled(
            f"Nothing of {named(empty)} is filled and allocated, so there is nothing to reverse. Leave it out.",
            orders=empty[:20],
        )
    owns = _owns(sources)
    wishes = [
        Wish(
            one.portfolio_id, one.instrument_id, rules.opposite(one.side), one.filled_qty, "MARKET", rationale=f"Reverses {one.ref}",
            desk=one.desk.code, own=owns.get(one.pk),
        )
        for one in sources
    ]  # fmt: skip
    return _enter(act, wishes, [one.pk for one in sources], "reverse", submit)


def _sources(act: Act, order_ids: Collection[int]) -> list[Order]:
    user = require(act, "orders.create")
    if not order_ids:
        raise Invalid("No order was chosen. Select at least one.", field="orders")
    found = list(selectors.orders_seen_by(user).filter(pk__in=order_ids).select_related("desk").order_by("pk"))
    if len(found) < len(set(order_ids)):
        raise missing(sorted(set(order_ids) - {one.pk for one in found}))
    return found


def _owns(sources: list[Order]) -> dict[int, dict[str, object]]:
    """What orders say in the firm's own fields, as far as those are in use. One query, none where they say nothing."""
    if not any(one.own for one in sources):
        return {}
    in_use = {field.code for field in selectors.own_fields()}
    return {one.pk: {code: value for code, value in (one.own or {}).items() if code in in_use} for one in sources}


def _enter(act: Act, wishes: list[Wish], sources: list[int], how: str, submit: bool) -> list[int]:
    if submit:
        require(act, "orders.submit")
    ids = create_orders(act, wishes)
    rows = locked(ids)
    happen(act, rows, {pk: events.OrderCopied(source, how) for pk, source in zip(ids, sources, strict=True)})
    if submit:
        happen(act, [row._replace(version=row.version + 1) for row in rows], events.OrderSubmitted())
    return ids
