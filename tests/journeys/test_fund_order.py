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
from apps.core.refusals import Invalid
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
    return Fields(Message.objects.filter(is_out=True, msg_type="D").latest("pk").text)


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

    members = at(tom).get(f"/api/v1/blocks/{block.pk}/orders/").json()
    assert {one["order_id"]: one["is_late"] for one in members} == {late: True, on_time: False}
    drawer = at(mira).get(f"/blocks/of/{late}/", headers={"HX-Request": "true"}).content.decode()
    assert "late" in drawer
    listed = at(mira).get("/orders/").content.decode()
    assert listed.count("late for its cut-off") == 1

    block.refresh_from_db()
    with pytest.raises(routing.MissedCutOff, match="Un-block it"):
        route(by, tom, block, at_hour(17, following))
    assert Route.objects.count() == 0


@pytest.mark.django_db
def test_units_are_redeemed_by_number_by_amount_and_all_of_them(fund, firm, gathered, by, tom, at, olga):
    morning = at_hour(10)
    gathered(morning, ("P1", "BUY", {"qty": "1000"}))
    deal(fund, route(by, tom, Block.objects.get(), morning), "1000", "10.00")
    cash = Cash.objects.get(portfolio=firm.portfolios["P1"], currency="USD").amount

    gathered(morning, ("P1", "SELL", {"qty": "200"}))
    by_units = route(by, tom, Block.objects.get(status="OPEN"), morning)
    assert (sent().find(54), sent().find(38)) == ("E", "200")
    deal(fund, by_units, "200", "10.20")
    [by_amount] = gathered(morning, ("P1", "SELL", {"cash_qty": "5000"}))
    deal(fund, route(by, tom, Block.objects.get(status="OPEN"), morning), "490.196", "10.20")
    gathered(morning, ("P1", "", {"intent": "CLOSE"}))
    deal(fund, route(by, tom, Block.objects.get(status="OPEN"), morning), "309.804", "10.20")

    assert not Position.objects.filter(portfolio=firm.portfolios["P1"], instrument=fund).exclude(qty=0).exists()
    nets = list(Allocation.objects.filter(side="SELL").order_by("pk").values_list("net_amount", flat=True))
    assert nets == [D(2040), D(5000), D(3160)]
    assert Cash.objects.get(portfolio=firm.portfolios["P1"], currency="USD").amount == cash + D(10_200)
    assert set(Instruction.objects.filter(allocation__side="SELL").values_list("status", "is_receipt")) == {("READY", False)}
    assert Order.objects.get(pk=by_amount).status == "DONE"
    assert broken_invariants() == dict.fromkeys(broken_invariants(), [])
    board = at(olga).get("/settlement/?confirmations=").content.decode()
    assert board.count(">Redeem<") == 3 and '490.196<span class="unit">units</span>' in board


@pytest.mark.django_db
def test_more_than_is_held_is_not_redeemed_unseen(fund, firm, by, mira):
    wish = orders.Wish(firm.portfolios["P1"].pk, fund.pk, "REDEEM", "1")
    assert Order.objects.get(pk=orders.create_orders(by(mira), [wish], submit=True)[0]).status == "HELD"


@pytest.mark.django_db
def test_what_missed_its_cut_off_is_un_blocked_and_goes_to_the_next(fund, gathered, by, tom):
    morning = at_hour(10)
    [units, amount] = gathered(morning, ("P1", "BUY", {"qty": "10"}), ("P1", "BUY", {"cash_qty": "500"}))
    old = list(Block.objects.order_by("pk"))
    evening = at_hour(17, morning.date())
    with pytest.raises(routing.MissedCutOff):
        route(by, tom, old[0], evening)

    blocks.unblock_blocks(by(tom), [b.pk for b in old], seen={b.pk: b.version for b in old})
    blocks.gather_orders(Act(by=by("worker").by, at=evening, via="worker"), [Fact(pk, 0, None) for pk in (units, amount)])

    following = at_hour(10, evening.date() + timedelta(days=1))
    assert set(Block.objects.filter(status="OPEN").values_list("trade_date", flat=True)) == {following.date()}
    assert set(Member.objects.values_list("order_id", "is_late")) == {(units, True), (amount, True)}
    deal(fund, route(by, tom, Block.objects.get(members__order=amount), following), "50", "10.00")
    assert Order.objects.get(pk=amount).status == "DONE"
    assert Order.objects.get(pk=units).status == "CLEARED"


@pytest.mark.django_db
def test_an_amount_is_amended_to_another_to_units_and_back(fund, firm, at, mira, by):
    [pk] = orders.create_orders(by(mira), [orders.Wish(firm.portfolios["P1"].pk, fund.pk, "BUY", "", cash_qty="1000")])

    def amend(**changes) -> Order:
        form = at(mira).get(f"/orders/{pk}/amend/").context["form"]
        said = {name: value for name, value in form.initial.items() if name != "flags"} | changes
        assert at(mira).post(f"/orders/{pk}/amend/", said, format="multipart").status_code in (200, 204)
        return Order.objects.get(pk=pk)

    more = amend(cash_qty="2000")
    assert (more.terms, more.qty, more.intent["qty"]) == ({"cash_qty": "2000"}, D("210.527"), "200")
    why = amend(rationale="Because.")
    assert (why.terms, why.qty, why.rationale) == (more.terms, more.qty, "Because.")
    units = amend(qty="150")
    assert (units.terms, units.qty, units.intent) == ({}, 150, None)
    back = amend(cash_qty="800")
    assert (back.terms, back.qty) == ({"cash_qty": "800"}, D("84.211"))

    said = {name: value for name, value in at(mira).get(f"/orders/{pk}/amend/").context["form"].initial.items() if name != "flags"}
    orders.change_orders(by(mira), orders.Change(qty_pct="50"), seen={pk: back.version})
    back = Order.objects.get(pk=pk)
    assert (back.terms, back.qty) == ({"cash_qty": "400"}, D("42.106"))

    refused = at(mira).post(f"/orders/{pk}/amend/", said | {"qty": "5", "cash_qty": "6"}, format="multipart")
    assert refused.status_code == 422 and "not both" in refused.content.decode()
    assert Order.objects.get(pk=pk).version == back.version


@pytest.mark.django_db
def test_lists_say_subscribe_the_amount_and_units_and_count_the_money_itself(fund, firm, gathered, at, mira, by, tom):
    morning = at_hour(10)
    gathered(morning, ("P1", "BUY", {"cash_qty": "100000"}), ("P2", "BUY", {"qty": "1000"}))
    block = Block.objects.get(terms__has_key="cash_qty")
    with pytest.raises(Invalid, match="dealt as a whole"):
        routing.route_blocks(Act(by(tom).by, morning, "page"), [block.pk], seen={block.pk: 1}, qty=D(100))
    route(by, tom, block, morning)

    for person, path, buys in ((mira, "/orders/", 2), (tom, "/blocks/", 2), (tom, "/routes/", 1)):
        page = at(person).get(path).content.decode()
        assert page.count(">Subscribe<") == buys and "$100,000.00" in page, path
        assert ("1,000<span class=\"unit\">units</span>" in page) == (buys == 2), path
    assert "$110.0K buy" in at(mira).get("/orders/").content.decode()
    assert "$110.0K buy" in at(tom).get("/blocks/").content.decode()


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
        ({"qty": "1", "side": "SELL_SHORT"}, "side", "Redeem what is held"),
    ],
)
def test_what_no_agent_would_deal_is_refused_beside_its_field(fund, at, mira, more, field, says):
    from apps.reference.models import Combination

    Combination.objects.create(asset_class="FUND", order_type="MARKET", tif="DAY")
    answer = at(mira).post("/api/v1/orders/", {"portfolio": "P1", "instrument": "FUND", "side": "SUBSCRIBE"} | more, format="json")

    assert answer.status_code == 422
    assert [(p["field"], says in p["message"]) for p in answer.json()["facts"]["rows"]][0] == (field, True)
    assert Order.objects.count() == 0
