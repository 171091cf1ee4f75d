"""Two workers at one block."""

import threading

import pytest
from django.db import connection

from apps.allocations import services as allocations
from apps.allocations.models import Allocation
from apps.portfolios.models import Movement

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
