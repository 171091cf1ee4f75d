from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from lxml import etree

from street.custodian import Custodian

XSD = Path(__file__).resolve().parents[3] / "shared" / "data" / "iso20022" / "xsd"
DOCUMENT = """\
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:sese.023.001.11"><SctiesSttlmTxInstr>
<TxId>{tx_id}</TxId>
<SttlmTpAndAddtlParams><SctiesMvmntTp>{movement}</SctiesMvmntTp><Pmt>APMT</Pmt></SttlmTpAndAddtlParams>
<TradDtls><TradDt><Dt><Dt>2026-11-19</Dt></Dt></TradDt><SttlmDt><Dt><Dt>2026-11-20</Dt></Dt></SttlmDt></TradDtls>
<FinInstrmId><ISIN>US0378331005</ISIN></FinInstrmId>
<QtyAndAcctDtls><SttlmQty><Qty>{quantity}</Qty></SttlmQty><SfkpgAcct><Id>C&amp;A 1</Id></SfkpgAcct></QtyAndAcctDtls>
<SttlmParams><SctiesTxTp><Cd>TRAD</Cd></SctiesTxTp></SttlmParams>
<SttlmAmt><Amt Ccy="USD">26744.00</Amt><CdtDbtInd>{direction}</CdtDbtInd></SttlmAmt>
</SctiesSttlmTxInstr></Document>
"""


def instruction(tx_id, *, buying=True, face=False):
    return DOCUMENT.format(
        tx_id=tx_id,
        movement="RECE" if buying else "DELI",
        direction="DBIT" if buying else "CRDT",
        quantity="<FaceAmt>100000</FaceAmt>" if face else "<Unit>100</Unit>",
    )


def request(tx_id, *, buying=True):
    return (
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:sese.020.001.07"><SctiesTxCxlReq><AcctOwnrTxId><SctiesSttlmTxId>'
        f"<TxId>{tx_id}</TxId><SctiesMvmntTp>{'RECE' if buying else 'DELI'}</SctiesMvmntTp><Pmt>APMT</Pmt>"
        "</SctiesSttlmTxId></AcctOwnrTxId><SfkpgAcct><Id>C&amp;A 1</Id></SfkpgAcct></SctiesTxCxlReq></Document>"
    )


class Desk:
    """A custodian on a clock that the test moves, and what it has answered so far."""

    def __init__(self, folder: Path, **kept):
        self.folder, self.kept, self.now = folder, kept, 0.0
        self.open()

    def open(self):
        self.custodian = Custodian(
            "STATESIDE",
            self.folder / "custodian",
            self.folder / "street" / "custodian.jsonl",
            seed=1,
            now=lambda: self.now,
            utc=lambda: datetime(2026, 11, 19, 15, 30, tzinfo=UTC),
            **self.kept,
        )

    def put(self, *documents, name="batch-1"):
        part = self.folder / "custodian" / "in" / f"{name}.part"
        part.write_text("<Batch>" + "".join(documents) + "</Batch>")
        part.rename(part.with_suffix(".xml"))

    def pass_after(self, seconds):
        self.now += seconds
        return self.custodian.run_pass()

    @property
    def answers(self):
        """(TxId, what it says) in order."""
        found = []
        for path in sorted((self.folder / "custodian" / "out").glob("*.xml"), key=lambda p: p.stem.split("-")[-1]):
            found += [_said(document) for document in etree.parse(path).getroot()]
        return found


def _said(document):
    def first(name):
        found = document.find(f".//{{*}}{name}")
        return None if found is None else found

    tx_id = first("AcctOwnrTxId").findtext(".//{*}TxId") or first("AcctOwnrTxId").text
    if first("FctvSttlmDt") is not None:
        return tx_id, f"settled {first('FctvSttlmDt').find('.//{*}Dt/{*}Dt').text}"
    for name, word in (
        ("Rjctd", "rejected"), ("Flng", "failing"), ("Umtchd", "unmatched"), ("Mtchd", "matched"), ("Canc", "cancelled"),
        ("Dnd", "denied"),
    ):  # fmt: skip
        if first(name) is not None:
            code = first(name).find(".//{*}Cd/{*}Cd")
            return tx_id, word if code is None else f"{word} {code.text}"
    raise AssertionError(etree.tostring(document))


@pytest.fixture
def a_desk(tmp_path):
    def make(**kept):
        return Desk(tmp_path, **({"unmatched_share": 0.0} | kept))

    return make


def test_an_instruction_is_matched_and_then_settled_on_its_date(a_desk):
    desk = a_desk()
    desk.put(instruction("T1"), instruction("T2", buying=False, face=True))

    assert desk.pass_after(0) == 0
    assert (desk.folder / "custodian" / "done" / "batch-1.xml").exists()
    assert desk.pass_after(600) == 2
    assert desk.pass_after(7200) == 2
    assert desk.pass_after(100_000) == 0
    assert desk.answers == [
        ("T1", "matched"),
        ("T2", "matched"),
        *sorted([("T1", "settled 2026-11-20"), ("T2", "settled 2026-11-20")], key=desk.answers[2:].index),
    ]


def test_a_few_are_unmatched_first_and_all_settle_in_the_end(a_desk):
    desk = a_desk(unmatched_share=0.02)
    desk.put(*(instruction(f"T{n}") for n in range(850)))
    for _ in range(20):
        desk.pass_after(1800)
    told = Counter(word.split()[0] for _, word in desk.answers)
    reasons = {word for _, word in desk.answers if word.startswith("unmatched")}

    assert 5 <= told["unmatched"] <= 35
    assert told["matched"] == told["settled"] == 850
    assert reasons == {"unmatched CMIS", "unmatched LATE"}


def test_one_that_fails_on_command_settles_later(a_desk):
    desk = a_desk()
    desk.put(instruction("T1"))
    desk.custodian.fail_next = 1
    desk.pass_after(0)
    for _ in range(10):
        desk.pass_after(3600)

    assert [word for _, word in desk.answers] == ["matched", "failing LACK", "settled 2026-11-23"]


def test_one_that_comes_again_is_answered_again_and_not_taken_twice(a_desk):
    desk = a_desk()
    desk.put(instruction("T1"))
    desk.pass_after(0)
    desk.pass_after(600)
    desk.put(instruction("T1"), name="batch-2")

    assert desk.pass_after(0) == 1
    assert desk.pass_after(7200) == 1
    assert [word for _, word in desk.answers] == ["matched", "matched", "settled 2026-11-20"]


def test_what_has_not_settled_is_cancelled_and_never_settles(a_desk):
    desk = a_desk()
    desk.put(instruction("T1"), instruction("T2", buying=False))
    desk.pass_after(0)
    desk.pass_after(600)
    desk.put(request("T2", buying=False), name="cancel-1")
    desk.pass_after(0)
    for _ in range(5):
        desk.pass_after(3600)

    # The answer to the request (sese.027), and the instruction's status (sese.024).
    assert desk.answers[2:] == [("T2", "cancelled CANI"), ("T2", "cancelled CANI"), ("T1", "settled 2026-11-20")]
    assert (desk.folder / "custodian" / "done" / "cancel-1.xml").exists()


def test_what_has_settled_is_not_cancelled(a_desk):
    desk = a_desk()
    desk.put(instruction("T1"))
    for _ in range(5):
        desk.pass_after(3600)
    desk.put(request("T1"), name="cancel-1")
    desk.pass_after(0)

    assert [word for _, word in desk.answers] == ["matched", "settled 2026-11-20", "denied DSET"]


def test_a_request_that_names_nothing_is_rejected_and_the_others_go_on(a_desk):
    desk = a_desk()
    desk.put(instruction("T1"))
    desk.pass_after(0)
    desk.put(request("T9"), request("").replace("<TxId></TxId>", ""), request("T1"), name="cancel-1")
    desk.pass_after(0)

    assert desk.answers == [("T9", "rejected REFE"), ("T1", "cancelled CANI"), ("T1", "cancelled CANI")]
    errors = (desk.folder / "custodian" / "done" / "cancel-1.xml.errors").read_text()
    assert errors == "an instruction without TxId: the instruction to cancel is missing\n"


def test_a_cancellation_is_remembered_and_answered_again(a_desk):
    desk = a_desk()
    desk.put(instruction("T1"))
    desk.pass_after(0)
    desk.put(request("T1"), name="cancel-1")
    desk.pass_after(0)
    for path in (desk.folder / "custodian" / "out").iterdir():
        path.unlink()  # The account owner has read them.
    desk.open()
    desk.put(request("T1"), instruction("T1"), name="both-again")
    desk.pass_after(0)
    desk.pass_after(100_000)

    assert [word for _, word in desk.answers] == ["cancelled CANI"] * 3


def test_a_file_still_being_written_is_left_alone(a_desk):
    desk = a_desk()
    (desk.folder / "custodian" / "in" / "batch-1.part").write_text("<Batch>")

    assert desk.pass_after(600) == 0
    assert list((desk.folder / "custodian" / "done").iterdir()) == []


def test_an_incomplete_instruction_is_rejected_and_the_others_go_on(a_desk):
    desk = a_desk()
    desk.put(instruction("T1").replace("<ISIN>US0378331005</ISIN>", ""), instruction("T2"))
    desk.pass_after(0)
    desk.pass_after(600)

    assert desk.answers == [("T1", "rejected OTHR"), ("T2", "matched")]
    errors = (desk.folder / "custodian" / "done" / "batch-1.xml.errors").read_text()
    assert "FinInstrmId/ISIN is missing" in errors


def test_a_broken_file_is_put_aside_with_the_reason(a_desk):
    desk = a_desk()
    desk.put(instruction("T1")[:-20])
    desk.pass_after(600)

    assert "not well-formed" in (desk.folder / "custodian" / "done" / "batch-1.xml.errors").read_text()
    assert desk.answers == []


def test_goes_on_after_a_restart_where_it_stood(a_desk):
    desk = a_desk(unmatched_share=1.0)
    desk.put(instruction("T1"))
    desk.pass_after(0)
    desk.pass_after(600)
    desk.open()
    for _ in range(10):
        desk.pass_after(3600)

    assert [word.split()[0] for _, word in desk.answers] == ["unmatched", "matched", "settled"]


@pytest.mark.skipif(not XSD.is_dir(), reason="the ISO 20022 schemas are not beside the checkout")
def test_every_answer_is_valid_by_its_schema(a_desk):
    desk = a_desk(unmatched_share=0.3)
    desk.put(
        *(instruction(f"T{n}", buying=n % 2 == 0, face=n % 3 == 0) for n in range(40)),
        instruction("BAD").replace("RECE", ""),
    )
    for document in etree.parse(desk.folder / "custodian" / "in" / "batch-1.xml").getroot()[:40]:
        _schema("sese.023.001.11").assertValid(_alone(document))
    desk.custodian.fail_next = 3
    desk.pass_after(0)
    desk.put(request("T2"), request("T9", buying=False), request("T99"), name="cancel-1")
    for _ in range(20):
        desk.pass_after(1800)
    desk.put(request("T3", buying=False), name="cancel-2")
    desk.pass_after(0)
    for document in etree.parse(desk.folder / "custodian" / "done" / "cancel-1.xml").getroot():
        _schema("sese.020.001.07").assertValid(_alone(document))
    seen = Counter()
    for path in (desk.folder / "custodian" / "out").glob("*.xml"):
        for document in etree.parse(path).getroot():
            message = etree.QName(document).namespace.rpartition(":")[2]
            _schema(message).assertValid(_alone(document))
            seen[message] += 1

    assert (seen["sese.025.001.11"], seen["sese.027.001.07"]) == (38, 4)
    assert {word.split()[0] for _, word in desk.answers} == {
        "rejected", "unmatched", "matched", "failing", "settled", "cancelled", "denied",
    }  # fmt: skip


def _alone(document):
    return etree.ElementTree(etree.fromstring(etree.tostring(document)))


_schemas: dict[str, etree.XMLSchema] = {}


def _schema(name: str) -> etree.XMLSchema:
    if name not in _schemas:
        _schemas[name] = etree.XMLSchema(file=str(XSD / f"{name}.xsd"))
    return _schemas[name]
