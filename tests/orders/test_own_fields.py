"""Fields of the firm's own on orders: typed, kept in one column, taken at every door, changed on the record."""

import pytest
from rest_framework.test import APIClient

from apps.audit.models import Entry
from apps.core.events import Fact
from apps.core.refusals import Invalid, NotAllowed
from apps.orders import rules
from apps.orders import services as orders
from apps.orders.events import ImportUploaded
from apps.orders.models import Order, OwnField
from tests.orders.files import HEADING, csv_of, line
from tests.pages import send, visit, words

SLEEVE = rules.OwnField("sleeve", "Sleeve", "list", ["Core", "Satellite"])
THEME = rules.OwnField("theme", "Theme", "list", {"Core": ["Income"], "Satellite": ["Water", "AI"]}, "sleeve")
ALL = [
    SLEEVE, THEME, rules.OwnField("note", "Note", "text", []), rules.OwnField("score", "Score", "number", []),
    rules.OwnField("review", "Review on", "date", []), rules.OwnField("esg", "ESG", "yes_no", []),
]  # fmt: skip


# --- Rules ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ({"note": "  Hello "}, {"note": "Hello"}),
        ({"score": "1,200.50"}, {"score": "1200.5"}),
        ({"score": 0}, {"score": "0"}),
        ({"review": "2026-11-25"}, {"review": "2026-11-25"}),
        ({"esg": "Yes"}, {"esg": True}),
        ({"esg": False}, {"esg": False}),
        ({"sleeve": "Core", "theme": "Income"}, {"sleeve": "Core", "theme": "Income"}),
        ({"note": "", "score": None}, {}),
    ],
)
def test_values_are_kept_in_one_spelling(said, kept):
    assert rules.checked(ALL, said) == (kept, [])


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"colour": "red"}, "There is no field “colour”."),
        ({"note": "x" * 201}, "Note: 201 characters are too many: at most 200."),
        ({"score": "much"}, "Score: “much” is not a number."),
        ({"score": "NaN"}, "Score: “NaN” is not a number that can be kept."),
        ({"score": "1e999999"}, "Score: “1e999999” is not a number that can be kept."),
        ({"review": "25.11.2026"}, "Review on: “25.11.2026” is no date; write 2026-11-25."),
        ({"esg": "perhaps"}, "ESG: “perhaps” is neither yes nor no."),
        ({"sleeve": "Corn"}, "Sleeve: “Corn” is none of Core, Satellite."),
        ({"theme": "AI"}, "Theme: it goes with sleeve, which must be one of Core, Satellite."),
        ({"sleeve": "Core", "theme": "AI"}, "Theme: “AI” is none of Income."),
    ],
)
def test_what_does_not_fit_is_said(said, problem):
    assert rules.checked(ALL, said)[1] == [problem]


@pytest.mark.parametrize(
    ("kind", "choices", "parent_kind", "parent_choices", "at_fault"),
    [
        ("list", ["A", "B"], None, None, set()),
        ("list", {"A": ["x"], "B": ["y"]}, "list", ["A", "B"], set()),
        ("text", [], None, None, set()),
        ("text", ["A"], None, None, {"choices"}),
        ("list", [], None, None, {"choices"}),
        ("list", ["A", "A"], None, None, {"choices"}),
        ("list", {"A": ["x"]}, "list", ["A", "B"], {"choices"}),
        ("list", ["A"], "text", [], {"parent"}),
        ("number", [], "list", ["A"], {"parent"}),
    ],
)
def test_a_field_must_be_set_up_whole(kind, choices, parent_kind, parent_choices, at_fault):
    assert set(rules.definition_problems(kind, choices, parent_kind, parent_choices)) == at_fault


# --- Through every door ---------------------------------------------------------------------------------------------
@pytest.fixture
def fields(db) -> None:
    made = {}
    for place, field in enumerate(ALL):
        made[field.code] = OwnField.objects.create(
            code=field.code, label=field.label, kind=field.kind, choices=field.choices, place=place,
            parent=made.get(field.parent),
        )  # fmt: skip


def owns() -> list[dict | None]:
    return list(Order.objects.order_by("pk").values_list("own", flat=True))


def test_orders_keep_their_values_and_the_record_has_them(fields, wish, by, mira):
    ids = orders.create_orders(by(mira), [wish(own={"esg": "yes", "score": 7}), wish()])

    assert owns() == [{"esg": True, "score": "7"}, None]
    told = Entry.objects.filter(event="order.created").order_by("subject_id").values_list("payload", flat=True)
    assert [payload["own"] for payload in told] == [{"esg": True, "score": "7"}, None]
    assert len(ids) == 2


def test_a_bad_value_refuses_all_and_names_the_order(fields, wish, by, mira):
    with pytest.raises(orders.BadWishes) as refusal:
        orders.create_orders(by(mira), [wish(), wish(own={"score": "much"})])

    assert refusal.value.facts["rows"] == [{"index": 1, "field": "own", "message": "Score: “much” is not a number."}]
    assert Order.objects.count() == 0


def test_ticket_api_and_import_take_them(fields, firm, by, mira):
    send(
        mira, "orders:ticket",
        {"portfolio": firm.portfolios["P1"].pk, "instrument": "AAA", "side": "BUY", "qty": "100", "order_type": "MARKET",
         "own_sleeve": "Satellite", "own_theme": "AI", "own_esg": "no", "do": "draft", "idempotency_key": "t-1"},
        htmx=False,
    )  # fmt: skip
    web = APIClient()
    web.force_authenticate(mira)
    asked = {"portfolio": "P1", "instrument": "AAA", "side": "BUY", "qty": "100", "own": {"sleeve": "Core", "esg": True}}
    told = web.post("/api/v1/orders/", asked, format="json")
    content = csv_of([(*line(), "Core", "5"), (*line("P2"), "", "")], (*HEADING, "Sleeve", "SCORE"))
    batch = orders.upload_import(by(mira), "a.csv", content)
    orders.stage_imports(by("worker"), [Fact(batch, 1, ImportUploaded("a.csv", ""))])
    orders.commit_import(by(mira), batch, seen={batch: 2}, submit=False)

    assert owns() == [
        {"sleeve": "Satellite", "theme": "AI", "esg": False}, {"sleeve": "Core", "esg": True},
        {"sleeve": "Core", "score": "5"}, None,
    ]  # fmt: skip
    assert told.json()["own"] == {"sleeve": "Core", "esg": True}
    assert web.post("/api/v1/orders/", asked | {"own": {"sleeve": "Corn"}}, format="json").status_code == 422
    assert [field["code"] for field in web.get("/api/v1/orders/fields/").json()] == [field.code for field in ALL]


def test_a_bad_cell_is_named_with_its_line(fields, firm, by, mira):
    content = csv_of([(*line(), "Corn"), (*line("P2"), "Core")], (*HEADING, "Sleeve"))
    batch = orders.upload_import(by(mira), "a.csv", content)
    orders.stage_imports(by("worker"), [Fact(batch, 1, ImportUploaded("a.csv", ""))])

    with pytest.raises(orders.BadFile) as refusal:
        orders.commit_import(by(mira), batch, seen={batch: 2})
    assert refusal.value.facts["rows"] == [
        {"line": 2, "field": "own", "message": "Sleeve: “Corn” is none of Core, Satellite."}
    ]


def test_they_are_changed_on_the_record_without_another_check(fields, wish, by, mira):
    (pk,) = orders.create_orders(by(mira), [wish(own={"sleeve": "Core", "note": "Old"})], submit=True)
    before = Order.objects.get(pk=pk)

    assert orders.set_own_fields(by(mira), {pk: {"note": "", "esg": "yes"}}, seen={pk: before.version}) == 1
    order = Order.objects.get(pk=pk)
    assert (order.own, order.status, order.version) == ({"sleeve": "Core", "esg": True}, before.status, before.version + 1)
    entry = Entry.objects.filter(subject="order", subject_id=pk).latest("nth")
    assert (entry.event, entry.payload) == (
        "order.fields_set",
        {"before": {"sleeve": "Core", "note": "Old"}, "after": {"sleeve": "Core", "esg": True}},
    )
    assert orders.set_own_fields(by(mira), {pk: {"esg": "yes"}}, seen={pk: order.version}) == 0


def test_refusals_leave_them_as_they_were(fields, wish, by, mira, tom, paul):
    (pk,) = orders.create_orders(by(mira), [wish(own={"sleeve": "Core", "theme": "Income"})])
    for who, values, version, refusal in (
        (tom, {"note": "x"}, 1, NotAllowed),
        (mira, {"note": "x"}, 7, orders.StaleOrder),
        (mira, {"score": "much"}, 1, Invalid),
        (mira, {"sleeve": "Satellite"}, 1, Invalid),  # Its theme would no longer fit.
    ):
        with pytest.raises(refusal):
            orders.set_own_fields(by(who), {pk: values}, seen={pk: version})
    assert owns() == [{"sleeve": "Core", "theme": "Income"}]
    assert Order.objects.get(pk=pk).version == 1


def test_drawer_and_dialog_show_and_set_them(fields, wish, by, mira):
    (pk,) = orders.create_orders(by(mira), [wish(own={"sleeve": "Core"})])
    assert "Sleeve" in words(visit(mira, "orders:detail", pk, htmx=True))
    assert "Review on" in words(visit(mira, "orders:own", pk, htmx=True))
    assert "Review on" in words(visit(mira, "orders:ticket"))

    assert send(mira, "orders:own", {"seen": "1", "own_sleeve": "Core", "own_score": "much"}, pk).status_code == 422
    assert send(mira, "orders:own", {"seen": "1", "own_sleeve": "Core", "own_review": "2026-12-01"}, pk).status_code == 204
    assert owns() == [{"sleeve": "Core", "review": "2026-12-01"}]


def test_what_a_retired_field_says_stays_and_stops_nobody(fields, wish, by, mira):
    (pk,) = orders.create_orders(by(mira), [wish(own={"sleeve": "Core", "note": "Old"})])
    OwnField.objects.filter(code="note").update(is_active=False)

    assert orders.set_own_fields(by(mira), {pk: {"esg": "yes"}}, seen={pk: 1}) == 1
    assert owns() == [{"sleeve": "Core", "note": "Old", "esg": True}]
    with pytest.raises(Invalid, match="There is no field “note”"):
        orders.set_own_fields(by(mira), {pk: {"note": "New"}}, seen={pk: 2})


def test_copies_and_reversals_say_them_too_but_for_retired_ones(fields, wish, by, mira, firm):
    (pk,) = orders.create_orders(by(mira), [wish(own={"sleeve": "Core", "note": "Old"})])
    OwnField.objects.filter(code="note").update(is_active=False)

    orders.clone_orders(by(mira), [pk], portfolio_ids=[firm.portfolios["P2"].pk])
    assert owns() == [{"sleeve": "Core", "note": "Old"}, {"sleeve": "Core"}]
    Order.objects.filter(pk=pk).update(own=None)
    orders.clone_orders(by(mira), [pk])
    assert owns()[2] is None


def test_programs_set_them(fields, wish, by, mira):
    (pk,) = orders.create_orders(by(mira), [wish()])
    web = APIClient()
    web.force_authenticate(mira)

    told = web.post(f"/api/v1/orders/{pk}/fields/", {"version": 1, "own": {"esg": True}}, format="json")
    assert (told.status_code, told.json()["own"], told.json()["version"]) == (200, {"esg": True}, 2)


def test_operations_set_them_up(fields, olga):
    form = {"code": "desk_note", "label": "Desk note", "kind": "list", "choices": '["A", "B"]', "place": "9", "is_active": "on"}
    assert send(olga, "admin:orders_ownfield_add", form, htmx=False).status_code == 302
    assert send(olga, "admin:orders_ownfield_add", form | {"code": "x", "choices": "[]"}, htmx=False).status_code == 200
    assert OwnField.objects.count() == len(ALL) + 1
