"""Who sees which blocks, and whether a statement is as it was made."""

from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.core.refusals import NotFound
from apps.orders import selectors as orders
from apps.portfolios import selectors as portfolios
from apps.users.selectors import desks_of
from apps.users.services import can

from .. import rules
from ..models import Block, Member


def blocks_seen_by(user) -> QuerySet[Block]:
    """
    Blocks the person may see: all for roles that see the whole firm; those of the desks they sit at; and those that
    hold an order of their portfolios.
    """
    if not can(user, "blocks.see"):
        return Block.objects.none()
    if can(user, "portfolios.see_all"):
        return Block.objects.all()
    theirs = Member.objects.filter(
        block=OuterRef("pk"), order__portfolio__in=portfolios.portfolios_seen_by(user).values("pk")
    )
    return Block.objects.filter(Q(desk__in=desks_of(user).values("pk")) | Exists(theirs))


def get_block_seen_by(user, block_id: int) -> Block:
    """The block with its instrument, desk and statement. :raises NotFound: where there is none for this person"""
    row = (
        blocks_seen_by(user)
        .select_related("instrument", "instrument__venue", "desk", "currency", "statement")
        .filter(pk=block_id)
        .first()
    )
    if row is None:
        raise NotFound("There is no such block, or it is not on a desk of yours.")
    return row


def members_seen_by(user, block_id: int) -> QuerySet[Member]:
    """The block's orders that the person may see, largest first; a manager sees those of their own portfolios only."""
    get_block_seen_by(user, block_id)
    return (
        Member.objects.filter(block=block_id, order__in=orders.orders_seen_by(user).values("pk"))
        .select_related("order", "order__portfolio")
        .order_by("-qty", "order_id")
    )


def verify_statement(block: Block) -> bool:
    """
    Whether the block's allocation statement has the hash it was recorded with, and its orders are those it names with
    the quantities it gives them. False where it has none.
    """
    made = getattr(block, "statement", None)
    if made is None or not rules.is_true_to(made.content, made.hash):
        return False
    members = Member.objects.filter(block=block).order_by("order_id").values_list("order_id", "order__portfolio_id", "qty")
    return made.content["block"] == block.pk and made.content["orders"] == [
        [order, portfolio, rules.plain(qty)] for order, portfolio, qty in members
    ]
