"""Groups at work: one cancels the other, one triggers the other, brackets; against brokers who answer in FIX text."""

import random
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.audit.models import Delivery, Entry
from apps.blocks import services as blocks
from apps.blocks.models import Block
from apps.core.refusals import IllegalMove, Invalid, NotAllowed
from apps.groups import services as groups
from apps.groups.models import LinkedGroup
from apps.routing import services as routing
from apps.routing.models import Route
from tests.allocations.filling import keep_promises

from .conftest import at_brokers, legs_of, routes_of

D = Decimal
pytestmark = pytest.mark.django_db


class TestComposing:
    def test_a_composed_group_sends_nothing_and_keeps_its_blocks(self, grouped, tom, by):
        group = grouped("OCO", 1000, 500, sent=False)
        block = legs_of(group)[0].block

        with pytest.raises(groups.InGroup, match="leg of LG-"):
            routing.route_blocks(by(tom), [block.pk], seen={block.pk: block.version})
        assert not Route.objects.exists()
        assert Block.objects.get(pk=block.pk).status == "OPEN"

    def test_a_block_is_in_one_group_at_a_time(self, grouped, tom, by):
        group = grouped("OCO", 1000, 500, sent=False)
        ids = [leg.block_id for leg in legs_of(group)]

        with pytest.raises(groups.GroupedAlready, match="End that group first"):
            groups.compose_group(by(tom), "OTO", ids, seen=dict.fromkeys(ids, 1))
        assert LinkedGroup.objects.count() == 1
        groups.drop_group(by(tom), group.pk, seen={group.pk: 1})
        assert groups.compose_group(by(tom), "OTO", ids, seen=dict.fromkeys(ids, 1))

    @pytest.mark.parametrize(("kind", "count"), [("OCO", 1), ("OTO", 1), ("BRACKET", 2), ("ROLL", 2)])
    def test_refuses_too_few_blocks_and_unknown_kinds(self, a_block, tom, by, kind, count):
        made = [a_block(symbol) for symbol in ("AAA", "BBB")[:count]]

        with pytest.raises(Invalid):
            groups.compose_group(by(tom), kind, [b.pk for b in made], seen={b.pk: 1 for b in made})
        assert not LinkedGroup.objects.exists()

    def test_refuses_what_changed_what_is_placed_and_who_does_not_trade(self, a_block, tom, mira, by):
        one, two = a_block("AAA"), a_block("BBB")
        ids, seen = [one.pk, two.pk], {one.pk: 1, two.pk: 1}

        with pytest.raises(blocks.StaleBlock):
            groups.compose_group(by(tom), "OCO", ids, seen={one.pk: 1, two.pk: 9})
        with pytest.raises(NotAllowed):
            groups.compose_group(by(mira), "OCO", ids, seen=seen)
        routing.route_blocks(by(tom), [one.pk], seen={one.pk: 1}, qty=D(100))
        with pytest.raises(groups.UnfitLeg, match="placed in part"):
            groups.compose_group(by(tom), "OCO", ids, seen={b.pk: b.version for b in Block.objects.all()})
        assert not LinkedGroup.objects.exists()

    def test_refuses_a_stale_reader(self, grouped, tom, by):
        group = grouped("OCO", 1000, 500)

        with pytest.raises(groups.StaleGroup):
            groups.pause_group(by(tom), group.pk, seen={group.pk: 1})
        with pytest.raises(IllegalMove):
            groups.send_group(by(tom), group.pk, seen={group.pk: 2})

    def test_where_compliance_or_a_gate_stops_one_leg_nothing_is_sent(self, grouped, tom, omar, by):
        group = grouped("OCO", 1000, 500, sent=False)
        routing.set_halt(by(omar, "Stop."), "FIRM")

        with pytest.raises(routing.RoutingHalted):
            groups.send_group(by(tom), group.pk, seen={group.pk: 1})
        assert not Route.objects.exists()
        assert LinkedGroup.objects.get().status == "PLANNED"


class TestOneCancelsTheOther:
    def test_a_fill_of_one_reduces_the_other_by_its_share(self, grouped, floor):
        group = grouped("OCO", 1000, 500)
        floor.answer()
        assert at_brokers(group) == [1000, 500]

        floor.fill(routes_of(group, 1).get(), 400)
        floor.answer()

        assert at_brokers(group) == [1000, 300]
        assert Entry.objects.filter(event="leg.moved").count() == 1

    def test_filled_whole_it_cancels_the_other_and_the_group_is_done(self, grouped, floor):
        group = grouped("OCO", 1000, 500)
        floor.answer()

        floor.fill(routes_of(group, 1).get(), 1000)
        floor.answer()

        group.refresh_from_db()
        assert (group.status, at_brokers(group)) == ("DONE", [1000, 0])
        assert routes_of(group, 2).get().status == "CANCELED"

    def test_a_fill_that_crosses_its_cancel_is_bounded_by_what_was_at_the_broker(self, grouped, floor):
        group = grouped("OCO", 1000, 500)
        floor.answer()
        one, two = routes_of(group, 1).get(), routes_of(group, 2).get()

        floor.fill(one, 600)  # The reduction of the other to 200 is on its way,
        floor.fill(two, 300)  # and its broker filled 300 before it came.
        floor.answer()

        assert at_brokers(group) == [600, 300]
        group.refresh_from_db()
        assert group.status == "DONE"

    def test_the_first_to_fill_stays_alone(self, grouped, floor):
        group = grouped("OCO", 1000, 500, how="CANCEL")
        floor.answer()

        floor.fill(routes_of(group, 2).get(), 5)
        floor.answer()

        assert at_brokers(group) == [0, 500]

    def test_in_a_tie_the_first_that_was_heard_is_the_first(self, grouped, floor):
        group = grouped("OCO", 1000, 500, how="CANCEL")
        floor.answer()

        floor.fill(routes_of(group, 2).get(), 5, follow=False)
        floor.fill(routes_of(group, 1).get(), 10, follow=False)
        keep_promises("groups.")
        floor.answer()

        assert at_brokers(group) == [10, 500]

    def test_what_a_broker_rejects_is_not_sent_again_by_itself(self, grouped, floor, tom, by):
        group = grouped("OCO", 1000, 500)
        one = routes_of(group, 1).get()
        floor.street.report(one, "8", "8", cum=0, leaves=0, text="no credit")
        keep_promises("groups.")

        leg = legs_of(group)[0]
        assert "no credit" in leg.problem
        assert routes_of(group, 1).count() == 1
        group.refresh_from_db()
        groups.place_again(by(tom), group.pk, seen={group.pk: group.version})
        assert [int(r.qty) for r in routes_of(group, 1)] == [1000, 1000]
        assert legs_of(group)[0].problem == ""

    def test_ending_cancels_all_and_late_fills_stay(self, grouped, floor, tom, by):
        group = grouped("OCO", 1000, 500)
        floor.answer()
        groups.end_group(by(tom), group.pk, seen={group.pk: 2})
        floor.fill(routes_of(group, 1).get(), 100)
        floor.answer()

        group.refresh_from_db()
        assert (group.status, at_brokers(group)) == ("CANCELLED", [100, 0])
        block = legs_of(group)[1].block
        assert routing.route_blocks(by(tom), [block.pk], seen={block.pk: block.version}).routes


class TestOneTriggersTheOther:
    def test_a_child_follows_its_parent_fill_by_fill(self, grouped, floor):
        group = grouped("OTO", 1000, 500)
        floor.answer()
        assert at_brokers(group) == [1000, 0]

        for qty, child in ((301, 150), (1, 151), (698, 500)):
            floor.fill(routes_of(group, 1).get(), qty)
            floor.answer()
            assert at_brokers(group)[1] == child
        assert routes_of(group, 2).count() == 1

    def test_a_bust_of_the_parent_takes_back_what_the_child_has_not_filled(self, grouped, floor):
        group = grouped("OTO", 1000, 500)
        floor.answer()
        floor.fill(routes_of(group, 1).get(), 600)
        floor.answer()
        floor.fill(routes_of(group, 2).get(), 100)

        floor.bust(0)
        floor.answer()

        assert at_brokers(group) == [1000, 100]

    def test_paused_it_places_nothing_and_resumed_all_at_once(self, grouped, floor, tom, by):
        group = grouped("OTO", 1000, 500)
        floor.answer()
        groups.pause_group(by(tom), group.pk, seen={group.pk: 2})
        floor.fill(routes_of(group, 1).get(), 600)
        assert at_brokers(group) == [1000, 0]

        groups.resume_group(by(tom), group.pk, seen={group.pk: 3})

        assert at_brokers(group) == [1000, 300]

    def test_what_a_halt_refuses_stays_on_the_leg_and_is_tried_again(self, grouped, floor, tom, omar, by):
        group = grouped("OTO", 1000, 500)
        floor.answer()
        floor.fill(routes_of(group, 1).get(), 600, follow=False)
        halt = routing.set_halt(by(omar, "Stop."), "FIRM")
        keep_promises("groups.")
        assert legs_of(group)[1].problem

        routing.lift_halt(by(tom, "Over."), halt, seen={halt: 1})
        assert groups.follow_behind(by("scheduler", via="worker")) == 1

        assert legs_of(group)[1].problem == ""
        assert at_brokers(group)[1] == 300

    def test_acts_in_the_name_of_who_sent_it(self, grouped, floor, tom):
        group = grouped("OTO", 1000, 500)
        floor.answer()
        floor.fill(routes_of(group, 1).get(), 600)

        asked = Entry.objects.filter(event="route.requested").select_related("act").last()
        assert (asked.act.by_id, asked.act.via) == (tom.pk, "worker")
        assert asked.act.cause_id


    def test_where_who_sent_it_may_route_no_more_it_only_becomes_less(self, grouped, floor, tom):
        group = grouped("OCO", 1000, 500)
        floor.answer()
        tom.is_active = False
        tom.save()

        floor.fill(routes_of(group, 1).get(), 400)
        floor.answer()

        assert at_brokers(group) == [1000, 300]
        assert Entry.objects.filter(event="route.replace_requested").select_related("act").last().act.by_id != tom.pk


class TestBracket:
    def test_target_and_stop_share_what_was_opened(self, grouped, floor):
        group = grouped("BRACKET", 1000, 1000, 1000)
        floor.answer()
        floor.fill(routes_of(group, 1).get(), 600)
        floor.answer()
        assert at_brokers(group) == [1000, 600, 600]

        floor.fill(routes_of(group, 2).get(), 200)
        floor.answer()
        assert at_brokers(group) == [1000, 600, 400]

        floor.fill(routes_of(group, 1).get(), 400)
        floor.answer()
        assert at_brokers(group) == [1000, 1000, 800]


class TestHandling:
    def test_each_fact_is_handled_once_and_none_is_missed_when_a_nudge_is_lost(self, grouped, floor, by):
        group = grouped("OTO", 1000, 500)
        floor.answer()
        floor.fill(routes_of(group, 1).get(), 100, follow=False)
        Delivery.objects.filter(listener="groups.follow_routes").delete()

        assert groups.follow_behind(by("scheduler", via="worker")) == 1
        assert at_brokers(group)[1] == 50
        floor.answer()

        group.refresh_from_db()
        routes = routes_of(group)
        assert group.heard == {str(r.pk): r.version for r in routes}
        assert group.handled == sum(r.version for r in routes)
        assert groups.follow_behind(by("scheduler", via="worker")) == 0

    @settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(seed=st.integers(0, 10**9))
    def test_after_any_fills_and_busts_the_child_is_exactly_its_parents_part(self, grouped, floor, seed, a_block, monkeypatch):
        from apps.audit import services as audit

        monkeypatch.setattr(audit, "flow", dict)
        draws = random.Random(seed)
        group = grouped("OTO", 997, 331)
        floor.answer()
        floor.fills.clear()
        for _ in range(12):
            parent = routes_of(group, 1).get()
            if floor.fills and draws.random() < 0.3:
                floor.bust(draws.randrange(len(floor.fills)))
            elif parent.qty > parent.cum_qty:
                floor.fill(parent, draws.randint(1, int(parent.qty - parent.cum_qty)), follow=draws.random() < 0.5)
            if draws.random() < 0.5:
                floor.answer()
        keep_promises("groups.")
        floor.answer()

        parent = sum(r.cum_qty for r in routes_of(group, 1))
        assert at_brokers(group)[1] == int(parent) * 331 // 997
