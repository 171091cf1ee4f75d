"""Clients who direct their trades, and parties that trade the same idea in turn."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction

from apps.audit.models import Entry
from apps.blocks import selectors
from apps.blocks import services as blocks
from apps.blocks.events import BlockUnblocked
from apps.blocks.models import Block, Rotation, RotationUse
from apps.core.events import Fact
from apps.core.refusals import Conflict, Invalid, NotAllowed
from apps.orders import events as order_events
from apps.orders import services as orders
from apps.portfolios.forms import DirectionForm
from apps.portfolios.models import Direction
from apps.routing import services as routing
from apps.routing.models import Inquiry, Route
from tests.clearing import let_through
from tests.pages import send, visit, words
from tests.races import at_once

D = Decimal
TODAY = date.today()


@pytest.fixture
def direct(firm, counterparties):
    """``direct("P2", "HARBOR", "TURN")``: the client's word, from yesterday on."""

    def make(portfolio: str, broker: str, trades: str = "AFTER", **more) -> Direction:
        return Direction.objects.create(
            portfolio=firm.portfolios[portfolio], broker=firm.brokers[broker], trades=trades, basis="letter of 1 May",
            **({"starts_on": TODAY - timedelta(days=1)} | more),
        )  # fmt: skip

    return make


@pytest.fixture
def gathered(firm, counterparties, alone, mira, by):
    """``gathered("AAA", "BUY", P1=100, P2=200)``: the blocks that orders of these portfolios come into, by broker or ""."""

    def make(symbol: str, side: str = "BUY", **quantities) -> dict[str, Block]:
        wishes = [
            orders.Wish(firm.portfolios[code].pk, firm.instruments[symbol].pk, side, str(qty))
            for code, qty in quantities.items()
        ]
        ids = orders.create_orders(by(mira), wishes, submit=True)
        let_through(by, ids)
        blocks.gather_orders(by("worker"), [Fact(pk, 3, order_events.OrderCleared(1)) for pk in ids])
        rows = Block.objects.filter(members__order__in=ids).select_related("directed_to").distinct().order_by("pk")
        return {row.directed_to.code if row.directed_to else "": row for row in rows}

    return make


@pytest.fixture
def rotation(direct, alan, by) -> Rotation:
    """Free first, then what P2 directs to Harbor, then what P3 directs to Meridian."""
    direct("P2", "HARBOR", "TURN")
    direct("P3", "MERIDIAN", "TURN")
    return Rotation.objects.get(pk=blocks.make_rotation(by(alan), "Main", "MAIN", ["FREE", "HARBOR", "MERIDIAN"]))


@pytest.fixture
def route(by):
    def go(person, *found: Block, reason: str = "", **more):
        return routing.route_blocks(by(person, reason), [b.pk for b in found], seen={b.pk: b.version for b in found}, **more)

    return go


def places(block: Block) -> tuple:
    told = Entry.objects.get(subject="block", subject_id=block.pk, event="block.frozen").payload
    return told["place"], told["places"], told["out_of_turn"]


class TestDirecting:
    def test_what_a_client_directs_is_a_block_of_its_own_and_goes_there(self, direct, gathered, route, tom):
        direct("P2", "HARBOR", "WITH")

        found = gathered("AAA", P1=100, P2=200, P3=300)

        assert {code: int(b.qty) for code, b in found.items()} == {"": 400, "HARBOR": 200}
        routed = route(tom, *found.values())
        assert Route.objects.get(block=found["HARBOR"]).broker.code == "HARBOR"
        assert Route.objects.get(block=found["HARBOR"]).trace["directed"] == {"broker": "HARBOR"}
        assert len(routed.routes) == 2

    def test_an_asset_class_of_its_own_comes_before_all_others_and_days_count(self, direct, gathered):
        direct("P1", "HARBOR", asset_class="EQUITY")
        direct("P1", "MERIDIAN", ends_on=TODAY - timedelta(days=1))
        direct("P2", "MERIDIAN", starts_on=TODAY + timedelta(days=1))

        assert gathered("AAA", P1=100, P2=50).keys() == {"HARBOR", ""}
        assert gathered("BOND", P1=1000).keys() == {""}

    @pytest.mark.parametrize("trades", ["WITH", "AFTER"])
    def test_elsewhere_is_refused_saying_why_and_changes_nothing(self, direct, gathered, route, theo, trades):
        direct("P2", "HARBOR", trades)
        block = gathered("AAA", P2=200)["HARBOR"]

        with pytest.raises(routing.DirectedElsewhere, match="direct it to Harbor, so it cannot go to MERIDIAN"):
            route(theo, block, reason="better there", broker_code="MERIDIAN")

        assert (Block.objects.get(pk=block.pk).status, Route.objects.count()) == ("OPEN", 0)

    def test_the_database_refuses_a_route_elsewhere_too(self, direct, gathered, route, tom, firm):
        direct("P2", "HARBOR", "WITH")
        block = gathered("AAA", P2=200)["HARBOR"]
        made = Route.objects.get(pk=route(tom, block).routes[0])
        made.pk, made.broker, made.cl_ord_id = None, firm.brokers["MERIDIAN"], "another"

        with pytest.raises(DatabaseError, match="nobody but its broker"), transaction.atomic():
            made.save(force_insert=True)

    def test_a_dealer_alone_is_asked_and_others_are_not(self, direct, gathered, route, tom, by):
        direct("P2", "CASTLE", "WITH", asset_class="CORP")
        block = gathered("BOND", P2=2000)["CASTLE"]

        with pytest.raises(routing.DirectedElsewhere):
            routing.send_inquiries(
                by(tom), [block.pk], seen={block.pk: 1}, dealer_codes=["ALDGATE", "BRYANT", "CASTLE"]
            )
        route(tom, block)

        asked = Inquiry.objects.get(block=block)
        assert [q.dealer.code for q in asked.quotes.all()] == ["CASTLE"]
        assert asked.few_dealers_reason == "Directed by its clients"

    def test_after_the_direction_ended_an_unblocked_order_is_free(self, direct, gathered, tom, by):
        said = direct("P2", "HARBOR")
        block = gathered("AAA", P2=200)["HARBOR"]
        Direction.objects.filter(pk=said.pk).update(ends_on=TODAY - timedelta(days=1))

        blocks.unblock_blocks(by(tom), [block.pk], seen={block.pk: 1})
        order = Entry.objects.get(event="block.unblocked").payload["order_ids"]
        blocks.regather_orders(by("worker"), [Fact(block.pk, 2, BlockUnblocked(order))])

        assert Block.objects.get(status="OPEN").directed_to is None

    def test_two_directions_for_one_day_are_refused_by_form_and_database(self, direct, firm):
        direct("P2", "HARBOR")
        said = {"portfolio": firm.portfolios["P2"].pk, "asset_class": "", "broker": firm.brokers["MERIDIAN"].pk,
                "trades": "AFTER", "starts_on": TODAY, "basis": "letter"}  # fmt: skip

        form = DirectionForm(said)
        assert not form.is_valid() and "directed to Harbor" in str(form.errors)
        with pytest.raises(DatabaseError, match="one direction a day"), transaction.atomic():
            direct("P2", "MERIDIAN", starts_on=TODAY)
        venue = DirectionForm(said | {"broker": firm.brokers["SIMX"].pk, "portfolio": firm.portfolios["P1"].pk})
        assert not venue.is_valid() and "no broker" in str(venue.errors)


class TestTakingTurns:
    def test_before_and_after_hold_without_a_rotation_and_with_waits_for_nobody(self, direct, gathered, route, tom):
        direct("P1", "NORTHGATE", "BEFORE")
        direct("P3", "MERIDIAN", "AFTER")
        found = gathered("AAA", P1=100, P2=200, P3=300)

        for code in ("", "MERIDIAN"):
            with pytest.raises(blocks.OutOfTurn, match="after B-"):
                route(tom, found[code])
        for code in ("NORTHGATE", "", "MERIDIAN"):
            route(tom, found[code])
        assert [places(found[c])[:2] for c in ("NORTHGATE", "", "MERIDIAN")] == [(1, 3), (2, 3), (3, 3)]

    def test_the_rotation_is_followed_and_moves_once_an_idea(self, rotation, gathered, route, tom):
        first = gathered("AAA", P1=100, P2=200, P3=300)
        with pytest.raises(blocks.OutOfTurn, match="place 2 of 3"):
            route(tom, first["HARBOR"])
        rotation.refresh_from_db()
        assert (rotation.position, rotation.version) == (0, 1)
        for code in ("", "HARBOR", "MERIDIAN"):
            route(tom, first[code])
        rotation.refresh_from_db()
        assert (rotation.position, rotation.version, RotationUse.objects.count()) == (1, 2, 1)

        second = gathered("CCC", P1=100, P2=200, P3=300)
        with pytest.raises(blocks.OutOfTurn, match="place 3 of 3"):
            route(tom, second[""])
        for code in ("HARBOR", "MERIDIAN", ""):
            route(tom, second[code])
        assert [places(second[c])[:2] for c in ("HARBOR", "MERIDIAN", "")] == [(1, 3), (2, 3), (3, 3)]
        rotation.refresh_from_db()
        assert rotation.position == 2

    def test_released_together_they_go_out_in_turn(self, rotation, gathered, route, tom, by):
        found = gathered("AAA", P1=100, P2=200, P3=300)

        ids = route(tom, found["MERIDIAN"], found[""], found["HARBOR"]).routes

        assert [Route.objects.get(pk=pk).block_id for pk in ids] == [found[c].pk for c in ("", "HARBOR", "MERIDIAN")]

    def test_one_party_alone_uses_nothing_and_a_later_wave_of_a_served_one_keeps_nobody_waiting(
        self, rotation, gathered, route, tom
    ):
        route(tom, gathered("BOND", P1=1000)[""])
        assert RotationUse.objects.count() == 0
        found = gathered("AAA", P1=100, P2=200)
        route(tom, found[""])

        gathered("AAA", P1=50)
        route(tom, found["HARBOR"])

        assert places(found["HARBOR"]) == (2, 2, "")

    def test_a_supervisor_releases_out_of_turn_with_a_reason_and_nobody_else(self, rotation, gathered, route, tom, theo):
        found = gathered("AAA", P1=100, P2=200)
        with pytest.raises(NotAllowed, match="only a trading supervisor"):
            route(tom, found["HARBOR"], reason="hurry", out_of_turn=True)
        with pytest.raises(Invalid, match="Say why"):
            route(theo, found["HARBOR"], out_of_turn=True)
        assert Route.objects.count() == 0

        route(theo, found["HARBOR"], reason="the sponsor closes at noon", out_of_turn=True)

        assert places(found["HARBOR"]) == (2, 2, "the sponsor closes at noon")

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize("attempt", range(2))
    def test_two_release_at_once_and_the_position_moves_once(self, rotation, gathered, route, tom, tess, attempt):
        found = gathered("AAA", P1=100, P2=200, P3=300)

        answers = at_once(lambda: route(tom, found[""]) and "sent", lambda: route(tess, found["HARBOR"]) and "sent")

        assert answers[0] == "sent" and answers[1] in ("sent", "OutOfTurn")
        rotation.refresh_from_db()
        assert (rotation.position, rotation.version, RotationUse.objects.count()) == (1, 2, 1)
        assert places(found[""])[:2] == (1, 3)


class TestTheRotation:
    def test_nobody_but_an_administrator_sets_it_and_only_with_a_reason(self, rotation, tom, theo, alan, by):
        seen = {rotation.pk: 1}
        for person in (tom, theo):
            with pytest.raises(NotAllowed):
                blocks.reset_rotation(by(person, "me first"), rotation.pk, position=1, seen=seen)
        for position, reason in ((1, ""), (3, "why"), (0, "as it is")):
            with pytest.raises(Invalid):
                blocks.reset_rotation(by(alan, reason), rotation.pk, position=position, seen=seen)
        with pytest.raises(blocks.StaleRotation):
            blocks.reset_rotation(by(alan, "why"), rotation.pk, position=1, seen={rotation.pk: 7})

        blocks.reset_rotation(by(alan, "Harbor was passed over on Monday"), rotation.pk, position=1, seen=seen)

        entry = Entry.objects.select_related("act").get(event="rotation.reset")
        assert (entry.payload["before"], entry.payload["position"]) == (0, 1)
        assert entry.act.reason == "Harbor was passed over on Monday"

    def test_the_database_moves_it_only_with_a_fact(self, rotation):
        with pytest.raises(DatabaseError, match="only with a fact"), transaction.atomic():
            Rotation.objects.filter(pk=rotation.pk).update(position=2)
            force_deferred()
        with pytest.raises(DatabaseError, match="only with a fact"), transaction.atomic():
            Rotation.objects.filter(pk=rotation.pk).update(position=2, version=2)
            force_deferred()
        with pytest.raises(DatabaseError, match="Cannot"), transaction.atomic():
            rotation.seats.all().delete()

    def test_refuses_a_second_for_the_desk_and_parties_that_are_none(self, rotation, alan, by):
        for parties in (["FREE"], ["HARBOR", "MERIDIAN"], ["FREE", "NOBODY"], ["FREE", "HARBOR", "HARBOR"]):
            with pytest.raises(Invalid):
                blocks.make_rotation(by(alan), "Other", "MAIN", parties)
        with pytest.raises(Conflict, match="trades by “Main” already"):
            blocks.make_rotation(by(alan), "Other", "MAIN", ["FREE", "HARBOR"])
        blocks.end_rotation(by(alan, "new sponsor"), rotation.pk, seen={rotation.pk: 1})
        blocks.make_rotation(by(alan), "Other", "MAIN", ["HARBOR", "FREE"])
        assert Rotation.objects.filter(status="ACTIVE").get().name == "Other"

    def test_the_evidence_is_what_was_released_when_in_what_place(self, rotation, gathered, route, tom, theo, ada):
        found = gathered("AAA", P1=100, P2=200, P3=300)
        route(theo, found["HARBOR"], reason="asked for", out_of_turn=True)
        route(tom, found[""], found["MERIDIAN"])

        lines = selectors.evidence(rotation)

        assert [(r.party, r.place, r.places, r.out_of_turn) for r in lines] == [
            ("Harbor", 2, 3, "asked for"), ("Free orders", 1, 3, ""), ("Meridian", 3, 3, ""),
        ]  # fmt: skip
        assert {r.first for r in lines} == {"Free orders"}
        assert selectors.evidence(rotation, until=TODAY - timedelta(days=9)) == []
        page = words(visit(ada, "blocks:rotation", rotation.pk))
        assert "2 of 3" in page and "asked for" in page
        file = b"".join(visit(ada, "blocks:rotation_csv", rotation.pk).streaming_content).decode()
        assert len(file.strip().splitlines()) == 4 and "Harbor,2,3," in file


def force_deferred():
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


class TestPagesAndApi:
    def test_the_desk_sees_the_place_and_who_is_waited_for(self, rotation, gathered, tom, theo, alan):
        found = gathered("AAA", P1=100, P2=200, P3=300)
        free, late = found[""], found["HARBOR"]
        seen = f"?seen={late.pk}:1"
        drawer = words(visit(tom, "blocks:detail", late.pk, htmx=True))
        assert "place 2 of 3 by “Main”" in drawer and f"after {free.ref}" in drawer and "to Harbor, in turn" in drawer
        assert "to HARBOR" in words(visit(tom, "blocks:list"))
        assert "A supervisor may release it" in words(visit(tom, "blocks:route", query=seen, htmx=True))
        assert "Release out of turn" in words(visit(theo, "blocks:route", query=seen, htmx=True))
        assert send(tom, "blocks:route", {"seen": f"{late.pk}:1"}).status_code == 409
        said = {"seen": f"{late.pk}:1", "out_of_turn": "1", "reason": "asked for"}
        assert send(tom, "blocks:route", said).status_code == 403
        assert send(theo, "blocks:route", said).status_code == 204
        assert "Set who is first" not in words(visit(tom, "blocks:rotations"))
        assert "Set who is first" in words(visit(alan, "blocks:rotations"))
        assert send(alan, "blocks:rotation_make", {"name": "x", "desk": "MAIN", "parties": "FREE"}).status_code == 422
        seen = f"{rotation.pk}:2"
        assert send(alan, "blocks:rotation_reset", {"seen": seen, "position": "2"}, rotation.pk).status_code == 422
        said = {"seen": seen, "position": "2", "reason": "agreed"}
        assert send(alan, "blocks:rotation_reset", said, rotation.pk).status_code == 204
        assert send(alan, "blocks:rotation_end", {"seen": seen, "reason": "x"}, rotation.pk).status_code == 409
        assert "agreed" in words(visit(tom, "desk:timeline", "rotation", rotation.pk))

    def test_over_the_api(self, rotation, gathered, client, tom, alan, mira):
        found = gathered("AAA", P1=100, P2=200)
        late = found["HARBOR"]
        client.force_login(tom)
        turn = client.get(f"/api/v1/blocks/{late.pk}/turn/").json()
        assert turn == {"place": 2, "places": 2, "waits_for": [found[""].ref], "rotation": "Main"}
        assert client.get(f"/api/v1/blocks/{late.pk}/").json()["directed_to"] == "HARBOR"
        refused = client.post(f"/api/v1/blocks/{late.pk}/route", {"version": 1}, content_type="application/json")
        assert (refused.status_code, refused.json()["code"]) == (409, "out_of_turn")
        for block in (found[""], late):
            sent = client.post(f"/api/v1/blocks/{block.pk}/route", {"version": 1}, content_type="application/json")
            assert sent.status_code == 200
        [shown] = client.get("/api/v1/rotations/").json()["results"]
        assert (shown["position"], shown["parties"]) == (1, ["FREE", "HARBOR", "MERIDIAN"])
        lines = client.get(f"/api/v1/rotations/{rotation.pk}/evidence/").json()
        assert [(r["party"], r["place"]) for r in lines] == [("Free orders", 1), ("Harbor", 2)]
        client.force_login(alan)
        said = {"version": 2, "position": 0, "reason": "agreed"}
        for _ in range(2):  # The same key gets the same answer.
            reset = client.post(
                f"/api/v1/rotations/{rotation.pk}/reset", said, content_type="application/json",
                headers={"Idempotency-Key": "k1"},
            )  # fmt: skip
            assert (reset.status_code, reset.json()["position"]) == (200, 0)
        client.force_login(mira)
        portfolio = late.members.get().order.portfolio_id
        [said] = client.get(f"/api/v1/portfolios/{portfolio}/directions/").json()
        assert (said["broker"], said["trades"]) == ("HARBOR", "TURN")
        assert "Directed brokerage" in words(visit(mira, "portfolios:detail", portfolio))
