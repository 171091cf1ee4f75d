"""Homes, the finder, the bar and the record, as a browser asks for them."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.audit.models import Seal
from apps.compliance import services as compliance
from apps.compliance.models import Review, Rule
from apps.core.events import REGISTRY
from apps.desk import record
from apps.orders import services as orders
from apps.orders.models import Approval
from tests.pages import send, visit, words


@pytest.fixture
def order(firm, mira, by):
    def make(portfolio="P1", symbol="AAA", side="BUY", qty="100", submit=False) -> int:
        wish = orders.Wish(firm.portfolios[portfolio].pk, firm.instruments[symbol].pk, side, qty)
        return orders.create_orders(by(mira), [wish], submit=submit)[0]

    return make


@pytest.fixture
def held(order, by):
    """An order that compliance holds."""
    compliance.install_default_rules(by("loader"))
    return lambda **more: order(submit=True, **more)


def places(response) -> list[str]:
    """What the bar offers, first what stands in it, then what is under More."""
    bar = words(response).split("<header")[1].split('class="search"')[0]
    return re.findall(r'<a href="[^"]+"(?: aria-current="page")?>([^<]+)', bar)


# --- homes ----------------------------------------------------------------------------------------------------------


class TestHome:
    def test_a_manager_sees_their_money_and_what_waits_for_them(self, mira, held, order):
        waits, draft = held(), order()

        shown = words(visit(mira, "desk:home"))

        assert "3 portfolios" in shown
        assert f"Order O-{waits:06d} buy AAA for Portfolio P1 is held by compliance" in shown
        assert f"Order O-{draft:06d} buy AAA for Portfolio P1 is a draft" in shown
        assert shown.index("is held by compliance") < shown.index("is a draft")

    def test_a_manager_of_one_team_sees_nothing_of_the_other(self, paul, held):
        held(portfolio="P1")

        shown = words(visit(paul, "desk:home"))

        assert "<em>1 portfolio</em>" in shown
        assert "is held by compliance" not in shown

    def test_an_officer_sees_reviews(self, omar, held):
        held()

        shown = words(visit(omar, "desk:home"))

        assert "Review Portfolio P1: buy AAA" in shown
        assert "Waiting for you</small><strong" in shown

    @pytest.mark.parametrize(
        ("who", "figure"),
        [
            ("tom", "Ready to route"),
            ("olga", "On the way"),
            ("ada", "Entries on the record"),
            ("mira", "Under management"),
        ],
    )
    def test_each_role_has_figures_that_lead_to_their_rows(self, request, who, figure, firm):
        shown = words(visit(request.getfixturevalue(who), "desk:home"))

        assert re.search(rf'<a href="/[^"]+" class="figure"><small>{figure}', shown)

    def test_says_so_where_nothing_waits(self, alan, firm):
        assert "Nothing waits for you" in words(visit(alan, "desk:home"))

    @pytest.mark.parametrize("part", ["strip", "attention"])
    def test_gives_its_parts_alone_to_a_live_page(self, mira, firm, part):
        shown = visit(mira, "desk:home", query=f"?part={part}", htmx=True)

        assert shown.status_code == 200
        assert "<html" not in words(shown)

    def test_is_closed_to_people_without_a_role_and_sends_strangers_to_sign_in(self, client, stranger):
        assert visit(stranger, "desk:home").status_code == 403
        assert client.get("/").headers["Location"].startswith("/accounts/login/")


# --- the bar --------------------------------------------------------------------------------------------------------


class TestBar:
    def test_what_a_role_works_on_comes_first(self, omar, tom, mira, olga, ada, firm):
        assert places(visit(omar, "desk:home"))[:3] == ["Home", "Reviews", "Orders"]
        assert places(visit(tom, "desk:home"))[:4] == ["Home", "Blocks", "Inquiries", "Routes"]
        assert places(visit(mira, "desk:home"))[:4] == ["Home", "Orders", "Import", "Portfolios"]
        assert places(visit(olga, "desk:home"))[:3] == ["Home", "Settlement", "Allocations"]
        assert places(visit(ada, "desk:home"))[:2] == ["Home", "Record"]

    def test_offers_only_what_the_role_may_open(self, mira, alan, firm):
        assert "Reviews" not in places(visit(mira, "desk:home"))
        assert places(visit(alan, "desk:home")) == ["Home", "Rotations", "Parts", "Reference data"]

    def test_one_place_is_the_current_one(self, mira, firm):
        shown = words(visit(mira, "orders:imports"))

        assert re.findall(r'aria-current="page">([^<]+)<', shown) == ["Import"]

    def test_badges_come_with_the_health_of_the_parts(self, omar, mira, held):
        held()

        badge = '<i class="count" id="count-reviews" hx-swap-oob="true">1</i>'
        assert badge in words(visit(omar, "desk:health", htmx=True))
        assert "count-reviews" not in words(visit(mira, "desk:health", htmx=True))
        assert "FIX" in words(visit(mira, "desk:health", htmx=True))


class TestOrderList:
    def test_a_row_comes_to_the_top_when_it_needs_a_person_most_and_moves_for_nothing_less(self, mira, held, order):
        stuck, draft, sent = held(), order(), order(symbol="BBB", qty="1", submit=True)
        stands = dict(re.findall(r'data-row="order:(\d+)"[^>]* data-stands="([^"]*)"', words(visit(mira, "orders:list"))))
        assert stands == {str(stuck): "0", str(draft): "", str(sent): ""}


# --- the finder -----------------------------------------------------------------------------------------------------


class TestFinder:
    def test_finds_orders_instruments_portfolios_and_pages(self, mira, order):
        pk = order()

        assert f"O-{pk:06d}" in words(visit(mira, "desk:find", query=f"?q=O-{pk}", htmx=True))
        assert "AAA of Alpha Group" in words(visit(mira, "desk:find", query="?q=AAA", htmx=True))
        assert "Portfolio P2" in words(visit(mira, "desk:find", query="?q=p2", htmx=True))
        assert ">Import<" in words(visit(mira, "desk:find", query="?q=impo", htmx=True))
        assert ">Retirement plans<" in words(visit(mira, "desk:find", query="?q=plans", htmx=True))  # It stands behind Portfolios.
        assert ">Trading limits<" not in words(visit(mira, "desk:find", query="?q=trading", htmx=True))
        assert f"O-{pk:06d}" in words(visit(mira, "desk:find", query=f"?q={pk}", htmx=True))
        assert f"O-{pk:06d}" not in words(visit(mira, "desk:find", query=f"?q=B-{pk}", htmx=True))  # A block's number.

    def test_finds_groups_by_their_names(self, mira, paul, order, by):
        pk = order()
        group = orders.link_orders(by(mira), "PROGRAM", "Quarter end", [orders.LegIn(pk)], seen={pk: 1})
        for who, found in ((mira, True), (paul, False)):
            assert (f'href="/groups/{group}/"' in words(visit(who, "desk:find", query="?q=quarter", htmx=True))) == found

    def test_finds_nothing_that_is_hidden(self, paul, tom, order):
        pk = order(portfolio="P1")

        assert f"O-{pk:06d}" not in words(visit(paul, "desk:find", query=f"?q=O-{pk}", htmx=True))
        assert "Portfolio P1" not in words(visit(paul, "desk:find", query="?q=P1", htmx=True))
        assert ">Import<" not in words(visit(tom, "desk:find", query="?q=impo", htmx=True))

    def test_says_what_to_try(self, mira, firm):
        assert "Try a ticker" in words(visit(mira, "desk:find", query="?q=zzz", htmx=True))


# --- the record -----------------------------------------------------------------------------------------------------


class TestRecord:
    def test_says_who_did_what_when_and_why(self, ada, omar, by, held):
        order = held()
        review = Review.objects.get(order=order)
        compliance.approve_reviews(by(omar, "Trustee's consent."), [review.pk], seen={review.pk: review.version})

        shown = words(visit(ada, "desk:record", query="?subject=review"))

        assert "Trustee&#x27;s consent." in shown
        assert "by Omar Osei" in shown
        assert f"Review V-{review.pk:06d}" in shown
        assert '<optgroup label="Review">' in shown
        assert '<option value="review.approved">Review: approved</option>' in shown

    @pytest.mark.parametrize(
        ("name", "value", "said"),
        [
            ("tif", "DAY", "time in force DAY"), ("side", "SELL_SHORT", "side sell short"), ("qty", "1653800", "quantity 1,653,800"),
            ("display_qty", "100", "display quantity 100"), ("net_amount", "195200.62", "net 195,200.62"),
            ("settled_date", "2026-12-01", "settled date Tue 1 Dec 2026"), ("is_first", False, "is first no"),
            ("ord_status", "1", "at the broker partly filled"), ("exec_type", "F", "report trade"),
            ("params", '{"window_days":"30"}', "limits window days 30"), ("params", "{}", ""), ("number", 2, "version 2"),
            ("route_id", 7, "route R-0007"), ("params", "{torn", "limits {torn"),
            ("settled_date", "soon", "settled date soon"), ("net_amount", "much", "net much"),
            ("decision_price", "50.00000000", "decision price 50"), ("limit_price", "none", "limit price none"),
            ("terms", {"stop_price": "5.10"}, "terms stop price 5.1"),
            ("legs", [{"order_id": 7, "qty": "5"}], "legs order O-000007, quantity 5"),
        ],
    )  # fmt: skip
    def test_says_the_values_of_an_event_in_words(self, name, value, said):
        assert record._values({name: value}, {}) == said

    def test_calls_rules_and_groups_by_their_names(self, ada, omar, mira, by, held, order):
        pk = order()
        orders.link_orders(by(mira), "PROGRAM", "Quarter end", [orders.LegIn(pk)], seen={pk: 1})
        orders.save_approval_rule(by(omar), "all", {"steps": [{"name": "Officer", "permission": "orders.approve"}]})
        sent = order(symbol="BBB", qty="1", submit=True)
        held()
        rule, asked = Rule.objects.first(), Approval.objects.get(order=sent).rule

        assert f"Rule “{rule.name}”" in words(visit(ada, "desk:record", query="?subject=rule"))
        assert "Group “Quarter end”" in words(visit(ada, "desk:record", query="?subject=group"))
        assert f"approval rule {asked.name}" in words(visit(ada, "desk:record", query="?event=approval.opened"))
        assert f"Rule “{rule.name}”, from the record" in words(visit(ada, "desk:timeline", "rule", rule.pk))

    @pytest.mark.parametrize(
        ("query", "found"),
        [("?q=nothing-like-it", False), ("?event=order.created", True), ("?event=order.cancelled", False),
         ("?since=2001-01-01T00:00", True), ("?until=2001-01-01T00:00", False)],
    )  # fmt: skip
    def test_searches_by_words_event_and_time(self, ada, order, query, found):
        order()

        shown = words(visit(ada, "desk:record", query=query))

        assert ("Nothing on the record fits" not in shown) == found

    @pytest.mark.parametrize("said", ["order {}", "Order {}", "O-{:06d}", "o-{}", "Order O-{:06d}", "order"])
    def test_finds_a_subject_as_it_is_called(self, ada, order, said):
        pk = order()

        shown = words(visit(ada, "desk:record", query=f"?subject={said.format(pk)}&event=order.created"))

        assert f">Order O-{pk:06d}</a>" in shown
        assert "Nothing on the record fits" in words(visit(ada, "desk:record", query=f"?subject=B-{pk}"))

    @pytest.mark.parametrize("query", ["?by=me", "?before=x", "?since=yesterday"])
    def test_nonsense_is_refused(self, ada, firm, query):
        assert visit(ada, "desk:record", query=query).status_code == 422

    def test_a_long_record_goes_on_where_it_stopped(self, ada, mira, by, firm):
        wish = orders.Wish(firm.portfolios["P1"].pk, firm.instruments["AAA"].pk, "BUY", "100")
        orders.create_orders(by(mira), [wish] * 120)

        first = visit(ada, "desk:record", query="?subject=order&q=")
        older = re.search(r"before=(\d+)", words(first))[1]
        second = visit(ada, "desk:record", query=f"?subject=order&before={older}")

        assert len(subjects(first)) == 100
        assert len(subjects(second)) == 20
        assert not set(subjects(first)) & set(subjects(second))

    def test_everything_that_is_on_it_has_a_timeline(self):
        ours = {code.split(".")[0] for code, event in REGISTRY.items() if event.__module__.startswith("apps.")}
        assert len(ours) > 20 and ours <= {*record.SEEN_BY, *record.NEEDED}

    def test_says_of_a_change_what_was_and_is_and_of_what_is_new_what_it_says(self):
        for nth, payload, said in (
            (1, {"number": 1, "params": "{}", "before": {}, "after": {"severity": "SOFT"}}, "severity soft"),
            (2, {"before": {"severity": "SOFT", "params": {"max_pct": "10"}}, "after": {"severity": "HARD", "params": {"max_pct": "8"}}},
             "severity soft → hard, limits max pct 10 → max pct 8"),
            (3, {"list": "orders", "before": {"name": "Mine"}}, "was name Mine"),
        ):  # fmt: skip
            assert record._changes(payload, nth, {}) == said

    def test_a_timeline_is_for_whoever_may_see_its_subject(self, mira, paul, tom, ada, order):
        pk = order(portfolio="P1")

        assert "Created" in words(visit(mira, "desk:timeline", "order", pk, htmx=True))
        assert "from the record" in words(visit(ada, "desk:timeline", "order", pk))
        assert visit(paul, "desk:timeline", "order", pk).status_code == 404
        assert visit(mira, "desk:timeline", "review", 1).status_code == 404
        assert visit(ada, "desk:timeline", "nonsense", 1).status_code == 404

    def test_a_timeline_in_the_drawer_has_a_head_and_readable_numbers(self, ada, mira, by, firm):
        wish = orders.Wish(firm.portfolios["P1"].pk, firm.instruments["AAA"].pk, "BUY", "1653800")
        (pk,) = orders.create_orders(by(mira), [wish])
        client = Client()
        client.force_login(ada)
        headers = {"HX-Request": "true", "HX-Target": "drawer"}

        drawer = words(client.get(reverse("desk:timeline", args=["order", pk]), headers=headers))

        assert f">Order O-{pk:06d}</h2>" in drawer
        assert "data-close-drawer" in drawer
        assert "quantity 1,653,800" in drawer

    def test_the_auditor_verifies_it(self, ada, omar, order):
        order()

        verdict = send(ada, "desk:verify", {})

        assert "The record is whole" in words(verdict)
        assert "0 not yet sealed" in words(verdict)
        assert Seal.objects.count() == 1
        assert send(omar, "desk:verify", {}).status_code == 403

    def test_the_record_is_not_for_the_desk(self, mira, tom, olga, alan, firm):
        for person in (mira, tom, olga, alan):
            assert visit(person, "desk:record").status_code == 403

    def test_asks_the_database_as_often_for_many_entries_as_for_few(self, ada, order):
        order()
        with CaptureQueriesContext(connection) as few:
            visit(ada, "desk:record")
        for _ in range(5):
            order()
        with CaptureQueriesContext(connection) as many:
            visit(ada, "desk:record")

        assert len(many) == len(few)


def subjects(response) -> list[str]:
    return re.findall(r'data-href="(/record/[^"]+)"', words(response))


# --- work promised to workers ---------------------------------------------------------------------------------------


class TestParts:
    def test_says_that_all_is_done(self, ada, firm):
        shown = words(visit(ada, "desk:parts"))

        assert "Nothing is parked." in shown

    def test_is_for_who_mends_or_audits(self, mira, tom, alan, firm):
        assert visit(mira, "desk:parts").status_code == 403
        assert visit(tom, "desk:parts").status_code == 403
        assert visit(alan, "desk:parts").status_code == 200
        assert send(mira, "desk:try_again", {"promise": 1}).status_code == 403
        assert send(alan, "desk:try_again", {"promise": "x"}).status_code == 422
