"""
What brokers report, as FIX text through the kept message. The vectors are FIX 4.4 vol. 4 app. D's order state matrices
(names as there: B.1.b and so on).
"""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.audit.models import Entry
from apps.blocks import services as blocks
from apps.blocks.models import Block
from apps.core.refusals import Invalid
from apps.routing import events
from apps.routing import services as routing
from apps.routing.models import Execution, Message, Route, RouteRequest

from .conftest import amounts, placed

D = Decimal


def record_of(subject: str, pk: int) -> list[str]:
    return list(Entry.objects.filter(subject=subject, subject_id=pk).order_by("nth").values_list("event", flat=True))


def problem() -> str:
    return Message.objects.get(status="QUARANTINED").problem


class TestVectors:
    def test_a1_a_filled_order(self, a_route, street):
        route = a_route(10_000)
        route = street.report(route, "0", "0", cum=0)
        assert amounts(route) == ("NEW", 10_000, 0, 10_000)

        route = street.report(route, "F", "1", last=(2_000, "50.01"), cum=2_000)
        assert amounts(route) == ("PARTLY_FILLED", 10_000, 2_000, 8_000)
        route = street.report(route, "F", "2", last=(8_000, "50.02"), cum=10_000)

        assert amounts(route) == ("FILLED", 10_000, 10_000, 0)
        assert route.average_price == D("50.018")
        assert placed(route) == (10_000, 10_000)
        assert Block.objects.get(pk=route.block_id).status == "DONE"
        assert record_of("route", route.pk) == ["route.requested", "route.new", "route.partly_filled", "route.filled"]

    def test_b1b_cancel_while_filling(self, a_route, street, asks):
        route = street.report(a_route(10_000), "0", "0")
        route = street.report(route, "F", "1", last=(2_000, 50), cum=2_000)
        cancel = asks(route)
        route = street.report(route, "F", "1", last=(3_000, 50), cum=5_000)  # It crosses the cancel.
        assert amounts(route) == ("PARTLY_FILLED", 10_000, 5_000, 5_000)
        route = street.report(route, "6", "6", name=cancel, cum=5_000)
        assert amounts(route) == ("PENDING_CANCEL", 10_000, 5_000, 5_000)
        route = street.report(route, "F", "6", last=(1_000, 50), cum=6_000)
        assert amounts(route) == ("PENDING_CANCEL", 10_000, 6_000, 4_000)
        assert placed(route) == (10_000, 6_000)

        route = street.report(route, "4", "4", name=cancel, cum=6_000)

        assert amounts(route) == ("CANCELED", 10_000, 6_000, 0)
        assert placed(route) == (6_000, 6_000)
        assert route.pending_cl_ord_id == ""
        assert RouteRequest.objects.get(cl_ord_id=cancel).answer == "ACCEPTED"

    def test_b1b_the_broker_may_refuse_the_cancel(self, a_route, street, asks):
        route = street.report(a_route(10_000), "F", "1", last=(2_000, 50), cum=2_000)
        cancel = asks(route)
        route = street.report(route, "6", "6", name=cancel, cum=2_000)

        route = street.refusal(route, cancel, "1", "2")

        assert amounts(route) == ("PARTLY_FILLED", 10_000, 2_000, 8_000)
        assert RouteRequest.objects.get(cl_ord_id=cancel).answer == "REJECTED"
        assert record_of("route", route.pk)[-2:] == ["route.request_refused", "route.partly_filled"]

    def test_b1c_filled_before_the_cancel_was_carried_out(self, a_route, street, asks):
        route = street.report(a_route(10_000), "F", "1", last=(2_000, 50), cum=2_000)
        cancel = asks(route)
        route = street.report(route, "6", "6", name=cancel, cum=2_000)
        route = street.report(route, "F", "6", last=(3_000, 50), cum=5_000)
        route = street.report(route, "F", "2", last=(5_000, 50), cum=10_000)

        route = street.refusal(route, cancel, "2", "0")

        assert amounts(route) == ("FILLED", 10_000, 10_000, 0)
        assert route.pending_cl_ord_id == ""
        assert placed(route) == (10_000, 10_000)

    def test_b1f_a_cancel_the_broker_knows_no_order_for_leaves_the_order_as_it_is(self, a_route, street, asks):
        route = street.report(a_route(10_000), "0", "0")
        cancel = asks(route)

        route = street.refusal(route, cancel, "8", "1")

        assert amounts(route) == ("NEW", 10_000, 0, 10_000)
        assert asks(route) != cancel  # And may be asked again.

    def test_c1b_increase_while_filling(self, a_route, street, asks):
        route = street.report(a_route(10_000, unplaced=2_000), "F", "1", last=(1_000, 50), cum=1_000)
        replace = asks(route, qty=D(12_000))
        assert placed(route) == (12_000, 1_000)  # Nobody else may place what we asked for.
        route = street.report(route, "E", "E", name=replace, cum=1_000)
        assert amounts(route) == ("PENDING_REPLACE", 10_000, 1_000, 9_000)
        route = street.report(route, "F", "E", last=(100, 50), cum=1_100)
        assert amounts(route) == ("PENDING_REPLACE", 10_000, 1_100, 8_900)

        first = route.cl_ord_id
        route = street.report(route, "5", "1", name=replace, orig=first, cum=1_100, qty=12_000)
        assert amounts(route) == ("PARTLY_FILLED", 12_000, 1_100, 10_900)
        assert route.cl_ord_id == replace
        route = street.report(route, "F", "2", last=(10_900, 50), cum=12_000)

        assert amounts(route) == ("FILLED", 12_000, 12_000, 0)
        assert placed(route) == (12_000, 12_000)

    def test_a_refused_increase_gives_its_quantity_back(self, a_route, street, asks):
        route = street.report(a_route(10_000, unplaced=2_000), "0", "0")
        replace = asks(route, qty=D(12_000))

        route = street.refusal(route, replace, "0", "2")

        assert amounts(route) == ("NEW", 10_000, 0, 10_000)
        assert placed(route) == (10_000, 0)

    def test_c3b_decrease_to_what_is_filled(self, a_route, street, asks):
        route = street.report(a_route(10_000), "F", "1", last=(6_000, 50), cum=6_000)
        replace = asks(route, qty=D(7_000))
        route = street.report(route, "E", "E", name=replace, cum=6_000)
        route = street.report(route, "F", "E", last=(1_000, 50), cum=7_000)

        route = street.report(route, "5", "2", name=replace, cum=7_000, qty=7_000)

        assert amounts(route) == ("FILLED", 7_000, 7_000, 0)
        assert placed(route) == (7_000, 7_000)

    def test_c3c_a_decrease_below_what_is_filled_is_amended_to_it(self, a_route, street, asks):
        route = street.report(a_route(10_000), "F", "1", last=(6_000, 50), cum=6_000)
        replace = asks(route, qty=D(7_000))
        route = street.report(route, "F", "1", last=(2_000, 50), cum=8_000)

        route = street.report(route, "5", "2", name=replace, cum=8_000, qty=8_000)

        assert amounts(route) == ("FILLED", 8_000, 8_000, 0)

    def test_e1b_an_unsolicited_cancel(self, a_route, street):
        route = street.report(a_route(10_000), "F", "1", last=(1_000, 50), cum=1_000)

        route = street.report(route, "4", "4", cum=1_000, text="end of schedule", **{"378": 2})

        assert amounts(route) == ("CANCELED", 10_000, 1_000, 0)
        assert route.text == "end of schedule"
        assert placed(route) == (1_000, 1_000)
        assert Entry.objects.get(event="route.canceled").payload["note"] == "unsolicited"

    def test_e1c_an_unsolicited_replace(self, a_route, street):
        route = street.report(a_route(10_000, unplaced=1_000), "0", "0")

        route = street.report(route, "D", "0", qty=11_000, cum=0)

        assert amounts(route) == ("NEW", 11_000, 0, 11_000)
        assert placed(route) == (11_000, 0)

    def test_an_unsolicited_increase_beyond_the_block_is_quarantined(self, a_route, street):
        route = street.report(a_route(10_000), "0", "0")

        route = street.report(route, "D", "0", qty=11_000, cum=0)

        assert amounts(route) == ("NEW", 10_000, 0, 10_000)
        assert problem() == "It leaves 1000 more at the broker than the block has unplaced (0)."

    def test_j1a_busts_and_corrections_along_the_chain(self, a_route, street, asks):
        route = a_route(10_000, unplaced=10_000)
        say = street.report
        say(route, "F", "1", exec_id="C", last=(1_000, 100), cum=1_000)
        route = say(route, "F", "2", exec_id="D", last=(9_000, 110), cum=10_000)
        assert (amounts(route)[0], route.average_price) == ("FILLED", D(109))

        route = say(route, "H", "1", exec_id="E", ref="C", last=(0, 0), cum=9_000)
        assert (amounts(route), route.average_price) == (("PARTLY_FILLED", 10_000, 9_000, 1_000), D(110))
        route = say(route, "G", "1", exec_id="F", ref="D", last=(9_000, 100), cum=9_000)
        assert (amounts(route), route.average_price) == (("PARTLY_FILLED", 10_000, 9_000, 1_000), D(100))
        route = say(route, "F", "2", exec_id="G", last=(1_000, 120), cum=10_000)
        assert (amounts(route), route.average_price) == (("FILLED", 10_000, 10_000, 0), D(102))
        route = say(route, "G", "2", exec_id="H", ref="F", last=(9_000, 120), cum=10_000)
        assert route.average_price == D(120)

        replace = asks(route, qty=D(12_000))
        route = say(route, "5", "1", name=replace, exec_id="J", cum=10_000, qty=12_000)
        assert amounts(route) == ("PARTLY_FILLED", 12_000, 10_000, 2_000)
        route = say(route, "G", "1", exec_id="K", ref="H", last=(9_500, 120), cum=10_500)

        assert amounts(route) == ("PARTLY_FILLED", 12_000, 10_500, 1_500)
        assert placed(route) == (12_000, 10_500)
        live = Execution.objects.filter(route=route, status="LIVE")
        assert sorted(live.values_list("exec_id", "qty")) == [("G", 1_000), ("K", 9_500)]
        assert Block.objects.get(pk=route.block_id).filled_value == D(10_500 * 120)

    def test_j1b_a_bust_and_a_new_fill_on_a_cancelled_order(self, a_route, street, asks):
        route = street.report(a_route(10_000), "F", "1", exec_id="A", last=(5_000, 50), cum=5_000)
        cancel = asks(route)
        route = street.report(route, "4", "4", name=cancel, cum=5_000)

        route = street.report(route, "H", "4", exec_id="B", ref="A", cum=0)
        assert amounts(route) == ("CANCELED", 10_000, 0, 0)
        assert placed(route) == (0, 0)
        route = street.report(route, "F", "4", exec_id="C", last=(4_000, 50), cum=4_000)

        assert amounts(route) == ("CANCELED", 10_000, 4_000, 0)
        assert placed(route) == (4_000, 4_000)

    def test_d31_a_status_reply_books_nothing(self, a_route, street):
        route = street.report(a_route(10_000), "F", "1", last=(1_000, 50), cum=1_000)

        after = street.report(route, "I", "1", last=(1_000, 50), cum=1_000)

        assert amounts(after) == amounts(route)
        assert after.version == route.version
        assert Execution.objects.count() == 1

    def test_a_rejected_order_frees_all_of_it(self, a_route, street):
        route = street.report(a_route(10_000), "8", "8", cum=0, text="unknown symbol", **{"103": 1})

        assert amounts(route) == ("REJECTED", 10_000, 0, 0)
        assert placed(route) == (0, 0)
        assert Block.objects.get(pk=route.block_id).status == "WORKING"

    def test_done_for_day_ends_a_day_order(self, a_route, street):
        route = street.report(a_route(10_000), "F", "1", last=(1_000, 50), cum=1_000)

        route = street.report(route, "3", "3", cum=1_000)

        assert amounts(route) == ("DONE_FOR_DAY", 10_000, 1_000, 0)
        assert placed(route) == (1_000, 1_000)

    def test_done_for_day_leaves_what_is_good_till_cancelled(self, a_route, street):
        route = street.report(a_route(10_000, tif="GTC"), "F", "1", last=(1_000, 50), cum=1_000)

        route = street.report(route, "3", "3", cum=1_000)

        assert amounts(route) == ("DONE_FOR_DAY", 10_000, 1_000, 9_000)
        assert placed(route) == (10_000, 1_000)


class TestRepeats:
    @pytest.mark.parametrize("poss_dup", [True, False])
    def test_a_fill_is_booked_once_however_often_it_is_reported(self, a_route, street, poss_dup):
        route = a_route(10_000)
        fill = street.report_fields(route, "F", "1", last=(1_000, 50), cum=1_000)
        ids = [street.hear(route.broker_id, "8", fill, seq=n, poss_dup=poss_dup and n > 1) for n in range(1, 4)]

        assert street.book(ids[0]) == (1, 0, 0)
        assert street.book(*ids[1:]) == (2, 2, 0)

        route.refresh_from_db()
        assert amounts(route) == ("PARTLY_FILLED", 10_000, 1_000, 9_000)
        assert placed(route) == (10_000, 1_000)
        assert record_of("route", route.pk) == ["route.requested", "route.partly_filled"]
        assert Message.objects.get(pk=ids[2]).problem == f"Repeats message {ids[0]}."

    def test_repeats_within_one_set_are_seen_too(self, a_route, street):
        route = a_route(10_000)
        fill = street.report_fields(route, "F", "1", last=(1_000, 50), cum=1_000)

        assert street.book(*[street.hear(route.broker_id, "8", fill) for _ in range(5)]) == (5, 4, 0)
        assert Execution.objects.count() == 1

    def test_a_repeated_acknowledgement_does_not_turn_the_order_back(self, a_route, street):
        route = a_route(10_000)
        ack = street.report_fields(route, "0", "0", cum=0)
        street.book(street.hear(route.broker_id, "8", ack))
        route = street.report(route, "F", "2", last=(10_000, 50), cum=10_000)

        street.book(street.hear(route.broker_id, "8", ack, poss_dup=True))

        assert amounts(Route.objects.get(pk=route.pk)) == ("FILLED", 10_000, 10_000, 0)

    def test_the_same_exec_id_on_another_day_is_another_fill(self, a_route, street):
        route = street.report(a_route(10_000), "F", "1", exec_id="1", last=(1_000, 50), cum=1_000)

        tomorrow = f"{street.start + timedelta(days=1):%Y%m%d}"
        route = street.report(route, "F", "1", exec_id="1", last=(1_000, 50), cum=2_000, **{"75": tomorrow})

        assert amounts(route) == ("PARTLY_FILLED", 10_000, 2_000, 8_000)

    def test_a_bust_is_carried_out_once(self, a_route, street):
        route = street.report(a_route(10_000), "F", "1", exec_id="A", last=(1_000, 50), cum=1_000)
        route = street.report(route, "H", "0", exec_id="B", ref="A", cum=0)

        route = street.report(route, "H", "0", exec_id="B2", ref="A", cum=0)

        assert amounts(route) == ("NEW", 10_000, 0, 10_000)
        assert record_of("execution", Execution.objects.get().pk) == ["execution.booked", "execution.busted"]

    def test_a_duplicate_order_reject_does_not_kill_the_order_the_broker_has(self, a_route, street):
        route = street.report(a_route(10_000), "0", "0")

        route = street.report(route, "8", "8", **{"103": 6})

        assert amounts(route) == ("NEW", 10_000, 0, 10_000)
        assert "as a duplicate" in problem()


class TestOutOfOrder:
    def test_reports_in_any_order_end_as_in_theirs(self, a_route, street):
        ends = []
        for order in ([0, 1, 2, 3], [1, 0, 2, 3], [3, 2, 1, 0], [2, 3, 0, 1]):
            route = a_route(10_000)
            said = [
                street.report_fields(route, "0", "0", cum=0),
                street.report_fields(route, "F", "1", last=(4_000, 50), cum=4_000),
                street.report_fields(route, "F", "1", last=(3_000, 51), cum=7_000),
                street.report_fields(route, "4", "4", cum=7_000),
            ]
            for n in order:
                street.book(street.hear(route.broker_id, "8", said[n]))
            route.refresh_from_db()
            ends.append((*amounts(route), route.cum_value, *placed(route)))

        assert ends == [("CANCELED", 10_000, 7_000, 0, D(353_000), 7_000, 7_000)] * 4

    def test_a_fill_before_its_acknowledgement_is_booked(self, a_route, street):
        route = a_route(10_000)
        ack = street.report_fields(route, "0", "0", cum=0)
        route = street.report(route, "F", "1", last=(1_000, 50), cum=1_000)

        street.book(street.hear(route.broker_id, "8", ack))

        assert amounts(Route.objects.get(pk=route.pk)) == ("PARTLY_FILLED", 10_000, 1_000, 9_000)
        assert Entry.objects.filter(subject="route").latest("nth").payload["note"] == "late"


class TestQuarantine:
    @pytest.mark.parametrize(
        "said, expected",
        [
            ({"kind": "F", "last": (10_001, 50)}, "It would fill 10001 of an order for 10000."),
            ({"kind": "F", "last": (1, 50), "side": 2}, "It is a SELL of an order to BUY."),
            ({"kind": "F", "last": (1, "50.2")}, "Its price 50.2 is outside the limit 50.1."),
            ({"kind": "F", "last": (1, 50), "name": "NOBODY"}, "No order of ours has ClOrdID NOBODY."),
            ({"kind": "F", "last": (1, "1e3")}, "It is malformed: tag 31 is not a number: “1e3”."),
            ({"kind": "F", "last": (0, 50)}, "It is malformed: a fill without a quantity (tag 32)."),
            ({"kind": "H", "ref": "X"}, "It means execution X, which this order does not have."),
            ({"kind": "Z"}, "It is malformed: ExecType (150) “Z” is not one of FIX 4.4's."),
        ],
    )
    def test_what_cannot_be_booked_waits_for_a_person(self, a_route, street, said, expected):
        route = a_route(10_000, order_type="LIMIT", limit_price="50.10")

        after = street.report(route, said.pop("kind"), "1", **said)

        assert problem() == expected
        assert (amounts(after), after.version) == (amounts(route), 1)
        assert placed(route) == (10_000, 0)
        assert Execution.objects.count() == 0
        assert Entry.objects.filter(event=events.MessageQuarantined.code).count() == 1

    def test_the_rest_of_the_set_is_booked(self, a_route, street):
        route = a_route(10_000)
        good = street.hear(route.broker_id, "8", street.report_fields(route, "0", "0"))
        bad = street.hear(route.broker_id, "8", {58: "nothing else"})
        unknown = street.hear(route.broker_id, "XX", {58: "?"})
        fill = street.hear(route.broker_id, "8", street.report_fields(route, "F", "1", last=(1, 50), cum=1))

        assert street.book(good, bad, unknown, fill) == (2, 0, 2)
        assert amounts(Route.objects.get(pk=route.pk)) == ("PARTLY_FILLED", 10_000, 1, 9_999)

    def test_a_report_about_another_brokers_order_is_not_booked(self, a_route, street, firm):
        route = a_route(10_000)
        other = next(b for b in firm.brokers.values() if b.pk != route.broker_id and b.kind == "broker")

        street.book(street.hear(other.pk, "8", street.report_fields(route, "F", "1", last=(1, 50))))

        assert problem() == f"ClOrdID {route.cl_ord_id} was sent to another counterparty."

    def test_a_trader_accepts_a_price_outside_the_limit_with_a_reason(self, a_route, street, tom, by):
        route = a_route(10_000, order_type="LIMIT", limit_price="50.10")
        street.report(route, "F", "1", last=(1_000, "50.2"), cum=1_000)
        message = Message.objects.get(status="QUARANTINED")

        with pytest.raises(Invalid, match="Say why"):
            routing.settle_message(by(tom), message.pk, "accept")
        routing.settle_message(by(tom, "agreed by phone"), message.pk, "accept")

        route.refresh_from_db()
        assert amounts(route) == ("PARTLY_FILLED", 10_000, 1_000, 9_000)
        assert record_of("message", message.pk) == ["message.quarantined", "message.settled"]

    def test_an_overfill_cannot_be_accepted_only_dismissed(self, a_route, street, tom, by):
        route = a_route(10_000)
        street.report(route, "F", "2", last=(10_001, 50), cum=10_001)
        message = Message.objects.get(status="QUARANTINED")

        with pytest.raises(routing.StillUnbookable):
            routing.settle_message(by(tom, "take it"), message.pk, "accept")
        assert Message.objects.get(pk=message.pk).status == "QUARANTINED"
        routing.settle_message(by(tom, "the broker took it back"), message.pk, "dismiss")

        assert Message.objects.get(pk=message.pk).status == "SETTLED"
        assert Execution.objects.count() == 0

    def test_a_bust_that_came_before_its_fill_is_booked_after_it(self, a_route, street):
        route = a_route(10_000)
        street.report(route, "H", "0", exec_id="B", ref="A", cum=0)
        message = Message.objects.get(status="QUARANTINED")

        street.report(route, "F", "1", exec_id="A", last=(1_000, 50), cum=1_000)

        route.refresh_from_db()
        assert int(route.cum_qty) == 0
        assert Execution.objects.get().status == "BUSTED"
        assert record_of("message", message.pk) == ["message.quarantined", "message.settled"]
        message.refresh_from_db()
        assert (message.status, message.decision) == ("SETTLED", "cleared")


class TestAfterTheBlockIsDone:
    def test_a_bust_opens_the_block_again(self, a_route, street):
        route = street.report(a_route(10_000), "F", "2", exec_id="A", last=(10_000, 50), cum=10_000)

        route = street.report(route, "H", "1", exec_id="B", ref="A", cum=0)

        block = Block.objects.get(pk=route.block_id)
        assert (block.status, int(block.filled_qty), int(block.placed_qty)) == ("WORKING", 0, 10_000)
        assert record_of("block", block.pk)[-2:] == ["block.done", "block.reopened"]

    def test_a_corrected_price_opens_it_and_it_is_done_again(self, a_route, street):
        route = street.report(a_route(10_000), "F", "2", exec_id="A", last=(10_000, 50), cum=10_000)

        route = street.report(route, "G", "2", exec_id="B", ref="A", last=(10_000, 51), cum=10_000)

        block = Block.objects.get(pk=route.block_id)
        assert (block.status, block.filled_value) == ("DONE", D(510_000))
        assert record_of("block", block.pk)[-3:] == ["block.done", "block.reopened", "block.done"]

    def test_a_late_fill_of_what_was_given_up_is_quarantined(self, a_route, street, tom, by):
        route = street.report(a_route(10_000), "4", "4", cum=0)
        block = Block.objects.get(pk=route.block_id)
        blocks.finish_blocks(by(tom), [block.pk], seen={block.pk: block.version})

        street.report(route, "F", "4", last=(100, 50), cum=100)

        assert problem() == "It leaves 100 more at the broker than the block has unplaced (0)."


class TestRejects:
    def test_a_business_reject_of_an_order_rejects_the_route(self, a_route, street):
        route = a_route(10_000)

        street.book(street.hear(route.broker_id, "j", {45: 1, 372: "D", 379: route.cl_ord_id, 380: 0, 58: "no such"}))

        route.refresh_from_db()
        assert (amounts(route), route.text) == (("REJECTED", 10_000, 0, 0), "no such")
        assert placed(route) == (0, 0)

    def test_a_session_reject_names_our_sequence_number(self, a_route, street):
        route = a_route(10_000)
        order = Message.objects.get(is_out=True)
        routing.mark_sent({order.pk: (77, street.start)})

        street.book(street.hear(route.broker_id, "3", {45: 77, 373: 1, 58: "tag missing"}))

        route.refresh_from_db()
        assert amounts(route) == ("REJECTED", 10_000, 0, 0)

    def test_a_confirmation_answered_is_told_to_settlement(self, a_route, street):
        route = a_route(10_000)

        street.book(street.hear(route.broker_id, "AU", {664: "C-1", 75: "20261123", 940: 2, 774: 1, 58: "who?"}))

        told = Entry.objects.get(event=events.PostTradeHeard.code).payload
        assert (told["ref"], told["answer"], told["text"]) == ("C-1", "2", "1: who?")


def test_the_cost_of_a_set_does_not_grow_with_its_messages(a_block, street, tom, by):
    counts = []
    for size in (1, 2, 20):  # The first warms what is asked once a process.
        made = [a_block("AAA", "BUY", 1_000, limit_price=str(40 + n), order_type="LIMIT") for n in range(size)]
        routed = routing.route_blocks(by(tom), [b.pk for b in made], seen={b.pk: b.version for b in made})
        ids = []
        for route in Route.objects.filter(pk__in=routed.routes):
            for kind, status, more in (
                ("0", "0", {}),
                ("F", "1", {"last": (500, 40), "cum": 500}),
                ("F", "2", {"last": (500, 40), "cum": 1_000}),
            ):
                ids.append(street.hear(route.broker_id, "8", street.report_fields(route, kind, status, **more)))
        with CaptureQueriesContext(connection) as ran:
            assert street.book(*ids) == (3 * size, 0, 0)
        counts.append(len(ran))

    assert counts[1] == counts[2] == 32
