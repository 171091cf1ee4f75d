"""Brokers' own strategies at the desk: files that two people let in, forms on pages and over the API, and what goes out."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction
from django.urls import reverse

from apps.audit.models import Entry
from apps.blocks.models import Block
from apps.core.refusals import IllegalMove, Invalid, NotAllowed, NotFound
from apps.routing import services as routing
from apps.routing.models import BrokerStrategy, Message, Route, StrategyFile

pytestmark = pytest.mark.django_db
XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'


def xml(*names: str, inside: str = "") -> bytes:
    strategies = "".join(
        f'<Strategy name="{name}" uiRep="{name} plus" wireValue="{name[:1]}" version="2">'
        '<Parameter name="Rate" xsi:type="Percentage_t" fixTag="7700" use="required" maxValue="0.3"/>'
        f'<Parameter name="Until" xsi:type="UTCTimestamp_t" fixTag="126"/>{inside}</Strategy>'
        for name in names
    )
    return f'<Strategies strategyIdentifierTag="5001" versionIdentifierTag="5002" {XSI}>{strategies}</Strategies>'.encode()


@pytest.fixture
def load(counterparties, olga, by):
    return lambda content, broker="HARBOR", name="harbor.xml": routing.load_strategies(by(olga), broker, name, content)


@pytest.fixture
def offer(load, tess, by):
    """Loads and approves a file; gives its first strategy."""

    def make(content: bytes, **more) -> BrokerStrategy:
        pk = load(content, **more)
        routing.approve_strategies(by(tess), pk, seen={pk: 1})
        return BrokerStrategy.objects.filter(file=pk).order_by("pk")[0]

    return make


class TestFiles:
    def test_are_offered_once_another_person_approved_them(self, load, olga, tess, by):
        pk = load(xml("Sneak", "Dash"))
        assert BrokerStrategy.objects.filter(is_offered=True).count() == 0
        with pytest.raises(routing.OwnFile):
            routing.approve_strategies(by(olga), pk, seen={pk: 1})
        routing.approve_strategies(by(tess), pk, seen={pk: 1})
        row = StrategyFile.objects.get()
        assert (row.status, row.approved_by, row.version) == ("IN_FORCE", tess, 2)
        assert set(BrokerStrategy.objects.filter(is_offered=True).values_list("name", flat=True)) == {"Sneak", "Dash"}
        told = Entry.objects.filter(subject="strategy_file").order_by("id").values_list("event", flat=True)
        assert list(told) == ["strategy_file.loaded", "strategy_file.approved"]

    def test_the_database_knows_that_another_person_approves(self, load, olga):
        pk = load(xml("Sneak"))
        with pytest.raises(IntegrityError, match="another_person_approves"), transaction.atomic():
            StrategyFile.objects.filter(pk=pk).update(approved_by=olga, status="IN_FORCE")
        with pytest.raises(IntegrityError, match="was_approved"), transaction.atomic():
            StrategyFile.objects.filter(pk=pk).update(status="IN_FORCE")

    def test_that_cannot_be_read_leave_nothing_behind_and_name_each_line(self, load):
        with pytest.raises(routing.BadFile) as refused:
            load(b"<Strategies strategyIdentifierTag='5001'>\n<Strategy version='1'/>\n</Strategies>")
        assert [(f["line"], "has no" in f["text"]) for f in refused.value.facts["faults"]] == [(2, True), (2, True)]
        assert not StrategyFile.objects.exists()

    @pytest.mark.parametrize(
        "content", [b'<?xml version="1.0" encoding="ISO-8859-1"?>' + xml("Sneak"), xml("Sneak").replace(b"Sneak plus", b"Sn\xefak")]
    )
    def test_that_are_not_utf8_are_refused(self, load, content):
        with pytest.raises(routing.BadFile) as refused:
            load(content)
        assert [fault["line"] for fault in refused.value.facts["faults"]] == [1]

    def test_are_loaded_once_for_a_broker_that_is_there(self, load):
        load(xml("Sneak"))
        with pytest.raises(routing.LoadedAlready):
            load(xml("Sneak"))
        with pytest.raises(NotFound):
            load(xml("Sneak"), broker="NOBODY")
        with pytest.raises(NotFound):
            load(xml("Sneak"), broker="ALDGATE")  # A dealer has no algorithms.

    def test_a_newer_file_takes_the_place_of_one_that_it_covers(self, offer):
        first = offer(xml("Sneak"))
        offer(xml("Sneak", "Dash"), name="newer.xml")
        first.refresh_from_db()
        assert (first.is_offered, first.file.status) == (False, "ENDED")

    def test_one_that_covers_another_in_part_is_refused(self, offer, load, tess, by):
        offer(xml("Sneak", "Dash"))
        pk = load(xml("Sneak", "Creep"))
        with pytest.raises(routing.OfferedAlready, match="Sneak too, and Dash"):
            routing.approve_strategies(by(tess), pk, seen={pk: 1})

    def test_ends_with_a_reason_and_lives_no_longer(self, offer, olga, by):
        row = offer(xml("Sneak"))
        seen = {row.file_id: 2}
        with pytest.raises(Invalid):
            routing.end_strategies(by(olga), row.file_id, seen=seen)
        routing.end_strategies(by(olga, "Contract ended"), row.file_id, seen=seen)
        with pytest.raises(IllegalMove):
            routing.decline_strategies(by(olga), row.file_id, seen={row.file_id: 3})

    def test_are_kept_by_those_who_trade_and_settle_alone(self, counterparties, mira, by):
        with pytest.raises(NotAllowed):
            routing.load_strategies(by(mira), "HARBOR", "x.xml", xml("Sneak"))


@pytest.mark.django_db(transaction=True)
def test_two_people_approve_two_files_of_one_strategy_at_once_and_one_is_in_force(load, tom, tess, by):
    ids = [load(xml("Sneak")), load(xml("Sneak", inside="<!-- again -->"), name="b.xml")]

    def approve(job):
        who, pk = job
        try:
            routing.approve_strategies(by(who), pk, seen={pk: 1})
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(approve, zip((tom, tess), ids, strict=True)))
    assert sorted(StrategyFile.objects.values_list("status", flat=True)) == ["ENDED", "IN_FORCE"]
    assert BrokerStrategy.objects.filter(is_offered=True).count() == 1


class TestRouting:
    def test_sends_what_the_form_says_and_says_it_again_with_a_replace(self, offer, a_block, tom, by, street):
        row, block = offer(xml("Sneak")), a_block("AAA", "BUY", 10_000)
        said = {"own_Rate": "20", "own_Until": ""}
        routed = routing.route_by_strategy(by(tom, "Thin today"), [block.pk], row.pk, said, seen={block.pk: 1})
        route = Route.objects.get(pk=routed.routes[0])
        text = Message.objects.get(ref=route.cl_ord_id).text
        assert "|5001=S|5002=2|7700=0.2|" in text and "847=" not in text
        assert (route.strategy, route.broker.code, route.params["broker_strategy"]) == ("Sneak plus", "HARBOR", row.pk)
        route = street.report(route, "0", "0", qty=10_000, cum=0, leaves=10_000)
        routing.replace_routes(by(tom), {route.pk: {"qty": 9_000}}, seen={route.pk: route.version})
        again = Message.objects.filter(msg_type="G").get().text
        assert "|5001=S|5002=2|7700=0.2|" in again

    @pytest.mark.parametrize(
        ("said", "field", "why"),
        [
            ({"own_Rate": ""}, "own_Rate", "required"),
            ({"own_Rate": "31"}, "own_Rate", "at most 30%"),
            ({"own_Rate": "20", "own_Until": "soon"}, "own_Until", "time of day"),
            ({"own_Rate": "20", "ghost": "1"}, "controls", "no control “ghost”"),
        ],
    )
    def test_refuses_what_cannot_be_sent_beside_its_control_and_sends_nothing(self, offer, a_block, tom, by, said, field, why):
        row, block = offer(xml("Sneak")), a_block("AAA", "BUY", 10_000)
        with pytest.raises(routing.BadControls, match=why) as refused:
            routing.route_by_strategy(by(tom, "x"), [block.pk], row.pk, said, seen={block.pk: 1})
        assert refused.value.facts["field"] == field
        assert not Route.objects.exists() and not Message.objects.filter(is_out=True).exists()

    def test_refuses_without_a_reason(self, offer, a_block, tom, by):
        row, block = offer(xml("Sneak")), a_block("AAA", "BUY", 10_000)
        with pytest.raises(Invalid, match="Say why"):
            routing.route_by_strategy(by(tom), [block.pk], row.pk, {"own_Rate": "20"}, seen={block.pk: 1})

    def test_refuses_a_strategy_whose_file_ended(self, offer, a_block, tom, olga, by):
        row, block = offer(xml("Sneak")), a_block("AAA", "BUY", 10_000)
        routing.end_strategies(by(olga, "Over"), row.file_id, seen={row.file_id: 2})
        with pytest.raises(routing.NotOffered, match="not offer"):
            routing.route_by_strategy(by(tom, "x"), [block.pk], row.pk, {"own_Rate": "20"}, seen={block.pk: 1})

    def test_refuses_a_strategy_that_is_not_for_the_instrument(self, offer, a_block, tom, by):
        only = '<SecurityTypes><SecurityType name="FUT" inclusion="Include"/></SecurityTypes>'
        row, block = offer(xml("Sneak", inside=only)), a_block("AAA", "BUY", 10_000)
        with pytest.raises(routing.NotOffered, match="not for security type CS"):
            routing.route_by_strategy(by(tom, "x"), [block.pk], row.pk, {"own_Rate": "20"}, seen={block.pk: 1})

    def test_refuses_an_order_that_says_itself_how_it_trades(self, offer, a_block, tom, by):
        row, block = offer(xml("Sneak")), a_block("AAA", "BUY", 10_000)
        Block.objects.filter(pk=block.pk).update(terms={"flags": "CARE"})
        with pytest.raises(routing.NotOffered, match="says itself"):
            routing.route_by_strategy(by(tom, "x"), [block.pk], row.pk, {"own_Rate": "20"}, seen={block.pk: 1})

    def test_a_tag_that_the_order_says_otherwise_is_refused(self, offer, a_block, tom, by):
        side = '<Parameter name="Side" xsi:type="Char_t" fixTag="54"/>'
        row, block = offer(xml("Sneak", inside=side)), a_block("AAA", "BUY", 10_000)
        with pytest.raises(routing.BadControls, match="The order says Side 1"):
            routing.route_by_strategy(by(tom, "x"), [block.pk], row.pk, {"own_Rate": "20", "own_Side": "2"}, seen={block.pk: 1})

    def test_nobody_slips_tags_in_as_parameters(self, a_block, tom, by):
        block = a_block("AAA", "BUY", 10_000)
        with pytest.raises(Invalid, match="by its form"):
            routing.route_blocks(
                by(tom, "x"), [block.pk], seen={block.pk: 1}, broker_code="HARBOR", strategy="VWAP", params={"fields": [[54, "2"]]}
            )


class TestPages:
    def test_a_file_is_loaded_approved_and_used(self, counterparties, a_block, client, tom, tess):
        client.force_login(tom)
        url = reverse("routing:strategies_load")
        broker = counterparties["HARBOR"].pk
        bad = client.post(url, {"broker": broker, "file": SimpleUploadedFile("h.xml", b"<Strategies>\n<Strategy/></Strategies>")})
        assert bad.status_code == 422 and "has no strategyIdentifierTag" in bad.content.decode()
        assert client.post(url, {"broker": broker, "file": SimpleUploadedFile("h.xml", xml("Sneak"))}).status_code == 302
        row = BrokerStrategy.objects.get()
        client.force_login(tess)
        approve = reverse("routing:strategies_approve", args=[row.file_id])
        assert "Sneak plus" in client.get(approve).content.decode()
        assert client.post(approve, {"seen": f"{row.file_id}:1"}).status_code == 204
        block = a_block("AAA", "BUY", 10_000)
        client.force_login(tom)
        dialog = client.get(reverse("blocks:route"), {"seen": f"{block.pk}:1"}).content.decode()
        page = reverse("routing:strategy", args=[row.pk])
        assert f"{page}?block={block.pk}" in dialog
        opened = client.get(page, {"block": block.pk}).content.decode()
        assert "c.own_Rate" in opened and "It is required" not in opened
        live = client.get(page, {"block": block.pk, "filled": 1, "c.own_Rate": "40"}, headers={"HX-Request": "true"}).content.decode()
        assert "It is at most 30%." in live and "<html" not in live
        send = reverse("routing:strategy_route", args=[row.pk, block.pk])
        refused = client.post(send, {"seen": f"{block.pk}:1", "c.own_Rate": "40", "reason": "x"})
        assert refused.status_code == 422 and not Route.objects.exists()
        sent = client.post(send, {"seen": f"{block.pk}:1", "c.own_Rate": "25", "reason": "Thin", "qty": "4,000"})
        assert sent.status_code == 302
        assert (Route.objects.get().qty, Route.objects.get().params["said"]["own_Rate"]) == (4_000, "25")

    def test_a_strategy_is_tried_against_a_sample_order(self, offer, client, ada):
        row = offer(xml("Sneak"))
        client.force_login(ada)
        shown = client.get(reverse("routing:strategy", args=[row.pk]), {"filled": 1, "c.own_Rate": "10"}).content.decode()
        assert "7700=0.1" in shown and "Nothing is sent from here" in shown and "Route with" not in shown


class TestApi:
    def test_a_program_loads_fills_and_routes(self, counterparties, a_block, client, olga, tom, tess):
        def post(who, url, **said):
            client.force_login(who)
            return client.post(url, json.dumps(said), content_type="application/json")

        made = post(olga, "/api/v1/strategy-files/", broker="HARBOR", name="h.xml", content=xml("Sneak").decode())
        assert made.status_code == 201
        pk = made.json()["id"]
        assert post(tess, f"/api/v1/strategy-files/{pk}/approve/", version=1).json()["status"] == "IN_FORCE"
        strategy = made.json()["strategies"]["Sneak"]
        block = a_block("AAA", "BUY", 10_000)
        filled = post(tom, f"/api/v1/broker-strategies/{strategy}/fill/", block=block.pk, controls={"own_Rate": "15"}).json()
        assert filled["problems"] == [] and [7700, "0.15"] in filled["fields_sent"]
        route = f"/api/v1/blocks/{block.pk}/route/"
        both = post(tom, route, version=1, reason="x", broker_strategy=strategy, broker="HARBOR", controls={"own_Rate": "15"})
        assert both.status_code == 422 and "broker" in both.json()["facts"]["fields"]
        bad = post(tom, route, version=1, reason="x", broker_strategy=strategy, controls={"own_Rate": "50"})
        assert (bad.status_code, bad.json()["facts"]["field"]) == (422, "own_Rate")
        assert post(tom, route, version=1, reason="x", broker_strategy=strategy, controls={"own_Rate": "15"}).status_code == 200
        assert "|7700=0.15|" in Message.objects.get(msg_type="D").text

    def test_a_bad_file_is_answered_with_its_lines(self, counterparties, client, olga):
        client.force_login(olga)
        said = {"broker": "HARBOR", "name": "h.xml", "content": "<Strategies"}
        answer = client.post("/api/v1/strategy-files/", json.dumps(said), content_type="application/json")
        assert answer.status_code == 422 and answer.json()["facts"]["faults"][0]["line"] == 1
