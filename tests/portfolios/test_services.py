"""Positions and cash move by their movements, exactly and once."""

import threading
from datetime import date
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, connection, transaction
from django.db.models import Sum
from django.test.utils import CaptureQueriesContext

from apps.portfolios import selectors, services
from apps.portfolios.models import Cash, Movement, Portfolio, Position
from apps.portfolios.services import AlreadyMoved, Moved, NoSuchTeam

D = Decimal
DAY = date(2026, 11, 23)


def bought(firm, source: str, qty="10", amount="-500.25", symbol="AAA", code="P1") -> list[Moved]:
    """A purchase: units in, money out."""
    portfolio = firm.portfolios[code].pk
    return [
        Moved(portfolio, DAY, DAY, source, instrument_id=firm.instruments[symbol].pk, qty=D(qty), price=D(50)),
        Moved(portfolio, DAY, DAY, source, currency="USD", amount=D(amount)),
    ]


def held(firm, symbol="AAA", code="P1") -> Decimal:
    return Position.objects.get(portfolio=firm.portfolios[code], instrument=firm.instruments[symbol]).qty


def money(firm, code="P1") -> Decimal:
    return Cash.objects.get(portfolio=firm.portfolios[code], currency="USD").amount


def assert_sums_hold() -> None:
    """Every position and balance is the sum of its movements."""
    for rows, key, column in ((Position, "instrument", "qty"), (Cash, "currency", "amount")):
        kept = {(p, k): v for p, k, v in rows.objects.values_list("portfolio", key, column)}
        summed = Movement.objects.exclude(**{f"{key}__isnull": True}).values_list("portfolio", key)
        assert kept == {(p, k): v for p, k, v in summed.annotate(total=Sum(column))}


@pytest.mark.django_db
class TestPosting:
    def test_moves_positions_and_cash_by_the_sum_of_the_movements(self, firm, by):
        services.post_movements(by("worker"), bought(firm, "allocation:1") + bought(firm, "allocation:2", "-3", "150.75"))

        assert (held(firm), money(firm)) == (50_007, D("1499650.50"))
        assert_sums_hold()

    def test_opens_a_position_that_was_not_there(self, firm, by):
        Position.objects.all().delete()
        Movement.objects.all().delete()
        Cash.objects.all().delete()

        services.post_movements(by("worker"), bought(firm, "allocation:1"))

        assert (held(firm), money(firm)) == (10, D("-500.25"))

    def test_a_source_that_comes_again_is_refused_and_nothing_moves(self, firm, by):
        services.post_movements(by("worker"), bought(firm, "allocation:1"))
        before = held(firm), money(firm), Movement.objects.count()

        with pytest.raises(AlreadyMoved):
            services.post_movements(by("worker"), bought(firm, "allocation:2") + bought(firm, "allocation:1"))

        assert (held(firm), money(firm), Movement.objects.count()) == before

    def test_a_reversal_of_the_same_source_takes_it_back(self, firm, by):
        services.post_movements(by("worker"), bought(firm, "allocation:1"))
        back = [
            m._replace(kind=Movement.Kind.REVERSAL, qty=m.qty and -m.qty, amount=m.amount and -m.amount)
            for m in bought(firm, "allocation:1")
        ]
        services.post_movements(by("worker"), back)

        assert (held(firm), money(firm)) == (50_000, 1_500_000)
        assert_sums_hold()

    def test_a_movement_is_of_units_or_of_money(self, firm, by):
        neither = Moved(firm.portfolios["P1"].pk, DAY, DAY, "allocation:1")

        with pytest.raises(Exception, match="movement_is_of_units_or_of_money"), transaction.atomic():
            services.post_movements(by("worker"), [neither])

    def test_statements_do_not_grow_with_the_number_of_movements(self, firm, by):
        counts = []
        for many in (1, 300):
            moves = [m for n in range(many) for m in bought(firm, f"allocation:{many}-{n}", code=f"P{n % 3 + 1}")]
            act = by("worker")
            with CaptureQueriesContext(connection) as seen:
                services.post_movements(act, moves)
            counts.append(len(seen))

        assert counts[0] == counts[1]
        assert_sums_hold()

    def test_of_none_is_nothing(self, firm, by):
        services.post_movements(by("worker"), [])

        assert_sums_hold()


@pytest.mark.django_db(transaction=True)
def test_two_who_move_the_same_positions_at_once_both_count(firm, by):
    """Each in its own thread posts 20 batches over the same keys, named in opposite orders."""
    symbols, codes = ["AAA", "CCC", "BOND"], ["P1", "P2", "P3"]
    gate, failed = threading.Barrier(2), []
    act = by("worker")

    def post(who: str, backwards: bool) -> None:
        try:
            gate.wait(timeout=20)
            for n in range(20):
                pairs = [(s, c) for s in symbols for c in codes]
                moves = [
                    move
                    for symbol, code in (reversed(pairs) if backwards else pairs)
                    for move in bought(firm, f"allocation:{who}-{n}-{symbol}", symbol=symbol, code=code)
                ]
                services.post_movements(type(act)(by=act.by, at=act.at, via="worker"), moves)
        except Exception as error:  # noqa: BLE001 - shown by the test's own thread
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=post, args=(str(n), bool(n))) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    assert failed == []
    assert {held(firm, "AAA", code) for code in codes} == {D(50_400)}
    assert {money(firm, code) for code in codes} == {D(1_500_000) - 120 * D("500.25")}
    assert_sums_hold()


@pytest.mark.django_db
class TestTeams:
    def test_a_portfolio_that_changes_teams_is_seen_and_run_by_the_new_one_alone(self, firm, paul):
        Portfolio.objects.filter(pk=firm.portfolios["P1"].pk).update(team="B")
        Portfolio.objects.filter(pk=firm.portfolios["P3"].pk).update(team="A")

        services.grant_teams([firm.portfolios["P1"].pk, firm.portfolios["P3"].pk])

        assert [p.code for p in selectors.portfolios_seen_by(paul)] == ["P1"]
        assert [p.code for p in selectors.portfolios_run_by(paul)] == ["P1"]

    def test_a_team_that_is_none_is_refused_and_nothing_changes(self, firm, paul):
        Portfolio.objects.filter(pk=firm.portfolios["P3"].pk).update(team="Z")

        with pytest.raises(NoSuchTeam, match="known are: A, B"):
            services.grant_teams([firm.portfolios["P3"].pk])

        assert [p.code for p in selectors.portfolios_seen_by(paul)] == ["P3"]

    def test_statements_do_not_grow_with_the_number_of_portfolios(self, firm):
        counts = []
        for codes in (["P1"], ["P1", "P2", "P3"]):
            with CaptureQueriesContext(connection) as seen:
                services.grant_teams([firm.portfolios[c].pk for c in codes])
            counts.append(len(seen))

        assert counts[0] == counts[1]


@pytest.mark.django_db
def test_a_team_group_is_a_group_of_people(firm):
    assert selectors.teams() == {g.name[5:]: g.pk for g in Group.objects.filter(name__startswith="team:")}
    with pytest.raises(IntegrityError), transaction.atomic():
        Group.objects.create(name="team:A")
