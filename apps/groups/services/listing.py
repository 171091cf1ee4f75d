"""Lists: what of a program's wave goes to a broker under one ListID, and what the broker says of it."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from django.db import transaction

from apps.core.acts import Act
from apps.core.events import Fact, listens
from apps.routing import services as routing
from apps.routing.models import Message, Route
from apps.routing.rules.lists import ListRef
from apps.routing.services import Routed

from .. import rules, selectors
from ..models import BrokerList, LinkedGroup
from .packages import route_package


def route_legs(act: Act, group: LinkedGroup, quantities: Mapping[int, Decimal], seen: Mapping[int, int], broker_code: str) -> Routed:
    """
    Will route so much of each block, as ``routing.route_blocks``; of a program under a ListID of its own, of a package as one order
    where its broker takes that.
    """
    if group.kind == rules.Kind.MULTILEG:
        return route_package(act, group, quantities, seen, broker_code)
    if group.kind != rules.Kind.PROGRAM:
        return routing.route_blocks(act, list(quantities), seen=seen, broker_code=broker_code or None, qty=quantities)
    ref = ListRef(f"{group.ref}-{group.lists.count() + 1}", group.ref, selectors.list_brokers())
    routed = routing.route_blocks(
        act, list(quantities), seen=seen, broker_code=broker_code or None, qty=quantities, together=ref
    )  # fmt: skip
    counts: dict[int, int] = {}
    for broker_id in Route.objects.filter(pk__in=routed.routes).values_list("broker_id", flat=True):
        counts[broker_id] = counts.get(broker_id, 0) + 1
    whole = set(Message.objects.filter(is_out=True, msg_type="E", ref=ref.list_id).values_list("session__broker", flat=True))
    wave = group.waves.order_by("-nth").values_list("nth", flat=True).first() or 0
    BrokerList.objects.bulk_create(
        BrokerList(
            group=group, broker_id=broker_id, list_ref=ref.list_id, wave=wave, is_one=broker_id in whole, orders=n, sent_at=act.at
        )
        for broker_id, n in sorted(counts.items())
    )  # fmt: skip
    return routed


@listens("groups.hear_lists")
@transaction.atomic
def hear_lists(act: Act, facts: Sequence[Fact]) -> None:
    """Will keep what brokers say of lists, the last word of each; what of a list is not ours alone is passed over."""
    last = {(fact.event.broker_id, fact.event.list_id): fact.event for fact in sorted(facts, key=lambda fact: fact.subject_id)}
    rows = BrokerList.objects.filter(list_ref__in={ref for _, ref in last}).order_by("pk").select_for_update(no_key=True)
    changed = []
    for row in rows:
        told = last.get((row.broker_id, row.list_ref))
        if told is None:
            continue
        row.status, row.text, row.told_at = told.status, told.text[:200] or row.text, act.at
        row.counts = row.counts | {name: said for name, *said in told.lines}
        changed.append(row)
    BrokerList.objects.bulk_update(changed, ["status", "text", "told_at", "counts"])
