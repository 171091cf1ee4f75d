"""A cross from proposal to settlement, and every step that is refused."""

from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.allocations.models import Allocation
from apps.audit.models import Entry
from apps.blocks import services as blocks
from apps.blocks.models import Block, CrossConsent, CrossMember, Member, Opposition
from apps.compliance import services as compliance
from apps.core.refusals import IllegalMove, Invalid, NotAllowed, NotFound
from apps.crossing import selectors
from apps.crossing import services as crossing
from apps.crossing.models import Cross, Part
from apps.orders import services as orders
from apps.orders.models import Order
from apps.portfolios.models import Cash, Plan, Position
from apps.reference.models import Broker, Custodian
from apps.reporting.invariants import broken_invariants
from apps.reporting.selectors import result
from apps.routing import services as routing
from apps.routing.models import Execution, Halt, Route
from apps.settlement.models import Confirmation, Instruction
from apps.settlement.selectors import xml_of
from tests.allocations.filling import Street, keep_promises
from tests.journeys.test_bust_after_allocation import Custodian as Stateside

D = Decimal


@pytest.fixture
def execute(tom, by):
    def now(cross: Cross) -> Cross:
        crossing.execute_cross(by(tom), cross.pk, seen={cross.pk: cross.version})
        cross.refresh_from_db()
        return cross

    return now


def holdings(firm) -> dict[str, tuple[Decimal, Decimal]]:
    return {
        code: (
            Position.objects.get(portfolio=portfolio, instrument=firm.instruments["AAA"]).qty,
            Cash.objects.get(portfolio=portfolio, currency="USD").amount,
        )
        for code, portfolio in firm.portfolios.items()
    }


def whole() -> dict[str, list[str]]:
    return {name: lines for name, lines in broken_invariants().items() if lines}


def orders_by_portfolio() -> dict[str, tuple[str, Decimal, Decimal]]:
    rows = Order.objects.order_by("pk").values_list("portfolio__code", "status", "filled_qty", "qty")
    return {code: (status, filled, qty) for code, status, filled, qty in rows}


class TestProposing:
    def test_keeps_price_evidence_conditions_and_who_gets_what(self, proposed, firm, tom):
        cross = proposed()

        assert (cross.status, cross.qty, cross.price, cross.evidence["source"]) == ("PROPOSED", D(150), D(50), "last sale")
        assert [line["passes"] for line in cross.lines] == [True] * 10
        assert dict(cross.parts.values_list("portfolio__code", "qty")) == {"P3": D(150), "P1": D(30), "P2": D(120)}
        assert (cross.opposition.status, cross.opposition.cross_qty) == ("CROSS", D(150))
        assert {b.placed_qty for b in Block.objects.all()} == {D(0)}

    def test_crosses_only_those_who_agreed(self, proposed):
        assert dict(proposed("P1", "P3").parts.values_list("portfolio__code", "qty")) == {"P3": D(100), "P1": D(100)}

    def test_a_plan_under_erisa_stays_out_and_the_trader_reads_why(self, found, firm, tom, by):
        Plan.objects.create(
            portfolio=firm.portfolios["P3"], kind="ERISA", employer=firm.instruments["BBB"].issuer, fiduciary="Trustees"
        )
        pair = found()  # P3, the only buyer, has agreed; that helps nothing.

        with pytest.raises(crossing.NotCrossable) as refused:
            crossing.propose_cross(by(tom, "saves the spread"), pair.pk, seen={pair.pk: 1})

        assert "the conditions of 408(b)(19) are not offered here" in str(refused.value.facts)
        assert not Cross.objects.exists()

    def test_refuses_with_every_open_condition_and_records_nothing(self, found, settings, tom, mira, by):
        pair = found("P1")
        settings.CROSS_QUOTE_SECONDS = 0  # Any age is too old.

        with pytest.raises(crossing.NotCrossable) as refused:
            crossing.propose_cross(by(tom, "saves the spread"), pair.pk, seen={pair.pk: 1})

        open_lines = [line["name"] for line in refused.value.facts["lines"] if not line["passes"]]
        assert open_lines == ["the price is independent and current", "both portfolios permit crosses"]
        assert "17 CFR 270.17a-7(b)" in refused.value.message
        with pytest.raises(Invalid):
            crossing.propose_cross(by(tom), pair.pk, seen={pair.pk: 1})
        with pytest.raises(NotAllowed):
            crossing.propose_cross(by(mira, "mine"), pair.pk, seen={pair.pk: 1})
        pair.refresh_from_db()
        assert (Cross.objects.count(), pair.status, pair.version) == (0, "FOUND", 1)

    def test_looks_at_any_number_of_orders_by_as_many_questions(self, found, wish, tom):
        pair = selectors.get_opposition_seen_by(tom, found().pk)
        with CaptureQueriesContext(connection) as few:
            selectors.prospect(pair, timezone.now())
        wish("SELL", P1=10, P2=20)
        with CaptureQueriesContext(connection) as many:
            selectors.prospect(pair, timezone.now())
        assert len(few) == len(many) == 3


class TestAgreeing:
    def test_both_sides_agree_then_compliance(self, proposed, mira, paul, theo, omar, by):
        cross = proposed()
        crossing.accept_cross(by(paul), cross.pk, seen={cross.pk: 1})  # Paul runs P3 alone.
        assert list(cross.parts.filter(accepted_by=paul).values_list("portfolio__code", flat=True)) == ["P3"]
        with pytest.raises(crossing.NotYours):
            crossing.accept_cross(by(paul), cross.pk, seen={cross.pk: 2})
        with pytest.raises(IllegalMove):
            crossing.approve_cross(by(omar), cross.pk, seen={cross.pk: 2})

        crossing.accept_cross(by(theo), cross.pk, seen={cross.pk: 2})  # The head of the desk, for the rest.
        crossing.approve_cross(by(omar, "within the procedures"), cross.pk, seen={cross.pk: 3})

        cross.refresh_from_db()
        assert (cross.status, cross.approved_by, cross.approval) == ("APPROVED", omar, "within the procedures")
        told = Entry.objects.filter(subject="cross").order_by("nth").values_list("event", flat=True)
        assert list(told) == ["cross.proposed", "cross.part_accepted", "cross.accepted", "cross.approved"]

    def test_who_makes_never_checks(self, found, mira, theo, omar, by):
        pair = found()
        pk = crossing.propose_cross(by(theo, "saves the spread"), pair.pk, seen={pair.pk: 1})
        with pytest.raises(crossing.SameHands):
            crossing.accept_cross(by(theo), pk, seen={pk: 1})
        for name, changes in (
            ("a_maker_never_approves_a_cross", {"approved_by": theo, "approved_at": timezone.now()}),
            ("an_approved_cross_has_its_officer", {"status": "APPROVED"}),
            ("only_an_executed_cross_has_moved", {"amount": 1}),
        ):
            with pytest.raises(IntegrityError, match=name), transaction.atomic():
                Cross.objects.filter(pk=pk).update(**changes)
        with pytest.raises(DatabaseError, match="whoever proposed or approved"), transaction.atomic():
            Part.objects.filter(cross=pk).update(accepted_by=theo, accepted_at=timezone.now())
        with pytest.raises(DatabaseError, match="what is left of it is in its block"), transaction.atomic():
            part = Part.objects.filter(cross=pk).first()
            CrossMember.objects.create(block_id=part.block_id, order_id=part.order_id, qty=1)  # Nothing of it was filled.
            connection.check_constraints()
        with pytest.raises(DatabaseError, match="sells exactly what it buys"), transaction.atomic():
            Part.objects.filter(cross=pk, side="BUY").update(qty=149)
            Cross.objects.filter(pk=pk).update(reason="more")
            connection.check_constraints()

    @pytest.mark.parametrize("end", ["decline", "withdraw", "expire"])
    def test_ends_for_a_reason_and_both_sides_are_to_be_decided_again(self, approved, end, mira, tom, by):
        cross = approved()
        if end == "expire":
            Cross.objects.update(expires_at=timezone.now())
            assert crossing.expire_crosses(by("scheduler")) == 1
            assert crossing.expire_crosses(by("scheduler")) == 0
        else:
            act, person = (crossing.decline_cross, mira) if end == "decline" else (crossing.withdraw_cross, tom)
            with pytest.raises(Invalid):
                act(by(person), cross.pk, seen={cross.pk: 3})
            act(by(person, "the client thought again"), cross.pk, seen={cross.pk: 3})
            with pytest.raises(IllegalMove):
                act(by(person, "again"), cross.pk, seen={cross.pk: 4})
        cross.refresh_from_db()
        assert cross.status in ("DECLINED", "WITHDRAWN", "EXPIRED")
        assert (cross.opposition.status, cross.ended_because != "") == ("FOUND", True)
        again = cross.opposition
        crossing.propose_cross(by(tom, "once more"), again.pk, seen={again.pk: again.version})
        assert Cross.objects.count() == 2

    def test_a_stranger_to_both_sides_sees_none_of_it(self, proposed, firm, alan, people, by):
        cross = proposed("P1", "P3")
        paul = people["paul"]
        assert list(selectors.crosses_seen_by(paul)) == [cross]
        assert not selectors.crosses_seen_by(alan).exists()
        with pytest.raises(NotFound):
            selectors.get_cross_seen_by(alan, cross.pk)


class TestExecuting:
    def test_fills_pays_and_settles_both_sides_and_leaves_the_rest(
        self, approved, execute, firm, by, mira, tom, settings, tmp_path
    ):
        settings.OMS_HOME = tmp_path
        cross, before = approved(), holdings(firm)
        execute(cross)

        assert (cross.status, cross.executed_price, cross.amount) == ("EXECUTED", D(50), D(7500))
        assert orders_by_portfolio() == {
            "P3": ("DONE", D(150), D(150)), "P1": ("CLEARED", D(30), D(100)), "P2": ("CLEARED", D(120), D(400)),
        }  # fmt: skip
        now = holdings(firm)
        moved = {code: (now[code][0] - before[code][0], now[code][1] - before[code][1]) for code in now}
        assert moved == {"P3": (D(150), D(-7500)), "P1": (D(-30), D(1500)), "P2": (D(-120), D(6000))}
        assert dict(cross.pairs.values_list("sell__portfolio__code", "amount")) == {"P1": D(1500), "P2": D(6000)}
        sold, bought = cross.opposition.sell, cross.opposition.buy
        assert (sold.status, sold.qty, sold.unplaced_qty, bought.status) == ("OPEN", D(350), D(350), "CANCELLED")
        assert dict(Member.objects.values_list("order__portfolio__code", "qty")) == {"P1": D(70), "P2": D(280)}
        assert set(Execution.objects.values_list("market", "commission_amount", "broker__kind")) == {("XOFF", D(0), "internal")}
        assert {r.kind for r in Route.objects.all()} == {"CROSS"}

        keep_promises()
        assert whole() == {}
        assert set(Confirmation.objects.values_list("status", flat=True)) == {"AFFIRMED"}
        assert list(Instruction.objects.values_list("status", "reason")) == [("READY", "")] * 4
        receipt = Instruction.objects.get(portfolio=firm.portfolios["P3"], qty=30)
        delivery = Instruction.objects.get(portfolio=firm.portfolios["P1"])
        assert (receipt.amount, receipt.settle_date) == (delivery.amount, delivery.settle_date) == (D(1500), cross.settle_date)
        assert "SST-P1" in xml_of(receipt)
        assert "<MktIdrCd>XOFF</MktIdrCd>" in xml_of(receipt)
        stateside = Stateside(tmp_path)
        stateside.exchange(hours=6)
        stateside.simulated.close()
        assert set(Instruction.objects.values_list("status", flat=True)) == {"SETTLED"}
        assert result().equity.routes == 0  # No broker executed it, so none is judged by it.

        self.rest_goes_on(firm, by, mira, tom, cross, before)

    def rest_goes_on(self, firm, by, mira, tom, cross, before):
        """What was not crossed is routed, filled, shared out beside it, busted and filled again."""
        street = Street(firm, by, mira, tom)
        block = Block.objects.get(pk=cross.opposition.sell_id)
        route = street.route(block)
        ref = street.fill(route, 350, "50.10")
        keep_promises()
        assert orders_by_portfolio()["P2"] == ("DONE", D(400), D(400))
        street.bust(route, ref, 350, "50.10")
        assert orders_by_portfolio()["P2"] == ("WORKING", D(120), D(400))  # What was crossed stays.
        street.fill(route, 350, "50.20")
        keep_promises()
        assert orders_by_portfolio()["P1"] == ("DONE", D(100), D(100))
        assert holdings(firm)["P1"][0] == before["P1"][0] - 100
        broken = whole()
        assert {k: v for k, v in broken.items() if k != "executions_equal_broker_log"} == {}

    def test_takes_the_price_of_the_moment_within_what_was_agreed(self, approved, execute, firm):
        cross = approved()
        firm.quote("AAA", "50.12")
        execute(cross)
        assert (cross.price, cross.executed_price, cross.amount) == (D(50), D("50.12"), D("7518.00"))

    def test_refuses_a_price_beyond_it(self, approved, execute, firm):
        cross = approved()
        firm.quote("AAA", "50.14")

        with pytest.raises(crossing.PriceMoved, match="50.14"):
            execute(cross)

        self.nothing_moved(cross)

    def nothing_moved(self, cross: Cross) -> None:
        cross.refresh_from_db()
        assert (cross.status, cross.version) == ("APPROVED", 3)
        assert set(Order.objects.values_list("filled_qty", flat=True)) == {D(0)}
        counts = [m.objects.count() for m in (Route, Execution, Allocation, CrossMember)]
        assert (counts, Block.objects.count()) == ([0, 0, 0, 0], 2)

    def test_refuses_a_stale_price_and_what_lost_its_consent(self, approved, execute, firm, settings):
        cross = approved()
        settings.CROSS_QUOTE_SECONDS = 0
        with pytest.raises(crossing.NotCrossable, match="current"):
            execute(cross)
        settings.CROSS_QUOTE_SECONDS = 60
        CrossConsent.objects.filter(portfolio=firm.portfolios["P1"]).update(ends_on="2026-01-06")
        with pytest.raises(crossing.NotCrossable, match="agreement to cross is not in force"):
            execute(cross)
        self.nothing_moved(cross)

    def test_an_order_that_changed_makes_it_stale_and_the_difference_is_told(self, approved, execute, mira, omar, by):
        cross = approved()
        order = Order.objects.get(portfolio__code="P1")
        orders.amend_orders(by(mira), {order.pk: {"qty": "90"}}, seen={order.pk: order.version})

        with pytest.raises(crossing.StaleCross, match=rf"O-{order.pk:06d} changed .* \(amended by Mira\)") as late:
            execute(cross)

        assert [c["event"] for c in late.value.facts["orders"][0]["changes"]] == ["order.amended"]
        self.nothing_moved(cross)

    def test_what_was_routed_meanwhile_is_not_crossed(self, approved, execute, firm, by, mira, tom):
        cross = approved()
        routing.install_sessions(by("loader"))
        block = cross.opposition.sell
        routing.route_blocks(by(tom, "now"), [block.pk], seen={block.pk: block.version}, broker_code="NORTHGATE", strategy="VWAP")

        with pytest.raises(crossing.StaleCross, match="working by Tom"):
            execute(cross)

        cross.refresh_from_db()
        assert (cross.status, Execution.objects.count()) == ("APPROVED", 0)
        assert crossing.expire_crosses(by("scheduler")) == 1
        cross.refresh_from_db()
        assert (cross.status, cross.ended_because) == ("EXPIRED", "A side went to the market or ended")

    def test_refuses_what_compliance_would_hold_now(self, approved, execute, firm, omar, by):
        cross = approved()
        compliance.install_default_rules(by("loader"))
        compliance.restrict(
            by(omar, "new information"),
            [compliance.Listing("new information", timezone.now().date(), instrument_id=firm.instruments["AAA"].pk)],
        )

        with pytest.raises(crossing.RestrictedNow, match="fails"):
            execute(cross)

        self.nothing_moved(cross)

    def test_refuses_a_house_that_is_restricted_for_an_order_of_it_alone(self, approved, execute, firm, omar, odile, by):
        cross = approved()
        house, _ = Broker.objects.get_or_create(code="INTERNAL", defaults={"name": "Internal cross", "kind": Broker.Kind.INTERNAL})

        def listed(portfolio: str, direction: str = "ALL") -> int:
            home = firm.portfolios[portfolio].pk
            one = compliance.Listing("conflict", timezone.now().date(), broker_id=house.pk, portfolio_id=home, direction=direction)
            return compliance.restrict(by(omar), [one])[0]

        entry = listed("P3")
        with pytest.raises(crossing.RestrictedNow, match="Compliance restricted Internal cross"):
            execute(cross)
        self.nothing_moved(cross)
        compliance.ask_to_lift(by(omar, "over"), [entry], seen={entry: 1})
        compliance.lift(by(odile, "over"), [entry], seen={entry: 2})
        listed("P3", "SELL")  # It buys.
        execute(cross)
        cross.refresh_from_db()
        assert cross.status == "EXECUTED"

    def test_the_kill_switch_stops_it(self, approved, execute, omar, by):
        cross = approved()
        routing.set_halt(by(omar, "something is wrong"), Halt.Scope.FIRM, "")

        with pytest.raises(routing.RoutingHalted):
            execute(cross)

        self.nothing_moved(cross)

    def test_after_its_time_and_before_its_approval_nothing_moves(self, proposed, approved, execute, mira, tom, by):
        cross = approved()
        Cross.objects.update(expires_at=timezone.now())
        with pytest.raises(crossing.TooLate):
            execute(cross)
        with pytest.raises(NotAllowed):
            crossing.execute_cross(by(mira), cross.pk, seen={cross.pk: 3})
        with pytest.raises(crossing.StaleCross):
            crossing.execute_cross(by(tom), cross.pk, seen={cross.pk: 2})
        self.nothing_moved(cross)

    def test_a_custodian_is_paid_its_fee_apart_from_what_both_sides_settle(self, approved, execute, firm):
        Custodian.objects.update(transfer_fee=D("12.50"), transfer_fee_currency="USD")
        before = holdings(firm)
        execute(approved())

        paid = {code: now[1] - before[code][1] for code, now in holdings(firm).items()}
        assert paid == {"P3": D("-7525.00"), "P1": D("1487.50"), "P2": D("5987.50")}  # P3 has two receipts.
        assert set(Allocation.objects.values_list("net_amount", flat=True)) == {D(1500), D(6000)}
        assert whole().get("holdings_equal_movements") is None

    def test_what_is_left_cannot_be_amended_below_what_was_crossed(self, approved, execute, mira, by):
        execute(approved())
        order = Order.objects.get(portfolio__code="P2")
        with pytest.raises(Invalid, match="120 of it is filled already"):
            orders.amend_orders(by(mira), {order.pk: {"qty": "120"}}, seen={order.pk: order.version})
        orders.amend_orders(by(mira), {order.pk: {"qty": "300"}}, seen={order.pk: order.version})
        order.refresh_from_db()
        orders.submit_orders(by(mira), [order.pk], seen={order.pk: order.version})
        keep_promises()
        assert Member.objects.get(order=order).qty == D(180)
        assert whole() == {}

    def test_the_rest_is_crossed_with_the_next_one(self, approved, execute, wish, mira, omar, tom, by):
        execute(approved())
        wish("BUY", P3=200)
        blocks.find_oppositions(by("scheduler"))
        pair = Opposition.objects.get(status="FOUND")
        pk = crossing.propose_cross(by(tom, "the rest"), pair.pk, seen={pair.pk: 1})
        crossing.accept_cross(by(mira), pk, seen={pk: 1})
        crossing.approve_cross(by(omar), pk, seen={pk: 2})
        execute(Cross.objects.get(pk=pk))
        keep_promises()

        assert orders_by_portfolio()["P2"] == ("CLEARED", D(280), D(400))
        assert whole() == {}
