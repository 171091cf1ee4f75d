"""What is kept beside orders."""

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal

from django.db.models import DecimalField, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from apps.core.refusals import NotFound

from ..models import Document, Locate, Order, Side
from .families import parts_with
from .orders import orders_seen_by


def unlocated(order_ids: Collection[int], at: datetime) -> list[tuple[int, Decimal, Decimal]]:
    """Short sales of these whose good locates do not cover them: order, its quantity, what is located. One query."""
    good = Q(locates__released_at=None, locates__expires_at__gt=at)
    rows = (
        Order.objects.filter(pk__in=order_ids, side=Side.SELL_SHORT)
        .annotate(located=Coalesce(Sum("locates__qty", filter=good), 0, output_field=DecimalField()))
        .order_by("pk")
        .values_list("pk", "qty", "located")
    )
    return [row for row in rows if row[2] < row[1]]


def lenders_of(order_ids: Collection[int], at: datetime) -> list[str]:
    """Who lends what these sell short now, each once, by name."""
    good = Locate.objects.filter(order__in=order_ids, released_at=None, expires_at__gt=at)
    return sorted(set(good.values_list("lender", flat=True)))


def locates_of(order_id: int) -> QuerySet[Locate]:
    return Locate.objects.filter(order=order_id).select_related("made_by")


def documents_of(order_id: int) -> QuerySet[Document]:
    """Those of all parts of an order that was split, without their content."""
    family = parts_with(order_id).values("pk")
    return Document.objects.filter(order__in=family).select_related("added_by").defer("content")


def get_document_seen_by(user, document_id: int) -> Document:
    """A file kept here, for whoever sees its order. :raises NotFound: for others, and for an address"""
    row = Document.objects.filter(pk=document_id, url="").first()
    if row is None:
        raise NotFound("There is no such file, or its order is not one of yours.")
    if not orders_seen_by(user).filter(pk__in=parts_with(row.order_id).values("pk")).exists():
        raise NotFound("There is no such file, or its order is not one of yours.")
    return row
