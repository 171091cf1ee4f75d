"""Which failed sales are to be closed out, and which were."""

from django.db.models import Case, IntegerField, QuerySet, Value, When

from apps.core.refusals import NotFound
from apps.users.services import can

from ..models import CloseOut
from ..states import CO


def close_outs_seen_by(user) -> QuerySet[CloseOut]:
    """Those that are open first, the earliest due before others; none for whom settlement is not."""
    if not can(user, "settlement.see"):
        return CloseOut.objects.none()
    first = Case(When(status=CO.OPEN, then=Value(0)), default=Value(1), output_field=IntegerField())
    rows = CloseOut.objects.select_related("instrument", "portfolio", "ended_by")
    return rows.annotate(rank=first).order_by("rank", "due_on", "pk")


def get_close_out_seen_by(user, close_out_id: int) -> CloseOut:
    """:raises NotFound: where there is none, or it is hidden"""
    found = close_outs_seen_by(user).filter(pk=close_out_id).first()
    if found is None:
        raise NotFound("There is no such close-out, or it is not for you to see.")
    return found
