"""An option and a future from the wish to what a custodian is told, with the money, the wire and the invariants between."""

from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.allocations.models import Allocation
from apps.desk.portfolios.holdings import holdings
from apps.portfolios import selectors as portfolios
from apps.portfolios.models import Cash, Position
from apps.reference.models import Instrument
from apps.reporting.invariants import broken_invariants
from apps.routing.models import Message
from apps.settlement import selectors as settlement
from apps.settlement.models import Confirmation, Instruction
from tests.allocations.filling import keep_promises

D = Decimal
pytestmark = pytest.mark.django_db


def money(firm, code="P1") -> Decimal:
    return Cash.objects.get(portfolio=firm.portfolios[code], currency="USD").amount


def nav(firm, code="P1") -> Decimal:
    return portfolios.valuation(firm.portfolios[code]).nav


def booked(street, symbol: str, side: str, shares: dict[str, int], price: str, commission: str, **terms):
    block = street.block(symbol, side, shares, **terms)
    route = street.route(block)
    street.fill(route, sum(shares.values()), price, commission)
    keep_promises("allocations.")
    keep_promises("settlement.")
    return Allocation.objects.filter(block=block).order_by("pk")


class TestAnOption:
    def test_costs_its_premium_and_is_instructed_under_its_symbol(self, street, listed, standing, firm):
        cash, worth = money(firm), nav(firm)
        first, second = booked(street, "OPT", "BUY", {"P1": 20, "P2": 10}, "5.00", "30", position_effect="OPEN")

        assert (first.gross_amount, first.unpaid_amount, first.net_amount) == (10_000, 0, 10_020)
        assert money(firm) == cash - 10_020 and nav(firm) == worth - 20
        ready = Instruction.objects.get(allocation=first)
        assert (ready.status, ready.reason) == ("READY", "")
        assert "<OthrId><Id>AAA301220C00055000</Id><Tp><Prtry>OCC</Prtry></Tp></OthrId>" in settlement.xml_of(ready)
        assert Confirmation.objects.get(allocation=second).status == "SENT"
        assert {name: found for name, found in broken_invariants().items() if found} == {}

    def test_goes_out_with_all_that_tells_it_from_others(self, street, listed, firm):
        street.route(street.block("OPT", "BUY", {"P1": 3}, position_effect="OPEN"))

        sent = Message.objects.get(is_out=True, msg_type="D").text
        wanted = ("461=OCASPS|167=OPT|200=203012|541=20301220|201=1|202=55|231=100|", "|711=1|311=AAA|309=US0378331005|", "|77=O|")
        assert [part for part in wanted if part not in sent] == []


class TestAFuture:
    def test_is_bought_without_paying_and_worth_its_gain(self, street, listed, standing, firm):
        cash, worth = money(firm), nav(firm)
        [one] = booked(street, "FUT", "BUY", {"P1": 4}, "3990.00", "3.40")

        assert (one.gross_amount, one.unpaid_amount, one.net_amount) == (798_000, 798_000, D("3.40"))
        assert money(firm) == cash - D("3.40")
        assert nav(firm) == worth - D("3.40") + 4 * 50 * 10  # Ten points above what was dealt.
        assert portfolios.navs([firm.portfolios["P1"].pk]) == {firm.portfolios["P1"].pk: nav(firm)}
        shown = holdings(firm.portfolios["P1"], timezone.now())
        line = next(line for line in shown.lines if line.instrument.symbol == "FUT")
        assert (shown.nav, line.value, line.notional) == (nav(firm), 2_000, 800_000)
        assert {name: found for name, found in broken_invariants().items() if found} == {}

    def test_ends_cleared_and_no_custodian_hears_of_it(self, street, listed, standing, firm, custodians_write):
        [one] = booked(street, "FUT", "SELL", {"P1": 2}, "4010.00", "1.70")

        instruction = Instruction.objects.get(allocation=one)
        assert (instruction.status, instruction.amount) == ("CLEARED", D("-1.70"))
        assert custodians_write() == 0
        held = Position.objects.get(portfolio=firm.portfolios["P1"], instrument=firm.instruments["FUT"])
        assert (held.qty, held.unpaid_amount) == (-2, -401_000)

    def test_closed_again_leaves_the_gain_to_be_paid(self, street, listed, standing, firm):
        worth = nav(firm)
        booked(street, "FUT", "BUY", {"P1": 4}, "3990.00", "0", position_effect="OPEN")
        booked(street, "FUT", "SELL", {"P1": 4}, "4005.00", "0", position_effect="CLOSE")

        held = Position.objects.get(portfolio=firm.portfolios["P1"], instrument=firm.instruments["FUT"])
        assert (held.qty, held.unpaid_amount) == (0, -3_000)
        assert nav(firm) == worth + 3_000


@pytest.mark.parametrize(
    ("symbol", "change"),
    [
        ("OPT", {"strike_price": None}), ("OPT", {"put_or_call": ""}), ("OPT", {"underlying": None}),
        ("OPT", {"maturity_date": None}), ("FUT", {"maturity_date": None}), ("AAA", {"strike_price": 5}),
        ("AAA", {"put_or_call": "PUT"}), ("FUT", {"strike_price": 5}),
    ],
)  # fmt: skip
def test_the_database_keeps_the_terms_of_each_class(listed, firm, symbol, change):
    with pytest.raises(IntegrityError), transaction.atomic():
        Instrument.objects.filter(pk=firm.instruments[symbol].pk).update(**change)
