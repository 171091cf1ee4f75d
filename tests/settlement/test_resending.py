"""What is rejected, unmatched or failing is cancelled and sent anew under a new reference; never edited."""

from datetime import date

import pytest
from django.db import connection
from lxml import etree
from rest_framework.test import APIClient

from apps.allocations.events import AllocationReversed
from apps.audit.models import Entry
from apps.core.events import Fact
from apps.core.refusals import Invalid, NotAllowed
from apps.reporting.invariants import SETTLEMENT
from apps.settlement import services as settlement
from apps.settlement.models import Instruction, SettlementInstructionSet
from street import custodian
from tests.allocations.filling import keep_promises
from tests.pages import send, visit, words
from tests.settlement.test_feeds import ACCEPTED, CANCELLED, FAILING, NS, REJECTED, UNMATCHED, advice, settled


@pytest.fixture
def sent(street, standing, custodians_write) -> list[Instruction]:
    """Three instructions at the custodian."""
    street.allocated("AAA", "SELL", {"P1": 5000, "P2": 3000, "P3": 2000}, [(10_000, "50.00", "20")])
    keep_promises("settlement.")
    custodians_write()
    return list(Instruction.objects.order_by("pk"))


@pytest.fixture
def says(home, custodians_read):
    """``says(document, …)``: a file of the custodian's, booked."""
    names = iter(range(1000))

    def write(*documents: str) -> None:
        path = home / "STATESIDE" / "out" / f"{next(names):04}.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"<Batch>{''.join(documents)}</Batch>".encode())
        assert custodians_read() == 1

    return write


@pytest.fixture
def unmatched(sent, says) -> Instruction:
    says(advice(sent[0].reference, UNMATCHED))
    return Instruction.objects.get(pk=sent[0].pk)


def resend(by, person, row: Instruction, reason: str = "Agreed with the broker") -> Instruction:
    (new,) = settlement.resend_instructions(by(person), [row.pk], reason, seen={row.pk: row.version})
    row.refresh_from_db()
    return Instruction.objects.get(pk=new)


def broken_sentences() -> list[str]:
    with connection.cursor() as cursor:
        found = []
        for sentence in SETTLEMENT:
            cursor.execute(sentence.replace("{promised}", "false"))
            found += [row[0] for row in cursor.fetchall()]
    return found


def test_the_old_one_is_cancelled_and_a_new_one_takes_its_place(unmatched, by, olga):
    new = resend(by, olga, unmatched)

    assert (unmatched.status, unmatched.cancel_requested_at is not None) == ("CANCELLED", True)
    assert (new.status, new.attempt, new.replaces_id) == ("READY", 2, unmatched.pk)
    assert new.reference != unmatched.reference
    same = ("allocation_id", "portfolio_id", "custodian_id", "qty", "amount", "currency_id", "settle_date", "is_receipt")
    assert [getattr(new, name) for name in same] == [getattr(unmatched, name) for name in same]
    told = Entry.objects.filter(act=Entry.objects.latest("pk").act_id).order_by("pk").values_list("event", "payload")
    assert list(told) == [
        ("instruction.cancelled", {"reason": f"Sent anew as {new.ref}: Agreed with the broker"}),
        ("instruction.ready", {"allocation_id": new.allocation_id, "replaces": unmatched.pk}),
    ]
    assert broken_sentences() == []


def test_the_custodian_gets_the_cancellation_first_and_then_the_new_one_with_its_link(
    unmatched, by, olga, custodians_write, home
):
    new = resend(by, olga, unmatched)

    assert custodians_write() == 2
    cancel, instruct = sorted((home / "STATESIDE" / "in").iterdir())[-2:]
    assert (cancel.name[10:], instruct.name[10:]) == ("-cancel.xml", "-instruct.xml")
    body = etree.parse(instruct).getroot()[0][0]
    named = {"i": f"{NS}sese.023.001.11"}
    assert body.findtext("i:TxId", namespaces=named) == new.reference
    assert body.findtext("i:Lnkgs/i:Ref/i:SctiesSttlmTxId", namespaces=named) == unmatched.reference


def test_what_was_rejected_needs_no_cancellation(sent, says, by, olga, custodians_write):
    says(advice(sent[0].reference, REJECTED))
    row = Instruction.objects.get(pk=sent[0].pk)
    resend(by, olga, row)

    assert (row.status, row.cancel_requested_at) == ("CANCELLED", None)
    assert custodians_write() == 1


def test_it_goes_with_the_standing_instruction_now_on_file(unmatched, by, olga):
    old = unmatched.standing
    old.effective_to = date(2020, 1, 1)
    old.effective_from = date(2019, 1, 1)
    old.save()
    new = resend(by, olga, unmatched)

    assert (new.status, new.standing_id) == ("BLOCKED", None)
    assert "No standing settlement instruction" in new.reason
    mended = SettlementInstructionSet.objects.create(
        broker=old.broker, country=old.country, agent_bic="CITIUS33", agent_account="NEW-1",
        depository_bic="DTCYUS33", effective_from=date(2024, 1, 1),
    )  # fmt: skip
    settlement.unblock_instructions(by(olga), [new.pk], seen={new.pk: 1})
    new.refresh_from_db()
    assert (new.status, new.standing_id) == ("READY", mended.pk)


def test_it_can_be_sent_a_third_time(unmatched, by, olga, custodians_write, says):
    second = resend(by, olga, unmatched)
    custodians_write()
    says(advice(unmatched.reference, CANCELLED), advice(second.reference, UNMATCHED))
    second.refresh_from_db()
    third = resend(by, olga, second)

    assert (third.attempt, third.replaces_id) == (3, second.pk)
    assert Instruction.objects.filter(allocation=third.allocation_id).count() == 3
    assert broken_sentences() == []


def test_what_settles_after_all_although_replaced_needs_a_person(unmatched, by, olga, custodians_write, says):
    resend(by, olga, unmatched)
    custodians_write()
    says(settled(unmatched))

    said = words(visit(olga, "settlement:board", query="?status=ATTENTION"))
    assert unmatched.ref in said and "before its cancellation was heard" in said


def test_a_reversal_cancels_the_one_that_took_its_place(unmatched, by, olga):
    new = resend(by, olga, unmatched)
    fact = Fact(new.allocation_id, 2, AllocationReversed(new.allocation.block_id, "Busted"))
    settlement.cancel_settlement(by("worker"), [fact])

    new.refresh_from_db()
    assert new.status == "CANCELLED"


def test_refusals_change_nothing(sent, unmatched, says, by, olga, ada):
    says(advice(sent[1].reference, ACCEPTED), settled(sent[2], qty=1))
    before = list(Instruction.objects.order_by("pk").values())

    def ask(who, row, reason="Why", version=None):
        return settlement.resend_instructions(by(who), [row.pk], reason, seen={row.pk: version or row.version})

    rows = list(Instruction.objects.order_by("pk"))
    with pytest.raises(NotAllowed):
        ask(ada, rows[0])
    with pytest.raises(Invalid):
        ask(olga, rows[0], " ")
    with pytest.raises(settlement.StaleInstruction):
        ask(olga, rows[0], version=1)
    with pytest.raises(settlement.CannotBeResent, match="is sent; only"):
        ask(olga, rows[1])
    with pytest.raises(settlement.CannotBeResent, match="settle twice"):
        ask(olga, rows[2])
    assert list(Instruction.objects.order_by("pk").values()) == before


def test_statements_do_not_grow_with_the_instructions(sent, says, by, olga, django_assert_max_num_queries):
    says(*(advice(row.reference, FAILING) for row in sent))
    rows = list(Instruction.objects.order_by("pk"))
    with django_assert_max_num_queries(17):
        new = settlement.resend_instructions(by(olga), [r.pk for r in rows], "Late", seen={r.pk: r.version for r in rows})

    assert len(new) == 3


def test_the_page_asks_for_a_reason_and_links_both(unmatched, olga, ada):
    seen = f"{unmatched.pk}:{unmatched.version}"
    drawer = words(visit(olga, "settlement:instruction", unmatched.pk, htmx=True))
    asked = words(visit(olga, "settlement:resend", query=f"?seen={seen}", htmx=True))
    nothing = send(olga, "settlement:resend", {"seen": seen, "reason": ""})
    answer = send(olga, "settlement:resend", {"seen": seen, "reason": "Wrong agent"})
    new = Instruction.objects.get(replaces=unmatched.pk)

    assert "Cancel and send anew" in drawer and "new reference" in asked
    assert "Cancel and send anew" not in words(visit(ada, "settlement:instruction", unmatched.pk, htmx=True))
    assert (nothing.status_code, answer.status_code) == (422, 204)
    assert new.ref in words(visit(olga, "settlement:instruction", unmatched.pk, htmx=True))
    assert unmatched.ref in words(visit(olga, "settlement:instruction", new.pk, htmx=True))


def test_programs_do_the_same(unmatched, olga, ada):
    web = APIClient()
    web.force_authenticate(ada)
    path, asked = f"/api/v1/instructions/{unmatched.pk}/resend/", {"version": unmatched.version, "reason": "Wrong agent"}
    assert web.post(path, asked).status_code == 403
    web.force_authenticate(olga)
    answer = web.post(path, asked)

    assert answer.status_code == 201
    assert (answer.json()["attempt"], answer.json()["replaces_id"]) == (2, unmatched.pk)
    assert web.post(path, asked).json()["code"] == "stale_instruction"


def test_the_street_settles_what_was_sent_anew(unmatched, by, olga, custodians_write, custodians_read, home, tmp_path):
    """Its custodian grants the cancellation, and matches and settles what came in its place."""
    new = resend(by, olga, unmatched)
    custodians_write()
    clock = [0.0]
    one = custodian.Custodian(
        "STATESIDE", home / "STATESIDE", tmp_path / "record.jsonl", seed=1, now=lambda: clock[0], unmatched_share=0
    )
    for _ in range(6):
        one.run_pass()
        clock[0] += 100_000
        custodians_read()
    one.close()

    new.refresh_from_db()
    unmatched.refresh_from_db()
    assert (new.status, unmatched.status, unmatched.processing_status) == ("SETTLED", "CANCELLED", "CAND")
