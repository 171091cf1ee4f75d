"""A counterparty has its numbers begin anew: what was under way is said again, what is open is asked for, and nothing is doubled."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.routing import services as routing
from apps.routing.gateway.store import Reserving
from apps.routing.models import Execution, Message, ReconciledRoute, Route, RouteRequest, Session, SessionNumbers
from apps.routing.services.doubting import LATELY
from tests.routing.raw_acceptor import RawAcceptor
from tests.routing.test_gateway import GatewayProcess, wait_until
from tests.routing.test_take_over import Kept

SECOND = timedelta(seconds=1)


@pytest.mark.django_db
class TestDoubt:
    def began(self, session, ago=timedelta(0)):
        at = timezone.now() - ago
        routing.hold_numbers(session.pk, "mine", out_ceiling=501, next_in=9, since=at)
        return at

    def said(self, route, at, **change) -> Message:
        Message.objects.filter(ref=route.cl_ord_id).update(status="SENT", sent_at=at, seq_num=4, **change)
        return Message.objects.get(ref=route.cl_ord_id)

    @pytest.mark.parametrize(
        ("before", "is_unsure"),
        [(SECOND, True), (LATELY, True), (LATELY + SECOND, False), (timedelta(0), False), (-SECOND, False)],
    )
    def test_what_was_sent_shortly_before_and_not_answered(self, a_route, before, is_unsure):
        route = a_route()
        session = Session.objects.get(broker_id=route.broker_id)
        message = self.said(route, self.began(session) - before)

        assert routing.doubt_unanswered([session.pk]) == ([message.pk] if is_unsure else [])
        message.refresh_from_db()
        assert message.status == ("SENDING" if is_unsure else "SENT")

    def test_not_what_was_answered_nor_what_another_session_said(self, a_route):
        one, other = a_route(), a_route()
        session = Session.objects.get(broker_id=one.broker_id)
        at = self.began(session)
        self.said(one, at - SECOND)
        self.said(other, at - SECOND)
        RouteRequest.objects.filter(route=one).update(answer="ACCEPTED")
        elsewhere = Session.objects.exclude(pk=session.pk).first()
        Message.objects.filter(ref=other.cl_ord_id).update(session=elsewhere)

        assert routing.doubt_unanswered([session.pk, elsewhere.pk]) == []

    def test_a_confirmation_whether_answered_or_not(self, counterparties):
        session = Session.objects.get(target_comp_id="HARBOR")
        at = self.began(session)
        sent = {"session": session, "is_out": True, "text": "58=x|", "at": at, "sent_at": at - SECOND, "seq_num": 1, "status": "SENT"}
        rows = [Message(msg_type=kind, ref=kind, **sent) for kind in ("AK", "H", "R")]
        Message.objects.bulk_create(rows)

        assert routing.doubt_unanswered([session.pk]) == [rows[0].pk], "a status is asked for anew, a quote of then is of no use"

    def test_of_a_list_where_one_of_its_orders_waits(self, a_route):
        one, other = a_route(), a_route()
        session = Session.objects.get(broker_id=one.broker_id)
        at = self.began(session)
        text = f"66=L1|73=2|11={one.cl_ord_id}|11={other.cl_ord_id}|"
        Message.objects.create(
            session=session, is_out=True, msg_type="E", ref="L1", text=text, at=at, sent_at=at - SECOND, seq_num=1, status="SENT"
        )
        RouteRequest.objects.filter(route=one).update(answer="ACCEPTED")

        assert len(routing.doubt_unanswered([session.pk])) == 1
        Message.objects.update(status="SENT")
        RouteRequest.objects.filter(route=other).update(answer="REJECTED")
        assert routing.doubt_unanswered([session.pk]) == []


class TestReserved:
    def test_a_logon_that_resets_begins_anew_also_as_the_first_that_is_said(self):
        kept = Kept()
        Reserving({7: 900}, kept).note(7, 1, resets=True)

        assert (kept.asked, kept.waited) == ([(7, 501, True)], [501])


@pytest.mark.django_db
def test_whoever_takes_over_expects_the_first_of_new_numbers(counterparties):
    session = Session.objects.get(target_comp_id="HARBOR")
    routing.hold_numbers(session.pk, "mine", out_ceiling=501, next_in=90)
    routing.raise_ceiling(session.pk, "mine", 1001)
    assert SessionNumbers.objects.get().next_in == 90
    routing.raise_ceiling(session.pk, "mine", 501, timezone.now())

    assert (SessionNumbers.objects.get().next_in, SessionNumbers.objects.get().out_ceiling) == (1, 501)
    since = SessionNumbers.objects.get().since
    routing.note_expected("mine", {session.pk: 90}, since - SECOND)
    assert SessionNumbers.objects.get().next_in == 1, "it was seen before they began"
    routing.note_expected("mine", {session.pk: 2}, since)
    assert SessionNumbers.objects.get().next_in == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(300)
def test_an_order_that_was_lost_with_the_numbers_goes_out_again_and_one_that_was_not_is_asked_for(a_route, a_block, tom, by, tmp_path):
    lost = a_route(10_000)
    mine = Session.objects.get(broker_id=lost.broker_id)
    block = a_block("AAA", "BUY", 10_000)
    routed = routing.route_blocks(
        by(tom, "To have both at one."), [block.pk], seen={block.pk: block.version}, broker_code=mine.broker.code
    )
    known = Route.objects.get(pk=routed.routes[0])
    Session.objects.exclude(pk=mine.pk).update(is_enabled=False)
    broker = RawAcceptor(mine.target_comp_id)
    gateway = GatewayProcess(tmp_path / "a", broker.port).start()
    try:
        order = broker.wait_for("D", 2, seconds=90)
        said = {37: "O1", 11: known.cl_ord_id, 55: "AAA", 54: 1, 38: 10_000, 60: order[52], 6: 50}
        for n in range(1, 4):
            broker.send("8", said | {17: f"E{n}", 150: "F", 39: "1", 32: 100, 31: 50, 14: n * 100, 151: 10_000 - n * 100})
        wait_until("booked", lambda: Execution.objects.count() == 3, 30)
        before = len(broker.heard)
        broker.hang_up(begins_anew=True)

        wait_until("answered", lambda: any(m[35] == "H" and m[11] == known.cl_ord_id for m in broker.heard), 60)
        heard = broker.heard[before:]
        logons = [(m[34], m.get(141)) for m in heard if m[35] == "A"]
        assert len(logons) == 2 and int(logons[0][0]) > 2 and logons[1] == ("1", "Y")
        orders = [(m[11], m.get(97)) for m in heard if m[35] == "D"]
        assert orders == [(lost.cl_ord_id, "Y")], "the other was answered"
        assert not any(m[35] in ("2", "5") for m in heard), "nothing of the old numbers is asked for"

        wait_until("both asked for", lambda: len([m for m in broker.heard if m[35] == "H"]) == 2, 30)
        state = {150: "I", 39: "1", 31: 0, 32: 0}
        broker.send("8", said | state | {17: "S1", 14: 400, 151: 9_600})
        broker.send("8", said | state | {17: "S2", 11: lost.cl_ord_id, 37: "O2", 39: "0", 14: 0, 151: 10_000, 6: 0})
        wait_until("held against ours", lambda: not ReconciledRoute.objects.filter(found="ASKED").exists(), 30)
        assert {one.route_id: one.found for one in ReconciledRoute.objects.all()} == {known.pk: "MORE", lost.pk: "AGREES"}
        for n in (3, 4):  # Said again, and what was lost.
            broker.send("8", said | {17: f"E{n}", 150: "F", 39: "1", 32: 100, 31: 50, 14: n * 100, 151: 10_000 - n * 100})
        wait_until("booked", lambda: Execution.objects.count() == 4, 30)
        assert Route.objects.get(pk=known.pk).cum_qty == 400
        assert not Message.objects.filter(status="QUARANTINED").exists()
        assert (gateway.process.poll(), gateway.stop()) == (None, 0)
    finally:
        if gateway.process.poll() is None:
            gateway.kill()
        broker.close()
