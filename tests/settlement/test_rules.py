"""Messages are what their schemas allow, and what comes from outside is read without trust."""

import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
import quickfix
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from apps.routing.rules import frame
from apps.settlement import rules

D = Decimal
SCHEMAS = Path(__file__).resolve().parents[3] / "shared" / "data" / "iso20022" / "xsd"
NS = "urn:iso:std:iso:20022:tech:xsd:"


def schema(name: str) -> etree.XMLSchema:
    path = SCHEMAS / f"{name}.xsd"
    if not path.exists():
        pytest.skip(f"the ISO 20022 schema {name} is not at hand: put it at {path}")
    return etree.XMLSchema(etree.parse(path))


def settling(**changes) -> rules.Settling:
    base = rules.Settling(
        reference=rules.reference_of(17), is_receipt=True, is_bond=False, isin="US0378331005", mic="XNAS",
        trade_ref="A-000012", trade_date=date(2026, 3, 2), settle_date=date(2026, 3, 3), price=D("267.440000"),
        qty=D("1250.0000"), currency="USD", net=D("334306.25"), gross=D("334300.00"), accrued=D("0.0000"),
        commission=D("6.25"), fees=(), account="SST-P1", depository_bic="DTCYUS33", agent_bic="NRTGUS30",
        agent_account="NORTHGATE/US/1", broker_bic="NRTGUS30",
    )  # fmt: skip
    return base._replace(**changes)


BOND = {
    "is_bond": True, "isin": "US30303M8H84", "mic": "XOFF", "price": D("93.123456"), "qty": D(250_000),
    "accrued": D("1234.50"), "gross": D("232808.64"), "net": D("234043.14"), "commission": D(0),
}  # fmt: skip
EUROPE = {
    "isin": "DE0007164600", "mic": "XETR", "currency": "EUR", "account": "ERPC 0098/7", "depository_bic": "DAKVDEFF",
    "agent_account": "HARBOR/DE/1",
}  # fmt: skip


class TestInstructions:
    @pytest.mark.parametrize("is_receipt", [True, False], ids=["RECE", "DELI"])
    @pytest.mark.parametrize("kind", [{}, BOND], ids=["equity", "bond"])
    @pytest.mark.parametrize("place", [{}, EUROPE], ids=["STATESIDE", "EUROPA"])
    def test_every_shape_validates_against_the_schema(self, is_receipt, kind, place):
        document = etree.fromstring(rules.instruct(settling(**{**kind, **place, "is_receipt": is_receipt})))

        schema("sese.023.001.11").assertValid(document)

    def test_fractions_of_units_and_currencies_without_cents_validate(self):
        says = settling(
            qty=D("0.0001"), currency="JPY", net=D(1), gross=D(1), commission=D(0), price=D("3001.12345678")
        )

        schema("sese.023.001.11").assertValid(etree.fromstring(rules.instruct(says)))

    def test_fees_stand_where_the_schema_has_a_place_for_their_kind(self):
        kinds = ("1", "2", "4", "5", "6", "7", "5")
        says = settling(fees=[(f"F{n}", kind, f"{n}.50") for n, kind in enumerate(kinds, 1)], accrued=D(1))
        document = etree.fromstring(rules.instruct(says))

        schema("sese.023.001.11").assertValid(document)
        amounts = document.find(".//{*}OthrAmts")
        assert {e.tag.split("}")[1]: e[0].text for e in amounts} == {
            "AcrdIntrstAmt": "1", "ChrgsFees": "3.5", "TradAmt": "334300", "ExctgBrkrAmt": "6.25", "PmtLevyTax": "5.5",
            "Othr": "6.5", "RgltryAmt": "1.5", "StmpDty": "12", "TxTax": "2.5",
        }  # fmt: skip

    @pytest.mark.parametrize("is_receipt", [True, False])
    def test_a_cancellation_validates_against_its_schema(self, is_receipt):
        document = etree.fromstring(rules.ask_to_cancel(settling(is_receipt=is_receipt)))

        schema("sese.020.001.07").assertValid(document)

    def test_says_who_delivers_what_for_how_much(self):
        document = etree.fromstring(rules.instruct(settling(**BOND)))
        said = {e.tag.split("}")[1]: e.text for e in document.iter() if e.text}

        assert said["SctiesMvmntTp"] == "RECE"
        assert said["FaceAmt"] == "250000"
        assert said["Rate"] == "93.123456"
        assert said["CdtDbtInd"] == "DBIT"
        assert document.findtext(f".//{{{NS}sese.023.001.11}}SttlmAmt/{{{NS}sese.023.001.11}}Amt") == "234043.14"
        assert document.find(f".//{{{NS}sese.023.001.11}}DlvrgSttlmPties") is not None
        assert document.find(f".//{{{NS}sese.023.001.11}}RcvgSttlmPties") is None

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"isin": ""}, "ISIN is missing"),
            ({"isin": "US03783310"}, "ISIN “US03783310” is not valid"),
            ({"reference": "OI-17"}, "reference “OI-17” is not valid"),
            ({"account": "A<B"}, "custody account “A<B” is not valid"),
            ({"agent_bic": "nrtgus30"}, "agent BIC “nrtgus30” is not valid"),
            ({"broker_bic": ""}, "broker BIC is missing"),
            ({"depository_bic": "DTC"}, "depository BIC “DTC” is not valid"),
            ({"mic": "NASDAQ"}, "market “NASDAQ” is not valid"),
            ({"currency": "usd"}, "currency “usd” is not valid"),
            ({"net": D(0)}, "settlement amount 0 is not positive"),
            ({"qty": D(-1)}, "quantity -1 is not positive"),
            ({"settle_date": date(2026, 3, 1)}, "it would settle on 2026-03-01, before its trade date 2026-03-02"),
        ],
    )
    def test_says_what_keeps_an_instruction_from_being_valid(self, change, words):
        assert rules.problems_of(settling(**change)) == [words]

    def test_a_whole_instruction_has_no_problem(self):
        assert rules.problems_of(settling()) == rules.problems_of(settling(**BOND)) == []

    @given(st.sets(st.integers(1, 2**63 - 1), max_size=50))
    def test_references_are_short_and_never_the_same(self, ids):
        references = {rules.reference_of(pk) for pk in ids}

        assert len(references) == len(ids)
        assert all(len(r) <= 16 and r.isalnum() and r.isupper() for r in references)

    @given(st.decimals(0, 10**12, allow_nan=False, places=8))
    def test_numbers_are_written_plainly_and_exactly(self, value):
        text = rules.number(value)

        assert D(text) == value
        assert "E" not in text.upper()

    def test_a_batch_holds_its_documents_in_order(self):
        content = rules.batch([rules.instruct(settling(reference=rules.reference_of(n))) for n in (5, 3)])
        root = etree.fromstring(content)

        assert root.tag == "Batch"
        assert [e.text for e in root.iter(f"{{{NS}sese.023.001.11}}TxId")] == ["OI000000000005", "OI000000000003"]


class TestConfirmations:
    def confirming(self, **changes) -> rules.Confirming:
        return rules.Confirming(
            ref="C-000007", trade_ref="A-000012", at=datetime(2026, 3, 2, 20, 1, 2, 345678, UTC),
            trade_date=date(2026, 3, 2), settle_date=date(2026, 3, 3), symbol="AAPL", isin="US0378331005", mic="XNAS",
            is_bond=False, side="SELL_SHORT", qty=D("1250.0000"), account="SST-P1", price=D("267.440000"), price_places=6,
            currency="USD", gross=D("334300.00"), accrued=D(0), commission=D("6.25"), fees=(),
            net=D("334293.75"),
        )._replace(**changes)  # fmt: skip

    @pytest.mark.parametrize("side", ["BUY", "SELL", "SELL_SHORT"])
    @pytest.mark.parametrize("is_bond", [True, False])
    def test_are_valid_by_the_fix_dictionary(self, side, is_bond):
        one = self.confirming(side=side, is_bond=is_bond)
        for fields in (rules.confirm(one), rules.cancel(one)[1]):
            self.assert_valid(fields)

    def assert_valid(self, fields):
        path = next(Path(sys.prefix).glob("share/quickfix/FIX44.xml"))
        header = [(49, "OMS-SIM"), (56, "NORTHGATE"), (34, "2"), (52, "20260302-20:01:02.345")]
        raw = frame("FIX.4.4", "AK", [*header, *fields])
        dictionary = quickfix.DataDictionary(str(path))
        message = quickfix.Message()
        message.setString(raw, True, dictionary, dictionary)
        dictionary.validate(message)

    def test_name_each_fee_with_its_kind(self):
        fees = [("LEVY", "6", "1.00"), ("SDRT", "5", "1671.50")]
        one = rules.confirm(self.confirming(side="BUY", fees=fees, net=D("335978.75")))

        assert one[-7:] == [
            (136, "2"), (137, "1.00"), (138, "USD"), (139, "6"), (137, "1671.50"), (138, "USD"), (139, "5"),
        ]  # fmt: skip
        self.assert_valid(one)

    def test_say_what_was_allocated(self):
        fields = dict(rules.confirm(self.confirming()))

        assert fields[664] == "C-000007"
        assert fields[666] == "0"
        assert (fields[54], fields[80], fields[863]) == ("5", "1250", "1250")
        assert (fields[6], fields[381], fields[12], fields[118]) == ("267.44", "334300", "6.25", "334293.75")
        assert (fields[60], fields[75], fields[64]) == ("20260302-20:01:02.345", "20260302", "20260303")

    def test_a_cancellation_names_what_it_cancels_under_a_reference_of_its_own(self):
        ref, fields = rules.cancel(self.confirming())

        assert ref == dict(fields)[664] == "C-000007-X"
        assert (dict(fields)[666], dict(fields)[772]) == ("2", "C-000007")

    def test_leave_the_isin_out_where_there_is_none(self):
        assert {48, 22} & {tag for tag, _ in rules.confirm(self.confirming(isin=""))} == set()

    @pytest.mark.parametrize(
        ("ref", "named"),
        [
            ("C-000007", (7, False)),
            ("C-000007-X", (7, True)),
            ("X-1", None),
            ("", None),
            ("C-٣", None),
            ("C-7\n", None),
        ],
    )
    def test_references_of_ours_are_known_again(self, ref, named):
        assert rules.confirmation_id(ref) == named


def test_the_clock_ends_at_nine_in_new_york_in_summer_and_winter():
    assert rules.affirm_by(date(2026, 7, 1)) == datetime(2026, 7, 2, 1, 0, tzinfo=UTC)
    assert rules.affirm_by(date(2026, 1, 5)) == datetime(2026, 1, 6, 2, 0, tzinfo=UTC)


def advice(inner: str, ref: str = "OI1") -> str:
    ids = f"<TxId><AcctOwnrTxId>{ref}</AcctOwnrTxId></TxId>"
    return f'<Document xmlns="{NS}sese.024.001.12"><SctiesSttlmTxStsAdvc>{ids}{inner}</SctiesSttlmTxStsAdvc></Document>'


def batch(*documents: str) -> bytes:
    return f"<Batch>{''.join(documents)}</Batch>".encode()


REASON = "<Rsn><Cd><Cd>{}</Cd></Cd></Rsn>"


class TestReading:
    @pytest.mark.parametrize(
        ("inner", "said"),
        [
            ("<PrcgSts><AckdAccptd><NoSpcfdRsn>NORE</NoSpcfdRsn></AckdAccptd></PrcgSts>", ("PACK", "", "", "", "")),
            (f"<PrcgSts><Rjctd>{REASON.format('SAFE')}</Rjctd></PrcgSts>",
             ("REJT", "", "", "", "SAFE: safekeeping account differs")),
            ("<IfrrdMtchgSts><Mtchd/></IfrrdMtchgSts>", ("", "MACH", "", "", "")),
            ("<MtchgSts><Mtchd/></MtchgSts>", ("", "", "MACH", "", "")),
            (f"<MtchgSts><Umtchd>{REASON.format('CMIS')}</Umtchd></MtchgSts>",
             ("", "", "NMAT", "", "CMIS: no matching instruction")),
            (f"<MtchgSts><Mtchd/></MtchgSts><SttlmSts><Flng>{REASON.format('LACK')}</Flng></SttlmSts>",
             ("", "", "MACH", "PENF", "LACK: securities are lacking")),
            ("<SttlmSts><Pdg><NoSpcfdRsn>NORE</NoSpcfdRsn></Pdg></SttlmSts>", ("", "", "", "PEND", "")),
            ("<PrcgSts><Canc><Rsn><Cd><Cd>CANI</Cd></Cd><AddtlRsnInf>By you.</AddtlRsnInf></Rsn></Canc></PrcgSts>",
             ("CAND", "", "", "", "CANI: By you.")),
        ],
    )  # fmt: skip
    def test_takes_the_four_statuses_apart(self, inner, said):
        (one,) = rules.read_batch(batch(advice(inner)))

        assert (one.kind, one.reference, one.problem) == ("024", "OI1", "")
        assert (one.processing, one.inferred, one.matching, one.settlement, one.reason) == said

    def test_reads_what_settled(self):
        space = f"{NS}sese.025.001.11"
        (one,) = rules.read_batch(
            batch(
                f'<Document xmlns="{space}"><SctiesSttlmTxConf><TxIdDtls><AcctOwnrTxId>OI9</AcctOwnrTxId></TxIdDtls>'
                "<TradDtls><FctvSttlmDt><Dt><Dt>2026-03-03</Dt></Dt></FctvSttlmDt></TradDtls>"
                "<QtyAndAcctDtls><SttldQty><Qty><FaceAmt>250000</FaceAmt></Qty></SttldQty></QtyAndAcctDtls>"
                '<SttldAmt><Amt Ccy="USD">234043.14</Amt></SttldAmt></SctiesSttlmTxConf></Document>'
            )
        )

        assert (one.kind, one.reference, one.problem) == ("025", "OI9", "")
        assert (one.settled_date, one.settled_qty, one.settled_amount, one.currency) == (
            date(2026, 3, 3), D(250_000), D("234043.14"), "USD",
        )  # fmt: skip

    @pytest.mark.parametrize(
        ("document", "words"),
        [
            ("<Other/>", "is no ISO 20022 document"),
            (f'<Document xmlns="{NS}sese.023.001.11"><A/></Document>', "is a sese.023, which is not expected"),
            (advice("<MtchgSts><Perhaps/></MtchgSts>"), "MtchgSts says Perhaps, which is not known"),
            (advice("", ref=""), "names no instruction of ours"),
            (f'<Document xmlns="{NS}sese.025.001.11"><SctiesSttlmTxConf><TxIdDtls><AcctOwnrTxId>OI9</AcctOwnrTxId>'
             "</TxIdDtls></SctiesSttlmTxConf></Document>", "FctvSttlmDt is missing"),
            (f'<Document xmlns="{NS}sese.025.001.11"><SctiesSttlmTxConf><TxIdDtls><AcctOwnrTxId>OI9</AcctOwnrTxId>'
             "</TxIdDtls><TradDtls><FctvSttlmDt><Dt><Dt>2026-03-03</Dt></Dt></FctvSttlmDt></TradDtls><QtyAndAcctDtls>"
             "<SttldQty><Qty><Unit>NaN</Unit></Qty></SttldQty></QtyAndAcctDtls></SctiesSttlmTxConf></Document>",
             "the settled quantity is “NaN”, no number"),
        ],
    )  # fmt: skip
    def test_says_which_document_it_cannot_understand_and_reads_the_others(self, document, words):
        bad, good = rules.read_batch(batch(document, advice("<MtchgSts><Mtchd/></MtchgSts>")))

        assert words in bad.problem
        assert (good.place, good.matching, good.problem) == (2, "MACH", "")

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"<Batch>",
            b"\xff\xfe\x00",
            b"<Letter/>",
            b"<!DOCTYPE Batch><Batch/>",
            b'<!DOCTYPE Batch SYSTEM "http://127.0.0.1:9/x.dtd"><Batch/>',
            b'<!DOCTYPE Batch [<!ENTITY x SYSTEM "file:///etc/hostname">]><Batch>&x;</Batch>',
            b'<!DOCTYPE Batch [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><Batch>&b;</Batch>',
            "<!DOCTYPE Batch [<!ENTITY x 'y'>]><Batch>&x;</Batch>".encode("utf-16"),
        ],
    )
    def test_refuses_a_file_that_is_no_batch(self, content):
        with pytest.raises(rules.Unreadable):
            rules.read_batch(content)

    def test_refuses_a_file_larger_than_a_day_can_be(self):
        with pytest.raises(rules.Unreadable, match="larger than 64 MB"):
            rules.read_batch(b" " * (rules.LARGEST_FILE + 1))

    @given(st.binary(max_size=300) | st.text('<>/BatchDocument &;!"=[]-?x1', max_size=200).map(str.encode))
    @settings(max_examples=300)
    def test_whatever_comes_is_read_or_refused(self, content):
        for wrapped in (content, b"<Batch>" + content + b"</Batch>"):
            try:
                heard = rules.read_batch(wrapped)
            except rules.Unreadable:
                continue
            assert all(one.problem for one in heard)
