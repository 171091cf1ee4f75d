"""Orders linked as legs: what a kind takes, what follows when one ends, and the whole moved at once."""

import re
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from apps.audit.models import Delivery, Entry
from apps.blocks import services as blocks
from apps.blocks.models import Member
from apps.core.events import Fact
from apps.orders import events, rules
from apps.orders import services as orders
from apps.orders.models import Leg, Order, OrderGroup
from apps.orders.rules import LegTerms
from apps.orders.services import LegIn
from tests.pages import send, visit, words

D = Decimal


def leg(role="LEG", side="BUY", qty=100, ratio=1, portfolio=1, instrument=1) -> LegTerms:
    return LegTerms(role, D(ratio), portfolio, instrument, side, D(qty))


def status_of(*ids) -> list[str]:
    known = dict(Order.objects.values_list("pk", "status"))
    return [known[pk] for pk in ids]


def facts_of(event: type, *ids) -> list[Fact]:
    return [Fact(pk, n, event()) for pk, n in Order.objects.filter(pk__in=ids).order_by("pk").values_list("pk", "version")]


@pytest.fixture
def linked(drafts, by, mira):
    """``linked("OTO", {"PARENT": wish(…), …})``: ids of the orders, linked."""

    def make(kind, *parts) -> list[int]:
        ids = drafts(*[wish for _, wish in parts])
        legs = [LegIn(pk, role) for pk, (role, _) in zip(ids, parts, strict=True)]
        orders.link_orders(by(mira), kind, f"A {kind}", legs, seen=dict.fromkeys(ids, 1))
        return ids

    return make


@pytest.fixture
def fill(by):
    """Works an order and fills it; what follows is done as a worker would."""

    def filled(pk, qty, cancelled=0):
        act = by("worker")
        orders.mark_working(act, {pk: 1})
        orders.mark_done(act, {pk: (D(qty), D(cancelled))})
        orders.follow_groups(by("worker"), facts_of(events.OrderDone, pk))

    return filled


class TestKinds:
    @pytest.mark.parametrize(
        ("kind", "legs", "why"),
        [
            ("PAIR", [leg(), leg(side="SELL")], ""),
            ("PAIR", [leg(), leg()], "buys one leg"),
            ("PAIR", [leg()], "has 2 of leg"),
            ("PAIR", [leg(), leg(side="SELL", portfolio=2)], "one portfolio"),
            ("SPREAD", [leg(), leg(side="SELL", qty=200, ratio=2)], ""),
            ("SPREAD", [leg(), leg(side="SELL", qty=150, ratio=2)], "as the ratios"),
            ("OCO", [leg(), leg(side="SELL")], ""),
            ("OCO", [leg("PARENT"), leg()], "parts LEG, and none called PARENT; got 1"),
            ("PAIR", [leg("BOTH"), leg(side="SELL")], "none called BOTH"),
            ("OTO", [leg("PARENT"), leg("CHILD")], ""),
            ("OTO", [leg("CHILD"), leg("CHILD")], "has 1 of parent"),
            ("BRACKET", [leg("PARENT"), leg("TARGET", "SELL"), leg("STOP", "SELL")], ""),
            ("BRACKET", [leg("PARENT"), leg("TARGET", "SELL"), leg("STOP", "BUY")], "undo the first"),
            ("BRACKET", [leg("PARENT"), leg("TARGET", "SELL"), leg("STOP", "SELL", instrument=2)], "one instrument"),
            ("PROGRAM", [leg(), leg(portfolio=2)], ""),
        ],
    )
    def test_takes_what_its_rules_say(self, kind, legs, why):
        assert why in rules.unfit(kind, legs) and bool(why) == bool(rules.unfit(kind, legs))

    @pytest.mark.parametrize(
        ("statuses", "stands"),
        [(["DONE", "DONE"], "DONE"), (["DONE", "CANCELLED"], "DONE"), (["CANCELLED"], "CANCELLED"),
         (["REJECTED", "CANCELLED"], "REJECTED"), (["HELD", "WORKING"], "HELD"), (["WORKING", "DONE"], "WORKING"),
         (["CLEARED", "PARKED"], "CLEARED"), (["REJECTED", "DONE"], "DONE")],
    )  # fmt: skip
    def test_stands_as_what_needs_a_person_first(self, statuses, stands):
        assert rules.standing(statuses) == stands


class TestLinking:
    def test_links_drafts_and_says_so_on_each_record(self, linked, wish):
        first, second = linked("OCO", ("LEG", wish()), ("LEG", wish()))
        group = OrderGroup.objects.get()
        assert group.kind == "OCO" and Leg.objects.filter(group=group).count() == 2
        assert Order.objects.get(pk=first).group_id == group.pk
        assert Entry.objects.get(event="order.linked", subject_id=second).payload["group_id"] == group.pk

    def test_refuses_what_cannot_be_linked_and_changes_nothing(self, linked, drafts, wish, by, mira):
        taken, _ = linked("OCO", ("LEG", wish()), ("LEG", wish()))
        [free] = drafts(wish())
        for ids, kind, error in (
            ([taken, free], "OCO", orders.NotYetLinked), ([free], "PAIR", orders.BadLegs), ([free], "ODD", orders.BadLegs),
        ):  # fmt: skip
            seen = dict(Order.objects.filter(pk__in=ids).values_list("pk", "version"))
            with pytest.raises(error):
                orders.link_orders(by(mira), kind, "g", [LegIn(pk) for pk in ids], seen=seen)
        assert OrderGroup.objects.count() == 1 and Order.objects.get(pk=free).group_id is None


class TestTriggers:
    def test_what_waits_is_never_gathered_before_its_trigger_filled(self, linked, wish, by, mira, fill):
        parent, child = linked("OTO", ("PARENT", wish()), ("CHILD", wish(side="SELL")))
        orders.submit_group(by(mira), OrderGroup.objects.get().pk, seen={parent: 2, child: 2})
        assert status_of(parent, child) == ["CLEARED", "PARKED"]
        blocks.gather_orders(by("worker"), facts_of(events.OrderCleared, parent, child))
        assert list(Member.objects.values_list("order_id", flat=True)) == [parent]

        fill(parent, 100)

        assert status_of(parent, child) == ["DONE", "CLEARED"]  # Checked anew, and let through.
        record = list(Entry.objects.filter(subject="order", subject_id=child).order_by("nth").values_list("event", flat=True))
        assert record[2:] == ["order.submitted", "order.parked", "order.triggered", "order.cleared"]
        blocks.gather_orders(by("worker"), facts_of(events.OrderCleared, child))
        assert Member.objects.filter(order=child).count() == 1

    def test_what_waits_is_cancelled_where_its_trigger_ends_unfilled(self, linked, wish, by, mira, fill):
        parent, child = linked("OTO", ("PARENT", wish()), ("CHILD", wish(side="SELL")))
        orders.submit_group(by(mira), OrderGroup.objects.get().pk, seen={parent: 2, child: 2})
        fill(parent, 0, 100)
        assert status_of(parent, child) == ["DONE", "CANCELLED"]

    def test_a_draft_whose_trigger_filled_goes_straight_to_the_desk(self, linked, wish, by, mira, fill):
        parent, child = linked("OTO", ("PARENT", wish()), ("CHILD", wish(side="SELL")))
        orders.submit_orders(by(mira), [parent], seen={parent: 2})
        fill(parent, 100)
        orders.submit_orders(by(mira), [child], seen={child: 2})
        assert status_of(child) == ["CLEARED"]

    def test_of_a_bracket_the_exit_that_fills_ends_the_other(self, linked, wish, by, mira, fill):
        first, target, stop = linked(
            "BRACKET", ("PARENT", wish()), ("TARGET", wish(side="SELL", order_type="LIMIT", limit_price="60")),
            ("STOP", wish(side="SELL")),
        )  # fmt: skip
        orders.submit_group(by(mira), OrderGroup.objects.get().pk, seen=dict.fromkeys([first, target, stop], 2))
        assert status_of(first, target, stop) == ["CLEARED", "PARKED", "PARKED"]
        fill(first, 100)
        assert status_of(target, stop) == ["CLEARED", "CLEARED"]
        fill(target, 100)
        assert status_of(target, stop) == ["DONE", "CANCELLED"]


class TestOneCancelsOther:
    def test_the_flow_names_who_listens(self, linked, wish, by, mira):
        first, second = linked("OCO", ("LEG", wish()), ("LEG", wish()))
        orders.submit_group(by(mira), OrderGroup.objects.get().pk, seen={first: 2, second: 2})
        orders.mark_working(by("worker"), {first: 1})
        orders.mark_done(by("worker"), {first: (D(100), D(0))})
        assert Delivery.objects.filter(listener="orders.follow_groups").count() == 1

    def test_the_other_is_cancelled_by_a_fill_and_not_by_an_end_without_one(self, linked, wish, by, mira, fill):
        ids = [linked("OCO", ("LEG", wish()), ("LEG", wish())) for _ in range(2)]
        for first, second in ids:
            group = Order.objects.get(pk=first).group_id
            orders.submit_group(by(mira), group, seen={first: 2, second: 2})
        fill(ids[0][0], 60, 40)
        fill(ids[1][0], 0, 100)
        assert status_of(*ids[0], *ids[1]) == ["DONE", "CANCELLED", "DONE", "CLEARED"]

    def test_two_sides_are_never_at_work_together(self, linked, wish, by, mira):
        first, second = linked("OCO", ("LEG", wish()), ("LEG", wish()))
        orders.submit_group(by(mira), OrderGroup.objects.get().pk, seen={first: 2, second: 2})
        with pytest.raises(orders.OtherSideAtWork):
            orders.mark_working(by("worker"), {first: 1, second: 1})
        orders.mark_working(by("worker"), {first: 1})
        with pytest.raises(orders.OtherSideAtWork):
            orders.mark_working(by("worker"), {second: 2})
        assert status_of(first, second) == ["WORKING", "CLEARED"]


class TestTheWhole:
    @pytest.fixture
    def pair(self, linked, wish):
        ids = linked("PAIR", ("LEG", wish()), ("LEG", wish(symbol="CCC", side="SELL")))
        return OrderGroup.objects.get(), ids

    def test_is_submitted_approved_and_cancelled_at_once(self, pair, by, mira, omar):
        group, ids = pair
        orders.save_approval_rule(by(omar), "all", {"steps": [{"name": "Officer", "permission": "orders.approve"}]})
        orders.submit_group(by(mira), group.pk, seen=dict.fromkeys(ids, 2))
        assert status_of(*ids) == ["TO_APPROVE", "TO_APPROVE"]
        from apps.orders.models import Approval

        seen = dict(Approval.objects.values_list("pk", "version"))
        assert [one.done for one in orders.approve_group(by(omar), group.pk, seen=seen)] == [True, True]
        with pytest.raises(orders.NothingToDo):
            orders.submit_group(by(mira), group.pk, seen=dict.fromkeys(ids, 5))
        orders.cancel_group(by(mira), group.pk, seen=dict(Order.objects.values_list("pk", "version")))
        assert status_of(*ids) == ["CANCELLED", "CANCELLED"]

    def test_refuses_where_a_member_was_not_seen(self, pair, by, mira):
        group, ids = pair
        with pytest.raises(orders.StaleOrder):
            orders.submit_group(by(mira), group.pk, seen={ids[0]: 2})
        assert status_of(*ids) == ["DRAFT", "DRAFT"]

    def test_has_a_page_and_buttons_for_who_may(self, pair, mira, ada, paul):
        group, ids = pair
        page = words(visit(mira, "orders:group", group.pk))
        assert "Pair" in page and "Submit 2 drafts" in page and "Cancel 2 orders" in page
        assert "Submit 2 drafts" not in words(visit(ada, "orders:group", group.pk))
        assert visit(paul, "orders:group", group.pk).status_code == 404
        asked = words(visit(mira, "orders:cancel_group", group.pk, htmx=True))
        assert "1 portfolio" in asked and "Cancel 2 orders" in asked and "no way back" in asked
        sent = send(mira, "orders:submit_group", {"seen": [f"{pk}:2" for pk in ids]}, group.pk)
        assert sent.status_code == 204 and "2 cleared" in sent["HX-Trigger"]
        assert send(mira, "orders:cancel_group", {"seen": [f"{pk}:2" for pk in ids]}, group.pk).status_code == 409

    def test_stands_in_a_list_with_its_money_and_leads_to_what_can_be_done(self, pair, drafts, wish, by, mira, paul, ada):
        group, ids = pair
        orders.submit_group(by(mira), group.pk, seen=dict.fromkeys(ids, 2))
        over = drafts(wish(), wish(symbol="CCC", side="SELL"))
        ended = orders.link_orders(by(mira), "PAIR", "Ended", [LegIn(pk) for pk in over], seen=dict.fromkeys(over, 1))
        orders.cancel_group(by(mira), ended, seen=dict.fromkeys(over, 2))

        page = words(visit(mira, "orders:groups"))
        assert [int(pk) for pk in re.findall(r'data-row="group:(\d+)"', page)] == [ended, group.pk]
        assert page.count("2 orders, $") == 2 and "1 portfolio<" in page and "Cleared" in page and "Cancelled" in page
        for narrowed in ("?live=1", f"?q={group.name}", "?live=1&kind=PAIR", "?part=items&live=1"):
            found = words(visit(ada, "orders:groups", query=narrowed, htmx="part" in narrowed))
            assert re.findall(r'data-row="group:(\d+)"', found) == [str(group.pk)]
        assert "No group fits" in words(visit(mira, "orders:groups", query="?kind=OCO"))
        assert "data-row=" not in words(visit(paul, "orders:groups"))
        both = words(visit(mira, "orders:group", group.pk))
        assert "Cancel 2 orders" in both and "1 portfolio ·" in both and f'data-row="group:{ended}"' in both
        assert "data-row=" not in words(visit(mira, "orders:group", group.pk, htmx=True))

    def test_the_list_costs_as_many_statements_for_many(self, pair, drafts, wish, by, mira):
        with CaptureQueriesContext(connection) as few:
            visit(mira, "orders:groups")
        for n in range(3):
            ids = drafts(wish(), wish(symbol="CCC", side="SELL"))
            orders.link_orders(by(mira), "PAIR", f"Pair {n}", [LegIn(pk) for pk in ids], seen=dict.fromkeys(ids, 1))
        with CaptureQueriesContext(connection) as many:
            assert words(visit(mira, "orders:groups")).count('data-row="group:') == 4
        assert len(few) == len(many)

    def test_is_made_from_what_was_ticked(self, drafts, wish, mira):
        ids = drafts(wish(), wish(symbol="CCC", side="SELL"))
        query = "&".join(f"seen={pk}:1" for pk in ids)
        assert "Link 2 orders" in words(visit(mira, "orders:link", query=f"?{query}", htmx=True))
        said = {"seen": [f"{pk}:1" for pk in ids], "kind": "PAIR", "name": "A for C"} | {
            f"{what}-{pk}": value for pk in ids for what, value in (("role", "LEG"), ("ratio", "1"))
        }
        refused = send(mira, "orders:link", said | {"kind": "OTO"})
        assert refused.status_code == 422 and "none called LEG; got 2" in words(refused)
        assert send(mira, "orders:link", said).status_code == 204
        assert OrderGroup.objects.get().kind == "PAIR"

    def test_over_the_api(self, drafts, wish, mira):
        ids = drafts(wish(), wish())
        api = APIClient()
        api.force_authenticate(mira)
        asked = {"kind": "OCO", "name": "Either", "legs": [{"id": pk, "version": 1} for pk in ids]}
        made = api.post("/api/v1/groups/", asked, format="json")
        assert made.status_code == 201 and made.json()["standing"] == "DRAFT"
        pk = made.json()["id"]
        seen = {"seen": [{"id": pk, "version": 2} for pk in ids]}
        assert api.post(f"/api/v1/groups/{pk}/submit/", seen, format="json").json()["standing"] == "CLEARED"
        assert api.post(f"/api/v1/groups/{pk}/submit/", seen, format="json").status_code == 409
        assert [(one["id"], one["standing"]) for one in api.get("/api/v1/groups/").json()["results"]] == [(pk, "CLEARED")]
        assert [one["role"] for one in api.get(f"/api/v1/groups/{pk}/").json()["orders"]] == ["LEG", "LEG"]

    def test_is_approved_and_cancelled_over_the_api_all_or_none(self, pair, by, mira, omar, tom):
        from apps.orders.models import Approval

        group, ids = pair
        orders.save_approval_rule(by(omar), "all", {"steps": [{"name": "Officer", "permission": "orders.approve"}]})
        orders.submit_group(by(mira), group.pk, seen=dict.fromkeys(ids, 2))
        at = f"/api/v1/groups/{group.pk}"

        def post(who, act, rows):
            api = APIClient()
            api.force_authenticate(who)
            return api.post(f"{at}/{act}/", {"seen": [{"id": pk, "version": n} for pk, n in rows]}, format="json")

        waiting = list(Approval.objects.values_list("pk", "version"))
        assert [one["done"] for one in post(mira, "approve", waiting).json()] == [False, False]  # They are her own.
        assert [one["done"] for one in post(omar, "approve", waiting).json()] == [True, True]
        assert post(omar, "approve", waiting).status_code == 409

        now = list(Order.objects.filter(pk__in=ids).values_list("pk", "version"))
        assert post(tom, "cancel", now).status_code == 403
        missed = post(mira, "cancel", now[:1])
        assert (missed.status_code, missed.json()["code"], status_of(*ids)) == (409, "stale_order", ["CLEARED", "CLEARED"])
        gone = post(mira, "cancel", now)
        assert (gone.json()["standing"], status_of(*ids)) == ("CANCELLED", ["CANCELLED", "CANCELLED"])


def test_a_listener_told_twice_does_nothing_the_second_time(linked, wish, by, mira, fill):
    first, second = linked("OCO", ("LEG", wish()), ("LEG", wish()))
    orders.submit_group(by(mira), OrderGroup.objects.get().pk, seen={first: 2, second: 2})
    fill(first, 100)
    orders.follow_groups(by("worker"), facts_of(events.OrderDone, first))
    assert Entry.objects.filter(event="order.cancelled", subject_id=second).count() == 1
