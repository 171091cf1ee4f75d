"""Groups of blocks, and brokers who answer what they are asked in FIX text."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

import pytest

from apps.audit import services as audit
from apps.blocks.models import Block
from apps.groups import services as groups
from apps.groups.models import Leg, LinkedGroup
from apps.routing import rules
from apps.routing.models import Message, Route
from oms_portal.flow import FLOW
from tests.allocations.filling import keep_promises
from tests.listed import listed  # noqa: F401
from tests.routing.conftest import Street, a_block, alone, counterparties, street  # noqa: F401

D = Decimal
LISTENERS = {groups.follow_routes, groups.keep_to_groups, groups.hear_lists}
OURS = {event: then for event, then in FLOW.items() if LISTENERS & {*then.now, *then.later}}


@pytest.fixture
def watched(monkeypatch) -> Callable[[], None]:
    """Nobody but groups listens from then on."""
    return lambda: monkeypatch.setattr(audit, "flow", lambda: OURS)


@pytest.fixture
def grouped(a_block, tom, by, monkeypatch) -> Callable[..., LinkedGroup]:  # noqa: F811
    """
    ``grouped("OCO", 1000, 500)``: a group that was sent, its first block in AAA, the next in BBB, CCC; nobody but groups
    listens from then on. ``sent=False``: composed alone.
    """

    def make(kind: str, *quantities: int, how="REDUCE", sent=True, **more) -> LinkedGroup:
        blocks = [a_block(symbol, "BUY", qty) for symbol, qty in zip(("AAA", "BBB", "CCC"), quantities, strict=False)]
        monkeypatch.setattr(audit, "flow", lambda: OURS)
        pk = groups.compose_group(by(tom), kind, [b.pk for b in blocks], seen={b.pk: b.version for b in blocks}, how=how, **more)
        if sent:
            groups.send_group(by(tom), pk, seen={pk: 1})
        return LinkedGroup.objects.get(pk=pk)

    return make


@dataclass
class Floor:
    """Brokers that take what they are sent, in its order, and fill or bust when they are told to."""

    street: Street
    taken: set[int] = field(default_factory=set)
    fills: list[tuple[int, str, Decimal]] = field(default_factory=list)

    def answer(self) -> int:
        """Acknowledges, replaces and cancels what waits, until nothing does, and has the groups follow. How many messages."""
        count = 0
        while found := list(Message.objects.filter(is_out=True, msg_type__in="DFG").exclude(pk__in=self.taken).order_by("pk")):
            for message in found:
                self.taken.add(message.pk)
                self._answer(message, dict(rules.fields_of(message.text)))
                count += 1
            keep_promises("groups.")
        return count

    def _answer(self, message: Message, said: dict[int, str]) -> None:
        route = Route.objects.get(requests__cl_ord_id=said[11])
        live = {"cum": route.cum_qty, "leaves": route.qty - route.cum_qty, "qty": route.qty}
        status = "1" if route.cum_qty else "0"
        if message.msg_type == "D":
            self.street.report(route, "0", "0", name=said[11], cum=0, leaves=route.qty, qty=route.qty)
        elif route.status in ("FILLED", "CANCELED"):
            self.street.refusal(route, said[11], "2", "too late")
        elif message.msg_type == "F":
            self.street.report(route, "4", "4", name=said[11], orig=said[41], **live | {"leaves": 0})
        else:
            qty = max(D(said[38]), route.cum_qty)
            status = "2" if qty == route.cum_qty else status
            self.street.report(
                route, "5", status, name=said[11], orig=said[41], cum=route.cum_qty, qty=qty, leaves=qty - route.cum_qty
            )

    def fill(self, route: Route, qty, price=100, *, follow=True) -> Route:
        route.refresh_from_db()
        qty, exec_id = D(qty), f"F{route.pk}-{len(self.fills)}"
        cum = route.cum_qty + qty
        status = "2" if cum == route.qty else "1"
        self.fills.append((route.pk, exec_id, qty))
        found = self.street.report(
            route, "F", status, exec_id=exec_id, last=(qty, price), cum=cum, leaves=route.qty - cum, qty=route.qty
        )
        if follow:
            keep_promises("groups.")
        return found

    def bust(self, n: int = -1) -> None:
        route_id, exec_id, qty = self.fills.pop(n)
        route = Route.objects.get(pk=route_id)
        cum = route.cum_qty - qty
        over = route.status == "CANCELED"
        self.street.report(
            route, "H", "4" if over else "1" if cum else "0", exec_id=f"H{exec_id}", ref=exec_id, cum=cum,
            leaves=0 if over else route.qty - cum, qty=route.qty,
        )  # fmt: skip
        keep_promises("groups.")

    def any_live(self, draws: random.Random, group: LinkedGroup) -> Route | None:
        rows = list(routes_of(group).exclude(status__in=("FILLED", "CANCELED", "PENDING_SEND")))
        return draws.choice(rows) if rows else None


@pytest.fixture
def floor(street) -> Floor:  # noqa: F811
    return Floor(street)


def legs_of(group: LinkedGroup) -> list[Leg]:
    return list(Leg.objects.filter(group=group).select_related("block").order_by("nth"))


def routes_of(group: LinkedGroup, nth: int | None = None):
    legs = Leg.objects.filter(group=group)
    return Route.objects.filter(block__in=(legs.filter(nth=nth) if nth else legs).values("block")).order_by("pk")


def at_brokers(group: LinkedGroup) -> list[int]:
    """Of each leg what is filled and still works."""
    return [int(Block.objects.get(pk=leg.block_id).placed_qty) for leg in legs_of(group)]
