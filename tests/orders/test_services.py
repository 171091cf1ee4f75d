"""Entering, submitting, amending and cancelling orders; what each refuses, and that a refusal leaves nothing."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.audit.models import Entry
from apps.core.refusals import IllegalMove, Invalid, NotAllowed, NotFound
from apps.orders import services as orders
from apps.orders.models import Order, OrderGroup

D = Decimal


def record_of(pk: int) -> list[str]:
    return list(Entry.objects.filter(subject="order", subject_id=pk).order_by("nth").values_list("event", flat=True))


class TestCreate:
    def test_writes_what_was_asked(self, wish, by, mira, firm):
        ids = orders.create_orders(
            by(mira),
            [
                wish(qty=D("100"), rationale="Cheap", client_ref="x-1"),
                wish("P3", "BOND", "SELL", "25000", order_type="LIMIT", limit_price=D("98.25"), tif="GTC"),
            ],
        )
        first, second = Order.objects.order_by("pk")
        assert [first.pk, second.pk] == ids
        assert (first.qty, first.order_type, first.limit_price, first.status) == (100, "MARKET", None, "DRAFT")
        assert (first.rationale, first.client_ref, first.decision_price) == ("Cheap", "x-1", 50)
        assert (second.qty, second.limit_price, second.tif, second.side) == (25000, D("98.25"), "GTC", "SELL")
        assert (second.currency_id, second.desk, second.created_by) == ("USD", firm.desk, mira)
        assert record_of(first.pk) == ["order.created"]

    def test_the_record_alone_tells_all_that_was_entered(self, wish, by, mira, firm):
        ids = orders.create_orders(
            by(mira),
            [
                wish(order_type="LIMIT", limit_price="50", instructions="Care", rationale="Cheap", client_ref="x-1"),
                wish("P2", qty=None, intent="AMOUNT", intent_value="5000"),
            ],
        )
        for pk in ids:
            order, told = Order.objects.get(pk=pk), Entry.objects.get(subject="order", subject_id=pk, nth=1).payload
            told["batch_id"], told["currency_id"] = told.pop("import_id"), told.pop("currency")
            kept = {name: getattr(order, name) for name in told}
            numbers = ("qty", "limit_price", "decision_price")
            assert {n: v for n, v in told.items() if n not in numbers} == {
                n: v for n, v in kept.items() if n not in numbers
            }
            assert [D(told[n]) if told[n] else None for n in numbers] == [kept[n] for n in numbers]
            columns = {field.attname for field in Order._meta.concrete_fields} - {
                "id", "created_by_id", "created_at", "status", "version", "filled_qty", "cancelled_qty", "split_from_id",
            }  # fmt: skip
            assert columns <= set(told)

    def test_links_a_group(self, wish, by, mira):
        ids = orders.create_orders(by(mira), [wish(), wish("P2")], group_name="Model change")
        group = OrderGroup.objects.get()
        assert set(Order.objects.filter(group=group).values_list("pk", flat=True)) == set(ids)

    def test_names_every_bad_field_of_every_wish_and_enters_none(self, wish, by, mira, firm):
        bad = [
            wish(),
            wish(side="HOLD", qty="0"),
            wish(symbol="BOND", qty="1500"),
            wish(order_type="LIMIT", limit_price="10.001"),
            wish(order_type="MARKET", limit_price="10"),
            orders.Wish(10**9, 10**9, "BUY", "ten", "ICEBERG", tif="NEVER", currency="JPY", desk="MOON"),
            wish(client_ref="r"),
            wish(client_ref="r"),
        ]
        with pytest.raises(orders.BadWishes) as refused:
            orders.create_orders(by(mira), bad)
        assert {(row["index"], row["field"]) for row in refused.value.facts["rows"]} == {
            (1, "side"), (1, "qty"), (2, "qty"), (3, "limit_price"), (4, "limit_price"),
            (5, "portfolio"), (5, "instrument"), (5, "qty"), (5, "order_type"), (5, "tif"), (5, "desk"), (7, "client_ref"),
        }  # fmt: skip
        assert Order.objects.count() == 0 and Entry.objects.filter(subject="order").count() == 0

    def test_refuses_a_portfolio_of_another_team(self, wish, by, paul):
        with pytest.raises(orders.BadWishes, match="not one of yours"):
            orders.create_orders(by(paul), [wish("P1")])

    def test_refuses_a_closed_portfolio_and_an_instrument_no_longer_traded(self, wish, by, mira, firm):
        firm.portfolios["P1"].is_open = False
        firm.portfolios["P1"].save()
        firm.instruments["AAA"].is_active = False
        firm.instruments["AAA"].save()
        with pytest.raises(orders.BadWishes) as refused:
            orders.create_orders(by(mira), [wish()])
        assert [row["message"] for row in refused.value.facts["rows"]] == [
            "Portfolio P1 is closed.", "AAA is no longer traded.",
        ]  # fmt: skip

    def test_refuses_a_reference_that_names_an_unfinished_order(self, wish, by, mira, drafts):
        drafts(wish(client_ref="r-1"))
        with pytest.raises(orders.BadWishes, match="names your unfinished order"):
            orders.create_orders(by(mira), [wish(client_ref="r-1")])
        assert Order.objects.count() == 1

    def test_takes_a_reference_again_once_its_order_is_cancelled(self, wish, by, mira, drafts):
        [pk] = drafts(wish(client_ref="r-1"))
        orders.cancel_orders(by(mira), [pk], seen={pk: 1})
        assert len(drafts(wish(client_ref="r-1"))) == 1

    @pytest.mark.parametrize("who", ["tom", "omar", "olga", "ada", "alan", "stranger"])
    def test_refuses_whose_role_enters_no_orders(self, wish, by, request, who):
        with pytest.raises(NotAllowed):
            orders.create_orders(by(request.getfixturevalue(who)), [wish()])

    def test_needs_as_many_statements_for_200_as_for_10(self, wish, by, mira):
        orders.create_orders(by(mira), [wish()], submit=False)
        counts = []
        for n in (10, 200):
            with CaptureQueriesContext(connection) as asked:
                orders.create_orders(by(mira), [wish(("P1", "P2", "P3")[i % 3]) for i in range(n)], group_name="g")
            counts.append(len(asked))
        assert counts[0] == counts[1]


class TestSubmit:
    def test_sends_drafts_to_compliance(self, in_review):
        [pk] = in_review(1)
        assert Order.objects.get(pk=pk).status == "IN_REVIEW"
        assert record_of(pk) == ["order.created", "order.submitted"]

    def test_refuses_a_stale_reader_and_says_what_changed(self, drafts, by, mira):
        first, second = drafts(2)
        orders.amend_orders(by(mira), {first: {"qty": "300"}}, seen={first: 1})
        with pytest.raises(orders.StaleOrder) as refused:
            orders.submit_orders(by(mira), [first, second], seen={first: 1, second: 1})
        [difference] = refused.value.facts["orders"]
        assert (difference["id"], difference["seen"], difference["version"]) == (first, 1, 2)
        assert difference["changes"][0]["what"] == {"before": {"qty": "100"}, "after": {"qty": "300"}}
        assert set(Order.objects.values_list("status", flat=True)) == {"DRAFT"}

    def test_hides_orders_of_other_teams(self, drafts, wish, by, paul):
        [pk] = drafts(wish("P1"))
        with pytest.raises(NotFound):
            orders.submit_orders(by(paul), [pk], seen={pk: 1})
        assert record_of(pk) == ["order.created"]

    def test_refuses_all_when_one_is_no_draft(self, drafts, by, mira):
        first, second = drafts(2)
        orders.cancel_orders(by(mira), [first], seen={first: 1})
        with pytest.raises(IllegalMove, match="None of the 2"):
            orders.submit_orders(by(mira), [first, second], seen={first: 2, second: 1})
        assert Order.objects.get(pk=second).status == "DRAFT"


class TestAmend:
    def test_makes_a_cleared_order_a_draft_again(self, in_review, by, mira):
        [pk] = in_review(1)
        orders.mark_cleared(by("worker"), {pk: 1})
        orders.amend_orders(
            by(mira), {pk: {"order_type": "LIMIT", "limit_price": D("49.99"), "qty": 50}}, seen={pk: 3}
        )
        order = Order.objects.get(pk=pk)
        assert (order.status, order.qty, order.limit_price, order.version) == ("DRAFT", 50, D("49.99"), 4)
        entry = Entry.objects.get(subject="order", subject_id=pk, nth=4)
        assert entry.payload == {
            "before": {"qty": "100", "order_type": "MARKET", "limit_price": None},
            "after": {"qty": "50", "order_type": "LIMIT", "limit_price": "49.99"},
        }

    def test_clears_the_limit_of_an_order_made_market(self, drafts, wish, by, mira):
        [pk] = drafts(wish(order_type="LIMIT", limit_price="50"))
        orders.amend_orders(by(mira), {pk: {"order_type": "MARKET"}}, seen={pk: 1})
        assert Order.objects.get(pk=pk).limit_price is None

    def test_refuses_bad_terms_and_changes_nothing(self, drafts, by, mira):
        ids = drafts(2)
        with pytest.raises(orders.BadWishes) as refused:
            orders.amend_orders(by(mira), {ids[0]: {"qty": "5"}, ids[1]: {"qty": "-5"}}, seen=dict.fromkeys(ids, 1))
        assert refused.value.facts["rows"][0]["index"] == 1
        assert list(Order.objects.values_list("qty", "version").distinct()) == [(100, 1)]

    def test_refuses_fields_that_make_it_another_order(self, drafts, by, mira):
        [pk] = drafts(1)
        with pytest.raises(Invalid, match="cannot be amended"):
            orders.amend_orders(by(mira), {pk: {"side": "SELL"}}, seen={pk: 1})

    def test_refuses_to_change_nothing(self, drafts, by, mira):
        [pk] = drafts(1)
        with pytest.raises(Invalid, match="nothing to amend"):
            orders.amend_orders(by(mira), {pk: {"qty": "100.0"}}, seen={pk: 1})
        assert record_of(pk) == ["order.created"]


class TestCancel:
    def test_ends_the_order_with_no_leaves(self, drafts, by, mira):
        [pk] = drafts(1)
        orders.cancel_orders(by(mira, "Changed my mind"), [pk], seen={pk: 1})
        order = Order.objects.get(pk=pk)
        assert (order.status, order.cancelled_qty, order.leaves_qty) == ("CANCELLED", 100, 0)

    def test_refuses_a_working_order(self, in_review, by, mira):
        [pk] = in_review(1)
        orders.mark_cleared(by("worker"), {pk: 1})
        orders.mark_working(by("worker"), {pk: 1})
        with pytest.raises(IllegalMove, match="working"):
            orders.cancel_orders(by(mira), [pk], seen={pk: 4})


class TestMarks:
    def test_from_review_to_done_and_back(self, in_review, by):
        ids = in_review(2)
        act = by("worker")
        orders.mark_held(act, {ids[0]: 7})
        orders.mark_cleared(act, {ids[0]: 7})
        orders.mark_cleared(act, {ids[1]: 8})
        orders.mark_working(act, dict.fromkeys(ids, 3))
        orders.mark_done(act, {ids[0]: (D(60), D(40)), ids[1]: (D(100), D(0))})
        assert list(Order.objects.order_by("pk").values_list("status", "filled_qty", "cancelled_qty")) == [
            ("DONE", 60, 40), ("DONE", 100, 0),
        ]  # fmt: skip
        orders.mark_reopened(act, dict.fromkeys(ids, D(0)), "bust")
        assert set(Order.objects.values_list("status", "filled_qty", "cancelled_qty")) == {("WORKING", 0, 0)}

    def test_sent_back_and_rejected(self, in_review, by):
        ids = in_review(2)
        orders.mark_held(by("worker"), dict.fromkeys(ids, 1))
        orders.mark_sent_back(by("worker"), ids[:1])
        orders.mark_rejected(by("worker"), ids[1:])
        assert list(Order.objects.order_by("pk").values_list("status", "cancelled_qty")) == [
            ("DRAFT", 0), ("REJECTED", 100),
        ]  # fmt: skip


def test_each_act_needs_as_many_statements_for_200_orders_as_for_10(drafts, by, mira, monkeypatch):
    from apps.audit import services as audit

    monkeypatch.setattr(audit, "flow", dict)
    by("worker")  # Its id is asked for once a process.
    counts = []
    for n in (10, 200):
        ids = drafts(n)
        at = []
        for act in (
            lambda ids=ids: orders.amend_orders(by(mira), {pk: {"qty": "7"} for pk in ids}, seen=dict.fromkeys(ids, 1)),
            lambda ids=ids: orders.submit_orders(by(mira), ids, seen=dict.fromkeys(ids, 2)),
            lambda ids=ids: orders.mark_held(by("worker"), dict.fromkeys(ids, 1)),
            lambda ids=ids: orders.mark_cleared(by("worker"), dict.fromkeys(ids, 1)),
            lambda ids=ids: orders.mark_working(by("worker"), dict.fromkeys(ids, 1)),
            lambda ids=ids: orders.mark_done(by("worker"), dict.fromkeys(ids, (D(7), D(0)))),
            lambda ids=ids: orders.mark_reopened(by("worker"), dict.fromkeys(ids, D(0)), "bust"),
        ):
            with CaptureQueriesContext(connection) as asked:
                act()
            at.append(len(asked))
        counts.append(at)
    assert counts[0] == counts[1]
