"""Bursts of reports of a package, in threads on a real PostgreSQL: each leg is booked exactly, whatever the order."""

import random
from decimal import Decimal

import pytest

from apps.groups import page_selectors
from apps.groups import services as groups
from apps.routing.models import Execution, Message, Package
from tests.allocations.filling import keep_promises
from tests.races import at_once

from .conftest import routes_of
from .test_packages import Harbor, harbor, name_of, package  # noqa: F401

D = Decimal
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("seed", range(2))
def test_a_burst_in_any_order_books_each_leg_once_and_leaves_nothing_aside(package, harbor, street, seed):  # noqa: F811
    draws = random.Random(seed)
    group = package(300, 600)
    name, (one, two) = name_of(group), routes_of(group)
    harbor.whole(name, "0", "0", 300, 0, 300)
    done, heard = 0, []
    for _ in range(4):
        part = draws.randint(10, 60)
        done += part
        heard.append(harbor.leg(name, one, part, 50, done, book=False))
        heard.append(harbor.leg(name, two, 2 * part, 100, 2 * done, book=False))
        heard.append(harbor.whole(name, "F", "1", 300, done, 300 - done, last=part, price=-150, avg=-150, book=False))
    draws.shuffle(heard)

    at_once(*(lambda pk=pk: street.book(pk) for pk in heard))
    keep_promises("groups.")

    assert [int(r.cum_qty) for r in routes_of(group)] == [done, 2 * done]
    assert Execution.objects.count() == 8
    assert not Message.objects.filter(status="QUARANTINED").exists()
    assert Package.objects.get().told_qty == done
    found = page_selectors.package(group)
    assert (found.balanced, found.net, found.odds) == (True, -150, [])


def test_of_two_changes_at_once_one_is_asked_for(package, harbor, tom, tess, by):  # noqa: F811
    group = package(300, 600)
    harbor.whole(name_of(group), "0", "0", 300, 0, 300)
    group.refresh_from_db()

    def change(who, packages):
        return groups.change_package(by(who), group.pk, packages=D(packages), net_limit=None, seen={group.pk: group.version})

    answers = at_once(lambda: change(tom, 200), lambda: change(tess, 100))

    assert answers.count("StaleGroup") == 1
    assert Message.objects.filter(is_out=True, msg_type="AC").count() == 1
