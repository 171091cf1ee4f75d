"""Units of a fund are subscribed and redeemed, by units and by amount: from the ticket over the transfer agent to settled."""

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from apps.allocations.models import Allocation
from apps.blocks import services as blocks
from apps.blocks.models import Block, Member
from apps.core.acts import Act
from apps.core.events import Fact
from apps.orders import events as order_events
from apps.orders import services as orders
from apps.orders.models import Order
from apps.portfolios.models import Cash, Position
from apps.reference import selectors as reference
from apps.reporting.invariants import broken_invariants
from apps.routing import services as routing
from apps.routing.models import Message, Route
from apps.routing.rules import Fields, utc_text
from apps.settlement.models import Instruction
from tests.allocations.filling import keep_promises
from tests.journeys.test_currency_trade import hear
from tests.world import with_fund

D = Decimal
NEW_YORK = ZoneInfo("America/New_York")


def at_hour(hour: int, day=None) -> datetime:
    """That hour in New York, of the next day on which the fund deals from tomorrow on."""
    day = day or datetime.now(UTC).date() + timedelta(days=1)
    while not reference.is_session("XNYS", day):
        day += timedelta(days=1)
    return datetime.combine(day, time(hour), NEW_YORK).astimezone(UTC)


@pytest.fixture
def fund(house, firm, by, mira, tom):
    from apps.settlement import services as settlement
    from tests.allocations.filling import Street

    made = with_fund(firm)
    settlement.install_default_ssis(by("loader"))
    made.street = Street(firm, by, mira, tom)
    routing.install_default_rules(by("loader"))
    return made


@pytest.fixture
def gathered(fund, firm, by, mira):
    """``gathered(at, ("P1", "BUY", {…}), …)``: cleared orders, released at a time; their ids."""

    def make(at: datetime, *wanted: tuple) -> list[int]:
        wishes = [
            orders.Wish(firm.portfolios[p].pk, fund.pk, side, terms.pop("qty", ""), **terms) for p, side, terms in wanted
        ]
        ids = orders.create_orders(by(mira), wishes, submit=True)
        assert set(Order.objects.filter(pk__in=ids).values_list("status", flat=True)) == {"CLEARED"}
        act = Act(by=by("worker").by, at=at, via="worker")
        blocks.gather_orders(act, [Fact(pk, 3, order_events.OrderCleared(1)) for pk in ids])
        return ids

    return make


def route(by, tom, block: Block, at: datetime) -> Route:
    act = by(tom)
    done = routing.route_blocks(Act(by=act.by, at=at, via="page"), [block.pk], seen={block.pk: block.version})
    return Route.objects.get(pk=done.routes[0])


def deal(fund, the_route: Route, units: str, nav: str) -> None:
    """The agent's fill at the net asset value of the valuation point."""
    block = the_route.block
    fields = {
        37: "H1", 17: f"H{the_route.pk}", 11: the_route.cl_ord_id, 150: "F", 39: "2", 55: "FUND",
        54: "D" if block.side == "BUY" else "E", 14: units, 151: 0, 32: units, 31: nav, 60: utc_text(timezone.now()),
        75: f"{block.trade_date:%Y%m%d}", 15: "USD",
    }  # fmt: skip
    hear(fund.street, "HALYARD", "8", fields)
    keep_promises()


def sent() -> Fields:
    return Fields(Message.objects.get(is_out=True, msg_type="D").text)


@pytest.mark.django_db
def test_units_are_subscribed_at_the_next_valuation_point(fund, firm, gathered, by, tom):
    morning = at_hour(10)
    gathered(morning, ("P1", "BUY", {"qty": "1000.5"}), ("P2", "BUY", {"qty": "500"}))
    [block] = Block.objects.all()
    assert (block.trade_date, block.qty) == (morning.date(), D("1500.5"))
    assert set(Member.objects.values_list("is_late", flat=True)) == {False}

    the_route = route(by, tom, block, morning)
    said = sent()
    assert [said.find(t) for t in (54, 38, 152, 40, 59, 167, 75)] == ["D", "1500.5", "", "M", "0", "MF", f"{morning:%Y%m%d}"]
    deal(fund, the_route, "1500.5", "10.10")

    assert [(a.qty, a.net_amount) for a in Allocation.objects.order_by("pk")] == [
        (D("1000.5"), D("10105.05")), (D(500), D(5050)),
    ]  # fmt: skip
    assert Position.objects.get(portfolio=firm.portfolios["P1"], instrument=fund).qty == D("1000.5")
    assert set(Instruction.objects.values_list("status", "is_receipt", "settle_date")) == {("READY", True, block.settle_date)}
    assert broken_invariants() == dict.fromkeys(broken_invariants(), [])


@pytest.mark.django_db
@pytest.mark.parametrize(("nav", "units", "net"), [("10.40", "9615.384", "99999.99"), ("9.60", "10416.666", "99999.99")])
def test_an_amount_binds_and_the_fill_says_the_units(fund, firm, gathered, by, tom, nav, units, net):
    morning = at_hour(10)
    [pk] = gathered(morning, ("P1", "BUY", {"intent": "AMOUNT", "intent_value": "100,000"}))
    order = Order.objects.get(pk=pk)
    assert (order.terms["cash_qty"], order.intent["qty"], order.qty) == ("100000", "10000", D("10526.316"))

    block = Block.objects.get()
    the_route = route(by, tom, block, morning)
    assert (sent().find(152), sent().find(38)) == ("100000", "")
    deal(fund, the_route, units, nav)

    order.refresh_from_db()
    assert (order.status, order.filled_qty, order.cancelled_qty) == ("DONE", D(units), D("10526.316") - D(units))
    assert Cash.objects.get(portfolio=firm.portfolios["P1"], currency="USD").amount == D(1_500_000) - D(net)
    assert broken_invariants() == dict.fromkeys(broken_invariants(), [])


@pytest.mark.django_db
def test_more_units_than_an_amount_can_come_to_are_kept_apart(fund, gathered, by, tom):
    morning = at_hour(10)
    gathered(morning, ("P1", "BUY", {"cash_qty": "1000"}))
    the_route = route(by, tom, Block.objects.get(), morning)
    deal(fund, the_route, "125", "8.00")

    assert Message.objects.get(is_out=False, msg_type="8").status == "QUARANTINED"


@pytest.mark.django_db
def test_amounts_are_worked_alone_and_judged_by_the_money(fund, firm, gathered, by, mira):
    gathered(at_hour(10), ("P1", "BUY", {"cash_qty": "500"}), ("P2", "BUY", {"cash_qty": "500"}))
    assert Block.objects.count() == 2

    wishes = [orders.Wish(firm.portfolios["P3"].pk, fund.pk, "BUY", "", cash_qty=amount) for amount in ("800000", "900000")]
    ids = orders.create_orders(by(mira), wishes, submit=True)
    statuses = dict(Order.objects.filter(pk__in=ids).values_list("terms__cash_qty", "status"))
    assert statuses == {"800000": "CLEARED", "900000": "HELD"}  # 1,500,000 dollars in all.


@pytest.mark.django_db
def test_what_is_released_after_the_cut_off_goes_to_the_next_and_says_so(fund, gathered, at, mira, by, tom):
    evening = at_hour(17)
    [late] = gathered(evening, ("P1", "BUY", {"qty": "10"}))
    [block] = Block.objects.all()
    following = at_hour(10, evening.date() + timedelta(days=1)).date()
    assert (block.trade_date, Member.objects.get(order=late).is_late) == (following, True)

    [on_time] = gathered(at_hour(9, following), ("P2", "BUY", {"qty": "10"}))
    assert Member.objects.get(order=on_time).block_id == block.pk  # One valuation point, one block.
    assert Member.objects.get(order=on_time).is_late is False

    drawer = at(mira).get(f"/blocks/of/{late}/", headers={"HX-Request": "true"}).content.decode()
    assert "late" in drawer
    listed = at(mira).get("/orders/").content.decode()
    assert listed.count("late for its cut-off") == 1

    block.refresh_from_db()
    with pytest.raises(routing.MissedCutOff, match="Un-block it"):
        route(by, tom, block, at_hour(17, following))
    assert Route.objects.count() == 0


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("more", "field", "says"),
    [
        ({"cash_qty": "0"}, "cash_qty", "above zero"),
        ({"cash_qty": "much"}, "cash_qty", "not a number"),
        ({"cash_qty": "0.001"}, "cash_qty", "less than 0.001"),
        ({"instrument": "AAA", "cash_qty": "100"}, "cash_qty", "Only an order in a fund"),
        ({"qty": "1.0001"}, "qty", "not a multiple of 0.001"),
        ({"qty": "1", "order_type": "LIMIT", "limit_price": "9"}, "order_type", "takes no such order"),
    ],
)
def test_what_no_agent_would_deal_is_refused_beside_its_field(fund, at, mira, more, field, says):
    from apps.reference.models import Combination

    Combination.objects.create(asset_class="FUND", order_type="MARKET", tif="DAY")
    answer = at(mira).post("/api/v1/orders/", {"portfolio": "P1", "instrument": "FUND", "side": "SUBSCRIBE"} | more, format="json")

    assert answer.status_code == 422
    assert [(p["field"], says in p["message"]) for p in answer.json()["facts"]["rows"]][0] == (field, True)
    assert Order.objects.count() == 0
