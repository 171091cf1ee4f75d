"""
What does not fit our books is not booked: it waits for a person, who books it, links it to a route, refuses the trade to the
broker by a DontKnowTrade (35=Q), or sets it aside. All of it heard and said as FIX.
"""

from decimal import Decimal

import pytest
import quickfix as fix

from apps.audit.models import Entry
from apps.core.refusals import Invalid, NotAllowed, NotFound
from apps.routing import rules
from apps.routing import services as routing
from apps.routing.gateway.settings import lenient_dictionaries
from apps.routing.models import Alert, AlertRule, Execution, Message, Route
from apps.routing.services import NoTrade
from tests.pages import send, visit, words

from .conftest import amounts, placed, sent
from .says_fix import Counterparty

D = Decimal


@pytest.fixture
def deal(a_route):
    """A limit order of 10,000 at 50.10 and its broker."""

    class Deal:
        def __init__(self, begin_string="FIX.4.4", **order):
            self.route = a_route(10_000, **({"order_type": "LIMIT", "limit_price": "50.10"} | order))
            self.broker = Counterparty(self.route.broker_id, begin_string)
            self.minute = 0

        def fill(self, qty, price, cum, *, status="1", kind="F", **more):
            self.minute += 1
            body = {
                11: self.route.cl_ord_id, 37: f"O{self.route.pk}", 17: f"E{self.minute}-{self.route.pk}", 54: 1, 55: "AAA",
                48: "US0378331005", 22: 4, 15: "USD", 38: 10_000, 14: cum, 151: 10_000 - cum, 6: price, 32: qty, 31: price,
                60: self.broker.at(self.minute),
            }  # fmt: skip
            self.broker.report(kind, status, body | {int(tag[1:]): value for tag, value in more.items()})
            self.route = Route.objects.get(pk=self.route.pk)
            return self.route

    return Deal


def held() -> Message:
    return Message.objects.get(status="QUARANTINED")


def settle(act, how, **more) -> None:
    routing.settle_message(act, held().pk, how, **more)


PROBLEMS = [
    ("over", {"qty": 10_001, "price": "50", "cum": 10_001, "t151": 0, "status": "2"}, "would fill 10001 of an order for 10000", "C"),
    ("side", {"qty": 100, "price": "50", "cum": 100, "t54": 2}, "It is a SELL of an order to BUY", "B"),
    ("limit", {"qty": 100, "price": "50.2", "cum": 100}, "Its price 50.2 is outside the limit 50.1", "E"),
    ("instrument", {"qty": 100, "price": "50", "cum": 100, "t48": "US5949181045"}, "It is in US5949181045, the order in", "A"),
    ("currency", {"qty": 100, "price": "50", "cum": 100, "t15": "EUR"}, "It is in EUR, the order in USD", "Z"),
    ("unknown", {"qty": 100, "price": "50", "cum": 100, "t11": "NOBODY"}, "No order of ours has ClOrdID NOBODY", "D"),
    ("sums", {"qty": 100, "price": "50", "cum": 900}, "It counts 900 filled (CumQty); the executions we know sum to 100", "F"),
]
EACH = pytest.mark.parametrize(("name", "said", "problem", "code"), PROBLEMS, ids=[p[0] for p in PROBLEMS])


@EACH
@pytest.mark.parametrize("version", ["FIX.4.4", "FIX.4.2"])
def test_the_trade_is_not_booked_and_is_refused_to_the_broker(deal, version, name, said, problem, code, tom, by, tmp_path):
    one = deal(version)
    AlertRule.objects.create(name="held", kind="HELD", threshold=1)
    before = (amounts(one.route), one.route.version)
    one.fill(**said)

    assert problem in held().problem
    assert held().dk_reason == code
    assert (amounts(one.route), one.route.version) == before
    assert placed(one.route) == (10_000, 0) and not Execution.objects.exists()
    routing.raise_alerts(by("scheduler", via="worker"))
    assert [problem[:40] in text for text in Alert.objects.values_list("text", flat=True)] == ([] if name == "unknown" else [True])

    pk = held().pk
    settle(by(tom, "Not ours."), "dk")

    [wire] = sent("Q")
    words = fix.DataDictionary(str(lenient_dictionaries(tmp_path, "FIX.4.4").session))
    raw = fix.Message(rules.frame("FIX.4.4", "Q", list(wire.items())), words, False)
    expected = {37: f"O{one.route.pk}", 17: f"E1-{one.route.pk}", 55: "AAA", 54: str(said.get("t54", 1)), 38: "10000",
                32: str(said["qty"]), 31: said["price"], 58: "Not ours.",
                127: "Z" if (code, version) == ("F", "FIX.4.2") else code}  # fmt: skip
    assert {tag: raw.getField(tag) for tag in expected} == expected
    kept = Message.objects.get(pk=pk)
    assert (kept.status, kept.decision, kept.version) == ("SETTLED", "dk", 2)
    assert Entry.objects.get(event="message.settled").payload["dk_reason"] == expected[127]
    assert not Execution.objects.exists()
    routing.raise_alerts(by("scheduler", via="worker"))
    assert not Alert.objects.exclude(status="ENDED").exists()


class TestAccepting:
    def test_a_price_outside_the_limit_is_booked_with_a_reason(self, deal, tom, by):
        one = deal()
        one.fill(1_000, "50.2", 1_000)

        with pytest.raises(Invalid, match="Say why"):
            settle(by(tom), "accept")
        settle(by(tom, "Agreed by phone."), "accept")

        assert amounts(Route.objects.get()) == ("PARTLY_FILLED", 10_000, 1_000, 9_000)

    def test_more_than_was_ordered_is_booked_where_the_block_has_room(self, deal, tom, by):
        one = deal(unplaced=500)
        one.fill(10_400, "50", 10_400, status="2", t151=0)

        settle(by(tom, "We keep it."), "accept")

        assert amounts(Route.objects.get()) == ("FILLED", 10_400, 10_400, 0)
        assert placed(one.route) == (10_400, 10_400)

    def test_and_is_refused_where_it_has_none(self, deal, tom, by):
        one = deal()
        one.fill(10_400, "50", 10_400, status="2", t151=0)

        with pytest.raises(routing.StillUnbookable, match="400 more at the broker than the block has unplaced"):
            settle(by(tom, "We keep it."), "accept")

        assert held().problem and not Execution.objects.exists()
        assert amounts(Route.objects.get())[0] == "PENDING_SEND"

    def test_a_wrong_side_is_never_booked_on_the_order(self, deal, tom, by):
        deal().fill(100, "50", 100, t54=2)

        with pytest.raises(routing.StillUnbookable, match="It is a SELL"):
            settle(by(tom, "x"), "accept")

    def test_totals_that_lie_are_not_believed_where_the_execution_is_booked(self, deal, tom, by):
        one = deal()
        one.fill(1_000, "50", 10_000, status="2", t151=0)
        assert "does not add up" in held().problem

        settle(by(tom, "Their total is wrong; they mend it."), "accept")

        assert amounts(Route.objects.get()) == ("PARTLY_FILLED", 10_000, 1_000, 9_000)

    def test_what_waited_for_it_is_booked_with_it(self, deal, tom, by):
        one = deal()
        one.fill(1_000, "50.2", 1_000)
        one.fill(2_000, "50", 3_000, t6="50.06666667")
        one.fill(3_000, "50", 6_000, t6="50.03333333")
        assert Message.objects.filter(status="QUARANTINED").count() == 3 and not Execution.objects.exists()

        routing.settle_message(by(tom, "Agreed."), Message.objects.filter(waits=False, status="QUARANTINED").get().pk, "accept")

        assert amounts(Route.objects.get()) == ("PARTLY_FILLED", 10_000, 6_000, 4_000)
        assert sorted(Message.objects.filter(is_out=False).values_list("status", "decision")) == [
            ("SETTLED", "accept"), ("SETTLED", "cleared"), ("SETTLED", "cleared"),
        ]  # fmt: skip


class TestLinking:
    def test_a_trade_of_no_order_is_booked_on_a_route(self, deal, tom, by):
        one = deal()
        one.fill(1_000, "50", 1_000, status="2", t11="PHONE", t37="O-PHONE", t38=1_000, t151=0)

        settle(by(tom, "Their trader keyed it in anew."), "link", route_id=one.route.pk)

        route = Route.objects.get()
        assert (amounts(route), route.order_id) == (("PARTLY_FILLED", 10_000, 1_000, 9_000), "")
        assert placed(route) == (10_000, 1_000)
        assert Entry.objects.get(event="message.settled").payload["route_id"] == route.pk
        assert Message.objects.get(is_out=False).route_id == route.pk

    @pytest.mark.parametrize("wrong", [{"t54": 2}, {"t48": "US5949181045"}])
    def test_it_must_be_of_its_side_and_instrument(self, deal, wrong, tom, by):
        one = deal()
        one.fill(1_000, "50", 1_000, t11="PHONE", **wrong)

        with pytest.raises(routing.StillUnbookable):
            settle(by(tom, "x"), "link", route_id=one.route.pk)
        assert not Execution.objects.exists()

    def test_and_at_its_broker(self, deal, firm, tom, by):
        one = deal()
        other = next(b for b in firm.brokers.values() if b.pk != one.route.broker_id and b.kind == "broker")
        elsewhere = Counterparty(other.pk)
        elsewhere.report("F", "1", {11: "PHONE", 17: "E", 54: 1, 55: "AAA", 32: 100, 31: 50, 60: elsewhere.at(1)})

        for route_id in (one.route.pk, None, 10**9):
            with pytest.raises(Invalid, match="a route at the broker"):
                settle(by(tom, "x"), "link", route_id=route_id)
        assert held().status == "QUARANTINED"


class TestAfterARefusal:
    def test_the_broker_may_count_the_trade_until_it_takes_it_back(self, deal, tom, by):
        one = deal()
        one.fill(1_000, "50.2", 1_000)
        settle(by(tom, "Outside the limit."), "dk")

        route = one.fill(2_000, "50", 3_000)  # Of which 1,000 are the trade that was refused.
        assert amounts(route) == ("PARTLY_FILLED", 10_000, 2_000, 8_000)
        route = one.fill(0, 0, 2_000, kind="H", t19=f"E1-{route.pk}", t6="50")
        assert amounts(route) == ("PARTLY_FILLED", 10_000, 2_000, 8_000)
        route = one.fill(8_000, "50", 10_000, status="2")

        assert amounts(route) == ("FILLED", 10_000, 10_000, 0)
        assert not Message.objects.filter(status="QUARANTINED").exists()

    def test_the_broker_may_not_take_the_refusal(self, deal, tom, by):
        one = deal()
        one.fill(1_000, "50.2", 1_000)
        settle(by(tom, "Outside the limit."), "dk")

        one.broker.say("j", {45: 7, 372: "Q", 379: "E1", 380: 3, 58: "we take no DK"})

        assert "does not take our refusal of a trade (E1): we take no DK" in held().problem

    def test_a_trade_is_refused_once(self, deal, tom, tess, by):
        one = deal()
        one.fill(1_000, "50.2", 1_000)
        pk = held().pk
        settle(by(tom, "Outside the limit."), "dk")

        with pytest.raises(routing.SettledAlready):
            routing.settle_message(by(tess, "mine too"), pk, "accept")
        assert len(sent("Q")) == 1 and not Execution.objects.exists()


class TestRefusals:
    def test_only_a_trade_can_be_refused_to_a_broker(self, deal, tom, by):
        one = deal()
        one.fill(0, 0, 0, status="0", kind="0", t11="NOBODY")

        with pytest.raises(NoTrade):
            settle(by(tom, "x"), "dk")
        assert not sent("Q") and held().status == "QUARANTINED"

    def test_the_reason_must_be_one_of_fix(self, deal, tom, by):
        deal().fill(1_000, "50.2", 1_000)

        with pytest.raises(NoTrade, match="DKReason"):
            settle(by(tom, "x"), "dk", dk_reason="Q")
        with pytest.raises(Invalid, match="Choose"):
            settle(by(tom, "x"), "burn")
        assert not sent("Q")

    def test_it_is_for_who_may(self, deal, omar, tom, by):
        deal().fill(1_000, "50.2", 1_000)

        with pytest.raises(NotAllowed):
            settle(by(omar, "x"), "dk")
        with pytest.raises(NotFound):
            routing.settle_message(by(tom, "x"), 10**9, "dk")


class TestLies:
    """Totals that do not add up, in themselves or with the executions we know: held, and said on the page."""

    @pytest.mark.parametrize(
        ("said", "problem"),
        [
            ({"qty": 1_000, "price": 50, "cum": 1_000, "t151": 8_000}, "1000 filled (CumQty) and 8000 left (LeavesQty) are not the 10000"),
            ({"qty": 1_000, "price": 50, "cum": 500}, "fills 1000, and says that 500 in all"),
            ({"qty": 1_000, "price": 50, "cum": 2_000}, "counts 2000 filled (CumQty); the executions we know sum to 1000"),
            ({"qty": 1_000, "price": 50, "cum": 1_000, "t6": "50.01"}, "average price (AvgPx) is 50.01; the executions we know average 50"),
            ({"qty": 1_000, "price": 50, "cum": 1_000, "t38": 9_000, "t151": 8_000}, "an order for 9000 (OrderQty); ours is for 10000"),
            ({"qty": 1_000, "price": 50, "cum": 1_000, "status": "2", "t151": 0}, "calls the order filled, with 1000 of 10000"),
            ({"qty": 1_000, "price": 50, "cum": 1_000, "status": "2", "t151": 0, "t38": None}, "filled; of ours, 1000 of 10000"),
            ({"qty": 1_000, "price": 50, "cum": 1_000, "status": "4", "t151": 9_000}, "canceled, and says that 9000 are left"),
        ],
    )
    def test_a_report_that_does_not_add_up_is_held(self, deal, said, problem, tom):
        one = deal()
        one.fill(**said)

        assert problem in held().problem and held().problem.startswith("It does not add up.")
        assert amounts(one.route) == ("PENDING_SEND", 10_000, 0, 10_000)
        assert not Execution.objects.exists()
        assert problem[:20] in words(visit(tom, "routing:sessions"))
        assert problem[:20] in words(visit(tom, "routing:route", one.route.pk))

    @pytest.mark.parametrize("average", ["50.0033", "50.00333333", "50.0034", "50.00"])
    def test_an_average_may_be_rounded_or_cut(self, deal, average):
        one = deal()
        one.fill(1_000, "50.01", 1_000)
        route = one.fill(2_000, "50", 3_000, t6=average)

        assert amounts(route) == ("PARTLY_FILLED", 10_000, 3_000, 7_000)

    def test_a_state_that_counts_too_much_is_held_too(self, deal):
        one = deal()
        one.fill(1_000, "50", 1_000)
        one.fill(None, None, 2_000, kind="4", status="4", t151=0, t6="50")

        assert amounts(one.route) == ("PARTLY_FILLED", 10_000, 1_000, 9_000)
        assert held().waits

    def test_a_bond_is_paid_at_its_par_price_where_the_last_price_is_a_yield(self, deal):
        one = deal()
        one.fill(1_000, "4.25", 1_000, t423=9, t669="50.05", t6="50.05")
        assert Execution.objects.get().price == D("50.05")

        one.fill(1_000, "4.25", 2_000, t423=9)
        assert "LastPx (tag 31) is a yield" in held().problem


class TestDoors:
    def test_a_trader_refuses_links_and_books_on_the_page(self, deal, tom, omar):
        one = deal()
        one.fill(1_000, "50.2", 1_000)
        one.fill(500, "50", 500, t11="PHONE")
        limit, stray = Message.objects.filter(status="QUARANTINED").order_by("pk")
        shown = words(visit(tom, "routing:sessions"))
        assert "E: price exceeds the limit" in shown and f"R-{one.route.pk:04d} buy AAA" in shown and "broker's clock" in shown

        assert send(omar, "routing:settle_message", {"how": "dk", "reason": "x"}, limit.pk).status_code == 403
        refused = send(tom, "routing:settle_message", {"how": "dk", "reason": ""}, limit.pk)
        assert (refused.status_code, len(sent("Q"))) == (422, 0)
        done = send(tom, "routing:settle_message", {"how": "dk", "reason": "Not ours.", "dk_reason": "E"}, limit.pk)
        assert done.status_code == 200 and sent("Q")[0][127] == "E"
        late = send(tom, "routing:settle_message", {"how": "accept", "reason": "x"}, limit.pk)
        assert late.status_code == 409
        linked = {"how": "link", "route": one.route.pk, "reason": "By phone."}
        assert send(tom, "routing:settle_message", linked, stray.pk).status_code == 200
        assert amounts(Route.objects.get())[2] == 500

    def test_another_system_does_it_over_the_api(self, deal, tom, tess, omar, client):
        one = deal()
        one.fill(1_000, "50.2", 1_000)
        client.force_login(tom)
        [row] = client.get("/api/v1/quarantine/?status=QUARANTINED").json()["results"]
        assert (row["dk_reason"], row["waits"], row["route_id"]) == ("E", False, one.route.pk)

        def post(person, key, **said):
            client.force_login(person)
            where = f"/api/v1/quarantine/{row['id']}/settle"
            return client.post(where, said, content_type="application/json", headers={"Idempotency-Key": key})

        assert post(omar, "a", how="dk", reason="x").status_code == 403
        assert post(tom, "b", how="burn", reason="x").status_code == 422
        assert post(tom, "c", how="dk", reason="x", dk_reason="Q").status_code == 422
        done = post(tom, "d", how="dk", reason="Not ours.")
        assert (done.json()["status"], done.json()["decision"]) == ("SETTLED", "dk")
        assert post(tom, "d", how="dk", reason="Not ours.").status_code == 200  # The same request again.
        assert post(tess, "e", how="dismiss", reason="x").status_code == 409
        assert len(sent("Q")) == 1
