"""Who would get what, told before a block is split."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from ..models import Block, Member
from ..rules import How, takes
from .blocks import members_seen_by


class Share(NamedTuple):
    """An order of the block: what each part takes of it, and what stays."""

    member: Member
    takes: Sequence[Decimal]
    stays: Decimal


def shares_of_parts(user, block: Block, qtys: Sequence[Decimal], how: How) -> list[Share]:
    """How parts of these quantities would be made up, of the orders the person sees, as splitting itself would do it."""
    every = list(Member.objects.filter(block=block).order_by("order_id").values_list("order_id", "qty"))
    taken = takes(qtys, every, block.instrument.increment, how)
    shares = []
    for member in members_seen_by(user, block.pk):
        parts = [part.get(member.order_id, Decimal(0)) for part in taken]
        shares.append(Share(member, parts, member.qty - sum(parts)))
    return shares
