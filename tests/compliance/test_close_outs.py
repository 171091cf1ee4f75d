"""What failed to be delivered: when it is due, what it stops while it is open, and how it is closed (17 CFR 242.204)."""

from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest
from django.utils import timezone

from apps.audit.models import Entry
from apps.compliance import services as compliance
from apps.compliance.engine.columns import QTY
from apps.compliance.engine.judgement import FAIL, PASS
from apps.compliance.engine.rows import Boxed
from apps.compliance.engine.rules.short_sales import judge
from apps.compliance.models import CloseOut
from apps.compliance.services import Fail, StaleCloseOut
from apps.core.refusals import IllegalMove, Invalid, NotAllowed
from apps.orders import services as orders
from apps.orders.models import Locate, Order
from tests.compliance.ruling import put_in_force
from tests.pages import send, visit, words
from tests.races import at_once

from .books import TODAY, book, rule, share

D = Decimal
XYZ, ABC = share(1, "XYZ", "90"), share(2, "ABC", "90")


class TestTheRule:
    """The engine alone."""

    def ask(self, *, located=100, borrowed=0, boxed="XYZ", side="SELL_SHORT", held=0, **params):
        snapshot = book([XYZ, ABC], [(0, "XYZ", side, 100)], positions=[(0, "XYZ", held)], located={1: located})
        snapshot.orders.borrowed = np.array([int(D(borrowed) * QTY)], np.int64)
        snapshot.boxed = {["XYZ", "ABC"].index(boxed): Boxed(TODAY, "CO-00007")} if boxed else {}
        return judge(snapshot, rule("short_sale", **params), np.zeros(1, bool))

    @pytest.mark.parametrize(
        ("borrowed", "outcome", "most"),
        [("100", PASS, -1), ("99.9999", FAIL, 99), ("40", FAIL, 40), ("0", FAIL, 0), ("100.0001", PASS, -1)],
    )
    def test_in_the_box_all_of_it_is_borrowed(self, borrowed, outcome, most):
        found = self.ask(borrowed=borrowed)
        assert (found.outcome[0], found.max_qty[0]) == (outcome, most * QTY if most > 0 else most)

    def test_says_since_when_and_what_counts(self):
        assert self.ask(borrowed="40").say(0).text == (
            "Of 100 XYZ sold short 40 are borrowed. A sale of it failed to be delivered on 04 Mar 2026 (CO-00007): until that is"
            " closed out a locate is not enough, only borrowed units count."
        )

    @pytest.mark.parametrize("boxed", ["", "ABC"])
    def test_out_of_the_box_a_locate_is_enough(self, boxed):
        assert self.ask(boxed=boxed).outcome[0] == PASS

    def test_a_long_sale_in_the_box_passes(self):
        assert self.ask(side="SELL", held=100, located=0).outcome[0] == PASS

    def test_a_rule_that_needs_no_locate_needs_a_borrow_in_the_box(self):
        assert self.ask(located=0, needs_locate=False).outcome[0] == FAIL
        assert self.ask(located=0, needs_locate=False, boxed="").outcome[0] == PASS

    def test_asks_its_classes_alone(self):
        assert self.ask(classes=["ETF"]).outcome[0] != FAIL

    def test_a_snapshot_that_was_stored_before_says_nothing_of_it(self):
        snapshot = book([XYZ], [(0, "XYZ", "SELL_SHORT", 100)], located={1: 100})
        assert (snapshot.orders.borrowed, dict(snapshot.boxed)) == (None, {})
        assert judge(snapshot, rule("short_sale"), np.zeros(1, bool)).outcome[0] == PASS


@pytest.fixture
def fail(firm):
    """``fail("a", date(…))``: a sale of 100 AAA of P1 that was not delivered then."""

    def make(source: str, on: date = date(2026, 11, 2), *, short: bool = True, symbol: str = "AAA", currency: str = "USD") -> Fail:
        return Fail(source, firm.instruments[symbol].pk, firm.portfolios["P1"].pk, D(100), short, on, currency)

    return make


@pytest.fixture
def opened(fail, by):
    """``opened("a", …)``: the id of its close-out."""
    return lambda *args, **more: compliance.open_close_outs(by("loader"), [fail(*args, **more)])[0]


class TestOpening:
    @pytest.mark.parametrize(
        ("short", "on", "due"),
        [
            (True, date(2026, 12, 1), date(2026, 12, 2)), (False, date(2026, 12, 1), date(2026, 12, 4)),
            (True, date(2026, 12, 4), date(2026, 12, 7)), (False, date(2026, 12, 4), date(2026, 12, 9)),
            (True, date(2026, 12, 24), date(2026, 12, 28)), (False, date(2026, 12, 23), date(2026, 12, 29)),  # Over Christmas.
        ],
    )  # fmt: skip
    def test_due_days_are_settlement_days(self, opened, short, on, due):
        row = CloseOut.objects.get(pk=opened("a", on, short=short))
        assert (row.due_on, row.settle_date, row.is_short, row.status) == (due, on, short, "OPEN")

    def test_without_a_calendar_it_is_due_no_later(self, opened):
        assert CloseOut.objects.get(pk=opened("a", date(2025, 12, 24), currency="JPY")).due_on == date(2025, 12, 25)

    def test_is_opened_once_with_its_facts(self, fail, by):
        first = compliance.open_close_outs(by("loader"), [fail("a"), fail("b"), fail("a")])
        again = compliance.open_close_outs(by("loader"), [fail("b"), fail("c")])
        assert (len(first), len(again), CloseOut.objects.count()) == (2, 1, 3)
        assert Entry.objects.filter(event="close_out.due").count() == 3
        assert Entry.objects.get(event="close_out.due", subject_id=again[0]).payload["source"] == "c"

    def test_no_person_opens_one(self, fail, by, omar):
        with pytest.raises(NotAllowed):
            compliance.open_close_outs(by(omar), [fail("a")])

    def test_statements_do_not_grow_with_the_fails(self, fail, by, django_assert_max_num_queries):
        for many in (1, 60):
            fails = [fail(f"{many}:{n}") for n in range(many)]
            with django_assert_max_num_queries(10):
                compliance.open_close_outs(by("loader"), fails)

    @pytest.mark.django_db(transaction=True)
    def test_two_workers_open_each_once(self, fail, by):
        act, fails = by("loader"), [fail(str(n)) for n in range(20)]
        answers = at_once(*(lambda: compliance.open_close_outs(act, fails) for _ in range(2)))
        assert sorted(len(one) for one in answers) == [0, 20]
        assert Entry.objects.filter(event="close_out.due").count() == 20


class TestClosing:
    def test_by_hand_with_who_and_how(self, opened, by, omar):
        pk = opened("a")
        compliance.close_by_hand(by(omar, "Bought in."), [pk], seen={pk: 1})
        row = CloseOut.objects.get()
        assert (row.status, row.how, row.ended_by, row.version) == ("CLOSED", "Bought in.", omar, 2)
        with pytest.raises(IllegalMove):
            compliance.close_by_hand(by(omar, "Again."), [pk], seen={pk: 2})

    def test_refuses_a_stale_officer_no_reason_and_who_may_not(self, opened, by, omar, odile, people):
        pk = opened("a")
        for reason in ("  ", "x" * 301):
            with pytest.raises(Invalid):
                compliance.close_by_hand(by(omar, reason), [pk], seen={pk: 1})
        with pytest.raises(NotAllowed):
            compliance.close_by_hand(by(people["olga"], "Mine."), [pk], seen={pk: 1})
        compliance.close_close_outs(by("loader"), {"a": "delivered"})
        with pytest.raises(StaleCloseOut) as refused:
            compliance.close_by_hand(by(odile, "Bought in."), [pk], seen={pk: 1})
        assert refused.value.facts["close_outs"][0]["changes"]
        assert CloseOut.objects.get().how == "delivered"

    def test_what_was_closed_by_hand_is_not_closed_again(self, opened, by, omar):
        pk = opened("a")
        compliance.close_by_hand(by(omar, "Bought in."), [pk], seen={pk: 1})
        compliance.close_close_outs(by("loader"), {"a": "delivered", "nothing": "cancelled"})
        assert CloseOut.objects.get().how == "Bought in."

    @pytest.mark.django_db(transaction=True)
    def test_an_officer_and_the_delivery_race_and_it_is_closed_once(self, opened, by, omar):
        pk = opened("a")
        officer, worker = by(omar, "Bought in."), by("loader")
        at_once(
            lambda: compliance.close_by_hand(officer, [pk], seen={pk: 1}),
            lambda: compliance.close_close_outs(worker, {"a": "delivered"}),
        )
        assert (CloseOut.objects.get().version, Entry.objects.filter(event="close_out.done").count()) == (2, 1)


class TestTheBox:
    @pytest.fixture
    def sell(self, firm, mira, by):
        """``sell("P2", lent, borrowed)``: the status of a short sale of 100 AAA."""
        put_in_force(by, "short_sale", {"price_test": False}, severity="HARD", name="short_sale", kind="short_sale")

        def make(portfolio: str = "P2", located: str = "", borrowed: str = "", symbol: str = "AAA") -> Order:
            act = by(mira)
            asked = orders.Wish(firm.portfolios[portfolio].pk, firm.instruments[symbol].pk, "SELL_SHORT", "100")
            [pk] = orders.create_orders(act, [asked])
            for ref, qty in (("L", located), ("B", borrowed)):
                if qty:
                    orders.attach_locate(
                        act, pk, lender="Prime", ref=ref, qty=qty, expires_at=act.at + timedelta(hours=6),
                        seen={pk: Order.objects.get(pk=pk).version}, is_borrow=ref == "B",
                    )  # fmt: skip
            orders.submit_orders(act, [pk], seen={pk: Order.objects.get(pk=pk).version})
            return Order.objects.get(pk=pk)

        return make

    def test_is_the_firms_while_it_is_open(self, sell, opened, by, check_of):
        opened("a")
        assert sell(located="100").status == "HELD"  # Another portfolio than the one that failed.
        some = sell(located="60", borrowed="40")
        assert (some.status, int(check_of(some.pk).max_passing_qty)) == ("HELD", 40)
        assert sell(borrowed="100").status == "CLEARED"
        assert sell(located="100", symbol="CCC").status == "CLEARED"
        compliance.close_close_outs(by("loader"), {"a": "delivered"})
        assert sell(located="100").status == "CLEARED"

    def test_a_second_fail_keeps_it_shut(self, sell, opened, by, check_of):
        opened("a", date(2026, 11, 3))
        opened("b", date(2026, 11, 2))
        assert "delivered on 02 Nov 2026 (CO-" in check_of(sell(located="100").pk).results[0]["text"]
        compliance.close_close_outs(by("loader"), {"b": "delivered"})
        assert sell(located="100").status == "HELD"


class TestEdges:
    def test_the_page_shows_what_is_due_and_how_it_was_closed(self, opened, people, omar):
        soon, late = opened("b", timezone.now().date() + timedelta(days=1)), opened("a", date(2026, 1, 2))
        shown = words(visit(omar, "compliance:close_outs"))
        assert shown.count("Overdue") == 1 and shown.index(f"close_out:{late}") < shown.index(f"close_out:{soon}")
        assert "hx-get" in shown
        assert f"/close-outs/{late}/close/" not in words(visit(people["olga"], "compliance:close_outs"))
        assert "bought in" in words(visit(omar, "compliance:close_out_close", late)).lower()
        refused = send(omar, "compliance:close_out_close", {"seen": f"{late}:1", "reason": " "}, late)
        assert refused.status_code == 422 and "Say how it was closed out" in words(refused)
        assert send(omar, "compliance:close_out_close", {"seen": f"{late}:1", "reason": "Bought in <b>."}, late).status_code == 204
        closed = words(visit(omar, "compliance:close_outs", query="?status=CLOSED"))
        assert "“Bought in &lt;b&gt;.”" in closed and "Omar Osei" in closed
        assert send(omar, "compliance:close_out_close", {"seen": f"{late}:1", "reason": "Again."}, late).status_code == 409

    def test_over_the_api(self, opened, omar, people, ask):
        pk = opened("a")
        [row] = ask(people["olga"], "get", "/api/v1/close-outs/?status=OPEN").json()["results"]
        assert (row["symbol"], row["portfolio"], row["is_short"], row["due_on"], row["ended_by"]) == ("AAA", "P1", True, "2026-11-03", None)
        path = f"/api/v1/close-outs/{pk}/close/"
        assert ask(people["olga"], "post", path, {"version": 1, "reason": "Mine."}).status_code == 403
        assert ask(omar, "post", path, {"version": 1, "reason": " "}).status_code in (400, 422)
        done = ask(omar, "post", path, {"version": 1, "reason": "Bought in."}, **{"Idempotency-Key": "k"})
        assert (done.status_code, done.json()["status"], done.json()["ended_by"]) == (200, "CLOSED", "omar")
        assert ask(omar, "post", path, {"version": 1, "reason": "Bought in."}, **{"Idempotency-Key": "k"}).json() == done.json()
        assert ask(omar, "post", path, {"version": 1, "reason": "Again."}).status_code == 409

    def test_a_locate_says_whether_it_is_a_borrow(self, firm, mira, by, ask):
        asked = orders.Wish(firm.portfolios["P1"].pk, firm.instruments["AAA"].pk, "SELL_SHORT", "300")
        [pk] = orders.create_orders(by(mira), [asked])
        until = timezone.now() + timedelta(hours=3)
        form = {"version": 1, "lender": "Prime", "ref": "1", "qty": "100", "expires_at": f"{until:%Y-%m-%dT%H:%M}", "is_borrow": "on"}
        assert "· borrowed" in words(send(mira, "orders:attach_locate", form, pk))
        said = {"version": 2, "lender": "Prime", "ref": "2", "qty": "200", "expires_at": until.isoformat()}
        assert ask(mira, "post", f"/api/v1/orders/{pk}/locates/", said).json()["is_borrow"] is False
        assert list(Locate.objects.order_by("pk").values_list("is_borrow", flat=True)) == [True, False]
        assert Entry.objects.filter(event="order.located").order_by("pk").first().payload["is_borrow"] is True
