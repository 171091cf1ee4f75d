"""What is handed to sessions: in turn, in order, and never again when it was or is too old."""

import threading
from contextlib import nullcontext
from datetime import timedelta
from queue import SimpleQueue
from types import SimpleNamespace

import pytest
import quickfix as fix
from django.db import OperationalError
from django.utils import timezone

from apps.audit.selectors import automated_id
from apps.core.acts import Act
from apps.routing import services as routing
from apps.routing.gateway.application import HEARS_AFTER_SECONDS, Application
from apps.routing.gateway.loops import Sending
from apps.routing.gateway.process import Gateway
from apps.routing.models import Message, RouteRequest, Session

pytestmark = pytest.mark.django_db


@pytest.fixture
def sending(a_route, monkeypatch):
    """A sender whose one session is up and takes all, with an order to send."""
    made = SimpleNamespace(route=a_route(1000), handed=[], changed=SimpleQueue())
    made.session = Message.objects.get(is_out=True).session_id
    application = SimpleNamespace(is_wanted=lambda pk: True, last_handed=lambda: 7, session_ids={}, speaking=nullcontext)
    made.loop = Sending(threading.Event(), application, made.changed, {made.session: "FIX.4.4"}, {})
    monkeypatch.setattr(made.loop, "hand_over", lambda row: made.handed.append(row) or True)
    made.changed.put((made.session, True))
    return made


def away(*_):
    raise OperationalError("the database is away")


def test_what_was_handed_over_is_said_to_be_once_the_database_is_back_and_goes_out_once(sending, monkeypatch):
    mark = routing.mark_sent
    monkeypatch.setattr(routing, "mark_sent", away)
    with pytest.raises(OperationalError):
        sending.loop.once()
    assert Message.objects.get(msg_type="D").status == "SENDING"
    monkeypatch.setattr(routing, "mark_sent", mark)

    sending.changed.put((sending.session, True))
    sending.loop.once()

    [handed] = [row for row in sending.handed if row.msg_type == "D"]
    row = Message.objects.get(pk=handed.id)
    assert (row.status, row.seq_num, sending.loop.unmarked) == ("SENT", 7, {})


def test_of_sessions_that_come_and_go_the_newest_word_counts(sending, monkeypatch):
    keep = routing.mark_sessions

    def meanwhile(*_, **__):
        sending.changed.put((sending.session, True))
        away()

    sending.loop.once()
    sending.changed.put((sending.session, False))
    monkeypatch.setattr(routing, "mark_sessions", meanwhile)
    with pytest.raises(OperationalError):
        sending.loop.once()
    monkeypatch.setattr(routing, "mark_sessions", keep)
    sending.loop.once()

    assert (sending.loop.up, sending.loop.untold) == ({sending.session}, {})
    assert Session.objects.get(pk=sending.session).is_up


def test_a_backlog_of_a_paced_session_stands_before_nobody(a_route, by):
    routes = [a_route(100) for _ in range(8)]
    rows = list(Message.objects.filter(is_out=True).order_by("pk").values_list("session_id", flat=True))
    paced = rows[0]
    assert len(set(rows)) > 1 and rows.count(paced) > 2, routes
    last = Message.objects.filter(is_out=True).exclude(session=paced).latest("pk")

    taken = routing.take_to_send(sorted(set(rows)), limit=len(rows) - rows.count(paced) + 1, most={paced: 1})

    assert last.pk in {row.id for row in taken}
    assert [row.session_id for row in taken].count(paced) == 1


def test_what_is_heard_while_a_batch_goes_out_is_kept_after_it_as_of_when_it_came():
    kept = []
    inbox = SimpleNamespace(put=lambda pk, number, raw, at: kept.append((raw, at)))
    application = Application({"HARBOR": 7}, is_simulation=True, inbox=inbox, changed=SimpleQueue())
    session = fix.SessionID("FIX.4.4", "OMS-SIM", "HARBOR")
    message = fix.Message("8=FIX.4.4\x019=40\x0135=8\x0134=5\x0149=HARBOR\x0156=OMS-SIM\x0137=1\x0110=000\x01", False)
    hearing = threading.Thread(target=application.fromApp, args=(message, session))
    with application.speaking():
        began = timezone.now()
        hearing.start()
        hearing.join(HEARS_AFTER_SECONDS / 3)
        assert kept == [], "the batch is not out"
        spoken = timezone.now()
    hearing.join(10)

    [(_, at)] = kept
    assert began <= at < spoken

    with application.speaking():
        for _ in range(3):
            application.fromApp(message, session)  # None of a batch that stands still waits anew.
        assert len(kept) == 4


class TestUnsure:
    """Marked as being sent by a gateway that was killed."""

    @pytest.fixture
    def unsure(self, a_route) -> Message:
        a_route(1000)
        row = Message.objects.get(is_out=True)
        assert routing.take_to_send([row.session_id])
        return row

    def test_an_order_of_just_now_goes_out_again(self, unsure):
        [row] = routing.take_to_send([unsure.session_id], again=[unsure.session_id])
        assert row.is_repeat and routing.with_unsure([unsure.session_id]) == {unsure.session_id}

    def test_one_that_was_answered_does_not(self, unsure):
        RouteRequest.objects.update(answer="ACCEPTED")
        assert routing.take_to_send([unsure.session_id], again=[unsure.session_id]) == []
        assert routing.with_unsure([unsure.session_id]) == set()

    def test_nor_does_one_of_yesterday_which_is_asked_for(self, unsure):
        Message.objects.update(at=timezone.now() - timedelta(hours=15))
        assert routing.take_to_send([unsure.session_id], again=[unsure.session_id]) == []
        unsure.refresh_from_db()
        assert unsure.status == "SENT" and "too long ago" in unsure.problem
        act = Act(by=automated_id("gateway"), at=timezone.now(), via="gateway")
        assert routing.begin_reconciliations(act, [unsure.session_id]) == [unsure.session_id]


def test_a_gateway_told_to_stop_while_another_leads_touches_nothing(monkeypatch):
    done = []
    waits = SimpleNamespace(
        sending=SimpleNamespace(leadership=SimpleNamespace(holds=lambda: False)),
        stopping=SimpleNamespace(wait=lambda _: True, set=lambda: None),
        let_go=lambda: done.append("let go"), _refuse_taken_ports=lambda: done.append("went on"),
    )  # fmt: skip
    waits._wait_for_leadership = lambda: Gateway._wait_for_leadership(waits)
    monkeypatch.setattr("apps.routing.gateway.process.signal.signal", lambda *_: None)

    Gateway.run(waits)

    assert done == ["let go"]
