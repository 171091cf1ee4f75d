"""Views of lists: what they may say, whose they are, and the list that follows them."""

import csv
import html
import io
import re
from decimal import Decimal

import openpyxl
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.audit import selectors as audit
from apps.audit.models import Entry
from apps.core.refusals import Invalid, NotFound
from apps.desk.lists import columns, files, listing, rendering, saved, specs
from apps.desk.models import SavedView
from apps.desk.orders.sheet import ORDERS
from apps.orders import services as orders
from tests.pages import send, visit, words

PLAIN = {
    "columns": ["order", "usd", "status"], "widths": {"usd": 140}, "sort": [{"code": "usd", "falls": True}],
    "group": "side", "totals": ["usd"], "filters": [{"code": "usd", "op": "gte", "value": "1000"}],
    "colours": [{"code": "status", "op": "in", "value": ["DRAFT"], "tone": "warn", "whole": True}],
}  # fmt: skip


def heads(page: str) -> list[str]:
    return re.findall(r'sort=[^"]*">([^<]+)</a>', page)


def listed(page: str) -> list[int]:
    return [int(pk) for pk in re.findall(r'data-row="order:(\d+)"', page)]


class TestSpec:
    def test_is_stored_as_it_was_read(self):
        assert specs.read(ORDERS, specs.read(ORDERS, PLAIN).plain()).plain() == specs.read(ORDERS, PLAIN).plain()

    @pytest.mark.parametrize(
        ("part", "value", "field"),
        [
            ("columns", [], "columns"), ("columns", ["password"], "columns"), ("columns", "order", "columns"),
            ("widths", {"usd": 5}, "widths"), ("widths", {"usd": True}, "widths"), ("group", "usd", "group"),
            ("totals", ["qty"], "totals"), ("sort", [{"code": "owner__password"}], "sort"),
            ("filters", [{"code": "usd", "op": "has", "value": "1"}], "filters"),
            ("filters", [{"code": "usd", "op": "gte", "value": "NaN"}], "filters"),
            ("filters", [{"code": "status", "op": "in", "value": "odd"}], "filters"),
            ("filters", [{"code": "maturity", "op": "gte", "value": "soon"}], "filters"),
            ("filters", [{"code": "order", "op": "is", "value": "1"}], "filters"),
            ("colours", [{"code": "usd", "op": "gte", "value": "1", "tone": "pink"}], "colours"), ("owner", 3, "owner"),
        ],
    )  # fmt: skip
    def test_refuses_what_the_list_has_not(self, part, value, field):
        with pytest.raises(Invalid) as refused:
            specs.read(ORDERS, PLAIN | {part: value})

        assert refused.value.facts["field"] == field

    def test_a_column_that_is_gone_is_left_out_of_a_stored_view(self):
        assert specs.as_stored(ORDERS, {"columns": ["gone", "usd"]}).columns == ["usd"]

    def test_colours_follow_the_words_of_a_filter(self):
        row, now = {"status": "HELD", "usd": None}, timezone.now()
        held = specs.read(
            ORDERS, PLAIN | {"filters": [{"code": "status", "op": "in", "value": "held, Draft"}]}
        ).filters[0]
        rich = specs.read(ORDERS, PLAIN).filters[0]

        assert held.value == ("HELD", "DRAFT")
        assert rendering.holds(ORDERS, held, row, now)
        assert not rendering.holds(ORDERS, rich, row, now)
        assert rendering.holds(ORDERS, rich, row | {"usd": Decimal(1000)}, now)

    def test_columns_of_an_asset_class_stand_where_the_list_is_of_it(self):
        assert "coupon" not in specs.usual(ORDERS).columns
        assert specs.usual(ORDERS, "bonds").columns[3:5] == ["coupon", "maturity"]


class TestCells:
    def test_no_column_lets_text_through_as_markup(self):
        """Of a row in which every text is a script, nothing but our own tags stands unescaped."""
        texts = {*ORDERS.always, *(key for column in ORDERS.columns.values() for key in column.needs)}
        row = dict.fromkeys(texts, "<script>x</script>") | {"pk": 7, "late": False, "split_from_id": 7}
        for code, column in ORDERS.columns.items():
            if column.kind != columns.TEXT and column.kind != columns.CHOICE:
                continue
            spec = specs.read(ORDERS, PLAIN | {"columns": [code], "widths": {}, "colours": [], "totals": []})
            cells, _ = rendering.Pen(ORDERS, spec, timezone.now()).cells(row)

            assert "<script" not in cells, code
            assert "&lt;script" in cells or code in ("order", "unit", "split_from"), code


class TestSaving:
    def save(self, act, name="Mine", **more):
        return saved.save_view(act, ORDERS, specs.read(ORDERS, PLAIN), name=name, **more)

    def test_keeps_a_view_and_puts_it_on_the_record(self, people, mira, by):
        view = self.save(by(mira), is_first=True)
        again = self.save(by(mira), "Renamed", view_id=view.pk, seen=1)

        assert (again.pk, again.version, again.name) == (view.pk, 2, "Renamed")
        assert [e.event for e in audit.timeline("view", view.pk)] == ["view.saved", "view.saved"]
        told = Entry.objects.get(subject="view", subject_id=view.pk, nth=2).payload
        assert (told["before"], told["after"]) == ({"name": "Mine"}, {"name": "Renamed"})

    def test_a_shared_view_is_copied_when_a_colleague_changes_it(self, people, tom, tess, by):
        theirs = self.save(by(tom), desk="MAIN")
        mine = self.save(by(tess), "Mine too", view_id=theirs.pk, seen=1)

        assert mine.pk != theirs.pk
        assert SavedView.objects.get(pk=theirs.pk).name == "Mine"
        assert set(saved.views_seen_by(tess)) == {theirs, mine}
        assert set(saved.views_seen_by(tom)) == {theirs}

    @pytest.mark.parametrize(
        ("more", "refusal"),
        [
            ({"name": " "}, Invalid), ({"desk": "MAIN"}, Invalid), ({"view_id": 987654321}, NotFound),
            ({"name": "Mine"}, saved.NameTaken),
        ],
    )  # fmt: skip
    def test_refuses_and_changes_nothing(self, people, mira, by, more, refusal):
        self.save(by(mira))

        with pytest.raises(refusal):
            self.save(by(mira), **({"name": "Other"} | more))

        assert [v.version for v in SavedView.objects.all()] == [1]

    def test_refuses_a_stale_window(self, people, mira, by):
        view = self.save(by(mira))
        self.save(by(mira), view_id=view.pk, seen=1)

        with pytest.raises(saved.StaleView):
            self.save(by(mira), view_id=view.pk, seen=1)

    def test_only_its_owner_throws_it_away(self, people, tom, tess, by):
        view = self.save(by(tom), desk="MAIN")

        with pytest.raises(NotFound):
            saved.remove_view(by(tess), view.pk, seen=1)
        with pytest.raises(saved.StaleView):
            saved.remove_view(by(tom), view.pk, seen=2)
        saved.remove_view(by(tom), view.pk, seen=1)

        assert not SavedView.objects.exists()


class TestPages:
    @pytest.fixture
    def some(self, firm, mira, by):
        def wish(side, qty):
            return orders.Wish(firm.portfolios["P1"].pk, firm.instruments["AAA"].pk, side, qty)

        return orders.create_orders(
            by(mira), [wish("SELL", "20"), wish("BUY", "5"), wish("BUY", "100"), wish("SELL", "90")]
        )

    def form(self, **more) -> dict:
        return {
            "name": "Big ones", "show": ["usd", "order", "side"], "width_usd": "150", "sort": ["usd", ""],
            "falls": ["1", "0"], "group": "side", "total": ["usd"], "filter_code": ["usd", ""],
            "filter_op": ["number:gte", "text:has"], "filter_value": ["900", ""], "colour_code": ["side"],
            "colour_op": ["choice:in"], "colour_value": ["Buy"], "colour_tone": ["ok"], "colour_whole": ["1"],
            "is_first": "on",
        } | more  # fmt: skip

    def test_the_list_follows_the_view_and_opens_with_it(self, mira, some):
        sold, _, bought, more_sold = some
        answer = send(mira, "desk:arrange", self.form(), "orders")
        page = words(visit(mira, "orders:list"))

        assert answer.status_code == 204
        assert answer["HX-Redirect"] == f"/orders/?view={SavedView.objects.get().pk}"
        assert heads(page) == ["Value", "Order", "Side"]
        assert '<col width="150">' in page
        assert listed(page) == [bought, more_sold, sold]
        assert re.findall(r'<tr class="group"[^>]*><td[^>]*><b>(\w+)</b><span class="sub">(\d) row', page) == [
            ("Buy", "1"),
            ("Sell", "2"),
        ]
        assert page.count(' t-ok"') == 1
        assert "Value at least 900" in page
        assert re.search(r'<tr class="total"[^>]*>.*\$10\.5K', page, re.S)
        assert heads(words(visit(mira, "orders:list", query="?view=0")))[:2] == ["Order", "Side"]

    def test_a_form_that_is_refused_comes_back_as_it_was_filled_in(self, mira, some):
        answer = send(mira, "desk:arrange", self.form(filter_value=["much", ""]), "orders")

        assert answer.status_code == 422
        assert "Value is compared with a number; got “much”" in html.unescape(words(answer))
        assert 'value="much"' in words(answer)
        assert not SavedView.objects.exists()

    def test_a_view_costs_as_many_statements_for_many_rows(self, mira, some, firm, by):
        send(mira, "desk:arrange", self.form(), "orders")
        with CaptureQueriesContext(connection) as few:
            visit(mira, "orders:list")
        wish = orders.Wish(firm.portfolios["P1"].pk, firm.instruments["AAA"].pk, "BUY", "50")
        orders.create_orders(by(mira), [wish] * 40)
        with CaptureQueriesContext(connection) as many:
            visit(mira, "orders:list")

        assert len(many) == len(few)

    def test_rows_are_never_put_below_the_heads_of_other_columns(self, mira, by, some):
        view = saved.save_view(by(mira), ORDERS, specs.read(ORDERS, PLAIN), name="Mine")
        page = words(visit(mira, "orders:list", query=f"?view={view.pk}"))
        asked = "?" + html.unescape(re.search(r'data-rows-url="[^"?]*\?([^"]*)"', page)[1]) + f"&ids={some[2]}"
        before = visit(mira, "orders:rows", query=asked, htmx=True)
        spec = specs.read(ORDERS, PLAIN | {"columns": ["side", "order"]})
        saved.save_view(by(mira), ORDERS, spec, name="Mine", view_id=view.pk, seen=1)

        assert listed(words(before)) == [some[2]]
        assert visit(mira, "orders:rows", query=asked, htmx=True).status_code == 409

    def test_new_rows_after_all_that_stands_are_told_from_those_that_belong_among_it(self, mira, by, some, monkeypatch):
        monkeypatch.setattr(listing, "PAGE", 2)
        view = saved.save_view(by(mira), ORDERS, specs.read(ORDERS, PLAIN | {"group": "", "filters": []}), name="Mine")
        page = html.unescape(words(visit(mira, "orders:list", query=f"?view={view.pk}")))
        sold, small, bought, more_sold = some
        assert listed(page) == [bought, more_sold]
        asked = "?" + re.search(r'data-rows-url="[^"?]*\?([^"]*)"', page)[1] + f"&ids={','.join(map(str, some))}"
        mark = re.search(r"[?&]after=([\w-]+)", page)[1]

        assert 'data-insert="ordered"' in page
        assert listed(words(visit(mira, "orders:rows", query=f"{asked}&upto={mark}", htmx=True))) == [bought, more_sold]
        assert visit(mira, "orders:rows", query=f"{asked}&upto=nonsense", htmx=True).status_code == 422
        assert 'data-insert="ordered"' not in words(visit(mira, "orders:list"))

    @pytest.mark.parametrize(("part", "value"), [("filters", []), ("sort", []), ("group", ""), ("colours", [])])
    def test_rows_are_never_put_into_a_list_that_was_narrowed_or_ordered_otherwise(self, mira, by, some, part, value):
        view = saved.save_view(by(mira), ORDERS, specs.read(ORDERS, PLAIN), name="Mine")
        page = words(visit(mira, "orders:list", query=f"?view={view.pk}"))
        asked = "?" + html.unescape(re.search(r'data-rows-url="[^"?]*\?([^"]*)"', page)[1]) + f"&ids={some[2]}"

        saved.save_widths(by(mira), ORDERS, view.pk, {"usd": 222})
        assert visit(mira, "orders:rows", query=asked, htmx=True).status_code == 200
        saved.save_view(by(mira), ORDERS, specs.read(ORDERS, PLAIN | {part: value}), name="Mine", view_id=view.pk, seen=2)
        assert visit(mira, "orders:rows", query=asked, htmx=True).status_code == 409

    def test_a_reader_is_told_what_became_of_a_view_and_of_no_other(self, tom, tess, mira, by):
        view = saved.save_view(by(tom), ORDERS, specs.read(ORDERS, PLAIN), name="<Mine>", desk="MAIN")

        def told(reader, version: int) -> str:
            query = f"?view={view.pk}&version={version}&name=%3CMine%3E"
            return html.unescape(words(visit(reader, "desk:view_stands", "orders", query=query, htmx=True)))

        assert told(tess, 1) == ""
        saved.save_widths(by(tom), ORDERS, view.pk, {"usd": 222})
        assert "Tom Tran has changed “<Mine>”" in told(tess, 1)
        assert "no longer shared" in told(mira, 2)
        assert "this is the house view" in words(visit(mira, "orders:list", query=f"?view={view.pk}"))

    def test_other_systems_keep_views_too(self, client, mira, tom, by):
        client.force_login(mira)
        body = {"list": "orders", "name": "From afar", "spec": PLAIN}
        made = client.post("/api/v1/views/", body, content_type="application/json")
        stale = {**body, "name": "Other", "version": 7}
        wrong = {**body, "name": "Wrong", "spec": {"columns": ["password"]}}

        assert made.status_code == 201
        assert made.json()["spec"]["filters"] == [{"code": "usd", "op": "gte", "value": "1000"}]
        address = f"/api/v1/views/{made.json()['id']}/"
        assert client.put(address, stale, content_type="application/json").status_code == 409
        assert client.put(address, {**body, "name": "Any"}, content_type="application/json").status_code == 422
        assert client.post("/api/v1/views/", wrong, content_type="application/json").status_code == 422
        assert [v["name"] for v in client.get("/api/v1/views/?list=orders").json()["results"]] == ["From afar"]
        client.force_login(tom)
        assert client.get(address).status_code == 404
        client.force_login(mira)
        assert client.delete(address).status_code == 422
        assert client.delete(f"{address}?version=2").status_code == 409
        assert client.delete(f"{address}?version=1").status_code == 204


class TestExport:
    @pytest.fixture
    def some(self, firm, mira, by):
        terms = {"rationale": "=cmd|' /C calc'!A0", "client_ref": "@SUM(1)"}
        portfolio, instrument = firm.portfolios["P1"].pk, firm.instruments["AAA"].pk
        small = orders.Wish(portfolio, instrument, "SELL", "9", **terms)
        return orders.create_orders(by(mira), [small, orders.Wish(portfolio, instrument, "SELL", "70")])

    def view(self, mira, by, **more):
        spec = PLAIN | {"columns": ["usd", "order", "rationale", "client_ref", "side"], "filters": [], **more}
        return saved.save_view(by(mira), ORDERS, specs.read(ORDERS, spec), name="For the file")

    def test_a_file_follows_the_view_and_says_as_of_when_and_under_which_filters(self, mira, by, some):
        view = self.view(mira, by, filters=[{"code": "usd", "op": "gte", "value": "1000"}])
        answer = visit(mira, "orders:export", query=f"?view={view.pk}&status=DRAFT")
        lines = list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))
        [entry] = Entry.objects.filter(event="export.made")

        assert re.fullmatch(r"Orders, 1 rows, as of 20[\d: -]+ UTC, taken by Mira Mehta", lines[0][0])
        assert lines[1] == ["View: For the file; grouped by Side; ordered by Value falling"]
        assert lines[2] == ["Filters: Status: Drafts; Value at least 1000"]
        assert lines[4] == ["Value", "Order", "Rationale", "Your reference", "Side"]
        assert lines[5] == ["Side: Sell"]
        assert lines[6] == ["3500", f"O-{some[1]:06d}", "", "", "Sell"]
        assert lines[7:] == [["3500", "Total", "", "", ""], ["3500", "All", "", "", ""]]
        assert entry.payload["rows"] == 1 and entry.payload["filters"] == ["Status: Drafts", "Value at least 1000"]
        assert entry.act.by == mira

    def test_sums_stand_below_each_group_and_the_whole_and_columns_are_as_wide_as_in_the_view(self, mira, by, some, firm):
        wish = orders.Wish(firm.portfolios["P1"].pk, firm.instruments["AAA"].pk, "BUY", "2")
        orders.create_orders(by(mira), [wish])
        view = self.view(mira, by, columns=["order", "usd"], widths={"order": 140})
        answer = visit(mira, "orders:export", query=f"?view={view.pk}&format=xlsx")
        page = openpyxl.load_workbook(io.BytesIO(b"".join(answer.streaming_content))).active
        lines = [(line[0], line[1]) for line in page.iter_rows(values_only=True)][5:]

        assert lines[0] == ("Side: Buy", None) and lines[2:4] == [("Total", 100), ("Side: Sell", None)]
        assert lines[4][1] + lines[5][1] == 3950 and lines[6:] == [("Total", 3950), ("All", 4050)]
        assert page.column_dimensions["A"].width == 20

    @pytest.mark.parametrize("kind", ["csv", "xlsx"])
    def test_no_cell_is_a_formula(self, mira, by, some, kind):
        view = self.view(mira, by, group="")
        answer = visit(mira, "orders:export", query=f"?view={view.pk}&format={kind}")
        content = b"".join(answer.streaming_content)
        if kind == "csv":
            cells = [cell for line in csv.reader(io.StringIO(content.decode("utf-8-sig"))) for cell in line]
        else:
            book = openpyxl.load_workbook(io.BytesIO(content))
            cells = [cell for line in book.active.iter_rows(values_only=True) for cell in line if cell is not None]

        assert "'=cmd|' /C calc'!A0" in cells and "'@SUM(1)" in cells
        assert not [cell for cell in cells if str(cell).startswith(("=", "+", "-", "@", "\t", "\r"))]

    @pytest.mark.parametrize("text", ["=1", "+1", "-1", "@a", "\t=1", "\r=1", "  =1", "\n=1"])
    def test_text_that_would_run_is_kept_as_text(self, text):
        assert files.harmless(text) == f"'{text}"
        assert files.harmless(Decimal(-5)) == Decimal(-5)
        assert files.harmless("a=1") == "a=1"

    def test_an_unknown_kind_is_refused_and_nothing_recorded(self, mira, some):
        assert visit(mira, "orders:export", query="?format=exe", htmx=True).status_code == 422
        assert not Entry.objects.filter(event="export.made").exists()

    def test_a_file_holds_only_what_its_taker_may_see(self, paul, some):
        lines = b"".join(visit(paul, "orders:export").streaming_content).decode()

        assert "O-0" not in lines
