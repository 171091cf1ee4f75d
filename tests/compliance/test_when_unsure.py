"""What a rule makes of what it cannot tell: as of what fails, or as it says itself. Never passed over."""

import numpy as np
import orjson
import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from apps.compliance import selectors
from apps.compliance import services as compliance
from apps.compliance.engine import bench, fixtures
from apps.compliance.engine.judgement import FAIL, INDETERMINATE, PASS, UNKNOWN
from apps.compliance.engine.screening import screen
from apps.compliance.models import Review, Rule, RuleDraft, RuleVersion
from apps.compliance.selectors.replay import replay_day
from apps.compliance.selectors.runs import rules_hash
from apps.core.refusals import Invalid
from apps.marketdata.models import AverageVolume
from apps.orders.models import Order
from tests.compliance.ruling import put_in_force
from tests.pages import send, visit, words

BOOK = {
    "name": "a volume, and none on file", "instruments": {"A": {"daily_qty": "1000"}, "N": {"daily_qty": None}},
    "portfolios": {"P": {"cash": {"USD": "0"}, "holds": {"N": "100"}}},
    "orders": [{"side": "SELL", "qty": "251", "symbol": "A", "expect": "FAIL", "largest": "250"},
               {"side": "SELL", "qty": "100", "symbol": "N", "expect": "INDETERMINATE", "limit": "100"},
               {"side": "SELL", "qty": "1", "symbol": "A", "expect": "PASS"}],
}  # fmt: skip
VOLUME = {"max_pct": "25"}


def volume(severity: str, when_unsure: str):
    return bench.read_version("volume", "Volume", "order_volume", severity, VOLUME)._replace(id=1, when_unsure=when_unsure)


class TestScreening:
    @pytest.mark.parametrize(
        ("severity", "when_unsure", "outcomes", "severities"),
        [
            ("SOFT", "", (FAIL, INDETERMINATE), ("SOFT", "SOFT")), ("HARD", "", (FAIL, INDETERMINATE), ("HARD", "HARD")),
            ("WARN", "", (PASS, PASS), None), ("SOFT", "WARN", (FAIL, PASS), ("SOFT", None)),
            ("SOFT", "HARD", (FAIL, INDETERMINATE), ("SOFT", "HARD")), ("HARD", "SOFT", (FAIL, INDETERMINATE), ("HARD", "SOFT")),
            ("WARN", "SOFT", (PASS, INDETERMINATE), (None, "SOFT")), ("INFO", "HARD", (PASS, INDETERMINATE), (None, "HARD")),
            ("HARD", "WARN", (FAIL, PASS), ("HARD", None)),
        ],
    )  # fmt: skip
    def test_what_holds_an_order_and_how_severe_that_is(self, severity, when_unsure, outcomes, severities):
        s = fixtures.read(BOOK).snapshot
        found = screen(s, [volume(severity, when_unsure)])

        assert tuple(found.outcome[:2]) == outcomes and found.outcome[2] == PASS
        held = [found.severity(row) if found.leading[row] >= 0 else None for row in (0, 1)]
        assert held == list(severities or (None, None))
        said = [orjson.loads(one) for one in found.results(s)]
        assert [one[0]["severity"] for one in said[:2]] == [severity, when_unsure or severity] and said[2] == []

    def test_the_more_severe_of_two_rules_leads(self):
        s = fixtures.read(BOOK).snapshot
        worth = bench.read_version("worth", "Worth", "order_value", "SOFT", {"max_amount": "1"})
        found = screen(s, [worth, volume("SOFT", "HARD")])
        assert list(found.leading) == [0, 1, 0] and found.severity(1) == "HARD"

    def test_what_is_only_said_leaves_the_largest_quantity_known(self):
        s = fixtures.read(BOOK | {"orders": BOOK["orders"][1:2]}).snapshot
        unheld = bench.read_version("held", "Held", "order_value", "SOFT", {"max_amount": "5000"})
        held, said = (screen(s, [unheld, volume("SOFT", unsure)]).max_qty[0] for unsure in ("", "WARN"))
        assert (held, said) == (UNKNOWN, 50 * 10_000)

    def test_a_sale_of_which_it_is_only_said_pays_for_a_purchase(self):
        told = BOOK | {"orders": [BOOK["orders"][1], {"side": "BUY", "qty": "100", "symbol": "A", "limit": "100", "expect": "PASS"}]}
        cash = bench.read_version("cash", "Cash", "cash_by_currency", "SOFT", {})
        s = fixtures.read(told).snapshot
        assert [int(screen(s, [volume("SOFT", unsure), cash]).outcome[1]) for unsure in ("WARN", "", "HARD")] == [PASS, FAIL, FAIL]

    @pytest.mark.parametrize(
        ("severity", "when_unsure", "rows"), [("SOFT", "", [0, 1]), ("WARN", "", []), ("SOFT", "WARN", [0]), ("WARN", "SOFT", [1])]
    )
    def test_rows_that_are_held(self, severity, when_unsure, rows):
        [found] = screen(fixtures.read(BOOK).snapshot, [volume(severity, when_unsure)]).verdicts
        assert np.array_equal(found.holding, rows)


@pytest.fixture
def blind(rules, firm, submit, by):
    """``blind("WARN")``: an order of what has no volume on file, by the rule of volumes that says so of what it cannot tell."""

    def make(when_unsure: str) -> Order:
        AverageVolume.objects.filter(instrument=firm.instruments["AAA"]).delete()
        put_in_force(by, "order_volume", VOLUME, when_unsure=when_unsure)
        [pk] = submit(("P1", "AAA", "SELL", "100"))
        return Order.objects.get(pk=pk)

    return make


class TestOrders:
    def test_it_is_held_by_the_rules_severity_where_nothing_is_said(self, blind):
        order = blind("")
        assert (order.status, Review.objects.get(order=order).severity) == ("HELD", "SOFT")

    def test_it_is_said_and_goes_on(self, blind, check_of, omar):
        order = blind("WARN")
        assert order.status == "CLEARED" and not Review.objects.exists()
        check = check_of(order.pk)
        [said] = check.results
        assert (check.outcome, said["outcome"], said["severity"]) == ("PASS", "INDETERMINATE", "WARN")
        page = words(visit(omar, "compliance:order_checks", order.pk, htmx=True))
        assert "warning" in page and "no average daily volume of AAA is on file" in page

    def test_it_waits_for_two_officers(self, blind, omar, odile, by):
        review = Review.objects.get(order=blind("HARD"))
        assert review.severity == "HARD"
        seen = {review.pk: review.version}
        assert compliance.approve_reviews(by(omar, "The volume is old, not small."), [review.pk], seen=seen).asked == [review.pk]
        review.refresh_from_db()
        assert compliance.approve_reviews(by(odile, "Agreed."), [review.pk], seen={review.pk: review.version}).through == [review.pk]
        assert "cannot tell, hard" in words(visit(omar, "compliance:review", review.pk))

    @pytest.mark.parametrize("when_unsure", ["", "WARN", "HARD"])
    def test_it_is_judged_again_the_same(self, blind, when_unsure):
        blind(when_unsure)
        report = replay_day(timezone.now().date())
        assert report.judged == 1 and report.is_same

    def test_runs_from_before_rules_said_so_keep_the_hash_of_their_rules(self, rules, by):
        ids = list(RuleVersion.objects.order_by("pk").values_list("pk", flat=True))
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT encode(sha256(convert_to(string_agg(jsonb_build_array(v.id, r.code, r.kind, v.number, v.severity, v.params,"
                " v.scope, v.moments)::text, E'\\n' ORDER BY v.id), 'UTF8')), 'hex')"
                " FROM compliance_ruleversion v JOIN compliance_rule r ON r.id = v.rule_id"
            )
            before = cursor.fetchone()[0]
        assert rules_hash(ids) == before
        put_in_force(by, "order_volume", VOLUME, when_unsure="WARN")
        newest = RuleVersion.objects.latest("pk").pk
        with connection.cursor() as cursor:
            cursor.execute("SELECT v.id FROM compliance_ruleversion v WHERE v.when_unsure = 'WARN'")
            assert cursor.fetchall() == [(newest,)]
        assert rules_hash([newest]) != before

    def test_what_a_change_of_it_would_have_let_through_is_told(self, blind, omar, by):
        blind("")
        rule = Rule.objects.get(code="order_volume")
        text = compliance.RuleText("", "", "", "SOFT", VOLUME, when_unsure="WARN")
        [pk] = compliance.write_drafts(by(omar, "So."), [compliance.Change(text, rule.pk, rule.version)])
        assert [(d.was, d.is_now) for d in selectors.history_of(RuleDraft.objects.get(pk=pk)).let_through] == [("INDETERMINATE", "PASS")]


class TestWriting:
    NEW = {"kind": "order_volume", "name": "Volumes", "code": "volumes", "severity": "SOFT", "moments": ["submit"],
           "limit-max_pct": "20", "when_unsure": "HARD"}  # fmt: skip

    def test_the_builder_asks_for_it_and_the_sentence_says_it(self, firm, omar, odile):
        page = words(visit(omar, "compliance:new_rule", query="?kind=order_volume"))
        assert 'name="when_unsure"' in page and "as its severity says" in page and "waits for two officers" in page
        assert send(omar, "compliance:new_rule", self.NEW).status_code == 302
        draft = RuleDraft.objects.get()
        assert draft.when_unsure == "HARD" and draft.text.endswith("Where it cannot tell, the order waits for two officers.")
        assert "waits for two officers" in words(visit(odile, "compliance:draft", draft.pk, htmx=True))
        assert '<option value="HARD" selected>waits for two officers' in words(visit(omar, "compliance:draft_edit", draft.pk))

    def test_the_trial_says_it_too(self, firm, omar):
        query = "&".join(f"{k}={v}" for k, v in {**self.NEW, "moments": "submit", "try-portfolio": "P1", "try-side": "BUY"}.items())
        assert "waits for two officers" in words(visit(omar, "compliance:try_rule", query=f"?{query}", htmx=True))

    def test_over_the_api(self, firm, omar, odile, by, ask):
        said = {"code": "volumes", "kind": "order_volume", "name": "Volumes", "severity": "SOFT", "when_unsure": "WARN", "params": VOLUME}
        made = ask(omar, "post", "/api/v1/rule-drafts/", said)
        assert made.status_code == 201 and made.json()["when_unsure"] == "WARN"
        bad = ask(omar, "post", "/api/v1/rule-drafts/", said | {"code": "others", "when_unsure": "INFO"})
        assert bad.status_code in (400, 422) and "when_unsure" in bad.content.decode()
        pk = made.json()["id"]
        compliance.propose_drafts(by(omar, "So."), [pk], seen={pk: 1})
        compliance.approve_drafts(by(odile), [pk], seen={pk: 2})
        [rule] = ask(omar, "get", "/api/v1/rules/?code=volumes").json()["results"]
        assert rule["when_unsure"] == "WARN" and rule["text"].endswith("that is said and holds nothing.")

    def test_another_word_is_refused_and_nothing_is_kept(self, firm, omar, by):
        text = compliance.RuleText("volumes", "order_volume", "Volumes", params=VOLUME, when_unsure="INFO")
        with pytest.raises(Invalid, match="WARN, SOFT, HARD, or empty") as refused:
            compliance.write_drafts(by(omar, "So."), [compliance.Change(text)])
        assert refused.value.facts["field"] == "when_unsure" and not RuleDraft.objects.exists()

    def test_the_database_refuses_it_too(self, rules):
        version = RuleVersion.objects.first()
        version.pk, version.number, version.when_unsure = None, 9, "INFO"
        with pytest.raises(IntegrityError, match="what_a_rule_cannot_tell_is_said_or_held"), transaction.atomic():
            version.save()

    def test_a_file_says_it_where_the_rule_does(self, rules, omar, by):
        put_in_force(by, "order_volume", VOLUME, when_unsure="WARN")
        told = selectors.rules_as_file(omar)
        assert [rule["code"] for rule in told["rules"] if "when_unsure" in rule] == ["order_volume"]
        assert compliance.import_rules(by(omar), orjson.dumps(told)) == []
        others = [{k: v for k, v in rule.items() if k not in ("when_unsure", "sha256")} for rule in told["rules"]]
        [pk] = compliance.import_rules(by(omar), orjson.dumps(told | {"rules": others}))
        assert RuleDraft.objects.get(pk=pk).when_unsure == ""
