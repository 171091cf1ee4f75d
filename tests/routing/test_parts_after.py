"""What comes after a split: shares, settlement, locates, approvals, linked orders, the next day's check, cancels."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from apps.allocations.models import Allocation
from apps.audit.models import Entry
from apps.blocks import services as blocks
from apps.blocks.models import Block, CrossConsent, Member, Opposition
from apps.compliance import services as compliance
from apps.compliance.models import Check
from apps.crossing import services as crossing
from apps.orders import selectors as order_selectors
from apps.orders import services as orders
from apps.orders.models import Approval, Document, Family, Locate, Order
from apps.orders.services import LegIn, Wish
from apps.reference.models import Combination
from apps.reporting import invariants
from apps.settlement import services as settlement
from apps.settlement.models import Confirmation, Instruction
from tests.allocations.filling import Street, keep_promises

D = Decimal
SHARES = {"P1": 101, "P2": 203, "P3": 296}


@pytest.fixture
def desk(firm, by, mira, tom) -> Street:
    return Street(firm, by, mira, tom)


def test_a_block_over_two_brokers_is_shared_out_and_settled_to_the_last_share(desk, by, tom):
    settlement.install_default_ssis(by("loader"))
    block = desk.block("AAA", "BUY", SHARES)
    parts = [("NORTHGATE", D(401)), ("HARBOR", D(199))]
    one, two = blocks.split_block_by_broker(by(tom), block.pk, parts, seen={block.pk: block.version})
    for pk, broker, fills in ((one, "NORTHGATE", ((250, "50"), (151, "50.10"))), (two, "HARBOR", ((199, "50.25"),))):
        route = desk.route(Block.objects.get(pk=pk), broker)
        for qty, price in fills:
            desk.fill(route, qty, price)
    keep_promises()

    booked: dict[str, dict[str, D]] = {}
    for code, broker, qty in Allocation.objects.values_list("portfolio__code", "broker__code", "qty"):
        booked.setdefault(code, {})[broker] = booked.get(code, {}).get(broker, D(0)) + qty
    assert {code: sum(of.values()) for code, of in booked.items()} == SHARES
    assert sum(of["NORTHGATE"] for of in booked.values()) == 401
    assert sum(of["HARBOR"] for of in booked.values()) == 199
    assert set(Order.objects.values_list("status", flat=True)) == {"DONE"}
    assert Confirmation.objects.count() == Instruction.objects.count() == Allocation.objects.count() == 6
    assert all(not broken for broken in _broken().values())


def _broken() -> dict:
    from django.db import connection

    found = {}
    with connection.cursor() as cursor:
        for n, query in enumerate(invariants.QUANTITIES + invariants.SHARES):
            cursor.execute(query)
            found[n] = cursor.fetchall()
    return found


def _split(desk, by, tom, symbol="AAA", side="BUY", qty=100, off=40, **terms) -> tuple[Order, Order]:
    """An order of P1, and the part that was split off it."""
    block = desk.block(symbol, side, {"P1": qty}, **terms)
    order = Order.objects.get(pk=Member.objects.get(block=block).order_id)
    part, _ = blocks.split_order(by(tom), order.pk, D(off), seen={order.pk: order.version})
    return Order.objects.get(pk=order.pk), Order.objects.get(pk=part)


def test_it_is_judged_as_little_as_before_and_points_at_the_check_of_the_whole(desk, by, tom, omar):
    from apps.compliance import selectors

    compliance.install_default_rules(by("loader"))
    order, part = _split(desk, by, tom, side="SELL")

    assert Check.objects.count() == 1
    [shown] = selectors.checks_of(omar, part.pk)
    assert shown.check.order_id == order.pk
    assert Entry.objects.get(subject="order", subject_id=part.pk).payload["check_id"] == shown.check.pk


def test_a_part_checked_anew_is_no_duplicate_of_the_other_and_counts_once(desk, by, mira, tom):
    compliance.install_default_rules(by("loader"))
    order, part = _split(desk, by, tom, side="SELL", off=50)

    orders.amend_orders(by(mira), {part.pk: {"rationale": "said better"}}, seen={part.pk: 1})
    orders.submit_orders(by(mira), [part.pk], seen={part.pk: 2})

    check = Check.objects.get(order=part)
    assert check.outcome == "PASS"
    assert Order.objects.get(pk=part.pk).status == "CLEARED"


def test_locates_go_along_by_quantity_and_come_back(desk, by, mira, tom):
    block = desk.block("AAA", "SELL_SHORT", {"P1": 100})
    order = Member.objects.get(block=block).order
    for n, qty in enumerate((70, 30)):
        orders.attach_locate(
            by(mira), order.pk, lender="Prime", ref=f"L{n}", qty=str(qty), expires_at=timezone.now() + timedelta(hours=1),
            seen={order.pk: order.version + n},
        )  # fmt: skip
    part, child = blocks.split_order(by(tom), order.pk, D(40), seen={order.pk: order.version + 2})

    assert list(Locate.objects.order_by("pk").values_list("order", "ref", "qty")) == [
        (order.pk, "L0", 30), (order.pk, "L1", 30), (part, "L0", 40),
    ]  # fmt: skip
    assert not order_selectors.unlocated([order.pk, part], timezone.now())
    blocks.join_orders(by(tom), [order.pk, part], seen={order.pk: order.version + 3, part: 1})
    live = Locate.objects.filter(released_at=None).order_by("pk")
    assert list(live.values_list("order", "ref", "qty")) == [(order.pk, "L0", 70), (order.pk, "L1", 30)]
    assert Block.objects.get(pk=child).status == "CANCELLED"


def test_what_is_borrowed_goes_along_first_and_comes_back_as_that(desk, by, mira, tom):
    block = desk.block("AAA", "SELL_SHORT", {"P1": 100})
    order = Member.objects.get(block=block).order
    for n, qty in enumerate((70, 30)):
        orders.attach_locate(
            by(mira), order.pk, lender="Prime", ref=f"L{n}", qty=str(qty), expires_at=timezone.now() + timedelta(hours=1),
            seen={order.pk: order.version + n}, is_borrow=n == 1,
        )  # fmt: skip
    part, _ = blocks.split_order(by(tom), order.pk, D(40), seen={order.pk: order.version + 2})

    live = Locate.objects.filter(released_at=None).order_by("order", "ref")
    assert list(live.values_list("order", "ref", "qty", "is_borrow")) == [
        (order.pk, "L0", 60, False), (part, "L0", 10, False), (part, "L1", 30, True),
    ]  # fmt: skip
    blocks.join_orders(by(tom), [order.pk, part], seen={order.pk: order.version + 3, part: 1})
    assert list(live.values_list("order", "ref", "qty", "is_borrow")) == [
        (order.pk, "L0", 70, False), (order.pk, "L1", 30, True),
    ]  # fmt: skip


def test_documents_are_those_of_all_parts(desk, by, mira, tom):
    order, part = _split(desk, by, tom)
    orders.add_document(by(mira), order.pk, url="https://research.example/aaa", seen={order.pk: order.version})

    assert [d.name for d in order_selectors.documents_of(part.pk)] == ["https://research.example/aaa"]
    assert Document.objects.count() == 1


class TestApprovals:
    @pytest.fixture
    def approved(self, desk, firm, by, mira, paul, omar, tom):
        """An order of 100 for P3 that Paul agreed to, split into 60 and 40."""
        orders.save_approval_rule(
            by(omar), "large", {"steps": [{"name": "A colleague", "permission": "orders.approve"}], "min_usd": D(1)}, seen=None
        )
        wish = Wish(firm.portfolios["P3"].pk, firm.instruments["AAA"].pk, "BUY", "100")
        [pk] = orders.create_orders(by(mira), [wish], submit=True)
        approval = Approval.objects.get(order=pk)
        orders.approve(by(paul), [approval.pk], seen={approval.pk: approval.version})
        keep_promises("blocks.")
        order = Order.objects.get(pk=pk)
        part, _ = blocks.split_order(by(tom), pk, D(40), seen={pk: order.version})
        return Order.objects.get(pk=pk), Order.objects.get(pk=part)

    def test_what_was_agreed_to_holds_for_a_part_while_the_parts_ask_for_no_more(self, approved, by, mira):
        _, part = approved
        orders.amend_orders(by(mira), {part.pk: {"rationale": "said better"}}, seen={part.pk: 1})
        orders.submit_orders(by(mira), [part.pk], seen={part.pk: 2})
        assert Order.objects.get(pk=part.pk).status == "CLEARED"

        part.refresh_from_db()
        orders.amend_orders(by(mira), {part.pk: {"qty": "41"}}, seen={part.pk: part.version})
        orders.submit_orders(by(mira), [part.pk], seen={part.pk: part.version + 1})
        assert Order.objects.get(pk=part.pk).status == "TO_APPROVE"

    def test_who_entered_the_order_agrees_to_none_of_its_parts(self, approved, by, mira, paul):
        _, part = approved
        orders.amend_orders(by(paul), {part.pk: {"qty": "50"}}, seen={part.pk: 1})
        orders.submit_orders(by(paul), [part.pk], seen={part.pk: 2})
        approval = Approval.objects.get(order=part)

        [answer] = orders.approve(by(mira), [approval.pk], seen={approval.pk: approval.version})

        assert not answer.done
        assert mira.pk in order_selectors.hands_on([part.pk])[part.pk]


class TestLinked:
    @pytest.fixture
    def linked(self, firm, by, mira, tom):
        """``linked("OCO", "LEG", "LEG")``: orders of 100 of P1, cleared; the first split into 60 and 40."""

        def make(kind, *roles):
            home, thing = firm.portfolios["P1"].pk, firm.instruments["AAA"].pk
            ids = orders.create_orders(by(mira), [Wish(home, thing, "SELL", "100", "LIMIT", str(60 + n)) for n in range(len(roles))])
            legs = [LegIn(pk, role) for pk, role in zip(ids, roles, strict=True)]
            orders.link_orders(by(mira), kind, "Linked", legs, seen=dict.fromkeys(ids, 1))
            orders.submit_orders(by(mira), ids, seen=dict.fromkeys(ids, 2))
            keep_promises()
            version = Order.objects.get(pk=ids[0]).version
            part, _ = blocks.split_order(by(tom), ids[0], D(40), seen={ids[0]: version})
            return [*ids, part]

        return make

    def _fill(self, desk, order_id):
        block = Block.objects.get(members__order=order_id)
        desk.fill(desk.route(block), int(block.qty), "60")
        keep_promises()

    def test_a_part_that_fills_ends_the_other_leg_and_not_its_own_kin(self, linked, desk):
        one, other, part = linked("OCO", "LEG", "LEG")
        assert Order.objects.get(pk=part).group_id == Order.objects.get(pk=one).group_id

        self._fill(desk, part)

        status = dict(Order.objects.values_list("pk", "status"))
        assert (status[part], status[one], status[other]) == ("DONE", "CLEARED", "CANCELLED")

    def test_the_other_leg_is_not_worked_beside_a_part(self, linked, desk, by, tom):
        one, other, part = linked("OCO", "LEG", "LEG")
        desk.route(Block.objects.get(members__order=part), qty=10)

        with pytest.raises(orders.OtherSideAtWork):
            desk.route(Block.objects.get(members__order=other))
        desk.route(Block.objects.get(members__order=one))  # Its own kin is not the other side.

    def test_what_waits_is_triggered_when_all_parts_are_over(self, linked, desk):
        parent, child, part = linked("OTO", "PARENT", "CHILD")
        assert Order.objects.get(pk=child).status == "PARKED"
        self._fill(desk, part)
        assert Order.objects.get(pk=child).status == "PARKED"

        self._fill(desk, parent)

        assert Order.objects.get(pk=child).status == "CLEARED"


def test_a_part_good_till_cancelled_is_carried_as_the_rest(desk, by, tom):
    order, part = _split(desk, by, tom, tif="GTC")
    assert orders.carry_orders(by("worker")) == 0
    act, carried = by("worker"), 0
    while not carried:  # The next day on which its market is open.
        act.at += timedelta(days=1)
        carried = orders.carry_orders(act)

    assert carried == 2

    assert set(Order.objects.values_list("status", flat=True)) == {"CLEARED"}
    assert Check.objects.filter(order=part).count() == 1


def test_a_part_is_cancelled_by_its_manager_and_the_rest_goes_on(desk, by, mira, tom):
    order, part = _split(desk, by, tom)
    orders.cancel_orders(by(mira), [part.pk], seen={part.pk: 1})

    assert Family.objects.get().qty == 100
    assert Order.objects.get(pk=part.pk).cancelled_qty == 40
    with pytest.raises(blocks.NotInABlock):
        blocks.join_orders(by(tom), [order.pk, part.pk], seen={order.pk: order.version, part.pk: 2})


def test_nothing_below_its_minimum_quantity_is_split_off(desk, by, tom):
    Combination.objects.create(asset_class="EQUITY", order_type="MARKET", tif="DAY", takes_min_qty=True)
    block = desk.block("AAA", "BUY", {"P1": 100}, min_qty="60")
    order = Member.objects.get(block=block).order

    with pytest.raises(orders.NotSplit, match="40 is less than 60, its minimum quantity"):
        blocks.split_order(by(tom), order.pk, D(40), seen={order.pk: order.version})

    assert not Family.objects.exists()


def test_what_was_met_inside_the_firm_stays_with_the_order_and_the_rest_is_split(desk, firm, by, mira, omar, tom):
    sale = desk.block("AAA", "SELL", {"P2": 400})
    desk.block("AAA", "BUY", {"P3": 150})
    CrossConsent.objects.bulk_create(CrossConsent(portfolio=firm.portfolios[code], basis="Letter") for code in ("P2", "P3"))
    blocks.find_oppositions(by("scheduler"))
    pair = Opposition.objects.get()
    cross = crossing.propose_cross(by(tom, "saves the spread"), pair.pk, seen={pair.pk: 1})
    crossing.accept_cross(by(mira), cross, seen={cross: 1})
    crossing.approve_cross(by(omar), cross, seen={cross: 2})
    crossing.execute_cross(by(tom), cross, seen={cross: 3})
    keep_promises()
    order = Member.objects.get(block=sale).order
    with pytest.raises(blocks.BadPart, match="leaves nothing of the order's 250"):
        blocks.split_order(by(tom), order.pk, D(250), seen={order.pk: order.version})

    part, child = blocks.split_order(by(tom), order.pk, D(100), seen={order.pk: order.version})

    order.refresh_from_db()
    assert (order.qty, order.filled_qty, Member.objects.get(order=order).qty) == (300, 150, 150)
    assert (Order.objects.get(pk=part).qty, Block.objects.get(pk=child).qty, Block.objects.get(pk=sale.pk).qty) == (100, 100, 150)
    assert Family.objects.get().qty == 400
    left = blocks.join_orders(by(tom), [order.pk, part], seen={order.pk: order.version, part: 1})
    assert (left, Member.objects.get(order=order).qty) == (order.pk, 250)
    assert all(not broken for broken in _broken().values())
