"""Broker dialects: what is said and heard in one, exactly, and who may keep it."""

import re
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.core.refusals import IllegalMove, Invalid, NotAllowed
from apps.reference.models import Instrument
from apps.routing import rules
from apps.routing import services as routing
from apps.routing.models import Dialect as Kept
from apps.routing.models import Execution, Message, Route, RoutingRule, Session
from apps.routing.rules import dialects, orders
from apps.routing.rules.dialects import PLAIN, About, Dialect, PriceUnit, Required, TagRule
from tests.races import at_once
from tests.routing.conftest import sent

D = Decimal
PENCE = PriceUnit("GBP", "GBX", 100)
VOD = About("VOD", "GB00BH4HKS39", "BH4HKS3", "XLON", "EQUITY", "GBP")
GILT = About("UKT 4 2030", "GB00B6460505", "B646050", "XLON", "GOVT", "GBP")
TERMS = rules.Terms("VOD", "GB00BH4HKS39", "XLON", "GBP", "BUY", "DAY", "B-0001", order_type="LIMIT")


def order(limit="72.345", terms=TERMS, qty=300, strategy=()):
    return orders.new_order("R1", terms, D(qty), D(limit), strategy, "by hand", timezone.now())


class TestSaid:
    def test_a_price_in_pounds_is_said_in_pence(self):
        said = dict(dialects.said(Dialect(price_units=(PENCE,)), "D", order(), VOD))

        assert (said[44], said[15], said[38]) == ("7234.5", "GBX", "300")

    def test_bonds_and_other_currencies_are_said_as_they_are(self):
        d = Dialect(price_units=(PENCE,))

        assert dict(dialects.said(d, "D", order(), GILT))[44] == "72.345"
        assert dict(dialects.said(d, "D", order(), VOD._replace(currency="USD")))[44] == "72.345"

    def test_face_is_said_in_thousands(self):
        said = dict(dialects.said(Dialect(bond_unit=1000), "D", order(qty=150_500), GILT))

        assert (said[38], said[44]) == ("150.5", "72.345")
        assert dict(dialects.said(Dialect(bond_unit=1000), "D", order(qty=150_500), VOD))[38] == "150500"

    @pytest.mark.parametrize(
        ("d", "names"),
        [
            (Dialect("TICKER"), ("VOD", None, None)),
            (Dialect("ISIN"), ("GB00BH4HKS39", "GB00BH4HKS39", "4")),
            (Dialect("SEDOL"), ("BH4HKS3", "BH4HKS3", "2")),
            (Dialect("RIC", {"XLON": "L"}), ("VOD.L", "VOD.L", "5")),
            (PLAIN, ("VOD", "GB00BH4HKS39", "4")),
        ],
    )  # fmt: skip
    def test_an_instrument_is_named_as_the_broker_knows_it(self, d, names):
        said = dict(dialects.said(d, "D", order(), VOD))

        assert (said[55], said.get(48), said.get(22)) == names

    @pytest.mark.parametrize(
        ("d", "about", "why"),
        [
            (Dialect("SEDOL"), VOD._replace(sedol=""), "no SEDOL for VOD"),
            (Dialect("RIC", {"XLON": "L"}), VOD._replace(mic="XNAS"), "no suffix for XNAS"),
            (Dialect(required=(Required("DG", 100),)), VOD, "requires tag 100"),
        ],
    )
    def test_what_it_wants_and_nobody_knows_is_not_guessed(self, d, about, why):
        with pytest.raises(dialects.CannotSay, match=why):
            dialects.said(d, "D", order(), about)

    def test_a_cancel_is_never_kept_back_for_a_name(self):
        said = dict(dialects.said(Dialect("SEDOL"), "F", order(), VOD._replace(sedol="")))

        assert said[48] == "GB00BH4HKS39"

    def test_tags_of_its_own(self):
        d = Dialect(tags=(
            TagRule("DG", 9001, "text", "DESK 1"), TagRule("D", 1, "field", "symbol"), TagRule("D", 9002, "field", "sedol"),
            TagRule("D", 847, "move", "7601"), TagRule("DFG", 58, "drop"), TagRule("F", 9003, "text", "x"),
        ))  # fmt: skip

        said = dialects.said(d, "D", order(strategy=[(847, "1")]), VOD)

        assert dict(said) | {1: "VOD", 9001: "DESK 1", 9002: "BH4HKS3", 7601: "1"} == dict(said)
        assert not {847, 58, 9003} & dict(said).keys()
        assert [tag for tag, _ in said].count(1) == 1


class TestHeard:
    def test_a_fill_in_pence_comes_back_in_pounds_exactly(self):
        said = [(55, "VOD"), (31, "7234.567"), (32, "100"), (6, "7234.567"), (15, "GBX"), (44, "7300")]

        heard = dict(dialects.heard(Dialect(price_units=(PENCE,)), said, VOD))

        assert (heard[31], heard[6], heard[44], heard[15], heard[32]) == ("72.34567", "72.34567", "73", "GBP", "100")

    def test_it_is_taken_by_its_word_where_it_names_pounds(self):
        heard = dict(dialects.heard(Dialect(price_units=(PENCE,)), [(31, "72.34"), (15, "GBP")], VOD))

        assert heard == {31: "72.34", 15: "GBP"}

    def test_commission_is_in_pence_a_share_or_where_it_says_so(self):
        d = Dialect(price_units=(PENCE,))

        assert dict(dialects.heard(d, [(12, "2"), (13, "1"), (15, "GBX")], VOD))[12] == "0.02"
        assert dict(dialects.heard(d, [(12, "200"), (13, "3"), (479, "GBX"), (15, "GBX")], VOD))[12] == "2"
        assert dict(dialects.heard(d, [(12, "2"), (13, "3"), (15, "GBX")], VOD))[12] == "2"
        assert dict(dialects.heard(d, [(12, "2"), (13, "2"), (479, "GBX")], VOD))[12] == "2"

    @settings(deadline=None)
    @given(st.decimals(min_value="0.0001", max_value=10**6, places=4), st.integers(1, 10**9))
    def test_what_is_said_is_heard_as_it_was(self, price, qty):
        d = Dialect("RIC", {"XLON": "L"}, (PENCE,), 1000)
        for about in (VOD, GILT):
            terms = TERMS._replace(symbol=about.symbol, isin=about.isin)
            fields = order(price, terms, qty)

            back = dict(dialects.heard(d, dialects.said(d, "D", fields, about), about))

            assert {tag: D(back[tag]) for tag in (38, 44)} == {38: qty, 44: price}
            assert {tag: back[tag] for tag in (15, 22, 48, 55)} == {15: "GBP", 22: "4", 48: about.isin, 55: about.symbol}

    def test_another_instrument_than_ours_is_seen(self):
        heard = dict(dialects.heard(Dialect("SEDOL"), [(55, "0540528"), (48, "0540528"), (22, "2")], VOD))

        assert (heard[48], heard[22]) == ("0540528", "4")

    def test_a_number_that_is_none_is_malformed(self):
        with pytest.raises(rules.Malformed, match="tag 31 is not a number"):
            dialects.heard(Dialect(price_units=(PENCE,)), [(31, "1e3")], VOD)


class TestJudged:
    @pytest.mark.parametrize(
        ("d", "field", "why"),
        [
            (Dialect("CUSIP"), "symbology", "Choose one"),
            (Dialect("RIC"), "suffixes", "Give each venue"),
            (Dialect(suffixes={"XLON": "L!"}), "suffixes", "no venue"),
            (Dialect(bond_unit=7), "bond_unit", "units of"),
            (Dialect(price_units=(PriceUnit("GBP", "GBP", 100),)), "price_units", "another than"),
            (Dialect(price_units=(PENCE, PENCE)), "price_units", "Line 2: GBP or GBX is named twice"),
            (Dialect(price_units=(PriceUnit("GBP", "GBX", 7),)), "price_units", "Line 1: 7"),
            (Dialect(tags=(TagRule("D", 38, "text", "1"),)), "tags", r"tag 38 \(OrderQty\) is the order's own"),
            (Dialect(tags=(TagRule("D", 9001, "text", ""),)), "tags", "give a text"),
            (Dialect(tags=(TagRule("D", 9001, "text", "a\x01b"),)), "tags", "give a text"),
            (Dialect(tags=(TagRule("D", 9001, "field", "price"),)), "tags", "is no field"),
            (Dialect(tags=(TagRule("D", 847, "move", "44"),)), "tags", "none of the order's own"),
            (Dialect(tags=(TagRule("8", 9001, "text", "x"),)), "tags", "are said on"),
            (Dialect(tags=(TagRule("DG", 9001, "text", "x"), TagRule("G", 9001, "text", "y"))), "tags", "Line 2: tag 9001 is named"),
            (Dialect(required=(Required("F", 1),)), "required", "cancels are never kept back"),
        ],
    )
    def test_what_cannot_be_is_refused_beside_its_field(self, d, field, why):
        found = list(dialects.problems(d))

        assert [name for name, _ in found] == [field]
        assert re.search(why, found[0][1])

    def test_lines_read_as_they_were_written(self):
        d = Dialect("RIC", {"XLON": "L"}, (PENCE,), 1000, (TagRule("DG", 9001, "text", "A B"), TagRule("D", 58, "drop")),
                    (Required("DG", 1),))  # fmt: skip
        lines = dialects.lines_of(d)

        assert tuple(dialects.read_tags_lines(lines["tags"])) == d.tags
        assert tuple(dialects.read_required_lines(lines["required"])) == d.required
        assert tuple(dialects.read_unit_lines(lines["price_units"])) == d.price_units
        assert dialects.read_suffix_lines(lines["suffixes"]) == d.suffixes
        assert dialects.of_data(dialects.data_of(d)) == d


@pytest.fixture
def session(counterparties, firm):
    RoutingRule.objects.update(strategy="")
    Session.objects.filter(broker__kind="broker").exclude(target_comp_id="HARBOR").update(is_enabled=False)
    return Session.objects.get(target_comp_id="HARBOR")


@pytest.fixture
def in_pounds(firm):
    """AAA trades in pounds."""
    Instrument.objects.filter(symbol="AAA").update(currency="GBP", sedol="BH4HKS3")


@pytest.fixture
def speaks(session, by, olga, alan):
    def put(said: Dialect) -> int:
        pk = routing.propose_dialect(by(olga, "Asked for by the broker"), session.pk, said)
        routing.approve_dialect(by(alan), pk, seen={pk: 1})
        return pk

    return put


class TestKept:
    def test_one_proposes_and_another_approves(self, session, by, olga, alan):
        pk = routing.propose_dialect(by(olga, "Asked"), session.pk, Dialect("ISIN"))

        with pytest.raises(NotAllowed, match="another person approves"):
            routing.approve_dialect(by(olga), pk, seen={pk: 1})
        assert Kept.objects.get().status == "PROPOSED"
        routing.approve_dialect(by(alan), pk, seen={pk: 1})

        assert Kept.objects.get().status == "IN_FORCE"

    def test_a_later_one_takes_its_place(self, speaks):
        first, second = speaks(Dialect("ISIN")), speaks(Dialect("TICKER"))

        assert dict(Kept.objects.values_list("pk", "status")) == {first: "ENDED", second: "IN_FORCE"}

    def test_the_database_says_so_too(self, session, by, olga):
        pk = routing.propose_dialect(by(olga, "Asked"), session.pk, Dialect("ISIN"))

        with pytest.raises(IntegrityError, match="another_person_approves_a_dialect"), transaction.atomic():
            Kept.objects.filter(pk=pk).update(status="IN_FORCE", decided_by=olga)

    @pytest.mark.parametrize("name", ["mira", "tom", "omar", "ada"])
    def test_others_keep_none(self, session, by, people, name):
        with pytest.raises(NotAllowed):
            routing.propose_dialect(by(people[name], "Asked"), session.pk, Dialect("ISIN"))

    def test_what_is_so_already_and_what_cannot_be_is_refused(self, session, by, olga):
        with pytest.raises(Invalid, match="already"):
            routing.propose_dialect(by(olga, "Asked"), session.pk, PLAIN)
        with pytest.raises(Invalid, match="Choose one"):
            routing.propose_dialect(by(olga, "Asked"), session.pk, Dialect("CUSIP"))
        with pytest.raises(Invalid, match="reason"):
            routing.propose_dialect(by(olga), session.pk, Dialect("ISIN"))
        assert not Kept.objects.exists()

    def test_none_that_moves_money_while_routes_are_open(self, session, a_route, street, by, olga, alan):
        route = a_route(1000)
        pk = routing.propose_dialect(by(olga, "Asked"), session.pk, Dialect(price_units=(PENCE,)))

        with pytest.raises(routing.DialectInUse, match="1 open routes"):
            routing.approve_dialect(by(alan), pk, seen={pk: 1})
        assert Kept.objects.get().status == "PROPOSED"
        street.report(route, "8", "8")
        routing.approve_dialect(by(alan), pk, seen={pk: 1})

    def test_tags_alone_may_change_at_any_time(self, session, a_route, speaks):
        a_route(1000)

        speaks(Dialect(tags=(TagRule("D", 9001, "text", "X"),)))

    def test_what_was_declined_is_over(self, session, by, olga, alan):
        pk = routing.propose_dialect(by(olga, "Asked"), session.pk, Dialect("ISIN"))
        routing.decline_dialect(by(olga), pk, seen={pk: 1})

        with pytest.raises(IllegalMove):
            routing.approve_dialect(by(alan), pk, seen={pk: 2})


class TestTraded:
    def test_an_order_goes_out_in_pence_and_its_fills_are_booked_in_pounds(self, in_pounds, speaks, a_route, street):
        speaks(Dialect("SEDOL", price_units=(PENCE,), tags=(TagRule("D", 9001, "field", "account"),), required=(Required("D", 1),)))
        route = a_route(1000, order_type="LIMIT", limit_price="72.35")
        (out,) = sent("D")
        assert (out[44], out[15], out[55], out[22], out[9001]) == ("7235", "GBX", "BH4HKS3", "2", out[1])

        fill = {"15": "GBX", "48": "BH4HKS3", "22": "2", "55": "BH4HKS3", "424": 1000, "425": 1000, "426": "7234.5"}
        route = street.report(route, "F", "2", last=(1000, "7234.5"), cum=1000, leaves=0, **fill)

        one = Execution.objects.get()
        assert (route.status, route.cum_value, one.price, one.currency_code) == ("FILLED", D("72345"), D("72.345"), "GBP")
        assert (route.day_qty, route.day_cum_qty, route.day_average_price) == (1000, 1000, D("72.345"))

    def test_pounds_read_as_pence_are_outside_the_limit_and_held(self, in_pounds, speaks, a_route, street):
        speaks(Dialect(price_units=(PENCE,)))
        route = a_route(1000, order_type="LIMIT", side="SELL", limit_price="72.35")

        street.report(route, "F", "1", last=(100, "72.50"), cum=100, leaves=900)

        assert "outside the limit" in Message.objects.get(status="QUARANTINED").problem
        assert not Execution.objects.exists()

    def test_a_fill_in_another_instrument_is_held(self, in_pounds, speaks, a_route, street):
        speaks(Dialect("SEDOL"))
        route = a_route(1000)

        street.report(route, "F", "1", last=(100, "72"), cum=100, leaves=900, **{"48": "0540528", "22": "2", "55": "0540528"})

        assert "It is in 0540528" in Message.objects.get(status="QUARANTINED").problem

    def test_what_the_broker_requires_is_refused_before_anything_is_written(self, speaks, a_block, tom, by):
        speaks(Dialect(required=(Required("D", 100),)))
        block = a_block("AAA", "BUY", 1000)

        with pytest.raises(routing.Unsayable, match="requires tag 100"):
            routing.route_blocks(by(tom), [block.pk], seen={block.pk: block.version})

        assert not Route.objects.exists() and not Message.objects.exists()

    def test_a_strategy_moves_to_the_brokers_tag_on_an_old_session(self, session, speaks, a_route):
        RoutingRule.objects.update(strategy="VWAP")
        Session.objects.update(begin_string="FIX.4.2")
        speaks(Dialect(tags=(TagRule("DG", 847, "move", "7601"),)))

        a_route(1000)

        (out,) = sent("D")
        assert (out[7601], 847 in out) == ("1", False)


class TestPages:
    def client(self, person) -> Client:
        client = Client()
        client.force_login(person)
        return client

    def test_operations_propose_and_an_administrator_approves_on_the_page(self, session, olga, alan):
        url = reverse("routing:dialect_propose", args=[session.pk])
        form = {"symbology": "RIC", "suffixes": "XLON L\nXNAS O", "price_units": "GBP GBX 100", "bond_unit": "1000",
                "tags": "DG 9001 text DESK 1", "required": "D 1", "reason": "Asked for"}  # fmt: skip
        assert self.client(olga).get(url).status_code == 200

        wrong = self.client(olga).post(url, form | {"tags": "DG 38 text 5", "price_units": "GBP"})
        assert wrong.status_code == 422 and "Line 1: write currency" in wrong.content.decode()
        wrong = self.client(olga).post(url, form | {"tags": "DG 38 text 5"})
        assert wrong.status_code == 422 and list(wrong.context["form"].errors) == ["tags"]
        assert self.client(olga).post(url, form).status_code == 204

        row = Kept.objects.get()
        page = self.client(alan).get(reverse("routing:dialects")).content.decode()
        assert reverse("routing:dialect_approve", args=[row.pk]) in page
        assert reverse("routing:dialect_approve", args=[row.pk]) not in self.client(olga).get(reverse("routing:dialects")).content.decode()
        asked = self.client(alan).get(reverse("routing:dialect_approve", args=[row.pk])).content.decode()
        assert "nothing → GBP GBX 100" in asked
        assert self.client(alan).post(reverse("routing:dialect_approve", args=[row.pk]), {"seen": f"{row.pk}:1"}).status_code == 204
        assert Kept.objects.get().rules.suffixes == {"XLON": "L", "XNAS": "O"}

    def test_the_same_over_the_api(self, session, olga, alan):
        said = {"session_id": session.pk, "reason": "Asked", "price_units": [{"currency": "GBP", "code": "GBX", "per": 100}],
                "tags": [{"on": "D", "tag": 38, "kind": "drop"}]}  # fmt: skip
        refused = self.client(olga).post(reverse("api-dialects"), said, "application/json")
        assert (refused.status_code, refused.json()["facts"]["field"]) == (422, "tags")
        made = self.client(olga).post(reverse("api-dialects"), said | {"tags": []}, "application/json")
        assert made.status_code == 201
        pk = made.json()["id"]

        own = self.client(olga).post(reverse("api-dialect-approve", args=[pk]), {"version": 1}, "application/json")
        assert own.status_code == 403
        done = self.client(alan).post(reverse("api-dialect-approve", args=[pk]), {"version": 1}, "application/json")

        assert (done.status_code, done.json()["status"], done.json()["decided_by"]) == (200, "IN_FORCE", "alan")
        assert self.client(alan).get(reverse("api-dialects")).json()["results"][0]["price_units"] == said["price_units"]


@pytest.mark.django_db(transaction=True)
def test_whoever_sends_while_it_is_approved_is_before_or_after_it(session, a_block, by, tom, olga, alan):
    """Nothing is said in one dialect and heard in another."""
    block = a_block("AAA", "BUY", 1000, order_type="LIMIT", limit_price="50")
    Instrument.objects.filter(symbol="AAA").update(sedol="BH4HKS3")
    pk = routing.propose_dialect(by(olga, "Asked"), session.pk, Dialect("SEDOL"))

    answers = at_once(
        lambda: routing.approve_dialect(by(alan), pk, seen={pk: 1}),
        lambda: routing.route_blocks(by(tom), [block.pk], seen={block.pk: block.version}),
    )

    (out,) = sent("D")
    is_in_force = Kept.objects.get().status == "IN_FORCE"
    assert (out[55] == "BH4HKS3") == is_in_force
    assert is_in_force or "DialectInUse" in answers
