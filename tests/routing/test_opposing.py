"""The firm on both sides of one thing on one day: found, told, judged, decided."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.blocks import rules, selectors
from apps.blocks import services as blocks
from apps.blocks.models import Block, CrossConsent, Opposition
from apps.core.events import Fact
from apps.core.refusals import IllegalMove, Invalid, NotAllowed
from apps.orders import events as order_events
from apps.orders import services as orders
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

    def test_takes_the_last_sale_else_the_middle(self):
        assert rules.independent_price(D(50), D(49), D(52)) == (D(50), "last sale")
        assert rules.independent_price(None, D(49), D(52)) == (D("50.5"), "middle of bid and offer")
        assert rules.independent_price(None, None, D(52)) is None


@pytest.fixture
def find(by):
    """Looks for pairs, as is done every few seconds."""
    return lambda: blocks.find_oppositions(by("scheduler"))


@pytest.fixture
def a_block_of(firm, alone, mira, by):
    """``a_block_of("BUY", P3=150)``: an open block of AAA with an order of each portfolio."""

    def make(side: str, **quantities: int) -> Block:
        wishes = [
            orders.Wish(firm.portfolios[code].pk, firm.instruments["AAA"].pk, side, str(qty))
            for code, qty in quantities.items()
        ]
        ids = orders.create_orders(by(mira), wishes, submit=True)
        orders.mark_cleared(by("worker"), dict.fromkeys(ids, 1))
        blocks.gather_orders(by("worker"), [Fact(pk, 3, order_events.OrderCleared(1)) for pk in ids])
        return Block.objects.get(members__order=ids[0])

    return make


@pytest.fixture
def both(a_block_of, firm, find):
    """P3 buys 150 AAA, P1 sells 100 and P2 sells 400. The portfolios named have agreed to be crossed."""

    def make(*consenting: str) -> Opposition:
        for code in consenting:
            CrossConsent.objects.create(portfolio=firm.portfolios[code], basis="Procedures of 2026-01-05")
        a_block_of("BUY", P3=150)
        a_block_of("SELL", P1=100, P2=400)
        find()
        return Opposition.objects.get()

    return make


class TestFinding:
    def test_finds_the_pair_once_and_tells_both_managers_and_the_desk(self, both, find, mira, tom):
        found = both()

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

    def test_the_same_side_or_another_instrument_is_none(self, a_block, find):
        a_block("AAA", "BUY", 100), a_block("CCC", "SELL", 100)

        assert find() == 0

    def test_asks_as_often_for_many_pairs_as_for_one(self, a_block, find):
        find()  # What a role may do is remembered from here on.
        cost = []
        for symbols in (("AAA",), ("BBB", "CCC", "TSY")):
            for symbol in symbols:
                a_block(symbol, "BUY", 1000), a_block(symbol, "SELL", 1000)
            with CaptureQueriesContext(connection) as queries:
                find()
            cost.append(len(queries))
        assert cost[0] == cost[1]
        assert Opposition.objects.count() == 4


class TestDeciding:
    def test_proposes_a_cross_at_an_independent_price_and_trades_nothing(self, both, tom, by):
        found = both("P1", "P3")
        assert (found.cross_qty, found.problems) == (100, [])

        blocks.decide_opposition(by(tom, "saves the spread"), found.pk, cross=True, seen={found.pk: 1})

        found.refresh_from_db()
        assert (found.status, found.price, found.price_source) == ("CROSS", D(50), "last sale")
        assert {b.placed_qty for b in Block.objects.all()} == {0}

    def test_refuses_a_cross_without_consent_and_records_nothing(self, both, tom, by):
        found = both()

        with pytest.raises(blocks.NotCrossable, match="No portfolio that may be crossed"):
            blocks.decide_opposition(by(tom, "saves the spread"), found.pk, cross=True, seen={found.pk: 1})

        found.refresh_from_db()
        assert (found.status, found.version) == ("FOUND", 1)

    def test_trades_apart_with_a_reason_by_a_trader_who_saw_it(self, both, mira, tom, by):
        found = both()
        with pytest.raises(NotAllowed):
            blocks.decide_opposition(by(mira, "apart"), found.pk, cross=False, seen={found.pk: 1})
        with pytest.raises(Invalid):
            blocks.decide_opposition(by(tom), found.pk, cross=False, seen={found.pk: 1})
        with pytest.raises(blocks.StaleOpposition):
            blocks.decide_opposition(by(tom, "apart"), found.pk, cross=False, seen={found.pk: 2})

        blocks.decide_opposition(by(tom, "different horizons"), found.pk, cross=False, seen={found.pk: 1})
        with pytest.raises(blocks.StaleOpposition) as late:
            blocks.decide_opposition(by(tom, "apart"), found.pk, cross=False, seen={found.pk: 1})
        assert [c["event"] for c in late.value.facts["stale"][0]["changes"]] == ["opposition.traded_apart"]

        found.refresh_from_db()
        assert (found.status, found.decided_by, found.reason) == ("APART", tom, "different horizons")
        with pytest.raises(IllegalMove):
            blocks.decide_opposition(by(tom, "again"), found.pk, cross=False, seen={found.pk: 2})

    @pytest.mark.django_db(transaction=True)
    def test_two_decide_and_one_is_told(self, both, tom, tess, by):
        found = both()

        answers = at_once(
            *(
                lambda who=who: blocks.decide_opposition(by(who, "apart"), found.pk, cross=False, seen={found.pk: 1})
                for who in (tom, tess)
            )
        )

        assert sorted(map(str, answers)) == ["None", "StaleOpposition"]

    def test_on_the_page_and_over_the_api(self, both, client, tom):
        found = both()
        assert "To be decided" in words(visit(tom, "blocks:oppositions"))
        assert send(tom, "blocks:opposition", {"seen": f"{found.pk}:1"}, found.pk).status_code == 422
        client.force_login(tom)
        assert client.get("/api/v1/oppositions/?status=FOUND").json()["results"][0]["symbol"] == "AAA"
        said = {"version": 1, "cross": True, "reason": "saves the spread"}
        refused = client.post(f"/api/v1/oppositions/{found.pk}/decide", said, content_type="application/json")
        assert (refused.status_code, refused.json()["code"]) == (409, "not_crossable")
        assert send(tom, "blocks:opposition", {"seen": f"{found.pk}:1", "reason": "apart"}, found.pk).status_code == 204
        assert "Traded apart" in words(visit(tom, "blocks:oppositions", query="?part=rows", htmx=True))
