"""
Settlement instructions as ISO 20022 messages: sese.023.001.11 to instruct, sese.020.001.07 to ask for a cancellation.

The text is put together from templates, since a day's 85,000 instructions are written so in a second or two; each value
is checked here against what the schema allows of it, and the tests validate every shape against the schema itself.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple
from xml.sax.saxutils import escape

INSTRUCT = "urn:iso:std:iso:20022:tech:xsd:sese.023.001.11"
CANCEL = "urn:iso:std:iso:20022:tech:xsd:sese.020.001.07"

OFF_BOOK = "XOFF"
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
REFERENCE = re.compile(r"[0-9A-Z]{1,16}", re.ASCII)
BIC = re.compile(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?", re.ASCII)
ISIN = re.compile(r"[A-Z]{2}[A-Z0-9]{9}[0-9]", re.ASCII)
OPTION = re.compile(r"[A-Z0-9.]{1,6}\d{6}[CP]\d{8}", re.ASCII)  # The OCC's symbol without its blanks.
NAMED = re.compile(f"{ISIN.pattern}|{OPTION.pattern}", re.ASCII)
CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
MIC = re.compile(r"[A-Z0-9]{4}", re.ASCII)
# FIN character set X, which custodians pass on unchanged.
ACCOUNT = re.compile(r"[A-Za-z0-9/\-?:().,'+ ]{1,35}", re.ASCII)


# MiscFeeType (FIX tag 139) to the amount of sese.023 that carries it; any other is Othr.
FEE_AMOUNTS = {"1": "RgltryAmt", "2": "TxTax", "4": "ChrgsFees", "5": "StmpDty", "6": "PmtLevyTax"}


class Settling(NamedTuple):
    """
    All that an instruction says. Quantities are units, or face value for bonds; money is in ``currency``. An option
    that has no ISIN stands in ``isin`` under the OCC's symbol.
    """

    reference: str
    is_receipt: bool
    is_bond: bool
    isin: str
    mic: str
    trade_ref: str
    trade_date: date
    settle_date: date
    price: Decimal
    qty: Decimal
    currency: str
    net: Decimal
    gross: Decimal
    accrued: Decimal
    commission: Decimal
    fees: Sequence[tuple[str, str, str]]  # Code, MiscFeeType (FIX tag 139), amount.
    account: str
    depository_bic: str
    agent_bic: str
    agent_account: str
    broker_bic: str
    replaces: str = ""  # The reference of the cancelled instruction whose place it takes.


def reference_of(instruction_id: int) -> str:
    """Our TxId: the instruction's id in base 36, at most 16 characters of the FIN set; never used again."""
    digits, rest = "", instruction_id
    while rest:
        rest, digit = divmod(rest, 36)
        digits = DIGITS[digit] + digits
    return f"OI{digits.rjust(12, '0')}"


def problems_of(s: Settling) -> list[str]:
    """What keeps this from being a valid instruction, in words; empty where it is one."""
    found = []
    for what, value, shape in (
        ("reference", s.reference, REFERENCE),
        ("ISIN", s.isin, NAMED),
        ("market", s.mic, MIC),
        ("currency", s.currency, CURRENCY),
        ("custody account", s.account, ACCOUNT),
        ("depository BIC", s.depository_bic, BIC),
        ("agent BIC", s.agent_bic, BIC),
        ("agent account", s.agent_account, ACCOUNT),
        ("broker BIC", s.broker_bic, BIC),
    ):
        if not shape.fullmatch(value):
            found.append(f"{what} “{value}” is not valid" if value else f"{what} is missing")
    for what, amount in (("quantity", s.qty), ("settlement amount", s.net), ("price", s.price)):
        if amount <= 0:
            found.append(f"{what} {amount:f} is not positive")
    if s.settle_date < s.trade_date:
        found.append(f"it would settle on {s.settle_date}, before its trade date {s.trade_date}")
    return found


def number(value: Decimal) -> str:
    """A decimal without exponent or trailing zeros."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def instruct(s: Settling) -> str:
    """The sese.023 Document: receive or deliver against payment."""
    ccy = s.currency
    qty = number(s.qty)
    if s.is_bond:
        quantity = f"<FaceAmt>{qty}</FaceAmt>"
        price = f"<Tp><ValTp>PARV</ValTp></Tp><Val><Rate>{number(s.price)}</Rate></Val>"
    else:
        quantity = f"<Unit>{qty}</Unit>"
        price = f'<Tp><Yldd>false</Yldd></Tp><Val><Amt Ccy="{ccy}">{number(s.price)}</Amt></Val>'
    links = f"<Lnkgs><Ref><SctiesSttlmTxId>{s.replaces}</SctiesSttlmTxId></Ref></Lnkgs>" if s.replaces else ""
    side, parties, flow = ("RECE", "DlvrgSttlmPties", "DBIT") if s.is_receipt else ("DELI", "RcvgSttlmPties", "CRDT")
    others = "".join(
        f'<{name}><Amt Ccy="{ccy}">{number(amount)}</Amt></{name}>' for name, amount in _other_amounts(s) if amount > 0
    )
    return (
        f'<Document xmlns="{INSTRUCT}"><SctiesSttlmTxInstr><TxId>{s.reference}</TxId>'
        f"<SttlmTpAndAddtlParams><SctiesMvmntTp>{side}</SctiesMvmntTp><Pmt>APMT</Pmt></SttlmTpAndAddtlParams>"
        f"{links}<TradDtls><TradId>{escape(s.trade_ref)}</TradId>"
        f"<PlcOfTrad><MktTpAndId><Id><MktIdrCd>{s.mic}</MktIdrCd></Id>"
        f"<Tp><Cd>{'OTCO' if s.is_bond or s.mic == OFF_BOOK else 'EXCH'}</Cd></Tp></MktTpAndId></PlcOfTrad>"
        f"<TradDt><Dt><Dt>{s.trade_date}</Dt></Dt></TradDt><SttlmDt><Dt><Dt>{s.settle_date}</Dt></Dt></SttlmDt>"
        f"<DealPric>{price}</DealPric></TradDtls>"
        f"<FinInstrmId>{_named(s.isin)}</FinInstrmId>"
        f"<QtyAndAcctDtls><SttlmQty><Qty>{quantity}</Qty></SttlmQty>"
        f"<SfkpgAcct><Id>{escape(s.account)}</Id></SfkpgAcct></QtyAndAcctDtls>"
        f"<SttlmParams><SctiesTxTp><Cd>TRAD</Cd></SctiesTxTp></SttlmParams>"
        f"<{parties}><Dpstry><Id><AnyBIC>{s.depository_bic}</AnyBIC></Id></Dpstry>"
        f"<Pty1><Id><AnyBIC>{s.agent_bic}</AnyBIC></Id><SfkpgAcct><Id>{escape(s.agent_account)}</Id></SfkpgAcct></Pty1>"
        f"<Pty2><Id><AnyBIC>{s.broker_bic}</AnyBIC></Id></Pty2></{parties}>"
        f'<SttlmAmt><Amt Ccy="{ccy}">{number(s.net)}</Amt><CdtDbtInd>{flow}</CdtDbtInd></SttlmAmt>'
        f"<OthrAmts>{others}</OthrAmts></SctiesSttlmTxInstr></Document>"
    )


def _named(identifier: str) -> str:
    if OPTION.fullmatch(identifier):
        return f"<OthrId><Id>{identifier}</Id><Tp><Prtry>OCC</Prtry></Tp></OthrId>"
    return f"<ISIN>{identifier}</ISIN>"


def _other_amounts(s: Settling) -> list[tuple[str, Decimal]]:
    """What the settlement amount is made of, by the schema's names and in its order."""
    fees: dict[str, Decimal] = {}
    for _, kind, amount in s.fees:
        name = FEE_AMOUNTS.get(kind, "Othr")
        fees[name] = fees.get(name, Decimal(0)) + Decimal(amount)
    first, later = ("ChrgsFees",), ("PmtLevyTax", "Othr", "RgltryAmt", "StmpDty", "TxTax")
    return [
        ("AcrdIntrstAmt", s.accrued),
        *((name, fees[name]) for name in first if name in fees),
        ("TradAmt", s.gross),
        ("ExctgBrkrAmt", s.commission),
        *((name, fees[name]) for name in later if name in fees),
    ]


def ask_to_cancel(s: Settling) -> str:
    """The sese.020 Document that asks for the cancellation of an instruction already sent, by its reference."""
    side = "RECE" if s.is_receipt else "DELI"
    return (
        f'<Document xmlns="{CANCEL}"><SctiesTxCxlReq><AcctOwnrTxId><SctiesSttlmTxId><TxId>{s.reference}</TxId>'
        f"<SctiesMvmntTp>{side}</SctiesMvmntTp><Pmt>APMT</Pmt></SctiesSttlmTxId></AcctOwnrTxId>"
        f"<SfkpgAcct><Id>{escape(s.account)}</Id></SfkpgAcct></SctiesTxCxlReq></Document>"
    )


def batch(documents: Iterable[str]) -> bytes:
    """Documents as one file for a custodian."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<Batch>", *documents, "</Batch>", ""]
    return "\n".join(lines).encode()
