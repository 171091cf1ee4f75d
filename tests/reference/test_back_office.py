"""The back office: who may enter, what is checked, what an import does, what is kept."""

import csv
import io
from datetime import date
from pathlib import Path

import openpyxl
import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.reference import imports
from apps.reference.models import Broker, Currency, Fee, Instrument, Issuer, SettlementCycle, SettlementHoliday
from apps.users.back_office import ByRole
from apps.users.models import User
from tests.back_office import save, typed
from tests.races import at_once

DEMO = Path(imports.__file__).parent / "demo"
OURS = [model for model in admin.site._registry if model._meta.app_label in ("reference", "marketdata", "portfolios")]
REFERENCE = [model for model in OURS if model._meta.app_label == "reference"]

pytestmark = pytest.mark.django_db


def page(model, action: str = "changelist", *args) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{action}", args=args)


@pytest.fixture
def at_desk(client):
    """``at_desk(olga)``: her browser."""

    def sign_in(user: User) -> Client:
        client.force_login(user)
        return client

    return sign_in


class TestDoor:
    @pytest.mark.parametrize("name", ["olga", "alan"])
    def test_opens_to_staff_whose_role_keeps_reference_data(self, firm, people, at_desk, name):
        client = at_desk(people[name])

        assert client.get(reverse("admin:index")).status_code == 200
        for model in REFERENCE:
            for action in ("changelist", "add", "import", "export"):
                assert client.get(page(model, action)).status_code == 200, (model, action)

    @pytest.mark.parametrize("name", ["mira", "tom", "omar", "ada"])
    def test_is_closed_to_every_other_role_even_to_staff_and_superusers(self, firm, people, at_desk, name):
        User.objects.filter(username=name).update(is_staff=True, is_superuser=True)
        client = at_desk(User.objects.get(username=name))

        for url in [reverse("admin:index"), *(page(model) for model in OURS), page(Instrument, "import")]:
            assert client.get(url).status_code == 403, url

    def test_is_closed_to_the_role_without_being_staff(self, firm, olga, at_desk):
        User.objects.filter(pk=olga.pk).update(is_staff=False)

        assert at_desk(User.objects.get(pk=olga.pk)).get(page(Instrument)).status_code == 403

    def test_sends_strangers_to_sign_in(self, firm, client):
        answer = client.get(page(Instrument), follow=True)

        assert answer.redirect_chain[-1][0].startswith(reverse("account_login"))

    def test_every_page_of_ours_asks_the_role_map(self):
        assert all(isinstance(admin.site._registry[model], ByRole) for model in OURS)
        assert {model._meta.app_label for model in admin.site._registry} & {"auth", "axes", "guardian"} == set()


def wanted(**changes) -> dict[str, str]:
    """A share as its form is filled in."""
    share = {
        "symbol": "MSFT", "name": "Microsoft Corp", "asset_class": "EQUITY", "is_active": "on", "isin": "US5949181045",
        "cusip": "594918104", "sedol": "", "figi": "", "country": "US", "sector": "Technology", "rating": "",
        "currency": "USD", "lot_size": "100", "tick_size": "0.01", "min_piece": "1", "increment": "1",
        "price_factor": "1", "put_or_call": "", "day_count": "",
    }  # fmt: skip
    return share | changes


class TestForm:
    @pytest.fixture
    def fill_in(self, firm, olga, at_desk):
        client = at_desk(olga)
        Instrument.objects.filter(symbol="CCC").update(isin="")
        fixed = {"issuer": firm.instruments["AAA"].issuer_id, "venue": firm.instruments["AAA"].venue_id}

        def answer(**changes):
            return client.post(page(Instrument, "add"), fixed | wanted(**changes))

        return answer

    def test_a_good_one_is_kept_with_who_and_when(self, fill_in, olga):
        assert fill_in().status_code == 302

        kept = Instrument.objects.get(symbol="MSFT").history.get()
        assert (kept.history_type, kept.history_user, kept.isin) == ("+", olga, "US5949181045")

    @pytest.mark.parametrize(
        "changes, field, why",
        [
            ({"isin": "US5949181046"}, "isin", "is not a valid ISIN"),
            ({"isin": "us5949181045"}, "isin", "must be written “US5949181045”"),
            ({"cusip": "594918105"}, "cusip", "is not a valid CUSIP"),
            ({"cusip": "037833100"}, "cusip", "holds another CUSIP"),
            ({"sedol": "1234567"}, "sedol", "is not a valid SEDOL"),
            ({"figi": "BBG000000000"}, "figi", "is not a valid FIGI"),
            ({"symbol": "msft"}, "symbol", "in capitals"),
            ({"country": "usa"}, "country", "at most 2"),
            ({"country": "us"}, "country", "ISO 3166"),
            ({"lot_size": "0"}, "lot_size", "more than zero"),
            ({"increment": "3"}, "lot_size", "multiple of the increment, 3"),
            ({"price_factor": "0.01"}, "price_factor", "must be 1"),
            ({"asset_class": "CORP"}, "coupon_pct", "is needed for CORP"),
            ({"asset_class": "OPTION"}, "strike_price", "is needed for OPTION"),
            ({"issue_date": "2026-01-02", "maturity_date": "2026-01-01"}, "maturity_date", "after the issue date"),
        ],
    )
    def test_a_bad_one_is_refused_beside_the_field_and_nothing_is_kept(self, fill_in, changes, field, why):
        answer = fill_in(**changes)

        assert answer.status_code == 200
        assert why in " ".join(answer.context["adminform"].errors[field])
        assert not Instrument.objects.filter(symbol__iexact="MSFT").exists()

    def test_an_issuer_cannot_be_its_own_ancestor(self, firm, olga, at_desk):
        parent, daughter = (firm.instruments[s].issuer for s in ("AAA", "CCC"))
        data = {"code": parent.code, "name": parent.name, "lei": "", "country": "US", "sector": "x", "parent": daughter.pk}

        answer = save(at_desk(olga), page(Issuer, "change", parent.pk), data)

        assert "one of its own daughters" in " ".join(answer.context["adminform"].errors["parent"])

    def test_two_settlement_cycles_cannot_overlap(self, firm, olga, at_desk):
        data = {"country": "US", "asset_class": "*", "days": "0", "effective_from": "2028-01-03"}

        answer = at_desk(olga).post(page(SettlementCycle, "add"), data)

        assert "overlaps with T+1 from 2024-05-28" in " ".join(answer.context["adminform"].errors["effective_from"])

    def test_a_fee_of_one_side_cannot_be_charged_twice(self, firm, olga, at_desk):
        Fee.objects.create(
            code="SDRT", name="Stamp duty", kind="5", country="GB", side="BUY", rate_bp=50, effective_from=date(1986, 10, 27)
        )
        data = {"code": "SDRT", "name": "Stamp duty", "kind": "5", "country": "GB", "asset_class": "*", "side": "BUY",
                "rate_bp": "40", "unit_amount": "0", "rounding": "UP", "effective_from": "2027-04-01"}  # fmt: skip

        answer = at_desk(olga).post(page(Fee, "add"), data)

        why = " ".join(answer.context["adminform"].errors["effective_from"])
        assert why == "overlaps with SDRT from 1986-10-27 to further notice; end that first"
        assert at_desk(olga).post(page(Fee, "add"), data | {"side": "SELL"}).status_code == 302
        assert Fee.objects.count() == 2

    def test_changes_and_deletion_are_kept_and_shown(self, firm, olga, alan, at_desk, client):
        holiday = SettlementHoliday.objects.order_by("date").first()
        data = {"currency": holiday.currency_id, "date": holiday.date.isoformat(), "name": "Renamed"}
        assert save(at_desk(olga), page(SettlementHoliday, "change", holiday.pk), data).status_code == 302
        history = at_desk(alan).get(page(SettlementHoliday, "history", holiday.pk))
        save(client, page(SettlementHoliday, "delete", holiday.pk), {"post": "yes"})

        assert "Olga Orlova" in history.content.decode() and "Renamed" in history.content.decode()
        kept = SettlementHoliday.history.filter(id=holiday.pk).order_by("history_id").values_list(
            "history_type", "history_user__username"
        )
        assert list(kept)[-2:] == [("~", "olga"), ("-", "alan")]


HEADERS = ("code", "name", "kind", "lei", "bic", "commission_kind", "commission_rate", "is_active")
GOOD = [
    ("FIRST", "First Brokers", "broker", "", "FRSTUS30", "bps", "1.5", "1"),
    ("SECOND", "Second Dealers", "dealer", "", "", "none", "0", "1"),
]


def as_csv(rows, headers=HEADERS) -> io.BytesIO:
    text = io.StringIO()
    csv.writer(text).writerows([headers, *rows])
    return _named(text.getvalue().encode(), "brokers.csv")


def as_xlsx(rows, headers=HEADERS) -> io.BytesIO:
    book = openpyxl.Workbook()
    for row in [headers, *rows]:
        book.active.append(row)
    data = io.BytesIO()
    book.save(data)
    return _named(data.getvalue(), "brokers.xlsx")


def _named(data: bytes, name: str) -> io.BytesIO:
    file = io.BytesIO(data)
    file.name = name
    return file


class TestImport:
    @pytest.fixture
    def desk(self, firm, olga, at_desk) -> Client:
        return at_desk(olga)

    def preview(self, desk, file, model=Broker):
        form = {"import_file": file, "format": "1" if file.name.endswith("xlsx") else "0", "resource": "0"}
        return desk.post(page(model, "import"), form)

    def confirm(self, desk, previewed, model=Broker):
        return desk.post(page(model, "process_import"), previewed.context["confirm_form"].initial, follow=True)

    @pytest.mark.parametrize("written", [as_csv, as_xlsx])
    def test_is_shown_first_and_done_when_confirmed(self, desk, olga, written):
        previewed = self.preview(desk, written(GOOD))
        assert [row.import_type for row in previewed.context["result"]] == ["new", "new"]
        assert not Broker.objects.filter(code__in=("FIRST", "SECOND")).exists()

        self.confirm(desk, previewed)

        assert Broker.objects.get(code="FIRST").commission_rate == 1.5
        kept = Broker.objects.get(code="SECOND").history.get()
        assert (kept.history_user, kept.history_change_reason[:13]) == (olga, "Imported from")

    def test_the_same_file_again_changes_nothing(self, desk):
        self.confirm(desk, self.preview(desk, as_csv(GOOD)))
        again = self.preview(desk, as_csv(GOOD))
        self.confirm(desk, again)

        assert [row.import_type for row in again.context["result"]] == ["skip", "skip"]
        assert Broker.objects.get(code="FIRST").history.count() == 1

    def test_every_bad_row_is_named_with_what_is_wrong_and_none_is_taken(self, desk):
        before = Broker.history.count()
        rows = [
            *GOOD,
            ("THIRD", "Third", "broker", "ABC", "XX", "bps", "1", "1"),
            ("FOURTH", "Fourth", "nothing", "", "", "none", "0", "1"),
            ("FIFTH", "Fifth", "dealer", "", "", "none", "much", "1"),
            ("FIRST", "First again", "broker", "", "", "bps", "1", "1"),
            ("SIXTH", "", "dealer", "", "", "none", "2", "1"),
        ]

        previewed = self.preview(desk, as_csv(rows))

        result = previewed.context["result"]
        bad = {row.number: row.field_specific_errors | {"": row.non_field_specific_errors} for row in result.invalid_rows}
        assert (sorted(bad), result.has_errors()) == ([3, 4, 5, 6, 7], False)
        assert "not a valid LEI" in str(bad[3]["lei"]) and "not a valid BIC" in str(bad[3]["bic"])
        assert "not a valid choice" in str(bad[4]["kind"])
        assert "“much” is not a number" in str(bad[5]["commission_rate"])
        assert "already in row 1 of this file" in str(bad[6][""])
        assert "cannot be blank" in str(bad[7]["name"]) and "must be zero" in str(bad[7]["commission_rate"])
        assert "confirm_form" not in previewed.context
        assert "not a valid LEI" in previewed.content.decode()
        assert (Broker.objects.count(), Broker.history.count()) == (9, before)

    def test_names_a_code_that_is_not_there_and_a_column_nobody_knows(self, desk):
        wrong = self.preview(desk, as_csv([("ZZZ", "2026-01-01", "x")], ("currency", "date", "name")), SettlementHoliday)
        unknown = self.preview(desk, as_csv([("ZZZ", "x")], ("code", "nickname")), Currency)

        assert "There is no currency “ZZZ”; add it first" in str(wrong.context["result"].invalid_rows[0].error_dict)
        assert "Unknown columns: nickname" in unknown.content.decode()

    def test_a_row_that_became_bad_since_the_preview_takes_the_others_back(self, desk, firm):
        Currency.objects.create(code="SEK", name="Swedish Krona", minor_units=2)
        rows = [("USD", "2031-07-04", "Independence Day"), ("SEK", "2031-06-06", "National Day")]
        previewed = self.preview(desk, as_csv(rows, ("currency", "date", "name")), SettlementHoliday)
        Currency.objects.filter(code="SEK").delete()

        answer = self.confirm(desk, previewed, SettlementHoliday)

        assert "Nothing was imported" in answer.content.decode() and "rows: 2." in answer.content.decode()
        assert not SettlementHoliday.objects.filter(date__year=2031).exists()

    def test_what_another_changed_since_the_preview_is_not_undone(self, desk, firm):
        rows = [("HARBOR", "Harbor", "broker", "", "HARBUS33", "bps", "9", "1"), *GOOD]
        previewed = self.preview(desk, as_csv(rows))
        assert [row.import_type for row in previewed.context["result"]] == ["update", "new", "new"]
        url = page(Broker, "change", firm.brokers["HARBOR"].pk)
        assert desk.post(url, typed(desk.get(url), commission_rate="4")).status_code == 302

        answer = self.confirm(desk, previewed)

        assert "something changed since it was shown. Look at rows: 1. Send the file again." in answer.content.decode()
        assert Broker.objects.get(code="HARBOR").commission_rate == 4
        assert not Broker.objects.filter(code="FIRST").exists()
        self.confirm(desk, self.preview(desk, as_csv(rows)))
        assert Broker.objects.get(code="HARBOR").commission_rate == 9

    @pytest.mark.parametrize("shown", ["", "x", "a b c d e f g"])
    def test_a_confirmation_that_says_not_what_was_shown_is_refused(self, desk, shown):
        previewed = self.preview(desk, as_csv(GOOD))
        form = previewed.context["confirm_form"].initial | {"shown": shown}

        answer = desk.post(page(Broker, "process_import"), form, follow=True)

        assert answer.status_code == 200
        assert not Broker.objects.filter(code="FIRST").exists()
        said = answer.content.decode()
        assert "Nothing was imported" in said or "This field is required" in said

    def test_confirmed_twice_it_happens_once(self, desk):
        previewed = self.preview(desk, as_csv(GOOD))
        self.confirm(desk, previewed)
        again = self.confirm(desk, previewed)

        assert "imported already" in again.content.decode()
        assert Broker.objects.get(code="FIRST").history.count() == 1

    def test_instruments_come_in_as_they_went_out(self, desk, firm):
        out = desk.post(page(Instrument, "export"), {"format": "0", "resource": "0"} | _all_fields(desk))
        file = io.BytesIO(out.content)
        file.name = "instruments.csv"

        previewed = self.preview(desk, file, Instrument)

        result = previewed.context["result"]
        assert not result.has_errors(), result.row_errors()
        assert {row.import_type for row in result.rows if row.import_type != "invalid"} <= {"skip"}

    def test_the_back_office_list_costs_the_same_for_any_number_of_rows(self, desk, firm):
        counts = []
        for more in (0, 40):
            SettlementHoliday.objects.bulk_create(
                SettlementHoliday(currency_id="USD", date=date(2040, 1, 1 + n % 28).replace(month=1 + n // 28), name="x")
                for n in range(more)
            )
            with CaptureQueriesContext(connection) as seen:
                desk.get(page(SettlementHoliday))
            counts.append(len(seen))

        assert counts[0] == counts[1]


def _all_fields(desk) -> dict[str, str]:
    form = desk.get(page(Instrument, "export")).context["form"]
    return {name: "on" for name in form.fields if name not in ("format", "resource", "export_items")}


class TestFileOfTheDemo:
    def test_every_instrument_issuer_and_party_passes_the_rules(self):
        from decimal import Decimal

        from apps.reference import rules

        problems = []
        for name, check in (
            ("instruments", rules.instrument_problems), ("issuers", rules.party_problems),
            ("brokers", rules.broker_problems), ("custodians", rules.party_problems), ("venues", rules.venue_problems),
            ("currencies", rules.currency_problems), ("settlement_cycles", rules.cycle_problems),
        ):  # fmt: skip
            with (DEMO / f"{name}.csv").open(encoding="utf-8", newline="") as file:
                for row in csv.DictReader(file):
                    facts = {
                        key: Decimal(value) if key.endswith(("_size", "_pct", "piece", "increment", "_rate")) and value
                        else int(value) if key in ("minor_units", "days", "coupon_frequency") and value
                        else date.fromisoformat(value) if key.endswith("_date") and value
                        else value or None
                        for key, value in row.items()
                    }  # fmt: skip
                    problems += [(name, row, check(facts))] if check(facts) else []
        assert problems == []


@pytest.mark.django_db(transaction=True)
def test_an_import_and_a_change_at_the_same_moment_undo_nothing(firm, olga, alan):
    """Whichever comes second is told."""
    browsers = [Client(), Client()]
    browsers[0].force_login(olga)
    browsers[1].force_login(alan)
    file = as_csv([("HARBOR", "Harbor", "broker", "", "HARBUS33", "bps", "9", "1")])
    form = {"import_file": file, "format": "0", "resource": "0"}
    confirm = browsers[0].post(page(Broker, "import"), form).context["confirm_form"].initial
    url = page(Broker, "change", firm.brokers["HARBOR"].pk)
    change = typed(browsers[1].get(url), commission_rate="4")

    imported, changed = at_once(
        lambda: browsers[0].post(page(Broker, "process_import"), confirm, follow=True).content.decode(),
        lambda: browsers[1].post(url, change).status_code,
    )

    refused = "Nothing was imported" in imported
    assert (refused, changed) in ((True, 302), (False, 409))
    assert Broker.objects.get(code="HARBOR").commission_rate == (4 if refused else 9)
