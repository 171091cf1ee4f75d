"""A package of legs over TCP with the street: sent as one order, filled leg by leg, changed and cancelled as a whole."""

from collections import Counter
from decimal import Decimal

import pytest

from apps.groups import page_selectors
from apps.groups import services as groups
from apps.groups.models import LinkedGroup, PackageBroker
from apps.routing.models import Execution, Message, Package, Route
from tests.routing.test_gateway import all_up, data, gateway, journal, market, tell, wait_until  # noqa: F401

D = Decimal
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]


def composed(a_block, firm, tom, by, **more) -> LinkedGroup:
    PackageBroker.objects.get_or_create(broker=firm.brokers["HARBOR"])
    blocks = [a_block("AAA", "BUY", 300), a_block("CCC", "SELL", 150)]
    pk = groups.compose_group(
        by(tom), "MULTILEG", [b.pk for b in blocks], seen={b.pk: b.version for b in blocks}, brokers={b.pk: "HARBOR" for b in blocks},
        **more,
    )  # fmt: skip
    groups.send_group(by(tom), pk, seen={pk: 1})
    return LinkedGroup.objects.get(pk=pk)


def states() -> set[str]:
    return set(Route.objects.values_list("status", flat=True))


def booked(market) -> None:  # noqa: F811
    """Every execution that the street has of legs is ours, once."""
    theirs = Counter((row["exec_id"], D(row["qty"]), D(row["price"])) for row in journal(market, "executions") if row["exec_type"] == "F")
    assert Counter((e.exec_id, e.qty, e.price) for e in Execution.objects.all()) == theirs


def test_is_filled_leg_by_leg_and_changed_and_cancelled_as_a_whole(gateway, market, a_block, firm, tom, by):  # noqa: F811
    gateway.start()
    wait_until("sessions up", all_up)
    group = composed(a_block, firm, tom, by, net_limit=D(1))
    wait_until("filled", lambda: states() == {"FILLED"})
    wait_until("told of", lambda: Package.objects.get().told_qty == 150)
    groups.follow_behind(by("scheduler", via="worker"))

    group.refresh_from_db()
    found = page_selectors.package(group)
    assert (group.status, found.done, found.odds) == ("DONE", 150, [])
    assert found.net <= 1
    booked(market)
    assert not Message.objects.filter(status="QUARANTINED").exists()

    group = composed(a_block, firm, tom, by, net_limit=D(-95))  # Nobody gives that.
    wait_until("taken", lambda: "NEW" in states())
    groups.change_package(by(tom), group.pk, packages=D(100), net_limit=D(-94), seen={group.pk: group.version})
    wait_until("changed", lambda: Package.objects.latest("pk").qty == 100)
    group.refresh_from_db()
    assert sorted(int(r.qty) for r in Route.objects.filter(status="NEW")) == [100, 200]
    groups.end_group(by(tom), group.pk, seen={group.pk: group.version})
    wait_until("cancelled", lambda: states() == {"FILLED", "CANCELED"})

    assert not Message.objects.filter(status="QUARANTINED").exists()
    booked(market)
