"""
What custodians answer: sese.024 status advices, sese.025 confirmations and sese.027 answers to cancellations, read from
a file that nobody vouches for. No DTD, no entity, no network, nothing larger than a day's file can be.
"""

from datetime import date
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import NamedTuple

from lxml import etree

FAMILY = "urn:iso:std:iso:20022:tech:xsd:"
LARGEST_FILE = 64 * 1024 * 1024

PROCESSING = {
    "AckdAccptd": "PACK", "PdgPrcg": "PPRC", "Rjctd": "REJT", "Rpr": "REPR", "Canc": "CAND", "PdgCxl": "CANP",
    "CxlReqd": "CPRC", "ModReqd": "MPRC", "Dnd": "DEND",
}  # fmt: skip
MATCHING = {"Mtchd": "MACH", "Umtchd": "NMAT"}
SETTLEMENT = {"Pdg": "PEND", "Flng": "PENF"}
REASONS = {
    "CMIS": "no matching instruction", "DDAT": "settlement date differs", "DTRA": "trade date differs",
    "DDEA": "price differs", "DELN": "direction differs", "DEPT": "place of settlement differs",
    "DMON": "settlement amount differs", "DQUA": "quantity differs", "DSEC": "security differs",
    "ACRU": "accrued interest differs", "DCMX": "cum or ex differs", "SAFE": "safekeeping account differs",
    "ICAG": "agent differs", "IEXE": "executing broker differs", "CLAT": "counterparty late", "LATE": "instructed late",
    "ADEA": "market deadline missed", "CPCA": "cancelled by the counterparty", "LACK": "securities are lacking",
    "CLAC": "counterparty lacks securities", "MONY": "cash is lacking", "CMON": "counterparty lacks cash",
    "CANI": "cancelled by us", "DSET": "has settled already", "DCAN": "was cancelled before", "REFE": "unknown reference",
}  # fmt: skip
SETTLED_DIFFERENTLY = "settled differently"  # How the reason begins where quantity or money was not as instructed.


class Unreadable(ValueError):
    """The file is no batch of ours to read; nothing of it is booked."""


class Heard(NamedTuple):
    """One document of a custodian about one instruction; a status that it does not speak of is empty."""

    place: int
    reference: str
    kind: str  # "024", "025", "027"; "?" where it is none of these
    processing: str = ""
    inferred: str = ""
    matching: str = ""
    settlement: str = ""
    reason: str = ""
    settled_date: date | None = None
    settled_qty: Decimal | None = None
    settled_amount: Decimal | None = None
    currency: str = ""
    problem: str = ""


def read_batch(content: bytes) -> list[Heard]:
    """
    What each document of a file says, in their order. One that cannot be understood says so in ``problem``.

    :raises Unreadable: if the file as a whole is not a batch of documents, or holds a document type declaration
    """
    if len(content) > LARGEST_FILE:
        raise Unreadable(f"The file is larger than {LARGEST_FILE // 1024**2} MB.")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise Unreadable(f"The file is not well-formed XML: {error.msg}") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise Unreadable("The file declares a document type; none is accepted.")
    if root.tag != "Batch":
        raise Unreadable(f"The file's root is “{root.tag[:60]}”, not “Batch”.")
    return [_read(place, document) for place, document in enumerate(root, start=1)]


def _read(place: int, document) -> Heard:
    namespace, _, name = document.tag.rpartition("}")
    namespace = namespace.removeprefix("{")
    if name != "Document" or not namespace.startswith(FAMILY) or not len(document):
        return Heard(place, "", "?", problem=f"is no ISO 20022 document but “{document.tag[:80]}”")
    said = _Said(document[0], f"{{{namespace}}}")
    kind = namespace.removeprefix(FAMILY)[:8]
    readers = {"sese.024": _status, "sese.025": _confirmation, "sese.027": _cancellation}
    if kind not in readers:
        return Heard(place, "", "?", problem=f"is a {kind}, which is not expected from a custodian")
    try:
        return readers[kind](place, said)
    except (ValueError, InvalidOperation) as error:
        return Heard(place, said.text("TxId/AcctOwnrTxId"), kind[-3:], problem=f"cannot be read: {error}")


class _Said:
    """Reads by path below one element, in its namespace."""

    def __init__(self, element, namespace: str):
        self.element, self.namespace = element, namespace

    def find(self, path: str):
        return self.element.find(_qualified(self.namespace, path))

    def text(self, path: str) -> str:
        found = self.find(path)
        return (found.text or "").strip() if found is not None else ""

    def choice(self, path: str, codes: dict[str, str]) -> tuple[str, str]:
        """Which of the alternatives below the path was taken, as its code, and the reason given."""
        found = self.find(path)
        if found is None or not len(found):
            return "", ""
        taken = found[0]
        name = etree.QName(taken).localname
        inside = _Said(taken, self.namespace)
        if name == "Prtry":
            return inside.text("PrtrySts/Id")[:4], inside.text("PrtryRsn/AddtlRsnInf")
        if name not in codes:
            raise ValueError(f"{path} says {name}, which is not known")
        code = inside.text("Rsn/Cd/Cd") or inside.text("Rsn/Cd/Prtry/Id") or inside.text("Rsn/Id")
        words = inside.text("Rsn/AddtlRsnInf") or inside.text("AddtlRsnInf") or REASONS.get(code, "")
        return codes[name], f"{code}: {words}" if code and words else code or words

    def date(self, path: str) -> date:
        text = self.text(f"{path}/Dt/Dt") or self.text(f"{path}/Dt/DtTm")[:10]
        if not text:
            raise ValueError(f"{path} is missing")
        return date.fromisoformat(text)


@lru_cache(maxsize=256)
def _qualified(namespace: str, path: str) -> str:
    return "/".join(namespace + step for step in path.split("/"))


def _reference(said: _Said, *paths: str) -> str:
    for path in paths:
        if found := said.text(path):
            return found
    raise ValueError("it names no instruction of ours")


def _status(place: int, said: _Said) -> Heard:
    reference = _reference(said, "TxId/AcctOwnrTxId")
    processing, why = said.choice("PrcgSts", PROCESSING)
    inferred, why_inferred = said.choice("IfrrdMtchgSts", MATCHING)
    matching, why_matching = said.choice("MtchgSts", MATCHING)
    settlement, why_settlement = said.choice("SttlmSts", SETTLEMENT)
    reason = why_settlement or why_matching or why_inferred or why
    return Heard(place, reference, "024", processing, inferred, matching, settlement, reason[:200])


def _confirmation(place: int, said: _Said) -> Heard:
    reference = _reference(said, "TxIdDtls/AcctOwnrTxId")
    qty = said.text("QtyAndAcctDtls/SttldQty/Qty/Unit") or said.text("QtyAndAcctDtls/SttldQty/Qty/FaceAmt")
    amount = said.find("SttldAmt/Amt")
    return Heard(
        place, reference, "025",
        settled_date=said.date("TradDtls/FctvSttlmDt"),
        settled_qty=_decimal(qty, "the settled quantity"),
        settled_amount=None if amount is None else _decimal(amount.text or "", "the settled amount"),
        currency="" if amount is None else amount.get("Ccy", ""),
    )  # fmt: skip


def _cancellation(place: int, said: _Said) -> Heard:
    reference = _reference(said, "TxId/AcctOwnrTxId/SctiesSttlmTxId/TxId", "CxlReqRef")
    processing, why = said.choice("PrcgSts", PROCESSING)
    return Heard(place, reference, "027", processing, reason=why[:200])


def _decimal(text: str, what: str) -> Decimal:
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        raise ValueError(f"{what} is “{text[:30]}”, no number") from None
    if not value.is_finite():
        raise ValueError(f"{what} is “{text[:30]}”, no number")
    return value
