"""Who sees which blocks, and whether a statement is as it was made."""

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from apps.core.refusals import NotFound
from apps.orders import selectors as orders
from apps.portfolios import selectors as portfolios
from apps.users.selectors import desks_of
from apps.users.services import can

from .. import rules
from ..models import Block, CrossMember, Member, Statement


def blocks_seen_by(user) -> QuerySet[Block]:
    """
    Blocks the person may see: all for roles that see the whole firm; those of the desks they sit at; and those that
    hold an order of their portfolios.
    """
    if not can(user, "blocks.see"):
        return Block.objects.none()
    if can(user, "portfolios.see_all"):
        return Block.objects.all()
    return Block.objects.filter(seen_from(portfolios.portfolios_seen_by(user).values("pk"), desks_of(user).values("pk")))


def seen_from(portfolios, desks) -> Q:
    """Blocks seen by who sees these portfolios and sits at these desks, each numbers or a query of them."""
    theirs = Member.objects.filter(block=OuterRef("pk"), order__portfolio__in=portfolios)
    crossed = CrossMember.objects.filter(block=OuterRef("pk"), order__portfolio__in=portfolios)
    return Q(desk__in=desks) | Exists(theirs) | Exists(crossed)


def get_block_seen_by(user, block_id: int) -> Block:
    """The block with its instrument, desk and statement. :raises NotFound: where there is none for this person"""
    row = (
        blocks_seen_by(user)
        .select_related("instrument", "instrument__venue", "desk", "currency", "statement", "owner", "directed_to", "meant_for")
        .filter(pk=block_id)
        .first()
    )
    if row is None:
        raise NotFound("There is no such block, or it is not on a desk of yours.")
    return row


def with_order_count(blocks: QuerySet[Block]) -> QuerySet[Block]:
    """Adds ``order_count``, how many orders each block holds."""
    counted = Member.objects.filter(block=OuterRef("pk")).order_by().values("block").annotate(n=Count("pk")).values("n")
    return blocks.annotate(order_count=Coalesce(Subquery(counted), 0))


def statement_seen_by(user, block_id: int) -> Statement:
    """
    The block's allocation statement, for whoever may see every order in it.

    :raises NotFound: where the block has none yet, or the person may not see it
    """
    block = get_block_seen_by(user, block_id)
    made = Statement.objects.select_related("block").filter(block=block).first()
    if made is None:
        raise NotFound("This block has no allocation statement yet: it is made when the block is first routed.")
    if members_seen_by(user, block_id).count() < len(made.content["orders"]):
        raise NotFound("The statement names orders of other teams' portfolios, so it is not shown to you.")
    return made


def members_seen_by(user, block_id: int) -> QuerySet[Member]:
    """
    The block's orders that the person may see, largest first; a manager sees those of their own portfolios only. Of a
    cross: its parts, as ``CrossMember``, which has the same fields.
    """
    block = get_block_seen_by(user, block_id)
    is_cross = block.split_from_id is not None and CrossMember.objects.filter(block=block_id).exists()
    return (
        (CrossMember if is_cross else Member).objects.filter(block=block_id, order__in=orders.orders_seen_by(user).values("pk"))
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
    named = ("order_id", "order__portfolio_id", "qty")
    members = Member.objects.filter(block=block).order_by("order_id").values_list(*named) or (
        CrossMember.objects.filter(block=block).order_by("order_id").values_list(*named)
    )
    return made.content["block"] == block.pk and made.content["orders"] == [
        [order, portfolio, rules.plain(qty)] for order, portfolio, qty in members
    ]
