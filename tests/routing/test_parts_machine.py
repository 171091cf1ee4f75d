"""Any sequence of splitting, joining, routing, filling, finishing and un-blocking keeps every sum exact."""

from decimal import Decimal

from django.db import connection, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from apps.blocks import services as blocks
from apps.blocks.models import Block, Member
from apps.blocks.rules import How
from apps.core.refusals import Refusal
from apps.orders.models import Order
from apps.reporting.invariants import QUANTITIES, SHARES
from apps.routing.models import Route
from tests.allocations.filling import Street, keep_promises

D = Decimal
WANTED = {"P1": 70, "P2": 110, "P3": 130}
PICKS, QTYS = st.integers(0, 9), st.integers(1, 120)


class Machine(RuleBasedStateMachine):
    """``street`` and ``by`` are set by the test."""

    def __init__(self):
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.street.block("AAA", "BUY", WANTED)

    def teardown(self):
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    def attempt(self, act) -> None:
        """What is refused leaves nothing changed."""
        try:
            with transaction.atomic():
                act()
        except Refusal:
            pass

    def pick(self, rows, n):
        rows = list(rows.order_by("pk"))
        return rows[n % len(rows)] if rows else None

    @rule(n=PICKS, qty=QTYS, how=st.sampled_from(How))
    def split_by_quantity(self, n, qty, how):
        if block := self.pick(Block.objects.filter(status="OPEN"), n):
            seen = {block.pk: block.version}
            self.attempt(lambda: blocks.split_block_by_qty(self.by(self.street.tom), block.pk, D(qty), how=how, seen=seen))

    @rule(n=PICKS, qty=QTYS, how=st.sampled_from(How))
    def split_by_broker(self, n, qty, how):
        if block := self.pick(Block.objects.filter(status="OPEN"), n):
            parts = [("NORTHGATE", D(qty)), ("HARBOR", block.qty - qty)]
            seen = {block.pk: block.version}
            self.attempt(lambda: blocks.split_block_by_broker(self.by(self.street.tom), block.pk, parts, how=how, seen=seen))

    @rule(n=PICKS, qty=QTYS)
    def split_an_order(self, n, qty):
        if order := self.pick(Order.objects.filter(qty__gt=0), n):
            self.attempt(lambda: blocks.split_order(self.by(self.street.tom), order.pk, D(qty), seen={order.pk: order.version}))

    @rule(n=PICKS)
    def join(self, n):
        if part := self.pick(Order.objects.filter(split_from__isnull=False, status="CLEARED"), n):
            family = Order.objects.filter(pk=part.root_id) | Order.objects.filter(split_from=part.root_id)
            seen = dict(family.filter(status="CLEARED").values_list("pk", "version"))
            self.attempt(lambda: blocks.join_orders(self.by(self.street.tom), list(seen), seen=seen))

    @rule(n=PICKS, qty=QTYS)
    def route(self, n, qty):
        if block := self.pick(Block.objects.filter(status__in=["OPEN", "WORKING"]), n):
            self.attempt(lambda: self.street.route(block, qty=min(qty, int(block.unplaced_qty) or qty)))

    @rule(n=PICKS, qty=QTYS)
    def fill(self, n, qty):
        if route := self.pick(Route.objects.filter(leaves_qty__gt=0), n):
            self.street.fill(route, min(qty, int(route.leaves_qty)), "50")
            keep_promises("allocations.")

    @rule(n=PICKS)
    def finish(self, n):
        if block := self.pick(Block.objects.filter(status="WORKING"), n):
            self.attempt(lambda: self.street.finish(block))
            keep_promises("allocations.")

    @rule(n=PICKS)
    def unblock(self, n):
        if block := self.pick(Block.objects.filter(status="OPEN"), n):
            blocks.unblock_blocks(self.by(self.street.tom), [block.pk], seen={block.pk: block.version})
            keep_promises("blocks.")

    @invariant()
    def every_sum_is_exact(self):
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
            for query in QUANTITIES + SHARES:
                cursor.execute(query)
                assert cursor.fetchall() == []
            cursor.execute(
                "SELECT p.code, sum(o.qty)::int FROM orders_order o JOIN portfolios_portfolio p ON p.id = o.portfolio_id GROUP BY 1"
            )
            assert dict(cursor.fetchall()) == WANTED
        for qty, asked in Member.objects.exclude(block__status="CANCELLED").values_list("qty", "order__qty"):
            assert qty == asked


def test_any_sequence_keeps_the_sums(firm, by, mira, tom):
    Machine.street, Machine.by = Street(firm, by, mira, tom), staticmethod(by)
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=8, stateful_step_count=15, deadline=None, database=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )  # fmt: skip
