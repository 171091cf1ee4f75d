"""Two people, or one person twice, at the same moment."""

import pytest
from rest_framework.test import APIClient

from apps.audit import services as audit
from apps.audit.models import Entry
from apps.core.events import Fact
from apps.orders import events
from apps.orders import services as orders
from apps.orders.models import Approval, Import, ImportRow, Order, OrderGroup, OwnField
from tests.races import at_once

from .files import csv_of, many

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def nobody_listens(monkeypatch):
    monkeypatch.setattr(audit, "flow", dict)


@pytest.mark.parametrize("attempt", range(3))
def test_two_submissions_of_the_same_orders_and_one_wins(drafts, mira, by, attempt):
    ids = drafts(20)
    seen = dict.fromkeys(ids, 1)
    answers = at_once(*(lambda: orders.submit_orders(by(mira), ids[::-1], seen=seen) for _ in range(4)))
    assert sorted(map(str, answers)) == ["None", "StaleOrder", "StaleOrder", "StaleOrder"]
    assert Entry.objects.filter(event="order.submitted").count() == 20


@pytest.mark.parametrize("attempt", range(3))
def test_overlapping_submissions_neither_mix_nor_block_each_other(drafts, mira, by, attempt):
    ids = drafts(20)
    seen = dict.fromkeys(ids, 1)
    answers = at_once(
        lambda: orders.submit_orders(by(mira), ids[:15], seen=seen),
        lambda: orders.submit_orders(by(mira), ids[5:][::-1], seen=seen),
    )
    assert sorted(map(str, answers)) == ["None", "StaleOrder"]
    assert Order.objects.filter(status="IN_REVIEW").count() == 15


def test_a_cancel_and_an_amend_and_one_wins(drafts, mira, by):
    [pk] = drafts(1)
    answers = at_once(
        lambda: orders.cancel_orders(by(mira), [pk], seen={pk: 1}),
        lambda: orders.amend_orders(by(mira), {pk: {"qty": "5"}}, seen={pk: 1}),
    )
    assert answers.count(None) == 1 and Order.objects.get().version == 2


def test_two_bulk_changes_of_the_same_orders_and_each_order_changes_once(drafts, mira, by):
    ids = drafts(20)
    changes = [
        lambda part=part, pct=pct: sum(
            one.done for one in orders.change_orders(by(mira), orders.Change(qty_pct=pct), seen=dict.fromkeys(part, 1))
        )
        for part, pct in ((ids[:15], "50"), (ids[5:][::-1], "20"))
    ]
    assert sum(at_once(*changes)) == 20
    assert set(Order.objects.values_list("version", flat=True)) == {2}


def test_two_colleagues_agree_to_one_order_and_one_decides(drafts, in_review, wish, by, omar, paul, odile):
    steps = [{"name": "A colleague", "permission": "orders.approve"}]
    orders.save_approval_rule(by(omar), "all", {"steps": steps})
    [pk] = in_review(wish("P3"))
    orders.mark_cleared(by("worker"), {pk: 1})
    approval = Approval.objects.get()

    def agree(person):
        return orders.approve(by(person), [approval.pk], seen={approval.pk: 1})[0].code

    answers = at_once(*(lambda person=person: agree(person) for person in (paul, omar, odile)))
    assert sorted(answers) == ["", "stale_approval", "stale_approval"]
    assert Entry.objects.filter(event="order.cleared").count() == 1


def test_an_agreement_and_an_amendment_and_one_wins(in_review, wish, by, omar, paul, mira):
    orders.save_approval_rule(by(omar), "all", {"steps": [{"name": "A colleague", "permission": "orders.approve"}]})
    [pk] = in_review(wish("P3"))
    orders.mark_cleared(by("worker"), {pk: 1})
    approval = Approval.objects.get()
    at_once(
        lambda: orders.approve(by(paul), [approval.pk], seen={approval.pk: 1}),
        lambda: orders.amend_orders(by(mira), {pk: {"qty": "5"}}, seen={pk: 3}),
    )
    assert Order.objects.get().status in ("CLEARED", "DRAFT") and Order.objects.get().version == 4


def test_one_agrees_as_another_sends_back_and_one_wins(in_review, wish, by, omar, paul):
    orders.save_approval_rule(by(omar), "all", {"steps": [{"name": "A colleague", "permission": "orders.approve"}]})
    [pk] = in_review(wish("P3"))
    orders.mark_cleared(by("worker"), {pk: 1})
    approval = Approval.objects.get()
    answers = at_once(
        lambda: orders.approve(by(paul), [approval.pk], seen={approval.pk: 1})[0].code,
        lambda: orders.refuse_approvals(by(omar, "Too large."), [approval.pk], seen={approval.pk: 1})[0].code,
    )
    assert sorted(answers) == ["", "stale_approval"]
    assert (Order.objects.get().status, Order.objects.get().version) in (("CLEARED", 4), ("DRAFT", 4))


def test_two_set_the_firms_own_fields_and_one_wins(drafts, mira, by):
    OwnField.objects.create(code="note", label="Note", kind="text")
    [pk] = drafts(1)
    answers = at_once(
        *(lambda said=said: orders.set_own_fields(by(mira), {pk: {"note": said}}, seen={pk: 1}) for said in "abc")
    )
    assert sorted(map(str, answers)) == ["1", "StaleOrder", "StaleOrder"]
    assert Order.objects.get().version == 2


def test_one_order_is_linked_twice_and_is_in_one_group(drafts, mira, by):
    one, two, three = drafts(3)
    answers = at_once(
        *(
            lambda other=other: orders.link_orders(
                by(mira), "OCO", "Either", [orders.LegIn(one), orders.LegIn(other)], seen={one: 1, other: 1}
            )
            for other in (two, three)
        )
    )
    assert sum(isinstance(answer, int) for answer in answers) == 1
    assert {"NotYetLinked", "StaleOrder"} & set(map(str, answers))
    assert OrderGroup.objects.count() == 1 and Order.objects.filter(group=None).count() == 1


def test_a_group_is_submitted_as_it_is_cancelled_and_one_wins(drafts, mira, by):
    ids = drafts(2)
    group = orders.link_orders(by(mira), "OCO", "Either", [orders.LegIn(pk) for pk in ids], seen=dict.fromkeys(ids, 1))
    answers = at_once(
        lambda: orders.submit_group(by(mira), group, seen=dict.fromkeys(ids, 2)),
        lambda: orders.cancel_group(by(mira), group, seen=dict.fromkeys(ids, 2)),
    )
    assert sum(isinstance(answer, list) for answer in answers) == 1
    assert len(set(Order.objects.values_list("status", "version"))) == 1
    assert Order.objects.first().version == 3


def test_in_a_burst_of_fills_each_other_side_is_cancelled_once(in_review, drafts, wish, by, mira):
    pairs = []
    for _ in range(12):
        ids = drafts(wish(), wish())
        orders.link_orders(by(mira), "OCO", "Either", [orders.LegIn(pk) for pk in ids], seen=dict.fromkeys(ids, 1))
        pairs.append(ids)
    everything = [pk for ids in pairs for pk in ids]
    orders.submit_orders(by(mira), everything, seen=dict.fromkeys(everything, 2))
    orders.mark_cleared(by("worker"), dict.fromkeys(everything, 1))
    filled, others = [first for first, _ in pairs], [second for _, second in pairs]
    orders.mark_working(by("worker"), dict.fromkeys(filled, 1))
    orders.mark_done(by("worker"), dict.fromkeys(filled, (100, 0)))
    facts = [Fact(pk, 6, events.OrderDone()) for pk in filled]
    managers_cancel = [lambda pk=pk: orders.cancel_orders(by(mira), [pk], seen={pk: 4}) for pk in others[:3]]

    at_once(
        *(lambda part=part: orders.follow_groups(by("worker"), part) for part in (facts, facts[::-1], facts[4:])),
        *managers_cancel,
    )

    assert set(Order.objects.filter(pk__in=others).values_list("status", "version")) == {("CANCELLED", 5)}
    assert Entry.objects.filter(event="order.cancelled").count() == 12


def test_those_above_do_not_wait_for_an_order_that_is_being_changed(in_review, by):
    from django.db import transaction

    [pk] = in_review(1)
    with transaction.atomic():
        Order.objects.select_for_update().get(pk=pk)
        assert at_once(lambda: orders.mark_cleared(by("worker"), {pk: 1})) == ["OrderBusy"]
    orders.mark_cleared(by("worker"), {pk: 1})


def test_one_idempotency_key_twenty_times_makes_one_order(firm, mira):
    asked = {"portfolio": "P1", "instrument": "AAA", "side": "BUY", "qty": "100", "client_ref": "r-1"}

    def post():
        api = APIClient()
        api.force_authenticate(mira)
        answer = api.post("/api/v1/orders/", asked, headers={"Idempotency-Key": "k"})
        return answer.status_code, answer.json()["id"]

    answers = at_once(*[post] * 20)
    [order] = Order.objects.all()
    assert sorted(answers) == [(200, order.pk)] * 19 + [(201, order.pk)]


def test_one_reference_sent_many_times_without_a_key_makes_one_order(wish, mira, by):
    answers = at_once(*[lambda: orders.create_orders(by(mira), [wish(client_ref="r-1")])] * 6)
    assert answers.count("BadWishes") == 5 and Order.objects.count() == 1


def test_one_file_uploaded_many_times_is_one_import_staged_and_entered_once(firm, mira, by):
    content = csv_of(many(50))
    answers = at_once(*[lambda: orders.upload_import(by(mira), "x.csv", content)] * 5)
    assert len(set(answers)) == 1
    pk = Import.objects.get().pk
    told = [Fact(pk, 1, events.ImportUploaded("", ""))]
    at_once(*[lambda: orders.stage_imports(by("worker"), told)] * 3)
    assert ImportRow.objects.count() == 50
    answers = at_once(*[lambda: len(orders.commit_import(by(mira), pk, seen={pk: 2}))] * 3)
    assert sorted(map(str, answers)) == ["50", "StaleImport", "StaleImport"]
    assert Order.objects.count() == 50


def test_a_file_is_entered_as_it_is_set_aside_and_one_wins(firm, mira, by):
    pk = orders.upload_import(by(mira), "x.csv", csv_of(many(20)))
    orders.stage_imports(by("worker"), [Fact(pk, 1, events.ImportUploaded("", ""))])
    answers = at_once(
        lambda: len(orders.commit_import(by(mira), pk, seen={pk: 2})),
        lambda: orders.discard_import(by(mira), pk, seen={pk: 2}),
    )
    assert "StaleImport" in answers
    assert (Import.objects.get().status, Order.objects.count()) in (("COMMITTED", 20), ("DISCARDED", 0))
