"""Questions about routes, executions, inquiries and messages; what a person may see is decided here."""

from collections.abc import Iterable
from decimal import Decimal

from django.db.models import QuerySet

from apps.core.refusals import NotFound
from apps.marketdata import selectors as marketdata
from apps.users.services import can

from . import rules
from .models import Execution, Inquiry, Message, Route


def _on_desks_of(user, rows: QuerySet) -> QuerySet:
    """Roles that see the whole firm see all; others what their desks' blocks have."""
    if not can(user, "routing.see"):
        return rows.none()
    return rows if can(user, "portfolios.see_all") else rows.filter(block__desk__in=user.desks.all())


def routes_seen_by(user) -> QuerySet[Route]:
    return _on_desks_of(user, Route.objects.all())


def inquiries_seen_by(user) -> QuerySet[Inquiry]:
    return _on_desks_of(user, Inquiry.objects.all())


def executions_seen_by(user) -> QuerySet[Execution]:
    """Executions as brokers reported them, busted and corrected ones with their status."""
    return _on_desks_of(user, Execution.objects.all())


def get_route_seen_by(user, route_id: int) -> Route:
    """The route with its broker, block and instrument. :raises NotFound:"""
    row = routes_seen_by(user).select_related("broker", "block__instrument").filter(pk=route_id).first()
    if row is None:
        raise NotFound("There is no such route, or it is not on a desk of yours.")
    return row


def get_inquiry_seen_by(user, inquiry_id: int) -> Inquiry:
    """The inquiry with its block, instrument and quotes. :raises NotFound:"""
    rows = inquiries_seen_by(user).select_related("block__instrument").prefetch_related("quotes__dealer")
    row = rows.filter(pk=inquiry_id).first()
    if row is None:
        raise NotFound("There is no such inquiry, or it is not on a desk of yours.")
    return row


def routes_of_blocks(block_ids: Iterable[int]) -> dict[int, list[Route]]:
    """Block id to its routes with their brokers, oldest first; blocks without one are absent. One query."""
    found: dict[int, list[Route]] = {}
    for route in Route.objects.filter(block__in=set(block_ids)).select_related("broker").order_by("pk"):
        found.setdefault(route.block_id, []).append(route)
    return found


def distances_bp(inquiries: Iterable[Inquiry]) -> dict[int, Decimal | None]:
    """
    DealerQuote id to how much better than mid it is for us, in basis points of mid: the mid of the decision, or now
    where there is none yet. Quotes are taken as prefetched; one query.
    """
    inquiries = list(inquiries)
    live = marketdata.quotes_of({i.block.instrument_id for i in inquiries if i.mid_at_decision is None})
    found = {}
    for inquiry in inquiries:
        price = live.get(inquiry.block.instrument_id)
        mid = inquiry.mid_at_decision or (price.mid if price else inquiry.mid_at_send)
        for quote in inquiry.quotes.all():
            found[quote.pk] = rules.distance_bp(inquiry.block.side, quote.price, mid)
    return found


def quarantined_messages() -> QuerySet[Message]:
    """Messages that wait for a person, oldest first, with their session."""
    return Message.objects.filter(status=Message.Status.QUARANTINED).select_related("session").order_by("pk")
