"""With whom portfolios may trade, as officers keep it: set and ended, never edited, and nobody overwrites a colleague."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.audit.models import Entry
from apps.core.refusals import IllegalMove, Invalid, NotAllowed
from apps.portfolios import selectors, terms
from apps.portfolios.models import BrokerTerm
from tests.pages import send, visit, words
from tests.races import at_once

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def today(firm):
    return timezone.now().date()


@pytest.fixture
def said(firm, today) -> terms.TermText:
    return terms.TermText(firm.portfolios["P3"].pk, firm.brokers["HARBOR"].pk, "DENY", today)


@pytest.fixture
def term(said, omar, by) -> BrokerTerm:
    (pk,) = terms.set_terms(by(omar, "Letter of 5 January."), [said])
    return BrokerTerm.objects.get(pk=pk)


def record_of(pk: int) -> list[tuple[str, str]]:
    return list(Entry.objects.filter(subject="term", subject_id=pk).order_by("nth").values_list("event", "act__by__username"))


def test_is_kept_with_who_and_why_and_binds_from_its_first_day_to_its_last(term, today, odile, by):
    assert (term.reason, term.history.get().history_user.username) == ("Letter of 5 January.", "omar")
    assert [one.kind for one in selectors.broker_terms_in_force([term.portfolio_id], today)[term.portfolio_id]] == ["DENY"]
    terms.end_terms(by(odile, "Withdrawn."), today, seen={term.pk: 2})
    assert record_of(term.pk) == [("term.set", "omar"), ("term.ended", "odile")]
    assert not selectors.broker_terms_in_force([term.portfolio_id], today + DAY).get(term.portfolio_id)
    with pytest.raises(IllegalMove, match="already"):
        terms.end_terms(by(odile, "Again."), today, seen={term.pk: 3})


@pytest.mark.parametrize(
    ("field", "more"),
    [
        ("portfolio", {"portfolio_id": 987654}), ("broker", {"broker_id": 987654}), ("kind", {"kind": "WISH"}),
        ("asset_class", {"asset_class": "ART"}), ("starts_on", {"starts_on": -1}), ("ends_on", {"ends_on": -1}),
    ],
)  # fmt: skip
def test_refuses_what_cannot_be_and_keeps_nothing(said, today, omar, by, field, more):
    more = {name: today + value * DAY if name.endswith("_on") else value for name, value in more.items()}
    with pytest.raises(Invalid) as refusal:
        terms.set_terms(by(omar, "So."), [said._replace(**more)])
    assert refusal.value.facts["field"] == field and not BrokerTerm.objects.filter(kind="DENY").exists()


def test_asks_for_a_reason_and_an_officer_and_never_ends_in_the_past(term, said, today, omar, olga, by):
    with pytest.raises(Invalid, match="reason"):
        terms.set_terms(by(omar), [said])
    with pytest.raises(NotAllowed):
        terms.end_terms(by(olga, "So."), today, seen={term.pk: 2})
    with pytest.raises(Invalid, match="earliest"):
        terms.end_terms(by(omar, "So."), today - DAY, seen={term.pk: 2})


def test_of_a_colleagues_change_the_second_reads(term, today, omar, odile, by):
    terms.end_terms(by(odile, "So."), today + 9 * DAY, seen={term.pk: 2})
    with pytest.raises(terms.StaleTerm) as refusal:
        terms.end_terms(by(omar, "So."), today + 5 * DAY, seen={term.pk: 2})
    assert f"ends on none → {today + 9 * DAY}" in " ".join(refusal.value.in_words().values())


@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_one_ends_it(term, today, omar, odile, by):
    answers = at_once(*(lambda who=who: terms.end_terms(by(who, "So."), today, seen={term.pk: 2}) for who in (omar, odile)))
    assert sorted(map(str, answers)) == ["None", "StaleTerm"]


def test_an_officer_keeps_it_on_the_page_and_others_see_their_own(said, today, omar, mira, paul):
    form = {"portfolio": said.portfolio_id, "broker": said.broker_id, "kind": "DENY", "starts_on": today, "reason": "So."}
    assert send(omar, "portfolios:term_set", form | {"reason": ""}).status_code == 422
    assert send(omar, "portfolios:term_set", form).status_code == 204
    one = BrokerTerm.objects.get(kind="DENY")
    assert "Set a term" in words(visit(omar, "portfolios:terms"))
    seen = {"seen": f"{one.pk}:2", "ends_on": today, "reason": "So."}
    assert send(omar, "portfolios:term_end", seen | {"reason": ""}, one.pk).status_code == 422
    assert send(omar, "portfolios:term_end", seen, one.pk).status_code == 204
    assert send(omar, "portfolios:term_end", seen, one.pk).status_code == 409
    mine = [f'data-row="term:{one.pk}"' in words(visit(who, "portfolios:terms")) for who in (paul, mira)]
    assert mine == [selectors.portfolios_seen_by(who).filter(pk=said.portfolio_id).exists() for who in (paul, mira)]


def test_so_do_other_systems(said, today, omar, client):
    client.force_login(omar)
    told = {"portfolio_id": said.portfolio_id, "broker_id": said.broker_id, "kind": "DENY", "starts_on": f"{today}", "reason": "So."}
    made = client.post("/api/v1/broker-terms/", told, content_type="application/json")
    assert (made.status_code, made.json()["version"]) == (201, 2)
    end = {"version": 2, "ends_on": f"{today}", "reason": "So."}
    path = f"/api/v1/broker-terms/{made.json()['id']}/end/"
    assert client.post(path, end, content_type="application/json").json()["ends_on"] == f"{today}"
    assert client.post(path, end, content_type="application/json").status_code == 409
