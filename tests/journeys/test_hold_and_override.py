"""An order breaks a rule: it is held with its evidence, and a person decides, never the one who entered it."""

from decimal import Decimal

import pytest
from django.contrib.auth.models import Group

from apps.audit.models import Entry
from apps.blocks.models import Block, Member
from apps.compliance.models import Check, RuleVersion
from apps.orders.models import Order

D = Decimal
TOO_MUCH = {"portfolio": "P1", "instrument": "BBB", "side": "BUY", "qty": "5000", "rationale": "Into Europe."}
MOST = D(1243)  # EUR 100,000 in hand ÷ (80.01 offered × 1.005 headroom), whole shares.


@pytest.fixture
def held(house, at, mira) -> dict:
    """The order as the answer to its entry gives it: already judged."""
    answer = at(mira).post("/api/v1/orders/?submit=1", TOO_MUCH, format="json")
    assert answer.status_code == 201
    return answer.json()


def events_of(subject: str, pk: int) -> list[str]:
    return list(Entry.objects.filter(subject=subject, subject_id=pk).order_by("nth").values_list("event", flat=True))


def the_review(client) -> dict:
    [waiting] = client.get("/api/v1/reviews/?status=WAITING").json()["results"]
    return client.get(f"/api/v1/reviews/{waiting['id']}/").json()


def the_block_of(order_id: int) -> Block:
    return Member.objects.select_related("block").get(order=order_id).block


def test_an_order_that_breaks_a_rule_is_held_with_its_evidence(held, at, mira, omar, worker):
    assert (held["status"], held["version"]) == ("HELD", 3)
    worker()
    assert Block.objects.count() == 0

    review = the_review(at(omar))
    assert (review["order_id"], review["author"], review["outcome"]) == (held["id"], "mira", "FAIL")
    assert (review["binding_rule"], D(review["max_passing_qty"])) == ("cash_by_currency", MOST)
    assert D(review["amount_usd"]) == D(440_000)  # 5,000 × EUR 80 × 1.10
    found = {r["rule"]: r for r in review["results"] if r["outcome"] == "FAIL"}
    cash = found["cash_by_currency"]
    assert set(found) == {"cash_by_currency", "instrument_limit"}
    assert (D(cash["room"]), cash["room_unit"], D(cash["max_qty"])) == (D(100_000), "EUR", MOST)
    assert cash["version"] == RuleVersion.objects.get(rule__code="cash_by_currency").pk
    assert [D(line["value"]) for line in cash["data"]] == [D(100_000), D(100_000)]  # In hand now, and when it settles.
    worth = found["instrument_limit"]["data"]
    assert worth[0]["what"] == "Net asset value" and all(line["value"] and line["at"] for line in worth)

    [seen_by_author] = at(mira).get(f"/api/v1/orders/{held['id']}/checks/").json()
    assert (seen_by_author["outcome"], seen_by_author["review_status"]) == ("FAIL", "WAITING")
    assert D(seen_by_author["max_passing_qty"]) == MOST


def test_an_officer_overrides_with_a_reason_and_the_order_reaches_the_desk(held, at, mira, omar, worker):
    review = the_review(at(omar))
    path, decision = f"/api/v1/reviews/{review['id']}/approve", {"version": 1, "code": "CLIENT", "reason": "The client wired EUR today."}

    assert at(mira).post(path, decision).status_code == 403
    mira.groups.add(Group.objects.get(name="compliance officer"))
    own = at(mira).post(path, decision)
    assert (own.status_code, own.json()["code"]) == (403, "own_order")
    unexplained = at(omar).post(path, {"version": 1, "reason": "  "})
    assert (unexplained.status_code, unexplained.json()["facts"]["field"]) == (422, "reason")
    worker()
    assert (Order.objects.get().status, Block.objects.count()) == ("HELD", 0)
    assert events_of("review", review["id"]) == ["review.opened"]

    decided = at(omar).post(path, decision).json()
    assert (decided["status"], decided["decided_by"], decided["reason"]) == ("APPROVED", "omar", decision["reason"])
    worker()
    block = the_block_of(held["id"])
    assert (block.status, block.qty, block.wave) == ("OPEN", D(5000), 1)
    assert events_of("order", held["id"]) == ["order.created", "order.submitted", "order.held", "order.cleared"]
    override = Entry.objects.select_related("act").get(event="review.approved")
    assert (override.act.by, override.act.reason) == (omar, decision["reason"])


def test_sent_back_and_amended_to_the_largest_passing_quantity_it_passes(held, at, mira, omar, worker):
    review = the_review(at(omar))
    sent_back = at(omar).post(
        f"/api/v1/reviews/{review['id']}/send-back", {"version": 1, "reason": "Stay within the euros in hand."}
    )
    assert sent_back.json()["status"] == "SENT_BACK"
    order = at(mira).get(f"/api/v1/orders/{held['id']}/").json()
    assert order["status"] == "DRAFT"

    path, most = f"/api/v1/orders/{held['id']}", review["max_passing_qty"]
    amended = at(mira).post(f"{path}/amend", {"version": order["version"], "qty": most}).json()
    passed = at(mira).post(f"{path}/submit", {"version": amended["version"]}).json()
    assert (passed["status"], D(passed["qty"])) == ("CLEARED", MOST)
    worker()
    assert the_block_of(held["id"]).qty == MOST
    checks = Check.objects.filter(order=held["id"]).order_by("pk")
    assert list(checks.values_list("outcome", flat=True)) == ["FAIL", "PASS"]
    assert at(omar).get("/api/v1/reviews/?status=WAITING").json()["results"] == []
    assert events_of("order", held["id"]) == [
        "order.created", "order.submitted", "order.held", "order.sent_back", "order.amended", "order.submitted",
        "order.cleared",
    ]  # fmt: skip
