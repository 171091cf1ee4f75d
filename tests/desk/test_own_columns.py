"""The firm's own fields as columns of the order list: by label, as filters, order, groups, totals and in files."""

import csv
import io
import re

import pytest

from apps.desk.lists import saved, specs
from apps.desk.orders.sheet import orders_sheet
from apps.orders import services as orders
from apps.orders.models import Order, OwnField
from tests.pages import visit, words


@pytest.fixture
def marked(firm, mira, by):
    """Orders with values of own fields, none of them on the last."""
    for place, (code, label, kind, choices) in enumerate([
        ("sleeve", "Sleeve", "list", ["Core", "Satellite"]), ("score--x", "Score, model", "number", []),
        ("review", "Review on", "date", []), ("esg", "ESG", "yes_no", []), ("memo", "Memo", "text", []),
    ]):  # fmt: skip
        OwnField.objects.create(code=code, label=label, kind=kind, choices=choices, place=place)
    portfolio, instrument = firm.portfolios["P1"].pk, firm.instruments["AAA"].pk
    values = [
        {"sleeve": "Core", "score--x": "9", "review": "2026-12-01", "esg": True, "memo": "=1+1"},
        {"sleeve": "Satellite", "score--x": "10.5", "review": "2027-01-01", "esg": False}, {},
    ]  # fmt: skip
    return orders.create_orders(by(mira), [orders.Wish(portfolio, instrument, "BUY", "10", own=own) for own in values])


def view_of(mira, by, **said):
    spec = {"columns": ["order", "own.sleeve", "own.score--x", "own.review", "own.esg", "own.memo"]} | said
    return saved.save_view(by(mira), orders_sheet(), specs.read(orders_sheet(), spec), name="Own")


def listed(mira, view) -> list[int]:
    page = words(visit(mira, "orders:list", query=f"?view={view.pk}"))
    return [int(pk) for pk in re.findall(r'data-row="order:(\d+)"', page)]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ([("own.sleeve", "in", "Core")], [0]), ([("own.score--x", "gte", "10")], [1]),
        ([("own.review", "lte", "2026-12-31")], [0]), ([("own.esg", "in", "No")], [1]),
        ([("own.memo", "has", "1+")], [0]), ([("own.score--x", "lte", "100")], [0, 1]),
    ],
)  # fmt: skip
def test_they_narrow_the_list_by_their_kind(mira, by, marked, filters, found):
    told = [{"code": code, "op": op, "value": value} for code, op, value in filters]
    view = view_of(mira, by, filters=told, sort=[{"code": "own.score--x"}])

    assert listed(mira, view) == [marked[n] for n in found]


def test_they_stand_by_their_label_with_order_groups_and_totals(mira, by, marked):
    view = view_of(
        mira, by, sort=[{"code": "own.score--x", "falls": True}], group="own.sleeve", totals=["own.score--x"]
    )
    page = words(visit(mira, "orders:list", query=f"?view={view.pk}"))

    assert "Score, model" in page and "Review on" in page
    assert re.findall(r'<tr class="group"[^>]*><td[^>]*><b>([^<]+)</b>', page) == ["Core", "Satellite", "–"]
    assert re.search(r'<tr class="total"[^>]*>.*19\.5', page, re.S)


def test_a_file_has_them_and_no_formula(mira, by, marked):
    view = view_of(mira, by, sort=[{"code": "own.review"}])
    content = b"".join(visit(mira, "orders:export", query=f"?view={view.pk}").streaming_content)
    lines = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))

    assert lines[4][1:] == ["Sleeve", "Score, model", "Review on", "ESG", "Memo"]
    assert lines[5][1:] == ["Core", "9", "2026-12-01", "Yes", "'=1+1"]
    assert lines[7][1:] == ["", "", "", "", ""]


def test_a_value_of_another_time_stands_as_nothing(mira, by, marked):
    OwnField.objects.filter(code="memo").update(kind="number")
    view = view_of(mira, by, totals=["own.memo"])

    assert len(listed(mira, view)) == 3


def test_a_field_out_of_use_leaves_the_view_whole(mira, by, marked):
    view = view_of(mira, by, filters=[{"code": "own.sleeve", "op": "in", "value": "Core"}], widths={"order": 140})
    OwnField.objects.filter(code="sleeve").update(is_active=False)
    page = words(visit(mira, "orders:list", query=f"?view={view.pk}"))

    assert re.findall(r'<th data-size="([^"]+)"', page) == [
        "order", "own.score--x", "own.review", "own.esg", "own.memo",
    ]  # fmt: skip
    assert '<col width="140">' in page


def test_the_drawer_says_the_label_and_not_the_code(mira, marked):
    drawer = words(visit(mira, "orders:detail", marked[0], htmx=True))

    assert "<dt>Score, model</dt><dd>9</dd>" in drawer and "score--x" not in drawer
    assert "<dt>ESG</dt><dd>Yes</dd>" in drawer
    assert Order.objects.count() == 3
