"""Allocations, confirmations and instructions over HTTP: who sees what, on paper, as XML, and what may be done."""

import pytest
from lxml import etree
from rest_framework.test import APIClient

from apps.settlement.models import Confirmation, Instruction
from tests.allocations.filling import keep_promises


@pytest.fixture
def web():
    """``web(olga)``: a signed-in program."""

    def client(user=None) -> APIClient:
        made = APIClient()
        if user:
            made.force_authenticate(user)
        return made

    return client


@pytest.fixture
def settled_trade(street, standing):
    street.allocated("BOND", "SELL", {"P1": 300_000, "P3": 200_000}, [(500_000, "98.5")], broker="HARBOR")
    keep_promises("settlement.")


def test_a_manager_sees_the_shares_of_their_portfolios_only(settled_trade, web, mira, paul):
    assert web(mira).get("/api/v1/allocations/").json()["count"] == 2
    (mine,) = web(paul).get("/api/v1/allocations/").json()["results"]

    assert (mine["portfolio"], mine["qty"], mine["symbol"]) == ("P3", "200000.0000", "BOND")
    other = web(mira).get("/api/v1/allocations/?portfolio=P1").json()["results"][0]
    assert web(paul).get(f"/api/v1/allocations/{other['id']}/").status_code == 404


def test_strangers_and_people_of_other_roles_see_nothing(settled_trade, web, mira, tom, alan):
    for path in ("allocations", "confirmations", "instructions"):
        assert web().get(f"/api/v1/{path}/").status_code in (401, 403)
    for person in (mira, tom, alan):
        assert web(person).get("/api/v1/confirmations/").status_code == 403
        assert web(person).get(f"/api/v1/instructions/{Instruction.objects.first().pk}/").status_code == 403


def test_a_confirmation_can_be_had_on_paper(settled_trade, web, olga, ada):
    one = Confirmation.objects.first()
    for person in (olga, ada):
        answer = web(person).get(f"/api/v1/confirmations/{one.pk}/pdf/")

        assert (answer.status_code, answer["Content-Type"]) == (200, "application/pdf")
        assert answer.content.startswith(b"%PDF-")
        assert len(answer.content) > 1500


def test_an_instruction_can_be_had_as_its_custodian_gets_it(settled_trade, web, olga):
    one = Instruction.objects.first()
    answer = web(olga).get(f"/api/v1/instructions/{one.pk}/xml/")

    assert answer["Content-Type"] == "application/xml"
    assert etree.fromstring(answer.content)[0][0].text == one.reference


def test_operations_note_and_others_may_not(settled_trade, web, olga, ada):
    one = Instruction.objects.first()
    path = f"/api/v1/instructions/{one.pk}/note/"

    assert web(ada).post(path, {"version": 1, "note": "x"}).status_code == 403
    assert web(olga).post(path, {"version": 9, "note": "x"}).status_code == 409
    assert web(olga).post(path, {"version": 1, "note": ""}).status_code == 422
    answer = web(olga).post(path, {"version": 1, "note": "Called them."})
    assert (answer.status_code, answer.json()["note"], answer.json()["version"]) == (200, "Called them.", 2)


def test_unblocking_what_is_not_blocked_is_a_conflict(settled_trade, web, olga):
    one = Instruction.objects.first()
    answer = web(olga).post(f"/api/v1/instructions/{one.pk}/unblock/", {"version": 1})

    assert (answer.status_code, answer.json()["code"]) == (409, "illegal_move")
    one.refresh_from_db()
    assert (one.status, one.version) == ("READY", 1)


@pytest.mark.parametrize("path", ["allocations/abc/", "instructions/0/xml/", "confirmations/99999999/pdf/"])
def test_what_is_not_there_is_not_found(settled_trade, web, olga, path):
    assert web(olga).get(f"/api/v1/{path}").status_code == 404


@pytest.mark.parametrize("path", ["allocations", "confirmations", "instructions"])
def test_a_list_is_a_fixed_number_of_queries(settled_trade, web, olga, path, django_assert_max_num_queries):
    with django_assert_max_num_queries(8):
        assert web(olga).get(f"/api/v1/{path}/").status_code == 200
