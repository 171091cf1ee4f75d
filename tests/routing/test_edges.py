"""Routes, executions and inquiries over the API."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.blocks.models import Block
from apps.routing.models import Inquiry, Route, RouteRequest

D = Decimal


@pytest.fixture
def as_(client):
    def sign_in(user):
        client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
        return client

    return sign_in


def post(client, path, body, **headers):
    return client.post(f"/api/v1/{path}", body, content_type="application/json", **headers)


def test_a_block_is_routed_once_however_often_it_is_posted(a_block, as_, tom):
    block = a_block("AAA", "BUY", 10_000)
    client = as_(tom)

    answers = [
        post(client, f"blocks/{block.pk}/route", {"version": block.version}, HTTP_IDEMPOTENCY_KEY="once")
        for _ in range(2)
    ]

    assert [a.status_code for a in answers] == [200, 200]
    assert answers[0].json() == answers[1].json() == {"routes": [Route.objects.get().pk], "inquiries": [], "told": []}


def test_an_override_without_reason_is_refused_with_a_problem(a_block, as_, tom):
    block = a_block("AAA", "BUY", 10_000)

    answer = post(as_(tom), f"blocks/{block.pk}/route", {"version": block.version, "broker": "HARBOR"})

    assert (answer.status_code, answer.json()["code"]) == (422, "override_needs_reason")
    assert Block.objects.get().status == "OPEN"


def test_a_route_is_listed_cancelled_and_replaced(a_route, street, as_, tom):
    route = street.report(a_route(10_000), "F", "1", last=(1_000, "50.5"), cum=1_000)
    client = as_(tom)

    (listed,) = client.get("/api/v1/routes/?status=NEW,PARTLY_FILLED").json()["results"]
    assert (listed["ref"], listed["cum_qty"], listed["leaves_qty"]) == (route.ref, "1000.0000", "9000.0000")
    assert D(listed["average_price"]) == D("50.5")
    (fill,) = client.get(f"/api/v1/executions/?route={route.pk}").json()["results"]
    assert (fill["qty"], fill["price"], fill["status"]) == ("1000.0000", "50.50000000", "LIVE")

    stale = post(client, f"routes/{route.pk}/replace", {"version": 1, "qty": "8000"})
    assert (stale.status_code, stale.json()["code"]) == (409, "stale_route")
    answer = post(client, f"routes/{route.pk}/replace", {"version": route.version, "qty": "8000"})
    assert answer.status_code == 200
    answer = post(client, f"routes/{route.pk}/cancel/", {"version": route.version + 1})
    assert answer.status_code == 200
    assert list(RouteRequest.objects.order_by("pk").values_list("msg_type", flat=True)) == ["D", "G", "F"]


def test_an_inquiry_shows_every_answer_against_mid_and_is_awarded(a_block, street, as_, tom):
    block = a_block("BOND", "BUY", 100_000)
    client = as_(tom)
    (pk,) = post(client, f"blocks/{block.pk}/route", {"version": block.version}).json()["inquiries"]
    quotes = list(Inquiry.objects.get().quotes.order_by("pk"))
    street.quote(quotes[0], "97.951")
    street.decline(quotes[1])

    shown = client.get(f"/api/v1/inquiries/{pk}/").json()
    assert {(q["result"], q["better_bp"]) for q in shown["quotes"]} == {
        ("QUOTED", "5.0000"), ("DECLINED", None), ("ASKED", None),
    }  # fmt: skip
    assert client.get("/api/v1/inquiries/?status=COLLECTING").json()["results"][0]["id"] == pk

    answer = post(client, f"inquiries/{pk}/award", {"version": shown["version"]})

    assert (answer.status_code, answer.json()["status"]) == (200, "AWARDED")
    assert Route.objects.get().limit_price == D("97.951")


@pytest.mark.parametrize("path", ["routes/", "executions/", "inquiries/", "routes/1/", "inquiries/1/"])
def test_routing_is_closed_to_those_who_do_not_see_it(firm, as_, mira, client, path):
    assert client.get(f"/api/v1/{path}").status_code in (401, 403)
    assert as_(mira).get(f"/api/v1/{path}").status_code == 403


def test_another_desks_route_is_not_there(a_route, as_, tess):
    route = a_route(10_000)
    tess.desks.clear()
    client = as_(tess)

    assert client.get(f"/api/v1/routes/{route.pk}/").status_code == 404
    assert post(client, f"routes/{route.pk}/cancel", {"version": 1}).status_code == 404
    assert client.get("/api/v1/routes/").json()["results"] == []
    assert post(client, f"blocks/{route.block_id}/route", {"version": 2}).status_code == 404


@pytest.mark.parametrize("path", ["routes/", "executions/", "inquiries/"])
def test_a_list_costs_the_same_however_long(a_route, a_block, street, as_, ada, tom, path):
    client = as_(ada)
    counts = []
    for n in range(3):
        route = a_route(100, order_type="LIMIT", limit_price=str(60 + n))
        street.report(route, "F", "1", last=(10, 50), cum=10)
        block = a_block("BOND", "BUY", 1000, order_type="LIMIT", limit_price=str(60 + n))
        post(as_(tom), f"blocks/{block.pk}/route", {"version": block.version})
        client = as_(ada)
        client.get(f"/api/v1/{path}")
        with CaptureQueriesContext(connection) as ran:
            assert len(client.get(f"/api/v1/{path}").json()["results"]) == n + 1
        counts.append(len(ran))

    assert len(set(counts)) == 1


def test_a_message_in_quarantine_is_seen_and_settled_over_the_api(a_route, street, tom, tess, omar, client):
    route = a_route(10_000, order_type="LIMIT", limit_price="50.10")
    street.report(route, "F", "1", last=(1_000, "50.2"), cum=1_000)
    client.force_login(omar)
    [one] = client.get("/api/v1/quarantine/?status=QUARANTINED").json()["results"]
    where = f"/api/v1/quarantine/{one['id']}"
    assert one["problem"] == client.get(f"{where}/").json()["problem"] and "price" in one["problem"].lower()

    def settle(person, **said):
        client.force_login(person)
        return client.post(f"{where}/settle", said, content_type="application/json", headers={"Idempotency-Key": str(said)})

    assert settle(omar, how="accept", reason="x").status_code == 403
    assert settle(tom, how="perhaps", reason="x").status_code == settle(tom, how="accept", reason="").status_code == 422
    assert settle(tom, how="accept", reason="Agreed by phone").json()["status"] == "SETTLED"
    assert settle(tom, how="accept", reason="Agreed by phone").status_code == 200  # The same request again.
    late = settle(tess, how="dismiss", reason="x")
    assert (late.status_code, late.json()["facts"]["stale"][0]["changes"][0]["event"]) == (409, "message.settled")
    route.refresh_from_db()
    assert route.cum_qty == 1_000
    assert client.get("/api/v1/quarantine/999999999/").status_code == 404
