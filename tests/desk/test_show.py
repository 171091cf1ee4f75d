"""How figures, times and states are written on pages."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from apps.desk import bars
from apps.desk.templatetags import show

NOW = datetime(2026, 11, 23, 14, 2, 13, 418_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "currency", "shown"),
    [
        (Decimal("1234.5"), "USD", "$1,234.50"),
        (Decimal("-1234.5"), "GBP", "−£1,234.50"),
        (Decimal("1234.5"), "CHF", "CHF\u00a01,234.50"),
        (Decimal("-1730"), "CHF", "−CHF\u00a01,730.00"),
        (Decimal("1234.5"), "JPY", "¥1,235"),
        (Decimal("0.005"), None, "0.01"),
        (Decimal("-0.001"), "USD", "$0.00"),
        (None, "USD", "–"),
    ],
)
def test_money_stands_with_its_currency_and_a_true_minus(value, currency, shown):
    assert show.money(value, currency) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (950, "$950"),
        (87_412, "$87.4K"),
        (999_949, "$999.9K"),
        (999_950, "$1.0M"),
        (9_500_000, "$9.5M"),
        (2_000_000_000, "$2.00B"),
        (-18_400, "−$18.4K"),
        (0, "$0"),
    ],
)
def test_money_for_a_headline_is_short(value, shown):
    assert show.money_short(Decimal(value), "USD") == shown


def test_a_gain_has_a_plus_and_a_loss_a_minus():
    assert show.signed_money(Decimal(87412), "USD") == "+$87,412"
    assert show.signed_money(Decimal(-64), "USD") == "−$64"
    assert show.signed_money(Decimal(0), "USD") == "$0"
    assert show.sign(Decimal("1.75"), 1) == "+1.8"
    assert show.sign("-730") == "−730"
    assert show.sign(Decimal("-0.04"), 1) == "0.0"


def test_money_to_the_whole_unit_rounds_half_up():
    assert show.money0(Decimal("2.5"), "USD") == "$3"
    assert show.money0(Decimal("-2.5"), "USD") == "−$3"


@pytest.mark.parametrize(
    ("value", "places", "shown"),
    [
        (Decimal("24500000"), None, "24,500,000"),
        (Decimal("2.45E+7"), None, "24,500,000"),
        (Decimal("10.500"), None, "10.5"),
        (Decimal("10.5"), 3, "10.500"),
        (Fraction(1, 3), None, "0.333333"),
        ("", None, "–"),
    ],
)
def test_a_quantity_has_the_decimals_it_needs_or_those_of_its_column(value, places, shown):
    assert show.qty(value, places) == shown


def test_a_price_has_fixed_decimals():
    assert show.price(Decimal("227.39")) == "227.3900"
    for value, unit, shown in (
        ("25000000", "USD", "25,000,000.00"), ("38.766019", "% of NAV", "38.7660"), ("0.000003", "% of shares", "<0.0001"),
        ("-0", "USD", "0.00"),
        ("", "", "–"), ("0", "%", "0.0000"),
    ):  # fmt: skip
        assert show.figure(value, unit) == shown
    assert show.price(Decimal("101.2145"), 3) == "101.215"
    assert show.price(None) == "–"


def test_a_float_is_read_by_its_text():
    assert show.price(1.005, 2) == "1.01"


def test_ratios_and_points_are_named_apart():
    assert show.pct(Decimal("0.054")) == "5.4%"
    assert show.percent(Decimal("5.4"), 2) == "5.40%"
    assert show.bp(Decimal("-1.66")) == "−1.7\u00a0bp"


@pytest.mark.parametrize(
    ("age", "shown"),
    [
        (timedelta(seconds=-3), "0.0 s"),
        (timedelta(milliseconds=300), "0.3 s"),
        (timedelta(seconds=42), "42 s"),
        (timedelta(minutes=6, seconds=59), "6 min"),
        (timedelta(hours=2, minutes=5), "2 h 05"),
        (timedelta(days=3), "3 d"),
    ],
)
def test_an_age_has_one_unit_a_person_reads(age, shown):
    at = NOW - age
    assert show.ago(at, NOW) == f'<time data-ago="{at.timestamp():.1f}">{shown}</time>'


def test_a_moment_is_in_utc_and_carries_the_whole_of_itself(monkeypatch):
    monkeypatch.setattr(show.timezone, "now", lambda: NOW)

    assert show.when(NOW, "ms") == (
        '<time datetime="2026-11-23T14:02:13.418000+00:00" title="2026-11-23 14:02:13.418000 UTC">14:02:13.418</time>'
    )
    assert ">22 Nov 14:02:13<" in show.when(NOW - timedelta(days=1))
    assert ">23 Nov 2025 14:02:13<" in show.when(NOW - timedelta(days=365))
    assert ">23 Nov 2026 14:02:13<" in show.when(NOW, "full")
    assert show.when(None) == "–"


def test_a_business_date_names_its_weekday():
    assert show.day(date(2026, 11, 25)) == "Wed 25 Nov 2026"
    assert show.day(None) == "–"


def test_a_state_has_a_word_and_a_class():
    assert show.status("held") == '<span class="st s-hold">Held</span>'
    assert show.status("PENDING_CANCEL") == '<span class="st s-hold">Pending cancel</span>'
    assert show.status("ready", "Ready to route") == '<span class="st s-idle">Ready to route</span>'
    assert show.status("held", "<b>", "bad") == '<span class="st s-bad">&lt;b&gt;</span>'


def test_no_state_has_two_looks():
    words = " ".join(show.LOOKS.values()).split()

    assert len(words) == len(set(words)) == len(show.LOOK_OF)


def test_a_side_is_a_word_in_its_colour():
    assert show.side("buy") == '<span class="buy">Buy</span>'
    assert show.side("BUY_TO_COVER") == '<span class="buy">Buy to cover</span>'
    assert show.side("sell_short", "Short") == '<span class="sell">Short</span>'


@pytest.mark.parametrize(
    ("done", "total", "width", "word"),
    [
        (0, 100, "0.0", "0%"),
        (1, 1000, "0.1", "1%"),
        (999, 1000, "99.9", "99%"),
        (100, 100, "100.0", "100%"),
        (5, 0, "0.0", "0%"),
    ],
)
def test_a_bar_is_full_only_when_all_is_done(done, total, width, word):
    drawn = bars.fillbar(Decimal(done), Decimal(total))

    assert f'<rect width="{width}%"' in drawn
    assert drawn.endswith(f"</svg>{word}")
    assert ("full" in drawn) == (done == total)


def test_a_limit_bar_says_in_words_what_it_draws():
    drawn = bars.limitbar(now=Decimal("4.1"), after=Decimal("5.4"), limit=5)

    assert 'aria-label="4.1% now, 5.4% after, limit 5.0%"' in drawn
    assert 'class="over"' in drawn
    assert "style=" not in drawn
    assert 'class="within"' in bars.limitbar(now=1, after=2, limit=5)
    assert 'class="freed"' in bars.limitbar(now=4, after=2, limit=5)
    assert 'class="over"' in bars.limitbar(now=7, after=5, limit=6, least=True)


def test_a_drift_is_drawn_from_the_middle_and_never_leaves_the_bar():
    assert 'class="above" x="50.00%" y="3" width="13.00%"' in bars.driftbar(Decimal("0.52"), 2)
    assert 'class="below" x="0.00%" y="3" width="50.00%"' in bars.driftbar(Decimal("-9"), 2)


def test_initials_and_codes_are_read_by_people():
    assert show.initials("Tom van Tran") == "TT"
    assert show.initials("ada") == "AD"
    assert show.humane("stale_order") == "Stale order"


def test_a_cost_below_nothing_is_good_and_a_loss_is_bad():
    assert (show.cost_class(Decimal("-1.2")), show.cost_class(1), show.cost_class(0)) == ("ok", "bad", "")
    assert (show.good_bad(Decimal("-1.2")), show.good_bad(1), show.good_bad(None)) == ("bad", "ok", "")
