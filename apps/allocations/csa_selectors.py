"""Commission sharing agreements and step-outs: what people see of them."""

from django.db.models import QuerySet

from apps.blocks import selectors as blocks
from apps.core.refusals import NotFound
from apps.users.services import can

from .models import CsaAccount, CsaEntry, StepOut


def csa_accounts(user) -> QuerySet[CsaAccount]:
    """Each broker's account by currency, for who follows settlement."""
    if not can(user, "settlement.see"):
        return CsaAccount.objects.none()
    return CsaAccount.objects.select_related("broker", "currency").order_by("broker__code", "currency")


def get_csa_account(user, account_id: int) -> CsaAccount:
    """:raises NotFound: where there is none, or the person may not see it"""
    row = csa_accounts(user).filter(pk=account_id).first()
    if row is None:
        raise NotFound("There is no such account, or it is not yours to see.")
    return row


def csa_entries(account: CsaAccount) -> QuerySet[CsaEntry]:
    """Its ledger, the newest first."""
    return CsaEntry.objects.filter(account=account).select_related("charge__block", "by").order_by("-nth")


def step_outs_seen_by(user) -> QuerySet[StepOut]:
    """Step-outs of the blocks that the person sees, the newest first."""
    if not can(user, "allocations.see"):
        return StepOut.objects.none()
    rows = StepOut.objects.filter(block__in=blocks.blocks_seen_by(user).values("pk"))
    return rows.select_related("block__instrument", "from_broker", "to_broker", "by").order_by("-pk")


def get_step_out_seen_by(user, step_out_id: int) -> StepOut:
    """:raises NotFound: where there is none, or the person may not see it"""
    row = step_outs_seen_by(user).filter(pk=step_out_id).first()
    if row is None:
        raise NotFound("There is no such step-out, or it is not of a block of yours.")
    return row
