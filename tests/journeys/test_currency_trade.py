"""Euros are bought for two portfolios, for spot and forward: from the ticket over a bank to two moneys exchanged."""

from datetime import date, datetime, timedelta
from decimal import ROUND_DOWN, Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.allocations.models import Allocation
from apps.audit.selectors import automated_id
from apps.blocks.models import Block
from apps.core.acts import Act
from apps.marketdata.models import DepositRate
from apps.orders.models import Order
from apps.portfolios import selectors as portfolios
from apps.portfolios.models import Cash, Movement, Position
from apps.reference import selectors as reference
from apps.reporting.invariants import broken_invariants
from apps.routing import alert_selectors
from apps.routing import services as routing
from apps.routing.models import DealerQuote, Inquiry, Message, Route
from apps.routing.rules import Fields, utc_text
from apps.settlement import services as settlement
from apps.settlement.models import Confirmation, Exchange, Instruction
from tests.world import with_pair

D = Decimal
BUY = {"instrument": "EUR/USD", "side": "BUY"}
SELL = {"instrument": "EUR/USD", "side": "SELL"}


@pytest.fixture
def pair(house, firm, street):
    made = with_pair(firm)
    routing.install_default_rules(street.by("loader"))
    return made


@pytest.fixture
def enter(at, mira, worker):
    """``enter({…}, …)``: her orders, submitted and gathered; the orders as answered."""

    def send(*orders: dict) -> list[dict]:
        answer = at(mira).post("/api/v1/orders/?submit=1", list(orders), format="json")
        assert answer.status_code == 201, answer.json()
        worker()
        return answer.json()

    return send


@pytest.fixture
def trade(street, by, tom, worker):
    """``trade(block, "1.1002")``: banks quote, the best of them at this price, and fill it; the block when all is shared out."""

    def deal(block: Block, price: str) -> Block:
        routing.route_blocks(by(tom), [block.pk], seen={block.pk: block.version})
        better = D(price) - D("0.0001") if block.side == "SELL" else D(price) + D("0.0001")
        for n, quote in enumerate(DealerQuote.objects.filter(inquiry__block=block).order_by("pk")):
            hear(street, quote.dealer.code, "S", _quote(quote, block.side, price if n == 0 else str(better)))
        worker()
        route = Route.objects.get(block=block)
        hear(street, route.broker.code, "8", _fill(route, block, price))
        worker()
        block.refresh_from_db()
        return block

    return deal


def hear(street, broker: str, kind: str, fields: dict) -> None:
    text = "".join(f"{tag}={value}\x01" for tag, value in ({35: kind} | fields).items())
    heard = routing.keep_heard(street.sessions[broker], text, timezone.now())
    routing.hear_messages(street.by("gateway", via="gateway"), [heard])


def _quote(quote: DealerQuote, side: str, price: str) -> dict:
    until = utc_text(timezone.now() + timedelta(seconds=60))
    price_tag, size_tag = (133, 135) if side == "BUY" else (132, 134)
    return {131: quote.request_ref, 117: f"QT{quote.pk}", price_tag: price, size_tag: "100000000", 62: until}


def _fill(route: Route, block: Block, price: str, more: dict | None = None) -> dict:
    return {
        37: f"B{route.pk}", 17: f"E{route.pk}", 11: route.cl_ord_id, 150: "F", 39: "2", 55: "EUR/USD",
        54: "1" if block.side == "BUY" else "2", 38: route.qty, 14: route.qty, 151: 0, 32: route.qty, 31: price,
        60: utc_text(timezone.now()), 75: f"{block.trade_date:%Y%m%d}", 15: "USD", 64: f"{block.settle_date:%Y%m%d}",
    } | (more or {})  # fmt: skip


def asked(kind: str) -> list[Fields]:
    return [Fields(m.text) for m in Message.objects.filter(is_out=True, msg_type=kind).order_by("pk")]


def forward_day(pair, months: int = 3) -> date:
    """A day some months after spot on which both currencies settle."""
    day = reference.spot_dates([pair.pk], timezone.now())[pair.pk] + timedelta(days=30 * months)
    off = {d for days in reference.settlement_holidays().values() for d in days}
    while day.weekday() >= 5 or day in off:
        day += timedelta(days=1)
    return day


def cash(firm, code: str) -> dict[str, Decimal]:
    return dict(Cash.objects.filter(portfolio=firm.portfolios[code]).values_list("currency", "amount"))


@pytest.mark.django_db
def test_euros_bought_for_spot_become_two_moneys_and_no_holding(pair, firm, enter, trade, by, tom):
    enter({**BUY, "portfolio": "P1", "qty": "200000"}, {**BUY, "portfolio": "P2", "qty": "100000"})
    [block] = Block.objects.all()
    spot = reference.spot_dates([pair.pk], block.opened_at)[pair.pk]
    assert (block.qty, block.settle_date) == (D(300_000), spot)

    block = trade(block, "1.1002")

    [request, *_] = asked("R")
    assert [request.find(tag) for tag in (55, 167, 63, 64, 15, 38)] == [
        "EUR/USD", "FXSPOT", "0", f"{spot:%Y%m%d}", "USD", "300000",
    ]  # fmt: skip
    assert (block.status, Inquiry.objects.get().status) == ("ALLOCATED", "TRADED")
    shares = Allocation.objects.order_by("pk")
    assert [(a.qty, a.net_amount, a.settle_date) for a in shares] == [
        (D(200_000), D(220_040), spot), (D(100_000), D(110_020), spot),
    ]  # fmt: skip
    assert cash(firm, "P1") == {"EUR": D(300_000), "USD": D(1_500_000) - D(220_040)}
    assert not Position.objects.filter(instrument=pair).exists()
    assert Movement.objects.filter(kind="TRADE").values_list("settle_date", flat=True).distinct().get() == spot
    assert set(Movement.objects.filter(kind="TRADE").values_list("dealer", flat=True)) == {a.broker_id for a in shares}
    held = portfolios.valuation(firm.portfolios["P1"])
    assert "EUR/USD" not in [line.symbol for line in held.held]
    euros = portfolios.cash_ladder(firm.portfolios["P1"], "EUR", date.today())
    assert euros == [(date.today(), D(100_000)), (spot, D(300_000))]
    assert Instruction.objects.count() == 0 and Confirmation.objects.count() == 2
    exchange = Exchange.objects.order_by("pk").first()
    assert (exchange.paid_currency_id, exchange.paid_amount) == ("USD", D(220_040))
    assert (exchange.received_currency_id, exchange.received_amount) == ("EUR", D(200_000))
    assert broken_invariants() == dict.fromkeys(broken_invariants(), [])


@pytest.mark.django_db
def test_an_exchange_settles_on_its_day_once_the_bank_affirmed_it(pair, enter, trade, street, worker):
    enter({**SELL, "portfolio": "P1", "qty": "50000"})
    block = trade(Block.objects.get(), "1.0998")
    [exchange] = Exchange.objects.all()
    assert (exchange.paid_currency_id, exchange.received_amount) == ("EUR", D(54_990))
    on_the_day = datetime.combine(block.settle_date, timezone.now().timetz())
    custodian = Act(by=automated_id("custodian"), at=on_the_day, via="feed")
    early = Act(by=custodian.by, at=on_the_day - timedelta(days=1), via="feed")

    assert settlement.settle_exchanges(custodian) == 0  # Not affirmed yet.
    hear(street, Route.objects.get().broker.code, "AU", {664: Confirmation.objects.get().ref, 75: "20260101", 940: "3"})
    worker()
    assert settlement.settle_exchanges(early) == 0
    assert settlement.settle_exchanges(custodian) == 1

    exchange.refresh_from_db()
    assert (exchange.status, exchange.settled_at) == ("SETTLED", on_the_day)
    assert broken_invariants() == dict.fromkeys(broken_invariants(), [])


@pytest.mark.django_db
def test_a_forward_is_worked_apart_and_settles_on_the_day_agreed(pair, firm, enter, trade):
    day = forward_day(pair)
    enter(
        {**BUY, "portfolio": "P1", "qty": "10000"},
        {**BUY, "portfolio": "P1", "qty": "20000", "value_date": str(day)},
        {**BUY, "portfolio": "P2", "qty": "30000", "value_date": str(day)},
    )
    spot, forward = Block.objects.order_by("qty")
    assert (spot.qty, forward.qty, forward.settle_date) == (D(10_000), D(50_000), day)
    days = (day - reference.spot_dates([pair.pk], timezone.now())[pair.pk]).days
    price = round(D("1.10") * (1 + D(days) / 9000) / (1 + D(days) / 18000), 8)  # 4% on dollars, 2% on euros.
    assert set(Order.objects.values_list("qty", "decision_price")) == {(10_000, D("1.10")), (20_000, price), (30_000, price)}

    trade(forward, "1.1010")

    forward.refresh_from_db()
    inquiry = Inquiry.objects.get()
    assert (forward.arrival_price, inquiry.mid_at_send, inquiry.mid_at_decision) == (price, price, price)
    request = asked("R")[0]
    assert [request.find(tag) for tag in (167, 63, 64)] == ["FXFWD", "6", f"{day:%Y%m%d}"]
    assert set(Exchange.objects.values_list("value_date", flat=True)) == {day}
    assert portfolios.cash_ladder(firm.portfolios["P1"], "EUR", date.today())[-1] == (day, D(120_000))
    assert broken_invariants() == dict.fromkeys(broken_invariants(), [])


@pytest.mark.django_db
def test_pages_and_api_show_both_moneys(pair, firm, enter, trade, at, mira, olga):
    sketch = at(mira).get(f"/orders/new/sketch/?instrument=EUR/USD&side=SELL&qty=50000&portfolio={firm.portfolios['P1'].pk}")
    said = sketch.content.decode()
    assert "€50,000.00</b> sold" in said and "€100,000.00 → <span>€50,000.00 after" in said and 'data-label="Amount, EUR"' in said
    day = forward_day(pair)
    said = at(mira).get(f"/orders/new/sketch/?instrument=EUR/USD&side=BUY&qty=1000&value_date={day}").content.decode()
    assert "Forward to" in said and " points" in said and "$1,100.00" not in said

    enter({**SELL, "portfolio": "P1", "qty": "50000"})
    trade(Block.objects.get(), "1.0998")

    drawer = at(mira).get(f"/orders/{Order.objects.get().pk}/?part=facts", headers={"HX-Request": "true"}).content.decode()
    assert "50,000 of 50,000 EUR" in drawer and "pays EUR, receives USD, spot" in drawer
    board = at(olga).get("/settlement/?exchanges=").content.decode()
    assert "€50,000.00" in board and "$54,990.00" in board
    money = at(olga).get("/settlement/?cash=").content.decode()
    assert "€50,000.00" in money and "$54,990.00" in money
    [exchange] = at(olga).get("/api/v1/exchanges/").json()["results"]
    assert (exchange["status"], exchange["paid_currency"], D(exchange["received_amount"])) == ("DUE", "EUR", D(54_990))
    holdings = at(mira).get(f"/portfolios/{firm.portfolios['P1'].pk}/").content.decode()
    assert "EUR/USD" not in holdings and "€50,000.00" in holdings


@pytest.mark.django_db
def test_a_fill_that_settles_on_another_day_is_kept_apart(pair, enter, street, by, tom, worker):
    enter({**BUY, "portfolio": "P1", "qty": "10000"})
    block = Block.objects.get()
    routing.route_blocks(by(tom), [block.pk], seen={block.pk: block.version})
    for quote in DealerQuote.objects.all():
        hear(street, quote.dealer.code, "S", _quote(quote, "BUY", "1.1001"))
    worker()
    route = Route.objects.get()
    hear(street, route.broker.code, "8", _fill(route, block, "1.1001", {64: "20990105"}))

    assert Message.objects.get(is_out=False, msg_type="8").status == "QUARANTINED"
    route.refresh_from_db()
    assert route.cum_qty == 0


@pytest.mark.django_db
def test_a_bust_takes_both_moneys_back(pair, firm, enter, trade, street, worker):
    enter({**BUY, "portfolio": "P1", "qty": "10000"})
    block = trade(Block.objects.get(), "1.1001")
    route = Route.objects.get()
    bust = {17: "X1", 19: f"E{route.pk}", 150: "H", 39: "0", 14: 0, 151: route.qty}
    hear(street, route.broker.code, "8", _fill(route, block, "1.1001", bust))
    worker()

    assert cash(firm, "P1") == {"EUR": D(100_000), "USD": D(1_500_000)}
    assert (Exchange.objects.get().status, Confirmation.objects.get().status) == ("CANCELLED", "CANCELLED")
    assert broken_invariants() == dict.fromkeys(broken_invariants(), [])


@pytest.mark.django_db
def test_a_forward_without_interest_on_file_is_held_and_says_why(pair, enter, at, omar):
    DepositRate.objects.filter(currency="EUR").delete()
    [order] = enter({**BUY, "portfolio": "P1", "qty": "1000", "value_date": str(forward_day(pair))})

    assert (order["status"], order["decision_price"]) == ("HELD", None)
    drawer = at(omar).get(reverse("compliance:order_checks", args=[order["id"]]), headers={"HX-Request": "true"}).content.decode()
    assert "the interest of EUR or USD is not on file" in drawer


@pytest.mark.django_db
def test_amounts_and_limits_of_a_forward_are_taken_at_its_price(pair, firm, enter, by):
    day = forward_day(pair, 12)
    amount = {"intent": "AMOUNT", "intent_value": "11000", "value_date": str(day)}
    [order] = enter({**BUY, "portfolio": "P1", **amount})
    price = D(order["decision_price"])
    assert price > D("1.12") and D(order["qty"]) == (11_000 / price).quantize(D("0.01"), ROUND_DOWN)

    limit = {"order_type": "LIMIT", "limit_price": "1.12", "value_date": str(day)}  # Above spot, far below the forward.
    [order] = enter({**SELL, "portfolio": "P1", "qty": "100", **limit})
    routing.install_default_alerts(by("loader"))
    found = [f for f in alert_selectors.found(timezone.now()) if f.kind == "LIMIT_AWAY"]
    assert found == []  # At spot it would be 180 bp away.


@pytest.mark.django_db
def test_selling_more_euros_than_there_will_be_on_the_day_is_held(pair, enter):
    [order] = enter({**SELL, "portfolio": "P1", "qty": "100000.01"})

    assert order["status"] == "HELD"
    [enough] = enter({**SELL, "portfolio": "P2", "qty": "100000"})
    assert enough["status"] == "CLEARED"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("more", "field", "says"),
    [
        ({"value_date": "soon"}, "value_date", "is no date"),
        ({"value_date": "2026-01-02"}, "value_date", "not later than spot"),
        ({"value_date": "2027-12-25"}, "value_date", "Saturday"),
        ({"instrument": "AAA", "value_date": "2027-12-20"}, "value_date", "Only a trade in currencies"),
        ({"currency": "EUR"}, "currency", "trades in USD"),
        ({"qty": "10.001"}, "qty", "not a multiple of 0.01"),
        ({"side": "SELL_SHORT"}, "side", "Sell the pair"),
        ({"order_type": "STOP", "stop_price": "1.2"}, "order_type", "takes no such order"),
    ],
)
def test_what_no_bank_would_deal_is_refused_beside_its_field(pair, at, mira, more, field, says):
    answer = at(mira).post("/api/v1/orders/", {**BUY, "portfolio": "P1", "qty": "1000"} | more, format="json")

    assert answer.status_code == 422
    [problem] = answer.json()["facts"]["rows"]
    assert problem["field"] == field and says in problem["message"]
    assert Order.objects.count() == 0
