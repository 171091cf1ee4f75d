"""Taking rules of the library: as drafts, once, by whoever writes rules."""

import pytest
from django.urls import reverse

from apps.compliance import services as compliance
from apps.compliance.library import shipped
from apps.compliance.models import Rule, RuleDraft
from apps.core.refusals import Invalid, NotAllowed, NotFound
from apps.reference.models import OwnAttribute
from tests.compliance.ruling import WHY
from tests.races import at_once

pytestmark = pytest.mark.django_db


def test_every_rule_can_be_taken_and_put_in_force(firm, omar, odile, by):
    OwnAttribute.objects.create(code="esg_score", title="ESG score", kind="number")
    ids = compliance.take_rules(by(omar), list(shipped()))

    drafts = RuleDraft.objects.in_bulk(ids)
    assert [drafts[pk].code for pk in ids] == list(shipped())
    assert all(draft.text == shipped()[draft.code].text for draft in drafts.values())
    compliance.propose_drafts(by(omar, WHY), ids, seen=dict.fromkeys(ids, 1))
    compliance.approve_drafts(by(odile, WHY), ids, seen=dict.fromkeys(ids, 2))
    assert set(Rule.objects.values_list("code", flat=True)) == set(shipped())


def test_what_is_taken_or_begun_is_refused_with_nothing_done(firm, omar, by):
    compliance.take_rules(by(omar), ["us_ric_25"])
    with pytest.raises(compliance.TakenAlready, match="RIC: one issuer") as refused:
        compliance.take_rules(by(omar), ["us_ric_50", "us_ric_25"])
    assert refused.value.facts["codes"] == ["us_ric_25"]
    assert RuleDraft.objects.count() == 1


def test_bad_input_is_refused(firm, omar, mira, by):
    with pytest.raises(Invalid, match="Choose rules"):
        compliance.take_rules(by(omar), [])
    with pytest.raises(NotFound, match="no rule “nope”"):
        compliance.take_rules(by(omar), ["us_ric_50", "nope"])
    with pytest.raises(NotAllowed):
        compliance.take_rules(by(mira), ["us_ric_50"])
    assert not RuleDraft.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_who_take_one_at_once_one_is_told(firm, omar, odile, by):
    answers = at_once(*(lambda who=who: compliance.take_rules(by(who), ["us_ric_50"]) for who in (omar, odile)))
    assert sorted(type(answer).__name__ for answer in answers) == ["list", "str"]
    assert RuleDraft.objects.count() == 1


class TestPage:
    def test_shows_sources_and_takes_what_is_ticked(self, firm, client, omar):
        client.force_login(omar)
        page = client.get(reverse("compliance:library")).content.decode()
        assert "Directive 2009/65/EC Art. 52(2)" in page and "15 U.S.C. 80a-5(b)(1), (c)" in page

        taken = client.post(reverse("compliance:library"), {"codes": ["ucits_above_5_40", "firm_exit_25"]}, follow=True)
        assert "UCITS: bodies above 5% together, 40%" in taken.content.decode()
        assert client.get(reverse("compliance:library")).content.decode().count("Drafted") == 2

    def test_nothing_ticked_is_refused_on_the_page(self, firm, client, omar):
        client.force_login(omar)
        answer = client.post(reverse("compliance:library"), {})
        assert (answer.status_code, "Choose rules of the library first." in answer.content.decode()) == (422, True)

    def test_over_the_api(self, firm, omar, ada, ask):
        listed = {one["code"]: one for one in ask(ada, "get", "/api/v1/rules/library/").json()}
        assert listed["us_ric_25"]["state"] == "FREE" and listed["us_ric_25"]["fixtures"]
        taken = ask(omar, "post", "/api/v1/rules/library/take/", {"codes": ["us_ric_25"]})
        assert (taken.status_code, taken.json()[0]["status"]) == (201, "DRAFT")
        again = ask(omar, "post", "/api/v1/rules/library/take/", {"codes": ["us_ric_25"]})
        assert (again.status_code, again.json()["code"]) == (409, "taken_already")
        assert ask(ada, "post", "/api/v1/rules/library/take/", {"codes": ["us_ric_50"]}).status_code == 403
