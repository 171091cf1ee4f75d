"""With whom the portfolios of a block may trade: by rule, by hand, by inquiry, and while a restriction is being written."""

from datetime import date, timedelta
from decimal import Decimal
from threading import Thread

import pytest
from django.db import connection, transaction

from apps.blocks import services as blocks
from apps.blocks.models import Block, Member
from apps.portfolios.models import BrokerTerm
from apps.portfolios.rules import Term, why_barred
from apps.routing import services as routing
from apps.routing.models import Inquiry, Message, Route
from apps.routing.services.counterparties import BarredBroker
from tests.world import with_pair

D = Decimal
TODAY = date.today()


@pytest.mark.parametrize(
    ("terms", "broker", "asset_class", "isda", "why"),
    [
        ([], 1, "EQUITY", False, ""),
        ([Term(1, "DENY", "", "conflict")], 1, "EQUITY", False, "denied: conflict"),
        ([Term(1, "DENY", "CORP", "conflict")], 1, "EQUITY", False, ""),
        ([Term(1, "ALLOW", "", "list")], 1, "EQUITY", False, ""),
        ([Term(1, "ALLOW", "", "list")], 2, "EQUITY", False, "not on its list of allowed brokers"),
        ([Term(1, "ALLOW", "CORP", "list")], 2, "EQUITY", False, ""),
        ([Term(1, "ALLOW", "", "list"), Term(1, "DENY", "", "fraud")], 1, "EQUITY", False, "denied: fraud"),
        ([], 1, "FX", True, "no ISDA master agreement with it"),
        ([Term(2, "ISDA", "", "2002")], 1, "FX", True, "no ISDA master agreement with it"),
        ([Term(1, "ISDA", "", "2002")], 1, "FX", True, ""),
    ],
)
def test_says_why_a_portfolio_does_not_trade_with_a_broker(terms, broker, asset_class, isda, why):
    assert why_barred(terms, broker, asset_class, needs_isda=isda) == why


@pytest.fixture
def term(firm):
    """``term("P1", "NORTHGATE", "DENY")``: in force since yesterday."""

    def make(portfolio: str, broker: str, kind: str, **more) -> BrokerTerm:
        given = {"starts_on": TODAY - timedelta(days=1), "reason": "The client's letter"} | more
        return BrokerTerm.objects.create(portfolio=firm.portfolios[portfolio], broker=firm.brokers[broker], kind=kind, **given)

    return make


def route(act, block, **more):
    return routing.route_blocks(act, [block.pk], seen={block.pk: block.version}, **more)


def test_a_rules_brokers_are_those_that_every_portfolio_allows(a_block, term, tom, by, firm):
    for broker in ("NORTHGATE", "MERIDIAN"):
        term("P1", broker, "DENY")
    for _ in range(3):
        route(by(tom), a_block("AAA", "BUY", 900))
    assert set(Route.objects.values_list("broker__code", flat=True)) == {"HARBOR"}


def test_a_broker_that_one_portfolio_bars_is_refused_by_name_with_a_way_out(a_block, term, tom, by):
    block = a_block("AAA", "BUY", 600, 400)
    term("P2", "HARBOR", "DENY")
    with pytest.raises(BarredBroker, match="cannot go to Harbor \\(P2: denied: The client's letter\\)") as refused:
        route(by(tom, "He asked for it."), block, broker_code="HARBOR")
    apart = list(Member.objects.filter(block=block, order__portfolio__code="P2").values_list("order", flat=True))
    assert refused.value.facts["portfolios"] == ["P2"] and refused.value.facts["split_off"] == apart
    assert "HARBOR" not in refused.value.facts["allowed"] and "NORTHGATE" in refused.value.facts["allowed"]
    assert not Route.objects.exists() and not Message.objects.filter(is_out=True).exists()
    blocks.split_block(by(tom), block.pk, apart, seen={block.pk: block.version})
    rest = Block.objects.get(pk=block.pk)
    route(by(tom, "He asked for it."), rest, broker_code="HARBOR")
    assert Route.objects.get().qty == 600


def test_an_allowed_list_bars_everybody_else_while_it_is_in_force(a_block, term, tom, by):
    term("P1", "MERIDIAN", "ALLOW", ends_on=TODAY)
    term("P1", "HARBOR", "ALLOW", starts_on=TODAY - timedelta(days=9), ends_on=TODAY - timedelta(days=1))
    term("P1", "HARBOR", "DENY", starts_on=TODAY + timedelta(days=1))
    route(by(tom), a_block("AAA", "BUY", 900))
    assert Route.objects.get().broker.code == "MERIDIAN"
    with pytest.raises(BarredBroker, match="P1: not on its list of allowed brokers"):
        route(by(tom, "Why not."), a_block("AAA", "BUY", 900), broker_code="HARBOR")


def test_a_barred_dealer_is_not_asked_while_others_are(a_block, term, tom, by):
    term("P1", "CASTLE", "DENY")
    route(by(tom), a_block("BOND", "BUY", 100_000))
    asked = set(Inquiry.objects.get().quotes.values_list("dealer__code", flat=True))
    assert len(asked) >= 3 and "CASTLE" not in asked


def test_what_is_enlarged_is_asked_again(a_route, term, tom, by):
    made = a_route(500, unplaced=500)
    term("P1", made.broker.code, "DENY")
    with pytest.raises(BarredBroker):
        routing.replace_routes(by(tom), {made.pk: {"qty": D(600)}}, seen={made.pk: made.version})
    routing.cancel_routes(by(tom), [made.pk], seen={made.pk: made.version})  # Out is always open.


def test_a_forward_needs_an_agreement_of_every_portfolio(firm, a_block, tom, by):
    with_pair(firm)
    BrokerTerm.objects.filter(portfolio=firm.portfolios["P1"], broker__code__in=("ALDGATE", "BRYANT")).delete()
    day = TODAY + timedelta(days=40)
    day += timedelta(days=(7 - day.weekday()) if day.weekday() > 4 else 0)
    block = a_block("EUR/USD", "BUY", 10_000, value_date=day.isoformat())
    with pytest.raises(BarredBroker, match="P1: no ISDA master agreement with it"):
        routing.send_inquiries(by(tom, "One dealer."), [block.pk], seen={block.pk: block.version}, dealer_codes=["ALDGATE"])
    routing.send_inquiries(by(tom), [block.pk], seen={block.pk: block.version}, dealer_codes=["CASTLE", "DORSET", "ELMSTREET"])


def test_is_shown_on_the_portfolios_page_and_over_the_api(term, firm, client, mira):
    term("P1", "HARBOR", "DENY")
    client.force_login(mira)
    pk = firm.portfolios["P1"].pk
    assert "Denied" in client.get(f"/portfolios/{pk}/").content.decode()
    [row] = client.get(f"/api/v1/portfolios/{pk}/brokers/").json()
    assert (row["kind"], row["broker"], row["reason"]) == ("DENY", "HARBOR", "The client's letter")


@pytest.mark.django_db(transaction=True)
def test_a_restriction_waits_for_what_is_being_routed_and_is_seen_by_what_comes_after(a_block, term, tom, by):
    first, second = a_block("AAA", "BUY", 900), a_block("CCC", "BUY", 900)
    written = []

    def restrict() -> None:
        try:
            term("P1", "HARBOR", "DENY")
            written.append(True)
        finally:
            connection.close()

    with transaction.atomic():
        route(by(tom, "He asked for it."), first, broker_code="HARBOR")
        writer = Thread(target=restrict)
        writer.start()
        writer.join(0.5)
        assert not written  # It waits until the route is committed.
    writer.join(10)
    assert written and Route.objects.get().broker.code == "HARBOR"
    with pytest.raises(BarredBroker):
        route(by(tom, "He asked for it."), second, broker_code="HARBOR")
