"""Compliance to other systems and on its order panel, through the HTTP client."""

from datetime import date

import pytest
from django.urls import reverse

from apps.compliance import services as compliance
from apps.compliance.models import Restriction, Review
from apps.orders.models import Order
from tests.compliance.ruling import put_in_force

REVIEWS = "/api/v1/reviews/"


class TestReviews:
    def test_an_officer_lists_reads_and_approves(self, held, omar, ask):
        review = held()
        (row,) = ask(omar, "get", REVIEWS).json()["results"]
        assert (row["order_ref"], row["severity"], row["leading_rule"], row["amount_usd"]) == (
            review.order.ref, "SOFT", "instrument_limit", "5000.0000",
        )  # fmt: skip
        detail = ask(omar, "get", f"{REVIEWS}{review.pk}/").json()
        assert detail["may_decide"] is True
        assert detail["results"][0]["text"].startswith("AAA would be")

        answer = ask(omar, "post", f"{REVIEWS}{review.pk}/approve/", {"version": 1, "code": "CLIENT", "reason": "Agreed."})
        assert (answer.status_code, answer.json()["status"]) == (200, "APPROVED")
        assert Order.objects.get().status == "CLEARED"

    def test_what_waits_comes_first(self, held, omar, by, ask):
        first, second = held("100"), held("200", "P2")
        compliance.reject_reviews(by(omar, "No."), [second.pk], seen={second.pk: 1})
        assert [r["id"] for r in ask(omar, "get", REVIEWS).json()["results"]] == [first.pk, second.pk]
        assert [r["id"] for r in ask(omar, "get", f"{REVIEWS}?status=REJECTED").json()["results"]] == [second.pk]

    @pytest.mark.parametrize(("act", "status"), [("send-back", "DRAFT"), ("reject", "REJECTED")])
    def test_sending_back_and_rejecting(self, held, omar, ask, act, status):
        review = held()
        assert ask(omar, "post", f"{REVIEWS}{review.pk}/{act}/", {"version": 1, "reason": "No."}).status_code == 200
        assert Order.objects.get().status == status

    def test_many_at_once_with_one_key_are_decided_once(self, rules, submit, omar, ask):
        submit(("P1", "AAA", "BUY", "100"), ("P2", "AAA", "BUY", "100"))
        seen = [{"id": pk, "version": 1} for pk in Review.objects.values_list("pk", flat=True)]
        asked = {"decision": "approve", "code": "CLIENT", "reason": "Agreed.", "reviews": seen}
        answers = [ask(omar, "post", f"{REVIEWS}decide/", asked, **{"Idempotency-Key": "k1"}) for _ in range(2)]
        assert [a.status_code for a in answers] == [200, 200]
        assert answers[0].json() == answers[1].json()
        assert [o.status for o in Order.objects.all()] == ["CLEARED", "CLEARED"]

    def test_refusals_are_problems_with_words_and_leave_nothing(self, held, omar, odile, ask):
        review = held()
        path = f"{REVIEWS}{review.pk}/approve/"
        empty = ask(omar, "post", path, {"version": 1, "reason": " "})
        stale = ask(omar, "post", path, {"version": 7, "reason": "Yes."})
        missing = ask(omar, "post", f"{REVIEWS}999/approve/", {"version": 1, "code": "CLIENT", "reason": "Yes."})
        assert [(a.status_code, a.json()["code"]) for a in (empty, stale, missing)] == [
            (422, "invalid"), (409, "stale_review"), (404, "not_found"),
        ]  # fmt: skip
        assert empty.json()["facts"] == {"field": "reason"}
        assert Review.objects.get().status == "WAITING"
        ask(odile, "post", path, {"version": 1, "code": "OTHER", "reason": "Yes."})
        late = ask(omar, "post", path, {"version": 1, "code": "OTHER", "reason": "Yes."})
        assert (late.status_code, late.json()["code"]) == (409, "already_decided")
        assert "Odile Olsen approved" in late.json()["detail"]

    def test_it_opens_to_officers_and_auditors_alone(self, held, mira, tom, olga, ada, alan, omar, stranger, ask):
        review = held()
        for person, status in ((omar, 200), (ada, 200), (mira, 403), (tom, 403), (olga, 403), (alan, 403), (stranger, 403)):
            assert ask(person, "get", REVIEWS).status_code == status
            assert ask(person, "get", f"{REVIEWS}{review.pk}/").status_code == status
        assert ask(ada, "post", f"{REVIEWS}{review.pk}/approve/", {"version": 1, "code": "CLIENT", "reason": "Yes."}).status_code == 403
        assert Review.objects.get().status == "WAITING"


class TestChecks:
    def test_a_manager_reads_their_own_and_no_others(self, held, mira, paul, tom, omar, ask):
        path = f"/api/v1/orders/{held().order_id}/checks/"
        (row,) = ask(mira, "get", path).json()
        assert (row["outcome"], row["review_status"]) == ("FAIL", "WAITING")
        whole = ask(omar, "get", path).json()[0]["results"]
        assert row["results"] == [r for r in whole if r["rule"] not in ("restricted_list", "control_room")]
        assert ask(paul, "get", path).status_code == 404
        assert ask(tom, "get", path).status_code == 403

    def test_the_restricted_list_is_named_to_nobody_outside_compliance(self, rules, submit, firm, mira, omar, by, ask):
        line = compliance.Listing("Deal Falcon.", date.today(), instrument_id=firm.instruments["AAA"].pk)
        compliance.restrict(by(omar), [line])
        (pk,) = submit(("P1", "AAA", "SELL", "10"))
        answers = [
            ask(mira, "get", f"/api/v1/orders/{pk}/checks/").content.decode(),
            ask(mira, "get", reverse("compliance:order_checks", args=[pk])).content.decode(),
        ]
        for answer in answers:
            assert "Compliance has to look at this order" in answer
            assert "restricted" not in answer.lower() and "Falcon" not in answer
        assert "Falcon" in ask(omar, "get", f"/api/v1/orders/{pk}/checks/").content.decode()


class TestRules:
    def test_rules_are_listed_with_their_versions(self, rules, omar, ask):
        listed = ask(omar, "get", "/api/v1/rules/").json()
        assert listed["count"] == len(compliance.DEFAULT_RULES)
        one = next(rule for rule in listed["results"] if rule["code"] == "order_value")
        assert (one["number"], one["holds"], one["approved_by"]) == (1, True, None)
        assert one["text"].startswith("No order is worth more than USD 25,000,000.")
        assert [v["params"] for v in ask(omar, "get", f"/api/v1/rules/{one['id']}/versions/").json()] == [{"max_amount": "25000000"}]

    def test_measures_say_what_they_take(self, omar, ask):
        found = {m["kind"]: m for m in ask(omar, "get", "/api/v1/rules/measures/").json()}
        assert found["duplicate"]["takes"]["window"]["kind"] == "minutes"
        assert found["measure"]["takes"]["bound"]["choices"] == {"max": "at most", "min": "at least"}
        assert (found["measure"]["fields"]["country"]["kind"], found["duplicate"]["fields"]) == ("text", {})

    def test_a_filter_that_cannot_be_read_is_refused_with_the_place(self, rules, omar, ask):
        new = {"code": "us", "kind": "measure", "name": "US", "severity": "SOFT",
               "params": {"filter": 'asset_class == "EQUITY" &&\n country = "US"', "limit": "60"}}  # fmt: skip
        answer = ask(omar, "post", "/api/v1/rule-drafts/", new)
        facts = answer.json()["facts"]
        assert (answer.status_code, facts["field"], facts["line"], facts["column"]) == (422, "filter", 2, 10)

    def test_a_rule_written_as_data_holds_an_order(self, rules, by, submit, check_of):
        params = {"filter": 'asset_class == "EQUITY" && country == "US"', "limit": "46"}
        put_in_force(by, "us", params, kind="measure", name="US shares", severity="SOFT")

        (order,) = submit(("P1", "AAA", "BUY", "3000"))

        found = next(one for one in check_of(order).results if one["rule"] == "us")
        assert (found["outcome"], found["unit"], found["limit"]) == ("FAIL", "% of NAV", "46")

    def test_an_auditor_reads_and_does_not_write(self, rules, ada, mira, ask):
        assert ask(ada, "get", "/api/v1/rules/").status_code == 200
        assert ask(mira, "get", "/api/v1/rules/").status_code == 403
        new = {"code": "small", "kind": "duplicate", "name": "Small", "severity": "WARN"}
        assert ask(ada, "post", "/api/v1/rule-drafts/", new).status_code == 403


class TestRestrictions:
    def test_a_line_is_listed_and_lifted_by_two(self, firm, omar, odile, ask):
        line = {"instrument_id": firm.instruments["AAA"].pk, "reason": "Deal.", "effective_from": "2026-01-01"}
        made = ask(omar, "post", "/api/v1/restrictions/", [line])
        assert (made.status_code, made.json()[0]["instrument"]) == (201, "AAA")
        pk = made.json()[0]["id"]
        assert ask(omar, "get", "/api/v1/restrictions/?status=ACTIVE").json()["count"] == 1
        alone = ask(omar, "post", f"/api/v1/restrictions/{pk}/lift/", {"version": 1, "reason": "Public."})
        assert (alone.status_code, alone.json()["code"]) == (409, "lift_asked")
        asked = ask(omar, "post", f"/api/v1/restrictions/{pk}/ask-lift/", {"version": 1, "reason": "Public."})
        assert (asked.status_code, asked.json()["status"]) == (200, "ACTIVE")
        gone = ask(odile, "post", f"/api/v1/restrictions/{pk}/lift/", {"version": 2, "reason": "Public."})
        assert (gone.status_code, gone.json()["status"]) == (200, "RETIRED")

    def test_a_malformed_line_lists_none(self, firm, omar, ask):
        good = {"instrument_id": firm.instruments["AAA"].pk, "reason": "Deal.", "effective_from": "2026-01-01"}
        answer = ask(omar, "post", "/api/v1/restrictions/", [good, good | {"issuer_id": 1}])
        assert (answer.status_code, answer.json()["facts"]) == (422, {"field": "issuer", "index": 1})
        assert not Restriction.objects.exists()

    def test_it_is_hidden_from_the_desk(self, firm, mira, tom, ask):
        for person in (mira, tom):
            assert ask(person, "get", "/api/v1/restrictions/").status_code == 403
