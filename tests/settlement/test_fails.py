"""A sale that is not delivered on its settlement date is to be closed out, once, until it is delivered or cancelled."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.allocations.events import AllocationReversed
from apps.allocations.models import Allocation
from apps.compliance.models import CloseOut
from apps.core.events import Fact
from apps.core.refusals import NotAllowed
from apps.reference.models import Instrument
from apps.reference.selectors import settlement_days_after
from apps.settlement import events, tasks
from apps.settlement import services as settlement
from apps.settlement.models import Instruction
from tests.allocations.filling import keep_promises
from tests.races import at_once
from tests.settlement.test_feeds import FAILING, MATCHED, REJECTED, advice, put, sent, settled, three  # noqa: F401


@pytest.fixture
def one(sent) -> Instruction:  # noqa: F811
    """A sale of 5,000 AAA of P1 that was to be delivered yesterday."""
    Instruction.objects.update(settle_date=timezone.now().date() - timedelta(days=1))
    return Instruction.objects.order_by("pk").first()


@pytest.fixture
def hear(put, custodians_read):  # noqa: F811
    """``hear("a.xml", *documents)``: the custodian said so, and what follows was done."""

    def say(name: str, *documents: str) -> None:
        put(name, *documents)
        assert custodians_read() == 1
        keep_promises("settlement.")

    return say


def standings() -> list[tuple[str, str]]:
    return list(CloseOut.objects.order_by("pk").values_list("status", "how"))


def test_a_failing_sale_is_to_be_closed_out_by_its_day(one, hear, firm):
    hear("a.xml", advice(one.reference, FAILING))
    found = CloseOut.objects.get()
    due = settlement_days_after([(one.settle_date, 3, "USD")])[one.settle_date, 3, "USD"]
    assert (found.source, found.instrument, found.portfolio, found.qty) == (
        f"allocation:{one.allocation_id}", firm.instruments["AAA"], firm.portfolios["P1"], 5000,
    )  # fmt: skip
    assert (found.is_short, found.settle_date, found.due_on, found.status) == (False, one.settle_date, due, "OPEN")


def test_a_short_sale_is_due_the_next_settlement_day(one, hear):
    Allocation.objects.update(side="SELL_SHORT")
    hear("a.xml", advice(one.reference, FAILING))
    found = CloseOut.objects.get()
    assert found.is_short and found.due_on == settlement_days_after([(one.settle_date, 1, "USD")])[one.settle_date, 1, "USD"]


def test_said_again_and_told_twice_it_is_opened_once(one, hear, by):
    hear("a.xml", advice(one.reference, FAILING))
    hear("b.xml", advice(one.reference, MATCHED))
    hear("c.xml", advice(one.reference, FAILING.replace("LACK", "AWMO")))
    settlement.open_close_outs(by("custodian"), [events_of(one)])
    assert (standings(), tasks.open_due_close_outs()) == ([("OPEN", "")], 0)


def events_of(one: Instruction) -> Fact:
    return Fact(one.pk, 3, events.InstructionFailing("LACK"))


@pytest.mark.parametrize(
    "other",
    [
        lambda: Instruction.objects.update(is_receipt=True),
        lambda: Instrument.objects.filter(symbol="AAA").update(asset_class="FUND"),
        lambda: Instrument.objects.filter(symbol="AAA").update(country="DE"),
    ],
)
def test_what_the_rule_does_not_mean_is_left_alone(one, hear, other):
    other()
    hear("a.xml", advice(one.reference, FAILING))
    assert (standings(), tasks.open_due_close_outs()) == ([], 0)


def test_before_its_date_nothing_is_opened_and_when_it_comes_it_is(one, hear):
    Instruction.objects.update(settle_date=timezone.now().date() + timedelta(days=1))
    hear("a.xml", advice(one.reference, FAILING))
    assert (standings(), tasks.open_due_close_outs()) == ([], 0)
    Instruction.objects.update(settle_date=timezone.now().date())
    assert (tasks.open_due_close_outs(), tasks.open_due_close_outs(), standings()) == (1, 0, [("OPEN", "")])


def test_what_recovered_before_its_date_is_not_opened_when_it_comes(one, hear):
    Instruction.objects.update(settle_date=timezone.now().date() + timedelta(days=1))
    hear("a.xml", advice(one.reference, FAILING))
    Instruction.objects.filter(pk=one.pk).update(status="MATCHED")
    Instruction.objects.update(settle_date=timezone.now().date())
    assert tasks.open_due_close_outs() == 0
    Instruction.objects.filter(pk=one.pk).update(status="FAILING")


def test_delivered_it_is_closed_by_nobody(one, hear):
    hear("a.xml", advice(one.reference, FAILING))
    hear("b.xml", settled(one))
    found = CloseOut.objects.get()
    assert (found.status, found.how, found.ended_by, found.version) == ("CLOSED", "delivered", None, 2)


def test_heard_of_the_fail_after_the_delivery_nothing_is_opened(one, put, custodians_read):  # noqa: F811
    put("a.xml", advice(one.reference, FAILING))
    put("b.xml", settled(one))
    custodians_read()
    keep_promises("settlement.")
    assert standings() == []


def test_rejected_it_stays_open_and_sent_anew_too_until_that_is_delivered(one, hear, by, olga, custodians_write):
    hear("a.xml", advice(one.reference, FAILING))
    hear("b.xml", advice(one.reference, REJECTED))
    one.refresh_from_db()
    [pk] = settlement.resend_instructions(by(olga), [one.pk], "Anew.", seen={one.pk: one.version})
    keep_promises("settlement.")
    assert standings() == [("OPEN", "")]
    custodians_write()
    anew = Instruction.objects.get(pk=pk)
    hear("c.xml", settled(anew))
    assert standings() == [("CLOSED", "delivered")]


def test_cancelled_with_nothing_in_its_place_it_is_closed(one, hear, by):
    hear("a.xml", advice(one.reference, FAILING))
    settlement.cancel_settlement(by("custodian"), [Fact(one.allocation_id, 2, AllocationReversed("Busted."))])
    keep_promises("settlement.")
    assert standings() == [("CLOSED", "cancelled")]


def test_no_person_tells_of_fails(one, by, omar):
    with pytest.raises(NotAllowed):
        settlement.open_due_close_outs(by(omar))


@pytest.mark.django_db(transaction=True)
def test_two_workers_open_it_once(one, put, custodians_read, by):  # noqa: F811
    put("a.xml", advice(one.reference, FAILING))
    custodians_read()
    acts = [by("custodian"), by("custodian")]
    at_once(
        lambda: settlement.open_close_outs(acts[0], [events_of(one)]), lambda: settlement.open_due_close_outs(acts[1])
    )
    assert standings() == [("OPEN", "")]
