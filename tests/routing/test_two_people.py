"""Two people on one row: for every act that changes it one of them wins, and the other is told what happened since."""

from decimal import Decimal

import pytest

from apps.blocks import services as blocks
from apps.blocks.models import Block
from apps.routing import services as routing
from apps.routing.models import DealerQuote, Inquiry, Message, Route
from tests.pages import send, words
from tests.races import at_once

D = Decimal


class TestAtOnce:
    pytestmark = pytest.mark.django_db(transaction=True)

    def both(self, act, tom, tess) -> list[str]:
        return sorted(str(answer) for answer in at_once(lambda: act(tom), lambda: act(tess)))

    def test_two_cancel_a_route_and_its_broker_is_asked_once(self, a_route, street, tom, tess, by):
        route = street.report(a_route(10_000), "0", "0")

        answers = self.both(
            lambda who: routing.cancel_routes(by(who), [route.pk], seen={route.pk: route.version}), tom, tess
        )

        assert answers == ["None", "StaleRoute"]
        assert Message.objects.filter(msg_type="F").count() == 1

    def test_two_replace_a_route_and_its_broker_is_asked_once(self, a_route, street, tom, tess, by):
        route = street.report(a_route(10_000, unplaced=5_000), "0", "0")

        answers = self.both(
            lambda who: routing.replace_routes(
                by(who), {route.pk: {"qty": D(12_000)}}, seen={route.pk: route.version}
            ),
            tom,
            tess,
        )

        assert answers == ["()", "StaleRoute"]  # Nothing was stopped.
        assert Block.objects.get().placed_qty == 12_000

    def test_two_finish_a_block_and_it_is_done_once(self, a_route, street, tom, tess, by):
        route = street.report(a_route(10_000), "8", "8", cum=0, leaves=0)
        block = Block.objects.get(pk=route.block_id)

        answers = self.both(
            lambda who: blocks.finish_blocks(by(who), [block.pk], seen={block.pk: block.version}), tom, tess
        )

        assert answers == ["None", "StaleBlock"]

    def test_one_ends_a_block_as_another_routes_it(self, a_block, tom, tess, by):
        block = a_block("AAA", "BUY", 100, 200)

        answers = at_once(
            lambda: blocks.unblock_blocks(by(tom), [block.pk], seen={block.pk: 1}),
            lambda: routing.route_blocks(by(tess), [block.pk], seen={block.pk: 1}) and None,
        )

        assert sorted(map(str, answers)) == ["None", "StaleBlock"]
        assert Route.objects.count() == (0 if answers[0] is None else 1)

    def test_one_passes_an_inquiry_as_another_takes_its_price(self, a_block, street, tom, tess, by):
        block = a_block("BOND", "BUY", 100_000)
        routing.route_blocks(by(tom), [block.pk], seen={block.pk: 1})
        for quote in DealerQuote.objects.order_by("pk"):
            street.quote(quote, "98")
        inquiry = Inquiry.objects.get()
        seen = {inquiry.pk: inquiry.version}

        answers = at_once(
            lambda: routing.pass_inquiry(by(tom, "too dear"), inquiry.pk, seen=seen),
            lambda: routing.award_inquiry(by(tess), inquiry.pk, seen=seen),
        )

        assert answers in ([None, "StaleInquiry"], ["StaleInquiry", ()])  # One is done, and nothing kept the price from it.


class TestTheDifference:
    def test_of_a_route_says_what_happened_since(self, a_route, street, tom, by):
        route = a_route(10_000)
        street.report(route, "F", "1", last=(1_000, 50), cum=1_000)

        with pytest.raises(routing.StaleRoute) as refused:
            routing.cancel_routes(by(tom), [route.pk], seen={route.pk: 1})

        (one,) = refused.value.facts["stale"]
        assert (one["seen"], one["is"], [c["event"] for c in one["changes"]]) == (1, 2, ["route.partly_filled"])
        assert one["changes"][0]["what"]["cum_qty"] == "1000"

    def test_of_a_block_is_shown_to_the_trader(self, a_block, tom, tess, by):
        block = a_block("AAA", "BUY", 100)
        blocks.pick_up_blocks(by(tess), [block.pk], seen={block.pk: 1})
        blocks.hand_over_blocks(by(tess), [block.pk], to="", seen={block.pk: 2})

        answer = send(tom, "blocks:route", {"seen": f"{block.pk}:1"})

        assert answer.status_code == 409
        assert "assigned by Tess" in words(answer)
