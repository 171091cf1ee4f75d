"""Rules that hang on attributes of the firm's own: filters, groups, what is missing, what cannot be taken away."""

from decimal import Decimal

import pytest
from django.db.models import ProtectedError
from django.urls import reverse

from apps.compliance import selectors
from apps.compliance import services as compliance
from apps.compliance.engine.columns import Own
from apps.compliance.engine.judgement import FAIL, INDETERMINATE, NOT_ASKED, PASS
from apps.compliance.engine.params import BadRule
from apps.compliance.engine.rules import MEASURES, own_in, read
from apps.compliance.engine.standing import stand
from apps.compliance.engine.storing import packed, unpacked
from apps.compliance.models import AskedAttribute, Check, RuleDraft, Run
from apps.orders.models import Order
from apps.reference.models import InstrumentValue, IssuerValue, OwnAttribute
from tests.compliance.books import book, rule, share
from tests.compliance.ruling import put_in_force
from tests.pages import words

D = Decimal
SHARES = [share(1, "A"), share(2, "B"), share(3, "C")]
LOW = {"filter": "own.esg < 30", "limit": "5"}


def holding(own, orders=(("A", 100), ("B", 1), ("C", 1)), held=(("A", 400),), **more):
    s = book(SHARES, [(0, symbol, "BUY", qty) for symbol, qty in orders], positions=[(0, *one) for one in held], cash=[(0, "USD", 960_000)])
    s.own = own
    return s


def outcomes(s, **params) -> list[int]:
    return MEASURES["measure"].judge(s, rule("measure", **params), None).outcome.tolist()


class TestEngine:
    SCORES = {"esg": Own("number", {1: "29.9", 2: "12", 3: "30"})}

    def test_a_filter_asks_for_it(self):
        assert outcomes(holding(self.SCORES), **LOW) == [PASS, FAIL, NOT_ASKED]
        assert outcomes(holding({"theme": Own("text", {1: "coal", 2: "none", 3: "coal"})}), filter='own.theme in ["coal"]', limit="5") == [
            PASS, NOT_ASKED, FAIL,
        ]  # fmt: skip

    @pytest.mark.parametrize("own", [{}, {"esg": Own("number", {})}, {"esg": Own("text", {1: "low", 2: "low", 3: "low"})}])
    def test_cannot_tell_without_it_or_by_another_kind(self, own):
        s = holding(own)
        found = MEASURES["measure"].judge(s, rule("measure", **LOW), None)
        assert found.outcome.tolist() == [INDETERMINATE] * 3
        assert "something that own.esg < 30 asks for is not on file for A" in found.say(0).text

    def test_what_does_not_hang_on_it_is_told_without(self):
        s = holding({}, orders=(("A", 1), ("C", 1)), held=())
        assert outcomes(s, filter='symbol == "A" && own.esg < 30', limit="5") == [INDETERMINATE, NOT_ASKED]

    def test_groups_by_it_and_cannot_tell_of_a_portfolio_that_has_what_is_not_said(self):
        themed = {"theme": Own("text", {1: "coal", 2: "coal", 3: "wind"})}
        s = holding(themed)
        found = MEASURES["measure"].judge(s, rule("measure", group="own.theme", limit="5"), None)
        assert found.outcome.tolist() == [PASS, FAIL, PASS]
        assert found.say(1).text.startswith("theme coal would be 5.01% of net asset value")
        large = MEASURES["large_groups"].judge(s, rule("large_groups", group="own.theme", limit="4"), None)
        assert large.outcome.tolist() == [PASS, FAIL, PASS]
        s = holding({"theme": Own("text", {1: "coal", 2: "coal"})})
        assert outcomes(s, group="own.theme", limit="5") == [INDETERMINATE] * 3
        assert outcomes(s, group="own.theme", limit="5", filter='symbol != "C"') == [PASS, FAIL, NOT_ASKED]

    def test_stands_at_the_end_of_the_day(self):
        s = holding({"theme": Own("text", {1: "coal"})}, orders=())
        [(_, one)] = stand(s, [rule("measure", group="own.theme", limit="3")])
        assert (one.outcome, one.group, one.value) == ("FAIL", "theme coal", 4.0)

    def test_is_stored_with_what_was_judged(self):
        s = holding(self.SCORES)
        again = unpacked(packed(s))
        assert again.own == self.SCORES
        assert outcomes(again, **LOW) == outcomes(s, **LOW)

    def test_is_found_in_a_rule_and_in_its_sentence(self):
        values = read("measure", {"filter": 'own.esg < 30 && own.theme == "coal"', "group": "own.region", "limit": "5"})
        assert own_in("measure", values) == {"esg", "theme", "region"}
        assert "for each own.region apart" in MEASURES["measure"].sentence(values)
        assert own_in("measure", read("measure", {})) == set()

    @pytest.mark.parametrize("text", ["own.esg", "!own.esg", "own.esg.x < 3", "own < 3", "own.esg && true", 'own["esg"] < 3'])
    def test_what_is_no_condition_is_refused(self, text):
        with pytest.raises(BadRule):
            read("measure", {"filter": text})


@pytest.fixture
def esg(firm) -> OwnAttribute:
    return OwnAttribute.objects.create(code="esg", title="ESG score", kind="number")


@pytest.fixture
def score(esg, firm):
    def said(**scores: str) -> None:
        for symbol, value in scores.items():
            InstrumentValue.objects.create(attribute=esg, instrument=firm.instruments[symbol], value=value)

    return said


def test_an_order_is_held_by_it_and_the_day_is_replayed_to_the_same(score, submit, by, firm):
    score(AAA="12", BBB="50")
    params = LOW | {"filter": 'symbol in ["AAA", "BBB", "CCC"] && own.esg < 30'}
    put_in_force(by, "low_esg", params, kind="measure", name="Low ESG", severity="HARD")
    low, high, unknown = (submit(("P1", symbol, "BUY", "10"))[0] for symbol in ("AAA", "BBB", "CCC"))
    said = dict(Check.objects.values_list("order", "outcome"))
    assert (said[low], said[unknown]) == ("INDETERMINATE", "INDETERMINATE")  # CCC is held, and nobody scored it.
    score(CCC="70")
    low, high, unknown = (submit(("P1", symbol, "BUY", "10"))[0] for symbol in ("AAA", "BBB", "CCC"))
    said = dict(Check.objects.values_list("order", "outcome"))
    assert [said[pk] for pk in (low, high, unknown)] == ["FAIL", "PASS", "PASS"]
    InstrumentValue.objects.all().delete()
    assert selectors.replay_day(Run.objects.first().at.date()).is_same
    assert Order.objects.get(pk=low).status == "HELD"


def test_says_of_an_issuer_hold_for_what_it_issued(submit, by, firm):
    coal = OwnAttribute.objects.create(code="coal", title="Coal", kind="choice", choices=["yes", "no"], of="issuer")
    for issuer in {i.issuer for i in firm.instruments.values()}:
        IssuerValue.objects.create(attribute=coal, issuer=issuer, value="yes" if issuer.code == "BETA" else "no")
    put_in_force(by, "coal", {"filter": 'own.coal == "yes"', "limit": "0"}, kind="measure", name="Coal", severity="HARD")
    said = [submit(("P1", symbol, "BUY", "10"))[0] for symbol in ("AAA", "BBB")]
    assert [Check.objects.get(order=pk).outcome for pk in said] == ["PASS", "FAIL"]


def test_it_cannot_be_taken_away_while_a_rule_hangs_on_it(esg, by, client, olga):
    put_in_force(by, "low_esg", LOW, kind="measure", name="Low ESG")
    assert AskedAttribute.objects.get().attribute == esg
    with pytest.raises(ProtectedError):
        esg.delete()
    client.force_login(olga)
    url = reverse("admin:reference_ownattribute_delete", args=[esg.pk])
    page = client.get(url)
    assert "“Low ESG”, version 1, asks for it" in page.content.decode()
    client.post(url, {"post": "yes", "made_from": page.context.get("made_from", "")})
    assert OwnAttribute.objects.filter(pk=esg.pk).exists()


@pytest.mark.parametrize(
    ("params", "field", "says"),
    [
        ({"filter": "own.wind < 3"}, "filter", "There is no field “own.wind”"),
        ({"filter": 'own.esg == "x"'}, "filter", "is text and is compared"),
        ({"group": "own.wind"}, "group", "There is no attribute “own.wind”. There are: own.esg."),
        ({"group": "own.Wind"}, "group", "is one of"),
    ],
)  # fmt: skip
def test_a_rule_asks_only_for_what_is_defined_and_in_its_kind(esg, by, params, field, says):
    with pytest.raises(BadRule, match=says) as refused:
        put_in_force(by, "low_esg", params, kind="measure", name="Low ESG")
    assert refused.value.facts["field"] == field


def test_an_officer_reads_of_it_where_rules_are_written(score, omar, client, by, submit):
    score(AAA="12")
    client.force_login(omar)
    page = client.get(reverse("compliance:new_rule"))
    assert "own.esg" in words(page) and "ESG score, as the firm says it" in words(page)
    assert ("own.esg", "each ESG score") in [tuple(pair) for pair in page.context["form"].fields["limit-group"].choices]
    tried = client.get(reverse("compliance:try_rule"), {
        "kind": "measure", "name": "x", "code": "x", "severity": "SOFT", "moments": ["submit"], "limit-filter": "own.esg < 30",
        "limit-limit": "5", "limit-bound": "max", "limit-basis": "market_value", "limit-group": "all", "limit-across": "portfolio",
        "limit-against": "nav", "try-portfolio": "P1", "try-side": "BUY", "try-symbol": "AAA",
    })  # fmt: skip
    assert "Would not pass" in words(tried) or "Cannot tell" in words(tried)


def test_drafts_are_compared_only_with_days_that_knew_it(score, by, submit, rules, omar):
    submit(("P1", "AAA", "SELL", "100"))
    score(AAA="12", BBB="1", CCC="1")
    (pk,) = compliance.write_drafts(by(omar, "So."), [compliance.Change(compliance.RuleText("low_esg", "measure", "Low", params=LOW))])
    assert selectors.history_of(RuleDraft.objects.get(pk=pk)).held == []
