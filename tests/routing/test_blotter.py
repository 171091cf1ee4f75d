"""The trader's blotter, as a browser asks for it."""

import re
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.blocks.models import Block, Member
from apps.desk.blotter.selectors import slippage_bp
from apps.routing import services as routing
from apps.routing.models import DealerQuote, Execution, Inquiry, Route

HTMX = {"HTTP_HX_REQUEST": "true"}
D = Decimal


@pytest.fixture
def page(client):
    def signed_in(user):
        client.force_login(user)
        return client

    return signed_in


def text(response) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


def rows(response) -> list[int]:
    return [int(pk) for pk in re.findall(r'data-row="block:(\d+)"', response.content.decode())]


def seen(*blocks: Block) -> str:
    return "&".join(f"seen={b.pk}:{b.version}" for b in blocks)


def detail(block_id: int, **asked) -> str:
    return reverse("blocks:detail", args=[block_id]) + "?" + "&".join(f"{k}={v}" for k, v in asked.items())


@pytest.mark.parametrize(
    ("side", "average", "arrival", "bp"),
    [("BUY", "101", "100", 100), ("SELL", "101", "100", -100), ("SELL", "99", "100", 100), ("BUY", None, "100", None)],
)
def test_slippage_is_a_cost_on_either_side(side, average, arrival, bp):
    assert slippage_bp(side, D(average) if average else None, D(arrival)) == bp


# --- the list -------------------------------------------------------------------------------------------------------


class TestList:
    def test_puts_what_needs_a_trader_first_then_the_largest(self, page, tom, by, a_block, a_route, street):
        small, large = a_block("AAA", "SELL", 100), a_block("BBB", "SELL", 5000)
        working = a_route(900_000).block
        rejected = a_route(50)
        street.report(rejected, "8", "8", cum=0, leaves=0, text="Unknown symbol")

        shown = page(tom).get(reverse("blocks:list"))

        assert shown.status_code == 200
        assert rows(shown) == [rejected.block_id, large.pk, small.pk, working.pk]
        assert "Rejected: Unknown symbol" in text(shown)

    def test_shows_fills_average_and_slippage(self, page, tom, a_route, street):
        route = a_route(10_000)
        street.report(route, "F", "1", last=(4_000, "50.10"), cum=4_000, leaves=6_000)

        shown = text(page(tom).get(reverse("blocks:list")))

        assert "50.1000" in shown and "50.0000" in shown and "+20.0" in shown and "40%" in shown
        assert "VWAP" in shown

    @pytest.mark.parametrize(
        ("asked", "found"),
        [("?status=OPEN", 2), ("?status=WORKING", 0), ("?asset=bonds", 1), ("?q=aa", 1), ("?status=odd", 2)],
    )
    def test_filters_and_searches(self, page, tom, a_block, asked, found):
        a_block("AAA", "SELL", 100)
        a_block("BOND", "BUY", 10_000)

        assert len(rows(page(tom).get(reverse("blocks:list") + asked))) == found

    def test_live_rows_follow_routes_executions_and_inquiries(self, page, tom, by, a_block, a_route, street):
        route, bond = a_route(10_000), a_block("BOND", "BUY", 10_000)
        [asking] = routing.route_blocks(by(tom), [bond.pk], seen={bond.pk: bond.version}).inquiries
        street.report(route, "F", "1", last=(4_000, "50"), cum=4_000, leaves=6_000)
        client, where = page(tom), reverse("blocks:rows")

        assert rows(client.get(f"{where}?route={route.pk}")) == [route.block_id]
        assert rows(client.get(f"{where}?execution={Execution.objects.get().pk}")) == [route.block_id]
        assert rows(client.get(f"{where}?inquiry={asking}")) == [bond.pk]
        assert rows(client.get(f"{where}?ids={bond.pk}&status=DONE")) == []
        assert "Quoting to" in text(client.get(f"{where}?ids={bond.pk}"))

    def test_asks_the_database_as_often_for_many_blocks_as_for_few(self, page, tom, a_block):
        client = page(tom)
        a_block("AAA", "SELL", 100)
        client.get(reverse("blocks:list"))
        with CaptureQueriesContext(connection) as few:
            client.get(reverse("blocks:list"))
        for n in range(12):
            a_block("BBB", "SELL", 100, instructions=f"Care {n}")
        with CaptureQueriesContext(connection) as many:
            client.get(reverse("blocks:list"))

        assert len(many) == len(few)

    def test_a_manager_sees_blocks_with_their_orders_but_no_routes(self, page, paul, a_route, a_block):
        others, shared = a_route(10_000), a_block("BBB", "SELL", 10, 20, 30)

        shown = page(paul).get(reverse("blocks:list"))

        assert rows(shown) == [shared.pk]
        assert "Strategy" not in text(shown)
        assert "R-" not in text(page(paul).get(reverse("desk:tree", args=["block", shared.pk]), **HTMX))
        assert page(paul).get(reverse("desk:tree", args=["route", 1])).status_code == 404
        assert page(paul).get(detail(others.block_id)).status_code == 404

    def test_opens_to_its_routes(self, page, tom, a_route):
        route = a_route(10_000)

        shown = text(page(tom).get(reverse("desk:tree", args=["block", route.block_id]), **HTMX))

        assert route.ref in shown and route.broker.name in shown and f'data-of="block:{route.block_id}"' in shown

    def test_an_order_opens_to_its_block_in_the_columns_of_the_view(self, page, tom, paul, a_route):
        route = a_route(10_000)
        order = Member.objects.get(block=route.block_id).order_id
        below = reverse("desk:tree", args=["order", order]) + "?list=orders"

        shown = text(page(tom).get(below, **HTMX))

        assert f'data-of="order:{order}" data-level="1" data-node="block:{route.block_id}"' in shown
        assert reverse("desk:tree", args=["block", route.block_id]) in shown
        assert page(tom).get(reverse("desk:tree", args=["odd", 1])).status_code == 404
        assert page(paul).get(below).status_code == 404

    def test_is_closed_to_strangers_and_roles_without_blocks(self, client, alan, firm):
        assert client.get(reverse("blocks:list")).status_code == 302
        client.force_login(alan)
        assert client.get(reverse("blocks:list")).status_code == 403


# --- the drawer -----------------------------------------------------------------------------------------------------


class TestDrawer:
    def test_has_an_address_of_its_own_and_a_fragment_for_the_list(self, page, tom, a_block):
        block = a_block("AAA", "BUY", 300, 700)

        whole, part = page(tom).get(detail(block.pk)), page(tom).get(detail(block.pk), **HTMX)

        assert "<html" in text(whole) and block.ref in text(whole)
        assert "<html" not in text(part) and "1,000 AAA" in text(part)

    def test_shows_provisional_shares_of_the_fills_so_far(self, page, tom, by, a_block, street):
        block = a_block("AAA", "BUY", 3_000, 7_000)
        [pk] = routing.route_blocks(by(tom), [block.pk], seen={block.pk: block.version}).routes
        street.report(Route.objects.get(pk=pk), "F", "1", last=(1_000, "50"), cum=1_000, leaves=9_000)

        shown = text(page(tom).get(detail(block.pk, part="tab", tab="orders"), **HTMX))

        assert re.search(r"3,000</td><td class=\"n\">300<", shown) and re.search(
            r"7,000</td><td class=\"n\">700<", shown
        )

    def test_shows_the_statement_with_its_hash(self, page, tom, a_route):
        block = a_route(10_000).block

        shown = text(page(tom).get(detail(block.pk, part="tab", tab="allocation"), **HTMX))

        assert block.statement.hash in shown and "The statement is as it was made" in shown

    def test_shows_routes_with_their_fills_and_the_rule_that_chose(self, page, tom, a_route, street):
        route = a_route(10_000)
        street.report(route, "F", "1", last=(4_000, "50.10"), cum=4_000, leaves=6_000)

        shown = text(page(tom).get(detail(route.block_id, part="tab", tab="routes"), **HTMX))

        assert route.ref in shown and "4,000" in shown and "50.1000" in shown and route.trace["rule"] in shown
        assert f"?route={route.pk}" in shown

    def test_shows_every_quote_the_best_first(self, page, tom, by, a_block, street):
        bond = a_block("BOND", "BUY", 10_000)
        routing.route_blocks(by(tom), [bond.pk], seen={bond.pk: bond.version})
        first, second, third = DealerQuote.objects.order_by("pk")[:3]
        street.quote(first, "98.40")
        street.quote(second, "98.20")
        street.decline(third)

        shown = text(page(tom).get(detail(bond.pk, part="tab", tab="quotes"), **HTMX))

        assert shown.index("98.2000") < shown.index("98.4000")
        assert "Declined" in shown and Inquiry.objects.get().ref in shown

    def test_an_orders_panel_names_its_block_and_share(self, page, mira, tom, by, a_block, street):
        block = a_block("AAA", "BUY", 3_000, 7_000)
        order = block.members.get(qty=3_000).order
        where = reverse("blocks:of_order", args=[order.pk])
        assert block.ref in text(page(mira).get(where, **HTMX))
        [pk] = routing.route_blocks(by(tom), [block.pk], seen={block.pk: block.version}).routes
        street.report(Route.objects.get(pk=pk), "F", "1", last=(1_000, "50"), cum=1_000, leaves=9_000)

        assert "300 of 3,000" in text(page(mira).get(where, **HTMX))


# --- acts -----------------------------------------------------------------------------------------------------------


class TestRoute:
    def test_states_money_portfolios_brokers_and_where_each_goes(self, page, tom, a_block):
        shares, bond = a_block("AAA", "SELL", 300, 700), a_block("BOND", "BUY", 10_000)

        shown = text(page(tom).get(f"{reverse('blocks:route')}?{seen(shares, bond)}", **HTMX))

        assert "Route 2 blocks" in shown and "$50.0K sell, $9.8K buy, 2 portfolios" in shown
        assert "VWAP" in shown and "Inquiry" in shown and "dealers:" in shown
        assert not Route.objects.exists()

    def test_routes_what_was_ticked(self, page, tom, a_block):
        shares, bond = a_block("AAA", "SELL", 1000), a_block("BOND", "BUY", 10_000)
        ticked = [f"{b.pk}:{b.version}" for b in (shares, bond)]

        answer = page(tom).post(reverse("blocks:route"), {"seen": ticked}, **HTMX)

        assert answer.status_code == 204
        assert "2 blocks routed: 1 order sent, 1 inquiry opened." in answer["HX-Trigger"]
        assert (Route.objects.count(), Inquiry.objects.count()) == (1, 1)

    def test_an_override_is_previewed_and_needs_a_reason(self, page, tom, a_block):
        block = a_block("AAA", "SELL", 1000)
        client, where = page(tom), reverse("blocks:route")
        chosen = {"seen": f"{block.pk}:{block.version}", "broker_code": "HARBOR", "strategy": "TWAP"}

        shown = text(client.get(where, chosen, **HTMX))
        assert "Yours instead of" in shown and "Harbor" in shown and "TWAP" in shown
        refused = client.post(where, chosen, **HTMX)
        assert refused.status_code == 422 and "Say why" in text(refused)
        assert not Route.objects.exists()
        assert client.post(where, chosen | {"reason": "They have the other side"}, **HTMX).status_code == 204
        route = Route.objects.get()
        assert (route.broker.code, route.strategy) == ("HARBOR", "TWAP")
        assert route.trace["override"]["reason"] == "They have the other side"

    def test_places_a_part(self, page, tom, a_block):
        block = a_block("AAA", "SELL", 1000)
        said = {"seen": f"{block.pk}:{block.version}", "qty": "400"}

        page(tom).post(reverse("blocks:route"), said, **HTMX)

        assert Route.objects.get().qty == 400
        assert "Part unplaced" in text(page(tom).get(reverse("blocks:list")))

    @pytest.mark.parametrize(("qty", "says"), [("some", "is no quantity"), ("0.5", "multiple of 1")])
    def test_refuses_a_quantity_that_is_none(self, page, tom, a_block, qty, says):
        block = a_block("AAA", "SELL", 1000)

        refused = page(tom).post(reverse("blocks:route"), {"seen": f"{block.pk}:{block.version}", "qty": qty}, **HTMX)

        assert refused.status_code == 422 and says in text(refused)
        assert not Route.objects.exists()

    def test_a_stale_trader_is_told_and_nothing_is_routed(self, page, tom, a_block):
        block = a_block("AAA", "SELL", 1000)
        old = f"{block.pk}:{block.version}"
        a_block("AAA", "SELL", 50)

        answer = page(tom).post(reverse("blocks:route"), {"seen": old}, **HTMX)

        assert answer.status_code == 409 and "changed since you looked" in text(answer)
        assert "closeDialog" in answer["HX-Trigger"]
        assert not Route.objects.exists()

    def test_is_the_traders_alone(self, page, mira, omar, a_block):
        block = a_block("AAA", "SELL", 1000)

        for user in (mira, omar):
            assert page(user).post(reverse("blocks:route"), {"seen": f"{block.pk}:1"}, **HTMX).status_code == 403


class TestCancelAndFinish:
    def test_cancels_the_routes_of_a_block_though_a_fill_came_meanwhile(self, page, tom, a_route, street):
        route = a_route(10_000)
        client, where = page(tom), reverse("blocks:cancel_routes")
        shown = text(client.get(f"{where}?{seen(route.block)}", **HTMX))
        assert (
            "Cancel 1 route" in shown
            and "$500.0K still working, 1 portfolio" in shown
            and f'name="route" value="{route.pk}"' in shown
        )
        street.report(route, "F", "1", last=(4_000, "50"), cum=4_000, leaves=6_000)

        assert client.post(where, {"route": route.pk, "reason": "News"}, **HTMX).status_code == 204
        assert route.requests.filter(msg_type="F").count() == 1
        again = client.post(where, {"route": route.pk}, **HTMX)
        assert again.status_code == 409 and "was asked to cancel already" in text(again)

    def test_gives_up_the_rest_once_nothing_works(self, page, tom, a_route, street):
        route = a_route(10_000)
        client, where = page(tom), reverse("blocks:finish")
        route.block.refresh_from_db()
        refused = client.get(f"{where}?{seen(route.block)}", **HTMX)
        assert refused.status_code == 409 and "cancel its routes first" in text(refused)
        street.report(route, "F", "1", last=(4_000, "50"), cum=4_000, leaves=6_000)
        street.report(route, "4", "4", cum=4_000, leaves=0)

        shown = text(client.get(f"{where}?{seen(route.block)}", **HTMX))
        assert "Give up $300.0K, 1 portfolio" in shown and "6,000 AAA" in shown
        said = {"seen": f"{route.block_id}:{route.block.version}", "reason": "Client call"}
        assert client.post(where, said, **HTMX).status_code == 204
        route.block.refresh_from_db()
        assert (route.block.status, route.block.filled_qty, route.block.cancelled_qty) == ("DONE", 4_000, 6_000)
