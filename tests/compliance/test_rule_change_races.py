"""Two officers at one change of a rule at the same time: one of them wins, and the other is told."""

import pytest

from apps.compliance import services as compliance
from apps.compliance.models import Rule, RuleDraft, RuleVersion
from tests.races import at_once

pytestmark = pytest.mark.django_db(transaction=True)
TEXT = compliance.RuleText("small", "order_value", "Small", "WARN", {"max_amount": "1"})


def written(act, *changes) -> list[int]:
    return compliance.write_drafts(act, changes or [compliance.Change(TEXT)])


def proposed(act, *changes) -> list[int]:
    ids = written(act, *changes)
    compliance.propose_drafts(act, ids, seen=dict.fromkeys(ids, 1))
    return ids


def names(answers) -> list[str]:
    return sorted(answer for answer in answers if isinstance(answer, str))


def test_of_an_approval_and_an_edit_one_is_stale(firm, omar, odile, by):
    for _ in range(3):
        [pk] = proposed(by(omar, "So."))
        more = TEXT._replace(code=f"small{pk}", params={"max_amount": "2"})
        approval = lambda pk=pk: compliance.approve_drafts(by(odile), [pk], seen={pk: 2})  # noqa: E731
        edit = lambda pk=pk, more=more: compliance.edit_draft(by(omar), pk, more, seen=2)  # noqa: E731

        answers = at_once(approval, edit)

        assert names(answers) == ["StaleDraft"]
        draft = RuleDraft.objects.get(pk=pk)
        in_force = RuleVersion.objects.filter(rule__code=draft.code).count()
        assert (draft.status, draft.params["max_amount"], in_force) in {("APPROVED", "1", 1), ("DRAFT", "2", 0)}
        if draft.status == "APPROVED":
            break


def test_of_an_approval_and_a_refusal_by_two_officers_one_wins(firm, people, omar, odile, by):
    third = people["ada"]
    third.groups.set(omar.groups.all())
    [pk] = proposed(by(third, "So."))

    answers = at_once(
        lambda: compliance.approve_drafts(by(odile), [pk], seen={pk: 2}),
        lambda: compliance.refuse_drafts(by(omar, "No."), [pk], seen={pk: 2}),
    )

    assert names(answers) == ["StaleDraft"]
    assert RuleDraft.objects.get().status in ("APPROVED", "REFUSED")
    assert Rule.objects.count() == (RuleDraft.objects.get().status == "APPROVED")


def test_of_two_who_approve_the_same_one_does(firm, people, omar, odile, by):
    third = people["ada"]
    third.groups.set(omar.groups.all())
    [pk] = proposed(by(third, "So."))

    answers = at_once(*(lambda who=who: compliance.approve_drafts(by(who), [pk], seen={pk: 2}) for who in (omar, odile)))

    assert names(answers) == ["StaleDraft"] and RuleVersion.objects.count() == 1


def test_of_two_changes_of_one_rule_approved_at_once_one_is_in_force(rules, omar, odile, by):
    rule = Rule.objects.get(code="order_value")
    mine, theirs = (
        proposed(by(person, "So."), compliance.Change(TEXT._replace(code="", params={"max_amount": n}), rule.pk, 1))[0]
        for person, n in ((omar, "1"), (odile, "2"))
    )

    answers = at_once(
        lambda: compliance.approve_drafts(by(odile), [mine], seen={mine: 2}),
        lambda: compliance.approve_drafts(by(omar), [theirs], seen={theirs: 2}),
    )

    assert names(answers) == ["StaleRule"]
    assert rule.versions.count() == 2


def test_of_two_new_rules_of_one_code_approved_at_once_one_is_there(firm, omar, odile, by):
    [mine], [theirs] = proposed(by(omar, "So.")), proposed(by(odile, "So."))

    answers = at_once(
        lambda: compliance.approve_drafts(by(odile), [mine], seen={mine: 2}),
        lambda: compliance.approve_drafts(by(omar), [theirs], seen={theirs: 2}),
    )

    assert names(answers) == ["CodeIsTaken"] and Rule.objects.count() == 1


def test_of_a_proposal_and_a_drop_in_two_windows_one_is_stale(firm, omar, by):
    [pk] = written(by(omar, "So."))

    answers = at_once(
        lambda: compliance.propose_drafts(by(omar), [pk], seen={pk: 1}),
        lambda: compliance.drop_drafts(by(omar), [pk], seen={pk: 1}),
    )

    assert names(answers) == ["StaleDraft"]
