"""From a booked share to what the counterparty and the custodian say about it, and back again after a bust."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.allocations.events import AllocationBooked
from apps.allocations.models import Allocation
from apps.audit.models import Entry
from apps.core.events import Fact
from apps.core.refusals import Conflict, IllegalMove, Invalid, NotAllowed, NotFound
from apps.routing import services as routing
from apps.routing.models import Message
from apps.routing.rules import Fields
from apps.settlement import selectors
from apps.settlement import services as settlement
from apps.settlement.models import Confirmation, Instruction, SettlementInstructionSet, StrayAnswer
from tests.allocations.filling import keep_promises

D = Decimal


def booked() -> list[Fact]:
    return [
        Fact(a.pk, 1, AllocationBooked(a.block_id, a.order_id, a.portfolio_id, str(a.qty), str(a.price), ""))
        for a in Allocation.objects.order_by("pk")
    ]


@pytest.fixture
def three(street, standing):
    """Three shares of one block, confirmed and instructed."""
    street.allocated("AAA", "SELL", {"P1": 5000, "P2": 3000, "P3": 2000}, [(10_000, "50.00", "20")])
    keep_promises("settlement.")


@pytest.fixture
def answer(street, by):
    """``answer("C-000001", "3")``: the broker's 35=AU, heard and booked."""

    def say(ref: str, status: str, text: str = "", broker: str = "NORTHGATE") -> None:
        now = timezone.now()
        words = f"58={text}\x01" if text else ""
        raw = f"35=AU\x01664={ref}\x0175={now:%Y%m%d}\x0160={now:%Y%m%d-%H:%M:%S}.000\x01940={status}\x01{words}"
        message = routing.keep_heard(street.sessions[broker], raw, now)
        routing.hear_messages(by("gateway", via="gateway"), [message])
        keep_promises("settlement.hear")

    return say


def only() -> Confirmation:
    return Confirmation.objects.order_by("pk").first()


class TestConfirming:
    def test_each_share_is_confirmed_to_its_counterparty_once(self, three, by):
        settlement.confirm_allocations(by("worker"), booked())
        messages = [Fields(m.text) for m in Message.objects.filter(msg_type="AK").order_by("pk")]

        assert Confirmation.objects.count() == 3
        assert [m.text(664) for m in messages] == [c.ref for c in Confirmation.objects.order_by("pk")]
        assert sorted(m.text(80) for m in messages) == ["2000", "3000", "5000"]
        assert sum(D(m.text(118)) for m in messages) == D("499980")

    def test_a_share_that_was_reversed_meanwhile_is_not_confirmed(self, street, standing, by):
        block = street.block("AAA", "SELL", {"P1": 5000})
        route = street.route(block)
        exec_id = street.fill(route, 5000, "50")
        keep_promises("allocations.")
        street.bust(route, exec_id, 5000, "50")
        keep_promises("settlement.")

        assert Confirmation.objects.count() == Instruction.objects.count() == 0

    def test_an_answer_affirms_or_disputes(self, three, answer):
        first, second, third = Confirmation.objects.order_by("pk")
        answer(first.ref, "3")
        answer(second.ref, "2", "Commission differs")
        answer(third.ref, "1")

        assert list(Confirmation.objects.order_by("pk").values_list("status", "version", "answer")) == [
            ("AFFIRMED", 2, "affirmed"), ("DISPUTED", 2, "rejected: Commission differs"), ("SENT", 1, ""),
        ]  # fmt: skip

    def test_the_same_answer_again_changes_nothing(self, three, answer):
        for _ in range(2):
            answer(only().ref, "3")
        for _ in range(2):
            answer(f"C-{only().pk + 1:06d}", "2", "no")

        assert sorted(Confirmation.objects.values_list("status", "version")) == [
            ("AFFIRMED", 2), ("DISPUTED", 2), ("SENT", 1),
        ]  # fmt: skip

    def test_a_dispute_that_is_settled_is_affirmed(self, three, answer):
        answer(only().ref, "2", "no")
        answer(only().ref, "3")

        assert (only().status, only().version, only().answer) == ("AFFIRMED", 3, "affirmed")

    def test_answers_that_name_nothing_of_theirs_are_kept_as_stray(self, three, answer, olga, omar):
        answer("C-999999", "3")
        answer("whatever", "3")
        answer(only().ref, "3", broker="HARBOR")

        assert set(Confirmation.objects.values_list("status", "version")) == {("SENT", 1)}
        assert sorted(s.confirm_ref for s in selectors.stray_answers(olga)) == sorted(
            ["C-999999", "whatever", only().ref]
        )
        assert selectors.strip(olga).stray_answers == 3

    def test_refuses_a_person_and_changes_nothing(self, street, standing, by, olga):
        street.allocated("AAA", "SELL", {"P1": 5000}, [(5000, "50")])

        with pytest.raises(NotAllowed):
            settlement.confirm_allocations(by(olga), booked())

        assert Confirmation.objects.count() == Message.objects.filter(msg_type="AK").count() == 0

    def test_statements_do_not_grow_with_the_shares(self, street, standing, by):
        counts = []
        for symbol, shares in (("AAA", {"P1": 500}), ("CCC", {"P1": 500, "P2": 300, "P3": 200})):
            street.allocated(symbol, "SELL", shares, [(sum(shares.values()), "50")])
            new = [f for f in booked() if not Confirmation.objects.filter(allocation=f.subject_id).exists()]
            with CaptureQueriesContext(connection) as taken:
                settlement.confirm_allocations(by("worker"), new)
                settlement.instruct_allocations(by("worker"), new)
            counts.append(len(taken))

        assert counts[0] == counts[1]


class TestInstructing:
    def test_each_share_is_instructed_once_with_what_covers_it(self, three, by, firm):
        settlement.instruct_allocations(by("worker"), booked())
        rows = list(Instruction.objects.order_by("pk").select_related("standing"))

        assert [(r.status, r.is_receipt, r.qty, r.amount) for r in rows] == [
            ("READY", False, D(5000), D(249_990)), ("READY", False, D(3000), D(149_994)), ("READY", False, D(2000), D(99_996)),
        ]  # fmt: skip
        assert {r.standing.broker_id for r in rows} == {firm.brokers["NORTHGATE"].pk}
        assert len({r.reference for r in rows}) == 3

    def test_treasuries_settle_where_treasuries_settle(self, street, standing):
        street.allocated("TSY", "BUY", {"P1": 100_000}, [(100_000, "99")])
        keep_promises("settlement.")
        says = selectors.instructed([Instruction.objects.get().pk])

        assert [s.depository_bic for s in says.values()] == ["FRNYUS33"]

    def test_without_a_standing_instruction_it_is_blocked_and_surfaces(self, street, olga):
        street.allocated("AAA", "SELL", {"P1": 5000}, [(5000, "50")])
        keep_promises("settlement.")
        row = selectors.instruction_rows(olga).first()

        assert row.status == "BLOCKED"
        assert row.reason.startswith("No standing settlement instruction of NORTHGATE for US on ")
        assert selectors.strip(olga).attention == 1

    def test_an_instrument_without_isin_is_blocked_with_the_reason(self, street, standing, firm):
        type(firm.instruments["AAA"]).objects.filter(symbol="AAA").update(isin="")
        street.allocated("AAA", "SELL", {"P1": 5000}, [(5000, "50")])
        keep_promises("settlement.")

        assert list(Instruction.objects.values_list("status", "reason")) == [("BLOCKED", "ISIN is missing")]


def standing_of(firm, **changes) -> settlement.Standing:
    base = settlement.Standing(firm.brokers["NORTHGATE"].pk, "US", "NRTGUS30", "NORTH/1", "DTCYUS33", date(2020, 1, 1))
    return base._replace(**changes)


class TestMending:
    @pytest.fixture
    def blocked(self, street) -> Instruction:
        street.allocated("AAA", "SELL", {"P1": 5000}, [(5000, "50")])
        keep_promises("settlement.")
        return Instruction.objects.get()

    def test_adding_the_standing_instruction_makes_it_ready(self, blocked, firm, by, olga):
        assert settlement.add_standing_instructions(by(olga, "by their letter"), [standing_of(firm)]) == 1
        blocked.refresh_from_db()

        assert (blocked.status, blocked.version, blocked.reason) == ("READY", 2, "")
        assert blocked.standing.history.get().history_user == olga

    def test_one_that_covers_another_country_leaves_it_blocked(self, blocked, firm, by, olga):
        assert settlement.add_standing_instructions(by(olga), [standing_of(firm, country="DE")]) == 0
        blocked.refresh_from_db()

        assert (blocked.status, blocked.version) == ("BLOCKED", 1)

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"agent_bic": "NORTH"}, "agent_bic"), ({"agent_account": ""}, "agent_account"),
            ({"depository_bic": "x"}, "depository_bic"), ({"country": "usa"}, "country"),
            ({"effective_to": date(2019, 1, 1)}, "effective_to"),
        ],
    )  # fmt: skip
    def test_refuses_a_bad_standing_instruction(self, blocked, firm, by, olga, change, field):
        with pytest.raises(Invalid) as refused:
            settlement.add_standing_instructions(by(olga), [standing_of(firm, **change)])

        assert refused.value.facts["field"] == field
        assert SettlementInstructionSet.objects.count() == 0

    def test_refuses_two_that_start_on_one_date(self, blocked, firm, by, olga):
        settlement.add_standing_instructions(by(olga), [standing_of(firm)])

        with pytest.raises(Conflict, match="starts on that date already"):
            settlement.add_standing_instructions(by(olga), [standing_of(firm)])

        assert SettlementInstructionSet.objects.count() == 1

    def test_unblocking_says_what_still_blocks(self, blocked, by, olga):
        with pytest.raises(settlement.NothingToUnblock, match="No standing settlement instruction of NORTHGATE"):
            settlement.unblock_instructions(by(olga), [blocked.pk], seen={blocked.pk: 1})

        blocked.refresh_from_db()
        assert (blocked.status, blocked.version) == ("BLOCKED", 1)

    def test_unblocking_refuses_strangers_stale_readers_and_what_is_not_blocked(self, blocked, firm, by, olga, mira):
        with pytest.raises(NotAllowed):
            settlement.unblock_instructions(by(mira), [blocked.pk], seen={blocked.pk: 1})
        with pytest.raises(settlement.StaleInstruction):
            settlement.unblock_instructions(by(olga), [blocked.pk], seen={blocked.pk: 7})
        with pytest.raises(NotFound):
            settlement.unblock_instructions(by(olga), [blocked.pk + 1000], seen={})
        settlement.add_standing_instructions(by(olga), [standing_of(firm)])
        with pytest.raises(IllegalMove):
            settlement.unblock_instructions(by(olga), [blocked.pk], seen={blocked.pk: 2})

        assert Entry.objects.filter(subject="instruction", subject_id=blocked.pk).count() == 2

    def test_a_note_is_kept_and_recorded(self, blocked, by, olga):
        settlement.note_instructions(by(olga), [blocked.pk], " Called the broker. ", seen={blocked.pk: 1})
        blocked.refresh_from_db()

        assert (blocked.note, blocked.version, blocked.status) == ("Called the broker.", 2, "BLOCKED")
        with pytest.raises(Invalid):
            settlement.note_instructions(by(olga), [blocked.pk], "  ", seen={blocked.pk: 2})


class TestCancelling:
    def bust(self, street):
        """A block of one order, confirmed and instructed; then its execution is taken back."""
        block = street.block("AAA", "SELL", {"P1": 5000})
        route = street.route(block)
        exec_id = street.fill(route, 5000, "50.00")
        keep_promises("allocations.")
        keep_promises("settlement.")
        return lambda: (street.bust(route, exec_id, 5000, "50.00"), keep_promises("settlement.cancel"))

    def test_a_bust_cancels_the_confirmation_with_a_message_of_its_own(self, street, standing):
        self.bust(street)()
        new, cancel = (Fields(m.text) for m in Message.objects.filter(msg_type="AK").order_by("pk"))

        assert (only().status, only().version) == ("CANCELLED", 2)
        assert (cancel.text(666), cancel.text(772), cancel.text(664)) == ("2", new.text(664), f"{new.text(664)}-X")

    def test_what_was_not_written_is_cancelled_and_nothing_is_asked(self, street, standing):
        self.bust(street)()
        row = Instruction.objects.get()

        assert (row.status, row.version, row.cancel_requested_at) == ("CANCELLED", 2, None)

    def test_what_was_written_is_cancelled_and_the_custodian_is_asked(self, street, standing, home, custodians_write):
        bust = self.bust(street)
        custodians_write()
        bust()
        assert Instruction.objects.get().cancel_requested_at is not None
        custodians_write()
        row = Instruction.objects.get()
        names = sorted(p.name for p in (home / "STATESIDE" / "in").iterdir())

        assert names == ["0000000001-instruct.xml", "0000000002-cancel.xml"]
        assert f"<TxId>{row.reference}</TxId>" in (home / "STATESIDE" / "in" / names[1]).read_text()
        assert (row.status, row.version) == ("CANCELLED", 4)
        assert custodians_write() == 0

    def test_an_answer_to_the_cancellation_changes_nothing(self, street, standing, answer):
        self.bust(street)()
        answer(f"{only().ref}-X", "3")
        answer(only().ref, "3")

        assert (only().status, only().version, StrayAnswer.objects.count()) == ("CANCELLED", 2, 0)

    def test_being_told_twice_cancels_once(self, street, standing, by):
        self.bust(street)()
        from apps.allocations.events import AllocationReversed

        allocation = Allocation.objects.get()
        settlement.cancel_settlement(
            by("worker"), [Fact(allocation.pk, 2, AllocationReversed(allocation.block_id, "x"))]
        )

        assert Message.objects.filter(msg_type="AK").count() == 2
        assert Entry.objects.filter(event="instruction.cancelled").count() == 1


def test_the_clock_counts_what_is_affirmed(three, answer, olga):
    answer(only().ref, "3")
    (deadline,) = selectors.affirmation_clock(olga, timezone.now())

    assert (deadline.affirmed, deadline.waiting, deadline.disputed, deadline.total) == (1, 2, 0, 3)
    assert deadline.affirm_by == selectors.rules.affirm_by(Allocation.objects.first().trade_date)


def test_money_to_settle_is_summed_by_day(three, olga):
    (row,) = selectors.cash_to_settle(olga)

    assert (row["instructions"], row["pay"], row["receive"]) == (3, D(0), D(499_980))
