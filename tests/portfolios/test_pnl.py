"""Profit and loss of the day: vectors worked by hand, and a portfolio whose parts sum to what its value did."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from apps.desk.portfolios.holdings import holdings
from apps.desk.portfolios.pnl import Deal, Marks, Pnl, pnl_of
from apps.marketdata import services as marketdata
from apps.portfolios.models import Portfolio
from apps.reference import selectors as reference
from apps.reference.models import Fee
from tests.allocations.filling import Street, keep_promises
from tests.pages import visit, words

D = Decimal
SHARES = Marks(D(52), D(50), D(1), D(1), D(1))


# --- Vectors --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("qty", "deals", "marks", "expected"),
    [
        # Held all day: 100 × (52 − 50).
        (100, [], SHARES, Pnl(D(200))),
        # Sold 40 of 100 at 51: 60 × 2 + 40 × 1, of which realised 40 × (51 − 50).
        (60, [(-40, 51)], SHARES, Pnl(D(160), realised=D(40))),
        # Bought 100 more at 53: 100 × 2 − 100 × 1; nothing is realised.
        (200, [(100, 53)], SHARES, Pnl(D(100))),
        # Bought 100 at 53 and sold 50 at 54: 100×2 − 100×1 + 50×2; realised 50 × (54 − (50 + 53) / 2).
        (150, [(100, 53), (-50, 54)], SHARES, Pnl(D(200), realised=D("125.0"))),
        # Nothing held at the close: in at 10, out at 11, gone.
        (0, [(100, 10), (-100, 11)], Marks(D(52), None, D(1), D(1), None), Pnl(D(100), realised=D(100))),
        # A short of 100 that falls: −100 × (52 − 50).
        (-100, [], SHARES, Pnl(D(-200))),
        # Bond: 1,000,000 face from 98 to 98.25 at 0.01.
        (1_000_000, [], Marks(D("98.25"), D(98), D("0.01"), D(1), D(1)), Pnl(D(2500))),
        # 100 at 80 EUR, price +1, rate 1.10 to 1.12: price 100 × 1 × 1.12, FX 100 × 80 × 0.02.
        (100, [], Marks(D(81), D(80), D(1), D("1.12"), D("1.10")), Pnl(D(112), D(160))),
    ],
)
def test_vectors(qty, deals, marks, expected):
    assert pnl_of(D(qty), [Deal(D(q), D(p)) for q, p in deals], marks) == expected


def test_costs_are_in_the_base_currency_and_come_off():
    one = pnl_of(D(100), [], SHARES._replace(rate=D("1.1"), closing_rate=D("1.1")), D(10))

    assert (one.costs, one.total) == (D(11), D(209))


@pytest.mark.parametrize("lacking", ["price", "close", "rate", "closing_rate"])
def test_is_not_told_without_a_price_a_rate_or_a_close(lacking):
    assert pnl_of(D(100), [], SHARES._replace(**{lacking: None})) is None


units, prices = st.integers(-10_000, 10_000).map(D), st.decimals("0.01", 1000, places=2)


@given(units, st.lists(st.tuples(units, prices).map(lambda d: Deal(*d)), max_size=6), prices, prices, prices, prices)
def test_is_what_value_and_money_did(opening, deals, price, close, rate, closing_rate):
    """Value now, less value at the close, plus what today's trades took in (less what they cost), at today's rate."""
    qty = opening + sum(d.qty for d in deals)
    one = pnl_of(qty, deals, Marks(price, close, D(1), rate, closing_rate))

    money = -sum((d.qty * d.price for d in deals), D(0)) * rate
    assert one.total == qty * price * rate - opening * close * closing_rate + money


# --- A portfolio ----------------------------------------------------------------------------------------------------
@pytest.fixture
def closes(firm) -> None:
    """Yesterday AAA closed at 49, all else where it stands; the euro at 1.08."""
    now = timezone.now()
    sessions = reference.previous_sessions(now)
    at = {"AAA": "49", "BBB": "80", "CCC": "100", "BOND": "98", "TSY": "99"}
    before = min(sessions.values())
    marketdata.record_closes(
        [(i.pk, sessions[i.venue_id], D(at[symbol])) for symbol, i in firm.instruments.items()],
        [("EUR", "USD", before, D("1.08"))],
    )


def day_now(firm):
    return holdings(Portfolio.objects.get(code="P1"), timezone.now())


def test_a_day_without_trades(firm, closes):
    day = day_now(firm).day

    # 50,000 × 1; FX on 800,000 and 100,000 EUR, 2 cents each.
    assert (day.total, day.cash) == (Pnl(D(50_000), D(18_000)), D(2_000))
    assert day.missing == [] and day.opening_nav == D(9_950_000 - 68_000)
    assert round(day.percent, 4) == D("0.6881")


@pytest.mark.parametrize("booked", [False, True], ids=["provisional", "booked"])
def test_a_sale_counts_from_its_own_price(firm, closes, booked, mira, tom, by):
    Fee.objects.create(
        code="SEC31", name="SEC", kind="1", country="US", asset_class="EQUITY", side="SELL", rate_bp="0.2",
        effective_from="2020-01-01",
    )  # fmt: skip
    before = day_now(firm)
    street = Street(firm, by, mira, tom)
    block = street.block("AAA", "SELL", {"P1": 600, "P2": 400})
    street.fill(street.route(block), 1000, "50.50", "10.00")
    if booked:
        keep_promises("allocations.")

    now = day_now(firm)
    line = next(x for x in now.lines if x.instrument.symbol == "AAA")

    # 49,400 × 1 + 600 × (50 − 49) + 600 × 0.50; realised 600 × 1.50. Booked: 6.00 commission and 0.61 of 1.01 fees.
    assert line.pnl == Pnl(D(50_300), D(0), D("6.61") if booked else D(0), D(900))
    assert now.day.total.total - before.day.total.total == now.nav - before.nav
    assert now.day.opening_nav == before.day.opening_nav


def test_without_closes_the_page_says_so(firm, mira):
    said = words(visit(mira, "portfolios:detail", firm.portfolios["P1"].pk))

    assert "no closes on file" in said


def test_page_and_api_tell_the_same(firm, closes, mira, paul):
    pk = firm.portfolios["P1"].pk
    said = words(visit(mira, "portfolios:detail", pk))
    client = Client()
    client.force_login(mira)
    told = client.get(f"/api/v1/portfolios/{pk}/pnl/").json()

    assert "+$68,000" in said and "+0.69%" in said
    assert (told["total"], told["price"], told["fx"], told["cash_fx"], told["percent"]) == (
        "68000.00", "50000.00", "18000.00", "2000.00", "0.6881",
    )  # fmt: skip
    assert next(p for p in told["positions"] if p["symbol"] == "AAA")["pnl"]["total"] == "50000.00"
    client.force_login(paul)
    assert client.get(f"/api/v1/portfolios/{pk}/pnl/").status_code == 404


def test_the_last_close_before_today_counts_not_todays(firm, closes):
    today = reference.trade_dates([firm.instruments["AAA"].venue_id], timezone.now()).popitem()[1]
    aaa = firm.instruments["AAA"].pk
    marketdata.record_closes([(aaa, today, D(60)), (aaa, today - timedelta(days=30), D(10))], [])

    assert day_now(firm).day.total.price == D(50_000)
