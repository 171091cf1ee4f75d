"""The firm on both sides of one thing on one day: found, told, judged, decided."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.blocks import rules, selectors
from apps.blocks import services as blocks
from apps.blocks.models import Opposition
from apps.core.refusals import IllegalMove, Invalid, NotAllowed
from tests.pages import send, visit, words
from tests.races import at_once

D = Decimal


def side(name: str, *orders) -> rules.Side:
    return rules.Side(name, [(portfolio, D(qty), may) for portfolio, qty, may in orders])


class TestJudgement:
    def test_crosses_the_smaller_side_of_those_who_agreed_in_whole_lots(self):
        buy, sell = side("BUY", (1, 500, True), (2, 400, False)), side("SELL", (3, 350, True))

        assert rules.crossable(buy, sell, is_level_1=True, lot=D(100)) == (D(300), [])

    @pytest.mark.parametrize(
        ("buy", "sell", "level_1", "why"),
        [
            (side("BUY", (1, 500, True)), side("SELL", (2, 500, True)), False, "No quotation"),
            (side("BUY", (1, 500, True)), side("SELL_SHORT", (2, 500, True)), True, "short"),
            (side("BUY", (1, 500, True)), side("SELL", (2, 500, False)), True, "No portfolio"),
            (side("BUY", (1, 500, True)), side("SELL", (1, 500, True)), True, "No portfolio"),
        ],
    )
    def test_says_why_nothing_can_be_crossed(self, buy, sell, level_1, why):
        qty, problems = rules.crossable(buy, sell, is_level_1=level_1, lot=D(1))

        assert qty == 0
        assert len(problems) == 1
        assert why in problems[0]


@pytest.fixture
def find(by):
    """Looks for pairs, as is done every few seconds."""
    return lambda: blocks.find_oppositions(by("scheduler"))


class TestFinding:
    def test_finds_the_pair_once_and_tells_both_managers_and_the_desk(self, found, find, mira, tom):
        found = found("P2")

        assert find() == 0
        assert Opposition.objects.count() == 1
        assert found.problems
        for person in (mira, tom):
            assert list(selectors.open_oppositions(person)) == [found]
            assert "The firm buys and sells AAA today" in words(
                visit(person, "blocks:oppositions", query="?part=open", htmx=True)
            )
            assert "The firm buys" in words(visit(person, "blocks:oppositions_of_block", found.buy_id, htmx=True))
        order = found.buy.members.get().order_id
        assert "The firm buys" in words(visit(mira, "blocks:oppositions_of_order", order, htmx=True))

    def test_the_same_side_or_another_instrument_is_none(self, wish, find):
        wish("BUY", "AAA", P1=100), wish("SELL", "CCC", P2=100)

        assert find() == 0

    def test_asks_as_often_for_many_pairs_as_for_one(self, wish, find):
        find()  # What a role may do is remembered from here on.
        cost = []
        for symbols in (("AAA",), ("BBB", "CCC", "TSY")):
            for symbol in symbols:
                wish("BUY", symbol, P1=1000), wish("SELL", symbol, P2=1000)
            with CaptureQueriesContext(connection) as queries:
                find()
            cost.append(len(queries))
        assert cost[0] == cost[1]
        assert Opposition.objects.count() == 4


class TestDeciding:
    def test_trades_apart_with_a_reason_by_a_trader_who_saw_it(self, found, mira, tom, by):
        pair = found()
        with pytest.raises(NotAllowed):
            blocks.trade_apart(by(mira, "apart"), pair.pk, seen={pair.pk: 1})
        with pytest.raises(Invalid):
            blocks.trade_apart(by(tom), pair.pk, seen={pair.pk: 1})
        with pytest.raises(blocks.StaleOpposition):
            blocks.trade_apart(by(tom, "apart"), pair.pk, seen={pair.pk: 2})

        blocks.trade_apart(by(tom, "different horizons"), pair.pk, seen={pair.pk: 1})
        with pytest.raises(blocks.StaleOpposition) as late:
            blocks.trade_apart(by(tom, "apart"), pair.pk, seen={pair.pk: 1})
        assert [c["event"] for c in late.value.facts["stale"][0]["changes"]] == ["opposition.traded_apart"]

        pair.refresh_from_db()
        assert (pair.status, pair.decided_by, pair.reason) == ("APART", tom, "different horizons")
        with pytest.raises(IllegalMove):
            blocks.trade_apart(by(tom, "again"), pair.pk, seen={pair.pk: 2})

    def test_a_cross_that_waits_is_withdrawn_first(self, proposed, tom, by):
        pair = proposed().opposition
        with pytest.raises(IllegalMove):
            blocks.trade_apart(by(tom, "apart"), pair.pk, seen={pair.pk: 2})

    @pytest.mark.django_db(transaction=True)
    def test_two_decide_and_one_is_told(self, found, tom, tess, by):
        pair = found()

        answers = at_once(
            *(lambda who=who: blocks.trade_apart(by(who, "apart"), pair.pk, seen={pair.pk: 1}) for who in (tom, tess))
        )

        assert sorted(map(str, answers)) == ["None", "StaleOpposition"]

    def test_on_the_page_and_over_the_api(self, found, client, tom):
        pair = found()
        assert "To be decided" in words(visit(tom, "blocks:oppositions"))
        assert send(tom, "blocks:opposition", {"seen": f"{pair.pk}:1"}, pair.pk).status_code == 422
        client.force_login(tom)
        assert client.get("/api/v1/oppositions/?status=FOUND").json()["results"][0]["symbol"] == "AAA"
        said = {"version": 2, "reason": "different horizons"}
        refused = client.post(f"/api/v1/oppositions/{pair.pk}/decide", said, content_type="application/json")
        assert (refused.status_code, refused.json()["code"]) == (409, "stale_opposition")
        assert send(tom, "blocks:opposition", {"seen": f"{pair.pk}:1", "reason": "apart"}, pair.pk).status_code == 204
        assert "Traded apart" in words(visit(tom, "blocks:oppositions", query="?part=rows", htmx=True))
