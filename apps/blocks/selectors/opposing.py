"""Where the firm stands on both sides."""

from django.db.models import Q, QuerySet

from apps.core.refusals import NotFound

from ..models import Opposition
from .blocks import blocks_seen_by


def oppositions_seen_by(user) -> QuerySet[Opposition]:
    """Of blocks the person sees, on either side: both managers and the desk; those to be decided first."""
    mine = blocks_seen_by(user).values("pk")
    rows = Opposition.objects.filter(Q(buy__in=mine) | Q(sell__in=mine))
    return rows.select_related("buy__instrument", "sell", "decided_by").order_by("-status", "-pk")


def open_oppositions(user) -> QuerySet[Opposition]:
    return oppositions_seen_by(user).filter(status="FOUND")


def get_opposition_seen_by(user, opposition_id: int) -> Opposition:
    """:raises NotFound: where there is none for this person"""
    row = oppositions_seen_by(user).filter(pk=opposition_id).first()
    if row is None:
        raise NotFound("There is no such pair of blocks, or neither is yours to see.")
    return row
