"""Pages of portfolios: a fill shows at once, before its block is allocated; nobody sees another team's."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.compliance import services as compliance
from apps.desk.portfolios.holdings import holdings
from apps.desk.portfolios.selectors import portfolio_rows
from apps.marketdata.models import Quote
from apps.orders import services as orders
from apps.portfolios.models import Mandate, Model, ModelWeight, Portfolio, Position
from tests.allocations.filling import Street, keep_promises
from tests.pages import visit, words

D = Decimal


@pytest.fixture
def street(firm, by, mira, tom) -> Street:
    return Street(firm, by, mira, tom)


@pytest.fixture
def model(firm) -> Model:
    """P1 aims at 50 % AAA and 40 % TSY."""
    made = Model.objects.create(code="BAL", name="Balanced", effective_date=timezone.now().date())
    for symbol, weight in (("AAA", 50), ("TSY", 40)):
        ModelWeight.objects.create(model=made, instrument=firm.instruments[symbol], weight_pct=weight)
    Portfolio.objects.filter(code="P1").update(model=made)
    return made


def now_of(firm, code: str = "P1"):
    return holdings(Portfolio.objects.select_related("base_currency").get(code=code), timezone.now())


def line_of(firm, symbol: str, code: str = "P1"):
    return next(x for x in now_of(firm, code).lines if x.instrument.symbol == symbol)


# --- The list -------------------------------------------------------------------------------------------------------
def test_the_list_values_each_portfolio_and_sums_them(firm, mira):
    # 50,000×50 + 10,000×80×1.1 + 20,000×100 + 1,000,000×0.98 + 2,000,000×0.99 + 1,500,000 + 100,000×1.1
    row = portfolio_rows(mira)[0]
    said = words(visit(mira, "portfolios:list"))

    assert row.nav == D("9950000")
    assert said.count("9,950,000") == 3 and "29,850,000" in said
    assert (round(row.equity_pct, 2), round(row.fixed_pct, 2), round(row.cash_pct, 2)) == (
        D("54.07"), D("29.75"), D("16.18"),
    )  # fmt: skip


def test_a_manager_sees_the_portfolios_of_their_team_only(firm, paul, olga):
    assert [row.code for row in portfolio_rows(paul)] == ["P3"]
    assert [row.code for row in portfolio_rows(olga)] == ["P1", "P2", "P3"]
    assert visit(paul, "portfolios:detail", firm.portfolios["P1"].pk).status_code == 404
    assert visit(paul, "portfolios:detail", firm.portfolios["P3"].pk).status_code == 200


def test_roles_without_portfolios_are_refused(firm, tom, alan):
    assert visit(tom, "portfolios:list").status_code == 403
    assert visit(alan, "portfolios:detail", firm.portfolios["P1"].pk).status_code == 403


def test_what_needs_a_look_comes_first(firm, street, mira, by, model):
    Mandate.objects.filter(portfolio__code="P2").update(equity_max_pct=50)
    compliance.install_default_rules(by("loader"))
    too_many = orders.Wish(firm.portfolios["P3"].pk, firm.instruments["AAA"].pk, "SELL", D(60_000))
    orders.create_orders(by(mira), [too_many], submit=True)

    rows = portfolio_rows(mira)
    said = words(visit(mira, "portfolios:list"))

    assert [row.code for row in rows] == ["P3", "P2", "P1"]
    assert (rows[0].held, rows[0].orders, rows[0].in_orders) == (1, 1, D(3_000_000))
    assert rows[1].breach == "equity above its band"
    assert rows[2].model == "Balanced v1" and rows[2].target == 50 and rows[2].drift == rows[2].equity_pct - 50
    assert "1 held" in said and "equity above its band" in said
    only = words(visit(mira, "portfolios:list", query="?show=drifting"))
    assert "Portfolio P2" in only and "Portfolio P3" not in only


# --- One portfolio --------------------------------------------------------------------------------------------------
def test_a_fill_shows_at_once_as_the_provisional_share(firm, street, mira):
    before = now_of(firm)
    block = street.block("AAA", "SELL", {"P1": 600, "P2": 400})
    street.fill(street.route(block), 100, "50.00")

    now, line = now_of(firm), line_of(firm, "AAA")
    said = words(visit(mira, "portfolios:detail", firm.portfolios["P1"].pk))

    assert (line.qty, line.provisional, line.ordered) == (D(49_940), D(-60), D(-600))
    assert Position.objects.get(portfolio__code="P1", instrument__symbol="AAA").qty == 50_000
    assert now.nav == before.nav and now.cash_now == before.cash_now + 3000
    assert now.in_orders == 540 * 50
    assert "49,940" in said and "−60" in said and "−600" in said and "60 filled" in said
    assert line.is_new


def test_after_the_booking_nothing_is_provisional_and_nothing_jumps(firm, street, mira):
    block = street.block("AAA", "SELL", {"P1": 600, "P2": 400})
    street.fill(street.route(block), 1000, "50.00")
    filled = now_of(firm)
    keep_promises("allocations.")

    booked, line = now_of(firm), line_of(firm, "AAA")

    assert (filled.provisional, booked.provisional) == (1, 0)
    assert (line.qty, line.provisional, line.ordered) == (D(49_400), D(0), D(0))
    assert (filled.nav, filled.cash_now) == (booked.nav, booked.cash_now)


def test_weights_targets_and_drift(firm, model):
    line, now = line_of(firm, "AAA"), now_of(firm)

    assert round(line.weight, 4) == D("25.1256") and line.target == 50 and line.drift == line.weight - 50
    assert line_of(firm, "BOND").target == 0
    assert [(c.name, c.target) for c in now.classes] == [("Equity", 50), ("Fixed income", 40), ("Cash", 10)]


def test_bands_are_shown_with_the_least_room_first_and_orders_done(firm, street, mira):
    Mandate.objects.filter(portfolio__code="P1").update(equity_max_pct=55)
    street.block("AAA", "BUY", {"P1": 4000})

    bands = now_of(firm).bands
    said = words(visit(mira, "portfolios:detail", firm.portfolios["P1"].pk))

    assert bands[0].name == "Equity at most" and bands[0].room < 0
    assert round(bands[0].now, 2) == D("54.07") and round(bands[0].after, 2) == D("56.08")
    assert any(b.name == "Largest issuer: Alpha Group" and round(b.now, 2) == D("45.23") for b in bands)
    assert not any("Treasury" in b.name for b in bands)
    assert "Equity at most 55.0%" in said and "outside" in said


def test_cash_stands_by_currency_and_settlement_day(firm, street, mira):
    block = street.block("AAA", "SELL", {"P1": 600})
    street.fill(street.route(block), 100, "50.00")

    cash = {currency: days for currency, _, _, days in now_of(firm).cash}

    assert [currency for currency, *_ in now_of(firm).cash] == ["USD", "EUR"]
    last = cash["USD"][-1]
    assert (last.on, last.amount, last.note) == (block.settle_date, 1_505_000, "with provisional shares")
    today = [] if block.settle_date == timezone.localdate() else [1_500_000]  # The day after New York's may be today.
    assert [day.amount for day in cash["USD"][:-1]] == today and cash["EUR"][0].amount == 100_000


def test_a_part_of_the_page_brings_figures_and_panel_along(firm, mira):
    pk = firm.portfolios["P1"].pk
    part = words(visit(mira, "portfolios:detail", pk, htmx=True))

    assert "<html" not in part
    assert 'hx-swap-oob="innerHTML:#figures"' in part and 'hx-swap-oob="innerHTML:#beside"' in part
    assert f'id="i-{firm.instruments["AAA"].pk}"' in part


def test_a_position_without_a_price_is_named_and_left_out(firm, mira):
    Quote.objects.filter(instrument=firm.instruments["CCC"]).delete()

    assert now_of(firm).missing == ["CCC"]
    assert now_of(firm).nav == D(7_950_000)
    assert "no price or rate: CCC" in words(visit(mira, "portfolios:detail", firm.portfolios["P1"].pk))


def test_the_number_of_queries_does_not_grow_with_orders_and_fills(firm, street, mira):
    pk = firm.portfolios["P1"].pk
    street.fill(street.route(street.block("AAA", "SELL", {"P1": 600})), 10, "50")
    visit(mira, "portfolios:detail", pk)
    with CaptureQueriesContext(connection) as few:
        visit(mira, "portfolios:detail", pk)
    street.fill(street.route(street.block("CCC", "BUY", {"P1": 600, "P2": 100})), 10, "100")
    street.fill(street.route(street.block("BBB", "BUY", {"P1": 600})), 10, "80")
    with CaptureQueriesContext(connection) as many:
        visit(mira, "portfolios:detail", pk)

    assert len(many) == len(few)
