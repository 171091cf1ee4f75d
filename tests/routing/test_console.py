"""FIX sessions as people run them: stopped and started, and sequence numbers that two set, which the gateway obeys once."""

import time

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.core.refusals import IllegalMove, Invalid, NotAllowed
from apps.routing import console_selectors as console
from apps.routing import services as routing
from apps.routing.models import Message, SequenceReset, Session, SessionGap, SessionState, SessionStop
from tests.races import at_once
from tests.routing.raw_acceptor import RawAcceptor
from tests.routing.test_gateway import GatewayProcess, wait_until


@pytest.fixture
def session(counterparties) -> Session:
    return Session.objects.get(target_comp_id="HARBOR")


@pytest.fixture
def proposed(session, by, olga):
    """Numbers that olga proposed for a session that she stopped."""

    def make(next_out: int | None = 1, next_in: int | None = 1) -> int:
        routing.stop_session(by(olga, "Asked for by the broker"), session.pk)
        return routing.propose_numbers(by(olga, "Both begin anew"), session.pk, next_out=next_out, next_in=next_in)

    return make


def seen(pk: int, version: int = 1) -> dict[int, int]:
    return {pk: version}


class TestStopped:
    def test_one_stops_it_and_another_starts_it(self, session, by, olga, alan):
        pk = routing.stop_session(by(olga, "Their certificate ran out"), session.pk)
        assert routing.wanted_of([session.pk]).stopped == {session.pk}

        routing.start_session(by(alan, "Renewed"), pk, seen=seen(pk))

        assert routing.wanted_of([session.pk]).stopped == frozenset()
        row = SessionStop.objects.get()
        assert (row.status, row.stopped_by, row.started_by, row.start_reason) == ("ENDED", olga, alan, "Renewed")

    def test_not_without_a_reason_nor_twice(self, session, by, olga, alan):
        with pytest.raises(Invalid, match="reason"):
            routing.stop_session(by(olga), session.pk)
        pk = routing.stop_session(by(olga, "Their wish"), session.pk)
        with pytest.raises(routing.StoppedAlready, match="by Olga"):
            routing.stop_session(by(alan, "Mine too"), session.pk)
        with pytest.raises(Invalid, match="reason"):
            routing.start_session(by(alan), pk, seen=seen(pk))
        routing.start_session(by(alan, "On"), pk, seen=seen(pk))
        with pytest.raises(IllegalMove):
            routing.start_session(by(alan, "On"), pk, seen=seen(pk, 2))

    @pytest.mark.parametrize("name", ["mira", "tom", "omar", "ada"])
    def test_others_do_not(self, session, by, people, name):
        with pytest.raises(NotAllowed):
            routing.stop_session(by(people[name], "Why not"), session.pk)
        assert not SessionStop.objects.exists()


class TestNumbers:
    def test_one_proposes_and_another_approves(self, session, proposed, by, olga, alan):
        pk = proposed(next_out=5, next_in=None)

        with pytest.raises(routing.OwnNumbers, match="another person"):
            routing.approve_numbers(by(olga), pk, seen=seen(pk))
        assert routing.wanted_of([session.pk]).numbers == {}
        routing.approve_numbers(by(alan), pk, seen=seen(pk))

        assert routing.wanted_of([session.pk]).numbers[session.pk].next_out == 5

    def test_the_database_says_so_too(self, proposed, olga):
        pk = proposed()

        with pytest.raises(IntegrityError, match="another_person_approves_sequence_numbers"), transaction.atomic():
            SequenceReset.objects.filter(pk=pk).update(status="APPROVED", decided_by=olga)

    def test_not_under_a_session_that_runs(self, session, by, olga, alan):
        pk = routing.propose_numbers(by(olga, "Both begin anew"), session.pk, next_out=1, next_in=1)

        with pytest.raises(routing.SessionRuns, match="Stop HARBOR first"):
            routing.approve_numbers(by(alan), pk, seen=seen(pk))
        assert SequenceReset.objects.get().status == "PROPOSED"

    @pytest.mark.parametrize(
        ("numbers", "field"), [((None, None), "next_out"), ((0, None), "next_out"), ((None, 10**9), "next_in"), ((1, -1), "next_in")]
    )
    def test_what_is_no_number_is_refused_beside_its_field(self, session, by, olga, numbers, field):
        with pytest.raises(Invalid) as refused:
            routing.propose_numbers(by(olga, "Why"), session.pk, next_out=numbers[0], next_in=numbers[1])
        assert refused.value.facts["field"] == field and not SequenceReset.objects.exists()

    def test_one_at_a_time_until_it_is_over(self, session, proposed, by, olga, alan):
        pk = proposed()
        with pytest.raises(routing.NumbersProposedAlready, match="ours 1, theirs 1"):
            routing.propose_numbers(by(alan, "Others"), session.pk, next_out=9, next_in=9)
        routing.decline_numbers(by(alan), pk, seen=seen(pk))

        routing.propose_numbers(by(alan, "Others"), session.pk, next_out=9, next_in=9)

    def test_an_approved_one_is_taken_back_until_the_gateway_begins(self, proposed, by, olga, alan):
        pk = proposed()
        routing.approve_numbers(by(alan), pk, seen=seen(pk))
        routing.decline_numbers(by(olga), pk, seen=seen(pk, 2))

        assert routing.begin_numbers(by("gateway"), pk, out_before=3, in_before=3) is False

    def test_what_a_gateway_began_and_did_not_end_is_never_done_again(self, session, proposed, by, alan):
        pk = proposed()
        routing.approve_numbers(by(alan), pk, seen=seen(pk))
        assert routing.begin_numbers(by("gateway"), pk, out_before=3, in_before=4)
        with pytest.raises(IllegalMove):
            routing.decline_numbers(by(alan), pk, seen=seen(pk, 3))

        assert routing.mark_numbers_unsure(by("gateway"), [session.pk]) == 1

        row = SequenceReset.objects.get()
        assert (row.status, row.out_before, row.in_before) == ("UNSURE", 3, 4)
        assert routing.wanted_of([session.pk]).numbers == {}


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_two_approve_and_one_is_told(self, proposed, by, alan, people):
        pk = proposed()
        answers = at_once(*[lambda: routing.approve_numbers(by(alan), pk, seen=seen(pk))] * 2)

        assert sorted(answers, key=str) == [None, "StaleNumbers"]
        assert SequenceReset.objects.get().version == 2

    def test_two_stop_it_and_one_is_told(self, session, by, olga, alan):
        answers = at_once(*[lambda who=who: routing.stop_session(by(who, "Now"), session.pk) for who in (olga, alan)])

        assert answers.count("StoppedAlready") == 1 and SessionStop.objects.count() == 1

    def test_started_while_it_is_approved_it_is_one_after_the_other(self, session, proposed, by, olga, alan):
        pk, stop = proposed(), SessionStop.objects.get()
        answers = at_once(
            lambda: routing.approve_numbers(by(alan), pk, seen=seen(pk)),
            lambda: routing.start_session(by(olga, "On"), stop.pk, seen=seen(stop.pk)),
        )

        approved = SequenceReset.objects.get().status == "APPROVED"
        assert answers == [None if approved else "SessionRuns", None]


class TestPages:
    def client(self, person) -> Client:
        client = Client()
        client.force_login(person)
        return client

    def test_a_session_is_stopped_renumbered_and_started_on_its_page(self, session, olga, alan):
        o, a = self.client(olga), self.client(alan)
        page = reverse("routing:console_session", args=[session.pk])
        stop = reverse("routing:session_stop", args=[session.pk])
        assert o.post(stop, {"reason": ""}).status_code == 422
        assert o.get(stop).status_code == 200 and o.post(stop, {"reason": "Their wish"}).status_code == 204
        ask = reverse("routing:numbers_propose", args=[session.pk])
        wrong = o.post(ask, {"next_out": "0", "reason": "New day"})
        assert wrong.status_code == 422 and list(wrong.context["form"].errors) == ["next_out"]
        assert o.get(ask).status_code == 200 and o.post(ask, {"next_out": "1", "next_in": "2", "reason": "New day"}).status_code == 204
        row = SequenceReset.objects.get()
        approve = reverse("routing:numbers_approve", args=[row.pk])
        assert approve not in o.get(page).content.decode() and approve in a.get(page).content.decode()
        assert "ours 1, theirs 2" in a.get(approve).content.decode()
        assert o.post(approve, {"seen": f"{row.pk}:1"}).status_code == 403
        assert a.post(approve, {"seen": f"{row.pk}:1"}).status_code == 204
        held = SessionStop.objects.get()
        start = reverse("routing:session_start", args=[held.pk])
        assert "Their wish" in a.get(start).content.decode()
        assert a.post(start, {"seen": f"{held.pk}:1", "reason": "Agreed"}).status_code == 204

        shown = a.get(page).content.decode()
        assert "Agreed" in shown and "New day" in shown and "No gateway" in a.get(reverse("routing:console")).content.decode()

    def test_the_same_over_the_api(self, session, olga, alan):
        o, a = self.client(olga), self.client(alan)
        done = o.post(reverse("api-session-stop", args=[session.pk]), {"reason": "Their wish"}, "application/json")
        assert (done.status_code, done.json()["stop"]["stopped_by"]) == (200, "olga")
        again = a.post(reverse("api-session-stop", args=[session.pk]), {"reason": "Mine"}, "application/json")
        assert (again.status_code, again.json()["code"]) == (409, "stopped_already")
        made = o.post(reverse("api-sequence-resets"), {"session_id": session.pk, "next_in": 7, "reason": "Gap"}, "application/json")
        assert (made.status_code, made.json()["next_out"]) == (201, None)
        url = reverse("api-sequence-reset-approve", args=[made.json()["id"]])
        assert o.post(url, {"version": 1}, "application/json").status_code == 403
        assert a.post(url, {"version": 1}, "application/json").json()["status"] == "APPROVED"
        stop = done.json()["stop"]
        on = a.post(reverse("api-session-start", args=[stop["id"]]), {"version": 1, "reason": "On"}, "application/json")
        assert (on.status_code, on.json()["stop"]) == (200, None)
        assert on.json()["reset"]["status"] == "APPROVED" and on.json()["gaps"] == []

    def test_what_it_says_of_a_gateway_ages(self, session):
        now = timezone.now()
        told = routing.Seen(session.pk, True, 5, 6, now, "0", now, now, 12)
        routing.keep_states("here", now, [told])
        routing.keep_states("here", now, [told._replace(next_out=7)])
        assert SessionState.objects.get().next_out == 7

        assert console.get_standing(session.pk, now + console.FRESH).words == "Up"
        assert console.get_standing(session.pk, now + console.FRESH * 2).words == "No gateway"


# --- over TCP ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def line(session, tmp_path):
    """A gateway process and the counterparty at the other end of one session."""
    Session.objects.exclude(pk=session.pk).update(is_enabled=False)
    broker = RawAcceptor("HARBOR")
    gateway = GatewayProcess(tmp_path / "fix", broker.port).start()
    try:
        wait_until("up", lambda: Session.objects.get(pk=session.pk).is_up, 120)
        yield broker, gateway
    finally:
        if gateway.process.poll() is None:
            gateway.kill()
        broker.close()


def state() -> SessionState:
    return SessionState.objects.get()


@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(240)
class TestObeyed:
    def test_it_is_stopped_renumbered_and_started(self, session, line, by, olga, alan):
        broker, gateway = line
        wait_until("told", lambda: SessionState.objects.filter(is_on=True, heard_type="A").exists(), 10)
        stop = routing.stop_session(by(olga, "Their wish"), session.pk)
        at = time.monotonic()
        broker.wait_for("5", seconds=20)
        assert time.monotonic() - at < 5, "a person's stop takes the gateway's look and QuickFIX's second"
        wait_until("down", lambda: not state().is_on, 10)
        pk = routing.propose_numbers(by(olga, "Both begin anew"), session.pk, next_out=40, next_in=70)
        routing.approve_numbers(by(alan), pk, seen=seen(pk))
        wait_until("set", lambda: SequenceReset.objects.get().status == "SET", 10)
        row = SequenceReset.objects.get()
        assert (row.out_before, row.in_before) == (3, 3)
        assert len([m for m in broker.heard if m[35] == "A"]) == 1, "it stays out until somebody starts it"

        broker.next_seq = 70
        routing.start_session(by(alan, "Agreed"), stop, seen=seen(stop))

        assert broker.wait_for("A", 2)[34] == "40"
        wait_until("up", lambda: state().is_on and (state().next_out, state().next_in) >= (41, 71), 20)
        assert gateway.process.poll() is None

    def test_nothing_is_handed_to_a_session_that_is_stopped_and_all_of_it_later(self, session, line, by, olga, alan, a_route):
        broker, _ = line
        stop = routing.stop_session(by(olga, "Their wish"), session.pk)
        broker.wait_for("5", seconds=20)
        route = a_route(1000)
        time.sleep(1)
        assert Message.objects.get(is_out=True).status == "QUEUED"

        routing.start_session(by(alan, "On"), stop, seen=seen(stop))

        assert broker.wait_for("D")[11] == route.cl_ord_id
        assert [m[35] for m in broker.heard].count("D") == 1

    def test_what_was_begun_before_a_crash_is_a_persons_to_look_at(self, session, line, by, olga, alan, tmp_path):
        broker, gateway = line
        gateway.kill()
        stop = routing.stop_session(by(olga, "Their wish"), session.pk)
        pk = routing.propose_numbers(by(olga, "Both begin anew"), session.pk, next_out=40, next_in=70)
        routing.approve_numbers(by(alan), pk, seen=seen(pk))
        routing.begin_numbers(by("gateway"), pk, out_before=2, in_before=2)  # And ended before it said that they are set.

        gateway.start()
        wait_until("unsure", lambda: SequenceReset.objects.get().status == "UNSURE", 60)
        routing.start_session(by(alan, "On"), stop, seen=seen(stop))

        assert int(broker.wait_for("A", 2)[34]) < 40

    def test_gaps_are_seen(self, session, line):
        broker, _ = line
        broker.next_seq += 3
        broker.send("0", {})
        asked = broker.wait_for("2")
        wait_until("kept", lambda: SessionGap.objects.exists(), 10)

        gap = SessionGap.objects.get()
        assert (gap.session_id, gap.is_ours, gap.first) == (session.pk, True, int(asked[7]))
        broker.send("2", {7: 1, 16: 0}, seq=int(asked[7]))
        wait_until("theirs", lambda: SessionGap.objects.filter(is_ours=False, first=1, last=0).exists(), 10)
