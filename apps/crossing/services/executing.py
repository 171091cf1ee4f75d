"""
Executing a cross: both sides filled, allocated and paid in one transaction, or nothing.

Locks go down the wall: the cross, its blocks with their orders, the portfolios. A route that takes the blocks first
leaves nothing open to cross; a cross that takes them first leaves the route what it left.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from django.db import transaction

from apps.allocations import services as allocations
from apps.blocks import services as blocks
from apps.blocks.models import Block
from apps.compliance import services as compliance
from apps.compliance.selectors.lists import brokers_listed
from apps.core.acts import Act
from apps.core.refusals import Conflict
from apps.orders import services as orders
from apps.reference import selectors as reference
from apps.reference.models import Broker, Instrument
from apps.routing import services as routing
from apps.users.services import require

from .. import events, rules, selectors
from ..models import Cross, Pair, Part
from ..states import LIFE
from .proposing import NotCrossable, as_kept, happen, locked, refuse_changed, refuse_unmet


class PriceMoved(Conflict):
    """The market went further from the proposed price than was agreed."""


class RestrictedNow(Conflict):
    """Screened anew, an order in the cross fails."""


class TooLate(Conflict):
    """The time of the proposal is over."""


@transaction.atomic
def execute_cross(act: Act, cross_id: int, *, seen: Mapping[int, int]) -> None:
    """
    Will execute an approved cross at the independent price of this moment: each buyer filled by a seller, positions and
    cash of both moved, and settlement between their custodians left to follow. What the orders still want stays in their
    blocks, to be routed.

    :raises TooLate: after its time; :raises RoutingHalted: where the kill switch stands in its way
    :raises StaleCross: where it, or an order in it, changed; :raises MembersChanging: where one changes at this moment
    :raises NotCrossable: where a condition is no longer met; :raises PriceMoved: beyond the tolerance
    :raises RestrictedNow: where compliance, asked anew, would hold an order of it
    :raises NotFound, IllegalMove: where it is hidden, or not approved
    """
    user = require(act, "crossing.execute")
    halts = routing.halts_in_force()
    cross = locked(act, user, cross_id, seen)
    LIFE.after(cross.status, events.CrossExecuted)
    if cross.expires_at <= act.at:
        raise TooLate(f"{cross.ref} stood until {cross.expires_at:%H:%M:%S} UTC. Propose it anew.", cross=cross.pk)
    blocks.hold_blocks(act, [cross.opposition.buy_id, cross.opposition.sell_id])
    parts = refuse_changed(cross)
    found = selectors.prospect(cross.opposition, act.at, [part.order_id for part in parts])
    priced = _price(cross, parts, found)
    house = _house()
    both = Block.objects.filter(pk__in=[cross.opposition.buy_id, cross.opposition.sell_id]).order_by("pk")
    routing.refuse_halted(act, halts, [(block, house.pk, "") for block in both])
    _refuse_restricted(act, cross, parts, house, both)
    _book(act, cross, parts, priced, house)
    cross.executed_by_id, cross.executed_at = act.by, act.at
    cross.executed_price, cross.executed_evidence, cross.executed_lines = priced.price, priced.evidence(), as_kept(found.matched)
    told = events.CrossExecuted(
        _plain(cross.qty), _plain(priced.price), priced.source, priced.quoted.at.isoformat(), _plain(cross.amount),
        cross.currency_id, cross.pairs.count(), cross.bought_in_id, cross.sold_in_id,
    )  # fmt: skip
    happen(act, cross, told)
    blocks.mark_opposition_crossed(act, cross.opposition_id, cross_id=cross.pk, qty=cross.qty, price=priced.price)


def _price(cross: Cross, parts: Sequence[Part], found: selectors.Prospect) -> rules.Priced:
    """The price of now, if all that was agreed can still be done at it."""
    matched, parties = found.matched, found.parties
    refuse_unmet(cross.ref, matched)
    against = dict(matched.against)
    for part in parts:
        if part.order_id not in parties or parties[part.order_id].qty < part.qty:
            against[part.order_id] = ["less is left in its block than was agreed"]
    if against:
        pk, said = next(iter(against.items()))
        raise NotCrossable(f"{cross.ref} can no longer be crossed whole: of O-{pk:06d} {said[0]}.", lines=as_kept(matched))
    priced = matched.price
    if not rules.is_within(priced.price, cross.price, cross.tolerance_bp):
        raise PriceMoved(
            f"The price is {_plain(priced.price)} ({priced.source}); {cross.ref} was agreed at {_plain(cross.price)} give or take"
            f" {_plain(cross.tolerance_bp)} bp. Withdraw it and propose it anew, or wait.",
            price=_plain(priced.price), proposed=_plain(cross.price), tolerance_bp=_plain(cross.tolerance_bp),
        )  # fmt: skip
    return priced


def _refuse_restricted(act: Act, cross: Cross, parts: Sequence[Part], house: Broker, both: Iterable[Block]) -> None:
    listed, desks = brokers_listed(act.at.date()), {block.pk: block.desk_id for block in both}
    for part in parts if listed else ():
        if any(one.binds(house.pk, part.portfolio_id, desks[part.block_id], part.side) for one in listed):
            raise RestrictedNow(
                f"Compliance restricted {house} for order O-{part.order_id:06d} in {cross.ref}. Nothing was done; withdraw the cross.",
                orders={str(part.order_id): []},
            )
    failing = compliance.screen_again(act, {part.order_id: part.order_version for part in parts})
    if failing:
        pk, codes = next(iter(failing.items()))
        raise RestrictedNow(
            f"Checked anew, order O-{pk:06d} in {cross.ref} fails {', '.join(codes)}. Nothing was done; withdraw the cross.",
            orders={str(order): said for order, said in failing.items()},
        )


def _book(act: Act, cross: Cross, parts: Sequence[Part], priced: rules.Priced, house: Broker) -> None:
    """Fills, routes of nobody, allocations, movements and pairs of the locked cross."""
    instrument = Instrument.objects.select_related("currency").get(pk=cross.instrument_id)
    trade_date = reference.trade_dates([instrument.venue_id], act.at)[instrument.venue_id]
    cycle = (trade_date, instrument.country, instrument.asset_class, instrument.currency_id)
    cross.trade_date, cross.settle_date = trade_date, reference.settlement_dates([cycle])[cycle]
    taken: dict[int, dict[int, Decimal]] = {}
    for part in parts:
        taken.setdefault(part.block_id, {})[part.order_id] = part.qty
    held_in = blocks.cross_blocks(act, taken)
    orders.mark_crossed(act, {part.order_id: part.qty for part in parts}, priced.price, cross.ref)
    sides = [
        routing.Crossed(held_in[pk], sum(wanted.values(), Decimal(0)), priced.price, cross.currency_id, cross.ref)
        for pk, wanted in sorted(taken.items())
    ]
    routing.book_crosses(act, sides, broker_id=house.pk, trade_date=trade_date)
    cross.bought_in_id, cross.sold_in_id = held_in[cross.opposition.buy_id], held_in[cross.opposition.sell_id]
    _pair(act, cross, {part.order_id: part for part in parts}, held_in, (instrument, house, priced.price))


def _pair(act: Act, cross: Cross, parts: Mapping[int, Part], held_in: Mapping[int, int], by) -> None:
    instrument, house, price = by

    def leg(part: Part) -> allocations.Leg:
        return allocations.Leg(held_in[part.block_id], part.order_id, part.portfolio_id, part.side)

    buys, sells = ([(p.order_id, p.qty) for p in parts.values() if p.side == side] for side in ("BUY", "SELL"))
    pairs = rules.pairs(buys, sells)
    met = [
        allocations.Met(leg(parts[pair.buy_id]), leg(parts[pair.sell_id]), pair.qty, selectors.worth(instrument, pair.qty, price))
        for pair in pairs
    ]
    fees = selectors.transfer_fees({part.portfolio_id for part in parts.values()}, cross.currency_id)
    terms = allocations.Terms(
        instrument.pk, house.pk, cross.currency_id, price, cross.trade_date, cross.settle_date, fees
    )
    booked = allocations.book_crosses(act, met, terms)
    cross.amount = sum((one.amount for one in met), Decimal(0))
    Pair.objects.bulk_create(
        Pair(
            cross=cross, buy=parts[pair.buy_id], sell=parts[pair.sell_id], qty=pair.qty, amount=one.amount,
            buy_allocation_id=bought, sell_allocation_id=sold,
        )
        for pair, one, (bought, sold) in zip(pairs, met, booked, strict=True)
    )  # fmt: skip


def _house() -> Broker:
    """The firm itself where a broker is named: it executes for its clients, takes nothing and is routed nothing."""
    return Broker.objects.get_or_create(
        code="INTERNAL", defaults={"name": "Internal cross", "kind": Broker.Kind.INTERNAL}
    )[0]


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"
