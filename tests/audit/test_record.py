"""The record: written with its change, told to listeners, kept from change."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from psycopg.errors import UniqueViolation

from apps.audit import deliveries, services
from apps.audit.models import ActRow, Delivery, Entry
from apps.core.events import Event, Fact, Then, listens

heard: list = []


@dataclass(frozen=True)
class BellRung(Event, code="bell.rung"):
    tone: str = "a"


@listens("test.now")
def hear_now(act, facts):
    heard.append(("now", [f.subject_id for f in facts]))


@listens("test.later")
def hear_later(act, facts):
    if any(f.event.tone == "cracked" for f in facts):
        raise RuntimeError("a cracked bell")
    heard.append(("later", [f.subject_id for f in facts]))


@pytest.fixture(autouse=True)
def belfry(monkeypatch):
    heard.clear()
    monkeypatch.setattr(services, "flow", lambda: {BellRung: Then(now=[hear_now], later=[hear_later])})


@pytest.fixture
def ring(by, people):
    def go(*bells: int, tone: str = "a"):
        act = by("worker")
        with transaction.atomic():
            services.record(act, [Fact(bell, 1, BellRung(tone)) for bell in bells])
        return act

    return go


def test_writes_one_entry_a_fact_and_one_promise_a_listener(ring):
    act = ring(1, 2)
    assert list(Entry.objects.values_list("act_id", "event", "subject", "subject_id", "nth", "payload")) == [
        (act.id, "bell.rung", "bell", 1, 1, {"tone": "a"}),
        (act.id, "bell.rung", "bell", 2, 1, {"tone": "a"}),
    ]
    promise = Delivery.objects.get()
    assert (promise.listener, promise.status) == ("test.later", "OPEN")
    assert heard == [("now", [1, 2])]


def test_takes_as_many_statements_for_200_facts_as_for_2(ring):
    ring(5)
    with CaptureQueriesContext(connection) as two:
        ring(1, 2)
    with CaptureQueriesContext(connection) as many:
        ring(*range(10, 210))
    assert len(two) == len(many)


def test_refuses_a_second_entry_for_one_change(ring):
    ring(1)
    with pytest.raises(UniqueViolation, match="each_change_of_a_subject_has_one_entry"), transaction.atomic():
        ring(1)


def test_keeps_a_promise_once(ring):
    ring(1, 2)
    promise = Delivery.objects.get()
    assert deliveries.deliver(promise.pk) is True
    assert deliveries.deliver(promise.pk) is False
    assert heard == [("now", [1, 2]), ("later", [1, 2])]


def test_retries_then_halves_then_parks_only_the_poison_fact(by, people):
    act = by("worker")
    with transaction.atomic():
        services.record(act, [Fact(n, 1, BellRung("cracked" if n == 3 else "a")) for n in (1, 2, 3, 4)])
    for _ in range(40):
        Delivery.objects.update(due_at=timezone.now() - timedelta(minutes=1))
        for pk in deliveries.due():
            deliveries.deliver(pk)
    assert sorted(ids for when, ids in heard if when == "later") == [[1, 2], [4]]
    parked = Delivery.objects.get(status="PARKED")
    assert [f.subject_id for f in deliveries.facts_of(parked)] == [3]
    assert "a cracked bell" in parked.error
    assert Delivery.objects.filter(status="OPEN").count() == 0


@pytest.mark.parametrize("table", ["audit_entry", "audit_act", "audit_seal"])
@pytest.mark.parametrize("verb", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_is_append_only(ring, table, verb):
    from apps.audit import seals

    ring(1)
    seals.make_seal()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(DatabaseError, match="pgtrigger"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(verb.format(table))
    assert Entry.objects.count() == ActRow.objects.count() == 1


class TestAnswerOnce:
    def test_gives_the_first_answer_to_a_repeat(self, by, mira):
        calls = []

        def work():
            calls.append(1)
            return {"orders": [7]}

        first = services.answer_once(by(mira, key="k"), "orders.create", {"qty": "5"}, work)
        again = services.answer_once(by(mira, key="k"), "orders.create", {"qty": "5"}, work)
        assert (first, again, len(calls)) == (({"orders": [7]}, False), ({"orders": [7]}, True), 1)

    def test_refuses_the_key_for_something_else(self, by, mira):
        services.answer_once(by(mira, key="k"), "orders.create", {"qty": "5"}, lambda: 1)
        with pytest.raises(services.KeyReused):
            services.answer_once(by(mira, key="k"), "orders.create", {"qty": "6"}, lambda: 2)

    def test_keeps_nothing_of_work_that_was_refused(self, by, mira):
        def refuse():
            raise RuntimeError("no")

        with pytest.raises(RuntimeError):
            services.answer_once(by(mira, key="k"), "orders.create", {"qty": "5"}, refuse)
        assert services.answer_once(by(mira, key="k"), "orders.create", {"qty": "6"}, lambda: 2) == (2, False)
