"""Where two may collide over a cross: one is done, the other is told."""

import pytest

from apps.blocks import services as blocks
from apps.blocks.models import Block
from apps.core.refusals import IllegalMove
from apps.crossing import services as crossing
from apps.crossing.models import Cross
from apps.orders import services as orders
from apps.orders.models import Order
from apps.reporting.invariants import broken_invariants
from apps.routing import services as routing
from apps.routing.models import Route
from tests.allocations.filling import keep_promises
from tests.races import at_once

pytestmark = pytest.mark.django_db(transaction=True)
LOST = {"StaleCross", "StaleBlock", "StaleOrder", "MembersChanging", "OrderBusy", "NotCrossable", "IllegalMove", "NotWorking"}


def holds() -> None:
    keep_promises("allocations.")
    broken = broken_invariants()
    for name in ("quantities_add_up", "shares_equal_executions", "holdings_equal_movements", "record_is_complete"):
        assert broken[name] == []


def test_two_propose_and_one_is_told(found, tom, tess, by):
    pair = found()

    answers = at_once(
        *(lambda who=who: crossing.propose_cross(by(who, "saves the spread"), pair.pk, seen={pair.pk: 1}) for who in (tom, tess))
    )

    made = Cross.objects.get()
    assert sorted(map(str, answers)) == [str(made.pk), "StaleOpposition"]
    for seen, refusal in ((1, blocks.StaleOpposition), (2, IllegalMove)):
        with pytest.raises(refusal):
            crossing.propose_cross(by(tom, "again"), pair.pk, seen={pair.pk: seen})
    assert Cross.objects.get().version == 1


def test_two_officers_approve_and_one_is_told(proposed, mira, omar, odile, by):
    cross = proposed()
    crossing.accept_cross(by(mira), cross.pk, seen={cross.pk: 1})

    answers = at_once(
        *(lambda who=who: crossing.approve_cross(by(who), cross.pk, seen={cross.pk: 2}) for who in (omar, odile))
    )

    assert sorted(map(str, answers)) == ["None", "StaleCross"]
    assert Cross.objects.get().version == 3


def test_two_execute_and_it_is_booked_once(approved, tom, tess, by):
    cross = approved()

    answers = at_once(
        *(lambda who=who: crossing.execute_cross(by(who), cross.pk, seen={cross.pk: 3}) for who in (tom, tess))
    )

    assert sorted(map(str, answers)) == ["None", "StaleCross"]
    assert Route.objects.count() == 2
    holds()


def test_a_route_against_a_cross(approved, tom, tess, by):
    cross = approved()
    routing.install_sessions(by("loader"))
    block = Block.objects.get(pk=cross.opposition.sell_id)

    answers = at_once(
        lambda: crossing.execute_cross(by(tom), cross.pk, seen={cross.pk: 3}),
        lambda: routing.route_blocks(
            by(tess, "now"), [block.pk], seen={block.pk: block.version}, broker_code="NORTHGATE", strategy="VWAP"
        ),
    )

    lost = [isinstance(answer, str) and answer in LOST for answer in answers]
    assert sum(lost) == 1
    assert set(Route.objects.values_list("kind", flat=True)) == ({"ALGO"} if lost[0] else {"CROSS"})
    holds()


@pytest.mark.parametrize("change", ["cancel", "amend"])
def test_a_change_of_an_order_against_a_cross(approved, mira, tom, by, change):
    cross = approved()
    order = Order.objects.get(portfolio__code="P2")

    def changed():
        if change == "cancel":
            return orders.cancel_orders(by(mira), [order.pk], seen={order.pk: order.version})
        return orders.amend_orders(by(mira), {order.pk: {"qty": "300"}}, seen={order.pk: order.version})

    answers = at_once(lambda: crossing.execute_cross(by(tom), cross.pk, seen={cross.pk: 3}), changed)

    order.refresh_from_db()
    assert sum(answer is None for answer in answers) == 1
    assert sum(answer in LOST for answer in answers) == 1
    assert order.filled_qty == (120 if answers[0] is None else 0)
    holds()
