"""Blocks over HTTP: who sees which, their orders and statement, and finishing one."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from apps.blocks import services
from apps.blocks.models import Block

BLOCKS = "/api/v1/blocks/"


@pytest.fixture
def api():
    def client(user) -> APIClient:
        signed_in = APIClient()
        signed_in.force_authenticate(user)
        return signed_in

    return client


def test_shows_a_block_to_its_desk_its_managers_and_who_sees_all(a_block, api, mira, paul, tom, ada, tess, alan):
    block = a_block(("P1", "AAA", "BUY", "500"), ("P2", "AAA", "BUY", "300"))
    tess.desks.clear()
    seen = {who.username: [r["id"] for r in api(who).get(BLOCKS).json()["results"]] for who in (mira, paul, tom, ada, tess)}
    assert seen == {"mira": [block.pk], "paul": [], "tom": [block.pk], "ada": [block.pk], "tess": []}
    assert api(alan).get(BLOCKS).status_code == 403
    assert api(paul).get(f"{BLOCKS}{block.pk}/").status_code == 404
    one = api(tom).get(f"{BLOCKS}{block.pk}/").json()
    assert (one["qty"], one["orders"], one["unplaced_qty"], one["average_price"]) == ("800.0000", 2, "800.0000", None)


def test_shows_a_manager_the_orders_of_their_own_portfolios_only(working, api, mira, paul, tom):
    block = working()
    assert [row["portfolio"] for row in api(mira).get(f"{BLOCKS}{block.pk}/orders/").json()] == ["P1", "P2", "P3"]
    assert [row["portfolio"] for row in api(paul).get(f"{BLOCKS}{block.pk}/orders/").json()] == ["P3"]
    assert [row["qty"] for row in api(tom).get(f"{BLOCKS}{block.pk}/orders/").json()] == ["500.0000", "300.0000", "200.0000"]


def test_shows_a_verified_statement_to_who_may_see_all_in_it(a_block, by, api, paul, tom):
    block = a_block()
    assert api(tom).get(f"{BLOCKS}{block.pk}/statement/").status_code == 404
    services.freeze_blocks(by(tom), [block.pk], seen={block.pk: 1}, arrival={})
    made = api(tom).get(f"{BLOCKS}{block.pk}/statement/").json()
    assert made["verified"] and made["hash"] == Block.objects.get().statement.hash
    assert api(paul).get(f"{BLOCKS}{block.pk}/statement/").status_code == 404


def test_a_trader_finishes_a_block_and_nobody_else(working, api, tom, mira, ada):
    block = working()
    for who in (mira, ada):
        assert api(who).post(f"{BLOCKS}{block.pk}/finish", {"version": 2}).status_code == 403
    assert api(tom).post(f"{BLOCKS}{block.pk}/finish", {"version": 1}).json()["code"] == "stale_block"
    done = api(tom).post(f"{BLOCKS}{block.pk}/finish", {"version": 2, "reason": "Market closed"})
    assert (done.status_code, done.json()["status"], done.json()["cancelled_qty"]) == (200, "DONE", "1000.0000")


def test_filters_by_status_and_needs_as_many_statements_for_many(cleared, gather, api, tom):
    gather(cleared(("P1", "AAA", "BUY", "10")))
    api(tom).get(BLOCKS)
    with CaptureQueriesContext(connection) as one:
        assert len(api(tom).get(f"{BLOCKS}?status=OPEN,WORKING&symbol=AAA").json()["results"]) == 1
    for limit in range(40, 60):
        gather(cleared(("P1", "AAA", "BUY", "10"), order_type="LIMIT", limit_price=str(limit)))
    with CaptureQueriesContext(connection) as many:
        assert len(api(tom).get(f"{BLOCKS}?status=OPEN,WORKING&symbol=AAA").json()["results"]) == 21
    assert len(one) == len(many)
