"""
What is asked before a dealer's price is taken, as before anything else goes out: since the dealers were asked an officer may have
listed the issuer, a price may have moved, a sale may have failed to be delivered.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from django.db import transaction

from apps.blocks.models import Block
from apps.blocks.services import MembersChanging
from apps.compliance.services import Finding, InPenaltyBox, NotChecked
from apps.core.acts import Act
from apps.core.refusals import Conflict
from apps.orders.services import NoLocate, OrderBusy

from .gate import ask_before_sending, lenders_of

LONGEST_REASON = 300


class Asked(NamedTuple):
    """
    :param refused: why no price is taken for a block, by its id, as the desk may read it
    :param busy: blocks with an order that is being changed at this moment: to be asked again in a moment
    """

    refused: dict[int, str]
    busy: set[int]


def ask_of(act: Act, found: Mapping[int, Block], towards: Mapping[int, Collection[int]]) -> Sequence[Finding]:
    """
    Will ask all that is asked of what is sent of blocks, which the caller holds, as dealers' prices are taken for them.

    :param towards: of each block the ids of the dealers whose prices are taken
    :returns: what keeps orders of them from being sent; they wait for compliance then, and nothing is to be sent
    :raises NoLocate, InPenaltyBox, NotChecked, MembersChanging, OrderBusy:
    """
    lenders_of(act, found)
    return ask_before_sending(act, found, towards).stopped


def ask_of_many(act: Act, found: Mapping[int, Block], towards: Mapping[int, Collection[int]]) -> Asked:
    """
    Will ask the same of several blocks together, which the caller holds, where nobody waits to be told: what stops one stops no other.
    As many statements as for one, but where an order of one is not what was checked, or is being changed: then of each apart.

    :param towards: of each block the ids of the dealers whose prices are taken
    """
    refused: dict[int, str] = {}
    busy: set[int] = set()
    if not found:
        return Asked(refused, busy)
    try:
        with transaction.atomic():
            lenders_of(act, found)
            stopped = ask_before_sending(act, found, towards).stopped
    except (NoLocate, InPenaltyBox, NotChecked, MembersChanging, OrderBusy) as refusal:
        if len(found) == 1:
            _put_down(refusal, next(iter(found)), refused, busy)
        for pk, block in found.items() if len(found) > 1 else ():
            apart = ask_of_many(act, {pk: block}, towards)
            refused |= apart.refused
            busy |= apart.busy
        return Asked(refused, busy)
    for one in stopped:
        said = f"{one['ref']} does not pass “{one['name']}”. {one['text']} Compliance looks at it."
        refused.setdefault(one["block_id"], said[:LONGEST_REASON])
    return Asked(refused, busy)


def _put_down(refusal: Conflict, block_id: int, refused: dict[int, str], busy: set[int]) -> None:
    if isinstance(refusal, MembersChanging | OrderBusy):
        busy.add(block_id)
    else:
        refused[block_id] = refusal.message[:LONGEST_REASON]
