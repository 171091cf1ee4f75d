"""Builders of blocks: each calls the services."""

from collections.abc import Callable

import pytest

from apps.audit import services as audit
from apps.blocks import services as blocks
from apps.blocks.models import Block
from apps.core.events import Fact
from apps.orders import events
from apps.orders import services as orders
from apps.orders.models import Order
from tests.clearing import let_through


@pytest.fixture
def cleared(firm, mira, by, monkeypatch) -> Callable[..., list[int]]:
    """``cleared(("P1", "AAA", "BUY", "100"), …, terms…)``: ids of orders that compliance let through, in no block yet."""

    def make(*wanted: tuple, **terms) -> list[int]:
        wishes = [
            orders.Wish(firm.portfolios[p].pk, firm.instruments[s].pk, side, qty, **terms) for p, s, side, qty in wanted
        ]
        with monkeypatch.context() as alone:
            alone.setattr(audit, "flow", dict)
            ids = orders.create_orders(by(mira), wishes, submit=True)
            let_through(by, ids)
        return ids

    return make


@pytest.fixture
def gather(by) -> Callable[[list[int]], None]:
    def go(ids: list[int]) -> None:
        versions = dict(Order.objects.filter(pk__in=ids).values_list("pk", "version"))
        blocks.gather_orders(by("worker"), [Fact(pk, versions[pk], events.OrderCleared(1)) for pk in ids])

    return go


@pytest.fixture
def a_block(cleared, gather) -> Callable[..., Block]:
    """An open block of AAA: 500 for P1, 300 for P2, 200 for P3."""

    def make(*wanted: tuple, **terms) -> Block:
        gather(cleared(*(wanted or [("P1", "AAA", "BUY", "500"), ("P2", "AAA", "BUY", "300"), ("P3", "AAA", "BUY", "200")]), **terms))
        return Block.objects.latest("pk")

    return make


@pytest.fixture
def working(a_block, by, tom) -> Callable[..., Block]:
    def make(*wanted: tuple, **terms) -> Block:
        block = a_block(*wanted, **terms)
        blocks.freeze_blocks(by(tom), [block.pk], seen={block.pk: block.version}, arrival={block.pk: None})
        return Block.objects.get(pk=block.pk)

    return make
