"""Rows that come down the stream are those that the page would have been answered, for each person what they may see."""

import re

import pytest
from django.urls import reverse

from apps.blocks.models import Block
from apps.core.refusals import Invalid, NotAllowed
from apps.desk.lists import live, saved, specs
from apps.desk.orders.sheet import orders_sheet
from apps.orders.models import Order
from tests.pages import visit, words


@pytest.fixture
def worked(a_block, a_route, street):
    """An idle block, one partly filled, and one whose route was rejected."""
    filled, rejected = a_route(10_000), a_route(900)
    street.report(filled, "F", "1", last=(4_000, "50.10"), cum=4_000, leaves=6_000)
    street.report(rejected, "8", "8", text="no <b>", cum=0, leaves=0)
    return [a_block("BBB", "SELL", 500).pk, filled.block_id, rejected.block_id]


def places(people, name: str, query: str = "") -> dict[str, live.Place]:
    """Everybody's list of that name, of those who may see one."""
    found = {}
    for username, user in people.items():
        try:
            found[username] = live.place_of(user, reverse(name) + query)
        except NotAllowed:
            continue
    return found


def drawn(found: dict[str, live.Place], ids: list[int]) -> dict[str, str]:
    """What comes to each of them, read at once for those whose lists are alike."""
    alike: dict = {}
    for name, place in found.items():
        alike.setdefault(place.shown.alike, []).append(name)
    told = {}
    for names in alike.values():
        audiences = {(found[name].sight, found[name].ticks) for name in names}
        rows = live.drawn(live.Statement(found[names[0]].shown), ids, audiences)
        told |= {name: rows[found[name].sight, found[name].ticks] for name in names}
    return told


def without_ages(rows: str) -> str:
    return re.sub(r">[\d.]+ s</time>", "></time>", rows)


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("blocks:rows", ""), ("blocks:rows", "?status=YOURS"), ("blocks:rows", "?q=AAA&sort=-usd"),
        ("orders:rows", ""), ("orders:rows", "?status=WORKING&asset=equity"), ("orders:rows", "?q='{live}' %25s $1"),
    ],
)  # fmt: skip
def test_each_person_gets_the_rows_they_would_be_answered(people, worked, name, query):
    ids = list((Block if name.startswith("blocks") else Order).objects.values_list("pk", flat=True))
    found = places(people, name, query)
    told = drawn(found, ids)

    said = f"{query or '?'}&ids={','.join(map(str, ids))}"
    answered = {who: words(visit(people[who], name, query=said, htmx=True)) for who in found}
    assert {who: without_ages(rows) for who, rows in told.items()} == {
        who: without_ages(rows) for who, rows in answered.items()
    }
    assert len(set(told.values())) > 1 or "$1" in query


def test_people_of_one_view_share_the_reading_and_a_view_of_ones_own_does_not(people, worked, mira, by):
    found = places(people, "orders:rows")
    assert len({place.shown.alike for place in found.values()}) == 1
    assert len({place.sight for place in found.values()}) > 1

    spec = specs.read(orders_sheet(), {"columns": ["order", "status"], "filters": []})
    mine = saved.save_view(by(mira), orders_sheet(), spec, name="Mine", desk="")
    own = places(people, "orders:rows", f"?view={mine.pk}")
    assert own["mira"].shown.alike != found["mira"].shown.alike
    assert own["tom"].shown.alike == found["tom"].shown.alike  # It is not his: he reads the house's.


def test_a_statement_is_planned_once_and_anew_for_who_sees_otherwise(people, worked, django_assert_num_queries):
    found = places(people, "orders:rows")
    statement = live.Statement(found["mira"].shown)
    live.drawn(statement, [1], [(found["mira"].sight, True)])

    with django_assert_num_queries(1):
        live.drawn(statement, list(range(1, 100)), [(found["mira"].sight, True), (None, False)])
    ids = list(Order.objects.values_list("pk", flat=True))
    nobody = live.Sight(frozenset(), frozenset())
    rows = live.drawn(statement, ids, [(found["mira"].sight, True), (nobody, False), (None, False)])
    assert rows[nobody, False] == ""
    assert rows[None, False].count("<tr") == len(ids)


def test_other_addresses_are_no_lists_and_nonsense_is_refused(mira, stranger):
    assert live.place_of(mira, "/nowhere/") is None
    assert live.place_of(mira, reverse("routing:route_rows")) is None
    with pytest.raises(Invalid):
        live.place_of(mira, reverse("orders:rows") + "?group=x")
    with pytest.raises(NotAllowed):
        live.place_of(stranger, reverse("orders:rows"))
