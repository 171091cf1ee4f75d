"""The bench of a rule: its fixtures must be green to propose it, mutants show what they miss, and the last days what it changes."""

from decimal import Decimal

import pytest

from apps.compliance import selectors
from apps.compliance import services as compliance
from apps.compliance.engine import bench
from apps.compliance.engine.params import BadRule
from apps.compliance.engine.rules import MEASURES
from apps.compliance.library import shipped
from apps.compliance.models import Rule, RuleDraft, RuleVersion
from tests.compliance.ruling import put_in_force
from tests.pages import send, visit, words

D = Decimal
BOOK = {"instruments": {"A": {"price": "100"}}, "portfolios": {"P": {"cash": {"USD": "950000"}, "holds": {"A": "400"}}}}


def book(*orders, name="a book") -> dict:
    return BOOK | {"name": name, "orders": [{"side": "BUY", "symbol": "A", "qty": qty, "expect": expect} for qty, expect in orders]}


EDGE = book(("100", "PASS"), name="exactly 10,000 dollars"), book(("101", "FAIL"), name="above 10,000 dollars")


def value(limit="10000", **more) -> compliance.RuleText:
    return compliance.RuleText("small", "order_value", "Small orders", params={"max_amount": limit}, **more)


@pytest.fixture
def propose(firm, omar, by, settings):
    settings.RULES_NEED_FIXTURES = True

    def make(text: compliance.RuleText) -> RuleDraft:
        (pk,) = compliance.write_drafts(by(omar, "So."), [compliance.Change(text)])
        compliance.propose_drafts(by(omar), [pk], seen={pk: 1})
        return RuleDraft.objects.get(pk=pk)

    return make


def ran(limit: str, *fixtures) -> bench.Bench:
    return bench.run(bench.read_version("small", "Small", "order_value", "SOFT", {"max_amount": limit}), fixtures)


def test_green_is_what_finds_a_pass_and_a_fail_as_expected():
    assert ran("10000", *EDGE).is_green
    assert not ran("10000", EDGE[0]).is_green and not ran("10000").is_green
    red = ran("9999", *EDGE)
    assert red.is_red and [(m.fixture, m.order, m.expected, m.found) for m in red.misses] == [("exactly 10,000 dollars", 1, "PASS", "FAIL")]


def test_mutants_that_no_fixture_notices_are_told():
    edge = ran("10000", *EDGE)
    assert edge.survivors == ["max age a tenth lower", "max age a tenth higher"] and (edge.mutants, edge.score) == (5, 60)
    far = ran("10000", book(("1", "PASS"), ("100000", "FAIL")))
    assert far.score == 0 and "max amount no longer met at its very edge" in far.survivors


@pytest.mark.parametrize(
    ("kind", "params", "words"),
    [("instrument_share", {"exempt": ["GOVT", "CORP"]}, "exempt without CORP"), ("price_collar", {}, "market orders no for yes"),
     ("measure", {"group": "issuer", "filter": 'country == "US"'}, "filter dropped"),
     ("measure", {"group": "issuer"}, "group sector for issuer")],
)  # fmt: skip
def test_mutants_drop_exemptions_and_change_groups(kind, params, words):
    assert words in [said for said, _ in bench.mutants_of(bench.read_version("x", "X", kind, "SOFT", params))]


@pytest.mark.parametrize("code", sorted(shipped()))
def test_every_shipped_rule_is_green_on_its_bench(code):
    rule = shipped()[code]
    found = bench.run(rule.version, rule.fixtures)
    assert found.is_green and (found.score is not None or not MEASURES[rule.version.kind].takes)  # Nothing of it can be changed.


def test_without_a_pass_and_a_fail_it_is_not_proposed(propose, firm):
    for fixtures in ((), EDGE[:1]):
        with pytest.raises(compliance.NotGreen, match="one of an order that fails"):
            propose(value(fixtures=fixtures))
    assert set(RuleDraft.objects.values_list("status", flat=True)) == {"DRAFT"}


def test_red_is_never_proposed_and_says_where(propose, settings):
    settings.RULES_NEED_FIXTURES = False
    with pytest.raises(compliance.NotGreen, match="exactly 10,000 dollars.*order 1: FAIL where PASS") as refusal:
        propose(value("9999", fixtures=EDGE))
    assert refusal.value.facts["field"] == "fixtures"


def test_green_is_proposed_and_the_bench_kept_with_it(propose, odile, by):
    draft = propose(value(fixtures=EDGE))
    assert draft.bench == {"passes": 1, "fails": 1, "misses": [], "mutants": 5, "score": 60,
                           "survivors": ["max age a tenth lower", "max age a tenth higher"]}  # fmt: skip
    compliance.approve_drafts(by(odile), [draft.pk], seen={draft.pk: 2})
    assert RuleVersion.objects.get().fixtures == list(EDGE)


def test_a_scope_or_a_field_of_the_firms_own_is_no_matter_to_it(propose):
    assert propose(value(fixtures=EDGE, scope={"teams": ["B"]})).status == "PROPOSED"


@pytest.mark.parametrize(("wrong", "said"), [({"orders": 1}, "Fixture 2: “orders”"), ({"planets": {}}, "Fixture 2: There is no “planets”")])
def test_a_fixture_that_cannot_be_read_is_named(propose, wrong, said):
    with pytest.raises(BadRule, match=said) as refusal:
        propose(value(fixtures=[EDGE[0], EDGE[1] | wrong]))
    assert refusal.value.facts["field"] == "fixtures" and not RuleDraft.objects.exists()


def test_rules_of_the_library_bring_their_fixtures(firm, omar, by, settings):
    settings.RULES_NEED_FIXTURES = True
    code = next(iter(shipped()))
    (pk,) = compliance.take_rules(by(omar, "It binds us."), [code])
    compliance.propose_drafts(by(omar), [pk], seen={pk: 1})
    draft = RuleDraft.objects.get()
    assert draft.jurisdiction == shipped()[code].jurisdiction and len(draft.fixtures) == len(shipped()[code].fixtures)


def test_what_it_changes_of_the_last_days_is_told_before_it_is_approved(rules, submit, omar, odile, by, ask):
    submit(("P1", "AAA", "SELL", "100"), ("P2", "AAA", "SELL", "10"))
    rule = Rule.objects.get(code="order_value")
    text = compliance.RuleText("", "", "", "HARD", {"max_amount": "1000"})
    (pk,) = compliance.write_drafts(by(omar, "So."), [compliance.Change(text, rule.pk, 1)])
    found = selectors.history_of(RuleDraft.objects.get(pk=pk))
    assert (found.judged, len(found.held), found.let_through) == (2, 1, [])
    assert (found.held[0].was, found.held[0].is_now, found.held[0].rule) == ("PASS", "FAIL", "order_value")
    shown = words(visit(odile, "compliance:draft_history", pk, htmx=True))
    assert "<b>1</b> that pass would be held" in shown and "O-" in shown
    assert ask(omar, "get", f"/api/v1/rule-drafts/{pk}/history/").json()["judged"] == 2

    put_in_force(by, "order_value", {"max_amount": "1000"})
    (end,) = compliance.write_drafts(by(omar, "So."), [compliance.Change(None, rule.pk, 2)])
    assert [d.is_now for d in selectors.history_of(RuleDraft.objects.get(pk=end)).let_through] == ["PASS"]


def test_the_page_and_the_api_show_the_bench(firm, omar, odile, by, ask):
    (pk,) = compliance.write_drafts(by(omar, "So."), [compliance.Change(value("9999", fixtures=EDGE))])
    shown = words(visit(odile, "compliance:draft", pk, htmx=True))
    assert "Red" in shown and "exactly 10,000 dollars" in shown
    told = ask(omar, "get", f"/api/v1/rule-drafts/{pk}/bench/").json()
    assert (told["is_green"], told["misses"][0]["order"]) == (False, 1)
    answer = send(omar, "compliance:draft_act", {"seen": f"{pk}:1", "how": "propose"}, pk)
    assert answer.status_code == 409 and "Mend the rule or the fixture" in words(answer)
