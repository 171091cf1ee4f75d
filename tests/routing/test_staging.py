"""Orders staged by an upstream system: entered once, answered, refused with what to do, and told of what follows."""

import pytest
from django.utils import timezone

from apps.audit.deliveries import deliver
from apps.audit.models import Delivery
from apps.blocks.models import Block
from apps.orders import services as orders
from apps.orders.models import Order
from apps.routing import rules
from apps.routing import services as routing
from apps.routing.models import Message, StagedRequest
from tests.allocations.filling import Street, keep_promises
from tests.races import at_once

SOH = "\x01"
pytestmark = pytest.mark.django_db


@pytest.fixture
def session(firm, mira, by):
    return routing.install_staging_session(by("loader"), "PMS", mira, host="127.0.0.1", port=9880)


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
    session.submits = True
    session.save()
    says("D", 1, an_order(t54="2"))
    street = Street(firm, by, mira, tom)
    unjudged = Order.objects.filter(status="IN_REVIEW").values_list("pk", flat=True)
    orders.mark_cleared(by("worker"), dict.fromkeys(unjudged, 1))
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
