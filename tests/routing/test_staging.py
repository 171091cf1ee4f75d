"""Orders staged by an upstream system: entered once, answered, refused with what to do, and told of what follows."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.audit.deliveries import deliver
from apps.audit.models import Delivery
from apps.blocks import services as blocks
from apps.blocks.models import Block, CrossConsent, Opposition
from apps.crossing import services as crossing
from apps.orders import services as orders
from apps.orders.models import Order
from apps.routing import rules
from apps.routing import services as routing
from apps.routing.models import Grant, Message, StagedRequest
from tests.allocations.filling import Street, keep_promises
from tests.clearing import let_through
from tests.pages import visit, words
from tests.races import at_once
from tests.world import with_fund, with_pair

SOH = "\x01"
pytestmark = pytest.mark.django_db


@pytest.fixture
def session(firm, mira, olga, omar, by):
    return routing.install_staging_session(by(olga, "Basket desk"), by(omar), "PMS", mira, port=9880)


@pytest.fixture
def says(session, by):
    """``says("D", 1, fields)``: keeps and enters a message, and gives what was answered as tag to value."""

    def say(kind: str, seq: int, fields, **header) -> list[dict[int, str]]:
        head = [(8, "FIX.4.4"), (35, kind), (34, seq), (49, "PMS"), (56, "OMS-SIM")]
        head += [(97, "Y")] if header.get("resend") else []
        head += [(43, "Y")] if header.get("dup") else []
        text = "".join(f"{tag}={value}{SOH}" for tag, value in [*head, *fields])
        last = Message.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        routing.keep_heard(session.pk, text, timezone.now())
        for pk in routing.heard_ids(purpose="STAGING"):
            routing.enter_message(by("gateway", via="gateway"), pk)
        rows = Message.objects.filter(is_out=True, pk__gt=last).order_by("pk")
        return [dict(rules.fields_of(row.text)) for row in rows]

    return say


def an_order(name="A1", **more):
    fields = {11: name, 1: "P1", 55: "AAA", 54: "1", 38: "100", 40: "1", 60: "20261125-10:00:00"}
    return list((fields | {int(k[1:]): v for k, v in more.items()}).items())


def test_an_order_is_staged_for_the_person_of_the_session(says, mira):
    (answer,) = says("D", 1, an_order())

    order = Order.objects.get()
    assert (order.created_by_id, order.status, order.client_ref, int(order.qty)) == (mira.pk, "DRAFT", "A1", 100)
    assert [answer[t] for t in (150, 39, 11, 38, 14, 151)] == ["A", "A", "A1", "100", "0", "100"]


def test_a_message_heard_twice_enters_once_and_is_answered_once(says):
    says("D", 1, an_order())

    assert says("D", 1, an_order(), dup=True) == []
    assert Order.objects.count() == 1


def test_a_name_used_twice_is_refused_as_a_duplicate(says):
    says("D", 1, an_order())

    (answer,) = says("D", 2, an_order())

    assert (answer[39], answer[103]) == ("8", "6")
    assert Order.objects.count() == 1


def test_a_possible_resend_of_a_known_order_is_answered_with_its_state(says):
    says("D", 1, an_order())

    (answer,) = says("D", 2, an_order(), resend=True)

    assert (answer[150], answer[39]) == ("I", "A")
    assert says("D", 3, an_order("A2"), resend=True)[0][150] == "A"
    assert Order.objects.count() == 2


@pytest.mark.parametrize(
    ("wrong", "reason", "says_why"),
    [
        ({"t55": "NONE"}, "1", "NONE"), ({"t1": "P9"}, "15", "portfolio"), ({"t38": "10.5"}, "13", "multiple of 1"),
        ({"t54": "Z"}, "99", "tag 54=Z"),
    ],
)  # fmt: skip
def test_what_cannot_be_an_order_is_rejected_with_what_is_wrong(says, wrong, reason, says_why):
    (answer,) = says("D", 1, an_order(**wrong))

    assert (answer[150], answer[39], answer[103]) == ("8", "8", reason)
    assert says_why in answer[58]
    assert not Order.objects.exists() and not StagedRequest.objects.exists()


@pytest.mark.parametrize(("made", "symbol"), [(with_pair, "EUR/USD"), (with_fund, "FUND")])
def test_what_cannot_be_borrowed_is_not_staged_as_a_short_sale(says, firm, made, symbol):
    made(firm)
    (answer,) = says("D", 1, an_order(t55=symbol, t54="5"))

    assert (answer[150], answer[39]) == ("8", "8") and "borrowed" in answer[58]
    assert not Order.objects.exists() and not StagedRequest.objects.exists()
    assert says("D", 2, an_order("A2", t55=symbol, t54="2"))[0][39] == "A"


@pytest.mark.parametrize("kind", ["D", "G"])
def test_two_names_of_two_instruments_are_refused_naming_both(says, kind):
    if kind == "G":
        says("D", 1, an_order())
    two = an_order("A2", t48="US5949181045", t22="4") + ([(41, "A1")] if kind == "G" else [])

    (answer,) = says(kind, 2, two)

    assert answer[39] == ("8" if kind == "D" else "A")
    assert "SecurityID (48) US5949181045 is CCC, but Symbol (55) AAA is AAA" in answer[58]
    assert Order.objects.count() == (kind == "G")


def test_two_names_of_one_instrument_and_a_symbol_of_theirs_are_taken(says):
    assert says("D", 1, an_order(t48="US0378331005"))[0][39] == "A"
    assert says("D", 2, an_order("A2", t48="US0378331005", t55="AAA UW"))[0][39] == "A"
    assert set(Order.objects.values_list("instrument__symbol", flat=True)) == {"AAA"}


def test_a_fund_is_asked_for_by_an_amount_or_by_units_and_not_by_both(says, firm):
    with_fund(firm)
    (answer,) = says("D", 1, an_order(_55="FUND", _38="", _152="50000"))

    order = Order.objects.get()
    assert (answer[39], order.terms["cash_qty"], order.status) == ("A", "50000", "DRAFT")
    assert (answer[152], answer.get(38)) == ("50000", None)  # Its units are not known yet.
    (answer,) = says("D", 2, an_order("A2", _55="FUND", _38="100", _152="50000"))
    assert (answer[39], answer[103]) == ("8", "13") and "not both" in answer[58]
    (answer,) = says("D", 3, an_order("A3", _38="", _152="50000"))
    assert answer[39] == "8" and "amount" in answer[58]
    (answer,) = says("G", 4, [*an_order("A4", _55="FUND", _38="", _152="60000"), (41, "A1")])
    order.refresh_from_db()
    assert (answer[150], answer[152], order.terms["cash_qty"]) == ("5", "60000", "60000")
    assert Order.objects.count() == 1


class TestWhoseOrders:
    """Which grant of the session covers the account decides whose order it is."""

    @pytest.fixture
    def paul_too(self, session, olga, omar, by):
        grant = routing.ask_grant(by(olga, "Team B"), session.pk, "paul", portfolios=["P3"])
        routing.confirm_grant(by(omar), grant, seen={grant: 1})

    def test_the_account_decides(self, says, paul_too):
        says("D", 1, an_order())
        says("D", 2, an_order("A2", t1="P3"))
        assert dict(Order.objects.values_list("client_ref", "created_by__username")) == {"A1": "mira", "A2": "paul"}
        assert says("F", 3, [(11, "A3"), (41, "A2"), (55, "AAA"), (54, "1")])[0][150] == "4"

    def test_a_list_is_of_one_person(self, says, paul_too):
        first, second, status = says("E", 1, a_list(an_order("A1"), an_order("A2", t1="P3")))
        assert (first[103], second[103], status[431]) == ("15", "15", "7")
        assert "different people" in first[58] and not Order.objects.exists()

    def test_what_no_grant_covers_is_refused_and_what_was_entered_stays(self, says, session, olga, by):
        says("D", 1, an_order())
        grant = Grant.objects.get()
        routing.end_grant(by(olga), grant.pk, seen={grant.pk: 2})

        (refused,) = says("D", 2, an_order("A2"))
        assert (refused[39], refused[103]) == ("8", "15") and "PMS may not enter orders of portfolio P1" in refused[58]
        (late,) = says("F", 3, [(11, "A3"), (41, "A1"), (55, "AAA"), (54, "1")])
        assert (late[434], late[102]) == ("1", "99") and "Ask operations" in late[58]
        assert [o.status for o in Order.objects.all()] == ["DRAFT"]


def a_list(*lines):
    return [(66, "L1"), (394, "3"), (68, len(lines)), (73, len(lines)), *(field for line in lines for field in line)]


def test_a_list_is_one_group_or_nothing(says):
    refused = says("E", 1, a_list(an_order("A1"), an_order("A2", t38="0.5")))
    assert [a.get(39) for a in refused[:2]] == ["8", "8"] and refused[2][431] == "7"
    assert not Order.objects.exists()

    taken = says("E", 2, a_list(an_order("A1"), an_order("A2", t55="CCC")))

    assert [a[39] for a in taken[:2]] == ["A", "A"] and taken[2][431] == "2"
    assert set(Order.objects.values_list("group__name", flat=True)) == {"L1"}


def test_a_staged_order_is_replaced_cancelled_and_then_over(says):
    says("D", 1, an_order())

    (replaced,) = says("G", 2, [*an_order("A2", t38="200"), (41, "A1")])
    assert [replaced[t] for t in (150, 39, 11, 41, 38)] == ["5", "A", "A2", "A1", "200"]
    (cancelled,) = says("F", 3, [(11, "A3"), (41, "A2"), (55, "AAA"), (54, "1")])
    assert [cancelled[t] for t in (150, 39, 11, 41, 151)] == ["4", "4", "A3", "A2", "0"]
    (late,) = says("F", 4, [(11, "A4"), (41, "A2"), (55, "AAA"), (54, "1")])
    assert [late[t] for t in (39, 434, 102)] == ["4", "1", "0"]
    (unknown,) = says("F", 5, [(11, "A5"), (41, "X"), (55, "AAA"), (54, "1")])
    assert [unknown[t] for t in (37, 39, 102)] == ["NONE", "8", "1"]


@pytest.mark.parametrize(
    ("other", "word"), [({"t1": "P2"}, "account"), ({"t55": "CCC"}, "instrument"), ({"t54": "2"}, "side")]
)
def test_a_replacement_of_what_stays_as_it_is_is_refused(says, other, word):
    says("D", 1, an_order())

    (refused,) = says("G", 2, [*an_order("A2", t38="200", **other), (41, "A1")])

    assert (refused[434], refused[102]) == ("2", "99") and f"The {word} cannot be replaced" in refused[58]
    assert int(Order.objects.get().qty) == 100 and StagedRequest.objects.count() == 1


def test_fills_are_told_with_what_they_came_to(says, firm, by, mira, tom, session):
    Grant.objects.update(submits=True)
    says("D", 1, an_order(t54="2"))
    street = Street(firm, by, mira, tom)
    unjudged = Order.objects.filter(status="IN_REVIEW").values_list("pk", flat=True)
    let_through(by, unjudged)
    keep_promises()
    block = Block.objects.get()
    route = street.route(block)
    street.fill(route, 60, "50")
    street.fill(route, 40, "51")
    keep_promises("allocations.")
    keep_promises("routing.")

    told = [
        dict(rules.fields_of(m.text))
        for m in Message.objects.filter(is_out=True, session=session, msg_type="8").order_by("pk")
    ]
    assert [(t[150], t[39]) for t in told] == [("A", "A"), ("0", "0"), ("F", "2")]
    assert [told[-1][tag] for tag in (14, 151, 6)] == ["100", "0", "50.4"]
    assert len({t[17] for t in told}) == 3


def told_of(session) -> list[dict[int, str]]:
    rows = Message.objects.filter(is_out=True, session=session, msg_type="8").order_by("pk")
    return [dict(rules.fields_of(m.text)) for m in rows]


@pytest.fixture
def routed(says, firm, by, mira, tom):
    """A staged sale of 100 at a broker, and the street."""
    Grant.objects.update(submits=True)
    says("D", 1, an_order(t54="2"))
    street = Street(firm, by, mira, tom)
    unjudged = Order.objects.filter(status="IN_REVIEW").values_list("pk", flat=True)
    let_through(by, unjudged)
    keep_promises()
    block = Block.objects.get()
    return street, block, street.route(block)


def test_clearing_is_told_once_as_new(routed, session):
    cleared = [t for t in told_of(session) if t[150] == "0"]
    assert [(t[39], t[11], t[14], t[151]) for t in cleared] == [("0", "A1", "0", "100")]
    assert "cleared" in cleared[0][58]


def test_what_expires_is_told_after_what_was_filled(routed, session):
    street, block, route = routed
    street.fill(route, 60, "50")
    street.end(route)
    street.finish(block)
    keep_promises()

    fill, rest = told_of(session)[-2:]
    assert [fill[t] for t in (150, 39, 32, 14, 6)] == ["F", "1", "60", "60", "50"]
    assert [rest[t] for t in (150, 39, 14, 151)] == ["C", "C", "60", "0"] and "Expired: 40" in rest[58]
    assert fill[17] != rest[17]


def test_a_bust_after_allocation_takes_the_fill_back_by_its_name(routed, session):
    street, _, route = routed
    first = street.fill(route, 60, "50")
    street.fill(route, 40, "51")
    keep_promises()
    street.bust(route, first, 60, "50")
    keep_promises()

    fill, bust = told_of(session)[-2:]
    assert (fill[150], bust[150], bust[19], bust[11]) == ("F", "H", fill[17], "A1")
    assert "busted" in bust[58]


@pytest.mark.django_db(transaction=True)
def test_one_message_entered_by_two_enters_one_order(session, by):
    text = "".join(
        f"{tag}={value}{SOH}"
        for tag, value in [(8, "FIX.4.4"), (35, "D"), (34, 1), (49, "PMS"), (56, "OMS-SIM"), *an_order()]
    )
    pk = routing.keep_heard(session.pk, text, timezone.now())

    at_once(*[lambda: routing.enter_message(by("gateway", via="gateway"), pk)] * 3)

    assert (Order.objects.count(), Message.objects.filter(is_out=True).count()) == (1, 1)


def test_what_follows_is_told_once_and_what_was_answered_is_not_told_again(says, mira, by):
    says("D", 1, an_order())
    says("D", 2, an_order("A2"))
    says("F", 3, [(11, "A3"), (41, "A2"), (55, "AAA"), (54, "1")])
    first = Order.objects.get(client_ref="A1")
    orders.cancel_orders(by(mira), [first.pk], seen={first.pk: first.version})

    for _ in range(2):
        for pk in Delivery.objects.filter(listener="routing.report_staged_orders").values_list("pk", flat=True):
            deliver(pk)

    told = [dict(rules.fields_of(m.text)) for m in Message.objects.filter(is_out=True, text__contains="|150=4|")]
    assert sorted((t[11], t[39], t[151]) for t in told) == [("A1", "4", "0"), ("A3", "4", "0")]


def test_where_an_order_stands_is_answered(says):
    says("D", 1, an_order())

    (stands,) = says("H", 2, [(11, "A1"), (54, "1")])
    assert [stands[t] for t in (150, 39)] == ["I", "A"]
    (unknown,) = says("H", 3, [(11, "X"), (54, "1")])
    assert [unknown[t] for t in (150, 39, 103)] == ["8", "8", "5"]


class TestOnThePage:
    def test_messages_are_shown_with_what_came_of_them(self, says, olga, session):
        says("D", 1, an_order())
        says("D", 2, an_order("A2", t55="NONE"))
        order = Order.objects.get()

        page = words(visit(olga, "routing:staged"))
        assert page.count("data-row=") == 2
        assert f"O-{order.pk:06d}" in page and "buy 100 AAA for P1" in page and "NONE" in page
        assert words(visit(olga, "routing:staged", query="?outcome=refused")).count("data-row=") == 1
        assert words(visit(olga, "routing:staged", query=f"?q=A2&session={session.pk}")).count("data-row=") == 1
        assert "No message fits" in words(visit(olga, "routing:staged", query="?q=ZZZ"))

        drawer = words(visit(olga, "routing:staged_one", Message.objects.filter(is_out=False).first().pk, htmx=True))
        assert "ClOrdID" in drawer and "market" in drawer and "pending new" in drawer and "<html" not in drawer
        assert visit(olga, "routing:staged_one", 999).status_code == 404

    def test_more_are_brought_and_the_number_of_questions_does_not_grow(self, says, olga, monkeypatch):
        from apps.routing import staging_views

        monkeypatch.setattr(staging_views, "PAGE", 2)
        for n in range(3):
            says("D", n + 1, an_order(f"A{n}"))
        with CaptureQueriesContext(connection) as two:
            first = words(visit(olga, "routing:staged", query="?part=rows", htmx=True))
        assert first.count("data-row=") == 2 and "data-more=" in first
        before = Message.objects.filter(is_out=False).order_by("pk")[1].pk
        with CaptureQueriesContext(connection) as one:
            rest = words(visit(olga, "routing:staged", query=f"?part=rows&before={before}", htmx=True))
        assert rest.count("data-row=") == 1 and "data-more=" not in rest
        assert len(one) == len(two)

    def test_a_trader_sees_what_came_to_the_desk_and_no_draft(self, says, tom, by, mira, client):
        says("D", 1, an_order())
        assert "data-row=" not in words(visit(tom, "routing:staged"))
        order = Order.objects.get()
        orders.submit_orders(by(mira), [order.pk], seen={order.pk: 1})

        assert words(visit(tom, "routing:staged")).count("data-row=") == 1
        client.force_login(tom)
        (row,) = client.get("/api/v1/staged-messages/?outcome=entered").json()["results"]
        assert (row["name"], row["orders"], row["session"]) == ("A1", [order.pk], "PMS")
        assert client.get("/api/v1/staged-messages/?outcome=refused").json()["results"] == []


def test_what_is_met_inside_the_firm_is_told_when_it_is_and_once(says, firm, mira, tom, omar, by):
    says("D", 1, an_order(_54="2", _1="P2", _38="400"))
    order = Order.objects.get()
    orders.submit_orders(by(mira), [order.pk], seen={order.pk: 1})
    orders.create_orders(by(mira), [orders.Wish(firm.portfolios["P3"].pk, order.instrument_id, "BUY", "150")], submit=True)
    keep_promises()
    CrossConsent.objects.bulk_create(CrossConsent(portfolio=firm.portfolios[code], basis="Letter") for code in ("P2", "P3"))
    blocks.find_oppositions(by("scheduler"))
    pair = Opposition.objects.get()
    pk = crossing.propose_cross(by(tom, "saves the spread"), pair.pk, seen={pair.pk: 1})
    crossing.accept_cross(by(mira), pk, seen={pk: 1})
    crossing.approve_cross(by(omar), pk, seen={pk: 2})
    crossing.execute_cross(by(tom), pk, seen={pk: 3})
    keep_promises()
    street = Street(firm, by, mira, tom)
    street.fill(street.route(pair.sell), 250, "52")
    keep_promises()

    told = [dict(rules.fields_of(m.text)) for m in Message.objects.filter(is_out=True, msg_type="8").order_by("pk")]
    fills = [[m[t] for t in (39, 32, 31, 14, 151, 6)] for m in told if m[150] == "F"]
    assert fills == [["1", "150", "50", "150", "250", "50"], ["2", "250", "52", "400", "0", "51.25"]]


@pytest.fixture
def in_parts(says, session, firm, by, mira, tom):
    """A staged sale of 100 that the desk works as 60 and 40, with who answers as the street."""
    Grant.objects.update(submits=True)
    says("D", 1, an_order(t54="2"))
    street = Street(firm, by, mira, tom)
    let_through(by, Order.objects.filter(status="IN_REVIEW").values_list("pk", flat=True))
    keep_promises()
    order = Order.objects.get()
    part, _ = blocks.split_order(by(tom), order.pk, Decimal(40), seen={order.pk: order.version})
    return order.pk, part, street


def told_upstream(session) -> list[tuple]:
    """ExecType, OrdStatus, OrderQty, CumQty, LeavesQty of every report."""
    rows = Message.objects.filter(is_out=True, session=session, msg_type="8").order_by("pk")
    return [tuple(dict(rules.fields_of(m.text))[tag] for tag in (150, 39, 38, 14, 151)) for m in rows]


def test_fills_of_parts_are_told_as_of_the_one_order_that_was_staged(in_parts, session):
    order, part, street = in_parts
    for pk, price in ((order, "50"), (part, "51")):
        block = Block.objects.get(members__order=pk)
        street.fill(street.route(block), int(block.qty), price)
        keep_promises("allocations.")
        keep_promises("routing.")

    assert told_upstream(session) == [
        ("A", "A", "100", "0", "100"), ("0", "0", "100", "0", "100"), ("F", "1", "100", "60", "40"), ("F", "2", "100", "100", "0"),
    ]  # fmt: skip
    last = dict(rules.fields_of(Message.objects.filter(session=session, is_out=True, msg_type="8").latest("pk").text))
    assert (last[11], last[32], last[31], last[6]) == ("A1", "40", "51", "50.4")


def test_a_part_cancelled_leaves_the_rest_going(in_parts, session, by, mira):
    order, part, street = in_parts
    orders.cancel_orders(by(mira), [part], seen={part: 1})
    keep_promises()
    block = Block.objects.get(members__order=order)
    street.fill(street.route(block), 60, "50")
    keep_promises("allocations.")
    keep_promises("routing.")

    assert told_upstream(session)[2:] == [("D", "0", "60", "0", "60"), ("F", "2", "60", "60", "0")]


def test_upstream_cancels_all_parts_or_none_and_replaces_no_parts(in_parts, says, session):
    order, part, _ = in_parts
    (refused,) = says("G", 2, an_order("A2", t41="A1", t54="2", t38="90"))
    assert (refused[434], refused[102]) == ("2", "99")
    assert "in parts" in refused[58]

    says("F", 3, [(11, "A3"), (41, "A1"), (55, "AAA"), (54, "2"), (60, "20261125-10:00:00"), (38, "100")])
    keep_promises()

    assert told_upstream(session)[-1] == ("4", "4", "100", "0", "0")
    assert len(told_upstream(session)) == 4
    assert set(Order.objects.values_list("status", flat=True)) == {"CANCELLED"}
