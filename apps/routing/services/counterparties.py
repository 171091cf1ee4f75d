"""
With whom the portfolios of a block may trade: it goes to nobody that one of them does not, by what its client agreed or by what
compliance restricted for it.

Both are read under a lock that a change of them takes alone, so a route is committed before the change or sees it.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from apps.blocks.models import Block, Member
from apps.compliance.selectors.lists import BrokerEntry, brokers_listed
from apps.compliance.selectors.plans import NO_DEALINGS, Dealings, plan_dealings
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
    """
    What stands in the way of some blocks.

    :param homes: of each block the portfolio of each of its orders; :param desks: and the desk of each
    :param listed: the brokers that compliance restricted, for these orders or for others
    :param dealings: with whom portfolios that are retirement plans do not deal
    """

    homes: Mapping[int, Mapping[int, int]]
    terms: Mapping[int, Sequence[Term]]
    desks: Mapping[int, int] = MappingProxyType({})
    listed: Sequence[BrokerEntry] = ()
    dealings: Dealings = NO_DEALINGS

    def of(self, block: Block, broker_id: int) -> dict[int, str]:
        """Portfolios of the block that do not trade with the broker, and why."""
        needs_isda, listed, found = BETWEEN_TWO in block.terms, [one for one in self.listed if one.broker_id == broker_id], {}
        if not self.terms and not needs_isda and not listed and not self.dealings.plans:
            return found
        homes = self.homes.get(block.pk, {})
        for order, home in homes.items() if listed else ():
            if any(one.binds(broker_id, home, self.desks[order], block.side) for one in listed):
                found[home] = RESTRICTED
        for home in sorted(set(homes.values()) - found.keys()):
            if why := why_barred(self.terms.get(home, ()), broker_id, block.instrument.asset_class, needs_isda=needs_isda):
                found[home] = why
            elif why := self.dealings.why_not(home, broker_id):
                found[home] = f"a retirement plan: the broker {why}"
        return found

    def free(self, block: Block, broker_ids: Sequence[int]) -> list[int]:
        """Those of the brokers with whom all portfolios of the block trade."""
        return [broker for broker in broker_ids if not self.of(block, broker)]


NO_BARS = Bars({}, {})
RESTRICTED = "restricted by compliance"


def bars_of(act: Act, blocks: Iterable[Block]) -> Bars:
    """Five statements for any number of blocks, which the caller holds; at most six more where a rule asks with whom plans deal."""
    homes: dict[int, dict[int, int]] = {}
    desks: dict[int, int] = {}
    rows = Member.objects.filter(block__in=[b.pk for b in blocks])
    for block_id, order_id, home, desk in rows.values_list("block_id", "order_id", "order__portfolio_id", "order__desk_id"):
        homes.setdefault(block_id, {})[order_id] = home
        desks[order_id] = desk
    day = act.at.date()
    theirs = {home for of in homes.values() for home in of.values()}
    terms = portfolios.broker_terms_in_force(theirs, day)
    # What compliance says is read last: by then the terms' lock is had.
    return Bars(homes, terms, desks, brokers_listed(day), plan_dealings(theirs, day))


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


def refuse_barred_broker(act: Act, block: Block, broker_id: int) -> None:
    """For who takes part of a block otherwise than by a route; the caller holds the block. :raises BarredBroker:"""
    refuse_barred(bars_of(act, [block]), [(block, broker_id)])


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
