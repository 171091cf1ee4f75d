"""Looking at the mid some minutes after inquiries were decided: what asking may have told the market."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction

from apps.audit.services import record
from apps.blocks.selectors import mids_of
from apps.core.acts import Act
from apps.core.events import Fact
from apps.marketdata import selectors as marketdata
from apps.users.services import require

from .. import rules
from ..inquiry_events import InquiryDrifted
from ..models import Drift, Inquiry
from ..rules import leakage
from ..states import INQUIRY_LIFE

MOST = 1000
FORGOTTEN = timedelta(hours=1)
"""What nobody looked at by then is not looked at any more: its move is not known."""


@transaction.atomic
def record_drifts(act: Act) -> int:
    """
    Will keep the mid of every inquiry that was decided some minutes ago, where it was quoted since; after some minutes more
    that it was not known. The number of statements does not grow with them.

    :returns: how many
    """
    require(act, "routing.route")
    rows = Inquiry.objects.filter(
        decided_at__range=(act.at - FORGOTTEN, act.at - leakage.AFTER), drift=None, mid_at_decision__isnull=False,
        environment=settings.ENVIRONMENT,
    )  # fmt: skip
    rows = rows.select_related("block__instrument").select_for_update(of=("self",), no_key=True, skip_locked=True)
    found = list(rows.order_by("pk")[:MOST])
    if not found:
        return 0
    mids = mids_of({i.block for i in found})
    quotes = marketdata.quotes_of({i.block.instrument_id for i in found})
    made = []
    for inquiry in found:
        is_late = act.at > inquiry.decided_at + leakage.LATEST
        quote = quotes.get(inquiry.block.instrument_id)
        is_fresh = quote is not None and quote.at > inquiry.decided_at
        if not is_late and not is_fresh:
            continue
        made.append(Drift(inquiry=inquiry, at=act.at, mid=None if is_late else mids.get(inquiry.block_id)))
    Drift.objects.bulk_create(made)
    for one in made:
        INQUIRY_LIFE.after(one.inquiry.status, InquiryDrifted)
        one.inquiry.version += 1
    Inquiry.objects.bulk_update([one.inquiry for one in made], ["version"])
    record(
        act,
        [
            Fact(one.inquiry_id, one.inquiry.version, InquiryDrifted(None if one.mid is None else rules.plain(one.mid)))
            for one in made
        ],
    )
    return len(made)
