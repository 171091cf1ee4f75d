"""The record to other systems."""

from decimal import Decimal

import pytest
from rest_framework.test import APIClient

from apps.orders import services as orders


@pytest.fixture
def look(ada):
    client = APIClient()
    client.force_authenticate(ada)

    def get(**asked):
        return client.get("/api/v1/record/", asked)

    return get


@pytest.fixture
def two(firm, by, mira) -> list[int]:
    wishes = [
        orders.Wish(firm.portfolios[code].pk, firm.instruments["AAA"].pk, "BUY", Decimal(100)) for code in ("P1", "P2")
    ]
    made = orders.create_orders(by(mira), wishes)
    orders.cancel_orders(by(mira, "Typed twice"), made[1:], seen={made[1]: 1})
    return made


def test_finds_facts_by_subject_event_person_words_and_time(two, look, mira, tom):
    first, second = two

    def found(**asked) -> list[tuple]:
        return [(e["subject_id"], e["event"]) for e in look(**asked).json()["results"]]

    assert found(subject=f"order {second}") == [(second, "order.cancelled"), (second, "order.created")]
    assert found(event="order.created") == [(second, "order.created"), (first, "order.created")]
    assert found(q="typed TWICE") == [(second, "order.cancelled")]
    assert found(by=mira.pk, subject="order") != [] == found(by=tom.pk)
    assert found(until="2020-01-01T00:00:00Z") == []


def test_says_who_when_through_which_door_and_why(two, look, mira):
    entry = look(event="order.cancelled").json()["results"][0]

    assert (entry["by"], entry["via"], entry["reason"], entry["nth"]) == (mira.username, "page", "Typed twice", 2)
    assert entry["at"].endswith("Z")


def test_goes_on_page_by_page(two, look):
    first = look(subject="order", page_size=2).json()

    assert len(first["results"]) == 2
    cursor = first["next"].split("cursor=")[1].split("&")[0].replace("%3D", "=")
    assert len(look(subject="order", page_size=2, cursor=cursor).json()["results"]) == 1


@pytest.mark.parametrize("asked", [{"since": "yesterday"}, {"until": "2026-11-23T14:00:00"}, {"by": "mira"}])
def test_refuses_what_it_cannot_read(firm, look, asked):
    answer = look(**asked)

    assert (answer.status_code, answer.json()["facts"]["field"]) == (422, next(iter(asked)))
