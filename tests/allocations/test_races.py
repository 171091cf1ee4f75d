"""Two workers at one block."""

import threading

import pytest
from django.db import connection

from apps.allocations import services as allocations
from apps.allocations.models import Allocation
from apps.orders.models import Order
from apps.portfolios.models import Movement, Position

from .test_services import fact_of


@pytest.mark.django_db(transaction=True)
def test_two_workers_who_allocate_one_block_at_once_share_it_out_once(street, by):
    block = street.done("AAA", "SELL", {"P1": 5000, "P2": 3000}, [(8000, "50")])
    told, ready, failed = fact_of(block), threading.Barrier(4), []

    def work():
        try:
            ready.wait(5)
            allocations.allocate_blocks(by("worker"), [told])
        except Exception as error:  # noqa: BLE001 - handed to the test
            failed.append(error)
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)

    assert failed == []
    assert Allocation.objects.count() == 2
    assert Movement.objects.filter(kind="TRADE").count() == 4


@pytest.mark.django_db(transaction=True)
def test_a_bust_that_comes_while_the_block_is_shared_out_leaves_it_whole(street, firm, by):
    block = street.block("AAA", "SELL", {"P1": 5000, "P2": 3000})
    route = street.route(block)
    exec_id = street.fill(route, 8000, "50")
    block.refresh_from_db()
    told, ready, failed = fact_of(block), threading.Barrier(2), []

    def work(what):
        try:
            ready.wait(5)
            what()
        except Exception as error:  # noqa: BLE001 - handed to the test
            failed.append(error)
        finally:
            connection.close()

    both = [
        threading.Thread(target=work, args=[lambda: allocations.allocate_blocks(by("worker"), [told])]),
        threading.Thread(target=work, args=[lambda: street.bust(route, exec_id, 8000, "50")]),
    ]
    for one in both:
        one.start()
    for one in both:
        one.join(30)
    block.refresh_from_db()

    assert failed == []
    assert (block.status, block.filled_qty) == ("WORKING", 0)
    assert Allocation.objects.filter(status="BOOKED").count() == 0
    assert set(Order.objects.values_list("status", "filled_qty")) == {("WORKING", 0)}
    assert Position.objects.get(portfolio=firm.portfolios["P1"], instrument=firm.instruments["AAA"]).qty == 50_000
