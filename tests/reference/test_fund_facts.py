"""What limits of funds ask of instruments and issuers: yes, no or not known, and figures with their source and date."""

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from apps.reference.models import Custodian, Instrument, Issuer
from apps.reference.rules import instrument_problems, issuer_problems
from tests.back_office import save
from tests.reference.test_back_office import as_csv, page

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("field", "wrong", "right", "whose"),
    [
        ("is_covered", "EQUITY", "CORP", "a corporate bond"),
        ("is_covered", "GOVT", "CORP", "a corporate bond"),
        ("has_votes", "ETF", "EQUITY", "a share"),
        ("is_ucits", "EQUITY", "ETF", "a fund"),
        ("is_closed_end", "EQUITY", "ETF", "a fund"),
        ("is_money_market", "EQUITY", "CORP", "a bond"),
        ("is_money_market", "FUND", "GOVT", "a bond"),
        ("is_ucits", "EQUITY", "FUND", "a fund"),
    ],
)
def test_what_is_said_of_one_class_has_no_sense_of_another(field, wrong, right, whose):
    for value in (True, False):
        assert instrument_problems({"asset_class": wrong, field: value})[field] == f"is said of {whose} alone; leave it empty"
        assert field not in instrument_problems({"asset_class": right, field: value})
    assert field not in instrument_problems({"asset_class": wrong, field: None})


@pytest.mark.parametrize(
    ("given", "field", "why"),
    [
        ({"securities_revenue_pct": 101}, "securities_revenue_pct", "from 0 to 100"),
        ({"securities_revenue_pct": -1}, "securities_revenue_pct", "from 0 to 100"),
        ({"securities_revenue_pct": 0}, "securities_revenue_source", "is needed with the part of revenue"),
        ({"securities_revenue_pct": 20, "securities_revenue_source": "10-K"}, "securities_revenue_date", "is needed"),
        ({"securities_revenue_source": "10-K"}, "securities_revenue_source", "stands with the part of revenue alone"),
        ({"debt_outstanding": 0, "debt_currency": "USD", "debt_date": "x"}, "debt_outstanding", "more than zero"),
        ({"debt_outstanding": 5}, "debt_currency", "is needed with the debt"),
        ({"debt_date": "x"}, "debt_date", "stands with the debt alone"),
        ({"money_market_outstanding": 5}, "debt_currency", "is needed with the debt"),
        ({"money_market_outstanding": 0, "debt_currency": "USD", "debt_date": "x"}, "money_market_outstanding", "more than zero"),
    ],
)
def test_a_figure_of_an_issuer_has_its_source_and_date(given, field, why):
    assert why in issuer_problems(given)[field]


@pytest.mark.parametrize(
    ("asset_class", "given", "field", "why"),
    [
        ("EQUITY", {"independent_pct": 101, "independent_source": "10-K"}, "independent_pct", "from 0 to 100"),
        ("CORP", {"independent_pct": 50}, "independent_source", "give both"),
        ("CORP", {"independent_source": "10-K"}, "independent_source", "give both"),
        ("GOVT", {"independent_pct": 50, "independent_source": "x"}, "independent_pct", "a share or a corporate bond alone"),
    ],
)
def test_a_part_in_independent_hands_has_its_source(asset_class, given, field, why):
    assert why in instrument_problems({"asset_class": asset_class} | given)[field]
    fine = {"asset_class": "CORP", "independent_pct": 100, "independent_source": "10-K"}
    assert not {"independent_pct", "independent_source"} & instrument_problems(fine).keys()


def test_the_database_says_the_same(firm):
    share = firm.instruments["AAA"]
    of_shares = (
        {"is_covered": False}, {"is_ucits": True}, {"is_closed_end": True}, {"is_money_market": False},
        {"independent_pct": 50}, {"independent_source": "x"}, {"independent_pct": 101, "independent_source": "x"},
    )  # fmt: skip
    for change in of_shares:
        with pytest.raises(IntegrityError), transaction.atomic():
            Instrument.objects.filter(pk=share.pk).update(**change)
    of_issuers = (
        {"securities_revenue_pct": 3}, {"debt_outstanding": 3}, {"securities_revenue_source": "x"}, {"money_market_outstanding": 3},
    )  # fmt: skip
    for change in of_issuers:
        with pytest.raises(IntegrityError), transaction.atomic():
            Issuer.objects.filter(pk=share.issuer_id).update(**change)


class TestDoors:
    @pytest.fixture
    def desk(self, client, olga):
        client.force_login(olga)
        return client

    def test_a_form_says_what_is_missing_beside_it_and_keeps_who_filled_it_in(self, firm, desk, olga):
        issuer = firm.instruments["AAA"].issuer
        given = {"code": issuer.code, "name": issuer.name, "lei": "", "country": "US", "sector": "Banks",
                 "is_credit_institution": "true", "is_affiliate": "false", "securities_revenue_pct": "15.5"}  # fmt: skip

        refused = save(desk, page(Issuer, "change", issuer.pk), given)
        assert "is needed" in " ".join(refused.context["adminform"].errors["securities_revenue_source"])

        more = {"securities_revenue_source": "10-K 2025, p. 12", "securities_revenue_date": "2025-12-31"}
        assert save(desk, page(Issuer, "change", issuer.pk), given | more).status_code == 302
        issuer.refresh_from_db()
        assert (issuer.is_credit_institution, issuer.is_affiliate, issuer.debt_outstanding) == (True, False, None)
        assert issuer.history.first().history_user == olga

    def test_a_file_names_yes_no_and_the_body_of_a_custodian(self, firm, desk):
        issuer, custodian = firm.instruments["AAA"].issuer, Custodian.objects.first()
        headers = ["code", "name", "bic", "country", "issuer", "transfer_fee", "transfer_fee_currency"]
        row = [custodian.code, custodian.name, custodian.bic, custodian.country, issuer.code, "", ""]
        form = {"import_file": as_csv([row], headers), "format": "0", "resource": "0"}
        shown = desk.post(page(Custodian, "import"), form)
        assert [one.import_type for one in shown.context["result"]] == ["update"], shown.context["result"].invalid_rows

        desk.post(page(Custodian, "process_import"), shown.context["confirm_form"].initial, follow=True)
        custodian.refresh_from_db()
        assert custodian.issuer == issuer

    def test_the_interface_tells_them_with_null_where_nothing_is_known(self, firm, desk):
        share = firm.instruments["AAA"]
        Instrument.objects.filter(pk=share.pk).update(has_votes=True)
        told = desk.get(reverse("api-instrument", args=[share.pk])).json()
        assert (told["has_votes"], told["is_covered"], told["is_ucits"], told["is_money_market"]) == (True, None, None, None)
        assert (told["independent_pct"], told["independent_source"]) == (None, "")
