"""A rule changes by a draft: one officer writes it, another approves, and from its first day on it is asked."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.audit.models import Entry
from apps.compliance import selectors
from apps.compliance import services as compliance
from apps.compliance.engine import sentence
from apps.compliance.engine.params import BadRule
from apps.compliance.engine.rules import MEASURES, read
from apps.compliance.models import Rule, RuleDraft, RuleVersion
from apps.core.refusals import Conflict, IllegalMove, Invalid, NotAllowed, NotFound
from apps.users.models import User
from tests.compliance.ruling import approved, put_in_force
from tests.pages import send, visit, words

D = Decimal
SMALL = {"kind": "order_value", "name": "Small orders", "severity": "WARN"}
TODAY = timezone.now().date()


def record_of(subject: str, pk: int) -> list[str]:
    return list(Entry.objects.filter(subject=subject, subject_id=pk).order_by("nth").values_list("event", flat=True))


def text(code="small", **more) -> compliance.RuleText:
    return compliance.RuleText(code, **SMALL | {"params": {"max_amount": "1000"}} | more)


@pytest.fixture
def write(firm, omar, by):
    """``write(code=…)``: a draft of Omar's."""
    return lambda *args, **more: compliance.write_drafts(by(omar, "Because."), [compliance.Change(text(**more), *args)])[0]


@pytest.fixture
def proposed(write, omar, by):
    def make(*args, **more) -> int:
        pk = write(*args, **more)
        compliance.propose_drafts(by(omar), [pk], seen={pk: 1})
        return pk

    return make


def asked(on: date = TODAY) -> dict[str, Decimal]:
    return {rule.code: rule.params["max_amount"] for rule in selectors.active_rules(on)}


class TestLife:
    def test_a_new_rule_is_asked_once_another_officer_approves(self, proposed, odile, omar, by):
        pk = proposed()
        assert asked() == {} and not Rule.objects.exists()
        home = compliance.approve_drafts(by(odile, "Fine."), [pk], seen={pk: 2})[pk]
        version = RuleVersion.objects.get()
        assert asked() == {"small": D(1000)} and version.rule_id == home
        assert (version.written_by, version.approved_by, version.starts_on, version.number) == (omar, odile, TODAY, 1)
        draft = RuleDraft.objects.get()
        assert (draft.status, draft.decided_by, draft.answer, draft.became, draft.rule_id) == ("APPROVED", odile, "Fine.", version, home)
        assert record_of("draft", pk) == ["draft.written", "draft.proposed", "draft.approved"]
        assert record_of("rule", home) == ["rule.activated"]

    def test_nobody_decides_on_their_own(self, proposed, omar, by):
        pk = proposed()
        for decide in (compliance.approve_drafts, compliance.refuse_drafts):
            with pytest.raises(compliance.OwnDraft, match="another officer"):
                decide(by(omar, "Mine."), [pk], seen={pk: 2})
        assert RuleDraft.objects.get().status == "PROPOSED" and not Rule.objects.exists()

    def test_nor_does_the_database_let_them(self, proposed, omar, odile, by):
        pk = proposed()
        with pytest.raises(IntegrityError, match="nobody_decides_on_a_draft_of_their_own"), transaction.atomic():
            RuleDraft.objects.filter(pk=pk).update(status="REFUSED", decided_by=omar, decided_at=timezone.now())
        put_in_force(by, "other", {"max_amount": "5"}, **SMALL)
        one = RuleVersion.objects.get()
        with pytest.raises(IntegrityError, match="nobody_approves_a_rule_of_their_own"), transaction.atomic():
            RuleVersion.objects.bulk_create([RuleVersion(
                rule=one.rule, number=2, text="x", written_by=omar, approved_by=omar, written_at=one.written_at,
                starts_on=TODAY, act=one.act,
            )])  # fmt: skip

    def test_an_edit_takes_the_proposal_back(self, proposed, omar, odile, by):
        pk = proposed()
        compliance.edit_draft(by(omar), pk, text(params={"max_amount": "2000"}), seen=2)
        with pytest.raises(compliance.StaleDraft):
            compliance.approve_drafts(by(odile), [pk], seen={pk: 2})
        with pytest.raises(IllegalMove):
            compliance.approve_drafts(by(odile), [pk], seen={pk: 3})
        draft = RuleDraft.objects.get()
        assert (draft.status, draft.params, "2,000" in draft.text) == ("DRAFT", {"max_amount": "2000"}, True)
        assert record_of("draft", pk) == ["draft.written", "draft.proposed", "draft.edited"]

    @pytest.mark.parametrize("what", [compliance.propose_drafts, compliance.drop_drafts])
    def test_a_draft_is_its_authors(self, write, odile, by, what):
        pk = write()
        with pytest.raises(compliance.OthersDraft):
            what(by(odile, "No."), [pk], seen={pk: 1})
        with pytest.raises(compliance.OthersDraft):
            compliance.edit_draft(by(odile), pk, text(), seen=1)
        assert RuleDraft.objects.get().version == 1

    def test_what_was_refused_or_dropped_stays_so(self, proposed, omar, odile, by):
        refused, dropped = proposed(), proposed(code="other")
        with pytest.raises(Invalid):
            compliance.refuse_drafts(by(odile), [refused], seen={refused: 2})
        compliance.refuse_drafts(by(odile, "Too small."), [refused], seen={refused: 2})
        compliance.drop_drafts(by(omar), [dropped], seen={dropped: 2})
        with pytest.raises(IllegalMove):
            compliance.approve_drafts(by(odile), [refused, dropped], seen={refused: 3, dropped: 3})
        assert set(RuleDraft.objects.values_list("status", flat=True)) == {"REFUSED", "DROPPED"} and not Rule.objects.exists()

    def test_it_is_proposed_with_a_reason(self, firm, omar, by):
        (pk,) = compliance.write_drafts(by(omar), [compliance.Change(text())])
        with pytest.raises(Invalid, match="reason"):
            compliance.propose_drafts(by(omar), [pk], seen={pk: 1})

    def test_only_officers_write_and_approve(self, proposed, mira, ada, alan, by):
        pk = proposed()
        for person in (mira, ada, alan):
            with pytest.raises(NotAllowed):
                compliance.write_drafts(by(person), [compliance.Change(text())])
            with pytest.raises(NotAllowed):
                compliance.approve_drafts(by(person), [pk], seen={pk: 2})

    def test_many_cost_as_many_statements_as_one(self, proposed, odile, by):
        def count(codes) -> int:
            ids = [proposed(code=code) for code in codes]
            with CaptureQueriesContext(connection) as asked:
                compliance.approve_drafts(by(odile), ids, seen=dict.fromkeys(ids, 2))
            return len(asked)

        assert count(["a"]) == count([f"b{n}" for n in range(9)])
        rules = {rule.code: rule for rule in Rule.objects.all()}
        changes = [compliance.Change(text(code), rule.pk, rule.version) for code, rule in rules.items()]

        def changed(wanted) -> int:
            ids = compliance.write_drafts(by(User.objects.get(username="omar"), "So."), wanted)
            compliance.propose_drafts(by(User.objects.get(username="omar")), ids, seen=dict.fromkeys(ids, 1))
            with CaptureQueriesContext(connection) as asked:
                compliance.approve_drafts(by(odile), ids, seen=dict.fromkeys(ids, 2))
            return len(asked)

        assert changed(changes[:1]) == changed(changes[1:])


class TestAgainstTheRule:
    def test_what_was_written_from_an_older_version_is_not_approved(self, rules, proposed, odile, by):
        rule = Rule.objects.get(code="order_value")
        first, second = (proposed(rule.pk, 1, code="", kind="", params={"max_amount": n}) for n in ("10", "20"))
        with pytest.raises(Conflict, match="same rule"):
            compliance.approve_drafts(by(odile), [first, second], seen={first: 2, second: 2})
        compliance.approve_drafts(by(odile), [first], seen={first: 2})
        with pytest.raises(compliance.StaleRule):
            compliance.approve_drafts(by(odile), [second], seen={second: 2})
        assert rule.versions.latest("number").params == {"max_amount": "10"}

    def test_a_stale_writer_is_refused(self, rules, write, by):
        rule = Rule.objects.get(code="order_value")
        put_in_force(by, "order_value", {"max_amount": "5"})
        with pytest.raises(compliance.StaleRule):
            write(rule.pk, 1)
        with pytest.raises(NotFound):
            write(987654, 1)
        assert RuleDraft.objects.count() == 1

    def test_a_rule_keeps_its_measure(self, rules, write):
        with pytest.raises(compliance.KindIsFixed):
            write(Rule.objects.get(code="order_volume").pk, 1)

    def test_a_code_is_taken_once(self, proposed, odile, by):
        first, second = proposed(), proposed()
        with pytest.raises(compliance.CodeIsTaken):
            compliance.approve_drafts(by(odile), [first, second], seen={first: 2, second: 2})
        compliance.approve_drafts(by(odile), [first], seen={first: 2})
        with pytest.raises(compliance.CodeIsTaken):
            compliance.approve_drafts(by(odile), [second], seen={second: 2})
        assert Rule.objects.count() == 1

    def test_an_end_is_proposed_and_approved_too(self, rules, omar, odile, by):
        rule = Rule.objects.get(code="order_value")
        pk = compliance.propose_end(by(omar, "Not needed."), rule.pk, seen=1)
        assert Rule.objects.get(pk=rule.pk).status == "ACTIVE"
        compliance.approve_drafts(by(odile), [pk], seen={pk: 2})
        rule.refresh_from_db()
        assert (rule.status, rule.version, RuleDraft.objects.get().became) == ("RETIRED", 2, None)
        with pytest.raises(IllegalMove):
            compliance.propose_end(by(omar, "Again."), rule.pk, seen=2)

    @pytest.mark.parametrize(
        ("changed", "field"),
        [({"params": {"max_amount": "much"}}, "max_amount"), ({"severity": "DEADLY"}, "severity"), ({"code": "no blanks"}, "code"),
         ({"kind": "wish"}, "kind"), ({"name": " "}, "name"), ({"citation": "x" * 201}, "citation"),
         ({"starts_on": TODAY, "ends_on": TODAY - timedelta(days=1)}, "ends_on")],
    )  # fmt: skip
    def test_a_malformed_rule_is_refused_beside_the_field(self, write, changed, field):
        with pytest.raises(BadRule) as refusal:
            write(**changed)
        assert refusal.value.facts["field"] == field
        assert not RuleDraft.objects.exists()


class TestDays:
    def test_the_version_of_the_day_is_asked(self, firm, by):
        put_in_force(by, "small", {"max_amount": "1"}, **SMALL)
        week, month = TODAY + timedelta(days=7), TODAY + timedelta(days=30)
        put_in_force(by, "small", {"max_amount": "2"}, starts_on=week, ends_on=month)
        days = (TODAY - timedelta(days=1), TODAY, week - timedelta(days=1), week, month, month + timedelta(days=1))
        assert [asked(day).get("small") for day in days] == [None, 1, 1, 2, 2, 1]

    def test_it_starts_at_the_earliest_the_day_it_is_approved(self, firm, by):
        put_in_force(by, "small", {"max_amount": "1"}, starts_on=TODAY - timedelta(days=9), **SMALL)
        assert RuleVersion.objects.get().starts_on == TODAY

    def test_one_that_would_have_ended_is_not_approved(self, firm, by):
        yesterday = TODAY - timedelta(days=1)
        with pytest.raises(BadRule, match="last day is before the first"):
            put_in_force(by, "small", {"max_amount": "1"}, starts_on=yesterday, ends_on=yesterday, **SMALL)

    def test_the_page_says_what_comes(self, rules, omar, by):
        change = compliance.RuleText("", "", "", "HARD", {"max_amount": "7"}, starts_on=TODAY + timedelta(days=3))
        approved(by, compliance.Change(change, Rule.objects.get(code="order_value").pk, 1), "omar", "odile")
        shown = words(visit(omar, "compliance:rules"))
        assert "newer from" in shown and "25,000,000" in shown


@pytest.mark.parametrize("kind", MEASURES)
def test_each_kind_says_itself_as_a_sentence(kind):
    said = sentence.of(kind, read(kind, {}))
    assert said[0].isupper() and said.endswith(".") and "None" not in said and "frozenset" not in said


class TestPages:
    def test_a_change_goes_from_the_page_to_another_officer(self, rules, omar, odile, ada):
        rule = Rule.objects.get(code="order_value")
        said = {"kind": "order_value", "name": "One order", "limit-max_amount": "20000000", "severity": "HARD", "moments": ["submit"],
                "reason": "Asked by the board.", "seen": 1, "how": "propose"}  # fmt: skip
        assert send(omar, "compliance:rule", said, "order_value").status_code == 302
        draft = RuleDraft.objects.get()
        assert draft.status == "PROPOSED" and rule.versions.count() == 1

        assert "Changes <b>1</b>" in words(visit(odile, "compliance:rules"))
        own, others, auditors = (words(visit(p, "compliance:draft", draft.pk, htmx=True)) for p in (omar, odile, ada))
        assert "No order is worth more than USD 20,000,000." in own and "20,000,000</b>" in own
        assert ("Approve" in own, "Approve" in others, "Approve" in auditors) == (False, True, False)
        assert "Drop" in own and "Drop" not in others
        act = {"seen": f"{draft.pk}:2", "how": "approve"}
        assert send(omar, "compliance:draft_act", act, draft.pk).status_code == 403
        assert send(odile, "compliance:draft_act", act, draft.pk).status_code == 200
        assert rule.versions.latest("number").params["max_amount"] == "20000000"
        assert "version 2 of the rule" in words(visit(omar, "compliance:draft", draft.pk, htmx=True))

    def test_an_end_is_asked_for_with_a_reason(self, rules, omar):
        pk = Rule.objects.get(code="order_value").pk
        assert "It says" in words(visit(omar, "compliance:rule_end", "order_value", htmx=True))
        said = {"seen": f"{pk}:1", "reason": ""}
        assert send(omar, "compliance:rule_end", said, "order_value").status_code == 422
        assert send(omar, "compliance:rule_end", said | {"reason": "Gone."}, "order_value").status_code == 204
        assert RuleDraft.objects.get().retires

    def test_the_list_costs_the_same_for_many(self, proposed, omar):
        def cost() -> int:
            with CaptureQueriesContext(connection) as asked:
                visit(omar, "compliance:drafts")
            return len(asked)

        proposed()
        one = cost()
        for n in range(5):
            proposed(code=f"r{n}")
        assert cost() == one


class TestApi:
    NEW = {"code": "small", "kind": "order_value", "name": "Small", "severity": "WARN", "params": {"max_amount": "1000"}}

    def test_a_draft_is_written_edited_proposed_and_approved(self, firm, omar, odile, ask):
        made = ask(omar, "post", "/api/v1/rule-drafts/", self.NEW)
        assert (made.status_code, made.json()["status"]) == (201, "DRAFT")
        path = f"/api/v1/rule-drafts/{made.json()['id']}/"
        edited = ask(omar, "post", f"{path}edit/", {**self.NEW, "version": 1, "params": {"max_amount": 2000}})
        assert (edited.status_code, edited.json()["params"]) == (200, {"max_amount": "2000"})
        assert ask(omar, "post", f"{path}propose/", {"version": 2, "reason": "So."}).json()["status"] == "PROPOSED"
        assert ask(omar, "post", f"{path}approve/", {"version": 3}).status_code == 403
        done = ask(odile, "post", f"{path}approve/", {"version": 3, "reason": "Yes."})
        assert (done.status_code, done.json()["status"], done.json()["became"]) == (200, "APPROVED", 1)
        rule = ask(omar, "get", f"/api/v1/rules/{done.json()['rule_id']}/").json()
        assert (rule["written_by"], rule["approved_by"], rule["params"]) == ("omar", "odile", {"max_amount": "2000"})
        end = ask(omar, "post", "/api/v1/rule-drafts/end/", {"rule_id": rule["id"], "version": 1, "reason": "Gone."})
        assert (end.status_code, end.json()["status"], end.json()["retires"]) == (201, "PROPOSED", True)
        refused = ask(odile, "post", f"/api/v1/rule-drafts/{end.json()['id']}/refuse/", {"version": 2, "reason": "No."})
        assert refused.json()["status"] == "REFUSED"
        assert ask(omar, "get", "/api/v1/rule-drafts/?status=APPROVED").json()["count"] == 1

    def test_a_malformed_rule_is_refused_beside_its_field(self, firm, omar, ask):
        answer = ask(omar, "post", "/api/v1/rule-drafts/", self.NEW | {"params": {"max_amount": "a lot"}})
        assert (answer.status_code, answer.json()["facts"]["field"]) == (422, "max_amount")
        assert not RuleDraft.objects.exists()
