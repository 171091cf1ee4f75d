"""Shares of done blocks are booked once, whole, and taken back whole."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.allocations import selectors
from apps.allocations import services as allocations
from apps.allocations.events import AllocationBooked, AllocationReversed
from apps.allocations.models import Allocation
from apps.audit.models import Entry
from apps.blocks.events import BlockDone
from apps.blocks.models import Block
from apps.core.events import Fact
from apps.core.refusals import NotAllowed
from apps.orders.models import Order
from apps.portfolios.models import Cash, Movement, Position
from apps.reference.models import Fee

from .filling import keep_promises

D = Decimal


def holding(firm, code: str, symbol: str) -> Decimal:
    return Position.objects.get(portfolio=firm.portfolios[code], instrument=firm.instruments[symbol]).qty


def money(firm, code: str, currency: str = "USD") -> Decimal:
    return Cash.objects.get(portfolio=firm.portfolios[code], currency=currency).amount


def shares_of(block: Block) -> list[Allocation]:
    return list(Allocation.objects.filter(block=block).order_by("order_id", "broker_id", "wave"))


def fact_of(block: Block) -> Fact:
    return Fact(block.pk, block.version, BlockDone(str(block.filled_qty), str(block.cancelled_qty)))


class TestAllocating:
    def test_a_partial_fill_is_shared_pro_rata_at_the_average_price(self, street, firm):
        block = street.allocated(
            "AAA", "SELL", {"P1": 5000, "P2": 3000, "P3": 2000}, [(1000, "50.00", "1.00"), (2333, "50.01", "2.34")]
        )
        rows = shares_of(block)

        assert [r.qty for r in rows] == [D(1666), D(1000), D(667)]
        assert {r.price for r in rows} == {D("50.007")}
        assert sum(r.gross_amount for r in rows) == D("166673.33")
        assert sum(r.commission_amount for r in rows) == D("3.34")
        assert all(r.net_amount == r.gross_amount - r.commission_amount for r in rows)
        assert block.status == "ALLOCATED"

    def test_fees_of_the_trade_are_shared_like_commission(self, street, firm):
        Fee.objects.create(
            code="SEC31", name="SEC fee", kind="1", country="US", side="SELL", rate_bp="0.278", effective_from="2024-05-22"
        )
        block = street.allocated("AAA", "SELL", {"P1": 5000, "P2": 3000, "P3": 2000}, [(3333, "50", "3.34")])
        rows = shares_of(block)

        assert [r.fees for r in rows] == [[["SEC31", "1", "2.31"]], [["SEC31", "1", "1.39"]], [["SEC31", "1", "0.93"]]]
        assert sum(r.fees_amount for r in rows) == D("4.63")  # 166,650 × 0.278 bp = 4.63287
        assert all(r.net_amount == r.gross_amount - r.commission_amount - r.fees_amount for r in rows)

    def test_units_and_money_move_in_the_same_transaction(self, street, firm):
        before = money(firm, "P1")
        block = street.allocated("AAA", "SELL", {"P1": 5000, "P2": 3000}, [(8000, "50.00", "8.00")])
        mine = next(r for r in shares_of(block) if r.portfolio_id == firm.portfolios["P1"].pk)

        assert holding(firm, "P1", "AAA") == D(45_000)
        assert money(firm, "P1") == before + D(250_000) - D(5)
        assert list(
            Movement.objects.filter(source=f"allocation:{mine.pk}").order_by("pk").values_list("qty", "amount", "kind")
        ) == [(D(-5000), None, "TRADE"), (None, D(249_995), "TRADE")]

    def test_orders_end_with_what_they_got_and_the_rest_cancelled(self, street):
        block = street.allocated("AAA", "SELL", {"P1": 5000, "P2": 3000, "P3": 2000}, [(3333, "50")])
        orders = Order.objects.filter(pk__in=block.members.values("order")).order_by("pk")

        assert list(orders.values_list("status", "filled_qty", "cancelled_qty")) == [
            ("DONE", D(1666), D(3334)), ("DONE", D(1000), D(2000)), ("DONE", D(667), D(1333)),
        ]  # fmt: skip

    def test_a_bond_is_bought_with_its_accrued_interest(self, street, firm):
        block = street.allocated("TSY", "BUY", {"P1": 300_000, "P2": 200_000}, [(500_000, "99.015625")])
        rows = shares_of(block)
        whole = selectors.block_facts([block.pk])[0].facts

        assert sum(r.gross_amount for r in rows) == D("495078.13")
        assert sum(r.accrued_amount for r in rows) == selectors.rules.accrued_amount(
            D(500_000), whole.coupon, rows[0].settle_date, 2
        )
        assert all(r.accrued_amount > 0 for r in rows)
        assert all(r.net_amount == r.gross_amount + r.accrued_amount for r in rows)
        assert holding(firm, "P1", "TSY") == D(2_300_000)

    def test_an_order_has_one_share_at_each_broker_that_filled_its_block(self, street, firm):
        block = street.block("AAA", "SELL", {"P1": 5000, "P2": 3000, "P3": 2000})
        first, second = street.route(block, "NORTHGATE", 3333), street.route(block, "HARBOR")
        street.fill(first, 3333, "50.00", "3.33")
        street.fill(second, 6667, "51.00", "6.67")
        keep_promises("allocations.")
        rows = shares_of(block)
        by_order = {}
        for row in rows:
            by_order.setdefault(row.order_id, []).append(row)

        assert [sum(r.qty for r in several) for several in by_order.values()] == [D(5000), D(3000), D(2000)]
        assert all(len(several) == 2 for several in by_order.values())
        for broker, qty, price, gross in (("NORTHGATE", 3333, "50", "166650.00"), ("HARBOR", 6667, "51", "340017.00")):
            at = [r for r in rows if r.broker_id == firm.brokers[broker].pk]
            assert sum(r.qty for r in at) == qty
            assert {r.price for r in at} == {D(price)}
            assert sum(r.gross_amount for r in at) == D(gross)

    def test_a_block_that_filled_nothing_ends_its_orders_with_all_cancelled(self, street, firm):
        block = street.block("AAA", "SELL", {"P1": 5000, "P2": 3000})
        route = street.route(block)
        street.end(route)
        street.finish(block)
        keep_promises("allocations.")
        block.refresh_from_db()

        assert (block.status, Allocation.objects.count()) == ("ALLOCATED", 0)
        orders = Order.objects.filter(pk__in=block.members.values("order"))
        assert set(orders.values_list("status", "filled_qty")) == {("DONE", D(0))}
        assert holding(firm, "P1", "AAA") == D(50_000)

    def test_the_same_block_told_twice_is_shared_out_once(self, street, firm, by):
        block = street.done("AAA", "SELL", {"P1": 5000, "P2": 3000}, [(8000, "50")])
        for _ in range(2):
            allocations.allocate_blocks(by("worker"), [fact_of(block)])

        assert Allocation.objects.count() == 2
        assert holding(firm, "P1", "AAA") == D(45_000)
        assert Entry.objects.filter(event=AllocationBooked.code).count() == 2

    def test_a_block_that_works_again_is_left_alone(self, street, by):
        block = street.block("AAA", "SELL", {"P1": 5000})
        route = street.route(block)
        exec_id = street.fill(route, 5000, "50")
        block.refresh_from_db()
        told = fact_of(block)
        street.bust(route, exec_id, 5000, "50")
        allocations.allocate_blocks(by("worker"), [told])

        assert Allocation.objects.count() == 0

    def test_refuses_a_person_and_changes_nothing(self, street, firm, by, tom):
        block = street.done("AAA", "SELL", {"P1": 5000}, [(5000, "50")])

        with pytest.raises(NotAllowed):
            allocations.allocate_blocks(by(tom), [fact_of(block)])

        block.refresh_from_db()
        assert (block.status, Allocation.objects.count()) == ("DONE", 0)

    def test_refuses_a_block_whose_quantity_is_not_that_of_its_executions(self, street, firm, by):
        block = street.done("AAA", "SELL", {"P1": 5000, "P2": 3000}, [(8000, "50")])
        Block.objects.filter(pk=block.pk).update(filled_qty=7999, cancelled_qty=1)

        with pytest.raises(selectors.FillsDisagree):
            allocations.allocate_blocks(by("worker"), [fact_of(block)])

        assert Allocation.objects.count() == 0
        assert holding(firm, "P1", "AAA") == D(50_000)

    def test_the_number_of_statements_does_not_grow_with_the_orders(self, street, by):
        small = street.done("AAA", "SELL", {"P1": 5000}, [(5000, "50")])
        large = [
            street.done("CCC", "SELL", {"P1": 900, "P2": 800, "P3": 700}, [(2400, "100")]),
            street.done("TSY", "SELL", {"P1": 3000, "P2": 8000, "P3": 7000}, [(18_000, "99")]),
        ]
        counts = []
        for blocks in ([small], large):
            with CaptureQueriesContext(
                connection,
            ) as taken:
                allocations.allocate_blocks(by("worker"), [fact_of(b) for b in blocks])
            counts.append(len(taken))

        assert counts[0] == counts[1]


class TestReversing:
    def test_a_bust_after_allocation_takes_everything_back_and_it_is_shared_anew(self, street, firm):
        block = street.block("AAA", "SELL", {"P1": 5000, "P2": 3000})
        route = street.route(block)
        street.fill(route, 6000, "50.00")
        exec_id = street.fill(route, 2000, "51.00")
        keep_promises("allocations.")
        cash = money(firm, "P1")
        street.bust(route, exec_id, 2000, "51.00")
        block.refresh_from_db()
        orders = Order.objects.filter(pk__in=block.members.values("order"))

        assert block.status == "WORKING"
        assert set(orders.values_list("status", "filled_qty", "cancelled_qty")) == {("WORKING", D(0), D(0))}
        assert [(r.status, r.version) for r in shares_of(block)] == [("REVERSED", 2)] * 2
        assert holding(firm, "P1", "AAA") == D(50_000)
        assert money(firm, "P1") == cash - D("251250.00")
        assert Entry.objects.filter(event=AllocationReversed.code).count() == 2

        route.refresh_from_db()
        street.end(route)
        street.finish(block)
        keep_promises("allocations.")
        again = [r for r in shares_of(block) if r.status == "BOOKED"]

        assert [(r.qty, r.price, r.wave) for r in again] == [(D(3750), D(50), 2), (D(2250), D(50), 2)]
        assert holding(firm, "P1", "AAA") == D(46_250)

    def test_a_block_that_was_not_yet_shared_out_is_simply_reopened(self, street):
        block = street.block("AAA", "SELL", {"P1": 5000})
        route = street.route(block)
        exec_id = street.fill(route, 5000, "50")
        street.bust(route, exec_id, 5000, "50")
        block.refresh_from_db()

        assert (block.status, Allocation.objects.count()) == ("WORKING", 0)


class TestProvisionalShares:
    def test_follow_each_fill_and_are_never_stored(self, street, firm):
        block = street.block("AAA", "SELL", {"P1": 5000, "P2": 3000, "P3": 2000})
        route = street.route(block)
        assert selectors.provisional_shares() == []

        street.fill(route, 3000, "50.00")
        street.fill(route, 333, "50.10")
        shares = selectors.provisional_shares()

        assert [s.qty for s in shares] == [D(1666), D(1000), D(667)]
        assert {s.price for s in shares} == {D("50.009991")}
        assert Allocation.objects.count() == 0

    def test_are_those_of_the_portfolios_asked_for(self, street, firm):
        block = street.block("AAA", "SELL", {"P1": 5000, "P2": 3000, "P3": 2000})
        street.fill(street.route(block), 3333, "50.00")
        (mine,) = selectors.provisional_shares([firm.portfolios["P3"].pk])

        assert (mine.portfolio_id, mine.qty, mine.amount) == (firm.portfolios["P3"].pk, D(667), D("33350.00"))

    def test_end_when_the_block_is_shared_out(self, street):
        street.allocated("AAA", "SELL", {"P1": 5000}, [(5000, "50")])

        assert selectors.provisional_shares() == []

    def test_the_arithmetic_of_a_block_shows_what_each_was_entitled_to(self, street):
        block = street.allocated("AAA", "SELL", {"P1": 5000, "P2": 3000, "P3": 2000}, [(3333, "50")])
        rows = selectors.shares_of_block(block.pk)

        assert [(r.intended_qty, r.entitled_qty, r.share_qty, r.off_by_qty) for r in rows] == [
            (D(5000), D("1666.5"), D(1666), D("-0.5")),
            (D(3000), D("999.9"), D(1000), D("0.1")),
            (D(2000), D("666.6"), D(667), D("0.4")),
        ]


class TestSeeing:
    def test_each_role_sees_its_own(self, street, people, stranger):
        street.allocated("AAA", "SELL", {"P1": 5000, "P3": 2000}, [(7000, "50")])
        seen = {name: selectors.allocations_seen_by(user).count() for name, user in people.items()}

        assert seen == {
            "mira": 2, "paul": 1, "tom": 2, "tess": 2, "theo": 2, "omar": 2, "odile": 2, "olga": 2, "ada": 2,
            "alan": 0,
        }  # fmt: skip
        assert selectors.allocations_seen_by(stranger).count() == 0
