"""Whose blocks these are: the pool, handing over, an absent colleague's queue, and what is refused to others."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.audit.models import Entry
from apps.blocks import services as blocks
from apps.blocks.models import Block
from apps.core.refusals import IllegalMove, Invalid, NotAllowed, NotFound
from apps.routing import services as routing
from apps.routing.models import Route
from apps.users.models import Desk
from tests.pages import send, visit, words
from tests.races import at_once

from .conftest import placed

D = Decimal


@pytest.fixture
def now_at():
    """Blocks at the versions they have."""
    return lambda *rows: dict(Block.objects.filter(pk__in=[b.pk for b in rows]).values_list("pk", "version"))


def owners(*rows) -> list:
    return [Block.objects.get(pk=b.pk).owner and Block.objects.get(pk=b.pk).owner.username for b in rows]


def told(block) -> list[tuple]:
    rows = Entry.objects.filter(subject="block", subject_id=block.pk, event="block.assigned").order_by("nth")
    return [(row.payload["how"], row.payload["before"], row.payload["owner"]) for row in rows]


class TestPickingUp:
    def test_takes_blocks_out_of_the_pool(self, a_block, now_at, tom, by):
        one, two = a_block("AAA", "BUY", 100), a_block("CCC", "BUY", 100)

        blocks.pick_up_blocks(by(tom), [one.pk, two.pk], seen=now_at(one, two))

        assert owners(one, two) == ["tom", "tom"]
        assert told(one) == [("PICKED_UP", "", "Tom Tran")]

    def test_refuses_what_a_colleague_works_and_picks_up_none(self, a_block, now_at, tom, tess, by):
        one, two = a_block("AAA", "BUY", 100), a_block("CCC", "BUY", 100)
        blocks.pick_up_blocks(by(tess), [two.pk], seen=now_at(two))

        with pytest.raises(blocks.OwnedByAnother, match="Tess Tully's"):
            blocks.pick_up_blocks(by(tom), [one.pk, two.pk], seen=now_at(one, two))

        assert owners(one, two) == [None, "tess"]

    def test_refuses_a_stale_reader(self, a_block, tom, tess, now_at, by):
        block = a_block("AAA", "BUY", 100)
        blocks.pick_up_blocks(by(tess), [block.pk], seen=now_at(block))

        with pytest.raises(blocks.StaleBlock) as refused:
            blocks.pick_up_blocks(by(tom), [block.pk], seen={block.pk: 1})

        assert refused.value.facts["blocks"][0]["changes"][0]["event"] == "block.assigned"

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize("attempt", range(3))
    def test_two_pick_up_the_same_and_one_has_it(self, a_block, tom, tess, by, attempt):
        block = a_block("AAA", "BUY", 100)

        answers = at_once(
            *(lambda who=who: blocks.pick_up_blocks(by(who), [block.pk], seen={block.pk: 1}) for who in (tom, tess))
        )

        assert sorted(map(str, answers)) == ["None", "StaleBlock"]
        assert len(told(block)) == 1

    def test_costs_as_many_statements_for_many_as_for_two(self, a_block, now_at, tom, by):
        first = [a_block(symbol, "BUY", 100) for symbol in ("AAA", "BBB")]
        more = [a_block(symbol, "SELL", 1000) for symbol in ("AAA", "BBB", "CCC", "TSY", "BOND")]
        cost = []
        for rows in (first, more):
            seen = now_at(*rows)
            with CaptureQueriesContext(connection) as queries:
                blocks.pick_up_blocks(by(tom), list(seen), seen=seen)
            cost.append(len(queries))
        assert cost[0] == cost[1]


class TestOwning:
    def test_only_the_owner_routes_finishes_or_asks(self, a_block, now_at, tom, tess, by):
        block = a_block("AAA", "BUY", 100)
        blocks.pick_up_blocks(by(tess), [block.pk], seen=now_at(block))

        with pytest.raises(blocks.OwnedByAnother):
            routing.route_blocks(by(tom), [block.pk], seen=now_at(block))
        with pytest.raises(blocks.OwnedByAnother):
            routing.send_inquiries(by(tom), [block.pk], seen=now_at(block))
        assert Route.objects.count() == 0
        routing.route_blocks(by(tess), [block.pk], seen=now_at(block))
        assert Route.objects.count() == 1

    def test_a_supervisor_routes_anybodys(self, a_block, now_at, tess, theo, by):
        block = a_block("AAA", "BUY", 100)
        blocks.pick_up_blocks(by(tess), [block.pk], seen=now_at(block))

        routing.route_blocks(by(theo), [block.pk], seen=now_at(block))

        assert Route.objects.count() == 1

    def test_a_colleague_may_stop_what_works(self, a_block, now_at, tom, tess, by):
        block = a_block("AAA", "BUY", 100)
        blocks.pick_up_blocks(by(tess), [block.pk], seen=now_at(block))
        routing.route_blocks(by(tess), [block.pk], seen=now_at(block))
        route = Route.objects.get()

        routing.cancel_routes(by(tom), [route.pk], seen={route.pk: route.version})

        route.refresh_from_db()
        assert route.pending_cl_ord_id


class TestHandingOver:
    def test_gives_to_a_colleague_and_what_works_goes_on(self, a_block, now_at, street, tom, tess, by):
        block = a_block("AAA", "BUY", 10_000)
        blocks.pick_up_blocks(by(tom), [block.pk], seen=now_at(block))
        routing.route_blocks(by(tom), [block.pk], seen=now_at(block))
        route = Route.objects.get()

        blocks.hand_over_blocks(by(tom, "end of my day"), [block.pk], to="tess", seen=now_at(block))

        street.report(route, "F", "1", last=(1_000, 50), cum=1_000)
        assert placed(route) == (10_000, 1_000)
        assert owners(block) == ["tess"]
        assert told(block)[-1] == ("HANDED_OVER", "Tom Tran", "Tess Tully")

    def test_gives_back_to_the_pool(self, a_block, now_at, tom, by):
        block = a_block("AAA", "BUY", 100)
        blocks.pick_up_blocks(by(tom), [block.pk], seen=now_at(block))

        blocks.hand_over_blocks(by(tom), [block.pk], to="", seen=now_at(block))

        assert owners(block) == [None]
        assert told(block)[-1] == ("POOLED", "Tom Tran", "")

    def test_refuses_a_colleagues_block_and_somebody_of_another_desk(self, a_block, now_at, tom, tess, by):
        block = a_block("AAA", "BUY", 100)
        blocks.pick_up_blocks(by(tess), [block.pk], seen=now_at(block))
        with pytest.raises(blocks.OwnedByAnother):
            blocks.hand_over_blocks(by(tom), [block.pk], to="tom", seen=now_at(block))
        tom.desks.set([Desk.objects.create(code="OTHER", name="Other desk")])

        for nobody, why in (("tom", "does not sit"), ("mira", "is no trader"), ("worker", "is no trader")):
            with pytest.raises(Invalid, match=why):
                blocks.hand_over_blocks(by(tess), [block.pk], to=nobody, seen=now_at(block))

        assert owners(block) == ["tess"]
        assert len(told(block)) == 1

    def test_refuses_a_block_that_is_over(self, a_block, now_at, street, tom, by):
        block = a_block("AAA", "BUY", 100)
        routing.route_blocks(by(tom), [block.pk], seen=now_at(block))
        street.report(Route.objects.get(), "F", "2", last=(100, 50), cum=100, leaves=0)

        with pytest.raises(IllegalMove):
            blocks.hand_over_blocks(by(tom), [block.pk], to="tess", seen=now_at(block))


class TestAnAbsentColleague:
    def test_a_supervisor_gives_the_whole_queue_to_another(self, a_block, now_at, tom, theo, by):
        one, two, free = a_block("AAA", "BUY", 100), a_block("CCC", "BUY", 100), a_block("BBB", "BUY", 100)
        blocks.pick_up_blocks(by(tom), [one.pk, two.pk], seen=now_at(one, two))
        routing.route_blocks(by(tom), [one.pk], seen=now_at(one))

        assert blocks.take_over_queue(by(theo, "Tom is ill"), "tom", to="tess") == 2

        assert owners(one, two, free) == ["tess", "tess", None]
        assert told(one)[-1] == ("TAKEN_OVER", "Tom Tran", "Tess Tully")
        assert blocks.take_over_queue(by(theo, "Tom is ill"), "tom") == 0

    def test_nobody_else_does_nor_without_a_reason(self, a_block, now_at, tom, tess, theo, by):
        block = a_block("AAA", "BUY", 100)
        blocks.pick_up_blocks(by(tom), [block.pk], seen=now_at(block))

        with pytest.raises(NotAllowed):
            blocks.take_over_queue(by(tess, "Tom is ill"), "tom")
        with pytest.raises(Invalid):
            blocks.take_over_queue(by(theo), "tom")

        assert owners(block) == ["tom"]

    @pytest.mark.django_db(transaction=True)
    def test_a_queue_taken_as_its_owner_hands_a_block_over_leaves_it_with_one(self, a_block, tom, theo, by, now_at):
        block = a_block("AAA", "BUY", 100)
        blocks.pick_up_blocks(by(tom), [block.pk], seen=now_at(block))

        at_once(
            lambda: blocks.take_over_queue(by(theo, "ill"), "tom", to="theo"),
            lambda: blocks.hand_over_blocks(by(tom), [block.pk], to="tess", seen={block.pk: 2}),
        )

        assert len(told(block)) == 2
        assert owners(block) in (["theo"], ["tess"])


class TestPagesAndApi:
    def test_picks_up_and_hands_over_on_the_blotter(self, a_block, now_at, tom):
        block = a_block("AAA", "BUY", 10_000)
        asked = words(visit(tom, "blocks:pick_up", query=f"?seen={block.pk}:1", htmx=True))
        assert "Pick up 1 block" in asked
        assert "$500.0K to work, 1 portfolio" in asked

        assert send(tom, "blocks:pick_up", {"seen": f"{block.pk}:1"}).status_code == 204
        assert "Tess Tully" in words(visit(tom, "blocks:hand_over", query=f"?seen={block.pk}:2", htmx=True))
        assert send(tom, "blocks:hand_over", {"seen": f"{block.pk}:2", "to": "mira"}).status_code == 422
        assert send(tom, "blocks:hand_over", {"seen": f"{block.pk}:2", "to": "tess"}).status_code == 204

        assert "Tess Tully's" in words(visit(tom, "blocks:detail", block.pk, htmx=True)).replace("&#x27;", "'")

    def test_a_supervisor_takes_a_queue_on_its_page(self, a_block, now_at, tom, theo, by):
        block = a_block("AAA", "BUY", 10_000)
        blocks.pick_up_blocks(by(tom), [block.pk], seen=now_at(block))

        assert "take/?of=tom" in words(visit(theo, "blocks:queues"))
        assert "take/?of=tom" not in words(visit(tom, "blocks:queues"))
        assert "Tom Tran owns" in words(visit(theo, "blocks:take_queue", query="?of=tom", htmx=True))
        assert send(theo, "blocks:take_queue", {"of": "tom", "to": ""}).status_code == 422
        assert send(theo, "blocks:take_queue", {"of": "tom", "to": "", "reason": "ill"}).status_code == 204

        assert owners(block) == [None]

    def test_over_the_api(self, a_block, client, tom, tess, theo):
        block = a_block("AAA", "BUY", 10_000)

        def post(user, path, body):
            client.force_login(user)
            return client.post(f"/api/v1/{path}", body, content_type="application/json")

        assert post(tom, f"blocks/{block.pk}/pick-up", {"version": 1}).json()["owner"] == "tom"
        stale = post(tess, f"blocks/{block.pk}/pick-up", {"version": 1})
        assert (stale.status_code, stale.json()["code"]) == (409, "stale_block")
        assert post(tom, f"blocks/{block.pk}/hand-over", {"version": 2, "to": "tess"}).json()["owner"] == "tess"
        assert client.get("/api/v1/blocks/?owner=tess").json()["results"][0]["id"] == block.pk
        assert client.get("/api/v1/blocks/?pool=true").json()["results"] == []
        assert post(tom, "queues/take-over", {"of": "tess", "reason": "ill"}).status_code == 403
        assert post(theo, "queues/take-over", {"of": "tess", "reason": "ill"}).json() == {"blocks": 1}


class TestPassingToAnotherDesk:
    """London passes its day on to New York."""

    @pytest.fixture
    def york(self, db):
        return Desk.objects.create(code="YORK", name="New York")

    @pytest.fixture
    def nora(self, york, tess):
        tess.desks.set([york])
        return tess

    def test_goes_to_its_pool_and_works_on(self, a_block, now_at, street, tom, theo, nora, by):
        block = a_block("AAA", "BUY", 10_000)
        routing.route_blocks(by(tom), [block.pk], seen=now_at(block))
        route = Route.objects.get()
        blocks.pass_blocks(by(theo, "end of the day here"), [block.pk], desk="YORK", seen=now_at(block))

        street.report(route, "F", "1", last=(1_000, 50), cum=1_000)
        assert placed(route) == (10_000, 1_000)
        block.refresh_from_db()
        assert (block.desk.code, block.owner) == ("YORK", None)
        entry = Entry.objects.filter(subject="block", subject_id=block.pk, event="block.assigned").latest("nth")
        assert (entry.payload["how"], entry.payload["desk_before"], entry.payload["desk"]) == ("PASSED", "MAIN", "YORK")
        with pytest.raises(NotFound):
            blocks.pick_up_blocks(by(tom), [block.pk], seen=now_at(block))
        blocks.pick_up_blocks(by(nora), [block.pk], seen=now_at(block))
        assert owners(block) == ["tess"]

    def test_an_open_one_takes_no_more_orders_of_the_desk_it_left(self, a_block, now_at, theo, nora, by):
        block = a_block("AAA", "BUY", 10_000)
        blocks.pass_blocks(by(theo, "later today"), [block.pk], desk="YORK", to="tess", seen=now_at(block))
        other = a_block("AAA", "BUY", 500)

        assert other.pk != block.pk and (other.desk.code, other.qty) == ("MAIN", 500)
        block.refresh_from_db()
        assert (block.qty, block.owner) == (10_000, nora)

    @pytest.mark.parametrize(
        ("who", "reason", "more", "refusal"),
        [
            ("tom", "home", {"desk": "YORK"}, NotAllowed),
            ("theo", " ", {"desk": "YORK"}, Invalid),
            ("theo", "home", {"desk": "OSLO"}, Invalid),
            ("theo", "home", {"desk": "YORK", "to": "tom"}, Invalid),
        ],
    )
    def test_refuses_who_may_not_and_what_nobody_would_see(
        self, a_block, now_at, people, nora, by, who, reason, more, refusal
    ):
        block = a_block("AAA", "BUY", 100)
        with pytest.raises(refusal):
            blocks.pass_blocks(by(people[who], reason), [block.pk], seen=now_at(block), **more)
        nora.desks.clear()
        with pytest.raises(Invalid, match="Nobody trades at New York"):
            blocks.pass_blocks(by(people["theo"], "home"), [block.pk], desk="YORK", seen=now_at(block))
        block.refresh_from_db()
        assert (block.desk.code, block.version) == ("MAIN", 1)

    def test_on_the_page_and_over_the_api(self, a_block, tom, theo, nora, client):
        first, second = a_block("AAA", "BUY", 100), a_block("CCC", "BUY", 100)
        assert "Pass to New York" not in words(visit(tom, "blocks:hand_over", query=f"?seen={first.pk}:1", htmx=True))
        page = words(visit(theo, "blocks:hand_over", query=f"?seen={first.pk}:1", htmx=True))
        assert "Pass to New York" in page and "Tess Tully, New York" in page
        said = {"seen": f"{first.pk}:1", "to": "tess", "desk": "YORK"}
        assert send(theo, "blocks:hand_over", said).status_code == 422
        assert send(theo, "blocks:hand_over", said | {"reason": "end of the day here"}).status_code == 204

        client.force_login(theo)
        body = {"version": 1, "to": "", "desk": "YORK", "reason": "end of the day here"}
        answer = client.post(f"/api/v1/blocks/{second.pk}/hand-over", body, content_type="application/json")
        assert (answer.status_code, answer.json()["owner"]) == (200, None)
        assert set(Block.objects.values_list("desk__code", flat=True)) == {"YORK"}

    @pytest.mark.django_db(transaction=True)
    def test_passed_as_a_trader_routes_it_goes_once_and_is_one_desks(self, a_block, tom, theo, nora, by):
        block = a_block("AAA", "BUY", 10_000)
        at_once(
            lambda: blocks.pass_blocks(by(theo, "later"), [block.pk], desk="YORK", seen={block.pk: 1}),
            lambda: routing.route_blocks(by(tom), [block.pk], seen={block.pk: 1}),
        )
        block.refresh_from_db()
        assert (block.desk.code == "YORK") is not Route.objects.exists()
