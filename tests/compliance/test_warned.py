"""What is said of an order that passes at a rule's warning, and of rules that only inform or warn: in words, and holding nothing."""

import pytest

from apps.compliance import selectors
from apps.compliance.engine import figures
from apps.compliance.engine.judgement import PASS
from apps.compliance.engine.rules import MEASURES
from apps.compliance.models import Review, Run
from tests.compliance.books import book, rule, share
from tests.compliance.ruling import put_in_force
from tests.pages import visit, words

UNITS = {"filter": 'symbol == "AAA"', "group": "instrument", "basis": "units", "against": "shares_outstanding"}


@pytest.fixture
def issue(firm, people, by):
    """``issue(warning="0.5005")``: a portfolio holds at most 1% of AAA's 10,000,000 shares; each holds 50,000, 0.5%."""
    return lambda **says: put_in_force(
        by, "issue", UNITS | {"limit": "1"} | says, kind="measure", name="Part of an issue", severity="HARD"
    )


class TestEngine:
    """Net asset value 1,000,000: held 40,000 of A, and 100 an order."""

    def judged(self, warning: str, side: str = "BUY", **params):
        wanted = [(0, "A", side, 100), (0, "A", side, 1)]
        s = book([share(1, "A"), share(2, "B")], wanted, positions=[(0, "A", 400)], cash=[(0, "USD", 960_000)])
        one = rule("measure", group="instrument", warning=warning, **params)
        return s, MEASURES["measure"].judge(s, one, None)

    @pytest.mark.parametrize(
        ("warning", "warned"), [("5", [True, True]), ("5.0000000001", [False, True]), ("5.01", [False, True]), ("5.02", [False, False])]
    )
    def test_exactly_at_it_is_said(self, warning, warned):
        assert self.judged(warning, limit="6")[1].warned.tolist() == warned

    @pytest.mark.parametrize(("warning", "warned"), [("3", [True, True]), ("2.9999999999", [False, True]), ("2.98", [False, False])])
    def test_so_it_is_of_a_least(self, warning, warned):
        assert self.judged(warning, "SELL", limit="1", bound="min")[1].warned.tolist() == warned

    def test_it_is_kept_with_the_figures_and_old_ones_have_none(self):
        s, found = self.judged("5.01", limit="6")
        assert found.outcome.tolist() == [PASS, PASS]
        kept = figures.read(figures.figures_of(s.orders.id, [found], slice(None)))
        told = [kept.passed(int(pk))[0] for pk in s.orders.id]
        assert told[0].keys().isdisjoint(("warned", "warning", "unit"))
        assert (told[1]["warned"], told[1]["warning"], told[1]["unit"]) == (True, "5.01", "% of NAV")
        found.warned = None
        before = figures.read(figures.figures_of(s.orders.id, [found], slice(None)))
        assert before.warned == {} and figures.differing(before, kept) == [] == figures.differing(kept, before)


def test_an_order_at_its_warning_goes_on_and_says_so(issue, submit, check_of, mira, omar, ask):
    issue(warning="0.5005")
    below, at = submit(("P1", "AAA", "BUY", "49"), ("P2", "AAA", "BUY", "50"))
    assert check_of(at).outcome == "PASS" and not Review.objects.exists() and check_of(at).results == []
    said = "It would be 0.5005% of shares: at or above the warning of 0.5005%"
    assert [shown.warnings for shown in selectors.checks_of(mira, below)] == [[]]
    [told] = selectors.checks_of(mira, at)[0].warnings
    assert (told["rule"], told["name"], told["severity"], told["warning"]) == ("issue", "Part of an issue", "HARD", "0.5005")
    assert told["text"].startswith(said) and told["text"].endswith("the limit is 1% of shares.")

    page = words(visit(mira, "compliance:order_checks", at))
    assert said in page and '<span class="tag">warning</span>' in page and 'class="warned"' in page and "Let through; said: 1 of 1" in page
    assert "Passed all 1 rule" in words(visit(mira, "compliance:order_checks", below))

    [check] = ask(mira, "get", f"/api/v1/orders/{at}/checks/").json()
    assert [one["rule"] for one in check["warnings"]] == ["issue"]
    pack = ask(omar, "get", f"/api/v1/checks/{check['id']}/evidence/").json()
    assert (pack["rules"][0]["warned"], pack["rules"][0]["warning"]) == (True, "0.5005") and pack["rules"][0]["finding"].startswith(said)
    assert ask(omar, "get", f"/api/v1/checks/{check['id']}/evidence/pdf/").status_code == 200
    assert selectors.replay_day(Run.objects.get().at.date()).is_same


@pytest.mark.parametrize(("severity", "word"), [("INFO", "information"), ("WARN", "warning")])
def test_what_informs_and_warns_is_said_in_words(firm, people, by, submit, mira, severity, word):
    put_in_force(by, "small", {"max_amount": "1000"}, kind="order_value", name="Small orders", severity=severity)
    (pk,) = submit(("P1", "AAA", "SELL", "100"))
    page = words(visit(mira, "compliance:order_checks", pk))
    assert f'<span class="tag">{word}</span> <b>Small orders</b>' in page and "Let through; said: 1 of 1" in page


def test_the_review_shows_the_warning_and_marks_it_on_the_bar(issue, firm, people, by, submit, omar):
    issue(warning="0.5005")
    put_in_force(by, "other", {**UNITS, "limit": "0.5002", "warning": "0.5001"}, kind="measure", name="Less of an issue")
    (pk,) = submit(("P1", "AAA", "BUY", "50"))
    page = words(visit(omar, "compliance:review", Review.objects.get(order=pk).pk, htmx=True))
    assert "1 rule passed, 1 with a warning" in page and "at or above the warning of 0.5005% of shares" in page
    assert 'class="warned"' in page and "warning 0.5%" in page
