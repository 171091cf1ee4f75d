"""
The life of an order driven through the services, as a machine that asks anything of any order at any time. What must
come of it is said here a second time, by hand; whatever is not said must be refused and leave nothing changed.
"""

from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule, run_state_machine_as_test

from apps.allocations.models import Allocation
from apps.audit.models import Delivery, Entry
from apps.audit.selectors import departures_from_record
from apps.blocks import services as blocks
from apps.blocks.models import Block, Member
from apps.compliance import services as compliance
from apps.compliance.models import Review
from apps.core.refusals import Refusal
from apps.orders import services as orders
from apps.orders.models import Order
from apps.orders.services.moves import StaleOrder
from oms_portal.lives import LIVES
from tests.allocations.filling import keep_promises

D = Decimal
BEFORE_THE_DESK = {"DRAFT", "HELD", "CLEARED"}


@dataclass
class Known:
    """What the order must be: ``breaks`` says whether its terms break a rule."""

    breaks: bool
    qty: int
    status: str = "DRAFT"
    version: int = 1


class Undone(Exception):
    """Takes back what an example wrote."""


class Machine(RuleBasedStateMachine):
    """``people`` and ``wish`` are set by the test: the machine makes nothing of its own."""

    entered = Bundle("entered")

    def __init__(self):
        super().__init__()
        self.known: dict[int, Known] = {}
        self.atomic = transaction.atomic()
        self.atomic.__enter__()

    def teardown(self):
        try:
            keep_promises("blocks.")
            assert [line for life, table, where in LIVES for line in departures_from_record(life, table, where)] == []
            written = dict(Entry.objects.filter(subject="order").order_by("nth").values_list("subject_id", "nth"))
            assert written == {pk: known.version for pk, known in self.known.items()}
        finally:
            self.atomic.__exit__(Undone, Undone(), None)

    @contextmanager
    def refused(self, legal: bool):
        """What is done inside must succeed or be refused, as the model says; a refusal changes nothing."""
        entries = Entry.objects.count(), Delivery.objects.count()
        try:
            with transaction.atomic():
                yield
        except Refusal:
            assert not legal
            assert entries == (Entry.objects.count(), Delivery.objects.count())
        else:
            assert legal

    def moved(self, pk: int, status: str, events: int = 1) -> None:
        self.known[pk].status = status
        self.known[pk].version += events

    def seen(self, pk: int) -> dict[int, int]:
        return {pk: self.known[pk].version}

    @rule(target=entered, breaks=st.booleans(), submit=st.booleans(), how_many=st.integers(1, 3))
    def enter(self, breaks, submit, how_many):
        what = ("P2", "BBB", "BUY") if breaks else ("P1", "CCC", "SELL")
        # No two alike, which is a finding of its own; of those that pass, all together no more than is held.
        quantities = [5000 * breaks + 20 * (len(self.known) + n) for n in range(1, how_many + 1)]
        wishes = [self.wish(*what, str(qty)) for qty in quantities]
        ids = orders.create_orders(self.by(self.mira), wishes, submit=submit)
        for pk, qty in zip(ids, quantities, strict=True):
            self.known[pk] = Known(breaks, qty)
            if submit:
                self.moved(pk, "HELD" if breaks else "CLEARED", 2)
        return multiple(*ids)

    @rule(pk=entered)
    def submit(self, pk):
        known = self.known[pk]
        with self.refused(legal := known.status == "DRAFT"):
            orders.submit_orders(self.by(self.mira), [pk], seen=self.seen(pk))
        if legal:
            self.moved(pk, "HELD" if known.breaks else "CLEARED", 2)

    @rule(pk=entered, more=st.integers(0, 1))
    def amend(self, pk, more):
        known = self.known[pk]
        with self.refused(legal := known.status in BEFORE_THE_DESK and more > 0):
            orders.amend_orders(self.by(self.mira), {pk: {"qty": known.qty + more}}, seen=self.seen(pk))
        if legal:
            known.qty += more
            self.moved(pk, "DRAFT")

    @rule(pk=entered)
    def cancel(self, pk):
        with self.refused(legal := self.known[pk].status in BEFORE_THE_DESK):
            orders.cancel_orders(self.by(self.mira), [pk], seen=self.seen(pk))
        if legal:
            self.moved(pk, "CANCELLED")

    @rule(pk=entered)
    def act_on_an_older_state(self, pk):
        with pytest.raises(StaleOrder):
            orders.cancel_orders(self.by(self.mira), [pk], seen={pk: self.known[pk].version - 1})

    @rule(pk=entered, how=st.sampled_from(["approve", "send_back", "reject"]))
    def decide(self, pk, how):
        review = Review.objects.filter(order=pk).order_by("pk").last()
        if review is None:
            assert self.known[pk].status != "HELD"
            return
        act = self.by(self.omar, "Looked at and decided.")
        with self.refused(legal := self.known[pk].status == "HELD"):
            getattr(compliance, f"{how}_reviews")(act, [review.pk], seen={review.pk: review.version})
        if legal:
            self.moved(pk, {"approve": "CLEARED", "send_back": "DRAFT", "reject": "REJECTED"}[how])

    @rule()
    def a_worker_comes_by(self):
        keep_promises("blocks.")

    @rule()
    def the_desk_begins(self):
        keep_promises("blocks.")
        for block in Block.objects.filter(status="OPEN"):
            members = set(Member.objects.filter(block=block).values_list("order", flat=True))
            blocks.freeze_blocks(
                self.by(self.tom), [block.pk], seen={block.pk: block.version}, arrival={block.pk: None}
            )
            assert {self.known[pk].status for pk in members} == {"CLEARED"}
            for pk in members:
                self.moved(pk, "WORKING")

    @rule()
    def the_desk_gives_up(self):
        for block in Block.objects.filter(status="WORKING"):
            members = Member.objects.filter(block=block).values_list("order", flat=True)
            blocks.finish_blocks(self.by(self.tom, "given up"), [block.pk], seen={block.pk: block.version})
            keep_promises("allocations.")
            for pk in members:
                self.moved(pk, "DONE")
        assert not Allocation.objects.exists()

    @invariant()
    def every_order_is_what_the_model_says(self):
        rows = Order.objects.values_list("pk", "status", "version", "qty", "filled_qty", "cancelled_qty")
        over = ("CANCELLED", "REJECTED", "DONE")
        assert {pk: (status, version, qty, filled, gone) for pk, status, version, qty, filled, gone in rows} == {
            pk: (known.status, known.version, D(known.qty), D(0), D(known.qty if known.status in over else 0))
            for pk, known in self.known.items()
        }


@pytest.mark.slow
@pytest.mark.django_db
def test_an_orders_life_goes_as_said_whatever_is_asked_of_it(firm, wish, by, mira, omar, tom):
    compliance.install_default_rules(by("loader"))
    people = {"by": staticmethod(by), "wish": staticmethod(wish), "mira": mira, "omar": omar, "tom": tom}
    run_state_machine_as_test(
        type("Machine", (Machine,), people),
        settings=settings(
            max_examples=12, stateful_step_count=14, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
