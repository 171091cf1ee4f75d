"""Who sees which proposals."""

from django.db.models import QuerySet

from apps.portfolios import selectors as portfolios
from apps.users.services import can

from ..models import Order, Proposal
from ..states import ProposalStatus


def proposals_seen_by(user) -> QuerySet[Proposal]:
    """Proposals of the portfolios the person runs; all for whoever reads the record. The newest first."""
    if can(user, "audit.see"):
        rows = Proposal.objects.all()
    else:
        rows = Proposal.objects.filter(portfolio__in=portfolios.portfolios_run_by(user).values("pk"))
    return rows.select_related("portfolio", "instrument", "created_by").order_by("-pk")


def open_proposals(user) -> QuerySet[Proposal]:
    """Those that are neither orders nor discarded."""
    return proposals_seen_by(user).filter(status=ProposalStatus.PROPOSED)


def proposal_of(order: Order) -> Proposal | None:
    """The proposal that the order was promoted from."""
    return Proposal.objects.filter(order=order).select_related("created_by").first()
