"""Following the record from an offset: in order, whole, and only what one may see."""

import threading

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from apps.audit.models import Entry
from apps.orders import services as orders

URL = "/api/v1/events/"


@pytest.fixture
def wish(firm):
    def make(portfolio="P1", **more):
        return orders.Wish(firm.portfolios[portfolio].pk, firm.instruments["AAA"].pk, "BUY", "100", **more)

    return make


def at(person) -> APIClient:
    api = APIClient()
    api.force_authenticate(person)
    return api


def followed(person, **asked) -> dict:
    answer = at(person).get(URL, asked)
    assert answer.status_code == 200, answer.json()
    return answer.json()


class TestFollowing:
    def test_pages_from_an_offset_lead_through_every_event_once(self, wish, mira, by):
        orders.create_orders(by(mira), [wish() for _ in range(7)])
        seen, after = [], 0
        while True:
            page = followed(mira, after=after, limit=3)
            seen += [event["seq"] for event in page["events"]]
            assert page["after"] == after and page["next"] >= after
            after = page["next"]
            if not page["more"]:
                break
        assert seen == list(Entry.objects.filter(subject="order").order_by("pk").values_list("pk", flat=True))
        assert followed(mira, after=after) == {"after": after, "next": after, "more": False, "events": []}
        [late] = orders.create_orders(by(mira), [wish()])
        [event] = followed(mira, after=after)["events"]
        assert (event["event"], event["subject_id"], event["nth"], event["by"]) == ("order.created", late, 1, "mira")

    def test_shows_only_orders_one_may_see_and_everything_to_whoever_sees_the_record(self, wish, mira, paul, ada, by):
        orders.create_orders(by(mira), [wish(), wish("P3")], group_name="Both")
        assert {e["subject"] for e in followed(mira)["events"]} == {"order"} and len(followed(mira)["events"]) == 2
        assert len(followed(paul)["events"]) == 1
        assert {e["event"] for e in followed(ada)["events"]} >= {"order.created", "group.created"}
        assert [e["event"] for e in followed(ada, subject="group")["events"]] == ["group.created"]
        assert followed(mira, subject="group")["events"] == []

    def test_refuses_an_offset_that_is_no_number(self, firm, mira):
        assert at(mira).get(URL, {"after": "x"}).json()["code"] == "invalid"
        assert at(mira).get(URL, {"limit": "0"}).status_code == 422

    def test_needs_as_many_statements_for_many_as_for_few(self, wish, mira, by):
        counts = []
        for n in (2, 60):
            orders.create_orders(by(mira), [wish() for _ in range(n)])
            followed(mira)
            with CaptureQueriesContext(connection) as asked:
                followed(mira)
            counts.append(len(asked))
        assert counts[0] == counts[1]


@pytest.mark.django_db(transaction=True)
def test_what_is_still_being_written_holds_back_what_was_written_after_it(wish, mira, by):
    entered, go_on = threading.Event(), threading.Event()
    made = []

    def slowly():
        try:
            with transaction.atomic():
                made.extend(orders.create_orders(by(mira), [wish()]))
                entered.set()
                go_on.wait(30)
        finally:
            connection.close()

    slow = threading.Thread(target=slowly)
    slow.start()
    try:
        assert entered.wait(30)
        made += orders.create_orders(by(mira), [wish()])  # Drew later ids, committed sooner.
        page = followed(mira)
        assert page["events"] == []
    finally:
        go_on.set()
        slow.join()
    assert [e["subject_id"] for e in followed(mira, after=page["next"])["events"]] == made


def test_a_transaction_that_records_often_shows_itself_once(wish, mira, by):
    with transaction.atomic():
        for _ in range(5):
            orders.create_orders(by(mira), [wish()])
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid::bigint >> 16 = 727"
                " AND pid = pg_backend_pid()"
            )
            assert cursor.fetchone() == (1,)
