"""One change for many orders with an answer for each; orders made from others."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from rest_framework.test import APIClient

from apps.audit.models import Entry
from apps.compliance.models import Check
from apps.core.refusals import Invalid, NotAllowed, NotFound
from apps.orders import rules
from apps.orders import services as orders
from apps.orders.models import Order, OwnField
from apps.orders.services import Change
from apps.portfolios import services as holdings
from apps.reference.models import Combination
from tests.pages import send, visit, words

D = Decimal


def record_of(pk: int) -> list[str]:
    return list(Entry.objects.filter(subject="order", subject_id=pk).order_by("nth").values_list("event", flat=True))


def answers(found) -> dict[int, str]:
    return {one.order_id: one.code or "done" for one in found}


@pytest.fixture
def filled(in_review, by, wish):
    """Of two purchases, 60 and 0 of 100 are filled."""
    ids = in_review(wish(), wish("P2"))
    act = by("worker")
    orders.mark_cleared(act, dict.fromkeys(ids, 1))
    orders.mark_working(act, dict.fromkeys(ids, 3))
    orders.mark_done(act, {ids[0]: (D(60), D(40)), ids[1]: (D(0), D(100))})
    return ids


class TestArithmetic:
    @pytest.mark.parametrize(
        ("limit", "bp", "side", "is_now"),
        [("50", "10", "BUY", "50.05"), ("50.03", "10", "BUY", "50.08"), ("50.03", "10", "SELL", "50.09"),
         ("50", "-200", "SELL_SHORT", "49")],
    )  # fmt: skip
    def test_a_moved_limit_never_pays_more_than_asked(self, limit, bp, side, is_now):
        assert rules.moved(D(limit), D(bp), side, D("0.01")) == D(is_now)

    def test_a_percentage_is_rounded_down_to_what_trades(self):
        assert rules.scaled(D(2500), D(50), D(1000)) == 1000


class TestChange:
    def test_changes_each_by_itself_and_checks_it_again(self, drafts, wish, by, mira):
        drafted = drafts(wish())
        cleared = drafts(wish(), wish("P2", qty="300"), submit=True)
        seen = {drafted[0]: 1, **dict.fromkeys(cleared, 3)}
        before = Check.objects.count()

        found = orders.change_orders(
            by(mira, "Client asked"), Change(qty_pct="50", rationale="Halved", tif="GTC"), seen=seen, submit=True
        )

        assert answers(found) == dict.fromkeys(seen, "done")
        assert [one.status for one in found] == ["DRAFT", "CLEARED", "CLEARED"]
        assert list(Order.objects.order_by("pk").values_list("qty", "tif", "rationale")) == [
            (50, "GTC", "Halved"), (50, "GTC", "Halved"), (150, "GTC", "Halved"),
        ]  # fmt: skip
        assert record_of(drafted[0]) == ["order.created", "order.amended"]
        assert record_of(cleared[1])[3:] == ["order.amended", "order.submitted", "order.cleared"]
        assert Check.objects.count() == before + 2
        entry = Entry.objects.get(subject_id=cleared[1], event="order.amended")
        assert entry.payload["before"] == {"qty": "300", "tif": "DAY", "rationale": ""}

    def test_does_the_good_and_tells_each_of_the_others_why(self, drafts, in_review, wish, by, mira, paul):
        good, stale, over, bare, judged = *drafts(wish("P3"), wish("P3"), wish("P3"), wish("P3")), *in_review(wish("P3"))
        [hidden] = drafts(wish("P1"))
        limit = {"order_type": "LIMIT", "limit_price": "50"}
        orders.amend_orders(by(mira), dict.fromkeys([good, stale], limit), seen={good: 1, stale: 1})
        orders.cancel_orders(by(mira), [over], seen={over: 1})
        seen = {good: 2, stale: 1, over: 2, bare: 1, judged: 2, hidden: 1, 999_999: 1}
        before = {o.pk: (o.version, o.limit_price) for o in Order.objects.exclude(pk=good)}

        found = orders.change_orders(by(paul), Change(limit_bp="20"), seen=seen)

        assert answers(found) == {
            good: "done", stale: "stale_order", over: "illegal_move", bare: "bad_wishes", judged: "illegal_move",
            hidden: "not_found", 999_999: "not_found",
        }  # fmt: skip
        by_id = {one.order_id: one for one in found}
        assert by_id[stale].since[0]["what"]["after"]["limit_price"] == "50"
        assert by_id[bare].message == "It has no limit to move."
        assert Order.objects.get(pk=good).limit_price == D("50.1")
        assert {o.pk: (o.version, o.limit_price) for o in Order.objects.exclude(pk=good)} == before

    def test_names_what_is_wrong_with_the_terms_of_each(self, drafts, wish, by, mira):
        share, bond, same = drafts(wish(qty="1000"), wish(symbol="BOND", qty="1000"), wish(tif="DAY"))
        found = orders.change_orders(by(mira), Change(qty_pct=50), seen={share: 1, bond: 1})
        assert answers(found) == {share: "done", bond: "bad_wishes"}
        assert "above zero" in found[1].message
        [unchanged] = orders.change_orders(by(mira), Change(tif="DAY"), seen={same: 1})
        assert (unchanged.code, Order.objects.get(pk=same).version) == ("unchanged", 1)

    def test_a_limit_leaves_a_stop_limit_what_it_is(self, drafts, wish, by, mira, firm):
        for kind in ("STOP", "STOP_LIMIT"):
            Combination.objects.create(asset_class="EQUITY", order_type=kind, tif="DAY")
        Combination.objects.create(asset_class="EQUITY", order_type="LIMIT", tif="DAY")
        ids = drafts(
            wish(order_type="STOP_LIMIT", stop_price="51", limit_price="52"), wish(order_type="STOP", stop_price="51"),
        )  # fmt: skip
        found = orders.change_orders(by(mira), Change(limit_price="53"), seen=dict.fromkeys(ids, 1))
        assert set(answers(found).values()) == {"done"}
        assert {(o.order_type, o.limit_price, o.terms["stop_price"]) for o in Order.objects.all()} == {("STOP_LIMIT", D(53), "51")}

    def test_gives_all_one_limit_and_takes_it_away(self, drafts, by, mira, firm):
        ids = drafts(2)
        orders.change_orders(by(mira), Change(limit_price="49.50", desk="MAIN"), seen=dict.fromkeys(ids, 1))
        assert set(Order.objects.values_list("order_type", "limit_price")) == {("LIMIT", D("49.5"))}
        orders.change_orders(by(mira), Change(order_type="MARKET"), seen=dict.fromkeys(ids, 2))
        assert set(Order.objects.values_list("order_type", "limit_price")) == {("MARKET", None)}

    def test_gives_them_a_last_day(self, drafts, wish, by, mira):
        Combination.objects.create(asset_class="EQUITY", order_type="MARKET", tif="GTD")
        Combination.objects.create(asset_class="EQUITY", order_type="MARKET", tif="DAY")
        ids = drafts(wish(), wish(tif="GTD", expire_date="2030-01-04"))
        found = orders.change_orders(by(mira), Change(expire_date="2030-02-01"), seen=dict.fromkeys(ids, 1))
        assert answers(found) == {ids[0]: "bad_wishes", ids[1]: "done"}
        assert "Only an order good till a date" in found[0].message
        change = Change(tif="GTD", expire_date=date(2030, 3, 1))
        found = orders.change_orders(by(mira), change, seen={ids[0]: 1, ids[1]: 2})
        assert set(answers(found).values()) == {"done"}
        assert [o.terms for o in Order.objects.all()] == [{"expire_date": "2030-03-01"}] * 2

    @pytest.mark.parametrize(
        "change",
        [Change(), Change(own={}),
         Change(limit_bp="10", limit_price="5"), Change(qty_pct="many"), Change(qty_pct="0"), Change(qty_pct="NaN")],
    )
    def test_refuses_a_change_that_is_none(self, drafts, by, mira, change):
        [pk] = drafts(1)
        with pytest.raises(Invalid):
            orders.change_orders(by(mira), change, seen={pk: 1})
        assert record_of(pk) == ["order.created"]

    def test_refuses_whose_role_amends_nothing(self, drafts, by, tom):
        [pk] = drafts(1)
        with pytest.raises(NotAllowed):
            orders.change_orders(by(tom), Change(tif="GTC"), seen={pk: 1})

    def test_needs_as_many_statements_for_200_as_for_10(self, drafts, by, mira):
        counts = []
        drafts(1)
        for n in (10, 200):
            ids = drafts(n)
            with CaptureQueriesContext(connection) as asked:
                orders.change_orders(by(mira), Change(qty_pct="50"), seen=dict.fromkeys(ids, 1))
            counts.append(len(asked))
        assert counts[0] == counts[1]


class TestFieldsOfTheFirmsOwn:
    """Set for many at once: beside other terms or alone, with an answer and an entry for each."""

    @pytest.fixture(autouse=True)
    def fields(self, firm):
        OwnField.objects.create(code="sleeve", label="Sleeve", kind="list", choices=["Core", "Satellite"])
        OwnField.objects.create(code="score", label="Score", kind="number", place=1)

    def test_alone_nothing_is_opened_again(self, drafts, in_review, wish, by, mira):
        [drafted], [cleared] = drafts(wish(own={"score": 7})), drafts(wish("P2"), submit=True)
        [over] = drafts(wish("P3"))
        orders.cancel_orders(by(mira), [over], seen={over: 1})
        checks = Check.objects.count()
        found = orders.change_orders(
            by(mira), Change(own={"sleeve": "Core"}), seen={drafted: 1, cleared: 3, over: 2}, submit=True
        )

        assert answers(found) == {drafted: "done", cleared: "done", over: "illegal_move"}
        assert [(one.status, one.version) for one in found] == [("DRAFT", 2), ("CLEARED", 4), ("CANCELLED", 2)]
        assert list(Order.objects.order_by("pk").values_list("own", flat=True)) == [
            {"sleeve": "Core", "score": "7"}, {"sleeve": "Core"}, None,
        ]  # fmt: skip
        assert record_of(cleared)[-1] == "order.fields_set" and Check.objects.count() == checks
        [again] = orders.change_orders(by(mira), Change(own={"sleeve": "Core"}), seen={cleared: 4})
        assert (again.code, Order.objects.get(pk=cleared).version) == ("unchanged", 4)

    def test_with_other_terms_both_are_changed_or_neither(self, drafts, wish, by, mira):
        ids = drafts(wish(), wish("P2", tif="GTC"), submit=True) + drafts(wish("P3", symbol="BOND", qty="1000"))
        seen = dict(zip(ids, (3, 3, 1), strict=True))
        bad = orders.change_orders(by(mira), Change(qty_pct="50", own={"score": "much"}), seen=seen)
        assert [(one.code, one.message) for one in bad] == [("invalid", "Score: “much” is not a number.")] * 3
        found = orders.change_orders(by(mira), Change(qty_pct="50", own={"sleeve": "Core"}), seen=seen, submit=True)

        assert answers(found) == {ids[0]: "done", ids[1]: "done", ids[2]: "bad_wishes"}
        assert [one.status for one in found] == ["CLEARED", "CLEARED", "DRAFT"]
        assert list(Order.objects.order_by("pk").values_list("qty", "own")) == [
            (50, {"sleeve": "Core"}), (50, {"sleeve": "Core"}), (1000, None),
        ]  # fmt: skip
        assert record_of(ids[0])[3:] == ["order.amended", "order.fields_set", "order.submitted", "order.cleared"]

    def test_on_the_page_and_over_the_api(self, drafts, mira):
        ids = drafts(2)
        assert "Sleeve" in words(visit(mira, "orders:change", query=f"?seen={ids[0]}:1", htmx=True))
        said = {"seen": [f"{pk}:1" for pk in ids], "own_sleeve": "Satellite", "own_score": "", "min_qty": "5"}
        assert "2 of 2 orders changed" in words(send(mira, "orders:change", said))
        api = APIClient()
        api.force_authenticate(mira)
        asked = {"orders": [{"id": pk, "version": 2} for pk in ids], "change": {"own": {"sleeve": "", "score": 3}}}
        assert api.post("/api/v1/orders/change/", asked, format="json").json()["changed"] == 2
        assert [o.own for o in Order.objects.all()] == [{"score": "3"}] * 2

    def test_needs_as_many_statements_for_50_as_for_5(self, drafts, by, mira):
        counts = []
        drafts(1)
        for n in (5, 50):
            ids = drafts(n)
            with CaptureQueriesContext(connection) as asked:
                orders.change_orders(by(mira), Change(qty_pct="50", own={"sleeve": "Core"}), seen=dict.fromkeys(ids, 1))
            counts.append(len(asked))
        assert counts[0] == counts[1]


class TestCopies:
    def test_clones_for_its_own_portfolio_and_for_others(self, drafts, wish, by, mira, firm):
        [pk] = drafts(wish(order_type="LIMIT", limit_price="49", tif="GTC", client_ref="r-1", instructions="Care"))

        [own] = orders.clone_orders(by(mira), [pk])
        others = orders.clone_orders(
            by(mira), [pk], portfolio_ids=[firm.portfolios["P2"].pk, firm.portfolios["P3"].pk], submit=True
        )

        copy = Order.objects.get(pk=own)
        assert (copy.limit_price, copy.tif, copy.instructions, copy.client_ref, copy.status) == (49, "GTC", "Care", "", "DRAFT")
        assert [Order.objects.get(pk=o).portfolio.code for o in others] == ["P2", "P3"]
        assert record_of(own) == ["order.created", "order.copied"]
        assert record_of(others[0])[:3] == ["order.created", "order.copied", "order.submitted"]
        assert Entry.objects.get(subject_id=own, event="order.copied").payload == {"source_id": pk, "how": "clone"}

    def test_what_was_intended_is_derived_anew_for_another_portfolio(self, drafts, wish, by, mira, firm):
        day, aaa = date.today(), firm.instruments["AAA"].pk
        sold = holdings.Moved(firm.portfolios["P2"].pk, day, day, "sold", "OPENING", instrument_id=aaa, qty=D(-40_000))
        holdings.post_movements(by("loader"), [sold])
        [pk] = drafts(wish(side="", qty="", intent="TARGET_PCT", intent_value="20"))
        [own] = orders.clone_orders(by(mira), [pk])
        [other] = orders.clone_orders(by(mira), [pk], portfolio_ids=[firm.portfolios["P2"].pk])

        source, same, anew = (Order.objects.get(pk=n) for n in (pk, own, other))
        assert (same.side, same.qty, same.intent) == (source.side, source.qty, None)
        assert source.side == "SELL" and anew.side == "BUY"
        assert (anew.intent["value"], anew.intent["held"], D(anew.intent["qty"])) == ("20", "10000", anew.qty)

    def test_reverses_what_was_filled(self, filled, by, mira):
        [made] = orders.reverse_orders(by(mira), filled[:1])
        order = Order.objects.get(pk=made)
        assert (order.side, order.qty, order.order_type, order.status) == ("SELL", 60, "MARKET", "DRAFT")

    def test_refuses_to_reverse_what_has_no_fill_and_enters_nothing(self, filled, by, mira):
        with pytest.raises(orders.NothingFilled):
            orders.reverse_orders(by(mira), filled)
        assert Order.objects.count() == 2

    def test_refuses_orders_and_portfolios_of_another_team(self, drafts, wish, by, paul, firm):
        hidden, seen = drafts(wish("P1"), wish("P3"))
        with pytest.raises(NotFound):
            orders.clone_orders(by(paul), [hidden])
        with pytest.raises(orders.BadWishes, match="not one of yours"):
            orders.clone_orders(by(paul), [seen], portfolio_ids=[firm.portfolios["P1"].pk])
        assert Order.objects.count() == 2


class TestPages:
    def test_the_dialog_states_the_money_and_answers_for_each(self, drafts, by, mira, firm):
        first, second = drafts(2)
        orders.cancel_orders(by(mira), [second], seen={second: 1})
        pairs = {"seen": [f"{first}:1", f"{second}:1"]}

        asked = words(visit(mira, "orders:change", query=f"?seen={first}:1&seen={second}:1", htmx=True))
        answer = words(send(mira, "orders:change", pairs | {"qty_pct": "50", "submit": "on"}))

        assert "Change 2 orders" in asked and "$10.0K buy" in asked
        assert "1 of 2 orders changed" in answer and "It changed since you looked" in answer
        assert "cancelled by Mira" in answer
        assert Order.objects.get(pk=first).qty == 50

    def test_what_is_wrong_with_the_change_comes_back_beside_its_field(self, drafts, mira):
        [pk] = drafts(1)
        answer = send(mira, "orders:change", {"seen": f"{pk}:1", "limit_bp": "ten"})
        assert answer.status_code == 422 and 'id="id_limit_bp_error"' in words(answer)
        assert send(mira, "orders:change", {"seen": f"{pk}:1"}).status_code == 422

    def test_clones_and_reverses(self, filled, mira, firm):
        asked = words(visit(mira, "orders:clone", query=f"?seen={filled[0]}:5", htmx=True))
        assert "Enter them again" in asked and "P3" in asked
        answer = send(mira, "orders:clone", {"seen": f"{filled[0]}:5", "portfolios": [firm.portfolios["P3"].pk]})
        assert answer.status_code == 204 and "1 order entered as copies: 1 draft" in answer["HX-Trigger"]
        query = f"?seen={filled[0]}:5&seen={filled[1]}:5"
        assert "1 of those selected have no fill" in words(visit(mira, "orders:reverse", query=query, htmx=True))
        assert send(mira, "orders:reverse", {"seen": f"{filled[0]}:5"}).status_code == 204
        assert send(mira, "orders:reverse", {"seen": f"{filled[1]}:5"}).status_code == 409
        assert list(Order.objects.order_by("pk").values_list("side", "qty"))[2:] == [("BUY", 100), ("SELL", 60)]

    def test_the_list_offers_them_in_its_bar(self, drafts, mira, ada):
        drafts(1)
        assert reverse("orders:change") in words(visit(mira, "orders:list"))
        assert reverse("orders:change") not in words(visit(ada, "orders:list"))


class TestApi:
    @pytest.fixture
    def api(self, mira) -> APIClient:
        client = APIClient()
        client.force_authenticate(mira)
        return client

    def test_changes_with_an_answer_for_each_and_once_a_key(self, drafts, api):
        first, second = drafts(2)
        asked = {
            "orders": [{"id": first, "version": 1}, {"id": second, "version": 9}], "change": {"qty_pct": 50},
        }  # fmt: skip
        for _ in range(2):
            answer = api.post("/api/v1/orders/change/", asked, format="json", headers={"Idempotency-Key": "k"})
            assert answer.status_code == 200
            assert (answer.json()["changed"], answer.json()["refused"]) == (1, 1)
            assert [one["code"] for one in answer.json()["orders"]] == ["", "stale_order"]
        assert Order.objects.get(pk=first).qty == 50

    def test_an_order_named_twice_is_refused_and_nothing_is_changed(self, drafts, api):
        first, second = drafts(2)
        twice = [{"id": first, "version": 1}, {"id": second, "version": 1}, {"id": first, "version": 1}]
        answer = api.post("/api/v1/orders/change/", {"orders": twice, "change": {"qty_pct": 50}}, format="json")
        assert answer.status_code == 422
        assert "named twice" in answer.json()["detail"]
        assert set(Order.objects.values_list("version", flat=True)) == {1}

    def test_clones_by_portfolio_code_and_reverses(self, filled, api):
        answer = api.post("/api/v1/orders/clone/", {"orders": filled[:1], "portfolios": ["P2"]}, format="json")
        assert (answer.status_code, answer.json()[0]["portfolio"]) == (201, "P2")
        unknown = api.post("/api/v1/orders/clone/", {"orders": filled[:1], "portfolios": ["P9"]}, format="json")
        assert (unknown.status_code, Order.objects.count()) == (422, 3)
        assert api.post("/api/v1/orders/reverse/", {"orders": filled}, format="json").status_code == 409
        assert api.post("/api/v1/orders/reverse/", {"orders": filled[:1]}, format="json").json()[0]["side"] == "SELL"
