"""
Booking what brokers say of packages. Positions are booked from the reports of legs (442=2) alone, each as of an order of its own;
a report of the package (442=3) moves the states of its legs, and what it says of fills is held against theirs.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal

from apps.core.money import rounded

from .. import rules
from ..list_events import PackageHeard
from ..rules.leg_prices import LegFilled, leg_averages
from ..rules.packages import LEG, WHOLE, LegKnown
from .batch import Batch
from .package_rows import PackageRow
from .refusals import book_refusal, book_reject, reject_request
from .reports import book_report, ours_of, weigh
from .rows import ZERO, Heard, RouteRow, Unbookable

NET_SHARED = "Its price is ours: the net price {} of a package, shared among its legs by what they cost so far, or as they were sent."

def hear_report(batch: Batch, message: Heard) -> None:
    """
    Will book an execution report, of whatever it is.

    :raises Unbookable: where a report of a package does not say of what it is, of which leg, or its legs come to less
    """
    fields = batch.of_packages.get(message.id, batch.fields[message.id])
    package = batch.packages.named(batch.requests, fields.find(11), fields.find(41))
    if package is None:
        book_report(batch, message)
        return
    batch.route_named(message, *_leg_names(package.legs[0], fields))  # Refuses another counterparty's before anything is done.
    kind = fields.find(442) or ("" if rules.kind_of(fields) in rules.TRADES else WHOLE)  # Not all say so of a state.
    if kind == LEG:
        if fields is not batch.raw[message.id] and not fields.find(654):
            raise Unbookable("It does not name its leg by LegRefID (654), and only by its leg are its units known.")
        leg = rules.packages.leg_meant(fields, package.legs)
        if leg is None:
            raise Unbookable("It is of a leg, and does not say of which: by LegRefID (654), or an instrument and side that one leg has.")
        batch.of_packages[message.id] = fields  # It may be tried again, once what it counts is heard.
        batch.fields[message.id] = rules.Fields.of(rules.packages.of_leg(fields, leg.nth))
        book_report(batch, message)
    elif kind == WHOLE:
        _book_whole(batch, message, package, fields)
    else:
        raise Unbookable("It is of a package, and does not say (442) whether of a leg or of the whole.")
    if message.id not in batch.repeats:
        _adopt(package, fields)


def _leg_names(leg: LegKnown, fields: rules.Fields) -> list[str]:
    return [rules.packages.leg_name(fields.find(tag), leg.nth) for tag in (11, 41) if fields.find(tag)]


def _adopt(package: PackageRow, fields: rules.Fields) -> None:
    """A replace that was accepted is what the package is from then on."""
    if package.wanted_name and package.wanted_name == fields.find(11) and fields.find(150) == "5":
        package.qty, package.net_limit = package.wanted_qty, package.wanted_limit
        package.wanted_qty, package.wanted_limit, package.wanted_name, package.is_changed = None, None, "", True


def _book_whole(batch: Batch, message: Heard, package: PackageRow, fields: rules.Fields) -> None:
    parts = [(leg, rules.Fields.of(rules.packages.state_of_leg(fields, leg))) for leg in package.legs]
    if rules.tells_state(fields):
        _hear_state(batch, message, package, fields, parts)
        return
    if batch.is_repeat(message):
        return
    if rules.kind_of(fields) in rules.TRADES:
        _hold_against_legs(batch, message, package, fields)
        return
    done: list[Callable[[], None]] = [weigh(batch, message, rules.read_report(said)) for _, said in parts]
    for book in done:
        book()
    _keep(batch, message, package, fields)


def _hear_state(
    batch: Batch, message: Heard, package: PackageRow, fields: rules.Fields, parts: Sequence[tuple[LegKnown, rules.Fields]]
) -> None:
    """
    Will hold the state of a package against that of each leg. Of what is missing here it tells no price but the net of the whole, which
    is shared among the legs for a person to accept.
    """
    states = [(batch.route_named(message, *_leg_names(leg, fields))[0], rules.read_state(said)) for leg, said in parts]
    if any(told.is_unknown for _, told in states):
        averages = None
    else:
        averages = _leg_averages(package, states, fields.find_decimal(6, 20))
        _keep(batch, message, package, fields)
    for n, (route, told) in enumerate(states):
        if averages and told.cum != route.cum_qty:
            words = f"{NET_SHARED.format(rules.plain(fields.find_decimal(6, 20)))} {told.text}".strip()
            told = told._replace(price=averages[n], text=words[:300])
        batch.told.append((message, route, told, ours_of(route)))


def _leg_averages(
    package: PackageRow, states: Sequence[tuple[RouteRow, rules.Told]], net: Decimal | None
) -> list[Decimal] | None:
    """What each leg costs by the net price; None where that is not told, nothing is missing, or it cannot be."""
    if net is None or any(told.cum is None for _, told in states):
        return None
    weights = rules.packages.weights([(leg.ratio, leg.price_factor) for leg in package.legs])
    return leg_averages(
        [
            LegFilled(
                leg.side.startswith("BUY"), weight, route.cum_qty, route.cum_value, told.cum or ZERO,
                route.cum_value / route.cum_qty if route.cum_qty else leg.arrival_price,
            )
            for leg, weight, (route, told) in zip(package.legs, weights, states, strict=True)
        ],
        net,
    )  # fmt: skip


def _hold_against_legs(batch: Batch, message: Heard, package: PackageRow, fields: rules.Fields) -> None:
    """
    What a package's fill says is booked nowhere.

    :raises Unbookable: where it is more than was ordered, or dearer than the limit on the net price; and, until they are heard,
        where its legs come to less than the ratios of what it counts
    """
    said = rules.packages.read_package(fields)
    trusted = message.id in batch.trusted
    most = max(package.qty, package.wanted_qty or package.qty)
    if said.cum > most and not trusted:
        raise Unbookable(f"It counts {rules.plain(said.cum)} packages of {rules.plain(most)}.", rules.DK.OVER)
    limits = [package.net_limit, *([package.wanted_limit] if package.wanted_name else [])]
    if said.last_price is not None and None not in limits and said.last_price > max(limits) and not trusted:
        raise Unbookable(
            f"Its net price {rules.plain(said.last_price)} is dearer than the limit {rules.plain(max(limits))} of the package.",
            rules.DK.LIMIT,
        )
    for leg in package.legs:
        route = batch.routes.get(leg.route_id)
        need = said.cum * leg.ratio
        if route is not None and route.cum_qty < need and not trusted:
            raise Unbookable(
                f"It counts {rules.plain(said.cum)} packages, so {rules.plain(need)} of {leg.symbol}, of which reports of the leg"
                f" came to {rules.plain(route.cum_qty)}.",
                rules.DK.SUMS, waits=True,
            )  # fmt: skip
    _keep(batch, message, package, fields)


def _keep(batch: Batch, message: Heard, package: PackageRow, fields: rules.Fields) -> None:
    """The broker's count of packages and their price, as it last said."""
    at = fields.find_time(60) or message.at
    if fields.find(14) and (package.told_at is None or at >= package.told_at):
        said = rules.packages.read_package(fields)
        package.told_qty, package.told_at, package.is_changed = said.cum, at, True
        package.told_text = said.text or package.told_text
        if said.average is not None and said.cum:
            package.told_price = rounded(said.average, 8)
        heard = PackageHeard(
            message.broker_id, package.link, fields.find(39), rules.plain(said.cum),
            "" if package.told_price is None else rules.plain(package.told_price), said.text,
        )  # fmt: skip
        if not message.version:  # What was in quarantine has its fact.
            batch.message_happens(message, heard)


def hear_refusal(batch: Batch, message: Heard) -> None:
    """Will book an OrderCancelReject (35=9); of a package, for each of its legs."""
    fields = batch.fields[message.id]
    package = batch.packages.named(batch.requests, fields.find(11))
    if package is None:
        book_refusal(batch, message)
        return
    legs = [leg for leg in package.legs if rules.packages.leg_name(fields.find(11), leg.nth) in batch.requests]
    for leg in legs:
        batch.route_named(message, rules.packages.leg_name(fields.find(11), leg.nth))
    for leg in legs:
        batch.fields[message.id] = rules.Fields.of(rules.packages.state_of_leg(fields, leg))
        book_refusal(batch, message)
    batch.fields[message.id] = fields
    if package.wanted_name == fields.find(11):
        package.wanted_qty, package.wanted_limit, package.wanted_name, package.is_changed = None, None, "", True


def hear_reject(batch: Batch, message: Heard) -> None:
    """Will book a reject (35=j, 3); of a package, or of what was asked of one, for each of its legs."""
    fields = batch.fields[message.id]
    sent, ref = batch.sent.get(message.id, ("", "")) if message.msg_type == "3" else (fields.find(372), fields.find(379))
    package = batch.packages.named(batch.requests, ref) if sent in ("AB", "AC", "F") else None
    if package is None:
        book_reject(batch, message)
        return
    text = (fields.find(58) or f"rejected, reason {fields.find(380) or fields.find(373) or 'not given'}")[:200]
    names = [name for name in (rules.packages.leg_name(ref, leg.nth) for leg in package.legs) if name in batch.requests]
    for name in names:
        batch.route_named(message, name)
    for name in names:
        reject_request(batch, message, name, text)
    if package.wanted_name == ref:
        package.wanted_qty, package.wanted_limit, package.wanted_name, package.is_changed = None, None, "", True
