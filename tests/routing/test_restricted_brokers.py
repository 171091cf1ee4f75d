"""A broker that compliance lists for one portfolio, desk or direction: it binds the blocks that these are in, and no other."""

from datetime import date, timedelta
from decimal import Decimal
from threading import Thread

import pytest
from django.db import connection, transaction

from apps.blocks import services as blocks
from apps.blocks.models import Block, Member
from apps.compliance import services as compliance
from apps.compliance.models import Restriction
from apps.compliance.selectors.lists import BrokerEntry
from apps.routing import services as routing
from apps.routing.models import Inquiry, Message, Route
from apps.routing.services.counterparties import BarredBroker
from apps.routing.services.gate import BrokerRestricted
from apps.users.models import Desk

D = Decimal
TODAY = date.today()
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("entry", "side", "bound"),
    [
        (BrokerEntry(1, None, None, "ALL"), "BUY", True),
        (BrokerEntry(2, None, None, "ALL"), "BUY", False),
        (BrokerEntry(1, 7, None, "ALL"), "SELL", True),
        (BrokerEntry(1, 8, None, "ALL"), "SELL", False),
        (BrokerEntry(1, None, 5, "ALL"), "BUY", True),
        (BrokerEntry(1, None, 6, "ALL"), "BUY", False),
        (BrokerEntry(1, 7, None, "BUY"), "BUY", True),
        (BrokerEntry(1, 7, None, "BUY"), "SELL", False),
        (BrokerEntry(1, 7, None, "BUY"), "SELL_SHORT", False),
        (BrokerEntry(1, None, None, "SELL"), "BUY", False),
        (BrokerEntry(1, None, None, "SELL"), "SELL", True),
        (BrokerEntry(1, None, None, "SELL"), "SELL_SHORT", True),
    ],
)
def test_an_entry_binds_whom_it_says(entry, side, bound):
    assert entry.binds(1, 7, 5, side) == bound


@pytest.fixture
def listed(firm, omar, by):
    """``listed("HARBOR", "P2")``: on the restricted list since yesterday, for one portfolio or for all."""

    def make(broker: str, portfolio: str | None = None, *, starts: date = TODAY - DAY, **more) -> Restriction:
        home = firm.portfolios[portfolio].pk if portfolio else None
        one = compliance.Listing("Conflict.", starts, broker_id=firm.brokers[broker].pk, portfolio_id=home, **more)
        [pk] = compliance.restrict(by(omar), [one])
        return Restriction.objects.get(pk=pk)

    return make


@pytest.fixture
def to(tom, by):
    def route(block: Block, broker: str | None = None) -> routing.Routed:
        seen = dict(Block.objects.filter(pk=block.pk).values_list("pk", "version"))
        return routing.route_blocks(by(tom, "He asked for it."), [block.pk], seen=seen, broker_code=broker)

    return route


def test_it_binds_every_block_that_the_portfolio_is_in_and_no_other(a_block, listed, to, tom, by):
    listed("HARBOR", "P2")
    both, alone = a_block("AAA", "BUY", 600, 400), a_block("CCC", "BUY", 500)  # P1 and P2; P1.
    with pytest.raises(BarredBroker, match="cannot go to Harbor \\(P2: restricted by compliance\\)") as refused:
        to(both, "HARBOR")
    apart = list(Member.objects.filter(block=both, order__portfolio__code="P2").values_list("order", flat=True))
    assert (refused.value.facts["portfolios"], refused.value.facts["split_off"]) == (["P2"], apart)
    assert not Route.objects.exists() and not Message.objects.exists()

    assert to(alone, "HARBOR").routes
    blocks.split_block(by(tom), both.pk, apart, seen={both.pk: both.version})
    assert to(both, "HARBOR").routes and set(Route.objects.values_list("broker__code", flat=True)) == {"HARBOR"}


def test_for_the_whole_firm_it_binds_all(a_block, listed, to):
    entry = listed("HARBOR")
    with pytest.raises(BrokerRestricted, match="Compliance restricted Harbor"):
        to(a_block("AAA", "BUY", 500), "HARBOR")
    assert entry.portfolio_id is None and not Route.objects.exists()


@pytest.mark.parametrize(
    ("starts", "ends", "bound"),
    [(TODAY, None, True), (TODAY, TODAY, True), (TODAY - DAY, TODAY - DAY, False), (TODAY + DAY, None, False)],
)
def test_it_binds_from_its_first_day_to_its_last(a_block, listed, to, starts, ends, bound):
    listed("HARBOR", "P1", starts=starts, effective_to=ends)
    block = a_block("AAA", "BUY", 500)
    if bound:
        with pytest.raises(BarredBroker):
            to(block, "HARBOR")
    assert bound or to(block, "HARBOR").routes


def test_a_lifted_entry_binds_nobody(a_block, listed, to, omar, odile, by):
    entry = listed("HARBOR", "P1")
    compliance.ask_to_lift(by(omar, "Over."), [entry.pk], seen={entry.pk: 1})
    compliance.lift(by(odile, "Over."), [entry.pk], seen={entry.pk: 2})
    assert to(a_block("AAA", "BUY", 500), "HARBOR").routes


def test_of_one_direction_or_desk_the_other_is_free(a_block, listed, to, firm):
    other = Desk.objects.create(code="OTHER", name="Other desk")
    listed("HARBOR", direction="SELL")
    listed("HARBOR", desk_id=other.pk)
    assert to(a_block("AAA", "BUY", 500), "HARBOR").routes
    with pytest.raises(BarredBroker, match="P1: restricted by compliance"):
        to(a_block("AAA", "SELL", 500), "HARBOR")
    listed("MERIDIAN", desk_id=firm.desk.pk)
    with pytest.raises(BarredBroker, match="cannot go to Meridian"):
        to(a_block("CCC", "BUY", 500), "MERIDIAN")


def test_a_rule_passes_over_it_and_an_inquiry_leaves_it_out(a_block, listed, to):
    for broker in ("NORTHGATE", "MERIDIAN", "CASTLE"):
        listed(broker, "P1")
    to(a_block("AAA", "BUY", 900))
    to(a_block("BOND", "BUY", 100_000))
    assert Route.objects.get().broker.code == "HARBOR"
    asked = set(Inquiry.objects.get().quotes.values_list("dealer__code", flat=True))
    assert len(asked) >= 3 and "CASTLE" not in asked


def test_what_is_enlarged_and_what_dealers_offer_is_asked_again(a_block, a_route, listed, to, street, tom, by):
    made = a_route(500, unplaced=500)
    listed(made.broker.code, "P1")
    with pytest.raises(BarredBroker):
        routing.replace_routes(by(tom), {made.pk: {"qty": D(600)}}, seen={made.pk: made.version})

    to(a_block("BOND", "BUY", 100_000))
    first, second, *_ = Inquiry.objects.get().quotes.order_by("pk")
    street.quote(first, "97")
    street.quote(second, "98")
    listed(first.dealer.code, "P1")
    inquiry = Inquiry.objects.get()
    with pytest.raises(BarredBroker):
        routing.award_inquiry(by(tom), inquiry.pk, seen={inquiry.pk: inquiry.version})
    late = by("scheduler")
    late.at += timedelta(seconds=31)
    routing.decide_due_inquiries(late)
    assert Route.objects.latest("pk").broker_id == second.dealer_id


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("portfolio", ["P1", None])
def test_an_entry_waits_for_what_is_being_routed_and_is_seen_by_what_comes_after(a_block, listed, to, portfolio):
    first, second = a_block("AAA", "BUY", 900), a_block("CCC", "BUY", 900)
    written = []

    def restrict() -> None:
        try:
            written.append(listed("HARBOR", portfolio))
        finally:
            connection.close()

    with transaction.atomic():
        assert to(first, "HARBOR").routes
        writer = Thread(target=restrict)
        writer.start()
        writer.join(0.5)
        assert not written  # It waits until the route is committed.
    writer.join(10)
    assert written
    with pytest.raises((BarredBroker, BrokerRestricted)):
        to(second, "HARBOR")
    assert Route.objects.count() == 1
