"""Files to and from custodians: once, whole, and whatever is wrong in them in front of a person."""

import threading
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import connection
from lxml import etree

from apps.allocations.events import AllocationReversed
from apps.audit.models import Entry
from apps.core.events import Fact
from apps.settlement import selectors
from apps.settlement import services as settlement
from apps.settlement.models import FeedFile, Instruction
from apps.settlement.services import feeds
from street import custodian
from tests.allocations.filling import keep_promises

D = Decimal
NS = "urn:iso:std:iso:20022:tech:xsd:"


@pytest.fixture
def three(street, standing, home):
    """Three instructions, ready."""
    street.allocated("AAA", "SELL", {"P1": 5000, "P2": 3000, "P3": 2000}, [(10_000, "50.00", "20")])
    keep_promises("settlement.")


@pytest.fixture
def sent(three, custodians_write) -> list[Instruction]:
    custodians_write()
    return list(Instruction.objects.order_by("pk"))


@pytest.fixture
def inbox(home) -> Path:
    return home / "STATESIDE" / "in"


@pytest.fixture
def put(home):
    """``put("a.xml", *documents)``: a file of the custodian's."""

    def write(name: str, *documents: str, content: bytes | None = None) -> Path:
        path = home / "STATESIDE" / "out" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if content is not None else f"<Batch>{''.join(documents)}</Batch>".encode())
        return path

    return write


def advice(reference: str, inner: str) -> str:
    ids = f"<TxId><AcctOwnrTxId>{reference}</AcctOwnrTxId></TxId>"
    return f'<Document xmlns="{NS}sese.024.001.12"><SctiesSttlmTxStsAdvc>{ids}{inner}</SctiesSttlmTxStsAdvc></Document>'


def reason(code: str, text: str = "") -> str:
    words = f"<AddtlRsnInf>{text}</AddtlRsnInf>" if text else ""
    return f"<Rsn><Cd><Cd>{code}</Cd></Cd>{words}</Rsn>"


MATCHED = "<MtchgSts><Mtchd/></MtchgSts>"
UNMATCHED = f"<MtchgSts><Umtchd>{reason('CMIS')}</Umtchd></MtchgSts>"
FAILING = f"{MATCHED}<SttlmSts><Flng>{reason('LACK')}</Flng></SttlmSts>"
ACCEPTED = "<PrcgSts><AckdAccptd><NoSpcfdRsn>NORE</NoSpcfdRsn></AckdAccptd></PrcgSts>"
CANCELLED = f"<PrcgSts><Canc>{reason('CANI')}</Canc></PrcgSts>"
DENIED = f"<PrcgSts><Dnd>{reason('DSET')}</Dnd></PrcgSts>"
REJECTED = f"<PrcgSts><Rjctd>{reason('SAFE', 'Account closed.')}</Rjctd></PrcgSts>"


def cancel_answer(reference: str, inner: str) -> str:
    ids = (
        f"<CxlReqRef>{reference}</CxlReqRef><TxId><AcctOwnrTxId><SctiesSttlmTxId><TxId>{reference}</TxId>"
        "<SctiesMvmntTp>DELI</SctiesMvmntTp><Pmt>APMT</Pmt></SctiesSttlmTxId></AcctOwnrTxId></TxId>"
    )
    return (
        f'<Document xmlns="{NS}sese.027.001.07"><SctiesTxCxlReqStsAdvc>{ids}{inner}</SctiesTxCxlReqStsAdvc></Document>'
    )


def settled(row: Instruction, *, qty=None, amount=None, on="2026-12-01") -> str:
    return (
        f'<Document xmlns="{NS}sese.025.001.11"><SctiesSttlmTxConf><TxIdDtls><AcctOwnrTxId>{row.reference}</AcctOwnrTxId>'
        f"</TxIdDtls><TradDtls><FctvSttlmDt><Dt><Dt>{on}</Dt></Dt></FctvSttlmDt></TradDtls><QtyAndAcctDtls><SttldQty>"
        f"<Qty><Unit>{qty or row.qty}</Unit></Qty></SttldQty></QtyAndAcctDtls>"
        f'<SttldAmt><Amt Ccy="USD">{amount or row.amount}</Amt></SttldAmt></SctiesSttlmTxConf></Document>'
    )


def standings() -> list[tuple]:
    return list(Instruction.objects.order_by("pk").values_list("status", "version"))


class TestWriting:
    def test_a_custodian_gets_its_batch_and_the_file_is_kept(self, three, custodians_write, inbox):
        assert custodians_write() == 1
        (path,) = inbox.iterdir()
        references = [e.text for e in etree.parse(path).iter(f"{{{NS}sese.023.001.11}}TxId")]
        file = FeedFile.objects.get()

        assert references == list(Instruction.objects.order_by("pk").values_list("reference", flat=True))
        assert (file.name, file.messages, file.is_out, len(file.sha256)) == (path.name, 3, True, 64)
        assert standings() == [("SENT", 2)] * 3
        assert custodians_write() == 0

    def test_many_go_in_files_of_the_agreed_size(self, three, custodians_write, inbox, monkeypatch):
        monkeypatch.setattr(feeds, "BATCH", 2)

        assert custodians_write() == 2
        assert [p.name for p in sorted(inbox.iterdir())] == ["0000000001-instruct.xml", "0000000002-instruct.xml"]
        assert list(FeedFile.objects.order_by("pk").values_list("messages", flat=True)) == [2, 1]

    @pytest.mark.parametrize("step", ["put_file", "_content", "mark_written"])
    def test_killed_at_a_step_it_ends_the_same_when_it_runs_again(
        self, three, custodians_write, inbox, monkeypatch, step
    ):
        with monkeypatch.context() as killed:
            killed.setattr(feeds, step, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                custodians_write()
        assert standings() == [("READY", 1)] * 3
        assert custodians_write() == 1

        assert [p.name for p in inbox.iterdir()] == ["0000000001-instruct.xml"]
        assert standings() == [("SENT", 2)] * 3

    def test_killed_before_the_rename_the_half_file_is_written_over(self, three, custodians_write, inbox, monkeypatch):
        with monkeypatch.context() as killed:
            killed.setattr(Path, "rename", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                custodians_write()
        assert [p.suffix for p in inbox.iterdir()] == [".part"]
        custodians_write()

        assert [p.name for p in inbox.iterdir()] == ["0000000001-instruct.xml"]

    def test_what_the_custodian_took_before_it_was_marked_is_not_put_there_again(
        self, three, custodians_write, inbox, monkeypatch
    ):
        with monkeypatch.context() as killed:
            killed.setattr(feeds, "mark_written", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                custodians_write()
        (path,) = inbox.iterdir()
        path.rename(feeds.folder("STATESIDE", "done") / path.name)
        custodians_write()

        assert list(inbox.iterdir()) == []
        assert standings() == [("SENT", 2)] * 3

    def test_what_became_invalid_is_blocked_and_the_rest_goes_out(self, three, custodians_write):
        first = Instruction.objects.order_by("pk").first()
        type(first.portfolio).objects.filter(pk=first.portfolio_id).update(custody_account="<none>")

        assert custodians_write() == 1
        first.refresh_from_db()
        assert (first.status, first.reason) == ("BLOCKED", "custody account “<none>” is not valid")
        assert standings()[1:] == [("SENT", 2)] * 2

    def test_a_second_process_finds_the_first_at_it_and_does_nothing(self, three, custodians_write):
        with feeds.alone("settlement.write:STATESIDE") as mine:
            assert mine
            done = []

            def other():
                with feeds.alone("settlement.write:STATESIDE") as also:
                    done.append(also)
                connection.close()

            thread = threading.Thread(target=other)
            thread.start()
            thread.join()
        assert done == [False]


class TestReading:
    def test_matched_and_settled_are_booked_with_what_was_said(self, sent, put, custodians_read, home):
        first, second, third = sent
        put("1.xml", advice(first.reference, ACCEPTED + MATCHED), advice(second.reference, UNMATCHED))
        put("2.xml", settled(first), advice(third.reference, FAILING))

        assert custodians_read() == 2
        rows = Instruction.objects.order_by("pk").values_list(
            "status", "version", "processing_status", "matching_status", "settlement_status", "reason", "settled_date",
            "settled_amount",
        )  # fmt: skip
        assert list(rows) == [
            ("SETTLED", 4, "PACK", "MACH", "", "", date(2026, 12, 1), D(249_990)),
            ("UNMATCHED", 3, "", "NMAT", "", "CMIS: no matching instruction", None, None),
            ("FAILING", 3, "", "MACH", "PENF", "LACK: securities are lacking", None, None),
        ]
        assert sorted(p.name for p in (home / "STATESIDE" / "read").iterdir()) == ["1.xml", "2.xml"]
        assert list((home / "STATESIDE" / "out").iterdir()) == []

    def test_the_same_file_twice_changes_nothing(self, sent, put, custodians_read):
        content = put("1.xml", advice(sent[0].reference, MATCHED)).read_bytes()
        custodians_read()
        before = (standings(), Entry.objects.count(), FeedFile.objects.count())
        put("1.xml", content=content)
        custodians_read()

        assert (standings(), Entry.objects.count(), FeedFile.objects.count()) == before

    def test_the_same_words_under_another_name_change_nothing(self, sent, put, custodians_read):
        put("1.xml", advice(sent[0].reference, MATCHED), settled(sent[1]))
        custodians_read()
        before = (standings(), Entry.objects.filter(subject="instruction").count())
        put("2.xml", advice(sent[0].reference, MATCHED), settled(sent[1]))
        custodians_read()

        assert (standings(), Entry.objects.filter(subject="instruction").count()) == before

    def test_other_content_under_a_name_that_was_taken_is_refused_and_surfaces(
        self, sent, put, custodians_read, home, olga
    ):
        put("1.xml", advice(sent[0].reference, MATCHED))
        custodians_read()
        put("1.xml", settled(sent[0]))
        custodians_read()

        assert standings()[0] == ("MATCHED", 3)
        assert [p.name for p in (home / "STATESIDE" / "bad").iterdir()] == ["1.xml"]
        assert "with other content was booked before" in selectors.files_with_problems(olga)[0].problems[0]["problem"]

    def test_what_names_nothing_of_ours_surfaces_and_the_rest_is_booked(self, sent, put, custodians_read, olga):
        put("1.xml", advice("OI999999999999", MATCHED), advice(sent[0].reference, MATCHED), "<Other/>")
        assert custodians_read() == 1
        (file,) = selectors.files_with_problems(olga)

        assert standings()[0] == ("MATCHED", 3)
        assert [(p["place"], p["reference"]) for p in file.problems] == [(1, "OI999999999999"), (3, "")]
        assert selectors.strip(olga).files_with_problems == 1

    @pytest.mark.parametrize("content", [b"", b"<Batch>", b"<!DOCTYPE Batch><Batch/>", b"\x00" * 100])
    def test_a_file_that_is_no_batch_goes_to_bad(self, sent, put, custodians_read, home, olga, content):
        put("1.xml", content=content)

        assert custodians_read() == 0
        assert [p.name for p in (home / "STATESIDE" / "bad").iterdir()] == ["1.xml"]
        assert selectors.files_with_problems(olga).count() == 1
        assert standings() == [("SENT", 2)] * 3

    def test_a_rejection_needs_a_person(self, sent, put, custodians_read, olga):
        put("1.xml", advice(sent[1].reference, REJECTED))
        custodians_read()
        row = selectors.instruction_rows(olga).first()

        assert (row.pk, row.status, row.reason) == (sent[1].pk, "REJECTED", "SAFE: Account closed.")

    def test_an_acknowledgement_moves_nothing_but_is_on_the_record(self, sent, put, custodians_read):
        put("1.xml", advice(sent[0].reference, ACCEPTED))
        custodians_read()
        row = Instruction.objects.get(pk=sent[0].pk)

        assert (row.status, row.processing_status, row.version) == ("SENT", "PACK", 3)
        assert Entry.objects.filter(event="instruction.reported").count() == 1

    def test_a_status_that_comes_after_settlement_moves_nothing(self, sent, put, custodians_read):
        put("1.xml", settled(sent[0]))
        put("2.xml", advice(sent[0].reference, MATCHED))
        custodians_read()

        assert standings()[0] == ("SETTLED", 4)
        assert Instruction.objects.get(pk=sent[0].pk).matching_status == "MACH"

    def test_what_settled_differently_fails_and_surfaces(self, sent, put, custodians_read, olga):
        put("1.xml", settled(sent[0], qty="4000"), settled(sent[1], amount="1.00"))
        custodians_read()
        rows = Instruction.objects.order_by("pk")[:2]

        assert [r.status for r in rows] == ["FAILING"] * 2
        assert rows[0].reason == "settled differently: 4000 of 5000.0000"
        assert rows[1].reason == "settled differently: USD 1.00 instead of USD 149994.0000"
        assert len(selectors.files_with_problems(olga)[0].problems) == 2

    def cancel(self, by, row: Instruction) -> None:
        settlement.cancel_settlement(by("worker"), [Fact(row.allocation_id, 2, AllocationReversed(1, "bust"))])

    def test_a_settlement_after_our_cancellation_waits_for_a_person(self, sent, put, custodians_read, by, olga):
        self.cancel(by, sent[0])
        put("1.xml", settled(sent[0]))
        put("2.xml", settled(sent[0]))
        custodians_read()

        assert standings()[0] == ("CANCELLED", 4)
        assert selectors.files_with_problems(olga).count() == 0
        assert (selectors.strip(olga).stuck, selectors.instruction_rows(olga).first().pk) == (1, sent[0].pk)
        assert Instruction.objects.get(pk=sent[0].pk).reason.startswith(
            "settled on 2026-12-01, before its cancellation"
        )
        settlement.note_instructions(by(olga), [sent[0].pk], "Return agreed.", seen={sent[0].pk: 4})
        assert selectors.strip(olga).stuck == 0

    def test_a_settlement_after_the_custodian_cancelled_is_a_problem_of_the_file(
        self, sent, put, custodians_read, by, olga
    ):
        self.cancel(by, sent[0])
        put("1.xml", advice(sent[0].reference, CANCELLED))
        put("2.xml", settled(sent[0]))
        custodians_read()

        assert standings()[0] == ("CANCELLED", 4)
        assert selectors.files_with_problems(olga)[0].problems[0]["problem"].endswith("the instruction is cancelled")

    def test_the_answers_to_our_cancellation_are_on_the_record(self, sent, put, custodians_read, by, olga):
        put("1.xml", settled(sent[1]))
        custodians_read()
        for row in sent[:2]:
            self.cancel(by, row)
        put(
            "2.xml", cancel_answer(sent[0].reference, CANCELLED), advice(sent[0].reference, CANCELLED),
            cancel_answer(sent[1].reference, DENIED),
        )  # fmt: skip
        custodians_read()
        said = Instruction.objects.order_by("pk").values_list("status", "processing_status", "reason", "version")[:2]

        assert list(said) == [
            ("CANCELLED", "CAND", "CANI: cancelled by us", 4), ("CANCELLED", "DEND", "DSET: has settled already", 5),
        ]  # fmt: skip
        assert (selectors.files_with_problems(olga).count(), selectors.strip(olga).stuck) == (0, 1)

    def test_an_answer_that_overtakes_our_own_marking_waits(
        self, three, put, custodians_write, custodians_read, monkeypatch, home
    ):
        with monkeypatch.context() as killed:
            killed.setattr(feeds, "mark_written", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                custodians_write()
        put("1.xml", advice(Instruction.objects.first().reference, MATCHED))

        assert custodians_read() == 0
        assert [p.name for p in (home / "STATESIDE" / "out").iterdir()] == ["1.xml"]
        custodians_write()
        assert custodians_read() == 1
        assert sorted(s for s, _ in standings()) == ["MATCHED", "SENT", "SENT"]

    def test_an_answer_to_what_was_never_sent_surfaces(self, three, put, custodians_read, olga):
        put("1.xml", settled(Instruction.objects.first()))
        custodians_read()

        assert standings() == [("READY", 1)] * 3
        assert selectors.files_with_problems(olga)[0].problems[0]["problem"].endswith("that was never sent")

    def test_all_there_is_to_say_of_one_instruction_in_one_file(self, sent, put, custodians_read):
        one = sent[0]
        put(
            "1.xml", advice(one.reference, UNMATCHED), advice(one.reference, MATCHED), advice(one.reference, FAILING),
            advice(one.reference, MATCHED), settled(one),
        )  # fmt: skip
        custodians_read()
        events = Entry.objects.filter(subject="instruction", subject_id=one.pk).order_by("nth")

        assert [e.event.split(".")[1] for e in events] == [
            "ready", "written", "unmatched", "matched", "failing", "matched", "settled",
        ]  # fmt: skip


def test_the_simulated_custodian_matches_and_settles_all_of_it(
    three, custodians_write, custodians_read, home, tmp_path
):
    clock = [0.0]
    street = custodian.Custodian(
        "STATESIDE", home / "STATESIDE", tmp_path / "record.jsonl", seed=1, now=lambda: clock[0], unmatched_share=0
    )
    try:
        custodians_write()
        for _ in range(4):
            street.run_pass()
            custodians_read()
            clock[0] += 3 * custodian.SETTLE_SECONDS
    finally:
        street.close()

    assert {s for s, _ in standings()} == {"SETTLED"}
    assert FeedFile.objects.exclude(problems=[]).count() == 0
