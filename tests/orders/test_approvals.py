"""Who has to agree before the desk sees an order: chains, makers and checkers, deputies, time limits, many at once."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from apps.audit.models import Delivery, Entry
from apps.core.refusals import Invalid, NotAllowed, NotFound
from apps.orders import services as orders
from apps.orders.models import Approval, ApprovalDecision, ApprovalRule, Order
from apps.users.models import User
from tests.pages import send, visit, words

D = Decimal
COLLEAGUE = [{"name": "A colleague", "permission": "orders.approve"}]
CHAIN = [{"name": "Team lead", "group": "team:B"}, {"name": "Compliance", "group": "compliance officer"}]


def record_of(subject: str, pk: int) -> list[str]:
    return list(Entry.objects.filter(subject=subject, subject_id=pk).order_by("nth").values_list("event", flat=True))


@pytest.fixture
def rule(firm, by, omar):
    """``rule(steps, min_usd=…)``: an approval rule of Omar's."""

    def make(steps=COLLEAGUE, code="large", seen=None, **terms) -> int:
        return orders.save_approval_rule(by(omar), code, {"steps": steps, "min_usd": D(4_000)} | terms, seen=seen)

    return make


@pytest.fixture
def waiting(rule, drafts, wish):
    """``waiting()``: the approval of an order of Mira's for P3, by one colleague."""

    def make(*, steps=COLLEAGUE, qty="100", **terms) -> Approval:
        rule(steps, **terms)
        [pk] = drafts(wish("P3", qty=qty), submit=True)
        return Approval.objects.get(order=pk)

    return make


def agree(by, person, approval, reason=""):
    approval.refresh_from_db()
    [found] = orders.approve(by(person, reason), [approval.pk], seen={approval.pk: approval.version})
    return found.code or found.message


class TestChains:
    def test_a_change_is_on_the_record_with_what_was_before(self, rule):
        rule()
        pk = rule(seen=1, min_usd=D(5_000))
        told = Entry.objects.get(subject="chain", subject_id=pk, nth=2).payload
        assert (told["before"], told["after"]) == ({"min_usd": "4000"}, {"min_usd": "5000"})

    def test_orders_that_no_rule_names_go_straight_to_the_desk(self, rule, drafts, wish):
        rule()
        small, large = drafts(wish(qty="79"), wish(qty="80"), submit=True)
        assert [Order.objects.get(pk=pk).status for pk in (small, large)] == ["CLEARED", "TO_APPROVE"]
        assert record_of("order", large) == ["order.created", "order.submitted", "order.awaits_approval"]

    def test_each_step_is_decided_and_recorded_and_the_last_clears(self, waiting, by, paul, omar):
        approval = waiting(steps=CHAIN)

        assert agree(by, omar, approval) == "not_allowed"
        assert agree(by, paul, approval, "Fits the plan") == "Waits for Compliance."
        assert Order.objects.get().status == "TO_APPROVE"
        assert agree(by, paul, approval) == "decided_already"
        assert agree(by, omar, approval) == "Cleared."

        assert Order.objects.get().status == "CLEARED"
        assert record_of("approval", approval.pk) == ["approval.opened", "approval.step_approved", "approval.granted"]
        assert list(ApprovalDecision.objects.order_by("step").values_list("by__username", "comment")) == [
            ("paul", "Fits the plan"), ("omar", ""),
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("terms", "waits"),
        [({"asset_class": "CORP"}, False), ({"asset_class": "EQUITY"}, True), ({"severity": "SOFT"}, False),
         ({"min_usd": D(5_001)}, False), ({"min_usd": D(5_000)}, True), ({"min_usd": None}, True)],
    )  # fmt: skip
    def test_a_rule_chooses_by_asset_class_money_and_severity(self, rule, drafts, wish, terms, waits):
        rule(**terms)
        drafts(wish(qty="100"), submit=True)
        assert (Order.objects.get().status == "TO_APPROVE") is waits

    def test_a_rule_chooses_by_portfolio_and_by_money_in_another_currency(self, rule, drafts, wish, firm):
        rule(portfolio_id=firm.portfolios["P3"].pk, min_usd=D(8_800))
        drafts(wish("P1", "BBB", qty="100"), wish("P3", "BBB", qty="99"), wish("P3", "BBB", qty="100"), submit=True)
        assert list(Order.objects.order_by("pk").values_list("status", flat=True)) == ["CLEARED", "CLEARED", "TO_APPROVE"]

    def test_the_first_by_priority_counts(self, rule, drafts, wish):
        rule(code="second", priority=20)
        first = rule(CHAIN, code="first", priority=10)
        drafts(wish(), submit=True)
        assert (Approval.objects.get().rule_id, len(Approval.objects.get().steps)) == (first, 2)

    def test_a_retired_rule_names_nothing_and_those_that_wait_go_on(self, waiting, rule, drafts, wish, by, omar, paul):
        approval = waiting()
        orders.retire_approval_rule(by(omar), "large", seen=1)
        drafts(wish(), submit=True)
        assert Order.objects.latest("pk").status == "CLEARED"
        assert agree(by, paul, approval) == "Cleared."

    def test_refusing_sends_it_back_with_a_reason(self, waiting, by, paul):
        approval = waiting()
        with pytest.raises(Invalid, match="Give a reason"):
            orders.refuse_approvals(by(paul), [approval.pk], seen={approval.pk: 1})
        orders.refuse_approvals(by(paul, "Too large"), [approval.pk], seen={approval.pk: 1})
        assert Order.objects.get().status == "DRAFT"
        assert record_of("approval", approval.pk) == ["approval.opened", "approval.refused"]

    @pytest.mark.parametrize(
        "terms",
        [{"steps": []}, {"steps": [{"name": "x"}]}, {"steps": [{"name": "x", "group": "nobody"}]},
         {"steps": [{"name": "x", "permission": "orders.fly"}]}, {"minutes": 0}, {"odd": 1}],
    )  # fmt: skip
    def test_refuses_a_rule_that_could_not_work(self, rule, terms):
        with pytest.raises(Invalid):
            rule(**terms)

    def test_refuses_whose_role_writes_no_rules_and_a_stale_writer(self, rule, by, mira):
        rule()
        with pytest.raises(NotAllowed):
            orders.save_approval_rule(by(mira), "mine", {"steps": COLLEAGUE})
        with pytest.raises(orders.StaleChain):
            rule(seen=None)


class TestMakerAndChecker:
    def test_nobody_agrees_to_what_they_entered(self, waiting, by, mira):
        approval = waiting()
        assert agree(by, mira, approval) == "own_order"
        assert (Order.objects.get().status, ApprovalDecision.objects.count()) == ("TO_APPROVE", 0)

    def test_nobody_agrees_to_what_they_amended(self, rule, drafts, wish, by, paul):
        rule()
        [pk] = drafts(wish("P3"))
        orders.amend_orders(by(paul), {pk: {"qty": "200"}}, seen={pk: 1})
        orders.submit_orders(by(paul), [pk], seen={pk: 2})
        assert agree(by, paul, Approval.objects.get()) == "own_order"

    @pytest.mark.parametrize("as_deputy", [False, True])
    def test_the_database_refuses_the_maker_whoever_they_are(self, waiting, mira, paul, as_deputy):
        approval = waiting()
        User.objects.filter(pk=mira.pk).update(is_superuser=True)
        by, behalf = (paul, mira) if as_deputy else (mira, None)
        with pytest.raises(IntegrityError, match="entered or amended"), transaction.atomic():
            ApprovalDecision.objects.create(
                approval=approval, step=0, agreed=True, by=by, behalf_of=behalf, at=timezone.now()
            )
        assert ApprovalDecision.objects.count() == 0

    def test_the_database_refuses_the_last_editor(self, rule, drafts, wish, by, paul):
        rule()
        [pk] = drafts(wish("P3"))
        orders.amend_orders(by(paul), {pk: {"qty": "200"}}, seen={pk: 1})
        orders.submit_orders(by(paul), [pk], seen={pk: 2})
        with pytest.raises(IntegrityError, match="entered or amended"), transaction.atomic():
            ApprovalDecision.objects.create(
                approval=Approval.objects.get(), step=0, agreed=True, by=paul, at=timezone.now()
            )

    def test_a_decision_is_never_changed(self, waiting, by, paul):
        agree(by, paul, waiting())
        with pytest.raises(Exception, match="Cannot update"), transaction.atomic():
            ApprovalDecision.objects.update(agreed=False)


class TestReopening:
    def test_amended_while_it_waits_it_is_withdrawn_and_asked_anew(self, waiting, by, mira):
        approval = waiting()
        order = Order.objects.get()
        orders.amend_orders(by(mira), {order.pk: {"qty": "90"}}, seen={order.pk: order.version})
        approval.refresh_from_db()
        assert (approval.status, Order.objects.get().status) == ("WITHDRAWN", "DRAFT")
        orders.submit_orders(by(mira), [order.pk], seen={order.pk: order.version + 1})
        assert Approval.objects.filter(status="WAITING").get().qty == 90

    @pytest.mark.parametrize(
        ("stands", "change", "is_now"),
        [
            (False, {"qty": "90"}, "TO_APPROVE"),
            (True, {"qty": "90"}, "CLEARED"),
            (True, {"qty": "110"}, "TO_APPROVE"),
            (True, {"order_type": "LIMIT", "limit_price": "50"}, "CLEARED"),
            (True, {"order_type": "LIMIT", "limit_price": "50", "tif": "GTC"}, "TO_APPROVE"),
            (True, {"tif": "GTC"}, "TO_APPROVE"),
            (False, {"rationale": "as said on the phone"}, "CLEARED"),
            (True, {"flags": "NOT_HELD"}, "TO_APPROVE"),
            (True, {"flags": "CARE"}, "CLEARED"),
        ],
    )
    def test_an_approval_given_stands_only_for_less(self, waiting, by, mira, paul, stands, change, is_now):
        approval = waiting(stands_when_less=stands)
        agree(by, paul, approval)
        order = Order.objects.get()
        orders.amend_orders(by(mira), {order.pk: change}, seen={order.pk: order.version})
        orders.submit_orders(by(mira), [order.pk], seen={order.pk: order.version + 1})
        assert Order.objects.get().status == is_now
        assert ("approval.stands" in record_of("approval", approval.pk)) is (is_now == "CLEARED")

    def amended(self, by, mira, change) -> None:
        order = Order.objects.get()
        orders.amend_orders(by(mira), {order.pk: change}, seen={order.pk: order.version})
        orders.submit_orders(by(mira), [order.pk], seen={order.pk: order.version + 1})

    def test_the_page_says_which_terms_were_compared_and_why_it_was_opened_again(self, waiting, by, mira, paul):
        first = waiting(stands_when_less=True)
        agree(by, paul, first)
        self.amended(by, mira, {"qty": "200", "order_type": "LIMIT", "limit_price": "50"})
        again = Approval.objects.get(status="WAITING")

        page = words(visit(paul, "orders:approval", again.pk, htmx=True))
        assert "It asks for more than was agreed: qty." in page and first.ref in page
        assert page.count("asks for more</span>") == 1 and page.count("asks for no more") == 2
        api = APIClient()
        api.force_authenticate(paul)
        found = api.get(f"/api/v1/approvals/{again.pk}/").json()["agreed_before"]
        assert (found["approval_id"], found["why"]) == (first.pk, "It asks for more than was agreed: qty.")
        assert found["terms"][0] == {"term": "qty", "before": "100", "after": "200", "asks_more": True}
        opened = Entry.objects.get(event="approval.opened", subject_id=again.pk)
        assert opened.payload["after"] == {"qty": "200", "limit_price": "50", "order_type": "LIMIT"}

    def test_and_which_it_stood_for(self, waiting, by, mira, paul):
        approval = waiting(stands_when_less=True)
        agree(by, paul, approval)
        self.amended(by, mira, {"qty": "90"})

        page = words(visit(paul, "orders:approval", approval.pk, htmx=True))
        assert "It stood when it was asked again" in page and "Agreed to before" not in page
        assert Entry.objects.get(event="approval.stands").payload["before"] == {"qty": "100"}

    @pytest.mark.parametrize(
        ("again", "why"),
        [
            ({"code": "other", "priority": 1}, "Another rule asks for approval now"),
            ({"seen": 1, "stands_when_less": False}, "Its rule asks again whatever is changed."),
        ],
    )
    def test_another_rule_or_one_that_always_asks_says_so(self, waiting, rule, by, mira, paul, again, why):
        agree(by, paul, waiting(stands_when_less=True))
        rule(**again)
        self.amended(by, mira, {"qty": "90"})
        assert why in Entry.objects.filter(event="approval.opened").latest("pk").payload["why"]

    def test_a_cancelled_order_takes_its_approval_with_it(self, waiting, by, mira):
        approval = waiting()
        order = Order.objects.get()
        orders.cancel_orders(by(mira), [order.pk], seen={order.pk: order.version})
        approval.refresh_from_db()
        assert (approval.status, Order.objects.get().status) == ("WITHDRAWN", "CANCELLED")


class TestDeputies:
    @pytest.fixture
    def lead(self, firm):
        """A step that only Omar's group may agree to."""
        group = Group.objects.create(name="team:heads")
        return [{"name": "Head", "group": group.name}], group

    def test_a_deputy_has_the_right_and_the_record_says_for_whom(self, waiting, lead, by, omar, odile):
        steps, group = lead
        omar.groups.add(group)
        approval = waiting(steps=steps)
        assert agree(by, odile, approval) == "not_allowed"
        now = timezone.now()
        orders.name_deputy(by(omar), odile.pk, now - timedelta(minutes=1), now + timedelta(days=1))
        assert agree(by, odile, approval) == "Cleared."
        decision = ApprovalDecision.objects.get()
        assert (decision.by, decision.behalf_of) == (odile, omar)
        assert Entry.objects.get(event="approval.granted").payload["behalf"] == str(omar)

    def test_a_deputy_sees_what_waits_for_the_other_for_that_time(self, rule, drafts, wish, by, mira, paul, omar):
        """Paul runs no portfolio of team A."""
        rule([{"name": "Team A", "group": "team:A"}])
        for role in ("portfolio manager", "team:A"):
            omar.groups.add(Group.objects.get(name=role))
        now = timezone.now()
        [pk] = orders.create_orders(by(omar), [wish("P1")], submit=True)
        approval = Approval.objects.get(order=pk)
        assert agree(by, paul, approval) == "not_found"
        named = orders.name_deputy(by(mira), paul.pk, now - timedelta(minutes=1), now + timedelta(days=1))

        assert "AAA" in words(visit(paul, "orders:approvals"))
        sent = send(paul, "orders:decide_approval", {"how": "approve", "seen": f"{approval.pk}:1"}, approval.pk)

        assert (sent.status_code, Order.objects.get(pk=pk).status) == (200, "CLEARED")
        assert ApprovalDecision.objects.get().behalf_of == mira
        orders.end_deputies(by(mira), [named])
        assert visit(paul, "orders:approval", approval.pk).status_code == 404

    def test_before_and_after_the_time_there_is_no_right(self, waiting, lead, by, omar, odile):
        steps, group = lead
        omar.groups.add(group)
        approval = waiting(steps=steps)
        now = timezone.now()
        orders.name_deputy(by(omar), odile.pk, now + timedelta(days=1), now + timedelta(days=2))
        assert agree(by, odile, approval) == "not_allowed"
        pk = orders.name_deputy(by(omar), odile.pk, now - timedelta(days=1), now + timedelta(days=2))
        orders.end_deputies(by(omar), [pk])
        assert agree(by, odile, approval) == "not_allowed"

    def test_a_deputy_of_the_maker_does_not_agree_for_them(self, waiting, lead, by, mira, odile):
        steps, group = lead
        mira.groups.add(group)
        approval = waiting(steps=steps)
        now = timezone.now()
        orders.name_deputy(by(mira), odile.pk, now - timedelta(days=1), now + timedelta(days=1))
        assert agree(by, odile, approval) == "not_allowed"

    def test_refuses_oneself_a_stranger_and_a_time_that_is_over(self, by, omar, tom, mira, odile, firm):
        now = timezone.now()
        for deputy, ends in ((omar, now + timedelta(days=1)), (tom, now + timedelta(days=1)), (odile, now)):
            with pytest.raises(Invalid):
                orders.name_deputy(by(omar), deputy.pk, now - timedelta(days=1), ends)
        pk = orders.name_deputy(by(omar), odile.pk, now, now + timedelta(days=1))
        with pytest.raises(NotFound):
            orders.end_deputies(by(mira), [pk])


class TestTime:
    def test_what_nobody_agreed_to_in_time_is_escalated_once(self, waiting, by):
        approval = waiting(minutes=10)
        act = by("scheduler")
        assert orders.escalate_approvals(act) == 0
        act.at += timedelta(minutes=11)
        assert (orders.escalate_approvals(act), orders.escalate_approvals(act)) == (1, 0)
        assert record_of("approval", approval.pk) == ["approval.opened", "approval.escalated"]


class TestManyAtOnce:
    def test_each_is_answered_for_and_the_others_go_on(self, rule, drafts, wish, by, paul):
        rule()
        ids = drafts(wish("P3"), wish("P3"), wish("P1"), submit=True)
        [mine] = orders.create_orders(by(paul), [wish("P3")], submit=True)
        pks = dict(Approval.objects.values_list("order_id", "pk"))
        seen = {pks[ids[0]]: 1, pks[ids[1]]: 7, pks[ids[2]]: 1, pks[mine]: 1}
        found = {one.approval_id: one.code for one in orders.approve(by(paul), list(seen), seen=seen)}
        assert found == {pks[ids[0]]: "", pks[ids[1]]: "stale_approval", pks[ids[2]]: "not_found", pks[mine]: "own_order"}
        assert Order.objects.filter(status="CLEARED").values_list("pk", flat=True).get() == ids[0]

    def test_what_officers_overrode_is_held_back_and_decided_by_itself(self, rule, drafts, wish, by, paul, omar, odile):
        from apps.compliance import services as compliance
        from apps.compliance.models import Review

        compliance.install_default_rules(by(omar))
        rule()
        clean, held = drafts(wish("P3", side="SELL"), wish("P3", side="SELL", qty="60000"), submit=True)
        assert Order.objects.get(pk=held).status == "HELD"
        assert not Approval.objects.filter(order=held).exists()  # No approval while compliance has an open item.
        review = Review.objects.get(order=held)
        compliance.approve_reviews(by(omar, "Agreed with the client"), [review.pk], seen={review.pk: 1})
        compliance.approve_reviews(by(odile, "So it is"), [review.pk], seen={review.pk: 2})
        pks = dict(Approval.objects.values_list("order_id", "pk"))
        found = {one.order_id: one.code for one in orders.approve(by(paul), list(pks.values()), seen=dict.fromkeys(pks.values(), 1))}
        assert found == {clean: "", held: "held_back"}
        assert agree(by, paul, Approval.objects.get(order=held)) == "Cleared."


class TestPages:
    def test_the_queue_says_what_waits_for_whom_and_decides_it(self, waiting, mira, paul, ada):
        approval = waiting()
        assert "FOR YOU" in words(visit(paul, "orders:approvals"))
        assert "FOR YOU" not in words(visit(mira, "orders:approvals")) + words(visit(ada, "orders:approvals"))
        page = words(visit(paul, "orders:approval", approval.pk))
        assert "A colleague" in page and 'data-key="a"' in page
        assert 'data-key="a"' not in words(visit(mira, "orders:approval", approval.pk, htmx=True))
        seen = {"seen": f"{approval.pk}:1"}
        refused = send(paul, "orders:decide_approval", seen | {"how": "send_back"}, approval.pk)
        assert refused.status_code == 422 and "Give a reason" in words(refused)
        assert send(mira, "orders:decide_approval", seen | {"how": "approve"}, approval.pk).status_code == 409
        assert send(paul, "orders:decide_approval", seen | {"how": "approve"}, approval.pk).status_code == 200
        assert Order.objects.get().status == "CLEARED"

    def test_approves_all_that_are_clean(self, waiting, drafts, wish, paul, mira):
        waiting()
        drafts(wish("P3"), submit=True)
        asked = words(visit(paul, "orders:approve_clean", htmx=True))
        assert "2 orders, $10,000, 1 portfolio" in asked
        answer = send(paul, "orders:approve_clean", {"seen": [f"{a.pk}:1" for a in Approval.objects.all()]})
        assert "2 of 2 orders approved" in words(answer)
        assert visit(mira, "orders:approve_clean", htmx=True).status_code == 409

    def test_names_and_ends_a_deputy(self, omar, odile, firm):
        until = (timezone.now() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
        said = {"deputy": odile.pk, "starts_at": timezone.now().strftime("%Y-%m-%dT%H:%M"), "ends_at": until}
        assert "Name a deputy" in words(visit(omar, "orders:deputy", htmx=True))
        assert send(omar, "orders:deputy", said).status_code == 204
        page = words(visit(omar, "orders:approvals"))
        assert "End now" in page and str(odile) in page


class TestApi:
    def test_lists_decides_and_keeps_rules_and_deputies(self, waiting, paul, omar, odile):
        approval = waiting()
        api = APIClient()
        api.force_authenticate(paul)
        assert [one["id"] for one in api.get("/api/v1/approvals/").json()["results"]] == [approval.pk]
        asked = {"approvals": [{"id": approval.pk, "version": 1}]}
        [found] = api.post("/api/v1/approvals/approve/", asked, format="json").json()
        assert (found["done"], found["status"]) == (True, "APPROVED")
        assert api.get(f"/api/v1/approvals/{approval.pk}/").json()["decisions"][0]["by"] == "paul"
        api.force_authenticate(omar)
        [listed] = api.get("/api/v1/approval-rules/").json()
        changed = api.post("/api/v1/approval-rules/", {"code": "large", "version": listed["version"], "min_usd": 9}, format="json")
        assert (changed.status_code, changed.json()["version"]) == (201, 2)
        assert api.post("/api/v1/approval-rules/large/retire/", {"version": 2}, format="json").json()["status"] == "RETIRED"
        until = (timezone.now() + timedelta(days=1)).isoformat()
        made = api.post("/api/v1/deputies/", {"deputy": "odile", "ends_at": until}, format="json")
        assert made.status_code == 201 and len(api.get("/api/v1/deputies/").json()) == 1
        assert api.post(f"/api/v1/deputies/{made.json()['id']}/end/").status_code == 204


def test_the_desk_gathers_nothing_that_waits(waiting, by, paul):
    approval = waiting()
    assert Entry.objects.filter(event="order.cleared").count() == 0
    assert Delivery.objects.filter(listener="blocks.gather_orders").count() == 0
    agree(by, paul, approval)
    assert Delivery.objects.filter(listener="blocks.gather_orders").count() == 1


def test_needs_as_many_statements_for_60_as_for_6(rule, in_review, wish, by, paul):
    rule()
    by("worker")
    counts = []
    for n in (6, 60):
        ids = in_review(*[wish("P3") for _ in range(n)])
        with CaptureQueriesContext(connection) as opened:
            orders.mark_cleared(by("worker"), dict.fromkeys(ids, 1))
        seen = dict(Approval.objects.filter(status="WAITING").values_list("pk", "version"))
        with CaptureQueriesContext(connection) as agreed:
            orders.approve(by(paul), list(seen), seen=seen)
        counts.append((len(opened), len(agreed)))
    assert counts[0] == counts[1]


def test_an_officer_writes_and_retires_rules_on_the_page(firm, omar, mira):
    said = {"name": "Large", "code": "large", "priority": "5", "min_usd": "1000000", "steps": "Officer: may orders.approve"}
    assert send(mira, "orders:approval_rule_new", said).status_code == 403
    assert send(omar, "orders:approval_rule_new", said | {"steps": "Somebody: team:Nowhere"}).status_code == 422
    assert send(omar, "orders:approval_rule_new", said).status_code == 204
    rule = ApprovalRule.objects.get()
    assert (rule.min_usd, rule.steps) == (1_000_000, [{"name": "Officer", "permission": "orders.approve"}])
    assert "Officer: may orders.approve" in words(visit(omar, "orders:approval_rule", "large", htmx=True))
    changed = said | {"steps": "Desk: team:A\nOfficer: may orders.approve", "version": "1"}
    assert send(omar, "orders:approval_rule", changed, "large").status_code == 204
    assert send(omar, "orders:approval_rule", changed, "large").status_code == 409
    assert [s["name"] for s in ApprovalRule.objects.get().steps] == ["Desk", "Officer"]
    assert send(omar, "orders:approval_rule_retire", {"version": "2"}, "large").status_code == 204
    assert ApprovalRule.objects.get().status == "RETIRED"
