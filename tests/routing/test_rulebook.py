"""Routing rules change by two people's word; each version stays, and what acts by itself is stopped by one."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.audit.models import Entry
from apps.core.refusals import IllegalMove, Invalid, NotAllowed
from apps.routing import services as routing
from apps.routing.models import Route, RoutingRule, RuleChange
from tests.pages import send, visit, words
from tests.races import at_once

D = Decimal
WHY = "Small ones need nobody."
TEXT = routing.RuleText(
    5, "Small shares", "ALGO", condition='asset_class == "EQUITY" && adv_pct < 2', brokers=["HARBOR"], strategy="TWAP",
    mode="ACTIVE", daily_cap_usd=D(1_000_000),
)  # fmt: skip


@pytest.fixture
def proposed(counterparties, tom, by):
    def make(text=TEXT, **more) -> int:
        return routing.propose_rule(by(tom, WHY), text, **more)

    return make


@pytest.fixture
def in_force(proposed, omar, by):
    def make(text=TEXT, **more) -> RoutingRule:
        change = proposed(text, **more)
        return RoutingRule.objects.get(pk=routing.approve_rule(by(omar), change, seen={change: 1}))

    return make


class TestTwoPeople:
    def test_nothing_changes_until_another_person_approves(self, proposed, omar, by):
        change = proposed()
        assert not RoutingRule.objects.filter(rank=5).exists()

        rule = RoutingRule.objects.get(pk=routing.approve_rule(by(omar), change, seen={change: 1}))

        assert routing.text_of(rule) == TEXT._replace(params={})
        assert rule.number == 1
        kept = RuleChange.objects.get()
        assert (kept.status, kept.number, kept.rule, kept.decided_by) == ("APPROVED", 1, rule, omar)
        assert list(Entry.objects.filter(subject="rule_change").order_by("nth").values_list("event", flat=True)) == [
            "rule_change.proposed", "rule_change.approved",
        ]  # fmt: skip

    def test_a_later_text_is_the_next_version_and_both_stay(self, in_force):
        rule = in_force()
        in_force(TEXT._replace(strategy="VWAP"), rule_id=rule.pk, seen=1)

        rule.refresh_from_db()
        assert (rule.number, rule.strategy) == (2, "VWAP")
        assert list(RuleChange.objects.order_by("number").values_list("number", "said__strategy", "before")) == [
            (1, "TWAP", {}), (2, "VWAP", {"strategy": "TWAP"}),
        ]  # fmt: skip

    def test_nobody_approves_or_refuses_their_own_and_the_database_holds_it_too(self, counterparties, omar, odile, by):
        change = routing.propose_rule(by(omar, WHY), TEXT)
        for decide in (routing.approve_rule, routing.refuse_rule):
            with pytest.raises(routing.OwnRuleChange):
                decide(by(omar, "Mine."), change, seen={change: 1})
        routing.approve_rule(by(odile), change, seen={change: 1})
        with pytest.raises(IntegrityError, match="nobody_approves_what_they_wrote"), transaction.atomic():
            RuleChange.objects.update(decided_by=omar)

    def test_who_may(self, proposed, mira, tess, theo, by):
        with pytest.raises(NotAllowed):
            routing.propose_rule(by(mira, WHY), TEXT)
        change = proposed()
        with pytest.raises(NotAllowed):
            routing.approve_rule(by(tess), change, seen={change: 1})  # A trader proposes only.
        with pytest.raises(routing.OthersRuleChange):
            routing.drop_rule(by(tess), change, seen={change: 1})
        assert routing.approve_rule(by(theo), change, seen={change: 1})

    def test_refused_with_a_reason_and_taken_back(self, proposed, tom, omar, by):
        first = proposed()
        with pytest.raises(Invalid):
            routing.refuse_rule(by(omar), first, seen={first: 1})
        routing.refuse_rule(by(omar, "Too wide."), first, seen={first: 1})
        second = proposed()
        routing.drop_rule(by(tom), second, seen={second: 1})
        assert list(RuleChange.objects.order_by("pk").values_list("status", "answer")) == [("REFUSED", "Too wide."), ("DROPPED", "")]
        with pytest.raises(IllegalMove):
            routing.approve_rule(by(omar), second, seen={second: 2})
        assert not RoutingRule.objects.filter(rank=5).exists()

    def test_who_wrote_from_an_older_text_is_told_what_changed(self, in_force, proposed):
        rule = in_force()
        in_force(TEXT._replace(strategy="VWAP"), rule_id=rule.pk, seen=1)
        with pytest.raises(routing.StaleRoutingRule) as refusal:
            proposed(TEXT._replace(rank=6), rule_id=rule.pk, seen=1)
        [one] = refusal.value.facts["rules"]
        assert one["changes"][0]["what"] == {"before": {"strategy": "TWAP"}, "after": {"strategy": "VWAP"}}

    def test_one_change_of_a_rule_waits_at_a_time(self, in_force, proposed):
        rule = in_force()
        proposed(TEXT._replace(rank=6), rule_id=rule.pk, seen=1)
        with pytest.raises(routing.ChangeWaits):
            proposed(TEXT._replace(rank=7), rule_id=rule.pk, seen=1)

    def test_a_text_never_changes(self, proposed):
        proposed()
        for field, value in (("said", {}), ("reason", "x")):
            with pytest.raises(Exception, match="Cannot update"), transaction.atomic():
                RuleChange.objects.update(**{field: value})
        with pytest.raises(Exception, match="Cannot delete"), transaction.atomic():
            RuleChange.objects.all().delete()

    @pytest.mark.django_db(transaction=True)
    def test_of_two_officers_at_once_one_approves_and_the_other_is_told(self, proposed, omar, odile, by):
        change = proposed()
        answers = at_once(*(lambda who=who: routing.approve_rule(by(who), change, seen={change: 1}) for who in (omar, odile)))
        assert sorted(type(a).__name__ for a in answers) == ["int", "str"]
        assert "StaleRuleChange" in answers
        assert RoutingRule.objects.filter(rank=5).count() == 1

    @pytest.mark.django_db(transaction=True)
    def test_two_new_rules_never_have_one_rank(self, proposed, omar, odile, by):
        first, second = proposed(), proposed(TEXT._replace(name="Other"))
        answers = at_once(
            lambda: routing.approve_rule(by(omar), first, seen={first: 1}),
            lambda: routing.approve_rule(by(odile), second, seen={second: 1}),
        )
        assert "RankTaken" in answers
        assert RoutingRule.objects.filter(rank=5).count() == 1


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("more", "field"),
        [
            ({"name": " "}, "name"), ({"rank": 0}, "rank"), ({"rank": 10}, "rank"), ({"condition": "adv_pct <"}, "condition"),
            ({"asset_class": "SHARES"}, "asset_class"), ({"min_volume_pct": D(-1)}, "min_volume_pct"),
            ({"own_field": "sleeve"}, "own_value"), ({"own_field": "sleeve", "own_value": "x"}, "own_field"),
            ({"action": "FAX"}, "action"), ({"brokers": ["NOBODY"]}, "brokers"), ({"brokers": []}, "brokers"),
            ({"action": "TRADER"}, "brokers"), ({"action": "INQUIRY"}, "brokers"), ({"strategy": "MAGIC"}, "strategy"),
            ({"params": {"speed": 1}}, "params"), ({"strategy": "", "params": {"participation_pct": 5}}, "strategy"),
            ({"mode": "ALWAYS"}, "mode"), ({"daily_cap_usd": None}, "daily_cap_usd"), ({"daily_cap_usd": D(0)}, "daily_cap_usd"),
            ({"starts_on": date(2020, 1, 1)}, "starts_on"),
            ({"starts_on": date(2099, 1, 2), "ends_on": date(2099, 1, 1)}, "ends_on"),
        ],
    )  # fmt: skip
    def test_is_refused_beside_its_field_and_leaves_nothing(self, proposed, more, field):
        with pytest.raises((Invalid, routing.RankTaken)) as refusal:
            proposed(TEXT._replace(**more))
        assert refusal.value.facts["field"] == field
        assert not RuleChange.objects.exists()

    def test_a_condition_is_refused_with_its_place(self, proposed):
        with pytest.raises(Invalid, match="Line 2, column 1: There is no field “volume”") as refusal:
            proposed(TEXT._replace(condition='side == "BUY" &&\nvolume > 5'))
        assert (refusal.value.facts["line"], refusal.value.facts["column"]) == (2, 1)

    def test_without_a_reason_or_a_change(self, in_force, tom, by):
        rule = in_force()
        for reason, text in (("", TEXT._replace(rank=6)), (WHY, TEXT)):
            with pytest.raises(Invalid):
                routing.propose_rule(by(tom, reason), text, rule_id=rule.pk, seen=1)


class TestStopping:
    def test_one_person_stops_what_acts_by_itself_and_it_is_a_version(self, in_force, tess, by):
        rule = in_force()
        routing.stop_rule(by(tess, "It misbehaves."), rule.pk, seen=1)

        rule.refresh_from_db()
        assert (rule.mode, rule.number) == ("DRY_RUN", 2)
        last = RuleChange.objects.latest("pk")
        assert (last.is_stop, last.before, last.reason, last.decided_by) == (True, {"mode": "ACTIVE"}, "It misbehaves.", tess)
        with pytest.raises(routing.StaleRoutingRule):
            routing.stop_rule(by(tess, "Again."), rule.pk, seen=1)
        with pytest.raises(IllegalMove):
            routing.stop_rule(by(tess, "Again."), rule.pk, seen=2)


class TestPlanning:
    """What a trader routes by rule."""

    def test_follows_the_condition_and_keeps_why(self, in_force, a_block, tom, by):
        in_force(TEXT._replace(mode="ASKED", daily_cap_usd=None))
        small, large = a_block("AAA", "BUY", 1_000), a_block("CCC", "BUY", 20_000)
        routing.route_blocks(by(tom), [small.pk, large.pk], seen={small.pk: 1, large.pk: 1})

        one, other = Route.objects.get(block=small).trace, Route.objects.get(block=large).trace
        assert (one["rule"], one["number"], one["values"]) == ("Small shares", 1, {"adv_pct": "0.1", "asset_class": "EQUITY"})
        assert other["rule"] == "Share blocks"
        assert other["passed_over"][0] == {
            "rule": "Small shares", "because": "its condition does not hold", "number": 1, "condition": TEXT.condition,
            "values": {"adv_pct": "2", "asset_class": "EQUITY"},
        }  # fmt: skip
        shown = words(visit(tom, "routing:route", Route.objects.get(block=large).pk, htmx=True))
        assert "its condition does not hold" in shown and "adv_pct = 2" in shown

    def test_a_dry_run_and_what_does_not_hold_today_decide_nothing(self, in_force, a_block, tom, by):
        tomorrow = timezone.now().date() + timedelta(days=1)
        in_force(TEXT._replace(mode="DRY_RUN", condition=""))
        in_force(TEXT._replace(rank=6, mode="ASKED", condition="", starts_on=tomorrow))
        in_force(TEXT._replace(rank=7, mode="ASKED", condition="", is_active=False))
        block = a_block("AAA", "BUY", 1_000)
        routing.route_blocks(by(tom), [block.pk], seen={block.pk: 1})
        assert Route.objects.get().trace["rule"] == "Share blocks"

    def test_what_is_left_to_the_trader_asks_for_a_choice(self, in_force, a_block, tom, by):
        in_force(routing.RuleText(5, "By hand", "TRADER", condition="qty > 5"))
        block = a_block("AAA", "BUY", 1_000)
        with pytest.raises(routing.LeftToTrader, match="By hand"):
            routing.route_blocks(by(tom), [block.pk], seen={block.pk: 1})
        routing.route_blocks(by(tom, "Harbor knows it."), [block.pk], seen={block.pk: 1}, broker_code="HARBOR")
        assert Route.objects.get().trace["rule"] == "By hand"


class TestPages:
    FORM = {
        "seen": "0", "rank": "5", "name": "Small shares", "condition": TEXT.condition, "action": "ALGO", "brokers": ["HARBOR"],
        "strategy": "TWAP", "params": "", "mode": "ACTIVE", "daily_cap_usd": "1000000", "is_active": "on", "reason": WHY,
    }  # fmt: skip

    def test_is_written_looked_at_and_approved_on_pages(self, counterparties, tom, omar):
        assert send(tom, "routing:rule_propose", self.FORM).status_code == 204
        change = RuleChange.objects.get()
        assert "Waiting for another person" in words(visit(omar, "routing:rules"))
        assert "adv_pct &lt; 2" in words(visit(omar, "routing:rule_change", change.pk, htmx=True))
        assert 'value="drop"' in words(visit(tom, "routing:rule_change", change.pk, htmx=True))

        assert send(omar, "routing:rule_decide", {"do": "approve", "seen": f"{change.pk}:1"}, change.pk).status_code == 204

        rule = RoutingRule.objects.get(rank=5)
        assert "By itself" in words(visit(tom, "routing:rules"))
        shown = words(visit(tom, "routing:rule", rule.pk))
        assert "v1" in shown and WHY in shown
        assert send(tom, "routing:rule_stop", {"seen": f"{rule.pk}:1", "reason": "No more."}, rule.pk).status_code == 204
        assert RoutingRule.objects.get(rank=5).mode == "DRY_RUN"

    def test_says_beside_the_field_what_is_wrong(self, counterparties, tom):
        for more, said in (
            ({"condition": "adv_pct <"}, "Line 1, column 9"), ({"params": "{"}, "This is no JSON"),
            ({"daily_cap_usd": ""}, "has a daily cap"),
        ):  # fmt: skip
            answer = send(tom, "routing:rule_propose", self.FORM | more)
            assert (answer.status_code, said in words(answer)) == (422, True), said
        assert not RuleChange.objects.exists()

    def test_who_is_slow_is_told_what_changed(self, in_force, tom):
        rule = in_force()
        in_force(TEXT._replace(strategy="VWAP"), rule_id=rule.pk, seen=1)
        answer = _post(tom, f"{reverse('routing:rule_propose')}?rule={rule.pk}", self.FORM | {"seen": "1", "rank": "6"})
        assert answer.status_code == 409
        assert "strategy TWAP → VWAP" in words(answer)

    def test_a_refusal_is_told_in_the_dialog(self, proposed, omar):
        change = proposed()
        answer = send(omar, "routing:rule_decide", {"do": "refuse", "seen": f"{change}:1"}, change)
        assert (answer.status_code, "Say why it is refused" in words(answer)) == (422, True)


class TestApi:
    def test_is_proposed_approved_and_stopped_over_it(self, counterparties, tom, omar):
        body = {
            "rank": 5, "name": "Small", "action": "ALGO", "condition": "adv_pct < 2", "brokers": ["HARBOR"], "strategy": "TWAP",
            "mode": "ACTIVE", "daily_cap_usd": "5000", "reason": WHY,
        }  # fmt: skip
        url = reverse("api-routing-rule-changes")
        answer = _client(tom).post(url, body, content_type="application/json", headers={"Idempotency-Key": "k1"})
        assert answer.status_code == 201, answer.json()
        assert _client(tom).post(url, body, content_type="application/json", headers={"Idempotency-Key": "k1"}).status_code == 200
        pk = answer.json()["id"]
        own = _client(tom).post(reverse("api-routing-rule-approve", args=[pk]), {"version": 1}, content_type="application/json")
        assert own.status_code == 403
        url = reverse("api-routing-rule-approve", args=[pk])
        done = _client(omar).post(url, {"version": 1}, content_type="application/json").json()
        assert (done["status"], done["number"], done["said"]["daily_cap_usd"]) == ("APPROVED", 1, "5000")
        rows = _client(tom).get(reverse("api-routing-rules")).json()
        assert (rows[0]["id"], rows[0]["version"], rows[0]["text"]["condition"]) == (done["rule_id"], 1, "adv_pct < 2")
        stop = reverse("api-routing-rule-stop", args=[done["rule_id"]])
        assert _client(tom).post(stop, {"version": 1, "reason": "x"}, content_type="application/json").json()["is_stop"] is True

    def test_a_malformed_condition_is_refused_with_its_place(self, counterparties, tom):
        body = {"rank": 5, "name": "x", "action": "TRADER", "condition": "qty >", "reason": WHY}
        answer = _client(tom).post(reverse("api-routing-rule-changes"), body, content_type="application/json")
        assert answer.status_code == 422
        assert answer.json()["facts"]["field"] == "condition" and answer.json()["facts"]["line"] == 1


def _client(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def _post(user, url: str, data: dict):
    return _client(user).post(url, data, headers={"HX-Request": "true"})
