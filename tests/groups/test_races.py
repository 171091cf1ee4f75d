"""One consumer for a group: fills, busts and workers in threads on a real PostgreSQL; and workers that die on the way."""

import random
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from django.db import connection

from apps.audit import deliveries
from apps.audit.models import Delivery
from apps.groups import services as groups
from apps.groups.services import following
from apps.routing import services as routing
from tests.allocations.filling import keep_promises
from tests.races import at_once

from .conftest import at_brokers, routes_of

D = Decimal
pytestmark = pytest.mark.django_db(transaction=True)


def heard_whole(group) -> bool:
    group.refresh_from_db()
    rows = list(routes_of(group))
    return group.heard == {str(r.pk): r.version for r in rows} and group.handled == sum(r.version for r in rows)


def kept_by(workers: int) -> None:
    """What that many workers do who take every promise that is open, each of them all of it."""

    def work(_):
        try:
            for pk in list(Delivery.objects.filter(status="OPEN", listener__startswith="groups.").values_list("pk", flat=True)):
                deliveries.deliver(pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(work, range(workers)))


@pytest.mark.parametrize("seed", range(3))
def test_a_burst_of_fills_and_busts_leaves_the_child_with_exactly_its_part(grouped, floor, street, seed):
    draws = random.Random(seed)
    group = grouped("OTO", 997, 331)
    floor.answer()
    for _ in range(3):
        parent = routes_of(group, 1).get()
        cum, ids = parent.cum_qty, []
        for n in range(draws.randint(3, 6)):  # As they come: all kept before any is booked.
            qty = D(draws.randint(1, 40))
            cum += qty
            fields = street.report_fields(
                parent, "F", "1", exec_id=f"B{seed}-{cum}-{n}", last=(qty, 100), cum=cum, leaves=parent.qty - cum, qty=parent.qty
            )
            floor.fills.append((parent.pk, f"B{seed}-{cum}-{n}", qty))
            ids.append(street.hear(parent.broker_id, "8", fields))
        at_once(
            *(lambda pk=pk: street.book(pk) for pk in ids), lambda: kept_by(2), lambda: kept_by(1),
        )  # fmt: skip
        kept_by(3)
        if draws.random() < 0.7:
            floor.bust(draws.randrange(len(floor.fills)))
        floor.answer()
    keep_promises("groups.")
    floor.answer()

    parent = routes_of(group, 1).get()
    assert parent.cum_qty == sum(qty for _, _, qty in floor.fills)
    assert at_brokers(group)[1] == int(parent.cum_qty) * 331 // 997
    assert heard_whole(group)


def test_two_legs_that_fill_at_once_are_followed_one_after_the_other(grouped, floor, street):
    group = grouped("OCO", 1000, 500)
    floor.answer()
    one, two = routes_of(group, 1).get(), routes_of(group, 2).get()
    fills = [
        street.hear(r.broker_id, "8", street.report_fields(r, "F", "1", last=(q, 100), cum=q, leaves=r.qty - q, qty=r.qty))
        for r, q in ((one, 400), (two, 100))
    ]

    at_once(*(lambda pk=pk: street.book(pk) for pk in fills), lambda: kept_by(2))
    kept_by(3)
    floor.answer()

    assert at_brokers(group) == [800, 300]  # 1000 less a fifth, 500 less two fifths.
    assert heard_whole(group)


def test_a_worker_killed_on_its_way_leaves_nothing_half_done_and_nothing_behind(grouped, floor, street, by, monkeypatch):
    group = grouped("OCO", 1000, 500)
    floor.answer()
    route = routes_of(group, 1).get()
    floor.fill(route, 400, follow=False)

    def killed(*args, **more):
        raise SystemExit("killed")

    with monkeypatch.context() as patched, pytest.raises(SystemExit):
        patched.setattr(following, "_end_if_over", killed)
        keep_promises("groups.")
    assert at_brokers(group) == [1000, 500]
    assert routes_of(group, 2).get().pending_cl_ord_id == ""

    groups.follow_behind(by("scheduler", via="worker"))
    floor.answer()

    assert at_brokers(group) == [1000, 300]
    assert heard_whole(group)


def test_of_two_who_have_it_placed_again_one_does(grouped, floor, street, tom, tess, by):
    group = grouped("OCO", 1000, 500)
    street.report(routes_of(group, 1).get(), "8", "8", cum=0, leaves=0, text="no credit")
    keep_promises("groups.")

    answers = at_once(*(lambda who=who: groups.place_again(by(who), group.pk, seen={group.pk: 2}) for who in (tom, tess)))

    assert sorted(map(str, answers)) == ["Conflict", "None"]
    assert [int(r.qty) for r in routes_of(group, 1)] == [1000, 1000]


def test_a_trader_who_routes_a_leg_while_it_is_followed_is_refused(grouped, floor, tom, by):
    group = grouped("OTO", 1000, 500)
    floor.answer()
    floor.fill(routes_of(group, 1).get(), 600, follow=False)
    child = group.legs.get(nth=2).block

    answers = at_once(
        lambda: kept_by(1), lambda: routing.route_blocks(by(tom), [child.pk], seen={child.pk: child.version}, qty=D(400))
    )
    kept_by(2)
    floor.answer()

    assert answers[1] in ("InGroup", "StaleBlock")
    assert at_brokers(group) == [1000, 300]
