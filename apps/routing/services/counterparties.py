"""
With whom the portfolios of a block may trade: it goes to nobody that one of them does not.

The terms are read under a lock that a change of them takes alone, so a route is committed before the change or sees it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from apps.blocks.models import Block, Member
from apps.core.acts import Act
from apps.core.refusals import Conflict
from apps.portfolios import selectors as portfolios
from apps.portfolios.models import Portfolio
from apps.portfolios.rules import Term, why_barred
from apps.reference.models import Broker

BETWEEN_TWO = "value_date"
"""What a forward in currencies says: it is dealt under a master agreement, not on a market."""


class BarredBroker(Conflict):
    """A portfolio in a block may not trade with a broker that it would go to."""


class Bars(NamedTuple):
    """What stands in the way of some blocks, with the portfolio of each of their orders."""

    homes: Mapping[int, Mapping[int, int]]
    terms: Mapping[int, Sequence[Term]]

    def of(self, block: Block, broker_id: int) -> dict[int, str]:
        """Portfolios of the block that do not trade with the broker, and why."""
        needs_isda, found = BETWEEN_TWO in block.terms, {}
        if not self.terms and not needs_isda:
            return found
        for home in sorted(set(self.homes.get(block.pk, {}).values())):
            if why := why_barred(self.terms.get(home, ()), broker_id, block.instrument.asset_class, needs_isda=needs_isda):
                found[home] = why
        return found

    def free(self, block: Block, broker_ids: Sequence[int]) -> list[int]:
        """Those of the brokers with whom all portfolios of the block trade."""
        return [broker for broker in broker_ids if not self.of(block, broker)]


NO_BARS = Bars({}, {})


def bars_of(act: Act, blocks: Iterable[Block]) -> Bars:
    """Three statements for any number of blocks, which the caller holds."""
    homes: dict[int, dict[int, int]] = {}
    rows = Member.objects.filter(block__in=[b.pk for b in blocks]).values_list("block_id", "order_id", "order__portfolio_id")
    for block_id, order_id, home in rows:
        homes.setdefault(block_id, {})[order_id] = home
    return Bars(homes, portfolios.broker_terms_in_force({home for of in homes.values() for home in of.values()}, act.at.date()))


def without_barred(bars: Bars, plans: Sequence[Any], others: Iterable[int]) -> list[Any]:
    """
    The plans as they may go out. Of an inquiry, barred dealers are left out while others remain.

    :param plans: ``planning.Plan``; :param others: brokers that could be chosen instead
    :raises BarredBroker: where nobody of a plan remains
    """
    kept = []
    for plan in plans:
        free = bars.free(plan.block, plan.broker_ids)
        if not free:
            refuse_barred(bars, [(plan.block, plan.broker_ids[0])], others)
        left_out = sorted(set(plan.broker_ids) - set(free))
        kept.append(plan._replace(broker_ids=free, trace=plan.trace | {"barred": left_out}) if left_out else plan)
    return kept


def refuse_barred(bars: Bars, wishes: Sequence[tuple[Block, int]], others: Iterable[int] = ()) -> None:
    """
    :param wishes: block and broker of each part that would be placed or enlarged
    :param others: brokers that could be chosen instead
    :raises BarredBroker: naming the portfolios, what could be split off for them, and who may have all of the block
    """
    for block, broker_id in wishes:
        if barred := bars.of(block, broker_id):
            raise _barred(bars, block, broker_id, barred, others)


def _barred(bars: Bars, block: Block, broker_id: int, barred: Mapping[int, str], others: Iterable[int]) -> BarredBroker:
    names = dict(Portfolio.objects.filter(pk__in=barred).values_list("pk", "code"))
    free = bars.free(block, [pk for pk in others if pk != broker_id])
    brokers = {b.pk: b for b in Broker.objects.filter(pk__in=[broker_id, *free])}
    said = "; ".join(f"{names[pk]}: {why}" for pk, why in list(barred.items())[:5])
    apart = sorted(order for order, home in bars.homes[block.pk].items() if home in barred)
    ways = []
    if free:
        ways.append(f"route all of it to {', '.join(sorted(brokers[pk].code for pk in free))}")
    if len(apart) < len(bars.homes[block.pk]):
        refs = ", ".join(f"O-{pk:06d}" for pk in apart[:5]) + (" and more" if len(apart) > 5 else "")
        ways.append(f"split off {refs} and route the rest")
    way = " or ".join(ways) or "choose a broker that every portfolio allows"
    return BarredBroker(
        f"{block.ref} cannot go to {brokers[broker_id].name} ({said}). Nothing was sent. {way[0].upper()}{way[1:]}.",
        block=block.pk, broker=brokers[broker_id].code, portfolios=[names[pk] for pk in barred], split_off=apart,
        allowed=sorted(brokers[pk].code for pk in free),
    )  # fmt: skip
