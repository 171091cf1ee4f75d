"""What portfolios are worth, who sees them, and when their money is there."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.core.refusals import NotFound
from apps.marketdata.models import FxRate, Quote
from apps.portfolios import selectors, services
from apps.portfolios.models import Position
from apps.portfolios.services import Moved

D = Decimal

pytestmark = pytest.mark.django_db

# 50,000 × 50 + 10,000 × 80 EUR × 1.10 + 20,000 × 100 + 1,000,000 × 98 % + 2,000,000 × 99 % + 1,500,000 + 100,000 EUR
WORTH = D(2_500_000 + 880_000 + 2_000_000 + 980_000 + 1_980_000 + 1_500_000 + 110_000)


class TestScope:
    @pytest.mark.parametrize(
        "name, sees, runs",
        [
            ("mira", ["P1", "P2", "P3"], ["P1", "P2", "P3"]),
            ("paul", ["P3"], ["P3"]),
            ("tom", [], []),
            ("omar", ["P1", "P2", "P3"], []),
            ("olga", ["P1", "P2", "P3"], []),
            ("ada", ["P1", "P2", "P3"], []),
            ("alan", [], []),
            ("worker", ["P1", "P2", "P3"], ["P1", "P2", "P3"]),
        ],
    )
    def test_follows_role_and_team(self, firm, people, django_user_model, name, sees, runs):
        user = django_user_model.objects.get(username=name)

        assert [p.code for p in selectors.portfolios_seen_by(user)] == sees
        assert [p.code for p in selectors.portfolios_run_by(user)] == runs

    def test_a_person_without_a_role_sees_none_even_as_superuser(self, firm, stranger):
        stranger.is_superuser = True
        stranger.save()

        assert not selectors.portfolios_seen_by(stranger).exists()

    def test_hidden_and_missing_are_the_same(self, firm, paul):
        for pk in (firm.portfolios["P1"].pk, 10**9):
            with pytest.raises(NotFound, match="not one of yours"):
                selectors.get_portfolio_seen_by(paul, pk)


class TestValuation:
    def test_sums_holdings_at_mids_and_money_at_rates(self, firm):
        found = selectors.valuation(firm.portfolios["P1"])

        assert (found.nav, found.missing) == (WORTH, [])
        assert found.by_class == {"EQUITY": 5_380_000, "CORP": 980_000, "GOVT": 1_980_000, "CASH": 1_610_000}
        values = {h.symbol: (h.qty, h.price, h.value) for h in found.held}
        assert values["BBB"] == (10_000, 80, 880_000) and values["BOND"] == (1_000_000, 98, 980_000)
        assert sum(h.weight_pct for h in found.held) == pytest.approx((WORTH - 1_610_000) / WORTH * 100)
        assert found.cash == [("EUR", 100_000, 110_000), ("USD", 1_500_000, 1_500_000)]

    def test_names_what_has_no_price_or_rate_and_leaves_it_out(self, firm):
        Quote.objects.filter(instrument=firm.instruments["AAA"]).delete()
        FxRate.objects.filter(base="EUR").delete()

        found = selectors.valuation(firm.portfolios["P1"])

        assert sorted(found.missing) == ["AAA", "BBB", "EUR"]
        assert found.nav == WORTH - 2_500_000 - 880_000 - 110_000
        assert [h.value for h in found.held if h.symbol == "AAA"] == [None]

    def test_leaves_out_what_is_no_longer_held(self, firm):
        Position.objects.filter(instrument=firm.instruments["AAA"]).update(qty=0)

        assert "AAA" not in [h.symbol for h in selectors.valuation(firm.portfolios["P1"]).held]

    def test_is_four_queries(self, firm):
        portfolio = selectors.Portfolio.objects.get(code="P1")
        with CaptureQueriesContext(connection) as seen:
            selectors.valuation(portfolio)

        assert len(seen) == 4

    def test_of_all_together_agrees_with_each_in_two_queries(self, firm):
        with CaptureQueriesContext(connection) as seen:
            found = selectors.navs()

        assert len(seen) == 2
        assert found == {p.pk: WORTH for p in firm.portfolios.values()}
        one = firm.portfolios["P2"].pk
        assert selectors.navs([one], "EUR") == {one: pytest.approx(WORTH / D("1.1"))}


def test_a_cash_ladder_shows_money_when_it_settles(firm, by):
    portfolio, today = firm.portfolios["P1"], timezone.now().date()
    first, second = today + timedelta(days=1), today + timedelta(days=2)
    for n, (day, amount) in enumerate(((first, "-200"), (second, "70.5"), (second, "1"), (today, "5"))):
        services.post_movements(by("worker"), [
            Moved(portfolio.pk, today, day, f"allocation:{n}", currency="USD", amount=D(amount))
        ])  # fmt: skip

    assert selectors.cash_ladder(portfolio, "USD", today) == [
        (today, D(1_500_005)), (first, D(1_499_805)), (second, D("1499876.5")),
    ]  # fmt: skip
    assert selectors.cash_ladder(portfolio, "GBP", today) == [(today, 0)]
