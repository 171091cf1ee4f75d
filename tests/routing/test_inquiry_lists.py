"""A basket of bonds asked of the same dealers in one act, and taken a line at a time or all at best."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.blocks.models import Block
from apps.core.refusals import NotAllowed
from apps.routing import services as routing
from apps.routing.models import Award, Inquiry, InquiryList, Route
from tests.pages import send, visit, words

from .conftest import sent
from .test_negotiation import DEALERS, answer

D = Decimal


@pytest.fixture
def basket(a_block):
    """``basket(3)``: blocks in bonds, each with a limit of its own so that they stay apart."""

    def make(count: int, symbol="BOND", **more) -> list[Block]:
        return [a_block(symbol, "BUY", 100_000, order_type="LIMIT", limit_price=str(100 + n), **more) for n in range(count)]

    return make


@pytest.fixture
def asked(basket, tom, by):
    """``asked(3)``: one list about so many blocks, which a person decides."""

    def make(count: int) -> InquiryList:
        seen = {b.pk: b.version for b in basket(count)}
        routing.send_inquiries(by(tom), list(seen), seen=seen, award="person", dealer_codes=DEALERS)
        return InquiryList.objects.latest("pk")

    return make


def versions(rows) -> dict[int, int]:
    return dict(rows.values_list("pk", "version"))


def quoted(street, row: Inquiry, *prices) -> None:
    for quote, price in zip(row.quotes.order_by("pk"), prices, strict=False):
        answer(street, quote, price)


class TestAsking:
    def test_several_blocks_are_one_list_to_the_same_dealers(self, asked):
        made = asked(3)

        rows = made.inquiries.all()
        assert rows.count() == 3 and {row.due_at for row in rows} == {made.due_at}
        assert len(sent("R")) == 12
        assert {frozenset(row.quotes.values_list("dealer__code", flat=True)) for row in rows} == {frozenset(DEALERS)}

    def test_one_block_is_no_list(self, basket, tom, by):
        (block,) = basket(1)

        routing.send_inquiries(by(tom), [block.pk], seen={block.pk: block.version}, dealer_codes=DEALERS)

        assert not InquiryList.objects.exists() and Inquiry.objects.get().asked_in is None

    def test_on_the_page_fewer_than_three_ask_for_a_reason(self, basket, tom):
        blocks = basket(2)
        said = {"seen": [f"{b.pk}:{b.version}" for b in blocks], "dealers": DEALERS[:2], "seconds": "20", "award": "person"}

        refused = send(tom, "routing:ask", said)
        assert refused.status_code == 422 and "say why fewer" in words(refused)
        assert not Inquiry.objects.exists() and not sent("R")
        opened = send(tom, "routing:ask", said | {"reason": "Only these make it."})

        made = InquiryList.objects.get()
        assert (opened.status_code, opened["HX-Redirect"]) == (204, f"/inquiries/lists/{made.pk}/")
        assert set(made.inquiries.values_list("few_dealers_reason", flat=True)) == {"Only these make it."}

    def test_the_dialog_proposes_the_dealers_of_the_rule(self, basket, tom):
        (block,) = basket(1)

        shown = words(visit(tom, "routing:ask", query=f"?seen={block.pk}:{block.version}", htmx=True))

        assert "Ask dealers about 1 block" in shown and shown.count("checked") >= 4

    def test_over_the_api(self, basket, client, tom):
        client.force_login(tom)
        blocks = basket(2)
        said = {"blocks": [{"id": b.pk, "version": b.version} for b in blocks], "dealers": DEALERS, "award": "person"}

        made = client.post("/api/v1/inquiries/", said, content_type="application/json")

        assert made.status_code == 200 and len(made.json()["inquiries"]) == 2
        found = client.get(f"/api/v1/inquiries/?asked_in={InquiryList.objects.get().pk}").json()["results"]
        assert {one["id"] for one in found} == set(made.json()["inquiries"])


class TestTaking:
    def test_each_is_taken_at_its_best_and_those_without_a_price_go_on(self, asked, street, tom, by):
        made = asked(3)
        first, second, third = made.inquiries.order_by("pk")
        quoted(street, first, "98.1", "98.0")
        quoted(street, second, "98.2")
        quoted(street, third, "105")  # Outside the limit.

        done = routing.award_at_best(by(tom), [first.pk, second.pk, third.pk], seen=versions(made.inquiries))

        assert (done.taken, list(done.left)) == ([first.pk, second.pk], [third.pk])
        assert sorted(Award.objects.values_list("price", flat=True)) == [D("98"), D("98.2")]
        third.refresh_from_db()
        assert third.status == "COLLECTING" and Route.objects.count() == 2

    def test_who_stops_routing_is_asked_before_anything_is_locked(self, asked, street, tom, by):
        made = asked(2)
        for row in made.inquiries.all():
            quoted(street, row, "98.1")
        with CaptureQueriesContext(connection) as queries:
            routing.award_at_best(by(tom), list(versions(made.inquiries)), seen=versions(made.inquiries))

        said = [one["sql"] for one in queries]
        first = next(n for n, sql in enumerate(said) if "pg_advisory_xact_lock_shared" in sql and "routing.halts" in sql)
        assert first < next(n for n, sql in enumerate(said) if "FOR NO KEY UPDATE" in sql)

    def test_none_is_taken_where_one_was_changed_meanwhile(self, asked, street, tom, by):
        made = asked(2)
        for row in made.inquiries.all():
            quoted(street, row, "98.1")
        seen = versions(made.inquiries)
        quoted(street, made.inquiries.first(), "98.1", "98.0")

        with pytest.raises(routing.StaleInquiry):
            routing.award_at_best(by(tom), list(seen), seen=seen)
        assert not Route.objects.exists()

    def test_nothing_to_take_is_said(self, asked, tom, by):
        made = asked(2)

        with pytest.raises(routing.QuoteEnded):
            routing.award_at_best(by(tom), list(versions(made.inquiries)), seen=versions(made.inquiries))

    def test_is_the_traders(self, asked, omar, by):
        made = asked(2)

        with pytest.raises(NotAllowed):
            routing.award_at_best(by(omar), list(versions(made.inquiries)), seen=versions(made.inquiries))

    def test_costs_as_many_statements_for_twelve_as_for_three(self, asked, street, tom, by):
        counts = []
        for count in (3, 12):
            made = asked(count)
            for row in made.inquiries.all():
                quoted(street, row, "98.1", "98.0")
            seen = versions(made.inquiries)
            with CaptureQueriesContext(connection) as queries:
                routing.award_at_best(by(tom), list(seen), seen=seen)
            counts.append(len(queries))
        assert counts[0] == counts[1]

    def test_several_are_passed_with_one_reason(self, asked, tom):
        made = asked(2)
        said = {"seen": [f"{pk}:{n}" for pk, n in versions(made.inquiries).items()]}

        assert "Say why" in words(send(tom, "routing:pass_selected", said))
        assert send(tom, "routing:pass_selected", said | {"reason": "Market moved."}).status_code == 204
        assert set(made.inquiries.values_list("status", flat=True)) == {"PASSED"}
        assert set(Block.objects.values_list("placed_qty", flat=True)) == {0}


class TestPage:
    def test_shows_a_row_each_and_takes_what_is_ticked(self, asked, street, tom):
        made = asked(2)
        first, second = made.inquiries.order_by("pk")
        quoted(street, first, "98.1", "98.0")
        shown = words(visit(tom, "routing:inquiry_list", made.pk))
        assert first.ref in shown and second.ref in shown and "2 open" in shown and "98.0000" in shown
        rows = words(visit(tom, "routing:inquiry_list_rows", made.pk, query=f"?ids={first.pk}", htmx=True))
        assert first.ref in rows and second.ref not in rows
        said = {"seen": [f"{pk}:{n}" for pk, n in versions(made.inquiries).items()]}
        asks = words(visit(tom, "routing:take_best", query="?" + "&".join(f"seen={one}" for one in said["seen"]), htmx=True))
        assert "Take 1 at the best price" in asks and "1 of those selected" in asks

        done = send(tom, "routing:take_best", said)

        assert done.status_code == 204 and "1 taken at the best price; 1 left" in done["HX-Trigger"]
        assert Award.objects.get().inquiry == first

    def test_costs_the_same_however_long(self, asked, street, tom):
        counts = []
        for count in (2, 8):
            made = asked(count)
            for row in made.inquiries.all():
                quoted(street, row, "98.1")
            visit(tom, "routing:inquiry_list", made.pk)
            with CaptureQueriesContext(connection) as queries:
                visit(tom, "routing:inquiry_list", made.pk)
            counts.append(len(queries))
        assert counts[0] == counts[1]

    def test_another_desks_list_is_not_there(self, asked, mira, people, tom):
        made = asked(2)

        assert visit(tom, "routing:inquiry_list", made.pk + 1).status_code == 404
        assert visit(mira, "routing:inquiry_list", made.pk).status_code == 403

    def test_over_the_api_too(self, asked, street, client, tom):
        client.force_login(tom)
        made = asked(2)
        first, second = made.inquiries.order_by("pk")
        quoted(street, first, "98.1")
        said = {"inquiries": [{"id": pk, "version": n} for pk, n in versions(made.inquiries).items()]}

        done = client.post("/api/v1/inquiries/take-best", said, content_type="application/json").json()

        assert (done["taken"], [one["id"] for one in done["left"]]) == ([first.pk], [second.pk])
