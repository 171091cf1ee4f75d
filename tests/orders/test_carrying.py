"""Orders good for longer than a day, checked anew on each day of their market."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from apps.audit.models import Entry
from apps.blocks import services as blocks
from apps.blocks.models import Block, Member
from apps.compliance.models import Check
from apps.core.acts import Act
from apps.core.events import Fact
from apps.marketdata import services as marketdata
from apps.marketdata.models import Quote
from apps.orders import events, selectors
from apps.orders import services as orders
from apps.orders.models import Order
from apps.orders.rules import plain
from apps.reference import selectors as reference
from apps.reference.models import Combination
from tests.world import with_pair

FRIDAY = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)  # Open in New York and Frankfurt.
SATURDAY, MONDAY = FRIDAY + timedelta(days=1), FRIDAY + timedelta(days=3)
TUESDAY, WEDNESDAY = MONDAY + timedelta(days=1), MONDAY + timedelta(days=2)


@pytest.fixture
def at(by):
    """``at(mira, FRIDAY)``: the act of a person at a time."""

    def act(user, when) -> Act:
        made = by(user)
        made.at = when
        return made

    return act


@pytest.fixture
def carried(firm, wish, at, mira):
    """``carried(wish(tif="GTC"), …)``: orders submitted on Friday, in their blocks."""

    def make(*wishes) -> list[int]:
        ids = orders.create_orders(at(mira, FRIDAY), wishes, submit=True)
        blocks.gather_orders(at("worker", FRIDAY), [Fact(pk, 3, events.OrderCleared()) for pk in ids])
        return ids

    return make


def test_is_checked_anew_on_the_next_day_of_its_market_and_leaves_its_block(carried, wish, at):
    gtc, day = carried(wish(tif="GTC", symbol="AAA"), wish(symbol="CCC"))
    checks = Check.objects.count()

    assert orders.carry_orders(at("scheduler", FRIDAY + timedelta(hours=2))) == 0
    assert orders.carry_orders(at("scheduler", SATURDAY)) == 0
    assert orders.carry_orders(at("scheduler", MONDAY)) == 1
    assert orders.carry_orders(at("scheduler", MONDAY + timedelta(hours=1))) == 0

    assert Check.objects.count() == checks + 1
    record = list(Entry.objects.filter(subject="order", subject_id=gtc).order_by("nth").values_list("event", flat=True))
    assert record[3:] == ["order.carried", "order.cleared"]
    assert Entry.objects.get(event="order.carried").payload == {
        "day": "2026-11-23", "checked_on": "2026-11-20", "price_then": "50", "price_now": "50",
    }  # fmt: skip
    assert not Member.objects.filter(order=gtc).exists() and Member.objects.filter(order=day).exists()
    assert Block.objects.get(instrument__symbol="AAA").status == "CANCELLED"


def test_a_forward_says_its_own_price_of_both_days_and_not_that_of_spot(carried, wish, at, firm):
    pair = with_pair(firm)
    marketdata.record_interest([(code, Decimal(pct), 360, FRIDAY) for code, pct in (("EUR", 2), ("USD", 4))])
    forward, spot = carried(
        wish(symbol="EUR/USD", qty="10000", tif="GTC", value_date="2027-05-26"), wish(symbol="EUR/USD", qty="10000", tif="GTC")
    )
    assert orders.carry_orders(at("scheduler", MONDAY)) == 2

    told = dict(Entry.objects.filter(event="order.carried").values_list("subject_id", "payload"))
    day = date(2027, 5, 26)
    then, now = (selectors.forward_mids({(pair.pk, day)}, on)[pair.pk, day] for on in (FRIDAY, MONDAY))
    assert then > now > Decimal("1.11")
    assert [told[forward][f"price_{when}"] for when in ("then", "now")] == [plain(then), plain(now)]
    assert [told[spot][f"price_{when}"] for when in ("then", "now")] == ["1.1", "1.1"]


def test_spot_counts_from_the_date_in_new_york_as_the_trade_itself_does(firm):
    pair = with_pair(firm)
    evening = MONDAY.replace(hour=1, minute=30) + timedelta(days=1)
    monday, tuesday = (reference.spot_dates([pair.pk], at)[pair.pk] for at in (MONDAY, MONDAY + timedelta(days=1)))

    assert reference.spot_dates([pair.pk], evening)[pair.pk] == monday < tuesday


def test_a_forward_whose_value_date_has_become_spot_is_cancelled(carried, wish, at, firm):
    pair = with_pair(firm)
    spot = reference.spot_dates([pair.pk], MONDAY)[pair.pk]
    lapsed, still = carried(
        *(wish(symbol="EUR/USD", qty="10000", tif="GTC", value_date=str(on)) for on in (spot, date(2027, 5, 26)))
    )
    assert orders.carry_orders(at("scheduler", MONDAY)) == 2

    assert [Order.objects.get(pk=pk).status for pk in (lapsed, still)] == ["CANCELLED", "CLEARED"]
    reason = Entry.objects.get(event="order.cancelled", subject_id=lapsed).act.reason
    assert reason == f"Its value date, {spot}, is no longer later than spot"
    assert not Member.objects.filter(order=lapsed).exists()


def test_is_held_where_the_rules_or_prices_of_the_day_say_so(carried, wish, at, omar, by, firm):
    from apps.compliance import services as compliance

    [pk] = carried(wish(tif="GTC", qty="1000"))
    compliance.install_default_rules(by(omar))
    marketdata.record_ticks(
        [marketdata.Tick(firm.instruments["AAA"].pk, *[Decimal(5_000)] * 3, Decimal(0), Decimal(0), MONDAY)], "test"
    )
    orders.carry_orders(at("scheduler", MONDAY))
    assert Order.objects.get(pk=pk).status == "HELD"


def test_is_not_worked_before_it_was_checked(carried, wish, at):
    [pk] = carried(wish(tif="GTC"))
    with pytest.raises(orders.NotCheckedToday, match="checked anew within a minute"):
        orders.mark_working(at("worker", MONDAY), {pk: 1})
    assert Order.objects.get(pk=pk).status == "CLEARED"
    orders.carry_orders(at("scheduler", MONDAY))
    orders.mark_working(at("worker", MONDAY), {pk: 1})
    assert Order.objects.get(pk=pk).status == "WORKING"


def test_an_approval_given_stands_when_nothing_changed(carried, wish, at, by, omar, mira, firm):
    orders.save_approval_rule(by(omar), "all", {"steps": [{"name": "Officer", "permission": "orders.approve"}]})
    [pk] = orders.create_orders(at(mira, FRIDAY), [wish(tif="GTC")], submit=True)
    from apps.orders.models import Approval

    approval = Approval.objects.get()
    orders.approve(at(omar, FRIDAY), [approval.pk], seen={approval.pk: 1})
    orders.carry_orders(at("scheduler", MONDAY))
    assert (Order.objects.get(pk=pk).status, Approval.objects.count()) == ("CLEARED", 1)


def test_days_are_those_of_the_venue(firm):
    midnight = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)  # Monday in Frankfurt, still Sunday in New York.
    days = {firm.instruments[s].symbol: reference.sessions_today(midnight).get(firm.instruments[s].venue_id) for s in ("AAA", "BBB")}
    assert days["AAA"] is None and days["BBB"].isoformat() == "2026-11-23"


def test_one_good_till_a_date_that_is_over_is_cancelled(carried, wish, at, firm):
    Combination.objects.create(asset_class="EQUITY", order_type="MARKET", tif="GTD")
    over, still = carried(
        wish(tif="GTD", expire_date="2026-11-20"), wish(tif="GTD", symbol="CCC", expire_date="2026-11-23")
    )
    assert orders.carry_orders(at("scheduler", MONDAY)) == 2
    assert [Order.objects.get(pk=pk).status for pk in (over, still)] == ["CANCELLED", "CLEARED"]
    assert Entry.objects.get(event="order.cancelled", subject_id=over).act.reason == "Good till a date that is over"
    assert not Member.objects.filter(order=over).exists()


class TestAtABroker:
    """An order that a broker works is checked anew too; where it fails the desk is told, and it goes on working."""

    @pytest.fixture
    def at_work(self, carried, wish, at):
        [pk] = carried(wish(tif="GTC", qty="1000"))
        block = Block.objects.get(members__order=pk)
        blocks.freeze_blocks(at("worker", FRIDAY), [block.pk], seen={block.pk: 1}, arrival={})
        return pk, block.pk

    def priced(self, firm, price, when):
        tick = marketdata.Tick(firm.instruments["AAA"].pk, *[Decimal(price)] * 3, Decimal(0), Decimal(0), when)
        Quote.objects.filter(pk=tick.instrument_id).update(at=FRIDAY)  # The firm’s own is of now: no older tick would count.
        marketdata.record_ticks([tick], "test")

    def test_passes_and_nobody_is_bothered(self, at_work, at):
        pk, _ = at_work
        checks = Check.objects.count()
        assert orders.carry_orders(at("scheduler", MONDAY)) == 1
        assert orders.carry_orders(at("scheduler", MONDAY + timedelta(hours=1))) == 0
        assert (Order.objects.get(pk=pk).status, Check.objects.count()) == ("WORKING", checks + 1)
        last = Entry.objects.filter(subject="order", subject_id=pk).latest("nth")
        assert (last.event, last.payload["day"]) == ("order.rechecked", "2026-11-23")

    def test_fails_and_the_desk_is_told_with_a_cancel_proposed(self, at_work, at, by, omar, tom, firm):
        from apps.compliance import services as compliance
        from apps.routing import services as routing
        from apps.routing.models import Alert, AlertRule
        from tests.pages import visit, words

        pk, block = at_work
        compliance.install_default_rules(by(omar))
        AlertRule.objects.create(name="Carried", kind="RECHECK", threshold=1)
        assert routing.raise_alerts(at("scheduler", MONDAY)) == (0, 0)
        self.priced(firm, 50, MONDAY)
        orders.carry_orders(at("scheduler", MONDAY))

        assert Order.objects.get(pk=pk).status == "WORKING"
        assert Entry.objects.filter(subject="order", subject_id=pk).latest("nth").event == "order.fails_anew"
        assert routing.raise_alerts(at("scheduler", MONDAY)) == (1, 0)
        alert = Alert.objects.get()
        assert alert.text == "Buy AAA: today's check would hold 1 order of it at a broker; cancelling is proposed"
        page = words(visit(tom, "routing:alerts"))
        assert "Cancel its routes" in page and f"seen={block}:2" in page
        blocks.finish_blocks(at(tom, MONDAY), [block], seen={block: 2})
        assert routing.raise_alerts(at("scheduler", MONDAY)) == (0, 1)

    @pytest.fixture
    def failing(self, at_work, at, by, omar, firm):
        """At a broker, and reviewed on Monday for what its price has become."""
        from apps.compliance import services as compliance
        from apps.compliance.models import Review
        from apps.routing.models import AlertRule

        compliance.install_default_rules(by(omar))
        AlertRule.objects.create(name="Carried", kind="RECHECK", threshold=1)
        self.priced(firm, 50, MONDAY)
        orders.carry_orders(at("scheduler", MONDAY))
        return at_work[0], Review.objects.get()

    def alerts(self, at, when) -> tuple[int, int]:
        from apps.routing import services as routing

        return routing.raise_alerts(at("scheduler", when))

    def test_a_new_breach_opens_a_review_and_accepted_it_bothers_nobody_on_later_days(self, failing, at, omar, firm):
        from apps.compliance import services as compliance
        from apps.compliance.models import Review

        pk, review = failing
        assert (review.status, Order.objects.get(pk=pk).status, self.alerts(at, MONDAY)) == ("WAITING", "WORKING", (1, 0))
        act = at(omar, MONDAY)
        act.reason = "The client agreed"
        compliance.approve_reviews(act, [review.pk], seen={review.pk: 1}, terms=compliance.Terms(until=WEDNESDAY.date()))
        assert (Order.objects.get(pk=pk).status, self.alerts(at, MONDAY)) == ("WORKING", (0, 1))

        self.priced(firm, 49, TUESDAY)
        orders.carry_orders(at("scheduler", TUESDAY))
        assert (Review.objects.count(), self.alerts(at, TUESDAY)) == (1, (0, 0))
        assert Check.objects.filter(order=pk).latest("pk").outcome == "FAIL"

        self.priced(firm, 60, WEDNESDAY)
        orders.carry_orders(at("scheduler", WEDNESDAY))
        assert (Review.objects.latest("pk").status, self.alerts(at, WEDNESDAY)) == ("WAITING", (1, 0))

    def test_a_changed_rule_is_not_what_was_accepted(self, failing, at, by, omar):
        from apps.compliance import services as compliance
        from apps.compliance.models import Review, Rule
        from tests.compliance.ruling import put_in_force

        pk, review = failing
        compliance.approve_reviews(by(omar, "The client agreed"), [review.pk], seen={review.pk: 1})
        for rule in Rule.objects.filter(code=review.leading_rule):
            put_in_force(lambda who, why="": replace(at(who, MONDAY), reason=why), rule.code, rule.versions.latest("number").params)
        orders.carry_orders(at("scheduler", TUESDAY))
        assert Review.objects.filter(order=pk, status="WAITING").count() == 1

    def test_a_rejected_one_goes_on_until_the_desk_cancels_it(self, failing, at, by, omar):
        from apps.compliance import services as compliance
        from apps.compliance.models import Review

        pk, review = failing
        with pytest.raises(compliance.AtWork, match="cannot be a draft again"):
            compliance.send_back_reviews(by(omar, "No"), [review.pk], seen={review.pk: 1})
        assert Review.objects.get().status == "WAITING"
        compliance.reject_reviews(by(omar, "No"), [review.pk], seen={review.pk: 1})
        assert (Order.objects.get(pk=pk).status, self.alerts(at, MONDAY)) == ("WORKING", (1, 0))

    def test_a_review_that_waits_gives_way_to_that_of_the_day_and_ends_with_its_order(self, failing, at):
        from apps.compliance.models import Review

        pk, review = failing
        orders.carry_orders(at("scheduler", TUESDAY))
        assert list(Review.objects.order_by("pk").values_list("status", flat=True)) == ["WITHDRAWN", "WAITING"]
        orders.mark_done(at("worker", TUESDAY), {pk: (Decimal(600), Decimal(400))})
        assert set(Review.objects.values_list("status", flat=True)) == {"WITHDRAWN"}

    def test_one_that_waits_ends_where_nothing_fails_any_more(self, failing, at, by):
        from apps.compliance.models import Review
        from tests.compliance.ruling import take_out

        take_out(by)
        orders.carry_orders(at("scheduler", TUESDAY))
        assert (Review.objects.get().status, self.alerts(at, TUESDAY)) == ("WITHDRAWN", (0, 0))

    def test_the_page_lets_it_go_on_or_rejects_it(self, failing, omar):
        from tests.pages import visit, words

        page = words(visit(omar, "compliance:review", failing[1].pk, htmx=True))
        assert "Let it go on" in page and "Send back" not in page


def test_what_was_accepted_of_an_idle_order_is_not_held_again_the_next_morning(carried, wish, at, omar, by, firm):
    from apps.compliance import services as compliance
    from apps.compliance.models import Review

    [pk] = carried(wish(tif="GTC", qty="1000"))
    compliance.install_default_rules(by(omar))

    def opens(price, when) -> str:
        tick = marketdata.Tick(firm.instruments["AAA"].pk, *[Decimal(price)] * 3, Decimal(0), Decimal(0), when)
        Quote.objects.filter(pk=tick.instrument_id).update(at=FRIDAY)  # The firm’s own is of now: no older tick would count.
        marketdata.record_ticks([tick], "test")
        orders.carry_orders(at("scheduler", when))
        return Order.objects.get(pk=pk).status

    assert opens(50, MONDAY) == "HELD"
    review = Review.objects.get()
    compliance.approve_reviews(by(omar, "The client agreed"), [review.pk], seen={review.pk: 1})
    assert opens(49, TUESDAY) == "CLEARED"
    assert opens(60, WEDNESDAY) == "HELD"
    assert Review.objects.count() == 2
