"""The order pages, as a browser asks for them."""

import html
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.core.events import Fact
from apps.orders import services as orders
from apps.orders.events import ImportUploaded
from apps.orders.models import Import, Order
from apps.orders.services import Wish, entering, stage_imports

HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture
def wish(firm):
    def make(portfolio="P1", symbol="AAA", side="SELL", qty="100", **terms) -> Wish:
        return Wish(firm.portfolios[portfolio].pk, firm.instruments[symbol].pk, side, qty, **terms)

    return make


@pytest.fixture
def page(client):
    """Who asks: ``page(mira)`` is a client signed in as her."""

    def signed_in(user):
        client.force_login(user)
        return client

    return signed_in


def text(response) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


def rows(response) -> list[str]:
    return re.findall(r'data-row="(order:\d+)"', response.content.decode())


# --- the list -------------------------------------------------------------------------------------------------------


class TestList:
    def test_lists_the_largest_first_and_says_what_they_come_to(self, page, mira, by, wish):
        small, large = orders.create_orders(by(mira), [wish(qty="10"), wish(portfolio="P3", qty="5000")])

        shown = page(mira).get(reverse("orders:list"))

        assert shown.status_code == 200
        assert rows(shown) == [f"order:{large}", f"order:{small}"]
        assert "2 orders, $250.5K sell" in text(shown)
        assert f'value="{large}:1"' in text(shown)

    def test_shows_a_manager_the_orders_of_their_portfolios_only(self, page, mira, paul, by, wish):
        hidden, seen = orders.create_orders(by(mira), [wish("P1"), wish("P3")])

        shown = page(paul).get(reverse("orders:list"))

        assert rows(shown) == [f"order:{seen}"]
        assert page(paul).get(reverse("orders:detail", args=[hidden])).status_code == 404

    @pytest.mark.parametrize(
        ("asked", "found"),
        [("?q=aaa", 1), ("?q=P3", 1), ("?q=nothing", 0), ("?status=DRAFT", 2), ("?status=DONE", 0), ("?status=odd", 2)],
    )
    def test_filters_and_searches(self, page, mira, by, wish, asked, found):
        orders.create_orders(by(mira), [wish(), wish("P3", "CCC")])

        assert len(rows(page(mira).get(reverse("orders:list") + asked))) == found

    def test_finds_an_order_by_its_number(self, page, mira, by, wish):
        first, _ = orders.create_orders(by(mira), [wish(), wish()])

        assert rows(page(mira).get(reverse("orders:list") + f"?q=O-{first:06d}")) == [f"order:{first}"]

    def test_gives_live_rows_only_where_they_belong_to_the_list(self, page, mira, by, wish):
        ids = orders.create_orders(by(mira), [wish(), wish()])
        where = reverse("orders:rows") + f"?ids={ids[0]}"

        assert rows(page(mira).get(where)) == [f"order:{ids[0]}"]
        assert rows(page(mira).get(where + "&status=DONE")) == []
        assert page(mira).get(reverse("orders:rows") + "?ids=x", **HTMX).status_code == 422

    def test_an_empty_list_says_what_it_is_for(self, page, mira, firm):
        assert "press N to type one" in text(page(mira).get(reverse("orders:list")))

    def test_asks_the_database_as_often_for_many_rows_as_for_few(self, page, mira, by, wish):
        orders.create_orders(by(mira), [wish()])
        client = page(mira)
        client.get(reverse("orders:list"))
        with CaptureQueriesContext(
            connection,
        ) as few:
            client.get(reverse("orders:list"))
        orders.create_orders(by(mira), [wish() for _ in range(40)])
        with CaptureQueriesContext(connection) as many:
            client.get(reverse("orders:list"))

        assert len(many) == len(few)

    @pytest.mark.parametrize("sort", ["", "?sort=-usd", "?sort=instrument", "?sort=limit", "?sort=age"])
    def test_goes_on_where_a_page_ends_with_every_row_once(self, page, mira, by, wish, sort, monkeypatch):
        monkeypatch.setattr("apps.desk.lists.listing.PAGE", 4)
        ids = orders.create_orders(by(mira), [wish(qty=str(1 + n % 3), symbol=("AAA", "CCC")[n % 2]) for n in range(9)])
        client, where, found = page(mira), reverse("orders:list") + sort, []

        while where:
            shown = client.get(where)
            found += rows(shown)
            where = html.unescape("".join(re.findall(r'data-more="([^"]+)"', shown.content.decode())))

        assert len(found) == 9
        assert set(found) == {f"order:{pk}" for pk in ids}
        assert client.get(reverse("orders:rows") + "?after=nonsense", **HTMX).status_code == 422

    def test_is_closed_to_strangers_and_roles_without_orders(self, client, alan, stranger):
        assert client.get(reverse("orders:list")).status_code == 302
        for user in (alan, stranger):
            client.force_login(user)
            assert client.get(reverse("orders:list")).status_code == 403


# --- the drawer -----------------------------------------------------------------------------------------------------


class TestDrawer:
    def test_has_an_address_of_its_own_and_a_fragment_for_the_list(self, page, mira, by, wish):
        [pk] = orders.create_orders(by(mira), [wish(rationale="To fund bonds")])
        where = reverse("orders:detail", args=[pk])

        whole, part = page(mira).get(where), page(mira).get(where, **HTMX)

        assert "<html" in text(whole) and "To fund bonds" in text(whole)
        assert "<html" not in text(part) and "To fund bonds" in text(part)
        assert "$5,000.00" in text(part)

    def test_offers_acts_to_who_runs_the_portfolio_and_none_to_others(self, page, mira, ada, by, wish):
        [pk] = orders.create_orders(by(mira), [wish()])
        where = reverse("orders:detail", args=[pk])

        assert 'data-key="s"' in text(page(mira).get(where, **HTMX))
        assert 'data-key="s"' not in text(page(ada).get(where, **HTMX))


# --- acts -----------------------------------------------------------------------------------------------------------


class TestActs:
    def test_states_the_money_before_it_submits_and_leaves_out_what_is_no_draft(self, page, mira, by, wish):
        first, second, gone = orders.create_orders(by(mira), [wish(), wish("P3", side="BUY"), wish()])
        orders.cancel_orders(by(mira), [gone], seen={gone: 1})

        shown = page(mira).get(reverse("orders:submit") + f"?seen={first}:1&seen={second}:1&seen={gone}:2", **HTMX)

        assert "2 orders, $5.0K sell, $5.0K buy, 2 portfolios" in text(shown)
        assert "1 of those selected are no drafts" in text(shown)
        assert f'value="{gone}:2"' not in text(shown)

    def test_submits_what_was_ticked_and_says_what_became_of_it(self, page, mira, by, wish):
        ids = orders.create_orders(by(mira), [wish(), wish()])

        answer = page(mira).post(reverse("orders:submit"), {"seen": [f"{pk}:1" for pk in ids]}, **HTMX)

        assert answer.status_code == 204
        assert "2 orders submitted" in answer["HX-Trigger"]
        assert set(Order.objects.values_list("status", flat=True)).isdisjoint({"DRAFT"})

    def test_cancels_with_a_reason(self, page, mira, by, wish):
        [pk] = orders.create_orders(by(mira), [wish()])
        client = page(mira)

        assert "Cancel 1 order" in text(client.get(reverse("orders:cancel") + f"?seen={pk}:1", **HTMX))
        assert (
            client.post(reverse("orders:cancel"), {"seen": f"{pk}:1", "reason": "Client call"}, **HTMX).status_code
            == 204
        )
        assert Order.objects.get().status == "CANCELLED"

    def test_a_stale_reader_is_told_what_differs_and_nothing_changes(self, page, mira, by, wish):
        [pk] = orders.create_orders(by(mira), [wish()])
        orders.amend_orders(by(mira), {pk: {"qty": "200"}}, seen={pk: 1})

        answer = page(mira).post(reverse("orders:cancel"), {"seen": f"{pk}:1"}, **HTMX)

        assert answer.status_code == 409
        assert f"O-{pk:06d}" in text(answer) and "amended by Mira" in text(answer) and "qty 100 → 200" in text(answer)
        assert Order.objects.get().status == "DRAFT"

    def test_amends_and_puts_what_is_wrong_beside_its_field(self, page, mira, by, wish):
        [pk] = orders.create_orders(by(mira), [wish()])
        client, where = page(mira), reverse("orders:amend", args=[pk])
        terms = {"qty": "0.5", "order_type": "MARKET", "limit_price": "", "tif": "DAY", "version": 1}

        assert 'value="100"' in text(client.get(where, **HTMX))
        refused = client.post(where, terms, **HTMX)
        assert refused.status_code == 422
        assert "0.5 is not a multiple of 1" in text(refused) and 'id="id_qty_error"' in text(refused)
        assert client.post(where, terms | {"qty": "1,500"}, **HTMX).status_code == 204
        assert Order.objects.get().qty == 1500

    def test_a_trader_cannot_submit(self, page, tom, mira, by, wish):
        [pk] = orders.create_orders(by(mira), [wish()])

        assert page(tom).post(reverse("orders:submit"), {"seen": f"{pk}:1"}, **HTMX).status_code == 403

    def test_nothing_ticked_is_said_so(self, page, mira, firm):
        assert "Tick the orders first" in text(page(mira).get(reverse("orders:submit"), **HTMX))


# --- the ticket -----------------------------------------------------------------------------------------------------


class TestTicket:
    def terms(self, firm, **more) -> dict:
        return {
            "portfolio": firm.portfolios["P1"].pk, "instrument": "AAA", "side": "SELL", "qty": "1,200",
            "order_type": "MARKET", "limit_price": "", "tif": "DAY", "do": "draft", "idempotency_key": "k",
        } | more  # fmt: skip

    def test_enters_a_draft_and_opens_it(self, page, mira, firm):
        answer = page(mira).post(reverse("orders:ticket"), self.terms(firm))

        order = Order.objects.get()
        assert answer.url == reverse("orders:detail", args=[order.pk])
        assert (order.status, order.qty, order.decision_price) == ("DRAFT", 1200, 50)

    def test_sent_twice_is_entered_once(self, page, mira, firm):
        client = page(mira)

        first, second = (client.post(reverse("orders:ticket"), self.terms(firm)) for _ in range(2))

        assert first.url == second.url
        assert Order.objects.count() == 1

    def test_takes_an_isin(self, page, mira, firm):
        page(mira).post(reverse("orders:ticket"), self.terms(firm, instrument="US0378331005"))

        assert Order.objects.get().instrument == firm.instruments["AAA"]

    @pytest.mark.parametrize(
        ("wrong", "field", "says"),
        [
            ({"instrument": "ZZZ"}, "instrument", "No instrument traded now"),
            ({"qty": "some"}, "qty", "some"),
            ({"order_type": "LIMIT"}, "limit_price", "A limit order needs its limit price."),
            ({"limit_price": "50"}, "limit_price", "A market order has no limit price"),
            ({"portfolio": ""}, "portfolio", "This field is required."),
        ],
    )
    def test_says_what_is_wrong_beside_the_field_and_enters_nothing(self, page, mira, firm, wrong, field, says):
        answer = page(mira).post(reverse("orders:ticket"), self.terms(firm, **wrong))

        assert answer.status_code == 422
        beside = re.search(rf'id="id_{field}_error">(.*?)</ul>', text(answer))
        assert beside and says in beside.group(1)
        assert not Order.objects.exists()

    def test_offers_only_portfolios_one_runs(self, page, paul, firm):
        shown = text(page(paul).get(reverse("orders:ticket")))

        assert "P3 · Portfolio P3" in shown
        assert "P1 · Portfolio P1" not in shown
        refused = page(paul).post(reverse("orders:ticket"), self.terms(firm))
        assert "You do not run this portfolio" in text(refused)

    def test_sketches_price_money_and_what_would_be_held(self, page, mira, firm):
        shown = text(page(mira).get(reverse("orders:sketch"), self.terms(firm, qty="1000")))

        assert "50.0000" in shown and "$50,000.00" in shown
        assert "50,000 → <span>49,000 after" in shown

    @pytest.mark.parametrize(
        ("terms", "says"),
        [
            ({"intent": "AMOUNT", "qty": "10000"}, "From the amount of money"),
            ({"intent": "CLOSE", "qty": "", "side": "BUY"}, "50,000 → <span>0 after"),
            ({"intent": "POSITION_PCT", "qty": "10"}, "50,000 → <span>45,000 after"),
            ({"intent": "NAV_PCT", "qty": "200"}, "200 is no percentage between 0 and 100."),
            ({"intent": "CLOSE", "portfolio": ""}, "Choose a portfolio"),
            ({"intent": "AMOUNT", "qty": ""}, "Say how much"),
        ],
    )
    def test_sketches_what_is_derived_from_an_intent(self, page, mira, firm, terms, says):
        assert says in text(page(mira).get(reverse("orders:sketch"), self.terms(firm, **terms)))

    def test_closes_a_position_whatever_its_side_says_and_without_a_number(self, page, mira, firm):
        answer = page(mira).post(reverse("orders:ticket"), self.terms(firm, intent="CLOSE", qty="", side="BUY"))

        assert answer.status_code == 302, text(answer)
        order = Order.objects.get()
        assert (order.side, order.qty, order.intent["kind"]) == ("SELL", 50_000, "CLOSE")

    def test_suggests_instruments(self, page, mira, firm):
        assert '<option value="BBB">' in text(page(mira).get(reverse("orders:instruments") + "?instrument=bb"))

    @pytest.mark.parametrize(
        ("query", "symbols"),
        [
            ("?asset=bonds", ["BOND"]), ("?asset=bonds&instrument=bo", ["BOND"]), ("?asset=equity&instrument=bo", []),
            ("?asset=everything&instrument=bo", ["BOND"]), ("?asset=everything", []), ("?asset=funds", []),
        ],
    )  # fmt: skip
    def test_suggests_instruments_of_one_class(self, page, mira, firm, query, symbols):
        found = re.findall(r'<option value="([^"]*)"', text(page(mira).get(reverse("orders:instruments") + query)))

        assert [symbol for symbol in found if symbol in ("AAA", "BBB", "BOND")] == symbols
        assert len(found) <= 12

    def test_keeps_the_class_that_narrows_the_instruments(self, page, mira, firm):
        shown = page(mira).post(reverse("orders:ticket"), self.terms(firm, qty="", asset="bonds"))

        assert shown.status_code == 422
        assert '<option value="bonds" selected>' in text(shown)

    def test_is_closed_to_traders(self, page, tom, firm):
        assert page(tom).get(reverse("orders:ticket")).status_code == 403


# --- imports --------------------------------------------------------------------------------------------------------

GOOD = "portfolio,symbol,side,quantity\nP1,AAA,SELL,1000\nP3,BOND,BUY,20000\n"
BAD = GOOD + "P9,AAA,SELL,1\nP1,NONE,SELL,1\n"


@pytest.fixture
def staged(page, mira, by, firm):
    def upload(content: str, name="program.csv") -> Import:
        answer = page(mira).post(reverse("orders:imports"), {"file": SimpleUploadedFile(name, content.encode())})
        assert answer.status_code == 302, text(answer)
        batch = Import.objects.get()
        stage_imports(by("worker"), [Fact(batch.pk, 1, ImportUploaded(batch.file_name, batch.sha256))])
        batch.refresh_from_db()
        return batch

    return upload


class TestImports:
    def test_explains_the_columns(self, page, mira, firm):
        assert "or isin, cusip, sedol, figi" in text(page(mira).get(reverse("orders:imports")))

    def test_shows_what_a_good_file_comes_to_and_enters_all_of_it(self, page, mira, staged):
        batch = staged(GOOD)
        client, where = page(mira), reverse("orders:import_commit", args=[batch.pk])

        shown = text(client.get(reverse("orders:import_detail", args=[batch.pk])))
        assert "$50.0K" in shown and "$19.6K" in shown and "Enter all 2 orders" in shown
        assert "2 orders, $50.0K sell, $19.6K buy, 2 portfolios" in text(client.get(where, **HTMX))
        answer = client.post(where, {"version": batch.version, "group_name": "Rebalance"}, **HTMX)

        assert answer["HX-Redirect"] == f"{reverse('orders:list')}?import={batch.pk}"
        assert set(Order.objects.values_list("group__name", "status")) == {("Rebalance", "DRAFT")}

    def test_says_of_a_long_file_that_a_worker_enters_it(self, page, mira, staged, monkeypatch):
        monkeypatch.setattr(entering, "WHOLE_UP_TO", 1)
        batch = staged(GOOD)
        client, where = page(mira), reverse("orders:import_commit", args=[batch.pk])

        answer = client.post(where, {"version": batch.version}, **HTMX)

        assert answer.status_code == 204 and "are being entered" in answer["HX-Trigger"]
        shown = text(client.get(reverse("orders:import_detail", args=[batch.pk])))
        assert "Entering" in shown and "Judging the lines" in shown and "Enter all" not in shown
        assert client.post(where, {"version": batch.version}, **HTMX).status_code == 409
        assert not Order.objects.exists()

    def test_lists_every_bad_line_and_enters_the_valid_ones_by_choice(self, page, mira, staged):
        batch = staged(BAD)
        client, where = page(mira), reverse("orders:import_commit", args=[batch.pk])

        shown = text(client.get(reverse("orders:import_detail", args=[batch.pk])))
        assert "There is no portfolio “P9”" in shown and "There is no active instrument" in shown
        refused = client.post(where, {"version": batch.version}, **HTMX)
        assert refused.status_code == 422 and "2 of 4 lines" in text(refused)
        assert not Order.objects.exists()
        client.post(where, {"version": batch.version, "valid": "1"}, **HTMX)
        assert Order.objects.count() == 2

    def test_the_same_file_again_is_the_same_import(self, page, mira, staged):
        batch = staged(GOOD)

        again = page(mira).post(
            reverse("orders:imports"), {"file": SimpleUploadedFile("copy.csv", GOOD.encode())}, follow=True
        )

        assert "was imported before" in text(again)
        assert Import.objects.get() == batch

    def test_sets_a_file_aside(self, page, mira, staged):
        batch = staged(GOOD)

        page(mira).post(reverse("orders:import_discard", args=[batch.pk]), {"version": batch.version}, **HTMX)

        batch.refresh_from_db()
        assert batch.status == "DISCARDED"
        assert not Order.objects.exists()

    def test_refuses_what_is_no_file_of_orders_beside_the_field(self, page, mira, firm):
        answer = page(mira).post(
            reverse("orders:imports"), {"file": SimpleUploadedFile("old.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")}
        )

        assert answer.status_code == 422
        assert "Save it as .xlsx" in text(answer)

    def test_another_manager_does_not_see_the_file(self, page, paul, staged):
        batch = staged(GOOD)

        assert page(paul).get(reverse("orders:import_detail", args=[batch.pk])).status_code == 404

    def test_a_stale_reader_enters_nothing(self, page, mira, staged):
        batch = staged(GOOD)

        answer = page(mira).post(reverse("orders:import_commit", args=[batch.pk]), {"version": 1}, **HTMX)

        assert answer.status_code == 409
        assert not Order.objects.exists()
