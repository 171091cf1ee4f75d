"""Answering for submitted orders, deciding on held ones, and writing rules and lists."""

import hashlib
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from apps.audit.models import Entry
from apps.compliance import selectors
from apps.compliance import services as compliance
from apps.compliance.models import Check, Restriction, Review, Rule, RuleVersion
from apps.core.refusals import IllegalMove, Invalid, NotAllowed, NotFound
from apps.orders import services as orders
from apps.orders.models import Order
from tests.compliance.ruling import put_in_force, take_out

D = Decimal


def record_of(subject: str, pk: int) -> list[str]:
    return list(Entry.objects.filter(subject=subject, subject_id=pk).order_by("nth").values_list("event", flat=True))


def failing(check: Check) -> dict[str, dict]:
    return {r["rule"]: r for r in check.results if r["outcome"] != "PASS"}


class TestScreening:
    def test_what_passes_is_cleared_with_a_check_of_every_rule(self, rules, submit, check_of):
        (pk,) = submit(("P1", "AAA", "SELL", "100"))

        check = check_of(pk)
        assert Order.objects.get(pk=pk).status == "CLEARED"
        assert (check.outcome, check.rules_asked, check.order_version) == ("PASS", len(compliance.DEFAULT_RULES), 2)
        assert (check.max_passing_qty, check.binding_rule) == (None, "")
        assert record_of("order", pk) == ["order.created", "order.submitted", "order.cleared"]
        assert not Review.objects.exists()

    def test_what_fails_is_held_with_its_evidence(self, rules, submit, check_of, firm):
        (pk,) = submit(("P1", "BBB", "BUY", "5000"))

        check, review = check_of(pk), Review.objects.get(order=pk)
        assert Order.objects.get(pk=pk).status == "HELD"
        assert record_of("order", pk) == ["order.created", "order.submitted", "order.held"]
        assert record_of("review", review.pk) == ["review.opened"]
        assert (check.outcome, check.binding_rule, review.leading_rule) == ("FAIL", "cash_by_currency", "cash_by_currency")
        assert review.amount_usd == D("440000.00")
        told = failing(check)
        assert set(told) == {"cash_by_currency", "instrument_limit"}
        version = RuleVersion.objects.get(rule__code="instrument_limit")
        assert told["instrument_limit"]["version"] == version.pk
        assert told["instrument_limit"]["limit"] == "10"
        assert told["instrument_limit"]["data"][0]["what"] == "Net asset value"
        assert all("at" in line for line in told["instrument_limit"]["data"])
        # EUR 100,000 ÷ (80.01 × 1.005) = 1243.6
        assert told["cash_by_currency"]["max_qty"] == "1243"
        assert check.max_passing_qty == D(1243)

    def test_the_largest_passing_quantity_is_cleared(self, rules, submit, check_of):
        (pk,) = submit(("P1", "BBB", "BUY", "5000"))
        most = check_of(pk).max_passing_qty
        one_more = submit(("P2", "BBB", "BUY", str(most + 1)), ("P3", "BBB", "BUY", str(most)))
        assert [Order.objects.get(pk=o).status for o in one_more] == ["HELD", "CLEARED"]

    def test_the_hash_is_of_what_was_asked(self, rules, submit, check_of, firm):
        (pk,) = submit(("P1", "AAA", "SELL", "100"), limit_price="50.5", order_type="LIMIT")
        inputs = f"{firm.portfolios['P1'].pk}|{firm.instruments['AAA'].pk}|SELL|100.0000|LIMIT|50.50000000|DAY|{{}}"
        check = check_of(pk)
        assert (check.checked_qty, check.order_hash) == (100, hashlib.sha256(inputs.encode()).hexdigest())
        whole = f"{pk}|{check.order_hash}|{check.run.inputs_hash}|{check.run.rules_hash}"
        assert check.inputs_hash == hashlib.sha256(whole.encode()).hexdigest()

    def test_an_old_quote_is_held_as_untold(self, rules, submit, firm, check_of):
        firm.quote("AAA", "50")
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE marketdata_quote SET at = at - interval '2 hours' WHERE instrument_id = %s",
                [firm.instruments["AAA"].pk],
            )
        (pk,) = submit(("P1", "AAA", "SELL", "100"))

        assert Order.objects.get(pk=pk).status == "HELD"
        assert check_of(pk).outcome == "INDETERMINATE"
        assert check_of(pk).max_passing_qty is None
        assert set(failing(check_of(pk))) == {"price_collar"}

    def test_a_missing_settlement_calendar_is_untold_not_broken(self, rules, submit, check_of):
        from apps.reference.models import SettlementCycle

        SettlementCycle.objects.filter(country="DE").delete()
        (pk,) = submit(("P1", "BBB", "BUY", "10"))
        assert "settlement calendar" in failing(check_of(pk))["cash_by_currency"]["text"]

    def test_open_orders_of_earlier_submits_count(self, rules, submit):
        first, *_ = submit(("P1", "AAA", "SELL", "30000"))
        (second,) = submit(("P1", "AAA", "SELL", "20001"))
        assert [Order.objects.get(pk=o).status for o in (first, second)] == ["CLEARED", "HELD"]

    def test_sells_of_a_basket_pay_for_its_buys(self, rules, by, omar, submit):
        put_in_force(by, "order_volume", {"max_pct": "500"})
        switch = [("P1", "TSY", "BUY", "1900000"), ("P1", "AAA", "SELL", "9000")]
        alone = submit(("P2", "TSY", "BUY", "1900000"))
        together = submit(*switch)
        assert [Order.objects.get(pk=o).status for o in alone + together] == ["HELD", "CLEARED", "CLEARED"]

    def test_without_rules_nothing_is_held_and_the_check_says_so(self, submit, check_of):
        (pk,) = submit(("P1", "AAA", "BUY", "100000"))
        assert (check_of(pk).outcome, check_of(pk).rules_asked, check_of(pk).results) == ("PASS", 0, [])

    def test_statements_do_not_grow_with_orders(self, rules, submit):
        submit(("P1", "AAA", "SELL", "1"), ("P2", "AAA", "BUY", "1"))  # Warms what is looked up once.

        def cost(*wanted) -> int:
            with _counting() as counted:
                submit(*wanted)
            return counted[0]

        few = cost(("P1", "AAA", "SELL", "2"), ("P2", "AAA", "BUY", "2"))
        many = cost(*[(p, s, side, str(q)) for p in ("P1", "P2", "P3") for s, side in (("AAA", "SELL"), ("CCC", "BUY"),
                      ("TSY", "BUY")) for q in (3000, 4000, 5000, 6000)])  # fmt: skip
        assert many == few

    def test_a_quantity_beyond_reckoning_is_refused_whole(self, rules, submit):
        with pytest.raises(Invalid, match="cannot be checked"):
            submit(("P1", "AAA", "SELL", "99999999999999"), ("P1", "AAA", "SELL", "1"))
        assert not Order.objects.exists()

    def test_a_check_is_never_changed(self, rules, submit, check_of):
        (pk,) = submit(("P1", "AAA", "SELL", "100"))
        with pytest.raises(DatabaseError), transaction.atomic():
            Check.objects.filter(order=pk).update(outcome="FAIL")
        assert check_of(pk).outcome == "PASS"


class _counting:
    """Counts statements, COPY among them."""

    def __enter__(self):
        self.counted = [0]

        def count(execute, sql, params, many, context):
            self.counted[0] += 1
            return execute(sql, params, many, context)

        self.wrapper = connection.execute_wrapper(count)
        self.wrapper.__enter__()
        return self.counted

    def __exit__(self, *error):
        return self.wrapper.__exit__(*error)


class TestDecisions:
    def test_approval_lets_the_order_through_with_the_reason(self, held, omar, by):
        review = held()
        compliance.approve_reviews(by(omar, "The client agreed."), [review.pk], seen={review.pk: 1})

        review.refresh_from_db()
        assert (review.status, review.decided_by, review.reason, review.version) == ("APPROVED", omar, "The client agreed.", 2)
        assert review.order.status == "CLEARED"
        assert record_of("review", review.pk) == ["review.opened", "review.approved"]
        assert record_of("order", review.order_id)[-1] == "order.cleared"

    @pytest.mark.parametrize(
        ("decide", "review_status", "order_status"),
        [(compliance.send_back_reviews, "SENT_BACK", "DRAFT"), (compliance.reject_reviews, "REJECTED", "REJECTED")],
    )
    def test_sending_back_and_rejecting(self, held, omar, by, decide, review_status, order_status):
        review = held()
        decide(by(omar, "Not for this client."), [review.pk], seen={review.pk: 1})
        review.refresh_from_db()
        assert (review.status, review.order.status) == (review_status, order_status)

    def test_many_are_decided_at_once(self, rules, submit, omar, by):
        submit(*[(p, "AAA", "BUY", "100") for p in ("P1", "P2", "P3")])
        waiting = dict(Review.objects.values_list("pk", "version"))
        compliance.approve_reviews(by(omar, "All agreed."), list(waiting), seen=waiting)
        assert set(Order.objects.values_list("status", flat=True)) == {"CLEARED"}

    @pytest.mark.parametrize("reason", ["", "   ", "x" * 2001])
    def test_a_reason_is_asked_for(self, held, omar, by, reason):
        review = held()
        with pytest.raises(Invalid) as refusal:
            compliance.approve_reviews(by(omar, reason), [review.pk], seen={review.pk: 1})
        assert refusal.value.facts["field"] == "reason"
        assert Review.objects.get().status == "WAITING"

    def test_only_officers_decide(self, held, mira, tom, ada, by):
        review = held()
        for person in (mira, tom, ada):
            with pytest.raises(NotAllowed):
                compliance.approve_reviews(by(person, "Please."), [review.pk], seen={review.pk: 1})
        assert record_of("review", review.pk) == ["review.opened"]

    def test_nobody_decides_on_their_own_order(self, rules, submit, mira, people, by):
        from django.contrib.auth.models import Group

        (pk,) = submit(("P1", "AAA", "BUY", "100"))
        other = submit(("P3", "AAA", "BUY", "100"), person=people["paul"])[0]
        mira.groups.add(Group.objects.get(name="compliance officer"))
        waiting = dict(Review.objects.values_list("pk", "version"))
        with pytest.raises(compliance.OwnOrder):
            compliance.approve_reviews(by(mira, "Mine is fine."), list(waiting), seen=waiting)
        assert {o.status for o in Order.objects.filter(pk__in=[pk, other])} == {"HELD"}

    def test_nor_on_one_they_amended(self, held, submit, mira, omar, by):
        from django.contrib.auth.models import Group

        review = held()
        for role in ("portfolio manager", "team:A"):
            omar.groups.add(Group.objects.get(name=role))
        orders.amend_orders(by(omar), {review.order_id: {"qty": "101"}}, seen={review.order_id: 3})
        orders.submit_orders(by(omar), [review.order_id], seen={review.order_id: 4})
        again = Review.objects.get(order=review.order_id, status="WAITING")
        assert selectors.review_detail(omar, again.pk).own

        with pytest.raises(compliance.OwnOrder):
            compliance.approve_reviews(by(omar, "Mine is fine."), [again.pk], seen={again.pk: again.version})

        assert Order.objects.get(pk=review.order_id).status == "HELD"

    def test_the_second_officer_is_told_who_was_first(self, held, omar, odile, by):
        review = held()
        compliance.reject_reviews(by(odile, "No."), [review.pk], seen={review.pk: 1})
        with pytest.raises(compliance.AlreadyDecided, match="Odile Olsen rejected V-"):
            compliance.approve_reviews(by(omar, "Yes."), [review.pk], seen={review.pk: 1})
        assert record_of("review", review.pk) == ["review.opened", "review.rejected"]

    def test_a_stale_version_is_refused(self, held, omar, by):
        review = held()
        with pytest.raises(compliance.StaleReview):
            compliance.approve_reviews(by(omar, "Yes."), [review.pk], seen={review.pk: 3})
        with pytest.raises(compliance.StaleReview):
            compliance.approve_reviews(by(omar, "Yes."), [review.pk], seen={})
        assert Review.objects.get().status == "WAITING"

    def test_what_does_not_exist_is_not_found(self, held, omar, by):
        review = held()
        with pytest.raises(NotFound):
            compliance.approve_reviews(by(omar, "Yes."), [review.pk, 999_999], seen={review.pk: 1, 999_999: 1})
        with pytest.raises(Invalid):
            compliance.approve_reviews(by(omar, "Yes."), [], seen={})

    def test_a_cancelled_or_amended_order_leaves_no_review(self, rules, submit, mira, by, omar):
        pks = submit(("P1", "AAA", "BUY", "100"), ("P2", "AAA", "BUY", "100"))
        versions = dict(Order.objects.values_list("pk", "version"))
        orders.cancel_orders(by(mira), [pks[0]], seen=versions)
        orders.amend_orders(by(mira), {pks[1]: {"qty": "50"}}, seen=versions)

        assert {r.status for r in Review.objects.all()} == {"WITHDRAWN"}
        review = Review.objects.first()
        assert record_of("review", review.pk) == ["review.opened", "review.withdrawn"]
        with pytest.raises(compliance.AlreadyDecided, match="withdrawn"):
            compliance.approve_reviews(by(omar, "Yes."), [review.pk], seen={review.pk: 2})

    def test_an_amended_order_is_judged_anew(self, rules, submit, mira, by):
        (pk,) = submit(("P1", "BBB", "BUY", "5000"))
        orders.amend_orders(by(mira), {pk: {"qty": "100"}}, seen={pk: 3})
        orders.submit_orders(by(mira), [pk], seen={pk: 4})
        assert list(Check.objects.filter(order=pk).order_by("pk").values_list("outcome", "order_version")) == [
            ("FAIL", 2), ("PASS", 5),
        ]  # fmt: skip
        assert Order.objects.get(pk=pk).status == "CLEARED"


class TestRules:
    def test_a_change_is_a_new_version_and_the_old_one_stands(self, rules, submit, check_of, by):
        first = check_of(submit(("P1", "BBB", "BUY", "10"))[0])
        number = put_in_force(by, "instrument_limit", {"max_pct": "8.5"}, severity="HARD")
        second = check_of(submit(("P1", "BBB", "BUY", "11"))[0])

        rule = Rule.objects.get(code="instrument_limit")
        assert (number, rule.version) == (2, 2)
        assert [v.params["max_pct"] for v in rule.versions.order_by("number")] == ["10", "8.5"]
        assert (first.outcome, second.outcome) == ("PASS", "FAIL")
        assert failing(second)["instrument_limit"]["version"] == rule.versions.get(number=2).pk
        assert record_of("rule", rule.pk) == ["rule.activated", "rule.activated"]
        told = Entry.objects.get(subject="rule", subject_id=rule.pk, nth=2).payload
        assert (told["before"]["params"], told["after"]["params"]) == ({"exempt": ["GOVT"], "max_pct": "10"}, {"max_pct": "8.5"})
        assert (told["before"]["severity"], told["after"]["severity"]) == ("SOFT", "HARD") and "name" not in told["after"]

    def test_a_version_is_never_changed(self, rules):
        before = list(RuleVersion.objects.order_by("pk").values_list("severity", flat=True))
        with pytest.raises(DatabaseError), transaction.atomic():
            RuleVersion.objects.update(severity="INFO")
        assert list(RuleVersion.objects.order_by("pk").values_list("severity", flat=True)) == before

    def test_a_retired_rule_asks_nothing_and_can_come_back(self, rules, submit, check_of, by):
        take_out(by, "instrument_limit")
        check = check_of(submit(("P1", "AAA", "BUY", "100"))[0])
        assert (check.outcome, check.rules_asked) == ("PASS", len(compliance.DEFAULT_RULES) - 1)
        with pytest.raises(IllegalMove):
            take_out(by, "instrument_limit")
        put_in_force(by, "instrument_limit", {"max_pct": "10"})
        assert len(selectors.active_rules(date.today())) == len(compliance.DEFAULT_RULES)

    def test_default_rules_are_installed_once(self, rules, by):
        assert compliance.install_default_rules(by("loader")) == 0


class TestRestrictedList:
    def listing(self, firm, **more) -> compliance.Listing:
        given = {"reason": "Deal team.", "effective_from": date.today() - timedelta(days=2)}
        return compliance.Listing(**(given | more))

    def test_an_issuer_is_restricted_with_its_group(self, rules, firm, submit, check_of, omar, by):
        compliance.restrict(by(omar), [self.listing(firm, issuer_id=firm.instruments["AAA"].issuer_id)])
        pks = submit(("P1", "CCC", "SELL", "10"), ("P1", "BBB", "SELL", "10"))
        assert [Order.objects.get(pk=o).status for o in pks] == ["HELD", "CLEARED"]
        review = Review.objects.get(order=pks[0])
        assert (review.severity, review.leading_rule) == ("HARD", "restricted_list")
        assert check_of(pks[0]).max_passing_qty == 0
        assert "Alpha Group and its group is on the restricted list" in failing(check_of(pks[0]))["restricted_list"]["text"]

    def test_lifted_by_two_officers_it_stops_nothing(self, rules, firm, submit, omar, odile, by):
        (pk,) = compliance.restrict(by(omar), [self.listing(firm, instrument_id=firm.instruments["AAA"].pk)])
        compliance.ask_to_lift(by(omar, "Deal is public."), [pk], seen={pk: 1})
        assert Order.objects.get(pk=submit(("P1", "AAA", "SELL", "9"))[0]).status == "HELD"  # Until another agrees.
        compliance.lift(by(odile, "It is."), [pk], seen={pk: 2})
        assert Order.objects.get(pk=submit(("P1", "AAA", "SELL", "10"))[0]).status == "CLEARED"
        assert record_of("restriction", pk) == ["restriction.added", "restriction.lift_asked", "restriction.lifted"]
        with pytest.raises(IllegalMove):
            compliance.lift(by(odile, "Again."), [pk], seen={pk: 3})

    @pytest.mark.parametrize(
        ("more", "field"),
        [({}, "issuer"), ({"issuer_id": 1, "instrument_id": 1}, "issuer"), ({"issuer_id": 999_999}, "issuer"),
         ({"instrument_id": 999_999}, "instrument"), ({"issuer_id": 1, "direction": "UP"}, "direction"),
         ({"issuer_id": 1, "reason": " "}, "reason"), ({"issuer_id": 1, "effective_to": date(2020, 1, 1)}, "effective_to")],
    )  # fmt: skip
    def test_a_malformed_line_is_refused_beside_the_field(self, firm, omar, by, more, field):
        with pytest.raises(Invalid) as refusal:
            compliance.restrict(by(omar), [self.listing(firm, **more)])
        assert refusal.value.facts["field"] == field
        assert not Restriction.objects.exists()

    def test_only_officers_list_and_lift(self, firm, omar, mira, by):
        line = self.listing(firm, instrument_id=firm.instruments["AAA"].pk)
        (pk,) = compliance.restrict(by(omar), [line])
        with pytest.raises(NotAllowed):
            compliance.restrict(by(mira), [line])
        with pytest.raises(NotAllowed):
            compliance.lift(by(mira, "Please."), [pk], seen={pk: 1})


class TestQuestions:
    def test_the_queue_is_sorted_by_attention(self, rules, submit, firm, omar, by):
        compliance.restrict(by(omar), [compliance.Listing("Deal.", date.today(), instrument_id=firm.instruments["CCC"].pk)])
        with connection.cursor() as cursor:
            cursor.execute("UPDATE marketdata_quote SET at = at - interval '2 hours' WHERE instrument_id = %s",
                           [firm.instruments["TSY"].pk])  # fmt: skip
        small, large, unsure, hard = submit(
            ("P1", "AAA", "BUY", "10"), ("P2", "AAA", "BUY", "5000"), ("P1", "TSY", "BUY", "1000"), ("P1", "CCC", "SELL", "1")
        )
        queue = selectors.with_leading(selectors.waiting_reviews(omar))
        assert [r.order_id for r in queue] == [hard, unsure, large, small]
        assert [r.result["rule"] for r in queue] == ["restricted_list", "price_collar", "instrument_limit", "instrument_limit"]
        assert queue[2].result["bar"].keys() == {"now", "after", "limit"}

    def test_the_queue_costs_one_query(self, held, omar, django_assert_num_queries):
        held("100", "P1"), held("100", "P2")
        omar.groups.count()
        selectors.waiting_reviews(omar)  # Roles are asked once a person.
        with django_assert_num_queries(1):
            rows = selectors.with_leading(selectors.waiting_reviews(omar))
            assert [(r.order.portfolio.code, r.order.instrument.symbol) for r in rows] == [("P1", "AAA"), ("P2", "AAA")]

    def test_a_review_comes_with_history_and_who_may_decide(self, held, omar, odile, ada, by):
        first = held("100")
        compliance.reject_reviews(by(odile, "Too much."), [first.pk], seen={first.pk: 1})
        second = held("200")
        detail = selectors.review_detail(omar, second.pk)
        assert detail.results[0]["rule"] == "instrument_limit"
        assert (detail.may_decide, detail.own) == (True, False)
        assert [(h["status"], h["by"], h["reason"]) for h in detail.history] == [("REJECTED", "Odile Olsen", "Too much.")]
        assert selectors.review_detail(ada, second.pk).may_decide is False
        assert selectors.review_detail(omar, first.pk).may_decide is False

    def test_reviews_are_hidden_from_the_desk(self, held, mira, tom, olga):
        review = held()
        for person in (mira, tom, olga):
            assert not selectors.reviews_seen_by(person).exists()
            with pytest.raises(NotFound):
                selectors.review_detail(person, review.pk)

    def test_a_manager_sees_what_was_found_on_their_orders(self, held, mira, paul, tom):
        review = held()
        (shown,) = selectors.checks_of(mira, review.order_id)
        assert shown.results[0]["text"].startswith("AAA would be")
        for person in (paul, tom):
            with pytest.raises(NotFound):
                selectors.checks_of(person, review.order_id)

    def test_the_restricted_list_is_never_named_to_a_manager(self, rules, submit, firm, mira, omar, by):
        compliance.restrict(by(omar), [compliance.Listing("Deal.", date.today(), instrument_id=firm.instruments["AAA"].pk)])
        (pk,) = submit(("P1", "AAA", "SELL", "10"))
        (shown,) = selectors.checks_of(mira, pk)
        assert "restrict" not in str(shown.results).lower() and "Deal" not in str(shown.results)
        assert (shown.max_passing_qty, shown.binding_rule) == (None, "")
        assert "restricted list" in str(selectors.checks_of(omar, pk)[0].results)

    def test_the_strip(self, held, omar, mira, by):
        first, _ = held("100"), held("200", "P2")
        compliance.approve_reviews(by(omar, "Agreed."), [first.pk], seen={first.pk: 1})
        found = selectors.counts(omar, timezone.now() - timedelta(hours=1))
        assert (found.waiting, found.hard, found.unsure, found.decided_today) == (1, 0, 0, 1)
        assert found.held_usd == D("10000.00")
        assert found.median_seconds >= 0
        with pytest.raises(NotFound):
            selectors.counts(mira, timezone.now())
