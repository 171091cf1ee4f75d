"""Rules that act by themselves, and dry runs: what they do with new blocks, within their caps, once, and why."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import ProgrammingError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from apps.audit.models import Entry
from apps.blocks import events as block_events
from apps.blocks import services as blocks
from apps.blocks.models import Block
from apps.compliance import services as compliance
from apps.core.events import Fact
from apps.marketdata.models import AverageVolume, Quote
from apps.routing import services as routing
from apps.routing.models import Inquiry, Route, RoutingDecision, RoutingRule, RuleDay, Session
from oms_portal.flow import FLOW
from tests.pages import visit, words
from tests.races import at_once

D = Decimal
TEXT = routing.RuleText(
    5, "Small shares", "ALGO", condition='asset_class == "EQUITY" && adv_pct < 2', brokers=["HARBOR"], strategy="TWAP",
    mode="ACTIVE", daily_cap_usd=D(1_000_000),
)  # fmt: skip


@pytest.fixture
def rule(counterparties, tom, omar, by):
    def make(text=TEXT, **more) -> RoutingRule:
        change = routing.propose_rule(by(tom, "Why."), text, **more)
        return RoutingRule.objects.get(pk=routing.approve_rule(by(omar), change, seen={change: 1}))

    return make


def told(*found: Block) -> list[Fact]:
    return [Fact(b.pk, b.version, block_events.BlockOpened(b.instrument_id, b.side, 1, "1", 1)) for b in found]


@pytest.fixture
def decide(by):
    """What a worker does when blocks opened or changed."""
    return lambda *found: routing.route_by_rules(by("worker", via="worker"), told(*found))


def outcomes() -> list[tuple]:
    return [(d.block_id, d.outcome, d.rule.name) for d in RoutingDecision.objects.select_related("rule").order_by("pk")]


class TestActing:
    def test_routes_a_new_block_and_keeps_why(self, rule, a_block, decide):
        found, block = rule(), a_block("AAA", "BUY", 1_000)

        decide(block)

        route = Route.objects.get()
        assert (route.broker.code, route.strategy, route.qty, route.trace["rule"]) == ("HARBOR", "TWAP", 1_000, "Small shares")
        assert route.trace["values"] == {"adv_pct": "0.1", "asset_class": "EQUITY"}
        one = RoutingDecision.objects.get()
        assert (one.outcome, one.rule, one.number, one.block_version, one.qty, one.usd) == ("ROUTED", found, 1, 1, 1_000, 50_000)
        assert one.trace["condition"] == TEXT.condition
        assert Entry.objects.get(event="decision.made").payload["outcome"] == "ROUTED"
        assert RuleDay.objects.get().used_usd == 50_000
        assert Block.objects.get().status == "WORKING"

    def test_told_twice_it_does_nothing_twice(self, rule, a_block, decide):
        rule()
        block = a_block("AAA", "BUY", 1_000)
        for _ in range(3):
            decide(block, block)
        assert (Route.objects.count(), RoutingDecision.objects.count(), RuleDay.objects.get().used_usd) == (1, 1, 50_000)

    def test_killed_before_it_ended_it_leaves_nothing_and_is_done_again(self, rule, a_block, decide):
        rule()
        block = a_block("AAA", "BUY", 1_000)
        with pytest.raises(KeyboardInterrupt), transaction.atomic():
            decide(block)
            raise KeyboardInterrupt
        assert not Route.objects.exists() and not RoutingDecision.objects.exists() and not RuleDay.objects.exists()
        decide(block)
        assert outcomes() == [(block.pk, "ROUTED", "Small shares")]

    def test_is_told_of_by_what_opens_and_changes_a_block(self):
        for event in (block_events.BlockOpened, block_events.BlockGrew, block_events.BlockShrank, block_events.BlockSplit):
            assert routing.route_by_rules in FLOW[event].later

    def test_what_a_trader_picked_up_is_theirs(self, rule, a_block, decide, tom, by):
        rule()
        block = a_block("AAA", "BUY", 1_000)
        blocks.pick_up_blocks(by(tom), [block.pk], seen={block.pk: 1})
        decide(block)
        assert not RoutingDecision.objects.exists() and not Route.objects.exists()

    def test_where_another_rule_decides_nothing_is_done_or_said(self, rule, a_block, decide):
        rule()
        decide(a_block("AAA", "BUY", 20_000))  # 2% is not below 2%.
        assert not RoutingDecision.objects.exists() and not Route.objects.exists()

    def test_without_such_rules_it_is_one_question(self, a_block, by):
        block = a_block("AAA", "BUY", 1_000)
        with CaptureQueriesContext(connection) as said:
            routing.route_by_rules(by("worker"), told(block))
        assert len([q for q in said if "SAVEPOINT" not in q["sql"]]) == 1

    def test_an_inquiry_rule_asks_dealers(self, rule, a_block, decide, firm):
        dealers = [code for code, b in firm.brokers.items() if b.kind == "dealer"]
        rule(TEXT._replace(action="INQUIRY", condition='asset_class == "CORP"', brokers=dealers, strategy="", params={"dealers": 3}))
        decide(a_block("BOND", "BUY", 100_000))
        assert Inquiry.objects.get().quotes.count() == 3
        assert RoutingDecision.objects.get().outcome == "ROUTED"

    def test_statements_do_not_grow_with_the_blocks(self, rule, a_block, decide):
        rule(TEXT._replace(condition="qty > 0", daily_cap_usd=D(10**9)))

        def statements(symbols) -> int:
            found = [a_block(symbol, "BUY", 1_000) for symbol in symbols]
            with CaptureQueriesContext(connection) as said:
                decide(*found)
            return len(said)

        statements(["TSY"])
        assert statements(["AAA"]) == statements(["AAA", "CCC"])
        assert RoutingDecision.objects.filter(outcome="ROUTED").count() >= 3


class TestDryRun:
    def test_says_what_it_would_have_done_and_does_nothing(self, rule, a_block, decide):
        rule(TEXT._replace(mode="DRY_RUN", daily_cap_usd=None))
        block = a_block("AAA", "BUY", 1_000)
        decide(block)
        decide(block)

        one = RoutingDecision.objects.get()
        assert (one.outcome, one.text, one.usd) == ("WOULD_ROUTE", "Would have gone to HARBOR: TWAP.", 50_000)
        assert one.trace["values"] == {"adv_pct": "0.1", "asset_class": "EQUITY"}
        assert not Route.objects.exists()
        assert Block.objects.get().status == "OPEN"

    def test_stands_beside_a_rule_that_acts(self, rule, a_block, decide):
        rule(TEXT._replace(rank=4, name="Trial", mode="DRY_RUN", brokers=["MERIDIAN"]))
        rule()
        block = a_block("AAA", "BUY", 1_000)
        decide(block)
        assert outcomes() == [(block.pk, "WOULD_ROUTE", "Trial"), (block.pk, "ROUTED", "Small shares")]
        assert Route.objects.get().broker.code == "HARBOR"


class TestLeft:
    def test_what_cannot_be_told_is_left_with_the_reason(self, rule, a_block, decide):
        rule(TEXT._replace(rank=4, name="Thin", condition="adv_pct > 50"))
        rule(TEXT._replace(condition=""))
        AverageVolume.objects.all().delete()
        block = a_block("AAA", "BUY", 1_000)
        decide(block)
        assert outcomes() == [(block.pk, "LEFT", "Small shares")]
        assert RoutingDecision.objects.get().text == "Whether it goes by Thin cannot be told, so a person decides."
        assert not Route.objects.exists()

    def test_what_has_no_price_is_within_no_cap(self, rule, a_block, decide):
        rule(TEXT._replace(condition=""))
        block = a_block("AAA", "BUY", 1_000)
        Quote.objects.update(at=timezone.now() - timedelta(hours=2))
        decide(block)
        assert [o for _, o, _ in outcomes()] == ["LEFT"]
        assert not Route.objects.exists()

    def test_a_rule_leaves_it_to_the_trader(self, rule, a_block, decide):
        rule(routing.RuleText(5, "By hand", "TRADER", condition="qty > 5", mode="ACTIVE"))
        decide(a_block("AAA", "BUY", 1_000))
        assert [o for _, o, _ in outcomes()] == ["LEFT"]
        assert not Route.objects.exists()

    def test_what_is_refused_is_left_with_the_refusal_and_gives_back_its_room(self, rule, a_block, decide):
        rule()
        Session.objects.update(is_enabled=False)
        block = a_block("AAA", "BUY", 1_000)
        decide(block)
        one = RoutingDecision.objects.get()
        assert (one.outcome, "no enabled session" in one.text or "has an enabled session" in one.text) == ("REFUSED", True)
        assert RuleDay.objects.get().used_usd == 0
        assert Block.objects.get().status == "OPEN"

    def test_one_that_is_refused_keeps_no_other_back(self, rule, a_block, decide, firm):
        rule(TEXT._replace(condition="qty > 0", daily_cap_usd=D(10**9)))
        from apps.reference.models import Combination

        Combination.objects.create(asset_class="EQUITY", order_type="MARKET", tif="DAY", broker=firm.brokers["HARBOR"])
        good, bad = a_block("AAA", "BUY", 1_000), a_block("CCC", "BUY", 1_000, order_type="LIMIT", limit_price="101")
        decide(good, bad)
        assert outcomes() == [(good.pk, "ROUTED", "Small shares"), (bad.pk, "REFUSED", "Small shares")]
        assert RuleDay.objects.get().used_usd == 50_000


class TestCap:
    def test_is_reached_and_not_passed(self, rule, a_block, decide):
        rule(TEXT._replace(daily_cap_usd=D(100_000)))
        first, second, third = a_block("AAA", "BUY", 1_000), a_block("AAA", "SELL", 1_000), a_block("CCC", "BUY", 1)
        decide(first)
        decide(second)  # Exactly at the cap.
        decide(third)

        assert [o for _, o, _ in outcomes()] == ["ROUTED", "ROUTED", "CAPPED"]
        assert RoutingDecision.objects.last().text == "$100 beside the $100,000 routed today is above the cap of $100,000."
        assert RuleDay.objects.get().used_usd == 100_000

    def test_in_one_act_too(self, rule, a_block, decide):
        rule(TEXT._replace(daily_cap_usd=D(60_000)))
        first, second = a_block("AAA", "BUY", 1_000), a_block("AAA", "SELL", 1_000)
        decide(second, first)
        assert outcomes() == [(second.pk, "CAPPED", "Small shares"), (first.pk, "ROUTED", "Small shares")]

    def test_the_database_holds_it_too(self, rule, a_block, decide):
        rule()
        decide(a_block("AAA", "BUY", 1_000))
        with pytest.raises(Exception, match="a_rule_stays_within_its_cap"), transaction.atomic():
            RuleDay.objects.update(used_usd=D(1_000_001))

    @pytest.mark.django_db(transaction=True)
    def test_two_workers_never_both_take_the_last_room(self, rule, a_block, by):
        rule(TEXT._replace(daily_cap_usd=D(60_000)))
        found = [a_block("AAA", "BUY", 1_000), a_block("AAA", "SELL", 1_000), a_block("CCC", "BUY", 500)]
        at_once(*(lambda b=b: routing.route_by_rules(by("worker"), told(b)) for b in found))
        assert RuleDay.objects.get().used_usd == 50_000
        assert sorted(o for _, o, _ in outcomes()) == ["CAPPED", "CAPPED", "ROUTED"]
        assert Route.objects.count() == 1

    @pytest.mark.django_db(transaction=True)
    def test_two_workers_route_a_block_once(self, rule, a_block, by):
        rule()
        block = a_block("AAA", "BUY", 1_000)
        at_once(*[lambda: routing.route_by_rules(by("worker"), told(block))] * 3)
        assert (Route.objects.count(), RoutingDecision.objects.count(), RuleDay.objects.get().used_usd) == (1, 1, 50_000)

    def test_a_lower_cap_counts_from_when_it_holds(self, rule, a_block, decide):
        found = rule()
        decide(a_block("AAA", "BUY", 1_000))
        rule(TEXT._replace(daily_cap_usd=D(20_000)), rule_id=found.pk, seen=1)
        decide(a_block("AAA", "SELL", 1_000))
        assert [o for _, o, _ in outcomes()] == ["ROUTED", "CAPPED"]


class TestBrokerRestrictions:
    """A block goes to nobody that one of its portfolios does not trade with (C17)."""

    @pytest.fixture
    def listed(self, firm, omar, by):
        def make(broker: str, portfolio: str) -> None:
            home = firm.portfolios[portfolio].pk
            entry = compliance.Listing("Conflict.", timezone.now().date(), broker_id=firm.brokers[broker].pk, portfolio_id=home)
            compliance.restrict(by(omar), [entry])

        return make

    def test_it_goes_to_the_one_that_all_may_have(self, rule, a_block, decide, listed):
        rule(TEXT._replace(brokers=["HARBOR", "MERIDIAN"]))
        listed("HARBOR", "P2")
        block = a_block("AAA", "BUY", 600, 400)
        decide(block)
        assert outcomes() == [(block.pk, "ROUTED", "Small shares")]
        assert Route.objects.get().broker.code == "MERIDIAN"

    def test_it_is_split_where_none_may_have_all(self, rule, a_block, decide, listed):
        rule(TEXT._replace(brokers=["HARBOR", "MERIDIAN"]))
        listed("HARBOR", "P2")
        listed("MERIDIAN", "P1")
        block = a_block("AAA", "BUY", 600, 400)

        decide(block)

        child = Block.objects.exclude(pk=block.pk).get()
        assert outcomes() == [(block.pk, "SPLIT", "Small shares")]
        assert (child.split_from_id, child.qty, Block.objects.get(pk=block.pk).qty) == (block.pk, 400, 600)
        assert not Route.objects.exists()
        decide(Block.objects.get(pk=block.pk), child)  # As what was split is told of.
        assert dict(Route.objects.values_list("block", "broker__code")) == {block.pk: "HARBOR", child.pk: "MERIDIAN"}
        assert RuleDay.objects.get().used_usd == 50_000

    def test_what_nobody_may_have_is_left_with_the_reason(self, rule, a_block, decide, listed):
        rule()
        listed("HARBOR", "P1")
        decide(a_block("AAA", "BUY", 600))
        one = RoutingDecision.objects.get()
        assert (one.outcome, "P1: restricted by compliance" in one.text) == ("REFUSED", True)
        assert not Route.objects.exists() and RuleDay.objects.get().used_usd == 0


class TestShown:
    def test_on_pages_and_over_the_api(self, rule, a_block, decide, tom, mira):
        rule(TEXT._replace(mode="DRY_RUN"))
        block = a_block("AAA", "BUY", 1_000)
        decide(block)
        shown = words(visit(tom, "routing:decisions"))
        assert "Would have routed" in shown and "adv_pct = 0.1" in shown
        assert "Would have gone to HARBOR" in words(visit(tom, "routing:decisions_of", block.pk, htmx=True))
        assert reverse("routing:decisions_of", args=[block.pk]) in words(visit(tom, "blocks:detail", block.pk, htmx=True))
        client = Client()
        client.force_login(tom)
        [row] = client.get(reverse("api-routing-decisions"), {"outcome": "WOULD_ROUTE"}).json()["results"]
        assert (row["rule"], row["trace"]["condition"]) == ("Small shares", TEXT.condition)
        client.force_login(mira)
        assert client.get(reverse("api-routing-decisions")).status_code == 403

    def test_nobody_changes_them(self, rule, a_block, decide):
        rule()
        decide(a_block("AAA", "BUY", 1_000))
        for wrong in (lambda: RoutingDecision.objects.update(outcome="LEFT"), lambda: RoutingDecision.objects.all().delete()):
            with pytest.raises(ProgrammingError, match="Cannot"), transaction.atomic():
                wrong()
