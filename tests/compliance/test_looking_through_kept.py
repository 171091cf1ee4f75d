"""Rules that look through funds, on the database: an order held, answered for again, written on the page and by the API."""

from datetime import date, timedelta
from decimal import Decimal as D
from urllib.parse import urlencode

import orjson
import pytest
from django.db import connection
from django.utils import timezone

from apps.compliance import selectors
from apps.compliance import services as compliance
from apps.compliance.engine import storing
from apps.compliance.models import RuleDraft, Run
from apps.compliance.selectors.nearest import nearest_to
from apps.orders.models import Order
from apps.reference.models import Constituent, Instrument
from tests.compliance.ruling import put_in_force
from tests.compliance.test_services import _counting as counting
from tests.pages import send, visit, words

pytestmark = pytest.mark.django_db
TODAY = date.today()
AAA = {"filter": 'symbol == "AAA"', "limit": "37.2", "look_through": "funds"}
"""P1 has 2.5 of 9.95 million in AAA, and 2 million in CCC: with 60% of that 37.186%, and room for 1,400."""
WRITTEN = {"kind": "measure", "name": "AAA through funds", "code": "aaa_through", "severity": "SOFT", "moments": ["submit"],
           "limit-filter": 'symbol == "AAA"', "limit-limit": "37.2", "limit-basis": "market_value", "limit-claims": "none",
           "limit-group": "all", "limit-across": "portfolio", "limit-against": "nav", "limit-relative_to": "nothing",
           "limit-bound": "max", "limit-max_age": "4320", "limit-look_through": "funds", "limit-constituent_days": "45",
           "limit-cover_pct": "95"}  # fmt: skip


@pytest.fixture
def holds(firm):
    """``holds(AAA="60")``: what CCC, which is an ETF here, holds."""
    Instrument.objects.filter(symbol="CCC").update(asset_class="ETF")

    def make(days_ago: int = 0, fund: str = "CCC", **weights: str) -> None:
        on, of = TODAY - timedelta(days=days_ago), firm.instruments[fund]
        Constituent.objects.bulk_create(
            Constituent(fund=of, instrument=firm.instruments[symbol], as_of=on, weight_pct=D(weight)) for symbol, weight in weights.items()
        )

    return make


@pytest.fixture
def through(people, by):
    def make(**params) -> None:
        put_in_force(by, "aaa_through", AAA | params, kind="measure", name="AAA through funds", severity="SOFT")

    return make


class TestOrders:
    @pytest.mark.parametrize(("symbol", "most"), [("AAA", 28), ("CCC", 23)])
    def test_up_to_the_edge_it_passes_and_one_more_is_held(self, through, holds, submit, check_of, symbol, most):
        holds(AAA="60", BBB="40")
        through()
        (passes,) = submit(("P1", symbol, "BUY", str(most)))
        assert Order.objects.get(pk=passes).status == "CLEARED"
        (held,) = submit(("P2", symbol, "BUY", str(most + 1)))
        check = check_of(held)
        assert (Order.objects.get(pk=held).status, check.max_passing_qty, check.binding_rule) == ("HELD", most, "aaa_through")
        assert "with what CCC holds of it; the limit is 37.2%" in check.results[0]["text"]
        assert [(one.kind, one.qty) for one in nearest_to(check)] == [("SMALLER", most)]

    def test_what_is_not_on_file_is_held_too(self, through, holds, submit, check_of):
        holds(46, AAA="100")
        through()
        (order,) = submit(("P1", "AAA", "BUY", "1"))
        (found,) = check_of(order).results
        assert found["outcome"] == "INDETERMINATE" and "more than 45 days ago" in found["text"]

    def test_funds_in_funds_are_read_a_level_at_a_time(self, through, holds, submit, check_of):
        Instrument.objects.filter(symbol="BBB").update(asset_class="ETF")
        holds(BBB="100")
        holds(fund="BBB", AAA="60", BOND="40")
        through(limit="25")  # It holds BBB, too.
        (order,) = submit(("P1", "CCC", "BUY", "1"))
        assert "CCC has 60% in Together" in check_of(order).results[0]["text"]

    def test_statements_do_not_grow_and_none_is_asked_where_no_rule_looks_through(self, through, holds, submit):
        holds(AAA="60", BBB="40")

        def statements(*wanted) -> tuple[int, int]:
            """All, and those that read what funds hold."""
            of_funds = []

            def note(execute, sql, params, many, context):
                of_funds.append("reference_constituent" in sql)
                return execute(sql, params, many, context)

            with connection.execute_wrapper(note), counting() as counted:
                submit(*wanted)
            return counted[0], sum(of_funds)

        through(look_through="none")
        assert statements(("P1", "AAA", "SELL", "1"))[1] == 0
        through()
        statements(("P1", "AAA", "SELL", "2"))
        one = statements(("P1", "AAA", "SELL", "3"))
        assert one == statements(*[("P1", "AAA", "SELL", str(n)) for n in range(4, 9)]) and one[1] == 1


class TestAgain:
    def test_a_run_says_the_same_whatever_is_on_file_later(self, through, holds, firm, submit):
        holds(AAA="60", BBB="40")
        through()
        submit(("P1", "CCC", "BUY", "24"), ("P1", "AAA", "BUY", "1"))
        run = Run.objects.get()
        [held] = storing.unpacked(storing.expanded(bytes(run.inputs))).constituents.values()
        assert held.weights == {firm.instruments["AAA"].pk: D(60), firm.instruments["BBB"].pk: D(40)}
        Constituent.objects.all().delete()
        report = selectors.replay_day(timezone.now().date())
        assert (report.runs, report.judged, report.is_same) == (1, 2, True)

    def test_a_run_of_before_is_not_asked_what_it_did_not_look_at(self, through, holds, submit):
        holds(AAA="60", BBB="40")
        through(look_through="none")
        submit(("P1", "AAA", "BUY", "100"))
        through()
        today = timezone.now().date()
        report = selectors.replay_rules(selectors.active_rules(), today, today)
        assert (report.unasked, report.differences) == ({"aaa_through": 1}, [])
        assert selectors.replay_day(today).is_same


class TestWritten:
    def test_on_the_page_in_words(self, holds, omar):
        holds(AAA="60", BBB="40")
        page = words(visit(omar, "compliance:new_rule", query="?kind=measure"))
        assert "what the fund holds, and what funds in it hold" in page
        shown = words(visit(omar, "compliance:try_rule", query="?" + _query(WRITTEN), htmx=True))
        assert "through funds of which 95% is told of at most 45 days ago" in shown and "2 of 5 positions of P1 count" in shown
        tried = WRITTEN | {"try-symbol": "CCC", "try-qty": "24"}
        shown = words(visit(omar, "compliance:try_rule", query="?" + _query(tried), htmx=True))
        assert "Would not pass" in shown and "CCC, held, 60% of it" in shown and "CCC, this order, 60% of it" in shown

    def test_what_does_not_go_with_it_is_said_beside_it(self, firm, omar):
        answer = send(omar, "compliance:new_rule", WRITTEN | {"limit-relative_to": "benchmark"})
        assert answer.status_code == 422 and "Funds in a benchmark are not looked through" in words(answer)
        assert not RuleDraft.objects.exists()

    def test_by_the_api_and_as_a_file(self, firm, omar, odile, by, ask):
        said = {"code": "aaa_through", "kind": "measure", "name": "AAA through funds", "severity": "SOFT", "params": AAA}
        assert "look_through" in next(m for m in ask(omar, "get", "/api/v1/rules/measures/").json() if m["kind"] == "measure")["takes"]
        refused = ask(omar, "post", "/api/v1/rule-drafts/", said | {"params": AAA | {"against": "nothing"}})
        assert (refused.status_code, refused.json()["facts"]["field"]) == (422, "look_through")
        made = ask(omar, "post", "/api/v1/rule-drafts/", said)
        assert (made.status_code, made.json()["params"]["look_through"]) == (201, "funds")
        pk = made.json()["id"]
        compliance.propose_drafts(by(omar, "So."), [pk], seen={pk: 1})
        compliance.approve_drafts(by(odile), [pk], seen={pk: 2})
        told = selectors.rules_as_file(omar)
        assert told["rules"][0]["params"]["look_through"] == "funds"
        assert compliance.import_rules(by(omar), orjson.dumps(told)) == []


def _query(said: dict) -> str:
    return urlencode({"try-portfolio": "P1", "try-side": "BUY"} | said, doseq=True)
