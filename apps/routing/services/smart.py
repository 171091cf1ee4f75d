"""Marketable parts of blocks to lit venues, by what is expected to cost least (``rules.smart``)."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from apps.blocks.models import Block
from apps.core.acts import Act
from apps.core.refusals import Conflict, Invalid
from apps.marketdata import cost_selectors
from apps.marketdata.models import AverageVolume, Quote, VenueQuote
from apps.orders.models import Side
from apps.reference.models import AssetClass

from ..models import VenueAccess
from ..outlet_selectors import HISTORY, fills_since
from ..rules import smart
from ..rules.orders import SMART
from .planning import Plan

CLASSES = (AssetClass.EQUITY, AssetClass.ETF)


class NotMarketable(Invalid):
    """The smart router takes what can be had at once at the price that is shown."""


class NoOutlet(Conflict):
    """No venue could take it, or too little is known to say what it would cost there."""


class Seen(NamedTuple):
    """What is known of the market of some blocks."""

    quotes: Mapping[int, Quote]
    volumes: Mapping[int, AverageVolume]
    shown: Mapping[tuple[int, int], VenueQuote]
    filled: Mapping[tuple[int, int], Decimal]


def split_smart(act: Act, plans: Sequence[Plan]) -> list[Plan]:
    """
    The plans, those for the smart router as one of each outlet that it sends to, with the arithmetic in their trace. Of a plan's
    brokers only those are asked that are left in it. Five queries, none where there is nothing for it.

    :raises NotMarketable: where a block is no share, or its limit is not at the market
    :raises NoOutlet: where no broker of the plan reaches a venue, or the market is not known
    """
    wanted = [plan for plan in plans if plan.strategy == SMART]
    if not wanted:
        return list(plans)
    rows = VenueAccess.objects.filter(is_active=True, broker__in={pk for plan in wanted for pk in plan.broker_ids})
    accesses = list(rows.select_related("broker", "venue").order_by("venue__mic", "broker__code"))
    seen = _seen(act, wanted, accesses)
    return [part for plan in plans for part in (_parts(act, plan, accesses, seen) if plan.strategy == SMART else [plan])]


def _seen(act: Act, plans: Sequence[Plan], accesses: Sequence[VenueAccess]) -> Seen:
    things = {plan.block.instrument_id for plan in plans}
    how = cost_selectors.model()
    oldest = act.at - timedelta(seconds=how.quote_seconds)
    shown = VenueQuote.objects.filter(instrument__in=things, venue__in={a.venue_id for a in accesses}, at__gte=oldest)
    return Seen(
        Quote.objects.filter(at__gte=oldest).in_bulk(things),
        AverageVolume.objects.filter(as_of_date__gte=act.at.date() - timedelta(days=how.volume_days)).in_bulk(things),
        {(quote.instrument_id, quote.venue_id): quote for quote in shown},
        {key: one.rate for key, one in fills_since(act.at - HISTORY).items()},
    )


def _parts(act: Act, plan: Plan, accesses: Sequence[VenueAccess], seen: Seen) -> list[Plan]:
    block = plan.block
    quote, volume = seen.quotes.get(block.instrument_id), seen.volumes.get(block.instrument_id)
    _refuse_unfit(block, quote, volume)
    found_at: dict[int, tuple[Decimal, VenueAccess, smart.Outlet, list[str]]] = {}
    miss = quote.ask - quote.bid
    for access in accesses:
        if access.broker_id in plan.broker_ids:
            outlet, lacks = _outlet(block, access, quote, volume, seen)
            if outlet is None:
                continue
            # What a venue has is there once, whoever takes it: through the broker who costs least a unit.
            unit = outlet.fee + (1 - outlet.fill_rate) * miss
            if access.venue_id not in found_at or unit < found_at[access.venue_id][0]:
                found_at[access.venue_id] = unit, access, outlet, lacks
    mine = [(access, outlet) for _, access, outlet, _ in found_at.values()]
    missing = [one for *_, lacks in found_at.values() for one in lacks]
    order = smart.Order(
        plan.qty, _lot(block, plan.qty), quote.mid, volume.annual_volatility, cost_selectors.model().y, miss
    )
    try:
        found = smart.split(order, [outlet for _, outlet in mine])
    except smart.NoRoom:
        raise NoOutlet(
            f"No venue within its limit takes {block.ref}: none of its brokers reaches one. Choose another strategy, or have one"
            " entered under Reference data, Venue accesses.",
            block=block.pk,
        ) from None
    told = _told(order, found, missing)
    return [
        plan._replace(
            qty=share.qty, broker_ids=[access.broker_id], params={"venue": access.venue.mic}, trace=plan.trace | {"smart": told}
        )
        for (access, _), share in zip(mine, found.shares, strict=True)
        if share.qty
    ]


def _refuse_unfit(block: Block, quote: Quote | None, volume: AverageVolume | None) -> None:
    if block.instrument.asset_class not in CLASSES:
        raise NotMarketable(f"{block.ref} is no share; the smart router splits shares and ETFs.", field="strategy", block=block.pk)
    if quote is None or volume is None or not volume.daily_qty:
        lost = "a quote that is not too old" if quote is None else "an average volume that is not too old"
        raise NoOutlet(f"There is not {lost} of {block.instrument.symbol}, so nobody can say where it costs least.", block=block.pk)
    touch = quote.ask if block.side == Side.BUY else quote.bid
    if block.limit_price is not None and _beyond(block, touch):
        raise NotMarketable(
            f"{block.ref} has a limit of {block.limit_price.normalize():f}, and the market is at {touch.normalize():f}: it would"
            " wait. Choose a strategy that waits.",
            field="strategy", block=block.pk,
        )  # fmt: skip


def _beyond(block: Block, price: Decimal) -> bool:
    return price > block.limit_price if block.side == Side.BUY else price < block.limit_price


def _lot(block: Block, qty: Decimal) -> Decimal:
    """Round lots where it is of whole ones; else the steps that it is traded in."""
    thing = block.instrument
    return thing.lot_size if qty % thing.lot_size == 0 else thing.increment


def _outlet(
    block: Block, access: VenueAccess, quote: Quote, volume: AverageVolume, seen: Seen
) -> tuple[smart.Outlet | None, list[str]]:
    """The outlet, and what is not known of it; None where its price is outside the block's limit."""
    buys, missing = block.side == Side.BUY, []
    name = f"{access.venue.mic} {access.broker.code}"
    own = seen.shown.get((block.instrument_id, access.venue_id))
    if own is None:
        missing.append(f"{access.venue.mic}: what it shows is not known; the whole market's price and nothing at it is reckoned.")
    price = (own or quote).ask if buys else (own or quote).bid
    if block.limit_price is not None and _beyond(block, price):
        return None, []
    shown = Decimal(0) if own is None else own.ask_qty if buys else own.bid_qty
    rate = seen.filled.get((access.broker_id, access.venue_id))
    if rate is None:
        missing.append(f"{name}: nothing was sent there yet; that all is filled is reckoned.")
    distance = price - quote.mid if buys else quote.mid - price
    fee = access.unit_fee + access.fee_bp * price / 10_000
    daily = volume.daily_qty * access.volume_pct / 100
    return smart.Outlet(name, distance, fee, shown, daily, Decimal(1) if rate is None else rate), missing


def _told(order: smart.Order, found: smart.Split, missing: Sequence[str]) -> dict[str, Any]:
    """The split as a trace keeps it."""
    return {
        "mid": _text(order.mid), "lot": _text(order.lot), "miss": _text(order.miss), "cost": _text(found.cost, 2),
        "bp": _text(found.bp, 4), "dearest": _text(found.dearest, 6), "cheaper": None if found.cheaper is None else _text(found.cheaper, 6),
        "shares": [
            {
                "outlet": one.outlet.name, "qty": _text(one.qty), "distance": _text(one.outlet.distance, 6),
                "fee": _text(one.outlet.fee, 6), "shown": _text(one.outlet.shown_qty), "daily": _text(one.outlet.daily_qty, 0),
                "fill_pct": _text(one.outlet.fill_rate * 100, 1),
                "cost": _text(one.cost, 2), "spread_cost": _text(one.spread, 2), "fees_cost": _text(one.fees, 2),
                "miss_cost": _text(one.miss, 2),
                "impact_cost": _text(one.impact, 2), "last": None if one.last is None else _text(one.last, 6),
                "next": None if one.next is None else _text(one.next, 6),
                "curve": [[_text(qty), _text(bp, 2)] for qty, bp in smart.costs_at(order, one.outlet)],
            }
            for one in found.shares
        ],
        "missing": sorted(set(missing)),
    }  # fmt: skip


def _text(value: Decimal, places: int | None = None) -> str:
    if places is not None:
        return f"{value:.{places}f}"
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
