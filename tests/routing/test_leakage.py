"""How the mid moved after asking: what is kept of it, and what it says of dealers."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.audit.models import Entry
from apps.marketdata import services as marketdata
from apps.routing import services as routing
from apps.routing.leakage_selectors import leakage_seen_by
from apps.routing.models import Drift
from apps.routing.rules import leakage
from tests.pages import visit, words

from .test_negotiation import asked, take  # noqa: F401

D = Decimal


def seen(pk, move, lost=(), won=(), gain=None, cover=None) -> leakage.Seen:
    number = lambda value: None if value is None else D(str(value))  # noqa: E731
    return leakage.Seen(pk, number(move), frozenset(lost), frozenset(won), number(gain), number(cover))


class TestScores:
    def test_the_move_is_against_us_the_way_we_traded(self):
        assert leakage.move_bp("BUY", D(98), D("98.098")) == D(10)
        assert leakage.move_bp("SELL", D(98), D("98.098")) == D(-10)
        assert leakage.move_bp("BUY", D(98), None) is None and leakage.move_bp("BUY", None, D(98)) is None

    def test_a_dealer_is_compared_with_the_inquiries_it_was_not_asked_in(self):
        rows = [seen(n, 10 + n % 2, lost={1}, won={2}) for n in range(10)] + [seen(10 + n, n % 2, lost={3}, won={2}) for n in range(10)]

        first, *_ = leakage.scores(rows)

        assert (first.dealer_id, first.asked, first.lost, first.others, first.mean_bp, first.other_bp) == (1, 10, 10, 10, 10.5, 0.5)
        # Sample variance of five and five: 10 × 0.25 ÷ 9; so √(2 × 0.2777… ÷ 10).
        assert first.score_bp == 10 and first.error_bp == pytest.approx((2 * (2.5 / 9) / 10) ** 0.5)
        assert first.verdict == "the mid moves against us"

    def test_what_a_dealer_won_says_nothing_of_it(self):
        rows = [seen(n, 50, won={1}, lost={2}) for n in range(20)]

        score = next(s for s in leakage.scores(rows) if s.dealer_id == 1)

        assert (score.asked, score.lost, score.verdict) == (20, 0, "too few to tell")

    @pytest.mark.parametrize(("lost", "others", "told"), [(10, 10, True), (9, 10, False), (10, 9, False)])
    def test_ten_of_each_are_enough_and_nine_are_not(self, lost, others, told):
        rows = [seen(n, 5, lost={1}) for n in range(lost)] + [seen(100 + n, 0, lost={2}) for n in range(others)]

        score = next(s for s in leakage.scores(rows) if s.dealer_id == 1)

        assert score.is_too_few is not told

    def test_exactly_two_standard_errors_are_no_sign(self):
        score = leakage.Score(1, 20, 10, 10, 2.0, 0.0, 2.0, 1.0)

        assert score.verdict == "no sign of it"

    def test_inquiries_without_a_known_move_are_not_counted(self):
        rows = [seen(n, None, lost={1}) for n in range(30)]

        assert leakage.scores(rows)[0].lost == 0

    def test_the_size_that_gained_most_net_of_the_move_is_suggested(self):
        three = [seen(n, 1, lost={1, 2}, won={3}, gain=4, cover=3) for n in range(10)]
        five = [seen(20 + n, 4, lost={1, 2, 4, 5}, won={3}, gain=5, cover=4) for n in range(10)]
        few = [seen(40, 0, lost={1}, gain=100, cover=1)]

        made = leakage.panels(three + five + few)

        assert [(p.size, p.inquiries) for p in made] == [(1, 1), (3, 10), (5, 10)]
        assert (made[1].net_bp, made[2].net_bp, made[1].cover_gap_bp) == (3, 1, 1)
        assert leakage.suggested(made).size == 3
        assert leakage.suggested(made[:2]) is None

    @settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(st.tuples(st.integers(-50, 50), st.frozensets(st.integers(1, 4), max_size=4)), max_size=60))
    def test_every_dealer_asked_has_one_score_and_the_counts_add_up(self, rows):
        past = [seen(n, move, lost=lost) for n, (move, lost) in enumerate(rows)]

        for score in (made := leakage.scores(past)):
            assert score.lost + score.others == len(past)
        assert {s.dealer_id for s in made} == {d for _, lost in rows for d in lost} and len(made) == len({s.dealer_id for s in made})


@pytest.fixture
def later(by):
    def at(seconds: float):
        act = by("scheduler")
        act.at += timedelta(seconds=seconds)
        return routing.record_drifts(act)

    return at


@pytest.fixture
def decided(asked, tom, by):  # noqa: F811
    inquiry = asked("98.00", "98.10", "98.20", None)
    take(by(tom), inquiry, 100_000)
    inquiry.refresh_from_db()
    return inquiry


class TestLooking:
    def test_the_mid_is_kept_five_minutes_after_where_it_was_quoted_since(self, decided, later, firm):
        marketdata.record_ticks([firm.tick("BOND", "98.49")], "test")
        assert later(299) == 0

        assert later(301) == 1

        decided.refresh_from_db()
        assert (Drift.objects.get().mid, Entry.objects.get(event="inquiry.drifted").payload["mid"]) == (D("98.49"), "98.49")
        assert decided.status == "AWARDED" and later(400) == 0

    def test_a_price_from_before_the_decision_is_none(self, decided, later):
        with connection.cursor() as cursor:
            cursor.execute("UPDATE marketdata_quote SET at = at - interval '1 minute'")
        assert later(301) == 0

        assert later(601) == 1

        assert Drift.objects.get().mid is None

    def test_what_nobody_looked_at_for_an_hour_is_left(self, decided, later):
        assert later(3700) == 0

    def test_is_told_on_the_page_and_over_the_api(self, decided, later, firm, tom, client):
        marketdata.record_ticks([firm.tick("BOND", "98.49")], "test")
        later(301)

        found = leakage_seen_by(tom, timezone.now() + timedelta(minutes=10))
        names = [name for name, _ in found.scores]
        assert (found.inquiries, found.moves) == (1, 1)
        assert [s.mean_bp for name, s in found.scores if name == "Castle"] == [pytest.approx(50)]
        assert {s.lost for name, s in found.scores if name == "Aldgate"} == {0}
        shown = words(visit(tom, "routing:leakage"))
        assert "Too few to suggest a number" in shown and "too few to tell" in shown and all(name in shown for name in names)
        client.force_login(tom)
        rows = client.get("/api/v1/leakage/").json()
        assert {row["dealer"]: row["verdict"] for row in rows} == dict.fromkeys(names, "too few to tell")

    def test_the_page_costs_the_same_however_many(self, asked, tom, by):  # noqa: F811
        counts = []
        for count in (1, 4):
            for _ in range(count):
                take(by(tom), asked("98.00", "98.10", "98.20", side="BUY"), 100_000)
            visit(tom, "routing:leakage")
            with CaptureQueriesContext(connection) as queries:
                visit(tom, "routing:leakage")
            counts.append(len(queries))
        assert counts[0] == counts[1]
