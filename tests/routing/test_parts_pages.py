"""Splitting on pages and over the API."""

import re

import pytest

from apps.blocks.models import Block, Member
from apps.orders.models import Order
from tests.pages import send, visit, words

from .test_order_parts import asked, holds, order_of


@pytest.fixture
def block(a_block):
    """A block of three orders: 100 of P1, 200 of P2, 300 of P3."""
    return a_block("AAA", "BUY", 100, 200, 300)


def text(response) -> str:
    """What is read, without its tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", words(response)).split())


class TestTheDialog:
    def test_tells_who_gets_what_before_it_is_done(self, block, tom):
        asked_for = f"?seen={block.pk}:1&by=qty&qty=60"

        page = text(visit(tom, "blocks:split", query=asked_for, htmx=True))

        assert "600 AAA, 3 orders" in page
        assert "P3 300 30 270" in page
        assert "Together 600 60 540" in page
        whole = text(visit(tom, "blocks:split", query=f"{asked_for}&how=WHOLE", htmx=True))
        assert "P1 100 60 40" in whole or "P3 300 60 240" in whole
        by_broker = f"?seen={block.pk}:1&by=broker&qty=400&broker=NORTHGATE&qty=150&broker=HARBOR"
        page = text(visit(tom, "blocks:split", query=by_broker, htmx=True))
        assert "50 are still to be given to a broker" in page
        assert "P3 300 200 75 25" in page

    def test_splits_or_says_beside_the_field_why_not(self, block, tom):
        said = {"seen": f"{block.pk}:1", "by": "qty", "broker": ""}
        for qty, why in (("700", "leaves nothing of the 600"), ("x", "is no quantity"), ("", "Say how much"), ("0.5", "no multiple of 1")):
            answer = send(tom, "blocks:split", said | {"qty": qty})
            assert answer.status_code == 422
            assert re.search(rf'name="qty"[^>]*aria-invalid="true".*{why}', words(answer), re.DOTALL)
        unequal = {"seen": f"{block.pk}:1", "by": "broker", "qty": ["400", "100"], "broker": ["NORTHGATE", "HARBOR"]}
        assert "which is 100 below the 600" in words(send(tom, "blocks:split", unequal))
        twice = unequal | {"qty": ["400", "200"], "broker": ["NORTHGATE", "NORTHGATE"]}
        assert "named twice" in words(send(tom, "blocks:split", twice))
        assert holds(block.pk) == ("OPEN", 600, [100, 200, 300])

        assert send(tom, "blocks:split", said | {"qty": "60", "broker": "HARBOR"}).status_code == 204
        child = Block.objects.get(split_from=block)
        assert (holds(child.pk)[1], child.meant_for.code) == (60, "HARBOR")
        assert "for whom it was split off" in words(visit(tom, "blocks:detail", child.pk, htmx=True))
        stale = send(tom, "blocks:split", said | {"qty": "60"})
        assert (stale.status_code, "changed since you looked" in words(stale)) == (409, True)

    def test_an_order_is_split_and_joined_from_its_page(self, block, mira, tom):
        order = order_of(block, "P2")
        seen = {"seen": f"{order.pk}:{order.version}"}
        assert "Split <kbd>D</kbd>" in words(visit(tom, "blocks:family", order.pk, htmx=True))
        assert "Split <kbd>D</kbd>" not in words(visit(mira, "blocks:family", order.pk, htmx=True))
        query = f"?{'seen=' + seen['seen']}&qty=50"
        assert "keeps 150 The new order asks for 50" in text(visit(tom, "blocks:split_order", order.pk, query=query, htmx=True))
        over = send(tom, "blocks:split_order", seen | {"qty": "200"}, order.pk)
        assert (over.status_code, "leaves nothing" in words(over)) == (422, True)
        assert send(tom, "blocks:split_order", seen | {"qty": "50"}, order.pk).status_code == 204
        assert send(tom, "blocks:split_order", seen | {"qty": "50"}, order.pk).status_code == 409
        part = Order.objects.get(split_from=order)

        page = text(visit(mira, "blocks:family", part.pk, htmx=True))
        assert "Together they ask for 200" in page
        assert f"{order.ref} B-{block.pk:04d} 150" in page
        timeline = text(visit(tom, "desk:timeline", "order", order.pk, htmx=True))
        assert f"part {part.ref}" in timeline.replace("parts", "part").replace("part ids", "part")
        asked_for = text(visit(tom, "blocks:join_orders", part.pk, htmx=True))
        assert f"150 ({order.ref}) + 50 ({part.ref}) go back into {order.ref}" in asked_for
        both = {"seen": [f"{order.pk}:{order.version + 1}", f"{part.pk}:1"]}
        joined = send(tom, "blocks:join_orders", both, part.pk)
        assert (joined.status_code, joined["HX-Redirect"]) == (204, f"/orders/{order.pk}/")
        assert asked(order.pk) == [200, 0]
        assert "Joined" in words(visit(mira, "blocks:family", order.pk, htmx=True))


class TestTheApi:
    @pytest.fixture
    def posts(self, client, tom):
        client.force_login(tom)

        def post(address: str, said: dict):
            answer = client.post(f"/api/v1/{address}", said, content_type="application/json")
            return answer.status_code, answer.json()

        return post

    def test_by_quantity_and_by_broker(self, block, posts):
        status, made = posts(f"blocks/{block.pk}/split", {"version": 1, "qty": "60", "broker": "HARBOR"})
        assert (status, made["qty"], made["split_from_id"], made["meant_for"], made["orders"]) == (201, "60.0000", block.pk, "HARBOR", 3)
        assert posts(f"blocks/{block.pk}/split", {"version": 2, "qty": "60", "orders": [1]})[0] == 422
        status, refused = posts(f"blocks/{block.pk}/split", {"version": 2, "qty": "540"})
        assert (status, refused["facts"]["field"], refused["facts"]["free"]) == (422, "qty", "540")
        assert posts(f"blocks/{block.pk}/split", {"version": 1, "qty": "60"})[0] == 409
        parts = [{"broker": "NORTHGATE", "qty": "300"}, {"broker": "HARBOR", "qty": "240"}]
        status, made = posts(f"blocks/{block.pk}/split-by-broker", {"version": 2, "parts": parts})
        assert (status, [(one["meant_for"], one["qty"]) for one in made]) == (201, [("NORTHGATE", "300.0000"), ("HARBOR", "240.0000")])

    def test_an_order_and_back(self, block, posts):
        order = order_of(block, "P2")
        status, made = posts(f"orders/{order.pk}/split", {"version": order.version, "qty": "50"})
        assert (status, [one["qty"] for one in made]) == (201, ["150.0000", "50.0000"])
        assert posts(f"orders/{order.pk}/split", {"version": order.version, "qty": "50"})[0] == 409
        both = [{"id": one["order_id"], "version": one["version"]} for one in made]
        status, left = posts("orders/join", {"orders": both})
        assert (status, left["order_id"], left["qty"]) == (200, order.pk, "200.0000")
        assert Member.objects.get(order=order).block_id == block.pk
