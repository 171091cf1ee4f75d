"""Pages of routes, inquiries and sessions, as a browser asks for them."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.audit.models import Entry
from apps.routing import services as routing
from apps.routing.models import DealerQuote, Execution, Inquiry, Message, Route, RouteRequest, Session
from tests.pages import send, visit, words


def rows(response, subject: str = "route") -> list[int]:
    return [int(pk) for pk in re.findall(rf'data-row="{subject}:(\d+)"', words(response))]


@pytest.fixture
def an_inquiry(a_block, tom, by):
    """Dealers asked for a price of a bond."""

    def make(qty=2_000_000) -> Inquiry:
        block = a_block("BOND", "BUY", qty)
        routed = routing.route_blocks(by(tom), [block.pk], seen={block.pk: block.version})
        return Inquiry.objects.get(pk=routed.inquiries[0])

    return make


# --- routes ---------------------------------------------------------------------------------------------------------


class TestRoutes:
    def test_lists_the_rejected_first_then_the_largest(self, tom, a_route, street):
        small, large, bad = a_route(100), a_route(900), a_route(50)
        street.report(bad, "8", "8", cum=0, leaves=0, text="Outside the band")

        shown = visit(tom, "routing:routes")

        assert rows(shown) == [bad.pk, large.pk, small.pk]
        assert "Outside the band" in words(shown)
        assert "Working<b>2</b>" in words(shown)
        assert rows(visit(tom, "routing:routes", query="?status=REJECTED")) == [bad.pk]
        assert rows(visit(tom, "routing:routes", query="?status=LIVE")) == [large.pk, small.pk]
        assert rows(visit(tom, "routing:routes", query="?q=nobody")) == []

    def test_a_fill_changes_its_row_alone(self, tom, a_route, street):
        route, other = a_route(100), a_route(200)
        street.report(route, "F", "1", last=(40, "50.10"), cum=40, leaves=60)

        shown = visit(tom, "routing:route_rows", query=f"?ids={route.pk}", htmx=True)

        assert rows(shown) == [route.pk]
        assert "40%" in words(shown)
        assert "50.1000" in words(shown)
        assert "Partly filled" in words(shown)
        assert other.pk not in rows(shown)

    def test_a_row_that_left_the_filter_does_not_come_back(self, tom, a_route):
        route = a_route(100)

        assert rows(visit(tom, "routing:route_rows", query=f"?ids={route.pk}&status=FILLED", htmx=True)) == []

    def test_nonsense_for_a_number_is_refused(self, tom, a_route):
        assert visit(tom, "routing:route_rows", query="?ids=1,x", htmx=True).status_code == 422

    def test_asks_the_database_as_often_for_many_as_for_one(self, tom, a_route):
        a_route(100)
        with CaptureQueriesContext(connection) as one:
            visit(tom, "routing:routes")
        for _ in range(3):
            a_route(200)
        with CaptureQueriesContext(connection) as four:
            shown = visit(tom, "routing:routes")

        assert len(rows(shown)) == 4
        assert len(four) == len(one)

    def test_the_drawer_says_what_happened_and_why(self, tom, a_route, street):
        route = street.report(a_route(100), "F", "1", last=(40, "50.10"), cum=40, leaves=60)

        drawer = visit(tom, "routing:route", route.pk, htmx=True)

        assert "<html" not in words(drawer)
        assert route.trace["rule"] in words(drawer)
        assert route.cl_ord_id in words(drawer)
        assert "40 of 100" in words(drawer)
        assert "{&#x27;" not in words(drawer)
        assert "Cancel" in words(drawer)

    def test_a_cancel_that_was_asked_for_stays_so_as_the_acknowledgement_arrives(self, tom, a_route, street, asks):
        route = a_route(100)
        asks(route)
        assert "Cancel asked" in words(visit(tom, "routing:route", route.pk))

        street.report(route, "0", "0")

        assert "Cancel asked" in words(visit(tom, "routing:route", route.pk))
        assert "request waits" in words(visit(tom, "routing:routes"))
        assert "request waits" in words(visit(tom, "routing:route_rows", query=f"?ids={route.pk}", htmx=True))

    def test_the_drawer_shows_both_clocks_to_the_microsecond(self, tom, a_route, street):
        route = a_route(100)
        at = street.start.replace(microsecond=123456)
        fields = street.report_fields(route, "F", "1", last=(40, 50), cum=40) | {60: f"{at:%Y%m%d-%H:%M:%S.%f}"}
        street.book(street.hear(route.broker_id, "8", fields))

        shown = words(visit(tom, "routing:route", route.pk))

        one = Execution.objects.get()
        assert one.at_broker == at and one.at == one.message.at
        assert f"{at:%H:%M:%S.%f}" in shown and f"{one.at:%H:%M:%S.%f}" in shown
        told = Entry.objects.get(event="route.partly_filled").payload
        assert (told["at_broker"], told["heard_at"]) == (at.isoformat(), one.at.isoformat())

    def test_the_drawer_has_an_address_of_its_own(self, tom, a_route):
        route = a_route(100)

        page = words(visit(tom, "routing:route", route.pk))

        assert '<table id="list"' in page
        assert f"<title>{route.ref} · Routes" in page.replace("\n", "")
        assert 'class="messages"' not in page

    def test_routes_that_are_not_there_are_not_found(self, tom, counterparties):
        assert visit(tom, "routing:route", 99).status_code == 404

    def test_managers_and_strangers_see_none(self, mira, alan, stranger, a_route):
        route = a_route(100)

        for person in (mira, alan, stranger):
            assert visit(person, "routing:routes").status_code == 403
            assert visit(person, "routing:route", route.pk).status_code == 403

    def test_who_may_look_only_has_no_boxes_to_tick(self, omar, a_route):
        a_route(100)

        assert "data-select-all" not in words(visit(omar, "routing:routes"))


class TestCancel:
    def test_states_what_and_where_then_asks(self, tom, a_route):
        route = a_route(100)
        asked = f"{route.pk}:{route.version}"

        dialog = words(visit(tom, "routing:cancel", query=f"?seen={asked}", htmx=True))
        answer = send(tom, "routing:cancel", {"seen": asked})

        assert f"1 route at {route.broker.name}" in dialog
        assert answer.status_code == 204
        assert "closeDialog" in answer["HX-Trigger"]
        assert list(RouteRequest.objects.filter(route=route).order_by("pk").values_list("msg_type", flat=True)) == [
            "D",
            "F",
        ]

    def test_a_stale_look_is_told_so_and_asks_nothing(self, tom, a_route, street):
        route = a_route(100)
        seen = f"{route.pk}:{route.version}"
        street.report(route, "F", "1", last=(40, "50.10"), cum=40, leaves=60)

        answer = send(tom, "routing:cancel", {"seen": seen})

        assert answer.status_code == 409
        assert "data-problem" in words(answer)
        assert Route.objects.get(pk=route.pk).status == "PARTLY_FILLED"

    def test_is_the_traders(self, omar, a_route):
        route = a_route(100)

        assert send(omar, "routing:cancel", {"seen": f"{route.pk}:{route.version}"}).status_code == 403
        assert Route.objects.get(pk=route.pk).status == route.status


# --- inquiries ------------------------------------------------------------------------------------------------------


class TestInquiries:
    def test_compares_each_price_with_the_mid(self, tom, an_inquiry, street):
        inquiry = an_inquiry()
        first, second, *_ = DealerQuote.objects.filter(inquiry=inquiry).order_by("pk")
        street.quote(first, "97.90")
        street.quote(second, "98.10")

        listed = words(visit(tom, "routing:inquiries"))
        drawer = words(visit(tom, "routing:inquiry", inquiry.pk, htmx=True))

        assert f"2 of {DealerQuote.objects.filter(inquiry=inquiry).count()}" in listed
        assert "97.9000" in listed and "98.1000" in listed
        assert "+10.2" in drawer and "−10.2" in drawer
        assert drawer.index("97.9000") < drawer.index("98.1000")
        assert "Lift" in drawer
        assert "{&#x27;" not in drawer

    def test_has_an_address_of_its_own(self, tom, an_inquiry):
        inquiry = an_inquiry()

        page = words(visit(tom, "routing:inquiry", inquiry.pk))

        assert '<table id="list"' in page
        assert "left" in page

    def test_a_trader_takes_the_best_price(self, tom, an_inquiry, street):
        inquiry = an_inquiry()
        quote = DealerQuote.objects.filter(inquiry=inquiry).order_by("pk").first()
        street.quote(quote, "97.90")
        inquiry.refresh_from_db()

        answer = send(tom, "routing:award", {"seen": f"{inquiry.pk}:{inquiry.version}", "quote": quote.pk}, inquiry.pk)

        assert answer.status_code == 200
        inquiry.refresh_from_db()
        assert inquiry.status == "AWARDED"
        assert "Lift" not in words(answer)

    def test_another_price_than_the_best_needs_a_reason(self, tom, an_inquiry, street):
        inquiry = an_inquiry()
        best, other, *_ = DealerQuote.objects.filter(inquiry=inquiry).order_by("pk")
        street.quote(best, "97.90")
        street.quote(other, "98.10")
        inquiry.refresh_from_db()
        said = {"seen": f"{inquiry.pk}:{inquiry.version}", "quote": other.pk}

        refused = send(tom, "routing:award", said, inquiry.pk)

        assert refused.status_code == 422
        assert "data-problem" in words(refused)
        assert Inquiry.objects.get(pk=inquiry.pk).status == "COLLECTING"
        assert send(tom, "routing:award", said | {"reason": "Settles with less risk."}, inquiry.pk).status_code == 200

    def test_passing_needs_a_reason(self, tom, an_inquiry):
        inquiry = an_inquiry()
        said = {"seen": f"{inquiry.pk}:{inquiry.version}"}

        assert send(tom, "routing:pass", said, inquiry.pk).status_code == 422
        assert Inquiry.objects.get(pk=inquiry.pk).status == "COLLECTING"
        assert send(tom, "routing:pass", said | {"reason": "All prices are poor."}, inquiry.pk).status_code == 200
        assert Inquiry.objects.get(pk=inquiry.pk).status == "PASSED"

    def test_deciding_is_the_traders_and_hidden_is_not_found(self, omar, tom, mira, an_inquiry):
        inquiry = an_inquiry()
        said = {"seen": f"{inquiry.pk}:{inquiry.version}", "reason": "x"}

        assert send(omar, "routing:pass", said, inquiry.pk).status_code == 403
        assert visit(mira, "routing:inquiries").status_code == 403
        assert visit(tom, "routing:inquiry", 99).status_code == 404
        assert Inquiry.objects.get(pk=inquiry.pk).status == "COLLECTING"


# --- sessions and quarantine ----------------------------------------------------------------------------------------


class TestSessions:
    def test_shows_every_counterparty_and_whether_it_is_up(self, tom, counterparties):
        Session.objects.filter(broker__code="HARBOR").update(is_up=True)

        shown = words(visit(tom, "routing:sessions"))

        assert shown.count("OMS-SIM → ") == Session.objects.count()
        assert shown.count(">Up</span>") == 1
        assert "No message waits for a person." in shown

    def test_what_does_not_fit_our_books_is_kept_for_a_person(self, tom, a_route, street):
        route = a_route(100)
        street.report(route, "F", "1", last=(400, "50.10"), cum=400, leaves=0)
        kept = Message.objects.get(status="QUARANTINED")

        assert kept.problem.replace("'", "&#x27;") in words(visit(tom, "routing:sessions"))
        refused = send(tom, "routing:settle_message", {"how": "dismiss", "reason": ""}, kept.pk)
        done = send(tom, "routing:settle_message", {"how": "dismiss", "reason": "The broker withdrew it."}, kept.pk)

        assert refused.status_code == 422
        assert done.status_code == 200
        assert "No message waits for a person." in words(done)
        assert not Message.objects.filter(status="QUARANTINED").exists()

    def test_mending_is_for_who_may(self, omar, mira, a_route, street):
        street.report(a_route(100), "F", "1", last=(400, "50.10"), cum=400, leaves=0)
        kept = Message.objects.get(status="QUARANTINED")

        assert send(omar, "routing:settle_message", {"how": "dismiss", "reason": "x"}, kept.pk).status_code == 403
        assert visit(mira, "routing:sessions").status_code == 403
        assert Message.objects.get(pk=kept.pk).status == "QUARANTINED"
