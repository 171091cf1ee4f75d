"""Locking what is routed, down the wall and by key, and refusing who looked at something older."""

from collections.abc import Mapping, Sequence

from apps.blocks.models import Block
from apps.core.refusals import NotFound, Stale
from apps.orders import selectors as order_selectors
from apps.reference.models import Instrument
from apps.users.models import User
from apps.users.services import can

from .. import rules, selectors
from ..models import Inquiry, Route

NO_LENDERS: Mapping[int, str] = {}


class StaleRoute(Stale):
    """A route changed after the trader looked at it."""


class StaleInquiry(Stale):
    """An inquiry changed after the trader looked at it."""


def lock_blocks(user: User, block_ids: Sequence[int]) -> dict[int, Block]:
    """
    The blocks locked in key order, with instrument, venue and underlying.

    :raises NotFound: where one is missing or on a desk the person does not sit at
    """
    wanted = set(block_ids)
    rows = Block.objects.filter(pk__in=wanted)
    if not can(user, "portfolios.see_all"):
        rows = rows.filter(desk__in=user.desks.all())
    rows = rows.select_for_update(of=("self",), no_key=True).select_related("instrument__venue", "instrument__underlying").order_by("pk")
    found = {block.pk: block for block in rows}
    if len(found) < len(wanted):
        raise NotFound("One of these blocks does not exist or is not on your desk. Reload the list.")
    return found


def lock_routes(user: User, route_ids: Sequence[int], seen: Mapping[int, int]) -> tuple[dict[int, Route], dict]:
    """
    The routes locked in key order, after the blocks they are parts of.

    :returns: route id to route, block id to block
    :raises NotFound, StaleRoute:
    """
    wanted = set(route_ids)
    ids = dict(selectors.routes_seen_by(user).filter(pk__in=wanted).values_list("pk", "block_id"))
    if len(ids) < len(wanted):
        raise NotFound("One of these routes does not exist or is not on your desk. Reload the list.")
    blocks = lock_blocks(user, set(ids.values()))
    rows = Route.objects.filter(pk__in=wanted).select_for_update(no_key=True).order_by("pk")
    routes = {route.pk: route for route in rows}
    refuse_stale(StaleRoute, routes, seen)
    return routes, blocks


def lock_inquiry(user: User, inquiry_id: int, seen: Mapping[int, int]) -> tuple[Inquiry, Block]:
    """:raises NotFound, StaleInquiry:"""
    inquiries, blocks = lock_inquiries(user, [inquiry_id], seen)
    return inquiries[inquiry_id], blocks[inquiries[inquiry_id].block_id]


def lock_inquiries(user: User, inquiry_ids: Sequence[int], seen: Mapping[int, int]) -> tuple[dict[int, Inquiry], dict[int, Block]]:
    """
    The inquiries locked in key order, after their blocks.

    :returns: inquiry id to inquiry, block id to block
    :raises NotFound, StaleInquiry:
    """
    wanted = set(inquiry_ids)
    ids = dict(selectors.inquiries_seen_by(user).filter(pk__in=wanted).values_list("pk", "block_id"))
    if len(ids) < len(wanted):
        raise NotFound("This inquiry does not exist or is not on your desk.")
    blocks = lock_blocks(user, set(ids.values()))
    inquiries = {i.pk: i for i in Inquiry.objects.filter(pk__in=wanted).select_for_update(no_key=True).order_by("pk")}
    refuse_stale(StaleInquiry, inquiries, seen)
    return inquiries, blocks


def refuse_stale(refusal: type[Stale], rows: Mapping[int, object], seen: Mapping[int, int], subject: str = "") -> None:
    """:raises Stale: naming each row that is not at the version seen, with what happened to it since"""
    stale = [row for pk, row in rows.items() if seen.get(pk) != row.version]
    if stale:
        subject = subject or type(stale[0])._meta.model_name
        raise refusal(
            f"{', '.join(row.ref for row in stale[:5])} changed since you looked"
            f" ({str(stale[0].status).lower().replace('_', ' ')} by now). Reload and decide again.",
            stale=order_selectors.missed(subject, {row.pk: (row.ref, seen.get(row.pk), row.version) for row in stale}),
        )


def terms_of(block: Block, lenders: Mapping[int, str] = NO_LENDERS) -> rules.Terms:
    """
    What every request on a block's orders repeats.

    :param lenders: of blocks that sell short, by their ids
    """
    instrument = block.instrument
    return rules.Terms(
        symbol=instrument.symbol,
        isin=instrument.isin,
        mic=instrument.venue.mic,
        currency=block.currency_id,
        side=block.side,
        tif=block.tif,
        account=block.ref,
        order_type=block.order_type,
        handling=block.terms,
        security_type=_security_type(block),
        settle_date=block.settle_date,
        lender=lenders.get(block.pk, ""),
        trade_date=block.trade_date,
        contract=_contract_of(instrument) if instrument.is_derivative else None,
    )


def _contract_of(i: Instrument) -> rules.Contract:
    on = (i.underlying.symbol, i.underlying.isin) if i.underlying else ("", "")
    return rules.Contract(i.asset_class, i.cfi_code, i.maturity_date, i.price_factor, i.strike_price, i.put_or_call, on)


def _security_type(block: Block) -> str:
    if block.instrument.is_pair:
        return "FXFWD" if "value_date" in block.terms else "FXSPOT"
    return rules.orders.FUND if block.instrument.is_fund else ""
