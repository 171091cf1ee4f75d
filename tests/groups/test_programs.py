"""Programs: waves that come to each block exactly, singly and as lists, and what brokers say of lists."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.core.refusals import Conflict, IllegalMove, Invalid
from apps.groups import page_selectors, rules
from apps.groups import services as groups
from apps.groups.models import BrokerList, LinkedGroup, ListBroker
from apps.routing import services as routing
from apps.routing.models import Message, Route
from apps.routing.rules import fields_of, utc_text
from tests.allocations.filling import keep_promises
from tests.routing.conftest import sent

from .conftest import at_brokers, legs_of, routes_of

D = Decimal
pytestmark = pytest.mark.django_db
STEPS = st.lists(st.decimals(D("0.01"), D(40), places=2), min_size=1, max_size=8)


@pytest.mark.django_db(transaction=False)
class TestSlices:
    @settings(deadline=None)
    @given(st.integers(1, 100_000), st.sampled_from([1, 10, 100]), STEPS)
    def test_waves_are_whole_lots_and_come_to_the_block_exactly(self, qty, lot, steps):
        sums = [sum(steps[: n + 1], D(0)) for n in range(len(steps)) if sum(steps[: n + 1]) < 100] + [D(100)]
        reached = [rules.up_to(D(qty), D(lot), pct) for pct in sums]
        slices = [after - before for before, after in zip([D(0), *reached], reached, strict=False)]

        assert sum(slices) == qty
        assert all(part >= 0 for part in slices)
        assert all(part % lot == 0 for part in slices[:-1])


def wave(by, who, group, pct, version):
    return groups.send_wave(by(who), group.pk, D(pct), seen={group.pk: version})


class TestWaves:
    def test_each_wave_is_a_part_of_every_block_as_orders_of_their_own(self, grouped, floor, tom, by):
        group = grouped("PROGRAM", 1000, 333, 7, sent=False)

        assert wave(by, tom, group, 25, 1) == 1
        assert at_brokers(group) == [250, 83, 1]
        floor.answer()
        wave(by, tom, group, 25, 3)
        assert at_brokers(group) == [500, 166, 3]
        wave(by, tom, group, 50, 4)

        assert at_brokers(group) == [1000, 333, 7]
        assert [int(r.qty) for r in routes_of(group, 1)] == [250, 250, 500]
        group.refresh_from_db()
        assert (group.status, [str(w.up_to_pct) for w in group.waves.all()][-1]) == ("WORKING", "100.0000")

    def test_singles_name_their_list_and_their_program(self, grouped, tom, by):
        group = grouped("PROGRAM", 1000, 500, sent=False)
        wave(by, tom, group, 10, 1)

        assert {(m[66], m[583]) for m in sent("D")} == {(f"{group.ref}-1", group.ref)}
        assert {row.is_one for row in BrokerList.objects.all()} == {False}

    @pytest.mark.parametrize("pct", [0, -1, 101, "0.00001"])
    def test_refuses_what_is_no_part_and_sends_nothing(self, grouped, tom, by, pct):
        group = grouped("PROGRAM", 1000, 500, sent=False)

        with pytest.raises(Invalid):
            wave(by, tom, group, pct, 1)
        assert not Route.objects.exists()
        assert LinkedGroup.objects.get().status == "PLANNED"

    def test_refuses_more_than_is_left_a_wave_below_a_lot_and_a_paused_program(self, grouped, tom, by):
        group = grouped("PROGRAM", 10, 10, sent=False)
        with pytest.raises(groups.NothingInWave):
            wave(by, tom, group, 1, 1)
        wave(by, tom, group, 60, 1)
        with pytest.raises(Invalid, match="40 that are left"):
            wave(by, tom, group, 50, 3)
        groups.pause_group(by(tom), group.pk, seen={group.pk: 3})
        with pytest.raises(IllegalMove):
            wave(by, tom, group, 40, 4)
        assert at_brokers(group) == [6, 6]

    def test_a_program_is_sent_in_waves_and_other_groups_are_not(self, grouped, tom, by):
        group = grouped("PROGRAM", 10, 10, sent=False)

        with pytest.raises(Conflict, match="wave by wave"):
            groups.send_group(by(tom), group.pk, seen={group.pk: 1})

    def test_is_done_once_all_waves_are_filled(self, grouped, floor, tom, by):
        group = grouped("PROGRAM", 100, 50, sent=False)
        wave(by, tom, group, 50, 1)
        floor.answer()
        for route in routes_of(group):
            floor.fill(route, route.qty)
        groups.follow_behind(by("scheduler", via="worker"))
        group.refresh_from_db()
        assert group.status == "WORKING"  # Half of it is still to come.
        wave(by, tom, group, 50, 3)
        floor.answer()
        for route in routes_of(group).filter(status="NEW"):
            floor.fill(route, route.qty)
        groups.follow_behind(by("scheduler", via="worker"))

        group.refresh_from_db()
        assert group.status == "DONE"

    def test_the_number_of_statements_does_not_grow_with_the_blocks(self, grouped, tom, by, django_assert_max_num_queries):
        group = grouped("PROGRAM", 100, 50, 70, sent=False)
        with django_assert_max_num_queries(155):
            wave(by, tom, group, 50, 1)


@pytest.fixture
def listed(grouped, floor, firm, tom, by):
    """A wave of a program that Harbor takes as one message."""
    ListBroker.objects.create(broker=firm.brokers["HARBOR"])
    group = grouped("PROGRAM", 1000, 500, sent=False, brokers=None)
    legs = legs_of(group)
    group.legs.update(broker_code="HARBOR")
    assert len(legs) == 2
    wave(by, tom, group, 50, 1)
    return group


def status_fields(group, list_status="2", *, kind="1", lines=(), text="") -> dict:
    fields = {66: f"{group.ref}-1", 429: kind, 82: 1, 431: list_status, 83: 1, 68: len(lines)}
    return fields | ({444: text} if text else {})


def rules_time(floor) -> str:
    return utc_text(floor.street.start + timedelta(hours=1))


class TestLists:
    def test_goes_as_one_message_with_every_order(self, listed):
        (message,) = Message.objects.filter(is_out=True, msg_type="E")
        said = fields_of(message.text)

        assert not Message.objects.filter(is_out=True, msg_type="D").exists()
        assert [value for tag, value in said if tag == 38] == ["500", "250"]
        assert [value for tag, value in said if tag == 67] == ["1", "2"]
        assert dict(said)[73] == dict(said)[68] == "2"
        assert BrokerList.objects.get().is_one

    def test_reports_book_as_those_of_single_orders(self, listed, floor):
        for route in routes_of(listed):
            floor.street.report(route, "0", "0", cum=0, leaves=route.qty, qty=route.qty)
        floor.fill(routes_of(listed, 1).get(), 500)

        assert [r.status for r in routes_of(listed)] == ["FILLED", "NEW"]

    @pytest.mark.parametrize(("said", "kind", "kept"), [
        ("2", "1", "RECEIVED"), ("3", "4", "EXECUTING"), ("3", "6", "ALERT"), ("6", "5", "DONE"), ("4", "3", "CANCELLING"),
    ])  # fmt: skip
    def test_the_brokers_word_for_the_list_is_kept(self, listed, floor, firm, said, kind, kept):
        floor.street.book(floor.street.hear(firm.brokers["HARBOR"].pk, "N", status_fields(listed, said, kind=kind)))
        keep_promises("groups.")

        assert BrokerList.objects.get().status == kept

    def test_a_list_that_is_rejected_ends_its_orders(self, listed, floor, firm, tom, by):
        floor.street.book(floor.street.hear(firm.brokers["HARBOR"].pk, "N", status_fields(listed, "7", kind="2", text="no lists today")))
        keep_promises("groups.")
        groups.follow_behind(by("scheduler", via="worker"))

        assert [r.status for r in routes_of(listed)] == ["REJECTED", "REJECTED"]
        assert at_brokers(listed) == [0, 0]
        assert (BrokerList.objects.get().status, "no lists today" in legs_of(listed)[0].problem) == ("REJECTED", True)
        listed.refresh_from_db()
        groups.place_again(by(tom), listed.pk, seen={listed.pk: listed.version})
        assert at_brokers(listed) == [500, 250]

    def test_a_business_reject_of_the_list_ends_its_orders_too(self, listed, floor, firm):
        fields = {45: 1, 372: "E", 379: f"{listed.ref}-1", 380: 3, 58: "unsupported message type"}
        floor.street.book(floor.street.hear(firm.brokers["HARBOR"].pk, "j", fields))

        assert [r.status for r in routes_of(listed)] == ["REJECTED", "REJECTED"]

    def test_what_a_list_counts_is_never_booked_and_what_differs_is_shown(self, listed, floor, firm):
        route = routes_of(listed, 1).get()
        floor.street.report(route, "0", "0", cum=0, leaves=500, qty=500)
        fields = status_fields(listed, "3", lines=[1]) | {73: 1, 11: route.cl_ord_id, 14: 200, 39: "1", 151: 300, 84: 0, 6: 100}
        floor.street.book(floor.street.hear(firm.brokers["HARBOR"].pk, "N", fields))
        keep_promises("groups.")

        route.refresh_from_db()
        assert route.cum_qty == 0
        assert page_selectors.at_odds(listed) == [f"HARBOR counts 200 more of {route.ref} than it reported"]

    def test_a_list_that_is_done_with_fills_nobody_reported_is_put_before_a_person_who_may_book_them(self, listed, floor, firm, tom, by):
        one, two = routes_of(listed)
        for route in (one, two):
            floor.street.report(route, "0", "0", cum=0, leaves=route.qty, qty=route.qty)
        floor.fill(two, 250)
        line = {73: 1, 11: one.cl_ord_id, 14: 500, 39: "2", 151: 0, 84: 0, 6: "50.5", 60: rules_time(floor)}
        heard = floor.street.book(floor.street.hear(firm.brokers["HARBOR"].pk, "N", status_fields(listed, "6", kind="5", lines=[1]) | line))
        keep_promises("groups.")

        message = Message.objects.get(status="QUARANTINED")
        assert (heard.quarantined, "of which reports came to 0" in message.problem) == (1, True)
        assert BrokerList.objects.get().status == "DONE"
        routing.settle_message(by(tom, "The broker confirmed it by phone."), message.pk, "accept")
        one.refresh_from_db()
        assert (one.status, one.cum_qty, one.cum_value) == ("FILLED", 500, D("25250"))

    def test_the_kill_switch_takes_back_a_list_that_is_not_sent(self, listed, omar, by):
        routing.set_halt(by(omar, "Stop."), "FIRM")

        assert list(Message.objects.values_list("msg_type", "status")) == [("E", "WITHDRAWN")]
        assert at_brokers(listed) == [0, 0]

    def test_another_brokers_word_is_put_before_a_person(self, listed, floor, firm):
        heard = floor.street.book(floor.street.hear(firm.brokers["MERIDIAN"].pk, "N", status_fields(listed, "7", kind="2")))

        assert heard.quarantined == 1
        assert {r.status for r in routes_of(listed)} == {"PENDING_SEND"}

    def test_an_unknown_list_is_put_before_a_person(self, counterparties, street, firm):
        fields = {66: "Nobody's", 429: "1", 82: 1, 431: "2", 83: 1, 68: 0}

        assert street.book(street.hear(firm.brokers["HARBOR"].pk, "N", fields)).quarantined == 1


class TestMeter:
    def test_says_what_is_done_and_left_in_cash_and_by_sector(self, a_block, floor, tom, by, monkeypatch):
        buy, sell = a_block("AAA", "BUY", 1000), a_block("CCC", "SELL", 400)
        pk = groups.compose_group(by(tom), "PROGRAM", [buy.pk, sell.pk], seen={buy.pk: 1, sell.pk: 1})
        wave(by, tom, LinkedGroup.objects.get(), 100, 1)
        group = LinkedGroup.objects.get(pk=pk)
        floor.answer()
        floor.fill(routes_of(group, 1).get(), 600, price=51)

        money = page_selectors.meter(LinkedGroup.objects.prefetch_related("legs__block__instrument").get()).whole

        assert (money.bought, money.to_buy, money.sold, money.to_sell) == (600 * 51, 400 * 50, 0, 400 * 100)
        assert money.net == 600 * 51 + 400 * 50 - 40_000

    def test_what_has_no_rate_is_in_no_figure_and_is_named(self, grouped, monkeypatch):
        group = grouped("PROGRAM", 1000, 500, sent=False)
        monkeypatch.setattr(page_selectors.marketdata, "quotes_of", lambda ids: {})

        found = page_selectors.meter(group)

        assert (found.whole, len(found.unknown)) == (page_selectors.NOTHING, 2)

