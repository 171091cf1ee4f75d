"""Reference data, prices and portfolios by API, and portfolios in the back office."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.portfolios import selectors
from apps.portfolios.models import Mandate, Model, Portfolio
from apps.reference.models import Custodian

D = Decimal

pytestmark = pytest.mark.django_db


@pytest.fixture
def as_(client):
    def sign_in(user) -> Client:
        client.force_login(user)
        return client

    return sign_in


class TestApi:
    def test_is_closed_to_strangers_and_to_people_without_the_role(self, firm, client, stranger, tom, as_):
        for url in ("/api/v1/instruments/", "/api/v1/quotes/", "/api/v1/fx-rates/", "/api/v1/portfolios/"):
            assert Client().get(url).status_code in (401, 403)
            assert as_(stranger).get(url).status_code == 403
        assert as_(tom).get("/api/v1/portfolios/").status_code == 403
        assert as_(tom).get("/api/v1/quotes/").status_code == 200

    def test_changes_nothing(self, firm, mira, as_):
        for url in ("/api/v1/instruments/", "/api/v1/quotes/", "/api/v1/portfolios/"):
            assert as_(mira).post(url, {}, content_type="application/json").status_code == 405

    def test_finds_instruments(self, firm, mira, as_):
        client = as_(mira)
        symbols = lambda query: [i["symbol"] for i in client.get(f"/api/v1/instruments/?{query}").json()["results"]]  # noqa: E731

        assert symbols("search=gamma") == ["CCC"]
        assert symbols("search=us0378331005") == ["AAA"]
        assert symbols("asset_class=CORP,GOVT") == ["BOND", "TSY"]
        assert symbols("currency=EUR") == ["BBB"]
        one = client.get(f"/api/v1/instruments/{firm.instruments['BOND'].pk}/").json()
        assert (one["price_factor"], one["mic"], one["issuer"]) == ("0.01000000", "XOFF", "Delta Corp")
        assert client.get("/api/v1/instruments/0/").status_code == 404

    def test_gives_quotes_and_rates(self, firm, tom, as_):
        client = as_(tom)
        found = client.get("/api/v1/quotes/?symbol=AAA,BOND").json()["results"]

        assert [(q["symbol"], D(q["bid"]), D(q["mid"]), D(q["ask"])) for q in found] == [
            ("AAA", D("49.99"), 50, D("50.01")), ("BOND", D("97.99"), 98, D("98.01")),
        ]  # fmt: skip
        assert len(client.get(f"/api/v1/quotes/?instrument={firm.instruments['AAA'].pk}").json()["results"]) == 1
        assert [r["rate"] for r in client.get("/api/v1/fx-rates/?base=EUR").json()["results"]] == ["1.10000000"]

    def test_gives_portfolios_of_the_caller_with_their_worth(self, firm, paul, as_):
        client = as_(paul)
        listed = client.get("/api/v1/portfolios/").json()["results"]
        whole = client.get(f"/api/v1/portfolios/{firm.portfolios['P3'].pk}/").json()

        assert [p["code"] for p in listed] == ["P3"]
        assert client.get(f"/api/v1/portfolios/{firm.portfolios['P1'].pk}/").status_code == 404
        assert (whole["nav"], whole["missing"], whole["mandate"]["equity_max_pct"]) == ("9950000.00", [], "80.0000")
        assert {p["symbol"]: p["value"] for p in whole["positions"]}["BBB"] == "880000.00"
        assert whole["cash"][0] == {"currency": "EUR", "amount": "100000.0000", "value": "110000.00"}
        assert {"asset_class": "GOVT", "value": "1980000.00"} in whole["by_class"]

    def test_gives_the_cash_ladder(self, firm, paul, as_):
        found = as_(paul).get(f"/api/v1/portfolios/{firm.portfolios['P3'].pk}/cash/usd/").json()

        assert [rung["balance"] for rung in found] == ["1500000.0000"]

    @pytest.mark.parametrize("url", ["/api/v1/instruments/", "/api/v1/quotes/", "/api/v1/portfolios/"])
    def test_lists_cost_the_same_for_any_number_of_rows(self, firm, olga, as_, url):
        client = as_(olga)
        client.get(url)
        counts = []
        for limit in (1, 100):
            with CaptureQueriesContext(connection) as seen:
                assert client.get(f"{url}?limit={limit}").json()["results"]
            counts.append(len(seen))

        assert counts[0] == counts[1]


class TestBackOffice:
    def portfolio(self, **changes) -> dict:
        mandate = {
            "equity_min_pct": 40, "equity_max_pct": 60, "fixed_income_min_pct": 30, "fixed_income_max_pct": 50,
            "cash_min_pct": 0, "issuer_max_pct": 5, "sector_max_pct": 30,
        }  # fmt: skip
        rows = {"TOTAL_FORMS": 1, "INITIAL_FORMS": 0, "MIN_NUM_FORMS": 0, "MAX_NUM_FORMS": 1}
        return {
            "code": "P9", "name": "New client", "base_currency": "USD", "custodian": Custodian.objects.get().pk,
            "custody_account": "SST-9", "team": "B", "is_open": "on",
            **{f"mandate-{key}": value for key, value in rows.items()},
            **{f"mandate-0-{key}": value for key, value in (mandate | changes.pop("mandate", {})).items()},
        } | changes  # fmt: skip

    def test_a_new_portfolio_is_its_teams_and_is_kept(self, firm, olga, paul, as_):
        answer = as_(olga).post(reverse("admin:portfolios_portfolio_add"), self.portfolio())

        assert answer.status_code == 302, answer.context["errors"]
        made = Portfolio.objects.get(code="P9")
        assert made in selectors.portfolios_run_by(paul)
        assert (made.history.get().history_user, made.mandate.history.get().history_user) == (olga, olga)

    @pytest.mark.parametrize(
        "changes, why",
        [
            ({"team": "Z"}, "There is no team “Z”; known are: A, B."),
            ({"mandate": {"equity_max_pct": 39}}, "must not be less than the least, 40"),
            ({"mandate": {"cash_min_pct": 31}}, "are 101 percent, over 100"),
            ({"mandate": {"sector_max_pct": 101}}, "must be from 0 to 100 percent"),
        ],
    )
    def test_a_bad_one_is_refused_and_nothing_is_kept(self, firm, olga, as_, changes, why):
        answer = as_(olga).post(reverse("admin:portfolios_portfolio_add"), self.portfolio(**changes))

        assert why in answer.content.decode()
        assert (Portfolio.objects.filter(code="P9").count(), Mandate.objects.count()) == (0, 3)

    def test_a_models_weights_do_not_pass_one_hundred(self, firm, olga, as_):
        rows = {"TOTAL_FORMS": 2, "INITIAL_FORMS": 0, "MIN_NUM_FORMS": 0, "MAX_NUM_FORMS": 9}
        data = {"code": "M", "number": 1, "name": "M", "effective_date": "2026-11-23"}
        data |= {f"weights-{key}": value for key, value in rows.items()}
        for n, (symbol, weight) in enumerate((("AAA", 60), ("TSY", 41))):
            data |= {f"weights-{n}-instrument": firm.instruments[symbol].pk, f"weights-{n}-weight_pct": weight}

        refused = as_(olga).post(reverse("admin:portfolios_model_add"), data)
        taken = as_(olga).post(reverse("admin:portfolios_model_add"), data | {"weights-1-weight_pct": 40})

        assert "The weights sum to 101 percent, over 100." in refused.content.decode()
        assert (taken.status_code, Model.objects.get(code="M").weights.count()) == (302, 2)

    def test_an_administrator_sees_prices_but_no_portfolio(self, firm, alan, as_):
        client = as_(alan)

        assert client.get(reverse("admin:marketdata_quote_changelist")).status_code == 200
        for name in ("portfolio", "mandate", "model", "position", "cash", "movement"):
            assert client.get(reverse(f"admin:portfolios_{name}_changelist")).status_code == 403, name

    def test_prices_holdings_and_movements_are_to_look_at(self, firm, olga, as_):
        client = as_(olga)
        for name in ("marketdata_quote", "marketdata_bar", "marketdata_fxrate", "portfolios_position",
                     "portfolios_cash", "portfolios_movement", "marketdata_close", "marketdata_averagevolume"):  # fmt: skip
            assert client.get(reverse(f"admin:{name}_changelist")).status_code == 200, name
            assert client.get(reverse(f"admin:{name}_add")).status_code == 403, name
        quote = reverse("admin:marketdata_quote_change", args=[firm.instruments["AAA"].pk])
        assert client.get(quote).status_code == 200
        assert client.post(quote, {"bid": 1}).status_code == 403

    def test_a_portfolio_is_never_deleted(self, firm, olga, as_):
        url = reverse("admin:portfolios_portfolio_delete", args=[firm.portfolios["P1"].pk])

        assert as_(olga).post(url, {"post": "yes"}).status_code == 403
