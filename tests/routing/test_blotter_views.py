"""The trader's blotter as its reader arranges it: columns, filters, groups, files; and what goes on below its rows."""

import csv
import html
import io
import re
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.blocks.models import Member
from apps.core.refusals import Invalid, NotFound
from apps.desk.blotter import selectors
from apps.desk.blotter.sheet import BLOCKS, blocks_sheet
from apps.desk.lists import listing, saved, specs
from apps.desk.models import SavedView
from tests.pages import send, visit, words

SPEC = {
    "columns": ["status", "block", "average", "slip", "brokers", "usd"], "sort": [{"code": "usd", "falls": False}],
    "totals": ["usd"], "filters": [{"code": "filled_qty", "op": "gte", "value": "1"}],
}  # fmt: skip


def heads(page: str) -> list[str]:
    return re.findall(r'<th data-size="(\w+)"', page)


def listed(page: str) -> list[int]:
    return [int(pk) for pk in re.findall(r'data-row="block:(\d+)"', page)]


@pytest.fixture
def worked(a_block, a_route, street):
    """One block untouched, and two of which something is filled; the larger came first."""
    idle, large, small = a_block("BBB", "SELL", 500), a_route(10_000), a_route(900)
    street.report(large, "F", "1", last=(4_000, "50.10"), cum=4_000, leaves=6_000)
    street.report(small, "F", "1", last=(100, "49.90"), cum=100, leaves=800)
    return idle, large.block, small.block


@pytest.fixture
def keep(tom, by):
    def make(person=tom, name="Mine", **more):
        sheet = blocks_sheet(person)
        return saved.save_view(by(person), sheet, specs.read(sheet, SPEC | more), name=name, desk="")

    return make


def test_the_list_follows_the_view(tom, worked, keep):
    _, large, small = worked
    page = words(visit(tom, "blocks:list", query=f"?view={keep().pk}"))

    assert heads(page) == SPEC["columns"]
    assert listed(page) == [small.pk, large.pk]
    assert re.search(r'<td class="n bad">\+20\.0</td>', page) and re.search(r'<td class="n ok">−20\.0</td>', page)
    assert re.search(r'<tr class="total"[^>]*>.*\$', page, re.S)
    assert "Filled qty at least 1" in page


def test_rows_come_live_as_the_view_shows_them_and_only_where_they_belong(tom, worked, keep):
    idle, large, _ = worked
    asked = f"?view={keep().pk}&ids={idle.pk},{large.pk}"
    row = words(visit(tom, "blocks:rows", query=asked, htmx=True))

    assert listed(row) == [large.pk]
    assert row.count("<td") == 1 + len(SPEC["columns"])


def test_goes_on_where_a_page_ends_with_every_block_once(tom, a_block, keep, monkeypatch):
    monkeypatch.setattr(listing, "PAGE", 2)
    made = [a_block("BBB", "SELL", 100 + n // 2, instructions=f"Care {n}").pk for n in range(5)]
    view, found = keep(filters=[], group="side", sort=[{"code": "qty", "falls": True}]), []
    page = words(visit(tom, "blocks:list", query=f"?view={view.pk}"))
    begun = page.count('class="group"')
    while True:
        found += listed(page)
        more = "".join(re.findall(r'data-more="[^"?]+([^"]+)"', page))
        if not more:
            break
        page = words(visit(tom, "blocks:rows", query=html.unescape(more), htmx=True))
        begun += page.count('class="group"')

    assert (sorted(found), len(found), begun) == (sorted(made), 5, 1)


def test_a_file_has_the_rows_of_the_view(tom, worked, keep):
    view = keep()
    page = listed(words(visit(tom, "blocks:list", query=f"?view={view.pk}&status=WORKING")))
    answer = visit(tom, "blocks:export", query=f"?view={view.pk}&status=WORKING")
    lines = list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))

    assert lines[2] == ["Filters: Status: Working; Filled qty at least 1"]
    assert lines[4] == [BLOCKS.columns[code].label for code in SPEC["columns"]]
    assert [line[1] for line in lines[5:-1]] == [f"B-{pk:04d}" for pk in page]
    assert [(line[2], line[3]) for line in lines[5:-1]] == [("49.9", "-20"), ("50.1", "20")]
    assert "All" in lines[-1]


def test_each_class_has_its_own_columns(tom, mira, worked):
    for name, own in (("blocks", "settle_date"), ("orders", "value_date")):
        assert heads(words(visit(tom, f"{name}:list", query="?asset=currencies")))[3:5] == ["currency", own]
        assert "cash" in heads(words(visit(tom, f"{name}:list", query="?asset=funds")))
        assert "strike" in heads(words(visit(tom, f"{name}:list", query="?asset=derivatives")))


def test_what_is_ticked_comes_to_its_money_and_portfolios(tom, mira, a_block):
    blocks = [a_block("AAA", "SELL", 100, 30), a_block("BBB", "BUY", 50)]
    ticked = "&".join(f"seen={block.pk}:{block.version}" for block in blocks)
    said = " ".join(words(visit(tom, "blocks:list", query=f"?part=picked&{ticked}", htmx=True)).split())
    assert re.fullmatch(r"2 blocks, \$[\d.]+K to work, 2 portfolios", said), said
    orders = "&".join(f"seen={pk}:1" for pk in Member.objects.filter(block__in=blocks).values_list("order", flat=True))
    said = " ".join(words(visit(mira, "orders:list", query=f"?part=picked&{orders}", htmx=True)).split())
    assert re.fullmatch(r"3 orders, \$[\d.]+K sell, \$[\d.]+K buy, 2 portfolios", said), said


def test_what_hangs_below_fills_the_columns_of_the_view(tom, worked, keep):
    row = words(visit(tom, "desk:tree", "block", worked[1].pk, query=f"?list=blocks&view={keep().pk}", htmx=True))

    assert row.count("<td") == 1 + len(SPEC["columns"])


def test_who_may_not_see_routes_has_no_column_of_them(paul, tom, a_block, keep):
    a_block("BBB", "SELL", 10, 20, 30)

    assert "strategy" not in heads(words(visit(paul, "blocks:list")))
    with pytest.raises(Invalid):
        keep(paul)
    shared = specs.as_stored(blocks_sheet(paul), SPEC)
    assert shared.columns == ["status", "block", "average", "slip", "usd"]
    assert [one.code for one in shared.filters] == ["filled_qty"]


def test_a_page_counts_so_far_and_no_further(tom, worked, keep, monkeypatch):
    with CaptureQueriesContext(connection) as few:
        page = words(visit(tom, "blocks:list"))
    monkeypatch.setattr(listing, "COUNTED", 2)
    with CaptureQueriesContext(connection) as many:
        capped = words(visit(tom, "blocks:list"))
    chips = words(visit(tom, "blocks:list", query="?part=chips", htmx=True))

    assert "3 blocks" in page and "Counting the blocks" in capped
    assert len(few) == len(many)
    assert re.findall(r"All<b>(\d+)</b>", page) == re.findall(r"All<b>(\d+)</b>", chips) == ["3"]
    assert not re.findall(r"<b>\d", capped.partition('class="chips"')[2].partition("</span>")[0])


def test_the_strip_comes_to_what_the_rows_come_to(tom, worked):
    told = selectors.figures(tom)

    assert (told.working, told.total) == (2, 3)
    assert round(told.slip_bp, 4) == Decimal("19.0244")  # 20 bp lost on 4,000 of 4,100 and won on 100.


class TestWidths:
    def test_are_kept_in_ones_own_view(self, tom, keep):
        view = keep()
        answer = send(tom, "desk:widths", {"view": view.pk, "width_usd": "222", "width_odd": "5"}, "blocks")
        page = words(visit(tom, "blocks:list", query=f"?view={view.pk}"))

        assert answer.status_code == 204
        assert SavedView.objects.get().spec["widths"] == {"usd": 222}
        assert '<col width="222">' in page and f'data-view="{view.pk}"' in page

    def test_of_all_columns_are_taken_as_they_are(self, tom, keep):
        view = keep(widths=dict.fromkeys(SPEC["columns"], 100))

        assert 'class="sized ticks exact"' in words(visit(tom, "blocks:list", query=f"?view={view.pk}"))
        assert 'class="sized ticks"' in words(visit(tom, "blocks:list"))

    @pytest.mark.parametrize("said", [{"width_usd": "9000"}, {"width_usd": "wide"}, {"width_usd": "100", "view": "999"}])
    def test_are_refused_and_nothing_changed(self, tom, keep, said):
        view = keep()
        answer = send(tom, "desk:widths", {"view": view.pk} | said, "blocks")

        assert answer.status_code in (404, 422)
        assert SavedView.objects.get().version == 1

    def test_of_a_colleagues_view_are_theirs(self, tom, tess, by, keep):
        view = keep()
        with pytest.raises(NotFound):
            saved.save_widths(by(tess), BLOCKS, view.pk, {"usd": 120})

    def test_dragged_ones_stand_in_the_dialog(self, tom, keep):
        form = words(visit(tom, "desk:arrange", "blocks", query="?view=0&width_usd=234", htmx=True))

        assert re.search(r'name="width_usd"[^>]*value="234"', form)
        assert "width_usd" not in send(
            tom, "desk:arrange", {"name": "A", "show": ["usd"], "kept": "view=0&width_usd=234"}, "blocks"
        )["HX-Redirect"]  # fmt: skip
