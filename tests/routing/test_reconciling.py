"""As a session comes back: brokers are asked for open orders, new ones wait, and a person decides about what differs."""

import threading
import time
from contextlib import nullcontext
from datetime import timedelta
from decimal import Decimal
from queue import SimpleQueue

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from apps.audit.selectors import automated_id
from apps.core.acts import Act
from apps.core.refusals import IllegalMove, Invalid, NotAllowed, NotFound
from apps.routing import reconciling_selectors as selectors
from apps.routing import rules
from apps.routing import services as routing
from apps.routing.gateway.loops import Sending
from apps.routing.models import Execution, Message, ReconciledRoute, Reconciliation, Route, Session
from apps.routing.rules.reconciling import Found, Ours, Told, missing_price
from apps.routing.states import Rt
from tests.races import at_once
from tests.routing.raw_acceptor import RawAcceptor
from tests.routing.test_gateway import GatewayProcess, wait_until

from .conftest import amounts, placed, sent

D = Decimal


# --- the rule ---------------------------------------------------------------------------------------------------------


def ours(cum="200", value="10000", status=Rt.PARTLY_FILLED, qty="1000") -> Ours:
    return Ours("A1", "O1", "1", status, D(qty), D(cum), D(value))


def told(status="1", cum="200", leaves="800", price="50", unknown=False) -> Told:
    return Told(status, None if cum is None else D(cum), D(leaves), None if price is None else D(price), "O1", unknown, "")


class TestDifference:
    @pytest.mark.parametrize(
        ("here", "there", "found"),
        [
            (ours(), told(), "AGREES"), (ours(), told("6"), "AGREES"), (ours(), told("5"), "AGREES"), (ours(), told(cum=None), "AGREES"),
            (ours(), told(cum="200.0001"), "MORE"), (ours(), told(cum="199.9999"), "LESS"), (ours(), told("4", leaves="0"), "OVER"),
            (ours(), told("2", cum="1000", leaves="0"), "MORE"), (ours("200", status=Rt.CANCELED), told(), "ALIVE"),
            (ours("200", status=Rt.CANCELED), told("C"), "AGREES"), (ours(), told("8", cum="0", unknown=True), "UNKNOWN"),
        ],
    )  # fmt: skip
    def test_what_is_filled_counts_before_the_state(self, here, there, found):
        assert rules.difference(here, there) == found

    @pytest.mark.parametrize(
        ("average", "price"), [("50", "50"), ("50.5", "50.6667"), ("33.3333", "30"), ("47.5", "46.6667"), ("12.5", None)]
    )
    def test_the_price_of_what_is_missing_is_the_shortest_that_gives_their_average(self, average, price):
        here = ours("200", "8000") if average == "33.3333" else ours()
        found = missing_price(here, told(cum="800" if average != "33.3333" else "600", price=average))
        if price is None:
            assert found is None or found * 600 + 10_000 == D(average) * 800
        elif average == "33.3333":
            assert found is not None and abs((8000 + 400 * found) / 600 - D(average)) <= D("0.00005")
        else:
            assert found is not None and abs(found - D(price)) <= D("0.001")

    def test_no_price_where_none_is_told_or_it_would_not_be_one(self):
        assert missing_price(ours(), told(cum="300", price=None)) is None
        assert missing_price(ours("200", "100000"), told(cum="300", price="1")) is None

    def test_its_reports_bring_it_there(self):
        (fill, end) = rules.mending_reports(Found.MORE, ours(), told("4", cum="500", leaves="0"), "X", timezone.now())

        assert [dict(fill)[tag] for tag in (150, 39, 32, 31, 14, 151)] == ["F", "1", "300", "50", "500", "500"]
        assert [dict(end)[tag] for tag in (150, 39, 14, 151)] == ["4", "4", "500", "0"]
        assert rules.mending_reports(Found.LESS, ours(), told(cum="1"), "X", timezone.now()) == []


class Wanted:
    """As much of the gateway's application as the sender needs."""

    is_wanted = staticmethod(lambda session_id: True)
    last_handed = staticmethod(lambda: 1)
    speaking = staticmethod(nullcontext)


# --- kept -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def back(by):
    """The session of a route's broker comes back, with what was queued sent before."""

    def come(route: Route) -> Reconciliation:
        Message.objects.filter(is_out=True, status="QUEUED").update(status="SENT")
        routing.begin_reconciliations(by("gateway"), [Session.objects.get(broker=route.broker_id).pk])
        return Reconciliation.objects.order_by("-pk").first()

    return come


@pytest.fixture
def states(street):
    """A broker answers what it was asked of a route."""

    def answer(route: Route, status: str, **more) -> ReconciledRoute:
        more = {"exec_id": "0", "qty": route.qty, "6": more.pop("price", 50)} | more
        street.report(route, more.pop("kind", "I"), status, **more)
        return ReconciledRoute.objects.filter(route=route).latest("pk")

    return answer


class TestAsked:
    def test_of_every_open_order_once_and_new_ones_wait(self, a_route, back, states, street):
        one, other = a_route(1000), a_route(2000)
        one = street.report(one, "F", "1", last=(200, 50), cum=200, leaves=800)
        row = back(one)
        session = row.session_id
        assert {(m[11], m[54]) for m in sent("H")} == {(r.cl_ord_id, "1") for r in (one, other) if r.broker_id == one.broker_id}
        assert routing.reconciling([session]) == {session}

        fresh = a_route(3000)
        Route.objects.filter(pk=fresh.pk)
        taken = routing.take_to_send([session], held={session})
        assert "D" not in [m.msg_type for m in taken] and "H" in [m.msg_type for m in taken]
        for route in Route.objects.filter(broker=one.broker_id).exclude(pk=fresh.pk):
            states(route, "1" if route.cum_qty else "0", cum=route.cum_qty, leaves=route.leaves_qty)

        row.refresh_from_db()
        assert (row.status, row.ended_at is not None) == ("AGREED", True)
        assert routing.reconciling([session]) == set()
        if fresh.broker_id == one.broker_id:
            assert "D" in [m.msg_type for m in routing.take_to_send([session])]

    def test_not_of_what_was_never_sent_nor_of_what_is_over(self, a_route, street, by):
        over, unsent = a_route(1000), a_route(1000)
        street.report(over, "8", "8")
        sessions = list(Session.objects.values_list("pk", flat=True))

        assert routing.begin_reconciliations(by("gateway"), sessions) == []
        assert not Reconciliation.objects.exists() and sent("H") == [] and unsent.status == "PENDING_SEND"

    def test_what_could_not_be_asked_for_is_asked_again_and_new_orders_wait_till_then(self, a_route, asks, monkeypatch):
        working = a_route(1000)
        Message.objects.filter(is_out=True).update(status="SENT")
        fresh = next(route for route in (a_route(1000) for _ in range(8)) if route.broker_id == working.broker_id)
        asks(working)
        session = Session.objects.get(broker=working.broker_id).pk
        ask, changed, handed = routing.begin_reconciliations, SimpleQueue(), []
        monkeypatch.setattr(routing, "begin_reconciliations", lambda *_: 1 / 0)
        sending = Sending(threading.Event(), Wanted(), changed, {session: "FIX.4.4"}, {})
        monkeypatch.setattr(sending, "hand_over", lambda row: handed.append(row.msg_type) or True)

        changed.put((session, True))
        sending.once()
        sending.once()
        assert handed == ["F"]

        monkeypatch.setattr(routing, "begin_reconciliations", ask)
        sending.unasked = {session: 0.0}
        sending.once()
        assert (handed, sending.unasked) == (["F", "H"], {})
        routing.end_due_reconciliations(Act(by=automated_id("gateway"), at=timezone.now() + timedelta(hours=1), via="gateway"))
        sending.once()
        assert handed[:2] == ["F", "H"] and "D" in handed, f"then {fresh.cl_ord_id} goes"

    def test_a_cancel_goes_out_but_not_before_the_order_it_cancels(self, a_route, back, asks):
        working = a_route(1000)
        session = back(working).session_id
        fresh = next(route for route in (a_route(1000) for _ in range(8)) if route.broker_id == working.broker_id)
        early, due = asks(fresh), asks(working)

        taken = routing.take_to_send([session], held={session})
        out = {dict(rules.fields_of(m.text))[11] for m in taken if m.msg_type == "F"}

        assert due in out and early not in out
        rest = routing.take_to_send([session])
        assert [dict(rules.fields_of(m.text))[11] for m in rest if m.msg_type in "DF"][-1] == early

    def test_it_costs_the_same_for_more_orders(self, a_route, by, street):
        Session.objects.filter(broker__kind="broker").exclude(target_comp_id="HARBOR").update(is_enabled=False)
        session, counts = Session.objects.get(target_comp_id="HARBOR"), []
        for n in (1, 2, 6):  # The first is not asked anew.
            for _ in range(n):
                a_route(1000)
            Message.objects.filter(is_out=True).update(status="SENT")
            with CaptureQueriesContext(connection) as ran:
                routing.begin_reconciliations(by("gateway"), [session.pk])
            counts.append(len(ran))
        assert counts[1] == counts[2]

    def test_who_does_not_answer_in_time_is_shown_and_new_orders_go_on(self, a_route, back, by, states):
        route = a_route(1000)
        row = back(route)
        assert routing.end_due_reconciliations(by("gateway")) == 0
        Reconciliation.objects.update(due_at=timezone.now() - timedelta(seconds=1))
        assert routing.end_due_reconciliations(by("gateway")) == 1

        assert routing.reconciling([row.session_id]) == set()
        assert (Reconciliation.objects.get().status, ReconciledRoute.objects.get(route=route).found) == ("DIFFERS", "SILENT")
        for one in ReconciledRoute.objects.all():
            states(one.route, "0", cum=0, leaves=one.route.qty)  # Late, and the same.
        assert Reconciliation.objects.get().status == "MENDED"

    def test_a_session_that_comes_back_again_asks_again(self, a_route, back, by, tom):
        route = a_route(1000)
        first = back(route)
        second = back(route)

        first.refresh_from_db()
        assert (first.status, second.status, len(sent("H"))) == ("REPLACED", "WAITING", 2)
        row = first.rows.get()
        with pytest.raises((IllegalMove, routing.NotMendable)):
            routing.decide_difference(by(tom, "No matter"), row.pk, "KEEP", seen={first.pk: first.version})

    def test_one_at_a_time_in_the_database_too(self, a_route, back):
        row = back(a_route(1000))

        with pytest.raises(IntegrityError, match="a_session_reconciles_once_at_a_time"), transaction.atomic():
            Reconciliation.objects.create(session=row.session, began_at=row.began_at, due_at=row.due_at)

    def test_a_state_nobody_asked_for_changes_nothing(self, a_route, street):
        route = a_route(1000)
        after = street.report(route, "I", "4", cum=300, leaves=0, exec_id="0", **{"6": 50})

        assert amounts(after) == amounts(route) and not Message.objects.filter(status="QUARANTINED").exists()


class TestDecided:
    def test_what_is_missing_is_booked_as_their_average_says(self, a_route, back, states, street, by, tom):
        route = a_route(1000)
        route = street.report(route, "F", "1", last=(200, 49), cum=200, leaves=800)
        row = back(route)
        one = states(route, "1", cum=500, leaves=500, price="49.6")
        assert one.found == "MORE" and selectors.get_line(tom, one.pk).mend == "Book what is missing: 300 at 50."
        row.refresh_from_db()

        routing.decide_difference(by(tom, "Confirmed on the phone"), one.pk, "MEND", seen={row.pk: row.version})

        route.refresh_from_db()
        assert amounts(route) == ("PARTLY_FILLED", 1000, 500, 500) and route.cum_value == D("24800")
        assert [(e.qty, e.price) for e in Execution.objects.order_by("pk")] == [(200, 49), (300, 50)]
        assert placed(route) == (1000, 500)
        row.refresh_from_db()
        one.refresh_from_db()
        assert (row.status, one.decision, one.decided_by, one.reason) == ("MENDED", "MEND", tom, "Confirmed on the phone")
        assert Message.objects.get(status="SETTLED").decision == "accept"

    def test_the_execution_that_comes_after_all_is_held(self, a_route, back, states, street, by, tom):
        route = a_route(1000)
        row = back(route)
        one = states(route, "1", cum=500, leaves=500, price="50")
        row.refresh_from_db()
        routing.decide_difference(by(tom, "On the phone"), one.pk, "MEND", seen={row.pk: row.version})

        street.report(route, "F", "1", last=(500, 50), cum=500, leaves=500)

        assert Execution.objects.count() == 1
        assert "may be of what was booked as missing" in Message.objects.get(status="QUARANTINED").problem

    def test_what_is_filled_after_it_is_booked_as_ever(self, a_route, back, states, street, by, tom):
        route = a_route(1000)
        row = back(route)
        one = states(route, "1", cum=500, leaves=500, price="50")
        row.refresh_from_db()
        routing.decide_difference(by(tom, "On the phone"), one.pk, "MEND", seen={row.pk: row.version})

        later = timezone.now() + timedelta(seconds=1)
        route = street.report(route, "F", "1", last=(100, 51), cum=600, leaves=400, at=later)
        assert amounts(route) == ("PARTLY_FILLED", 1000, 600, 400)
        street.report(route, "F", "1", last=(200, 50), cum=200, leaves=800, at=later + timedelta(seconds=1))
        assert "does not add up" in Message.objects.get(status="QUARANTINED").problem

    @pytest.mark.parametrize(
        ("status", "more", "after"),
        [
            ("4", {"cum": 500, "leaves": 0}, ("CANCELED", 1000, 500, 0)), ("4", {"cum": 0, "leaves": 0}, ("CANCELED", 1000, 0, 0)),
            ("C", {"cum": 0, "leaves": 0}, ("EXPIRED", 1000, 0, 0)), ("2", {"cum": 1000, "leaves": 0}, ("FILLED", 1000, 1000, 0)),
            ("8", {"cum": 0, "leaves": 0, "103": 5}, ("REJECTED", 1000, 0, 0)),
            ("8", {"kind": "8", "cum": 0, "leaves": 0, "103": 5}, ("REJECTED", 1000, 0, 0)),
        ],
    )  # fmt: skip
    def test_it_becomes_as_the_broker_says(self, a_route, back, states, street, by, tom, status, more, after):
        route = street.report(a_route(1000), "0", "0", cum=0, leaves=1000)
        row = back(route)
        one = states(route, status, **more)
        route.refresh_from_db()
        assert amounts(route) == ("NEW", 1000, 0, 1000), "nothing changes unless a person says so"
        row.refresh_from_db()

        routing.decide_difference(by(tom, "On the phone"), one.pk, "MEND", seen={row.pk: row.version})

        route.refresh_from_db()
        assert amounts(route) == after
        assert placed(route)[0] == after[2] + after[3]

    def test_it_may_be_kept_and_less_there_can_only_be(self, a_route, back, states, street, by, tom):
        route = street.report(a_route(1000), "F", "1", last=(200, 49), cum=200, leaves=800)
        row = back(route)
        one = states(route, "1", cum=100, leaves=900)
        row.refresh_from_db()
        assert (one.found, selectors.get_line(tom, one.pk).mend) == ("LESS", "")
        with pytest.raises(routing.NotMendable, match="Call it"):
            routing.decide_difference(by(tom, "Why"), one.pk, "MEND", seen={row.pk: row.version})

        routing.decide_difference(by(tom, "They look for it"), one.pk, "KEEP", seen={row.pk: row.version})

        row.refresh_from_db()
        assert row.status == "MENDED"
        assert amounts(Route.objects.get()) == ("PARTLY_FILLED", 1000, 200, 800)

    def test_not_where_more_was_heard_since(self, a_route, back, states, street, by, tom):
        route = a_route(1000)
        row = back(route)
        one = states(route, "1", cum=500, leaves=500)
        street.report(route, "F", "1", last=(500, 50), cum=500, leaves=500)
        row.refresh_from_db()

        with pytest.raises(routing.OrderMoved, match="500 filled by now"):
            routing.decide_difference(by(tom, "Why"), one.pk, "MEND", seen={row.pk: row.version})
        assert Execution.objects.count() == 1 and not Message.objects.filter(status="QUARANTINED").exists()

    def test_refused_without_a_reason_a_way_the_right_or_the_newest_version(self, a_route, back, states, by, tom, olga):
        route = a_route(1000)
        row = back(route)
        one = states(route, "4", cum=0, leaves=0)
        row.refresh_from_db()
        seen = {row.pk: row.version}
        for who, how, why, refusal in ((tom, "MEND", "", Invalid), (tom, "WIPE", "Why", Invalid), (olga, "MEND", "Why", NotAllowed)):
            with pytest.raises(refusal):
                routing.decide_difference(by(who, why), one.pk, how, seen=seen)
        with pytest.raises(NotFound):
            routing.decide_difference(by(tom, "Why"), 10**9, "KEEP", seen=seen)
        with pytest.raises(routing.StaleReconciliation):
            routing.decide_difference(by(tom, "Why"), one.pk, "MEND", seen={row.pk: row.version - 1})
        assert amounts(Route.objects.get())[0] == "PENDING_SEND" and Message.objects.filter(status="SETTLED").count() == 0

    def test_dialects_do_not_change_what_is_written_here(self, a_route, back, states, firm, by, olga, alan, tom):
        from apps.reference.models import Instrument
        from apps.routing.rules.dialects import PriceUnit

        Instrument.objects.filter(symbol="AAA").update(currency="GBP")
        for session in Session.objects.filter(broker__kind="broker"):
            pk = routing.propose_dialect(by(olga, "Asked"), session.pk, rules.Dialect(price_units=(PriceUnit("GBP", "GBX", 100),)))
            routing.approve_dialect(by(alan), pk, seen={pk: 1})
        route = a_route(1000)
        row = back(route)
        one = states(route, "1", cum=500, leaves=500, price="5000")
        row.refresh_from_db()
        assert one.their_price == 50
        routing.decide_difference(by(tom, "On the phone"), one.pk, "MEND", seen={row.pk: row.version})

        assert Execution.objects.get().price == 50


@pytest.mark.django_db(transaction=True)
def test_of_two_who_mend_at_once_one_does(a_route, back, states, by, tom, tess):
    route = a_route(1000)
    row = back(route)
    one = states(route, "1", cum=500, leaves=500)
    row.refresh_from_db()

    def mend(who):
        return lambda: routing.decide_difference(by(who, "On the phone"), one.pk, "MEND", seen={row.pk: row.version})

    answers = at_once(mend(tom), mend(tess))

    assert sorted(map(str, answers)) in (["None", "OrderMoved"], ["None", "StaleReconciliation"])
    assert Execution.objects.count() == 1 and amounts(Route.objects.get())[2] == 500


class TestPages:
    def client(self, person) -> Client:
        client = Client()
        client.force_login(person)
        return client

    def test_a_trader_mends_on_the_page_and_another_system_over_the_api(self, a_route, back, states, tom, olga):
        route = a_route(1000)
        row = back(route)
        one = states(route, "1", cum=500, leaves=500)
        row.refresh_from_db()
        t = self.client(tom)
        page = t.get(reverse("routing:reconciliations")).content.decode()
        assert "Book what is missing: 500 at 50." in page
        mend = reverse("routing:difference_mend", args=[one.pk])
        assert mend in page and mend not in self.client(olga).get(reverse("routing:reconciliations")).content.decode()
        assert t.get(mend).status_code == 200
        assert t.post(mend, {"seen": f"{row.pk}:{row.version}", "reason": ""}).status_code == 422
        stale = t.post(mend, {"seen": f"{row.pk}:{row.version - 1}", "reason": "On the phone"})
        assert stale.status_code == 409
        url = reverse("api-difference-decide", args=[one.pk])
        listed = t.get(reverse("api-reconciliations")).json()["results"][0]
        assert (listed["status"], listed["routes"][0]["found"], listed["version"]) == ("DIFFERS", "MORE", row.version)
        assert t.post(url, {"how": "MEND", "version": row.version - 1, "reason": "Phone"}, "application/json").status_code == 409
        done = t.post(url, {"how": "MEND", "version": row.version, "reason": "Phone"}, "application/json")
        assert (done.status_code, done.json()["decision"], done.json()["decided_by"]) == (200, "MEND", "tom")
        assert t.get(reverse("routing:difference_keep", args=[one.pk])).status_code == 200


# --- over TCP ---------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(240)
def test_after_a_reconnect_no_new_order_until_the_open_one_is_answered(a_route, tmp_path, monkeypatch):
    monkeypatch.setenv("OMS_RECONCILE_SECONDS", "60")
    route = a_route(10_000)
    mine = Session.objects.get(broker_id=route.broker_id)
    Session.objects.exclude(pk=mine.pk).update(is_enabled=False)
    broker = RawAcceptor(mine.target_comp_id)
    gateway = GatewayProcess(tmp_path / "fix", broker.port).start()
    try:
        order = broker.wait_for("D", seconds=90)
        said = {37: "O1", 11: order[11], 55: "AAA", 54: 1, 38: 10_000, 60: order[52]}
        broker.send("8", said | {17: "E1", 150: "0", 39: "0", 14: 0, 151: 10_000, 6: 0})
        wait_until("acknowledged", lambda: Route.objects.get(pk=route.pk).status == "NEW", 30)
        broker.socket.close()
        asked = broker.wait_for("H")
        assert (asked[11], asked[37]) == (order[11], "O1")
        fresh = a_route(500)
        time.sleep(1.5)
        assert [m[35] for m in broker.heard].count("D") == 1, "it waits"

        broker.send("8", said | {17: "0", 150: "I", 39: "1", 14: 4_000, 151: 6_000, 6: "49.5"})

        assert broker.wait_for("D", 2)[11] == fresh.cl_ord_id
        one = ReconciledRoute.objects.get()
        assert (one.found, one.their_cum, one.reconciliation.status) == ("MORE", 4_000, "DIFFERS")
        assert amounts(Route.objects.get(pk=route.pk)) == ("NEW", 10_000, 0, 10_000)
    finally:
        gateway.kill()
        broker.close()
