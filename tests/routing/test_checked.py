"""Nothing goes to a broker but what was checked, as it was checked."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.blocks import services as blocks
from apps.blocks.models import Block
from apps.compliance import services as compliance
from apps.core.events import Fact
from apps.orders import events as order_events
from apps.orders import services as orders
from apps.orders.models import Order
from apps.routing import services as routing
from apps.routing.models import Inquiry, Message, Route

pytestmark = pytest.mark.django_db


def route(by, tom, block: Block) -> routing.Routed:
    block.refresh_from_db()
    return routing.route_blocks(by(tom), [block.pk], seen={block.pk: block.version})


def members(block: Block) -> list[int]:
    return sorted(block.members.values_list("order_id", flat=True))


def untouched() -> bool:
    return not (Route.objects.exists() or Message.objects.exists() or Inquiry.objects.exists())


def owner(statement: str) -> None:
    """As somebody who owns the database."""
    table = statement.split()[1]
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(statement)
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


@pytest.mark.parametrize(
    "change",
    ["qty = qty + 1", "order_type = 'LIMIT', limit_price = 9", "tif = 'GTC'", "side = 'SELL'", "terms = '{\"min_qty\": \"5\"}'"],
)
def test_an_order_changed_behind_compliance_is_not_routed(a_block, tom, by, change):
    block = a_block("AAA", "BUY", 300, 700)
    first, second = members(block)
    owner(f"UPDATE orders_order SET {change} WHERE id = {second}")

    with pytest.raises(compliance.NotChecked, match=f"O-{second:06d} is not what was checked") as refused:
        route(by, tom, block)
    assert refused.value.facts["orders"] == [second]
    block.refresh_from_db()
    assert (block.status, Order.objects.get(pk=first).status) == ("OPEN", "CLEARED") and untouched()


def test_nor_one_that_was_never_checked(firm, counterparties, alone, mira, tom, by):
    wishes = [orders.Wish(firm.portfolios["P1"].pk, firm.instruments["AAA"].pk, "BUY", "100")]
    ids = orders.create_orders(by(mira), wishes, submit=True)
    orders.mark_cleared(by("worker"), dict.fromkeys(ids, 1))
    blocks.gather_orders(by("worker"), [Fact(pk, 3, order_events.OrderCleared(1)) for pk in ids])

    with pytest.raises(compliance.NotChecked, match="was never checked"):
        route(by, tom, Block.objects.get())
    assert untouched()


def test_nor_one_that_its_last_check_held(a_block, tom, by):
    block = a_block("AAA", "BUY", 300, 700)
    owner("UPDATE compliance_check SET outcome = 'FAIL'")

    with pytest.raises(compliance.NotChecked, match="no officer let it through") as refused:
        route(by, tom, block)
    assert refused.value.facts["orders"] == members(block) and untouched()


def test_inquiries_pass_the_same_gate(a_block, tom, by):
    block = a_block("BOND", "BUY", 10_000)
    owner("UPDATE compliance_check SET outcome = 'FAIL'")
    with pytest.raises(compliance.NotChecked):
        routing.send_inquiries(by(tom, "One only."), [block.pk], seen={block.pk: block.version})
    assert untouched()


def test_parts_of_an_order_share_what_was_checked(a_block, mira, tom, by):
    block = a_block("AAA", "BUY", 1_000)
    (root,) = members(block)
    (part,) = orders.mark_split(by(tom), [orders.Part(root, Decimal(400))])
    compliance.refuse_unchecked([root, part])

    owner(f"UPDATE orders_order SET qty = 401 WHERE id = {part}")
    with pytest.raises(compliance.NotChecked, match="its quantity changed"):
        compliance.refuse_unchecked([root])

    owner(f"UPDATE orders_order SET qty = 400 WHERE id = {part}")
    orders.mark_joined(by(tom), [root, part])
    compliance.refuse_unchecked([root])


def test_many_orders_cost_one_query(a_block):
    one, many = a_block("AAA", "BUY", 300), a_block("BBB", "BUY", *[100 + n for n in range(30)])
    for block in (one, many):
        ids = members(block)
        with CaptureQueriesContext(connection) as asked:
            compliance.refuse_unchecked(ids)
        assert len(asked) == 1


def test_another_system_is_told_why(a_block, tom, by, client):
    block = a_block("AAA", "BUY", 300)
    owner("UPDATE orders_order SET tif = 'GTC'")
    client.force_login(tom)
    told = client.post(
        f"/api/v1/blocks/{block.pk}/route", {"version": block.version}, content_type="application/json"
    )
    assert told.status_code == 409 and told.json()["code"] == "not_checked", told.json()
