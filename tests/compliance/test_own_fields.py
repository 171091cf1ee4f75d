"""Rules about fields of the firm's own: which orders they ask, what is refused, and what a change of a field opens again."""

from decimal import Decimal

import pytest
from django.urls import reverse
from rest_framework.test import APIClient

from apps.audit.models import Entry
from apps.compliance import services as compliance
from apps.compliance.engine.params import BadRule
from apps.compliance.models import Review, Rule, RuleDraft
from apps.core.refusals import IllegalMove
from apps.orders import services as orders
from apps.orders.forms import OwnFieldForm
from apps.orders.models import Order, OwnField
from tests.compliance.ruling import put_in_force
from tests.pages import words

D = Decimal
CORE = {"max_amount": "1000", "own_field": "sleeve", "own_value": "Core"}


@pytest.fixture
def fields(firm):
    OwnField.objects.create(code="sleeve", label="Sleeve", kind="list", choices=["Core", "Satellite"], is_screened=True)
    OwnField.objects.create(code="esg", label="ESG", kind="yes_no", is_screened=True)
    OwnField.objects.create(code="note", label="Note", kind="text")


@pytest.fixture
def write(fields, people, by):
    def make(params, code="core_value", **more):
        about = {"kind": "order_value", "name": "Small core orders", "severity": "HARD"}
        return put_in_force(by, code, params, **about | more)

    return make


def status(pk: int) -> str:
    return Order.objects.get(pk=pk).status


def test_a_rule_asks_those_orders_alone_that_say_so(write, submit, check_of):
    write(CORE)
    core, other, silent = (submit(("P1", "AAA", "SELL", "100"), own=own)[0] for own in ({"sleeve": "Core"}, {"sleeve": "Satellite"}, None))
    assert [status(pk) for pk in (core, other, silent)] == ["HELD", "CLEARED", "CLEARED"]
    [result] = check_of(core).results
    assert (result["rule"], result["max_qty"], check_of(core).max_passing_qty) == ("core_value", "20", 20)
    assert check_of(other).results == [] and check_of(silent).results == []
    assert len({check_of(pk).inputs_hash for pk in (core, other, silent)}) == 3


def test_yes_and_no_are_asked_for_in_any_spelling(write, submit):
    write({"max_amount": "1000", "own_field": "esg", "own_value": "Yes"})
    assert Rule.objects.get().versions.get().params["own_value"] == "true"
    yes, no = (submit(("P1", "AAA", "SELL", "100"), own={"esg": said})[0] for said in (True, False))
    assert (status(yes), status(no)) == ("HELD", "CLEARED")


def test_orders_together_are_each_asked_by_what_they_say(write, by, mira, firm):
    write(CORE)
    said = [{"sleeve": "Core"}, {"sleeve": "Satellite"}, {"note": "x"}, None] * 5
    wishes = [
        orders.Wish(firm.portfolios["P1"].pk, firm.instruments["AAA"].pk, "SELL", "100", own=own) for own in said
    ]
    ids = orders.create_orders(by(mira), wishes, submit=True)
    assert [status(pk) for pk in ids] == ["HELD", "CLEARED", "CLEARED", "CLEARED"] * 5


@pytest.mark.parametrize(
    ("params", "field", "says"),
    [
        ({"own_field": "sleeve"}, "own_value", "Give both"),
        ({"own_value": "Core"}, "own_field", "Give both"),
        ({"own_field": "colour", "own_value": "red"}, "own_field", "no field “colour”"),
        ({"own_field": "note", "own_value": "x"}, "own_field", "not a field that compliance may ask for"),
        ({"own_field": "sleeve", "own_value": "Corn"}, "own_value", "“Corn” is none of Core, Satellite"),
        ({"own_field": "esg", "own_value": "perhaps"}, "own_value", "neither yes nor no"),
        ({"own_field": ["sleeve"], "own_value": "Core"}, "own_field", "is a text"),
    ],
)
def test_refuses_what_no_order_could_say(write, params, field, says):
    with pytest.raises(BadRule, match=says) as refused:
        write({"max_amount": "1000"} | params)
    assert refused.value.facts["field"] == field
    assert not Rule.objects.exists()


def test_a_change_opens_a_submitted_order_again_and_another_field_does_not(write, submit, by, mira):
    write(CORE)
    [pk] = submit(("P1", "AAA", "SELL", "100"), own={"sleeve": "Satellite"})
    orders.set_own_fields(by(mira), {pk: {"note": "seen"}}, seen={pk: 3})
    assert status(pk) == "CLEARED"
    orders.set_own_fields(by(mira), {pk: {"sleeve": "Core"}}, seen={pk: 4})
    assert status(pk) == "DRAFT"
    entry = Entry.objects.filter(subject="order", subject_id=pk).latest("nth")
    assert (entry.event, entry.payload["before"], entry.payload["after"]) == (
        "order.amended", {"own": {"sleeve": "Satellite", "note": "seen"}}, {"own": {"sleeve": "Core", "note": "seen"}},
    )  # fmt: skip
    orders.submit_orders(by(mira), [pk], seen={pk: 5})
    assert status(pk) == "HELD"


def test_a_held_order_that_is_opened_again_leaves_its_review(write, submit, by, mira):
    write(CORE)
    [pk] = submit(("P1", "AAA", "SELL", "100"), own={"sleeve": "Core"})
    orders.set_own_fields(by(mira), {pk: {"sleeve": ""}}, seen={pk: Order.objects.get(pk=pk).version})
    assert status(pk) == "DRAFT" and Review.objects.get().status == "WITHDRAWN"


def test_many_at_once_are_opened_submitted_and_answered_for(write, submit, by, mira):
    write(CORE)
    quiet = submit(("P1", "AAA", "SELL", "100"), ("P2", "AAA", "SELL", "10"), own={"sleeve": "Satellite"})
    seen = dict.fromkeys(quiet, 3)
    found = orders.change_orders(by(mira), orders.Change(own={"sleeve": "Core"}), seen=seen, submit=True)
    assert [one.done for one in found] == [True, True]
    assert [status(pk) for pk in quiet] == ["HELD", "CLEARED"]
    versions = {pk: Order.objects.get(pk=pk).version for pk in quiet}
    both = orders.Change(own={"sleeve": "Satellite"}, rationale="again")
    found = orders.change_orders(by(mira), both, seen=versions, submit=True)
    assert [one.done for one in found] == [True, True] and [status(pk) for pk in quiet] == ["CLEARED", "CLEARED"]


def test_what_the_desk_works_keeps_what_compliance_asks_for(write, submit, by, mira):
    write(CORE)
    [pk] = submit(("P1", "AAA", "SELL", "100"), own={"sleeve": "Satellite"})
    orders.mark_working(by("worker"), {pk: 3})
    with pytest.raises(IllegalMove):
        orders.set_own_fields(by(mira), {pk: {"sleeve": "Core"}}, seen={pk: 4})
    [one] = orders.change_orders(by(mira), orders.Change(own={"sleeve": "Core"}), seen={pk: 4})
    assert (one.done, one.code) == (False, "illegal_move") and "desk works it" in one.message
    orders.set_own_fields(by(mira), {pk: {"note": "later"}}, seen={pk: 4})
    assert Order.objects.get(pk=pk).own == {"sleeve": "Satellite", "note": "later"}


def test_an_officer_says_it_in_the_rules_dialog(write, omar, odile, by, client):
    write({"max_amount": "1000"})
    client.force_login(omar)
    at = reverse("compliance:rule", args=["core_value"])
    assert "Only orders whose" in client.get(at).content.decode()
    said = {
        "kind": "order_value", "name": "Small core orders", "limit-max_amount": "1000", "limit-own_field": "sleeve",
        "limit-own_value": "Corn", "severity": "HARD", "moments": ["submit"], "reason": "Mandate of March", "seen": "1", "how": "propose",
    }  # fmt: skip
    wrong = client.post(at, said)
    assert wrong.status_code == 422 and "none of Core, Satellite" in wrong.content.decode()
    assert client.post(at, said | {"limit-own_value": "Core"}).status_code == 302
    assert RuleDraft.objects.latest("pk").params == CORE
    draft = RuleDraft.objects.latest("pk")
    compliance.approve_drafts(by(odile), [draft.pk], seen={draft.pk: 2})
    assert "only where Sleeve is <b>Core</b>" in words(client.get(reverse("compliance:rules")))


def test_a_system_writes_it_and_reads_what_a_rule_takes(fields, omar):
    api = APIClient()
    api.force_authenticate(omar)
    takes = api.get(reverse("api-measures")).json()[0]["takes"]
    assert {"own_field", "own_value"} <= takes.keys()
    said = {
        "code": "core_value", "kind": "order_value", "name": "Small", "severity": "HARD",
        "params": CORE | {"own_value": "Corn"}, "reason": "Mandate",
    }  # fmt: skip
    refused = api.post(reverse("api-rule-drafts"), said, format="json")
    assert refused.status_code == 422 and refused.json()["facts"]["field"] == "own_value"
    assert api.post(reverse("api-rule-drafts"), said | {"params": CORE}, format="json").status_code == 201


def test_what_compliance_may_ask_for_is_not_taken_back(fields):
    field = OwnField.objects.get(code="esg")
    form = OwnFieldForm({"code": "esg", "label": "ESG", "kind": "yes_no", "choices": "[]", "place": 0, "is_active": "on"}, instance=field)
    assert "is_screened" in form.errors
