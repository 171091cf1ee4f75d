"""Pages of allocations: each share with its arithmetic, provisional before the booking, scoped by portfolio."""

from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.allocations.models import Allocation
from tests.pages import visit, words

from .filling import keep_promises


def test_a_blocks_page_shows_each_share_and_sums_to_the_block(street, tom):
    block = street.allocated("AAA", "SELL", {"P1": 5000, "P2": 3000, "P3": 2000}, [(10_000, "50.00", "20")])

    said = words(visit(tom, "allocations:block", block.pk))

    for part in (
        "Portfolio P1",
        "Portfolio P2",
        "Portfolio P3",
        "5,000.0000",
        "250,000.00",
        ">10.00<",
        "249,990.00",
    ):
        assert part in said
    assert "500,000.00" in said and "499,980.00" in said
    assert said.count('s-done">equal') == 4
    assert "differ" not in said.partition("<main")[2] and "Provisional" not in said


def test_before_the_booking_the_shares_are_called_provisional(street, tom):
    block = street.block("AAA", "SELL", {"P1": 500, "P2": 300, "P3": 200})
    street.fill(street.route(block), 10, "50.00")

    said = words(visit(tom, "allocations:block", block.pk, htmx=True))

    assert "<h3>Provisional</h3>" in said and "<html" not in said
    assert "5.0000" in said and "<b>5</b>" in said
    assert not Allocation.objects.exists()


def test_a_manager_sees_the_shares_of_their_own_portfolios_and_how_many_are_hidden(street, paul):
    block = street.allocated("AAA", "SELL", {"P1": 500, "P2": 300, "P3": 200}, [(1000, "50.00")])

    said = words(visit(paul, "allocations:block", block.pk))

    assert "Portfolio P3" in said
    assert "Portfolio P1" not in said and "Portfolio P2" not in said
    assert "2 orders of other teams" in said


def test_a_block_of_other_teams_is_not_there_for_a_manager(street, paul):
    block = street.allocated("AAA", "SELL", {"P1": 500}, [(500, "50.00")])

    assert visit(paul, "allocations:block", block.pk).status_code == 404
    assert block.ref not in words(visit(paul, "allocations:list"))


def test_the_list_filters_and_brings_single_rows(street, olga):
    done = street.allocated("AAA", "SELL", {"P1": 500}, [(500, "50.00")])
    working = street.block("CCC", "BUY", {"P1": 100})
    street.fill(street.route(working), 10, "100.00")

    everything = words(visit(olga, "allocations:list"))
    still = words(visit(olga, "allocations:list", query="?show=open"))
    one = words(visit(olga, "allocations:rows", query=f"?ids={done.pk}", htmx=True))

    assert done.ref in everything and working.ref in everything
    assert working.ref in still and done.ref not in still
    assert f'data-row="block:{done.pk}"' in one and f'data-row="block:{working.pk}"' not in one


def test_several_brokers_and_a_reversed_booking_are_shown(street, tom):
    block = street.block("AAA", "SELL", {"P1": 600, "P2": 400})
    first, second = street.route(block, "NORTHGATE", 500), street.route(block, "HARBOR", 500)
    exec_id = street.fill(first, 500, "50.00")
    street.fill(second, 500, "50.10")
    keep_promises("allocations.")
    booked = words(visit(tom, "allocations:block", block.pk))
    street.bust(first, exec_id, 500, "50.00")

    after = words(visit(tom, "allocations:block", block.pk))

    assert booked.count('class="kid"') == 4 and "Harbor" in booked
    assert "<h2>Reversed</h2>" in after and "<h3>Provisional</h3>" in after


def test_the_number_of_queries_does_not_grow_with_the_shares(street, tom):
    few = street.allocated("AAA", "SELL", {"P1": 500}, [(500, "50.00")])
    many = street.allocated("CCC", "SELL", {"P1": 500, "P2": 300, "P3": 200}, [(1000, "100.00")])
    visit(tom, "allocations:block", few.pk)

    with CaptureQueriesContext(connection) as once:
        visit(tom, "allocations:block", few.pk)
    with CaptureQueriesContext(connection) as again:
        visit(tom, "allocations:block", many.pk)

    assert len(again) == len(once)


def test_another_role_is_refused(alan):
    assert visit(alan, "allocations:list").status_code == 403


def test_the_list_explains_itself_when_it_is_empty(olga, firm):
    assert "No fills to share out" in words(visit(olga, "allocations:list"))
