"""Two at one mandate at the same time: nothing is approved of words or a rule that are not those any more."""

from datetime import date

import pytest

from apps.compliance import services as compliance
from apps.compliance.models import Clause, ClauseMapping, MandateDocument, Rule
from tests.compliance.ruling import WHY
from tests.compliance.test_mandates import propose
from tests.races import at_once

pytestmark = pytest.mark.django_db(transaction=True)
SAID = compliance.Said


@pytest.fixture
def document(rules, omar, by) -> MandateDocument:
    pk = compliance.enter_mandate(by(omar), "HOUSE", "House", date(2026, 1, 5), clauses=[SAID("1", "No issuer above 10%.")])
    return MandateDocument.objects.get(pk=pk)


@pytest.fixture
def rule(rules) -> Rule:
    return Rule.objects.get(code="issuer_limit")


def names(answers) -> list[str]:
    return sorted(answer for answer in answers if isinstance(answer, str))


def is_current(mapping: ClauseMapping) -> bool:
    newest = mapping.rule.versions.latest("number")
    return mapping.wording.number == mapping.clause.number and mapping.rule_version_id == newest.pk


def test_of_two_who_approve_one_does(document, rule, people, omar, odile, by):
    third = people["ada"]
    third.groups.set(omar.groups.all())
    pk = propose(by(third, WHY), "1", rule)

    answers = at_once(*(lambda who=who: compliance.approve_mappings(by(who), [pk], seen={pk: 1}) for who in (omar, odile)))

    assert names(answers) == ["StaleMapping"] and ClauseMapping.objects.get().status == "APPROVED"


def test_what_is_approved_while_the_words_change_is_stale_or_was_dropped(document, rule, omar, odile, by):
    pk = propose(by(omar, WHY), "1", rule)

    answers = at_once(
        lambda: compliance.approve_mappings(by(odile), [pk], seen={pk: 1}),
        lambda: compliance.keep_clauses(by(omar), document.pk, [SAID("1", "No issuer above 8%.")], seen=document.version),
    )

    assert names(answers) in ([], ["StaleMapping"])
    assert ClauseMapping.objects.get().status == ("DROPPED" if names(answers) else "STALE")


@pytest.mark.parametrize("_", range(3))
def test_nothing_is_proposed_of_words_that_change_meanwhile(document, rule, omar, odile, by, _):
    clause = Clause.objects.get()
    answers = at_once(
        lambda: compliance.propose_mappings(
            by(odile, WHY), [(clause.pk, rule.pk)], seen={clause.pk: 1}, rules_seen={rule.pk: rule.version}
        ),
        lambda: compliance.keep_clauses(by(omar), document.pk, [SAID("1", "No issuer above 8%.")], seen=document.version),
    )

    assert names(answers) in ([], ["StaleClause"])
    assert all(one.status == "DROPPED" or is_current(one) for one in ClauseMapping.objects.all())


@pytest.mark.parametrize("_", range(3))
def test_nor_of_a_rule_that_changes_meanwhile(document, rule, omar, odile, by, _):
    clause = Clause.objects.get()
    text = compliance.RuleText("", "", "", "SOFT", {"exempt": ["CORP"]})
    (draft,) = compliance.write_drafts(by(omar, WHY), [compliance.Change(text, rule.pk, rule.version)])
    compliance.propose_drafts(by(omar), [draft], seen={draft: 1})

    answers = at_once(
        lambda: compliance.propose_mappings(
            by(omar, WHY), [(clause.pk, rule.pk)], seen={clause.pk: 1}, rules_seen={rule.pk: rule.version}
        ),
        lambda: compliance.approve_drafts(by(odile), [draft], seen={draft: 2}),
    )

    assert names(answers) in ([], ["StaleRule"])
    assert all(one.status == "DROPPED" or is_current(one) for one in ClauseMapping.objects.all())


def test_of_two_who_propose_the_same_one_does(document, rule, omar, odile, by):
    answers = at_once(*(lambda who=who: propose(by(who, WHY), "1", rule) for who in (omar, odile)))

    assert names(answers) == ["MappedAlready"] and ClauseMapping.objects.count() == 1
