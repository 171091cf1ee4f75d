"""
ISO 20022 settlement messages of a custodian: reads instructions (sese.023.001.11) and requests to cancel them
(sese.020.001.07); writes their status (sese.024.001.12), settlement (sese.025.001.11) and the answer to a request
(sese.027.001.07).

A file is a batch: a root element Batch without a namespace, and in it Documents.
"""

from collections.abc import Iterator
from dataclasses import astuple, dataclass
from datetime import date, datetime
from pathlib import Path
from xml.sax.saxutils import escape

from lxml import etree

SESE_020 = "urn:iso:std:iso:20022:tech:xsd:sese.020.001.07"
SESE_023 = "urn:iso:std:iso:20022:tech:xsd:sese.023.001.11"
SESE_024 = "urn:iso:std:iso:20022:tech:xsd:sese.024.001.12"
SESE_025 = "urn:iso:std:iso:20022:tech:xsd:sese.025.001.11"
SESE_027 = "urn:iso:std:iso:20022:tech:xsd:sese.027.001.07"
NS = {"i": SESE_023, "c": SESE_020}
READ = tuple(f"{{{namespace}}}Document" for namespace in (SESE_023, SESE_020))


@dataclass(frozen=True)
class Instruction:
    """
    What a custodian keeps of a sese.023; quantities and amounts as the text they came in. ``isin`` holds the OCC's symbol
    of an option without one.
    """

    tx_id: str
    movement: str
    payment: str
    isin: str
    quantity_kind: str
    quantity: str
    safekeeping: str
    trade_date: str
    settlement_date: str
    currency: str
    amount: str
    credit_debit: str


@dataclass(frozen=True)
class CancelRequest:
    """What a sese.020 asks: to cancel the instruction that came under this id."""

    tx_id: str
    movement: str
    payment: str


class BadInstruction(Exception):
    """A document that is no complete sese.023 or sese.020. :param tx_id: its id, empty if even that is missing"""

    def __init__(self, tx_id: str, missing: str):
        super().__init__(f"{missing} is missing")
        self.tx_id = tx_id


def read_batch(path: Path) -> Iterator[Instruction | CancelRequest | BadInstruction]:
    """
    Each document of a batch in turn, in flat memory.

    :raises etree.XMLSyntaxError: if the file is not well-formed XML
    """
    source = etree.iterparse(str(path), tag=READ, resolve_entities=False, no_network=True, load_dtd=False)
    for _, document in source:
        try:
            yield _instruction(document) if document.tag == READ[0] else _cancel_request(document)
        except BadInstruction as problem:
            yield problem
        document.clear()
        while document.getprevious() is not None:
            del document.getparent()[0]


def _instruction(document: etree._Element) -> Instruction:
    def text(path: str, *, needed: bool = True) -> str:
        found = document.findtext("i:SctiesSttlmTxInstr/" + path, default="", namespaces=NS).strip()
        if needed and not found:
            known = document.findtext("i:SctiesSttlmTxInstr/i:TxId", default="", namespaces=NS).strip()
            raise BadInstruction(known, path.replace("i:", ""))
        return found

    amount = document.find("i:SctiesSttlmTxInstr/i:SttlmAmt/i:Amt", NS)
    face = text("i:QtyAndAcctDtls/i:SttlmQty/i:Qty/i:FaceAmt", needed=False)
    return Instruction(
        tx_id=text("i:TxId"),
        movement=text("i:SttlmTpAndAddtlParams/i:SctiesMvmntTp"),
        payment=text("i:SttlmTpAndAddtlParams/i:Pmt"),
        isin=text("i:FinInstrmId/i:OthrId/i:Id", needed=False) or text("i:FinInstrmId/i:ISIN"),
        quantity_kind="FaceAmt" if face else "Unit",
        quantity=face or text("i:QtyAndAcctDtls/i:SttlmQty/i:Qty/i:Unit"),
        safekeeping=text("i:QtyAndAcctDtls/i:SfkpgAcct/i:Id"),
        trade_date=text("i:TradDtls/i:TradDt/i:Dt/i:Dt", needed=False),
        settlement_date=text("i:TradDtls/i:SttlmDt/i:Dt/i:Dt"),
        currency=amount.get("Ccy", "") if amount is not None else "",
        amount=amount.text.strip() if amount is not None else "",
        credit_debit=text("i:SttlmAmt/i:CdtDbtInd", needed=False),
    )


def _cancel_request(document: etree._Element) -> CancelRequest:
    named = "c:SctiesTxCxlReq/c:AcctOwnrTxId/c:SctiesSttlmTxId/c:"
    said = [
        document.findtext(named + name, default="", namespaces=NS).strip() for name in ("TxId", "SctiesMvmntTp", "Pmt")
    ]
    if not all(said):
        raise BadInstruction(said[0], "the instruction to cancel")
    return CancelRequest(*said)


def status_advice(held: Instruction, own_ref: str, status: str, matched_at: datetime | None = None) -> str:
    """:param status: a block made by `matched`, `unmatched`, `failing` or `cancelled`"""
    held = _escaped(held)
    stamp = f"<MtchdStsTmStmp>{_time(matched_at)}</MtchdStsTmStmp>" if matched_at else ""
    return (
        f'<Document xmlns="{SESE_024}"><SctiesSttlmTxStsAdvc>'
        f"<TxId><AcctOwnrTxId>{held.tx_id}</AcctOwnrTxId><AcctSvcrTxId>{own_ref}</AcctSvcrTxId></TxId>"
        f"{status}"
        f"<TxDtls>{_account(held)}{_instrument(held)}<SttlmQty>{_quantity(held)}</SttlmQty>{_amount(held, 'SttlmAmt')}"
        f"<SttlmDt><Dt><Dt>{held.settlement_date}</Dt></Dt></SttlmDt>{_trade_date(held)}{stamp}"
        f"<SctiesMvmntTp>{held.movement}</SctiesMvmntTp><Pmt>{held.payment}</Pmt>"
        "<SttlmParams><SctiesTxTp><Cd>TRAD</Cd></SctiesTxTp></SttlmParams></TxDtls>"
        "</SctiesSttlmTxStsAdvc></Document>\n"
    )


def rejection(tx_id: str, own_ref: str, why: str) -> str:
    """The sese.024 that refuses to process an instruction."""
    return (
        f'<Document xmlns="{SESE_024}"><SctiesSttlmTxStsAdvc>'
        f"<TxId><AcctOwnrTxId>{escape(tx_id)}</AcctOwnrTxId><AcctSvcrTxId>{own_ref}</AcctSvcrTxId></TxId>"
        f"{refused('OTHR', why)}"
        "</SctiesSttlmTxStsAdvc></Document>\n"
    )


def matched() -> str:
    return "<MtchgSts><Mtchd/></MtchgSts>"


def unmatched(code: str, text: str) -> str:
    return f"<MtchgSts><Umtchd>{_reason(code, text)}</Umtchd></MtchgSts>"


def failing(code: str, text: str) -> str:
    return f"<MtchgSts><Mtchd/></MtchgSts><SttlmSts><Flng>{_reason(code, text)}</Flng></SttlmSts>"


def cancelled(code: str, text: str) -> str:
    return f"<PrcgSts><Canc>{_reason(code, text)}</Canc></PrcgSts>"


def denied(code: str, text: str) -> str:
    return f"<PrcgSts><Dnd>{_reason(code, text)}</Dnd></PrcgSts>"


def refused(code: str, text: str) -> str:
    return f"<PrcgSts><Rjctd>{_reason(code, text)}</Rjctd></PrcgSts>"


def cancel_answer(asked: CancelRequest, own_ref: str, status: str) -> str:
    """The sese.027 that answers a request to cancel. :param status: by `cancelled`, `denied` or `refused`"""
    tx_id = escape(asked.tx_id)
    return (
        f'<Document xmlns="{SESE_027}"><SctiesTxCxlReqStsAdvc><CxlReqRef>{tx_id}</CxlReqRef>'
        f"<TxId><AcctSvcrTxId>{own_ref}</AcctSvcrTxId><AcctOwnrTxId><SctiesSttlmTxId><TxId>{tx_id}</TxId>"
        f"<SctiesMvmntTp>{escape(asked.movement)}</SctiesMvmntTp><Pmt>{escape(asked.payment)}</Pmt>"
        f"</SctiesSttlmTxId></AcctOwnrTxId></TxId>{status}</SctiesTxCxlReqStsAdvc></Document>\n"
    )


def confirmation(held: Instruction, own_ref: str, effective: date) -> str:
    """The sese.025 that says an instruction has settled, whole, on the effective date."""
    held = _escaped(held)
    return (
        f'<Document xmlns="{SESE_025}"><SctiesSttlmTxConf>'
        f"<TxIdDtls><AcctOwnrTxId>{held.tx_id}</AcctOwnrTxId><AcctSvcrTxId>{own_ref}</AcctSvcrTxId>"
        f"<SctiesMvmntTp>{held.movement}</SctiesMvmntTp><Pmt>{held.payment}</Pmt></TxIdDtls>"
        f"<TradDtls>{_trade_date(held)}<SttlmDt><Dt><Dt>{held.settlement_date}</Dt></Dt></SttlmDt>"
        f"<FctvSttlmDt><Dt><Dt>{effective.isoformat()}</Dt></Dt></FctvSttlmDt></TradDtls>"
        f"{_instrument(held)}<QtyAndAcctDtls><SttldQty>{_quantity(held)}</SttldQty>{_account(held)}</QtyAndAcctDtls>"
        "<SttlmParams><SctiesTxTp><Cd>TRAD</Cd></SctiesTxTp></SttlmParams>"
        f"{_amount(held, 'SttldAmt')}"
        "</SctiesSttlmTxConf></Document>\n"
    )


def _escaped(held: Instruction) -> Instruction:
    return Instruction(*(escape(value, {'"': "&quot;"}) for value in astuple(held)))


def _reason(code: str, text: str) -> str:
    return f"<Rsn><Cd><Cd>{code}</Cd></Cd><AddtlRsnInf>{escape(text)}</AddtlRsnInf></Rsn>"


def _instrument(held: Instruction) -> str:
    if len(held.isin) == 12:
        return f"<FinInstrmId><ISIN>{held.isin}</ISIN></FinInstrmId>"
    return f"<FinInstrmId><OthrId><Id>{held.isin}</Id><Tp><Prtry>OCC</Prtry></Tp></OthrId></FinInstrmId>"


def _account(held: Instruction) -> str:
    return f"<SfkpgAcct><Id>{held.safekeeping}</Id></SfkpgAcct>"


def _quantity(held: Instruction) -> str:
    return f"<Qty><{held.quantity_kind}>{held.quantity}</{held.quantity_kind}></Qty>"


def _amount(held: Instruction, name: str) -> str:
    if not held.amount:
        return ""
    return f'<{name}><Amt Ccy="{held.currency}">{held.amount}</Amt><CdtDbtInd>{held.credit_debit}</CdtDbtInd></{name}>'


def _trade_date(held: Instruction) -> str:
    return f"<TradDt><Dt><Dt>{held.trade_date}</Dt></Dt></TradDt>" if held.trade_date else ""


def _time(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
