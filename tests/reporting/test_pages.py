"""The result page: computed from the run, scoped to what the person may see."""

from decimal import Decimal

import pytest

from apps.reporting.page_selectors import chart, filling
from tests.allocations.filling import Street, keep_promises
from tests.pages import visit, words

D = Decimal


@pytest.fixture
def street(firm, by, mira, tom) -> Street:
    return Street(firm, by, mira, tom)


def test_the_page_says_what_it_will_say_before_anything_is_executed(firm, olga):
    said = words(visit(olga, "reporting:results"))

    assert "Nothing has been executed yet" in said and "<polyline" not in said


def test_figures_come_from_the_executions(street, olga):
    street.allocated("AAA", "SELL", {"P1": 500, "P2": 500}, [(400, "50.00", "4"), (600, "50.10", "6")])

    said = words(visit(olga, "reporting:results"))

    assert "100.00%" in said
    assert "$10" in said  # commission
    assert "50.0600" in said and "AAA" in said and "NORTHGATE" in said
    assert "Allocated" in said and '<polyline class="series"' in said


def test_fills_sum_up_over_time(street):
    street.allocated("AAA", "SELL", {"P1": 500}, [(200, "50.00"), (300, "50.00")])
    street.allocated("BBB", "BUY", {"P1": 100}, [(100, "80.00")])

    made = filling()

    assert made.equity.total == 500 * 50 + 100 * 80 * D("1.1") and made.bonds.total == 0
    assert made.equity.amounts == sorted(made.equity.amounts)
    assert made.equity.shares[-1] == 100
    assert chart(made).equity.endswith("716.0,12.0") and chart(made).bonds == ""
    assert len(made.rows) == 12 and made.rows[-1][1] == made.equity.total


def test_a_manager_sees_the_blocks_of_their_portfolios_only(street, paul, mira):
    street.allocated("AAA", "SELL", {"P1": 500}, [(500, "50.00")])
    street.allocated("CCC", "SELL", {"P3": 100}, [(100, "100.00")])

    theirs, all_of_them = words(visit(paul, "reporting:results")), words(visit(mira, "reporting:results"))

    assert "CCC" in theirs and "AAA" not in theirs and "The blocks you may see" in theirs
    assert "CCC" in all_of_them and "AAA" in all_of_them


def test_the_live_part_brings_the_figures_along(street, olga):
    street.done("AAA", "SELL", {"P1": 500}, [(500, "50.00")])
    keep_promises("allocations.")

    part = words(visit(olga, "reporting:results", htmx=True))

    assert "<html" not in part and 'hx-swap-oob="innerHTML:#figures"' in part


def test_another_role_is_refused(firm, alan):
    assert visit(alan, "reporting:results").status_code == 403
