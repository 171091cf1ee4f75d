"""What an algorithm is asked for, and the plan that it comes to, from what is known of the market."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from apps.blocks.models import Block
from apps.core.refusals import Conflict, Invalid
from apps.marketdata.models import AverageVolume, Quote
from apps.marketdata.volume_selectors import usual_volumes
from apps.reference import selectors as reference
from apps.reference.models import AssetClass
from apps.reference.rules import is_multiple
from apps.routing import rules as routing_rules

from .. import rules
from ..models import Algo

Kind = Algo.Kind
CLASSES = (AssetClass.EQUITY, AssetClass.ETF, AssetClass.OPTION, AssetClass.FUTURE)
MOST_SLICES = 500
BEFORE_THE_END = timedelta(seconds=5)
OF_KIND = {
    Kind.POV: ("participation_pct",), Kind.IS: ("risk_aversion",), Kind.ICEBERG: ("display_qty",),
    Kind.CLOSE: ("auction_pct", "lead_minutes"),
}  # fmt: skip
LATEST = timedelta(days=1)
QUOTE_DAYS, VOLUME_DAYS = timedelta(days=1), timedelta(days=45)


class BadAlgo(Invalid):
    """What was asked for cannot be planned; ``field`` says where."""


class NotKnown(Conflict):
    """The plan rests on what is not on file."""


class Ask(NamedTuple):
    """
    What an algorithm is asked for.

    :param qty: of the block; None: all that is left to place
    :param starts_at: None: at once, or where ``ends_at`` is None too, not before the venue opens
    :param ends_at: None: at the close of the venue's session, or in an hour
    :param limit_price: within the block's; None: the block's
    :param participation_pct: POV: percent of the market's volume, ours among it
    :param risk_aversion: IS: λ, of one unit of money
    :param display_qty: iceberg: what is shown at a time
    :param auction_pct: close: percent of it that goes into the closing auction
    :param lead_minutes: close: how long before the close the auction's order is sent
    """

    kind: str
    broker_code: str
    qty: Decimal | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    interval_seconds: int = 300
    limit_price: Decimal | None = None
    participation_pct: Decimal = Decimal(10)
    risk_aversion: Decimal = Decimal("0.000001")
    display_qty: Decimal | None = None
    auction_pct: Decimal = Decimal(100)
    lead_minutes: int = 15

    def params(self) -> dict[str, str]:
        """Those of its kind, as they are kept."""
        return {name: _text(getattr(self, name)) for name in OF_KIND.get(self.kind, ())}

    def as_said(self) -> dict[str, Any]:
        """As it is told: numbers and times as text, empty where nothing is said."""
        plain = ("qty", "starts_at", "ends_at", "interval_seconds", "limit_price")
        return {name: _text(getattr(self, name)) for name in plain} | self.params()


class Sketch(NamedTuple):
    """A plan that nobody started. :param basis: what it rests on, in words"""

    ask: Ask
    slices: Sequence[rules.Slice]
    basis: str


def _text(value: Any) -> str:
    if isinstance(value, Decimal):
        return routing_rules.plain(value)
    return "" if value is None else value.isoformat() if isinstance(value, datetime) else str(value)


def ask_of(algo: Algo) -> Ask:
    """What an algorithm was asked for last."""
    kept = {name: Decimal(value) for name, value in algo.params.items() if value != ""}
    if "lead_minutes" in kept:
        kept["lead_minutes"] = int(kept["lead_minutes"])
    return Ask(
        algo.kind, algo.broker.code, algo.qty, algo.starts_at, algo.ends_at, algo.interval_seconds, algo.limit_price, **kept
    )


def whole(ask: Ask, block: Block, at: datetime, most: Decimal) -> Ask:
    """With what was left to us: all that may be placed, at once, and the end of the session; of neither time, the session."""
    close = close_of(block, at)
    opens = open_of(block, at) if close and ask.starts_at is None and ask.ends_at is None and ask.kind != Kind.CLOSE else at
    starts_at = max(ask.starts_at or at, opens)
    ends_at = ask.ends_at
    if ask.kind == Kind.CLOSE:
        ends_at = close
    elif ends_at is None:
        ends_at = close if close and close > starts_at else starts_at + timedelta(hours=1)
    return ask._replace(qty=most if ask.qty is None else ask.qty, starts_at=starts_at, ends_at=ends_at)


def open_of(block: Block, at: datetime) -> datetime:
    """When the venue of its instrument opens on its date of a moment."""
    venue = block.instrument.venue
    return datetime.combine(reference.local_date(at, venue.timezone), venue.opens_at, ZoneInfo(venue.timezone)).astimezone(UTC)


def close_of(block: Block, at: datetime) -> datetime | None:
    """When the venue of its instrument closes today; None where it does not trade today, or has closed."""
    found = next((close for pk, _, close in reference.closes_today(at) if pk == block.instrument.venue_id), None)
    return found if found and found > at else None


def sketch_algo(ask: Ask, block: Block, at: datetime, *, least: Decimal = Decimal(0), most: Decimal | None = None) -> Sketch:
    """
    The plan of a block's quantity from a moment on; changes nothing.

    :param least: what of the quantity is filled or at work already, which is not planned again
    :param most: what may be placed of the block, that among it; its unplaced rest where None
    :raises BadAlgo: naming the field at fault; :raises NotKnown: where the plan rests on what is not on file
    """
    most = block.unplaced_qty if most is None else most
    ask = whole(ask, block, at, most)
    _refuse_unfit(ask, block, least, most)
    lot, rest = lot_of(block), ask.qty - least
    start = max(ask.starts_at, at)
    times = rules.moments(start, ask.ends_at, ask.interval_seconds)
    if len(times) > MOST_SLICES:
        raise BadAlgo(f"That is {len(times):,} slices; take intervals long enough for {MOST_SLICES}.", field="interval_seconds")
    if rest <= 0:
        return Sketch(ask, [], "All of it is filled or at work.")
    slices, basis = PLANS[ask.kind](ask, block, rest, lot, times)
    return Sketch(ask, slices, basis)


def lot_of(block: Block) -> Decimal:
    """Round lots where there is one at least; else the steps it is traded in."""
    thing = block.instrument
    return thing.lot_size if block.qty >= thing.lot_size else thing.increment


def _refuse_unfit(ask: Ask, block: Block, least: Decimal, most: Decimal) -> None:
    thing, plain = block.instrument, routing_rules.plain
    if ask.kind not in Kind.values:
        raise BadAlgo(f"There is no algorithm “{ask.kind}”; take one of {', '.join(Kind.values)}.", field="kind")
    if thing.asset_class not in CLASSES:
        raise BadAlgo(f"{block.ref} is no share, ETF, option or future; those our algorithms work.", field="kind")
    if not routing_rules.orders.is_worked_by_strategy(block.order_type, block.tif, block.terms) or block.tif in ("IOC", "FOK"):
        raise BadAlgo(f"{block.ref} says itself when and how it trades, so no algorithm works it.", field="kind")
    if ask.qty <= 0 or not is_multiple(ask.qty, thing.increment):
        raise BadAlgo(f"The quantity is a multiple of {plain(thing.increment)} above zero.", field="qty")
    if ask.qty > most:
        raise BadAlgo(f"Only {plain(most)} of {block.ref} is there to be worked.", field="qty", left=str(most))
    if ask.qty < least:
        raise BadAlgo(f"{plain(least)} is filled or at work already.", field="qty")
    if ask.kind == Kind.CLOSE and ask.ends_at is None:
        raise BadAlgo(f"{thing.venue.mic} does not close any more today.", field="kind")
    if ask.kind == Kind.CLOSE and block.tif == "GTD":
        raise BadAlgo("An order good till a date is not one at the close.", field="kind")
    if ask.ends_at <= ask.starts_at:
        raise BadAlgo("It ends after it starts, and after now.", field="ends_at")
    if ask.ends_at - ask.starts_at > LATEST:
        raise BadAlgo("It works for a day at most.", field="ends_at")
    if ask.limit_price is not None and ask.limit_price <= 0:
        raise BadAlgo("A limit is above zero.", field="limit_price")
    if rules.outside(block.side, ask.limit_price, block.limit_price):
        raise BadAlgo(f"The block's limit is {plain(block.limit_price)}; no order of it goes beyond.", field="limit_price")
    if ask.interval_seconds < 1:
        raise BadAlgo("An interval is a second at least.", field="interval_seconds")
    if not 0 < ask.participation_pct <= 100:
        raise BadAlgo("A participation is above 0 and at most 100 percent.", field="participation_pct")
    if not 0 <= ask.auction_pct <= 100:
        raise BadAlgo("From 0 to 100 percent.", field="auction_pct")
    if ask.risk_aversion < 0:
        raise BadAlgo("Risk aversion is not below zero.", field="risk_aversion")
    if ask.kind == Kind.ICEBERG:
        if ask.display_qty is None or not 0 < ask.display_qty < ask.qty or not is_multiple(ask.display_qty, lot_of(block)):
            raise BadAlgo(f"Show a multiple of {plain(lot_of(block))} below the whole.", field="display_qty")
        if ask.limit_price is None and block.limit_price is None:
            raise BadAlgo("What rests in the book has a limit.", field="limit_price")
        if -(-(ask.qty - least) // ask.display_qty) > MOST_SLICES:
            raise BadAlgo(f"That is more than {MOST_SLICES} orders one after the other; show more.", field="display_qty")


def _usual(ask: Ask, block: Block, times: Sequence[datetime]) -> tuple[list[Decimal], int]:
    return usual_volumes(block.instrument_id, times, ask.ends_at, ask.interval_seconds, block.instrument.venue.timezone)


def _twap(ask: Ask, block: Block, rest: Decimal, lot: Decimal, times: Sequence[datetime]):
    return rules.evenly(rest, lot, times), f"Evenly over {len(times)} intervals."


def _vwap(ask: Ask, block: Block, rest: Decimal, lot: Decimal, times: Sequence[datetime]):
    volumes, days = _usual(ask, block, times)
    if not sum(volumes):
        return rules.evenly(rest, lot, times), "Flat: no day's volume at these times is on file, so the plan is that of a TWAP."
    return rules.by_volume(rest, lot, times, volumes), f"As the market traded at these times, on average of {days} day{'s' * (days != 1)}."


def _pov(ask: Ask, block: Block, rest: Decimal, lot: Decimal, times: Sequence[datetime]):
    volumes, days = _usual(ask, block, times)
    # Of what was traded in an interval when it is over; the last goes out while there is time to work it.
    last, each = ask.ends_at - BEFORE_THE_END, timedelta(seconds=ask.interval_seconds)
    ends = [max(at, min(at + each, last)) for at in times]
    if not days:
        what = "What it sends depends on the market's volume; how much that usually is at these times is not on file."
        return [rules.Slice(at, None) for at in ends], what
    slices, left, run, sent = [], rest, Decimal(0), Decimal(0)
    for at, volume in zip(ends, volumes, strict=True):
        run += volume
        part = min(rules.quota(run, ask.participation_pct, lot) - sent, left)
        sent, left = sent + part, left - part
        slices.append(rules.Slice(at, part))
    reach = "" if not left else f" {routing_rules.plain(left)} would be left."
    return slices, f"Expected from {days} day{'s' * (days != 1)}; what it sends follows the market's volume as it is.{reach}"[:300]


def _shortfall(ask: Ask, block: Block, rest: Decimal, lot: Decimal, times: Sequence[datetime]):
    quote, volume = Quote.objects.filter(pk=block.instrument_id).first(), AverageVolume.objects.filter(pk=block.instrument_id).first()
    at = ask.starts_at
    lacks = [
        name for name, is_known in (
            ("a quote of the last day", quote and quote.at >= at - QUOTE_DAYS and quote.ask > quote.bid),
            ("an average volume of the last 45 days", volume and volume.as_of_date >= (at - VOLUME_DAYS).date() and volume.daily_qty),
            ("a volatility", volume and volume.annual_volatility > 0),
        ) if not is_known
    ]  # fmt: skip
    if lacks:
        raise NotKnown(
            f"Impact cannot be reckoned: {' and '.join(lacks)} of {block.instrument.symbol} is not on file. Take TWAP or VWAP.",
            field="kind",
        )
    venue = block.instrument.venue
    opens, closes = (t.hour * 3600 + t.minute * 60 + t.second for t in (venue.opens_at, venue.closes_at))
    tau = Decimal(ask.interval_seconds) / (closes - opens)
    of = rules.Impact.of(quote.mid, quote.ask - quote.bid, volume.daily_qty, volume.annual_volatility)
    try:
        k = rules.kappa(of, ask.risk_aversion, tau)
    except rules.NoTrajectory as problem:
        raise BadAlgo(str(problem), field="interval_seconds") from None
    held = rules.trajectory(k, len(times), tau)
    weights = [max(a - b, Decimal(0)) for a, b in zip(held, held[1:], strict=False)]
    said = f"Almgren–Chriss: κ {k:.4f} a day, σ {of.volatility:.4f} a root of a day, η {of.temporary:.3e}, γ {of.permanent:.3e}."
    return rules.by_weights(rest, lot, times, weights), said


def _iceberg(ask: Ask, block: Block, rest: Decimal, lot: Decimal, times: Sequence[datetime]):
    return rules.hidden(rest, ask.display_qty, lot, times[0]), "One order after the other, each when the one before is filled."


def _close(ask: Ask, block: Block, rest: Decimal, lot: Decimal, times: Sequence[datetime]):
    cut_off = ask.ends_at - timedelta(minutes=ask.lead_minutes)
    if cut_off <= ask.starts_at:
        raise BadAlgo("The closing auction's order would have to be sent before now.", field="lead_minutes")
    before = [at for at in times if at < cut_off]
    slices = rules.at_the_close(rest, lot, before, ask.auction_pct, cut_off, "CLS")
    said = f"{routing_rules.plain(ask.auction_pct)}% at the close of {ask.ends_at:%H:%M} UTC, sent at {cut_off:%H:%M}; the rest before."
    return slices, said


PLANS = {
    Kind.TWAP: _twap, Kind.VWAP: _vwap, Kind.POV: _pov, Kind.IS: _shortfall, Kind.ICEBERG: _iceberg, Kind.CLOSE: _close,
}  # fmt: skip
