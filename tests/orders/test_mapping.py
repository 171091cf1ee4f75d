"""Files that are not ours: their columns, words and names are told once, and understood by themselves from then on."""

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from apps.audit.models import Entry
from apps.core.refusals import IllegalMove, NotFound
from apps.orders import selectors
from apps.orders import services as orders
from apps.orders.models import Import, ImportRow, ImportTemplate, Order
from apps.reference.models import Instrument, Venue
from apps.users.models import Desk
from tests.pages import send, visit, words

from .files import csv_of, line, many, xlsx_of
from .test_imports import keep_promises, only_orders_listen, problems, staged  # noqa: F401

HEADING = ("Fonds", "Titre", "Sens", "Nombre")
ROWS = [("P1", "AAA", "Achat", "100"), ("P2", "BBB", "Vente", "200"), ("P9", "AAA", "Achat", "1")]
COLUMNS = {"portfolio": "Fonds", "symbol": "Titre", "side": "Sens", "qty": "Nombre"}
WORDS = {"side": {"Achat": "BUY", "vente": "SELL"}}


@pytest.fixture
def foreign(staged):  # noqa: F811
    def make(rows=ROWS, **more) -> Import:
        return staged(csv_of(rows, heading=HEADING), **more)

    return make


def told(act, batch: Import, **more) -> None:
    orders.map_import(
        act, batch.pk, **{"seen": {batch.pk: batch.version}, "columns": COLUMNS, "words": WORDS} | more
    )
    keep_promises()
    batch.refresh_from_db()


class TestColumns:
    def test_a_file_with_unknown_headings_waits_for_its_person(self, foreign):
        batch = foreign()
        assert (batch.status, batch.rows, ImportRow.objects.count()) == ("UNMAPPED", 3, 0)
        assert batch.error == "It has no column for symbol, ISIN or CUSIP, portfolio, side, quantity."

    @pytest.mark.parametrize("kind", [csv_of, xlsx_of])
    def test_so_does_one_with_two_columns_for_one_field(self, staged, kind):  # noqa: F811
        batch = staged(kind([("P1", "AAA", "BUY", "1", "2")], heading=("portfolio", "symbol", "side", "qty", "shares")))
        assert (batch.status, batch.error) == ("UNMAPPED", "Both “qty” and “shares” give the qty.")

    def test_is_read_as_told_and_entered(self, foreign, mira, by):
        batch = foreign()
        told(by(mira), batch)
        assert (batch.status, batch.bad_rows, batch.error) == ("STAGED", 1, "")
        assert problems(batch) == {4: ["portfolio: There is no portfolio “P9”, or it is not one of yours."]}
        ids = orders.commit_import(by(mira), batch.pk, seen={batch.pk: batch.version}, accept_valid=True)
        sides = dict(Order.objects.values_list("pk", "side"))
        assert [sides[pk] for pk in ids] == ["BUY", "SELL"]

    def test_may_be_told_otherwise_after_it_was_staged(self, foreign, mira, by):
        batch = foreign()
        told(by(mira), batch, words={})
        assert problems(batch)[2] == ["side: “Achat” is no side. Use BUY, SELL or SELL_SHORT."]
        told(by(mira), batch)
        assert (batch.status, batch.bad_rows, ImportRow.objects.count()) == ("STAGED", 1, 3)

    @pytest.mark.parametrize(
        ("wrong", "says"),
        [
            ({"columns": {"portfolio": "Fonds"}}, "It has no column for symbol, ISIN or CUSIP, side, quantity."),
            ({"columns": COLUMNS | {"tif": "Sens"}}, "One column was given to two fields."),
            ({"columns": COLUMNS | {"tif": "Gone"}}, "no column “Gone”"),
            ({"columns": COLUMNS | {"colour": "Sens"}}, "no field “colour”"),
            ({"words": {"side": {"Achat": "KEEP"}}}, "mean what it cannot"),
            ({"words": {"qty": {"a": "BUY"}}}, "mean what it cannot"),
            ({"save_as": "n" * 81}, "longer than 80"),
            ({"save_as": "n", "desk_id": 999_999}, "do not sit at this desk"),
        ],
    )
    def test_refuses_what_makes_no_order_and_changes_nothing(self, foreign, mira, by, wrong, says):
        batch = foreign()
        with pytest.raises(orders.BadMapping, match=says):
            told(by(mira), batch, **wrong)
        batch.refresh_from_db()
        assert (batch.status, batch.version, ImportTemplate.objects.count()) == ("UNMAPPED", 2, 0)

    def test_is_its_uploader_s_and_not_of_one_that_is_entered(self, foreign, mira, paul, by):
        batch = foreign()
        with pytest.raises(NotFound):
            told(by(paul), batch)
        with pytest.raises(orders.StaleImport):
            told(by(mira), batch, seen={batch.pk: 1})
        told(by(mira), batch)
        orders.commit_import(by(mira), batch.pk, seen={batch.pk: batch.version}, accept_valid=True)
        batch.refresh_from_db()
        with pytest.raises(IllegalMove):
            told(by(mira), batch)


class TestTemplates:
    def test_later_files_with_the_same_headings_are_read_by_themselves(self, foreign, mira, by):
        told(by(mira), foreign(), save_as="Custodian's list")
        later = foreign([("P1", "BBB", "ACHAT", "7")])
        assert (later.status, later.bad_rows, str(later.template)) == ("STAGED", 0, "Custodian's list")
        assert Entry.objects.get(event="template.saved").payload["columns"] == COLUMNS

    def test_saved_again_under_its_name_it_is_replaced(self, foreign, mira, by):
        told(by(mira), foreign(), save_as="List", words={})
        told(by(mira), foreign([("P1", "BBB", "Achat", "7")]), save_as="List")
        template = ImportTemplate.objects.get()
        assert (template.version, template.words) == (2, {"side": {"achat": "BUY", "vente": "SELL"}})

    def test_a_colleague_reads_by_it_once_it_is_shared_with_their_desk(self, foreign, mira, paul, by):
        told(by(mira), foreign(), save_as="Mine")
        assert foreign([("P3", "BBB", "Achat", "7")], who=paul).status == "UNMAPPED"
        desk = Desk.objects.create(code="PMS", name="Managers")
        desk.people.add(mira, paul)
        told(by(mira), foreign([("P1", "BBB", "Achat", "8")]), save_as="Ours", desk_id=desk.pk)
        later = foreign([("P3", "BBB", "Achat", "9")], who=paul)
        assert (later.status, str(later.template), later.bad_rows) == ("STAGED", "Ours", 0)


class TestTemplatesAreKept:
    @pytest.fixture
    def template(self, foreign, mira, by) -> ImportTemplate:
        told(by(mira), foreign(), save_as="List")
        return ImportTemplate.objects.get()

    def test_is_renamed_and_read_by_still(self, template, foreign, mira, by):
        orders.rename_template(by(mira), template.pk, " Liste ", seen={template.pk: 1})
        assert str(foreign([("P1", "AAA", "Achat", "9")]).template) == "Liste"
        assert Entry.objects.get(event="template.renamed").payload["after"] == {"name": "Liste"}

    def test_removed_it_reads_no_more_and_its_name_is_free(self, template, foreign, mira, by):
        orders.remove_template(by(mira), template.pk, seen={template.pk: 1})
        batch = foreign([("P1", "AAA", "Achat", "9")])
        assert (batch.status, batch.template) == ("UNMAPPED", None)
        told(by(mira), batch, save_as="List")
        assert ImportTemplate.objects.filter(removed_at=None).count() == 1
        assert Import.objects.filter(template=template).exists()  # What it read says so still.

    def test_is_its_owner_s_alone_and_as_it_was_seen(self, template, foreign, mira, paul, by):
        with pytest.raises(NotFound):
            orders.remove_template(by(paul), template.pk, seen={template.pk: 1})
        with pytest.raises(orders.StaleTemplate):
            orders.rename_template(by(mira), template.pk, "Liste", seen={template.pk: 7})
        told(by(mira), foreign([("P1", "AAA", "Achat", "8")]), save_as="Other")
        with pytest.raises(orders.TemplateNameTaken):
            orders.rename_template(by(mira), template.pk, "Other", seen={template.pk: 1})
        assert ImportTemplate.objects.get(pk=template.pk).name == "List"

    def test_on_the_page_and_over_the_api(self, template, mira, paul):
        page = words(visit(mira, "orders:templates"))
        assert "Fonds" in page and "Rename" in page and "“achat”" in page
        assert send(mira, "orders:template_rename", {"seen": f"{template.pk}:1", "name": "Liste"}, template.pk).status_code == 204
        assert "Remove the template “Liste”" in words(visit(mira, "orders:template_remove", template.pk, htmx=True))
        api = APIClient()
        api.force_authenticate(mira)
        here = f"/api/v1/import-templates/{template.pk}/"
        assert api.patch(here, {"version": 2, "name": "L"}, format="json").json()["name"] == "L"
        assert api.delete(f"{here}?version=2").status_code == 409
        assert api.delete(f"{here}?version=3").status_code == 204
        assert "No templates" in words(visit(mira, "orders:templates"))


class TestWithoutHeadings:
    """Cells pasted without the line that names their columns."""

    ROWS = [("AAA", "P1", "buy", "100"), ("US5949181045", "P2", "SELL", "200")]

    def test_what_can_be_told_from_the_cells_is_read(self, staged):  # noqa: F811
        batch = staged(csv_of(self.ROWS[1:], heading=self.ROWS[0]), name="Pasted")
        assert (batch.status, batch.rows, batch.bad_rows) == ("STAGED", 2, 0)
        assert batch.columns == {"identifier": "column 1", "portfolio": "column 2", "side": "column 3", "qty": "column 4"}
        assert [row.line for row in selectors.import_rows(batch)] == [1, 2]

    def test_what_could_mean_two_things_is_asked(self, staged, mira, by):  # noqa: F811
        rows = [("P1", "AAA", "buy", "100", "49.5"), ("P1", "PX", "sell", "100", "49.5"), ("P1", "CCC", "x", "50", "99")]
        batch = staged(csv_of(rows[1:], heading=rows[0]), name="Pasted")
        assert (batch.status, batch.rows) == ("UNMAPPED", 3)
        assert batch.columns == {"portfolio": "column 1", "identifier": "column 2", "side": "column 3"}
        page = words(visit(mira, "orders:import_columns", batch.pk))
        assert '<option value="side" selected>' in page and "no line with the names" in page and "save_as" not in page
        told(by(mira), batch, columns=batch.columns | {"qty": "column 4", "limit_price": "column 5"}, words={})
        assert (batch.status, set(problems(batch))) == ("STAGED", {2, 3})

    def test_a_template_of_numbered_columns_is_not_saved(self, staged, mira, by):  # noqa: F811
        batch = staged(csv_of([("P1", "AAA", "buy", "7", "8")], heading=("P1", "AAA", "buy", "1", "2")))
        columns = {"portfolio": "column 1", "symbol": "column 2", "side": "column 3", "qty": "column 4"}
        with pytest.raises(orders.BadMapping, match="no headings"):
            told(by(mira), batch, columns=columns, words={}, save_as="Mine")
        assert not ImportTemplate.objects.exists()

    def test_headings_of_another_language_are_no_orders(self, foreign):
        assert foreign().rows == 3


def test_the_preview_shows_every_column_that_is_recognised(staged, mira):  # noqa: F811
    from apps.orders.models import OwnField

    OwnField.objects.create(code="decision", label="Decision", kind="text")
    heading = ("portfolio", "symbol", "side", "qty", "order type", "limit", "stop price", "tif", "gtd date", "min qty",
               "display qty", "value date", "intent", "amount", "Why")  # fmt: skip
    row = ("P1", "AAA", "BUY", "100", "STOP_LIMIT", "49.1", "49.2", "GTD", "2030-01-02", "3", "4", "2030-01-03", "", "", "Earnings")
    batch = staged(csv_of([row], heading=heading))
    where = reverse("orders:import_columns", args=[batch.pk])
    client = Client()
    client.force_login(mira)
    said = {"version": batch.version} | {f"column-{n}": "" for n in range(len(heading))}
    fields = ("portfolio", "symbol", "side", "qty", "order_type", "limit_price", "stop_price", "tif", "expire_date", "min_qty",
              "display_qty", "value_date", "intent", "intent_value", "own:decision")  # fmt: skip
    said |= {f"column-{n}": field for n, field in enumerate(fields)}
    shown = client.post(where, said, headers={"HX-Request": "true"}).content.decode()
    for label in ("Stop price", "Good till", "Minimum quantity", "Display size", "Value date", "Amount or target", "Decision"):
        assert f"<th>{label}</th>" in shown
    for cell in row[:12] + ("Earnings",):
        assert f"<td>{cell}</td>" in shown


@pytest.fixture
def twins(firm):
    """AAA and AAA.DE, two listings of one ISIN."""
    twin = Instrument.objects.get(symbol="AAA")
    twin.pk, twin.symbol, twin.venue = None, "AAA.DE", Venue.objects.get(mic="XETR")
    twin.save()
    return Instrument.objects.get(symbol="AAA"), twin


class TestListings:
    ROWS = [line(symbol="", isin="US0378331005"), line(symbol="BBB"), line("P2", symbol="", isin="us0378331005 ")]

    def test_a_choice_holds_throughout_the_file(self, staged, twins, mira, by):  # noqa: F811
        batch = staged(csv_of(self.ROWS))
        [one] = selectors.ambiguous_names(batch)
        assert (one.said, one.lines, one.options) == ("US0378331005", [2, 4], list(twins))
        orders.choose_listings(
            by(mira), batch.pk, seen={batch.pk: batch.version}, listings={one.name: twins[1].pk}
        )
        keep_promises()
        batch.refresh_from_db()
        assert (batch.status, batch.bad_rows, selectors.ambiguous_names(batch)) == ("STAGED", 0, [])
        orders.commit_import(by(mira), batch.pk, seen={batch.pk: batch.version})
        assert sorted(Order.objects.values_list("instrument__symbol", flat=True)) == ["AAA.DE", "AAA.DE", "BBB"]

    def test_refuses_what_the_name_does_not_mean(self, staged, twins, firm, mira, by):  # noqa: F811
        batch = staged(csv_of(self.ROWS))
        [one] = selectors.ambiguous_names(batch)
        seen = {batch.pk: batch.version}
        for wrong in ({one.name: firm.instruments["BBB"].pk}, {"|BBB||||": twins[0].pk}, {}):
            with pytest.raises(orders.BadMapping):
                orders.choose_listings(by(mira), batch.pk, seen=seen, listings=wrong)
        batch.refresh_from_db()
        assert (batch.status, batch.listings) == ("STAGED", {})


class TestPages:
    @pytest.fixture
    def at(self):
        def page(person) -> Client:
            client = Client()
            client.force_login(person)
            return client

        return page

    def test_a_pasted_grid_of_200_rows_is_staged_like_a_file(self, at, mira, firm):
        grid = csv_of(many(200), delimiter="\t").decode()
        answer = at(mira).post(reverse("orders:imports"), {"text": grid}, follow=True)
        assert answer.status_code == 200
        keep_promises()
        batch = Import.objects.get()
        assert (batch.status, batch.rows, batch.bad_rows) == ("STAGED", 200, 0)
        assert batch.file_name.startswith("Pasted ")
        at(mira).post(reverse("orders:imports"), {"text": grid})
        assert Import.objects.get() == batch

    def test_an_empty_paste_says_so(self, at, mira, firm):
        answer = at(mira).post(reverse("orders:imports"), {"text": " \n"})
        assert answer.status_code == 422 and Import.objects.count() == 0

    def test_tells_columns_and_words_before_a_preview_and_saves_them(self, at, foreign, mira):
        batch = foreign()
        where = reverse("orders:import_columns", args=[batch.pk])
        assert "Say what the columns hold" in at(mira).get(reverse("orders:import_detail", args=[batch.pk])).content.decode()
        assert "Vente" in at(mira).get(where).content.decode()
        said = {"version": batch.version, "column-0": "portfolio", "column-1": "symbol", "column-2": "side", "column-3": "qty"}
        shown = at(mira).post(where, said, headers={"HX-Request": "true"}).content.decode()
        assert "“achat”" in shown and "“Achat” is no side" in shown and "There is no portfolio “P9”" in shown
        words = {"theirs-side": ["achat", "vente"], "ours-side": ["BUY", "SELL"]}
        shown = at(mira).post(where, said | words, headers={"HX-Request": "true"}).content.decode()
        assert "is no side" not in shown and "There is no portfolio “P9”" in shown
        assert Import.objects.get().status == "UNMAPPED"
        answer = at(mira).post(where, said | words | {"save": "1", "save_as": "List"})
        assert answer.status_code == 302
        keep_promises()
        batch.refresh_from_db()
        assert (batch.status, batch.bad_rows, str(batch.template)) == ("STAGED", 1, "List")

    def test_refuses_a_mapping_with_its_reason(self, at, foreign, mira):
        batch = foreign()
        where = reverse("orders:import_columns", args=[batch.pk])
        answer = at(mira).post(where, {"version": batch.version, "column-0": "portfolio", "save": "1"})
        assert answer.status_code == 422 and "It has no column for" in answer.content.decode()

    def test_picks_a_listing_on_the_page(self, at, staged, twins, mira):  # noqa: F811
        batch = staged(csv_of(TestListings.ROWS))
        shown = at(mira).get(reverse("orders:import_detail", args=[batch.pk])).content.decode()
        assert "Names that mean several listings" in shown and "AAA.DE · XETR" in shown
        [one] = selectors.ambiguous_names(batch)
        at(mira).post(
            reverse("orders:import_listings", args=[batch.pk]),
            {"version": batch.version, "name": one.name, "listing": twins[0].pk},
        )
        keep_promises()
        batch.refresh_from_db()
        assert (batch.status, batch.bad_rows) == ("STAGED", 0)


def test_the_api_tells_columns_and_listings(foreign, staged, twins, mira):  # noqa: F811
    api = APIClient()
    api.force_authenticate(mira)
    batch = foreign()
    path = f"/api/v1/imports/{batch.pk}/"
    said = {"version": batch.version, "columns": COLUMNS, "words": WORDS, "save_as": "List"}
    assert api.post(f"{path}columns", said, format="json").json()["status"] == "UPLOADED"
    keep_promises()
    assert api.get(path).json()["bad_rows"] == 1
    assert [t["name"] for t in api.get("/api/v1/import-templates/").json()["results"]] == ["List"]
    refused = api.post(f"{path}columns", said | {"version": 4, "desk": "NONE"}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid")

    batch = staged(csv_of(TestListings.ROWS))
    path = f"/api/v1/imports/{batch.pk}/"
    [one] = api.get(f"{path}listings").json()
    assert one["lines"] == [2, 4] and [o["symbol"] for o in one["options"]] == ["AAA", "AAA.DE"]
    chosen = {"version": batch.version, "listings": {one["name"]: one["options"][0]["id"]}}
    assert api.post(f"{path}listings", chosen, format="json").status_code == 200
    keep_promises()
    assert api.get(path).json()["bad_rows"] == 0
