"""Expected and realised costs: exact figures, groups with their sample, and who sees them."""

import csv
import io
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from apps.reporting import cost_selectors, rules
from apps.routing.models import CostEstimate
from tests.allocations.filling import Street, keep_promises

D = Decimal


def routed(qty="1000", value="50020", mid: str | None = "50", expected="25", of="50000", whole=True) -> rules.Routed:
    return rules.Routed("R-1", D(qty), D(value), None if mid is None else D(mid), None if of is None else D(of),
                        None if expected is None else D(expected), whole)  # fmt: skip


def done(*routes: rules.Routed, side="BUY", commission="10", fees="1", broker="HARBOR", rate: str | None = "1", **more) -> rules.Done:
    said = {"decision_bp": D("4"), "decision_mid": D("49.99"), "decision_whole": True} | more
    return rules.Done(
        1, "AAA", side, broker, "VWAP", "USD", date(2026, 11, 30), D(1), routes or (routed(),), Fraction(D(commission)),
        Fraction(D(fees)), said["decision_bp"], said["decision_mid"], said["decision_whole"], None if rate is None else D(rate),
    )  # fmt: skip


class TestCompared:
    def test_each_part_and_their_sum(self):
        row = rules.compare(done())

        assert (row.price_bp, row.commission_bp, row.fees_bp) == (D("4.0000"), D("2.0000"), D("0.2000"))
        assert (row.realised_bp, row.expected_bp, row.difference_bp) == (D("6.2000"), D("5.0000"), D("1.2000"))
        # (50,020 − 49,990) ÷ 49,990, with commission and fees, less 4.
        assert (row.since_decision_bp, row.against_decision_bp) == (D("6.0012"), D("4.2012"))
        assert dict(row.worked)["Price"] == "(50020 − 50000) ÷ 50000 = 4.0000 bp"

    def test_a_sale_below_its_mid_costs_as_a_buy_above(self):
        row = rules.compare(done(routed(value="49980"), side="SELL"))

        assert row.price_bp == D("4.0000")
        assert dict(row.worked)["Price"] == "−(49980 − 50000) ÷ 50000 = 4.0000 bp"

    def test_several_routes_weigh_by_value(self):
        row = rules.compare(done(routed(), routed("3000", "149970", "50", "15", "150000")))

        assert (row.price_bp, row.expected_bp) == (D("-0.5000"), D("2.0000"))  # −10 of 200,000; 40 of 200,000.

    def test_what_is_not_known_is_said_and_not_guessed(self):
        row = rules.compare(done(routed(mid=None)))
        assert (row.realised_bp, row.difference_bp) == (None, None) and "no quote" in row.missing[0]
        row = rules.compare(done(routed(expected=None)))
        assert (row.realised_bp, row.difference_bp) == (D("6.2000"), None) and "Nothing was expected" in row.missing[0]
        row = rules.compare(done(routed(whole=False), decision_mid=None))
        assert not row.is_whole and row.difference_bp == D("1.2000") and row.against_decision_bp is None

    @settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.integers(1, 10**6), st.decimals("1", "900", places=4), st.decimals("1", "900", places=4), st.sampled_from(["BUY", "SELL"]))
    def test_it_is_the_shortfall_to_half_of_the_last_place(self, qty, price, mid, side):
        row = rules.compare(done(routed(str(qty), str(qty * price), str(mid)), side=side))
        exact = (1 if side == "BUY" else -1) * (Fraction(price) - Fraction(mid)) / Fraction(mid) * 10_000

        assert abs(Fraction(row.price_bp) - exact) <= Fraction(1, 20_000)


class TestGrouped:
    def test_by_value_with_its_sample(self):
        rows = [rules.compare(one) for one in (
            done(), done(routed("3000", "150000", "50", "15", "150000"), commission="0", fees="0"), done(routed(mid=None)), done(rate=None),
            done(broker="NORTHGATE"))]  # fmt: skip
        first, second = rules.grouped(rows, lambda row: row.done.broker, 2)

        # 50,000 at 5 and 150,000 at 1; 50,000 at 6.2 and 150,000 at 0.
        assert (first.name, first.n, first.unknown, first.value_usd) == ("HARBOR", 2, 2, D("200000.00"))
        assert (first.expected_bp, first.realised_bp, first.difference_bp, first.worse) == (D("2.0000"), D("1.5500"), D("-0.4500"), 1)
        assert (first.is_small, second.is_small) == (False, True)

    def test_none_that_is_known_has_no_figure(self):
        (only,) = rules.grouped([rules.compare(done(routed(mid=None)))], lambda row: row.done.broker, 1)

        assert (only.n, only.unknown, only.expected_bp, only.difference_bp, only.is_small) == (0, 1, None, None, True)


@pytest.fixture
def booked(firm, by, mira, tom):
    """10,000 AAA sold by NORTHGATE at 49.99, the mid 50 at arrival; 100 of commission."""
    street = Street(firm, by, mira, tom)
    block = street.block("AAA", "SELL", {"P1": 5000, "P3": 5000})
    keep_promises("routing.")
    route = street.route(block)
    street.fill(route, 10_000, "49.99", "100.00")
    keep_promises("allocations.")
    block.refresh_from_db()
    return block


class TestReported:
    def test_a_booked_block_by_broker_and_strategy(self, booked):
        (row,) = cost_selectors.compared_costs(None, cost_selectors.Asked())
        kept = CostEstimate.objects.get(moment="ARRIVAL")

        assert (row.done.broker, row.done.strategy, row.qty) == ("NORTHGATE", "VWAP", D(10_000))
        assert (row.price_bp, row.commission_bp, row.fees_bp) == (D("2.0000"), D("2.0000"), D("0.0000"))
        assert row.expected_bp == rules.compare(row.done).expected_bp == D(kept.total_amount / kept.value * 10_000).quantize(D("0.0001"))
        assert row.done.decision_bp == CostEstimate.objects.filter(moment="DECISION").latest("pk").total_bp
        assert cost_selectors.compared_costs(None, cost_selectors.Asked(broker="HARBOR")) == []
        assert cost_selectors.compared_costs([], cost_selectors.Asked()) == []

    @pytest.mark.parametrize(("most", "is_said"), [(1, True), (20_000, False)])
    def test_the_page_says_where_older_routes_are_in_no_figure(self, booked, olga, monkeypatch, most, is_said):
        monkeypatch.setattr(cost_selectors, "MOST", most)
        browser = Client()
        browser.force_login(olga)

        assert (f"Only the newest {most:,} routes are counted" in browser.get(reverse("costs:report")).content.decode()) is is_said

    def test_on_its_page_with_its_arithmetic(self, booked, olga, django_assert_max_num_queries):
        browser = Client()
        browser.force_login(olga)
        with django_assert_max_num_queries(14):
            page = browser.get(reverse("costs:report") + "?by=both").content.decode()

        assert "−(499900 − 500000) ÷ 500000 = 2.0000 bp" in page and "NORTHGATE, VWAP" in page
        assert "Too few: nothing follows from fewer than 20" in page
        assert browser.get(reverse("costs:report") + "?since=soon").status_code == 422
        assert browser.get(reverse("costs:report") + "?by=luck").status_code == 422

    def test_as_a_file_no_cell_of_which_is_a_formula(self, booked, olga):
        browser = Client()
        browser.force_login(olga)
        text = b"".join(browser.get(reverse("costs:file") + "?format=csv&strategy=VWAP").streaming_content).decode("utf-8-sig")
        lines = list(csv.reader(io.StringIO(text)))
        head = next(n for n, line in enumerate(lines) if line and line[0] == "Block")
        said = dict(zip(lines[head], lines[head + 1], strict=True))

        assert (said["Broker"], D(said["Shortfall (bp)"]), D(said["Commission (bp)"])) == ("NORTHGATE", D(2), D(2))
        assert any("strategy VWAP" in cell for line in lines[:head] for cell in line)
        assert not any(cell.startswith(("=", "+", "@")) for line in lines for cell in line)
        assert browser.get(reverse("costs:file") + "?format=xlsx").status_code == 200
        assert browser.get(reverse("costs:file") + "?format=exe").status_code == 422

    def test_over_the_api_as_far_as_one_sees(self, booked, ada, tom, mira):
        reader = APIClient()
        reader.force_authenticate(ada)
        said = reader.get("/api/v1/realised-costs/?by=strategy").json()
        assert said["is_whole"] and said["rows"][0]["price_bp"] == "2.0000" and said["groups"][0]["is_small"]
        assert said["rows"][0]["worked"]["Commission"] == "100 ÷ 500000 = 2.0000 bp"
        assert reader.get("/api/v1/realised-costs/?until=x").status_code == 422
        reader.force_authenticate(tom)
        said = reader.get("/api/v1/realised-costs/").json()
        assert len(said["rows"]) == 1 and not said["is_whole"]
