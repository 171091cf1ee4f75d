"""Sessions of FIX 4.2, 4.4 and 5.0 SP2 over FIXT 1.1: what is said and heard in each, and who may choose."""

import sys
from decimal import Decimal
from pathlib import Path

import pytest
import quickfix as fix
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.blocks.models import Block
from apps.routing import rules
from apps.routing import services as routing
from apps.routing.models import Message, Route, RoutingRule, Session
from apps.routing.rules import orders
from tests.back_office import save
from tests.routing.test_back_office import as_is, change

D = Decimal
FIX42, FIX44, FIXT11 = "FIX.4.2", "FIX.4.4", "FIXT.1.1"
SHARE = rules.Terms("VOD", "GB00BH4HKS39", "XLON", "GBP", "BUY", "DAY", "B-0001")
HEADS = [(49, "OMS-SIM"), (56, "HARBOR"), (34, "2"), (52, "20261123-10:00:00.000")]


def new(terms=SHARE, limit=None, strategy=(), **changes):
    return orders.new_order("R1", terms._replace(**changes), D(300), limit, strategy, "by hand", timezone.now())


def strict(name: str) -> fix.DataDictionary:
    dictionary = fix.DataDictionary(str(Path(sys.prefix) / "share" / "quickfix" / f"{name}.xml"))
    dictionary.allowUnknownMsgFields(False)
    return dictionary


class TestSaid:
    @pytest.mark.parametrize(
        "terms",
        [
            SHARE, SHARE._replace(tif="CLS"), SHARE._replace(side="SELL_SHORT", handling={"short_exempt": "VWAP"}),
            SHARE._replace(order_type="STOP", handling={"stop_price": "12.5"}),
            SHARE._replace(handling={"flags": "CARE", "min_qty": "100", "display_qty": "200"}),
            SHARE._replace(tif="GTD", handling={"expire_date": "2026-12-31"}),
            SHARE._replace(contract=rules.Contract(
                "OPTION", "OCASPS", timezone.now().date(), D(100), D("12.5"), "CALL", ("VOD", "GB00BH4HKS39"))),
        ],
    )  # fmt: skip
    @pytest.mark.parametrize("kind", ["D", "G", "F"])
    def test_an_order_in_4_2_is_one_by_its_own_dictionary(self, terms, kind):
        limit = D("12.5") if kind == "D" and terms.order_type == "MARKET" else None
        fields = {
            "D": lambda: new(terms, limit),
            "G": lambda: orders.replace("R2", "R1", "O1", terms, D(200), limit, (), timezone.now()),
            "F": lambda: orders.cancel("R2", "R1", "O1", terms, D(300), timezone.now()),
        }[kind]()

        said = [part for part in rules.spoken(FIX42, kind, fields) if part[0] != 5700]
        message = fix.Message(rules.frame(FIX42, kind, HEADS + said), strict("FIX42"), True)

        strict("FIX42").validate(message)
        assert (21 in dict(said)) == (kind != "F")

    def test_an_order_at_the_close_is_a_type_of_its_own_in_4_2(self):
        market = dict(rules.spoken(FIX42, "D", new(tif="CLS")))
        limit = dict(rules.spoken(FIX42, "D", new(tif="CLS", limit=D(12))))

        assert (market[40], limit[40], 59 in market, 59 in limit) == ("5", "B", False, False)

    def test_5_0_sp2_shows_what_is_displayed_in_a_tag_of_its_own(self):
        iceberg = new(handling={"display_qty": "100"})

        assert (111, "100") in rules.spoken(FIX44, "D", iceberg)
        assert (1138, "100") in rules.spoken(FIXT11, "D", iceberg)
        assert 111 not in dict(rules.spoken(FIXT11, "D", iceberg))

    @pytest.mark.parametrize(
        ("kind", "fields", "why"),
        [
            ("D", new(strategy=[(847, "1")]), "strategy"),
            ("D", new(security_type="MF", side="BUY", trade_date=timezone.now().date()), "tag 54=D"),
            ("D", new(order_type="STOP", tif="CLS", handling={"stop_price": "9"}), "at the close"),
            ("R", [], "needs FIX 4.4"),
            ("AJ", [], "needs FIX 4.4"),
        ],
    )
    def test_what_4_2_has_no_words_for_is_not_said(self, kind, fields, why):
        with pytest.raises(rules.NotInVersion, match=why):
            rules.spoken(FIX42, kind, fields)


class TestOrders:
    def test_what_a_session_cannot_say_is_refused_before_anything_is_written(self, counterparties, a_block, tom, by):
        Session.objects.update(begin_string=FIX42)
        block = a_block("AAA", "BUY", 1000)

        with pytest.raises(routing.Unsayable, match=r"speaks FIX 4.2, and a strategy \(tag 847\) is not in FIX 4.2") as refused:
            routing.route_blocks(by(tom), [block.pk], seen={block.pk: block.version})

        assert refused.value.facts["field"] == "broker_code"
        assert not Route.objects.exists() and not Message.objects.exists()
        assert Block.objects.get(pk=block.pk).version == block.version

    def test_sessions_of_several_versions_are_routed_to_side_by_side(self, counterparties, a_block, tom, by):
        RoutingRule.objects.update(strategy="")
        brokers = list(Session.objects.filter(broker__kind="broker").order_by("target_comp_id")[:2])
        for session, begin_string, appl_ver_id in zip(brokers, (FIX42, FIXT11), ("", "9"), strict=True):
            session.begin_string, session.appl_ver_id = begin_string, appl_ver_id
            session.save()
        for session, symbol in zip(brokers, ("AAA", "CCC"), strict=True):
            block = a_block(symbol, "BUY", 900, order_type="LIMIT", limit_price="50")
            act = by(tom, "To hear its version")
            routing.route_blocks(act, [block.pk], seen={block.pk: block.version}, broker_code=session.target_comp_id)
            assert "|40=2|" in Message.objects.get(session=session).text

        assert Message.objects.count() == 2


class TestKept:
    def test_the_database_knows_the_versions(self, counterparties):
        for begin_string, appl_ver_id in (("FIX.4.3", ""), (FIXT11, ""), (FIX44, "9"), (FIX42, "9")):
            with pytest.raises(IntegrityError, match="a_session_speaks_a_version_known_here"), transaction.atomic():
                Session.objects.update(begin_string=begin_string, appl_ver_id=appl_ver_id)

    def test_operations_choose_it_over_the_api(self, counterparties, olga):
        client, session = Client(), Session.objects.order_by("pk").first()
        client.force_login(olga)
        url, said = reverse("api-fix-session", args=[session.pk]), {"version": 1, "begin_string": FIXT11}

        refused = client.patch(url, said, "application/json")
        assert (refused.status_code, refused.json()["facts"]["field"]) == (422, "appl_ver_id")
        answer = client.patch(url, said | {"appl_ver_id": "9"}, "application/json")

        assert (answer.status_code, answer.json()["speaks"]) == (200, "FIX 5.0 SP2 over FIXT 1.1")
        stale = client.patch(url, {"version": 1, "begin_string": FIX42, "appl_ver_id": ""}, "application/json")
        assert stale.status_code == 409
        assert client.get(reverse("api-fix-sessions")).json()["results"]

    def test_the_back_office_refuses_beside_the_field(self, counterparties, olga):
        client, session = Client(), Session.objects.order_by("pk").first()
        client.force_login(olga)

        answer = save(client, change(session), as_is(session, begin_string=FIXT11))

        assert "appl_ver_id" in answer.context["adminform"].errors
        assert save(client, change(session), as_is(session, begin_string=FIXT11, appl_ver_id="9")).status_code == 302
        assert Session.objects.get(pk=session.pk).speaks == "FIX 5.0 SP2 over FIXT 1.1"

    def test_the_page_says_it(self, counterparties, tom):
        client = Client()
        client.force_login(tom)
        Session.objects.update(begin_string=FIX42)

        assert "FIX 4.2" in client.get(reverse("routing:sessions")).content.decode()
