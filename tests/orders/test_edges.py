"""The API as another system meets it: over HTTP, with its answers, scopes and refusals."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from apps.audit import services as audit
from apps.audit.models import Entry
from apps.core.events import Fact, Then
from apps.orders import events
from apps.orders import services as orders
from apps.orders.models import Import, Order
from apps.users import services as users

from .files import csv_of, line

ONE = {"portfolio": "P1", "instrument": "AAA", "side": "BUY", "qty": "100", "client_ref": "x-1"}
ORDERS = "/api/v1/orders/"
IMPORTS = "/api/v1/imports/"


@pytest.fixture(autouse=True)
def nobody_listens(monkeypatch):
    monkeypatch.setattr(audit, "flow", dict[type, Then])


@pytest.fixture
def api():
    def client(user) -> APIClient:
        signed_in = APIClient()
        signed_in.force_authenticate(user)
        return signed_in

    return client


@pytest.fixture
def one(drafts) -> Order:
    return Order.objects.get(pk=drafts(1)[0])


class TestEntering:
    def test_one_object_is_answered_with_one(self, firm, mira, api):
        answer = api(mira).post(ORDERS, ONE)
        assert answer.status_code == 201
        order = Order.objects.get()
        assert answer.json() | {"created_at": ""} == {
            "id": order.pk, "ref": order.ref, "status": "DRAFT", "version": 1, "portfolio": "P1", "symbol": "AAA",
            "isin": "US0378331005", "side": "BUY", "qty": "100.0000", "order_type": "MARKET", "limit_price": None,
            "tif": "DAY", "terms": {}, "intent": None, "split_from_id": None,
            "instructions": "", "rationale": "", "client_ref": "x-1", "currency": "USD", "desk": "MAIN",
            "group_id": None, "group": None, "import_id": None, "decision_price": "50.00000000",
            "filled_qty": "0.0000", "cancelled_qty": "0.0000", "leaves_qty": "100.0000", "created_by": "mira",
            "created_at": "", "defaulted": None, "own": None,
        }  # fmt: skip
        assert Entry.objects.get(event="order.created").act.via == "api"

    def test_a_list_is_entered_as_a_whole_submitted_and_linked(self, firm, mira, api):
        asked = [ONE, ONE | {"portfolio": "P2", "client_ref": "x-2", "instrument": "DE0007164600", "qty": 5}]
        answer = api(mira).post(f"{ORDERS}?submit=true&group_name=Program", asked)
        assert [(row["symbol"], row["status"], row["group"]) for row in answer.json()] == [
            ("AAA", "IN_REVIEW", "Program"), ("BBB", "IN_REVIEW", "Program"),
        ]  # fmt: skip

    def test_names_every_bad_field_and_enters_none(self, firm, mira, api):
        asked = [ONE, {"portfolio": "P9", "instrument": "ZZZ", "side": "HOLD", "qty": 0.5, "limit_price": "x"}]
        answer = api(mira).post(ORDERS, asked)
        assert answer.status_code == 422 and answer["Content-Type"] == "application/problem+json"
        body = answer.json()
        assert body["code"] == "bad_wishes"
        assert {(row["index"], row["field"]) for row in body["facts"]["rows"]} == {
            (1, "portfolio"), (1, "instrument"), (1, "side"), (1, "limit_price"),
        }  # fmt: skip
        assert Order.objects.count() == 0

    @pytest.mark.parametrize(
        ("asked", "field"),
        [
            ([ONE, "order"], "order"),
            (ONE | {"quantity": 1}, "quantity"),
            (ONE | {"qty": True}, "qty"),
            (ONE | {"qty": [1]}, "qty"),
        ],
    )
    def test_refuses_what_is_no_order(self, firm, mira, api, asked, field):
        answer = api(mira).post(ORDERS, asked)
        assert answer.status_code == 422 and answer.json()["facts"]["rows"][-1]["field"] == field
        assert Order.objects.count() == 0

    def test_refuses_nothing_and_too_much(self, firm, mira, api, monkeypatch):
        assert api(mira).post(ORDERS, []).status_code == 422
        monkeypatch.setattr("apps.orders.api.ORDERS_AT_ONCE", 1)
        assert api(mira).post(ORDERS, [ONE, ONE]).status_code == 422

    def test_a_token_opens_it_and_nothing_else_does(self, firm, mira, by):
        assert APIClient().post(ORDERS, ONE).status_code == 401
        assert APIClient().get(ORDERS, headers={"Authorization": "Token wrong"}).status_code == 401
        key = users.make_token(by(mira), "test")
        assert APIClient().post(ORDERS, ONE, headers={"Authorization": f"Token {key}"}).status_code == 201


class TestIdempotency:
    def test_the_same_key_and_request_get_the_first_answer(self, firm, mira, api):
        first = api(mira).post(ORDERS, ONE, headers={"Idempotency-Key": "k-1"})
        second = api(mira).post(ORDERS, ONE, headers={"Idempotency-Key": "k-1"})
        assert (first.status_code, second.status_code) == (201, 200)
        assert first.json() == second.json() and Order.objects.count() == 1

    def test_the_same_key_with_another_request_is_a_conflict(self, firm, mira, api):
        api(mira).post(ORDERS, ONE, headers={"Idempotency-Key": "k-1"})
        answer = api(mira).post(ORDERS, ONE | {"qty": "200"}, headers={"Idempotency-Key": "k-1"})
        assert (answer.status_code, answer.json()["code"]) == (409, "key_reused")
        assert Order.objects.count() == 1

    def test_a_refused_request_does_not_use_up_its_key(self, firm, mira, api):
        assert api(mira).post(ORDERS, ONE | {"qty": "0"}, headers={"Idempotency-Key": "k"}).status_code == 422
        assert api(mira).post(ORDERS, ONE, headers={"Idempotency-Key": "k"}).status_code == 201

    def test_a_list_s_key_is_answered_again_and_refused_for_another_list(self, firm, mira, api):
        asked = [ONE, ONE | {"client_ref": "another"}]
        first = api(mira).post(ORDERS, asked, headers={"Idempotency-Key": "l"})
        again = api(mira).post(ORDERS, asked, headers={"Idempotency-Key": "l"})
        other = api(mira).post(ORDERS, [ONE], headers={"Idempotency-Key": "l"})
        assert (first.status_code, again.status_code, other.status_code) == (201, 200, 409)
        assert again.json() == first.json() and len(first.json()) == Order.objects.count() == 2

    def test_a_cancel_repeated_with_its_key_is_answered_again(self, one, mira, api):
        for _ in range(2):
            answer = api(mira).post(f"{ORDERS}{one.pk}/cancel", {"version": 1}, headers={"Idempotency-Key": "c"})
            assert (answer.status_code, answer.json()["status"]) == (200, "CANCELLED")


class TestLooking:
    def test_lists_what_one_may_see_newest_first(self, firm, drafts, wish, mira, paul, ada, tom, alan, api):
        ids = drafts(wish("P1"), wish("P3", "BBB"))
        assert [row["id"] for row in api(mira).get(ORDERS).json()["results"]] == ids[::-1]
        assert [row["id"] for row in api(paul).get(ORDERS).json()["results"]] == ids[1:]
        assert len(api(ada).get(ORDERS).json()["results"]) == 2
        assert api(tom).get(ORDERS).json()["results"] == []  # Drafts are none of the desk's business.
        assert api(alan).get(ORDERS).status_code == 403

    def test_filters_and_pages(self, firm, drafts, wish, mira, api):
        drafts(*(wish(("P1", "P2")[n % 2], client_ref=f"r-{n}") for n in range(5)))
        first = api(mira).get(f"{ORDERS}?portfolio=P1&status=DRAFT,HELD&page_size=2").json()
        assert [row["client_ref"] for row in first["results"]] == ["r-4", "r-2"]
        second = api(mira).get(first["next"]).json()
        assert [row["client_ref"] for row in second["results"]] == ["r-0"] and second["next"] is None
        assert api(mira).get(f"{ORDERS}?symbol=BBB").json()["results"] == []

    def test_one_of_another_team_is_not_there(self, one, paul, mira, api):
        assert api(mira).get(f"{ORDERS}{one.pk}/").status_code == 200
        assert api(paul).get(f"{ORDERS}{one.pk}/").status_code == 404

    def test_a_list_of_200_needs_as_many_statements_as_one_of_10(self, firm, drafts, mira, api):
        api(mira).get(ORDERS)  # Her roles are asked for once a request.
        counts = []
        for n in (10, 190):
            drafts(n)
            with CaptureQueriesContext(connection) as asked:
                api(mira).get(f"{ORDERS}?page_size=500")
            counts.append(len(asked))
        assert counts[0] == counts[1]


class TestActs:
    @pytest.mark.parametrize("slash", ["", "/"])
    def test_submits_amends_and_cancels(self, one, mira, api, slash):
        at = f"{ORDERS}{one.pk}"
        amended = api(mira).post(f"{at}/amend{slash}", {"version": 1, "qty": "250", "limit_price": "49.5", "order_type": "LIMIT"})
        assert (amended.status_code, amended.json()["qty"], amended.json()["limit_price"]) == (200, "250.0000", "49.50000000")
        assert api(mira).post(f"{at}/submit{slash}", {"version": 2}).json()["status"] == "IN_REVIEW"
        orders.mark_held(audit.Act(one.created_by_id, one.created_at, "worker"), {one.pk: 1})
        cancelled = api(mira).post(f"{at}/cancel{slash}", {"version": 4, "reason": "No longer wanted"})
        assert cancelled.json()["status"] == "CANCELLED"
        assert Entry.objects.get(event="order.cancelled").act.reason == "No longer wanted"

    def test_a_stale_version_is_a_conflict_that_shows_the_difference(self, one, mira, api):
        api(mira).post(f"{ORDERS}{one.pk}/amend", {"version": 1, "qty": "250"})
        answer = api(mira).post(f"{ORDERS}{one.pk}/cancel", {"version": 1})
        assert (answer.status_code, answer.json()["code"]) == (409, "stale_order")
        [difference] = answer.json()["facts"]["orders"]
        assert difference["changes"][0]["what"] == {"before": {"qty": "100"}, "after": {"qty": "250"}}

    @pytest.mark.parametrize(("act", "body"), [("submit", {}), ("cancel", {"version": "x"}), ("amend", {"version": 1, "qty": "ten"})])
    def test_refuses_what_it_cannot_read(self, one, mira, api, act, body):
        assert api(mira).post(f"{ORDERS}{one.pk}/{act}", body).status_code == 422

    def test_who_sees_all_but_runs_nothing_may_not(self, one, ada, api):
        assert api(ada).post(f"{ORDERS}{one.pk}/cancel", {"version": 1}).status_code == 403


class TestImporting:
    def file(self, content: bytes) -> dict:
        return {"file": SimpleUploadedFile("orders.csv", content)}

    def stage(self, pk: int, by) -> None:
        orders.stage_imports(by("worker"), [Fact(pk, 1, events.ImportUploaded("", ""))])

    def test_from_upload_to_orders(self, firm, mira, by, api):
        me = api(mira)
        content = csv_of([line(), line(qty="0"), line("P2")])
        first = me.post(IMPORTS, self.file(content), format="multipart")
        assert (first.status_code, first.json()["status"]) == (201, "UPLOADED")
        assert me.post(IMPORTS, self.file(content), format="multipart").status_code == 200
        pk = first.json()["id"]
        self.stage(pk, by)
        seen = me.get(f"{IMPORTS}{pk}/").json()
        assert (seen["status"], seen["rows"], seen["rows_read"], seen["bad_rows"]) == ("STAGED", 3, 3, 1)
        [bad] = me.get(f"{IMPORTS}{pk}/rows/?bad=true").json()["results"]
        assert (bad["line"], bad["problems"][0]["field"]) == (3, "qty")
        refused = me.post(f"{IMPORTS}{pk}/commit", {"version": seen["version"]})
        assert (refused.status_code, refused.json()["facts"]["rows"][0]["line"]) == (422, 3)
        done = me.post(f"{IMPORTS}{pk}/commit", {"version": seen["version"], "accept_valid": True, "submit": False})
        assert done.json() == {"import_id": pk, "group_id": Order.objects.first().group_id, "orders": 2, "left_out": 1}
        assert Import.objects.get().status == "COMMITTED"

    def test_sets_one_aside(self, firm, mira, by, api):
        pk = api(mira).post(IMPORTS, self.file(csv_of([line()])), format="multipart").json()["id"]
        self.stage(pk, by)
        assert api(mira).post(f"{IMPORTS}{pk}/discard/", {"version": 2}).json()["status"] == "DISCARDED"

    def test_is_not_there_for_a_colleague(self, firm, mira, paul, api):
        pk = api(mira).post(IMPORTS, self.file(csv_of([line()])), format="multipart").json()["id"]
        assert api(paul).get(f"{IMPORTS}{pk}/").status_code == 404
        assert api(paul).get(f"{IMPORTS}{pk}/rows/").status_code == 404

    def test_refuses_no_file_and_whose_role_imports_nothing(self, firm, mira, tom, api):
        assert api(mira).post(IMPORTS, {}, format="multipart").status_code == 422
        assert api(tom).post(IMPORTS, self.file(csv_of([line()])), format="multipart").status_code == 403


@pytest.mark.parametrize(
    ("more", "field", "says"),
    [
        ({"intent": "NAV_PCT", "intent_value": "1"}, "qty", "not both"),
        ({"cash_qty": "1000"}, "qty", "not both"),
        ({"intent_value": "5"}, "intent", "Say what 5 is: AMOUNT"),
        ({"rationale": "a\0b"}, "rationale", "NUL"),
        ({"portfolio": "P1\0"}, "portfolio", "NUL"),
        ({"own": {"note": "\0"}}, "own", "NUL"),
        ({"own": "Core"}, "own", "Send an object"),
    ],
)
def test_nothing_that_was_said_is_lost_and_what_cannot_be_kept_is_refused(firm, mira, more, field, says):
    api = APIClient()
    api.force_authenticate(mira)
    asked = {"portfolio": "P1", "instrument": "AAA", "side": "BUY", "qty": "10"} | more
    for path in ("/api/v1/orders/", "/api/v1/proposals/"):
        answer = api.post(path, asked, format="json")
        assert answer.status_code == 422
        assert [(row["field"], says in row["message"]) for row in answer.json()["facts"]["rows"]] == [(field, True)]
    assert Order.objects.count() == 0


def test_an_amendment_that_cannot_be_says_it_was_not_amended(drafts, mira):
    [pk] = drafts(1)
    api = APIClient()
    api.force_authenticate(mira)
    answer = api.post(f"/api/v1/orders/{pk}/amend/", {"version": 1, "qty": "0.5"}, format="json")
    assert (answer.status_code, answer.json()["detail"][:26]) == (422, "The order was not amended.")
    assert Order.objects.get(pk=pk).version == 1
